// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite asi_convert: what is in a block does not change sides with it, and no
 * CPU keeps a way to it.
 *
 * A free block may be taken by anybody at any time.  So a test looks at one with the
 * lock of its zone held and only while it is on a list, and begins anew with another
 * one when it is not.  All that has blocks change sides, for a request or ahead of it,
 * does it by the function that is called here.
 */
#include <kunit/test.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/preempt.h>
#include <linux/sensitive.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "../../../../../mm/sensitive.h"
#include "common.h"

#define SECRET		0x7365637265743f21ULL

/* Attempts, and how many of them have to be good ones. */
#define ATTEMPTS	20
#define ENOUGH		3

/* Others that may be in front of the block that is to change sides. */
#define MOST_BLOCKS	256

/* Is a block free, whole, and of a side?  zone->lock is held. */
static bool __free_on_side(struct page *block, bool sensitive)
{
	unsigned long pfn = page_to_pfn(block);
	unsigned int order;

	if (page_sensitive(block) != sensitive)
		return false;
	for (order = pageblock_order; order < NR_PAGE_ORDERS; order++) {
		struct page *head = pfn_to_page(ALIGN_DOWN(pfn, 1UL << order));

		if (PageBuddy(head) && buddy_order(head) == order)
			return true;
	}
	return false;
}

static bool free_on_side(struct page *block, bool sensitive)
{
	struct zone *zone = page_zone(block);
	unsigned long flags;
	bool free;

	spin_lock_irqsave(&zone->lock, flags);
	free = __free_on_side(block, sensitive);
	spin_unlock_irqrestore(&zone->lock, flags);
	return free;
}

/* Have a free block become of a side.  False if somebody else has it. */
static bool change_side(struct page *block, bool sensitive)
{
	freetype_t ft = freetype_of(MIGRATE_UNMOVABLE, sensitive);
	int i;

	for (i = 0; i < MOST_BLOCKS && !free_on_side(block, sensitive); i++) {
		if (!free_on_side(block, !sensitive) ||
		    !zone_convert_blocks(page_zone(block), ft, 1))
			return false;
	}
	return i < MOST_BLOCKS;
}

/* A block that was just freed, and is on no list of a CPU. */
static struct page *freed_block(struct kunit *test, gfp_t gfp, u64 word)
{
	struct page *block = alloc_pages(gfp, pageblock_order);

	KUNIT_ASSERT_NOT_NULL(test, block);
	memset64(page_address(block), word, BLOCK_WORDS);
	__free_pages(block, pageblock_order);
	drain_all_pages(page_zone(block));
	return block;
}

/**
 * struct sight - what a look at a free block showed
 * @secrets: Words of it that are the secret.
 * @absent:  It is hidden, whether or not the kernel maps what is free.
 */
struct sight {
	unsigned long secrets;
	bool absent;
};

/* To KASAN what is free is nobody's to read. */
static unsigned long secrets_in(struct page *block)
{
	u64 *words = page_address(block);
	unsigned long i, nr = 0;

	debug_pagealloc_map_pages(block, pageblock_nr_pages);
	for (i = 0; i < BLOCK_WORDS; i++)
		nr += READ_ONCE_NOCHECK(words[i]) == SECRET;
	debug_pagealloc_unmap_pages(block, pageblock_nr_pages);
	return nr;
}

/* False if the block is not free, or not of the side. */
static bool look_at(struct page *block, bool sensitive, struct sight *sight)
{
	struct zone *zone = page_zone(block);
	unsigned long flags;
	bool free;

	spin_lock_irqsave(&zone->lock, flags);
	free = __free_on_side(block, sensitive);
	if (free) {
		sight->secrets = secrets_in(block);
		sight->absent = asi_block_absent(page_address(block));
	}
	spin_unlock_irqrestore(&zone->lock, flags);
	return free;
}

/* How much of a secret should be in a block that was freed? */
static unsigned long secrets_left_by_free(void)
{
	return want_init_on_free() || page_poisoning_enabled_static() ? 0 :
								       BLOCK_WORDS;
}

/* What its last owner left in a free block is gone when all may reach it. */
static void freed_secret_does_not_change_sides(struct kunit *test)
{
	struct sight before, after;
	int i, good = 0;

	asi_test_needs_sensitive(test);
	for (i = 0; i < ATTEMPTS && good < ENOUGH; i++) {
		struct page *block = freed_block(test, GFP_USER, SECRET);

		if (!look_at(block, true, &before) ||
		    before.secrets != secrets_left_by_free() ||
		    !change_side(block, false) || !look_at(block, false, &after))
			continue;
		good++;
		KUNIT_EXPECT_TRUE(test, before.absent);
		KUNIT_EXPECT_FALSE(test, after.absent);
		KUNIT_EXPECT_EQ(test, after.secrets, 0UL);
	}
	if (good < ENOUGH)
		kunit_skip(test, "%d of %d blocks were taken by others", i - good, i);
}

/**
 * struct looker - another CPU, restricted, that keeps reading a block
 * @work:    Runs there.
 * @mm:      Of the domain.
 * @asi:     The domain.
 * @block:   What it reads.
 * @inside:  It has read the block, and goes on.
 * @hidden:  The block is hidden now.
 * @after:   The domain of the CPU after it has read the block once more.
 * @touched: It left for a fault and for nothing else, so the block was in reach.
 */
struct looker {
	struct work_struct work;
	struct mm_struct *mm;
	struct asi *asi;
	u64 *block;
	bool inside, hidden;
	struct asi *after;
	bool touched;
};

/* How often this CPU left the domain for some reasons. */
static u64 nr_exits(struct asi *asi, int first, int last)
{
	u64 sum = 0;

	for (; first <= last; first++)
		sum += this_cpu_read(asi_stats.count[asi->index][first]);
	return sum;
}

static void look(struct work_struct *work)
{
	struct looker *l = container_of(work, struct looker, work);
	u64 faults, others;
	int i;

	kthread_use_mm(l->mm);
	preempt_disable();
	faults = nr_exits(l->asi, ASI_EXIT_FAULT, ASI_EXIT_FAULT);
	others = nr_exits(l->asi, ASI_EXIT_FAULT + 1, ASI_NR_EXIT_REASONS - 1);
	asi_enter(l->asi);
	asi_relax();
	READ_ONCE_NOCHECK(*l->block);
	/* After the access.  Pairs with hide_from_looker(). */
	smp_store_release(&l->inside, true);
	/*
	 * Interrupts are on, and the TLB has the block again if it was flushed too
	 * early.  Pairs with hide_from_looker().
	 */
	for (i = 0; i < 2 * USEC_PER_SEC && !smp_load_acquire(&l->hidden); i++) {
		READ_ONCE_NOCHECK(*l->block);
		udelay(1);
	}
	READ_ONCE_NOCHECK(*l->block);
	l->after = asi_get_current();
	faults = nr_exits(l->asi, ASI_EXIT_FAULT, ASI_EXIT_FAULT) - faults;
	others = nr_exits(l->asi, ASI_EXIT_FAULT + 1, ASI_NR_EXIT_REASONS - 1) -
		 others;
	l->touched = !others && faults <= 1;
	asi_exit();
	preempt_enable();
	kthread_unuse_mm(l->mm);
}

/* Ways to have a block become sensitive. */
struct way {
	const char *name;
	bool in_use;
};

static const struct way ways[] = {
	{ "free", false },
	{ "in use", true },
};
KUNIT_ARRAY_PARAM_DESC(way, ways, name);

static bool hide(struct page *block, bool in_use)
{
	unsigned long pfn = page_to_pfn(block);

	if (!in_use)
		return change_side(block, true);
	sensitive_set_range(pfn, pfn + pageblock_nr_pages, true);
	return true;
}

/*
 * Hide a block from another CPU that has it in its TLB.  False if others came in
 * between: somebody took the block, or an interrupt left the domain.
 */
static bool hide_from_looker(struct kunit *test, struct looker *l,
			     struct page *block, bool in_use)
{
	bool hidden;
	int i, other;

	l->inside = false;
	l->hidden = false;
	l->block = page_address(block);
	INIT_WORK_ONSTACK(&l->work, look);

	migrate_disable();
	other = cpumask_any_but(cpu_online_mask, smp_processor_id());
	schedule_work_on(other, &l->work);
	/* Pairs with look(). */
	for (i = 0; i < 1000 && !smp_load_acquire(&l->inside); i++)
		usleep_range(1000, 2000);
	hidden = hide(block, in_use);
	/* Only now.  Pairs with look(). */
	smp_store_release(&l->hidden, true);
	flush_work(&l->work);
	migrate_enable();
	destroy_work_on_stack(&l->work);

	return hidden && i < 1000 && l->touched && page_sensitive(block) &&
	       asi_block_absent(l->block);
}

/*
 * A block that became sensitive can be handed out, so by then no CPU reaches it from
 * a restricted address space.
 */
static void no_cpu_keeps_a_way_to_a_block(struct kunit *test)
{
	const struct way *way = test->param_value;
	struct looker l = {};
	int i, good = 0;

	asi_test_needs_sensitive(test);
	if (num_online_cpus() < 2)
		kunit_skip(test, "one CPU is online, two are needed");
	if (debug_pagealloc_enabled_static())
		kunit_skip(test, "what is free is not mapped");

	l.asi = asi_test_domain_with(test, ASI_FAULT_EXIT);
	l.mm = l.asi->mm;
	for (i = 0; i < ATTEMPTS && good < ENOUGH; i++) {
		struct page *block;

		block = way->in_use ? alloc_pages(GFP_KERNEL, pageblock_order) :
				      freed_block(test, GFP_KERNEL, 0);
		KUNIT_ASSERT_NOT_NULL(test, block);
		if (hide_from_looker(test, &l, block, way->in_use)) {
			KUNIT_EXPECT_NULL(test, l.after);
			good++;
		}
		if (way->in_use)
			__free_pages(block, pageblock_order);
	}
	if (good < ENOUGH)
		kunit_skip(test, "%d of %d times others came in between", i - good, i);
}

static struct kunit_case convert_cases[] = {
	KUNIT_CASE(freed_secret_does_not_change_sides),
	KUNIT_CASE_PARAM(no_cpu_keeps_a_way_to_a_block, way_gen_params),
	{}
};

static struct kunit_suite convert_suite = {
	.name		= "asi_convert",
	.test_cases	= convert_cases,
};
kunit_test_suite(convert_suite);
