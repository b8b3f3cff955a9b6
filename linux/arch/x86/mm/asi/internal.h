/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Address space isolation: what its own files share.
 */
#ifndef _X86_MM_ASI_INTERNAL_H
#define _X86_MM_ASI_INTERNAL_H

#include <linux/gfp_types.h>
#include <linux/percpu.h>
#include <linux/types.h>

#include <asm/asi.h>
#include <asm/mmu_context.h>
#include <asm/processor-flags.h>
#include <asm/tlbflush.h>

#define ASI_CLASS_NAME_MAX	16

/**
 * struct asi_class - a kind of isolation
 *
 * A class that is unregistered keeps its slot, without hooks, as long as there
 * are domains of it; an mm may outlive the module that made one.
 *
 * @name:	Constant while the slot is in use.  Under asi_class_lock.
 * @registered:	Domains can be made.  Set last, under asi_class_lock.
 * @reason:	Why the class is off, NULL when it is on.  A string constant of
 *		the kernel image, or of the module that registered the class.
 * @ops:	Hooks and policies, a copy; constant while registered.
 * @domains:	Domains of the class that exist.
 */
struct asi_class {
	char name[ASI_CLASS_NAME_MAX + 1];
	bool registered;
	const char *reason;
	struct asi_hooks ops;
	atomic_long_t domains;
};

extern struct asi_class asi_classes[ASI_MAX_NUM];

/* What the command line asked for. */
enum asi_mode {
	ASI_MODE_OFF,
	ASI_MODE_ON,
	ASI_MODE_KVM,
	ASI_MODE_USER,
};

/*
 * The counters, per CPU and class.  The first ASI_NR_EXIT_REASONS are the exits
 * by reason, so that a reason is an index of its counter.
 */
enum asi_counter {
	ASI_CTR_EXITS = 0,
	ASI_CTR_ENTERS = ASI_NR_EXIT_REASONS,
	ASI_CTR_REENTERS,
	ASI_CTR_FAULTS,
	ASI_CTR_TENSE_FAULTS,
	ASI_CTR_CR3_WRITES,
	ASI_CTR_FLUSHES,
	ASI_CTR_WARNINGS,
	ASI_NR_COUNTERS,
};

/**
 * struct asi_stats - the counters of one CPU
 * @count: By class and counter.  Written with this_cpu_inc(), which a fault or
 *	   an NMI cannot tear; read from anywhere.
 */
struct asi_stats {
	u64 count[ASI_MAX_NUM][ASI_NR_COUNTERS];
};

DECLARE_PER_CPU(struct asi_stats, asi_stats);

/* Count @counter of the class with @index on this CPU.  noinstr, any context. */
static __always_inline void asi_count(unsigned int index,
				      enum asi_counter counter)
{
	this_cpu_inc(asi_stats.count[index][counter]);
}

/*
 * PCIDs.  An address space needs a PCID of its own for each ASID: ASID + 1 for
 * the unrestricted one (see kern_pcid() in tlb.c), that plus 1 << 11 for the
 * user half of PTI, and that plus a slot number in bits 8 to 10 for a domain.
 * Slot 0 is the unrestricted address space, slot n + 1 is class n.
 */
#define ASI_PCID_SHIFT		8
#define ASI_PCID_BITS		3

static_assert(TLB_NR_DYN_ASIDS + 1 <= 1 << ASI_PCID_SHIFT);
static_assert(ASI_MAX_NUM + 1 <= 1 << ASI_PCID_BITS);
static_assert(ASI_PCID_SHIFT + ASI_PCID_BITS <= 11);

/**
 * asi_compose_cr3 - the value of CR3 for an address space
 * @pgd_pa: Physical address of the page table, with the SME bit where in use.
 * @pcid:   Are PCIDs in use?
 * @asid:   The ASID of the mm on this CPU, from 0.
 * @slot:   0 for the unrestricted address space, 1 + class for a domain.
 * @lam:    The LAM bits of the mm.
 *
 * A pure function.
 *
 * Return: the value; loading it flushes the TLB of its PCID.
 */
static __always_inline unsigned long
asi_compose_cr3(unsigned long pgd_pa, bool pcid, u16 asid, unsigned int slot,
		unsigned long lam)
{
	unsigned long cr3 = pgd_pa | lam;

	if (pcid)
		cr3 |= (asid + 1) | slot << ASI_PCID_SHIFT;
	return cr3;
}

/* setup.c */

extern bool asi_ready;
extern bool asi_sensitive;
const char *asi_off_reason(void);
const char *asi_mode_name(void);

/* domain.c */
bool asi_class_valid(int index);

/* pgtable.c */
int asi_pgd_alloc(struct mm_struct *mm, pgd_t **where);
pgd_t *asi_pgd_pages(void);
void asi_pgd_free(pgd_t *pgd);
void *asi_table_pages(gfp_t gfp, unsigned int order);
void *asi_table_alloc(void);
void asi_table_free(void *table);
pte_t asi_kernel_page(unsigned long addr);
unsigned long asi_walk(pgd_t *pgd, unsigned long addr, int *level);

/**
 * struct asi_check - result of comparing a restricted page table
 * @leaves: Present leaf entries that were compared.
 * @holes:  Leaf-sized stretches that only the unrestricted table maps.
 * @global: Leaf entries with the global bit set.
 * @bad:    Address of the first violation of the subset rule.
 * @broken: Violations.
 */
struct asi_check {
	unsigned long leaves;
	unsigned long holes;
	unsigned long global;
	unsigned long bad;
	unsigned long broken;
};

void asi_check_pgd(struct mm_struct *mm, pgd_t *restricted, pgd_t *unrestricted,
		   struct asi_check *result);
void asi_check_domain(struct asi *asi, struct asi_check *result);

/* The hardware sets these in the entries of one table and not of the other. */
#define ASI_ENTRY_NOISE	(_PAGE_ACCESSED | _PAGE_DIRTY)

/* The table that an entry above the last level leads to. */
static inline unsigned long *asi_table_of(unsigned long entry)
{
	return __va(entry & PTE_PFN_MASK);
}

/* The level of the topmost table; 1 is that of 4 KiB entries. */
static __always_inline int asi_top_level(void)
{
	return pgtable_l5_enabled() ? 5 : 4;
}

static __always_inline int asi_level_shift(int level)
{
	return PAGE_SHIFT + (level - 1) * 9;
}

/* How much of the address space an entry of @level translates. */
static inline unsigned long asi_level_size(int level)
{
	return 1UL << asi_level_shift(level);
}

/* The entry of a table of @level that translates @addr. */
static __always_inline int asi_level_index(unsigned long addr, int level)
{
	return (addr >> asi_level_shift(level)) & (PTRS_PER_PTE - 1);
}

/* directmap.c */
extern raw_spinlock_t asi_directmap_lock;
int asi_directmap_init(void);
pgd_t *asi_directmap_pgd(void);
bool asi_directmap_slot(unsigned int index);
void asi_directmap_replace(pgd_t *pgd);
pmd_t asi_directmap_block(unsigned long addr);
pte_t asi_directmap_page(unsigned long addr);
bool asi_block_hole(pmd_t pmd);
bool asi_block_hidden(pmd_t pmd);
int asi_directmap_hide(unsigned long addr);
void asi_directmap_show(unsigned long addr);
bool asi_directmap_present(unsigned long addr);

/* window.c */
bool asi_window_slot(unsigned int index);
void asi_window_remove(pgd_t *pgd);

/* grant.c */
void asi_grants_sync_block(unsigned long addr);
void asi_grants_sync_tables(unsigned long addr);
void asi_grants_free(struct asi *asi);

/* dpt_domain.c */
int asi_dpt_domain_init(struct asi *asi);

/* switch.c */
void asi_loaded_by_cpu(struct asi *asi);
unsigned long asi_unrestricted_cr3(void);

/* user.c */
void asi_user_init(void);

/* stats.c */
extern const char *const asi_counter_names[ASI_NR_COUNTERS];
u64 asi_counter_sum(int index, enum asi_counter counter);
u64 asi_exits_sum(int index);
void asi_sysfs_add_class(int index);
void asi_sysfs_remove_class(int index);

/* debugfs.c */
void asi_get_comm(char *buf, struct task_struct *task);

/* debug.c: the invariants, nothing without CONFIG_ASI_DEBUG */
#ifdef CONFIG_ASI_DEBUG
void asi_debug_transition(void);
void asi_debug_guest(struct asi *asi);
void asi_debug_mm_dead(struct mm_struct *mm);
int asi_debug_cpu_dead(unsigned int cpu);
void asi_debug_may_wait(void);
#else
static __always_inline void asi_debug_transition(void) { }
static inline void asi_debug_mm_dead(struct mm_struct *mm) { }
static inline void asi_debug_may_wait(void) { }
#endif

/* Does the task break a rule on purpose?  Then it is counted, and no more. */
#ifdef CONFIG_ASI_KUNIT_TEST
extern struct task_struct *asi_rule_breaker;

static __always_inline bool asi_warning_expected(void)
{
	return READ_ONCE(asi_rule_breaker) == current;
}
#else
static __always_inline bool asi_warning_expected(void)
{
	return false;
}
#endif

/**
 * asi_warn - count a broken rule of a class, and warn the first time
 * @index: The class.
 * @fmt:   What happened, for printk(), with the arguments that it wants.
 *
 * Any context, also noinstr and NMI.  Never more than a warning: the caller has
 * a safe way on.
 *
 * To a tense task the message is an interruption like any other: what it touches
 * is not the fault of the task, and if it left the domain, the end goes back.
 */
#define asi_warn(index, fmt, ...)					\
({									\
	asi_count(index, ASI_CTR_WARNINGS);				\
	asi_intr_enter();						\
	instrumentation_begin();					\
	WARN_ONCE(!asi_warning_expected(), "asi: " fmt, ##__VA_ARGS__);	\
	instrumentation_end();						\
	asi_intr_exit();						\
})

#endif /* _X86_MM_ASI_INTERNAL_H */
