/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Address space isolation: what its KUnit suites share.
 *
 * KUnit runs each test in a kernel thread of its own, which has no mm.  A test
 * gets one from asi_test_mm(), a class from asi_test_class(), the domain of
 * both from asi_test_domain(), and memory that can be hidden from
 * asi_test_block().  Everything is given back when the test ends, whatever its
 * outcome.
 *
 * No expectation is checked in a critical section or with interrupts off: a
 * failed one prints, and an assertion ends the thread.  Tests note down what
 * they see there, and look at it afterwards.
 */
#ifndef _X86_MM_ASI_TESTS_COMMON_H
#define _X86_MM_ASI_TESTS_COMMON_H

#include <kunit/test.h>
#include <linux/mm_types.h>
#include <linux/types.h>

#include "../internal.h"

/* Words of a block from asi_test_block(). */
#define BLOCK_WORDS	(PMD_SIZE / sizeof(u64))

/* What asi_test_block() writes to word @i. */
static __always_inline u64 block_word(unsigned long i)
{
	return 0x6b756e6974000000ULL + i * 3;
}

void asi_test_needs_asi(struct kunit *test);
void asi_test_needs_sensitive(struct kunit *test);
int asi_test_init(struct kunit *test);

int asi_test_class(struct kunit *test, const char *name,
		   const struct asi_hooks *ops);
struct mm_struct *asi_test_mm(struct kunit *test);
struct mm_struct *asi_test_mm_alloc(void);
struct asi *asi_test_domain(struct kunit *test, int class);
struct asi *asi_test_domain_with(struct kunit *test,
				 enum asi_fault_policy policy);

u64 *asi_test_block(struct kunit *test);
u64 *asi_test_large_block(struct kunit *test);
u64 *asi_test_hidden_block(struct kunit *test);
void asi_test_hide(struct kunit *test, void *block);

bool asi_test_on_side(const void *p, size_t size, bool sensitive);

void asi_test_settle(struct kunit *test);
void asi_test_reset(void);

/**
 * struct asi_test_counts - the counters of a class at some moment
 * @class:  The class.
 * @before: The value of each then.
 */
struct asi_test_counts {
	int class;
	u64 before[ASI_NR_COUNTERS];
};

void asi_test_count_from(struct asi_test_counts *counts, int class);
u64 asi_test_counted(const struct asi_test_counts *counts,
		     enum asi_counter counter);

/* Expect that @counter went up by @n since asi_test_count_from(). */
#define EXPECT_COUNTED(test, counts, counter, n)			\
	KUNIT_EXPECT_EQ_MSG(test, asi_test_counted(counts, counter),	\
			    (u64)(n), "counter %s",			\
			    asi_counter_names[counter])

/*
 * Is @entry at @level, from asi_walk(), a translation?  And of @addr to which
 * physical address?
 */
static inline bool entry_present(unsigned long entry)
{
	return entry & _PAGE_PRESENT;
}

static inline unsigned long entry_phys(unsigned long entry, int level,
				       unsigned long addr)
{
	unsigned long offset = (PAGE_SIZE << (level - 1) * 9) - 1;

	return (entry & PTE_PFN_MASK & ~offset) | (addr & offset);
}

/* The CR3 that the CPU has, told apart by means that switch.c does not use. */
static __always_inline bool cr3_is_of(pgd_t *pgd, unsigned int slot)
{
	unsigned long cr3 = __native_read_cr3();
	unsigned long pcid = 0;

	if (boot_cpu_has(X86_FEATURE_PCID))
		pcid = this_cpu_read(cpu_tlbstate.loaded_mm_asid) + 1 +
		       slot * 256;

	return (cr3 & CR3_ADDR_MASK) == __pa(pgd) &&
	       (cr3 & X86_CR3_PCID_MASK) == pcid;
}

/* Does the CPU have the page table of @asi, or of the mm if that is NULL? */
static __always_inline bool cr3_agrees(struct mm_struct *mm, struct asi *asi)
{
	return asi ? cr3_is_of(asi->pgd, asi->index + 1) :
		     cr3_is_of(mm->pgd, 0);
}

#endif /* _X86_MM_ASI_TESTS_COMMON_H */
