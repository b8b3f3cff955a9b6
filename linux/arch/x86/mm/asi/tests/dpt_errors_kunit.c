// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite asi_dpt_errors: what decorated page tables refuse, and what they do
 * without memory.
 */
#include <kunit/resource.h>
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/refcount.h>
#include <linux/set_memory.h>
#include <linux/sizes.h>
#include <linux/vmalloc.h>

#include "dpt.h"

KUNIT_DEFINE_ACTION_WRAPPER(free_area, free_vm_area, struct vm_struct *);

static DEFINE_PER_CPU(u64, some_variable);

/* The kernel's mapping gets other rights while a page is granted. */
static void rights_are_not_overwritten(struct kunit *test)
{
	void *at = dpt_test_small_source(test);
	struct asi_dpt *dpt = dpt_test_new(test);

	KUNIT_ASSERT_EQ(test, 0, asi_dpt_map(dpt, at + PAGE_SIZE, PAGE_SIZE));
	KUNIT_ASSERT_EQ(test, 0,
			set_memory_ro((unsigned long)at + PAGE_SIZE, 1));
	KUNIT_EXPECT_EQ(test, -EBUSY, asi_dpt_map(dpt, at, 3 * PAGE_SIZE));
	EXPECT_PAGES(test, dpt, 1);
	KUNIT_EXPECT_TRUE(test, dpt_entry(dpt, at + PAGE_SIZE) & _PAGE_RW);

	KUNIT_EXPECT_EQ(test, 0, asi_dpt_remap(dpt, at, 3 * PAGE_SIZE));
	EXPECT_PAGES(test, dpt, 1);
	KUNIT_EXPECT_FALSE(test, dpt_entry(dpt, at + PAGE_SIZE) & _PAGE_RW);
	KUNIT_EXPECT_EQ(test, 0, asi_dpt_map(dpt, at, 3 * PAGE_SIZE));
	EXPECT_PAGES(test, dpt, 3);
	KUNIT_EXPECT_EQ(test, 0,
			set_memory_rw((unsigned long)at + PAGE_SIZE, 1));
}

/* And it gets another frame, or goes. */
static void frames_are_not_overwritten(struct kunit *test)
{
	struct vm_struct *area = get_vm_area(PAGE_SIZE, VM_IOREMAP);
	phys_addr_t frames = __pa(asi_test_block(test));
	struct asi_dpt *dpt = dpt_test_new(test);
	unsigned long addr;

	KUNIT_ASSERT_NOT_NULL(test, area);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, free_area, area));
	addr = (unsigned long)area->addr;
	KUNIT_ASSERT_EQ(test, 0,
			vmap_page_range(addr, addr + PAGE_SIZE, frames,
					PAGE_KERNEL));
	KUNIT_ASSERT_EQ(test, 0, asi_dpt_map(dpt, area->addr, 1));

	vunmap_range(addr, addr + PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, -EFAULT, asi_dpt_map(dpt, area->addr, 1));
	KUNIT_EXPECT_TRUE(test, dpt_has(dpt, area->addr));
	KUNIT_ASSERT_EQ(test, 0,
			vmap_page_range(addr, addr + PAGE_SIZE,
					frames + PAGE_SIZE, PAGE_KERNEL));
	KUNIT_EXPECT_EQ(test, -EBUSY, asi_dpt_map(dpt, area->addr, 1));
	KUNIT_EXPECT_EQ(test, dpt_entry(dpt, area->addr) & PTE_PFN_MASK,
			frames);

	KUNIT_EXPECT_EQ(test, 0, asi_dpt_remap(dpt, area->addr, 1));
	EXPECT_SAME(test, dpt, area->addr);
	vunmap_range(addr, addr + PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, -EFAULT, asi_dpt_remap(dpt, area->addr, 1));
	KUNIT_EXPECT_EQ(test, dpt_entry(dpt, area->addr), 0UL);
	KUNIT_EXPECT_EQ(test, 0, asi_dpt_unmap(dpt, area->addr, 1));
}

static void bad_ranges(struct kunit *test)
{
	void *page = asi_test_block(test);
	struct asi_dpt *dpt = dpt_test_new(test);
	struct vm_struct *hole = get_vm_area(PAGE_SIZE, VM_IOREMAP);
	const struct {
		void *addr;
		size_t len;
		int err;
	} bad[] = {
		{ page, 0, -EINVAL },
		{ page, -PAGE_SIZE, -EINVAL },
		{ NULL, PAGE_SIZE, -EINVAL },
		{ (void *)PAGE_SIZE, PAGE_SIZE, -EINVAL },
		{ (void *)(TASK_SIZE_MAX - PAGE_SIZE), PAGE_SIZE, -EINVAL },
		{ (void *)(1UL << 63), PAGE_SIZE, -EINVAL },
		{ (void *)-PAGE_SIZE, 1, -EINVAL },
		{ page, SZ_1G + PAGE_SIZE, -E2BIG },
		{ hole->addr, 1, -EFAULT },
		{ hole->addr - 1, 2, -EFAULT },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		KUNIT_EXPECT_EQ_MSG(test, bad[i].err,
				    asi_dpt_map(dpt, bad[i].addr, bad[i].len),
				    "range %d", i);
		if (bad[i].err != -EFAULT)
			KUNIT_EXPECT_EQ_MSG(test, bad[i].err,
					    asi_dpt_remap(dpt, bad[i].addr,
							  bad[i].len),
					    "range %d", i);
	}
	EXPECT_PAGES(test, dpt, 0);
	free_vm_area(hole);
}

static pgd_t *failing_pgd(void)
{
	return NULL;
}

static struct asi_dpt_grant *failing_grant(enum asi_dpt_kind kind,
					   unsigned long addr, unsigned int max)
{
	return NULL;
}

/* Each table in turn, of a range that has some of its tables already. */
static void no_memory_for_tables(struct kunit *test)
{
	void *at = dpt_test_source(test, 3);
	struct asi_dpt *dpt = dpt_test_new(test);
	struct dpt_census before, after;
	int i, err = -ENOMEM;

	KUNIT_ASSERT_EQ(test, 0, asi_dpt_map(dpt, at, PAGE_SIZE));
	before = dpt_census(dpt);
	kunit_activate_static_stub(test, asi_table_alloc, dpt_failing_table);
	for (i = 0; err && i < 100; i++) {
		dpt_allocations_left = i;
		err = asi_dpt_map(dpt, at, 3 * PMD_SIZE);
		if (!err)
			break;
		after = dpt_census(dpt);
		KUNIT_EXPECT_EQ(test, err, -ENOMEM);
		KUNIT_EXPECT_MEMEQ(test, &before, &after, sizeof(before));
	}
	kunit_deactivate_static_stub(test, asi_table_alloc);
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_GE(test, i, 3);
	EXPECT_PAGES(test, dpt, 3 * PTRS_PER_PTE);
	KUNIT_EXPECT_EQ(test, dpt_census(dpt).tables, before.tables + 2);
}

static void no_memory_for_the_rest(struct kunit *test)
{
	struct module *mod = dpt_test_module(test);
	void *at = asi_test_block(test);
	struct asi_dpt *dpt = dpt_test_new(test);
	unsigned int users = refcount_read(&current->usage);

	kunit_activate_static_stub(test, asi_pgd_pages, failing_pgd);
	KUNIT_EXPECT_NULL(test, asi_dpt_create());
	kunit_deactivate_static_stub(test, asi_pgd_pages);

	kunit_activate_static_stub(test, asi_dpt_grant_alloc, failing_grant);
	KUNIT_EXPECT_EQ(test, -ENOMEM, asi_dpt_map(dpt, at, 1));
	KUNIT_EXPECT_EQ(test, -ENOMEM,
			asi_dpt_map_percpu(dpt, &some_variable, 1));
	KUNIT_EXPECT_EQ(test, -ENOMEM, asi_dpt_map_module(dpt, mod));
	KUNIT_EXPECT_EQ(test, -ENOMEM, asi_dpt_map_task(dpt, current));
	kunit_deactivate_static_stub(test, asi_dpt_grant_alloc);

	KUNIT_EXPECT_EQ(test, atomic_read(&mod->refcnt), 1);
	KUNIT_EXPECT_EQ(test, refcount_read(&current->usage), users);
	KUNIT_EXPECT_EQ(test, dpt_census(dpt).tables, 0UL);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(rights_are_not_overwritten),
	KUNIT_CASE(frames_are_not_overwritten),
	KUNIT_CASE(bad_ranges),
	KUNIT_CASE(no_memory_for_tables),
	KUNIT_CASE(no_memory_for_the_rest),
	{}
};

static struct kunit_suite suite = {
	.name		= "asi_dpt_errors",
	.init		= asi_test_init,
	.test_cases	= cases,
};
kunit_test_suite(suite);
