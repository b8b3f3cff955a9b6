// SPDX-License-Identifier: GPL-2.0
/* Life of a process: fork and exit, fork and exec, and an end that leaves its memory. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
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

static void reap(long pid, int expected)
{
	int status;

	if (pid < 0)
		die("fork");
	if (raw_syscall4(SYS_wait4, pid, (long)&status, 0, 0) != pid ||
	    status != expected)
		die("the child ended with status 0x%x", status);
}

static uint64_t fork_run(unsigned int ops)
{
	uint64_t start = clock_now();

	while (ops--) {
		long pid = raw_syscall0(SYS_fork);

		if (!pid)
			raw_syscall3(SYS_exit_group, 0, 0, 0);
		reap(pid, 0);
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
		reap(pid, 0);
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

#define CORE "/dev/shm/asibench.core"
#define CORE_SOURCE "/dev/shm/asibench.mem"
#define CORE_SIZE 0x100000UL
/* Where cores go; and what is in them: files that are mapped shared, which is one. */
#define PATTERN "/proc/sys/kernel/core_pattern"
#define FILTER "/proc/self/coredump_filter"
#define SHARED_FILES "8"

/* The filter is read as a number of base 16, and written with a sign of the base. */
static char old_pattern[256], old_filter[32] = "0x";
static struct rlimit old_limit;
static char *core_memory;

static void exchange(const char *path, const char *text, char *old, size_t size)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		die("%s", path);
	if (old && read(fd, old, size - 1) < 0)
		die("%s", path);
	if (pwrite(fd, text, strlen(text), 0) < 0)
		die("%s", path);
	close(fd);
}

static void map_core_memory(void)
{
	int fd = open(CORE_SOURCE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, CORE_SIZE))
		die(CORE_SOURCE);
	core_memory = mmap(NULL, CORE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (core_memory == MAP_FAILED)
		die("mmap");
	close(fd);
	memset(core_memory, 'c', CORE_SIZE);
}

static const char *core_setup(void)
{
	struct rlimit limit = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };

	if (access(PATTERN, W_OK) || access(FILTER, W_OK))
		return "no core dumps";
	if (getrlimit(RLIMIT_CORE, &old_limit) || setrlimit(RLIMIT_CORE, &limit))
		return "core dumps are limited";
	exchange(PATTERN, CORE, old_pattern, sizeof(old_pattern));
	exchange(FILTER, SHARED_FILES, old_filter + 2, sizeof(old_filter) - 2);
	map_core_memory();
	return NULL;
}

static uint64_t core_run(unsigned int ops)
{
	uint64_t start = clock_now();

	while (ops--) {
		long pid = raw_syscall0(SYS_fork);

		if (!pid)
			raw_syscall3(SYS_kill, raw_syscall0(SYS_getpid), SIGABRT, 0);
		reap(pid, SIGABRT | WCOREFLAG);
	}
	return clock_now() - start;
}

static void core_teardown(void)
{
	munmap(core_memory, CORE_SIZE);
	exchange(PATTERN, old_pattern, NULL, 0);
	exchange(FILTER, old_filter, NULL, 0);
	setrlimit(RLIMIT_CORE, &old_limit);
	unlink(CORE_SOURCE);
	unlink(CORE);
}

const struct bench bench_core = {
	.name = "core",
	.what = "fork, end of the child with a core dump of 1 MiB (tmpfs), wait",
	.ops = 1,
	.syscalls = 4,
	.setup = core_setup,
	.run = core_run,
	.teardown = core_teardown,
};
