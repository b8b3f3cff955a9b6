// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite asi_mmap: the user half of a domain follows that of its mm.
 *
 * They share all tables but the topmost one, so what counts is mappings so far
 * from each other that entries of the topmost level come and go.
 */
#include <kunit/test.h>
#include <linux/err.h>
#include <linux/mman.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/preempt.h>
#include <linux/uaccess.h>

#include "common.h"

#define USER_SLOTS	(PTRS_PER_PGD / 2)
#define NOISE		(_PAGE_ACCESSED | _PAGE_DIRTY)

/* Slots where nothing else is mapped. */
static const int far_slots[] = { 1, 2, 3, 17, 64, 100, 128, 200, 254 };

static unsigned long slot_addr(int slot)
{
	return slot * PGDIR_SIZE + PMD_SIZE;
}

/* Map a page in @slot, and have it populated with @value. */
static void map_slot(struct kunit *test, int slot, int value)
{
	unsigned long mapped, addr = slot_addr(slot);

	mapped = vm_mmap(NULL, addr, PAGE_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, 0);
	KUNIT_ASSERT_EQ(test, mapped, addr);
	KUNIT_ASSERT_EQ(test, 0, put_user(value, (int __user *)addr));
}

static void unmap_slot(struct kunit *test, int slot)
{
	KUNIT_ASSERT_EQ(test, 0, vm_munmap(slot_addr(slot), PAGE_SIZE));
}

static bool slot_used(pgd_t *pgd, int slot)
{
	return pgd_val(pgd[slot]) & _PAGE_PRESENT;
}

/* All user slots of the domain are those of the mm. */
static void expect_in_step(struct kunit *test, struct asi *asi)
{
	int i;

	for (i = 0; i < USER_SLOTS; i++)
		KUNIT_EXPECT_EQ_MSG(test, pgd_val(asi->pgd[i]) & ~NOISE,
				    pgd_val(asi->mm->pgd[i]) & ~NOISE,
				    "slot %d", i);
}

static struct asi *domain(struct kunit *test)
{
	return asi_test_domain_with(test, ASI_FAULT_EXIT);
}

static void new_slots_appear(struct kunit *test)
{
	struct asi *asi = domain(test);
	int i;

	expect_in_step(test, asi);
	for (i = 0; i < ARRAY_SIZE(far_slots); i++) {
		KUNIT_EXPECT_FALSE(test, slot_used(asi->pgd, far_slots[i]));
		map_slot(test, far_slots[i], i);
		KUNIT_EXPECT_TRUE(test, slot_used(asi->pgd, far_slots[i]));
		expect_in_step(test, asi);
	}
}

static void freed_slots_disappear(struct kunit *test)
{
	struct asi *asi = domain(test);
	int i;

	for (i = 0; i < ARRAY_SIZE(far_slots); i++)
		map_slot(test, far_slots[i], i);
	for (i = 0; i < ARRAY_SIZE(far_slots); i++) {
		KUNIT_EXPECT_TRUE(test, slot_used(asi->pgd, far_slots[i]));
		unmap_slot(test, far_slots[i]);
		KUNIT_EXPECT_FALSE(test, slot_used(asi->mm->pgd, far_slots[i]));
		KUNIT_EXPECT_FALSE(test, slot_used(asi->pgd, far_slots[i]));
		expect_in_step(test, asi);
	}
}

/* One call that frees many. */
static void freed_ranges_disappear(struct kunit *test)
{
	struct asi *asi = domain(test);
	int i, last = far_slots[ARRAY_SIZE(far_slots) - 1];

	for (i = 0; i < ARRAY_SIZE(far_slots); i++)
		map_slot(test, far_slots[i], i);
	KUNIT_ASSERT_EQ(test, 0, vm_munmap(PGDIR_SIZE, last * PGDIR_SIZE));
	for (i = 0; i < ARRAY_SIZE(far_slots); i++)
		KUNIT_EXPECT_FALSE(test, slot_used(asi->pgd, far_slots[i]));
	expect_in_step(test, asi);
}

static void every_domain_follows(struct kunit *test)
{
	struct asi *one = domain(test);
	struct asi *two =
		asi_test_domain(test, asi_test_class(test, "test2", NULL));
	struct asi *user = &one->mm->context.asi.domain[ASI_CLASS_USER];

	map_slot(test, 5, 1);
	expect_in_step(test, one);
	expect_in_step(test, two);
	if (user->pgd)
		expect_in_step(test, user);
	unmap_slot(test, 5);
	expect_in_step(test, one);
	expect_in_step(test, two);
	if (user->pgd)
		expect_in_step(test, user);
}

/* A domain that is made when there are mappings already. */
static void later_domain_has_earlier_mappings(struct kunit *test)
{
	struct asi *asi;
	int i;

	asi_test_mm(test);
	for (i = 0; i < ARRAY_SIZE(far_slots); i++)
		map_slot(test, far_slots[i], i);

	asi = domain(test);
	for (i = 0; i < ARRAY_SIZE(far_slots); i++)
		KUNIT_EXPECT_TRUE(test, slot_used(asi->pgd, far_slots[i]));
	expect_in_step(test, asi);
}

/* Another mm's domain is none of this one's business. */
static void other_mms_do_not_follow(struct kunit *test)
{
	struct mm_struct *other = asi_test_mm_alloc();
	struct asi *user;

	KUNIT_ASSERT_NOT_NULL(test, other);
	domain(test);
	map_slot(test, 5, 1);
	user = &other->context.asi.domain[ASI_CLASS_USER];
	KUNIT_EXPECT_FALSE(test, slot_used(other->pgd, 5));
	if (user->pgd)
		KUNIT_EXPECT_FALSE(test, slot_used(user->pgd, 5));
	mmput(other);
}

/* User memory in new slots is reached from inside, without an exit. */
static void mappings_work_inside(struct kunit *test)
{
	int value[ARRAY_SIZE(far_slots)] = {};
	struct asi *asi = domain(test);
	struct asi_test_counts counts;
	int i, err = 0;

	for (i = 0; i < ARRAY_SIZE(far_slots); i++)
		map_slot(test, far_slots[i], 100 + i);

	asi_test_count_from(&counts, asi->index);
	preempt_disable();
	asi_enter(asi);
	asi_relax();
	pagefault_disable();
	for (i = 0; i < ARRAY_SIZE(far_slots); i++)
		err |= __get_user(value[i],
				  (int __user *)slot_addr(far_slots[i]));
	pagefault_enable();
	asi_exit();
	preempt_enable();

	KUNIT_EXPECT_EQ(test, err, 0);
	for (i = 0; i < ARRAY_SIZE(far_slots); i++)
		KUNIT_EXPECT_EQ(test, value[i], 100 + i);
	EXPECT_COUNTED(test, &counts, ASI_CTR_FAULTS, 0);
}

/* And memory that is gone is not. */
static void unmapped_memory_is_gone_inside(struct kunit *test)
{
	struct asi *asi = domain(test);
	int err, value = 0;

	map_slot(test, 5, 1);
	unmap_slot(test, 5);

	preempt_disable();
	asi_enter(asi);
	asi_relax();
	pagefault_disable();
	err = __get_user(value, (int __user *)slot_addr(5));
	pagefault_enable();
	asi_exit();
	preempt_enable();

	KUNIT_EXPECT_EQ(test, err, -EFAULT);
	KUNIT_EXPECT_EQ(test, value, 0);
}

/* Mappings come and go at random, the same way every time. */
static void random_mappings(struct kunit *test)
{
	bool mapped[USER_SLOTS] = {};
	struct asi *asi = domain(test);
	struct asi_check result;
	u32 random = 7;
	int i, slot;

	for (i = 0; i < 500; i++) {
		random = random * 1664525 + 1013904223;
		/* The first has the heap, the last one the stack. */
		slot = 1 + (random >> 16) % (USER_SLOTS - 2);
		if (mapped[slot])
			unmap_slot(test, slot);
		else
			map_slot(test, slot, i);
		mapped[slot] = !mapped[slot];
		KUNIT_ASSERT_EQ(test, slot_used(asi->pgd, slot), mapped[slot]);
	}
	expect_in_step(test, asi);

	mmap_write_lock(asi->mm);
	asi_check_pgd(asi->mm, asi->pgd, asi->mm->pgd, &result);
	mmap_write_unlock(asi->mm);
	KUNIT_EXPECT_EQ(test, result.broken, 0UL);
}

static struct kunit_case mmap_cases[] = {
	KUNIT_CASE(new_slots_appear),
	KUNIT_CASE(freed_slots_disappear),
	KUNIT_CASE(freed_ranges_disappear),
	KUNIT_CASE(every_domain_follows),
	KUNIT_CASE(later_domain_has_earlier_mappings),
	KUNIT_CASE(other_mms_do_not_follow),
	KUNIT_CASE(mappings_work_inside),
	KUNIT_CASE(unmapped_memory_is_gone_inside),
	KUNIT_CASE_SLOW(random_mappings),
	{}
};

static struct kunit_suite mmap_suite = {
	.name		= "asi_mmap",
	.init		= asi_test_init,
	.test_cases	= mmap_cases,
};
kunit_test_suite(mmap_suite);
