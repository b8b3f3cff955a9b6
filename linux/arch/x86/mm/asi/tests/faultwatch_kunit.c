// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite asi_faultwatch: domains whose faults are counted by themselves.
 */
#include <kunit/test.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/preempt.h>
#include <linux/string.h>

#include "../faultlog.h"
#include "common.h"

#define IP	0xffffffff81234567UL
#define ADDRESS	0xffff888012345678UL

/* By one instruction. */
static noinline __noclone void fault(struct asi *asi, const u64 *word, int times)
{
	preempt_disable();
	while (times--) {
		asi_enter(asi);
		asi_relax();
		READ_ONCE(*word);
		asi_exit();
	}
	preempt_enable();
}

/* What the log has of a class, or of @watched, on the page of @word. */
struct seen {
	unsigned int records;
	unsigned long faults;
};

static struct seen look(struct kunit *test, const struct asi *watched, int class,
			const u64 *word)
{
	unsigned long page = (unsigned long)word & PAGE_MASK;
	struct asi_fault_records records;
	struct seen seen = {};
	int i;

	KUNIT_ASSERT_EQ(test, 0, asi_faults_read(&records, watched));
	for (i = 0; i < records.nr; i++) {
		const struct asi_fault_record *r = &records.record[i];

		if ((r->key & PAGE_MASK) != page ||
		    asi_fault_whose(r->key) != class)
			continue;
		seen.records++;
		seen.faults += r->count;
	}
	asi_faults_free(&records);
	return seen;
}

#define EXPECT_SEEN(test, watched, asi, word, nr, all)			\
do {									\
	struct seen seen = look(test, watched, (asi)->index, word);	\
									\
	KUNIT_EXPECT_EQ(test, seen.records, (unsigned int)(nr));	\
	KUNIT_EXPECT_EQ(test, seen.faults, (unsigned long)(all));	\
} while (0)

static void unwatch(void *asi)
{
	asi_faults_unwatch(asi);
}

/* Until the test ends, or kunit_release_action(). */
static void watch(struct kunit *test, struct asi *asi)
{
	KUNIT_ASSERT_EQ(test, 0, asi_faults_watch(asi));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, unwatch, asi));
}

static struct asi *domain(struct kunit *test)
{
	struct asi *asi = asi_test_domain_with(test, ASI_FAULT_EXIT);

	asi_faults_clear(asi->index);
	return asi;
}

/* One that nobody enters: of another process, as far as the log knows. */
static struct asi *other_domain(struct kunit *test, const struct asi *asi)
{
	struct asi *other = kunit_kzalloc(test, sizeof(*other), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, other);
	other->index = asi->index;
	return other;
}

static void faults_while_watched(struct kunit *test)
{
	u64 *hidden = asi_test_hidden_block(test);
	struct asi *asi = domain(test);

	fault(asi, hidden, 2);
	watch(test, asi);
	EXPECT_SEEN(test, asi, asi, hidden, 0, 0);
	fault(asi, hidden, 3);
	EXPECT_SEEN(test, asi, asi, hidden, 1, 3);
	EXPECT_SEEN(test, NULL, asi, hidden, 1, 5);

	kunit_release_action(test, unwatch, asi);
	EXPECT_SEEN(test, NULL, asi, hidden, 1, 5);
	fault(asi, hidden, 1);
	EXPECT_SEEN(test, NULL, asi, hidden, 1, 6);

	watch(test, asi);
	EXPECT_SEEN(test, asi, asi, hidden, 0, 0);
}

static void faults_of_others(struct kunit *test)
{
	u64 *hidden = asi_test_hidden_block(test);
	struct asi *asi = domain(test);
	struct asi *other = other_domain(test, asi);

	watch(test, other);
	fault(asi, hidden, 2);
	EXPECT_SEEN(test, other, asi, hidden, 0, 0);
	EXPECT_SEEN(test, NULL, asi, hidden, 1, 2);

	/* And with a watch for each, whichever goes first. */
	watch(test, asi);
	kunit_release_action(test, unwatch, other);
	fault(asi, hidden, 4);
	EXPECT_SEEN(test, asi, asi, hidden, 1, 4);
	EXPECT_SEEN(test, NULL, asi, hidden, 1, 6);
}

static void watched_twice(struct kunit *test)
{
	u64 *hidden = asi_test_hidden_block(test);
	struct asi *asi = domain(test);

	watch(test, asi);
	fault(asi, hidden, 1);
	watch(test, asi);
	fault(asi, hidden, 1);
	EXPECT_SEEN(test, asi, asi, hidden, 1, 2);
	kunit_release_action(test, unwatch, asi);
	fault(asi, hidden, 1);
	EXPECT_SEEN(test, asi, asi, hidden, 1, 3);
}

static void forgotten_alone(struct kunit *test)
{
	u64 *hidden = asi_test_hidden_block(test);
	struct asi *asi = domain(test);

	fault(asi, hidden, 2);
	watch(test, asi);
	fault(asi, hidden, 3);
	asi_faults_clear(asi_faults_of(asi));
	EXPECT_SEEN(test, asi, asi, hidden, 0, 0);
	EXPECT_SEEN(test, NULL, asi, hidden, 1, 2);

	fault(asi, hidden, 3);
	asi_faults_clear(asi->index);
	EXPECT_SEEN(test, asi, asi, hidden, 1, 3);
	EXPECT_SEEN(test, NULL, asi, hidden, 1, 3);
}

static void too_many(struct kunit *test)
{
	struct asi *asi = domain(test);
	struct asi *more = other_domain(test, asi);
	u64 *hidden = asi_test_hidden_block(test);
	int i;

	for (i = 0; i < ASI_FAULT_WATCHES - 1; i++)
		watch(test, other_domain(test, asi));
	/* The last there is. */
	watch(test, asi);
	fault(asi, hidden, 1);
	EXPECT_SEEN(test, asi, asi, hidden, 1, 1);

	KUNIT_EXPECT_EQ(test, asi_faults_watch(more), -EUSERS);
	KUNIT_EXPECT_EQ(test, asi_faults_watch(asi), 0);
	asi_faults_unwatch(asi);
	kunit_release_action(test, unwatch, asi);
	watch(test, more);
}

/* Faults of @whose in a log, by walking all of it. */
static unsigned long sum(const struct asi_fault *log, unsigned int whose)
{
	unsigned long faults = 0;
	int i;

	for (i = 0; i < ASI_FAULT_ENTRIES; i++) {
		if (log[i].key && asi_fault_whose(log[i].key) == whose)
			faults += local_read(&log[i].count);
	}
	return faults;
}

/* Faults of @whose at place @i. */
static struct asi_fault *count(struct asi_fault *log, unsigned int whose, int i)
{
	unsigned long address = ADDRESS + i * PAGE_SIZE;

	return asi_fault_count(log, asi_fault_key(whose, ASI_FAULT_INTERRUPT,
						  address),
			       IP + i % 30, address);
}

#define WATCHED	(ASI_FAULT_WATCHED + 3)

static struct asi_fault *new_log(struct kunit *test)
{
	struct asi_fault *log = kunit_kcalloc(test, ASI_FAULT_ENTRIES,
					      sizeof(*log), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, log);
	return log;
}

/* Entries of a table that stand for a page, or for an instruction. */
static unsigned int entries(const struct asi_fault *table, unsigned int size,
			    bool of_page)
{
	unsigned int i, nr = 0;

	for (i = 0; i < size; i++) {
		if (table[i].key)
			nr += !!(table[i].key & PAGE_MASK) == of_page;
	}
	return nr;
}

/* Whether the log is full or not, nothing is lost, and no page. */
static void moved_as_it_is(struct kunit *test)
{
	struct asi_fault *log = new_log(test);
	struct asi_fault *sites = log + ASI_FAULT_PAGES;
	unsigned int i, places, pages, others;
	unsigned long faults;

	for (places = 1; places < 5 * ASI_FAULT_ENTRIES; places *= 2) {
		asi_fault_clear(log, -1);
		for (i = 0; i < places; i++) {
			count(log, WATCHED, i);
			count(log, 2, i + i % 2);
		}
		faults = sum(log, WATCHED) + sum(log, 2);
		pages = entries(log, ASI_FAULT_PAGES, true);
		others = entries(sites, ASI_FAULT_SITES, false);

		asi_fault_move(log, NULL, WATCHED, 1);
		KUNIT_EXPECT_EQ(test, sum(log, WATCHED), 0UL);
		KUNIT_EXPECT_EQ(test, sum(log, 1) + sum(log, 2), faults);
		KUNIT_EXPECT_EQ(test, entries(log, ASI_FAULT_PAGES, true), pages);
		KUNIT_EXPECT_EQ(test, entries(log, ASI_FAULT_PAGES, false), 0U);
		KUNIT_EXPECT_EQ(test, entries(sites, ASI_FAULT_SITES, false),
				others);
	}
}

/* And is found again, if there is room where it is looked for. */
static void moved_where_it_is_found(struct kunit *test)
{
	struct asi_fault *log = new_log(test);
	int i;

	for (i = 0; i < 50; i++)
		count(log, WATCHED, i);
	asi_fault_move(log, NULL, WATCHED, 1);
	for (i = 0; i < 50; i++)
		KUNIT_EXPECT_EQ(test, local_read(&count(log, 1, i)->count), 2);
}

/* Many who watch one program: each at the same instruction, for many pages. */
static void many_at_one_instruction(struct kunit *test)
{
	struct asi_fault *log = new_log(test);
	unsigned int i, whose, total = 0, lost = 0;

	for (i = 0; i < 3000; i += 30) {
		for (whose = ASI_FAULT_WATCHED;
		     whose < ASI_FAULT_WATCHED + ASI_FAULT_WATCHES; whose++) {
			lost += !count(log, whose, i);
			total++;
		}
	}
	KUNIT_EXPECT_LT(test, lost, total / 20);
}

static void moved_to_what_is_there(struct kunit *test)
{
	struct asi_fault_stack *stacks = kunit_kcalloc(test, ASI_FAULT_ENTRIES,
						       sizeof(*stacks),
						       GFP_KERNEL);
	struct asi_fault *log = new_log(test);
	struct asi_fault *own, *twin, *other, *moved;

	KUNIT_ASSERT_NOT_NULL(test, stacks);
	own = count(log, WATCHED, 0);
	twin = count(log, 1, 0);
	other = count(log, WATCHED, 1);
	count(log, WATCHED, 0);
	KUNIT_ASSERT_PTR_NE(test, own, twin);
	stacks[own - log].nr = 1;
	stacks[twin - log].nr = 2;
	stacks[other - log].nr = 3;
	stacks[other - log].address[2] = IP;
	/* Not what the block is now. */
	other->first |= 0x123;

	asi_fault_move(log, stacks, WATCHED, 1);
	KUNIT_EXPECT_EQ(test, local_read(&twin->count), 3);
	KUNIT_EXPECT_EQ(test, local_read(&own->count), 0);
	KUNIT_EXPECT_EQ(test, own->key, 0UL);
	moved = count(log, 1, 1);
	KUNIT_ASSERT_NOT_NULL(test, moved);
	KUNIT_EXPECT_EQ(test, local_read(&moved->count), 2);
	KUNIT_EXPECT_EQ(test, moved->first & ~PAGE_MASK, 0x123UL);
	/* Stacks go with what they are of, and one that is free has none. */
	KUNIT_EXPECT_EQ(test, stacks[own - log].nr, 0UL);
	KUNIT_EXPECT_EQ(test, stacks[twin - log].nr, 2UL);
	KUNIT_EXPECT_EQ(test, stacks[moved - log].nr, 3UL);
	KUNIT_EXPECT_EQ(test, stacks[moved - log].address[2], IP);
	KUNIT_EXPECT_TRUE(test, other == moved || !stacks[other - log].nr);
}

static struct {
	struct asi *asi;
	const u64 *hidden;
} load;

/* Each of them changes the kernel's text twice. */
#define ROUNDS	30

static int fault_all_the_time(void *unused)
{
	int i = 0;

	kthread_use_mm(load.asi->mm);
	while (!kthread_should_stop()) {
		fault(load.asi, load.hidden + i++ % 16 * (PAGE_SIZE / sizeof(u64)), 1);
		cond_resched();
	}
	kthread_unuse_mm(load.asi->mm);
	return 0;
}

/* Nothing is lost, nor counted twice, whoever begins and ends to watch. */
static void watched_while_it_faults(struct kunit *test)
{
	struct asi_test_counts counts;
	struct asi_fault_records r;
	struct task_struct *task[4];
	unsigned long faults = 0;
	int cpu, i, nr = 0;

	load.asi = domain(test);
	load.hidden = asi_test_hidden_block(test);
	asi_faults_clear(-1);
	asi_test_count_from(&counts, load.asi->index);
	for_each_online_cpu(cpu) {
		if (nr == ARRAY_SIZE(task))
			break;
		task[nr] = kthread_create(fault_all_the_time, NULL, "asi_kunit_fault");
		if (IS_ERR(task[nr]))
			break;
		kthread_bind(task[nr], cpu);
		wake_up_process(task[nr++]);
	}
	for (i = 0; i < ROUNDS; i++) {
		if (asi_faults_watch(load.asi))
			break;
		usleep_range(100, 200);
		asi_faults_unwatch(load.asi);
	}
	while (nr)
		kthread_stop(task[--nr]);
	KUNIT_EXPECT_EQ(test, i, ROUNDS);

	KUNIT_ASSERT_EQ(test, 0, asi_faults_read(&r, NULL));
	for (i = 0; i < r.nr; i++) {
		if (asi_fault_whose(r.record[i].key) == load.asi->index)
			faults += r.record[i].count;
	}
	KUNIT_EXPECT_EQ(test, r.lost, 0UL);
	asi_faults_free(&r);
	KUNIT_EXPECT_GT(test, faults, (unsigned long)ROUNDS);
	KUNIT_EXPECT_EQ(test, faults, asi_test_counted(&counts, ASI_CTR_FAULTS));
}

static struct kunit_case watch_cases[] = {
	KUNIT_CASE(faults_while_watched),
	KUNIT_CASE(faults_of_others),
	KUNIT_CASE(watched_twice),
	KUNIT_CASE(forgotten_alone),
	KUNIT_CASE(too_many),
	KUNIT_CASE(moved_as_it_is),
	KUNIT_CASE(moved_where_it_is_found),
	KUNIT_CASE(many_at_one_instruction),
	KUNIT_CASE(moved_to_what_is_there),
	KUNIT_CASE_SLOW(watched_while_it_faults),
	{}
};

static struct kunit_suite watch_suite = {
	.name		= "asi_faultwatch",
	.init		= asi_test_init,
	.test_cases	= watch_cases,
};
kunit_test_suite(watch_suite);
