// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite asi_invariants: are broken invariants noticed?
 *
 * A check that never fails proves nothing.  Each scene below breaks one rule, or
 * goes through the same without breaking it, and the test expects how often that
 * is warned about.  Wherever it is possible the hook is called that the kernel
 * calls, and not the check behind it.
 *
 * Documentation/arch/x86/asi.rst has the numbers; suite asi_check has number 1.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/irqflags.h>
#include <linux/kvm_host.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/smp.h>

#include "../../../kvm/asi.h"
#include "common.h"

/* Iterations of 10 us that a test waits for an interrupt. */
#define PATIENCE	100000

/* One test runs at a time.  What its scenes play with. */
static struct {
	struct asi *asi, *other;
	/* Parts of @asi that lack something. */
	struct asi foreign, incomplete;
	struct mm_struct *dying_mm;
	struct kvm_vcpu *vcpu;
	u64 *hidden, word;
	/* The hook of @other loads the CR3 that is wrong there. */
	bool hook_breaks;
	/* A domain was entered that should have been refused. */
	bool entered;
} t;

static noinstr void after_enter(void)
{
	if (t.hook_breaks)
		native_write_cr3(asi_unrestricted_cr3());
}

static int invariants_init(struct kunit *test)
{
	static const struct asi_hooks ops = { .post_asi_enter = after_enter };

	asi_test_needs_asi(test);
	memset(&t, 0, sizeof(t));
	t.asi = asi_test_domain_with(test, ASI_FAULT_EXIT);
	t.other = asi_test_domain(test, asi_test_class(test, "test2", &ops));

	t.foreign = *t.asi;
	t.foreign.mm = &init_mm;
	t.incomplete = *t.asi;
	t.incomplete.pgd = NULL;
	return 0;
}

static u64 all_warnings(void)
{
	u64 sum = 0;
	int i;

	for (i = 0; i < ASI_MAX_NUM; i++)
		sum += asi_counter_sum(i, ASI_CTR_WARNINGS);
	return sum;
}

/* How often is @scene warned about?  It runs with interrupts off. */
static u64 warned(void (*scene)(void))
{
	unsigned long flags;
	u64 before, after;

	local_irq_save(flags);
	before = all_warnings();
	WRITE_ONCE(asi_rule_breaker, current);
	scene();
	after = all_warnings();
	asi_test_reset();
	WRITE_ONCE(asi_rule_breaker, NULL);
	local_irq_restore(flags);
	return after - before;
}

#define EXPECT_WARNED(test, n, scene)					\
	KUNIT_EXPECT_EQ_MSG(test, warned(scene), (u64)(n), "%s", #scene)

/* 2: CR3 is what curr_asi says. */

static void enter_and_exit(void)
{
	asi_enter(t.asi);
	asi_relax();
	asi_enter(t.other);
	asi_relax();
	asi_exit();
	asi_debug_transition();
}

static void domain_without_its_cr3(void)
{
	this_cpu_write(curr_asi, t.asi);
	asi_debug_transition();
}

static void cr3_without_its_domain(void)
{
	write_cr3_raw(asi_current_cr3(t.asi));
	asi_debug_transition();
}

static void cr3_of_the_other_domain(void)
{
	asi_enter(t.asi);
	write_cr3_raw(asi_current_cr3(t.other));
	asi_debug_transition();
}

static void cr3_is_wrong_before_entering(void)
{
	write_cr3_raw(asi_current_cr3(t.other));
	asi_enter(t.asi);
}

static void cr3_agrees_with_the_domain(struct kunit *test)
{
	EXPECT_WARNED(test, 0, enter_and_exit);
	EXPECT_WARNED(test, 1, domain_without_its_cr3);
	EXPECT_WARNED(test, 1, cr3_without_its_domain);
	EXPECT_WARNED(test, 1, cr3_of_the_other_domain);
	EXPECT_WARNED(test, 1, cr3_is_wrong_before_entering);
	t.hook_breaks = true;
	EXPECT_WARNED(test, 1, enter_and_exit);
}

/* 3: user mode runs in its domain. */

static void user_mode_as_ever(void)
{
	asi_exit_to_user_mode();
	asi_enter_from_user_mode();
}

static void user_mode_unrestricted(void)
{
	asi_exit_to_user_mode();
	asi_exit();
	asi_enter_from_user_mode();
}

static void user_mode_in_a_kernel_domain(void)
{
	asi_enter(t.asi);
	asi_enter_from_user_mode();
}

static void user_mode_relaxed(void)
{
	asi_exit_to_user_mode();
	asi_relax();
	asi_enter_from_user_mode();
}

static void user_mode_at_a_depth(void)
{
	asi_exit_to_user_mode();
	current->thread.asi_state.intr_nest_depth = 1;
	asi_enter_from_user_mode();
}

static void user_mode_with_another_cr3(void)
{
	asi_exit_to_user_mode();
	write_cr3_raw(asi_unrestricted_cr3());
	asi_enter_from_user_mode();
}

static void user_mode_after_another_cr3(void)
{
	write_cr3_raw(asi_current_cr3(t.asi));
	user_mode_as_ever();
}

static void user_mode_runs_in_its_domain(struct kunit *test)
{
	if (!static_key_enabled(&asi_user_class_key))
		kunit_skip(test, "class user is off");

	EXPECT_WARNED(test, 0, user_mode_as_ever);
	EXPECT_WARNED(test, 1, user_mode_unrestricted);
	EXPECT_WARNED(test, 1, user_mode_in_a_kernel_domain);
	EXPECT_WARNED(test, 1, user_mode_relaxed);
	EXPECT_WARNED(test, 1, user_mode_at_a_depth);
	EXPECT_WARNED(test, 1, user_mode_with_another_cr3);
	EXPECT_WARNED(test, 1, user_mode_after_another_cr3);
}

static void user_mode_after_a_domain(void)
{
	asi_enter(t.asi);
	asi_relax();
	asi_exit_to_user_mode();
	asi_enter_from_user_mode();
}

static void user_mode_runs_unrestricted(struct kunit *test)
{
	if (static_key_enabled(&asi_user_class_key))
		kunit_skip(test, "class user is on");

	EXPECT_WARNED(test, 0, user_mode_after_a_domain);
	EXPECT_WARNED(test, 1, user_mode_in_a_kernel_domain);
}

/* 3: a guest runs in its domain.  The hooks around the guest, without one. */

static void guest_svm(void)
{
	kvm_asi_enter(t.vcpu);
	kvm_asi_relax(t.vcpu);
}

static void guest_vmx(void)
{
	kvm_asi_enter(t.vcpu);
	write_cr3_raw(kvm_asi_host_cr3(t.vcpu));
	kvm_asi_exited(t.vcpu);
	kvm_asi_relax(t.vcpu);
}

static void guest_after_another_domain(void)
{
	asi_enter(t.other);
	asi_relax();
	guest_svm();
}

static void guest_with_another_cr3(void)
{
	asi_enter(t.asi);
	asi_relax();
	write_cr3_raw(asi_unrestricted_cr3());
	kvm_asi_enter(t.vcpu);
}

static void guest_at_a_depth(void)
{
	current->thread.asi_state.intr_nest_depth = 1;
	kvm_asi_enter(t.vcpu);
}

static void guest_is_left(void)
{
	kvm_asi_enter(t.vcpu);
	asi_exit();
	kvm_asi_relax(t.vcpu);
}

static void guest_is_relaxed(void)
{
	kvm_asi_enter(t.vcpu);
	asi_relax();
	kvm_asi_relax(t.vcpu);
}

static void guest_is_left_and_relaxed(void)
{
	kvm_asi_enter(t.vcpu);
	asi_relax();
	asi_exit();
	kvm_asi_relax(t.vcpu);
}

static void guest_changes_domain(void)
{
	kvm_asi_enter(t.vcpu);
	this_cpu_write(curr_asi, t.other);
	write_cr3_raw(asi_current_cr3(t.other));
	kvm_asi_relax(t.vcpu);
}

static void host_cr3_is_unrestricted(void)
{
	kvm_asi_enter(t.vcpu);
	write_cr3_raw(asi_unrestricted_cr3());
	kvm_asi_exited(t.vcpu);
	kvm_asi_relax(t.vcpu);
}

/* The CPU loads the CR3 of a domain that nobody knows to be loaded. */
static void guest_is_left_on_vmx(void)
{
	kvm_asi_enter(t.vcpu);
	asi_exit();
	write_cr3_raw(asi_current_cr3(t.asi));
	kvm_asi_exited(t.vcpu);
	asi_debug_transition();
	kvm_asi_relax(t.vcpu);
}

/* All agree, only that the domain is not of the task's mm. */
static void guest_in_a_foreign_domain(void)
{
	write_cr3_raw(asi_current_cr3(&t.foreign));
	this_cpu_write(curr_asi, &t.foreign);
	asi_set_target(current, &t.foreign);
	asi_debug_guest(&t.foreign);
}

static void make_vcpu(struct kunit *test, struct asi *asi)
{
	t.vcpu = kunit_kzalloc(test, sizeof(*t.vcpu), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t.vcpu);
	t.vcpu->kvm = kunit_kzalloc(test, sizeof(*t.vcpu->kvm), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t.vcpu->kvm);
	t.vcpu->kvm->arch.asi = asi;
}

static void guest_runs_in_its_domain(struct kunit *test)
{
	make_vcpu(test, t.asi);

	EXPECT_WARNED(test, 0, guest_svm);
	EXPECT_WARNED(test, 0, guest_vmx);
	EXPECT_WARNED(test, 0, guest_after_another_domain);
	EXPECT_WARNED(test, 1, guest_with_another_cr3);
	EXPECT_WARNED(test, 1, guest_at_a_depth);
	EXPECT_WARNED(test, 1, guest_is_left);
	EXPECT_WARNED(test, 1, guest_is_relaxed);
	EXPECT_WARNED(test, 1, guest_is_left_and_relaxed);
	EXPECT_WARNED(test, 1, guest_changes_domain);
	EXPECT_WARNED(test, 1, host_cr3_is_unrestricted);
	EXPECT_WARNED(test, 1, guest_is_left_on_vmx);
	EXPECT_WARNED(test, 1, guest_in_a_foreign_domain);

	/* By entering, before the guest, and after it. */
	t.vcpu->kvm->arch.asi = &t.foreign;
	EXPECT_WARNED(test, 3, guest_svm);
}

static void guest_runs_unrestricted(struct kunit *test)
{
	make_vcpu(test, NULL);

	EXPECT_WARNED(test, 0, guest_svm);
	EXPECT_WARNED(test, 0, guest_vmx);
	EXPECT_WARNED(test, 0, guest_after_another_domain);
	EXPECT_WARNED(test, 1, guest_changes_domain);
}

/* 4: tense code neither sleeps nor faults. */

static void schedule_relaxed(void)
{
	asi_enter(t.asi);
	asi_relax();
	asi_sched();
}

static void schedule_tense(void)
{
	asi_enter(t.asi);
	asi_sched();
	/* What an NMI does while the CPU changes tasks. */
	asi_intr_enter();
	asi_intr_exit();
	t.word = !asi_get_current();
	asi_sched_back();
}

static void tense_code_does_not_sleep(struct kunit *test)
{
	u64 before;
	bool back;

	EXPECT_WARNED(test, 0, schedule_relaxed);
	EXPECT_WARNED(test, 1, schedule_tense);
	KUNIT_EXPECT_EQ(test, t.word, 1ULL);

	/* And really. */
	before = all_warnings();
	WRITE_ONCE(asi_rule_breaker, current);
	preempt_disable();
	asi_enter(t.asi);
	preempt_enable();
	schedule_timeout_uninterruptible(1);
	back = asi_get_current() == t.asi;
	asi_relax();
	asi_exit();
	WRITE_ONCE(asi_rule_breaker, NULL);
	KUNIT_EXPECT_GT(test, all_warnings(), before);
	KUNIT_EXPECT_TRUE(test, back);
	KUNIT_EXPECT_EQ(test, current->thread.asi_state.intr_nest_depth, 0);
}

static void read_relaxed(void)
{
	asi_enter(t.asi);
	asi_relax();
	t.word = READ_ONCE(*t.hidden);
}

static void read_tense(void)
{
	asi_enter(t.asi);
	t.word = READ_ONCE(*t.hidden);
}

static void tense_code_does_not_fault(struct kunit *test)
{
	struct asi_test_counts counts;

	t.hidden = asi_test_hidden_block(test);
	asi_test_count_from(&counts, t.asi->index);
	EXPECT_WARNED(test, 0, read_relaxed);
	EXPECT_COUNTED(test, &counts, ASI_CTR_TENSE_FAULTS, 0);

	EXPECT_WARNED(test, 0, read_tense);
	EXPECT_COUNTED(test, &counts, ASI_CTR_TENSE_FAULTS, 1);
	EXPECT_COUNTED(test, &counts, ASI_CTR_FAULTS, 2);
	KUNIT_EXPECT_EQ(test, t.word, block_word(0));
}

/* Fault in a critical section, and wait until an interrupt has gone back. */
static void fault_and_wait(struct kunit *test, bool irqs_off)
{
	struct asi *after_fault, *back;
	struct asi_test_counts counts;
	u64 faults;
	int i;

	asi_test_count_from(&counts, t.asi->index);
	preempt_disable();
	WRITE_ONCE(asi_rule_breaker, current);
	if (irqs_off)
		local_irq_disable();
	read_tense();
	after_fault = asi_get_current();
	if (irqs_off)
		local_irq_enable();
	for (i = 0; i < PATIENCE && !asi_get_current(); i++)
		udelay(10);
	back = asi_get_current();
	asi_relax();
	asi_exit();
	WRITE_ONCE(asi_rule_breaker, NULL);
	preempt_enable();

	if (irqs_off)
		KUNIT_EXPECT_NULL(test, after_fault);
	KUNIT_EXPECT_PTR_EQ(test, back, t.asi);
	KUNIT_EXPECT_EQ(test, t.word, block_word(0));
	/* More than one if a tick comes before the second try. */
	faults = asi_test_counted(&counts, ASI_CTR_TENSE_FAULTS);
	KUNIT_EXPECT_GE(test, faults, 1ULL);
	EXPECT_COUNTED(test, &counts, ASI_CTR_REENTERS, faults);
}

static void tense_fault_is_mended(struct kunit *test)
{
	t.hidden = asi_test_hidden_block(test);
	fault_and_wait(test, true);
	fault_and_wait(test, false);
}

/* 5: nothing restricted survives. */

static void mm_dies(void)
{
	asi_mm_destroy(t.dying_mm);
}

static void mm_dies_with_a_cpu_in_it(void)
{
	this_cpu_write(curr_asi, &t.dying_mm->context.asi.domain[1]);
	asi_mm_destroy(t.dying_mm);
}

static void mm_dies_with_a_cpu_in_another(void)
{
	asi_enter(t.asi);
	asi_relax();
	asi_mm_destroy(t.dying_mm);
}

/* The domains of this mm have no page tables that could be freed. */
static void no_cpu_is_in_a_dead_mm(struct kunit *test)
{
	t.dying_mm = kunit_kzalloc(test, sizeof(*t.dying_mm), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t.dying_mm);
	t.dying_mm->context.asi.domain[1] = t.incomplete;

	EXPECT_WARNED(test, 0, mm_dies);
	EXPECT_WARNED(test, 0, mm_dies_with_a_cpu_in_another);
	EXPECT_WARNED(test, 1, mm_dies_with_a_cpu_in_it);
}

static void cpu_dies(void)
{
	asi_enter(t.asi);
	asi_relax();
	asi_sched();
	asi_debug_cpu_dead(smp_processor_id());
}

static void cpu_dies_in_a_domain(void)
{
	asi_enter(t.asi);
	asi_relax();
	asi_debug_cpu_dead(smp_processor_id());
}

static void no_cpu_dies_in_a_domain(struct kunit *test)
{
	EXPECT_WARNED(test, 0, cpu_dies);
	EXPECT_WARNED(test, 1, cpu_dies_in_a_domain);
}

/* What saving and restoring the state of the processor does to CR3. */
static void suspend_and_resume(void)
{
	unsigned long cr3;

	asi_enter(t.asi);
	asi_relax();
	cr3 = __read_cr3();
	write_cr3(cr3);
	asi_enter(t.asi);
}

static void suspend_restricted(void)
{
	unsigned long cr3;

	asi_enter(t.asi);
	asi_relax();
	cr3 = __read_cr3_raw();
	write_cr3(cr3);
	asi_enter(t.asi);
}

static void suspend_does_not_keep_a_domain(struct kunit *test)
{
	EXPECT_WARNED(test, 0, suspend_and_resume);
	EXPECT_WARNED(test, 1, suspend_restricted);
}

/* What the switch itself refuses, with the critical section never opened. */

static void enter_refused(struct asi *asi)
{
	asi_enter(t.other);
	asi_relax();
	asi_enter(asi);
	t.entered |= asi_is_tense() || asi_is_restricted();
}

static void enter_foreign_domain(void)
{
	enter_refused(&t.foreign);
}

static void enter_incomplete_domain(void)
{
	enter_refused(&t.incomplete);
}

static void wrong_domains_are_refused(struct kunit *test)
{
	EXPECT_WARNED(test, 1, enter_foreign_domain);
	EXPECT_WARNED(test, 1, enter_incomplete_domain);
	KUNIT_EXPECT_FALSE(test, t.entered);
}

static struct kunit_case invariants_cases[] = {
	KUNIT_CASE(cr3_agrees_with_the_domain),
	KUNIT_CASE(user_mode_runs_in_its_domain),
	KUNIT_CASE(user_mode_runs_unrestricted),
	KUNIT_CASE(guest_runs_in_its_domain),
	KUNIT_CASE(guest_runs_unrestricted),
	KUNIT_CASE(tense_code_does_not_sleep),
	KUNIT_CASE(tense_code_does_not_fault),
	KUNIT_CASE(tense_fault_is_mended),
	KUNIT_CASE(no_cpu_is_in_a_dead_mm),
	KUNIT_CASE(no_cpu_dies_in_a_domain),
	KUNIT_CASE(suspend_does_not_keep_a_domain),
	KUNIT_CASE(wrong_domains_are_refused),
	{}
};

static struct kunit_suite invariants_suite = {
	.name		= "asi_invariants",
	.init		= invariants_init,
	.test_cases	= invariants_cases,
};
kunit_test_suite(invariants_suite);
