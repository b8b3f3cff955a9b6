// SPDX-License-Identifier: GPL-2.0
/*
 * Address space isolation: going in and out of a restricted address space.
 *
 * Everything here runs where instrumentation is forbidden: with RCU not
 * watching, in the first instructions of an NMI, a moment before user mode.
 *
 * Two words of state, and an order that an NMI can hit anywhere:
 *
 *  - curr_asi says what CR3 holds.  Entering writes it before CR3, exiting
 *    clears it after CR3.  In both windows it says "restricted" while CR3 is
 *    not: an exit that interrupts them loads CR3 once more than needed.  The
 *    opposite, a restricted CR3 that nobody knows of, cannot happen.
 *  - The target says where a task in a critical section belongs.  An NMI that
 *    exits in the middle of entering re-enters when it returns, as the target
 *    was written before all else.
 *
 * CR3 is composed afresh each time from the loaded mm, its ASID and its LAM
 * bits, never saved: a saved value would be stale after a migration.
 */
#include <linux/mm_types.h>
#include <linux/sched.h>

#include <asm/special_insns.h>

#include "internal.h"

#include <trace/events/asi.h>

DEFINE_PER_CPU(struct asi *, curr_asi);
EXPORT_PER_CPU_SYMBOL_GPL(curr_asi);

static __always_inline unsigned long compose(pgd_t *pgd, unsigned int slot)
{
	return asi_compose_cr3(__sme_pa_nodebug(pgd),
			       cpu_feature_enabled(X86_FEATURE_PCID),
			       this_cpu_read(cpu_tlbstate.loaded_mm_asid), slot,
			       tlbstate_lam_cr3_mask());
}

/**
 * asi_unrestricted_cr3 - the CR3 of the unrestricted address space
 *
 * Context: preemption disabled, and the CPU is not in the middle of loading
 * another mm.  noinstr.
 * Return: the value; loading it flushes the TLB of its PCID.
 */
noinstr unsigned long asi_unrestricted_cr3(void)
{
	return compose(this_cpu_read(cpu_tlbstate.loaded_mm)->pgd, 0);
}

/**
 * asi_current_cr3 - the CR3 of domain @asi on this CPU
 * @asi: A domain of the mm that is loaded.
 *
 * For code that hands CR3 to the CPU by other means than loading it: the host
 * state of a virtual machine.
 *
 * Context: preemption disabled, the mm of @asi loaded.  noinstr.
 * Return: the value; loading it flushes the TLB of its PCID.
 */
noinstr unsigned long asi_current_cr3(struct asi *asi)
{
	return compose(asi->pgd, asi->index + 1);
}
EXPORT_SYMBOL_GPL(asi_current_cr3);

static __always_inline void load_cr3_flush(unsigned int index,
					   unsigned long cr3)
{
	native_write_cr3(cr3);
	asi_count(index, ASI_CTR_CR3_WRITES);
	asi_count(index, ASI_CTR_FLUSHES);
}

/*
 * KVM tells lockdep that interrupts are on a moment before it enters or leaves a
 * domain, as the guest will have them on.  What a tracepoint calls must be told
 * the truth.
 */
static __always_inline bool lockdep_off_for_trace(void)
{
	if (!lockdep_hardirqs_enabled() || !raw_irqs_disabled())
		return false;
	lockdep_hardirqs_off(_RET_IP_);
	return true;
}

static __always_inline void lockdep_on_again(bool told_on)
{
	if (told_on) {
		lockdep_hardirqs_on_prepare();
		lockdep_hardirqs_on(_RET_IP_);
	}
}

/*
 * Tracepoints need RCU, and must not run between entering and untrusted code:
 * the callers trace before they open the critical section and after they left.
 */
static __always_inline void trace_enter(struct asi *asi)
{
	if (tracepoint_enabled(asi_enter)) {
		instrumentation_begin();
		if (rcu_is_watching()) {
			bool told_on = lockdep_off_for_trace();

			trace_asi_enter(asi->index);
			lockdep_on_again(told_on);
		}
		instrumentation_end();
	}
}

static __always_inline void trace_exit(unsigned int index,
				       enum asi_exit_reason reason)
{
	/* Faults are traced where the address is known, see fault.c. */
	if (tracepoint_enabled(asi_exit) && reason != ASI_EXIT_FAULT) {
		instrumentation_begin();
		if (rcu_is_watching()) {
			bool told_on = lockdep_off_for_trace();

			trace_asi_exit(index, reason, _RET_IP_, 0);
			lockdep_on_again(told_on);
		}
		instrumentation_end();
	}
}

/* Load the target's page table unless it is loaded.  Preemption is off. */
static __always_inline void load_target(void)
{
	struct asi *target = asi_get_target(current);

	if (!target || target == this_cpu_read(curr_asi))
		return;

	if (unlikely(!target->pgd ||
		     target->mm != this_cpu_read(cpu_tlbstate.loaded_mm))) {
		/* No critical section: nothing shall try to go there again. */
		asi_relax();
		asi_warn(target->index,
			 "domain of another mm, or none, is the target\n");
		asi_exit_for(ASI_EXIT_EXPLICIT);
		return;
	}

	/* Before CR3, so that an exit that interrupts us knows what to do. */
	this_cpu_write(curr_asi, target);
	barrier();
	load_cr3_flush(target->index, asi_current_cr3(target));
	asi_count(target->index, ASI_CTR_ENTERS);

	if (target->class->ops.post_asi_enter) {
		instrumentation_begin();
		target->class->ops.post_asi_enter();
		instrumentation_end();
	}
	asi_debug_transition();
}

/**
 * asi_enter - enter domain @asi and open the critical section
 * @asi: A domain of current's mm, from asi_init(); its mm is loaded.  Nothing
 *	 happens with NULL, as asi_init() gives it while ASI is off.
 *
 * The task is tense when this returns, until asi_relax().
 *
 * Context: process context, preemption disabled, not tense.  noinstr.
 */
noinstr void asi_enter(struct asi *asi)
{
	if (!cpu_feature_enabled(X86_FEATURE_ASI) || !asi)
		return;

	if (unlikely(asi->mm != current->mm)) {
		asi_warn(asi->index, "entering a domain of another mm\n");
		asi_exit_for(ASI_EXIT_EXPLICIT);
		return;
	}

	if (asi != this_cpu_read(curr_asi)) {
		asi_debug_transition();
		trace_enter(asi);
	}
	asi_set_target(current, asi);
	barrier();
	load_target();
}
EXPORT_SYMBOL_GPL(asi_enter);

/**
 * __asi_enter_user - enter the user domain that is current's target
 * @asi: The target.
 *
 * The slow path of asi_exit_to_user_mode(), and like it with interrupts off.
 */
noinstr void __asi_enter_user(struct asi *asi)
{
	if (IS_ENABLED(CONFIG_ASI_DEBUG) || tracepoint_enabled(asi_enter)) {
		asi_relax();
		asi_debug_transition();
		trace_enter(asi);
		asi_set_target(current, asi);
		barrier();
	}
	load_target();
}

/**
 * __asi_reenter - the outermost interrupt returns to a tense task
 *
 * Called by asi_intr_exit(), with preemption off.
 */
noinstr void __asi_reenter(void)
{
	struct asi *target = asi_get_target(current);

	if (!target || target == this_cpu_read(curr_asi))
		return;

	asi_count(target->index, ASI_CTR_REENTERS);
	load_target();
}

/**
 * __asi_exit - leave the restricted address space
 * @reason: Why; for the counters.
 *
 * Callers use asi_exit() or asi_exit_for(), which are inline where it matters.
 *
 * Context: any, NMI and noinstr included.
 */
noinstr void __asi_exit(enum asi_exit_reason reason)
{
	bool tense = asi_is_tense();
	unsigned int index = 0;
	unsigned long flags;
	struct asi *asi;

	/* A TLB flush from another CPU may load another mm. */
	flags = native_save_fl();
	native_irq_disable();

	/*
	 * Nor may an NMI go back in between CR3 and curr_asi: to a tense task it
	 * looks as if it interrupted another interrupt.
	 */
	if (tense)
		current->thread.asi_state.intr_nest_depth++;
	barrier();

	asi = this_cpu_read(curr_asi);
	if (asi) {
		index = asi->index;
		if (asi->class->ops.pre_asi_exit) {
			instrumentation_begin();
			asi->class->ops.pre_asi_exit();
			instrumentation_end();
		}

		load_cr3_flush(index, asi_unrestricted_cr3());
		/* After CR3: until then an interrupting exit must act too. */
		barrier();
		this_cpu_write(curr_asi, NULL);

		asi_count(index, ASI_CTR_EXITS + reason);
		asi_debug_transition();
	}
	if (flags & X86_EFLAGS_IF)
		native_irq_enable();

	if (asi)
		trace_exit(index, reason);
	barrier();
	if (tense)
		current->thread.asi_state.intr_nest_depth--;
}
EXPORT_SYMBOL_GPL(__asi_exit);

/**
 * asi_loaded_by_cpu - the CPU itself has loaded the CR3 of domain @asi
 * @asi: The domain, which current is tense in.
 *
 * The exit of a virtual machine loads what asi_current_cr3() said before the
 * guest ran.  If something left the domain in between, which is a bug, then
 * nobody would know of the restricted CR3 and no fault could leave it.
 *
 * Context: interrupts off, right after the exit.  noinstr.
 */
noinstr void asi_loaded_by_cpu(struct asi *asi)
{
	if (likely(asi == this_cpu_read(curr_asi)))
		return;

	this_cpu_write(curr_asi, asi);
	asi_warn(asi->index, "the guest ran with its domain left\n");
}
EXPORT_SYMBOL_GPL(asi_loaded_by_cpu);

/**
 * asi_exit - leave the restricted address space if the CPU is in one
 *
 * A tense task goes back in when the interrupt that it called this from
 * returns; a relaxed one stays out until the next asi_enter().
 *
 * Context: any.  noinstr.
 */
noinstr void asi_exit(void)
{
	asi_exit_for(ASI_EXIT_EXPLICIT);
}
EXPORT_SYMBOL_GPL(asi_exit);

/**
 * asi_stabilise_cr3 - someone is about to read or write CR3
 *
 * Called by the CR3 accessors, so that whoever handles CR3 for a purpose of its
 * own gets the unrestricted value and cannot undo an exit by writing an old
 * one back.  Works from the first C code on, when it does nothing.  noinstr.
 */
noinstr void asi_stabilise_cr3(void)
{
	if (asi_get_current())
		__asi_exit(ASI_EXIT_CR3);
}
EXPORT_SYMBOL_GPL(asi_stabilise_cr3);
