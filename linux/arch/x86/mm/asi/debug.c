// SPDX-License-Identifier: GPL-2.0
/*
 * Address space isolation: the invariants, checked with CONFIG_ASI_DEBUG.
 *
 * They are listed in Documentation/arch/x86/asi.rst.  A broken one is counted
 * and warned about once.
 */
#include <linux/cpuhotplug.h>
#include <linux/init.h>
#include <linux/irqflags.h>
#include <linux/mm_types.h>

#include <asm/special_insns.h>

#include "internal.h"

/* Does the CPU have the address space of @asi, or the unrestricted one? */
static __always_inline bool cr3_is_of(struct asi *asi)
{
	return __native_read_cr3() ==
	       (asi ? asi_current_cr3(asi) : asi_unrestricted_cr3());
}

/* The class that a broken rule is counted for. */
static __always_inline unsigned int index_of(struct asi *asi)
{
	return asi ? asi->index : 0;
}

/**
 * asi_debug_transition - CR3 is what curr_asi says
 *
 * Called after each transition, and before the critical section of one that
 * enters: there shows what others did to CR3 behind our back, on the way back from
 * suspend, from hibernation, from firmware.  Not before one that exits, which may
 * have interrupted another in the middle.
 *
 * Context: interrupts or preemption off.  noinstr.
 */
noinstr void asi_debug_transition(void)
{
	unsigned long flags = native_local_irq_save();
	struct asi *asi = asi_get_current();
	bool agrees = cr3_is_of(asi);

	/* An NMI may have exited from a relaxed domain meanwhile. */
	if (!agrees && asi == asi_get_current())
		asi_warn(index_of(asi), "CR3 is not what it should be\n");
	native_local_irq_restore(flags);
}

/**
 * asi_debug_from_user - user mode ran in its domain, with CR3 to match
 *
 * Called before the critical section that covered user mode is closed.  noinstr.
 */
noinstr void asi_debug_from_user(void)
{
	struct asi *asi = asi_get_current();

	if (static_branch_likely(&asi_user_class_key)) {
		if (!asi || asi != asi_get_target(current) ||
		    asi != &current->mm->context.asi.domain[ASI_CLASS_USER] ||
		    current->thread.asi_state.intr_nest_depth ||
		    !cr3_is_of(asi))
			asi_warn(ASI_CLASS_USER,
				 "user mode ran outside of its domain\n");
	} else if (asi) {
		asi_warn(asi->index, "user mode ran in a kernel domain\n");
	}
}

/**
 * asi_debug_guest - a guest runs in its domain, with CR3 to match
 * @asi: The kvm domain of the VM, NULL if the class is off.
 *
 * Called right before the guest runs, and right after: an exit that happened in
 * between shows then, and whether HOST_CR3 was the CR3 of the domain.
 *
 * Context: interrupts off, the critical section is open.  noinstr.
 */
noinstr void asi_debug_guest(struct asi *asi)
{
	struct asi *now = asi_get_current();

	if (now != asi || asi_get_target(current) != asi ||
	    (asi && asi->mm != current->mm) ||
	    current->thread.asi_state.intr_nest_depth || !cr3_is_of(asi))
		asi_warn(index_of(asi ?: now),
			 "a guest runs outside of its domain\n");
}
EXPORT_SYMBOL_GPL(asi_debug_guest);

/* Tense code does not sleep: no task leaves the CPU with a target. */
void asi_debug_sched(void)
{
	struct asi *target = asi_get_target(current);

	if (target)
		asi_warn(target->index, "%s sleeps in a critical section\n",
			 current->comm);
}

/* No CPU is in a domain of a dead mm. */
void asi_debug_mm_dead(struct mm_struct *mm)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct asi *asi = READ_ONCE(per_cpu(curr_asi, cpu));

		if (asi >= mm->context.asi.domain &&
		    asi < mm->context.asi.domain + ASI_MAX_NUM)
			asi_warn(asi->index, "CPU %d is in a dead domain\n", cpu);
	}
}

/**
 * asi_debug_cpu_dead - a CPU that went offline took no domain with it
 * @cpu: The CPU; its idle task has loaded init_mm and reported it dead.
 *
 * Looked at from the CPU that took it down.  On the CPU itself callbacks run in
 * a thread for the purpose, so a context switch is always between a domain and
 * them; and what the idle task does comes after all of them.  CR3 needs no look:
 * the CPU comes back by a reset.
 *
 * Return: 0, as for CPU hotplug.
 */
int asi_debug_cpu_dead(unsigned int cpu)
{
	/* Its mm may be gone already, and the index with it: counted for class 0. */
	if (READ_ONCE(per_cpu(curr_asi, cpu)))
		asi_warn(0, "CPU %u went offline in a domain\n", cpu);
	return 0;
}

/**
 * asi_debug_may_wait - nobody waits for memory or for other CPUs where it must not
 *
 * Called before a page table is allocated, and before all CPUs have to flush.  The
 * page allocator may be what changes sensitivity for a request, and another CPU may
 * spin, with interrupts off, on a lock that is held here.  Interrupts stand for all
 * of that: zone->lock and whatever else has them off for a lock is only taken so.
 * Locks that are taken with interrupts on are those that a waiter may hold, and who
 * is told so by lockdep and might_sleep() if that is wrong.
 *
 * Counted for class 0, as it is about no class.
 *
 * Context: any.
 */
void asi_debug_may_wait(void)
{
	if (irqs_disabled())
		asi_warn(0, "%pS waits with interrupts off\n",
			 __builtin_return_address(0));
}

static int __init asi_debug_init(void)
{
	int err = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN,
					    "x86/asi:debug", NULL,
					    asi_debug_cpu_dead);

	return err < 0 ? err : 0;
}
late_initcall(asi_debug_init);
