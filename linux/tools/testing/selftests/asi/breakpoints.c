// SPDX-License-Identifier: GPL-2.0
/*
 * Traps: INT3 and the trap flag in the process's own code, hardware
 * breakpoints that hit in user mode and, at the same address, in the kernel.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "asi_test.h"

#define TRAP_FLAG	0x100UL

static volatile unsigned long traps;
static volatile bool stepping;

static void on_trap(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)sig;
	(void)info;
	traps++;
	if (!stepping)
		uc->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
}

static void int3_loop(void)
{
	unsigned long n = scaled(5000);

	traps = 0;
	for (unsigned long i = 0; i < n; i++)
		asm volatile("int3");
	ktap_ok(traps == n, "INT3 in a loop");
}

/* Sets the trap flag; the handler clears it when stepping is over. */
static void set_trap_flag(void)
{
	asm volatile("pushfq\n\torq %0, (%%rsp)\n\tpopfq"
		     : : "i" (TRAP_FLAG) : "memory", "cc");
}

static void step_loop(void)
{
	unsigned long n = scaled(500), wrong = 0;

	for (unsigned long i = 0; i < n; i++) {
		unsigned long count = 100;

		traps = 0;
		stepping = true;
		set_trap_flag();
		asm volatile("1: dec %0\n\tjnz 1b" : "+r" (count));
		stepping = false;
		asm volatile("nop\n\tnop");
		wrong += traps < 200 || traps > 240;
	}
	ktap_ok(!wrong, "single step by the trap flag");
}

/* Stepping over a system call: in and out with the flag set. */
static void step_over_syscalls(void)
{
	unsigned long n = scaled(500), wrong = 0;

	for (unsigned long i = 0; i < n; i++) {
		long ret;

		traps = 0;
		stepping = true;
		set_trap_flag();
		asm volatile("syscall" : "=a" (ret) : "0" (SYS_getppid)
			     : "rcx", "r11", "memory");
		stepping = false;
		asm volatile("nop\n\tnop");
		wrong += ret != getppid() || traps < 2;
	}
	ktap_ok(!wrong, "single step over system calls");
}

static volatile unsigned long target __attribute__((aligned(8)));
static int target_fd[2];

static int open_breakpoint(unsigned int type, void *addr, unsigned int len)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(attr),
		.bp_type = type,
		.bp_addr = (uintptr_t)addr,
		.bp_len = len,
	};

	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static unsigned long long hits(int fd)
{
	unsigned long long n = 0;

	if (read(fd, &n, sizeof(n)) != sizeof(n))
		test_error("read of the counter: %s", strerror(errno));
	return n;
}

/* The kernel's own write to the word traps in kernel mode, restricted. */
static void watch_data(void)
{
	static const char name[] = "data breakpoint, user and kernel writes";
	int fd = open_breakpoint(HW_BREAKPOINT_W, (void *)&target, 8);
	unsigned long n = scaled(2000), word = 1;

	if (fd < 0) {
		ktap_skip(name, "perf_event_open: %s", strerror(errno));
		return;
	}
	if (pipe(target_fd))
		ktap_bail("pipe: %s", strerror(errno));
	for (unsigned long i = 0; i < n; i++)
		target = i;
	CHECK(hits(fd) == n);
	for (unsigned long i = 0; i < n; i++) {
		CHECK(write(target_fd[1], &word, 8) == 8);
		CHECK(read(target_fd[0], (void *)&target, 8) == 8);
		CHECK(target == word++);
	}
	ktap_note("%llu hits for %lu writes", hits(fd), 2 * n);
	CHECK(hits(fd) >= 2 * n);
	close(fd);
	ktap_ok(!test_errors_take(), "%s", name);
}

static noinline void executed(void)
{
	asm volatile("nop");
}

static void watch_code(void)
{
	static const char name[] = "breakpoint on execution";
	int fd = open_breakpoint(HW_BREAKPOINT_X, executed, sizeof(long));
	unsigned long n = scaled(2000);

	if (fd < 0) {
		ktap_skip(name, "perf_event_open: %s", strerror(errno));
		return;
	}
	for (unsigned long i = 0; i < n; i++)
		executed();
	CHECK(hits(fd) == n);
	close(fd);
	ktap_ok(!test_errors_take(), "%s", name);
}

int main(void)
{
	struct sigaction sa = {
		.sa_sigaction = on_trap,
		.sa_flags = SA_SIGINFO,
	};

	ktap_start(5);
	if (sigaction(SIGTRAP, &sa, NULL))
		ktap_bail("sigaction: %s", strerror(errno));
	int3_loop();
	step_loop();
	step_over_syscalls();
	watch_data();
	watch_code();
	return ktap_finish();
}
