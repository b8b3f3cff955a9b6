// SPDX-License-Identifier: GPL-2.0
/* Virtual machines: memory and registers of guests, what KVM has of them. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>

#include "asi_test.h"
#include "kvm_vm.h"

#include "machine.h"
#include "plant.h"

#define VM_SIZE		(2UL << 20)
/* Where the guest finds the masked words, and where it has no memory. */
#define VM_MASKED	VM_DATA
#define VM_NOWHERE	(2 * VM_SIZE)
#define CAP_GUEST_MEMFD	234

/* R8 to R11: KVM keeps them next to each other. */
GUEST_CODE(load_registers,
	   "mov 0(%rdi), %r8\n"
	   "mov 8(%rdi), %r9\n"
	   "mov 16(%rdi), %r10\n"
	   "mov 24(%rdi), %r11\n"
	   "xor %rsi, %r8\n"
	   "xor %rsi, %r9\n"
	   "xor %rsi, %r10\n"
	   "xor %rsi, %r11\n"
	   "1:	out %eax, $0x99\n"
	   "jmp 1b\n");

/* CR4.OSFXSR is needed for these instructions. */
GUEST_CODE(load_fpu,
	   "mov %cr4, %rax\n"
	   "or $0x200, %eax\n"
	   "mov %rax, %cr4\n"
	   "movups 0(%rdi), %xmm0\n"
	   "movups 16(%rdi), %xmm1\n"
	   "movq %rsi, %xmm2\n"
	   "punpcklqdq %xmm2, %xmm2\n"
	   "pxor %xmm2, %xmm0\n"
	   "pxor %xmm2, %xmm1\n"
	   "1:	out %eax, $0x99\n"
	   "jmp 1b\n");

/* To where there is no memory: KVM emulates the store. */
GUEST_CODE(store_nowhere,
	   "mov %cr4, %rax\n"
	   "or $0x200, %eax\n"
	   "mov %rax, %cr4\n"
	   "movups 0(%rdi), %xmm0\n"
	   "movq %rsi, %xmm2\n"
	   "punpcklqdq %xmm2, %xmm2\n"
	   "pxor %xmm2, %xmm0\n"
	   "movups %xmm0, (%rdx)\n"
	   "pxor %xmm0, %xmm0\n"
	   "1:	out %eax, $0x99\n"
	   "jmp 1b\n");

GUEST_CODE(do_nothing,
	   "1:	out %eax, $0x99\n"
	   "jmp 1b\n");

static void need_kvm(void)
{
	const char *why = kvm_missing();

	if (why)
		missing("%s", why);
}

static void start_machine(struct vm *vm, struct vcpu *vcpu, const char *code,
			  size_t len)
{
	need_kvm();
	vm_create(vm, VM_SIZE, 0);
	vm_long_mode_tables(vm);
	vcpu_create(vm, vcpu, 0);
	vcpu_long_mode(vcpu);
	memcpy(vm->mem + VM_CODE, code, len);
	vcpu_start(vcpu, VM_CODE, VM_MASKED, MASK, VM_NOWHERE);
}

#define START(vm, vcpu, code)						\
	start_machine(vm, vcpu, code, (size_t)(code##_end - (code)))

/* Until the guest writes to its port the first time. */
static void run_to_port(struct vcpu *vcpu)
{
	int reason;

	do
		reason = vcpu_run(vcpu);
	while (reason == KVM_EXIT_MMIO);
	if (reason != KVM_EXIT_IO)
		failed("the guest ended with exit reason %d", reason);
}

static void put_masked(struct vm *vm)
{
	volatile uint64_t *to = (volatile uint64_t *)(vm->mem + VM_MASKED);

	for (unsigned int i = 0; i < SECRET_WORDS; i++)
		to[i] = masked_word(i);
}

static void plant_kvm_memory(void)
{
	struct vcpu vcpu;
	struct vm vm;

	START(&vm, &vcpu, do_nothing);
	secret_write(vm.mem + VM_DATA);
	run_to_port(&vcpu);
}

static void plant_kvm_gpr(void)
{
	struct vcpu vcpu;
	struct vm vm;

	START(&vm, &vcpu, load_registers);
	put_masked(&vm);
	run_to_port(&vcpu);
}

static void plant_kvm_fpu(void)
{
	struct vcpu vcpu;
	struct vm vm;

	START(&vm, &vcpu, load_fpu);
	put_masked(&vm);
	run_to_port(&vcpu);
}

/* The operand of an instruction stays in the emulator, until it needs the room. */
static void plant_kvm_emulator(void)
{
	struct vcpu vcpu;
	struct vm vm;

	START(&vm, &vcpu, store_nowhere);
	put_masked(&vm);
	run_to_port(&vcpu);
}

static void plant_guest_memfd(void)
{
	int fd;

	need_kvm();
	fd = (int)need(open("/dev/kvm", O_RDWR), "/dev/kvm");
	if (ioctl(fd, KVM_CHECK_EXTENSION, CAP_GUEST_MEMFD) <= 0)
		missing("KVM has no guest_memfd here");
	failed("guest_memfd is there, and nobody has written how to plant in it");
}

void idle_machine(void)
{
	struct vcpu vcpu;
	struct vm vm;

	START(&vm, &vcpu, do_nothing);
	run_to_port(&vcpu);
}

const struct kind vm_kinds[] = {
	{ "kvm-memory", plant_kvm_memory },
	{ "kvm-gpr", plant_kvm_gpr },
	{ "kvm-fpu", plant_kvm_fpu },
	{ "kvm-emulator", plant_kvm_emulator },
	{ "guest-memfd", plant_guest_memfd },
	{ }
};
