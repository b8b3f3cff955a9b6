// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite asi_tlb: flushes of the kernel's translations, and the address
 * spaces of the loaded mm.
 *
 * No emulator has a TLB that a forgotten flush would show in.  What can be seen
 * is what the flushing functions do to the state they keep.
 */
#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/sched/mm.h>

#include "common.h"

static struct asi *domain(struct kunit *test)
{
	return asi_test_domain_with(test, ASI_FAULT_EXIT);
}

/*
 * What flush_tlb_local() finds in CR3 it writes back.  In a domain that would
 * flush another PCID than the kernel's, and undo an exit of an NMI in between.
 */
static void local_flush_leaves(struct kunit *test)
{
	struct asi *asi = domain(test), *then, *current_asi;
	struct asi_test_counts counts;
	bool agrees;

	asi_test_count_from(&counts, asi->index);
	preempt_disable();
	asi_enter(asi);
	then = asi_get_current();
	asi_relax();
	flush_tlb_local();
	current_asi = asi_get_current();
	agrees = cr3_agrees(current->mm, NULL);
	preempt_enable();

	KUNIT_EXPECT_PTR_EQ(test, then, asi);
	KUNIT_EXPECT_NULL(test, current_asi);
	KUNIT_EXPECT_TRUE(test, agrees);
	EXPECT_COUNTED(test, &counts, ASI_CTR_EXITS + ASI_EXIT_CR3, 1);
}

/* The address goes from this ASID now, and from the others when they are loaded. */
static void one_page_flush_reaches_other_asids(struct kunit *test)
{
	u64 *block = asi_test_block(test);
	struct asi *asi = domain(test), *in;
	bool before, after;

	preempt_disable();
	this_cpu_write(cpu_tlbstate.invalidate_other, false);
	asi_enter(asi);
	asi_relax();
	before = this_cpu_read(cpu_tlbstate.invalidate_other);
	flush_tlb_one_kernel((unsigned long)block);
	after = this_cpu_read(cpu_tlbstate.invalidate_other);
	in = asi_get_current();
	/* Ours would be forgotten: it may have been set before. */
	this_cpu_write(cpu_tlbstate.invalidate_other, true);
	preempt_enable();

	KUNIT_EXPECT_FALSE(test, before);
	KUNIT_EXPECT_TRUE(test, after);
	/* An address needs no exit: loading the other address space flushes it. */
	KUNIT_EXPECT_PTR_EQ(test, in, asi);
}

/* A range goes from all CPUs, and whoever is in a domain is not led astray. */
static void range_flush_in_a_domain(struct kunit *test)
{
	u64 *block = asi_test_block(test);
	struct asi *asi = domain(test), *in;
	bool agrees;

	preempt_disable();
	asi_enter(asi);
	asi_relax();
	flush_tlb_kernel_range((unsigned long)block,
			       (unsigned long)block + PAGE_SIZE);
	flush_tlb_kernel_range((unsigned long)block,
			       (unsigned long)block + PMD_SIZE);
	in = asi_get_current();
	agrees = cr3_agrees(current->mm, in);
	preempt_enable();

	KUNIT_EXPECT_TRUE(test, agrees);
	KUNIT_EXPECT_EQ(test, block[0], block_word(0));
}

/* Another mm is not loaded from within a domain, whose CR3 belongs to this one. */
static void switching_mms_leaves(struct kunit *test)
{
	struct mm_struct *mm, *other = asi_test_mm_alloc();
	struct asi *asi = domain(test), *in;
	struct asi_test_counts counts;
	bool agrees;

	KUNIT_ASSERT_NOT_NULL(test, other);
	mm = current->mm;
	asi_test_count_from(&counts, asi->index);

	local_irq_disable();
	asi_enter(asi);
	asi_relax();
	switch_mm_irqs_off(NULL, other, NULL);
	in = asi_get_current();
	agrees = cr3_agrees(other, NULL);
	switch_mm_irqs_off(NULL, mm, NULL);
	local_irq_enable();
	mmput(other);

	KUNIT_EXPECT_NULL(test, in);
	KUNIT_EXPECT_TRUE(test, agrees);
	EXPECT_COUNTED(test, &counts, ASI_CTR_EXITS + ASI_EXIT_MM, 1);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(local_flush_leaves),
	KUNIT_CASE(one_page_flush_reaches_other_asids),
	KUNIT_CASE(range_flush_in_a_domain),
	KUNIT_CASE(switching_mms_leaves),
	{}
};

static struct kunit_suite suite = {
	.name = "asi_tlb",
	.init = asi_test_init,
	.test_cases = cases,
};
kunit_test_suite(suite);
