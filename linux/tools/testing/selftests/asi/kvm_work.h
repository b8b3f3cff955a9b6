/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest that works on its memory and checks it: RDI to RSI, in steps of 64
 * bytes, each word its own address plus a seed (RDX) that changes every round.
 * It writes the number of the round to PORT_ROUND after each one, and the
 * address to PORT_WRONG when it finds what it did not write.
 */
#ifndef ASI_TEST_KVM_WORK_H
#define ASI_TEST_KVM_WORK_H

#include <errno.h>
#include <string.h>

#include "asi_test.h"
#include "kvm_vm.h"

#define WORK_STEP	64
#define WORK_SEED_STEP	0x9e3779b9UL

GUEST_CODE(work_loop,
	   "xor %r8d, %r8d\n"
	   "1:	mov %rdi, %rcx\n"
	   "2:	lea (%rcx,%rdx), %rax\n"
	   "mov %rax, (%rcx)\n"
	   "add $64, %rcx\n"
	   "cmp %rsi, %rcx\n"
	   "jb 2b\n"
	   "mov %rdi, %rcx\n"
	   "3:	lea (%rcx,%rdx), %rax\n"
	   "cmp %rax, (%rcx)\n"
	   "jne 4f\n"
	   "add $64, %rcx\n"
	   "cmp %rsi, %rcx\n"
	   "jb 3b\n"
	   "inc %r8d\n"
	   "mov %r8d, %eax\n"
	   "out %eax, $0x9b\n"
	   "mov $0x9e3779b9, %eax\n"
	   "add %rax, %rdx\n"
	   "jmp 1b\n"
	   "4:	mov %ecx, %eax\n"
	   "out %eax, $0x9a\n"
	   "jmp 4b\n");

/* A machine with one processor about to do that work. */
static inline void work_create(struct vm *vm, struct vcpu *vcpu, size_t size,
			       uint64_t seed)
{
	vm_create(vm, size, VM_IRQCHIP);
	vm_long_mode_tables(vm);
	vcpu_create(vm, vcpu, 0);
	vcpu_long_mode(vcpu);
	vm_load(vm, VM_CODE, work_loop);
	vcpu_start(vcpu, VM_CODE, VM_DATA, size, seed);
}

/* Runs to the end of the next round: its number, 0 when it did not get there. */
static inline uint32_t work_round(struct vcpu *vcpu)
{
	for (;;) {
		int reason = vcpu_run(vcpu);
		unsigned int port;
		uint32_t value;

		if (reason == -EINTR || reason == -EAGAIN)
			continue;
		if (reason < 0 || !vcpu_out(vcpu, &port, &value)) {
			test_error("guest stopped: %d", reason);
			return 0;
		}
		if (port == PORT_ROUND)
			return value;
		test_error("guest: wrong content at %#x", value);
		return 0;
	}
}

/* The VMM's own look at what the guest wrote in round @nr. */
static inline void work_verify(const struct vm *vm, uint64_t seed, uint32_t nr)
{
	seed += (nr - 1) * WORK_SEED_STEP;
	for (uint64_t at = VM_DATA; at < vm->size; at += WORK_STEP) {
		uint64_t got = *(volatile uint64_t *)(vm->mem + at);

		if (got == at + seed)
			continue;
		test_error("round %u: %#llx at guest address %#llx", nr,
			   (unsigned long long)got, (unsigned long long)at);
		return;
	}
}

static inline void work_destroy(struct vm *vm, struct vcpu *vcpu)
{
	vcpu_destroy(vcpu);
	vm_destroy(vm);
}

#endif /* ASI_TEST_KVM_WORK_H */
