// SPDX-License-Identifier: GPL-2.0
/* Tasks that move between CPUs, in the middle of everything they do. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "asi_test.h"

#define LEN	(64 * 1024UL)
#define MOVED	4

static uint64_t until;

/* System calls and faults; the content is checked on whatever CPU it is. */
static bool work(uint64_t seed)
{
	char *p = xmmap(LEN);
	bool good = true;

	fill(p, LEN, seed);
	for (int i = 0; i < 20; i++)
		good &= getppid() > 0;
	good &= verify(p, LEN, seed);
	munmap(p, LEN);
	return good;
}

static void moves_itself(void)
{
	unsigned long n = 0;
	char *kept = xmmap(LEN);

	until = deadline_ms(2500);
	fill(kept, LEN, 5);
	do {
		cpu_set_t set;
		int cpu;

		CHECK(!cpu_pin((int)n));
		cpu = sched_getcpu();
		CHECK(!sched_getaffinity(0, sizeof(set), &set) &&
		      CPU_ISSET(cpu, &set));
		CHECK(work(n));
		verify(kept, LEN, 5 + n);
		fill(kept, LEN, 5 + ++n);
	} while (now_ms() < until);
	munmap(kept, LEN);
	cpu_unpin();
	ktap_note("%lu moves", n);
	ktap_ok(n && !test_errors_take(), "a task that moves itself");
}

static void moved(void)
{
	uint64_t seed = 1;

	while (now_ms() < until)
		CHECK(work(++seed));
}

/* Others are moved while they run, all the time. */
static void moves_processes(void)
{
	unsigned long n = 0;
	pid_t pid[MOVED];

	until = deadline_ms(2500);
	for (int i = 0; i < MOVED; i++) {
		pid[i] = xfork();
		if (!pid[i]) {
			moved();
			_exit(test_errors_take() != 0);
		}
	}
	do {
		cpu_pin_task(pid[n % MOVED], (int)(n / MOVED + n));
		n++;
		sleep_ms(n % 3);
	} while (now_ms() < until);
	for (int i = 0; i < MOVED; i++)
		CHECK(wait_exit(pid[i]) == 0);
	ktap_note("%lu moves", n);
	ktap_ok(!test_errors_take(), "processes that are moved");
}

static atomic_int tid[MOVED];

static void *moved_thread(void *arg)
{
	atomic_store(&tid[(uintptr_t)arg], (int)syscall(SYS_gettid));
	moved();
	return NULL;
}

/* The same with threads: one address space, on a changing set of CPUs. */
static void moves_threads(void)
{
	struct thread t[MOVED];
	unsigned long n = 0;

	until = deadline_ms(2500);
	for (uintptr_t i = 0; i < MOVED; i++)
		thread_start(&t[i], moved_thread, (void *)i);
	do {
		int victim = atomic_load(&tid[n % MOVED]);

		if (victim)
			cpu_pin_task(victim, (int)(n / MOVED + n));
		n++;
		sleep_ms(n % 3);
	} while (now_ms() < until);
	for (int i = 0; i < MOVED; i++)
		thread_join(&t[i]);
	ktap_note("%lu moves", n);
	ktap_ok(!test_errors_take(), "threads that are moved");
}

int main(void)
{
	if (cpu_count() < 2)
		ktap_skip_all("there is one CPU: nowhere to move to");
	ktap_start(3);
	moves_itself();
	moves_processes();
	moves_threads();
	return ktap_finish();
}
