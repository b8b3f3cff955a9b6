// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite asi_dpt: decorated page tables map what was granted, and no more.
 */
#include <kunit/resource.h>
#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/refcount.h>
#include <linux/sched/task_stack.h>

#include <asm/cpu_entry_area.h>

#include "dpt.h"

static void free_percpu_memory(void *ptr)
{
	free_percpu((__force void __percpu *)ptr);
}

static const struct span {
	const char *name;
	size_t offset, len;
	unsigned long pages;
} spans[] = {
	{ "a byte",				0x123,		1,		1 },
	{ "a page",				3 * PAGE_SIZE,	PAGE_SIZE,	1 },
	{ "a page and a byte",			PAGE_SIZE,	PAGE_SIZE + 1,	2 },
	{ "two bytes in two pages",		PAGE_SIZE - 1,	2,		2 },
	{ "three pages but for their ends",	1,	3 * PAGE_SIZE - 2,	3 },
	{ "the last byte of a block",		PMD_SIZE - 1,	1,		1 },
	{ "a block",				0,	PMD_SIZE, PTRS_PER_PTE },
};
KUNIT_ARRAY_PARAM_DESC(span, spans, name);

/* Grant a span of @source, look at every page around, and take it back. */
static void check_span(struct kunit *test, void *source)
{
	const struct span *span = test->param_value;
	struct asi_dpt *dpt = dpt_test_new(test);
	void *addr = source + span->offset;
	void *first = (void *)((unsigned long)addr & PAGE_MASK);
	unsigned long i;

	KUNIT_ASSERT_EQ(test, 0, asi_dpt_map(dpt, addr, span->len));
	EXPECT_PAGES(test, dpt, span->pages);
	for (i = 0; i < span->pages; i++)
		EXPECT_SAME(test, dpt, first + i * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, dpt_entry(dpt, first - 1), 0UL);
	KUNIT_EXPECT_EQ(test, dpt_entry(dpt, first + i * PAGE_SIZE), 0UL);

	KUNIT_EXPECT_EQ(test, 0, asi_dpt_unmap(dpt, addr, span->len));
	EXPECT_PAGES(test, dpt, 0);
	KUNIT_EXPECT_EQ(test, dpt_entry(dpt, addr), 0UL);
}

static void over_pages_of_4k(struct kunit *test)
{
	check_span(test, dpt_test_small_source(test));
}

static void over_pages_of_2m(struct kunit *test)
{
	check_span(test, dpt_test_source(test, 2));
}

/* In the middle, so that there are 2 MiB to either side. */
static void over_pages_of_1g(struct kunit *test)
{
	check_span(test, dpt_test_source(test, 3) + PUD_SIZE / 2);
}

static void over_the_direct_map(struct kunit *test)
{
	check_span(test, asi_test_large_block(test));
}

/* A range that needs tables of its own in either half. */
static void across_two_tables(struct kunit *test)
{
	void *addr = dpt_test_source(test, 3) + PMD_SIZE - PAGE_SIZE;
	struct asi_dpt *dpt = dpt_test_new(test);

	KUNIT_ASSERT_EQ(test, 0, asi_dpt_map(dpt, addr, 2 * PAGE_SIZE));
	EXPECT_PAGES(test, dpt, 2);
	EXPECT_SAME(test, dpt, addr);
	EXPECT_SAME(test, dpt, addr + PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, dpt_census(dpt).tables, asi_top_level());
	KUNIT_EXPECT_EQ(test, 0, asi_dpt_unmap(dpt, addr, 2 * PAGE_SIZE));
	EXPECT_PAGES(test, dpt, 0);
}

/* No table on the way is one that the kernel has too. */
static void all_tables_are_its_own(struct kunit *test)
{
	void *block = asi_test_block(test);
	struct asi_dpt *dpt = dpt_test_new(test);
	unsigned long *own, *kernel;
	int level, i;

	KUNIT_ASSERT_EQ(test, 0, asi_dpt_map(dpt, block, 1));
	own = (unsigned long *)dpt->pgd;
	kernel = (unsigned long *)init_mm.pgd;
	for (level = asi_top_level(); level > 1; level--) {
		i = asi_level_index((unsigned long)block, level);
		KUNIT_ASSERT_TRUE(test, entry_present(own[i]));
		own = asi_table_of(own[i]);
		if (kernel[i] & _PAGE_PSE)
			break;
		kernel = asi_table_of(kernel[i]);
		KUNIT_EXPECT_PTR_NE(test, own, kernel);
	}
}

static DEFINE_PER_CPU(u64, some_variable);

/* @ptr is mapped for each CPU. */
static void expect_percpu(struct kunit *test, struct asi_dpt *dpt,
			  void __percpu *ptr)
{
	int cpu;

	for_each_possible_cpu(cpu)
		EXPECT_SAME(test, dpt, per_cpu_ptr(ptr, cpu));
	EXPECT_PAGES(test, dpt, num_possible_cpus());
}

static void percpu_variables(struct kunit *test)
{
	void __percpu *dynamic = __alloc_percpu(PAGE_SIZE, PAGE_SIZE);
	struct asi_dpt *dpt = dpt_test_new(test);

	KUNIT_ASSERT_NOT_NULL(test, (__force void *)dynamic);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, free_percpu_memory,
						  (__force void *)dynamic));

	KUNIT_ASSERT_EQ(test, 0,
			asi_dpt_map_percpu(dpt, &some_variable, sizeof(u64)));
	expect_percpu(test, dpt, &some_variable);
	/* By its name, not by the address of a copy, and with its size. */
	KUNIT_EXPECT_EQ(test, -ENOENT,
			asi_dpt_unmap(dpt, raw_cpu_ptr(&some_variable),
				      sizeof(u64)));
	KUNIT_EXPECT_EQ(test, -ENOENT,
			asi_dpt_unmap_percpu(dpt, &some_variable, 1));
	KUNIT_EXPECT_EQ(test, 0,
			asi_dpt_unmap_percpu(dpt, &some_variable, sizeof(u64)));
	EXPECT_PAGES(test, dpt, 0);

	KUNIT_ASSERT_EQ(test, 0, asi_dpt_map_percpu(dpt, dynamic, PAGE_SIZE));
	expect_percpu(test, dpt, dynamic);
	KUNIT_EXPECT_EQ(test, 0, asi_dpt_unmap_percpu(dpt, dynamic, PAGE_SIZE));
	EXPECT_PAGES(test, dpt, 0);
}

static void modules(struct kunit *test)
{
	struct module *mod = dpt_test_module(test);
	struct asi_dpt *dpt = dpt_test_new(test);
	unsigned long text, rodata, data;

	KUNIT_ASSERT_EQ(test, 0, asi_dpt_map_module(dpt, mod));
	EXPECT_PAGES(test, dpt, 6);
	EXPECT_SAME(test, dpt, mod->mem[MOD_TEXT].base + 2 * PAGE_SIZE);
	EXPECT_SAME(test, dpt, mod->mem[MOD_DATA].base + PAGE_SIZE);
	EXPECT_SAME(test, dpt, mod->mem[MOD_RODATA].base);
	KUNIT_EXPECT_FALSE(test, dpt_has(dpt, mod->mem[MOD_INIT_DATA].base));

	text = dpt_entry(dpt, mod->mem[MOD_TEXT].base);
	rodata = dpt_entry(dpt, mod->mem[MOD_RODATA].base);
	data = dpt_entry(dpt, mod->mem[MOD_DATA].base);
	KUNIT_EXPECT_EQ(test, text & (_PAGE_RW | _PAGE_NX), 0UL);
	KUNIT_EXPECT_EQ(test, rodata & (_PAGE_RW | _PAGE_NX), _PAGE_NX);
	KUNIT_EXPECT_EQ(test, data & (_PAGE_RW | _PAGE_NX),
			_PAGE_RW | _PAGE_NX);

	KUNIT_EXPECT_EQ(test, 0, asi_dpt_unmap_module(dpt, mod));
	KUNIT_EXPECT_EQ(test, -ENOENT, asi_dpt_unmap_module(dpt, mod));
	EXPECT_PAGES(test, dpt, 0);
}

/* A module stays as long as it is mapped, also when something fails. */
static void modules_are_kept(struct kunit *test)
{
	struct module *mod = dpt_test_module(test);
	struct asi_dpt *dpt = asi_dpt_create();

	KUNIT_ASSERT_NOT_NULL(test, dpt);
	KUNIT_EXPECT_EQ(test, 0, asi_dpt_map_module(dpt, mod));
	KUNIT_EXPECT_EQ(test, 0, asi_dpt_map_module(dpt, mod));
	KUNIT_EXPECT_EQ(test, atomic_read(&mod->refcnt), 3);
	KUNIT_EXPECT_EQ(test, 0, asi_dpt_unmap_module(dpt, mod));
	KUNIT_EXPECT_EQ(test, atomic_read(&mod->refcnt), 2);
	asi_dpt_destroy(dpt);
	KUNIT_EXPECT_EQ(test, atomic_read(&mod->refcnt), 1);

	dpt = dpt_test_new(test);
	mod->mem[MOD_DATA].size += PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, -EFAULT, asi_dpt_map_module(dpt, mod));
	mod->state = MODULE_STATE_COMING;
	KUNIT_EXPECT_EQ(test, -EAGAIN, asi_dpt_map_module(dpt, mod));
	mod->state = MODULE_STATE_GOING;
	KUNIT_EXPECT_EQ(test, -EAGAIN, asi_dpt_map_module(dpt, mod));
	KUNIT_EXPECT_EQ(test, atomic_read(&mod->refcnt), 1);
	EXPECT_PAGES(test, dpt, 0);
}

static void tasks(struct kunit *test)
{
	unsigned int users = refcount_read(&current->usage);
	struct asi_dpt *dpt = dpt_test_new(test);

	KUNIT_ASSERT_EQ(test, 0, asi_dpt_map_task(dpt, current));
	EXPECT_SAME(test, dpt, current);
	EXPECT_SAME(test, dpt, task_stack_page(current));
	EXPECT_SAME(test, dpt, task_stack_page(current) + THREAD_SIZE - 1);
	KUNIT_EXPECT_FALSE(test, dpt_has(dpt, task_stack_page(current) - 1));
	KUNIT_EXPECT_GT(test, refcount_read(&current->usage), users);
	KUNIT_EXPECT_EQ(test, 0, asi_dpt_unmap_task(dpt, current));
	KUNIT_EXPECT_EQ(test, refcount_read(&current->usage), users);
	EXPECT_PAGES(test, dpt, 0);
}

/* Pages 0 to 2, 1 to 3, and 2 alone by a few bytes. */
static void overlapping_grants(struct kunit *test)
{
	void *at = asi_test_large_block(test);
	struct asi_dpt *dpt = dpt_test_new(test);

	KUNIT_ASSERT_EQ(test, 0, asi_dpt_map(dpt, at, 3 * PAGE_SIZE));
	KUNIT_ASSERT_EQ(test, 0,
			asi_dpt_map(dpt, at + PAGE_SIZE, 3 * PAGE_SIZE));
	KUNIT_ASSERT_EQ(test, 0, asi_dpt_map(dpt, at + 2 * PAGE_SIZE + 8, 8));
	EXPECT_PAGES(test, dpt, 4);

	KUNIT_EXPECT_EQ(test, 0, asi_dpt_unmap(dpt, at, 3 * PAGE_SIZE));
	EXPECT_PAGES(test, dpt, 3);
	KUNIT_EXPECT_FALSE(test, dpt_has(dpt, at));

	KUNIT_EXPECT_EQ(test, 0,
			asi_dpt_unmap(dpt, at + PAGE_SIZE, 3 * PAGE_SIZE));
	EXPECT_PAGES(test, dpt, 1);
	KUNIT_EXPECT_TRUE(test, dpt_has(dpt, at + 2 * PAGE_SIZE));

	KUNIT_EXPECT_EQ(test, 0, asi_dpt_unmap(dpt, at + 2 * PAGE_SIZE + 8, 8));
	EXPECT_PAGES(test, dpt, 0);
}

static void granted_twice(struct kunit *test)
{
	void *at = asi_test_block(test);
	struct asi_dpt *dpt = dpt_test_new(test);
	int i;

	for (i = 0; i < 2; i++)
		KUNIT_ASSERT_EQ(test, 0, asi_dpt_map(dpt, at, 100));
	/* Not what was granted, though it is mapped. */
	KUNIT_EXPECT_EQ(test, -ENOENT, asi_dpt_unmap(dpt, at, 99));
	KUNIT_EXPECT_EQ(test, -ENOENT, asi_dpt_unmap(dpt, at, 0));
	KUNIT_EXPECT_EQ(test, -ENOENT, asi_dpt_unmap(dpt, at + 1, 100));

	KUNIT_EXPECT_EQ(test, 0, asi_dpt_unmap(dpt, at, 100));
	KUNIT_EXPECT_TRUE(test, dpt_has(dpt, at));
	KUNIT_EXPECT_EQ(test, 0, asi_dpt_unmap(dpt, at, 100));
	KUNIT_EXPECT_FALSE(test, dpt_has(dpt, at));
	KUNIT_EXPECT_EQ(test, -ENOENT, asi_dpt_unmap(dpt, at, 100));
}

/* The kernel maps the stacks for exceptions as global, in all address spaces. */
static void never_global(struct kunit *test)
{
	void *gdt = get_cpu_entry_area(0)->gdt;
	struct asi_dpt *dpt = dpt_test_new(test);
	int level;

	if (!(asi_walk(init_mm.pgd, (unsigned long)gdt, &level) & _PAGE_GLOBAL))
		kunit_skip(test, "this CPU has no global pages");
	KUNIT_ASSERT_EQ(test, 0, asi_dpt_map(dpt, gdt, 1));
	EXPECT_SAME(test, dpt, gdt);
	EXPECT_PAGES(test, dpt, 1);
}

/**
 * struct held - pages that are not freed before a test has seen who has them
 * @nr:   How many.
 * @page: Them.
 */
struct held {
	int nr;
	struct page *page[64];
};

static void hold_tables(struct held *held, unsigned long *table, int level)
{
	int i;

	if (held->nr == ARRAY_SIZE(held->page))
		return;
	held->page[held->nr] = virt_to_page(table);
	get_page(held->page[held->nr++]);

	for (i = 0; level > 1 && i < PTRS_PER_PTE; i++) {
		if (table[i])
			hold_tables(held, asi_table_of(table[i]), level - 1);
	}
}

static void destroy_frees_all_tables(struct kunit *test)
{
	struct asi_dpt *dpt = asi_dpt_create();
	void *block = asi_test_block(test);
	void *small = dpt_test_small_source(test);
	struct held held = {};
	unsigned long tables;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, dpt);
	KUNIT_EXPECT_EQ(test, 0, asi_dpt_map(dpt, block, 2 * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, 0, asi_dpt_map(dpt, small, PMD_SIZE));
	KUNIT_EXPECT_EQ(test, 0, asi_dpt_map_percpu(dpt, &some_variable, 1));
	KUNIT_EXPECT_EQ(test, 0, asi_dpt_unmap(dpt, small, PMD_SIZE));
	tables = dpt_census(dpt).tables;
	hold_tables(&held, (unsigned long *)dpt->pgd, asi_top_level());
	asi_dpt_destroy(dpt);

	KUNIT_EXPECT_EQ(test, held.nr, tables + 1);
	KUNIT_EXPECT_GE(test, held.nr, 2 * asi_top_level());
	for (i = 0; i < held.nr; i++) {
		KUNIT_EXPECT_EQ_MSG(test, page_count(held.page[i]), 1,
				    "table %d", i);
		put_page(held.page[i]);
	}
}

static void list_of_grants(struct kunit *test)
{
	struct module *mod = dpt_test_module(test);
	void *at = asi_test_block(test);
	struct asi_dpt *dpt = dpt_test_new(test);
	const struct {
		enum asi_dpt_kind kind;
		unsigned long addr;
		size_t len;
		unsigned int nr;
	} expected[] = {
		{ ASI_DPT_MODULE, (unsigned long)mod, 6 * PAGE_SIZE, 3 },
		{ ASI_DPT_RANGE, (unsigned long)at + 5, 17, 1 },
		{ ASI_DPT_PERCPU, (__force unsigned long)&some_variable, 8,
		  num_possible_cpus() },
		{ ASI_DPT_TASK, (unsigned long)current,
		  THREAD_SIZE + arch_task_struct_size, 2 },
	};
	const struct asi_dpt_grant *grant;
	loff_t pos, from;

	KUNIT_EXPECT_NULL(test, asi_dpt_list_start(dpt, 0));
	asi_dpt_list_stop(dpt);

	KUNIT_ASSERT_EQ(test, 0, asi_dpt_map_module(dpt, mod));
	KUNIT_ASSERT_EQ(test, 0, asi_dpt_map(dpt, at, 1));
	KUNIT_ASSERT_EQ(test, 0, asi_dpt_map(dpt, at + 5, 17));
	KUNIT_ASSERT_EQ(test, 0, asi_dpt_map_percpu(dpt, &some_variable, 8));
	KUNIT_ASSERT_EQ(test, 0, asi_dpt_map_task(dpt, current));
	KUNIT_ASSERT_EQ(test, 0, asi_dpt_unmap(dpt, at, 1));

	for (from = 0; from <= ARRAY_SIZE(expected); from++) {
		pos = from;
		for (grant = asi_dpt_list_start(dpt, pos); grant;
		     grant = asi_dpt_list_next(dpt, grant, &pos)) {
			KUNIT_EXPECT_EQ(test, grant->kind, expected[pos].kind);
			KUNIT_EXPECT_EQ(test, grant->addr, expected[pos].addr);
			KUNIT_EXPECT_EQ(test, grant->len, expected[pos].len);
			KUNIT_EXPECT_EQ(test, grant->nr, expected[pos].nr);
		}
		asi_dpt_list_stop(dpt);
		KUNIT_EXPECT_EQ(test, pos, ARRAY_SIZE(expected));
	}
}

static struct kunit_case dpt_cases[] = {
	KUNIT_CASE_PARAM(over_pages_of_4k, span_gen_params),
	KUNIT_CASE_PARAM(over_pages_of_2m, span_gen_params),
	KUNIT_CASE_PARAM(over_pages_of_1g, span_gen_params),
	KUNIT_CASE_PARAM(over_the_direct_map, span_gen_params),
	KUNIT_CASE(across_two_tables),
	KUNIT_CASE(all_tables_are_its_own),
	KUNIT_CASE(percpu_variables),
	KUNIT_CASE(modules),
	KUNIT_CASE(modules_are_kept),
	KUNIT_CASE(tasks),
	KUNIT_CASE(overlapping_grants),
	KUNIT_CASE(granted_twice),
	KUNIT_CASE(never_global),
	KUNIT_CASE(destroy_frees_all_tables),
	KUNIT_CASE(list_of_grants),
	{}
};

static struct kunit_suite dpt_suite = {
	.name		= "asi_dpt",
	.init		= asi_test_init,
	.test_cases	= dpt_cases,
};
kunit_test_suite(dpt_suite);
