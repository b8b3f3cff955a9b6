// SPDX-License-Identifier: GPL-2.0
/*
 * VM exits that KVM handles in the kernel: in steady state the restricted
 * address space is not left for them.
 *
 * The first two kinds need nothing of the guest's memory. The others are
 * instructions that KVM steps over: on a processor that does not say how long
 * they are (SVM without NRIPS, as QEMU emulates it) KVM decodes them, which
 * reads the guest's memory through the VMM's user mapping.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "asi_test.h"
#include "kvm_vm.h"

#define MSR_MISC_ENABLE	"0x1a0"
#define DONE		"out %eax, $0x99\n"

/*
 * A trap after each instruction: KVM intercepts #DB, and gives it back. The
 * traps left are counted in RDI; the handler shares it with what it interrupts.
 */
GUEST_CODE(trap_loop,
	   "pushfq\n"
	   "orq $0x100, (%rsp)\n"
	   "popfq\n"
	   "1:	jmp 1b\n");
GUEST_CODE(trap_handler,
	   "dec %rdi\n"
	   "jz 1f\n"
	   "iretq\n"
	   "1:	xor %eax, %eax\n"
	   DONE);

/* The interrupt mask of the in-kernel interrupt controller. */
GUEST_CODE(pic_loop,
	   "1:	in $0x21, %al\n"
	   "out %al, $0x21\n"
	   "sub $2, %rdi\n"
	   "ja 1b\n"
	   "xor %eax, %eax\n"
	   DONE);

GUEST_CODE(cpuid_loop,
	   "1:	xor %eax, %eax\n"
	   "cpuid\n"
	   "cmp %esi, %ebx\n"
	   "jne 2f\n"
	   "dec %rdi\n"
	   "jnz 1b\n"
	   "2:	mov %edi, %eax\n"
	   DONE);

GUEST_CODE(msr_loop,
	   "1:	mov $" MSR_MISC_ENABLE ", %ecx\n"
	   "rdmsr\n"
	   "wrmsr\n"
	   "sub $2, %rdi\n"
	   "ja 1b\n"
	   "xor %eax, %eax\n"
	   DONE);

static struct vm vm;
static struct vcpu vcpu;

static uint32_t vendor_ebx(void)
{
	uint32_t eax = 0, ebx, ecx, edx;

	asm("cpuid" : "+a" (eax), "=b" (ebx), "=c" (ecx), "=d" (edx));
	return ebx;
}

/* @n exits, and one more to user space at the end. */
static void guest_loop(unsigned long n, void *arg)
{
	(void)arg;
	vcpu_start(&vcpu, VM_CODE, n, vendor_ebx(), 0);
	CHECK(vcpu_until_done(&vcpu) == 0);
}

static void measure(const char *name, unsigned long n)
{
	const char *off = asi_class_off("kvm");
	uint64_t exits = vcpu_exits(&vcpu);
	struct asi_stats best;
	char what[100];

	guest_loop(n, NULL);
	exits = vcpu_exits(&vcpu) - exits;
	ktap_ok(!test_errors_take() && (exits >= n || !vcpu.exits_at),
		"%s: %lu operations make %llu VM exits", name, n,
		(unsigned long long)exits);

	snprintf(what, sizeof(what), "%s: 0 exits per VM exit in steady state",
		 name);
	if (off) {
		ktap_skip(what, "%s", off);
		return;
	}
	steady_measure("kvm", guest_loop, NULL, n, &best);
	asi_stats_note(name, &best);
	/* Without a domain for user mode, its end leaves: once a window. */
	if (asi_class_off("user") && best.v[ASI_EXITS_USER] == 1) {
		best.v[ASI_EXITS_USER] = 0;
		best.v[ASI_EXITS]--;
	}
	ktap_ok(!test_errors_take() && steady_check(&best, n), "%s", what);
}

static void runs_restricted(void)
{
	static const char name[] = "KVM_RUN enters the domain of class kvm";
	const char *off = asi_class_off("kvm");
	struct asi_stats before, after;

	if (off) {
		ktap_skip(name, "%s", off);
		return;
	}
	asi_stats_read("kvm", &before);
	/* On the way back to user mode the domain of class kvm is left. */
	for (int i = 0; i < 10; i++)
		guest_loop(10, NULL);
	asi_stats_read("kvm", &after);
	ktap_ok(after.v[ASI_ENTERS] >= before.v[ASI_ENTERS] + 10 &&
		(!asi_debugfs() || asi_has_domain(getpid(), "kvm")),
		"%s", name);
}

int main(void)
{
	const char *missing = kvm_missing();
	unsigned long n = scaled(10000) + 1000;

	if (missing)
		ktap_skip_all("%s", missing);
	ktap_start(9);
	cpu_pin(0);
	vm_create(&vm, 4 << 20, VM_IRQCHIP);
	vm_long_mode_tables(&vm);
	vcpu_create(&vm, &vcpu, 0);
	vcpu_long_mode(&vcpu);

	vm_load(&vm, VM_CODE, trap_loop);
	vm_load(&vm, VM_CODE + 0x1000, trap_handler);
	vm_idt_gate(&vm, 1, VM_CODE + 0x1000);
	runs_restricted();
	measure("intercepted trap", n);
	vm_load(&vm, VM_CODE, pic_loop);
	measure("port of the interrupt controller", n);
	vm_load(&vm, VM_CODE, cpuid_loop);
	measure("CPUID", n);
	vm_load(&vm, VM_CODE, msr_loop);
	measure("RDMSR and WRMSR", n);
	vcpu_destroy(&vcpu);
	vm_destroy(&vm);
	return ktap_finish();
}
