/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Address space isolation for virtual machines: what KVM's own code calls.
 */
#ifndef __KVM_X86_ASI_H
#define __KVM_X86_ASI_H

#include <linux/kvm_host.h>

#include <asm/asi.h>
#include <asm/mmu_context.h>

#ifdef CONFIG_MITIGATION_ADDRESS_SPACE_ISOLATION

void asi_loaded_by_cpu(struct asi *asi);

#ifdef CONFIG_ASI_DEBUG
void asi_debug_guest(struct asi *asi);
#else
static __always_inline void asi_debug_guest(struct asi *asi) { }
#endif

int kvm_asi_register(void);
void kvm_asi_unregister(void);
int kvm_asi_init_vm(struct kvm *kvm);
void kvm_asi_destroy_vm(struct kvm *kvm);

/**
 * kvm_asi_enter - the guest is about to run
 * @vcpu: The vCPU, loaded.
 *
 * The last thing before the CPU's own state is exchanged.  With the class off,
 * the guest must not run in a domain of another class: the exit of the guest
 * would load a CR3 that may have been left meanwhile.
 *
 * Context: interrupts off.  noinstr.
 */
static __always_inline void kvm_asi_enter(struct kvm_vcpu *vcpu)
{
	if (!cpu_feature_enabled(X86_FEATURE_ASI))
		return;

	if (vcpu->kvm->arch.asi)
		asi_enter(vcpu->kvm->arch.asi);
	else
		asi_exit();
	asi_debug_guest(vcpu->kvm->arch.asi);
}

/**
 * kvm_asi_relax - the guest does not run any more
 * @vcpu: The vCPU.
 *
 * Context: as kvm_asi_enter(), as soon as the host's state is back.
 */
static __always_inline void kvm_asi_relax(struct kvm_vcpu *vcpu)
{
	if (cpu_feature_enabled(X86_FEATURE_ASI)) {
		asi_debug_guest(vcpu->kvm->arch.asi);
		asi_relax();
	}
}

/**
 * kvm_asi_exited - the CPU has loaded CR3 from the host state of the VMCS
 * @vcpu: The vCPU that ran.
 *
 * VMX only, right after the exit; not if the guest could not be entered.
 */
static __always_inline void kvm_asi_exited(struct kvm_vcpu *vcpu)
{
	if (cpu_feature_enabled(X86_FEATURE_ASI) && vcpu->kvm->arch.asi)
		asi_loaded_by_cpu(vcpu->kvm->arch.asi);
}

/**
 * kvm_asi_host_cr3 - what the exit of the guest is to load into CR3
 * @vcpu: The vCPU, loaded, not entered yet.
 *
 * The CPU goes from the guest straight into the domain that kvm_asi_enter()
 * will have entered.
 *
 * Context: interrupts off until the guest runs.
 * Return: the value for the VMCS.
 */
static inline unsigned long kvm_asi_host_cr3(struct kvm_vcpu *vcpu)
{
	if (cpu_feature_enabled(X86_FEATURE_ASI) && vcpu->kvm->arch.asi)
		return asi_current_cr3(vcpu->kvm->arch.asi);
	return __get_current_cr3_fast();
}

#else /* !CONFIG_MITIGATION_ADDRESS_SPACE_ISOLATION */

static inline unsigned long kvm_asi_host_cr3(struct kvm_vcpu *vcpu)
{
	return __get_current_cr3_fast();
}

static __always_inline void kvm_asi_exited(struct kvm_vcpu *vcpu) { }
static inline int kvm_asi_register(void) { return 0; }
static inline void kvm_asi_unregister(void) { }
static inline int kvm_asi_init_vm(struct kvm *kvm) { return 0; }
static inline void kvm_asi_destroy_vm(struct kvm *kvm) { }
static __always_inline void kvm_asi_enter(struct kvm_vcpu *vcpu) { }
static __always_inline void kvm_asi_relax(struct kvm_vcpu *vcpu) { }

#endif /* CONFIG_MITIGATION_ADDRESS_SPACE_ISOLATION */

#endif /* __KVM_X86_ASI_H */
