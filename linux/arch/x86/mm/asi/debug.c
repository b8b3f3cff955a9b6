// SPDX-License-Identifier: GPL-2.0
/*
 * Address space isolation: the invariants, checked with CONFIG_ASI_DEBUG.
 *
 * They are listed in Documentation/arch/x86/asi.rst.  A broken one is counted
 * and warned about once.
 */
#include <linux/cpuhotplug.h>
#include <linux/init.h>
#include <linux/mm_types.h>

#include <asm/special_insns.h>

#include "internal.h"

/**
 * asi_debug_transition - CR3 is what a transition wanted to load
 * @cr3: What it wanted.
 *
 * An NMI right after the transition may have exited from a relaxed domain.
 * Context: interrupts or preemption off.  noinstr.
 */
noinstr void asi_debug_transition(unsigned long cr3)
{
	unsigned long flags = native_local_irq_save();
	struct asi *asi = asi_get_current();
	unsigned long real = __native_read_cr3();

	if (asi == asi_get_current() && real != cr3 &&
	    real != (asi ? asi_current_cr3(asi) : asi_unrestricted_cr3()))
		asi_warn(asi ? asi->index : 0, "CR3 is not what it should be\n");
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
		    __native_read_cr3() != asi_current_cr3(asi))
			asi_warn(ASI_CLASS_USER,
				 "user mode ran outside of its domain\n");
	} else if (asi) {
		asi_warn(asi->index, "user mode ran in a kernel domain\n");
	}
}

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

static int asi_debug_offline(unsigned int cpu)
{
	if (asi_get_current())
		asi_warn(asi_get_current()->index,
			 "CPU %u goes offline in a domain\n", cpu);
	return 0;
}

static int __init asi_debug_init(void)
{
	int err = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "x86/asi:debug",
					    NULL, asi_debug_offline);

	return err < 0 ? err : 0;
}
late_initcall(asi_debug_init);
