// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite asi_dpt_domain: domains that map nothing but what was granted.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/irqflags.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched/mm.h>
#include <linux/set_memory.h>
#include <linux/smp.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include <asm/hardirq.h>
#include <asm/sections.h>

#include "dpt.h"

static int decorated_class(struct kunit *test)
{
	struct asi_hooks ops = { .page_table = ASI_PGTABLE_DECORATED };

	return asi_test_class(test, "test", &ops);
}

/* The domain of the test's mm, that the thread of the test can enter. */
static struct asi *decorated_domain(struct kunit *test)
{
	struct asi *asi = asi_test_domain(test, decorated_class(test));

	KUNIT_ASSERT_NOT_NULL(test, asi_dpt_of(asi));
	KUNIT_ASSERT_EQ(test, 0, asi_dpt_map_task(asi_dpt_of(asi), current));
	return asi;
}

/*
 * With interrupts on, whatever an interrupt touches would leave.  So the next two
 * look at what the task itself does.
 */
static void granted_memory_costs_no_exit(struct kunit *test)
{
	u64 *block = asi_test_large_block(test);
	struct asi *asi = decorated_domain(test);
	u64 *next = block + PAGE_SIZE / sizeof(u64);
	struct asi *tense, *after, *after_next;
	struct asi_test_counts counts;
	u64 read, read_next;

	KUNIT_ASSERT_EQ(test, 0, asi_dpt_map(asi_dpt_of(asi), block, 8));
	asi_test_count_from(&counts, asi->index);
	local_irq_disable();
	asi_enter(asi);
	tense = asi_get_current();
	asi_relax();
	read = READ_ONCE(*block);
	after = asi_get_current();
	read_next = READ_ONCE(*next);
	after_next = asi_get_current();
	asi_exit();
	local_irq_enable();

	KUNIT_EXPECT_PTR_EQ(test, tense, asi);
	KUNIT_EXPECT_PTR_EQ(test, after, asi);
	KUNIT_EXPECT_EQ(test, read, block_word(0));
	KUNIT_EXPECT_NULL(test, after_next);
	KUNIT_EXPECT_EQ(test, read_next, block_word(PAGE_SIZE / sizeof(u64)));
	EXPECT_COUNTED(test, &counts, ASI_CTR_FAULTS, 1);
	KUNIT_EXPECT_EQ(test, 0, asi_dpt_unmap(asi_dpt_of(asi), block, 8));
}

/* The same by asi_map(), which does not say what the page table is made of. */
static void private_grants(struct kunit *test)
{
	u64 *block = asi_test_large_block(test);
	struct asi *asi = decorated_domain(test);

	KUNIT_ASSERT_EQ(test, 0, asi_map(asi, block, PAGE_SIZE));
	KUNIT_EXPECT_TRUE(test, dpt_has(asi_dpt_of(asi), block));
	asi_unmap(asi, block, PAGE_SIZE);
	KUNIT_EXPECT_FALSE(test, dpt_has(asi_dpt_of(asi), block));
}

/* Interrupts find enough to leave and come back, though not their own stack. */
static void interrupts_arrive(struct kunit *test)
{
	struct asi *asi = decorated_domain(test);
	struct asi_test_counts counts;
	unsigned long before, timeout;
	struct asi *in;

	asi_test_count_from(&counts, asi->index);
	preempt_disable();
	before = this_cpu_read(irq_stat.apic_timer_irqs);
	timeout = 10 * USEC_PER_SEC;
	asi_enter(asi);
	while (this_cpu_read(irq_stat.apic_timer_irqs) < before + 3 &&
	       --timeout)
		udelay(1);
	in = asi_get_current();
	asi_relax();
	asi_exit();
	preempt_enable();

	KUNIT_EXPECT_NE(test, timeout, 0UL);
	KUNIT_EXPECT_PTR_EQ(test, in, asi);
	KUNIT_EXPECT_GE(test, asi_test_counted(&counts, ASI_CTR_REENTERS), 3ULL);
	EXPECT_COUNTED(test, &counts, ASI_CTR_TENSE_FAULTS, 0);
	EXPECT_COUNTED(test, &counts, ASI_CTR_WARNINGS, 0);
}

/* Also of what is mapped while there is the domain. */
static void no_user_half(struct kunit *test)
{
	struct asi *asi = decorated_domain(test);
	unsigned long mapped, addr = PGDIR_SIZE + PMD_SIZE;
	int i;

	mapped = vm_mmap(NULL, addr, PAGE_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, 0);
	KUNIT_ASSERT_EQ(test, mapped, addr);
	KUNIT_ASSERT_EQ(test, 0, put_user(1, (int __user *)addr));
	KUNIT_EXPECT_NE(test, pgd_val(asi->mm->pgd[1]), 0UL);
	for (i = 0; i < PTRS_PER_PGD / 2; i++)
		KUNIT_EXPECT_EQ(test, pgd_val(asi->pgd[i]), 0UL);
}

static struct asi_check check(struct asi *asi)
{
	struct asi_check result;

	asi_check_domain(asi, &result);
	return result;
}

static void check_finds_what_is_wrong(struct kunit *test)
{
	void *page = dpt_test_small_source(test);
	struct asi *asi = decorated_domain(test);
	unsigned long leaves = dpt_census(asi_dpt_of(asi)).pages;

	KUNIT_EXPECT_EQ(test, check(asi).broken, 0UL);
	KUNIT_EXPECT_EQ(test, check(asi).global, 0UL);
	KUNIT_EXPECT_EQ(test, check(asi).leaves, leaves);

	KUNIT_ASSERT_EQ(test, 0, asi_dpt_map(asi_dpt_of(asi), page, 1));
	KUNIT_EXPECT_EQ(test, check(asi).leaves, leaves + 1);
	KUNIT_ASSERT_EQ(test, 0, set_memory_ro((unsigned long)page, 1));
	KUNIT_EXPECT_EQ(test, check(asi).broken, 1UL);
	KUNIT_EXPECT_EQ(test, check(asi).bad, (unsigned long)page);
	KUNIT_ASSERT_EQ(test, 0, asi_dpt_remap(asi_dpt_of(asi), page, 1));
	KUNIT_EXPECT_EQ(test, check(asi).broken, 0UL);
	KUNIT_ASSERT_EQ(test, 0, set_memory_rw((unsigned long)page, 1));
	KUNIT_ASSERT_EQ(test, 0, asi_dpt_unmap(asi_dpt_of(asi), page, 1));

	asi->pgd[1] = asi->pgd[PTRS_PER_PGD - 1];
	KUNIT_EXPECT_EQ(test, check(asi).broken, 1UL);
	asi->pgd[1] = __pgd(0);
}

/* What is not granted is not there, as much as the kernel has of it. */
static void little_is_mapped(struct kunit *test)
{
	struct asi *asi = decorated_domain(test);
	unsigned long i, text, all, found = 0;
	struct dpt_census c = dpt_census(asi_dpt_of(asi));

	text = (_etext - _text) / PAGE_SIZE;
	all = totalram_pages();
	KUNIT_EXPECT_EQ(test, c.wrong, 0UL);
	KUNIT_EXPECT_GT(test, c.pages, text);
	for (i = 0; i < all; i++)
		found += dpt_has(asi_dpt_of(asi), __va(PFN_PHYS(i)));
	/* Of the direct map: per-CPU areas, the task and the mm. */
	KUNIT_EXPECT_GT(test, found, 0UL);
	KUNIT_EXPECT_LT(test, found, all / 10);
}

/* A domain that cannot be made is not there, and can be made later. */
static void no_memory(struct kunit *test)
{
	static const int enough_for[] = { 0, 1, 7, 40 };
	int i, class = decorated_class(test);
	struct mm_struct *mm = asi_test_mm(test);
	struct asi *asi;

	kunit_activate_static_stub(test, asi_table_alloc, dpt_failing_table);
	for (i = 0; i < ARRAY_SIZE(enough_for); i++) {
		dpt_allocations_left = enough_for[i];
		KUNIT_EXPECT_EQ(test, -ENOMEM, asi_init(mm, class, &asi));
		KUNIT_EXPECT_NULL(test, asi);
		KUNIT_EXPECT_NULL(test, mm->context.asi.domain[class].pgd);
		KUNIT_EXPECT_NULL(test, mm->context.asi.domain[class].dpt);
	}
	kunit_deactivate_static_stub(test, asi_table_alloc);
	KUNIT_EXPECT_PTR_EQ(test, asi_test_domain(test, class),
			    &mm->context.asi.domain[class]);
}

/* With its page table goes what the domain keeps alive. */
static void grants_die_with_their_domain(struct kunit *test)
{
	int class = decorated_class(test);
	struct module *mod = dpt_test_module(test);
	struct mm_struct *mm = asi_test_mm_alloc();
	int err, during = 0;
	struct asi *asi;

	KUNIT_ASSERT_NOT_NULL(test, mm);
	kthread_use_mm(mm);
	err = asi_init(mm, class, &asi);
	if (!err) {
		err = asi_dpt_map_module(asi_dpt_of(asi), mod);
		during = atomic_read(&mod->refcnt);
		asi_destroy(asi);
	}
	kthread_unuse_mm(mm);
	mmput(mm);
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_EQ(test, during, 2);

	asi_test_settle(test);
	KUNIT_EXPECT_EQ(test, atomic_read(&mod->refcnt), 1);
}

/**
 * struct reader - another CPU that has a granted page in its TLB
 * @work:    Runs there.
 * @asi:     The domain.
 * @word:    In the page.
 * @err:     Of getting there.
 * @inside:  It has read it, is in the domain, and waits.
 * @gone:    The grant is gone now.
 * @between: The domain of the CPU right before it reads again.
 * @after:   That after it.
 *
 * It is on the stack of the thread of the test, which is granted too.
 */
struct reader {
	struct work_struct work;
	struct asi *asi;
	u64 *word;
	int err;
	bool inside, gone;
	struct asi *between, *after;
};

static void read_twice(struct work_struct *work)
{
	struct reader *r = container_of(work, struct reader, work);
	int i;

	kthread_use_mm(r->asi->mm);
	r->err = asi_dpt_map_task(asi_dpt_of(r->asi), current);
	if (r->err)
		goto out;

	preempt_disable();
	asi_enter(r->asi);
	READ_ONCE(*r->word);
	/* After the access.  Pairs with unmap_on_another_cpu(). */
	smp_store_release(&r->inside, true);
	/* Interrupts are on: flushing this CPU's TLB is one.  Pairs as above. */
	for (i = 0; i < USEC_PER_SEC && !smp_load_acquire(&r->gone); i++)
		udelay(1);
	/* None may leave between what is looked at from here on. */
	local_irq_disable();
	asi_relax();
	r->between = asi_get_current();
	READ_ONCE(*r->word);
	r->after = asi_get_current();
	asi_exit();
	local_irq_enable();
	preempt_enable();
	asi_dpt_unmap_task(asi_dpt_of(r->asi), current);
out:
	kthread_unuse_mm(r->asi->mm);
}

static void wait_for_reader(struct reader *r)
{
	unsigned long end = jiffies + 10 * HZ;

	/* Without sleeping, so that no timer flushes for us.  Pairs with read_twice(). */
	while (!smp_load_acquire(&r->inside) && !READ_ONCE(r->err) &&
	       time_before(jiffies, end))
		cpu_relax();
}

/* Unmap while @cpu uses it, and see that it noticed. */
static void unmap_on_another_cpu(struct kunit *test, struct asi *asi,
				 u64 *word, int cpu)
{
	struct reader r = { .asi = asi, .word = word };

	INIT_WORK_ONSTACK(&r.work, read_twice);
	KUNIT_EXPECT_EQ(test, 0, asi_dpt_map(asi_dpt_of(asi), word, 8));
	schedule_work_on(cpu, &r.work);
	wait_for_reader(&r);
	KUNIT_EXPECT_EQ(test, 0, asi_dpt_unmap(asi_dpt_of(asi), word, 8));
	/* Only now.  Pairs with read_twice(). */
	smp_store_release(&r.gone, true);
	flush_work(&r.work);
	destroy_work_on_stack(&r.work);

	KUNIT_EXPECT_EQ(test, r.err, 0);
	KUNIT_EXPECT_TRUE(test, r.inside);
	KUNIT_EXPECT_PTR_EQ(test, r.between, asi);
	KUNIT_EXPECT_NULL(test, r.after);
}

/*
 * Many times, as an interrupt at the wrong moment would have the CPU leave and come
 * back, which flushes too.
 */
static void unmap_reaches_other_cpus(struct kunit *test)
{
	u64 *block = asi_test_large_block(test);
	struct asi *asi;
	int i, cpu;

	if (num_online_cpus() < 2)
		kunit_skip(test, "one CPU is online, two are needed");
	asi = decorated_domain(test);

	migrate_disable();
	cpu = cpumask_any_but(cpu_online_mask, smp_processor_id());
	for (i = 0; i < 50; i++)
		unmap_on_another_cpu(test, asi, block, cpu);
	migrate_enable();
}

static struct kunit_case cases[] = {
	KUNIT_CASE(granted_memory_costs_no_exit),
	KUNIT_CASE(private_grants),
	KUNIT_CASE(interrupts_arrive),
	KUNIT_CASE(no_user_half),
	KUNIT_CASE(check_finds_what_is_wrong),
	KUNIT_CASE(little_is_mapped),
	KUNIT_CASE(no_memory),
	KUNIT_CASE(grants_die_with_their_domain),
	KUNIT_CASE(unmap_reaches_other_cpus),
	{}
};

static struct kunit_suite suite = {
	.name		= "asi_dpt_domain",
	.init		= asi_test_init,
	.test_cases	= cases,
};
kunit_test_suite(suite);
