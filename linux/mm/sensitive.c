// SPDX-License-Identifier: GPL-2.0
/*
 * Sensitive memory: blocks that change sides.
 *
 * A block, 2 MiB, is sensitive or not as a whole, and says so in the flags of its
 * pageblock; the restricted direct map has exactly those that are not.  It
 * changes sides while all of it is free and on no list, so that nobody has a page
 * of it:
 *
 *  - To become nonsensitive it is cleared, as what is free may have in it what
 *    its last owner left there, and becomes present.  Any context.
 *  - To become sensitive it becomes absent, and all CPUs flush their TLBs before
 *    the first page of it is handed out.  Contexts that may wait for that.
 *
 * Nothing is allocated for either.
 */
#define pr_fmt(fmt) "asi: " fmt

#include <linux/asi.h>
#include <linux/irq_work.h>
#include <linux/mm.h>
#include <linux/compaction.h>
#include <linux/page-isolation.h>
#include <linux/workqueue.h>

#include "sensitive.h"
#include "slab.h"

DEFINE_STATIC_KEY_FALSE(sensitive_key);

/* A block of the restricted direct map is one of the page allocator. */
static_assert(pageblock_order == PMD_SHIFT - PAGE_SHIFT);

/* Free memory was cleared or overwritten when it was freed. */
static bool cleared_on_free(void)
{
	return want_init_on_free() || page_poisoning_enabled_static();
}

/* Clear a block that nobody uses.  clear_page() is not instrumented. */
static void clear_block(struct page *page)
{
	unsigned long i;

	debug_pagealloc_map_pages(page, pageblock_nr_pages);
	for (i = 0; i < pageblock_nr_pages; i++) {
		if (!PageHWPoison(page + i))
			clear_page(page_address(page + i));
	}
	debug_pagealloc_unmap_pages(page, pageblock_nr_pages);
}

static void set_block_sensitive(struct page *page, bool sensitive)
{
	set_pfnblock_flags_mask(page, sensitive ? FREETYPE_SENSITIVE : 0,
				page_to_pfn(page), FREETYPE_SENSITIVE);
}

/**
 * sensitive_convert - have blocks change sides
 * @blocks:    Pages of @order, free and on no list.
 * @nr:	       Their number.
 * @order:     At least pageblock_order.
 * @sensitive: What they become.
 *
 * Context: any for nonsensitive; interrupts on, and no lock that is taken with
 * interrupts off, for sensitive.
 */
void sensitive_convert(struct page **blocks, unsigned int nr,
		       unsigned int order, bool sensitive)
{
	unsigned long i, j;

	for (i = 0; i < nr; i++) {
		for (j = 0; j < 1UL << order; j += pageblock_nr_pages) {
			struct page *page = blocks[i] + j;

			if (sensitive) {
				asi_block_hide(page_address(page));
			} else {
				if (!cleared_on_free())
					clear_block(page);
				asi_block_show(page_address(page));
			}
			set_block_sensitive(page, sensitive);
		}
	}

	count_vm_events(sensitive ? SENSITIVE_BLOCK_HIDE : SENSITIVE_BLOCK_SHOW,
			nr << (order - pageblock_order));
	if (sensitive)
		asi_blocks_flush();
}

/**
 * sensitive_range_fits - can a range be of one side?
 * @start_pfn: Its first page.
 * @end_pfn:   The one after its last.
 * @sensitive: The side.
 *
 * Return: false if the range has a part of a block of the other side.
 */
bool sensitive_range_fits(unsigned long start_pfn, unsigned long end_pfn,
			  bool sensitive)
{
	if (!sensitive_active())
		return true;
	if (!pageblock_aligned(start_pfn) &&
	    page_sensitive(pfn_to_page(start_pfn)) != sensitive)
		return false;
	return pageblock_aligned(end_pfn) ||
	       page_sensitive(pfn_to_page(end_pfn)) == sensitive;
}

/**
 * sensitive_set_range - have memory change sides that is no free memory
 * @start_pfn: Its first page.
 * @end_pfn:   The one after its last.
 * @sensitive: What it becomes.
 *
 * For who has all blocks in the range to itself, and nothing in what becomes
 * nonsensitive.  Parts of blocks at its ends stay what they are.
 *
 * Context: may sleep.
 */
void sensitive_set_range(unsigned long start_pfn, unsigned long end_pfn,
			 bool sensitive)
{
	unsigned long pfn, nr = 0;

	if (!sensitive_active())
		return;

	for (pfn = pageblock_align(start_pfn);
	     pfn + pageblock_nr_pages <= end_pfn; pfn += pageblock_nr_pages) {
		struct page *page = pfn_to_page(pfn);

		if (page_sensitive(page) == sensitive)
			continue;
		if (sensitive) {
			asi_block_hide(page_address(page));
		} else {
			clear_block(page);
			asi_block_show(page_address(page));
		}
		set_block_sensitive(page, sensitive);
		nr++;
		cond_resched();
	}

	count_vm_events(sensitive ? SENSITIVE_BLOCK_HIDE : SENSITIVE_BLOCK_SHOW,
			nr);
	if (sensitive && nr)
		asi_blocks_flush();
}

/* Free memory of a side as it is, without a block changing sides. */
static long free_of_side(struct zone *zone, bool sensitive)
{
	long free = zone_page_state(zone, NR_FREE_PAGES);
	long free_sensitive = READ_ONCE(zone->nr_free_sensitive);

	return sensitive ? free_sensitive : max(free - free_sensitive, 0L);
}

/* Is a side of a zone short of memory, and the other not? */
static bool wants_block(struct zone *zone, bool sensitive)
{
	return free_of_side(zone, sensitive) < low_wmark_pages(zone) &&
	       READ_ONCE(zone->nr_free_blocks[!sensitive]) &&
	       free_of_side(zone, !sensitive) >
			high_wmark_pages(zone) + pageblock_nr_pages;
}

static void convert_ahead(struct work_struct *work)
{
	struct zone *zone;
	int side;

	for_each_populated_zone(zone) {
		for (side = 0; side < 2; side++) {
			while (wants_block(zone, side) &&
			       zone_convert_blocks(zone,
						   freetype_of(MIGRATE_MOVABLE,
							       side), 1))
				cond_resched();
		}
	}
}
static DECLARE_WORK(convert_ahead_work, convert_ahead);

static void queue_convert_ahead(struct irq_work *work)
{
	queue_work(system_unbound_wq, &convert_ahead_work);
}
static DEFINE_IRQ_WORK(convert_ahead_irq_work, queue_convert_ahead);

/**
 * sensitive_convert_ahead - have blocks change sides before it is urgent
 *
 * For who cannot make memory sensitive itself, or did with interrupts off what
 * takes long.
 *
 * Context: any.
 */
void sensitive_convert_ahead(void)
{
	irq_work_queue(&convert_ahead_irq_work);
}

/**
 * sensitive_wake_compaction - have free blocks made, which can change sides
 * @ac: An allocation of nonsensitive memory that there was not enough for.
 *
 * For zones that have enough free memory, but in parts of blocks that are
 * sensitive.
 */
void sensitive_wake_compaction(const struct alloc_context *ac)
{
	struct zoneref *z;
	struct zone *zone;

	for_each_zone_zonelist_nodemask(zone, z, ac->zonelist,
					ac->highest_zoneidx, ac->nodemask) {
		unsigned long mark = low_wmark_pages(zone);

		if (!zone_watermark_ok(zone, 0, mark, ac->highest_zoneidx, 0) ||
		    zone_watermark_ok(zone, 0, mark, ac->highest_zoneidx,
				      ALLOC_NONSENSITIVE))
			continue;
		count_vm_event(SENSITIVE_COMPACT);
		wakeup_kcompactd(zone->zone_pgdat, pageblock_order,
				 ac->highest_zoneidx);
	}
}

static long count_blocks(struct zone *zone, bool sensitive)
{
	long nr = 0;
	int order, mt;

	for (order = pageblock_order; order < NR_PAGE_ORDERS; order++) {
		for (mt = 0; mt < MIGRATE_PCPTYPES; mt++) {
			freetype_t ft = freetype_of(mt, sensitive);
			struct free_area *area = &zone->free_area[order];

			nr += list_count_nodes(&area->free_list[freetype_index(ft)])
				<< order;
		}
	}
	return nr;
}

/**
 * sensitive_start - tell sensitive memory from other memory from now on
 *
 * All that is allocated by now is nonsensitive and stays so; there is no data of
 * users yet.
 *
 * Context: early initcall; may sleep.
 */
void __init sensitive_start(void)
{
	struct zone *zone;

	static_branch_enable(&sensitive_key);

	for_each_populated_zone(zone) {
		spin_lock_irq(&zone->lock);
		zone->nr_free_blocks[0] = count_blocks(zone, false);
		zone->nr_free_blocks[1] = count_blocks(zone, true);
		spin_unlock_irq(&zone->lock);
	}

	slab_sensitive_start();
}
