// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite asi_intr: real interrupts, exceptions and NMIs.
 *
 * Each test waits in a domain for something that interrupts it, in which hidden
 * memory is read.  That leaves the domain; whether the task is back in it when
 * the handler has returned depends on whether it was tense.
 */
#include <kunit/test.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/irq_work.h>
#include <linux/kdebug.h>
#include <linux/preempt.h>
#include <linux/smp.h>
#include <linux/workqueue.h>

#include <asm/apic.h>
#include <asm/asm.h>
#include <asm/extable_fixup_types.h>
#include <asm/nmi.h>

#include "common.h"

/* Iterations of 10 us that a test waits for what it sent. */
#define PATIENCE	100000

/**
 * struct sight - what a handler saw
 * @before:   The domain of the CPU when the handler began.
 * @after:    The same when it had read hidden memory.
 * @word:     What it read.
 * @depth:    The nesting depth.
 * @tense:    Is the interrupted task tense?
 * @critical: Did the handler count as part of the critical section?
 * @ran:      Written last.
 */
struct sight {
	struct asi *before, *after;
	u64 word;
	int depth;
	bool tense, critical, ran;
};

/* One test runs at a time.  What its handlers need, and what they saw. */
static struct {
	struct asi *asi;
	u64 *hidden;
	/* An interrupt reads hidden memory; else it only looks. */
	bool read;
	/* An interrupt is itself interrupted by an NMI. */
	bool send_nmi;
	/* An NMI or a breakpoint of ours is due on this CPU. */
	int nmi_cpu, int3_cpu;
	struct sight irq, nmi, int3;
	/* Domain and depth when the NMI had returned to the interrupt. */
	struct asi *irq_after_nmi;
	int irq_depth_after_nmi;
} t;

static void look(struct sight *sight)
{
	sight->before = asi_get_current();
	sight->tense = asi_is_tense();
	sight->critical = asi_in_critical_section();
	sight->depth = current->thread.asi_state.intr_nest_depth;
	if (t.read)
		sight->word = READ_ONCE(*t.hidden);
	sight->after = asi_get_current();
	/* After all else.  Pairs with wait_for(). */
	smp_store_release(&sight->ran, true);
}

static bool wait_for(struct sight *sight)
{
	int i;

	/* Pairs with look(). */
	for (i = 0; i < PATIENCE && !smp_load_acquire(&sight->ran); i++)
		udelay(10);
	return sight->ran;
}

static int on_nmi(unsigned int type, struct pt_regs *regs)
{
	if (READ_ONCE(t.nmi_cpu) != raw_smp_processor_id())
		return NMI_DONE;

	WRITE_ONCE(t.nmi_cpu, -1);
	look(&t.nmi);
	return NMI_HANDLED;
}

static void send_nmi(void)
{
	int cpu = raw_smp_processor_id();

	WRITE_ONCE(t.nmi_cpu, cpu);
	__apic_send_IPI(cpu, NMI_VECTOR);
}

static void on_irq(void *unused)
{
	if (t.send_nmi) {
		send_nmi();
		wait_for(&t.nmi);
		t.irq_after_nmi = asi_get_current();
		t.irq_depth_after_nmi =
			current->thread.asi_state.intr_nest_depth;
	}
	look(&t.irq);
}

static void on_irq_work(struct irq_work *work)
{
	on_irq(NULL);
}

static int on_die(struct notifier_block *nb, unsigned long event, void *data)
{
	if (event != DIE_INT3 ||
	    READ_ONCE(t.int3_cpu) != raw_smp_processor_id())
		return NOTIFY_DONE;

	WRITE_ONCE(t.int3_cpu, -1);
	look(&t.int3);
	return NOTIFY_STOP;
}

static struct notifier_block die_notifier = { .notifier_call = on_die };
static struct irq_work self_interrupt = IRQ_WORK_INIT_HARD(on_irq_work);

static void unregister_nmi(void *unused)
{
	unregister_nmi_handler(NMI_LOCAL, "asi_kunit");
}

static void unregister_die(void *unused)
{
	unregister_die_notifier(&die_notifier);
}

static int intr_init(struct kunit *test)
{
	asi_test_needs_asi(test);

	memset(&t, 0, sizeof(t));
	t.nmi_cpu = -1;
	t.int3_cpu = -1;
	t.read = true;
	t.asi = asi_test_domain_with(test, ASI_FAULT_EXIT);
	t.hidden = asi_test_hidden_block(test);

	KUNIT_ASSERT_EQ(test, 0,
			register_nmi_handler(NMI_LOCAL, on_nmi, 0,
					     "asi_kunit"));
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, unregister_nmi, NULL));
	KUNIT_ASSERT_EQ(test, 0, register_die_notifier(&die_notifier));
	return kunit_add_action_or_reset(test, unregister_die, NULL);
}

/* The state of the task that was interrupted, when all handlers returned. */
struct end {
	struct asi *current_asi, *target;
	int depth;
	bool cr3_agrees;
};

static void note_end(struct end *end)
{
	unsigned long flags;

	local_irq_save(flags);
	end->current_asi = asi_get_current();
	end->cr3_agrees = cr3_agrees(current->mm, end->current_asi);
	local_irq_restore(flags);
	end->target = asi_get_target(current);
	end->depth = current->thread.asi_state.intr_nest_depth;
}

/*
 * Enter the domain, be interrupted by what @send does until @sight is taken,
 * leave.  Interrupts are on, preemption is off.
 */
static void interrupt_in_domain(void (*send)(void), struct sight *sight,
				bool tense, struct end *end)
{
	preempt_disable();
	/* A tick in the middle of it would enter first, and be counted. */
	local_irq_disable();
	asi_enter(t.asi);
	local_irq_enable();
	if (!tense)
		asi_relax();
	send();
	wait_for(sight);
	note_end(end);
	asi_relax();
	asi_exit();
	preempt_enable();
}

/* A handler that interrupted the domain directly, and read hidden memory. */
static void expect_exit_inside(struct kunit *test, const struct sight *sight,
			       bool tense, int depth)
{
	KUNIT_ASSERT_TRUE_MSG(test, sight->ran, "nothing was delivered");
	KUNIT_EXPECT_PTR_EQ(test, sight->before, t.asi);
	KUNIT_EXPECT_NULL(test, sight->after);
	KUNIT_EXPECT_EQ(test, sight->word, block_word(0));
	KUNIT_EXPECT_EQ(test, sight->tense, tense);
	KUNIT_EXPECT_FALSE(test, sight->critical);
	KUNIT_EXPECT_EQ(test, sight->depth, depth);
}

/* Back in the domain if tense, still outside if relaxed. */
static void expect_end(struct kunit *test, const struct end *end, bool tense)
{
	KUNIT_EXPECT_PTR_EQ(test, end->current_asi, tense ? t.asi : NULL);
	KUNIT_EXPECT_PTR_EQ(test, end->target, tense ? t.asi : NULL);
	KUNIT_EXPECT_TRUE(test, end->cr3_agrees);
	KUNIT_EXPECT_EQ(test, end->depth, 0);
}

static void run(struct kunit *test, void (*send)(void), struct sight *sight,
		bool tense)
{
	struct asi_test_counts counts;
	struct end end;

	asi_test_count_from(&counts, t.asi->index);
	interrupt_in_domain(send, sight, tense, &end);

	expect_exit_inside(test, sight, tense, tense);
	expect_end(test, &end, tense);
	EXPECT_COUNTED(test, &counts, ASI_CTR_FAULTS, 1);
	EXPECT_COUNTED(test, &counts, ASI_CTR_EXITS + ASI_EXIT_FAULT, 1);
	EXPECT_COUNTED(test, &counts, ASI_CTR_REENTERS, tense);
	EXPECT_COUNTED(test, &counts, ASI_CTR_ENTERS, 1 + tense);
	EXPECT_COUNTED(test, &counts, ASI_CTR_TENSE_FAULTS, 0);
	EXPECT_COUNTED(test, &counts, ASI_CTR_WARNINGS, 0);
}

static void send_irq(void)
{
	irq_work_queue(&self_interrupt);
}

static void irq_returns_to_tense_task(struct kunit *test)
{
	run(test, send_irq, &t.irq, true);
}

static void irq_returns_to_relaxed_task(struct kunit *test)
{
	run(test, send_irq, &t.irq, false);
}

static void nmi_returns_to_tense_task(struct kunit *test)
{
	run(test, send_nmi, &t.nmi, true);
}

static void nmi_returns_to_relaxed_task(struct kunit *test)
{
	run(test, send_nmi, &t.nmi, false);
}

static void send_int3(void)
{
	WRITE_ONCE(t.int3_cpu, raw_smp_processor_id());
	asm volatile("int3");
}

static void int3_returns_to_tense_task(struct kunit *test)
{
	run(test, send_int3, &t.int3, true);
}

static void int3_returns_to_relaxed_task(struct kunit *test)
{
	run(test, send_int3, &t.int3, false);
}

/* A handler that touches nothing sensitive works in the domain. */
static void irq_without_access_stays_inside(struct kunit *test)
{
	struct asi_test_counts counts;
	struct end end;
	int tense;

	t.read = false;
	for (tense = 0; tense < 2; tense++) {
		memset(&t.irq, 0, sizeof(t.irq));
		asi_test_count_from(&counts, t.asi->index);
		interrupt_in_domain(send_irq, &t.irq, tense, &end);

		KUNIT_ASSERT_TRUE(test, t.irq.ran);
		KUNIT_EXPECT_PTR_EQ(test, t.irq.after, t.asi);
		KUNIT_EXPECT_PTR_EQ(test, end.current_asi, t.asi);
		KUNIT_EXPECT_EQ(test, end.depth, 0);
		EXPECT_COUNTED(test, &counts, ASI_CTR_FAULTS, 0);
		EXPECT_COUNTED(test, &counts, ASI_CTR_REENTERS, 0);
		EXPECT_COUNTED(test, &counts, ASI_CTR_ENTERS, 1);
	}
}

/* Only the outermost goes back, not the NMI that returns to the interrupt. */
static void nmi_in_irq_does_not_reenter(struct kunit *test)
{
	struct asi_test_counts counts;
	struct end end;

	t.send_nmi = true;
	asi_test_count_from(&counts, t.asi->index);
	interrupt_in_domain(send_irq, &t.irq, true, &end);

	expect_exit_inside(test, &t.nmi, true, 2);
	KUNIT_EXPECT_NULL(test, t.irq_after_nmi);
	KUNIT_EXPECT_EQ(test, t.irq_depth_after_nmi, 1);
	KUNIT_EXPECT_NULL(test, t.irq.before);
	KUNIT_EXPECT_EQ(test, t.irq.word, block_word(0));
	expect_end(test, &end, true);
	EXPECT_COUNTED(test, &counts, ASI_CTR_FAULTS, 1);
	EXPECT_COUNTED(test, &counts, ASI_CTR_REENTERS, 1);
	EXPECT_COUNTED(test, &counts, ASI_CTR_ENTERS, 2);
}

/* An exception that the kernel fixes up itself, which says so in @fixed_up. */
static void send_gp(void)
{
	unsigned long non_canonical = BIT(62);
	int fixed_up = 0;

	asm volatile("1: movq (%[addr]), %%rax\n"
		     "2:\n"
		     _ASM_EXTABLE_TYPE_REG(1b, 2b, EX_TYPE_EFAULT_REG,
					   %[fixed_up])
		     : [fixed_up] "+r" (fixed_up)
		     : [addr] "r" (non_canonical) : "rax", "memory");
	t.irq.ran = fixed_up == -EFAULT;
}

static void gp_returns_to_tense_task(struct kunit *test)
{
	struct asi_test_counts counts;
	struct end end;

	asi_test_count_from(&counts, t.asi->index);
	interrupt_in_domain(send_gp, &t.irq, true, &end);

	KUNIT_EXPECT_TRUE_MSG(test, t.irq.ran, "no exception happened");
	expect_end(test, &end, true);
	EXPECT_COUNTED(test, &counts, ASI_CTR_TENSE_FAULTS, 0);
	EXPECT_COUNTED(test, &counts, ASI_CTR_WARNINGS, 0);
}

/* A function call by another CPU. */
struct remote_call {
	struct work_struct work;
	int target_cpu;
};

static void call_remotely(struct work_struct *work)
{
	struct remote_call *call = container_of(work, struct remote_call, work);

	smp_call_function_single(call->target_cpu, on_irq, NULL, 1);
}

static void call_of_another_cpu(struct kunit *test)
{
	struct remote_call call;
	struct end end;
	int other;

	if (num_online_cpus() < 2)
		kunit_skip(test, "one CPU is online, two are needed");

	INIT_WORK_ONSTACK(&call.work, call_remotely);
	preempt_disable();
	call.target_cpu = smp_processor_id();
	other = cpumask_any_but(cpu_online_mask, call.target_cpu);
	schedule_work_on(other, &call.work);
	asi_enter(t.asi);
	wait_for(&t.irq);
	note_end(&end);
	asi_relax();
	asi_exit();
	preempt_enable();
	flush_work(&call.work);
	destroy_work_on_stack(&call.work);

	KUNIT_ASSERT_TRUE(test, t.irq.ran);
	KUNIT_EXPECT_NULL(test, t.irq.after);
	KUNIT_EXPECT_EQ(test, t.irq.word, block_word(0));
	expect_end(test, &end, true);
}

/* Interrupts come again and again, and the depth does not drift. */
static void many_interrupts(struct kunit *test)
{
	void (*const send[])(void) = { send_irq, send_nmi, send_int3 };
	struct sight *const sight[] = { &t.irq, &t.nmi, &t.int3 };
	struct asi_test_counts counts;
	int i, which, bad = 0;
	struct end end;

	asi_test_count_from(&counts, t.asi->index);
	for (i = 0; i < 300; i++) {
		which = i % ARRAY_SIZE(send);
		memset(sight[which], 0, sizeof(*sight[which]));
		interrupt_in_domain(send[which], sight[which], i & 1, &end);
		bad += !sight[which]->ran || sight[which]->after ||
		       sight[which]->word != block_word(0) || end.depth ||
		       end.current_asi != (i & 1 ? t.asi : NULL);
	}
	KUNIT_EXPECT_EQ(test, bad, 0);
	EXPECT_COUNTED(test, &counts, ASI_CTR_FAULTS, 300);
	EXPECT_COUNTED(test, &counts, ASI_CTR_REENTERS, 150);
	EXPECT_COUNTED(test, &counts, ASI_CTR_ENTERS, 450);
	EXPECT_COUNTED(test, &counts, ASI_CTR_WARNINGS, 0);
}

static struct kunit_case intr_cases[] = {
	KUNIT_CASE(irq_returns_to_tense_task),
	KUNIT_CASE(irq_returns_to_relaxed_task),
	KUNIT_CASE(irq_without_access_stays_inside),
	KUNIT_CASE(nmi_returns_to_tense_task),
	KUNIT_CASE(nmi_returns_to_relaxed_task),
	KUNIT_CASE(nmi_in_irq_does_not_reenter),
	KUNIT_CASE(int3_returns_to_tense_task),
	KUNIT_CASE(int3_returns_to_relaxed_task),
	KUNIT_CASE(gp_returns_to_tense_task),
	KUNIT_CASE(call_of_another_cpu),
	KUNIT_CASE(many_interrupts),
	{}
};

static struct kunit_suite intr_suite = {
	.name		= "asi_intr",
	.init		= intr_init,
	.test_cases	= intr_cases,
};
kunit_test_suite(intr_suite);
