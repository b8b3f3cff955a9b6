// SPDX-License-Identifier: GPL-2.0
/*
 * Free memory that the machine starts with.
 *
 * Nobody clears it: after kexec or a warm reset it has what users of the kernel before
 * left there, and so may the firmware.  So it counts as sensitive, like any free page
 * whose last owner was: blocks are taken out of the restricted direct map, but for the
 * reserve of nonsensitive memory.  That, and what is free in parts of blocks, is
 * cleared.  Blocks that the kernel needs come back cleared, see sensitive_convert().
 */
#include <linux/mm.h>
#include <linux/memory_hotplug.h>
#include <linux/sched.h>

#include "sensitive.h"

static void __init hide_free_blocks(struct zone *zone)
{
	freetype_t ft = freetype_of(MIGRATE_MOVABLE, true);
	long spare;

	for (;;) {
		spare = READ_ONCE(zone->nr_free_blocks[0]) - sensitive_reserve(zone);
		spare >>= pageblock_order;
		if (spare <= 0 ||
		    !zone_convert_blocks(zone, ft, min(spare, (long)SENSITIVE_BATCH)))
			return;
		cond_resched();
	}
}

/* Returns the number of pages from @page on that are done with. */
static unsigned long __init clear_if_free(struct zone *zone, struct page *page)
{
	unsigned long nr = 1;

	spin_lock_irq(&zone->lock);
	if (PageBuddy(page)) {
		nr = 1UL << buddy_order(page);
		sensitive_clear_pages(page, nr);
	}
	spin_unlock_irq(&zone->lock);
	return nr;
}

static void __init clear_free_pages(struct zone *zone)
{
	unsigned long pfn = zone->zone_start_pfn, nr;

	for (; pfn < zone_end_pfn(zone); pfn += nr) {
		struct page *page = pfn_to_online_page(pfn);

		nr = pageblock_nr_pages - (pfn & (pageblock_nr_pages - 1));
		if (page && page_zone(page) == zone && !page_sensitive(page))
			nr = clear_if_free(zone, page);
		if (pageblock_aligned(pfn + nr))
			cond_resched();
	}
}

/* When all memory has been given to the page allocator, and before there are users. */
static int __init sensitive_boot(void)
{
	struct zone *zone;

	if (!sensitive_active() || sensitive_leak & __GFP_SENSITIVE)
		return 0;

	drain_all_pages(NULL);
	for_each_populated_zone(zone) {
		hide_free_blocks(zone);
		clear_free_pages(zone);
	}
	return 0;
}
core_initcall(sensitive_boot);
