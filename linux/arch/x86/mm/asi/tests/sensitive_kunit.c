// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite asi_sensitive: memory by sensitivity, from the page allocator to the
 * restricted page table.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/irqflags.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/mmzone.h>
#include <linux/sensitive.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmstat.h>

#include "common.h"

#define SECRET	0x7365637265742121ULL

struct side {
	const char *name;
	gfp_t gfp;
	bool sensitive;
};

static const struct side sides[] = {
	{ "nonsensitive", GFP_KERNEL, false },
	{ "sensitive", GFP_USER, true },
};

static void side_name(const struct side *side, char *desc)
{
	strscpy(desc, side->name, KUNIT_PARAM_DESC_SIZE);
}
KUNIT_ARRAY_PARAM(side, sides, side_name);

/* Are a type's parts those that it was made of, and no two types the same? */
static void freetype_has_its_parts(struct kunit *test)
{
	unsigned long seen = 0;
	int mt, s;

	for (s = 0; s < 2; s++) {
		for (mt = 0; mt < MIGRATE_TYPES; mt++) {
			freetype_t ft = freetype_of(mt, s);

			KUNIT_EXPECT_EQ(test, freetype_migratetype(ft), mt);
			KUNIT_EXPECT_EQ(test, freetype_sensitive(ft), !!s);
			KUNIT_EXPECT_LT(test, freetype_index(ft), NR_FREETYPES);
			KUNIT_EXPECT_EQ(test, freetype_at(freetype_index(ft)).index,
					ft.index);
			KUNIT_EXPECT_FALSE(test, seen & BIT(freetype_index(ft)));
			seen |= BIT(freetype_index(ft));
		}
	}
}

/* Does a change of one part leave the other alone? */
static void freetype_changes_one_part(struct kunit *test)
{
	int mt, other, s;

	for (s = 0; s < 2; s++) {
		for (mt = 0; mt < MIGRATE_TYPES; mt++) {
			freetype_t ft = freetype_of(mt, s);

			KUNIT_EXPECT_EQ(test, freetype_other_side(ft).index,
					freetype_of(mt, !s).index);
			for (other = 0; other < MIGRATE_TYPES; other++)
				KUNIT_EXPECT_TRUE(test,
						  freetypes_equal(freetype_of(other, s),
								  freetype_with(ft, other)));
		}
	}
}

/* A nonsensitive list has the index that tools expect, its migratetype. */
static void nonsensitive_index_is_migratetype(struct kunit *test)
{
	int mt;

	for (mt = 0; mt < MIGRATE_TYPES; mt++)
		KUNIT_EXPECT_EQ(test, freetype_index(freetype_of(mt, false)),
				(unsigned int)mt);
}

/* How many of @nr pages are absent from the restricted direct map? */
static unsigned long nr_absent(struct page *page, unsigned long nr)
{
	unsigned long i, absent = 0;

	for (i = 0; i < nr; i++)
		absent += !asi_directmap_present((unsigned long)page_address(page + i));
	return absent;
}

#define EXPECT_SIDE(test, page, nr, sensitive)				\
do {									\
	KUNIT_EXPECT_EQ(test, nr_absent(page, nr), (sensitive) ? (nr) : 0UL); \
	KUNIT_EXPECT_EQ(test, page_sensitive(page), sensitive);		\
} while (0)

static void page_of_every_order_is_on_its_side(struct kunit *test)
{
	const struct side *side = test->param_value;
	struct page *pages[NR_PAGE_ORDERS];
	int order;

	asi_test_needs_sensitive(test);
	for (order = 0; order < NR_PAGE_ORDERS; order++) {
		pages[order] = alloc_pages(side->gfp | __GFP_NOWARN, order);
		if (pages[order])
			EXPECT_SIDE(test, pages[order], 1UL << order,
				    side->sensitive);
		else
			KUNIT_EXPECT_GT(test, order, pageblock_order);
	}
	for (order = 0; order < NR_PAGE_ORDERS; order++) {
		if (pages[order])
			__free_pages(pages[order], order);
	}
}

/* Freed by one side and wanted by the other, over and over. */
static void sides_do_not_mix(struct kunit *test)
{
	struct page *pages[64] = {};
	int i, round;

	asi_test_needs_sensitive(test);
	for (round = 0; round < 32; round++) {
		for (i = 0; i < ARRAY_SIZE(pages); i++) {
			const struct side *side = &sides[(i ^ round) & 1];
			unsigned int order = (i * 7 + round) % 4;

			pages[i] = alloc_pages(side->gfp, order);
			KUNIT_ASSERT_NOT_NULL(test, pages[i]);
			EXPECT_SIDE(test, pages[i], 1UL << order,
				    side->sensitive);
		}
		for (i = 0; i < ARRAY_SIZE(pages); i++)
			__free_pages(pages[i], (i * 7 + round) % 4);
	}
}

/* All domains leave out what the shared tables do. */
static void domain_lacks_sensitive_page(struct kunit *test)
{
	struct asi *asi;
	struct page *page;
	int level;

	asi_test_needs_sensitive(test);
	asi = asi_test_domain_with(test, ASI_FAULT_EXIT);
	page = alloc_page(GFP_USER);
	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_FALSE(test,
			   entry_present(asi_walk(asi->pgd,
						  (unsigned long)page_address(page),
						  &level)));
	__free_page(page);
}

/* Kinds of memory that a process has. */
struct user_memory {
	const char *name;
	unsigned long flags, len;
};

static const struct user_memory user_memory[] = {
	{ "private", MAP_PRIVATE | MAP_ANONYMOUS, PAGE_SIZE },
	{ "shared", MAP_SHARED | MAP_ANONYMOUS, PAGE_SIZE },
	{ "huge", MAP_PRIVATE | MAP_ANONYMOUS, 4 * PMD_SIZE },
};

static void user_memory_name(const struct user_memory *m, char *desc)
{
	strscpy(desc, m->name, KUNIT_PARAM_DESC_SIZE);
}
KUNIT_ARRAY_PARAM(user_memory, user_memory, user_memory_name);

static void user_memory_is_absent(struct kunit *test)
{
	const struct user_memory *m = test->param_value;
	unsigned long addr, i;
	struct page *page;

	asi_test_needs_sensitive(test);
	asi_test_mm(test);
	addr = vm_mmap(NULL, 0, m->len, PROT_READ | PROT_WRITE, m->flags, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));

	for (i = 0; i < m->len; i += PAGE_SIZE) {
		KUNIT_ASSERT_EQ(test, 0, put_user(SECRET, (u64 __user *)(addr + i)));
		KUNIT_ASSERT_EQ(test, 1, get_user_pages_fast(addr + i, 1,
							     FOLL_WRITE, &page));
		EXPECT_SIDE(test, page, 1UL, true);
		put_page(page);
	}
	KUNIT_EXPECT_EQ(test, 0, vm_munmap(addr, m->len));
}

static bool block_is_zero(u64 *block)
{
	return !memchr_inv(block, 0, PMD_SIZE);
}

/*
 * A block that becomes nonsensitive has nothing of before, and is there.  Where it would
 * have been cleared when it was freed, it is not looked at: suite asi_convert frees it.
 */
static void secret_does_not_change_sides(struct kunit *test)
{
	bool clear_when_freed = want_init_on_free() || page_poisoning_enabled_static();
	struct page *page;
	unsigned long pfn, i;
	u64 *block;

	asi_test_needs_sensitive(test);
	page = alloc_pages(GFP_USER, pageblock_order);
	KUNIT_ASSERT_NOT_NULL(test, page);
	pfn = page_to_pfn(page);
	block = page_address(page);
	for (i = 0; i < BLOCK_WORDS; i++)
		block[i] = SECRET;

	EXPECT_SIDE(test, page, pageblock_nr_pages, true);
	sensitive_set_range(pfn, pfn + pageblock_nr_pages, false);
	EXPECT_SIDE(test, page, pageblock_nr_pages, false);
	if (!clear_when_freed)
		KUNIT_EXPECT_TRUE(test, block_is_zero(block));

	block[0] = SECRET;
	sensitive_set_range(pfn, pfn + pageblock_nr_pages, true);
	EXPECT_SIDE(test, page, pageblock_nr_pages, true);
	KUNIT_EXPECT_EQ(test, block[0], SECRET);
	__free_pages(page, pageblock_order);
}

/* A part of a block stays what the block is. */
static void part_of_a_block_stays(struct kunit *test)
{
	struct page *page;
	unsigned long pfn;

	asi_test_needs_sensitive(test);
	page = alloc_pages(GFP_USER, pageblock_order);
	KUNIT_ASSERT_NOT_NULL(test, page);
	pfn = page_to_pfn(page);

	sensitive_set_range(pfn + 1, pfn + pageblock_nr_pages, false);
	EXPECT_SIDE(test, page, pageblock_nr_pages, true);
	sensitive_set_range(pfn, pfn + pageblock_nr_pages - 1, false);
	EXPECT_SIDE(test, page, pageblock_nr_pages, true);
	__free_pages(page, pageblock_order);
}

/* Memory that was reserved since boot has nothing of before when it is freed. */
static void reserved_memory_is_freed_clean(struct kunit *test)
{
	const unsigned long nr = PAGE_SIZE / sizeof(u64);
	u64 *copy = kunit_kmalloc(test, PAGE_SIZE, GFP_KERNEL);
	struct page *page = alloc_page(GFP_KERNEL);
	unsigned long i, left = 0;
	u64 *words;

	KUNIT_ASSERT_NOT_NULL(test, page);
	words = page_address(page);
	for (i = 0; i < nr; i++)
		words[i] = SECRET;
	mark_page_reserved(page);
	free_reserved_page(page);

	asi_test_needs_sensitive(test);
	KUNIT_ASSERT_NOT_NULL(test, copy);
	/* Somebody may have it by now, who writes something else. */
	if (copy_from_kernel_nofault(copy, words, PAGE_SIZE))
		kunit_skip(test, "debug_pagealloc has it unmapped");
	for (i = 0; i < nr; i++)
		left += copy[i] == SECRET;
	KUNIT_EXPECT_EQ(test, left, 0UL);
}

/* The worker has time until a zone with much memory has blocks of both sides. */
static void wait_for_reserve(struct kunit *test)
{
	struct page *page = alloc_page(GFP_KERNEL);
	struct zone *zone;
	int i, side;

	KUNIT_ASSERT_NOT_NULL(test, page);
	zone = page_zone(page);
	__free_page(page);

	for (side = 0; side < 2; side++) {
		for (i = 0; i < 100 && READ_ONCE(zone->nr_free_blocks[side]) <
				       (long)low_wmark_pages(zone); i++)
			msleep(20);
		KUNIT_EXPECT_LT(test, i, 100);
	}
}

/*
 * Who cannot wait gets sensitive memory or none, and what a zone holds back is
 * enough for a block of it.
 */
static void atomic_gets_its_side_or_nothing(struct kunit *test)
{
	struct page *pages[128];
	unsigned long flags;
	int i, nr = 0, wrong = 0;

	asi_test_needs_sensitive(test);
	wait_for_reserve(test);
	local_irq_save(flags);
	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		pages[i] = alloc_pages(GFP_ATOMIC | __GFP_NOWARN | __GFP_SENSITIVE, 3);
		if (!pages[i])
			continue;
		nr++;
		wrong += nr_absent(pages[i], 8) != 8;
	}
	local_irq_restore(flags);

	KUNIT_EXPECT_EQ(test, wrong, 0);
	KUNIT_EXPECT_GE(test, nr, (int)pageblock_nr_pages / 8);
	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		if (pages[i])
			__free_pages(pages[i], 3);
	}
}

/* How often has this CPU had a block become sensitive?  Not migrated meanwhile. */
static unsigned long nr_hidden_here(void)
{
#ifdef CONFIG_VM_EVENT_COUNTERS
	return raw_cpu_read(vm_event_states.event[SENSITIVE_BLOCK_HIDE]);
#else
	return 0;
#endif
}

/* Time with interrupts off, and memory, for no more than 256 MiB, in a small machine less. */
static unsigned int most_pages(void)
{
	return min(totalram_pages() / 3, SZ_256M >> PAGE_SHIFT);
}

/* All that an atomic request can have, and what CPUs may be about to add. */
static unsigned long nr_sensitive_available(void)
{
	unsigned long nr = 0;
	struct zone *zone;

	for_each_populated_zone(zone)
		nr += READ_ONCE(zone->nr_free_ordinary[1]) +
		      READ_ONCE(zone->nr_free_sensitive_highatomic) +
		      2 * pageblock_nr_pages * num_online_cpus();
	return nr;
}

/* What taking all sensitive memory without waiting showed. */
struct exhaustion {
	struct list_head pages;
	unsigned int nr, mapped;
	unsigned long hidden;
	bool ended, other_side;
};

static struct page *alloc_sensitive_atomic(void)
{
	return alloc_page(GFP_ATOMIC | __GFP_NOWARN | __GFP_SENSITIVE);
}

/* Interrupts are off all the time: no worker has more blocks made on this CPU. */
static void exhaust_atomic(struct exhaustion *e)
{
	unsigned int most = most_pages();
	unsigned long flags, hidden;
	struct page *page;

	local_irq_save(flags);
	hidden = nr_hidden_here();
	while (e->nr < most && (page = alloc_sensitive_atomic())) {
		e->mapped += nr_absent(page, 1) != 1 || !page_sensitive(page);
		list_add(&page->lru, &e->pages);
		e->nr++;
	}
	e->ended = e->nr < most;
	page = alloc_page(GFP_ATOMIC | __GFP_NOWARN);
	e->other_side = page && !nr_absent(page, 1);
	if (page)
		__free_page(page);
	e->hidden = nr_hidden_here() - hidden;
	local_irq_restore(flags);
}

/* Has the worker made blocks by now, of which a request gets a page without waiting? */
static bool atomic_succeeds_soon(struct exhaustion *e)
{
	struct page *page = NULL;
	int i;

	for (i = 0; i < 250 && !page; i++) {
		msleep(20);
		local_irq_disable();
		page = alloc_sensitive_atomic();
		local_irq_enable();
	}
	if (!page)
		return false;
	e->mapped += nr_absent(page, 1) != 1;
	list_add(&page->lru, &e->pages);
	return true;
}

/*
 * Until the reserve is used up, a request that cannot wait gets what is absent; then
 * it fails, and when there is time the reserve is filled.
 */
static void atomic_reserve_is_filled_again(struct kunit *test)
{
	struct exhaustion e = { .pages = LIST_HEAD_INIT(e.pages) };
	struct page *page, *next;
	bool again;

	asi_test_needs_sensitive(test);
	wait_for_reserve(test);
	if (nr_sensitive_available() > most_pages())
		kunit_skip(test, "%lu pages are too many to take",
			   nr_sensitive_available());
	exhaust_atomic(&e);
	again = atomic_succeeds_soon(&e);
	list_for_each_entry_safe(page, next, &e.pages, lru)
		__free_page(page);

	KUNIT_EXPECT_TRUE(test, e.ended);
	KUNIT_EXPECT_GE(test, e.nr, (unsigned int)pageblock_nr_pages);
	KUNIT_EXPECT_EQ(test, e.mapped, 0U);
	KUNIT_EXPECT_EQ(test, e.hidden, 0UL);
	KUNIT_EXPECT_TRUE(test, e.other_side);
	KUNIT_EXPECT_TRUE(test, again);
	kunit_info(test, "%u pages\n", e.nr);
}

/* Nonsensitive memory is there for everybody. */
static void atomic_gets_nonsensitive(struct kunit *test)
{
	struct page *pages[128];
	unsigned long flags;
	int i, missing = 0, wrong = 0;

	asi_test_needs_sensitive(test);
	local_irq_save(flags);
	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		pages[i] = alloc_page(GFP_ATOMIC | __GFP_NOWARN);
		missing += !pages[i];
		wrong += pages[i] && nr_absent(pages[i], 1);
	}
	local_irq_restore(flags);

	KUNIT_EXPECT_EQ(test, missing, 0);
	KUNIT_EXPECT_EQ(test, wrong, 0);
	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		if (pages[i])
			__free_page(pages[i]);
	}
}

/* Small and large; asi_slab has the other side. */
static void kmalloc_is_nonsensitive(struct kunit *test)
{
	static const size_t sizes[] = { 8, 512, 4096, 16384, 262144 };
	int i;

	asi_test_needs_sensitive(test);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		void *p = kmalloc(sizes[i], GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_EXPECT_TRUE(test, asi_directmap_present((unsigned long)p));
		kfree(p);
	}
}

static void contig_range_is_on_its_side(struct kunit *test)
{
#ifdef CONFIG_CONTIG_ALLOC
	const struct side *side = test->param_value;
	unsigned long nr = 2 * pageblock_nr_pages;
	struct page *page;

	asi_test_needs_sensitive(test);
	page = alloc_contig_pages(nr, side->gfp | __GFP_NOWARN,
				  numa_mem_id(), NULL);
	if (!page)
		kunit_skip(test, "no range of %lu pages", nr);
	EXPECT_SIDE(test, page, nr, side->sensitive);
	free_contig_range(page_to_pfn(page), nr);
#else
	kunit_skip(test, "needs CONFIG_CONTIG_ALLOC");
#endif
}

static struct kunit_case sensitive_cases[] = {
	KUNIT_CASE(freetype_has_its_parts),
	KUNIT_CASE(freetype_changes_one_part),
	KUNIT_CASE(nonsensitive_index_is_migratetype),
	KUNIT_CASE_PARAM(page_of_every_order_is_on_its_side, side_gen_params),
	KUNIT_CASE(sides_do_not_mix),
	KUNIT_CASE(domain_lacks_sensitive_page),
	KUNIT_CASE_PARAM(user_memory_is_absent, user_memory_gen_params),
	KUNIT_CASE(secret_does_not_change_sides),
	KUNIT_CASE(part_of_a_block_stays),
	KUNIT_CASE(reserved_memory_is_freed_clean),
	KUNIT_CASE(atomic_gets_its_side_or_nothing),
	KUNIT_CASE(atomic_reserve_is_filled_again),
	KUNIT_CASE(atomic_gets_nonsensitive),
	KUNIT_CASE(kmalloc_is_nonsensitive),
	KUNIT_CASE_PARAM(contig_range_is_on_its_side, side_gen_params),
	{}
};

static struct kunit_suite sensitive_suite = {
	.name		= "asi_sensitive",
	.test_cases	= sensitive_cases,
};
kunit_test_suite(sensitive_suite);
