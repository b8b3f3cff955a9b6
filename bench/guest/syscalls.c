// SPDX-License-Identifier: GPL-2.0
/*
 * The cheapest system call by each way into the kernel: SYSCALL, INT 0x80 from
 * 64-bit code, and what the vDSO of a 32-bit process uses.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "clock.h"
#include "raw.h"

/* The number of getppid in the 32-bit table. */
#define NR32_GETPPID 64

static const char *null_setup(void)
{
	return NULL;
}

static uint64_t null_run(unsigned int ops)
{
	uint64_t start = clock_now();

	while (ops--)
		raw_syscall0(SYS_getppid);
	return clock_now() - start;
}

const struct bench bench_null = {
	.name = "null",
	.what = "getppid by SYSCALL",
	.ops = 1000,
	.syscalls = 1,
	.setup = null_setup,
	.run = null_run,
};

static inline long int80_getppid(void)
{
	long ret;

	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "0"((long)NR32_GETPPID)
			 : "r8", "r9", "r10", "r11", "memory");
	return ret;
}

/*
 * Without IA32 emulation INT 0x80 is a general protection fault, so a child
 * tries it first.
 */
static const char *int80_setup(void)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid) {
		signal(SIGSEGV, SIG_DFL);
		_exit(int80_getppid() == getppid() ? 0 : 1);
	}
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return "this kernel does not take 32-bit system calls";
	return NULL;
}

static uint64_t int80_run(unsigned int ops)
{
	uint64_t start = clock_now();

	while (ops--)
		int80_getppid();
	return clock_now() - start;
}

const struct bench bench_int80 = {
	.name = "int80",
	.what = "getppid by INT 0x80 from 64-bit code",
	.ops = 1000,
	.syscalls = 1,
	.setup = int80_setup,
	.run = int80_run,
};

/* The 32-bit program: its process, and pipes to its stdin and from its stdout. */
static struct {
	pid_t pid;
	int to;
	int from;
} compat;

static void compat_exec(const int to[2], const int from[2])
{
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 3);

	if (len < 0)
		_exit(127);
	memcpy(path + len, "32", sizeof("32"));
	dup2(to[0], STDIN_FILENO);
	dup2(from[1], STDOUT_FILENO);
	close(to[1]);
	close(from[0]);
	execl(path, path, (char *)NULL);
	_exit(127);
}

static void compat_stop(void)
{
	close(compat.to);
	close(compat.from);
	if (waitpid(compat.pid, NULL, 0) != compat.pid)
		die("waitpid");
}

/* Has the 32-bit program do @ops calls. False when it is gone. */
static int compat_request(uint32_t ops)
{
	char done;

	return write(compat.to, &ops, sizeof(ops)) == sizeof(ops) &&
	       read(compat.from, &done, 1) == 1;
}

static const char *compat_setup(void)
{
	int from[2], to[2];

	signal(SIGPIPE, SIG_IGN);
	if (pipe(to) || pipe(from))
		die("pipe");
	compat.pid = fork();
	if (compat.pid < 0)
		die("fork");
	if (!compat.pid)
		compat_exec(to, from);
	close(to[0]);
	close(from[1]);
	compat.to = to[1];
	compat.from = from[0];
	if (compat_request(0))
		return NULL;
	compat_stop();
	return "the 32-bit program beside this one does not run here";
}

/*
 * The clock is read on this side. The hand-over by pipe is part of both the
 * measured windows and the empty ones, so it drops out.
 */
static uint64_t compat_run(unsigned int ops)
{
	uint64_t start = clock_now();

	if (!compat_request(ops))
		die("the 32-bit program ended");
	return clock_now() - start;
}

const struct bench bench_compat = {
	.name = "compat",
	.what = "getppid in a 32-bit program, by its vDSO",
	.ops = 1000,
	.syscalls = 1,
	.setup = compat_setup,
	.run = compat_run,
	.teardown = compat_stop,
};
