// SPDX-License-Identifier: GPL-2.0
/*
 * Context switches: two sides on one CPU that hand the turn to each other, by
 * futex between threads and between processes, and by a pair of pipes.
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "clock.h"
#include "raw.h"

enum turn {
	TURN_MAIN,
	TURN_PEER,
	TURN_STOP,
};

/*
 * Whose turn it is; a futex. Both pairs use a shared mapping and shared futex
 * operations, so that they differ in the address space switch alone.
 */
static _Atomic uint32_t *turn;
static pthread_t peer_thread;
static pid_t peer_pid;

static void turn_give(uint32_t next)
{
	atomic_store(turn, next);
	raw_syscall3(SYS_futex, (long)turn, FUTEX_WAKE, 1);
}

static void turn_await(uint32_t mine)
{
	uint32_t now;

	while ((now = atomic_load(turn)) != mine && now != TURN_STOP)
		raw_syscall4(SYS_futex, (long)turn, FUTEX_WAIT, now, 0);
}

static void *peer(void *unused)
{
	for (;;) {
		turn_await(TURN_PEER);
		if (atomic_load(turn) == TURN_STOP)
			return unused;
		turn_give(TURN_MAIN);
	}
}

/*
 * With equal real-time priorities a wake-up never preempts, so that each turn
 * is one wake, one wait and one switch: the same on every kernel.
 */
static const char *turn_setup(void)
{
	struct sched_param param = { .sched_priority = 1 };

	if (sched_setscheduler(0, SCHED_FIFO, &param))
		return "real-time scheduling is not permitted";
	turn = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (turn == MAP_FAILED)
		die("mmap");
	atomic_store(turn, TURN_MAIN);
	return NULL;
}

static void turn_teardown(void)
{
	struct sched_param param = { .sched_priority = 0 };

	munmap((void *)turn, 4096);
	if (sched_setscheduler(0, SCHED_OTHER, &param))
		die("sched_setscheduler");
}

/* Each round trip is two switches, so @ops is even. */
static uint64_t turn_run(unsigned int ops)
{
	uint64_t start = clock_now();

	for (; ops >= 2; ops -= 2) {
		turn_give(TURN_PEER);
		turn_await(TURN_MAIN);
	}
	return clock_now() - start;
}

static const char *ctx_thread_setup(void)
{
	const char *reason = turn_setup();

	if (reason)
		return reason;
	if (pthread_create(&peer_thread, NULL, peer, NULL))
		die("pthread_create");
	return NULL;
}

static void ctx_thread_teardown(void)
{
	turn_give(TURN_STOP);
	if (pthread_join(peer_thread, NULL))
		die("pthread_join");
	turn_teardown();
}

static const char *ctx_process_setup(void)
{
	const char *reason = turn_setup();

	if (reason)
		return reason;
	peer_pid = fork();
	if (peer_pid < 0)
		die("fork");
	if (!peer_pid) {
		peer(NULL);
		_exit(0);
	}
	return NULL;
}

static void ctx_process_teardown(void)
{
	turn_give(TURN_STOP);
	if (waitpid(peer_pid, NULL, 0) != peer_pid)
		die("waitpid");
	turn_teardown();
}

const struct bench bench_ctx_thread = {
	.name = "ctx_thread",
	.what = "context switch between two threads (futex)",
	.ops = 100,
	.syscalls = 2,
	.setup = ctx_thread_setup,
	.run = turn_run,
	.teardown = ctx_thread_teardown,
};

const struct bench bench_ctx_process = {
	.name = "ctx_process",
	.what = "context switch between two processes (futex)",
	.ops = 100,
	.syscalls = 2,
	.setup = ctx_process_setup,
	.run = turn_run,
	.teardown = ctx_process_teardown,
};

/* Pipes: this side writes to ping and reads from pong. */
static int ping[2], pong[2];

static void pipe_peer(void)
{
	char byte;

	close(ping[1]);
	close(pong[0]);
	while (raw_syscall3(SYS_read, ping[0], (long)&byte, 1) == 1)
		raw_syscall3(SYS_write, pong[1], (long)&byte, 1);
	_exit(0);
}

static const char *pipe_setup(void)
{
	if (pipe(ping) || pipe(pong))
		die("pipe");
	peer_pid = fork();
	if (peer_pid < 0)
		die("fork");
	if (!peer_pid)
		pipe_peer();
	close(ping[0]);
	close(pong[1]);
	return NULL;
}

static void pipe_teardown(void)
{
	close(ping[1]);
	close(pong[0]);
	if (waitpid(peer_pid, NULL, 0) != peer_pid)
		die("waitpid");
}

static uint64_t pipe_run(unsigned int ops)
{
	uint64_t start = clock_now();
	char byte = 'p';

	while (ops--) {
		if (raw_syscall3(SYS_write, ping[1], (long)&byte, 1) != 1 ||
		    raw_syscall3(SYS_read, pong[0], (long)&byte, 1) != 1)
			die("the other end of the pipe is gone");
	}
	return clock_now() - start;
}

const struct bench bench_pipe = {
	.name = "pipe",
	.what = "round trip between two processes by pipes",
	.ops = 50,
	.syscalls = 4,
	.setup = pipe_setup,
	.run = pipe_run,
	.teardown = pipe_teardown,
};
