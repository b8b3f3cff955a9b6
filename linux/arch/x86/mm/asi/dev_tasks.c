// SPDX-License-Identifier: GPL-2.0
/*
 * Address space isolation: sequences of /dev/asi that sleep, and those of two tasks.
 */
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kmod.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/smp.h>

#include <asm/asi_dpt.h>

#include "dev.h"

#define SCHEDULE_ROUNDS	20
#define PATIENCE	(10 * HZ)
/* How long a task may be waited for in a critical section, in steps of 10 us. */
#define TENSE_PATIENCE	200000

static void enter_and_look(struct asi_dev_run *run)
{
	asi_dev_begin(run);
	asi_enter(run->asi);
	asi_dev_step(run);
}

/* Relax and stay in the domain; the task can sleep now. */
static void relax_and_look(struct asi_dev_run *run)
{
	asi_relax();
	asi_dev_step(run);
	local_irq_enable();
	preempt_enable();
}

static void leave_and_look(struct asi_dev_run *run)
{
	asi_dev_end(run);
	asi_dev_step(run);
}

/* Another CPU than this one; this one if there is none. */
static int other_cpu(void)
{
	int here = raw_smp_processor_id();
	int there = cpumask_any_but(cpu_online_mask, here);

	return there < nr_cpu_ids ? there : here;
}

void asi_dev_sleep_migrate(struct asi_dev_run *run)
{
	enter_and_look(run);
	relax_and_look(run);
	msleep(20);
	asi_dev_step(run);

	enter_and_look(run);
	asi_relax();
	local_irq_enable();
	preempt_enable();
	if (set_cpus_allowed_ptr(current, cpumask_of(other_cpu())))
		asi_dev_fail(run, "the task could not be moved");
	asi_dev_step(run);

	enter_and_look(run);
	leave_and_look(run);
}

/*
 * The other task.  It enters each time that it is its turn, and leaves it to the switch
 * to the first one to leave.
 */
static int peer_thread(void *data)
{
	struct asi_dev_run *run = data;

	kthread_use_mm(run->asi->mm);
	for (;;) {
		wait_for_completion(&run->to_peer);
		if (run->peer_stop)
			break;
		enter_and_look(run);
		asi_relax();
		local_irq_enable();
		preempt_enable();
		complete(&run->from_peer);
	}
	kthread_unuse_mm(run->asi->mm);
	/* Its stack is taken back from the domain when it says that it is done. */
	asi_exit();
	/* Not by returning: the module may be gone by then. */
	kthread_complete_and_exit(&run->peer_done, 0);
}

/* Make the other task, on @cpu, that may enter; false if that failed. */
static bool start_peer(struct asi_dev_run *run, int (*thread)(void *data),
		       int cpu)
{
	run->peer = kthread_create(thread, run, "asi_dev_peer");
	if (IS_ERR(run->peer)) {
		asi_dev_fail(run, "no thread could be made");
		return false;
	}
	get_task_struct(run->peer);
	kthread_bind(run->peer, cpu);
	if (run->dpt && asi_dpt_map_task(run->dpt, run->peer)) {
		asi_dev_fail(run, "the thread could not be granted");
		kthread_stop(run->peer);
		put_task_struct(run->peer);
		return false;
	}
	wake_up_process(run->peer);
	return true;
}

static void forget_peer(struct asi_dev_run *run)
{
	if (run->dpt)
		asi_dpt_unmap_task(run->dpt, run->peer);
	put_task_struct(run->peer);
}

static void stop_peer(struct asi_dev_run *run)
{
	run->peer_stop = true;
	complete(&run->to_peer);
	wait_for_completion(&run->peer_done);
	forget_peer(run);
}

static bool schedule_round(struct asi_dev_run *run)
{
	asi_dev_again(run, 0);
	enter_and_look(run);
	relax_and_look(run);
	complete(&run->to_peer);
	if (!wait_for_completion_timeout(&run->from_peer, PATIENCE)) {
		asi_dev_fail(run, "the other task did not come");
		return false;
	}
	asi_dev_step(run);
	return true;
}

void asi_dev_schedule(struct asi_dev_run *run)
{
	int round, cpu = raw_smp_processor_id();

	if (set_cpus_allowed_ptr(current, cpumask_of(cpu))) {
		asi_dev_fail(run, "the task could not be bound");
		return;
	}
	if (!start_peer(run, peer_thread, cpu))
		return;

	for (round = 0; round < SCHEDULE_ROUNDS && !READ_ONCE(run->stop); round++) {
		if (!schedule_round(run))
			break;
	}
	stop_peer(run);
	enter_and_look(run);
	leave_and_look(run);
}

/*
 * One that uses the mm as a thread of a process does, with a reference to its users,
 * and gives that back before it ends.
 */
static int sibling_thread(void *data)
{
	struct asi_dev_run *run = data;
	struct mm_struct *mm = run->asi->mm;

	mmget(mm);
	kthread_use_mm(mm);
	/* Polled: to wake a task, a tense one would touch too much. */
	while (!smp_load_acquire(&run->came))
		usleep_range(100, 200);

	preempt_disable();
	local_irq_disable();
	asi_enter(run->asi);
	asi_dev_step(run);
	asi_relax();
	local_irq_enable();
	preempt_enable();

	kthread_unuse_mm(mm);
	mmput(mm);
	/* Its stack is taken back from the domain when it says that it is done. */
	asi_exit();
	/* Not by returning: the module may be gone by then. */
	kthread_complete_and_exit(&run->peer_done, 0);
}

static void sibling_body(struct asi_dev_run *run)
{
	int i;

	enter_and_look(run);
	local_irq_enable();
	/* After the step.  Pairs with sibling_thread(). */
	smp_store_release(&run->came, true);
	for (i = 0; i < TENSE_PATIENCE && !completion_done(&run->peer_done); i++)
		udelay(10);
	if (i == TENSE_PATIENCE)
		asi_dev_fail(run, "the sibling did not end");
	else
		asi_dev_step(run);
	leave_and_look(run);
}

void asi_dev_sibling_exit(struct asi_dev_run *run)
{
	int cpu = raw_smp_processor_id();

	if (set_cpus_allowed_ptr(current, cpumask_of(cpu))) {
		asi_dev_fail(run, "the task could not be bound");
		return;
	}
	if (!start_peer(run, sibling_thread, other_cpu()))
		return;
	sibling_body(run);
	wait_for_completion(&run->peer_done);
	forget_peer(run);
}

/* Read what the module has, in the domain. */
static void read_module(struct asi_dev_run *run, struct module *mod)
{
#ifdef CONFIG_MODULES
	const u64 *text = mod->mem[MOD_TEXT].base;

	if (mod->mem[MOD_TEXT].size < sizeof(u64)) {
		asi_dev_skip(run, "the module has no text");
		return;
	}
	enter_and_look(run);
	asi_relax();
	READ_ONCE(*text);
	asi_dev_step(run);
	leave_and_look(run);
#endif
}

void asi_dev_module_load(struct asi_dev_run *run)
{
	struct module *mod = asi_dev_get_module(run->module);

	if (mod) {
		module_put(mod);
		asi_dev_skip(run, "the module is loaded already");
		return;
	}

	enter_and_look(run);
	asi_relax();
	local_irq_enable();
	preempt_enable();
	request_module("%s", run->module);
	asi_dev_step(run);

	mod = asi_dev_get_module(run->module);
	if (!mod) {
		asi_dev_skip(run, "modprobe has not loaded the module");
		return;
	}
	read_module(run, mod);
	module_put(mod);
}
