// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite asi_context: is it noticed when a page table is allocated, or all CPUs
 * are waited for, where that must not be?
 *
 * Each is done as it should be and with interrupts off, as under zone->lock.  A test
 * cannot go on to where Linux itself would complain: so a table is allocated as if it
 * were urgent, and a block is to be hidden that is hidden already, which ends before the
 * flush.  The other callers are told apart by reading: all tables come from
 * asi_table_pages(); asi_blocks_flush(), asi_directmap_remove() and asi_unmap() begin
 * with the same check as asi_directmap_hide(); dpt.c, which flushes too, may sleep before
 * each page, and Linux checks that.
 */
#include <kunit/test.h>
#include <linux/gfp.h>
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/spinlock.h>

#include "common.h"

/* One test runs at a time.  What its scenes use and leave behind. */
static struct {
	u64 *hidden;
	void *table;
	int err;
} t;

static int context_init(struct kunit *test)
{
	asi_test_needs_asi(test);
	memset(&t, 0, sizeof(t));
	t.hidden = asi_test_hidden_block(test);
	return 0;
}

/* How often is the scene warned about that this task goes through? */
static u64 warned(void (*scene)(void))
{
	u64 before = asi_counter_sum(0, ASI_CTR_WARNINGS), after;

	WRITE_ONCE(asi_rule_breaker, current);
	scene();
	WRITE_ONCE(asi_rule_breaker, NULL);
	after = asi_counter_sum(0, ASI_CTR_WARNINGS);
	return after - before;
}

static u64 warned_irqs_off(void (*scene)(void))
{
	unsigned long flags;
	u64 nr;

	local_irq_save(flags);
	nr = warned(scene);
	local_irq_restore(flags);
	return nr;
}

static void allocate_table(void)
{
	t.table = asi_table_pages(GFP_ATOMIC, 0);
}

static void table_is_not_allocated_with_interrupts_off(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, warned(allocate_table), 0ULL);
	asi_table_free(t.table);
	KUNIT_EXPECT_EQ(test, warned_irqs_off(allocate_table), 1ULL);
	asi_table_free(t.table);
}

static void hide_hidden(void)
{
	t.err = asi_directmap_hide((unsigned long)t.hidden);
}

static void nothing_is_hidden_with_interrupts_off(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, warned(hide_hidden), 0ULL);
	KUNIT_EXPECT_EQ(test, t.err, -EBUSY);
	KUNIT_EXPECT_EQ(test, warned_irqs_off(hide_hidden), 1ULL);
	KUNIT_EXPECT_EQ(test, t.err, -EBUSY);
}

static void wait_under_zone_lock(void)
{
	struct zone *zone = page_zone(virt_to_page(t.hidden));
	unsigned long flags;

	spin_lock_irqsave(&zone->lock, flags);
	asi_debug_may_wait();
	spin_unlock_irqrestore(&zone->lock, flags);
}

static void nobody_waits_under_zone_lock(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, warned(wait_under_zone_lock), 1ULL);
	KUNIT_EXPECT_EQ(test, warned(asi_debug_may_wait), 0ULL);
}

static struct kunit_case context_cases[] = {
	KUNIT_CASE(table_is_not_allocated_with_interrupts_off),
	KUNIT_CASE(nothing_is_hidden_with_interrupts_off),
	KUNIT_CASE(nobody_waits_under_zone_lock),
	{}
};

static struct kunit_suite context_suite = {
	.name		= "asi_context",
	.init		= context_init,
	.test_cases	= context_cases,
};
kunit_test_suite(context_suite);
