// SPDX-License-Identifier: GPL-2.0
/* System calls by INT $0x80 from 64-bit code: the 32-bit table, 64-bit mode. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "asi_test.h"
#include "entry.h"
#include "entry_regs64.h"

/* Numbers of the 32-bit table, which 64-bit headers do not have. */
enum { NR32_READ = 3, NR32_WRITE = 4, NR32_GETPID = 20, NR32_GETPPID = 64 };

ENTRY_REGS64(regs_by_int80, "int $0x80");

static long by_int80(long nr, long a, long b, long c)
{
	int ret;

	asm volatile("int $0x80" : "=a" (ret)
		     : "0" ((int)nr), "b" ((int)a), "c" ((int)b), "d" ((int)c)
		     : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

static bool regs_survive(long nr)
{
	return regs64_survive(regs_by_int80, nr, 0, scaled(20000));
}

static void no_such_entry(int sig)
{
	(void)sig;
	_exit(KSFT_SKIP);
}

/* A kernel without 32-bit emulation answers with a signal. */
static bool have_int80(void)
{
	pid_t pid = xfork();

	if (!pid) {
		signal(SIGSEGV, no_such_entry);
		_exit(by_int80(NR32_GETPID, 0, 0, 0) != getpid());
	}
	return wait_exit(pid) != KSFT_SKIP;
}

int main(void)
{
	static const struct entry_kind kind = {
		.name = "int80",
		.call = by_int80,
		.regs_survive = regs_survive,
		.nr_getppid = NR32_GETPPID,
		.nr_getpid = NR32_GETPID,
		.nr_read = NR32_READ,
		.nr_write = NR32_WRITE,
	};

	if (!have_int80())
		ktap_skip_all("this kernel has no 32-bit system calls");
	ktap_start(ENTRY_RESULTS);
	entry_checks(&kind);
	return ktap_finish();
}
