// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite asi_state: the state machine of transitions, in every order.
 *
 * A model of it, written from the description and not from the code, is driven
 * through every legal sequence of operations of some length, and the code with
 * it.  After each operation everything that can be seen must agree: the domain
 * the CPU is in, CR3, the target, and whether the task counts as interrupted.
 *
 * Interrupts, exceptions and NMIs call the same two functions, which do not know
 * what they are called for.  Here they are called directly, with interrupts off;
 * suite asi_intr has the real ones.  Faults are real.
 */
#include <kunit/test.h>
#include <linux/irqflags.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/seq_buf.h>

#include "common.h"

/* An interrupt, an NMI in it, and an exception in that. */
#define MAX_FRAMES	3
#define MAX_STEPS	12

/* Domain 0 exits by faults, domain 1 aborts its critical section too. */
#define NR_DOMAINS	2
#define NONE		(-1)

enum op {
	OP_ENTER_0,
	OP_ENTER_1,
	OP_RELAX,
	OP_EXIT,
	OP_READ,
	OP_BEGIN,
	OP_END,
	NR_OPS,
};

static const char *const op_names[] = {
	[OP_ENTER_0]	= "enter0",
	[OP_ENTER_1]	= "enter1",
	[OP_RELAX]	= "relax",
	[OP_EXIT]	= "exit",
	[OP_READ]	= "read",
	[OP_BEGIN]	= "begin",
	[OP_END]	= "end",
};

/* What one domain has seen so far. */
struct tally {
	unsigned long enters, reenters, faults, by_call;
};

/**
 * struct model - what the state should be
 * @target:	The domain of the critical section, or NONE.
 * @in:		The domain the CPU is in, or NONE.
 * @frames:	Interrupts that have begun and not ended.
 * @tally:	Counted for each domain.
 */
struct model {
	int target, in, frames;
	struct tally tally[NR_DOMAINS];
};

static bool model_allows(const struct model *m, enum op op)
{
	switch (op) {
	case OP_ENTER_0:
	case OP_ENTER_1:
		/* Process context, and critical sections do not nest. */
		return !m->frames && m->target == NONE;
	case OP_RELAX:
		return !m->frames;
	case OP_READ:
		/* Tense code does not touch sensitive memory, but for tests. */
		return m->frames || m->target != 0;
	case OP_BEGIN:
		return m->frames < MAX_FRAMES;
	case OP_END:
		return m->frames;
	default:
		return true;
	}
}

static void model_enter(struct model *m, int domain)
{
	m->tally[domain].enters += m->in != domain;
	m->in = domain;
}

static void model_do(struct model *m, enum op op)
{
	switch (op) {
	case OP_ENTER_0:
	case OP_ENTER_1:
		m->target = op - OP_ENTER_0;
		model_enter(m, m->target);
		break;
	case OP_RELAX:
		m->target = NONE;
		break;
	case OP_EXIT:
		if (m->in != NONE)
			m->tally[m->in].by_call++;
		m->in = NONE;
		break;
	case OP_READ:
		if (m->in == NONE)
			break;
		m->tally[m->in].faults++;
		if (m->in == 1)
			m->target = NONE;
		m->in = NONE;
		break;
	case OP_BEGIN:
		m->frames++;
		break;
	case OP_END:
		if (--m->frames || m->target == NONE || m->in == m->target)
			break;
		m->tally[m->target].reenters++;
		model_enter(m, m->target);
		break;
	default:
		break;
	}
}

/* Is this the state before and after a sequence? */
static bool model_at_rest(const struct model *m)
{
	return !m->frames && m->target == NONE && m->in == NONE;
}

/* What leads there. */
static enum op model_way_home(const struct model *m)
{
	if (m->frames)
		return OP_END;
	return m->target != NONE ? OP_RELAX : OP_EXIT;
}

/**
 * struct machine - the real thing
 * @mm:		Of the domains.
 * @domain:	The domains.
 * @hidden:	A word that is mapped in neither.
 * @misread:	It had another value than it should have.
 */
struct machine {
	struct mm_struct *mm;
	struct asi *domain[NR_DOMAINS];
	u64 *hidden;
	bool misread;
};

static void machine_do(struct machine *machine, enum op op)
{
	switch (op) {
	case OP_ENTER_0:
	case OP_ENTER_1:
		asi_enter(machine->domain[op - OP_ENTER_0]);
		break;
	case OP_RELAX:
		asi_relax();
		break;
	case OP_EXIT:
		asi_exit();
		break;
	case OP_READ:
		if (READ_ONCE(*machine->hidden) != block_word(0))
			machine->misread = true;
		break;
	case OP_BEGIN:
		asi_intr_enter();
		break;
	case OP_END:
		asi_intr_exit();
		break;
	default:
		break;
	}
}

/* What in the machine is not as the model has it; NULL when all agrees. */
static const char *difference(struct machine *machine, const struct model *m)
{
	struct asi *in = m->in == NONE ? NULL : machine->domain[m->in];
	struct asi *target = m->target == NONE ? NULL :
						 machine->domain[m->target];

	if (asi_get_current() != in || asi_is_restricted() != !!in)
		return "current domain";
	if (!cr3_agrees(machine->mm, in))
		return "CR3";
	if (asi_get_target(current) != target || asi_is_tense() != !!target ||
	    asi_is_relaxed() != !target)
		return "target";
	/* The depth is kept only while it matters. */
	if ((target || !m->frames) &&
	    current->thread.asi_state.intr_nest_depth != m->frames)
		return "nesting depth";
	if (asi_in_critical_section() != (target && !m->frames))
		return "critical section";
	if (machine->misread)
		return "hidden memory";
	return NULL;
}

/* Go back to the state before the sequence, whatever went wrong. */
static void machine_reset(struct machine *machine)
{
	asi_test_reset();
	machine->misread = false;
}

/* A sequence, and where the machine and the model disagreed about it. */
struct sequence {
	enum op op[MAX_STEPS];
	int length, bad_step;
	const char *difference;
};

/*
 * Drive both through @seq, back to process context, and out.  What it counted
 * is added to @tally.
 */
static bool run_sequence(struct machine *machine, struct sequence *seq,
			 struct tally *tally)
{
	struct model m = { .target = NONE, .in = NONE };
	unsigned long flags;
	int i, d;

	local_irq_save(flags);
	for (i = 0; i < seq->length || !model_at_rest(&m); i++) {
		enum op op = i < seq->length ? seq->op[i] : model_way_home(&m);

		model_do(&m, op);
		machine_do(machine, op);
		seq->difference = difference(machine, &m);
		if (seq->difference)
			break;
	}
	machine_reset(machine);
	local_irq_restore(flags);

	seq->bad_step = i;
	for (d = 0; d < NR_DOMAINS; d++) {
		tally[d].enters += m.tally[d].enters;
		tally[d].reenters += m.tally[d].reenters;
		tally[d].faults += m.tally[d].faults;
		tally[d].by_call += m.tally[d].by_call;
	}
	return !seq->difference;
}

/* The step of @seq that is not allowed where it stands, or its length. */
static int first_illegal_step(const struct sequence *seq)
{
	struct model m = { .target = NONE, .in = NONE };
	int i;

	for (i = 0; i < seq->length; i++) {
		if (!model_allows(&m, seq->op[i]))
			break;
		model_do(&m, seq->op[i]);
	}
	return i;
}

/* The next sequence that differs at @step or before it; false at the end. */
static bool next_sequence(struct sequence *seq, int step)
{
	int i;

	for (i = step + 1; i < seq->length; i++)
		seq->op[i] = 0;
	for (i = step; i >= 0; i--) {
		if (++seq->op[i] < NR_OPS)
			return true;
		seq->op[i] = 0;
	}
	return false;
}

static void print_sequence(struct seq_buf *s, const struct sequence *seq)
{
	int i;

	for (i = 0; i < seq->length; i++)
		seq_buf_printf(s, "%s%s", i ? " " : "", op_names[seq->op[i]]);
}

static void setup_machine(struct kunit *test, struct machine *machine)
{
	static const struct asi_hooks ops[NR_DOMAINS] = {
		{ .fault_policy = ASI_FAULT_EXIT },
		{ .fault_policy = ASI_FAULT_ABORT },
	};

	machine->mm = asi_test_mm(test);
	machine->domain[0] =
		asi_test_domain(test, asi_test_class(test, "test", &ops[0]));
	machine->domain[1] =
		asi_test_domain(test, asi_test_class(test, "test2", &ops[1]));
	machine->hidden = asi_test_hidden_block(test);
}

static void check_counters(struct kunit *test, struct tally *tally,
			   struct asi_test_counts *counts)
{
	EXPECT_COUNTED(test, counts, ASI_CTR_ENTERS, tally->enters);
	EXPECT_COUNTED(test, counts, ASI_CTR_REENTERS, tally->reenters);
	EXPECT_COUNTED(test, counts, ASI_CTR_FAULTS, tally->faults);
	EXPECT_COUNTED(test, counts, ASI_CTR_EXITS + ASI_EXIT_FAULT,
		       tally->faults);
	EXPECT_COUNTED(test, counts, ASI_CTR_EXITS + ASI_EXIT_EXPLICIT,
		       tally->by_call);
	EXPECT_COUNTED(test, counts, ASI_CTR_CR3_WRITES,
		       tally->enters + tally->faults + tally->by_call);
	EXPECT_COUNTED(test, counts, ASI_CTR_TENSE_FAULTS, 0);
	EXPECT_COUNTED(test, counts, ASI_CTR_WARNINGS, 0);
}

/* All sequences of a length; each shorter one is how one of them begins. */
static void run_all(struct kunit *test, int length)
{
	struct asi_test_counts counts[NR_DOMAINS];
	struct tally tally[NR_DOMAINS] = {};
	struct sequence seq = { .length = length };
	unsigned long total = 0, bad = 0;
	struct machine machine = {};
	char text[128];
	struct seq_buf s;
	bool more = true;
	int d, step;

	setup_machine(test, &machine);
	for (d = 0; d < NR_DOMAINS; d++)
		asi_test_count_from(&counts[d], machine.domain[d]->index);

	seq_buf_init(&s, text, sizeof(text));
	while (more) {
		step = first_illegal_step(&seq);
		if (step == length) {
			step--;
			total++;
			if (!run_sequence(&machine, &seq, tally) && !bad++) {
				print_sequence(&s, &seq);
				kunit_err(test,
					  "%s differs after step %d of: %s",
					  seq.difference, seq.bad_step + 1,
					  seq_buf_str(&s));
			}
			cond_resched();
		}
		more = next_sequence(&seq, step);
	}

	kunit_info(test, "%lu sequences of %d operations", total, length);
	KUNIT_EXPECT_EQ(test, bad, 0UL);
	KUNIT_EXPECT_GT(test, total, 0UL);
	for (d = 0; d < NR_DOMAINS && !bad; d++)
		check_counters(test, &tally[d], &counts[d]);
}

static void all_short_sequences(struct kunit *test)
{
	run_all(test, 4);
}

static void all_long_sequences(struct kunit *test)
{
	run_all(test, 7);
}

/* Longer than all sequences can be tried: random ones, the same every time. */
static void random_sequences(struct kunit *test)
{
	struct tally tally[NR_DOMAINS] = {};
	struct sequence seq = { .length = MAX_STEPS };
	struct machine machine = {};
	u32 random = 1;
	int i, n;

	setup_machine(test, &machine);
	for (n = 0; n < 5000; n++) {
		struct model m = { .target = NONE, .in = NONE };

		i = 0;
		while (i < seq.length) {
			random = random * 1664525 + 1013904223;
			seq.op[i] = (random >> 16) % NR_OPS;
			if (!model_allows(&m, seq.op[i]))
				continue;
			model_do(&m, seq.op[i++]);
		}
		KUNIT_ASSERT_TRUE_MSG(test, run_sequence(&machine, &seq, tally),
				      "%s differs in sequence %d, step %d",
				      seq.difference, n, seq.bad_step + 1);
		cond_resched();
	}
}

/* The hooks of a class are called for each time CR3 changes, in the domain. */
static struct {
	struct mm_struct *mm;
	struct asi *asi;
	unsigned int enters, exits, wrong;
} hooked;

static noinstr void check_hook(unsigned int *calls)
{
	instrumentation_begin();
	*calls += 1;
	if (asi_get_current() != hooked.asi ||
	    !cr3_agrees(hooked.mm, hooked.asi))
		hooked.wrong++;
	instrumentation_end();
}

static noinstr void after_enter(void)
{
	check_hook(&hooked.enters);
}

static noinstr void before_exit(void)
{
	check_hook(&hooked.exits);
}

static void hooks_run_inside(struct kunit *test)
{
	static const struct asi_hooks ops = {
		.post_asi_enter	= after_enter,
		.pre_asi_exit	= before_exit,
	};
	u64 *hidden = asi_test_hidden_block(test);
	unsigned long flags;
	u64 word;

	memset(&hooked, 0, sizeof(hooked));
	hooked.mm = asi_test_mm(test);
	hooked.asi = asi_test_domain(test, asi_test_class(test, "test", &ops));

	local_irq_save(flags);
	/* Outside already: nothing to do. */
	asi_exit();
	/* One of each. */
	asi_enter(hooked.asi);
	asi_relax();
	/* Inside already. */
	asi_enter(hooked.asi);
	asi_intr_enter();
	/* A second exit, by a fault. */
	word = READ_ONCE(*hidden);
	/* And a second enter. */
	asi_intr_exit();
	asi_relax();
	asi_exit();
	asi_exit();
	local_irq_restore(flags);

	KUNIT_EXPECT_EQ(test, word, block_word(0));
	KUNIT_EXPECT_EQ(test, hooked.enters, 2);
	KUNIT_EXPECT_EQ(test, hooked.exits, 2);
	KUNIT_EXPECT_EQ(test, hooked.wrong, 0);
}

/* The scheduler leaves the domain, and a thread that comes back is outside. */
static void schedule_leaves_the_domain(struct kunit *test)
{
	struct asi *asi = asi_test_domain_with(test, ASI_FAULT_EXIT);
	struct asi_test_counts counts;
	struct asi *before, *after;

	asi_test_count_from(&counts, asi->index);
	preempt_disable();
	asi_enter(asi);
	asi_relax();
	before = asi_get_current();
	preempt_enable();
	schedule_timeout_uninterruptible(1);
	preempt_disable();
	after = asi_get_current();
	asi_exit();
	preempt_enable();

	KUNIT_EXPECT_PTR_EQ(test, before, asi);
	KUNIT_EXPECT_NULL(test, after);
	EXPECT_COUNTED(test, &counts, ASI_CTR_ENTERS, 1);
	EXPECT_COUNTED(test, &counts, ASI_CTR_EXITS + ASI_EXIT_SCHED, 1);
}

/* Whoever handles CR3 gets the unrestricted one, which stays. */
static void cr3_accessors_leave_the_domain(struct kunit *test)
{
	struct asi *asi = asi_test_domain_with(test, ASI_FAULT_EXIT);
	unsigned long by_read, by_fast, raw, flags;
	struct mm_struct *mm = current->mm;
	struct asi_test_counts counts;
	bool out[4];

	asi_test_count_from(&counts, asi->index);
	local_irq_save(flags);
	asi_enter(asi);
	asi_relax();
	/* Only looks. */
	raw = __read_cr3_raw();
	out[0] = !asi_get_current();

	by_read = __read_cr3();
	out[1] = !asi_get_current() && cr3_agrees(mm, NULL);

	asi_enter(asi);
	asi_relax();
	by_fast = __get_current_cr3_fast();
	out[2] = !asi_get_current() && cr3_agrees(mm, NULL);

	asi_enter(asi);
	asi_relax();
	write_cr3(by_read);
	out[3] = !asi_get_current() && cr3_agrees(mm, NULL);
	asi_exit();
	local_irq_restore(flags);

	KUNIT_EXPECT_FALSE(test, out[0]);
	KUNIT_EXPECT_TRUE(test, out[1]);
	KUNIT_EXPECT_TRUE(test, out[2]);
	KUNIT_EXPECT_TRUE(test, out[3]);
	KUNIT_EXPECT_NE(test, raw, by_read);
	KUNIT_EXPECT_EQ(test, by_fast, by_read);
	EXPECT_COUNTED(test, &counts, ASI_CTR_EXITS + ASI_EXIT_CR3, 3);
	EXPECT_COUNTED(test, &counts, ASI_CTR_ENTERS, 3);
}

/* As asi_init() gives it when there are no domains, with success. */
static void no_domain_is_nothing_to_enter(struct kunit *test)
{
	bool tense;

	preempt_disable();
	asi_enter(NULL);
	tense = asi_is_tense();
	preempt_enable();
	KUNIT_EXPECT_FALSE(test, tense);
}

static struct kunit_case state_cases[] = {
	KUNIT_CASE(no_domain_is_nothing_to_enter),
	KUNIT_CASE(all_short_sequences),
	KUNIT_CASE_SLOW(all_long_sequences),
	KUNIT_CASE(random_sequences),
	KUNIT_CASE(hooks_run_inside),
	KUNIT_CASE(schedule_leaves_the_domain),
	KUNIT_CASE(cr3_accessors_leave_the_domain),
	{}
};

static struct kunit_suite state_suite = {
	.name		= "asi_state",
	.init		= asi_test_init,
	.test_cases	= state_cases,
};
kunit_test_suite(state_suite);
