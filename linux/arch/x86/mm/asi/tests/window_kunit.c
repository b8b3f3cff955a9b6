// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite asi_window: the vmalloc area by the sensitivity of pages, up to the
 * restricted page table.
 */
#include <kunit/test.h>
#include <linux/asi.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/sensitive.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "common.h"

/* vm_map_ram() has blocks for up to 64 pages, and areas for more. */
#define PAGES_MAX	80

static bool in_window(const void *p)
{
	unsigned long addr = (unsigned long)p;

	return addr >= asi_window_start() && addr < asi_window_end();
}

/* Where @addr is in a page table, 0 for nowhere. */
static unsigned long lookup(pgd_t *pgd, const void *addr)
{
	int level;
	unsigned long entry = asi_walk(pgd, (unsigned long)addr, &level);

	return entry_present(entry) ?
		entry_phys(entry, level, (unsigned long)addr) : 0;
}

/* A domain with a policy of its own, to look at its page table. */
static struct asi *domain(struct kunit *test)
{
	asi_test_needs_asi(test);
	return asi_test_domain_with(test, ASI_FAULT_EXIT);
}

static void needs_window(struct kunit *test)
{
	asi_test_needs_asi(test);
	if (!sensitive_active())
		kunit_skip(test, "there is no sensitive memory");
}

/*
 * @mem is a mapping of @nr pages, for both sides to see if none of them is
 * sensitive.
 */
static void expect_side(struct kunit *test, struct asi *asi, const void *mem,
			unsigned int nr, bool sensitive)
{
	unsigned int i, wrong = 0, absent = 0;

	KUNIT_EXPECT_TRUE(test, is_vmalloc_addr(mem));
	KUNIT_EXPECT_EQ(test, in_window(mem), sensitive);
	KUNIT_EXPECT_EQ(test, in_window(mem + nr * PAGE_SIZE - 1), sensitive);

	for (i = 0; i < nr; i++) {
		const void *addr = mem + i * PAGE_SIZE;
		unsigned long phys = PFN_PHYS(vmalloc_to_pfn(addr));
		unsigned long restricted = lookup(asi->pgd, addr);

		absent += !restricted;
		wrong += lookup(asi->mm->pgd, addr) != phys;
		wrong += restricted && restricted != phys;
	}
	KUNIT_EXPECT_EQ(test, wrong, 0U);
	KUNIT_EXPECT_EQ(test, absent, sensitive ? nr : 0U);
}

static bool slot_differs(struct asi *asi, unsigned int slot)
{
	return (pgd_val(asi->pgd[slot]) ^ pgd_val(asi->mm->pgd[slot])) &
	       ~(_PAGE_ACCESSED | _PAGE_DIRTY);
}

/* The window is whole entries of the top level, and they are what is missing. */
static void window_is_whole_entries(struct kunit *test)
{
	struct asi *asi = domain(test);
	unsigned long start = asi_window_start();
	unsigned int slot, nr = 0, bad = 0;

	for (slot = pgd_index(VMALLOC_START); slot <= pgd_index(VMALLOC_END); slot++) {
		if (asi_window_slot(slot)) {
			nr++;
			bad += pgd_val(asi->pgd[slot]) != 0;
			bad += pgd_none(asi->mm->pgd[slot]);
		} else {
			bad += slot_differs(asi, slot);
		}
	}
	KUNIT_EXPECT_EQ(test, bad, 0U);
	KUNIT_EXPECT_FALSE(test, asi_window_slot(pgd_index(VMALLOC_START)));
	KUNIT_EXPECT_FALSE(test, asi_window_slot(pgd_index(VMALLOC_END) + 1));
	KUNIT_EXPECT_FALSE(test, asi_window_slot(pgd_index(PAGE_OFFSET)));

	if (!asi_sensitive) {
		KUNIT_EXPECT_EQ(test, start, VMALLOC_END);
		KUNIT_EXPECT_EQ(test, asi_window_end(), VMALLOC_END);
		KUNIT_EXPECT_EQ(test, nr, 0U);
		return;
	}
	KUNIT_EXPECT_EQ(test, start & ~PGDIR_MASK, 0UL);
	KUNIT_EXPECT_LE(test, asi_window_end(), VMALLOC_END + 1);
	KUNIT_EXPECT_EQ(test, nr,
			(unsigned int)((asi_window_end() - start) >> PGDIR_SHIFT));
	KUNIT_EXPECT_GE(test, start - VMALLOC_START,
			(VMALLOC_END + 1 - VMALLOC_START) / 4 * 3);
	KUNIT_EXPECT_GE(test, nr, IS_ENABLED(CONFIG_KMSAN) ? 2U : 8U);
}

/* An entry of the window in a domain is a broken rule. */
static void check_finds_an_entry(struct kunit *test)
{
	struct asi_check result;
	unsigned int slot;
	struct asi *asi;

	needs_window(test);
	asi = domain(test);
	slot = pgd_index(asi_window_start());

	mmap_write_lock(asi->mm);
	asi_check_pgd(asi->mm, asi->pgd, asi->mm->pgd, &result);
	KUNIT_EXPECT_EQ(test, result.broken, 0UL);

	asi->pgd[slot] = asi->mm->pgd[slot];
	asi_check_pgd(asi->mm, asi->pgd, asi->mm->pgd, &result);
	asi->pgd[slot] = __pgd(0);
	mmap_write_unlock(asi->mm);

	KUNIT_EXPECT_EQ(test, result.broken, 1UL);
	KUNIT_EXPECT_EQ(test, result.bad, asi_window_start());
}

static void *get_vmalloc(size_t size)
{
	return vmalloc(size);
}

static void *get_vmalloc_gfp_user(size_t size)
{
	return __vmalloc(size, GFP_USER);
}

static void *get_vmalloc_huge(size_t size)
{
	return vmalloc_huge(size, GFP_KERNEL);
}

static void *get_vmalloc_huge_gfp_user(size_t size)
{
	return vmalloc_huge(size, GFP_USER);
}

static void *get_kvmalloc_gfp_user(size_t size)
{
	return kvmalloc(size, GFP_USER);
}

static void *get_vmalloc_user(size_t size)
{
	return vmalloc_user(size);
}

static void *get_vmalloc_32_user(size_t size)
{
	return vmalloc_32_user(size);
}

/* How memory comes from vmalloc, and whether it is sensitive. */
static const struct source {
	const char *name;
	void *(*get)(size_t size);
	size_t size;
	bool sensitive;
} sources[] = {
	{ "vmalloc", get_vmalloc, 5 * PAGE_SIZE, false },
	{ "vmalloc of GFP_USER", get_vmalloc_gfp_user, 5 * PAGE_SIZE, true },
	{ "vmalloc by blocks", get_vmalloc_huge, 2 * PMD_SIZE, false },
	{ "the same of GFP_USER", get_vmalloc_huge_gfp_user, 2 * PMD_SIZE, true },
	{ "kvmalloc of GFP_USER", get_kvmalloc_gfp_user, 8 * SZ_1M, true },
	{ "vmalloc_user", get_vmalloc_user, 3 * PAGE_SIZE, true },
	{ "vmalloc_32_user", get_vmalloc_32_user, 3 * PAGE_SIZE, true },
};
KUNIT_ARRAY_PARAM_DESC(source, sources, name);

static void vmalloc_is_on_its_side(struct kunit *test)
{
	const struct source *source = test->param_value;
	bool sensitive = source->sensitive && sensitive_active();
	struct asi *asi = domain(test);
	size_t offset, wrong = 0;
	void *mem[2];
	int i;

	/* The second may get what the first left. */
	for (i = 0; i < ARRAY_SIZE(mem); i++) {
		mem[i] = source->get(source->size);
		KUNIT_ASSERT_NOT_NULL(test, mem[i]);
		expect_side(test, asi, mem[i], source->size >> PAGE_SHIFT, sensitive);
		for (offset = 0; offset < source->size; offset += PAGE_SIZE)
			wrong += page_sensitive(vmalloc_to_page(mem[i] + offset)) !=
				 sensitive;
		kvfree(mem[i]);
	}
	KUNIT_EXPECT_EQ(test, wrong, 0UL);
}

/**
 * struct pages - some pages, of either side
 * @page: They.  Each begins with its number.
 * @nr:	  How many.
 */
struct pages {
	struct page *page[PAGES_MAX];
	unsigned int nr;
};

static void free_pages_of(void *data)
{
	struct pages *pages = data;

	while (pages->nr)
		__free_page(pages->page[--pages->nr]);
}

static struct pages *empty_pages(struct kunit *test)
{
	struct pages *pages = kunit_kzalloc(test, sizeof(*pages), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pages);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, free_pages_of, pages));
	return pages;
}

static void more_pages(struct kunit *test, struct pages *pages, unsigned int nr,
		       gfp_t gfp)
{
	while (nr--) {
		struct page *page = alloc_page(gfp);

		KUNIT_ASSERT_NOT_NULL(test, page);
		*(u64 *)page_address(page) = pages->nr;
		pages->page[pages->nr++] = page;
	}
}

/* The ways to map them. */
static const struct way {
	const char *name;
	bool ram;
	unsigned int nr;
} ways[] = {
	{ "vmap", false, 4 },
	{ "vmap of many", false, PAGES_MAX },
	{ "vm_map_ram", true, 4 },
	{ "vm_map_ram of one", true, 1 },
	{ "vm_map_ram of many", true, PAGES_MAX },
};
KUNIT_ARRAY_PARAM_DESC(way, ways, name);

static void *map_pages(const struct way *way, struct pages *pages)
{
	return way->ram ?
		vm_map_ram(pages->page, pages->nr, NUMA_NO_NODE) :
		vmap(pages->page, pages->nr, VM_MAP, PAGE_KERNEL);
}

static void unmap_pages(const struct way *way, void *mem, unsigned int nr)
{
	if (way->ram)
		vm_unmap_ram(mem, nr);
	else
		vunmap(mem);
}

static void mapping_is_on_its_side(struct kunit *test)
{
	const struct way *way = test->param_value;
	struct asi *asi = domain(test);
	int side, round;

	/* The sides take turns, over what the other has left. */
	for (round = 0; round < 4; round++) {
		for (side = 0; side < 2; side++) {
			struct pages *pages = empty_pages(test);
			void *mem;

			more_pages(test, pages, way->nr, side ? GFP_USER : GFP_KERNEL);
			mem = map_pages(way, pages);
			KUNIT_ASSERT_NOT_NULL(test, mem);
			expect_side(test, asi, mem, way->nr,
				    side && sensitive_active());
			unmap_pages(way, mem, way->nr);
			KUNIT_EXPECT_EQ(test, 0UL, lookup(asi->mm->pgd, mem));
		}
	}
}

/* One sensitive page, wherever it is among the others. */
static void mixed_pages_are_in_the_window(struct kunit *test)
{
	const struct way *way = test->param_value;
	struct asi *asi;
	unsigned int at;

	needs_window(test);
	asi = domain(test);
	for (at = 0; at < way->nr; at++) {
		struct pages *pages = empty_pages(test);
		void *mem;

		more_pages(test, pages, at, GFP_KERNEL);
		more_pages(test, pages, 1, GFP_USER);
		more_pages(test, pages, way->nr - at - 1, GFP_KERNEL);
		mem = map_pages(way, pages);
		KUNIT_ASSERT_NOT_NULL(test, mem);
		expect_side(test, asi, mem, way->nr, true);
		unmap_pages(way, mem, way->nr);
	}
}

/* Reading and writing leave the domain, once, and get at the pages. */
static void contents_are_right(struct kunit *test)
{
	const struct way *way = test->param_value;
	struct pages *pages = empty_pages(test);
	struct asi_test_counts counts;
	unsigned int i, wrong = 0;
	struct asi *asi, *first;
	void *mem;

	needs_window(test);
	asi = domain(test);
	more_pages(test, pages, way->nr, GFP_USER);
	mem = map_pages(way, pages);
	KUNIT_ASSERT_NOT_NULL(test, mem);

	asi_test_count_from(&counts, asi->index);
	preempt_disable();
	asi_enter(asi);
	asi_relax();
	for (i = 0; i < way->nr; i++) {
		u64 *word = mem + i * PAGE_SIZE;

		wrong += READ_ONCE(word[0]) != i;
		if (!i)
			first = asi_get_current();
		WRITE_ONCE(word[1], i + 1);
	}
	asi_exit();
	preempt_enable();

	for (i = 0; i < way->nr; i++)
		wrong += ((u64 *)page_address(pages->page[i]))[1] != i + 1;
	KUNIT_EXPECT_EQ(test, wrong, 0U);
	KUNIT_EXPECT_NULL(test, first);
	EXPECT_COUNTED(test, &counts, ASI_CTR_EXITS + ASI_EXIT_FAULT, 1);
	EXPECT_COUNTED(test, &counts, ASI_CTR_TENSE_FAULTS, 0);
	unmap_pages(way, mem, way->nr);
}

/* What is not sensitive is at hand. */
static void nonsensitive_needs_no_exit(struct kunit *test)
{
	const struct way *way = test->param_value;
	struct pages *pages = empty_pages(test);
	struct asi_test_counts counts;
	struct asi *asi = domain(test);
	unsigned int i, wrong = 0;
	void *mem;

	more_pages(test, pages, way->nr, GFP_KERNEL);
	mem = map_pages(way, pages);
	KUNIT_ASSERT_NOT_NULL(test, mem);

	asi_test_count_from(&counts, asi->index);
	/* An interrupt may touch sensitive memory, and fault. */
	local_irq_disable();
	asi_enter(asi);
	asi_relax();
	for (i = 0; i < way->nr; i++)
		wrong += READ_ONCE(*(u64 *)(mem + i * PAGE_SIZE)) != i;
	asi_exit();
	local_irq_enable();

	KUNIT_EXPECT_EQ(test, wrong, 0U);
	EXPECT_COUNTED(test, &counts, ASI_CTR_FAULTS, 0);
	unmap_pages(way, mem, way->nr);
}

#define CHUNKS	16

struct chunks {
	void __percpu *mem[CHUNKS];
};

static void free_chunks(void *data)
{
	struct chunks *chunks = data;
	int i;

	for (i = 0; i < CHUNKS; i++)
		free_percpu(chunks->mem[i]);
}

/* More per-CPU memory than there is without areas of vmalloc. */
static struct chunks *get_chunks(struct kunit *test)
{
	struct chunks *chunks = kunit_kzalloc(test, sizeof(*chunks), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, chunks);
	for (i = 0; i < CHUNKS; i++)
		chunks->mem[i] = __alloc_percpu_gfp(PCPU_MIN_UNIT_SIZE, 8,
						    GFP_USER);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, free_chunks, chunks));
	return chunks;
}

/*
 * The per-CPU allocator takes its areas from the top.  They stay where all address
 * spaces have them, whatever the flags.
 */
static void per_cpu_memory_is_present(struct kunit *test)
{
	struct asi *asi = domain(test);
	struct chunks *chunks = get_chunks(test);
	unsigned int absent = 0, areas = 0, bad = 0;
	int i, cpu;

	for (i = 0; i < CHUNKS; i++) {
		for_each_possible_cpu(cpu) {
			void *p = per_cpu_ptr(chunks->mem[i], cpu);

			if (!chunks->mem[i] || !is_vmalloc_addr(p))
				continue;
			areas++;
			bad += in_window(p);
			absent += !lookup(asi->pgd, p);
		}
	}
	KUNIT_EXPECT_EQ(test, bad, 0U);
	KUNIT_EXPECT_EQ(test, absent, 0U);
	KUNIT_EXPECT_GT(test, areas, 0U);
}

/* Without sensitive memory the whole area is used, from both of its ends. */
static void area_is_as_always_without_window(struct kunit *test)
{
	unsigned long quarter = (VMALLOC_END - VMALLOC_START + 1) / 4;
	struct pages *pages = empty_pages(test);
	unsigned int i, top = 0;
	struct chunks *chunks;
	void *mem;

	if (cpu_feature_enabled(X86_FEATURE_ASI) && asi_sensitive)
		kunit_skip(test, "there is a window");

	chunks = get_chunks(test);
	for (i = 0; i < CHUNKS; i++)
		top += chunks->mem[i] &&
		       (unsigned long)per_cpu_ptr(chunks->mem[i], 0) >
		       VMALLOC_END - quarter;
	KUNIT_EXPECT_GT(test, top, 0U);

	mem = __vmalloc(PAGE_SIZE, GFP_USER);
	KUNIT_ASSERT_NOT_NULL(test, mem);
	KUNIT_EXPECT_LT(test, (unsigned long)mem, VMALLOC_START + quarter);
	vfree(mem);

	more_pages(test, pages, 2, GFP_USER);
	mem = vm_map_ram(pages->page, 2, NUMA_NO_NODE);
	KUNIT_ASSERT_NOT_NULL(test, mem);
	KUNIT_EXPECT_LT(test, (unsigned long)mem, VMALLOC_START + quarter);
	vm_unmap_ram(mem, 2);
}

/* Nor are stacks ever absent. */
static void stack_is_present(struct kunit *test)
{
	struct asi *asi = domain(test);
	unsigned int i, absent = 0;

	for (i = 0; i < THREAD_SIZE / PAGE_SIZE; i++)
		absent += !lookup(asi->pgd, current->stack + i * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, absent, 0U);
	KUNIT_EXPECT_FALSE(test, in_window(current->stack));
}

static struct kunit_case window_cases[] = {
	KUNIT_CASE(window_is_whole_entries),
	KUNIT_CASE(check_finds_an_entry),
	KUNIT_CASE_PARAM(vmalloc_is_on_its_side, source_gen_params),
	KUNIT_CASE_PARAM(mapping_is_on_its_side, way_gen_params),
	KUNIT_CASE_PARAM(mixed_pages_are_in_the_window, way_gen_params),
	KUNIT_CASE_PARAM(contents_are_right, way_gen_params),
	KUNIT_CASE_PARAM(nonsensitive_needs_no_exit, way_gen_params),
	KUNIT_CASE(per_cpu_memory_is_present),
	KUNIT_CASE(stack_is_present),
	KUNIT_CASE(area_is_as_always_without_window),
	{}
};

static struct kunit_suite window_suite = {
	.name		= "asi_window",
	.test_cases	= window_cases,
};
kunit_test_suite(window_suite);
