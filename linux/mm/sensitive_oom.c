// SPDX-License-Identifier: GPL-2.0
/*
 * Sensitive memory: what is done before something is killed for want of memory.
 *
 * Memory that is free in parts of blocks is of use to one side only.  So nonsensitive
 * memory can run out while much sensitive memory is free, beside a few pages of each
 * block.  Those that can move are moved together until blocks are free, which can
 * change sides.  Compaction does the like, but moves pages to higher addresses only,
 * and leaves free what it finds beside pages that cannot move.
 */
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/notifier.h>
#include <linux/oom.h>
#include <linux/page-isolation.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/swap.h>

#include "sensitive.h"
#include "slab.h"

static long free_blocks(void)
{
	struct zone *zone;
	long nr = 0;

	for_each_populated_zone(zone)
		nr += READ_ONCE(zone->nr_free_blocks[0]) +
		      READ_ONCE(zone->nr_free_blocks[1]);
	return nr;
}

#ifdef CONFIG_CONTIG_ALLOC
/* Is there room for the pages of a block in parts of other ones? */
static bool has_room(struct zone *zone)
{
	unsigned long mark = min_wmark_pages(zone) + pageblock_nr_pages;
	long parts = READ_ONCE(zone->nr_free_ordinary[1]) -
		     READ_ONCE(zone->nr_free_blocks[1]);

	return parts >= (long)pageblock_nr_pages &&
	       zone_watermark_ok(zone, 0, mark, zone_idx(zone),
				 sensitive_movable_flags());
}

/*
 * Can a block be of use when it is empty?  A sensitive one that can change sides,
 * and is not free.
 *
 * Return: its migratetype, or -1 if it cannot.
 */
static int type_to_empty(struct zone *zone, unsigned long pfn)
{
	struct page *page = pageblock_pfn_to_page(pfn, pfn + pageblock_nr_pages, zone);
	int mt;

	if (!page || !page_sensitive(page) ||
	    (PageBuddy(page) && buddy_order_unsafe(page) >= pageblock_order))
		return -1;
	mt = get_pageblock_migratetype(page);
	return mt < MIGRATE_PCPTYPES ? mt : -1;
}

/*
 * Move the pages of a block elsewhere, as far as they can.
 *
 * As who waits for the OOM killer may hold locks of pages, none is waited for, nor is
 * I/O; and what is moved goes to memory that is free, not to reserves.
 */
static void move_pages_out(struct zone *zone, unsigned long pfn, unsigned long end)
{
	struct migration_target_control target = {
		.nid = zone_to_nid(zone),
		.gfp_mask = (GFP_HIGHUSER_MOVABLE & ~__GFP_RECLAIM) |
			    __GFP_NOMEMALLOC | __GFP_NOWARN,
		.reason = MR_COMPACTION,
	};
	struct compact_control cc = {
		.order = -1,
		.zone = zone,
		.mode = MIGRATE_SYNC_LIGHT,
		.ignore_skip_hint = true,
		.no_set_skip_hint = true,
		.migratepages = LIST_HEAD_INIT(cc.migratepages),
	};

	while (pfn < end) {
		cc.nr_migratepages = 0;
		cc.migrate_pfn = end;
		if (isolate_migratepages_range(&cc, pfn, end) ||
		    migrate_pages(&cc.migratepages, alloc_migration_target, NULL,
				  (unsigned long)&target, cc.mode, target.reason,
				  NULL))
			break;
		pfn = cc.migrate_pfn;
	}
	putback_movable_pages(&cc.migratepages);
}

/* Isolate a block and empty it; true if all of it is free and isolated now. */
static bool empty_block(struct zone *zone, unsigned long pfn, int mt)
{
	unsigned long end = pfn + pageblock_nr_pages;

	if (start_isolate_page_range(pfn, end, mt, 0, 0))
		return false;
	move_pages_out(zone, pfn, end);
	if (!test_pages_isolated(pfn, end, 0))
		return true;
	undo_isolate_page_range(pfn, end, mt);
	return false;
}

/* Empty some blocks of a zone, and none into another. */
static void make_blocks(struct zone *zone)
{
	struct { unsigned long pfn; int mt; } made[SENSITIVE_BATCH];
	unsigned long pfn = pageblock_align(zone->zone_start_pfn);
	unsigned int nr = 0;

	for (; pfn < zone_end_pfn(zone) && nr < ARRAY_SIZE(made) && has_room(zone) &&
	       !fatal_signal_pending(current); pfn += pageblock_nr_pages) {
		int mt = type_to_empty(zone, pfn);

		if (mt >= 0 && empty_block(zone, pfn, mt)) {
			made[nr].pfn = pfn;
			made[nr++].mt = mt;
		}
		cond_resched();
	}
	while (nr--)
		undo_isolate_page_range(made[nr].pfn,
					made[nr].pfn + pageblock_nr_pages,
					made[nr].mt);
}
#else
static void make_blocks(struct zone *zone)
{
}
#endif

/*
 * Fallbacks raise watermarks for a while, to have more reclaimed.  That is no reason
 * to kill something, and nobody takes it back when there is nothing to reclaim.
 *
 * Return: by how much watermarks were raised.
 */
static long lower_watermarks(void)
{
	struct zone *zone;
	long nr = 0;

	for_each_populated_zone(zone) {
		spin_lock_irq(&zone->lock);
		nr += zone->watermark_boost;
		zone->watermark_boost = 0;
		spin_unlock_irq(&zone->lock);
	}
	return nr;
}

/* Have blocks made for a request, by who must not allocate for that. */
static void make_blocks_for(gfp_t gfp)
{
	unsigned int noreclaim = memalloc_noreclaim_save();
	struct zone *zone;

	/* Pages on the way to lists cannot be moved. */
	lru_cache_disable();
	for_each_populated_zone(zone) {
		if (zone_idx(zone) <= gfp_zone(gfp))
			make_blocks(zone);
	}
	lru_cache_enable();
	memalloc_noreclaim_restore(noreclaim);
	/* They were raised to move pages; that counts as no progress. */
	lower_watermarks();
}

/*
 * Before something is killed: a slab without objects or a page on the list of a CPU
 * can be what keeps a block from changing sides, and sensitive pages can move.
 */
static int free_before_oom(struct notifier_block *nb, unsigned long action,
			   void *freed)
{
	const gfp_t needed = __GFP_IO | __GFP_FS;
	gfp_t gfp = current_gfp_context((__force gfp_t)action);
	long before = free_blocks();
	long lowered = lower_watermarks();

	kmem_cache_try_shrink_all();
	drain_all_pages(NULL);
	/* Moving pages of files needs what a file system may hold. */
	if (!gfp_sensitive(gfp) && (gfp & needed) == needed)
		make_blocks_for(gfp);
	*(unsigned long *)freed += lowered + max(free_blocks() - before, 0L);
	return NOTIFY_OK;
}

static struct notifier_block oom_notifier = {
	.notifier_call = free_before_oom,
};

/**
 * sensitive_start_oom - have blocks made before something is killed
 *
 * Context: early initcall; may sleep.
 */
void __init sensitive_start_oom(void)
{
	register_oom_notifier(&oom_notifier);
}
