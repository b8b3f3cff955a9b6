/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Virtual machines just large enough for the tests: one memory slot from
 * address 0, processors that start in 64-bit mode with flat segments and
 * memory mapped one to one.
 *
 * Layout of the first MiB of such a guest:
 *   0x1000   IDT		0x2000   page tables, up to 0x8000
 *   0x8000   GDT		0x9000   TSS
 *   0x10000  code		0x20000  stacks, 4 KiB a processor, growing down
 */
#ifndef ASI_TEST_KVM_VM_H
#define ASI_TEST_KVM_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/kvm.h>

#define VM_CODE		0x10000UL
#define VM_IDT		0x1000UL
#define VM_STACK(id)	(0x20000UL + 0x1000UL * (unsigned int)((id) + 1))
#define VM_DATA		0x100000UL

/* Guests end by writing to this port, the result in EAX. */
#define PORT_DONE	0x99
/* Guests that found wrong memory write here, the address in EAX. */
#define PORT_WRONG	0x9a
/* Guests that go on write here after each round, its number in EAX. */
#define PORT_ROUND	0x9b

struct vm {
	int kvm;
	int fd;
	char *mem;
	size_t size;
	size_t run_size;
};

struct vcpu {
	int id;
	int fd;
	struct kvm_run *run;
	size_t run_size;
	int stats_fd;
	/* Where in the statistics the number of exits is; 0 when unknown. */
	off_t exits_at;
};

/* What vm_create() adds to an empty machine. */
enum { VM_IRQCHIP = 1, VM_PIT = 2, VM_PROTECTED = 4 };

/** kvm_missing() - Why there is no KVM here; NULL when there is. */
const char *kvm_missing(void);

/**
 * vm_create() - A machine with memory, or the end of the test
 * @vm: the machine
 * @size: of its memory, in bytes
 * @flags: VM_IRQCHIP, VM_PIT; VM_PROTECTED: may have private memory
 */
void vm_create(struct vm *vm, size_t size, unsigned int flags);
void vm_destroy(struct vm *vm);

/** vcpu_create() - Processor @id with all features that KVM supports. */
void vcpu_create(struct vm *vm, struct vcpu *vcpu, int id);
void vcpu_destroy(struct vcpu *vcpu);

/** vm_long_mode_tables() - Tables for 64-bit mode, once per machine. */
void vm_long_mode_tables(struct vm *vm);

/** vcpu_long_mode() - Put a processor into 64-bit mode. */
void vcpu_long_mode(struct vcpu *vcpu);

/** vm_idt_gate() - Interrupt gate @vector leads to @handler. */
void vm_idt_gate(struct vm *vm, unsigned int vector, uint64_t handler);

/** vcpu_start() - The next run starts at @rip with three arguments. */
void vcpu_start(struct vcpu *vcpu, uint64_t rip, uint64_t rdi, uint64_t rsi,
		uint64_t rdx);

/** vcpu_run() - KVM_RUN. Returns the exit reason, or -errno. */
int vcpu_run(struct vcpu *vcpu);

/** vcpu_out() - Was the exit a write to a port? Then its number and data. */
bool vcpu_out(const struct vcpu *vcpu, unsigned int *port, uint32_t *value);

/** vcpu_until_done() - Run to PORT_DONE; its value, or an error noted. */
uint32_t vcpu_until_done(struct vcpu *vcpu);

/** vcpu_exits() - Exits that KVM counted for this processor; 0: unknown. */
uint64_t vcpu_exits(const struct vcpu *vcpu);

/*
 * GUEST_CODE(name, text) - 64-bit code that vm_load() copies into a guest. It
 * must not depend on where it is.
 */
#define GUEST_CODE(name, text)						\
	extern const char name[], name##_end[];				\
	asm(".pushsection .rodata\n" #name ":\n" text "\n"		\
	    #name "_end:\n.popsection\n")

#define vm_load(vm, addr, name)						\
	memcpy((vm)->mem + (addr), name, (size_t)(name##_end - (name)))

#endif /* ASI_TEST_KVM_VM_H */
