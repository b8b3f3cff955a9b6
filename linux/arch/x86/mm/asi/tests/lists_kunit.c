// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite asi_lists: what a zone counts of its free memory by side, and the reserve
 * for atomic requests of either side.
 */
#include <kunit/test.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/page-isolation.h>
#include <linux/preempt.h>
#include <linux/sensitive.h>
#include <linux/spinlock.h>

#include "../../../../../mm/sensitive.h"
#include "common.h"

/* Not on lists of CPUs, and large enough to be in the reserve. */
#define ATOMIC_ORDER	(PAGE_ALLOC_COSTLY_ORDER + 1)
#define NR_REQUESTS	16

/* Free pages of a list, of all orders from @first.  zone->lock is held. */
static long on_list(struct zone *zone, freetype_t ft, unsigned int first)
{
	unsigned int order;
	long nr = 0;

	for (order = first; order < NR_PAGE_ORDERS; order++)
		nr += list_count_nodes(&zone->free_area[order].free_list[freetype_index(ft)])
			<< order;
	return nr;
}

/* By side: what is on ordinary lists, of it in blocks that can change sides; reserved. */
struct tally {
	long free[2], blocks[2], highatomic[2];
};

static struct tally tally_of(struct zone *zone)
{
	struct tally t = {};
	int side, mt;

	for (side = 0; side < 2; side++) {
		for (mt = 0; mt < MIGRATE_PCPTYPES; mt++) {
			freetype_t ft = freetype_of(mt, side);

			t.free[side] += on_list(zone, ft, 0);
			t.blocks[side] += on_list(zone, ft, pageblock_order);
		}
		t.highatomic[side] = on_list(zone, freetype_of(MIGRATE_HIGHATOMIC,
							       side), 0);
	}
	return t;
}

static struct tally counted_by(struct zone *zone)
{
	struct tally t = {};

	t.free[0] = zone->nr_free_ordinary[0];
	t.free[1] = zone->nr_free_ordinary[1];
	t.blocks[0] = zone->nr_free_blocks[0];
	t.blocks[1] = zone->nr_free_blocks[1];
	t.highatomic[1] = zone->nr_free_sensitive_highatomic;
	t.highatomic[0] = zone->nr_free_highatomic - t.highatomic[1];
	return t;
}

static void expect_counts(struct kunit *test, struct zone *zone)
{
	struct tally lists, counts;
	unsigned long flags;
	int side;

	spin_lock_irqsave(&zone->lock, flags);
	lists = tally_of(zone);
	counts = counted_by(zone);
	spin_unlock_irqrestore(&zone->lock, flags);

	for (side = 0; side < 2; side++) {
		KUNIT_EXPECT_EQ_MSG(test, counts.free[side], lists.free[side],
				    "%s, side %d", zone->name, side);
		KUNIT_EXPECT_EQ_MSG(test, counts.blocks[side], lists.blocks[side],
				    "%s, side %d", zone->name, side);
		KUNIT_EXPECT_EQ_MSG(test, counts.highatomic[side],
				    lists.highatomic[side], "%s, side %d",
				    zone->name, side);
	}
}

static void counts_agree_with_lists(struct kunit *test)
{
	struct zone *zone;
	struct page *page;
	int i;

	asi_test_needs_sensitive(test);
	for_each_populated_zone(zone)
		expect_counts(test, zone);
	for (i = 0; i < 2 * NR_PAGE_ORDERS; i++) {
		page = alloc_pages((i & 1 ? GFP_USER : GFP_KERNEL) | __GFP_NOWARN,
				   i / 2);
		for_each_populated_zone(zone)
			expect_counts(test, zone);
		if (page)
			__free_pages(page, i / 2);
	}
	for_each_populated_zone(zone)
		expect_counts(test, zone);
}

/*
 * Have an atomic request find memory short, as it is then that there is a reserve:
 * for as long as it takes no zone has as much free as it should.  Whoever else wants
 * memory meanwhile only takes longer.
 */
static struct page *alloc_when_short(gfp_t gfp)
{
	static unsigned long low[MAX_NR_ZONES * MAX_NUMNODES], high[ARRAY_SIZE(low)];
	struct page *page;
	struct zone *zone;
	int i = 0;

	preempt_disable();
	for_each_populated_zone(zone) {
		low[i] = zone->_watermark[WMARK_LOW];
		high[i++] = zone->_watermark[WMARK_HIGH];
		zone->_watermark[WMARK_LOW] = 2 * zone_managed_pages(zone);
		zone->_watermark[WMARK_HIGH] = 2 * zone_managed_pages(zone);
	}
	page = alloc_pages(gfp | __GFP_NOWARN, ATOMIC_ORDER);
	i = 0;
	for_each_populated_zone(zone) {
		zone->_watermark[WMARK_LOW] = low[i];
		zone->_watermark[WMARK_HIGH] = high[i++];
	}
	preempt_enable();
	return page;
}

static bool can_reserve(void)
{
	struct zone *zone;

	for_each_populated_zone(zone) {
		if (zone_managed_pages(zone) / 100 >= pageblock_nr_pages)
			return true;
	}
	return false;
}

static const struct side {
	const char *name;
	gfp_t gfp;
	bool sensitive;
} sides[] = {
	{ "nonsensitive", GFP_ATOMIC, false },
	{ "sensitive", GFP_ATOMIC | __GFP_SENSITIVE, true },
};
KUNIT_ARRAY_PARAM_DESC(side, sides, name);

/* The first request makes the reserve, and those behind it have their pages there. */
static void atomic_reserve_is_on_its_side(struct kunit *test)
{
	const struct side *side = test->param_value;
	struct page *pages[NR_REQUESTS];
	int i, nr = 0, wrong = 0, reserved = 0;
	struct zone *zone;

	asi_test_needs_sensitive(test);
	if (!can_reserve())
		kunit_skip(test, "no zone is large enough");
	for (i = 0; i < NR_REQUESTS; i++) {
		pages[i] = alloc_when_short(side->gfp);
		if (!pages[i])
			continue;
		nr++;
		wrong += !asi_test_on_side(page_address(pages[i]),
					   PAGE_SIZE << ATOMIC_ORDER, side->sensitive);
		reserved += is_migrate_highatomic(get_pageblock_migratetype(pages[i]));
	}
	for_each_populated_zone(zone)
		expect_counts(test, zone);
	for (i = 0; i < NR_REQUESTS; i++) {
		if (pages[i])
			__free_pages(pages[i], ATOMIC_ORDER);
	}
	/* What was freed is in the reserve again, which is still of that side. */
	for_each_populated_zone(zone)
		expect_counts(test, zone);

	KUNIT_EXPECT_EQ(test, wrong, 0);
	if (!nr)
		kunit_skip(test, "no free memory in blocks of that side");
	KUNIT_EXPECT_GT(test, reserved, 0);
	kunit_info(test, "%d of %d in the reserve\n", reserved, nr);
}

static struct kunit_case lists_cases[] = {
	KUNIT_CASE(counts_agree_with_lists),
	KUNIT_CASE_PARAM(atomic_reserve_is_on_its_side, side_gen_params),
	{}
};

static struct kunit_suite lists_suite = {
	.name		= "asi_lists",
	.test_cases	= lists_cases,
};
kunit_test_suite(lists_suite);
