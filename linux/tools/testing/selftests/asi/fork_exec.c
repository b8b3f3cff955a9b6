// SPDX-License-Identifier: GPL-2.0
/*
 * New address spaces: fork, vfork, execve, failed execve, execve by a thread,
 * trees of processes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "asi_test.h"

#define DATA_SIZE	(64 * 1024)

static char *data;

static void forks(void)
{
	for (unsigned long i = 0; i < scaled(400); i++) {
		pid_t pid;

		fill(data, DATA_SIZE, i);
		pid = xfork();
		if (!pid) {
			bool good = verify(data, DATA_SIZE, i);

			fill(data, DATA_SIZE, ~i);
			_exit(good && verify(data, DATA_SIZE, ~i) ? 0 : 1);
		}
		CHECK(wait_exit(pid) == 0);
		verify(data, DATA_SIZE, i);
	}
	ktap_ok(!test_errors_take(), "fork: both sides keep their data");
}

/* The child borrows the parent's memory until it is gone. */
static void vforks(void)
{
	volatile unsigned long *word = (unsigned long *)data;

	for (volatile unsigned long i = 0; i < scaled(1000); i++) {
		pid_t pid = vfork();

		if (!pid) {
			*word = i;
			_exit(i & 0x7f);
		}
		CHECK(pid > 0);
		CHECK(*word == i);
		CHECK(wait_exit(pid) == (int)(i & 0x7f));
	}
	ktap_ok(!test_errors_take(), "vfork: the parent sees the child's write");
}

/* What this program does when it is executed again. */
static int executed(int argc, char **argv)
{
	unsigned long left = strtoul(argv[2], NULL, 10);
	char text[24];

	if (argc != 4 || strcmp(argv[3], "some argument") ||
	    strcmp(getenv("ASI_TEST_MARK") ?: "", "some value"))
		return 98;
	if (!left)
		return 42;
	snprintf(text, sizeof(text), "%lu", left - 1);
	execl("/proc/self/exe", argv[0], "executed", text, argv[3], NULL);
	return 97;
}

static void exec_self(const char *left)
{
	setenv("ASI_TEST_MARK", "some value", 1);
	execl("/proc/self/exe", "self", "executed", left, "some argument", NULL);
}

static void execs(void)
{
	char left[24];
	pid_t pid;

	snprintf(left, sizeof(left), "%lu", scaled(60));
	pid = xfork();
	if (!pid) {
		exec_self(left);
		_exit(96);
	}
	ktap_ok(wait_exit(pid) == 42, "execve: a chain, arguments right");

	for (unsigned long i = 0; i < scaled(100); i++) {
		pid = vfork();
		if (!pid) {
			exec_self("0");
			_exit(96);
		}
		CHECK(wait_exit(pid) == 42);
	}
	ktap_ok(!test_errors_take(), "vfork and execve");
}

/* Fails early, fails late: the caller goes on in the memory it had. */
static void failed_execs(void)
{
	char path[] = "/tmp/asi_exec_XXXXXX", *argv[] = { path, NULL };
	/* Unprintable, it would make the kernel look for a module each time. */
	static const char junk[] = "This is no program.";
	int fd = mkstemp(path);

	if (fd < 0 || write(fd, junk, sizeof(junk)) != sizeof(junk) ||
	    fchmod(fd, 0755))
		ktap_bail("%s: %s", path, strerror(errno));
	close(fd);
	fill(data, DATA_SIZE, 5);
	for (unsigned long i = 0; i < scaled(500); i++) {
		CHECK(execv("/nonexistent", argv) == -1 && errno == ENOENT);
		CHECK(execv("/tmp", argv) == -1 && errno == EACCES);
		CHECK(execv(path, argv) == -1 && errno == ENOEXEC);
		CHECK(execv(path, bad_pointer()) == -1 && errno == EFAULT);
		verify(data, DATA_SIZE, 5);
	}
	unlink(path);
	ktap_ok(!test_errors_take(), "failed execve leaves the caller alone");
}

/* Past the point of no return the kernel can only kill. */
static void exec_ends_late(void)
{
	char path[] = "/tmp/asi_exec_XXXXXX", *argv[] = { path, NULL };
	char head[4096];
	int self = open("/proc/self/exe", O_RDONLY), fd = mkstemp(path);
	ssize_t len = read(self, head, sizeof(head));
	pid_t pid;
	int status;

	/* Only the headers: the segments they name are not in the file. */
	if (fd < 0 || len < 1 || write(fd, head, (size_t)len) != len ||
	    fchmod(fd, 0755))
		ktap_bail("%s: %s", path, strerror(errno));
	close(fd);
	close(self);
	for (unsigned long i = 0; i < scaled(50); i++) {
		pid = xfork();
		if (!pid) {
			execv(path, argv);
			_exit(0);
		}
		status = wait_exit(pid);
		CHECK(status == 256 + SIGBUS || status == 256 + SIGSEGV ||
		      status == 256 + SIGKILL);
	}
	unlink(path);
	ktap_ok(!test_errors_take(), "execve that fails late kills");
}

static void *spin(void *arg)
{
	volatile unsigned long *n = arg;

	for (;;) {
		(*n)++;
		getppid();
	}
	return NULL;
}

static void *exec_in_thread(void *arg)
{
	(void)arg;
	exec_self("1");
	_exit(96);
}

static void exec_by_thread(void)
{
	for (unsigned long i = 0; i < scaled(60); i++) {
		pid_t pid = xfork();

		if (!pid) {
			unsigned long n[3];
			struct thread t[4];

			for (int j = 0; j < 3; j++)
				thread_start(&t[j], spin, &n[j]);
			thread_start(&t[3], exec_in_thread, NULL);
			spin(&(unsigned long){ 0 });
		}
		CHECK(wait_exit(pid) == 42);
	}
	ktap_ok(!test_errors_take(), "execve by one of several busy threads");
}

static int tree(int levels)
{
	int bad = 0;
	pid_t pid[3];

	if (!levels)
		return 0;
	for (int i = 0; i < 3; i++) {
		pid[i] = fork();
		if (!pid[i])
			_exit(tree(levels - 1));
	}
	for (int i = 0; i < 3; i++)
		bad |= pid[i] < 0 || wait_exit(pid[i]);
	return bad;
}

static void trees(void)
{
	for (unsigned long i = 0; i < scaled(10); i++)
		CHECK(tree(4) == 0);
	ktap_ok(!test_errors_take(), "trees of 120 processes");
}

/* Shared memory, separate process: two tasks, one domain. */
static int clone_body(void *arg)
{
	fill(arg, DATA_SIZE, 77);
	return 5;
}

static void shared_mm(void)
{
	char *stack = xmmap(64 * 1024);

	for (unsigned long i = 0; i < scaled(500); i++) {
		pid_t pid = clone(clone_body, stack + 64 * 1024,
				  CLONE_VM | SIGCHLD, data);

		CHECK(pid > 0 && wait_exit(pid) == 5);
		verify(data, DATA_SIZE, 77);
		fill(data, DATA_SIZE, i);
	}
	munmap(stack, 64 * 1024);
	ktap_ok(!test_errors_take(), "clone with the caller's memory");
}

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "executed"))
		return executed(argc, argv);
	ktap_start(9);
	data = xmmap(DATA_SIZE);
	forks();
	vforks();
	execs();
	failed_execs();
	exec_ends_late();
	exec_by_thread();
	trees();
	shared_mm();
	return ktap_finish();
}
