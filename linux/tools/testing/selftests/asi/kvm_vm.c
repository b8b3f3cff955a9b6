// SPDX-License-Identifier: GPL-2.0
/* Small virtual machines for the tests: see kvm_vm.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "asi_test.h"
#include "kvm_vm.h"

#define PAGE_TABLES	0x2000UL
#define GDT		0x8000UL
#define TSS		0x9000UL
#define MAX_CPUID	256

/* Where VMX without unrestricted mode keeps what real mode needs. */
#define TSS_ADDR	0xfffbd000UL
#define IDENTITY_ADDR	0xfffbc000UL

/* Younger than some headers of the system. */
#ifndef KVM_X86_SW_PROTECTED_VM
#define KVM_X86_SW_PROTECTED_VM	1
#endif

#define SEL_CODE	0x08
#define SEL_DATA	0x10
#define SEL_TSS		0x18

const char *kvm_missing(void)
{
	static char why[80];
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		snprintf(why, sizeof(why), "/dev/kvm: %s", strerror(errno));
		return why;
	}
	close(fd);
	return NULL;
}

/* An ioctl without which there is no test. */
static int need(int fd, unsigned long request, unsigned long arg,
		const char *name)
{
	int ret = ioctl(fd, request, arg);

	if (ret < 0)
		ktap_bail("%s: %s", name, strerror(errno));
	return ret;
}

#define NEED(fd, request, arg) need(fd, request, (unsigned long)(arg), #request)

void vm_create(struct vm *vm, size_t size, unsigned int flags)
{
	struct kvm_userspace_memory_region slot = { .memory_size = size };
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
	uint64_t identity = IDENTITY_ADDR;

	vm->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (vm->kvm < 0)
		ktap_bail("/dev/kvm: %s", strerror(errno));
	vm->run_size = (size_t)NEED(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	vm->fd = NEED(vm->kvm, KVM_CREATE_VM,
		      flags & VM_PROTECTED ? KVM_X86_SW_PROTECTED_VM : 0);
	vm->size = size;
	vm->mem = xmmap(size);
	slot.userspace_addr = (uintptr_t)vm->mem;
	NEED(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &identity);
	NEED(vm->fd, KVM_SET_TSS_ADDR, TSS_ADDR);
	NEED(vm->fd, KVM_SET_USER_MEMORY_REGION, &slot);
	if (flags & VM_IRQCHIP)
		NEED(vm->fd, KVM_CREATE_IRQCHIP, 0);
	if (flags & VM_PIT)
		NEED(vm->fd, KVM_CREATE_PIT2, &pit);
}

void vm_destroy(struct vm *vm)
{
	close(vm->fd);
	close(vm->kvm);
	munmap(vm->mem, vm->size);
}

static void set_cpuid(struct vm *vm, struct vcpu *vcpu)
{
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) +
			MAX_CPUID * sizeof(struct kvm_cpuid_entry2));

	if (!cpuid)
		ktap_bail("out of memory");
	cpuid->nent = MAX_CPUID;
	NEED(vm->kvm, KVM_GET_SUPPORTED_CPUID, cpuid);
	NEED(vcpu->fd, KVM_SET_CPUID2, cpuid);
	free(cpuid);
}

/* KVM describes its statistics itself: look for the one named "exits". */
static void find_exits(struct vcpu *vcpu)
{
	struct kvm_stats_header head;
	char text[sizeof(struct kvm_stats_desc) + 256];
	struct kvm_stats_desc *desc = (struct kvm_stats_desc *)text;
	size_t size;

	vcpu->exits_at = 0;
	vcpu->stats_fd = ioctl(vcpu->fd, KVM_GET_STATS_FD, 0);
	if (vcpu->stats_fd < 0 ||
	    pread(vcpu->stats_fd, &head, sizeof(head), 0) != sizeof(head))
		return;
	size = sizeof(*desc) + head.name_size;
	if (size > sizeof(text))
		return;
	for (uint32_t i = 0; i < head.num_desc; i++) {
		off_t at = (off_t)(head.desc_offset + i * size);

		if (pread(vcpu->stats_fd, text, size, at) != (ssize_t)size)
			return;
		if (!strcmp(desc->name, "exits"))
			vcpu->exits_at = (off_t)(head.data_offset +
						 desc->offset);
	}
}

uint64_t vcpu_exits(const struct vcpu *vcpu)
{
	uint64_t n;

	if (!vcpu->exits_at || pread(vcpu->stats_fd, &n, sizeof(n),
				     vcpu->exits_at) != sizeof(n))
		return 0;
	return n;
}

void vcpu_create(struct vm *vm, struct vcpu *vcpu, int id)
{
	vcpu->id = id;
	vcpu->fd = NEED(vm->fd, KVM_CREATE_VCPU, id);
	vcpu->run_size = vm->run_size;
	vcpu->run = mmap(NULL, vm->run_size, PROT_READ | PROT_WRITE,
			 MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED)
		ktap_bail("mmap of kvm_run: %s", strerror(errno));
	set_cpuid(vm, vcpu);
	find_exits(vcpu);
}

void vcpu_destroy(struct vcpu *vcpu)
{
	munmap(vcpu->run, vcpu->run_size);
	if (vcpu->stats_fd >= 0)
		close(vcpu->stats_fd);
	close(vcpu->fd);
}

/* One to one up to 4 GiB, in pages of 2 MiB. */
void vm_long_mode_tables(struct vm *vm)
{
	uint64_t *table = (uint64_t *)(vm->mem + PAGE_TABLES);
	uint64_t *gdt = (uint64_t *)(vm->mem + GDT);

	table[0] = (PAGE_TABLES + 0x1000) | 3;
	for (unsigned int i = 0; i < 4; i++)
		table[512 + i] = (PAGE_TABLES + 0x2000 + i * 0x1000) | 3;
	for (unsigned long i = 0; i < 4 * 512; i++)
		table[1024 + i] = i << 21 | 0x83;
	gdt[SEL_CODE / 8] = 0x00af9b000000ffffULL;
	gdt[SEL_DATA / 8] = 0x00cf93000000ffffULL;
	gdt[SEL_TSS / 8] = 0x00008b0000000067ULL | TSS << 16;
	gdt[SEL_TSS / 8 + 1] = 0;
}

void vm_idt_gate(struct vm *vm, unsigned int vector, uint64_t handler)
{
	uint64_t *gate = (uint64_t *)(vm->mem + VM_IDT) + 2 * vector;

	gate[0] = (handler & 0xffff) | (uint64_t)SEL_CODE << 16 |
		  0x8eULL << 40 | (handler >> 16 & 0xffff) << 48;
	gate[1] = handler >> 32;
}

void vcpu_long_mode(struct vcpu *vcpu)
{
	const struct kvm_segment code = {
		.limit = ~0U, .selector = SEL_CODE, .type = 11, .present = 1,
		.s = 1, .l = 1, .g = 1,
	}, data = {
		.limit = ~0U, .selector = SEL_DATA, .type = 3, .present = 1,
		.s = 1, .db = 1, .g = 1,
	}, tss = {
		.base = TSS, .limit = 0x67, .selector = SEL_TSS, .type = 11,
		.present = 1,
	};
	struct kvm_sregs s;

	NEED(vcpu->fd, KVM_GET_SREGS, &s);
	s.cs = code;
	s.ds = data;
	s.es = data;
	s.fs = data;
	s.gs = data;
	s.ss = data;
	s.tr = tss;
	s.gdt.base = GDT;
	s.gdt.limit = SEL_TSS + 15;
	s.idt.base = VM_IDT;
	s.idt.limit = 0xfff;
	/* PAE, then PE, ET, NE and PG, then LME and LMA. */
	s.cr3 = PAGE_TABLES;
	s.cr4 = 1U << 5;
	s.cr0 = 0x80000031U;
	s.efer = 0x500;
	NEED(vcpu->fd, KVM_SET_SREGS, &s);
}

void vcpu_start(struct vcpu *vcpu, uint64_t rip, uint64_t rdi, uint64_t rsi,
		uint64_t rdx)
{
	struct kvm_regs regs = {
		.rip = rip, .rdi = rdi, .rsi = rsi, .rdx = rdx,
		.rsp = VM_STACK(vcpu->id), .rflags = 2,
	};

	NEED(vcpu->fd, KVM_SET_REGS, &regs);
}

int vcpu_run(struct vcpu *vcpu)
{
	if (ioctl(vcpu->fd, KVM_RUN, 0) < 0)
		return -errno;
	return (int)vcpu->run->exit_reason;
}

bool vcpu_out(const struct vcpu *vcpu, unsigned int *port, uint32_t *value)
{
	const struct kvm_run *run = vcpu->run;

	if (run->exit_reason != KVM_EXIT_IO ||
	    run->io.direction != KVM_EXIT_IO_OUT || run->io.count != 1)
		return false;
	*port = run->io.port;
	*value = 0;
	memcpy(value, (const char *)run + run->io.data_offset, run->io.size);
	return true;
}

uint32_t vcpu_until_done(struct vcpu *vcpu)
{
	for (;;) {
		int reason = vcpu_run(vcpu);
		unsigned int port;
		uint32_t value;

		if (reason == -EINTR || reason == -EAGAIN)
			continue;
		if (reason < 0) {
			test_error("KVM_RUN: %s", strerror(-reason));
			return ~0U;
		}
		if (!vcpu_out(vcpu, &port, &value)) {
			test_error("guest stopped with exit reason %d", reason);
			return ~0U;
		}
		if (port == PORT_WRONG)
			test_error("guest: wrong content at %#x", value);
		if (port != PORT_ROUND)
			return value;
	}
}
