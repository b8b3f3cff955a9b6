// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite asi_storm: interrupts, NMIs and debug exceptions in the middle of
 * the transitions.
 *
 * A thread enters and leaves two domains without a break, while something else
 * interrupts it and makes it leave by force: another CPU and a timer as often as
 * they can, a debug exception at each single instruction once.  After each step,
 * what ASI believes and what CR3 holds must be the same, and a task whose
 * critical section is open must be in its domain.
 */
#include <kunit/test.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/kdebug.h>
#include <linux/kthread.h>
#include <linux/preempt.h>
#include <linux/smp.h>

#include <asm/apic.h>
#include <asm/debugreg.h>
#include <asm/nmi.h>

#include "common.h"

#define NR_DOMAINS	2
#define ROUNDS		20000
/* Rounds without a chance for other tasks. */
#define BATCH		50
/*
 * Interrupts at the least.  An emulator that takes the CPUs in turn has few, as a
 * CPU goes on for a tenth of a second before the sender has its turn.
 */
#define STRIKES		20
/*
 * In single steps, instructions from one strike to the next.  Longer than what may
 * not be interrupted twice to go wrong: after a strike the domain may be left.
 */
#define STEP_PERIOD	31UL
/* Ways through the state machine: the bits that walk_path() looks at. */
#define NR_PATHS	16
/* What CR2 holds meanwhile, as if a page fault had been interrupted. */
#define FAULT_ADDRESS	0x123456789000UL
#define PATIENCE	(120 * HZ)

/* What the handlers of a storm need, and what they did. */
static struct {
	u64 *hidden;
	/* The CPU that an NMI of ours is due on, or -1. */
	int nmi_cpu;
	/* The thread that takes a debug exception after each instruction. */
	struct task_struct *stepper;
	/* Which of STEP_PERIOD instructions to strike at, and how. */
	unsigned long steps, phase;
	int kind;
	unsigned long interrupts;
	/* Made the CPU leave a domain. */
	unsigned long hits;
	unsigned long misreads;
	/* Rounds after which CR2 was another's. */
	unsigned long cr2_lost;
} storm;

static u32 next_random(u32 *random)
{
	*random = *random * 1664525 + 1013904223;
	return *random >> 16;
}

/* Leave in one of two ways, or not at all. */
static void strike(int kind)
{
	storm.interrupts++;
	storm.hits += kind && asi_get_current();
	if (kind == 1)
		storm.misreads += READ_ONCE(*storm.hidden) != block_word(0);
	else if (kind == 2)
		asi_exit();
}

static int on_nmi(unsigned int type, struct pt_regs *regs)
{
	if (READ_ONCE(storm.nmi_cpu) != raw_smp_processor_id())
		return NMI_DONE;

	strike(storm.interrupts % 3);
	/* The next one may be sent.  Pairs with wait_for_nmi(). */
	smp_store_release(&storm.nmi_cpu, -1);
	return NMI_HANDLED;
}

static void unregister_nmi(void *unused)
{
	unregister_nmi_handler(NMI_LOCAL, "asi_kunit_storm");
}

/* The last NMI that was sent has been handled. */
static void wait_for_nmi(void)
{
	int i;

	for (i = 0; i < USEC_PER_SEC; i++) {
		/* Pairs with on_nmi(). */
		if (smp_load_acquire(&storm.nmi_cpu) < 0)
			break;
		udelay(1);
	}
}

/* Sends one NMI after the other to a CPU, at uneven intervals. */
static int nmi_sender(void *cpu)
{
	u32 random = 1;
	int i;

	while (!kthread_should_stop()) {
		WRITE_ONCE(storm.nmi_cpu, (long)cpu);
		__apic_send_IPI((long)cpu, NMI_VECTOR);
		wait_for_nmi();
		for (i = next_random(&random) % 256; i; i--)
			cpu_relax();
		cond_resched();
	}
	return 0;
}

static enum hrtimer_restart on_timer(struct hrtimer *timer)
{
	strike(storm.interrupts % 3);
	return HRTIMER_NORESTART;
}

/* A debug exception may hit where an NMI may, and takes the same way in and out. */
static int on_step(struct notifier_block *nb, unsigned long event, void *data)
{
	struct die_args *args = data;
	unsigned long *dr6 = (unsigned long *)args->err;

	if (event != DIE_DEBUG || !(*dr6 & DR_STEP) || current != storm.stepper)
		return NOTIFY_DONE;

	if (storm.steps++ % STEP_PERIOD == storm.phase)
		strike(storm.kind);
	*dr6 &= ~DR_STEP;
	return NOTIFY_STOP;
}

static struct notifier_block step_notifier = {
	.notifier_call = on_step,
};

static void unregister_step(void *unused)
{
	unregister_die_notifier(&step_notifier);
}

/* What is between the two is done in single steps, if that is the storm. */
static __always_inline void set_single_step(bool on)
{
	unsigned long flags = native_save_fl() & ~X86_EFLAGS_TF;

	if (on && storm.stepper)
		flags |= X86_EFLAGS_TF;
	asm volatile("push %0; popf" : : "rm" (flags) : "memory", "cc");
}

#define IN_STEPS(call) do {						\
	set_single_step(true);						\
	call;								\
	set_single_step(false);						\
} while (0)

/**
 * struct walk - the thread that enters and leaves
 * @domain:	The domains.
 * @timer:	Started anew in each round; or NULL.
 * @target:	What the target should be.
 * @left:	The open critical section was left on purpose.
 * @cr3:	Times that CR3 was not what ASI believed.
 * @outside:	Times that tense code was not in its domain.
 * @random:	State of next_random().
 */
struct walk {
	struct asi *domain[NR_DOMAINS];
	struct hrtimer *timer;
	struct asi *target;
	bool left;
	unsigned long cr3, outside;
	u32 random;
};

/*
 * Compare CR3 with what ASI believes.  An interrupt in between leaves nothing
 * changed if the task is tense, and otherwise shows by the second look.
 */
static void check_walk(struct walk *walk)
{
	struct asi *asi = asi_get_current();
	bool agrees = cr3_agrees(current->mm, asi);

	if (asi != asi_get_current())
		return;
	walk->cr3 += !agrees;
	walk->outside += walk->target && !walk->left && asi != walk->target;
}

static void walk_enter(struct walk *walk, int domain)
{
	walk->target = walk->domain[domain];
	walk->left = false;
	IN_STEPS(asi_enter(walk->target));
	check_walk(walk);
}

static void walk_relax(struct walk *walk)
{
	IN_STEPS(asi_relax());
	walk->target = NULL;
	check_walk(walk);
}

static void walk_exit(struct walk *walk)
{
	/* What comes back in may do so at any time from now on. */
	walk->left = true;
	IN_STEPS(asi_exit());
	check_walk(walk);
}

/* An interrupt that leaves, and is interrupted itself. */
static void walk_interrupt(struct walk *walk)
{
	unsigned long flags;

	local_irq_save(flags);
	IN_STEPS(asi_intr_enter());
	IN_STEPS(asi_exit());
	IN_STEPS(asi_intr_exit());
	local_irq_restore(flags);
	check_walk(walk);
}

static void walk_path(struct walk *walk, unsigned int path)
{
	walk_enter(walk, path & 1);
	if (path & 8)
		walk_interrupt(walk);
	if (path & 2)
		walk_exit(walk);
	walk_relax(walk);
	if (path & 4)
		walk_exit(walk);
	check_walk(walk);
}

static void walk_round(struct walk *walk)
{
	/* Once it has expired, so that it cannot use up the CPU. */
	if (walk->timer && !hrtimer_active(walk->timer))
		hrtimer_start(walk->timer, next_random(&walk->random) % 32768,
			      HRTIMER_MODE_REL_PINNED_HARD);

	walk_path(walk, next_random(&walk->random) % NR_PATHS);
}

/* Put right what a bug in ASI may have left wrong, so that the log gets out. */
static void walk_end(struct walk *walk)
{
	unsigned long flags;

	walk_relax(walk);
	walk_exit(walk);
	local_irq_save(flags);
	write_cr3_raw(asi_unrestricted_cr3());
	local_irq_restore(flags);
}

static void walk_rounds(struct walk *walk, int rounds)
{
	int i;

	preempt_disable();
	for (i = 0; i < rounds; i++)
		walk_round(walk);
	walk_end(walk);
	preempt_enable();
}

/* Each instruction of each path, with either way to leave. */
static void walk_in_steps(struct walk *walk)
{
	unsigned long i;

	storm.stepper = current;
	for (i = 0; i < STEP_PERIOD * 2 * NR_PATHS && !walk->cr3; i++) {
		storm.steps = 0;
		storm.phase = i % STEP_PERIOD;
		storm.kind = 1 + i / STEP_PERIOD % 2;

		preempt_disable();
		native_write_cr2(FAULT_ADDRESS);
		walk_path(walk, i / (2 * STEP_PERIOD));
		storm.cr2_lost += native_read_cr2() != FAULT_ADDRESS;
		walk_end(walk);
		preempt_enable();
		cond_resched();
	}
	storm.stepper = NULL;
}

static void walk_in_storm(struct walk *walk)
{
	unsigned long end = jiffies + PATIENCE;
	int rounds;

	for (rounds = 0; !walk->cr3; rounds += BATCH) {
		if (rounds >= ROUNDS && (READ_ONCE(storm.interrupts) >= STRIKES ||
					 time_after(jiffies, end)))
			break;
		walk_rounds(walk, BATCH);
		cond_resched();
	}
}

static void expect_calm(struct kunit *test, const struct walk *walk,
			const struct asi_test_counts *counts)
{
	int d;

	kunit_info(test, "%lu interrupts, %lu of them left a domain",
		   storm.interrupts, storm.hits);
	KUNIT_EXPECT_GE(test, storm.interrupts, STRIKES);
	KUNIT_EXPECT_GT(test, storm.hits, 0UL);
	KUNIT_EXPECT_EQ(test, storm.misreads, 0UL);
	KUNIT_EXPECT_EQ(test, walk->cr3, 0UL);
	KUNIT_EXPECT_EQ(test, walk->outside, 0UL);
	KUNIT_EXPECT_EQ(test, current->thread.asi_state.intr_nest_depth, 0);
	for (d = 0; d < NR_DOMAINS; d++) {
		EXPECT_COUNTED(test, &counts[d], ASI_CTR_TENSE_FAULTS, 0);
		EXPECT_COUNTED(test, &counts[d], ASI_CTR_WARNINGS, 0);
	}
}

static void setup_walk(struct kunit *test, struct walk *walk,
		       struct asi_test_counts *counts)
{
	static const char *const names[NR_DOMAINS] = { "test", "test2" };
	int d;

	memset(&storm, 0, sizeof(storm));
	storm.nmi_cpu = -1;
	storm.hidden = asi_test_hidden_block(test);
	for (d = 0; d < NR_DOMAINS; d++) {
		int class = asi_test_class(test, names[d], NULL);

		walk->domain[d] = asi_test_domain(test, class);
		asi_test_count_from(&counts[d], class);
	}
}

static void nmis_from_another_cpu(struct kunit *test)
{
	struct asi_test_counts counts[NR_DOMAINS];
	struct task_struct *sender;
	struct walk walk = {};
	long cpu;

	if (num_online_cpus() < 2)
		kunit_skip(test, "one CPU is online, two are needed");

	setup_walk(test, &walk, counts);
	KUNIT_ASSERT_EQ(test, 0,
			register_nmi_handler(NMI_LOCAL, on_nmi, 0,
					     "asi_kunit_storm"));
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, unregister_nmi, NULL));

	cpu = cpumask_first(cpu_online_mask);
	KUNIT_ASSERT_EQ(test, 0,
			set_cpus_allowed_ptr(current, cpumask_of(cpu)));
	sender = kthread_create(nmi_sender, (void *)cpu, "asi_kunit_storm");
	KUNIT_ASSERT_FALSE(test, IS_ERR(sender));
	kthread_bind(sender, cpumask_any_but(cpu_online_mask, cpu));
	wake_up_process(sender);

	walk_in_storm(&walk);

	kthread_stop(sender);
	expect_calm(test, &walk, counts);
}

static void timer_interrupts(struct kunit *test)
{
	struct asi_test_counts counts[NR_DOMAINS];
	struct walk walk = {};
	struct hrtimer timer;
	long cpu;

	setup_walk(test, &walk, counts);
	cpu = cpumask_first(cpu_online_mask);
	KUNIT_ASSERT_EQ(test, 0,
			set_cpus_allowed_ptr(current, cpumask_of(cpu)));

	hrtimer_init_on_stack(&timer, CLOCK_MONOTONIC,
			      HRTIMER_MODE_REL_PINNED_HARD);
	timer.function = on_timer;
	walk.timer = &timer;

	walk_in_storm(&walk);

	hrtimer_cancel(&timer);
	destroy_hrtimer_on_stack(&timer);
	expect_calm(test, &walk, counts);
}

static void single_steps(struct kunit *test)
{
	struct asi_test_counts counts[NR_DOMAINS];
	struct walk walk = {};

	setup_walk(test, &walk, counts);
	KUNIT_ASSERT_EQ(test, 0, register_die_notifier(&step_notifier));
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, unregister_step, NULL));

	walk_in_steps(&walk);

	expect_calm(test, &walk, counts);
	KUNIT_EXPECT_EQ(test, storm.cr2_lost, 0UL);
	/* The shortest path has more instructions than that. */
	KUNIT_EXPECT_GE(test, storm.interrupts, STEP_PERIOD * 2 * NR_PATHS);
}

static struct kunit_case storm_cases[] = {
	KUNIT_CASE_SLOW(single_steps),
	KUNIT_CASE_SLOW(nmis_from_another_cpu),
	KUNIT_CASE_SLOW(timer_interrupts),
	{}
};

static struct kunit_suite storm_suite = {
	.name		= "asi_storm",
	.init		= asi_test_init,
	.test_cases	= storm_cases,
};
kunit_test_suite(storm_suite);
