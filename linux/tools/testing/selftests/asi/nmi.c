// SPDX-License-Identifier: GPL-2.0
/*
 * NMIs that hit other CPUs in user mode, in system calls, in page faults and in
 * guests. They come from "show backtrace of all CPUs", which also makes each of
 * them walk the stack of whatever it interrupted.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/klog.h>
#include <sys/mman.h>

#include "kvm_work.h"

#define SYSRQ		"/proc/sysrq-trigger"
#define LEN		(64 * 1024UL)
#define WORKERS_MAX	16
/* See syslog(2): what goes to the console. */
#define CONSOLE_OFF	6
#define CONSOLE_ON	7

static atomic_bool *stop;
static int workers;

/* Two generators in registers, which must not come apart. */
static void in_user_mode(int cpu)
{
	uint64_t a = (uint64_t)cpu + 1, b = a;

	while (!atomic_load_explicit(stop, memory_order_relaxed)) {
		for (int i = 0; i < 5000; i++) {
			a = a * 6364136223846793005ULL + 1442695040888963407ULL;
			b = b * 6364136223846793005ULL + 1442695040888963407ULL;
			__asm__ volatile("" : "+r"(a), "+r"(b));
		}
		CHECK(a == b);
	}
}

static void in_system_calls(int cpu)
{
	int fd[2], got;

	if (pipe(fd))
		ktap_bail("pipe: %s", strerror(errno));
	for (int n = cpu; !atomic_load(stop); n++) {
		CHECK(getppid() > 0);
		got = ~n;
		CHECK(write(fd[1], &n, sizeof(n)) == sizeof(n));
		CHECK(read(fd[0], &got, sizeof(got)) == sizeof(got));
		CHECK(got == n);
	}
}

static void in_page_faults(int cpu)
{
	for (uint64_t n = (uint64_t)cpu; !atomic_load(stop); n += 1000) {
		char *p = xmmap(LEN);

		fill(p, LEN, n);
		CHECK(verify(p, LEN, n));
		munmap(p, LEN);
	}
}

static void in_a_guest(int cpu)
{
	struct vm vm;
	struct vcpu vcpu;
	uint32_t nr = 0;

	work_create(&vm, &vcpu, 2UL << 20, (uint64_t)cpu);
	/* At least one: before that, the memory is not the guest's work. */
	do {
		CHECK(work_round(&vcpu) == ++nr);
	} while (!atomic_load(stop));
	work_verify(&vm, (uint64_t)cpu, nr);
	work_destroy(&vm, &vcpu);
}

/* NMIs of all CPUs since the machine started. */
static unsigned long nmis(void)
{
	FILE *f = fopen("/proc/interrupts", "r");
	unsigned long sum = 0;
	char line[1024];

	if (!f)
		ktap_bail("/proc/interrupts: %s", strerror(errno));
	while (fgets(line, sizeof(line), f)) {
		char *at = strstr(line, "NMI:"), *end;

		if (!at)
			continue;
		for (at += 4; ; at = end) {
			unsigned long n = strtoul(at, &end, 10);

			if (end == at)
				break;
			sum += n;
		}
		break;
	}
	fclose(f);
	return sum;
}

/* Work on every CPU but the first, which sends. */
static void under_nmis(void (*work)(int cpu), const char *name)
{
	unsigned long before, rounds = scaled(60);
	pid_t pid[WORKERS_MAX];

	atomic_store(stop, false);
	for (int i = 0; i < workers; i++) {
		pid[i] = xfork();
		if (!pid[i]) {
			cpu_pin(i + 1);
			work(i + 1);
			_exit(test_errors_take() != 0);
		}
	}
	sleep_ms(100);
	before = nmis();
	for (unsigned long i = 0; i < rounds; i++) {
		CHECK(!write_file(SYSRQ, "l"));
		sleep_ms(10);
	}
	CHECK(nmis() - before >= rounds * (unsigned long)workers);
	ktap_note("%s: %lu NMIs", name, nmis() - before);
	atomic_store(stop, true);
	for (int i = 0; i < workers; i++)
		CHECK(wait_exit(pid[i]) == 0);
	ktap_ok(!test_errors_take(), "%s", name);
}

int main(void)
{
	const char *missing = kvm_missing();

	workers = cpu_count() - 1;
	if (workers < 1)
		ktap_skip_all("there is one CPU, and it sends none to itself");
	if (access(SYSRQ, W_OK))
		ktap_skip_all("cannot write to " SYSRQ ": %s", strerror(errno));
	if (workers > WORKERS_MAX)
		workers = WORKERS_MAX;
	stop = mmap(NULL, sizeof(*stop), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (stop == MAP_FAILED)
		ktap_bail("mmap: %s", strerror(errno));

	ktap_start(4);
	cpu_pin(0);
	klogctl(CONSOLE_OFF, NULL, 0);
	under_nmis(in_user_mode, "NMIs in user mode");
	under_nmis(in_system_calls, "NMIs in system calls");
	under_nmis(in_page_faults, "NMIs in page faults");
	if (missing)
		ktap_skip("NMIs in a guest", "%s", missing);
	else
		under_nmis(in_a_guest, "NMIs in a guest");
	klogctl(CONSOLE_ON, NULL, 0);
	return ktap_finish();
}
