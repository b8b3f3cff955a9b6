// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that the machine starts with and that nobody has used yet.
 *
 * Nobody clears it: after kexec or a warm reset it has what users of the kernel before
 * left there, and so may the firmware.  So what is free counts as sensitive, like any
 * free page whose last owner was: blocks are taken out of the restricted direct map, but
 * for the reserve of nonsensitive memory.  That, and what is free in parts of blocks and
 * of pages, is cleared.  Blocks that the kernel needs come back cleared, see
 * sensitive_convert().
 *
 * What is kept for a kernel for crash dumps is hidden, too: its initrd has keys.  What is
 * reserved otherwise is cleared when it is freed, see sensitive_clear_reserved().
 */
#include <linux/cc_platform.h>
#include <linux/crash_reserve.h>
#include <linux/highmem.h>
#include <linux/ioport.h>
#include <linux/memblock.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "sensitive.h"

/* Is what is given out cleared for our sake alone? */
static bool clearing __initdata;

/*
 * Some of what is free is given out before it is hidden or cleared.  So that is cleared
 * until then as with init_on_alloc=1, unless free memory is overwritten anyway.
 */
static void __init start_clearing(void)
{
	if (want_init_on_alloc(0) || want_init_on_free() ||
	    page_poisoning_enabled_static())
		return;
	static_branch_enable(&init_on_alloc);
	clearing = true;
}

static void __init stop_clearing(void)
{
	if (clearing)
		static_branch_disable(&init_on_alloc);
}

static void __init clear_parts_of_pages(phys_addr_t start, phys_addr_t end)
{
	phys_addr_t first = min(PAGE_ALIGN(start), end);
	phys_addr_t last = max(PAGE_ALIGN_DOWN(end), first);

	memset(phys_to_virt(start), 0, first - start);
	memset(phys_to_virt(last), 0, end - last);
}

/*
 * memblock has bytes, and the page allocator gets whole pages of it only: where one is
 * in use in part, nobody ever gets the rest.  So what is in use has to be reserved to
 * the byte.
 *
 * With SME, what is in use may be from a boot loader and not encrypted, and to write
 * beside it would garble what shares a block of the cipher with that.
 */
static void __init clear_free_parts(void)
{
	phys_addr_t start, end;
	u64 i;

	if (cc_platform_has(CC_ATTR_HOST_MEM_ENCRYPT))
		return;
	for_each_free_mem_range(i, NUMA_NO_NODE, MEMBLOCK_NONE, &start, &end, NULL)
		clear_parts_of_pages(start, end);
}

/**
 * sensitive_mem_init - see to what will be used before free memory is hidden
 *
 * Context: When all that boot takes from memblock is taken, before memblock_free_all().
 */
void __init sensitive_mem_init(void)
{
	if (!asi_sensitive_wanted())
		return;
	start_clearing();
	clear_free_parts();
}

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

/*
 * A block at a time, so that none of its pages comes or goes meanwhile.  Free pages in
 * the middle of a larger one count, whose first page may have been passed already.
 */
static void __init clear_free_in_block(struct zone *zone, struct page *page)
{
	const struct page *end = page + pageblock_nr_pages;

	spin_lock_irq(&zone->lock);
	for (; page < end; page++) {
		if (page_zone(page) != zone)
			continue;
		if (page_is_guard(page))
			sensitive_clear_pages(page, 1UL << page_private(page));
		else if (is_free_buddy_page(page))
			sensitive_clear_pages(page, 1);
	}
	spin_unlock_irq(&zone->lock);
}

static void __init clear_free_pages(struct zone *zone)
{
	unsigned long pfn = pageblock_start_pfn(zone->zone_start_pfn);

	for (; pfn < zone_end_pfn(zone); pfn += pageblock_nr_pages) {
		struct page *page = pfn_to_online_page(pfn);

		if (page && !page_sensitive(page))
			clear_free_in_block(zone, page);
		cond_resched();
	}
}

#ifdef CONFIG_CRASH_RESERVE
/* All that is in whole blocks is hidden, the rest is cleared; nothing is loaded yet. */
static void __init hide_reserved(const struct resource *res)
{
	unsigned long pfn = PFN_UP(res->start), end = PFN_DOWN(res->end + 1);

	sensitive_set_range(pfn, end, true);
	for (; pfn < end; pfn++) {
		if (!page_sensitive(pfn_to_page(pfn)))
			clear_highpage(pfn_to_page(pfn));
	}
}

static void __init hide_crash_kernel(void)
{
	if (crashk_res.end)
		hide_reserved(&crashk_res);
	if (crashk_low_res.end)
		hide_reserved(&crashk_low_res);
}
#else
static void __init hide_crash_kernel(void)
{
}
#endif

static void __init hide_or_clear_free(void)
{
	struct zone *zone;

	/* The reserve depends on watermarks, which are zero until now. */
	init_per_zone_wmark_min();
	for_each_populated_zone(zone) {
		hide_free_blocks(zone);
		/* What is on lists of CPUs is free, and does not look it. */
		zone_pcp_disable(zone);
		clear_free_pages(zone);
		zone_pcp_enable(zone);
	}
}

/* Deferred memory has been given to the page allocator; there are no users yet. */
static int __init sensitive_boot(void)
{
	if (sensitive_active() && !(sensitive_leak & __GFP_SENSITIVE)) {
		hide_crash_kernel();
		hide_or_clear_free();
	}
	/* Last: until then, what was there before is still given out. */
	stop_clearing();
	return 0;
}
core_initcall(sensitive_boot);
