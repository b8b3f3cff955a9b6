/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sensitive memory, for the page allocator and those close to it.
 *
 * Free memory of one side is of no use to the other, except for free blocks: those
 * can change sides.  So a zone has, for a request of one side, less free memory
 * than NR_FREE_PAGES says, and knows how much: zone->nr_free_sensitive counts the
 * pages of NR_FREE_PAGES that are sensitive, zone->nr_free_blocks those of each
 * side that are in free blocks of an ordinary migratetype.  Both are written under
 * zone->lock, and read without it where an estimate is enough.
 */
#ifndef __MM_SENSITIVE_H
#define __MM_SENSITIVE_H

#include <linux/asi.h>
#include <linux/gfp.h>
#include <linux/irqflags.h>
#include <linux/minmax.h>
#include <linux/preempt.h>
#include <linux/sensitive.h>
#include <linux/vmstat.h>

#include "internal.h"

#ifdef CONFIG_ASI_DEBUG
/* Memory that is left mapped on purpose, see mm/sensitive.c. */
extern gfp_t sensitive_leak;
#else
#define sensitive_leak	((__force gfp_t)0)
#endif

/**
 * gfp_sensitive - does an allocation ask for sensitive memory?
 * @gfp: Its flags.
 */
static __always_inline bool gfp_sensitive(gfp_t gfp)
{
	return sensitive_active() && (gfp & __GFP_SENSITIVE) &&
	       !(gfp & sensitive_leak);
}

/**
 * gfp_freetype - the freetype that an allocation asks for
 * @gfp: Its flags.
 */
static __always_inline freetype_t gfp_freetype(gfp_t gfp)
{
	return freetype_of(gfp_migratetype(gfp), gfp_sensitive(gfp));
}

#ifdef CONFIG_MITIGATION_ADDRESS_SPACE_ISOLATION

/* The most blocks that change sides at once, for one shootdown. */
#define SENSITIVE_BATCH		8U

void sensitive_convert(struct page **blocks, unsigned int nr,
		       unsigned int order, bool sensitive);
bool sensitive_range_fits(unsigned long start_pfn, unsigned long end_pfn,
			  bool sensitive);
void sensitive_convert_ahead(void);
void sensitive_wake_compaction(const struct alloc_context *ac);
long sensitive_unavailable(void);

/* In page_alloc.c. */
unsigned int zone_convert_blocks(struct zone *zone, freetype_t ft,
				 unsigned int max);

/**
 * gfp_to_alloc_flags_sensitive - what an allocation needs and may do for it
 * @gfp:	 Its flags.
 * @alloc_flags: What they mean otherwise.
 *
 * Who makes a block sensitive waits for all CPUs to flush their TLBs, so it must
 * not hold a lock that one of them may spin on with interrupts off.  Who may
 * sleep, or could be preempted, has none.
 *
 * Blocks of CMA stay nonsensitive, as they are given away in parts.
 *
 * Return: @alloc_flags and some of ALLOC_SENSITIVE, ALLOC_NONSENSITIVE and
 * ALLOC_NOBLOCK.
 */
static inline unsigned int
gfp_to_alloc_flags_sensitive(gfp_t gfp, unsigned int alloc_flags)
{
	if (!sensitive_active())
		return alloc_flags;
	if (!gfp_sensitive(gfp))
		return alloc_flags | ALLOC_NONSENSITIVE;

	alloc_flags = (alloc_flags & ~ALLOC_CMA) | ALLOC_SENSITIVE;
	if (irqs_disabled() || !(gfpflags_allow_blocking(gfp) || preemptible()))
		alloc_flags |= ALLOC_NOBLOCK;
	return alloc_flags;
}

/* Account for @nr_pages more on a list that counts.  zone->lock is held. */
static inline void sensitive_account_free(struct zone *zone, int nr_pages,
					  freetype_t ft)
{
	if (sensitive_active() && freetype_sensitive(ft))
		WRITE_ONCE(zone->nr_free_sensitive,
			   zone->nr_free_sensitive + nr_pages);
}

/**
 * sensitive_reserve - pages that a zone keeps in free blocks of either side
 * @zone: The zone.
 *
 * For who cannot wait until a block is sensitive, or has interrupts off for as long
 * as one is cleared.  As much as kswapd keeps free for the like, and at least a
 * block.  The other side can have it when nothing else is free.
 */
static inline long sensitive_reserve(struct zone *zone)
{
	return ALIGN(low_wmark_pages(zone) + 1, pageblock_nr_pages);
}

/**
 * sensitive_batch - how many blocks are to change sides at once?
 * @zone:      Their zone.
 * @sensitive: What they become.
 *
 * More than one is for a shootdown to serve them all.  Not so many that the other
 * side has too few meanwhile.
 */
static inline unsigned int sensitive_batch(struct zone *zone, bool sensitive)
{
	if (!sensitive)
		return 1;
	return clamp(READ_ONCE(zone->nr_free_blocks[0]) >> (pageblock_order + 3),
		     1L, (long)SENSITIVE_BATCH);
}

/**
 * sensitive_blocks_wanted - how many blocks does the reserve of a side lack?
 * @zone:      The zone.
 * @sensitive: The side.
 *
 * Return: as many as may change sides now; none if the other side needs them.
 */
static inline unsigned int sensitive_blocks_wanted(struct zone *zone,
						   bool sensitive)
{
	long reserve = sensitive_reserve(zone);
	long spare = READ_ONCE(zone->nr_free_blocks[!sensitive]) - reserve;

	if (spare <= 0 || READ_ONCE(zone->nr_free_blocks[sensitive]) >= reserve)
		return 0;
	return clamp(spare >> pageblock_order, 1L,
		     (long)sensitive_batch(zone, sensitive));
}

/* A page of @order was put on a list, or taken off.  zone->lock is held. */
static inline void sensitive_account_block(struct zone *zone,
					   unsigned int order, freetype_t ft,
					   bool added)
{
	long *blocks = &zone->nr_free_blocks[freetype_sensitive(ft)];

	if (!sensitive_active() || order < pageblock_order ||
	    freetype_migratetype(ft) >= MIGRATE_PCPTYPES)
		return;
	WRITE_ONCE(*blocks, *blocks + (added ? 1L : -1L) * (1L << order));
	if (sensitive_blocks_wanted(zone, false) ||
	    sensitive_blocks_wanted(zone, true))
		sensitive_convert_ahead();
}

/* How much of the free memory of a zone is of no use to an allocation? */
static inline long sensitive_unusable_free(struct zone *zone,
					   unsigned int alloc_flags)
{
	long unusable;

	if (!sensitive_active())
		return 0;

	if (alloc_flags & ALLOC_NONSENSITIVE) {
		unusable = READ_ONCE(zone->nr_free_sensitive) -
			   READ_ONCE(zone->nr_free_blocks[1]);
	} else if (alloc_flags & ALLOC_SENSITIVE) {
		unusable = zone_page_state(zone, NR_FREE_PAGES) -
			   READ_ONCE(zone->nr_free_sensitive);
		/* Others subtract those of CMA for who cannot use them. */
		if (IS_ENABLED(CONFIG_CMA))
			unusable -= zone_page_state(zone, NR_FREE_CMA_PAGES);
		if (!(alloc_flags & ALLOC_NOBLOCK))
			unusable -= READ_ONCE(zone->nr_free_blocks[0]);
	} else {
		return 0;
	}
	return max(unusable, 0L);
}

/* May an allocation use a free page of @order that is of the other side? */
static inline bool sensitive_other_side_ok(unsigned int order,
					   unsigned int alloc_flags)
{
	if (!sensitive_active())
		return false;
	if (!(alloc_flags & (ALLOC_SENSITIVE | ALLOC_NONSENSITIVE)))
		return true;
	return order >= pageblock_order && !(alloc_flags & ALLOC_NOBLOCK);
}

/* Is there a free page of @order of the other side that can become one of @ft? */
static inline bool sensitive_free_block(struct zone *zone, unsigned int order,
					freetype_t ft)
{
	freetype_t other = freetype_other_side(ft);
	int mt;

	if (!sensitive_active() || order < pageblock_order)
		return false;
	for (mt = 0; mt < MIGRATE_PCPTYPES; mt++) {
		if (!free_area_empty(&zone->free_area[order],
				     freetype_with(other, mt)))
			return true;
	}
	return false;
}

/* Is a page absent that should not be, or the other way round? */
static inline bool sensitive_page_is_bad(const struct page *page)
{
	return sensitive_active() &&
	       asi_block_absent(page_address(page)) != page_sensitive(page);
}

/* What compaction wants free: it moves sensitive memory. */
static inline unsigned int sensitive_movable_flags(void)
{
	return sensitive_active() ? ALLOC_SENSITIVE | ALLOC_NOBLOCK : 0;
}

#else /* !CONFIG_MITIGATION_ADDRESS_SPACE_ISOLATION */

static inline unsigned int
gfp_to_alloc_flags_sensitive(gfp_t gfp, unsigned int alloc_flags)
{
	return alloc_flags;
}

static inline void sensitive_account_free(struct zone *zone, int nr_pages,
					  freetype_t ft)
{
}

static inline void sensitive_account_block(struct zone *zone,
					   unsigned int order, freetype_t ft,
					   bool added)
{
}

static inline long sensitive_unusable_free(struct zone *zone,
					   unsigned int alloc_flags)
{
	return 0;
}

static inline bool sensitive_other_side_ok(unsigned int order,
					   unsigned int alloc_flags)
{
	return false;
}

static inline bool sensitive_range_fits(unsigned long start_pfn,
					unsigned long end_pfn, bool sensitive)
{
	return true;
}

static inline bool sensitive_free_block(struct zone *zone, unsigned int order,
					freetype_t ft)
{
	return false;
}

static inline bool sensitive_page_is_bad(const struct page *page)
{
	return false;
}

static inline unsigned int sensitive_movable_flags(void)
{
	return 0;
}

static inline void sensitive_wake_compaction(const struct alloc_context *ac)
{
}

static inline long sensitive_unavailable(void)
{
	return 0;
}

#endif /* CONFIG_MITIGATION_ADDRESS_SPACE_ISOLATION */

#endif /* __MM_SENSITIVE_H */
