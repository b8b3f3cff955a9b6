// SPDX-License-Identifier: GPL-2.0
/*
 * Address space isolation: page faults.
 *
 * Touching memory that is not mapped in a domain is the ordinary way out of it.
 * The page fault handler asks here first, before any other entry work: in the
 * restricted address space that work itself might fault.
 */
#include <linux/entry-common.h>
#include <linux/irq_work.h>

#include <asm/pgtable.h>
#include <asm/ptrace.h>
#include <asm/special_insns.h>
#include <asm/trap_pf.h>

#include "faultlog.h"
#include "internal.h"

#include <trace/events/asi.h>

/* What makes a fault one of a mapping that is there, or not one of memory. */
#define PF_NOT_MISSING	(X86_PF_PROT | X86_PF_RSVD | X86_PF_PK | X86_PF_SHSTK | \
			 X86_PF_SGX | X86_PF_RMP)

/*
 * Does the page table that is loaded map @address for an access like the one
 * that faulted?  By the bits the hardware looks at: pte_present() and friends
 * also say yes to entries that the CPU takes for absent.
 */
static __always_inline bool mapped(unsigned long address,
				   unsigned long error_code)
{
	unsigned long table = __native_read_cr3() & CR3_ADDR_MASK;
	int shift = pgtable_l5_enabled() ? 48 : 39;
	unsigned long entry;

	for (;; shift -= 9) {
		entry = ((unsigned long *)__va(table))[(address >> shift) & 511];
		if (!(entry & _PAGE_PRESENT))
			return false;
		if ((error_code & X86_PF_WRITE) && !(entry & _PAGE_RW))
			return false;
		if ((error_code & X86_PF_INSTR) && (entry & _PAGE_NX))
			return false;
		if (shift == PAGE_SHIFT || (entry & _PAGE_PSE))
			return true;
		table = entry & PTE_PFN_MASK;
	}
}

static void asi_kick(struct irq_work *work) { }
static DEFINE_PER_CPU(struct irq_work, asi_kick_work) =
	IRQ_WORK_INIT_HARD(asi_kick);

/*
 * Tense code touched sensitive memory: a bug.  The access will succeed now, but
 * the address space is unrestricted and untrusted code is next.  An interrupt
 * of our own is taken before its first instruction, and goes through the whole
 * of entry and exit again.  With interrupts on it would be taken before the
 * access, which would fault again, for ever; there the next one has to do.
 * Around a guest it waits all the same: SVM holds it back until the guest runs.
 */
static noinline void tense_fault(unsigned int index, struct pt_regs *regs)
{
	asi_count(index, ASI_CTR_TENSE_FAULTS);
	if (!(regs->flags & X86_EFLAGS_IF) || current->flags & PF_VCPU)
		irq_work_queue(this_cpu_ptr(&asi_kick_work));
	WARN_ONCE(!asi_warning_expected(),
		  "asi: fault at %pS in a critical section\n",
		  (void *)regs->ip);
}

/*
 * The tracepoints of a fault, and its stack for the log, with the entry work done
 * that they need.  The address space is the unrestricted one by now.  Not for tense
 * code: the end of the entry work would go back into the domain before the access
 * was tried.
 */
static __always_inline void trace_fault(unsigned int index,
					struct pt_regs *regs,
					unsigned long error_code,
					unsigned long address,
					const struct asi_fault *fault)
{
	irqentry_state_t state;

	if (!tracepoint_enabled(asi_fault) && !tracepoint_enabled(asi_exit) &&
	    !asi_fault_wants_stack(fault))
		return;

	state = irqentry_enter(regs);
	instrumentation_begin();
	/* For want of RCU it helps the idle task only. */
	if (rcu_is_watching()) {
		trace_asi_fault(index, regs->ip, address, error_code);
		trace_asi_exit(index, ASI_EXIT_FAULT, regs->ip, address);
		if (asi_fault_wants_stack(fault))
			asi_fault_save_stack(fault, regs);
	}
	instrumentation_end();
	irqentry_exit(regs, state);
}

/* The kernel's part of asi_handle_fault(), see there.  noinstr. */
noinstr bool __asi_handle_fault(struct pt_regs *regs, unsigned long error_code,
				unsigned long address)
{
	struct asi *asi = asi_get_current();
	enum asi_fault_phase phase;
	struct asi_fault *fault;
	unsigned int index = 0;
	bool tense = false;
	bool possible;

	if (asi) {
		if (asi->class->ops.fault_policy == ASI_FAULT_PRESERVE)
			return false;

		index = asi->index;
		phase = asi_fault_phase_now();
		asi_count(index, ASI_CTR_FAULTS);
		if (asi->class->ops.fault_policy == ASI_FAULT_ABORT)
			asi_relax();
		tense = asi_in_critical_section();
		/* An NMI must not go back in before the look below. */
		if (unlikely(tense))
			current->thread.asi_state.intr_nest_depth++;
		__asi_exit(ASI_EXIT_FAULT);
		fault = asi_log_fault(asi, phase, regs->ip, address);
	}

	possible = !(error_code & PF_NOT_MISSING) && mapped(address, error_code);

	if (unlikely(tense)) {
		instrumentation_begin();
		tense_fault(index, regs);
		instrumentation_end();
		barrier();
		current->thread.asi_state.intr_nest_depth--;
	} else if (asi) {
		trace_fault(index, regs, error_code, address, fault);
	}
	return possible;
}
