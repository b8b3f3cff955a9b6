/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Address space isolation: the log of page faults that left a domain.
 */
#ifndef _X86_MM_ASI_FAULTLOG_H
#define _X86_MM_ASI_FAULTLOG_H

#include <linux/jump_label.h>
#include <linux/kallsyms.h>
#include <linux/mutex_types.h>
#include <linux/percpu.h>
#include <linux/preempt.h>

#include <asm/asi.h>
#include <asm/local.h>
#include <asm/page.h>

struct dentry;

/**
 * enum asi_fault_phase - what code it was that faulted
 * @ASI_FAULT_RELAXED:	 Of a task that is not tense, and in no interrupt.
 * @ASI_FAULT_TENSE:	 Tense code itself: a bug.
 * @ASI_FAULT_INTERRUPT: A handler of an interrupt or NMI, a softirq, or anything
 *			 that interrupts a tense task.
 */
enum asi_fault_phase {
	ASI_FAULT_RELAXED = 1,
	ASI_FAULT_TENSE,
	ASI_FAULT_INTERRUPT,
};

/* What is where a fault happened. */
enum asi_fault_memory {
	ASI_MEMORY_SENSITIVE,
	ASI_MEMORY_WINDOW,
	ASI_MEMORY_VMALLOC,
	ASI_MEMORY_HOLE,
	ASI_MEMORY_USER,
	ASI_MEMORY_MODULE,
	ASI_MEMORY_IMAGE,
	ASI_MEMORY_OTHER,
	ASI_NR_MEMORY_KINDS,
};

/*
 * Entries of the log of one CPU, 16 KiB together.  An instruction that touches many
 * pages, as one that copies files, takes all of them.  So there are others for
 * instructions whatever the page.
 */
#define ASI_FAULT_PAGES		256
#define ASI_FAULT_SITES		256
#define ASI_FAULT_ENTRIES	(ASI_FAULT_PAGES + ASI_FAULT_SITES)

/* Entries of a set, all that a fault looks at in a table; two lines of a cache. */
#define ASI_FAULT_SET		4

/**
 * struct asi_fault - an entry of the log of a CPU
 *
 * Written by this CPU only, with interrupts off; see faultlog.c.
 *
 * @key:   0 for a free entry.  The page, 0 when any; whose fault it is and the phase
 *	   are in the bits that an address of a page does not have.
 * @ip:	   The instruction.
 * @first: The page of the first fault.  In the low bits, those of the entry that the
 *	   restricted direct map had for it then.
 * @count: Faults.  If it is not 0, the other members are right.
 */
struct asi_fault {
	unsigned long key;
	unsigned long ip;
	unsigned long first;
	local_t count;
};

/*
 * Whose faults are counted together: those of a class, by its index; or, above these,
 * those of a domain that somebody watches.
 */
#define ASI_FAULT_WATCHED	ASI_MAX_NUM
#define ASI_FAULT_WATCHES	64

#define ASI_FAULT_PHASE_BITS	2
/* Of a key, whose fault it is. */
#define ASI_FAULT_WHOSE		(~PAGE_MASK & ~((1UL << ASI_FAULT_PHASE_BITS) - 1))
static_assert(ASI_FAULT_INTERRUPT < 1 << ASI_FAULT_PHASE_BITS);
static_assert(ASI_FAULT_WATCHED + ASI_FAULT_WATCHES <=
	      (ASI_FAULT_WHOSE >> ASI_FAULT_PHASE_BITS) + 1);

/* A function of what it is given alone. */
static __always_inline unsigned long
asi_fault_key(unsigned int whose, enum asi_fault_phase phase,
	      unsigned long address)
{
	return (address & PAGE_MASK) | whose << ASI_FAULT_PHASE_BITS | phase;
}

static inline unsigned int asi_fault_whose(unsigned long key)
{
	return (key & ASI_FAULT_WHOSE) >> ASI_FAULT_PHASE_BITS;
}

static inline enum asi_fault_phase asi_fault_phase(unsigned long key)
{
	return key & ((1 << ASI_FAULT_PHASE_BITS) - 1);
}

/* Return addresses that are kept of a stack. */
#define ASI_FAULT_STACK_DEPTH	31

/**
 * struct asi_fault_stack - who called the instruction
 * @nr:	     Addresses.  Written after them.
 * @address: The innermost first.
 */
struct asi_fault_stack {
	unsigned long nr;
	unsigned long address[ASI_FAULT_STACK_DEPTH];
};

DECLARE_PER_CPU(struct asi_fault *, asi_fault_log);
DECLARE_PER_CPU(unsigned long, asi_faults_lost);
DECLARE_PER_CPU(struct asi_fault_stack *, asi_fault_stacks);
DECLARE_STATIC_KEY_FALSE(asi_fault_stacks_key);
DECLARE_STATIC_KEY_FALSE(asi_faults_watched_key);
extern struct mutex asi_faults_lock;

struct asi_fault *asi_fault_count(struct asi_fault *log, unsigned long key,
				  unsigned long ip, unsigned long address);
void asi_fault_free(struct asi_fault *fault);
void asi_fault_move(struct asi_fault *log, struct asi_fault_stack *stacks,
		    unsigned int from, unsigned int to);
void asi_fault_clear(struct asi_fault *log, int whose);
void asi_fault_save_stack(const struct asi_fault *fault, struct pt_regs *regs);

/* faultwatch.c */
unsigned int asi_fault_watch_of(const struct asi *asi);
unsigned int asi_fault_class(unsigned int whose);
int asi_faults_watch(struct asi *asi);
void asi_faults_unwatch(struct asi *asi);

/* Whose faults those of a domain are. */
static __always_inline unsigned int asi_faults_of(const struct asi *asi)
{
	if (static_branch_unlikely(&asi_faults_watched_key))
		return asi_fault_watch_of(asi);
	return asi->index;
}

/*
 * The phase of the code that has faulted.  Called before anything of the handler
 * changes the state of the task.
 */
static __always_inline enum asi_fault_phase asi_fault_phase_now(void)
{
	if (unlikely(asi_in_critical_section()))
		return ASI_FAULT_TENSE;
	if (current->thread.asi_state.intr_nest_depth ||
	    preempt_count() & (NMI_MASK | HARDIRQ_MASK | SOFTIRQ_OFFSET))
		return ASI_FAULT_INTERRUPT;
	return ASI_FAULT_RELAXED;
}

/**
 * asi_log_fault - a page fault has left a domain
 * @asi:     The domain.
 * @phase:   From asi_fault_phase_now().
 * @ip:	     The instruction.
 * @address: What it accessed.
 *
 * Context: interrupts off, and the domain left.  Any depth, NMI and noinstr included.
 * Return: the entry, for the stack; NULL if there was no room.
 */
static __always_inline struct asi_fault *
asi_log_fault(const struct asi *asi, enum asi_fault_phase phase,
	      unsigned long ip, unsigned long address)
{
	struct asi_fault *log = this_cpu_read(asi_fault_log);
	struct asi_fault *fault = NULL;

	if (likely(log))
		fault = asi_fault_count(log, asi_fault_key(asi_faults_of(asi), phase,
							   address), ip, address);
	if (unlikely(!fault))
		this_cpu_inc(asi_faults_lost);
	return fault;
}

/* Is asi_fault_save_stack() to be called?  Never without the boot option. */
static __always_inline bool asi_fault_wants_stack(const struct asi_fault *fault)
{
	return static_branch_unlikely(&asi_fault_stacks_key) && fault;
}

/**
 * struct asi_fault_record - what the logs of all CPUs have of a place
 * @key:    As in struct asi_fault, but with the class whoever watched the domain.
 * @ip:	    The instruction.
 * @memory: What was there at the first fault.
 * @count:  Faults.
 * @stack:  Of one of them, or NULL.
 */
struct asi_fault_record {
	unsigned long key;
	unsigned long ip;
	enum asi_fault_memory memory;
	unsigned long count;
	const struct asi_fault_stack *stack;
};

/**
 * struct asi_fault_records - a copy of the logs, the most frequent first
 * @nr:	    Records.
 * @lost:   Faults that found no room in the logs.
 * @record: The records.
 * @stacks: What they point to; NULL without the boot option.
 */
struct asi_fault_records {
	unsigned int nr;
	unsigned long lost;
	struct asi_fault_record *record;
	struct asi_fault_stack *stacks;
};

extern const char *const asi_fault_phase_names[];
extern const char *const asi_fault_memory_names[ASI_NR_MEMORY_KINDS];

void asi_faults_init(void);
int asi_faults_read(struct asi_fault_records *records, const struct asi *asi);
bool asi_faults_copy(struct asi_fault_records *records, int whose,
		     unsigned int max);
void asi_faults_free(struct asi_fault_records *records);
void asi_faults_clear(int whose);
void asi_faults_count_now(unsigned long *counts);
unsigned long asi_faults_since(unsigned long *counts, int index,
			       unsigned long page);

/* Room for what asi_fault_symbol() writes. */
#define ASI_FAULT_SYMBOL_LEN	KSYM_SYMBOL_LEN

/* faultlog_debugfs.c */
const char *asi_fault_symbol(char *buf, unsigned long ip);
void asi_faults_debugfs_init(struct dentry *dir);

#endif /* _X86_MM_ASI_FAULTLOG_H */
