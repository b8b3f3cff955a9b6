/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sensitive memory, for the page allocator and those close to it.
 *
 * Free memory of one side is of no use to the other, except for free blocks: those
 * can change sides.  So a zone has, for a request of one side, less free memory
 * than NR_FREE_PAGES says, and knows how much: zone->nr_free_ordinary counts the
 * pages of NR_FREE_PAGES that are of an ordinary migratetype, by side, and
 * zone->nr_free_blocks those of them that are in free blocks.  Sensitive ones that
 * are kept for atomic requests are in zone->nr_free_sensitive_highatomic.  All are
 * written under zone->lock, and read without it where an estimate is enough.
 */
#ifndef __MM_SENSITIVE_H
#define __MM_SENSITIVE_H

#include <linux/asi.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/irqflags.h>
#include <linux/minmax.h>
#include <linux/preempt.h>
#include <linux/sensitive.h>
#include <linux/swap.h>
#include <linux/vmstat.h>

#include "internal.h"

struct oom_control;

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

/*
 * Memory that was reserved since boot has what was there before, if nobody used it.
 * It is mapped, also with debug_pagealloc, and about to be freed; of one side.
 */
static inline void sensitive_clear_reserved(struct page *page,
					    unsigned int order)
{
	unsigned int i;

	if (!sensitive_active() || page_sensitive(page))
		return;
	for (i = 0; i < 1U << order; i++)
		clear_highpage(page + i);
}

#ifdef CONFIG_CMA
/*
 * The lists of free memory of CMA.  All of it is sensitive: what may be moved out of
 * it is nearly always of users.
 */
static __always_inline freetype_t cma_freetype(void)
{
	return freetype_of(MIGRATE_CMA, sensitive_active());
}
#endif

/* Not called where there is no sensitive memory. */
unsigned int sensitive_alloc_flags(gfp_t gfp, unsigned int alloc_flags);

#ifdef CONFIG_MITIGATION_ADDRESS_SPACE_ISOLATION

/* Of which side is an allocation?  Without one of them it may be of either. */
#define ALLOC_SIDES		(ALLOC_SENSITIVE | ALLOC_NONSENSITIVE)

/* The most blocks that change sides at once, for one shootdown. */
#define SENSITIVE_BATCH		8U

void sensitive_convert(struct page **blocks, unsigned int nr,
		       unsigned int order, bool sensitive);
bool sensitive_range_fits(unsigned long start_pfn, unsigned long end_pfn,
			  bool sensitive);
void sensitive_convert_ahead(void);
void sensitive_clear_pages(struct page *page, unsigned long nr);
long sensitive_reserve(struct zone *zone);
void sensitive_wake_compaction(const struct alloc_context *ac);
long sensitive_unavailable(void);
long sensitive_kept_back(struct zone *zone);
void sensitive_show_mem(struct zone *zone);
bool sensitive_before_oom(const struct oom_control *oc);

/* The rare parts of what is below, so that the allocator stays small without. */
void __sensitive_account_block(struct zone *zone, unsigned int order,
			       freetype_t ft, bool added);
bool sensitive_side_free(struct free_area *area, bool sensitive);
bool __sensitive_other_side_free(struct free_area *area, unsigned int order,
				 unsigned int alloc_flags);
bool __sensitive_pages_are_bad(const struct page *page, unsigned int order);

/* In page_alloc.c. */
unsigned int zone_convert_blocks(struct zone *zone, freetype_t ft,
				 unsigned int max);

/**
 * gfp_to_alloc_flags_sensitive - what an allocation needs and may do for it
 * @gfp:	 Its flags.
 * @alloc_flags: What they mean otherwise.
 *
 * Return: @alloc_flags, changed by sensitive_alloc_flags() if there is sensitive
 * memory.
 */
static inline unsigned int
gfp_to_alloc_flags_sensitive(gfp_t gfp, unsigned int alloc_flags)
{
	return sensitive_active() ? sensitive_alloc_flags(gfp, alloc_flags) :
				    alloc_flags;
}

/* Account for @nr_pages more on a list that counts.  zone->lock is held. */
static inline void sensitive_account_free(struct zone *zone, int nr_pages,
					  freetype_t ft)
{
	long *ordinary = &zone->nr_free_ordinary[freetype_sensitive(ft)];
	int mt = freetype_migratetype(ft);

	if (!sensitive_active())
		return;
	if (mt < MIGRATE_PCPTYPES)
		WRITE_ONCE(*ordinary, *ordinary + nr_pages);
	else if (is_migrate_highatomic(mt) && freetype_sensitive(ft))
		WRITE_ONCE(zone->nr_free_sensitive_highatomic,
			   zone->nr_free_sensitive_highatomic + nr_pages);
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

/* A page of @order was put on a list, or taken off.  zone->lock is held. */
static inline void sensitive_account_block(struct zone *zone,
					   unsigned int order, freetype_t ft,
					   bool added)
{
	if (sensitive_active() && order >= pageblock_order)
		__sensitive_account_block(zone, order, ft, added);
}

/* How much of what is kept for atomic requests is free, of a side? */
static inline long sensitive_free_highatomic(struct zone *zone, bool sensitive)
{
	long nr = READ_ONCE(zone->nr_free_sensitive_highatomic);

	return sensitive ? nr : READ_ONCE(zone->nr_free_highatomic) - nr;
}

/*
 * How much of the free memory of a zone is of no use to an allocation?  Without what
 * others subtract, of both sides: memory of CMA for who cannot use it, and what is
 * kept for atomic requests for who has no right to it.  Each allocation asks, so what
 * is read while it changes may make it less than zero.
 */
static inline long sensitive_unusable_free(struct zone *zone,
					   unsigned int alloc_flags)
{
	bool other = alloc_flags & ALLOC_NONSENSITIVE;
	long unusable;

	if (!sensitive_active() || !(alloc_flags & ALLOC_SIDES))
		return 0;

	unusable = READ_ONCE(zone->nr_free_ordinary[other]);
	if (!(alloc_flags & ALLOC_NOBLOCK))
		unusable -= READ_ONCE(zone->nr_free_blocks[other]);
	if (unlikely(alloc_flags & ALLOC_RESERVES))
		unusable += sensitive_free_highatomic(zone, other);
#ifdef CONFIG_UNACCEPTED_MEMORY
	/* Nonsensitive, and becomes free blocks when it is accepted. */
	if (!other)
		unusable -= zone_page_state(zone, NR_UNACCEPTED);
#endif
	return unusable;
}

/*
 * How much of what has to stay free in a zone may be of no use to an allocation?
 * Half: those for whom it is kept are of both sides.
 */
static inline long sensitive_reserve_elsewhere(struct zone *zone,
					       unsigned int alloc_flags, long min)
{
	if (!sensitive_active())
		return 0;
	return min(sensitive_unusable_free(zone, alloc_flags), min / 2);
}

/* Has the other side a free page of @order that an allocation may use? */
static inline bool sensitive_other_side_free(struct free_area *area,
					     unsigned int order,
					     unsigned int alloc_flags)
{
	return sensitive_active() &&
	       __sensitive_other_side_free(area, order, alloc_flags);
}

/* Is there a free page of @order of the other side that can become one of @ft? */
static inline bool sensitive_free_block(struct zone *zone, unsigned int order,
					freetype_t ft)
{
	return sensitive_active() && order >= pageblock_order &&
	       sensitive_side_free(&zone->free_area[order], !freetype_sensitive(ft));
}

/*
 * Better a block of the other side than parts of one of other mobility, if
 * there is one to be had.
 */
static inline unsigned int sensitive_avoid_mixing(struct zone *zone,
						  unsigned int alloc_flags,
						  freetype_t ft)
{
	if (sensitive_active() && !(alloc_flags & ALLOC_NOBLOCK) &&
	    READ_ONCE(zone->nr_free_blocks[!freetype_sensitive(ft)]))
		alloc_flags |= ALLOC_NOFRAGMENT;
	return alloc_flags;
}

/*
 * Is a page absent that should not be, or the other way round?  For debugging: it
 * walks a page table for each allocation.
 */
static inline bool sensitive_pages_are_bad(const struct page *page,
					   unsigned int order)
{
	return IS_ENABLED(CONFIG_ASI_DEBUG) && sensitive_active() &&
	       __sensitive_pages_are_bad(page, order);
}

/* What compaction wants free: it moves sensitive memory. */
static inline unsigned int sensitive_movable_flags(void)
{
	return sensitive_active() ? ALLOC_SENSITIVE | ALLOC_NOBLOCK : 0;
}

/**
 * sensitive_reclaim_flags - of which side is what reclaim looks for?
 * @gfp: The flags of the allocation it is for.
 *
 * Without it, reclaim gives up as there is free memory, while the allocation finds
 * none of its side and asks for reclaim again.  kswapd is for all.
 *
 * Return: flags for zone_watermark_ok().
 */
static inline unsigned int sensitive_reclaim_flags(gfp_t gfp)
{
	return current_is_kswapd() ? 0 : gfp_to_alloc_flags_sensitive(gfp, 0);
}

#else /* !CONFIG_MITIGATION_ADDRESS_SPACE_ISOLATION */

#define ALLOC_SIDES		0

static inline unsigned int
gfp_to_alloc_flags_sensitive(gfp_t gfp, unsigned int alloc_flags)
{
	return alloc_flags;
}

static inline unsigned int sensitive_reclaim_flags(gfp_t gfp)
{
	return 0;
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

static inline bool sensitive_other_side_free(struct free_area *area,
					     unsigned int order,
					     unsigned int alloc_flags)
{
	return false;
}

static inline unsigned int sensitive_avoid_mixing(struct zone *zone,
						  unsigned int alloc_flags,
						  freetype_t ft)
{
	return alloc_flags;
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

static inline bool sensitive_pages_are_bad(const struct page *page,
					   unsigned int order)
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

static inline bool sensitive_before_oom(const struct oom_control *oc)
{
	return false;
}

static inline void sensitive_show_mem(struct zone *zone)
{
}

static inline long sensitive_kept_back(struct zone *zone)
{
	return 0;
}

static inline long sensitive_reserve_elsewhere(struct zone *zone,
					       unsigned int alloc_flags, long min)
{
	return 0;
}

#endif /* CONFIG_MITIGATION_ADDRESS_SPACE_ISOLATION */

#endif /* __MM_SENSITIVE_H */
