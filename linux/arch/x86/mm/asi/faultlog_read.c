// SPDX-License-Identifier: GPL-2.0
/*
 * Address space isolation: copies of the fault logs, for those who read them.
 */
#include <linux/asi.h>
#include <linux/cleanup.h>
#include <linux/cpumask.h>
#include <linux/export.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include <asm/pgtable.h>
#include <asm/sections.h>

#include "faultlog.h"
#include "internal.h"

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

/* Whose faults it is, with the class for a domain that is watched. */
static unsigned long key_of_class(unsigned long key)
{
	return asi_fault_key(asi_fault_class(asi_fault_whose(key)),
			     asi_fault_phase(key), key);
}

/* Entries that are made while there is room for those that were used before. */
#define SPARE	32

/*
 * Add what the log of @cpu has of @whose, negative for all, to @records, which have room
 * for @max.  False if that was not enough.
 */
static bool read_cpu(int cpu, int whose, struct asi_fault_records *records,
		     unsigned int max)
{
	const struct asi_fault_stack *stacks = per_cpu(asi_fault_stacks, cpu);
	const struct asi_fault *log = per_cpu(asi_fault_log, cpu);
	int i;

	records->lost += READ_ONCE(per_cpu(asi_faults_lost, cpu));
	for (i = 0; log && i < ASI_FAULT_ENTRIES; i++) {
		struct asi_fault_record *record = &records->record[records->nr];
		unsigned long key, count = local_read(&log[i].count);

		if (!count)
			continue;
		/* Pairs with take(): the rest is there if it counts. */
		smp_rmb();
		key = READ_ONCE(log[i].key);
		if (whose >= 0 && asi_fault_whose(key) != whose)
			continue;
		if (records->nr == max)
			return false;
		*record = (struct asi_fault_record) {
			.count = count,
			.key = key_of_class(key),
		};
		record->ip = READ_ONCE(log[i].ip);
		record->memory = memory_of(READ_ONCE(log[i].first));
		if (stacks && records->stacks)
			record->stack = copy_stack(&stacks[i],
						   &records->stacks[records->nr]);
		records->nr++;
	}
	return true;
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

/* Make room for @max records.  On an error, there is nothing to free. */
static int make_room(struct asi_fault_records *records, unsigned int max)
{
	bool stacks = static_key_enabled(&asi_fault_stacks_key);

	*records = (struct asi_fault_records) {};
	records->record = kvcalloc(max, sizeof(*records->record), GFP_KERNEL);
	if (stacks)
		records->stacks = kvcalloc(max, sizeof(*records->stacks),
					   GFP_KERNEL);
	if (records->record && (records->stacks || !stacks))
		return 0;
	asi_faults_free(records);
	return -ENOMEM;
}

/**
 * asi_faults_copy - copy the logs of all CPUs into records that are there
 * @records: Filled in, in no order, and with several for the same place.
 * @whose:   From asi_faults_of(), negative for all.
 * @max:     Records that there is room for.
 *
 * Context: may sleep, asi_faults_lock held.
 * Return: false if there are more.
 */
bool asi_faults_copy(struct asi_fault_records *records, int whose,
		     unsigned int max)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		if (!read_cpu(cpu, whose, records, max))
			return false;
	}
	return true;
}

/**
 * asi_faults_read - copy the logs of all CPUs
 * @records: Filled in; for asi_faults_free().
 * @asi:     A domain that the caller watches, whose faults alone are copied; NULL for
 *	     those of all.
 *
 * What is counted before this is called is in the copy.
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM, with nothing to free.
 */
int asi_faults_read(struct asi_fault_records *records, const struct asi *asi)
{
	guard(mutex)(&asi_faults_lock);
	for (;;) {
		unsigned int max = used_entries() + SPARE;
		int err = make_room(records, max);

		if (err)
			return err;
		/* No entry is freed meanwhile, so this ends with a full log at last. */
		if (asi_faults_copy(records, asi ? asi_faults_of(asi) : -1, max))
			break;
		asi_faults_free(records);
	}
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
 * @index:  The class, whose domains nobody watches.
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
		if (exact || !count || asi_fault_whose(key) != index)
			continue;
		exact = (key & PAGE_MASK) == page;
		if (exact || !(key & PAGE_MASK))
			ip = READ_ONCE(log[i].ip);
	}
	return ip;
}
EXPORT_SYMBOL_NS_GPL(asi_faults_since, ASI_DEV);
