// SPDX-License-Identifier: GPL-2.0
/* Life of a process: fork and exit, fork and exec. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "clock.h"
#include "raw.h"

/* Not in the headers of older C libraries; 6.3 and later warn without it. */
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

static const char *fork_setup(void)
{
	return NULL;
}

static void reap(long pid)
{
	int status;

	if (pid < 0)
		die("fork");
	if (raw_syscall4(SYS_wait4, pid, (long)&status, 0, 0) != pid || status)
		die("the child failed with status 0x%x", status);
}

static uint64_t fork_run(unsigned int ops)
{
	uint64_t start = clock_now();

	while (ops--) {
		long pid = raw_syscall0(SYS_fork);

		if (!pid)
			raw_syscall3(SYS_exit_group, 0, 0, 0);
		reap(pid);
	}
	return clock_now() - start;
}

const struct bench bench_fork = {
	.name = "fork",
	.what = "fork, exit of the child, wait",
	.ops = 1,
	.syscalls = 3,
	.setup = fork_setup,
	.run = fork_run,
};

/* The program that exit.c becomes, as a file. */
extern const char exit_elf[], exit_elf_end[];

__asm__(".section .rodata\n"
	"exit_elf:\n"
	".incbin \"" EXIT_ELF "\"\n"
	"exit_elf_end:\n"
	".text\n");

static int exec_fd;

/* Puts the program into memory, so that no file system is measured. */
static const char *exec_setup(void)
{
	ssize_t size = exit_elf_end - exit_elf;
	int copy = memfd_create("exec", MFD_CLOEXEC | MFD_EXEC);
	char path[64];

	if (copy < 0)
		copy = memfd_create("exec", MFD_CLOEXEC);
	if (copy < 0)
		die("memfd_create");
	if (write(copy, exit_elf, (size_t)size) != size)
		die("write");
	/* What is open for writing cannot be executed. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", copy);
	exec_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (exec_fd < 0)
		die("%s", path);
	close(copy);
	return NULL;
}

static void exec_child(void)
{
	static const char *const argv[] = { "exit", NULL };
	static const char *const envp[] = { NULL };

	raw_syscall5(SYS_execveat, exec_fd, (long)"", (long)argv, (long)envp,
		     AT_EMPTY_PATH);
	raw_syscall3(SYS_exit_group, 1, 0, 0);
}

static uint64_t exec_run(unsigned int ops)
{
	uint64_t start = clock_now();

	while (ops--) {
		long pid = raw_syscall0(SYS_fork);

		if (!pid)
			exec_child();
		reap(pid);
	}
	return clock_now() - start;
}

static void exec_teardown(void)
{
	close(exec_fd);
}

const struct bench bench_forkexec = {
	.name = "forkexec",
	.what = "fork, exec of a tiny static program, wait",
	.ops = 1,
	.syscalls = 4,
	.setup = exec_setup,
	.run = exec_run,
	.teardown = exec_teardown,
};
