// SPDX-License-Identifier: GPL-2.0
/* The program that bench_forkexec executes: one system call, and it is over. */
#include <sys/syscall.h>

#include "raw.h"

void _start(void);

void _start(void)
{
	raw_syscall3(SYS_exit_group, 0, 0, 0);
}
