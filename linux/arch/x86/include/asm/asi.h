/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Address space isolation (ASI), the interface for architecture code.
 *
 * A *class* is a kind of isolation (ordinary processes, virtual machines); a
 * *domain* (struct asi) is the restricted address space of one mm for one
 * class: the ordinary, *unrestricted* address space with sensitive memory
 * left out.  All that is mapped in a domain is mapped the same way in the
 * unrestricted address space, so that leaving is possible at any instruction.
 *
 * A class uses its domains like this:
 *
 *  1. asi_init() makes the domain of an mm; asi_destroy() ends the use of it.
 *     The domain itself lives until its mm is destroyed.
 *  2. asi_enter() switches to the domain and opens the critical section: the
 *     task is *tense*.  Untrusted code runs now.  Tense code neither sleeps
 *     nor touches sensitive memory.
 *  3. asi_relax() ends the critical section.  The address space stays as it is
 *     until something touches sensitive memory: that faults, the fault handler
 *     calls asi_exit(), and the access is tried again.
 *  4. asi_exit() goes back to the unrestricted address space at once.
 *
 * An interrupt, exception or NMI may hit anywhere in between and may itself
 * cause an exit.  When the outermost of them returns to a tense task it goes
 * back to the domain, see asi_intr_exit().
 *
 * Documentation/arch/x86/asi.rst has the transition table and the invariants.
 */
#ifndef _ASM_X86_ASI_H
#define _ASM_X86_ASI_H

#include <asm/asi_types.h>

/**
 * enum asi_exit_reason - why the restricted address space was left
 * @ASI_EXIT_FAULT:	A page fault on something that is not mapped in it.
 * @ASI_EXIT_SCHED:	The scheduler switches to another task.
 * @ASI_EXIT_MM:	The CPU loads another mm.
 * @ASI_EXIT_CR3:	Someone reads or writes CR3 for a purpose of its own:
 *			a TLB flush, suspend and hibernation among them.
 * @ASI_EXIT_USER:	Return to user mode while the user class is off.
 * @ASI_EXIT_EXPLICIT:	asi_exit() by a caller outside of ASI.
 * @ASI_EXIT_PM:	kexec.
 * @ASI_NR_EXIT_REASONS: Their number.
 */
enum asi_exit_reason {
	ASI_EXIT_FAULT,
	ASI_EXIT_SCHED,
	ASI_EXIT_MM,
	ASI_EXIT_CR3,
	ASI_EXIT_USER,
	ASI_EXIT_EXPLICIT,
	ASI_EXIT_PM,
	ASI_NR_EXIT_REASONS,
};

/**
 * enum asi_fault_policy - what a page fault in a domain of the class does
 * @ASI_FAULT_EXIT:	Exit and try again; a tense task goes back in later.
 * @ASI_FAULT_PRESERVE:	Nothing: the ordinary handler works in the domain.
 * @ASI_FAULT_ABORT:	As EXIT, and the critical section is over.  For tests.
 */
enum asi_fault_policy {
	ASI_FAULT_EXIT,
	ASI_FAULT_PRESERVE,
	ASI_FAULT_ABORT,
};

/**
 * enum asi_page_table - what the restricted page table of a class consists of
 * @ASI_PGTABLE_NONSENSITIVE:	The unrestricted one without sensitive memory.
 * @ASI_PGTABLE_DECORATED:	Nothing but what was granted explicitly.
 */
enum asi_page_table {
	ASI_PGTABLE_NONSENSITIVE,
	ASI_PGTABLE_DECORATED,
};

/**
 * struct asi_hooks - what a class adds to the transitions, and its policies
 *
 * Both hooks must be noinstr, idempotent and re-entrant: an NMI may call either
 * of them in the middle of the other, in any order and any number of times.
 * They run in the restricted address space, so they must not touch sensitive
 * memory, and they must not sleep.
 *
 * @post_asi_enter:	After the domain was loaded; may be NULL.
 * @pre_asi_exit:	Before the unrestricted address space is loaded; or NULL.
 * @fault_policy:	See enum asi_fault_policy.
 * @page_table:		See enum asi_page_table.
 */
struct asi_hooks {
	void (*post_asi_enter)(void);
	void (*pre_asi_exit)(void);
	enum asi_fault_policy fault_policy;
	enum asi_page_table page_table;
};

#ifdef CONFIG_MITIGATION_ADDRESS_SPACE_ISOLATION

#include <linux/jump_label.h>
#include <linux/mm_types.h>
#include <linux/percpu.h>
#include <linux/sched.h>

#include <asm/cpufeature.h>
#include <asm/current.h>
#include <asm/ptrace.h>
#include <asm/special_insns.h>

/* The class of ordinary processes is the first one, see user.c. */
#define ASI_CLASS_USER		0

/* The domain that CR3 of this CPU holds; NULL is the unrestricted space. */
DECLARE_PER_CPU(struct asi *, curr_asi);

/* On when the domains of ordinary processes are in use. */
DECLARE_STATIC_KEY_FALSE(asi_user_class_key);

int asi_register_class(const char *name, const struct asi_hooks *ops);
void asi_unregister_class(int index);
void asi_class_set_reason(int index, const char *reason);
bool asi_class_wanted(const char *name);

int asi_init(struct mm_struct *mm, int asi_index, struct asi **out_asi);
void asi_destroy(struct asi *asi);

int asi_map(struct asi *asi, const void *addr, size_t len);
void asi_unmap(struct asi *asi, const void *addr, size_t len);

void asi_enter(struct asi *asi);
void asi_exit(void);

void __asi_exit(enum asi_exit_reason reason);
void __asi_reenter(void);
void __asi_enter_user(struct asi *asi);

bool __asi_handle_fault(struct pt_regs *regs, unsigned long error_code,
			unsigned long address);
unsigned long asi_current_cr3(struct asi *asi);

void asi_check_boottime(void);
void asi_directmap_sync(unsigned long addr);
int asi_directmap_prepare(unsigned long start, unsigned long end);
void asi_directmap_add(unsigned long start, unsigned long end);
void asi_directmap_remove(unsigned long start, unsigned long end);
void asi_block_hide(const void *block);
void asi_block_show(const void *block);
void asi_blocks_flush(void);
bool asi_block_absent(const void *page);

#ifdef CONFIG_ASI_DEBUG
void asi_debug_from_user(void);
void asi_debug_sched(void);
#else
static __always_inline void asi_debug_from_user(void) { }
static __always_inline void asi_debug_sched(void) { }
#endif

int asi_mm_init(struct mm_struct *mm);
void asi_mm_destroy(struct mm_struct *mm);
void asi_sync_pgd(struct mm_struct *mm, unsigned long addr);

/* The domain that @p will be in when it is back in process context, or NULL. */
static __always_inline struct asi *asi_get_target(struct task_struct *p)
{
	return p->thread.asi_state.target;
}

static __always_inline void asi_set_target(struct task_struct *p,
					   struct asi *target)
{
	p->thread.asi_state.target = target;
}

/*
 * The domain this CPU is in.  The caller has preemption disabled if it wants to
 * use the answer for more than a glance.
 */
static __always_inline struct asi *asi_get_current(void)
{
	return this_cpu_read(curr_asi);
}

/* Is the CPU in a restricted address space? */
static __always_inline bool asi_is_restricted(void)
{
	return cpu_feature_enabled(X86_FEATURE_ASI) && asi_get_current();
}

/* May an exit last until the next asi_enter()? */
static __always_inline bool asi_is_relaxed(void)
{
	return !cpu_feature_enabled(X86_FEATURE_ASI) ||
	       !asi_get_target(current);
}

/* Is the current task in a critical section?  Never with ASI off. */
static __always_inline bool asi_is_tense(void)
{
	return !asi_is_relaxed();
}

/* Is tense code itself running, rather than something that interrupted it? */
static __always_inline bool asi_in_critical_section(void)
{
	return asi_is_tense() && !current->thread.asi_state.intr_nest_depth;
}

static __always_inline pgd_t *asi_pgd(struct asi *asi)
{
	return asi ? asi->pgd : NULL;
}

/**
 * asi_relax - end the critical section
 *
 * The address space stays what it is until something makes it necessary to
 * leave; from now on that may last.  Harmless when already relaxed.  noinstr.
 */
static __always_inline void asi_relax(void)
{
	barrier();
	asi_set_target(current, NULL);
	barrier();
}

/* Leave the restricted address space for @reason if the CPU is in one. */
static __always_inline void asi_exit_for(enum asi_exit_reason reason)
{
	if (asi_is_restricted())
		__asi_exit(reason);
}

/**
 * asi_intr_enter - an interrupt, exception or NMI begins
 *
 * Called first by the generic entry code for everything that interrupts the
 * kernel, and by NMIs whatever they interrupt.  Interrupts off, noinstr.
 */
static __always_inline void asi_intr_enter(void)
{
	if (asi_is_tense()) {
		current->thread.asi_state.intr_nest_depth++;
		barrier();
	}
}

/**
 * asi_intr_exit - the counterpart of asi_intr_enter(), called last
 *
 * The outermost return to a tense task goes back to the domain.
 *
 * The first barrier keeps accesses of the handler from sinking below the
 * decrement: one that faulted there would look like one of the tense code.  The
 * second keeps the decrement from sinking below the re-entry: an NMI in between
 * would see a depth that is not zero, would not re-enter after an exit of its
 * own, and the task would go on unrestricted.
 */
static __always_inline void asi_intr_exit(void)
{
	if (!cpu_feature_enabled(X86_FEATURE_ASI))
		return;

	if (current->thread.asi_state.intr_nest_depth) {
		barrier();
		if (!--current->thread.asi_state.intr_nest_depth) {
			barrier();
			__asi_reenter();
		}
	}
}

/**
 * asi_enter_from_user_mode - the kernel was entered from user mode
 *
 * The first thing that generic entry code does.  Interrupts off, noinstr.  The
 * critical section that asi_exit_to_user_mode() opened ends here.
 */
static __always_inline void asi_enter_from_user_mode(void)
{
	if (cpu_feature_enabled(X86_FEATURE_ASI)) {
		asi_debug_from_user();
		asi_relax();
	}
}

/**
 * asi_exit_to_user_mode - the kernel is about to return to user mode
 *
 * The last thing that generic entry code does: opens the critical section of
 * the mm's user domain.  User mode never runs in the domain of another class,
 * so with the user class off the address space is the unrestricted one, which
 * the PTI exit code relies on too.  Interrupts off, noinstr.
 */
static __always_inline void asi_exit_to_user_mode(void)
{
	struct asi *asi;

	if (!cpu_feature_enabled(X86_FEATURE_ASI))
		return;

	if (!static_branch_likely(&asi_user_class_key)) {
		asi_exit_for(ASI_EXIT_USER);
		return;
	}

	asi = &current->mm->context.asi.domain[ASI_CLASS_USER];
	asi_set_target(current, asi);
	barrier();
	if (unlikely(asi != asi_get_current()))
		__asi_enter_user(asi);
}

/**
 * asi_handle_fault - is this page fault one of address space isolation?
 * @regs:	The interrupted context.
 * @error_code:	The error code of the fault.
 * @address:	The address that was accessed.
 *
 * A fault of the kernel in a restricted address space leaves it.  If the access
 * is possible then, nothing else is to be done and the caller returns, which
 * tries the access again.  Otherwise the fault is an ordinary one.
 *
 * Also says yes without a domain in CR3 when the access is possible: an NMI may
 * have left the domain between the access and this handler.
 *
 * Context: first thing in the handler, before irqentry_enter(); interrupts off;
 * noinstr.
 * Return: true if there is nothing left to handle.
 */
static __always_inline bool asi_handle_fault(struct pt_regs *regs,
					     unsigned long error_code,
					     unsigned long address)
{
	if (!cpu_feature_enabled(X86_FEATURE_ASI) || user_mode(regs))
		return false;
	return __asi_handle_fault(regs, error_code, address);
}

/**
 * asi_sched - the scheduler is about to switch to another task
 *
 * Tense code does not sleep.  If it does all the same, it counts as interrupted
 * until it goes on: no NMI may enter its domain while the CPU changes tasks and
 * address spaces, and it must be in its domain again afterwards.
 *
 * The runqueue lock is held.
 */
static __always_inline void asi_sched(void)
{
	if (cpu_feature_enabled(X86_FEATURE_ASI)) {
		asi_debug_sched();
		asi_intr_enter();
		asi_exit_for(ASI_EXIT_SCHED);
	}
}

/**
 * asi_sched_back - current goes on after asi_sched()
 *
 * Preemption is off, and the mm of current loaded.
 */
static __always_inline void asi_sched_back(void)
{
	asi_intr_exit();
}

/**
 * asi_save_cr2 - an exception begins that may interrupt a page fault
 *
 * What it interrupts may be a page fault handler that has not read CR2 yet, or KVM
 * with the guest's CR2 loaded.  If the exception touches what is hidden, the fault
 * that leaves the domain overwrites that.  noinstr.
 *
 * Return: for asi_restore_cr2().
 */
static __always_inline unsigned long asi_save_cr2(void)
{
	return cpu_feature_enabled(X86_FEATURE_ASI) ? native_read_cr2() : 0;
}

/* The counterpart, after everything that may fault.  noinstr. */
static __always_inline void asi_restore_cr2(unsigned long cr2)
{
	if (cpu_feature_enabled(X86_FEATURE_ASI) && cr2 != native_read_cr2())
		native_write_cr2(cr2);
}

unsigned long asi_kaslr_slack(void);
unsigned long asi_kaslr_align(int region, unsigned long vaddr);

#else /* !CONFIG_MITIGATION_ADDRESS_SPACE_ISOLATION */

static inline int asi_register_class(const char *name,
				     const struct asi_hooks *ops)
{
	return 0;
}

static inline void asi_unregister_class(int index) { }
static inline void asi_class_set_reason(int index, const char *reason) { }
static inline bool asi_class_wanted(const char *name) { return false; }

static inline int asi_init(struct mm_struct *mm, int asi_index,
			   struct asi **out_asi)
{
	*out_asi = NULL;
	return 0;
}

static inline void asi_destroy(struct asi *asi) { }

static inline int asi_map(struct asi *asi, const void *addr, size_t len)
{
	return 0;
}

static inline void asi_unmap(struct asi *asi, const void *addr, size_t len) { }
static inline pgd_t *asi_pgd(struct asi *asi) { return NULL; }
static __always_inline struct asi *asi_get_target(struct task_struct *p)
{
	return NULL;
}

static __always_inline void asi_set_target(struct task_struct *p,
					   struct asi *target) { }
static __always_inline void asi_enter(struct asi *asi) { }
static __always_inline void asi_relax(void) { }
static __always_inline void asi_exit(void) { }
static __always_inline void asi_exit_for(enum asi_exit_reason reason) { }
static __always_inline void asi_enter_from_user_mode(void) { }
static __always_inline void asi_exit_to_user_mode(void) { }
static __always_inline bool asi_is_restricted(void) { return false; }
static __always_inline bool asi_is_relaxed(void) { return true; }
static __always_inline bool asi_is_tense(void) { return false; }
static __always_inline bool asi_in_critical_section(void) { return false; }
static __always_inline struct asi *asi_get_current(void) { return NULL; }
static __always_inline unsigned long asi_current_cr3(struct asi *asi)
{
	return 0;
}

static __always_inline bool asi_handle_fault(struct pt_regs *regs,
					     unsigned long error_code,
					     unsigned long address)
{
	return false;
}

static __always_inline void asi_sched(void) { }
static __always_inline void asi_sched_back(void) { }
static __always_inline unsigned long asi_save_cr2(void) { return 0; }
static __always_inline void asi_restore_cr2(unsigned long cr2) { }
static inline unsigned long asi_kaslr_slack(void) { return 0; }
static inline unsigned long asi_kaslr_align(int region, unsigned long vaddr)
{
	return vaddr;
}

static inline void asi_check_boottime(void) { }
static inline void asi_directmap_sync(unsigned long addr) { }
static inline int asi_directmap_prepare(unsigned long start, unsigned long end)
{
	return 0;
}

static inline void asi_directmap_add(unsigned long start, unsigned long end) { }
static inline void asi_directmap_remove(unsigned long start,
					unsigned long end) { }
static inline int asi_mm_init(struct mm_struct *mm) { return 0; }
static inline void asi_mm_destroy(struct mm_struct *mm) { }
static inline void asi_sync_pgd(struct mm_struct *mm, unsigned long addr) { }

#endif /* CONFIG_MITIGATION_ADDRESS_SPACE_ISOLATION */

#endif /* _ASM_X86_ASI_H */
