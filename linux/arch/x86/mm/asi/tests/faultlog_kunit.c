// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite asi_faultlog: what faults in a domain leave in the fault log.
 */
#include <kunit/test.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/irq_work.h>
#include <linux/kallsyms.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/sensitive.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include <asm/apic.h>
#include <asm/nmi.h>

#include "../faultlog.h"
#include "common.h"

/* A place that a test made, of all that the log has. */
struct place {
	int class;
	enum asi_fault_phase phase;
	enum asi_fault_memory memory;
	const void *page;
};

/* The instruction that the tests fault with. */
static noinline u64 read_word(const u64 *word)
{
	return READ_ONCE(*word);
}

static bool in_read_word(unsigned long ip)
{
	return ip - (unsigned long)read_word < 64;
}

static void free_records(void *records)
{
	asi_faults_free(records);
}

static struct asi_fault_records *read_log(struct kunit *test)
{
	struct asi_fault_records *records =
		kunit_kzalloc(test, sizeof(*records), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, records);
	KUNIT_ASSERT_EQ(test, 0, asi_faults_read(records, NULL));
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, free_records, records));
	return records;
}

/* The faults of @class, whatever the place. */
static unsigned long faults_of(const struct asi_fault_records *records,
			       int class)
{
	unsigned long faults = 0;
	int i;

	for (i = 0; i < records->nr; i++) {
		if (asi_fault_whose(records->record[i].key) == class)
			faults += records->record[i].count;
	}
	return faults;
}

/* The record of a place where read_word() faulted; NULL if there is not one. */
static const struct asi_fault_record *
record_of(const struct asi_fault_records *records, const struct place *place)
{
	const struct asi_fault_record *found = NULL;
	int i;

	for (i = 0; i < records->nr; i++) {
		const struct asi_fault_record *r = &records->record[i];

		if (!in_read_word(r->ip) || r->memory != place->memory ||
		    r->key != asi_fault_key(place->class, place->phase,
					    (unsigned long)place->page))
			continue;
		if (found)
			return NULL;
		found = r;
	}
	return found;
}

static unsigned long logged(struct kunit *test, const struct place *place)
{
	const struct asi_fault_record *r = record_of(read_log(test), place);

	return r ? r->count : 0;
}

/* A domain of class "test", of which the log has nothing. */
static struct asi *domain(struct kunit *test, enum asi_fault_policy policy)
{
	struct asi *asi = asi_test_domain_with(test, policy);

	asi_faults_clear(asi->index);
	KUNIT_ASSERT_EQ(test, faults_of(read_log(test), asi->index), 0UL);
	return asi;
}

static void read_relaxed(struct asi *asi, const u64 *word)
{
	preempt_disable();
	asi_enter(asi);
	asi_relax();
	read_word(word);
	asi_exit();
	preempt_enable();
}

static void fault_is_logged(struct kunit *test)
{
	struct asi *asi = domain(test, ASI_FAULT_EXIT);
	u64 *hidden = asi_test_hidden_block(test);
	struct place place = { asi->index, ASI_FAULT_RELAXED, ASI_MEMORY_HOLE,
			       hidden + PAGE_SIZE / sizeof(u64) };
	const struct asi_fault_record *record;
	char symbol[ASI_FAULT_SYMBOL_LEN];
	int i;

	for (i = 0; i < 5; i++)
		read_relaxed(asi, place.page + 8 * i);

	KUNIT_EXPECT_EQ(test, faults_of(read_log(test), asi->index), 5UL);
	record = record_of(read_log(test), &place);
	KUNIT_ASSERT_NOT_NULL(test, record);
	KUNIT_EXPECT_EQ(test, record->count, 5UL);
	KUNIT_EXPECT_TRUE(test, str_has_prefix(asi_fault_symbol(symbol, record->ip),
					       "read_word+0x") != 0);

	/* What is not hidden is not in it, nor what is read outside. */
	read_relaxed(asi, asi_test_block(test));
	read_word(place.page);
	KUNIT_EXPECT_EQ(test, faults_of(read_log(test), asi->index), 5UL);

	asi_faults_clear(asi->index);
	KUNIT_EXPECT_EQ(test, faults_of(read_log(test), asi->index), 0UL);
}

static void a_class_is_forgotten_alone(struct kunit *test)
{
	struct asi *a = domain(test, ASI_FAULT_EXIT);
	struct asi *b = asi_test_domain(test, asi_test_class(test, "test2", NULL));
	u64 *hidden = asi_test_hidden_block(test);

	asi_faults_clear(b->index);
	read_relaxed(a, hidden);
	read_relaxed(b, hidden);
	asi_faults_clear(a->index);
	KUNIT_EXPECT_EQ(test, faults_of(read_log(test), a->index), 0UL);
	KUNIT_EXPECT_EQ(test, faults_of(read_log(test), b->index), 1UL);
	asi_faults_clear(-1);
	KUNIT_EXPECT_EQ(test, faults_of(read_log(test), b->index), 0UL);
}

/* Tense code faults, which is a bug in any class that does not ABORT. */
static void read_tense(struct asi *asi, const u64 *word)
{
	preempt_disable();
	asi_enter(asi);
	read_word(word);
	asi_relax();
	asi_exit();
	preempt_enable();
}

static void read_interrupting(struct asi *asi, const u64 *word)
{
	unsigned long flags;

	local_irq_save(flags);
	asi_enter(asi);
	asi_intr_enter();
	read_word(word);
	asi_intr_exit();
	asi_relax();
	asi_exit();
	local_irq_restore(flags);
}

static const u64 *irq_word;
static bool irq_done;

static void on_irq(struct irq_work *work)
{
	read_word(irq_word);
	/* Pairs with read_in_irq(). */
	smp_store_release(&irq_done, true);
}

static struct irq_work self_interrupt = IRQ_WORK_INIT_HARD(on_irq);

/* The interrupted task is relaxed, so that nothing but the context tells. */
static void read_in_irq(struct asi *asi, const u64 *word)
{
	int i;

	irq_word = word;
	irq_done = false;
	preempt_disable();
	asi_enter(asi);
	asi_relax();
	irq_work_queue(&self_interrupt);
	/* Pairs with on_irq(). */
	for (i = 0; i < USEC_PER_SEC && !smp_load_acquire(&irq_done); i++)
		udelay(1);
	asi_exit();
	preempt_enable();
}

static void phases_are_apart(struct kunit *test)
{
	struct asi *asi = domain(test, ASI_FAULT_ABORT);
	u64 *hidden = asi_test_hidden_block(test);
	struct place place = { asi->index, ASI_FAULT_RELAXED, ASI_MEMORY_HOLE,
			       hidden };

	read_relaxed(asi, hidden);
	KUNIT_EXPECT_EQ(test, logged(test, &place), 1UL);

	read_tense(asi, hidden);
	read_tense(asi, hidden);
	place.phase = ASI_FAULT_TENSE;
	KUNIT_EXPECT_EQ(test, logged(test, &place), 2UL);

	read_interrupting(asi, hidden);
	place.phase = ASI_FAULT_INTERRUPT;
	KUNIT_EXPECT_EQ(test, logged(test, &place), 1UL);

	read_in_irq(asi, hidden);
	KUNIT_EXPECT_TRUE(test, irq_done);
	KUNIT_EXPECT_EQ(test, logged(test, &place), 2UL);

	place.phase = ASI_FAULT_RELAXED;
	KUNIT_EXPECT_EQ(test, logged(test, &place), 1UL);
	KUNIT_EXPECT_EQ(test, faults_of(read_log(test), asi->index), 5UL);
}

/* A hole is one at the fault; what becomes of the block does not matter. */
static void memory_is_as_it_was(struct kunit *test)
{
	struct asi *asi = domain(test, ASI_FAULT_EXIT);
	u64 *block = asi_test_block(test);
	struct place place = { asi->index, ASI_FAULT_RELAXED, ASI_MEMORY_HOLE,
			       block };

	KUNIT_ASSERT_EQ(test, 0, asi_directmap_hide((unsigned long)block));
	read_relaxed(asi, block);
	asi_directmap_show((unsigned long)block);
	KUNIT_EXPECT_EQ(test, logged(test, &place), 1UL);
}

static void free_one_page(void *page)
{
	free_page((unsigned long)page);
}

KUNIT_DEFINE_ACTION_WRAPPER(free_area, vfree, const void *);

static void sensitive_memory(struct kunit *test)
{
	struct asi *asi = domain(test, ASI_FAULT_EXIT);
	struct place place = { asi->index, ASI_FAULT_RELAXED };
	void *page, *area;

	if (!sensitive_active())
		kunit_skip(test, "there is no sensitive memory");

	page = (void *)get_zeroed_page(GFP_USER);
	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, free_one_page, page));
	area = vmalloc_user(PAGE_SIZE);
	KUNIT_ASSERT_NOT_NULL(test, area);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, free_area, area));

	read_relaxed(asi, page);
	place.memory = ASI_MEMORY_SENSITIVE;
	place.page = page;
	KUNIT_EXPECT_EQ(test, logged(test, &place), 1UL);

	read_relaxed(asi, area);
	place.memory = ASI_MEMORY_WINDOW;
	place.page = area;
	KUNIT_EXPECT_EQ(test, logged(test, &place), 1UL);
}

/* Faults that have nothing to do with the domain leave it too. */
static void ordinary_faults(struct kunit *test)
{
	struct asi *asi = domain(test, ASI_FAULT_EXIT);
	struct vm_struct *area = get_vm_area(PAGE_SIZE, VM_IOREMAP);
	bool user = false, vmalloc = false;
	struct asi_fault_records *records;
	u64 word;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, area);
	preempt_disable();
	asi_enter(asi);
	asi_relax();
	copy_from_kernel_nofault(&word, area->addr, sizeof(word));
	asi_exit();
	asi_enter(asi);
	asi_relax();
	pagefault_disable();
	i = __get_user(word, (u64 __user *)PAGE_SIZE);
	pagefault_enable();
	asi_exit();
	preempt_enable();
	KUNIT_EXPECT_EQ(test, i, -EFAULT);

	records = read_log(test);
	for (i = 0; i < records->nr; i++) {
		const struct asi_fault_record *r = &records->record[i];
		unsigned long page = r->key & PAGE_MASK;

		if (asi_fault_whose(r->key) != asi->index)
			continue;
		user |= r->memory == ASI_MEMORY_USER && page == PAGE_SIZE;
		vmalloc |= r->memory == ASI_MEMORY_VMALLOC &&
			   page == (unsigned long)area->addr;
	}
	free_vm_area(area);
	KUNIT_EXPECT_EQ(test, faults_of(records, asi->index), 2UL);
	KUNIT_EXPECT_TRUE(test, user);
	KUNIT_EXPECT_TRUE(test, vmalloc);
}

/* A fault without an entry is counted as lost, and in nothing else. */
static void lost_faults_are_counted(struct kunit *test)
{
	struct asi_fault *full = kunit_kcalloc(test, ASI_FAULT_ENTRIES,
					       sizeof(*full), GFP_KERNEL);
	struct asi *asi = domain(test, ASI_FAULT_EXIT);
	u64 *hidden = asi_test_hidden_block(test);
	unsigned long lost = read_log(test)->lost;
	struct asi_fault *own;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, full);
	for (i = 0; i < ASI_FAULT_ENTRIES; i++)
		full[i].key = asi_fault_key(0, ASI_FAULT_TENSE, 0);

	preempt_disable();
	own = this_cpu_read(asi_fault_log);
	this_cpu_write(asi_fault_log, full);
	read_relaxed(asi, hidden);
	/* As on a CPU that got none. */
	this_cpu_write(asi_fault_log, NULL);
	read_relaxed(asi, hidden);
	this_cpu_write(asi_fault_log, own);
	preempt_enable();

	KUNIT_EXPECT_GE(test, read_log(test)->lost, lost + 2);
	KUNIT_EXPECT_EQ(test, faults_of(read_log(test), asi->index), 0UL);
	asi_faults_clear(asi->index);
	KUNIT_EXPECT_GE(test, read_log(test)->lost, lost + 2);
	asi_faults_clear(-1);
	KUNIT_EXPECT_EQ(test, read_log(test)->lost, 0UL);
}

static struct {
	const u64 *hidden;
	/* Page of it that the task reads, and so does an NMI. */
	unsigned long page;
	/* CPU that an NMI is due on, or -1. */
	int cpu;
	/* Faults in NMIs. */
	unsigned long faults;
} nmi;

static const u64 *page_of(const u64 *block, unsigned long i)
{
	return block + i % (PMD_SIZE / PAGE_SIZE) * (PAGE_SIZE / sizeof(u64));
}

static int on_nmi(unsigned int type, struct pt_regs *regs)
{
	if (READ_ONCE(nmi.cpu) != raw_smp_processor_id())
		return NMI_DONE;

	nmi.faults += !!asi_get_current();
	read_word(page_of(nmi.hidden, nmi.page));
	WRITE_ONCE(nmi.cpu, -1);
	return NMI_HANDLED;
}

static int nmi_sender(void *cpu)
{
	while (!kthread_should_stop()) {
		if (READ_ONCE(nmi.cpu) < 0) {
			WRITE_ONCE(nmi.cpu, (long)cpu);
			__apic_send_IPI((long)cpu, NMI_VECTOR);
		}
		cond_resched();
	}
	/* The last one may be under way. */
	while (READ_ONCE(nmi.cpu) >= 0)
		cpu_relax();
	return 0;
}

static void unregister_nmi(void *unused)
{
	unregister_nmi_handler(NMI_LOCAL, "asi_kunit_faultlog");
}

/* A thread on @cpu that does @func until it is stopped. */
static struct task_struct *start_on(struct kunit *test, int (*func)(void *cpu),
				    long cpu)
{
	struct task_struct *task =
		kthread_create_on_cpu(func, (void *)cpu, cpu, "asi_kunit_%u");

	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	wake_up_process(task);
	return task;
}

/* The log has as many faults as the counters, whatever interrupted whom. */
static void nothing_is_lost_to_nmis(struct kunit *test)
{
	struct asi *asi = domain(test, ASI_FAULT_EXIT);
	unsigned long end = jiffies + 20 * HZ;
	struct asi_fault_records *records;
	struct asi_test_counts counts;
	struct task_struct *sender;
	int cpu, other;

	if (num_online_cpus() < 2)
		kunit_skip(test, "one CPU is online, two are needed");

	cpu = cpumask_first(cpu_online_mask);
	other = cpumask_any_but(cpu_online_mask, cpu);
	nmi.hidden = asi_test_hidden_block(test);
	nmi.cpu = -1;
	nmi.faults = 0;
	nmi.page = 0;
	KUNIT_ASSERT_EQ(test, 0, set_cpus_allowed_ptr(current, cpumask_of(cpu)));
	KUNIT_ASSERT_EQ(test, 0, register_nmi_handler(NMI_LOCAL, on_nmi, 0,
						      "asi_kunit_faultlog"));
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, unregister_nmi, NULL));

	asi_test_count_from(&counts, asi->index);
	sender = kthread_create(nmi_sender, (void *)(long)cpu, "asi_kunit_nmi");
	KUNIT_ASSERT_FALSE(test, IS_ERR(sender));
	kthread_bind(sender, other);
	wake_up_process(sender);
	while (READ_ONCE(nmi.faults) < 200 && time_before(jiffies, end)) {
		nmi.page++;
		read_relaxed(asi, page_of(nmi.hidden, nmi.page));
		cond_resched();
	}
	kthread_stop(sender);

	records = read_log(test);
	kunit_info(test, "%lu faults in NMIs, %llu in all", nmi.faults,
		   asi_test_counted(&counts, ASI_CTR_FAULTS));
	KUNIT_EXPECT_GT(test, nmi.faults, 10UL);
	KUNIT_EXPECT_EQ(test, faults_of(records, asi->index),
			asi_test_counted(&counts, ASI_CTR_FAULTS));
	EXPECT_COUNTED(test, &counts, ASI_CTR_TENSE_FAULTS, 0);
}

static struct {
	struct asi *asi;
	const u64 *hidden;
} load;

static int fault_all_the_time(void *unused)
{
	unsigned long i = 0;

	kthread_use_mm(load.asi->mm);
	while (!kthread_should_stop()) {
		read_relaxed(load.asi, page_of(load.hidden, i++));
		cond_resched();
	}
	kthread_unuse_mm(load.asi->mm);
	return 0;
}

/* Clearing and reading while all CPUs fault. */
static void clear_while_others_fault(struct kunit *test)
{
	struct task_struct *task[4];
	struct asi_fault_records r;
	int cpu, i, nr = 0, bad = 0;

	load.asi = domain(test, ASI_FAULT_EXIT);
	load.hidden = asi_test_hidden_block(test);
	for_each_online_cpu(cpu) {
		if (nr < ARRAY_SIZE(task))
			task[nr++] = start_on(test, fault_all_the_time, cpu);
	}

	for (i = 0; i < 200; i++) {
		int j;

		asi_faults_clear(i % 2 ? -1 : load.asi->index);
		usleep_range(100, 200);
		if (asi_faults_read(&r, NULL))
			continue;
		for (j = 0; j < r.nr; j++) {
			if (asi_fault_whose(r.record[j].key) != load.asi->index)
				continue;
			bad += !in_read_word(r.record[j].ip) ||
			       !r.record[j].count ||
			       r.record[j].memory != ASI_MEMORY_HOLE ||
			       asi_fault_phase(r.record[j].key) != ASI_FAULT_RELAXED;
		}
		asi_faults_free(&r);
	}
	for (i = 0; i < nr; i++)
		kthread_stop(task[i]);
	KUNIT_EXPECT_EQ(test, bad, 0);

	asi_faults_clear(-1);
	read_relaxed(load.asi, load.hidden);
	KUNIT_EXPECT_EQ(test, faults_of(read_log(test), load.asi->index), 1UL);
}

/* With the boot option: the stack of a fault, which leads here. */
static void stack_is_kept(struct kunit *test)
{
	struct asi *asi = domain(test, ASI_FAULT_EXIT);
	u64 *hidden = asi_test_hidden_block(test);
	struct place place = { asi->index, ASI_FAULT_RELAXED, ASI_MEMORY_HOLE,
			       hidden };
	const struct asi_fault_record *record;
	char symbol[KSYM_SYMBOL_LEN];
	bool here = false;
	int i;

	if (!static_key_enabled(&asi_fault_stacks_key))
		kunit_skip(test, "booted without asi_debug_fault_stacks");

	read_relaxed(asi, hidden);
	record = record_of(read_log(test), &place);
	KUNIT_ASSERT_NOT_NULL(test, record);
	KUNIT_ASSERT_NOT_NULL(test, record->stack);
	KUNIT_EXPECT_EQ(test, record->stack->address[0], record->ip);
	for (i = 0; i < record->stack->nr; i++) {
		sprint_symbol_no_offset(symbol, record->stack->address[i]);
		here |= !strcmp(symbol, __func__);
	}
	KUNIT_EXPECT_TRUE(test, here);
	KUNIT_EXPECT_NULL(test, asi_get_current());
}

static struct kunit_case faultlog_cases[] = {
	KUNIT_CASE(fault_is_logged),
	KUNIT_CASE(a_class_is_forgotten_alone),
	KUNIT_CASE(phases_are_apart),
	KUNIT_CASE(memory_is_as_it_was),
	KUNIT_CASE(sensitive_memory),
	KUNIT_CASE(ordinary_faults),
	KUNIT_CASE(lost_faults_are_counted),
	KUNIT_CASE_SLOW(nothing_is_lost_to_nmis),
	KUNIT_CASE_SLOW(clear_while_others_fault),
	KUNIT_CASE(stack_is_kept),
	{}
};

static struct kunit_suite faultlog_suite = {
	.name		= "asi_faultlog",
	.init		= asi_test_init,
	.test_cases	= faultlog_cases,
};
kunit_test_suite(faultlog_suite);
