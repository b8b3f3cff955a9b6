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

/* Private memory is younger than some headers of the system. */
#define CAP_GUEST_MEMFD		234
#define CAP_VM_TYPES		235
#define MEM_GUEST_MEMFD		(1U << 2)
#define ATTRIBUTE_PRIVATE	(1ULL << 3)

struct private_file {
	uint64_t size, flags, reserved[6];
};

struct private_slot {
	uint32_t slot, flags;
	uint64_t gpa, size, userspace_addr, offset;
	uint32_t fd, pad1;
	uint64_t pad2[14];
};

struct private_range {
	uint64_t gpa, size, attributes, flags;
};

#define SET_USER_MEMORY_REGION2	_IOW(KVMIO, 0x49, struct private_slot)
#define SET_MEMORY_ATTRIBUTES	_IOW(KVMIO, 0xd2, struct private_range)
#define CREATE_GUEST_MEMFD	_IOWR(KVMIO, 0xd4, struct private_file)

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

/* Word by word through one register, so that the processor keeps no two of them. */
GUEST_CODE(store_private,
	   "xor %ecx, %ecx\n"
	   "1:	mov (%rdi,%rcx,8), %rax\n"
	   "xor %rsi, %rax\n"
	   "mov %rax, (%rdx,%rcx,8)\n"
	   "inc %ecx\n"
	   "cmp $4, %ecx\n"
	   "jne 1b\n"
	   "xor %eax, %eax\n"
	   "1:	out %eax, $0x99\n"
	   "jmp 1b\n");

/* 32 bytes in one go. */
GUEST_CODE(read_port,
	   "mov $0x99, %edx\n"
	   "mov $32, %ecx\n"
	   "cld\n"
	   "rep insb\n"
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
			  size_t len, unsigned int flags)
{
	need_kvm();
	vm_create(vm, VM_SIZE, flags);
	vm_long_mode_tables(vm);
	vcpu_create(vm, vcpu, 0);
	vcpu_long_mode(vcpu);
	memcpy(vm->mem + VM_CODE, code, len);
	vcpu_start(vcpu, VM_CODE, VM_MASKED, MASK, VM_NOWHERE);
}

#define START(vm, vcpu, code, flags)					\
	start_machine(vm, vcpu, code, (size_t)(code##_end - (code)), flags)

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

	START(&vm, &vcpu, do_nothing, 0);
	secret_write(vm.mem + VM_DATA);
	run_to_port(&vcpu);
}

static void plant_kvm_gpr(void)
{
	struct vcpu vcpu;
	struct vm vm;

	START(&vm, &vcpu, load_registers, 0);
	put_masked(&vm);
	run_to_port(&vcpu);
}

static void plant_kvm_fpu(void)
{
	struct vcpu vcpu;
	struct vm vm;

	START(&vm, &vcpu, load_fpu, 0);
	put_masked(&vm);
	run_to_port(&vcpu);
}

/* The operand of an instruction stays in the emulator, until it needs the room. */
static void plant_kvm_emulator(void)
{
	struct vcpu vcpu;
	struct vm vm;

	START(&vm, &vcpu, store_nowhere, 0);
	put_masked(&vm);
	run_to_port(&vcpu);
}

/* The monitor answers the guest, and the answer stays in the page between them. */
static void plant_kvm_pio(void)
{
	struct kvm_run *run;
	struct vcpu vcpu;
	struct vm vm;

	START(&vm, &vcpu, read_port, 0);
	run_to_port(&vcpu);
	run = vcpu.run;
	if (run->io.direction != KVM_EXIT_IO_IN ||
	    run->io.size * run->io.count < SECRET_SIZE)
		failed("the guest reads %u times %u bytes", run->io.count,
		       run->io.size);
	secret_write((char *)run + run->io.data_offset);
	run_to_port(&vcpu);
}

/* Behind those that the processor itself shares with its monitor. */
static void plant_kvm_coalesced(void)
{
	struct vcpu vcpu;
	struct vm vm;
	int page;

	START(&vm, &vcpu, do_nothing, 0);
	run_to_port(&vcpu);
	page = (int)available(ioctl(vm.kvm, KVM_CHECK_EXTENSION,
				    KVM_CAP_COALESCED_MMIO),
			      "KVM_CAP_COALESCED_MMIO");
	if (!page)
		missing("KVM has no ring for MMIO here");
	secret_write((char *)vcpu.run + (size_t)(page + 1) * PAGE - 512);
}

/* Memory at @gpa that the guest alone has, as far as it says so. */
static void add_private_memory(struct vm *vm, uint64_t gpa, size_t size)
{
	struct private_file file = { .size = size };
	struct private_slot slot = {
		.slot = 1, .flags = MEM_GUEST_MEMFD, .gpa = gpa, .size = size,
		.userspace_addr = (uintptr_t)map_anon(size),
	};
	struct private_range range = {
		.gpa = gpa, .size = size, .attributes = ATTRIBUTE_PRIVATE,
	};

	slot.fd = (uint32_t)need(ioctl(vm->fd, CREATE_GUEST_MEMFD, &file),
				 "KVM_CREATE_GUEST_MEMFD");
	need(ioctl(vm->fd, SET_USER_MEMORY_REGION2, &slot),
	     "KVM_SET_USER_MEMORY_REGION2");
	need(ioctl(vm->fd, SET_MEMORY_ATTRIBUTES, &range),
	     "KVM_SET_MEMORY_ATTRIBUTES");
}

static void plant_guest_memfd(void)
{
	struct vcpu vcpu;
	struct vm vm;
	int fd;

	need_kvm();
	fd = (int)need(open("/dev/kvm", O_RDWR), "/dev/kvm");
	if (ioctl(fd, KVM_CHECK_EXTENSION, CAP_GUEST_MEMFD) <= 0 ||
	    !(ioctl(fd, KVM_CHECK_EXTENSION, CAP_VM_TYPES) & 2))
		missing("KVM has no guest_memfd here");
	START(&vm, &vcpu, store_private, VM_PROTECTED);
	add_private_memory(&vm, VM_NOWHERE, VM_SIZE);
	put_masked(&vm);
	run_to_port(&vcpu);
}

void idle_machine(void)
{
	struct vcpu vcpu;
	struct vm vm;

	START(&vm, &vcpu, do_nothing, 0);
	run_to_port(&vcpu);
}

const struct kind vm_kinds[] = {
	{ "kvm-memory", plant_kvm_memory },
	{ "kvm-gpr", plant_kvm_gpr },
	{ "kvm-fpu", plant_kvm_fpu },
	{ "kvm-emulator", plant_kvm_emulator },
	{ "kvm-pio", plant_kvm_pio },
	{ "kvm-coalesced", plant_kvm_coalesced },
	{ "guest-memfd", plant_guest_memfd },
	{ }
};
