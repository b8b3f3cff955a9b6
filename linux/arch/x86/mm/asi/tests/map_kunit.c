// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite asi_map: the map of an address space and of what a domain has of it.
 */
#include <kunit/test.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sensitive.h>
#include <linux/set_memory.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "../map.h"
#include "common.h"
#include "dpt.h"

static struct asi *domain(struct kunit *test)
{
	return asi_test_domain_with(test, ASI_FAULT_EXIT);
}

/* The run at @addr, which is in a region. */
static struct asi_map_run run_at(struct kunit *test, struct asi *asi,
				 const void *addr)
{
	struct asi_map_run run = {};

	KUNIT_ASSERT_EQ(test, 0, asi_map_find(asi->mm, asi->mm->pgd, asi->pgd,
					      (unsigned long)addr, &run));
	KUNIT_EXPECT_EQ(test, run.start, (unsigned long)addr);
	return run;
}

static bool alike(const struct asi_map_run *a, const struct asi_map_run *b)
{
	return a->region == b->region && a->level == b->level &&
	       a->unrestricted == b->unrestricted &&
	       a->restricted == b->restricted;
}

/* In order, without gaps in a region, and as long as they can be. */
static void runs_cover_the_regions(struct kunit *test)
{
	struct asi_map_run run, last = {};
	struct asi *asi = domain(test);
	int nr = 0, regions = 0;

	while (!asi_map_find(asi->mm, asi->mm->pgd, asi->pgd, last.end, &run)) {
		KUNIT_ASSERT_LT(test, run.start, run.end);
		KUNIT_EXPECT_EQ(test, (run.start | run.end) & ~PAGE_MASK, 0UL);
		KUNIT_EXPECT_FALSE(test, nr && alike(&run, &last));
		KUNIT_EXPECT_EQ(test, !run.level,
				!run.unrestricted && !run.restricted);
		if (run.region == last.region) {
			KUNIT_EXPECT_EQ(test, run.start, last.end);
		} else {
			KUNIT_EXPECT_GE(test, run.start, last.end);
			KUNIT_EXPECT_EQ(test, run.start, run.region->start);
			if (nr)
				KUNIT_EXPECT_EQ(test, last.end, last.region->end);
			regions++;
		}
		last = run;
		nr++;
	}
	KUNIT_ASSERT_GT(test, nr, 0);
	KUNIT_EXPECT_EQ(test, last.end, last.region->end);
	KUNIT_EXPECT_STREQ(test, last.region->name, "fixmap");
	kunit_info(test, "%d runs", nr);
	/* All but the window, which may be missing. */
	KUNIT_EXPECT_EQ(test, regions, sensitive_active() ? 11 : 10);
}

static bool present(pgd_t *pgd, unsigned long addr)
{
	int level;

	return entry_present(asi_walk(pgd, addr, &level));
}

/* Both bits are what another walk says, at both ends and in the middle. */
static void runs_agree_with_the_tables(struct kunit *test)
{
	unsigned long addr[3], mapped = 0, bad = 0;
	struct asi *asi = domain(test);
	struct asi_map_run run = {};
	int i;

	asi_test_hidden_block(test);
	while (!asi_map_find(asi->mm, asi->mm->pgd, asi->pgd, run.end, &run)) {
		/* These change all the time. */
		if (strcmp(run.region->name, "direct") &&
		    strcmp(run.region->name, "image") &&
		    strcmp(run.region->name, "user"))
			continue;
		addr[0] = run.start;
		addr[1] = run.start + (run.end - run.start) / 2;
		addr[2] = run.end - 1;
		for (i = 0; i < ARRAY_SIZE(addr); i++) {
			bad += present(asi->mm->pgd, addr[i]) != run.unrestricted;
			bad += present(asi->pgd, addr[i]) != run.restricted;
			mapped += run.unrestricted;
		}
	}
	KUNIT_EXPECT_EQ(test, bad, 0UL);
	KUNIT_EXPECT_GT(test, mapped, 0UL);
}

static void hidden_block_is_a_run(struct kunit *test)
{
	struct asi *asi = domain(test);
	u64 *block = asi_test_large_block(test);
	unsigned long addr = (unsigned long)block;
	struct asi_map_run run;

	run = run_at(test, asi, block);
	KUNIT_EXPECT_TRUE(test, run.unrestricted && run.restricted);
	KUNIT_EXPECT_GE(test, run.level, 2);
	KUNIT_EXPECT_STREQ(test, run.region->name, "direct");

	asi_test_hide(test, block);
	run = run_at(test, asi, block);
	KUNIT_EXPECT_TRUE(test, run.unrestricted && !run.restricted);
	KUNIT_EXPECT_GE(test, run.level, 2);
	KUNIT_EXPECT_GE(test, run.end, addr + PMD_SIZE);

	/* The other way round it would be a domain that has too much. */
	KUNIT_ASSERT_EQ(test, 0, asi_map_find(asi->mm, asi->pgd, asi->mm->pgd,
					      addr, &run));
	KUNIT_EXPECT_TRUE(test, !run.unrestricted && run.restricted);
	KUNIT_EXPECT_GE(test, run.level, 2);
}

static void user_pages_are_runs(struct kunit *test)
{
	struct asi *asi = domain(test);
	unsigned long addr = vm_mmap(NULL, 0, 4 * PAGE_SIZE,
				     PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, 0);
	struct asi_map_run run;

	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	KUNIT_ASSERT_EQ(test, 0, put_user(1, (int __user *)addr));
	KUNIT_ASSERT_EQ(test, 0, put_user(1, (int __user *)(addr + PAGE_SIZE)));

	run = run_at(test, asi, (void *)addr);
	KUNIT_EXPECT_STREQ(test, run.region->name, "user");
	KUNIT_EXPECT_TRUE(test, run.unrestricted && run.restricted);
	KUNIT_EXPECT_EQ(test, run.level, 1);
	KUNIT_EXPECT_EQ(test, run.end, addr + 2 * PAGE_SIZE);

	run = run_at(test, asi, (void *)run.end);
	KUNIT_EXPECT_EQ(test, run.level, 0);
	KUNIT_EXPECT_GE(test, run.end, addr + 4 * PAGE_SIZE);
}

KUNIT_DEFINE_ACTION_WRAPPER(free_area, vfree, const void *);

static void vmalloc_is_told_from_the_window(struct kunit *test)
{
	struct asi *asi = domain(test);
	void *ordinary, *user;
	struct asi_map_run run;

	ordinary = vmalloc(PAGE_SIZE);
	KUNIT_ASSERT_NOT_NULL(test, ordinary);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, free_area, ordinary));
	user = vmalloc_user(PAGE_SIZE);
	KUNIT_ASSERT_NOT_NULL(test, user);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, free_area, user));

	run = run_at(test, asi, ordinary);
	KUNIT_EXPECT_TRUE(test, run.unrestricted && run.restricted);
	KUNIT_EXPECT_STREQ(test, run.region->name, "vmalloc");

	run = run_at(test, asi, user);
	KUNIT_EXPECT_TRUE(test, run.unrestricted);
	KUNIT_EXPECT_EQ(test, run.restricted, !sensitive_active());
	KUNIT_EXPECT_STREQ(test, run.region->name,
			   sensitive_active() ? "window" : "vmalloc");
}

static void nothing_follows_the_last(struct kunit *test)
{
	struct asi *asi = domain(test);
	struct asi_map_run run;

	KUNIT_EXPECT_EQ(test, -ENOENT,
			asi_map_find(asi->mm, asi->mm->pgd, asi->pgd,
				     ~0UL & PAGE_MASK, &run));
}

/* A topmost table, in memory that is itself mapped for writing. */
static pgd_t map_scratch[PTRS_PER_PGD] __aligned(PAGE_SIZE);

/* The exact run of an address in a region. */
static struct asi_map_run exact_at(struct kunit *test, struct asi *asi,
				   const void *addr)
{
	struct asi_map_run run = {};

	KUNIT_ASSERT_EQ(test, 0,
			asi_map_find_exact(asi->mm, asi->mm->pgd, asi->pgd,
					   (unsigned long)addr, &run));
	return run;
}

/* Neighbours with other rights are one run, but not an exact one. */
static void exact_runs_have_the_same_rights(struct kunit *test)
{
	void *area = dpt_test_small_source(test);
	struct asi *asi = domain(test);
	struct asi_map_run run, exact;

	KUNIT_ASSERT_EQ(test, 0, set_memory_ro((unsigned long)area, 1));
	run = run_at(test, asi, area);
	exact = exact_at(test, asi, area);
	KUNIT_EXPECT_GT(test, run.end, (unsigned long)area + PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, exact.end, (unsigned long)area + PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, exact.u.rights & _PAGE_RW, 0UL);
	KUNIT_EXPECT_NE(test, exact.u.rights & _PAGE_NX, 0UL);
	KUNIT_EXPECT_EQ(test, exact.r.rights & _PAGE_RW, 0UL);
	KUNIT_EXPECT_FALSE(test, exact.differ);

	exact = exact_at(test, asi, area + PAGE_SIZE);
	KUNIT_EXPECT_NE(test, exact.u.rights & _PAGE_RW, 0UL);
	KUNIT_EXPECT_EQ(test, exact.u.level, 1);
	KUNIT_EXPECT_EQ(test, exact.r.level, 1);
	KUNIT_ASSERT_EQ(test, 0, set_memory_rw((unsigned long)area, 1));
}

/* A grant that has not followed the kernel. */
static void other_rights_differ(struct kunit *test)
{
	struct asi_hooks ops = { .page_table = ASI_PGTABLE_DECORATED };
	void *area = dpt_test_small_source(test);
	struct asi *asi;

	asi = asi_test_domain(test, asi_test_class(test, "test", &ops));
	KUNIT_ASSERT_EQ(test, 0, asi_map(asi, area, PAGE_SIZE));
	KUNIT_EXPECT_FALSE(test, exact_at(test, asi, area).differ);
	KUNIT_ASSERT_EQ(test, 0, set_memory_ro((unsigned long)area, 1));
	KUNIT_EXPECT_TRUE(test, exact_at(test, asi, area).differ);
	KUNIT_EXPECT_FALSE(test, exact_at(test, asi, area + PAGE_SIZE).restricted);
	KUNIT_ASSERT_EQ(test, 0, set_memory_rw((unsigned long)area, 1));
	KUNIT_EXPECT_FALSE(test, exact_at(test, asi, area).differ);
	asi_unmap(asi, area, PAGE_SIZE);
}

/* A right that only the topmost entry takes, above tables that are shared. */
static void rights_of_upper_entries_differ(struct kunit *test)
{
	unsigned long addr = (unsigned long)&map_scratch;
	struct asi *asi = domain(test);
	struct asi_map_run run = {};
	pgd_t *entry;

	memcpy(map_scratch, asi->pgd, PAGE_SIZE);
	KUNIT_EXPECT_FALSE(test, exact_at(test, asi, (void *)addr).differ);
	entry = &map_scratch[pgd_index(addr)];
	*entry = __pgd(pgd_val(*entry) & ~_PAGE_RW);
	KUNIT_ASSERT_EQ(test, 0,
			asi_map_find_exact(asi->mm, asi->mm->pgd, map_scratch,
					   addr, &run));
	KUNIT_EXPECT_TRUE(test, run.differ);
	KUNIT_EXPECT_NE(test, run.u.rights & _PAGE_RW, 0UL);
	KUNIT_EXPECT_EQ(test, run.r.rights & _PAGE_RW, 0UL);
}

static struct kunit_case map_cases[] = {
	KUNIT_CASE(runs_cover_the_regions),
	KUNIT_CASE(runs_agree_with_the_tables),
	KUNIT_CASE(hidden_block_is_a_run),
	KUNIT_CASE(user_pages_are_runs),
	KUNIT_CASE(vmalloc_is_told_from_the_window),
	KUNIT_CASE(nothing_follows_the_last),
	KUNIT_CASE(exact_runs_have_the_same_rights),
	KUNIT_CASE(other_rights_differ),
	KUNIT_CASE(rights_of_upper_entries_differ),
	{}
};

static struct kunit_suite map_suite = {
	.name		= "asi_map",
	.init		= asi_test_init,
	.test_cases	= map_cases,
};
kunit_test_suite(map_suite);
