// SPDX-License-Identifier: GPL-2.0
/*
 * Address space isolation: where do page faults leave the restricted address space,
 * and for which memory?
 *
 * Each CPU has a table of entries in sets of a few.  A fault looks at those of one set,
 * finds its own and counts in it, or takes the first that is free.  If it has none of
 * these, it does the same in a table for instructions, whatever the page; if there is
 * none either, it is counted as lost.
 *
 * Only the CPU itself writes to its log, with interrupts off.  Whoever has the domain
 * left cannot be interrupted by an NMI that leaves one, as nothing goes back in before
 * the fault is handled; but the log does not depend on that.  What interrupts a writer
 * and writes too is done when the writer goes on.  An entry is taken by writing its key,
 * by an instruction that fails if it has one already, filled in, and counts from then
 * on.  In between, another fault does not find its instruction there, and may make an
 * entry more for the same place: whoever reads adds them up.
 *
 * Readers (faultlog_read.c) look from other CPUs.  Entries are freed under asi_faults_lock
 * only, which they hold, and by each CPU in an interrupt, which waits for writers.
 *
 * The log is used when the domain has been left.  It is nonsensitive all the same,
 * so that nothing depends on that.
 */
#define pr_fmt(fmt) "asi: " fmt

#include <linux/asi.h>
#include <linux/cleanup.h>
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/hash.h>
#include <linux/init.h>
#include <linux/log2.h>
#include <linux/mutex.h>
#include <linux/smp.h>
#include <linux/stacktrace.h>
#include <linux/string.h>
#include <linux/topology.h>

#include <asm/asm.h>
#include <asm/pgtable.h>

#include "faultlog.h"
#include "internal.h"

/* ASI_FAULT_ENTRIES; NULL if the CPU was never up, or memory was short then. */
DEFINE_PER_CPU(struct asi_fault *, asi_fault_log);
/* Faults without an entry. */
DEFINE_PER_CPU(unsigned long, asi_faults_lost);

/* One for each entry of the log, if stacks are wanted. */
DEFINE_PER_CPU(struct asi_fault_stack *, asi_fault_stacks);
DEFINE_STATIC_KEY_FALSE(asi_fault_stacks_key);

/* Held to free entries, to change who is watched, and to read more of one than its count. */
DEFINE_MUTEX(asi_faults_lock);

/* Topmost table of the restricted direct map. */
static unsigned long *directmap __ro_after_init;

/*
 * The entry that the restricted direct map has for the block of @address; 0 for an
 * address that is not in it.  A block may change sides later, so this is looked up
 * when the fault happens, once for each place.
 */
static __always_inline unsigned long block_of(unsigned long address)
{
	unsigned long *table = directmap;
	unsigned long entry;
	int level;

	for (level = asi_top_level(); ; level--) {
		entry = READ_ONCE(table[asi_level_index(address, level)]);
		if (level == 2 || !(entry & _PAGE_PRESENT))
			return entry;
		table = __va(entry & PTE_PFN_MASK);
	}
}

/*
 * Take an entry that was free.  False if somebody else was faster, who has interrupted
 * us, unless it was for the same place.
 */
static noinstr bool take(struct asi_fault *fault, unsigned long key,
			 unsigned long ip, unsigned long address)
{
	unsigned long there = arch_cmpxchg_local(&fault->key, 0UL, key);

	if (there)
		return there == key && fault->ip == ip;

	WRITE_ONCE(fault->first, (address & PAGE_MASK) |
				 (block_of(address) & ~PAGE_MASK));
	/* Before the count, which is the caller's. */
	smp_store_release(&fault->ip, ip);
	return true;
}

/* local_inc(), of which there would be a copy outside of noinstr with KASAN. */
static __always_inline void count_one(struct asi_fault *fault)
{
	asm volatile(_ASM_INC "%0" : "+m" (fault->count.a.counter));
}

/* The set of @key and @ip in @table, of @size entries. */
static __always_inline
struct asi_fault *set_of(struct asi_fault *table, unsigned int size,
			 unsigned long key, unsigned long ip)
{
	unsigned long hash = (key + ip) * GOLDEN_RATIO_64;

	return table + (hash >> (64 - ilog2(size / ASI_FAULT_SET))) *
		       ASI_FAULT_SET;
}

/* The entry for @key and @ip in a set, or NULL. */
static __always_inline struct asi_fault *find(struct asi_fault *fault,
					      unsigned long key, unsigned long ip)
{
	int i;

	for (i = 0; i < ASI_FAULT_SET; i++, fault++) {
		if (READ_ONCE(fault->key) == key && READ_ONCE(fault->ip) == ip)
			return fault;
	}
	return NULL;
}

/* The entry for @key and @ip in a set, or the first of the free ones; else NULL. */
static noinstr struct asi_fault *find_or_take(struct asi_fault *fault,
					      unsigned long key,
					      unsigned long ip,
					      unsigned long address)
{
	int i;

	for (i = 0; i < ASI_FAULT_SET; i++, fault++) {
		unsigned long there = READ_ONCE(fault->key);

		if (there == key && READ_ONCE(fault->ip) == ip)
			return fault;
		if (!there && take(fault, key, ip, address))
			return fault;
	}
	return NULL;
}

/* Count a fault in a place that is new, or in one of too many. */
static noinstr struct asi_fault *count_new(struct asi_fault *log,
					   unsigned long key, unsigned long ip,
					   unsigned long address)
{
	struct asi_fault *fault;

	fault = find_or_take(set_of(log, ASI_FAULT_PAGES, key, ip),
			     key, ip, address);
	if (!fault) {
		key &= ~PAGE_MASK;
		fault = find_or_take(set_of(log + ASI_FAULT_PAGES,
					    ASI_FAULT_SITES, key, ip),
				     key, ip, address);
	}
	if (fault)
		count_one(fault);
	return fault;
}

/**
 * asi_fault_count - count a fault
 * @log:     The log of this CPU.
 * @key:     From asi_fault_key().
 * @ip:	     The instruction.
 * @address: What it accessed.
 *
 * Context: interrupts off; else any, NMI and noinstr included.
 * Return: the entry; NULL if there was no room.
 */
noinstr struct asi_fault *asi_fault_count(struct asi_fault *log,
					  unsigned long key, unsigned long ip,
					  unsigned long address)
{
	struct asi_fault *set = set_of(log, ASI_FAULT_PAGES, key, ip);
	struct asi_fault *fault = find(set, key, ip);

	/* Full: then the instruction is likely to have an entry for any page. */
	if (!fault && READ_ONCE(set[ASI_FAULT_SET - 1].key)) {
		unsigned long site = key & ~PAGE_MASK;

		fault = find(set_of(log + ASI_FAULT_PAGES, ASI_FAULT_SITES, site, ip),
			     site, ip);
	}
	if (!fault)
		return count_new(log, key, ip, address);
	count_one(fault);
	return fault;
}

/**
 * asi_fault_free - free an entry of a log
 * @fault: Of the log of this CPU, or of one that is offline.
 *
 * Context: as asi_fault_count(), which may interrupt it, and asi_faults_lock held.
 */
void asi_fault_free(struct asi_fault *fault)
{
	/*
	 * In this order, so that an NMI in between neither counts in it nor takes it
	 * before it is empty.
	 */
	WRITE_ONCE(fault->ip, 0);
	barrier();
	local_set(&fault->count, 0);
	barrier();
	WRITE_ONCE(fault->key, 0);
}

/**
 * asi_fault_clear - free the entries of a log
 * @log:   The log of this CPU, or of one that is offline.
 * @whose: A class, or a domain that is watched; negative for all.
 *
 * Context: as asi_fault_free().
 */
void asi_fault_clear(struct asi_fault *log, int whose)
{
	struct asi_fault *fault;

	for (fault = log; fault < log + ASI_FAULT_ENTRIES; fault++) {
		unsigned long key = READ_ONCE(fault->key);

		if (key && (whose < 0 || asi_fault_whose(key) == whose))
			asi_fault_free(fault);
	}
}

/* The set, in the table that entry @i of @log is in. */
static struct asi_fault *set_beside(struct asi_fault *log, int i,
				    unsigned long key, unsigned long ip)
{
	if (i < ASI_FAULT_PAGES)
		return set_of(log, ASI_FAULT_PAGES, key, ip);
	return set_of(log + ASI_FAULT_PAGES, ASI_FAULT_SITES, key, ip);
}

static void move_stack(struct asi_fault_stack *stacks, int from, int to)
{
	if (!stacks[to].nr && stacks[from].nr) {
		memcpy(stacks[to].address, stacks[from].address,
		       sizeof(stacks[to].address));
		/* Pairs with copy_stack(). */
		smp_store_release(&stacks[to].nr, stacks[from].nr);
	}
	WRITE_ONCE(stacks[from].nr, 0);
}

/* Count as somebody else's, with key @key, what entry @i has. */
static void move_entry(struct asi_fault *log, struct asi_fault_stack *stacks,
		       int i, unsigned long key)
{
	struct asi_fault *fault = &log[i], *other;
	struct asi_fault *set = set_beside(log, i, key, fault->ip);

	other = find(set, key, fault->ip) ?:
		find_or_take(set, key, fault->ip, fault->first);
	if (!other) {
		/* Where nobody looks for it, but it is read. */
		WRITE_ONCE(fault->key, key);
		return;
	}
	if (!local_read(&other->count))
		WRITE_ONCE(other->first, fault->first);
	local_add(local_read(&fault->count), &other->count);
	if (stacks)
		move_stack(stacks, i, other - log);
	asi_fault_free(fault);
}

/**
 * asi_fault_move - count as somebody else's what a log has of somebody
 * @log:    The log of this CPU, or of one that is offline.
 * @stacks: Its stacks, or NULL.
 * @from:   Whose faults they were, who has no more of them.
 * @to:	    Whose they are.
 *
 * An NMI may make an entry for a place at the same time, as in asi_fault_count().
 *
 * Context: as asi_fault_free().
 */
void asi_fault_move(struct asi_fault *log, struct asi_fault_stack *stacks,
		    unsigned int from, unsigned int to)
{
	unsigned long key;
	int i;

	for (i = 0; i < ASI_FAULT_ENTRIES; i++) {
		key = READ_ONCE(log[i].key);
		if (key && asi_fault_whose(key) == from)
			move_entry(log, stacks, i,
				   asi_fault_key(to, asi_fault_phase(key), key));
	}
}

static void clear_cpu(int cpu, int whose)
{
	struct asi_fault_stack *stacks = per_cpu(asi_fault_stacks, cpu);
	struct asi_fault *log = per_cpu(asi_fault_log, cpu);
	int i;

	if (whose < 0)
		per_cpu(asi_faults_lost, cpu) = 0;
	if (!log)
		return;

	for (i = 0; stacks && i < ASI_FAULT_ENTRIES; i++) {
		if (whose < 0 || asi_fault_whose(log[i].key) == whose)
			WRITE_ONCE(stacks[i].nr, 0);
	}
	asi_fault_clear(log, whose);
}

static void clear_this_cpu(void *whose)
{
	clear_cpu(smp_processor_id(), (long)whose);
}

/**
 * asi_faults_clear - empty the logs of all CPUs
 * @whose: From asi_faults_of(), or a class: what its domains have that nobody watches;
 *	   negative for all, and for the number of those that were lost.
 *
 * Faults that happen meanwhile are forgotten, or they are not.
 *
 * Context: may sleep.
 */
void asi_faults_clear(int whose)
{
	int cpu;

	guard(mutex)(&asi_faults_lock);
	guard(cpus_read_lock)();
	on_each_cpu(clear_this_cpu, (void *)(long)whose, 1);
	for_each_possible_cpu(cpu) {
		if (!cpu_online(cpu))
			clear_cpu(cpu, whose);
	}
}
EXPORT_SYMBOL_NS_GPL(asi_faults_clear, ASI_DEV);

/**
 * asi_fault_save_stack - remember who called the instruction that faulted
 * @fault: From asi_log_fault() on this CPU, with interrupts off since.
 * @regs:  The context that faulted.
 *
 * Once for each entry; not if the fault was in an NMI, which may have interrupted this
 * very function.
 *
 * Context: the entry work is done, so that code may be instrumented and RCU watches.
 */
void asi_fault_save_stack(const struct asi_fault *fault, struct pt_regs *regs)
{
	struct asi_fault_stack *stacks = this_cpu_read(asi_fault_stacks);
	struct asi_fault_stack *stack;
	unsigned long nr;

	if (in_nmi() || !stacks)
		return;
	stack = &stacks[fault - this_cpu_read(asi_fault_log)];
	if (stack->nr)
		return;

	nr = stack_trace_save_regs(regs, stack->address, ASI_FAULT_STACK_DEPTH, 0);
	/* Pairs with copy_stack(). */
	smp_store_release(&stack->nr, nr);
}

static bool want_stacks __initdata;

static int __init parse_stacks(char *arg)
{
	want_stacks = true;
	return 0;
}
early_param("asi_debug_fault_stacks", parse_stacks);

/* Pages that are nonsensitive and in the direct map, which all domains have. */
static void *cpu_pages(int cpu, size_t size)
{
	struct page *page = alloc_pages_node(cpu_to_node(cpu),
					     GFP_KERNEL | __GFP_ZERO,
					     get_order(size));

	return page ? page_address(page) : NULL;
}

/* A CPU comes up: give it its log, which it keeps when it goes down. */
static int prepare_cpu(unsigned int cpu)
{
	if (!per_cpu(asi_fault_log, cpu))
		per_cpu(asi_fault_log, cpu) =
			cpu_pages(cpu, ASI_FAULT_ENTRIES * sizeof(struct asi_fault));
	if (static_key_enabled(&asi_fault_stacks_key) &&
	    !per_cpu(asi_fault_stacks, cpu))
		per_cpu(asi_fault_stacks, cpu) =
			cpu_pages(cpu, ASI_FAULT_ENTRIES *
				  sizeof(struct asi_fault_stack));

	if (!per_cpu(asi_fault_log, cpu))
		pr_warn("no memory for the fault log of CPU %u\n", cpu);
	return 0;
}

/**
 * asi_faults_init - make the fault logs
 *
 * Without memory for one there is none, and all its faults are lost.
 *
 * Context: early initcall, with the restricted direct map made and no domain yet.
 */
void __init asi_faults_init(void)
{
	directmap = (unsigned long *)asi_directmap_pgd();
	if (want_stacks)
		static_branch_enable(&asi_fault_stacks_key);
	WARN_ON_ONCE(cpuhp_setup_state(CPUHP_BP_PREPARE_DYN, "x86/asi:faults",
				       prepare_cpu, NULL) < 0);
}
