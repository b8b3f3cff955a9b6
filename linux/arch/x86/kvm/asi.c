// SPDX-License-Identifier: GPL-2.0
/*
 * Address space isolation for virtual machines.
 *
 * A VM has the kvm domain of the mm that made it, which is the only one that may
 * run it.  A vCPU enters the domain right before the guest runs, and is relaxed
 * right after.  Until something faults, KVM handles exits of the guest in the
 * domain too; the next entry finds it loaded.
 *
 * The domain has the user half of its mm, the VMM: emulation reads guest memory
 * through it.  A guest is not isolated from its own VMM, see
 * Documentation/arch/x86/asi.rst.
 */
#include <linux/kvm_host.h>

#include <asm/asi.h>

#include "asi.h"

static int kvm_asi_class = -1;

/**
 * kvm_asi_register - register the class; KVM is loaded
 *
 * Return: 0, or an error of asi_register_class() if guests were to be isolated.
 */
int kvm_asi_register(void)
{
	int index = asi_register_class("kvm", NULL);

	if (index < 0)
		return asi_class_wanted("kvm") ? index : 0;

	kvm_asi_class = index;
	if (!asi_class_wanted("kvm"))
		asi_class_set_reason(index, "not asked for on the command line");
	return 0;
}

/* KVM is unloaded. */
void kvm_asi_unregister(void)
{
	if (kvm_asi_class >= 0)
		asi_unregister_class(kvm_asi_class);
	kvm_asi_class = -1;
}

/**
 * kvm_asi_init_vm - give a new VM its domain
 * @kvm: The VM, of current's mm.
 *
 * Return: 0, or an error of asi_init().
 */
int kvm_asi_init_vm(struct kvm *kvm)
{
	if (!asi_class_wanted("kvm"))
		return 0;
	return asi_init(kvm->mm, kvm_asi_class, &kvm->arch.asi);
}

/* The VM ends; it holds its mm until after this. */
void kvm_asi_destroy_vm(struct kvm *kvm)
{
	asi_destroy(kvm->arch.asi);
	kvm->arch.asi = NULL;
}
