// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite asi_check: does the check of restricted page tables find what is
 * wrong?
 *
 * A check that never fails proves nothing.  Each test breaks a copy of the
 * restricted page table in one way, the copy being loaded nowhere.
 */
#include <kunit/test.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/mman.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/uaccess.h>

#include <asm/set_memory.h>

#include "common.h"

/**
 * struct scratch - a copy of a restricted page table
 * @asi:   The domain it is of.
 * @pgd:   Its top level; a copy, as are all tables on the way to @entry.
 * @block: A block of the direct map.
 * @entry: The entry for @block in the copy, of level 2.
 * @pte:   Entries of level 1 below it, a copy; NULL if it is a leaf.
 * @clean: What the check says before anything was broken.
 */
struct scratch {
	struct asi *asi;
	unsigned long *pgd;
	void *block;
	unsigned long *entry;
	unsigned long *pte;
	struct asi_check clean;
};

static void free_table(void *table)
{
	free_page((unsigned long)table);
}

static unsigned long *copy_table(struct kunit *test, const void *from)
{
	unsigned long *table = (unsigned long *)__get_free_page(GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, table);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, free_table, table));
	memcpy(table, from, PAGE_SIZE);
	return table;
}

/* Make *@entry, which leads to a table, lead to a copy of that. */
static unsigned long *copy_next(struct kunit *test, unsigned long *entry)
{
	unsigned long *table = copy_table(test, __va(*entry & PTE_PFN_MASK));

	*entry = (*entry & ~PTE_PFN_MASK) | __pa(table);
	return table;
}

static void check(struct scratch *s, struct asi_check *result)
{
	mmap_write_lock(s->asi->mm);
	asi_check_pgd(s->asi->mm, (pgd_t *)s->pgd, s->asi->mm->pgd, result);
	mmap_write_unlock(s->asi->mm);
}

/* Copy the restricted page table, with all that leads to @block. */
static void make_scratch(struct kunit *test, struct scratch *s, void *block)
{
	unsigned long addr = (unsigned long)block;
	unsigned long *table;
	int level;

	s->asi = asi_test_domain_with(test, ASI_FAULT_EXIT);
	s->block = block;
	s->pgd = copy_table(test, s->asi->pgd);

	table = s->pgd;
	for (level = pgtable_l5_enabled() ? 5 : 4; level > 2; level--) {
		int shift = PAGE_SHIFT + (level - 1) * 9;

		table = copy_next(test, &table[(addr >> shift) & 511]);
	}
	s->entry = &table[pmd_index(addr)];
	s->pte = *s->entry & _PAGE_PSE ? NULL : copy_next(test, s->entry);

	check(s, &s->clean);
	KUNIT_ASSERT_EQ(test, s->clean.broken, 0UL);
	KUNIT_ASSERT_EQ(test, s->clean.global, 0UL);
	KUNIT_ASSERT_GT(test, s->clean.leaves, 0UL);
}

/* Expect @broken violations, the first at @bad. */
static void expect_broken(struct kunit *test, struct scratch *s,
			  unsigned long broken, const void *bad)
{
	struct asi_check result;

	check(s, &result);
	KUNIT_EXPECT_EQ(test, result.broken, broken);
	if (broken)
		KUNIT_EXPECT_EQ(test, result.bad, (unsigned long)bad);
}

/* What becomes of the leaf of a block if some of its bits are flipped. */
static const struct flip_param {
	const char *name;
	unsigned long flip;
	unsigned long broken, holes, global;
} flip_params[] = {
	{ "nothing",		0,		0, 0, 0 },
	{ "another frame",	PMD_SIZE,	1, 0, 0 },
	{ "a far frame",	BIT(38),	1, 0, 0 },
	{ "user access",	_PAGE_USER,	1, 0, 0 },
	{ "execution",		_PAGE_NX,	1, 0, 0 },
	{ "uncached",		_PAGE_PCD,	1, 0, 0 },
	{ "write-through",	_PAGE_PWT,	1, 0, 0 },
	{ "read-only",		_PAGE_RW,	0, 0, 0 },
	{ "accessed",		_PAGE_ACCESSED,	0, 0, 0 },
	{ "dirty",		_PAGE_DIRTY,	0, 0, 0 },
	{ "global",		_PAGE_GLOBAL,	0, 0, 1 },
	{ "absent",		_PAGE_PRESENT,	0, 1, 0 },
};
KUNIT_ARRAY_PARAM_DESC(flip, flip_params, name);

/*
 * The result with the leaf flipped, and in s->clean that without.  Others map and unmap
 * meanwhile, with debug_pagealloc each page that they allocate: what counts is a time in
 * which they did not.
 */
static void check_flipped(struct kunit *test, struct scratch *s,
			  unsigned long *leaf, unsigned long flip,
			  struct asi_check *result)
{
	struct asi_check after;
	int tries = 50;

	do {
		check(s, &s->clean);
		*leaf ^= flip;
		check(s, result);
		*leaf ^= flip;
		check(s, &after);
	} while ((after.leaves != s->clean.leaves ||
		  after.holes != s->clean.holes) && --tries);
	KUNIT_ASSERT_GT(test, tries, 0);
}

static void expect_flipped(struct kunit *test, struct scratch *s,
			   unsigned long *leaf, const void *addr)
{
	const struct flip_param *param = test->param_value;
	struct asi_check result;

	/* What the table of flips takes for granted. */
	KUNIT_ASSERT_EQ(test,
			*leaf & (_PAGE_PRESENT | _PAGE_RW | _PAGE_NX |
				 _PAGE_USER | _PAGE_GLOBAL | _PAGE_PCD |
				 _PAGE_PWT),
			_PAGE_PRESENT | _PAGE_RW | _PAGE_NX);

	check_flipped(test, s, leaf, param->flip, &result);
	KUNIT_EXPECT_EQ(test, result.broken, param->broken);
	KUNIT_EXPECT_EQ(test, result.holes, s->clean.holes + param->holes);
	KUNIT_EXPECT_EQ(test, result.global, param->global);
	KUNIT_EXPECT_EQ(test, result.leaves, s->clean.leaves - param->holes);
	if (param->broken)
		KUNIT_EXPECT_EQ(test, result.bad, (unsigned long)addr);
}

static void flipped_block(struct kunit *test)
{
	struct scratch s;

	make_scratch(test, &s, asi_test_large_block(test));
	KUNIT_ASSERT_NULL(test, s.pte);
	expect_flipped(test, &s, s.entry, s.block);
}

static void flipped_page(struct kunit *test)
{
	u64 *block = asi_test_block(test);
	struct scratch s;

	KUNIT_ASSERT_EQ(test, 0, set_memory_4k((unsigned long)block, 1));
	make_scratch(test, &s, block);
	KUNIT_ASSERT_NOT_NULL(test, s.pte);
	expect_flipped(test, &s, &s.pte[7], (void *)block + 7 * PAGE_SIZE);
}

/* The bit of the memory type that is elsewhere in a larger leaf. */
static void memory_type_of_a_block(struct kunit *test)
{
	struct scratch s;

	make_scratch(test, &s, asi_test_large_block(test));
	KUNIT_ASSERT_NULL(test, s.pte);
	*s.entry ^= _PAGE_PAT_LARGE;
	expect_broken(test, &s, 1, s.block);
}

static void memory_type_of_a_page(struct kunit *test)
{
	u64 *block = asi_test_block(test);
	struct scratch s;

	KUNIT_ASSERT_EQ(test, 0, set_memory_4k((unsigned long)block, 1));
	make_scratch(test, &s, block);
	KUNIT_ASSERT_NOT_NULL(test, s.pte);
	s.pte[7] ^= _PAGE_PAT;
	expect_broken(test, &s, 1, (void *)block + 7 * PAGE_SIZE);
}

/* An entry above the leaves takes a right that the leaves give. */
static void rights_of_upper_levels(struct kunit *test)
{
	void *block = asi_test_large_block(test);
	unsigned long addr = (unsigned long)block;
	unsigned long *unrestricted, *table;
	struct asi_check result;
	struct scratch s;
	int level;

	make_scratch(test, &s, block);
	unrestricted = copy_table(test, s.asi->mm->pgd);
	table = unrestricted;
	for (level = asi_top_level(); level > 3; level--)
		table = copy_next(test, &table[asi_level_index(addr, level)]);
	table += asi_level_index(addr, 3);
	if (*table & _PAGE_PSE)
		kunit_skip(test, "the kernel maps 1 GiB by one entry");
	*table &= ~_PAGE_RW;

	mmap_write_lock(s.asi->mm);
	asi_check_pgd(s.asi->mm, (pgd_t *)s.pgd, (pgd_t *)unrestricted,
		      &result);
	mmap_write_unlock(s.asi->mm);
	KUNIT_EXPECT_GT(test, result.broken, 0UL);
	KUNIT_EXPECT_EQ(test, result.bad & PUD_MASK, addr & PUD_MASK);
}

/* Writable, while the kernel's own mapping is not. */
static void write_access_is_found(struct kunit *test)
{
	unsigned long block = (unsigned long)asi_test_block(test);
	struct scratch s;

	KUNIT_ASSERT_EQ(test, 0, set_memory_ro(block + 3 * PAGE_SIZE, 1));
	make_scratch(test, &s, (void *)block);
	KUNIT_EXPECT_NOT_NULL(test, s.pte);
	if (s.pte) {
		s.pte[3] |= _PAGE_RW;
		expect_broken(test, &s, 1, (void *)block + 3 * PAGE_SIZE);
	}
	KUNIT_EXPECT_EQ(test, 0, set_memory_rw(block + 3 * PAGE_SIZE, 1));
}

/* Present, while the kernel's own mapping is not. */
static void page_that_the_kernel_lacks_is_found(struct kunit *test)
{
	unsigned long block = (unsigned long)asi_test_block(test);
	unsigned long addr = block + 5 * PAGE_SIZE;
	struct scratch s;

	KUNIT_ASSERT_EQ(test, 0, set_memory_4k(addr, 1));
	make_scratch(test, &s, (void *)block);
	KUNIT_ASSERT_NOT_NULL(test, s.pte);

	set_direct_map_invalid_noflush(virt_to_page((void *)addr));
	expect_broken(test, &s, 1, (void *)addr);
	set_direct_map_default_noflush(virt_to_page((void *)addr));
	expect_broken(test, &s, 0, NULL);
}

/*
 * A leaf of 2 MiB where the kernel has 512 of 4 KiB: right today, but a change
 * of one of those would not reach it.
 */
static void leaf_above_the_kernels_is_found(struct kunit *test)
{
	u64 *block = asi_test_block(test);
	unsigned long big;
	struct scratch s;

	KUNIT_ASSERT_EQ(test, 0, set_memory_4k((unsigned long)block, 1));
	make_scratch(test, &s, block);
	KUNIT_ASSERT_NOT_NULL(test, s.pte);

	big = (s.pte[0] & ~_PAGE_PAT) | _PAGE_PSE;
	*s.entry = big;
	expect_broken(test, &s, 1, block);
}

static void every_violation_is_counted(struct kunit *test)
{
	u64 *block = asi_test_block(test);
	struct scratch s;

	KUNIT_ASSERT_EQ(test, 0, set_memory_4k((unsigned long)block, 1));
	make_scratch(test, &s, block);
	KUNIT_ASSERT_NOT_NULL(test, s.pte);

	s.pte[100] &= ~_PAGE_NX;
	s.pte[200] ^= PAGE_SIZE;
	s.pte[300] |= _PAGE_USER;
	expect_broken(test, &s, 3, (void *)block + 100 * PAGE_SIZE);
}

/* Outside of the direct map, a slot must be the kernel's or empty. */
static void foreign_kernel_slot_is_found(struct kunit *test)
{
	int slot = pgd_index(VMALLOC_START);
	struct asi_check result;
	struct scratch s;

	make_scratch(test, &s, asi_test_block(test));
	s.pgd[slot] ^= PAGE_SIZE;
	expect_broken(test, &s, 1, (void *)(VMALLOC_START & PGDIR_MASK));

	s.pgd[slot] = 0;
	check(&s, &result);
	KUNIT_EXPECT_EQ(test, result.broken, 0UL);
	KUNIT_EXPECT_EQ(test, result.holes, s.clean.holes + 1);
}

/* An entry that the mm has freed, a bug in following its top level. */
static void stale_user_slot_is_found(struct kunit *test)
{
	struct scratch s;
	int slot = 3;

	make_scratch(test, &s, asi_test_block(test));
	KUNIT_ASSERT_EQ(test, pgd_val(s.asi->mm->pgd[slot]), 0UL);
	s.pgd[slot] = __pa(s.block) | _PAGE_TABLE;
	expect_broken(test, &s, 1, (void *)(slot * PGDIR_SIZE));
}

/* Nor may one be missing: user mode would fault on it for ever. */
static void missing_user_slot_is_found(struct kunit *test)
{
	unsigned long addr;
	struct scratch s;

	make_scratch(test, &s, asi_test_block(test));
	addr = vm_mmap(NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	KUNIT_ASSERT_EQ(test, 0, put_user(1, (int __user *)addr));

	/* The copy was made before. */
	KUNIT_ASSERT_EQ(test, s.pgd[pgd_index(addr)], 0UL);
	expect_broken(test, &s, 1, (void *)(addr & PGDIR_MASK));
}

static void all_of_the_direct_map_may_be_absent(struct kunit *test)
{
	int i, slots = 0, present = 0;
	struct asi_check result;
	struct scratch s;

	make_scratch(test, &s, asi_test_block(test));
	for (i = 0; i < PTRS_PER_PGD; i++) {
		if (!asi_directmap_slot(i))
			continue;
		slots++;
		present += !!(pgd_val(s.asi->mm->pgd[i]) & _PAGE_PRESENT);
		s.pgd[i] = 0;
	}
	check(&s, &result);
	KUNIT_EXPECT_EQ(test, result.broken, 0UL);
	KUNIT_EXPECT_EQ(test, result.leaves, 0UL);
	KUNIT_EXPECT_EQ(test, result.holes, (unsigned long)present);
	KUNIT_EXPECT_GE(test, slots, present);
}

static struct kunit_case check_cases[] = {
	KUNIT_CASE_PARAM(flipped_block, flip_gen_params),
	KUNIT_CASE_PARAM(flipped_page, flip_gen_params),
	KUNIT_CASE(memory_type_of_a_block),
	KUNIT_CASE(memory_type_of_a_page),
	KUNIT_CASE(rights_of_upper_levels),
	KUNIT_CASE(write_access_is_found),
	KUNIT_CASE(page_that_the_kernel_lacks_is_found),
	KUNIT_CASE(leaf_above_the_kernels_is_found),
	KUNIT_CASE(every_violation_is_counted),
	KUNIT_CASE(foreign_kernel_slot_is_found),
	KUNIT_CASE(stale_user_slot_is_found),
	KUNIT_CASE(missing_user_slot_is_found),
	KUNIT_CASE(all_of_the_direct_map_may_be_absent),
	{}
};

static struct kunit_suite check_suite = {
	.name		= "asi_check",
	.init		= asi_test_init,
	.test_cases	= check_cases,
};
kunit_test_suite(check_suite);
