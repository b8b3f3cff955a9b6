// SPDX-License-Identifier: GPL-2.0
/*
 * Address space isolation: running a sequence of /dev/asi.
 *
 * A thread of its own does it, in the mm of the file's test domains.  What it sees at a
 * step is noted where it is seen, in the domain, in an interrupt or in an NMI; all that
 * would touch other memory (names, symbols, the structure for the caller) comes after.
 *
 * One run at a time in the system: those that send NMIs and take exceptions have one
 * handler for all.
 */
#include <linux/cpumask.h>
#include <linux/gfp.h>
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <linux/smp.h>

#include <asm/asi_dpt.h>

#include "dev.h"

static DEFINE_MUTEX(run_lock);

/**
 * asi_dev_as_expected - is what was seen at a step right?
 * @step:    What is expected.
 * @table:   ASI_TABLE_*.
 * @seen:    What was seen.
 * @granted: Is the page mapped that the fault was on?
 *
 * A pure function.
 */
bool asi_dev_as_expected(const struct asi_dev_step *step, unsigned int table,
			 const struct asi_dev_seen *seen, bool granted)
{
	unsigned int actual = seen->look.actual;
	bool is_state = actual == ASI_STATE_IN || actual == ASI_STATE_OUT;

	if (!is_state || seen->look.cr3 != actual)
		return false;

	switch (step->expected[table]) {
	case ASI_STATE_ANY:
		return true;
	case ASI_STATE_GRANTED:
		return actual == ASI_STATE_IN ? !seen->fault :
						seen->fault && !granted;
	default:
		return actual == step->expected[table];
	}
}

static bool step_ok(const struct asi_dev_run *run, unsigned int i, bool granted)
{
	return asi_dev_as_expected(&run->sequence->step[i], run->table,
				   &run->seen[i], granted);
}

/**
 * asi_dev_step - look, and note it as the next step
 * @run: The run.
 *
 * Of a step that is repeated, the first time that is wrong is kept.
 *
 * Context: any, in the domain and in NMI too; preemption off where it matters which
 * CPU it is.
 */
void asi_dev_step(struct asi_dev_run *run)
{
	struct asi_dev_seen *seen, now = {};
	unsigned long flags;

	if (run->next >= ASI_MAX_STEPS) {
		asi_dev_fail(run, "more steps than the table has");
		return;
	}

	raw_local_irq_save(flags);
	asi_dev_look(run->asi, &now.look);
	/* The log is read where it can be: outside. */
	if (now.look.actual == ASI_STATE_OUT && now.look.faults != run->faults &&
	    raw_smp_processor_id() == run->log_cpu) {
		now.fault = true;
		now.page = now.look.address & PAGE_MASK;
		now.ip = asi_faults_since(run->counts, run->asi->index,
					  now.page);
	}
	if (raw_smp_processor_id() == run->log_cpu)
		run->faults = now.look.faults;
	raw_local_irq_restore(flags);

	seen = &run->seen[run->next];
	if (!seen->look.actual || step_ok(run, run->next, false))
		*seen = now;
	run->next++;
}

/* Go back to a step, to repeat what follows.  Context: that of asi_dev_step(). */
void asi_dev_again(struct asi_dev_run *run, unsigned int step)
{
	run->next = step;
}

/**
 * asi_dev_begin - prepare to enter the domain
 * @run: The run.
 *
 * From here on, faults are those of the sequence.  Preemption and interrupts are off
 * when this returns, until asi_dev_end().
 *
 * Context: process context, not in a domain.
 */
void asi_dev_begin(struct asi_dev_run *run)
{
	struct asi_dev_look look;

	preempt_disable();
	local_irq_disable();
	asi_faults_count_now(run->counts);
	asi_dev_look(run->asi, &look);
	run->faults = look.faults;
	run->log_cpu = smp_processor_id();
}

/* Relax and leave; what asi_dev_begin() turned off is on again. */
void asi_dev_end(struct asi_dev_run *run)
{
	asi_relax();
	asi_exit();
	local_irq_enable();
	preempt_enable();
}

/* Note what went wrong; the first reason counts.  @reason is a constant. */
void asi_dev_fail(struct asi_dev_run *run, const char *reason)
{
	if (!run->reason)
		run->reason = reason;
}

/* Note that the sequence cannot be run, and why.  @reason is a constant. */
void asi_dev_skip(struct asi_dev_run *run, const char *reason)
{
	run->skipped = true;
	run->reason = reason;
}

static int grant_run(struct asi_dev_run *run)
{
	int err;

	if (!run->dpt)
		return 0;
	err = asi_dpt_map_task(run->dpt, current);
	if (err)
		return err;
	err = asi_dpt_map(run->dpt, run, sizeof(*run));
	if (err)
		asi_dpt_unmap_task(run->dpt, current);
	return err;
}

static void revoke_run(struct asi_dev_run *run)
{
	if (run->dpt) {
		asi_dpt_unmap(run->dpt, run, sizeof(*run));
		asi_dpt_unmap_task(run->dpt, current);
	}
}

/* In the thread. */
static int do_run(struct asi_dev_file *file, void *arg)
{
	struct asi_dev_run *run = arg;
	int err = grant_run(run);

	if (err)
		return err;
	run->task = current;
	run->sequence->run(run);
	revoke_run(run);
	return 0;
}

static struct asi_dev_run *alloc_run(struct asi_dev_file *file,
				     const struct asi_ioc_run *arg)
{
	struct asi_dev_run *run = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);

	if (!run)
		return NULL;
	run->counts = kcalloc(ASI_FAULT_ENTRIES, sizeof(*run->counts),
			      GFP_KERNEL_ACCOUNT);
	if (!run->counts) {
		free_page((unsigned long)run);
		return NULL;
	}
	run->asi = file->test[arg->table];
	run->dpt = asi_dpt_of(run->asi);
	run->sequence = &asi_dev_sequences[arg->sequence];
	run->table = arg->table;
	run->hidden = asi_dev_hidden();
	run->word = *run->hidden;
	run->cpu = -1;
	init_completion(&run->to_peer);
	init_completion(&run->from_peer);
	init_completion(&run->peer_done);
	strscpy(run->module, arg->module);
	return run;
}

static void free_run(struct asi_dev_run *run)
{
	kfree(run->counts);
	free_page((unsigned long)run);
}

static void report_fault(const struct asi_dev_seen *seen, bool hide,
			 struct asi_ioc_step *out)
{
	char symbol[ASI_FAULT_SYMBOL_LEN];

	if (hide) {
		out->flags |= ASI_STEP_HIDDEN;
		return;
	}
	out->flags |= ASI_STEP_FAULT;
	out->fault_ip = seen->ip;
	out->fault_page = seen->page;
	if (seen->ip)
		strscpy(out->fault_symbol, asi_fault_symbol(symbol, seen->ip));
	if (seen->page)
		asi_dev_object_name(out->object, sizeof(out->object),
				    seen->page);
}

static void report_step(const struct asi_dev_run *run, unsigned int i,
			bool hide, struct asi_ioc_run *arg)
{
	const struct asi_dev_step *step = &run->sequence->step[i];
	const struct asi_dev_seen *seen = &run->seen[i];
	struct asi_ioc_step *out = &arg->step[i];

	strscpy(out->name, step->name);
	out->expected = step->expected[run->table];
	out->actual = seen->look.actual;
	out->cr3 = seen->look.cr3;
	if (seen->fault)
		report_fault(seen, hide, out);
	if (step_ok(run, i, seen->page && asi_dev_maps(run->asi, seen->page)))
		out->flags |= ASI_STEP_OK;
	else
		arg->failed++;
}

static void report(const struct asi_dev_run *run, struct asi_ioc_run *arg)
{
	bool hide = false;
	unsigned int i;

	arg->nr_steps = asi_dev_nr_steps(run->sequence);
	/* Asked only if there is something to hide, as a refusal is logged. */
	for (i = 0; i < arg->nr_steps && !hide; i++)
		hide = run->seen[i].fault && security_locked_down(LOCKDOWN_DEBUGFS);
	for (i = 0; i < arg->nr_steps; i++)
		report_step(run, i, hide, arg);
	if (run->reason)
		strscpy(arg->reason, run->reason);

	if (run->skipped) {
		arg->result = ASI_RUN_SKIPPED;
		arg->nr_steps = 0;
		arg->failed = 0;
		memset(arg->step, 0, sizeof(arg->step));
	} else {
		arg->result = arg->failed || run->reason ? ASI_RUN_FAILED :
							   ASI_RUN_PASSED;
	}
}

/* Why the sequence cannot be run on this machine, or NULL. */
static const char *missing(const struct asi_dev_sequence *sequence,
			   const struct asi_ioc_run *arg)
{
	if (num_online_cpus() < sequence->min_cpus)
		return "two CPUs are needed";
	if (sequence->flags & ASI_SEQUENCE_MODULE && !*arg->module)
		return "no module was named";
	return NULL;
}

static int run_locked(struct asi_dev_file *file, struct asi_ioc_run *arg)
{
	struct asi_dev_run *run = alloc_run(file, arg);
	int err;

	if (!run)
		return -ENOMEM;
	err = asi_dev_call(file, do_run, run, &run->stop);
	if (!err && READ_ONCE(run->stop))
		err = -EINTR;
	if (!err)
		report(run, arg);
	free_run(run);
	return err;
}

/**
 * asi_dev_run - ASI_IOC_RUN
 * @file: The file, locked.
 * @arg:  Checked.
 *
 * Return: 0, also if the sequence has failed; -EOPNOTSUPP while ASI is off, and for a
 * decorated page table with KASAN, whose shadow is not in it; -EPERM without
 * CAP_SYS_MODULE if a module is to be loaded; errors of asi_dev_test_domain().
 */
int asi_dev_run(struct asi_dev_file *file, struct asi_ioc_run *arg)
{
	const char *reason = missing(&asi_dev_sequences[arg->sequence], arg);
	int err;

	if (IS_ENABLED(CONFIG_KASAN) && arg->table == ASI_TABLE_DECORATED)
		return -EOPNOTSUPP;
	if (*arg->module && !capable(CAP_SYS_MODULE))
		return -EPERM;
	err = asi_dev_test_domain(file, arg->table);
	if (err)
		return err;
	if (reason) {
		arg->result = ASI_RUN_SKIPPED;
		strscpy(arg->reason, reason);
		return 0;
	}
	if (mutex_lock_killable(&run_lock))
		return -EINTR;
	err = run_locked(file, arg);
	mutex_unlock(&run_lock);
	return err;
}

/* ASI_IOC_DESCRIBE.  @arg is checked.  Return: 0. */
int asi_dev_describe(struct asi_ioc_describe *arg)
{
	const struct asi_dev_sequence *sequence =
		&asi_dev_sequences[arg->sequence];
	unsigned int i;

	arg->flags = sequence->flags;
	arg->tables = BIT(ASI_TABLE_NONSENSITIVE) | BIT(ASI_TABLE_DECORATED);
	arg->nr_steps = asi_dev_nr_steps(sequence);
	arg->min_cpus = sequence->min_cpus;
	strscpy(arg->name, sequence->name);
	strscpy(arg->purpose, sequence->purpose);
	for (i = 0; i < arg->nr_steps; i++) {
		strscpy(arg->step[i].name, sequence->step[i].name);
		arg->step[i].expected[0] = sequence->step[i].expected[0];
		arg->step[i].expected[1] = sequence->step[i].expected[1];
	}
	return 0;
}
