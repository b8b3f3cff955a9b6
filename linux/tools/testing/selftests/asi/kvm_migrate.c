// SPDX-License-Identifier: GPL-2.0
/* A processor of a guest that moves from CPU to CPU. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <sys/syscall.h>

#include "kvm_work.h"

#define SIZE	(2UL << 20)

static atomic_bool stop;
static atomic_int tid;
static atomic_uint rounds;

static void moves_itself(void)
{
	uint64_t until = deadline_ms(3000);
	struct vm vm;
	struct vcpu vcpu;
	uint32_t nr = 0, now;

	work_create(&vm, &vcpu, SIZE, 11);
	do {
		cpu_pin((int)nr);
		now = work_round(&vcpu);
		CHECK(now == ++nr);
		if (!(nr & 15))
			work_verify(&vm, 11, nr);
	} while (now == nr && now_ms() < until);
	work_destroy(&vm, &vcpu);
	cpu_unpin();
	ktap_note("%u rounds", nr);
	ktap_ok(!test_errors_take(), "a processor that moves between runs");
}

static void *guest_thread(void *arg)
{
	struct vm vm;
	struct vcpu vcpu;
	uint32_t nr = 0, now;

	(void)arg;
	work_create(&vm, &vcpu, SIZE, 12);
	atomic_store(&tid, (int)syscall(SYS_gettid));
	do {
		now = work_round(&vcpu);
		CHECK(now == ++nr);
		atomic_store(&rounds, nr);
	} while (now == nr && !atomic_load(&stop));
	work_verify(&vm, 12, nr);
	work_destroy(&vm, &vcpu);
	return NULL;
}

/* Another thread moves it, in the middle of KVM_RUN. */
static void is_moved(void)
{
	uint64_t until = deadline_ms(3000);
	unsigned long moves = 0;
	struct thread t;

	thread_start(&t, guest_thread, NULL);
	while (!atomic_load(&tid))
		sleep_ms(1);
	do {
		CHECK(!cpu_pin_task(atomic_load(&tid), (int)moves));
		sleep_ms(moves++ % 5);
	} while (now_ms() < until || !atomic_load(&rounds));
	atomic_store(&stop, true);
	thread_join(&t);
	ktap_note("%lu moves, %u rounds", moves, atomic_load(&rounds));
	ktap_ok(!test_errors_take(), "a processor that is moved while it runs");
}

int main(void)
{
	const char *missing = kvm_missing();

	if (missing)
		ktap_skip_all("%s", missing);
	if (cpu_count() < 2)
		ktap_skip_all("there is one CPU: nowhere to move to");
	ktap_start(2);
	moves_itself();
	is_moved();
	return ktap_finish();
}
