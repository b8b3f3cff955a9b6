// SPDX-License-Identifier: GPL-2.0
/*
 * Address space isolation: what its KUnit suites share.
 */
#include <kunit/resource.h>
#include <kunit/test.h>
#include <linux/asi.h>
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sensitive.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

#include "common.h"

/* Tests split blocks, and the same are allocated again. */
#define MOST_BLOCKS	32

/* The task that breaks rules on purpose, see asi_warn(). */
struct task_struct *asi_rule_breaker;

KUNIT_DEFINE_ACTION_WRAPPER(put_domain, asi_destroy, struct asi *);
KUNIT_DEFINE_ACTION_WRAPPER(drop_mm, mmdrop, struct mm_struct *);

/* Skip the test on a kernel that runs without address space isolation. */
void asi_test_needs_asi(struct kunit *test)
{
	if (!cpu_feature_enabled(X86_FEATURE_ASI) || !asi_ready)
		kunit_skip(test, "address space isolation: %s",
			   asi_off_reason());
}

/* Skip the test where the page allocator does not tell memory apart. */
void asi_test_needs_sensitive(struct kunit *test)
{
	asi_test_needs_asi(test);
	if (!sensitive_active())
		kunit_skip(test, "asi_sensitive is off");
}

/* The init of a suite whose tests all need address space isolation. */
int asi_test_init(struct kunit *test)
{
	asi_test_needs_asi(test);
	return 0;
}

static void unregister_class(void *index)
{
	asi_unregister_class((long)index);
}

/**
 * asi_test_class - register a class until the end of the test
 * @test: The test.
 * @name: Name of the class; the same name has the same slot again next time.
 * @ops:  Hooks and policies.
 *
 * Return: the index of the class.
 */
int asi_test_class(struct kunit *test, const char *name,
		   const struct asi_hooks *ops)
{
	int index = asi_register_class(name, ops);

	KUNIT_ASSERT_GE(test, index, 0);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, unregister_class,
						  (void *)(long)index));
	return index;
}

/* A new mm that a kernel thread can use, with room for mappings. */
struct mm_struct *asi_test_mm_alloc(void)
{
	struct mm_struct *mm = mm_alloc();

	if (mm) {
		mm->task_size = TASK_SIZE;
		arch_pick_mmap_layout(mm, &current->signal->rlim[RLIMIT_STACK]);
	}
	return mm;
}

/**
 * asi_test_mm - give the thread of the test an mm of its own
 * @test: The test.
 *
 * The thread keeps it until it exits, as a process does; that puts the one
 * reference to its user space.  What kthread_use_mm() took is put at the end of
 * the test.
 */
struct mm_struct *asi_test_mm(struct kunit *test)
{
	struct mm_struct *mm;

	if (current->mm)
		return current->mm;

	mm = asi_test_mm_alloc();
	KUNIT_ASSERT_NOT_NULL(test, mm);
	kthread_use_mm(mm);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, drop_mm, mm));
	return mm;
}

/* The domain of the test's mm for @class, in use until the end of the test. */
struct asi *asi_test_domain(struct kunit *test, int class)
{
	struct mm_struct *mm = asi_test_mm(test);
	struct asi *asi;

	KUNIT_ASSERT_EQ(test, 0, asi_init(mm, class, &asi));
	KUNIT_ASSERT_NOT_NULL(test, asi);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, put_domain, asi));
	return asi;
}

/* The same, of a new class that has nothing but a policy for faults. */
struct asi *asi_test_domain_with(struct kunit *test,
				 enum asi_fault_policy policy)
{
	struct asi_hooks ops = { .fault_policy = policy };

	return asi_test_domain(test, asi_test_class(test, "test", &ops));
}

static void free_block(void *block)
{
	free_pages((unsigned long)block, PMD_SHIFT - PAGE_SHIFT);
}

/**
 * asi_test_block - a block of 2 MiB of the direct map, with a known content
 * @test: The test.
 */
u64 *asi_test_block(struct kunit *test)
{
	u64 *block =
		(u64 *)__get_free_pages(GFP_KERNEL, PMD_SHIFT - PAGE_SHIFT);
	unsigned long i;

	KUNIT_ASSERT_NOT_NULL(test, block);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, free_block, block));

	for (i = 0; i < BLOCK_WORDS; i++)
		block[i] = block_word(i);
	return block;
}

/* The same, that the kernel does not map by 4 KiB pages, as some tests make it. */
u64 *asi_test_large_block(struct kunit *test)
{
	int i, level;
	u64 *block;

	for (i = 0; i < MOST_BLOCKS; i++) {
		block = asi_test_block(test);
		asi_walk(init_mm.pgd, (unsigned long)block, &level);
		if (level > 1)
			return block;
	}
	kunit_skip(test, "%d blocks are mapped by 4 KiB pages", MOST_BLOCKS);
	return NULL;
}

static void show_block(void *block)
{
	asi_directmap_show((unsigned long)block);
}

/* Hide a block from asi_test_block() until the end of the test. */
void asi_test_hide(struct kunit *test, void *block)
{
	KUNIT_ASSERT_EQ(test, 0, asi_directmap_hide((unsigned long)block));
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, show_block, block));
}

u64 *asi_test_hidden_block(struct kunit *test)
{
	u64 *block = asi_test_block(test);

	asi_test_hide(test, block);
	return block;
}

static bool page_on_side(const void *p, bool sensitive)
{
	unsigned long addr = (unsigned long)p;
	struct page *page;

	if (is_vmalloc_addr(p)) {
		if ((addr >= asi_window_start() && addr < asi_window_end()) !=
		    sensitive)
			return false;
		page = vmalloc_to_page(p);
	} else {
		page = virt_to_page(p);
	}
	return page_sensitive(page) == sensitive &&
	       asi_directmap_present((unsigned long)page_address(page)) != sensitive;
}

/**
 * asi_test_on_side - is all of an object where an object of its side should be?
 * @p:	       What kmalloc(), vmalloc() or the like returned.
 * @size:      Its size.
 * @sensitive: Its side.
 *
 * Context: any.
 */
bool asi_test_on_side(const void *p, size_t size, bool sensitive)
{
	const void *at = PTR_ALIGN_DOWN(p, PAGE_SIZE);

	for (; at < p + size; at += PAGE_SIZE) {
		if (!page_on_side(at, sensitive))
			return false;
	}
	return true;
}

/*
 * A CPU goes on using the mm of the last thread that had one.  Give it another
 * one, of which nobody counts the domains.
 */
static void change_lazy_mm(struct work_struct *work)
{
	struct mm_struct *mm = mm_alloc();

	if (!mm)
		return;
	kthread_use_mm(mm);
	kthread_unuse_mm(mm);
	mmput(mm);
}

static bool test_domains_exist(void)
{
	int i;

	for (i = 0; i < ASI_MAX_NUM; i++) {
		if (!asi_class_valid(i) &&
		    atomic_long_read(&asi_classes[i].domains))
			return true;
	}
	return false;
}

/**
 * asi_test_settle - wait until the mms of earlier tests are gone
 * @test: The test.
 *
 * So that the slots of their classes are free.  A thread is still busy with
 * exiting when KUnit takes it for done, and CPUs keep mms for a while.
 */
void asi_test_settle(struct kunit *test)
{
	int i;

	for (i = 0; i < 100; i++) {
		schedule_on_each_cpu(change_lazy_mm);
		if (!test_domains_exist())
			return;
		msleep(20);
	}
	KUNIT_FAIL_AND_ABORT(test, "domains of dead tests do not go away");
}

/**
 * asi_test_reset - be unrestricted and relaxed, whatever went wrong before
 *
 * Context: interrupts off.
 */
void asi_test_reset(void)
{
	current->thread.asi_state.intr_nest_depth = 0;
	asi_relax();
	asi_exit();
	write_cr3_raw(asi_unrestricted_cr3());
}

/* Remember the counters of @class. */
void asi_test_count_from(struct asi_test_counts *counts, int class)
{
	int i;

	counts->class = class;
	for (i = 0; i < ASI_NR_COUNTERS; i++)
		counts->before[i] = asi_counter_sum(class, i);
}

/* How far has @counter gone up since? */
u64 asi_test_counted(const struct asi_test_counts *counts,
		     enum asi_counter counter)
{
	return asi_counter_sum(counts->class, counter) -
	       counts->before[counter];
}
