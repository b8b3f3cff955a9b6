// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite asi_grant: memory that one domain maps and the others do not.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/sched/mm.h>
#include <linux/smp.h>
#include <linux/workqueue.h>

#include <asm/sections.h>
#include <asm/set_memory.h>

#include "common.h"

#define NOISE	(_PAGE_ACCESSED | _PAGE_DIRTY)

/**
 * struct pair - two domains of one mm
 * @mine:   The one that gets grants.
 * @theirs: The one that does not.
 */
struct pair {
	struct asi *mine, *theirs;
};

static struct pair pair_of(struct kunit *test)
{
	struct pair p;

	p.mine = asi_test_domain_with(test, ASI_FAULT_EXIT);
	p.theirs = asi_test_domain(test, asi_test_class(test, "test2", NULL));
	return p;
}

static bool has(struct asi *asi, const void *addr)
{
	int level;

	return entry_present(asi_walk(asi->pgd, (unsigned long)addr, &level));
}

/* The domain maps @page, and nothing around it. */
static void expect_only(struct kunit *test, struct asi *asi, void *page)
{
	KUNIT_EXPECT_TRUE(test, has(asi, page));
	KUNIT_EXPECT_TRUE(test, has(asi, page + PAGE_SIZE - 1));
	KUNIT_EXPECT_FALSE(test, has(asi, page - 1));
	KUNIT_EXPECT_FALSE(test, has(asi, page + PAGE_SIZE));
}

/* Same frame, same rights, same memory type as the kernel's own mapping. */
static void expect_same(struct kunit *test, struct asi *asi, void *page)
{
	unsigned long addr = (unsigned long)page;
	unsigned long r, u;
	int rl, ul;

	r = asi_walk(asi->pgd, addr, &rl);
	u = asi_walk(asi->mm->pgd, addr, &ul);
	KUNIT_EXPECT_EQ(test, rl, 1);
	KUNIT_EXPECT_EQ(test, entry_phys(r, rl, addr), __pa(page));
	if (ul > 1)
		u = pgprot_val(pgprot_large_2_4k(__pgprot(u)));
	KUNIT_EXPECT_EQ(test, r & ~PTE_PFN_MASK & ~NOISE,
			u & ~PTE_PFN_MASK & ~NOISE);
}

static void expect_subset(struct kunit *test, struct asi *asi)
{
	struct asi_check result;

	asi_check_pgd(asi->mm, asi->pgd, asi->mm->pgd, &result);
	KUNIT_EXPECT_EQ(test, result.broken, 0);
	KUNIT_EXPECT_EQ(test, result.global, 0);
}

static void one_page_of_a_hidden_block(struct kunit *test)
{
	void *block = asi_test_hidden_block(test);
	struct pair p = pair_of(test);
	void *page = block + 7 * PAGE_SIZE;

	KUNIT_ASSERT_EQ(test, 0, asi_map(p.mine, page, PAGE_SIZE));
	expect_only(test, p.mine, page);
	expect_same(test, p.mine, page);
	expect_subset(test, p.mine);
	KUNIT_EXPECT_FALSE(test, has(p.theirs, page));
	KUNIT_EXPECT_FALSE(test, asi_directmap_present((unsigned long)page));

	asi_unmap(p.mine, page, PAGE_SIZE);
	KUNIT_EXPECT_FALSE(test, has(p.mine, page));
	expect_subset(test, p.mine);
}

static void first_and_last_page(struct kunit *test)
{
	void *block = asi_test_hidden_block(test);
	void *last = block + PMD_SIZE - PAGE_SIZE;
	struct pair p = pair_of(test);

	KUNIT_ASSERT_EQ(test, 0, asi_map(p.mine, block, PAGE_SIZE));
	KUNIT_ASSERT_EQ(test, 0, asi_map(p.mine, last, PAGE_SIZE));
	KUNIT_EXPECT_TRUE(test, has(p.mine, block));
	KUNIT_EXPECT_FALSE(test, has(p.mine, block + PAGE_SIZE));
	KUNIT_EXPECT_FALSE(test, has(p.mine, last - 1));
	KUNIT_EXPECT_TRUE(test, has(p.mine, last + PAGE_SIZE - 1));

	/* Any part of what was granted may go first. */
	asi_unmap(p.mine, last, PAGE_SIZE);
	KUNIT_EXPECT_FALSE(test, has(p.mine, last));
	KUNIT_EXPECT_TRUE(test, has(p.mine, block));
	asi_unmap(p.mine, block, PAGE_SIZE);
}

static void across_two_blocks(struct kunit *test)
{
	unsigned int order = PMD_SHIFT - PAGE_SHIFT + 1;
	void *area = (void *)__get_free_pages(GFP_KERNEL | __GFP_NOWARN, order);
	struct pair p = pair_of(test);
	void *start = area + PMD_SIZE - PAGE_SIZE;

	if (!area)
		kunit_skip(test, "no 4 MiB of memory in one piece");

	KUNIT_EXPECT_EQ(test, 0, asi_directmap_hide((unsigned long)area));
	KUNIT_EXPECT_EQ(test, 0,
			asi_directmap_hide((unsigned long)area + PMD_SIZE));
	KUNIT_EXPECT_EQ(test, 0, asi_map(p.mine, start, 2 * PAGE_SIZE));
	KUNIT_EXPECT_FALSE(test, has(p.mine, start - 1));
	KUNIT_EXPECT_TRUE(test, has(p.mine, start));
	KUNIT_EXPECT_TRUE(test, has(p.mine, start + PAGE_SIZE));
	KUNIT_EXPECT_FALSE(test, has(p.mine, start + 2 * PAGE_SIZE));
	expect_subset(test, p.mine);

	asi_unmap(p.mine, start, 2 * PAGE_SIZE);
	KUNIT_EXPECT_FALSE(test, has(p.mine, start));
	KUNIT_EXPECT_FALSE(test, has(p.mine, start + PAGE_SIZE));
	asi_directmap_show((unsigned long)area);
	asi_directmap_show((unsigned long)area + PMD_SIZE);
	free_pages((unsigned long)area, order);
}

/* What the shared tables do next to a grant reaches the domain that has it. */
static void other_blocks_stay_in_step(struct kunit *test)
{
	void *granted = asi_test_hidden_block(test);
	void *other = asi_test_block(test);
	struct pair p = pair_of(test);

	KUNIT_ASSERT_EQ(test, 0, asi_map(p.mine, granted, PAGE_SIZE));
	KUNIT_EXPECT_TRUE(test, has(p.mine, other));
	KUNIT_ASSERT_EQ(test, 0, asi_directmap_hide((unsigned long)other));
	KUNIT_EXPECT_FALSE(test, has(p.mine, other));
	asi_directmap_show((unsigned long)other);
	KUNIT_EXPECT_TRUE(test, has(p.mine, other));

	KUNIT_EXPECT_EQ(test, 0,
			set_memory_ro((unsigned long)other + PAGE_SIZE, 1));
	expect_same(test, p.mine, other + PAGE_SIZE);
	expect_subset(test, p.mine);
	KUNIT_EXPECT_EQ(test, 0,
			set_memory_rw((unsigned long)other + PAGE_SIZE, 1));
	asi_unmap(p.mine, granted, PAGE_SIZE);
}

/* A grant outlives that its block is shown, and precedes that it is hidden. */
static void show_and_hide_again(struct kunit *test)
{
	void *block = asi_test_block(test);
	struct pair p = pair_of(test);
	void *page = block + 5 * PAGE_SIZE;
	int i;

	KUNIT_ASSERT_EQ(test, 0, asi_map(p.mine, page, PAGE_SIZE));
	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_TRUE(test, has(p.mine, page));
		KUNIT_EXPECT_TRUE(test, has(p.mine, page + PAGE_SIZE));
		KUNIT_ASSERT_EQ(test, 0,
				asi_directmap_hide((unsigned long)block));
		expect_only(test, p.mine, page);
		KUNIT_EXPECT_FALSE(test, has(p.theirs, page));
		asi_directmap_show((unsigned long)block);
	}
	asi_unmap(p.mine, page, PAGE_SIZE);
	KUNIT_EXPECT_TRUE(test, has(p.mine, page));
	KUNIT_ASSERT_EQ(test, 0, asi_directmap_hide((unsigned long)block));
	KUNIT_EXPECT_FALSE(test, has(p.mine, page));
	asi_directmap_show((unsigned long)block);
}

/* The kernel maps the block by pages of 4 KiB, one of them read-only. */
static void small_pages_keep_their_rights(struct kunit *test)
{
	void *block = asi_test_block(test);
	struct pair p = pair_of(test);
	void *page = block + 3 * PAGE_SIZE;

	KUNIT_ASSERT_EQ(test, 0, set_memory_ro((unsigned long)page, 1));
	KUNIT_EXPECT_EQ(test, 0, asi_directmap_hide((unsigned long)block));
	KUNIT_EXPECT_EQ(test, 0, asi_map(p.mine, page, 2 * PAGE_SIZE));
	expect_same(test, p.mine, page);
	expect_same(test, p.mine, page + PAGE_SIZE);
	expect_subset(test, p.mine);
	asi_unmap(p.mine, page, 2 * PAGE_SIZE);
	asi_directmap_show((unsigned long)block);
	KUNIT_EXPECT_EQ(test, 0, set_memory_rw((unsigned long)page, 1));
}

/* Its own pages cost no exit, those next to them do; the data is right. */
static void access_without_exit(struct kunit *test)
{
	u64 *block = asi_test_hidden_block(test);
	struct pair p = pair_of(test);
	unsigned long word = 4 * PAGE_SIZE / sizeof(u64);
	struct asi_test_counts counts;
	struct asi *after, *next;
	u64 read, read_next;

	KUNIT_ASSERT_EQ(test, 0, asi_map(p.mine, block + word, PAGE_SIZE));
	asi_test_count_from(&counts, p.mine->index);
	preempt_disable();
	asi_enter(p.mine);
	asi_relax();
	read = READ_ONCE(block[word]);
	after = asi_get_current();
	read_next = READ_ONCE(block[word + PAGE_SIZE / sizeof(u64)]);
	next = asi_get_current();
	asi_exit();
	preempt_enable();

	KUNIT_EXPECT_EQ(test, read, block_word(word));
	KUNIT_EXPECT_PTR_EQ(test, after, p.mine);
	KUNIT_EXPECT_EQ(test, read_next,
			block_word(word + PAGE_SIZE / sizeof(u64)));
	KUNIT_EXPECT_NULL(test, next);
	EXPECT_COUNTED(test, &counts, ASI_CTR_FAULTS, 1);
	asi_unmap(p.mine, block + word, PAGE_SIZE);
}

static void granted_twice(struct kunit *test)
{
	void *block = asi_test_hidden_block(test);
	struct pair p = pair_of(test);
	void *page = block + 8 * PAGE_SIZE;

	KUNIT_ASSERT_EQ(test, 0, asi_map(p.mine, page, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, -EEXIST, asi_map(p.mine, page, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, -EEXIST,
			asi_map(p.mine, page - PAGE_SIZE, 2 * PAGE_SIZE));
	/* Nothing of what failed was granted, and nothing lost. */
	expect_only(test, p.mine, page);

	/* Another domain is another matter. */
	KUNIT_EXPECT_EQ(test, 0, asi_map(p.theirs, page, PAGE_SIZE));
	asi_unmap(p.mine, page, PAGE_SIZE);
	KUNIT_EXPECT_FALSE(test, has(p.mine, page));
	expect_only(test, p.theirs, page);
	asi_unmap(p.theirs, page, PAGE_SIZE);
}

static void bad_ranges(struct kunit *test)
{
	unsigned long page = (unsigned long)asi_test_block(test);
	struct asi *asi = asi_test_domain_with(test, ASI_FAULT_EXIT);
	const struct {
		unsigned long start;
		size_t len;
	} bad[] = {
		{ page, 0 },
		{ page, 1 },
		{ page + 1, PAGE_SIZE },
		{ page, PAGE_SIZE + 8 },
		{ page, -PAGE_SIZE },
		{ 0, PAGE_SIZE },
		{ PAGE_OFFSET - PAGE_SIZE, 2 * PAGE_SIZE },
		{ (unsigned long)__va(PFN_PHYS(max_pfn)), PAGE_SIZE },
		{ VMALLOC_START, PAGE_SIZE },
		{ (unsigned long)_text & PAGE_MASK, PAGE_SIZE },
		{ -PAGE_SIZE, PAGE_SIZE },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL,
				    asi_map(asi, (void *)bad[i].start,
					    bad[i].len), "range %d", i);
}

/* What asi_init() makes while ASI is off. */
static void no_domain(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 0, asi_map(NULL, (void *)PAGE_OFFSET, PAGE_SIZE));
	asi_unmap(NULL, (void *)PAGE_OFFSET, PAGE_SIZE);
}

/* All levels but the topmost, which is not freed by a page of its own. */
#define MAX_TABLES	4

/* Hold the pages of the tables on the way to @addr; how many there are. */
static int hold_tables(struct asi *asi, const void *addr, struct page **held)
{
	unsigned long *table = (unsigned long *)asi->pgd;
	int level, n = 0;

	for (level = asi_top_level(); level > 1; level--) {
		int i = asi_level_index((unsigned long)addr, level);

		table = __va(table[i] & PTE_PFN_MASK);
		held[n] = virt_to_page(table);
		get_page(held[n++]);
	}
	return n;
}

/* Let go of pages of which nobody else has one any more. */
static void expect_last_holder(struct kunit *test, struct page **held, int n)
{
	while (n--) {
		KUNIT_EXPECT_EQ_MSG(test, page_count(held[n]), 1, "table %d", n);
		put_page(held[n]);
	}
}

/* The domain dies with a grant.  Its tables go, and the shared ones do not. */
static void grants_die_with_their_domain(struct kunit *test)
{
	int class = asi_test_class(test, "test", NULL);
	void *block = asi_test_hidden_block(test);
	struct mm_struct *mm = asi_test_mm_alloc();
	struct page *held[MAX_TABLES];
	struct asi *asi;
	int err, n = 0;

	KUNIT_ASSERT_NOT_NULL(test, mm);
	kthread_use_mm(mm);
	err = asi_init(mm, class, &asi);
	if (!err) {
		err = asi_map(asi, block, PAGE_SIZE);
		if (!err)
			n = hold_tables(asi, block, held);
		asi_destroy(asi);
	}
	kthread_unuse_mm(mm);
	mmput(mm);
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_EQ(test, n, asi_top_level() - 1);

	asi_test_settle(test);
	expect_last_holder(test, held, n);
	asi = asi_test_domain(test, class);
	KUNIT_EXPECT_FALSE(test, has(asi, block));
	KUNIT_EXPECT_TRUE(test, has(asi, test));
	expect_subset(test, asi);
}

/**
 * struct reader - another CPU that has a granted page in its TLB
 * @work:   Runs there, and stays in the domain all the time.
 * @asi:    The domain.
 * @word:   In the page.
 * @inside: It has read it, and waits.
 * @gone:   The grant is gone now.
 * @before: The domain of the CPU after the first access.
 * @between: That right before the second.
 * @after:  That after it.
 */
struct reader {
	struct work_struct work;
	struct asi *asi;
	u64 *word;
	bool inside, gone;
	struct asi *before, *between, *after;
};

static void read_twice(struct work_struct *work)
{
	struct reader *r = container_of(work, struct reader, work);
	int i;

	kthread_use_mm(r->asi->mm);
	preempt_disable();
	asi_enter(r->asi);
	READ_ONCE(*r->word);
	r->before = asi_get_current();
	/* After the access.  Pairs with unmap_reaches_other_cpus(). */
	smp_store_release(&r->inside, true);
	/* Interrupts are on: flushing this CPU's TLB is one.  Pairs as above. */
	for (i = 0; i < USEC_PER_SEC && !smp_load_acquire(&r->gone); i++)
		udelay(1);
	asi_relax();
	r->between = asi_get_current();
	READ_ONCE(*r->word);
	r->after = asi_get_current();
	asi_exit();
	preempt_enable();
	kthread_unuse_mm(r->asi->mm);
}

static void unmap_reaches_other_cpus(struct kunit *test)
{
	struct reader r = {};
	int i;

	if (num_online_cpus() < 2)
		kunit_skip(test, "one CPU is online, two are needed");

	r.word = asi_test_hidden_block(test);
	r.asi = asi_test_domain_with(test, ASI_FAULT_EXIT);
	INIT_WORK_ONSTACK(&r.work, read_twice);
	KUNIT_ASSERT_EQ(test, 0, asi_map(r.asi, r.word, PAGE_SIZE));

	migrate_disable();
	schedule_work_on(cpumask_any_but(cpu_online_mask, smp_processor_id()),
			 &r.work);
	/* Pairs with read_twice(). */
	for (i = 0; i < 1000 && !smp_load_acquire(&r.inside); i++)
		usleep_range(1000, 2000);
	asi_unmap(r.asi, r.word, PAGE_SIZE);
	/* Only now.  Pairs with read_twice(). */
	smp_store_release(&r.gone, true);
	flush_work(&r.work);
	migrate_enable();
	destroy_work_on_stack(&r.work);

	KUNIT_EXPECT_TRUE(test, r.inside);
	KUNIT_EXPECT_PTR_EQ(test, r.before, r.asi);
	KUNIT_EXPECT_PTR_EQ(test, r.between, r.asi);
	KUNIT_EXPECT_NULL(test, r.after);
}

static struct kunit_case grant_cases[] = {
	KUNIT_CASE(one_page_of_a_hidden_block),
	KUNIT_CASE(first_and_last_page),
	KUNIT_CASE(across_two_blocks),
	KUNIT_CASE(other_blocks_stay_in_step),
	KUNIT_CASE(show_and_hide_again),
	KUNIT_CASE(small_pages_keep_their_rights),
	KUNIT_CASE(access_without_exit),
	KUNIT_CASE(granted_twice),
	KUNIT_CASE(bad_ranges),
	KUNIT_CASE(no_domain),
	KUNIT_CASE(grants_die_with_their_domain),
	KUNIT_CASE(unmap_reaches_other_cpus),
	{}
};

static struct kunit_suite grant_suite = {
	.name		= "asi_grant",
	.init		= asi_test_init,
	.test_cases	= grant_cases,
};
kunit_test_suite(grant_suite);
