// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite asi_domain: domains are made, used, and die with their mm.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/kprobes.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/preempt.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/workqueue.h>

#include "common.h"

#define NR_THREADS	8

static int test_class(struct kunit *test)
{
	return asi_test_class(test, "test", NULL);
}

static long nr_domains(int class)
{
	return atomic_long_read(&asi_classes[class].domains);
}

/* No domain of @class is left once CPUs have let go of dead mms. */
static void expect_no_domains(struct kunit *test, int class)
{
	asi_unregister_class(class);
	asi_test_settle(test);
	KUNIT_EXPECT_EQ(test, nr_domains(class), 0L);
}

static int domain_init(struct kunit *test)
{
	asi_test_needs_asi(test);
	asi_test_settle(test);
	return 0;
}

static void new_domain_is_complete(struct kunit *test)
{
	struct mm_struct *mm = asi_test_mm(test);
	int class = test_class(test);
	struct asi *asi = NULL;

	KUNIT_EXPECT_NULL(test, mm->context.asi.domain[class].pgd);
	KUNIT_ASSERT_EQ(test, 0, asi_init(mm, class, &asi));
	KUNIT_ASSERT_PTR_EQ(test, asi, &mm->context.asi.domain[class]);
	KUNIT_EXPECT_NOT_NULL(test, asi->pgd);
	KUNIT_EXPECT_PTR_EQ(test, asi_pgd(asi), asi->pgd);
	KUNIT_EXPECT_PTR_EQ(test, asi->mm, mm);
	KUNIT_EXPECT_PTR_EQ(test, asi->class, &asi_classes[class]);
	KUNIT_EXPECT_EQ(test, asi->index, class);
	KUNIT_EXPECT_EQ(test, atomic_read(&asi->ref_count), 1);
	KUNIT_EXPECT_EQ(test, nr_domains(class), 1L);
	asi_destroy(asi);
}

static void second_init_gives_the_same(struct kunit *test)
{
	struct asi *first, *second, *third;
	int class = test_class(test);
	struct mm_struct *mm = asi_test_mm(test);
	pgd_t *pgd;

	KUNIT_ASSERT_EQ(test, 0, asi_init(mm, class, &first));
	pgd = first->pgd;
	KUNIT_ASSERT_EQ(test, 0, asi_init(mm, class, &second));
	KUNIT_EXPECT_PTR_EQ(test, second, first);
	KUNIT_EXPECT_EQ(test, atomic_read(&first->ref_count), 2);
	KUNIT_EXPECT_EQ(test, nr_domains(class), 1L);

	/* Not the last use, nor is the last use the end of it. */
	asi_destroy(first);
	KUNIT_EXPECT_EQ(test, atomic_read(&first->ref_count), 1);
	KUNIT_EXPECT_PTR_EQ(test, first->pgd, pgd);
	asi_destroy(second);
	KUNIT_EXPECT_EQ(test, atomic_read(&first->ref_count), 0);
	KUNIT_EXPECT_PTR_EQ(test, first->pgd, pgd);
	KUNIT_EXPECT_EQ(test, nr_domains(class), 1L);

	KUNIT_ASSERT_EQ(test, 0, asi_init(mm, class, &third));
	KUNIT_EXPECT_PTR_EQ(test, third, first);
	KUNIT_EXPECT_PTR_EQ(test, third->pgd, pgd);
	KUNIT_EXPECT_EQ(test, atomic_read(&third->ref_count), 1);
	asi_destroy(third);
}

static void no_domain_is_no_use(struct kunit *test)
{
	asi_destroy(NULL);
	KUNIT_EXPECT_NULL(test, asi_pgd(NULL));
}

static void classes_have_domains_apart(struct kunit *test)
{
	int one = test_class(test), two = asi_test_class(test, "test2", NULL);
	struct asi *first = asi_test_domain(test, one);
	struct asi *second = asi_test_domain(test, two);

	KUNIT_EXPECT_PTR_NE(test, first, second);
	KUNIT_EXPECT_PTR_NE(test, first->pgd, second->pgd);
	KUNIT_EXPECT_PTR_EQ(test, first->mm, second->mm);
	KUNIT_EXPECT_EQ(test, nr_domains(one), 1L);
	KUNIT_EXPECT_EQ(test, nr_domains(two), 1L);
}

/* Every mm has the domain of processes from the start, if that class is on. */
static void mm_is_born_with_its_user_domain(struct kunit *test)
{
	struct mm_struct *mm = asi_test_mm_alloc();
	struct asi *user;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, mm);
	user = &mm->context.asi.domain[ASI_CLASS_USER];
	if (static_key_enabled(&asi_user_class_key.key)) {
		KUNIT_EXPECT_NOT_NULL(test, user->pgd);
		KUNIT_EXPECT_PTR_EQ(test, user->mm, mm);
	} else {
		KUNIT_EXPECT_NULL(test, user->pgd);
	}
	for (i = ASI_CLASS_USER + 1; i < ASI_MAX_NUM; i++)
		KUNIT_EXPECT_NULL(test, mm->context.asi.domain[i].pgd);
	mmput(mm);
}

/**
 * struct visitor - a thread that uses the domain of an mm for a while
 * @work:   Runs in a thread of its own.
 * @mm:     The mm; NULL for new ones that live for a round only.
 * @class:  The class.
 * @rounds: How often.
 * @go:     Wait for this, so that all start at once.
 * @asi:    The domain, if @mm is given.
 * @errors: What went wrong.
 */
struct visitor {
	struct work_struct work;
	struct mm_struct *mm;
	int class, rounds;
	struct completion *go;
	struct asi *asi;
	int errors;
};

static void visit_domain(struct visitor *v, struct mm_struct *mm)
{
	struct asi *asi;

	if (asi_init(mm, v->class, &asi) || !asi) {
		v->errors++;
		return;
	}
	/* Always the same as long as the mm is. */
	v->errors += v->mm && v->asi && asi != v->asi;
	v->asi = asi;

	preempt_disable();
	asi_enter(asi);
	v->errors += asi_get_current() != asi || !cr3_agrees(mm, asi);
	asi_relax();
	preempt_enable();
	/* Still inside, perhaps, when the mm goes. */
	asi_destroy(asi);
}

static void visit(struct work_struct *work)
{
	struct visitor *v = container_of(work, struct visitor, work);
	struct mm_struct *mm;
	int i;

	wait_for_completion(v->go);
	for (i = 0; i < v->rounds; i++) {
		mm = v->mm ?: asi_test_mm_alloc();
		if (!mm) {
			v->errors++;
			break;
		}
		kthread_use_mm(mm);
		visit_domain(v, mm);
		kthread_unuse_mm(mm);
		if (!v->mm)
			mmput(mm);
		cond_resched();
	}
}

/* Run all visitors at the same time, and wait for them. */
static int run_visitors(struct visitor *visitors, int n)
{
	DECLARE_COMPLETION_ONSTACK(go);
	int i, errors = 0;

	for (i = 0; i < n; i++) {
		visitors[i].go = &go;
		INIT_WORK(&visitors[i].work, visit);
		queue_work(system_unbound_wq, &visitors[i].work);
	}
	complete_all(&go);
	for (i = 0; i < n; i++) {
		flush_work(&visitors[i].work);
		errors += visitors[i].errors;
	}
	return errors;
}

static struct visitor *make_visitors(struct kunit *test)
{
	struct visitor *visitors =
		kunit_kcalloc(test, NR_THREADS, sizeof(*visitors), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, visitors);
	return visitors;
}

static void domain_dies_with_its_mm(struct kunit *test)
{
	struct visitor *v = make_visitors(test);
	int class = asi_register_class("test", NULL);

	KUNIT_ASSERT_GE(test, class, 0);
	v->class = class;
	v->rounds = 1;
	KUNIT_EXPECT_EQ(test, run_visitors(v, 1), 0);
	expect_no_domains(test, class);
}

/* As long as anyone refers to the mm, its domain is there. */
static void domain_lives_as_long_as_its_mm(struct kunit *test)
{
	struct visitor *v = make_visitors(test);
	int class = asi_register_class("test", NULL);
	pgd_t *pgd;

	KUNIT_ASSERT_GE(test, class, 0);
	v->mm = asi_test_mm_alloc();
	KUNIT_ASSERT_NOT_NULL(test, v->mm);
	v->class = class;
	v->rounds = 3;
	KUNIT_EXPECT_EQ(test, run_visitors(v, 1), 0);
	pgd = v->asi->pgd;

	/* Without users, but referred to. */
	mmgrab(v->mm);
	mmput(v->mm);
	schedule_timeout_uninterruptible(2);
	KUNIT_EXPECT_EQ(test, nr_domains(class), 1L);
	KUNIT_EXPECT_PTR_EQ(test, v->asi->pgd, pgd);
	mmdrop(v->mm);
	expect_no_domains(test, class);
}

static void many_mms_one_after_the_other(struct kunit *test)
{
	struct visitor *v = make_visitors(test);
	int class = asi_register_class("test", NULL);

	KUNIT_ASSERT_GE(test, class, 0);
	v->class = class;
	v->rounds = 200;
	KUNIT_EXPECT_EQ(test, run_visitors(v, 1), 0);
	/* Not one that is kept until the end: CPUs hold one at most. */
	KUNIT_EXPECT_LE(test, nr_domains(class), (long)num_possible_cpus());
	expect_no_domains(test, class);
}

/* Threads of one process race for who makes the domain. */
static void concurrent_init_makes_one(struct kunit *test)
{
	struct visitor *v = make_visitors(test);
	int class = asi_register_class("test", NULL);
	struct mm_struct *mm;
	struct asi *asi;
	int i, round;

	KUNIT_ASSERT_GE(test, class, 0);
	for (round = 0; round < 20; round++) {
		mm = asi_test_mm_alloc();
		KUNIT_ASSERT_NOT_NULL(test, mm);
		memset(v, 0, NR_THREADS * sizeof(*v));
		for (i = 0; i < NR_THREADS; i++) {
			v[i].mm = mm;
			v[i].class = class;
			v[i].rounds = 5;
		}
		KUNIT_EXPECT_EQ(test, run_visitors(v, NR_THREADS), 0);

		asi = &mm->context.asi.domain[class];
		for (i = 0; i < NR_THREADS; i++)
			KUNIT_EXPECT_PTR_EQ(test, v[i].asi, asi);
		KUNIT_EXPECT_EQ(test, atomic_read(&asi->ref_count), 0);
		mmput(mm);
	}
	expect_no_domains(test, class);
}

/* Some threads use one mm, while those of others come and go. */
static void init_while_others_die(struct kunit *test)
{
	struct visitor *v = make_visitors(test);
	int class = asi_register_class("test", NULL);
	struct mm_struct *mm = asi_test_mm_alloc();
	struct asi *asi;
	int i;

	KUNIT_ASSERT_GE(test, class, 0);
	KUNIT_ASSERT_NOT_NULL(test, mm);
	asi = &mm->context.asi.domain[class];
	for (i = 0; i < NR_THREADS; i++) {
		v[i].mm = i & 1 ? mm : NULL;
		v[i].class = class;
		v[i].rounds = 100;
	}
	KUNIT_EXPECT_EQ(test, run_visitors(v, NR_THREADS), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&asi->ref_count), 0);
	mmput(mm);
	expect_no_domains(test, class);
}

/* A class is taken away while CPUs are in its domains, relaxed. */
static void unregister_while_inside(struct kunit *test)
{
	int class = asi_register_class("test", NULL);
	struct mm_struct *mm = asi_test_mm(test);
	struct asi *asi, *before, *after;

	KUNIT_ASSERT_GE(test, class, 0);
	KUNIT_ASSERT_EQ(test, 0, asi_init(mm, class, &asi));

	migrate_disable();
	preempt_disable();
	asi_enter(asi);
	asi_relax();
	before = asi_get_current();
	preempt_enable();
	asi_unregister_class(class);
	after = asi_get_current();
	migrate_enable();
	asi_destroy(asi);

	KUNIT_EXPECT_PTR_EQ(test, before, asi);
	KUNIT_EXPECT_NULL(test, after);
}

/* Holds the mmap_lock of an mm for reading. */
struct holder {
	struct work_struct work;
	struct mm_struct *mm;
	struct completion held, release;
};

static void hold_mmap_lock(struct work_struct *work)
{
	struct holder *h = container_of(work, struct holder, work);

	mmap_read_lock(h->mm);
	complete(&h->held);
	wait_for_completion(&h->release);
	mmap_read_unlock(h->mm);
}

/* A process that is killed does not wait for the lock. */
static void killed_init_gives_up(struct kunit *test)
{
	int err, class = test_class(test);
	struct holder h = { .mm = asi_test_mm(test) };
	struct asi *asi = (void *)-1UL;

	init_completion(&h.held);
	init_completion(&h.release);
	INIT_WORK_ONSTACK(&h.work, hold_mmap_lock);
	schedule_work(&h.work);
	wait_for_completion(&h.held);

	allow_kernel_signal(SIGKILL);
	send_sig(SIGKILL, current, 1);
	err = asi_init(h.mm, class, &asi);
	disallow_signal(SIGKILL);
	flush_signals(current);

	complete(&h.release);
	flush_work(&h.work);
	destroy_work_on_stack(&h.work);

	KUNIT_EXPECT_EQ(test, err, -EINTR);
	KUNIT_EXPECT_NULL(test, asi);
	KUNIT_EXPECT_EQ(test, nr_domains(class), 0L);
}

#if IS_ENABLED(CONFIG_KRETPROBES) && IS_ENABLED(CONFIG_FAIL_PAGE_ALLOC)

/* The task whose page allocations fail, after some that do not. */
static struct task_struct *victim;
static int allocs_until_failure, failed_allocs;

static int alloc_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	/* Non-zero: leave this call alone. */
	return current != victim || allocs_until_failure-- > 0;
}

static int alloc_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	failed_allocs++;
	regs_set_return_value(regs, true);
	return 0;
}

static struct kretprobe fail_alloc = {
	.kp.symbol_name	= "should_fail_alloc_page",
	.entry_handler	= alloc_entry,
	.handler	= alloc_return,
};

/* From the one after @succeed on, page allocations of this task fail. */
static void fail_allocations(struct kunit *test, int succeed)
{
	fail_alloc.kp.addr = NULL;
	fail_alloc.kp.flags = 0;
	KUNIT_ASSERT_EQ(test, 0, register_kretprobe(&fail_alloc));
	allocs_until_failure = succeed;
	failed_allocs = 0;
	victim = current;
}

static int stop_failing(void)
{
	victim = NULL;
	unregister_kretprobe(&fail_alloc);
	return failed_allocs;
}

#else

static void fail_allocations(struct kunit *test, int succeed)
{
	kunit_skip(test, "needs CONFIG_KRETPROBES and CONFIG_FAIL_PAGE_ALLOC");
}

static int stop_failing(void)
{
	return 0;
}

#endif

static void init_without_memory(struct kunit *test)
{
	struct mm_struct *mm = asi_test_mm(test);
	int class = test_class(test), err;
	struct asi *domain = &mm->context.asi.domain[class];
	struct asi *asi = (void *)-1UL;

	fail_allocations(test, 0);
	err = asi_init(mm, class, &asi);
	KUNIT_EXPECT_GT(test, stop_failing(), 0);

	KUNIT_EXPECT_EQ(test, err, -ENOMEM);
	KUNIT_EXPECT_NULL(test, asi);
	KUNIT_EXPECT_NULL(test, domain->pgd);
	KUNIT_EXPECT_EQ(test, atomic_read(&domain->ref_count), 0);
	KUNIT_EXPECT_EQ(test, nr_domains(class), 0L);

	/* Nothing is left that would stand in the way of the next try. */
	KUNIT_EXPECT_EQ(test, 0, asi_init(mm, class, &asi));
	KUNIT_EXPECT_PTR_EQ(test, asi, domain);
	asi_destroy(asi);
}

/* Each of the allocations of a new mm, the user domain's among them. */
static void mm_without_memory(struct kunit *test)
{
	int n, failed, failures = 0;
	struct mm_struct *mm;
	long before;

	asi_test_settle(test);
	before = nr_domains(ASI_CLASS_USER);
	for (n = 0; n < 50; n++) {
		fail_allocations(test, n);
		mm = mm_alloc();
		failed = stop_failing();
		if (mm)
			mmput(mm);
		if (!failed)
			break;
		failures += !mm;
	}
	KUNIT_EXPECT_LT(test, n, 50);
	KUNIT_EXPECT_GT(test, failures, 0);

	asi_test_settle(test);
	KUNIT_EXPECT_EQ(test, nr_domains(ASI_CLASS_USER), before);
}

/* Every function of the interface does nothing, and says so, when ASI is off. */
static void interface_when_off(struct kunit *test)
{
	struct asi *asi = (void *)-1UL;
	struct mm_struct *mm = asi_test_mm(test);
	unsigned long flags;
	bool restricted, relaxed, agrees;
	int class;

	if (asi_ready)
		kunit_skip(test, "address space isolation is on");

	class = test_class(test);
	KUNIT_EXPECT_EQ(test, 0, asi_init(mm, class, &asi));
	KUNIT_EXPECT_NULL(test, asi);
	KUNIT_EXPECT_EQ(test, nr_domains(class), 0L);

	local_irq_save(flags);
	asi_enter(NULL);
	asi_intr_enter();
	asi_intr_exit();
	restricted = asi_is_restricted();
	relaxed = asi_is_relaxed() && !asi_is_tense();
	agrees = cr3_agrees(mm, NULL);
	asi_relax();
	asi_exit();
	local_irq_restore(flags);
	asi_destroy(asi);

	KUNIT_EXPECT_FALSE(test, restricted);
	KUNIT_EXPECT_TRUE(test, relaxed);
	KUNIT_EXPECT_TRUE(test, agrees);
	KUNIT_EXPECT_NOT_NULL(test, asi_off_reason());
	KUNIT_EXPECT_FALSE(test, asi_class_wanted("user"));
	KUNIT_EXPECT_FALSE(test, asi_class_wanted("kvm"));
}

static struct kunit_case domain_cases[] = {
	KUNIT_CASE(new_domain_is_complete),
	KUNIT_CASE(second_init_gives_the_same),
	KUNIT_CASE(no_domain_is_no_use),
	KUNIT_CASE(classes_have_domains_apart),
	KUNIT_CASE(mm_is_born_with_its_user_domain),
	KUNIT_CASE(domain_dies_with_its_mm),
	KUNIT_CASE(domain_lives_as_long_as_its_mm),
	KUNIT_CASE_SLOW(many_mms_one_after_the_other),
	KUNIT_CASE(concurrent_init_makes_one),
	KUNIT_CASE(init_while_others_die),
	KUNIT_CASE(unregister_while_inside),
	KUNIT_CASE(killed_init_gives_up),
	KUNIT_CASE(init_without_memory),
	KUNIT_CASE_SLOW(mm_without_memory),
	{}
};

static struct kunit_suite domain_suite = {
	.name		= "asi_domain",
	.init		= domain_init,
	.test_cases	= domain_cases,
};

static struct kunit_case off_cases[] = {
	KUNIT_CASE(interface_when_off),
	{}
};

static struct kunit_suite off_suite = {
	.name		= "asi_off",
	.test_cases	= off_cases,
};
kunit_test_suites(&domain_suite, &off_suite);
