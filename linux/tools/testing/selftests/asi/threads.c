// SPDX-License-Identifier: GPL-2.0
/* Threads: thread-local storage, futexes, churn, descriptors of one memory. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>
#include <sys/syscall.h>

#include "asi_test.h"

#define THREADS	6

static _Thread_local unsigned long mine;
static atomic_uint turn;
static atomic_ulong sum;

static long futex(atomic_uint *word, int op, unsigned int val)
{
	return syscall(SYS_futex, word, op, val, NULL, NULL, 0);
}

static void *keeps_its_own(void *arg)
{
	unsigned long base = (unsigned long)arg << 20;

	mine = base;
	for (unsigned long i = 1; i <= scaled(20000); i++) {
		mine++;
		if (!(i & 15))
			getppid();
		if (!(i & 1023))
			sched_yield();
		if (mine != base + i) {
			test_error("thread-local word is another's");
			break;
		}
	}
	return NULL;
}

static void tls(void)
{
	struct thread t[THREADS];

	for (unsigned long i = 0; i < THREADS; i++)
		thread_start(&t[i], keeps_its_own, (void *)(i + 1));
	for (int i = 0; i < THREADS; i++)
		thread_join(&t[i]);
	ktap_ok(!test_errors_take(), "thread-local storage stays apart");
}

/* Round robin through futex wait and wake. */
static void *takes_turns(void *arg)
{
	unsigned int me = (unsigned int)(unsigned long)arg;

	for (unsigned long i = 0; i < scaled(400); i++) {
		unsigned int now;

		while ((now = atomic_load(&turn)) % THREADS != me)
			futex(&turn, FUTEX_WAIT, now);
		atomic_fetch_add(&sum, now);
		atomic_fetch_add(&turn, 1);
		futex(&turn, FUTEX_WAKE, INT_MAX);
	}
	return NULL;
}

static void futexes(void)
{
	unsigned long total = THREADS * scaled(400);
	struct thread t[THREADS];

	for (unsigned long i = 0; i < THREADS; i++)
		thread_start(&t[i], takes_turns, (void *)i);
	for (int i = 0; i < THREADS; i++)
		thread_join(&t[i]);
	ktap_ok(atomic_load(&turn) == total &&
		atomic_load(&sum) == total * (total - 1) / 2,
		"futex: threads take turns, none lost");
}

static void *short_lived(void *arg)
{
	fill(arg, 4096, (uintptr_t)arg);
	return NULL;
}

static void churn(void)
{
	char *mem = xmmap(THREADS * 4096);

	for (unsigned long i = 0; i < scaled(300); i++) {
		struct thread t[THREADS];

		memset(mem, 0, THREADS * 4096);
		for (int j = 0; j < THREADS; j++)
			thread_start(&t[j], short_lived, mem + j * 4096);
		for (int j = 0; j < THREADS; j++)
			thread_join(&t[j]);
		for (int j = 0; j < THREADS; j++)
			verify(mem + j * 4096, 4096,
			       (uintptr_t)(mem + j * 4096));
	}
	ktap_ok(!test_errors_take(), "threads come and go");
}

/* A descriptor opened by one thread is read by the next. */
static int pipe_fd[THREADS][2];

static void *passes_on(void *arg)
{
	unsigned long me = (unsigned long)arg, token;

	for (unsigned long i = 0; i < scaled(300); i++) {
		if (read(pipe_fd[me][0], &token, sizeof(token)) !=
		    sizeof(token)) {
			test_error("read: %s", strerror(errno));
			break;
		}
		token = token * 31 + me;
		if (write(pipe_fd[(me + 1) % THREADS][1], &token,
			  sizeof(token)) != sizeof(token)) {
			test_error("write: %s", strerror(errno));
			break;
		}
	}
	return NULL;
}

static void ring_of_pipes(void)
{
	unsigned long token = 1, expect = 1;
	struct thread t[THREADS];

	for (int i = 0; i < THREADS; i++)
		if (pipe(pipe_fd[i]))
			ktap_bail("pipe: %s", strerror(errno));
	for (unsigned long i = 0; i < THREADS; i++)
		thread_start(&t[i], passes_on, (void *)i);
	if (write(pipe_fd[0][1], &token, sizeof(token)) != sizeof(token))
		ktap_bail("write: %s", strerror(errno));
	for (int i = 0; i < THREADS; i++)
		thread_join(&t[i]);
	for (unsigned long i = 0; i < scaled(300); i++)
		for (unsigned long j = 0; j < THREADS; j++)
			expect = expect * 31 + j;
	CHECK(read(pipe_fd[0][0], &token, sizeof(token)) == sizeof(token));
	CHECK(token == expect);
	ktap_ok(!test_errors_take(), "a token through a ring of threads");
}

int main(void)
{
	ktap_start(4);
	tls();
	futexes();
	churn();
	ring_of_pipes();
	return ktap_finish();
}
