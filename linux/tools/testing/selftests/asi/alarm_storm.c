// SPDX-License-Identifier: GPL-2.0
/*
 * Timer signals at a high rate while all registers hold known values: each
 * interrupt, signal delivery and sigreturn must give every one of them back.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "asi_test.h"
#include "entry_regs64.h"

/* Spins long enough to be interrupted, keeping every register. */
ENTRY_REGS64(regs_in_loop,
	     "push %rcx\n\tmov $20000, %ecx\n"
	     "1:\tdec %ecx\n\tjnz 1b\n\tpop %rcx");
ENTRY_REGS64(regs_in_syscall, "syscall");

#define ENOUGH	20

static atomic_ulong alarms;

static void on_alarm(int sig)
{
	int err = errno;

	(void)sig;
	atomic_fetch_add(&alarms, 1);
	asm volatile("pxor %%xmm3, %%xmm3" ::: "xmm3");
	getppid();
	errno = err;
}

static void start_alarms(long usec)
{
	struct itimerval it = {
		.it_interval.tv_usec = usec,
		.it_value.tv_usec = usec,
	};
	struct sigaction sa = { .sa_handler = on_alarm };

	if (sigaction(SIGALRM, &sa, NULL) || setitimer(ITIMER_REAL, &it, NULL))
		ktap_bail("setitimer: %s", strerror(errno));
}

static bool survive_for(unsigned long ms, void (*entry)(struct regs64 *),
			unsigned int lost)
{
	uint64_t until = deadline_ms(ms);
	unsigned long rounds = 0;

	/* On a machine with a coarse timer they may be few: wait for some. */
	do {
		if (!regs64_survive(entry, SYS_getppid, lost, 20))
			return false;
		rounds += 20;
	} while (now_ms() < until ||
		 (atomic_load(&alarms) < ENOUGH && now_ms() < until + 20000));
	ktap_note("%lu rounds, %lu alarms", rounds, atomic_load(&alarms));
	return true;
}

static void storm(const char *name, void (*entry)(struct regs64 *),
		  unsigned int lost)
{
	bool good;

	alarms = 0;
	start_alarms(400);
	good = survive_for(2000, entry, lost);
	start_alarms(0);
	ktap_ok(good, "registers survive alarms %s", name);
	ktap_ok(atomic_load(&alarms) >= ENOUGH, "alarms came %s", name);
}

/* Signals of one thread to another, both on the move. */
static atomic_bool stop;
static atomic_int victim;

static void *be_shot_at(void *arg)
{
	(void)arg;
	atomic_store(&victim, (int)syscall(SYS_gettid));
	while (!atomic_load(&stop))
		if (!regs64_survive(regs_in_loop, 0, 0, 5))
			test_error("registers lost by a signal of a thread");
	return NULL;
}

static void other_thread(void)
{
	uint64_t until = deadline_ms(1500);
	struct thread t;
	unsigned long sent = 0;

	alarms = 0;
	thread_start(&t, be_shot_at, NULL);
	while (!atomic_load(&victim))
		sleep_ms(1);
	do {
		syscall(SYS_tgkill, getpid(), atomic_load(&victim), SIGALRM);
		if (!(++sent & 63))
			sleep_ms(1);
	} while (now_ms() < until || sent < ENOUGH);
	atomic_store(&stop, true);
	thread_join(&t);
	ktap_note("%lu signals sent, %lu handled", sent, atomic_load(&alarms));
	ktap_ok(!test_errors_take() && atomic_load(&alarms),
		"registers survive signals sent by another thread");
}

int main(void)
{
	ktap_start(5);
	storm("in a loop", regs_in_loop, 0);
	storm("in system calls", regs_in_syscall, 1U << R_CX | 1U << R_11);
	other_thread();
	return ktap_finish();
}
