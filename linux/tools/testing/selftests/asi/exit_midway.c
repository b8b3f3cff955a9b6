// SPDX-License-Identifier: GPL-2.0
/*
 * Ends: threads that exit while others run, exit_group by any of them, kill -9
 * of busy trees of processes. Memory, and the domains on it, go while some CPU
 * may still be using them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "asi_test.h"

#define THREADS	5

/* A bit of everything, never ending by itself. */
static void *busy(void *arg)
{
	uint64_t random = (uintptr_t)arg * 77 + 5;
	int fd[2];

	if (pipe(fd))
		_exit(98);
	for (;;) {
		char *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		char byte;

		if (p == MAP_FAILED)
			_exit(97);
		fill(p, 65536, random);
		if (!verify(p, 65536, random))
			_exit(96);
		if (write(fd[1], p, 1) != 1 || read(fd[0], &byte, 1) != 1)
			_exit(95);
		munmap(p, 65536);
		for (uint64_t n = next_random(&random) % 200; n; n--)
			getppid();
	}
	return NULL;
}

static void start_busy(int n)
{
	static struct thread t[THREADS];

	for (int i = 0; i < n; i++)
		thread_start(&t[i], busy, (void *)(uintptr_t)(i + 1));
}

static void group_exit_by_main(void)
{
	for (unsigned long i = 0; i < scaled(60); i++) {
		pid_t pid = xfork();

		if (!pid) {
			start_busy(THREADS);
			sleep_ms(i % 5);
			_exit(9);
		}
		CHECK(wait_exit(pid) == 9);
	}
	ktap_ok(!test_errors_take(), "exit_group while threads are busy");
}

static void *exits_group(void *arg)
{
	sleep_ms((uintptr_t)arg);
	_exit(10);
}

static void group_exit_by_thread(void)
{
	for (unsigned long i = 0; i < scaled(60); i++) {
		pid_t pid = xfork();

		if (!pid) {
			struct thread t;

			start_busy(THREADS);
			thread_start(&t, exits_group, (void *)(i % 5));
			busy((void *)99);
		}
		CHECK(wait_exit(pid) == 10);
	}
	ktap_ok(!test_errors_take(), "exit_group by a thread");
}

/* The first thread is gone, the memory stays with the others. */
static void *last_one(void *arg)
{
	char *mem = arg;

	sleep_ms(3);
	_exit(verify(mem, 65536, 4) ? 11 : 94);
}

static void leader_exits(void)
{
	for (unsigned long i = 0; i < scaled(60); i++) {
		pid_t pid = xfork();

		if (!pid) {
			char *mem = xmmap(65536);
			struct thread t;

			fill(mem, 65536, 4);
			thread_start(&t, last_one, mem);
			syscall(SYS_exit, 0);
		}
		CHECK(wait_exit(pid) == 11);
	}
	ktap_ok(!test_errors_take(), "the first thread exits, the last one ends it");
}

static void busy_tree(int levels)
{
	for (int i = 0; levels && i < 2; i++) {
		pid_t pid = fork();

		if (pid < 0)
			_exit(93);
		/* The child starts with two children of its own. */
		if (!pid) {
			levels--;
			i = -1;
		}
	}
	start_busy(2);
	busy((void *)(uintptr_t)getpid());
	_exit(92);
}

static void kill_trees(void)
{
	for (unsigned long i = 0; i < scaled(20); i++) {
		pid_t pid = xfork();

		if (!pid) {
			setpgid(0, 0);
			busy_tree(3);
		}
		setpgid(pid, pid);
		sleep_ms(15 + i % 20);
		CHECK(!kill(-pid, SIGKILL));
		CHECK(wait_exit(pid) == 256 + SIGKILL);
		/* Orphans come to this process: all of them have to go. */
		while (waitpid(-pid, NULL, 0) > 0)
			;
	}
	ktap_ok(!test_errors_take(), "kill -9 of busy trees of processes");
}

static void die_by_fault(void)
{
	for (unsigned long i = 0; i < scaled(60); i++) {
		pid_t pid = xfork();

		if (!pid) {
			start_busy(THREADS);
			sleep_ms(i % 4);
			*(volatile char *)bad_pointer() = 1;
			_exit(0);
		}
		CHECK(wait_exit(pid) == 256 + SIGSEGV);
	}
	ktap_ok(!test_errors_take(), "a fault ends a process with busy threads");
}

static void *churn_thread(void *arg)
{
	fill(arg, 4096, (uintptr_t)arg);
	getppid();
	verify(arg, 4096, (uintptr_t)arg);
	return NULL;
}

static void detached_threads(void)
{
	char *mem = xmmap(64 * 4096);
	pid_t pid = xfork();

	if (!pid) {
		start_busy(2);
		for (unsigned long i = 0; i < scaled(1500); i++) {
			struct thread t[4];

			for (unsigned long j = 0; j < 4; j++)
				thread_start(&t[j], churn_thread,
					     mem + (i * 4 + j) % 64 * 4096);
			for (int j = 0; j < 4; j++)
				thread_join(&t[j]);
		}
		_exit(test_errors_take() ? 1 : 12);
	}
	ktap_ok(wait_exit(pid) == 12, "short threads beside busy ones");
	munmap(mem, 64 * 4096);
}

int main(void)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	ktap_start(6);
	group_exit_by_main();
	group_exit_by_thread();
	leader_exits();
	kill_trees();
	die_by_fault();
	detached_threads();
	return ktap_finish();
}
