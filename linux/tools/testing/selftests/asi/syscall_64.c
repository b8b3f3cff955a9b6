// SPDX-License-Identifier: GPL-2.0
/* System calls by SYSCALL from 64-bit code. */
#include <stdbool.h>
#include <sys/syscall.h>

#include "asi_test.h"
#include "entry.h"
#include "entry_regs64.h"

ENTRY_REGS64(regs_by_syscall, "syscall");

static long by_syscall(long nr, long a, long b, long c)
{
	long ret;

	asm volatile("syscall" : "=a" (ret)
		     : "0" (nr), "D" (a), "S" (b), "d" (c)
		     : "rcx", "r11", "memory");
	return ret;
}

/* RCX and R11 hold the return address and the flags afterwards. */
static bool regs_survive(long nr)
{
	return regs64_survive(regs_by_syscall, nr, 1U << R_CX | 1U << R_11,
			      scaled(20000));
}

int main(void)
{
	static const struct entry_kind kind = {
		.name = "syscall",
		.call = by_syscall,
		.regs_survive = regs_survive,
		.nr_getppid = SYS_getppid,
		.nr_getpid = SYS_getpid,
		.nr_read = SYS_read,
		.nr_write = SYS_write,
	};

	ktap_start(ENTRY_RESULTS);
	entry_checks(&kind);
	return ktap_finish();
}
