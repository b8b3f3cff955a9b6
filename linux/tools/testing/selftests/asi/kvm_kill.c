// SPDX-License-Identifier: GPL-2.0
/* VMMs that end while their guest runs: killed, exiting, losing the machine. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "kvm_work.h"

#define SIZE	(2UL << 20)

static void run_for_ever(int report)
{
	struct vm vm;
	struct vcpu vcpu;

	work_create(&vm, &vcpu, SIZE, 1);
	for (;;) {
		if (!work_round(&vcpu))
			_exit(1);
		if (report >= 0 && write(report, "r", 1) != 1)
			_exit(2);
	}
}

/* After at least one round, and then anywhere. */
static void killed(void)
{
	uint64_t random = 88172645463325252ULL;

	for (unsigned long i = 0; i < scaled(30); i++) {
		char byte;
		int fd[2];
		pid_t pid;

		if (pipe(fd))
			ktap_bail("pipe: %s", strerror(errno));
		pid = xfork();
		if (!pid)
			run_for_ever(fd[1]);
		close(fd[1]);
		CHECK(read(fd[0], &byte, 1) == 1);
		sleep_ms(next_random(&random) % 8);
		kill(pid, SIGKILL);
		CHECK(wait_exit(pid) == 256 + SIGKILL);
		close(fd[0]);
	}
	ktap_ok(!test_errors_take(), "kill -9 of a VMM whose guest runs");
}

static void killed_at_once(void)
{
	pid_t pid[4];

	for (unsigned long i = 0; i < scaled(8); i++) {
		for (int j = 0; j < 4; j++) {
			pid[j] = xfork();
			if (!pid[j])
				run_for_ever(-1);
		}
		sleep_ms(30 + i);
		for (int j = 0; j < 4; j++)
			kill(pid[j], SIGKILL);
		for (int j = 0; j < 4; j++)
			CHECK(wait_exit(pid[j]) == 256 + SIGKILL);
	}
	ktap_ok(!test_errors_take(), "kill -9 of several VMMs at once");
}

static void *run_thread(void *arg)
{
	struct vcpu *vcpu = arg;

	while (work_round(vcpu))
		;
	return NULL;
}

/* The main thread leaves; the one with the guest goes down with it. */
static void exits_around_guest(void)
{
	for (unsigned long i = 0; i < scaled(20); i++) {
		pid_t pid = xfork();

		if (!pid) {
			static struct vm vm;
			static struct vcpu vcpu;
			struct thread t;

			work_create(&vm, &vcpu, SIZE, 1);
			thread_start(&t, run_thread, &vcpu);
			sleep_ms(i % 10);
			_exit(23);
		}
		CHECK(wait_exit(pid) == 23);
	}
	ktap_ok(!test_errors_take(), "exit of a process whose thread runs a guest");
}

/* A machine made, run and dropped, over and over, in one process. */
static void churn(void)
{
	for (unsigned long i = 0; i < scaled(25); i++) {
		struct vm vm;
		struct vcpu vcpu;

		work_create(&vm, &vcpu, SIZE, i);
		CHECK(work_round(&vcpu) == 1);
		work_verify(&vm, i, 1);
		if (i & 1) {
			/* The machine goes before its processor does. */
			vm_destroy(&vm);
			vcpu_destroy(&vcpu);
		} else {
			work_destroy(&vm, &vcpu);
		}
	}
	ktap_ok(!test_errors_take(), "machines come and go");
}

int main(void)
{
	const char *missing = kvm_missing();

	if (missing)
		ktap_skip_all("%s", missing);
	ktap_start(4);
	killed();
	killed_at_once();
	exits_around_guest();
	churn();
	return ktap_finish();
}
