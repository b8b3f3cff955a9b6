// SPDX-License-Identifier: GPL-2.0
/*
 * Sensitive memory: what is done before something is killed for want of memory.
 *
 * Memory that is free in parts of blocks is of use to one side only.  So nonsensitive
 * memory can run out while much sensitive memory is free, beside a few pages of each
 * block.  Those that can move are moved together until blocks are free, which can
 * change sides.  Compaction does the like, but moves pages to higher addresses only,
 * and leaves free what it finds beside pages that cannot move.
 *
 * Who asks may hold any lock that may be held while memory is reclaimed, so nothing
 * is waited for.
 */
#include <linux/cpuset.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/oom.h>
#include <linux/page-isolation.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/swap.h>

#include "sensitive.h"
#include "slab.h"

/* Of so many blocks it is tried in vain to move the pages, before it is given up. */
#define MAX_IN_VAIN	64

/* May a request have memory of a zone? */
static bool allowed(const struct oom_control *oc, struct zone *zone)
{
	return zone_idx(zone) <= gfp_zone(oc->gfp_mask) &&
	       (!oc->nodemask || node_isset(zone_to_nid(zone), *oc->nodemask)) &&
	       cpuset_zone_allowed(zone, oc->gfp_mask | __GFP_HARDWALL);
}

/* Would the allocator look for memory in a zone, rather than reclaim? */
static bool could_succeed(const struct oom_control *oc)
{
	unsigned int flags = gfp_to_alloc_flags_sensitive(oc->gfp_mask, 0);
	struct zone *zone;

	for_each_populated_zone(zone) {
		if (allowed(oc, zone) &&
		    zone_watermark_ok(zone, oc->order, min_wmark_pages(zone),
				      gfp_zone(oc->gfp_mask), flags))
			return true;
	}
	return false;
}

/*
 * Fallbacks raise watermarks for a while, to have more reclaimed.  That is no reason
 * to kill something, and nobody takes it back when there is nothing to reclaim.
 */
static void lower_watermarks(const struct oom_control *oc)
{
	struct zone *zone;

	for_each_populated_zone(zone) {
		if (!allowed(oc, zone))
			continue;
		spin_lock_irq(&zone->lock);
		zone->watermark_boost = 0;
		spin_unlock_irq(&zone->lock);
	}
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

/* Is all of a block free?  An estimate, unless zone->lock is held. */
static bool block_is_free(unsigned long pfn)
{
	unsigned int order;

	for (order = pageblock_order; order < NR_PAGE_ORDERS; order++) {
		struct page *head = pfn_to_page(ALIGN_DOWN(pfn, 1UL << order));

		if (PageBuddy(head) && buddy_order_unsafe(head) >= order)
			return true;
	}
	return false;
}

/*
 * Can a block be of use when it is empty, and be emptied?  A sensitive one that can
 * change sides, and is neither free nor one page.
 *
 * Return: its migratetype, or -1 if it cannot.
 */
static int type_to_empty(struct zone *zone, unsigned long pfn)
{
	struct page *page = pageblock_pfn_to_page(pfn, pfn + pageblock_nr_pages, zone);
	int mt;

	if (!page || !page_sensitive(page) || block_is_free(pfn) || PageTail(page) ||
	    (PageHead(page) && compound_order(page) >= pageblock_order))
		return -1;
	mt = get_pageblock_migratetype(page);
	return mt < MIGRATE_PCPTYPES ? mt : -1;
}

/*
 * A page for what is moved: of what is free, not of reserves, and on the same node.
 * No block changes sides for it, as who cannot be preempted cannot have that.
 */
static struct folio *alloc_target(struct folio *src, unsigned long private)
{
	const gfp_t gfp = (GFP_HIGHUSER_MOVABLE & ~__GFP_RECLAIM) | __GFP_SENSITIVE |
			  __GFP_THISNODE | __GFP_NOMEMALLOC | __GFP_NOWARN;
	struct folio *dst;

	preempt_disable();
	dst = __folio_alloc(gfp, folio_order(src), folio_nid(src), NULL);
	preempt_enable();
	return dst;
}

/* Move the pages of a block elsewhere, as far as they can. */
static void move_pages_out(struct zone *zone, unsigned long pfn, gfp_t gfp)
{
	unsigned long end = pfn + pageblock_nr_pages;
	struct compact_control cc = {
		.order = -1,
		.zone = zone,
		.mode = MIGRATE_ASYNC,
		.gfp_mask = gfp,
		.ignore_skip_hint = true,
		.no_set_skip_hint = true,
		.migratepages = LIST_HEAD_INIT(cc.migratepages),
	};

	while (pfn < end) {
		cc.nr_migratepages = 0;
		cc.migrate_pfn = end;
		if (isolate_migratepages_range(&cc, pfn, end) ||
		    migrate_pages(&cc.migratepages, alloc_target, NULL, 0, cc.mode,
				  MR_COMPACTION, NULL))
			break;
		pfn = cc.migrate_pfn;
	}
	putback_movable_pages(&cc.migratepages);
}

/* Blocks that are free and isolated, and how many could not be emptied. */
struct emptied {
	unsigned long pfn[SENSITIVE_BATCH];
	int mt[SENSITIVE_BATCH];
	unsigned int nr, in_vain;
};

static void empty_block(struct zone *zone, unsigned long pfn, int mt, gfp_t gfp,
			struct emptied *e)
{
	unsigned long end = pfn + pageblock_nr_pages;
	bool empty;

	if (start_isolate_page_range(pfn, end, mt, 0, 0))
		return;
	move_pages_out(zone, pfn, gfp);

	spin_lock_irq(&zone->lock);
	empty = block_is_free(pfn);
	spin_unlock_irq(&zone->lock);
	if (empty) {
		e->pfn[e->nr] = pfn;
		e->mt[e->nr++] = mt;
	} else {
		undo_isolate_page_range(pfn, end, mt);
		e->in_vain++;
	}
}

/* Empty some blocks of a zone, and none into another. */
static void make_blocks_in(struct zone *zone, gfp_t gfp)
{
	unsigned long pfn = pageblock_align(zone->zone_start_pfn);
	struct emptied e = {};
	int mt;

	for (; pfn < zone_end_pfn(zone); pfn += pageblock_nr_pages) {
		if (e.nr == SENSITIVE_BATCH || e.in_vain == MAX_IN_VAIN ||
		    !has_room(zone) || fatal_signal_pending(current))
			break;
		mt = type_to_empty(zone, pfn);
		if (mt >= 0)
			empty_block(zone, pfn, mt, gfp, &e);
		cond_resched();
	}
	while (e.nr--) {
		pfn = e.pfn[e.nr];
		undo_isolate_page_range(pfn, pfn + pageblock_nr_pages, e.mt[e.nr]);
	}
}
#else
static void make_blocks_in(struct zone *zone, gfp_t gfp)
{
}
#endif

static long free_blocks(const struct oom_control *oc)
{
	struct zone *zone;
	long nr = 0;

	for_each_populated_zone(zone) {
		if (allowed(oc, zone))
			nr += READ_ONCE(zone->nr_free_blocks[0]) +
			      READ_ONCE(zone->nr_free_blocks[1]);
	}
	return nr;
}

/* Have more blocks free, of zones of a request; false if there are not more. */
static bool make_blocks(const struct oom_control *oc)
{
	gfp_t gfp = current_gfp_context(oc->gfp_mask);
	unsigned int noreclaim = memalloc_noreclaim_save();
	/* File systems wait for pages, except for who must not call them. */
	unsigned int nofs = memalloc_nofs_save();
	long before = free_blocks(oc);
	struct zone *zone;

	/* Pages on the way to lists cannot be moved. */
	lru_add_drain();
	for_each_populated_zone(zone) {
		if (allowed(oc, zone))
			make_blocks_in(zone, gfp);
	}
	memalloc_nofs_restore(nofs);
	memalloc_noreclaim_restore(noreclaim);

	/* Moving pages has raised them. */
	lower_watermarks(oc);
	return free_blocks(oc) > before;
}

/**
 * sensitive_before_oom - find memory before something is killed for want of it
 * @oc: The request.
 *
 * A slab without objects or a page on the list of a CPU can be what keeps a block
 * from changing sides; and for nonsensitive memory blocks are emptied.
 *
 * Context: oom_lock is held; may sleep.
 * Return: true if the request could not have succeeded before, and could now.
 */
bool sensitive_before_oom(const struct oom_control *oc)
{
	if (!sensitive_active() || !oc->zonelist || oc->order < 0 || could_succeed(oc))
		return false;

	kmem_cache_try_shrink_all();
	drain_all_pages(NULL);
	lower_watermarks(oc);
	while (!could_succeed(oc)) {
		if (gfp_sensitive(oc->gfp_mask) || !make_blocks(oc))
			return false;
	}
	return true;
}
