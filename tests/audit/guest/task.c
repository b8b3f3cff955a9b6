// SPDX-License-Identifier: GPL-2.0
/* What belongs to a task that sleeps: arguments, registers, its core dump. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "holder.h"
#include "plant.h"

#define CORE_PATTERN	"/proc/sys/kernel/core_pattern"
/* For a core dump to begin and to fill its pipe, in microseconds. */
#define CORE_DUMP_US	300000U
/* Below all else of the process, and more than a pipe takes. */
#define DUMPED_AT	0x10000UL
#define DUMPED_PAGES	64UL

/* The new program is in the same process, with none of the memory of the old. */
static void exec_with_secret(bool in_environment)
{
	char secret[SECRET_SIZE + 1], report[16];
	char *argv[] = { settings.self, "hold", report, NULL, NULL };
	char *envp[] = { NULL, NULL };

	snprintf(report, sizeof(report), "%d", holder.report);
	secret_write(secret);
	secret[SECRET_SIZE] = '\0';
	if (in_environment)
		envp[0] = secret;
	else
		argv[3] = secret;
	execve(settings.self, argv, envp);
	wipe(secret, sizeof(secret));
	failed("exec");
}

static void plant_argv(void)
{
	exec_with_secret(false);
}

static void plant_environ(void)
{
	exec_with_secret(true);
}

/*
 * The kernel saves R15 to R12 next to each other, in this order. @masked: the
 * four words; @then: the system call to sleep in.
 */
static void __noreturn sleep_with_registers(const uint64_t masked[4])
{
	asm volatile("mov 0(%0), %%r15\n\t"
		     "mov 8(%0), %%r14\n\t"
		     "mov 16(%0), %%r13\n\t"
		     "mov 24(%0), %%r12\n\t"
		     "xor %1, %%r15\n\t"
		     "xor %1, %%r14\n\t"
		     "xor %1, %%r13\n\t"
		     "xor %1, %%r12\n\t"
		     "1:	mov %2, %%eax\n\t"
		     "syscall\n\t"
		     "jmp 1b"
		     : : "D" (masked), "S" (MASK), "i" (SYS_pause)
		     : "rax", "rcx", "r11", "r12", "r13", "r14", "r15", "memory");
	__builtin_unreachable();
}

static void get_masked(uint64_t masked[SECRET_WORDS])
{
	for (unsigned int i = 0; i < SECRET_WORDS; i++)
		masked[i] = masked_word(i);
}

static void plant_gpr(void)
{
	uint64_t masked[SECRET_WORDS];

	get_masked(masked);
	report_planted();
	sleep_with_registers(masked);
}

/* XMM0 and XMM1 are next to each other in the saved state. */
static void plant_fpu(void)
{
	uint64_t masked[SECRET_WORDS];

	get_masked(masked);
	report_planted();
	asm volatile("movups 0(%0), %%xmm0\n\t"
		     "movups 16(%0), %%xmm1\n\t"
		     "movq %1, %%xmm2\n\t"
		     "punpcklqdq %%xmm2, %%xmm2\n\t"
		     "pxor %%xmm2, %%xmm0\n\t"
		     "pxor %%xmm2, %%xmm1\n\t"
		     "pxor %%xmm2, %%xmm2\n\t"
		     "1:	mov %2, %%eax\n\t"
		     "syscall\n\t"
		     "jmp 1b"
		     : : "D" (masked), "S" (MASK), "i" (SYS_pause)
		     : "rax", "rcx", "r11", "memory");
}

/* Die by a signal, with the secret in the registers. */
static void __noreturn dump_with_registers(void)
{
	uint64_t masked[SECRET_WORDS];
	long pid = getpid();

	get_masked(masked);
	asm volatile("mov 0(%0), %%r15\n\t"
		     "mov 8(%0), %%r14\n\t"
		     "mov 16(%0), %%r13\n\t"
		     "mov 24(%0), %%r12\n\t"
		     "xor %1, %%r15\n\t"
		     "xor %1, %%r14\n\t"
		     "xor %1, %%r13\n\t"
		     "xor %1, %%r12\n\t"
		     "mov %2, %%rdi\n\t"
		     "mov %3, %%esi\n\t"
		     "mov %4, %%eax\n\t"
		     "syscall\n\t"
		     "hlt"
		     : : "D" (masked), "S" (MASK), "d" (pid), "i" (SIGABRT),
			 "i" (SYS_kill)
		     : "rax", "rcx", "r11", "r12", "r13", "r14", "r15", "memory");
	__builtin_unreachable();
}

/* Die with the secret in memory that the dump begins with: it is the lowest. */
static void __noreturn dump_with_memory(void)
{
	char *p = mmap((void *)DUMPED_AT, DUMPED_PAGES * PAGE,
		       PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (p == MAP_FAILED)
		_exit(1);
	for (size_t i = 0; i < DUMPED_PAGES; i++)
		secret_write(p + i * PAGE + 512);
	kill(getpid(), SIGABRT);
	_exit(1);
}

/*
 * The dump goes to a program that does not read it: this one, as "core-sink". So
 * it stays in its pipe, with the task that dumps. @die: what that task does.
 */
static void dump_core(void (*die)(void))
{
	const struct rlimit core = { RLIM_INFINITY, RLIM_INFINITY };
	char pattern[128], old[128];
	pid_t pid;

	if (read_text(CORE_PATTERN, old, sizeof(old)) < 0)
		missing("no core dumps in this kernel");
	if (strlen(settings.self) > 100)
		missing("the path of this program is too long for core_pattern");
	snprintf(pattern, sizeof(pattern), "|%s core-sink", settings.self);
	need(write_text(CORE_PATTERN, pattern), CORE_PATTERN);
	pid = (pid_t)need(fork(), "fork");
	if (!pid) {
		setrlimit(RLIMIT_CORE, &core);
		prctl(PR_SET_DUMPABLE, 1);
		die();
	}
	usleep(CORE_DUMP_US);
	write_text(CORE_PATTERN, old);
	errno = 0;
	need(waitpid(pid, NULL, WNOHANG) ? -1 : 0, "the core dump has ended");
}

static void plant_core_dump(void)
{
	dump_core(dump_with_registers);
}

/* Most of it is not yet in the pipe: one page is on its way there. */
static void plant_core_memory(void)
{
	dump_core(dump_with_memory);
}

const struct kind task_kinds[] = {
	{ "argv", plant_argv },
	{ "environ", plant_environ },
	{ "gpr", plant_gpr },
	{ "fpu", plant_fpu },
	{ "core-dump", plant_core_dump },
	{ "core-memory", plant_core_memory },
	{ }
};
