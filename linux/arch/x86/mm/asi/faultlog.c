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
 * Readers look from other CPUs.  Entries are freed under log_lock only, which they
 * hold, and by each CPU in an interrupt, which waits for writers.
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
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/sort.h>
#include <linux/stacktrace.h>
#include <linux/topology.h>

#include <asm/asm.h>
#include <asm/pgtable.h>
#include <asm/sections.h>

#include "faultlog.h"
#include "internal.h"

/* ASI_FAULT_ENTRIES; NULL if the CPU was never up, or memory was short then. */
DEFINE_PER_CPU(struct asi_fault *, asi_fault_log);
/* Faults without an entry. */
DEFINE_PER_CPU(unsigned long, asi_faults_lost);

/* One for each entry of the log, if stacks are wanted. */
static DEFINE_PER_CPU(struct asi_fault_stack *, fault_stacks);
DEFINE_STATIC_KEY_FALSE(asi_fault_stacks_key);

/* Held to free entries, and to read more of one than its count. */
static DEFINE_MUTEX(log_lock);

/* Topmost table of the restricted direct map. */
static unsigned long *directmap __ro_after_init;

const char *const asi_fault_phase_names[] = {
	[ASI_FAULT_RELAXED]	= "relaxed",
	[ASI_FAULT_TENSE]	= "tense",
	[ASI_FAULT_INTERRUPT]	= "interrupt",
};

const char *const asi_fault_memory_names[] = {
	[ASI_MEMORY_SENSITIVE]	= "sensitive",
	[ASI_MEMORY_WINDOW]	= "window",
	[ASI_MEMORY_VMALLOC]	= "vmalloc",
	[ASI_MEMORY_HOLE]	= "hole",
	[ASI_MEMORY_USER]	= "user",
	[ASI_MEMORY_MODULE]	= "module",
	[ASI_MEMORY_IMAGE]	= "image",
	[ASI_MEMORY_OTHER]	= "other",
};
EXPORT_SYMBOL_NS_GPL(asi_fault_memory_names, ASI_DEV);
static_assert(ARRAY_SIZE(asi_fault_memory_names) == ASI_NR_MEMORY_KINDS);

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
 * asi_fault_clear - free the entries of a log
 * @log:   The log of this CPU, or of one that is offline.
 * @index: The class; negative for all.
 *
 * Context: as asi_fault_count(), which may interrupt it, and log_lock held.
 */
void asi_fault_clear(struct asi_fault *log, int index)
{
	struct asi_fault *fault;

	for (fault = log; fault < log + ASI_FAULT_ENTRIES; fault++) {
		unsigned long key = READ_ONCE(fault->key);

		if (!key || (index >= 0 && asi_fault_index(key) != index))
			continue;
		/*
		 * In this order, so that an NMI in between neither counts in it
		 * nor takes it before it is empty.
		 */
		WRITE_ONCE(fault->ip, 0);
		barrier();
		local_set(&fault->count, 0);
		barrier();
		WRITE_ONCE(fault->key, 0);
	}
}

static void clear_cpu(int cpu, int index)
{
	struct asi_fault_stack *stacks = per_cpu(fault_stacks, cpu);
	struct asi_fault *log = per_cpu(asi_fault_log, cpu);
	int i;

	if (index < 0)
		per_cpu(asi_faults_lost, cpu) = 0;
	if (!log)
		return;

	for (i = 0; stacks && i < ASI_FAULT_ENTRIES; i++) {
		if (index < 0 || asi_fault_index(log[i].key) == index)
			WRITE_ONCE(stacks[i].nr, 0);
	}
	asi_fault_clear(log, index);
}

static void clear_this_cpu(void *index)
{
	clear_cpu(smp_processor_id(), (long)index);
}

/**
 * asi_faults_clear - empty the logs of all CPUs
 * @index: The class whose faults are forgotten; negative for all, and for the number
 *	   of those that were lost.
 *
 * Faults that happen meanwhile are forgotten, or they are not.
 *
 * Context: may sleep.
 */
void asi_faults_clear(int index)
{
	int cpu;

	guard(mutex)(&log_lock);
	guard(cpus_read_lock)();
	on_each_cpu(clear_this_cpu, (void *)(long)index, 1);
	for_each_possible_cpu(cpu) {
		if (!cpu_online(cpu))
			clear_cpu(cpu, index);
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
	struct asi_fault_stack *stacks = this_cpu_read(fault_stacks);
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

/* By the address, and for the direct map by what its block was. */
static enum asi_fault_memory memory_of(unsigned long first)
{
	pmd_t block = __pmd(first & ~PAGE_MASK);
	unsigned long addr = first & PAGE_MASK;

	if ((long)addr >= 0)
		return ASI_MEMORY_USER;
	if (asi_block_hole(block))
		return ASI_MEMORY_HOLE;
	if (asi_block_hidden(block))
		return ASI_MEMORY_SENSITIVE;
	if (addr >= asi_window_start() && addr < asi_window_end())
		return ASI_MEMORY_WINDOW;
	if (addr >= VMALLOC_START && addr <= VMALLOC_END)
		return ASI_MEMORY_VMALLOC;
	if (addr >= MODULES_VADDR && addr < MODULES_END)
		return ASI_MEMORY_MODULE;
	if (addr >= (unsigned long)_text && addr < (unsigned long)_end)
		return ASI_MEMORY_IMAGE;
	return ASI_MEMORY_OTHER;
}

static const struct asi_fault_stack *
copy_stack(const struct asi_fault_stack *from, struct asi_fault_stack *to)
{
	/* Pairs with asi_fault_save_stack(). */
	unsigned long nr = smp_load_acquire(&from->nr);

	if (!nr)
		return NULL;
	*to = *from;
	return to;
}

/* Add the log of @cpu to @records, which have room for @max. */
static void read_cpu(int cpu, struct asi_fault_records *records,
		     unsigned int max)
{
	const struct asi_fault_stack *stacks = per_cpu(fault_stacks, cpu);
	const struct asi_fault *log = per_cpu(asi_fault_log, cpu);
	int i;

	records->lost += READ_ONCE(per_cpu(asi_faults_lost, cpu));
	for (i = 0; log && i < ASI_FAULT_ENTRIES && records->nr < max; i++) {
		struct asi_fault_record *record = &records->record[records->nr];

		*record = (struct asi_fault_record) {
			.count = local_read(&log[i].count),
		};
		if (!record->count)
			continue;
		/* Pairs with take(): the rest is there if it counts. */
		smp_rmb();
		record->key = READ_ONCE(log[i].key);
		record->ip = READ_ONCE(log[i].ip);
		record->memory = memory_of(READ_ONCE(log[i].first));
		if (stacks && records->stacks)
			record->stack = copy_stack(&stacks[i],
						   &records->stacks[records->nr]);
		records->nr++;
	}
}

static unsigned int used_entries(void)
{
	const struct asi_fault *log;
	unsigned int nr = 0;
	int cpu, i;

	for_each_possible_cpu(cpu) {
		log = per_cpu(asi_fault_log, cpu);
		for (i = 0; log && i < ASI_FAULT_ENTRIES; i++)
			nr += !!local_read(&log[i].count);
	}
	return nr;
}

static int compare(unsigned long a, unsigned long b)
{
	return a < b ? -1 : a > b;
}

static int by_place(const void *a, const void *b)
{
	const struct asi_fault_record *x = a, *y = b;

	return compare(x->ip, y->ip) ?: compare(x->key, y->key) ?:
	       compare(x->memory, y->memory);
}

static int by_count(const void *a, const void *b)
{
	const struct asi_fault_record *x = a, *y = b;

	return compare(y->count, x->count) ?: by_place(a, b);
}

/* CPUs, and sometimes one CPU, have several entries for the same. */
static void merge(struct asi_fault_records *records)
{
	struct asi_fault_record *record = records->record;
	unsigned int i, nr = 0;

	sort(record, records->nr, sizeof(*record), by_place, NULL);
	for (i = 0; i < records->nr; i++) {
		if (nr && !by_place(&record[nr - 1], &record[i])) {
			record[nr - 1].count += record[i].count;
			record[nr - 1].stack = record[nr - 1].stack ?:
					       record[i].stack;
		} else {
			record[nr++] = record[i];
		}
	}
	records->nr = nr;
	sort(record, nr, sizeof(*record), by_count, NULL);
}

/**
 * asi_faults_read - copy the logs of all CPUs
 * @records: Filled in; for asi_faults_free().
 *
 * Entries are added meanwhile; those that have no room are in the next copy.
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM, with nothing to free.
 */
int asi_faults_read(struct asi_fault_records *records)
{
	unsigned int max;
	int cpu;

	guard(mutex)(&log_lock);
	*records = (struct asi_fault_records) {};
	max = used_entries();
	records->record = kvcalloc(max, sizeof(*records->record), GFP_KERNEL);
	if (static_key_enabled(&asi_fault_stacks_key))
		records->stacks = kvcalloc(max, sizeof(*records->stacks),
					   GFP_KERNEL);
	if (!records->record ||
	    (static_key_enabled(&asi_fault_stacks_key) && !records->stacks)) {
		asi_faults_free(records);
		return -ENOMEM;
	}

	for_each_possible_cpu(cpu)
		read_cpu(cpu, records, max);
	merge(records);
	return 0;
}
EXPORT_SYMBOL_NS_GPL(asi_faults_read, ASI_DEV);

/* Free what asi_faults_read() filled in. */
void asi_faults_free(struct asi_fault_records *records)
{
	kvfree(records->record);
	kvfree(records->stacks);
}
EXPORT_SYMBOL_NS_GPL(asi_faults_free, ASI_DEV);

/**
 * asi_faults_count_now - remember how often each entry of this CPU has counted
 * @counts: ASI_FAULT_ENTRIES, for asi_faults_since().
 *
 * Context: interrupts off.
 */
void asi_faults_count_now(unsigned long *counts)
{
	const struct asi_fault *log = this_cpu_read(asi_fault_log);
	int i;

	for (i = 0; i < ASI_FAULT_ENTRIES; i++)
		counts[i] = log ? local_read(&log[i].count) : 0;
}
EXPORT_SYMBOL_NS_GPL(asi_faults_count_now, ASI_DEV);

/**
 * asi_faults_since - which instruction has faulted on this CPU since the last look?
 * @counts: From asi_faults_count_now() on this CPU, or this; brought up to date.
 * @index:  The class.
 * @page:   What it touched.
 *
 * Context: interrupts off, and not in a domain.
 * Return: the instruction; if the page had no room in the log, one that has been
 * counted whatever the page; 0 if there is none.
 */
unsigned long asi_faults_since(unsigned long *counts, int index,
			       unsigned long page)
{
	const struct asi_fault *log = this_cpu_read(asi_fault_log);
	unsigned long ip = 0;
	bool exact = false;
	int i;

	for (i = 0; log && i < ASI_FAULT_ENTRIES; i++) {
		unsigned long count = local_read(&log[i].count);
		unsigned long key = READ_ONCE(log[i].key);

		if (count == counts[i])
			continue;
		counts[i] = count;
		if (exact || !count || asi_fault_index(key) != index)
			continue;
		exact = (key & PAGE_MASK) == page;
		if (exact || !(key & PAGE_MASK))
			ip = READ_ONCE(log[i].ip);
	}
	return ip;
}
EXPORT_SYMBOL_NS_GPL(asi_faults_since, ASI_DEV);

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
	    !per_cpu(fault_stacks, cpu))
		per_cpu(fault_stacks, cpu) =
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
