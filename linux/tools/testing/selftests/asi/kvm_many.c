// SPDX-License-Identifier: GPL-2.0
/*
 * Several guests at once: as threads of one VMM, as processors of one guest,
 * as processes, and mixed with processes that do other things.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>

#include "kvm_work.h"

#define GUESTS	4
#define SIZE	(2UL << 20)

static uint64_t until;

static uint32_t work_until(struct vm *vm, struct vcpu *vcpu, uint64_t seed)
{
	uint32_t nr = 0, now;

	do {
		now = work_round(vcpu);
		CHECK(now == ++nr);
		if (now != nr)
			break;
		if (!(nr & 7))
			work_verify(vm, seed, nr);
	} while (now_ms() < until);
	return nr;
}

static void *guest_thread(void *arg)
{
	uint64_t seed = (uintptr_t)arg << 40;
	struct vm vm;
	struct vcpu vcpu;

	work_create(&vm, &vcpu, SIZE, seed);
	work_until(&vm, &vcpu, seed);
	work_destroy(&vm, &vcpu);
	return NULL;
}

static void as_threads(void)
{
	struct thread t[GUESTS];

	until = deadline_ms(3000);
	for (uintptr_t i = 0; i < GUESTS; i++)
		thread_start(&t[i], guest_thread, (void *)(i + 1));
	for (int i = 0; i < GUESTS; i++)
		thread_join(&t[i]);
	ktap_ok(!test_errors_take(), "%d guests, threads of one process", GUESTS);
}

static void as_processes(void)
{
	pid_t pid[GUESTS];

	until = deadline_ms(3000);
	for (uintptr_t i = 0; i < GUESTS; i++) {
		pid[i] = xfork();
		if (!pid[i]) {
			guest_thread((void *)(i + 1));
			_exit(test_errors_take() != 0);
		}
	}
	for (int i = 0; i < GUESTS; i++)
		CHECK(wait_exit(pid[i]) == 0);
	ktap_ok(!test_errors_take(), "%d guests, each a process", GUESTS);
}

/* Processors of one guest, each on its part of the memory. */
static struct vm shared_vm;
static struct vcpu shared_vcpu[GUESTS];

static void *processor(void *arg)
{
	struct vcpu *vcpu = arg;
	uint32_t nr = 0, now;

	do {
		now = work_round(vcpu);
		CHECK(now == ++nr);
	} while (now == nr && now_ms() < until);
	return NULL;
}

static void as_processors(void)
{
	struct thread t[GUESTS];

	until = deadline_ms(3000);
	vm_create(&shared_vm, SIZE, VM_IRQCHIP);
	vm_long_mode_tables(&shared_vm);
	vm_load(&shared_vm, VM_CODE, work_loop);
	for (int i = 0; i < GUESTS; i++) {
		size_t part = (SIZE - VM_DATA) / GUESTS;
		uint64_t from = VM_DATA + (unsigned int)i * part;
		struct kvm_mp_state run = { .mp_state = KVM_MP_STATE_RUNNABLE };

		vcpu_create(&shared_vm, &shared_vcpu[i], i);
		vcpu_long_mode(&shared_vcpu[i]);
		/* All but the first would wait to be woken. */
		if (ioctl(shared_vcpu[i].fd, KVM_SET_MP_STATE, &run))
			ktap_bail("KVM_SET_MP_STATE: %s", strerror(errno));
		vcpu_start(&shared_vcpu[i], VM_CODE, from, from + part,
			   (uint64_t)i << 48);
		thread_start(&t[i], processor, &shared_vcpu[i]);
	}
	for (int i = 0; i < GUESTS; i++) {
		thread_join(&t[i]);
		vcpu_destroy(&shared_vcpu[i]);
	}
	vm_destroy(&shared_vm);
	ktap_ok(!test_errors_take(), "one guest with %d processors", GUESTS);
}

/* A process that is no VMM, on the same CPU as one. */
static void ordinary(void)
{
	char *mem = xmmap(1 << 18);
	uint64_t seed = 1;

	while (now_ms() < until) {
		fill(mem, 1 << 18, ++seed);
		for (int i = 0; i < 100; i++)
			CHECK(getppid() > 0);
		verify(mem, 1 << 18, seed);
	}
}

static void among_others(void)
{
	pid_t pid[2 * GUESTS];

	until = deadline_ms(3000);
	for (int i = 0; i < 2 * GUESTS; i++) {
		pid[i] = xfork();
		if (!pid[i]) {
			cpu_pin(i / 2);
			if (i & 1)
				ordinary();
			else
				guest_thread((void *)(uintptr_t)(i + 1));
			_exit(test_errors_take() != 0);
		}
	}
	for (int i = 0; i < 2 * GUESTS; i++)
		CHECK(wait_exit(pid[i]) == 0);
	ktap_ok(!test_errors_take(), "guests and ordinary processes share CPUs");
}

int main(void)
{
	const char *missing = kvm_missing();

	if (missing)
		ktap_skip_all("%s", missing);
	ktap_start(4);
	as_threads();
	as_processes();
	as_processors();
	among_others();
	return ktap_finish();
}
