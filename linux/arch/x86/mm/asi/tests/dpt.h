/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Address space isolation: what the KUnit suites of decorated page tables share.
 *
 * What is made for a test is given back when it ends.  A page table that has a
 * module is to be made after it, as it goes first then.
 */
#ifndef _X86_MM_ASI_TESTS_DPT_H
#define _X86_MM_ASI_TESTS_DPT_H

#include "../dpt.h"
#include "common.h"

struct asi_dpt *dpt_test_new(struct kunit *test);
struct module *dpt_test_module(struct kunit *test);
void *dpt_test_source(struct kunit *test, int level);
void *dpt_test_small_source(struct kunit *test);

/**
 * struct dpt_census - what is in a page table
 * @pages:  Leaves of 4 KiB.
 * @wrong:  Leaves that are larger, global or the user's, and entries that are not
 *	    present but not empty.
 * @tables: Tables without the topmost.
 */
struct dpt_census {
	unsigned long pages, wrong, tables;
};

struct dpt_census dpt_census(struct asi_dpt *dpt);

/* Expect that it maps @n pages, and nothing else. */
#define EXPECT_PAGES(test, dpt, n)					\
do {									\
	struct dpt_census _census = dpt_census(dpt);			\
									\
	KUNIT_EXPECT_EQ(test, _census.pages, (unsigned long)(n));	\
	KUNIT_EXPECT_EQ(test, _census.wrong, 0UL);			\
} while (0)

/* Expect the frame and the rights of the kernel's own mapping of a page. */
#define EXPECT_SAME(test, dpt, addr)					\
	KUNIT_EXPECT_TRUE(test, dpt_same_as_kernel(dpt, addr))

bool dpt_same_as_kernel(struct asi_dpt *dpt, const void *addr);

/* In place of asi_table_alloc(): so many allocations still succeed. */
extern int dpt_allocations_left;
void *dpt_failing_table(void);

/* The entry that ends the walk to @addr. */
static inline unsigned long dpt_entry(struct asi_dpt *dpt, const void *addr)
{
	int level;

	return asi_walk(dpt->pgd, (unsigned long)addr, &level);
}

static inline bool dpt_has(struct asi_dpt *dpt, const void *addr)
{
	return entry_present(dpt_entry(dpt, addr));
}

#endif /* _X86_MM_ASI_TESTS_DPT_H */
