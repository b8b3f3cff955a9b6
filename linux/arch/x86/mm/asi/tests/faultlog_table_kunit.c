// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite asi_faultlog_table: the log of a CPU by itself, and what interrupts
 * those who write to it.
 *
 * The logs are the tests' own, but for one test.  An interruption is a debug
 * exception after one of the instructions, each in its turn, which uses the same log.
 */
#include <kunit/test.h>
#include <linux/cpumask.h>
#include <linux/kdebug.h>
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/printk.h>
#include <linux/sensitive.h>

#include <asm/debugreg.h>

#include "../faultlog.h"
#include "common.h"

#define IP	0xffffffff81234567UL
#define ADDRESS	0xffff888012345678UL

static struct asi_fault *new_log(struct kunit *test)
{
	struct asi_fault *log = kunit_kcalloc(test, ASI_FAULT_ENTRIES,
					      sizeof(*log), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, log);
	return log;
}

static struct asi_fault *count(struct asi_fault *log, unsigned int class,
			       enum asi_fault_phase phase, unsigned long ip,
			       unsigned long address)
{
	return asi_fault_count(log, asi_fault_key(class, phase, address), ip,
			       address);
}

/* What a log has, by walking all of it. */
struct sum {
	unsigned int entries;
	unsigned long faults;
	/* Faults of one instruction. */
	unsigned long here;
	/* Faults counted for the instruction, not for a page. */
	unsigned long rest;
	/* Entries that are free and count, or are not free and do not. */
	unsigned int broken;
};

static struct sum sum_up(const struct asi_fault *log, unsigned long ip)
{
	struct sum sum = {};
	int i;

	for (i = 0; i < ASI_FAULT_ENTRIES; i++) {
		unsigned long faults = local_read(&log[i].count);

		sum.entries += !!log[i].key;
		sum.faults += faults;
		if (log[i].ip == ip)
			sum.here += faults;
		if (i >= ASI_FAULT_PAGES)
			sum.rest += faults;
		sum.broken += !faults != !log[i].key;
	}
	return sum;
}

static void same_place_is_one_entry(struct kunit *test)
{
	struct asi_fault *log = new_log(test);
	struct asi_fault *first, *second;

	first = count(log, 1, ASI_FAULT_RELAXED, IP, ADDRESS);
	second = count(log, 1, ASI_FAULT_RELAXED, IP, ADDRESS + 8);

	KUNIT_ASSERT_NOT_NULL(test, first);
	KUNIT_EXPECT_PTR_EQ(test, first, second);
	KUNIT_EXPECT_EQ(test, local_read(&first->count), 2);
	KUNIT_EXPECT_EQ(test, first->ip, IP);
	KUNIT_EXPECT_EQ(test, first->first & PAGE_MASK, ADDRESS & PAGE_MASK);
	KUNIT_EXPECT_EQ(test, first->key & PAGE_MASK, ADDRESS & PAGE_MASK);
	KUNIT_EXPECT_EQ(test, asi_fault_whose(first->key), 1U);
	KUNIT_EXPECT_EQ(test, (int)asi_fault_phase(first->key),
			(int)ASI_FAULT_RELAXED);
	KUNIT_EXPECT_EQ(test, sum_up(log, IP).entries, 1U);
}

static void places_are_apart(struct kunit *test)
{
	struct asi_fault *log = new_log(test);
	struct asi_fault *fault[] = {
		count(log, 1, ASI_FAULT_RELAXED, IP, ADDRESS),
		count(log, 2, ASI_FAULT_RELAXED, IP, ADDRESS),
		count(log, 1, ASI_FAULT_TENSE, IP, ADDRESS),
		count(log, 1, ASI_FAULT_INTERRUPT, IP, ADDRESS),
		count(log, 1, ASI_FAULT_RELAXED, IP + 1, ADDRESS),
		count(log, 1, ASI_FAULT_RELAXED, IP, ADDRESS + PAGE_SIZE),
	};
	int i, j;

	for (i = 0; i < ARRAY_SIZE(fault); i++) {
		KUNIT_ASSERT_NOT_NULL(test, fault[i]);
		KUNIT_EXPECT_EQ(test, local_read(&fault[i]->count), 1);
		for (j = 0; j < i; j++)
			KUNIT_EXPECT_PTR_NE(test, fault[i], fault[j]);
	}
	KUNIT_EXPECT_EQ(test, sum_up(log, IP).entries, (unsigned int)i);
}

/* An instruction that touches more pages than there are entries loses none. */
static void many_pages_of_one_instruction(struct kunit *test)
{
	struct asi_fault *log = new_log(test);
	struct asi_fault *other;
	struct sum sum;
	int i, lost = 0;

	for (i = 0; i < 10 * ASI_FAULT_PAGES; i++)
		lost += !count(log, 0, ASI_FAULT_RELAXED, IP,
			       ADDRESS + i * PAGE_SIZE);
	sum = sum_up(log, IP);
	kunit_info(test, "%u entries, %lu of %lu faults by instruction",
		   sum.entries, sum.rest, sum.faults);

	KUNIT_EXPECT_EQ(test, lost, 0);
	KUNIT_EXPECT_EQ(test, sum.broken, 0U);
	KUNIT_EXPECT_EQ(test, sum.here, 10UL * ASI_FAULT_PAGES);
	KUNIT_EXPECT_GE(test, sum.rest, 8UL * ASI_FAULT_PAGES);
	/* Most entries for pages are used, and one more. */
	KUNIT_EXPECT_GE(test, sum.entries, ASI_FAULT_PAGES * 9U / 10);
	KUNIT_EXPECT_LE(test, sum.entries, ASI_FAULT_PAGES + 1U);

	/* Nor does another one, which is known by itself. */
	other = count(log, 0, ASI_FAULT_RELAXED, IP + 4, ADDRESS - PAGE_SIZE);
	KUNIT_ASSERT_NOT_NULL(test, other);
	KUNIT_EXPECT_EQ(test, other->ip, IP + 4);
}

/* Whatever has no room is said to have none. */
static void too_many_instructions(struct kunit *test)
{
	struct asi_fault *log = new_log(test);
	unsigned long lost = 0, total = 10 * ASI_FAULT_ENTRIES;
	struct sum sum;
	int i;

	for (i = 0; i < total; i++)
		lost += !count(log, 0, ASI_FAULT_RELAXED, IP + 3 * i,
			       ADDRESS + i * PAGE_SIZE);
	sum = sum_up(log, IP);

	KUNIT_EXPECT_EQ(test, sum.broken, 0U);
	KUNIT_EXPECT_EQ(test, sum.faults + lost, total);
	KUNIT_EXPECT_EQ(test, sum.entries, (unsigned int)sum.faults);
	KUNIT_EXPECT_GE(test, sum.entries, ASI_FAULT_ENTRIES * 9U / 10);
	KUNIT_EXPECT_LE(test, sum.entries, (unsigned int)ASI_FAULT_ENTRIES);
}

static void clear_by_class(struct kunit *test)
{
	struct asi_fault *log = new_log(test);
	int i, class;

	for (i = 0; i < 100; i++)
		count(log, i % 4, ASI_FAULT_RELAXED, IP, ADDRESS + i * PAGE_SIZE);
	KUNIT_ASSERT_EQ(test, sum_up(log, IP).faults, 100UL);

	asi_fault_clear(log, 2);
	KUNIT_EXPECT_EQ(test, sum_up(log, IP).faults, 75UL);
	KUNIT_EXPECT_EQ(test, sum_up(log, IP).entries, 75U);
	for (i = 0; i < ASI_FAULT_ENTRIES; i++) {
		class = asi_fault_whose(log[i].key);
		KUNIT_EXPECT_FALSE(test, log[i].key && class == 2);
	}

	asi_fault_clear(log, -1);
	KUNIT_EXPECT_EQ(test, sum_up(log, IP).entries, 0U);
	KUNIT_EXPECT_EQ(test, sum_up(log, IP).broken, 0U);

	/* What is free can be used again. */
	count(log, 2, ASI_FAULT_RELAXED, IP, ADDRESS);
	KUNIT_EXPECT_EQ(test, sum_up(log, IP).here, 1UL);
}

/*
 * What is to happen after how many of the instructions that are done in single
 * steps, how many there were, and what they work on.
 */
static struct {
	struct task_struct *task;
	unsigned long at, steps;
	void (*interrupt)(void);
	struct asi_fault *log;
	/* Two instructions whose entry is the first of the log if that is free. */
	unsigned long here, neighbour;
} step;

static int on_step(struct notifier_block *nb, unsigned long event, void *data)
{
	struct die_args *args = data;
	unsigned long *dr6 = (unsigned long *)args->err;

	if (event != DIE_DEBUG || !(*dr6 & DR_STEP) || current != step.task)
		return NOTIFY_DONE;

	if (step.steps++ == step.at) {
		step.interrupt();
		/* The rest at full speed. */
		args->regs->flags &= ~X86_EFLAGS_TF;
	}
	*dr6 &= ~DR_STEP;
	return NOTIFY_STOP;
}

static struct notifier_block step_notifier = { .notifier_call = on_step };

static void unregister_step(void *unused)
{
	unregister_die_notifier(&step_notifier);
}

static __always_inline void set_single_step(bool on)
{
	unsigned long flags = native_save_fl() & ~X86_EFLAGS_TF;

	if (on)
		flags |= X86_EFLAGS_TF;
	asm volatile("push %0; popf" : : "rm" (flags) : "memory", "cc");
}

/* The next instruction behind @ip that goes into the first set of an empty log. */
static unsigned long find_first(unsigned long ip)
{
	struct asi_fault *fault;

	do {
		asi_fault_clear(step.log, -1);
		fault = count(step.log, 0, ASI_FAULT_RELAXED, ++ip, ADDRESS);
	} while (fault != step.log);
	asi_fault_clear(step.log, -1);
	return ip;
}

static void prepare_steps(struct kunit *test)
{
	memset(&step, 0, sizeof(step));
	step.log = new_log(test);
	step.here = find_first(IP);
	step.neighbour = find_first(step.here);

	KUNIT_ASSERT_EQ(test, 0, register_die_notifier(&step_notifier));
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, unregister_step, NULL));
}

/* Do @func, which @interrupt interrupts after instruction @at; false if it has fewer. */
static bool interrupted(void (*func)(void), void (*interrupt)(void),
			unsigned long at)
{
	unsigned long flags;

	step.at = at;
	step.steps = 0;
	step.interrupt = interrupt;

	local_irq_save(flags);
	step.task = current;
	set_single_step(true);
	func();
	set_single_step(false);
	step.task = NULL;
	local_irq_restore(flags);
	return step.steps > at;
}

static void count_here(void)
{
	count(step.log, 0, ASI_FAULT_RELAXED, step.here, ADDRESS);
}

static void count_neighbour(void)
{
	count(step.log, 0, ASI_FAULT_RELAXED, step.neighbour, ADDRESS);
}

static void count_several(void)
{
	count_here();
	count_neighbour();
	count_here();
	count_neighbour();
}

/* A fault in the middle of counting another: none is lost, and all are right. */
static void expect_interruptible(struct kunit *test, bool used,
				 void (*interrupt)(void), int here, int there)
{
	unsigned long at = 0, bad = 0;
	bool again;

	do {
		struct sum sum;

		asi_fault_clear(step.log, -1);
		if (used)
			count_here();
		again = interrupted(count_here, interrupt, at++);
		sum = sum_up(step.log, step.here);
		if (!again)
			break;
		bad += sum.broken || sum.here != used + 1 + here ||
		       sum.faults != used + 1 + here + there ||
		       sum.entries > 2 + !!there;
	} while (again && !bad && at < 1000);

	KUNIT_EXPECT_EQ_MSG(test, bad, 0UL, "interrupted after %lu", at - 1);
	/* It was, wherever it can be. */
	KUNIT_EXPECT_GE(test, at, 20UL);
	KUNIT_EXPECT_LT(test, at, 1000UL);
}

static void counting_is_interrupted(struct kunit *test)
{
	int used;

	prepare_steps(test);
	for (used = 0; used < 2; used++) {
		expect_interruptible(test, used, count_here, 1, 0);
		expect_interruptible(test, used, count_neighbour, 0, 1);
		expect_interruptible(test, used, count_several, 2, 2);
	}
}

static void clear_all(void)
{
	asi_fault_clear(step.log, -1);
}

/* A fault while entries are freed is forgotten, or it is there as a whole. */
static void clearing_is_interrupted(struct kunit *test)
{
	void (*const interrupt[])(void) = { count_here, count_neighbour };
	unsigned long at, kept = 0, forgotten = 0, bad = 0;
	struct sum sum;
	int i;

	prepare_steps(test);
	/* It begins with the entry that is used, and goes on for long. */
	for (at = 0; at < 300; at++) {
		i = at % 2;
		count_here();
		interrupted(clear_all, interrupt[i], at / 2);
		sum = sum_up(step.log, step.here);
		bad += sum.broken || sum.faults > 1 || sum.entries > 1 ||
		       (i && sum.here);
		kept += sum.faults;
		forgotten += !sum.faults;
		clear_all();
	}
	KUNIT_EXPECT_EQ(test, bad, 0UL);
	KUNIT_EXPECT_GT(test, kept, 0UL);
	KUNIT_EXPECT_GT(test, forgotten, 0UL);
}

/* Were it hidden, each fault of a domain would be followed by another. */
static void log_is_mapped_everywhere(struct kunit *test)
{
	struct asi *asi = asi_test_domain_with(test, ASI_FAULT_EXIT);
	int cpu, level, logs = 0, absent = 0;
	size_t i;

	for_each_online_cpu(cpu) {
		void *log = per_cpu(asi_fault_log, cpu);

		logs += !!log;
		for (i = 0; log && i < ASI_FAULT_ENTRIES * sizeof(struct asi_fault);
		     i += PAGE_SIZE) {
			unsigned long addr = (unsigned long)log + i;

			absent += !entry_present(asi_walk(asi->pgd, addr, &level));
			absent += page_sensitive(virt_to_page(log + i));
		}
	}
	KUNIT_EXPECT_EQ(test, logs, num_online_cpus());
	KUNIT_EXPECT_EQ(test, absent, 0);
}

static void no_room_is_noticed(struct kunit *test)
{
	struct asi_fault_record *record = kunit_kcalloc(test, 2, sizeof(*record),
							GFP_KERNEL);
	/* Nobody's else: nothing is watched. */
	const int whose = ASI_FAULT_WATCHED;
	struct asi_fault_records records;
	unsigned int i, room;
	bool all;

	KUNIT_ASSERT_NOT_NULL(test, record);
	local_irq_disable();
	for (i = 0; i < 2; i++)
		count(this_cpu_read(asi_fault_log), whose, ASI_FAULT_RELAXED, IP + i,
		      ADDRESS);
	local_irq_enable();

	for (room = 0; room <= 2; room++) {
		records = (struct asi_fault_records) { .record = record };
		mutex_lock(&asi_faults_lock);
		all = asi_faults_copy(&records, whose, room);
		mutex_unlock(&asi_faults_lock);
		KUNIT_EXPECT_EQ(test, all, room == 2);
		KUNIT_EXPECT_EQ(test, records.nr, room);
	}
	asi_faults_clear(whose);
}

static void symbols_have_no_white_space(struct kunit *test)
{
	char buf[ASI_FAULT_SYMBOL_LEN];

	KUNIT_EXPECT_STREQ(test, asi_fault_symbol(buf, (unsigned long)_printk + 1),
			   "_printk+0x1");
	KUNIT_EXPECT_STREQ(test, asi_fault_symbol(buf, PAGE_OFFSET), "?");
	KUNIT_EXPECT_STREQ(test, asi_fault_symbol(buf, 0), "?");
}

static struct kunit_case table_cases[] = {
	KUNIT_CASE(same_place_is_one_entry),
	KUNIT_CASE(places_are_apart),
	KUNIT_CASE(many_pages_of_one_instruction),
	KUNIT_CASE(too_many_instructions),
	KUNIT_CASE(clear_by_class),
	KUNIT_CASE(counting_is_interrupted),
	KUNIT_CASE_SLOW(clearing_is_interrupted),
	KUNIT_CASE(log_is_mapped_everywhere),
	KUNIT_CASE(no_room_is_noticed),
	KUNIT_CASE(symbols_have_no_white_space),
	{}
};

static struct kunit_suite table_suite = {
	.name		= "asi_faultlog_table",
	.init		= asi_test_init,
	.test_cases	= table_cases,
};
kunit_test_suite(table_suite);
