// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite asi_fault: page faults in a domain, by the policy of its class.
 *
 * Faults of tense code under the policy EXIT are left out: they are a bug, and
 * warned about.
 */
#include <kunit/test.h>
#include <linux/mman.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "common.h"

/* The domain that the CPU is in after one access and after a second one. */
struct outcome {
	struct asi *first, *second;
	struct asi *target;
	u64 word;
	int err;
};

/* Enter the domain, open or relaxed as @tense says, do two accesses, leave. */
static void access_twice(struct asi *asi, bool tense, bool write, u64 *word,
			 struct outcome *out)
{
	preempt_disable();
	asi_enter(asi);
	if (!tense)
		asi_relax();

	if (write)
		WRITE_ONCE(*word, 1);
	else
		out->word = READ_ONCE(*word);
	out->first = asi_get_current();
	out->target = asi_get_target(current);

	if (write)
		WRITE_ONCE(word[1], 2);
	else
		out->word += READ_ONCE(word[1]);
	out->second = asi_get_current();

	asi_relax();
	asi_exit();
	preempt_enable();
}

/* One fault, one exit for it, and nothing else happened. */
static void expect_one_fault(struct kunit *test,
			     const struct asi_test_counts *counts)
{
	EXPECT_COUNTED(test, counts, ASI_CTR_FAULTS, 1);
	EXPECT_COUNTED(test, counts, ASI_CTR_EXITS + ASI_EXIT_FAULT, 1);
	EXPECT_COUNTED(test, counts, ASI_CTR_ENTERS, 1);
	EXPECT_COUNTED(test, counts, ASI_CTR_REENTERS, 0);
	EXPECT_COUNTED(test, counts, ASI_CTR_EXITS + ASI_EXIT_EXPLICIT, 0);
	EXPECT_COUNTED(test, counts, ASI_CTR_CR3_WRITES, 2);
	EXPECT_COUNTED(test, counts, ASI_CTR_FLUSHES, 2);
	EXPECT_COUNTED(test, counts, ASI_CTR_TENSE_FAULTS, 0);
	EXPECT_COUNTED(test, counts, ASI_CTR_WARNINGS, 0);
}

static void no_fault_without_hidden_memory(struct kunit *test)
{
	struct asi *asi = asi_test_domain_with(test, ASI_FAULT_EXIT);
	u64 *block = asi_test_block(test);
	struct asi_test_counts counts;
	struct outcome out;

	asi_test_count_from(&counts, asi->index);
	access_twice(asi, false, false, block, &out);

	KUNIT_EXPECT_PTR_EQ(test, out.second, asi);
	KUNIT_EXPECT_EQ(test, out.word, block_word(0) + block_word(1));
	EXPECT_COUNTED(test, &counts, ASI_CTR_FAULTS, 0);
	EXPECT_COUNTED(test, &counts, ASI_CTR_EXITS + ASI_EXIT_EXPLICIT, 1);
}

static void read_exits_once(struct kunit *test)
{
	struct asi *asi = asi_test_domain_with(test, ASI_FAULT_EXIT);
	u64 *hidden = asi_test_hidden_block(test);
	struct asi_test_counts counts;
	struct outcome out;

	asi_test_count_from(&counts, asi->index);
	access_twice(asi, false, false, hidden, &out);

	KUNIT_EXPECT_NULL(test, out.first);
	KUNIT_EXPECT_NULL(test, out.second);
	KUNIT_EXPECT_EQ(test, out.word, block_word(0) + block_word(1));
	expect_one_fault(test, &counts);
}

static void write_exits_once(struct kunit *test)
{
	struct asi *asi = asi_test_domain_with(test, ASI_FAULT_EXIT);
	u64 *hidden = asi_test_hidden_block(test);
	struct asi_test_counts counts;
	struct outcome out;

	asi_test_count_from(&counts, asi->index);
	access_twice(asi, false, true, hidden, &out);

	KUNIT_EXPECT_NULL(test, out.first);
	KUNIT_EXPECT_EQ(test, hidden[0], 1ULL);
	KUNIT_EXPECT_EQ(test, hidden[1], 2ULL);
	KUNIT_EXPECT_EQ(test, hidden[2], block_word(2));
	expect_one_fault(test, &counts);
}

/* Every word of it, read and written in one go while inside. */
static void whole_block_is_right(struct kunit *test)
{
	struct asi *asi = asi_test_domain_with(test, ASI_FAULT_EXIT);
	u64 *hidden = asi_test_hidden_block(test);
	u64 *copy = asi_test_block(test);
	struct asi_test_counts counts;
	unsigned long i;
	int bad = 0;

	for (i = 0; i < BLOCK_WORDS; i++)
		copy[i] = 0;

	asi_test_count_from(&counts, asi->index);
	preempt_disable();
	asi_enter(asi);
	asi_relax();
	memcpy(copy, hidden, PMD_SIZE);
	asi_exit();
	preempt_enable();

	for (i = 0; i < BLOCK_WORDS; i++)
		bad += copy[i] != block_word(i);
	KUNIT_EXPECT_EQ(test, bad, 0);
	expect_one_fault(test, &counts);
}

/* An access that only ends in hidden memory. */
static void access_across_the_edge(struct kunit *test)
{
	struct asi *asi = asi_test_domain_with(test, ASI_FAULT_EXIT);
	unsigned long area =
		__get_free_pages(GFP_KERNEL, PMD_SHIFT - PAGE_SHIFT + 1);
	struct asi_test_counts counts;
	u64 *word, value;

	KUNIT_ASSERT_NE(test, area, 0UL);
	word = (u64 *)(area + PMD_SIZE - 4);
	*word = 0x123456789abcdef0ULL;
	KUNIT_EXPECT_EQ(test, 0, asi_directmap_hide(area + PMD_SIZE));

	asi_test_count_from(&counts, asi->index);
	preempt_disable();
	asi_enter(asi);
	asi_relax();
	value = READ_ONCE(*word);
	asi_exit();
	preempt_enable();

	asi_directmap_show(area + PMD_SIZE);
	free_pages(area, PMD_SHIFT - PAGE_SHIFT + 1);

	KUNIT_EXPECT_EQ(test, value, 0x123456789abcdef0ULL);
	expect_one_fault(test, &counts);
}

/* The next enter is restricted again, and the next access leaves again. */
static void every_round_exits(struct kunit *test)
{
	struct asi *asi = asi_test_domain_with(test, ASI_FAULT_EXIT);
	u64 *hidden = asi_test_hidden_block(test);
	struct asi_test_counts counts;
	struct outcome out;
	int i;

	asi_test_count_from(&counts, asi->index);
	for (i = 0; i < 100; i++)
		access_twice(asi, false, false, hidden, &out);
	EXPECT_COUNTED(test, &counts, ASI_CTR_FAULTS, 100);
	EXPECT_COUNTED(test, &counts, ASI_CTR_EXITS + ASI_EXIT_FAULT, 100);
	EXPECT_COUNTED(test, &counts, ASI_CTR_ENTERS, 100);
}

static void no_fault_outside(struct kunit *test)
{
	struct asi *asi = asi_test_domain_with(test, ASI_FAULT_EXIT);
	u64 *hidden = asi_test_hidden_block(test);
	struct asi_test_counts counts;
	u64 word;

	asi_test_count_from(&counts, asi->index);
	word = READ_ONCE(*hidden);
	KUNIT_EXPECT_EQ(test, word, block_word(0));
	EXPECT_COUNTED(test, &counts, ASI_CTR_FAULTS, 0);
}

/* An address that neither address space has: to the ordinary handler. */
static void access_unmapped(struct asi *asi, struct outcome *out)
{
	struct vm_struct *area = get_vm_area(PAGE_SIZE, VM_IOREMAP);

	if (!area) {
		out->err = -ENOMEM;
		return;
	}
	preempt_disable();
	asi_enter(asi);
	asi_relax();
	out->err = copy_from_kernel_nofault(&out->word, area->addr,
					    sizeof(out->word));
	out->first = asi_get_current();
	asi_exit();
	preempt_enable();
	free_vm_area(area);
}

static void ordinary_fault_is_handled(struct kunit *test)
{
	struct asi *asi = asi_test_domain_with(test, ASI_FAULT_EXIT);
	struct asi_test_counts counts;
	struct outcome out;

	asi_test_count_from(&counts, asi->index);
	access_unmapped(asi, &out);
	KUNIT_EXPECT_EQ(test, out.err, -EFAULT);
	KUNIT_EXPECT_NULL(test, out.first);
	expect_one_fault(test, &counts);
}

/* With PRESERVE the ordinary handler works in the domain. */
static void preserve_stays_inside(struct kunit *test)
{
	struct asi *asi = asi_test_domain_with(test, ASI_FAULT_PRESERVE);
	struct asi_test_counts counts;
	struct outcome out;

	asi_test_count_from(&counts, asi->index);
	access_unmapped(asi, &out);
	KUNIT_EXPECT_EQ(test, out.err, -EFAULT);
	KUNIT_EXPECT_PTR_EQ(test, out.first, asi);
	EXPECT_COUNTED(test, &counts, ASI_CTR_FAULTS, 0);
	EXPECT_COUNTED(test, &counts, ASI_CTR_EXITS + ASI_EXIT_FAULT, 0);
	EXPECT_COUNTED(test, &counts, ASI_CTR_EXITS + ASI_EXIT_EXPLICIT, 1);
}

/* User memory is part of a domain: a page that is there needs no exit. */
static void user_memory_is_mapped(struct kunit *test)
{
	struct asi *asi = asi_test_domain_with(test, ASI_FAULT_EXIT);
	unsigned long addr = vm_mmap(NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, 0);
	struct asi_test_counts counts;
	int absent, present, word = 0;
	struct asi *after;

	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	asi_test_count_from(&counts, asi->index);

	/* Not there yet, and the handler may not sleep. */
	preempt_disable();
	asi_enter(asi);
	asi_relax();
	pagefault_disable();
	absent = __get_user(word, (int __user *)addr);
	pagefault_enable();
	asi_exit();
	preempt_enable();
	EXPECT_COUNTED(test, &counts, ASI_CTR_FAULTS, 1);
	KUNIT_EXPECT_EQ(test, absent, -EFAULT);

	/* Populated outside. */
	KUNIT_ASSERT_EQ(test, 0, put_user(4711, (int __user *)addr));

	preempt_disable();
	asi_enter(asi);
	asi_relax();
	pagefault_disable();
	present = __get_user(word, (int __user *)addr);
	pagefault_enable();
	after = asi_get_current();
	asi_exit();
	preempt_enable();
	KUNIT_EXPECT_EQ(test, present, 0);
	KUNIT_EXPECT_EQ(test, word, 4711);
	KUNIT_EXPECT_PTR_EQ(test, after, asi);
	EXPECT_COUNTED(test, &counts, ASI_CTR_FAULTS, 1);
}

/* ABORT: the critical section is over, and nothing leads back into it. */
static void abort_ends_the_critical_section(struct kunit *test)
{
	struct asi *asi = asi_test_domain_with(test, ASI_FAULT_ABORT);
	u64 *hidden = asi_test_hidden_block(test);
	struct asi_test_counts counts;
	struct outcome out;

	asi_test_count_from(&counts, asi->index);
	access_twice(asi, true, false, hidden, &out);

	KUNIT_EXPECT_NULL(test, out.first);
	KUNIT_EXPECT_NULL(test, out.target);
	KUNIT_EXPECT_NULL(test, out.second);
	KUNIT_EXPECT_EQ(test, out.word, block_word(0) + block_word(1));
	expect_one_fault(test, &counts);
}

static void abort_of_a_relaxed_task(struct kunit *test)
{
	struct asi *asi = asi_test_domain_with(test, ASI_FAULT_ABORT);
	u64 *hidden = asi_test_hidden_block(test);
	struct asi_test_counts counts;
	struct outcome out;

	asi_test_count_from(&counts, asi->index);
	access_twice(asi, false, true, hidden, &out);

	KUNIT_EXPECT_NULL(test, out.first);
	KUNIT_EXPECT_NULL(test, out.target);
	expect_one_fault(test, &counts);
}

/* An interrupt that aborts returns to a task that stays outside. */
static void abort_lasts_after_an_interrupt(struct kunit *test)
{
	struct asi *asi = asi_test_domain_with(test, ASI_FAULT_ABORT);
	u64 *hidden = asi_test_hidden_block(test);
	struct asi *after, *target, *later;
	struct asi_test_counts counts;
	unsigned long flags;
	int depth;
	u64 word;

	asi_test_count_from(&counts, asi->index);
	local_irq_save(flags);
	asi_enter(asi);
	asi_intr_enter();
	word = READ_ONCE(*hidden);
	asi_intr_exit();
	after = asi_get_current();
	target = asi_get_target(current);
	depth = current->thread.asi_state.intr_nest_depth;

	/* Nor does the next one lead back. */
	asi_intr_enter();
	asi_intr_exit();
	later = asi_get_current();
	asi_exit();
	local_irq_restore(flags);

	KUNIT_EXPECT_EQ(test, word, block_word(0));
	KUNIT_EXPECT_NULL(test, after);
	KUNIT_EXPECT_NULL(test, target);
	KUNIT_EXPECT_NULL(test, later);
	KUNIT_EXPECT_EQ(test, depth, 0);
	expect_one_fault(test, &counts);
}

/* The next critical section is a new one. */
static void abort_does_not_outlive_the_section(struct kunit *test)
{
	struct asi *asi = asi_test_domain_with(test, ASI_FAULT_ABORT);
	u64 *hidden = asi_test_hidden_block(test);
	struct outcome out;
	struct asi *again;

	access_twice(asi, true, false, hidden, &out);
	preempt_disable();
	asi_enter(asi);
	again = asi_get_current();
	asi_relax();
	asi_exit();
	preempt_enable();

	KUNIT_EXPECT_NULL(test, out.first);
	KUNIT_EXPECT_PTR_EQ(test, again, asi);
}

static struct kunit_case fault_cases[] = {
	KUNIT_CASE(no_fault_without_hidden_memory),
	KUNIT_CASE(read_exits_once),
	KUNIT_CASE(write_exits_once),
	KUNIT_CASE(whole_block_is_right),
	KUNIT_CASE(access_across_the_edge),
	KUNIT_CASE(every_round_exits),
	KUNIT_CASE(no_fault_outside),
	KUNIT_CASE(ordinary_fault_is_handled),
	KUNIT_CASE(preserve_stays_inside),
	KUNIT_CASE(user_memory_is_mapped),
	KUNIT_CASE(abort_ends_the_critical_section),
	KUNIT_CASE(abort_of_a_relaxed_task),
	KUNIT_CASE(abort_lasts_after_an_interrupt),
	KUNIT_CASE(abort_does_not_outlive_the_section),
	{}
};

static struct kunit_suite fault_suite = {
	.name		= "asi_fault",
	.init		= asi_test_init,
	.test_cases	= fault_cases,
};
kunit_test_suite(fault_suite);
