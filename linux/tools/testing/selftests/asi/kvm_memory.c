// SPDX-License-Identifier: GPL-2.0
/*
 * A guest's memory: first touch by the guest, first touch by the VMM, pages
 * taken away under the running guest, copy on write, huge pages.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "kvm_work.h"

#define SIZE	(6UL << 20)

/* Sum of the words, 64 bytes apart, from RDI to RSI. */
GUEST_CODE(sum_loop,
	   "xor %eax, %eax\n"
	   "1:	add (%rdi), %rax\n"
	   "add $64, %rdi\n"
	   "cmp %rsi, %rdi\n"
	   "jb 1b\n"
	   "mov %rax, %rdx\n"
	   "shr $32, %rdx\n"
	   "xor %edx, %eax\n"
	   "out %eax, $0x99\n");

static uint32_t sum_of(const char *from, const char *to)
{
	uint64_t sum = 0;

	for (; from < to; from += WORK_STEP)
		sum += *(const uint64_t *)from;
	return (uint32_t)sum ^ (uint32_t)(sum >> 32);
}

static struct vm vm;
static struct vcpu vcpu;

static void first_touch_by_guest(void)
{
	for (unsigned long i = 0; i < scaled(4); i++) {
		work_create(&vm, &vcpu, SIZE, i * 1000);
		CHECK(work_round(&vcpu) == 1);
		work_verify(&vm, i * 1000, 1);
		work_destroy(&vm, &vcpu);
	}
	ktap_ok(!test_errors_take(), "first touch by the guest");
}

static void guest_sums(void)
{
	uint32_t want = sum_of(vm.mem + VM_DATA, vm.mem + SIZE);

	vcpu_start(&vcpu, VM_CODE, VM_DATA, SIZE, 0);
	CHECK(vcpu_until_done(&vcpu) == want);
}

/* What the VMM wrote, the guest reads; then both after each other. */
static void first_touch_by_vmm(void)
{
	work_create(&vm, &vcpu, SIZE, 0);
	vm_load(&vm, VM_CODE, sum_loop);
	for (unsigned long i = 0; i < scaled(6); i++) {
		fill(vm.mem + VM_DATA, SIZE - VM_DATA, i);
		guest_sums();
	}
	ktap_ok(!test_errors_take(), "the guest reads what the VMM wrote");
}

/* The guest's view follows the VMM's: discarded pages read as zero. */
static void discarded(void)
{
	size_t part = 1 << 20;

	for (unsigned long i = 0; i < scaled(10); i++) {
		char *at = vm.mem + VM_DATA + (i % 4) * part;

		guest_sums();
		CHECK(!madvise(at, part, MADV_DONTNEED));
		guest_sums();
		fill(at, part, i + 100);
		guest_sums();
	}
	ktap_ok(!test_errors_take(), "pages taken away from a guest");
}

/* A child has a copy; the guest works on the parent's pages. */
static void shared_by_fork(void)
{
	for (unsigned long i = 0; i < scaled(5); i++) {
		pid_t pid;

		fill(vm.mem + VM_DATA, SIZE - VM_DATA, i);
		madvise(vm.mem, SIZE, MADV_DOFORK);
		pid = xfork();
		if (!pid) {
			sleep_ms(5);
			verify(vm.mem + VM_DATA, SIZE - VM_DATA, i);
			_exit(test_errors_take() != 0);
		}
		fill(vm.mem + VM_DATA, SIZE - VM_DATA, i + 7);
		guest_sums();
		CHECK(wait_exit(pid) == 0);
	}
	ktap_ok(!test_errors_take(), "guest memory shared by fork");
	work_destroy(&vm, &vcpu);
}

/* The guest works while a thread of the VMM discards and rewrites elsewhere. */
static atomic_bool stop;

static void *disturb(void *arg)
{
	char *elsewhere = arg;

	cpu_pin(1);
	while (!atomic_load(&stop)) {
		madvise(elsewhere, 1 << 20, MADV_DONTNEED);
		fill(elsewhere, 1 << 20, 5);
		verify(elsewhere, 1 << 20, 5);
		sleep_ms(1);
	}
	return NULL;
}

static void while_disturbed(void)
{
	uint64_t until = deadline_ms(3000);
	struct thread t;
	uint32_t nr = 0;

	work_create(&vm, &vcpu, SIZE, 3);
	vcpu_start(&vcpu, VM_CODE, VM_DATA, SIZE / 2, 3);
	thread_start(&t, disturb, vm.mem + SIZE - (2 << 20));
	cpu_pin(0);
	do {
		uint32_t now = work_round(&vcpu);

		CHECK(now == ++nr);
		if (now != nr)
			break;
	} while (now_ms() < until);
	atomic_store(&stop, true);
	thread_join(&t);
	cpu_unpin();
	work_destroy(&vm, &vcpu);
	ktap_note("%u rounds", nr);
	ktap_ok(!test_errors_take(), "other pages change under a running guest");
}

int main(void)
{
	const char *missing = kvm_missing();

	if (missing)
		ktap_skip_all("%s", missing);
	ktap_start(5);
	first_touch_by_guest();
	first_touch_by_vmm();
	discarded();
	shared_by_fork();
	while_disturbed();
	return ktap_finish();
}
