// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite asi_directmap: blocks that are hidden and shown, and changes of
 * the kernel's own mapping.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/sched/mm.h>
#include <linux/smp.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

#include <asm/sections.h>
#include <asm/set_memory.h>

#include "common.h"

#define NOISE	(_PAGE_ACCESSED | _PAGE_DIRTY)

/* The entries of both page tables for one address. */
struct view {
	unsigned long r, u;
	int r_level, u_level;
};

static struct view view_of(struct asi *asi, const void *addr)
{
	struct view v;

	v.r = asi_walk(asi->pgd, (unsigned long)addr, &v.r_level);
	v.u = asi_walk(asi->mm->pgd, (unsigned long)addr, &v.u_level);
	return v;
}

static void expect_hidden(struct kunit *test, struct asi *asi, const void *addr)
{
	struct view v = view_of(asi, addr);

	KUNIT_EXPECT_FALSE(test, entry_present(v.r));
	KUNIT_EXPECT_FALSE(test, asi_directmap_present((unsigned long)addr));
	KUNIT_EXPECT_TRUE(test, entry_present(v.u));
	/* Names no frame, in no bit that could be one of an address. */
	KUNIT_EXPECT_EQ(test, v.r & GENMASK_ULL(51, PAGE_SHIFT), 0ULL);
	KUNIT_EXPECT_EQ(test, v.r_level, 2);
}

static void expect_mirrored(struct kunit *test, struct asi *asi,
			    const void *addr)
{
	struct view v = view_of(asi, addr);

	KUNIT_EXPECT_EQ(test, entry_present(v.r), entry_present(v.u));
	KUNIT_EXPECT_EQ(test, asi_directmap_present((unsigned long)addr),
			entry_present(v.u));
	if (!entry_present(v.u))
		return;
	KUNIT_EXPECT_EQ(test, v.r & ~PTE_PFN_MASK & ~NOISE,
			v.u & ~PTE_PFN_MASK & ~NOISE);
	KUNIT_EXPECT_EQ(test, entry_phys(v.r, v.r_level, (unsigned long)addr),
			__pa(addr));
}

static struct asi *domain(struct kunit *test)
{
	return asi_test_domain_with(test, ASI_FAULT_EXIT);
}

static void hide_and_show(struct kunit *test)
{
	u64 *block = asi_test_block(test);
	struct asi *asi = domain(test);
	int i;

	expect_mirrored(test, asi, block);
	for (i = 0; i < 3; i++) {
		KUNIT_ASSERT_EQ(test, 0,
				asi_directmap_hide((unsigned long)block));
		expect_hidden(test, asi, block);
		expect_hidden(test, asi, (void *)block + PMD_SIZE / 2);
		expect_hidden(test, asi, (void *)block + PMD_SIZE - 1);

		asi_directmap_show((unsigned long)block);
		expect_mirrored(test, asi, block);
		expect_mirrored(test, asi, (void *)block + PMD_SIZE - 1);
	}
	KUNIT_EXPECT_EQ(test, block[0], block_word(0));
}

static void neighbours_stay(struct kunit *test)
{
	unsigned int order = PMD_SHIFT - PAGE_SHIFT + 1;
	unsigned long area = __get_free_pages(GFP_KERNEL | __GFP_NOWARN, order);
	struct asi *asi = domain(test);

	if (!area)
		kunit_skip(test, "no 4 MiB of memory in one piece");

	KUNIT_EXPECT_EQ(test, 0, asi_directmap_hide(area + PMD_SIZE));
	expect_mirrored(test, asi, (void *)area);
	expect_mirrored(test, asi, (void *)area + PMD_SIZE - 1);
	expect_hidden(test, asi, (void *)area + PMD_SIZE);
	asi_directmap_show(area + PMD_SIZE);

	KUNIT_EXPECT_EQ(test, 0, asi_directmap_hide(area));
	expect_hidden(test, asi, (void *)area + PMD_SIZE - 1);
	expect_mirrored(test, asi, (void *)area + PMD_SIZE);
	expect_mirrored(test, asi, (void *)area + 2 * PMD_SIZE - 1);
	asi_directmap_show(area);
	free_pages(area, order);
}

/* There is one restricted direct map, so it is hidden from all at once. */
static void hidden_from_every_domain(struct kunit *test)
{
	struct asi *asi = domain(test);
	struct asi *other =
		asi_test_domain(test, asi_test_class(test, "test2", NULL));
	struct asi *user = &asi->mm->context.asi.domain[ASI_CLASS_USER];
	u64 *block = asi_test_hidden_block(test);

	expect_hidden(test, asi, block);
	expect_hidden(test, other, block);
	if (user->pgd)
		expect_hidden(test, user, block);
}

/* A domain that is made afterwards. */
static void hidden_from_later_domains(struct kunit *test)
{
	u64 *block = asi_test_hidden_block(test);

	expect_hidden(test, domain(test), block);
}

static void hidden_twice_is_busy(struct kunit *test)
{
	u64 *block = asi_test_hidden_block(test);

	KUNIT_EXPECT_EQ(test, asi_directmap_hide((unsigned long)block), -EBUSY);
	expect_hidden(test, domain(test), block);
}

static void misaligned_is_invalid(struct kunit *test)
{
	unsigned long block = (unsigned long)asi_test_block(test);

	KUNIT_EXPECT_EQ(test, asi_directmap_hide(block + 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, asi_directmap_hide(block + PAGE_SIZE), -EINVAL);
	KUNIT_EXPECT_EQ(test, asi_directmap_hide(block + PMD_SIZE / 2),
			-EINVAL);
	expect_mirrored(test, domain(test), (void *)block);
}

static void other_addresses_are_invalid(struct kunit *test)
{
	unsigned long after = ALIGN(PFN_PHYS(max_pfn), PMD_SIZE);
	unsigned long addrs[] = {
		0,
		PMD_SIZE,
		TASK_SIZE_MAX & PMD_MASK,
		PAGE_OFFSET - PMD_SIZE,
		(unsigned long)__va(after),
		VMALLOC_START & PMD_MASK,
		VMEMMAP_START & PMD_MASK,
		(unsigned long)_text & PMD_MASK,
		-PMD_SIZE,
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(addrs); i++)
		KUNIT_EXPECT_EQ_MSG(test, asi_directmap_hide(addrs[i]), -EINVAL,
				    "address 0x%lx", addrs[i]);
}

/* What secretmem and BPF do, for each page. */
static int direct_map_invalid(unsigned long addr, int numpages)
{
	int i, err = 0;

	for (i = 0; !err && i < numpages; i++)
		err = set_direct_map_invalid_noflush(virt_to_page(addr + i * PAGE_SIZE));
	return err;
}

static int direct_map_default(unsigned long addr, int numpages)
{
	int i, err = 0;

	for (i = 0; !err && i < numpages; i++)
		err = set_direct_map_default_noflush(virt_to_page(addr + i * PAGE_SIZE));
	return err;
}

/* The kernel changes the attributes of one page of a block, and back. */
static const struct change_param {
	const char *name;
	int (*change)(unsigned long addr, int numpages);
	int (*undo)(unsigned long addr, int numpages);
} change_params[] = {
	{ "read-only",	set_memory_ro,	set_memory_rw },
	{ "uncached",	set_memory_uc,	set_memory_wb },
	{ "absent",	set_memory_np,	set_memory_p },
	{ "split",	set_memory_4k,	NULL },
	{ "invalid",	direct_map_invalid, direct_map_default },
};
KUNIT_ARRAY_PARAM_DESC(change, change_params, name);

static int change(const struct change_param *param, void *addr, int numpages)
{
	return param->change((unsigned long)addr, numpages);
}

static int undo(const struct change_param *param, void *addr, int numpages)
{
	return param->undo ? param->undo((unsigned long)addr, numpages) : 0;
}

static void change_of_a_page_is_mirrored(struct kunit *test)
{
	const struct change_param *param = test->param_value;
	void *block = asi_test_block(test);
	struct asi *asi = domain(test);
	void *page = block + 9 * PAGE_SIZE;

	KUNIT_EXPECT_EQ(test, 0, change(param, page, 1));
	KUNIT_EXPECT_EQ(test, view_of(asi, page).u_level, 1);
	expect_mirrored(test, asi, page);
	expect_mirrored(test, asi, page - PAGE_SIZE);
	expect_mirrored(test, asi, page + PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, 0, undo(param, page, 1));
	expect_mirrored(test, asi, page);
}

/* A change of all of it may keep the large mapping. */
static void change_of_a_block_is_mirrored(struct kunit *test)
{
	const struct change_param *param = test->param_value;
	void *block = asi_test_block(test);
	struct asi *asi = domain(test);

	KUNIT_EXPECT_EQ(test, 0, change(param, block, PTRS_PER_PTE));
	expect_mirrored(test, asi, block);
	expect_mirrored(test, asi, block + PMD_SIZE - PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, 0, undo(param, block, PTRS_PER_PTE));
	expect_mirrored(test, asi, block);
	expect_mirrored(test, asi, block + PMD_SIZE - PAGE_SIZE);
}

/*
 * A hidden block stays hidden; shown, it is what the kernel made of it.  Its large
 * mapping is what has to be split, or else there is nothing to mirror.
 */
static void change_does_not_show_a_hidden_block(struct kunit *test)
{
	const struct change_param *param = test->param_value;
	void *block = asi_test_large_block(test);
	struct asi *asi = domain(test);
	void *page = block + 9 * PAGE_SIZE;

	KUNIT_ASSERT_EQ(test, 0, asi_directmap_hide((unsigned long)block));
	KUNIT_EXPECT_EQ(test, 0, change(param, page, 1));
	expect_hidden(test, asi, block);
	asi_directmap_show((unsigned long)block);
	expect_mirrored(test, asi, page);

	KUNIT_ASSERT_EQ(test, 0, asi_directmap_hide((unsigned long)block));
	KUNIT_EXPECT_EQ(test, 0, undo(param, page, 1));
	expect_hidden(test, asi, block);
	expect_hidden(test, asi, page);
	asi_directmap_show((unsigned long)block);
	expect_mirrored(test, asi, page);
	expect_mirrored(test, asi, block);
}

/* What memory failure does: it hides the address by flipping its bit 63. */
static void poisoned_page_is_mirrored(struct kunit *test)
{
	void *block = asi_test_large_block(test);
	struct asi *asi = domain(test);
	void *page = block + 13 * PAGE_SIZE;

	KUNIT_EXPECT_EQ(test, 0,
			set_memory_np((unsigned long)page ^ BIT(63), 1));
	KUNIT_EXPECT_FALSE(test, entry_present(view_of(asi, page).r));
	expect_mirrored(test, asi, page);
	expect_mirrored(test, asi, page + PAGE_SIZE);

	KUNIT_EXPECT_EQ(test, 0, set_memory_p((unsigned long)page, 1));
	expect_mirrored(test, asi, page);
}

/* Absent to both, and there again. */
static void direct_map_of_a_page_is_mirrored(struct kunit *test)
{
	void *block = asi_test_block(test);
	struct asi *asi = domain(test);
	void *addr = block + 11 * PAGE_SIZE;

	KUNIT_EXPECT_EQ(test, 0,
			set_direct_map_invalid_noflush(virt_to_page(addr)));
	KUNIT_EXPECT_FALSE(test, entry_present(view_of(asi, addr).r));
	expect_mirrored(test, asi, addr);
	expect_mirrored(test, asi, addr + PAGE_SIZE);

	KUNIT_EXPECT_EQ(test, 0,
			set_direct_map_default_noflush(virt_to_page(addr)));
	KUNIT_EXPECT_TRUE(test, entry_present(view_of(asi, addr).r));
	expect_mirrored(test, asi, addr);
}

/* What memory hotplug calls: before memory is unmapped, and after it is mapped. */
static void memory_goes_and_comes(struct kunit *test)
{
	unsigned long start = (unsigned long)asi_test_block(test);
	unsigned long end = start + PMD_SIZE;
	u64 *block = (u64 *)start;
	struct asi *asi = domain(test);
	struct view v;

	asi_directmap_remove(start, end);
	/* The kernel's own entry is there still, and may change. */
	spin_lock(&pgd_lock);
	asi_directmap_sync(start);
	spin_unlock(&pgd_lock);
	v = view_of(asi, block);
	KUNIT_EXPECT_FALSE(test, entry_present(v.r));
	KUNIT_EXPECT_EQ(test, v.r & PTE_PFN_MASK, 0UL);
	KUNIT_EXPECT_TRUE(test, entry_present(v.u));

	KUNIT_EXPECT_EQ(test, 0, asi_directmap_prepare(start, end));
	KUNIT_EXPECT_FALSE(test, entry_present(view_of(asi, block).r));
	asi_directmap_add(start, end);
	expect_mirrored(test, asi, block);
	expect_mirrored(test, asi, (void *)end - 1);
	KUNIT_EXPECT_EQ(test, block[0], block_word(0));
}

/* Memory of a device is prepared and never added: it stays hidden. */
static void memory_of_a_device_is_hidden(struct kunit *test)
{
	u64 *block = asi_test_large_block(test);
	unsigned long start = (unsigned long)block;
	struct asi *asi = domain(test);

	asi_directmap_remove(start, start + PMD_SIZE);
	KUNIT_EXPECT_EQ(test, 0, asi_directmap_prepare(start, start + PMD_SIZE));
	expect_hidden(test, asi, block);

	/* Whatever its attributes become. */
	KUNIT_EXPECT_EQ(test, 0, set_memory_ro(start, 1));
	expect_hidden(test, asi, block);
	KUNIT_EXPECT_EQ(test, 0, set_memory_rw(start, 1));
	expect_hidden(test, asi, block);

	asi_directmap_add(start, start + PMD_SIZE);
	expect_mirrored(test, asi, block);
}

/* The entry of level 2 for @addr, of which the tables exist. */
static pmd_t *restricted_block(unsigned long addr)
{
	pgd_t *pgd = asi_directmap_pgd() + pgd_index(addr);
	pud_t *pud = pud_offset(p4d_offset(pgd, addr), addr);

	return pmd_offset(pud, addr);
}

/*
 * One entry of the kernel for 1 GiB is for all of its blocks, when it becomes
 * absent too.  Where there is no memory it is, and what the restricted direct
 * map has there is left behind by it, for the test.
 */
static void absent_gigabyte_is_absent(struct kunit *test)
{
	unsigned long start = (unsigned long)__va(PFN_PHYS(max_pfn));
	void *block = asi_test_large_block(test);
	struct asi *asi = domain(test);
	pmd_t leaf, *first, *last;

	start = ALIGN(start, PUD_SIZE) + PUD_SIZE;
	if (asi_directmap_prepare(start, start + PUD_SIZE))
		kunit_skip(test, "no room beyond the last memory");
	KUNIT_ASSERT_FALSE(test, entry_present(view_of(asi, (void *)start).u));

	leaf = __pmd(view_of(asi, block).r);
	first = restricted_block(start);
	last = restricted_block(start + PUD_SIZE - PMD_SIZE);
	KUNIT_ASSERT_TRUE(test, asi_block_hidden(*first) && asi_block_hidden(*last));
	spin_lock(&pgd_lock);
	*first = leaf;
	*last = leaf;
	asi_directmap_sync(start);
	spin_unlock(&pgd_lock);

	KUNIT_EXPECT_TRUE(test, pmd_none(*first));
	KUNIT_EXPECT_TRUE(test, pmd_none(*last));
	asi_directmap_remove(start, start + PUD_SIZE);
}

static void impossible_memory_is_refused(struct kunit *test)
{
	unsigned long end = (unsigned long)__va(PHYSMEM_END) + 1;

	KUNIT_EXPECT_EQ(test, -EINVAL,
			asi_directmap_prepare(VMALLOC_START,
					      VMALLOC_START + PMD_SIZE));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			asi_directmap_prepare(ALIGN(end, PGDIR_SIZE),
					      ALIGN(end, PGDIR_SIZE) + PMD_SIZE));
	KUNIT_EXPECT_EQ(test, -EINVAL, asi_directmap_prepare(0, PMD_SIZE));
}

/**
 * struct looker - another CPU, tense, that reads a block before and after
 * @work:   Runs there.
 * @mm:     Of the domain.
 * @asi:    The domain.
 * @block:  What it reads.
 * @inside: It has read the block, and waits.
 * @hidden: The block is hidden now.
 * @before: The domain of the CPU after the first access.
 * @between: That right before the second access.
 * @after:  That after it.
 * @word:   What the second access read.
 */
struct looker {
	struct work_struct work;
	struct mm_struct *mm;
	struct asi *asi;
	u64 *block;
	bool inside, hidden;
	struct asi *before, *between, *after;
	u64 word;
};

static void look(struct work_struct *work)
{
	struct looker *l = container_of(work, struct looker, work);
	int i;

	kthread_use_mm(l->mm);
	preempt_disable();
	asi_enter(l->asi);
	l->word = READ_ONCE(*l->block);
	l->before = asi_get_current();
	/* After the access.  Pairs with hide_reaches_other_cpus(). */
	smp_store_release(&l->inside, true);
	/*
	 * Interrupts are on: flushing this CPU's TLB interrupts it.  Pairs with
	 * hide_reaches_other_cpus().
	 */
	for (i = 0; i < USEC_PER_SEC && !smp_load_acquire(&l->hidden); i++)
		udelay(1);
	asi_relax();
	l->between = asi_get_current();
	l->word = READ_ONCE(*l->block);
	l->after = asi_get_current();
	asi_exit();
	preempt_enable();
	kthread_unuse_mm(l->mm);
}

/*
 * hide() reaches CPUs that are inside, and have the translation cached.  They
 * are back in the domain before their tense task goes on.
 */
static void hide_reaches_other_cpus(struct kunit *test)
{
	struct looker l = {};
	int i, other, err;

	if (num_online_cpus() < 2)
		kunit_skip(test, "one CPU is online, two are needed");

	l.block = asi_test_block(test);
	l.asi = domain(test);
	l.mm = l.asi->mm;
	INIT_WORK_ONSTACK(&l.work, look);

	migrate_disable();
	other = cpumask_any_but(cpu_online_mask, smp_processor_id());
	schedule_work_on(other, &l.work);
	/* Pairs with look(). */
	for (i = 0; i < 1000 && !smp_load_acquire(&l.inside); i++)
		usleep_range(1000, 2000);
	err = asi_directmap_hide((unsigned long)l.block);
	/* Only now.  Pairs with look(). */
	smp_store_release(&l.hidden, true);
	flush_work(&l.work);
	migrate_enable();
	destroy_work_on_stack(&l.work);
	if (!err)
		asi_directmap_show((unsigned long)l.block);

	KUNIT_EXPECT_TRUE(test, l.inside);
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_PTR_EQ(test, l.before, l.asi);
	KUNIT_EXPECT_PTR_EQ(test, l.between, l.asi);
	KUNIT_EXPECT_NULL(test, l.after);
	KUNIT_EXPECT_EQ(test, l.word, block_word(0));
}

/* Freed and used by others after it was shown, as any memory. */
static void shown_memory_is_ordinary(struct kunit *test)
{
	struct asi *asi = domain(test);
	u64 *block = asi_test_block(test);
	struct asi *after;
	unsigned long i;
	int bad = 0;

	KUNIT_ASSERT_EQ(test, 0, asi_directmap_hide((unsigned long)block));
	asi_directmap_show((unsigned long)block);

	preempt_disable();
	asi_enter(asi);
	asi_relax();
	for (i = 0; i < BLOCK_WORDS; i++) {
		bad += block[i] != block_word(i);
		block[i] = ~block[i];
	}
	after = asi_get_current();
	asi_exit();
	preempt_enable();

	KUNIT_EXPECT_PTR_EQ(test, after, asi);
	KUNIT_EXPECT_EQ(test, bad, 0);
	KUNIT_EXPECT_EQ(test, block[BLOCK_WORDS - 1],
			~block_word(BLOCK_WORDS - 1));
}

static struct kunit_case directmap_cases[] = {
	KUNIT_CASE(hide_and_show),
	KUNIT_CASE(neighbours_stay),
	KUNIT_CASE(hidden_from_every_domain),
	KUNIT_CASE(hidden_from_later_domains),
	KUNIT_CASE(hidden_twice_is_busy),
	KUNIT_CASE(misaligned_is_invalid),
	KUNIT_CASE(other_addresses_are_invalid),
	KUNIT_CASE_PARAM(change_of_a_page_is_mirrored, change_gen_params),
	KUNIT_CASE_PARAM(change_of_a_block_is_mirrored, change_gen_params),
	KUNIT_CASE_PARAM(change_does_not_show_a_hidden_block,
			 change_gen_params),
	KUNIT_CASE(poisoned_page_is_mirrored),
	KUNIT_CASE(direct_map_of_a_page_is_mirrored),
	KUNIT_CASE(memory_goes_and_comes),
	KUNIT_CASE(memory_of_a_device_is_hidden),
	KUNIT_CASE(absent_gigabyte_is_absent),
	KUNIT_CASE(impossible_memory_is_refused),
	KUNIT_CASE(hide_reaches_other_cpus),
	KUNIT_CASE(shown_memory_is_ordinary),
	{}
};

static struct kunit_suite directmap_suite = {
	.name		= "asi_directmap",
	.init		= asi_test_init,
	.test_cases	= directmap_cases,
};
kunit_test_suite(directmap_suite);
