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
#include <linux/sched/mm.h>
#include <linux/set_memory.h>
#include <linux/workqueue.h>

#include "sensitive.h"
#include "slab.h"

DEFINE_STATIC_KEY_FALSE(sensitive_key);

#ifdef CONFIG_ASI_DEBUG
/*
 * For who tests the tests: asi_debug_leak= leaves memory mapped that should not be.
 * "movable" is anonymous memory and the page cache, "all" is all that is allocated,
 * "range" what becomes sensitive without that: the pool of swiotlb, and CMA and memory
 * that is added, which do not work then.
 */
gfp_t sensitive_leak __ro_after_init;
static bool leak_ranges __ro_after_init;

static int __init parse_leak(char *arg)
{
	if (arg && !strcmp(arg, "movable"))
		sensitive_leak = __GFP_MOVABLE;
	else if (arg && !strcmp(arg, "all"))
		sensitive_leak = __GFP_SENSITIVE;
	else if (arg && !strcmp(arg, "range"))
		leak_ranges = true;

	if (sensitive_leak || leak_ranges)
		pr_warn("sensitive memory is left mapped on purpose: %s\n", arg);
	else
		pr_warn("asi_debug_leak=%s is unknown; known are movable, all, range\n",
			arg ?: "");
	return 0;
}
early_param("asi_debug_leak", parse_leak);
#else
#define leak_ranges	false
#endif

/* A block of the restricted direct map is one of the page allocator. */
static_assert(pageblock_order == PMD_SHIFT - PAGE_SHIFT);

/*
 * Has a free page what its last owner left there?  Not if it was cleared or
 * overwritten when it was freed; but that leaves out a page that went bad.  Of
 * those, what is lost must not be touched, and is not mapped.
 */
static bool has_data(struct page *page)
{
	if (unlikely(PageHWPoison(page)))
		return kernel_page_present(page);
	return !want_init_on_free() && !page_poisoning_enabled_static();
}

/* Clear pages that nobody has; they are mapped then.  clear_page() is not instrumented. */
static void clear_and_map(struct page *page, unsigned long nr)
{
	unsigned long i;

	debug_pagealloc_map_pages(page, nr);
	for (i = 0; i < nr; i++) {
		if (has_data(page + i))
			clear_page(page_address(page + i));
	}
}

/**
 * sensitive_clear_pages - clear pages that are free, and stay so
 * @page: The first of them.
 * @nr:	  Their number.
 *
 * Context: any; nobody else may take them meanwhile.
 */
void sensitive_clear_pages(struct page *page, unsigned long nr)
{
	clear_and_map(page, nr);
	debug_pagealloc_unmap_pages(page, nr);
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
 * Context: zone->lock not held.  Any otherwise for nonsensitive; interrupts on,
 * and no lock that is taken with interrupts off, for sensitive.
 */
void sensitive_convert(struct page **blocks, unsigned int nr,
		       unsigned int order, bool sensitive)
{
	unsigned long i, j;

	lockdep_assert_not_held(&page_zone(blocks[0])->lock);
	if (sensitive)
		lockdep_assert_irqs_enabled();

	for (i = 0; i < nr; i++) {
		for (j = 0; j < 1UL << order; j += pageblock_nr_pages) {
			struct page *page = blocks[i] + j;

			if (sensitive) {
				asi_block_hide(page_address(page));
			} else {
				sensitive_clear_pages(page, pageblock_nr_pages);
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
 * sensitive_alloc_flags - what an allocation needs and may do for it
 * @gfp:	 Its flags.
 * @alloc_flags: What they mean otherwise.
 *
 * Who makes a block sensitive waits for all CPUs to flush their TLBs, so it must
 * not hold a lock that one of them may spin on with interrupts off.  Who may
 * sleep, or could be preempted, has none.  rmqueue_convert() does not trust the
 * former: it looks whether interrupts are off.
 *
 * Blocks of CMA are sensitive, whoever has them.
 *
 * Return: @alloc_flags and some of ALLOC_SENSITIVE, ALLOC_NONSENSITIVE and
 * ALLOC_NOBLOCK.
 */
unsigned int sensitive_alloc_flags(gfp_t gfp, unsigned int alloc_flags)
{
	if (!(gfp & __GFP_SENSITIVE) || gfp & sensitive_leak)
		return (alloc_flags & ~ALLOC_CMA) | ALLOC_NONSENSITIVE;

	alloc_flags |= ALLOC_SENSITIVE;
	if (!gfpflags_allow_blocking(gfp) && !preemptible())
		alloc_flags |= ALLOC_NOBLOCK;
	return alloc_flags;
}

/**
 * sensitive_reserve - how many pages a zone keeps in free blocks of either side
 * @zone: The zone.
 *
 * For who cannot wait until a block is sensitive, or has interrupts off for as long
 * as one is cleared.  As much as kswapd keeps free for the like, and at least a
 * block.  The other side can have it when nothing else is free.
 */
long sensitive_reserve(struct zone *zone)
{
	return ALIGN(low_wmark_pages(zone) + 1, pageblock_nr_pages);
}

/*
 * How many blocks does the reserve of a side lack?  As many as may change sides
 * now; none if the other side needs them.
 */
static unsigned int blocks_wanted(struct zone *zone, bool sensitive)
{
	long reserve = sensitive_reserve(zone);
	long spare = READ_ONCE(zone->nr_free_blocks[!sensitive]) - reserve;

	if (spare <= 0 || READ_ONCE(zone->nr_free_blocks[sensitive]) >= reserve)
		return 0;
	return clamp(spare >> pageblock_order, 1L,
		     (long)sensitive_batch(zone, sensitive));
}

/**
 * __sensitive_account_block - count a free page that can change sides
 * @zone:  Its zone.
 * @order: Its order, at least pageblock_order.
 * @ft:	   The list it is on.
 * @added: Whether it was put there, or taken off.
 *
 * Context: zone->lock is held.
 */
void __sensitive_account_block(struct zone *zone, unsigned int order,
			       freetype_t ft, bool added)
{
	long *blocks = &zone->nr_free_blocks[freetype_sensitive(ft)];

	if (freetype_migratetype(ft) >= MIGRATE_PCPTYPES)
		return;
	WRITE_ONCE(*blocks, *blocks + (added ? 1L : -1L) * (1L << order));
	if (blocks_wanted(zone, false) || blocks_wanted(zone, true))
		sensitive_convert_ahead();
}

/**
 * sensitive_side_free - has a side pages of an order?
 * @area:      Those of the order, of all types.
 * @sensitive: The side.
 */
bool sensitive_side_free(struct free_area *area, bool sensitive)
{
	int mt;

	for (mt = 0; mt < MIGRATE_PCPTYPES; mt++) {
		if (!free_area_empty(area, freetype_of(mt, sensitive)))
			return true;
	}
	return false;
}

/**
 * __sensitive_other_side_free - has the other side a page for an allocation?
 * @area:	 Those of the order, of all types.
 * @order:	 The order.
 * @alloc_flags: What the allocation may do.  Without a side it may use any page,
 *		 and the other side is the sensitive one.
 */
bool __sensitive_other_side_free(struct free_area *area, unsigned int order,
				 unsigned int alloc_flags)
{
	if (alloc_flags & ALLOC_SIDES &&
	    (order < pageblock_order || (alloc_flags & ALLOC_NOBLOCK)))
		return false;
	return sensitive_side_free(area, !(alloc_flags & ALLOC_SENSITIVE));
}

/**
 * __sensitive_pages_are_bad - does the restricted mapping disagree?
 * @page:  The first of the pages.
 * @order: Their order.
 */
bool __sensitive_pages_are_bad(const struct page *page, unsigned int order)
{
	const struct page *end = page + (1UL << order);

	for (; page < end; page += pageblock_nr_pages) {
		if (asi_block_absent(page_address(page)) != page_sensitive(page))
			return true;
	}
	return false;
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
 * For who has all blocks in the range to itself; what becomes nonsensitive is
 * free.  Parts of blocks at its ends stay what they are.
 *
 * Context: may sleep.
 */
void sensitive_set_range(unsigned long start_pfn, unsigned long end_pfn,
			 bool sensitive)
{
	unsigned long pfn, nr = 0;

	if (!sensitive_active() || (sensitive && leak_ranges))
		return;

	for (pfn = pageblock_align(start_pfn);
	     pfn + pageblock_nr_pages <= end_pfn; pfn += pageblock_nr_pages) {
		struct page *page = pfn_to_page(pfn);

		/* Not page_sensitive(): who has the range may not have it set up yet. */
		if (freetype_sensitive(get_pageblock_freetype(page)) == sensitive)
			continue;
		if (sensitive) {
			asi_block_hide(page_address(page));
		} else {
			clear_and_map(page, pageblock_nr_pages);
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

/* Have blocks of a zone become of a side until there are enough. */
static void fill_reserve(struct zone *zone, bool sensitive)
{
	freetype_t ft = freetype_of(MIGRATE_MOVABLE, sensitive);
	unsigned int wanted;

	do {
		cond_resched();
		wanted = blocks_wanted(zone, sensitive);
	} while (wanted && zone_convert_blocks(zone, ft, wanted));
}

static void convert_ahead(struct work_struct *work)
{
	struct zone *zone;

	for_each_populated_zone(zone) {
		fill_reserve(zone, false);
		fill_reserve(zone, true);
	}
}
static DECLARE_WORK(convert_ahead_work, convert_ahead);

/* Has to get on when there is no memory for another worker. */
static struct workqueue_struct *convert_ahead_wq;

static void queue_convert_ahead(struct irq_work *work)
{
	queue_work(convert_ahead_wq, &convert_ahead_work);
}
static DEFINE_IRQ_WORK(convert_ahead_irq_work, queue_convert_ahead);

/**
 * sensitive_convert_ahead - have blocks change sides before it is urgent
 *
 * Fills the reserves of all zones, see sensitive_reserve().
 *
 * Context: any, with locks of the page allocator held or not.
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

/**
 * sensitive_kept_back - free pages that do not count as those of who reclaims
 * @zone: The zone.
 *
 * Blocks of the other side that are its reserve: a request that may not wait gets
 * no memory of them, so there has to be other memory.
 */
long sensitive_kept_back(struct zone *zone)
{
	if (!sensitive_active())
		return 0;
	return min(READ_ONCE(zone->nr_free_blocks[0]), sensitive_reserve(zone));
}

/**
 * sensitive_unavailable - pages that are free and of no use to users
 *
 * Context: any.
 * Return: an estimate: those free in parts of blocks that are nonsensitive.
 */
long sensitive_unavailable(void)
{
	struct zone *zone;
	long nr = 0;

	if (!sensitive_active())
		return 0;
	for_each_populated_zone(zone)
		nr += sensitive_unusable_free(zone, ALLOC_SENSITIVE);
	return nr;
}

/**
 * sensitive_show_mem - print how the free memory of a zone is divided
 * @zone: The zone.
 *
 * A line of show_mem(), after the one with the lists of the zone.
 */
void sensitive_show_mem(struct zone *zone)
{
	if (!sensitive_active())
		return;
	pr_info("sensitive: free:%ldkB in_blocks:%ldkB, others: free:%ldkB in_blocks:%ldkB\n",
		K(READ_ONCE(zone->nr_free_ordinary[1])),
		K(READ_ONCE(zone->nr_free_blocks[1])),
		K(READ_ONCE(zone->nr_free_ordinary[0])),
		K(READ_ONCE(zone->nr_free_blocks[0])));
}

/* Free pages of ordinary migratetypes, of a side, from @order on. */
static long __init count_free(struct zone *zone, bool sensitive, int order)
{
	long nr = 0;
	int mt;

	for (; order < NR_PAGE_ORDERS; order++) {
		for (mt = 0; mt < MIGRATE_PCPTYPES; mt++) {
			freetype_t ft = freetype_of(mt, sensitive);
			struct free_area *area = &zone->free_area[order];

			nr += list_count_nodes(&area->free_list[freetype_index(ft)])
				<< order;
		}
	}
	return nr;
}

static void __init start_counting(struct zone *zone)
{
	int side;

	spin_lock_irq(&zone->lock);
	for (side = 0; side < 2; side++) {
		zone->nr_free_ordinary[side] = count_free(zone, side, 0);
		zone->nr_free_blocks[side] = count_free(zone, side, pageblock_order);
	}
#ifdef CONFIG_UNACCEPTED_MEMORY
	/* Counts as free, and is on no list. */
	zone->nr_free_ordinary[0] += zone_page_state(zone, NR_UNACCEPTED);
#endif
	spin_unlock_irq(&zone->lock);
}

/* A cache of sensitive objects that is otherwise like one of kmalloc(). */
static struct kmem_cache * __init sensitive_like(struct kmem_cache *like,
						 const char *kind)
{
	char name[40];

	snprintf(name, sizeof(name), "kmalloc-sensitive-%s%u", kind,
		 like->object_size);
	return kmem_cache_create_usercopy(name, like->object_size, like->align,
					  SLAB_KMALLOC | SLAB_SENSITIVE |
					  SLAB_PANIC, 0, like->object_size, NULL);
}

/* Give sensitive objects caches of their own, those that are accounted others. */
static void __init start_slabs(void)
{
	struct kmem_cache *like;
	int i;

	for (i = 0; i < ARRAY_SIZE(kmalloc_caches[KMALLOC_NORMAL]); i++) {
		like = kmalloc_caches[KMALLOC_NORMAL][i];
		if (!like)
			continue;
		kmalloc_caches[KMALLOC_SENSITIVE][i] = sensitive_like(like, "");
		kmalloc_caches[KMALLOC_SENSITIVE_ACCOUNT][i] =
			sensitive_like(like, "cg-");
	}
}

/**
 * sensitive_start - tell sensitive memory from other memory from now on
 *
 * All that is allocated by now is nonsensitive and stays so; there is no data of
 * users yet.  What is free is dealt with later, see sensitive_boot.c.
 *
 * Context: early initcall; may sleep.
 */
void __init sensitive_start(void)
{
	struct zone *zone;

	convert_ahead_wq = alloc_workqueue("sensitive", WQ_UNBOUND | WQ_MEM_RECLAIM, 1);
	if (!convert_ahead_wq)
		panic("no workqueue for sensitive memory");

	static_branch_enable(&sensitive_key);

	for_each_populated_zone(zone)
		start_counting(zone);
	sensitive_convert_ahead();
	start_slabs();
}
