// SPDX-License-Identifier: GPL-2.0
/*
 * Address space isolation: sequences of /dev/asi that something interrupts.
 *
 * The task is tense when it happens.  What interrupts it looks where the CPU is, and
 * may do more; then the task looks whether it is where it was.
 *
 * One run at a time, see dev_run.c, so the handlers of NMIs and exceptions have one run
 * that they may be meant for.
 */
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/kdebug.h>
#include <linux/ktime.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/smp.h>

#include <asm/debugreg.h>
#include <asm/nmi.h>
#include <asm/processor-flags.h>

#include "dev.h"

/* How long something that was sent may take, in steps of 10 us. */
#define PATIENCE	100000

/* How often the storm's task enters, and the interrupts that make it a storm. */
#define STORM_ROUNDS	300
#define STORM_MIN	100
/* The timer goes off at some time below that after a round begins. */
#define STORM_NSECS	50000

/* The run that waits for an NMI or an exception; NULL if none does. */
static struct asi_dev_run *waiting;

/* Do what the run has for this moment, if it waits for it on this CPU. */
static bool happened(struct asi_dev_run *run)
{
	if (!run || READ_ONCE(run->cpu) != raw_smp_processor_id())
		return false;

	WRITE_ONCE(run->cpu, -1);
	run->handler(run);
	/* After all that was noted.  Pairs with wait_for_it(). */
	smp_store_release(&run->came, true);
	return true;
}

static int on_nmi(unsigned int type, struct pt_regs *regs)
{
	return happened(READ_ONCE(waiting)) ? NMI_HANDLED : NMI_DONE;
}

/* Single steps go on until the task turns them off; the first one counts. */
static bool on_step(struct asi_dev_run *run, struct die_args *args)
{
	unsigned long *dr6 = (unsigned long *)args->err;

	if (!run || current != run->task || !(*dr6 & DR_STEP))
		return false;
	*dr6 &= ~DR_STEP;
	happened(run);
	return true;
}

static int on_die(struct notifier_block *nb, unsigned long event, void *data)
{
	struct asi_dev_run *run = READ_ONCE(waiting);

	if (event == DIE_INT3 && happened(run))
		return NOTIFY_STOP;
	if (event == DIE_DEBUG && on_step(run, data))
		return NOTIFY_STOP;
	return NOTIFY_DONE;
}

static struct notifier_block die_notifier = { .notifier_call = on_die };

/* Say that something is to come to this CPU.  Preemption is off. */
static void expect(struct asi_dev_run *run,
		   void (*handler)(struct asi_dev_run *run))
{
	run->handler = handler;
	run->came = false;
	WRITE_ONCE(run->cpu, smp_processor_id());
}

static void wait_for_it(struct asi_dev_run *run)
{
	int i;

	/* Pairs with happened(). */
	for (i = 0; i < PATIENCE && !smp_load_acquire(&run->came); i++)
		udelay(10);
	if (!run->came) {
		WRITE_ONCE(run->cpu, -1);
		asi_dev_fail(run, "what was sent has not come");
	}
}

static void with_nmis(struct asi_dev_run *run,
		      void (*body)(struct asi_dev_run *run))
{
	if (register_nmi_handler(NMI_LOCAL, on_nmi, 0, "asi_dev")) {
		asi_dev_fail(run, "no handler of NMIs could be registered");
		return;
	}
	WRITE_ONCE(waiting, run);
	body(run);
	WRITE_ONCE(waiting, NULL);
	/* Waits for those that run. */
	unregister_nmi_handler(NMI_LOCAL, "asi_dev");
}

static void with_exceptions(struct asi_dev_run *run,
			    void (*body)(struct asi_dev_run *run))
{
	register_die_notifier(&die_notifier);
	WRITE_ONCE(waiting, run);
	body(run);
	WRITE_ONCE(waiting, NULL);
	unregister_die_notifier(&die_notifier);
}

static void send_nmi(struct asi_dev_run *run)
{
	expect(run, asi_dev_step);
	asi_dev_send_nmi();
	wait_for_it(run);
}

/* Enter, let it come, look, leave. */
static void enter_and_send(struct asi_dev_run *run,
			   void (*send)(struct asi_dev_run *run))
{
	asi_dev_begin(run);
	asi_enter(run->asi);
	asi_dev_step(run);
	send(run);
	asi_dev_step(run);
	asi_dev_end(run);
	asi_dev_step(run);
}

static void nmi_body(struct asi_dev_run *run)
{
	enter_and_send(run, send_nmi);
}

void asi_dev_nmi(struct asi_dev_run *run)
{
	with_nmis(run, nmi_body);
}

/* Where it has come: look, read what the domain does not map, look again. */
static void look_and_read(struct asi_dev_run *run)
{
	asi_dev_step(run);
	if (READ_ONCE(*run->hidden) != run->word)
		asi_dev_fail(run, "another word was read");
	asi_dev_step(run);
}

static void send_reading_nmi(struct asi_dev_run *run)
{
	expect(run, look_and_read);
	asi_dev_send_nmi();
	wait_for_it(run);
}

static void fault_in_nmi_body(struct asi_dev_run *run)
{
	enter_and_send(run, send_reading_nmi);
}

void asi_dev_fault_in_nmi(struct asi_dev_run *run)
{
	with_nmis(run, fault_in_nmi_body);
}

static void do_int3(struct asi_dev_run *run)
{
	expect(run, look_and_read);
	asm volatile("int3" : : : "memory");
	if (!run->came)
		asi_dev_fail(run, "the breakpoint was not handled");
}

static void int3_body(struct asi_dev_run *run)
{
	enter_and_send(run, do_int3);
}

void asi_dev_int3(struct asi_dev_run *run)
{
	with_exceptions(run, int3_body);
}

/* The exception comes after the instruction that follows the first popf. */
static void do_step(struct asi_dev_run *run)
{
	unsigned long flags;

	expect(run, look_and_read);
	asm volatile("pushf\n\t"
		     "pop %[flags]\n\t"
		     "mov %[flags], %%rax\n\t"
		     "or %[tf], %%rax\n\t"
		     "push %%rax\n\t"
		     "popf\n\t"
		     "nop\n\t"
		     "push %[flags]\n\t"
		     "popf"
		     : [flags] "=&r" (flags)
		     : [tf] "i" (X86_EFLAGS_TF)
		     : "rax", "memory", "cc");
	wait_for_it(run);
}

static void debug_body(struct asi_dev_run *run)
{
	enter_and_send(run, do_step);
}

void asi_dev_debug(struct asi_dev_run *run)
{
	with_exceptions(run, debug_body);
}

/* The interrupt.  If NMIs are waited for, one interrupts it. */
static void on_work(struct irq_work *work)
{
	struct asi_dev_run *run = container_of(work, struct asi_dev_run, work);

	asi_dev_step(run);
	if (READ_ONCE(waiting)) {
		send_nmi(run);
		asi_dev_step(run);
	}
	/* Pairs with wait_for_interrupt(). */
	smp_store_release(&run->interrupts, run->interrupts + 1);
}

static void wait_for_interrupt(struct asi_dev_run *run)
{
	int i;

	/* Pairs with on_work(). */
	for (i = 0; i < PATIENCE && !smp_load_acquire(&run->interrupts); i++)
		udelay(10);
	if (!run->interrupts)
		asi_dev_fail(run, "the interrupt has not come");
}

/*
 * It is sent before the domain is entered, as with a decorated page table the sender
 * would touch too much, and waits until interrupts are on.
 */
void asi_dev_interrupt(struct asi_dev_run *run)
{
	run->work = IRQ_WORK_INIT_HARD(on_work);

	asi_dev_begin(run);
	irq_work_queue(&run->work);
	asi_enter(run->asi);
	asi_dev_step(run);
	local_irq_enable();
	wait_for_interrupt(run);
	asi_dev_step(run);
	asi_dev_end(run);
	irq_work_sync(&run->work);
	asi_dev_step(run);
}

void asi_dev_nmi_in_interrupt(struct asi_dev_run *run)
{
	with_nmis(run, asi_dev_interrupt);
}

static enum hrtimer_restart on_timer(struct hrtimer *timer)
{
	struct asi_dev_run *run = container_of(timer, struct asi_dev_run, timer);

	WRITE_ONCE(run->interrupts, run->interrupts + 1);
	return HRTIMER_NORESTART;
}

static void storm_round(struct asi_dev_run *run, unsigned int round)
{
	unsigned int before = run->interrupts;
	int i;

	asi_dev_again(run, 1);
	asi_dev_begin(run);
	hrtimer_start(&run->timer, ns_to_ktime(round * 7919 % STORM_NSECS),
		      HRTIMER_MODE_REL_PINNED_HARD);
	asi_enter(run->asi);
	local_irq_enable();
	for (i = 0; i < 1000 && READ_ONCE(run->interrupts) == before; i++)
		udelay(1);
	asi_dev_step(run);
	asi_dev_end(run);
	asi_dev_step(run);
}

void asi_dev_irq_storm(struct asi_dev_run *run)
{
	unsigned int round;

	hrtimer_init(&run->timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
	run->timer.function = on_timer;

	asi_dev_step(run);
	for (round = 0; round < STORM_ROUNDS && !READ_ONCE(run->stop); round++) {
		storm_round(run, round);
		hrtimer_cancel(&run->timer);
		cond_resched();
	}
	if (run->interrupts < STORM_MIN)
		asi_dev_fail(run, "too few interrupts came");
}
