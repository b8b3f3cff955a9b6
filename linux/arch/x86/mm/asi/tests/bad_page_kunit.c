// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suites asi_bad_page and provoke_bad_page: a block that is mapped as if it were
 * of the other side is noticed.
 *
 * The second has the page allocator complain, which taints the kernel.  So it has a
 * name that asi* leaves out, and wants a machine of its own.
 */
#include <kunit/test.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/panic.h>
#include <linux/spinlock.h>

#include "../../../../../mm/sensitive.h"
#include "common.h"

static bool is_bad(struct page *page, unsigned int order)
{
	return sensitive_pages_are_bad(page, order);
}

/* A block that is of one side and mapped as one of the other. */
static void other_mapping_is_bad(struct kunit *test)
{
	struct page *block;

	asi_test_needs_sensitive(test);
	block = alloc_pages(GFP_KERNEL, pageblock_order);
	KUNIT_ASSERT_NOT_NULL(test, block);
	KUNIT_EXPECT_FALSE(test, is_bad(block, pageblock_order));
	asi_block_hide(page_address(block));
	KUNIT_EXPECT_TRUE(test, is_bad(block, pageblock_order));
	KUNIT_EXPECT_TRUE(test, is_bad(block + pageblock_nr_pages - 1, 0));
	asi_block_show(page_address(block));
	KUNIT_EXPECT_FALSE(test, is_bad(block, pageblock_order));
	__free_pages(block, pageblock_order);

	block = alloc_pages(GFP_USER, pageblock_order);
	KUNIT_ASSERT_NOT_NULL(test, block);
	KUNIT_EXPECT_FALSE(test, is_bad(block, pageblock_order));
	asi_block_show(page_address(block));
	KUNIT_EXPECT_TRUE(test, is_bad(block, pageblock_order));
	KUNIT_EXPECT_TRUE(test, is_bad(block + pageblock_nr_pages - 1, 0));
	asi_block_hide(page_address(block));
	KUNIT_EXPECT_FALSE(test, is_bad(block, pageblock_order));
	__free_pages(block, pageblock_order);
}

/* Of a page of many blocks, each is looked at. */
static void every_block_is_looked_at(struct kunit *test)
{
	const unsigned int order = pageblock_order + 1;
	struct page *pages;
	void *last;

	asi_test_needs_sensitive(test);
	if (order > MAX_PAGE_ORDER)
		kunit_skip(test, "no page has two blocks");
	pages = alloc_pages(GFP_KERNEL | __GFP_NOWARN, order);
	if (!pages)
		kunit_skip(test, "no memory in one piece");
	last = page_address(pages + pageblock_nr_pages);
	asi_block_hide(last);
	KUNIT_EXPECT_TRUE(test, is_bad(pages, order));
	KUNIT_EXPECT_FALSE(test, is_bad(pages, pageblock_order));
	asi_block_show(last);
	KUNIT_EXPECT_FALSE(test, is_bad(pages, order));
	__free_pages(pages, order);
}

static struct kunit_case bad_page_cases[] = {
	KUNIT_CASE(other_mapping_is_bad),
	KUNIT_CASE(every_block_is_looked_at),
	{}
};

static struct kunit_suite bad_page_suite = {
	.name		= "asi_bad_page",
	.test_cases	= bad_page_cases,
};

/* Blocks that are allocated while the one that is wrong is looked for. */
#define MOST_BLOCKS	64

/* Hide a free block and say nothing of it.  False if it is not free any more. */
static bool hide_free_block(struct page *block)
{
	struct zone *zone = page_zone(block);
	unsigned long flags;
	bool free;

	spin_lock_irqsave(&zone->lock, flags);
	free = PageBuddy(block) && buddy_order(block) >= pageblock_order &&
	       !page_sensitive(block);
	if (free)
		asi_block_hide(page_address(block));
	spin_unlock_irqrestore(&zone->lock, flags);
	return free;
}

static void bad_page_is_not_handed_out(struct kunit *test)
{
	struct page *block, *page, *next;
	bool handed_out = false;
	LIST_HEAD(pages);
	int i;

	asi_test_needs_sensitive(test);
	KUNIT_ASSERT_FALSE(test, test_taint(TAINT_BAD_PAGE));
	block = alloc_pages(GFP_KERNEL, MAX_PAGE_ORDER);
	KUNIT_ASSERT_NOT_NULL(test, block);
	__free_pages(block, MAX_PAGE_ORDER);
	if (!hide_free_block(block))
		kunit_skip(test, "somebody else was faster");

	for (i = 0; i < MOST_BLOCKS && !test_taint(TAINT_BAD_PAGE); i++) {
		page = alloc_pages(GFP_KERNEL | __GFP_NOWARN, MAX_PAGE_ORDER);
		if (!page)
			break;
		handed_out |= page == block;
		list_add(&page->lru, &pages);
	}
	/* It is lost, but for who has a smaller part of it. */
	asi_block_show(page_address(block));
	list_for_each_entry_safe(page, next, &pages, lru)
		__free_pages(page, MAX_PAGE_ORDER);

	KUNIT_EXPECT_TRUE(test, test_taint(TAINT_BAD_PAGE));
	KUNIT_EXPECT_FALSE(test, handed_out);
}

static struct kunit_case provoke_cases[] = {
	KUNIT_CASE(bad_page_is_not_handed_out),
	{}
};

static struct kunit_suite provoke_suite = {
	.name		= "provoke_bad_page",
	.test_cases	= provoke_cases,
};
kunit_test_suites(&bad_page_suite, &provoke_suite);
