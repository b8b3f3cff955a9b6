// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite asi_reclaim: reclaim and the allocator agree on when an allocation can
 * succeed, also when what is free is of the other side.
 *
 * In ZONE_DMA, which is small, and which hardly anybody misses for a moment.
 */
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/sensitive.h>
#include <linux/swap.h>

#include "../../../../../mm/sensitive.h"
#include "common.h"

/* All memory below 16 MiB. */
#define DMA_PAGES	4096U
#define DMA_BLOCKS	(DMA_PAGES / (unsigned int)pageblock_nr_pages)
/* A huge page for users that may fail, and that waits for reclaim first. */
#define GFP_HUGE	(GFP_USER | __GFP_DMA | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

struct hoard {
	DECLARE_BITMAP(kernel, DMA_PAGES);
	DECLARE_BITMAP(users, DMA_PAGES);
};

/* Take all pages of a side, down to the last, and blocks of the other side. */
static void take(unsigned long *pages, gfp_t gfp)
{
	struct page *page;

	gfp &= ~__GFP_RECLAIM;
	gfp |= __GFP_DMA | __GFP_MEMALLOC | __GFP_NOWARN;
	while ((page = alloc_page(gfp))) {
		if (WARN_ON_ONCE(page_to_pfn(page) >= DMA_PAGES)) {
			__free_page(page);
			return;
		}
		__set_bit(page_to_pfn(page), pages);
	}
}

/* Give back the pages of [@first, @end). */
static void give_back(unsigned long *pages, unsigned int first, unsigned int end)
{
	unsigned int pfn = first;

	for_each_set_bit_from(pfn, pages, end) {
		__clear_bit(pfn, pages);
		__free_page(pfn_to_page(pfn));
	}
}

/* A block of which all is the kernel's; DMA_BLOCKS if there is none. */
static unsigned int whole_block(const struct hoard *hoard)
{
	unsigned int i, first;

	for (i = 0; i < DMA_BLOCKS; i++) {
		first = i * pageblock_nr_pages;
		if (find_next_zero_bit(hoard->kernel, DMA_PAGES, first) >=
		    first + pageblock_nr_pages)
			break;
	}
	return i;
}

/* Free are now a block, and of the others what the kernel had, but for a page of each. */
static void leave_pieces(struct hoard *hoard, unsigned int whole)
{
	unsigned int i, first, keep;

	for (i = 0; i < DMA_BLOCKS; i++) {
		first = i * pageblock_nr_pages;
		keep = find_next_bit(hoard->kernel, DMA_PAGES, first);
		give_back(hoard->kernel, i == whole ? first : keep + 1,
			  first + pageblock_nr_pages);
	}
}

static bool could_succeed(struct zone *zone, unsigned int alloc_flags)
{
	return zone_watermark_ok(zone, pageblock_order, min_wmark_pages(zone),
				 ZONE_DMA, alloc_flags);
}

/*
 * Without a look at the side there is enough, and a free block.  With it there is not,
 * so reclaim must not report that there is nothing to do, which is what 1 stands for.
 */
static void try_reclaim(struct kunit *test, struct zone *zone)
{
	struct zonelist *zonelist = node_zonelist(numa_node_id(), GFP_HUGE);
	unsigned long reclaimed = 1;
	int tries;

	KUNIT_EXPECT_TRUE(test, could_succeed(zone, 0));
	KUNIT_EXPECT_FALSE(test, could_succeed(zone,
					       sensitive_alloc_flags(GFP_HUGE, 0)));
	/* By chance, a page of somebody's cache may be freed in one of them. */
	for (tries = 0; tries < 5 && reclaimed == 1; tries++)
		reclaimed = try_to_free_pages(zonelist, pageblock_order,
					      GFP_HUGE, NULL);
	KUNIT_EXPECT_NE(test, reclaimed, 1UL);
}

static void reclaim_is_for_a_side(struct kunit *test)
{
	struct zone *zone = &NODE_DATA(numa_node_id())->node_zones[ZONE_DMA];
	struct hoard *hoard = kunit_kzalloc(test, sizeof(*hoard), GFP_KERNEL);
	unsigned int whole;

	asi_test_needs_sensitive(test);
	KUNIT_ASSERT_NOT_NULL(test, hoard);
	if (!populated_zone(zone))
		kunit_skip(test, "there is no ZONE_DMA");
	take(hoard->kernel, GFP_KERNEL);
	take(hoard->users, GFP_USER);
	whole = whole_block(hoard);
	if (whole < DMA_BLOCKS) {
		leave_pieces(hoard, whole);
		drain_all_pages(zone);
		try_reclaim(test, zone);
	}
	give_back(hoard->kernel, 0, DMA_PAGES);
	give_back(hoard->users, 0, DMA_PAGES);
	if (whole == DMA_BLOCKS)
		kunit_skip(test, "the kernel got no whole block");
}

static struct kunit_case reclaim_cases[] = {
	KUNIT_CASE(reclaim_is_for_a_side),
	{}
};

static struct kunit_suite reclaim_suite = {
	.name		= "asi_reclaim",
	.test_cases	= reclaim_cases,
};
kunit_test_suite(reclaim_suite);
