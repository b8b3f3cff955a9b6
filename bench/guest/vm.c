// SPDX-License-Identifier: GPL-2.0
/*
 * VM exits: a guest of a few instructions in real mode. It takes a number from
 * its memory, executes CPUID that many times (each an exit that the kernel
 * handles), takes another and writes to a device that many times (which the kernel
 * notes in the ring for coalesced MMIO), and then writes to a port (an exit to user
 * space).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"
#include "clock.h"

#define GUEST_MEM 0x10000
#define GUEST_CODE 0x1000
#define GUEST_COUNT 0x800
#define GUEST_WRITES 0x802
#define GUEST_PORT 0x10
/* Where there is no memory, as real mode can reach it. */
#define GUEST_DEVICE 0x20000
#define PAGE 4096

/* Where VMX may put the task state segment it needs for real mode. */
#define TSS_ADDR 0xfffbd000

#define STR_(x) #x
#define STR(x) STR_(x)

extern const char guest_start[], guest_end[];

/* clang-format off */
__asm__(".section .rodata\n"
	"guest_start:\n"
	".code16\n"
	"1:	movw " STR(GUEST_COUNT) ", %si\n"
	"	testw %si, %si\n"
	"	jz 3f\n"
	"2:	xorw %ax, %ax\n"
	"	cpuid\n"
	"	decw %si\n"
	"	jnz 2b\n"
	"3:	movw " STR(GUEST_WRITES) ", %si\n"
	"	testw %si, %si\n"
	"	jz 5f\n"
	"4:	movw %si, %es:0\n"
	"	decw %si\n"
	"	jnz 4b\n"
	"5:	outb %al, $" STR(GUEST_PORT) "\n"
	"	jmp 1b\n"
	".code64\n"
	"guest_end:\n"
	".text\n");
/* clang-format on */

static struct {
	int kvm;
	int vm;
	int vcpu;
	struct kvm_run *run;
	int run_size;
	char *mem;
} vm;

static void vm_set_memory(void)
{
	struct kvm_userspace_memory_region region = {
		.memory_size = GUEST_MEM,
	};

	vm.mem = mmap(NULL, GUEST_MEM, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (vm.mem == MAP_FAILED)
		die("mmap");
	memcpy(vm.mem + GUEST_CODE, guest_start,
	       (size_t)(guest_end - guest_start));
	region.userspace_addr = (unsigned long)vm.mem;
	if (ioctl(vm.vm, KVM_SET_USER_MEMORY_REGION, &region))
		die("KVM_SET_USER_MEMORY_REGION");
}

static void vm_set_registers(void)
{
	struct kvm_regs regs = { .rip = GUEST_CODE, .rflags = 2 };
	struct kvm_sregs sregs;

	if (ioctl(vm.vcpu, KVM_GET_SREGS, &sregs))
		die("KVM_GET_SREGS");
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	sregs.es.base = GUEST_DEVICE;
	sregs.es.selector = GUEST_DEVICE >> 4;
	if (ioctl(vm.vcpu, KVM_SET_SREGS, &sregs))
		die("KVM_SET_SREGS");
	if (ioctl(vm.vcpu, KVM_SET_REGS, &regs))
		die("KVM_SET_REGS");
}

static void vm_run_to_port(void)
{
	while (ioctl(vm.vcpu, KVM_RUN, 0))
		if (errno != EINTR)
			die("KVM_RUN");
	if (vm.run->exit_reason != KVM_EXIT_IO ||
	    vm.run->io.port != GUEST_PORT) {
		errno = 0;
		die("the guest stopped with exit reason %u",
		    vm.run->exit_reason);
	}
}

/* Has the guest do @ops CPUIDs, up to and including its port write. */
static void vm_run(unsigned int ops)
{
	*(volatile uint16_t *)(vm.mem + GUEST_COUNT) = (uint16_t)ops;
	*(volatile uint16_t *)(vm.mem + GUEST_WRITES) = 0;
	vm_run_to_port();
}

/* The same with writes to the device; the ring has room for them. */
static void vm_write(unsigned int ops)
{
	struct kvm_coalesced_mmio_ring *ring =
		(void *)((char *)vm.run + KVM_COALESCED_MMIO_PAGE_OFFSET * PAGE);

	*(volatile uint16_t *)(vm.mem + GUEST_COUNT) = 0;
	*(volatile uint16_t *)(vm.mem + GUEST_WRITES) = (uint16_t)ops;
	vm_run_to_port();
	ring->first = ring->last;
}

static const char *vm_setup(void)
{
	vm.kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (vm.kvm < 0)
		return "there is no usable /dev/kvm";
	vm.vm = ioctl(vm.kvm, KVM_CREATE_VM, 0);
	if (vm.vm < 0)
		die("KVM_CREATE_VM");
	if (ioctl(vm.vm, KVM_SET_TSS_ADDR, TSS_ADDR))
		die("KVM_SET_TSS_ADDR");
	vm_set_memory();
	vm.vcpu = ioctl(vm.vm, KVM_CREATE_VCPU, 0);
	if (vm.vcpu < 0)
		die("KVM_CREATE_VCPU");
	vm.run_size = ioctl(vm.kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (vm.run_size < 0)
		die("KVM_GET_VCPU_MMAP_SIZE");
	vm.run = mmap(NULL, (size_t)vm.run_size, PROT_READ | PROT_WRITE,
		      MAP_SHARED, vm.vcpu, 0);
	if (vm.run == MAP_FAILED)
		die("mmap of the vcpu");
	vm_set_registers();
	vm_run(0);
	return NULL;
}

static void vm_teardown(void)
{
	munmap(vm.run, (size_t)vm.run_size);
	munmap(vm.mem, GUEST_MEM);
	close(vm.vcpu);
	close(vm.vm);
	close(vm.kvm);
}

static const char *vm_mmio_setup(void)
{
	struct kvm_coalesced_mmio_zone zone = { .addr = GUEST_DEVICE, .size = PAGE };
	const char *why = vm_setup();

	if (!why && ioctl(vm.vm, KVM_REGISTER_COALESCED_MMIO, &zone))
		die("KVM_REGISTER_COALESCED_MMIO");
	return why;
}

/* The one exit to user space at the end is in the empty window too. */
static uint64_t vmexit_kernel_run(unsigned int ops)
{
	uint64_t start = clock_now();

	vm_run(ops);
	return clock_now() - start;
}

static uint64_t vmexit_mmio_run(unsigned int ops)
{
	uint64_t start = clock_now();

	vm_write(ops);
	return clock_now() - start;
}

static uint64_t vmexit_user_run(unsigned int ops)
{
	uint64_t start = clock_now();

	while (ops--)
		vm_run(0);
	return clock_now() - start;
}

const struct bench bench_vmexit_kernel = {
	.name = "vmexit_kernel",
	.what = "VM exit handled in the kernel (CPUID)",
	.ops = 100,
	.vm_exits = 1,
	.setup = vm_setup,
	.run = vmexit_kernel_run,
	.teardown = vm_teardown,
};

const struct bench bench_vmexit_mmio = {
	.name = "vmexit_mmio",
	.what = "VM exit for a write that is coalesced (KVM's ring)",
	.ops = 100,
	.vm_exits = 1,
	.setup = vm_mmio_setup,
	.run = vmexit_mmio_run,
	.teardown = vm_teardown,
};

const struct bench bench_vmexit_user = {
	.name = "vmexit_user",
	.what = "VM exit to user space and back (port write)",
	.ops = 50,
	.syscalls = 1,
	.vm_exits = 1,
	.setup = vm_setup,
	.run = vmexit_user_run,
	.teardown = vm_teardown,
};
