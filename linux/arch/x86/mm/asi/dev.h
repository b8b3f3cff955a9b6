/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Address space isolation: the test driver /dev/asi, what its files share.
 *
 *  dev.c	   the device: open, ioctl, close
 *  dev_check.c	   is an argument well formed?
 *  dev_domain.c   the test domains of an open file
 *  dev_table.c	   the sequences, and the states that are expected
 *  dev_run.c	   runs one
 *  dev_basic.c	   sequences of a task by itself
 *  dev_intr.c	   sequences of interrupts, exceptions and NMIs
 *  dev_tasks.c	   sequences that sleep, and those of several tasks
 *  dev_attach.c   a live domain: attach, faults, mappings
 *  dev_grant.c	   grants
 *  dev_kernel.c   what a module cannot reach; never part of the module
 *
 * The order of locks: the one of an open file, then the one that runs have.
 */
#ifndef _X86_MM_ASI_DEV_H
#define _X86_MM_ASI_DEV_H

#include <linux/completion.h>
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <uapi/linux/asi.h>

#include <asm/asi_dpt.h>

#include "faultlog.h"

/* Grants of a file in each domain. */
#define ASI_DEV_GRANTS	256

/* ---- the table ---- */

struct asi_dev_run;

/* What is to be seen at a step, by kind of page table. */
struct asi_dev_step {
	const char *name;
	u8 expected[ASI_NR_TABLES];
};

/**
 * struct asi_dev_sequence - one sequence
 * @name:     One word.
 * @purpose:  One line.
 * @flags:    ASI_SEQUENCE_*.
 * @min_cpus: CPUs that it needs.
 * @run:      Does it; in a kernel thread that has the mm of the test domain.
 * @step:     What it looks at, in order; those in use have a name.
 */
struct asi_dev_sequence {
	const char *name;
	const char *purpose;
	u32 flags;
	u32 min_cpus;
	void (*run)(struct asi_dev_run *run);
	struct asi_dev_step step[ASI_MAX_STEPS];
};

extern const struct asi_dev_sequence asi_dev_sequences[];
extern const unsigned int asi_dev_nr_sequences;

unsigned int asi_dev_nr_steps(const struct asi_dev_sequence *sequence);

void asi_dev_enter_exit(struct asi_dev_run *run);
void asi_dev_printk(struct asi_dev_run *run);
void asi_dev_read_unmapped(struct asi_dev_run *run);
void asi_dev_read_granted(struct asi_dev_run *run);
void asi_dev_interrupt(struct asi_dev_run *run);
void asi_dev_nmi(struct asi_dev_run *run);
void asi_dev_nmi_in_interrupt(struct asi_dev_run *run);
void asi_dev_fault_in_nmi(struct asi_dev_run *run);
void asi_dev_int3(struct asi_dev_run *run);
void asi_dev_debug(struct asi_dev_run *run);
void asi_dev_irq_storm(struct asi_dev_run *run);
void asi_dev_sleep_migrate(struct asi_dev_run *run);
void asi_dev_schedule(struct asi_dev_run *run);
void asi_dev_sibling_exit(struct asi_dev_run *run);
void asi_dev_module_load(struct asi_dev_run *run);

/* ---- runs ---- */

/**
 * struct asi_dev_look - where a CPU is
 * @actual: By curr_asi, ASI_STATE_*.
 * @cr3:    By CR3.
 * @faults: That left domains of the class on this CPU, since boot.
 * @address: What the last one of these touched, if nothing else has left since.
 */
struct asi_dev_look {
	u8 actual;
	u8 cr3;
	u64 faults;
	unsigned long address;
};

/**
 * struct asi_dev_seen - what was seen at a step
 * @look:  The state.
 * @fault: A fault led to it; then @ip and @page, 0 if they are not known.
 * @ip:	   The instruction.
 * @page:  What it touched.
 */
struct asi_dev_seen {
	struct asi_dev_look look;
	bool fault;
	unsigned long ip;
	unsigned long page;
};

/**
 * struct asi_dev_run - a sequence that runs
 *
 * Alone in its page, which is granted to the test domain: what is in it can be
 * touched in there, but for what it points to, unless that is said here.
 *
 * @asi:      The test domain.  Mapped, as part of its mm.
 * @dpt:      Its page table if that is decorated, else NULL.  Not mapped.
 * @sequence: Mapped, as all of this driver.
 * @table:    ASI_TABLE_*.
 * @hidden:   A word of a block that no test domain maps unless it is granted.
 * @word:     What is in it.
 * @counts:   The fault log of @log_cpu at the last step that looked.  Not mapped; only
 *	      touched when the domain has been left.
 * @faults:   How many faults there had been then.
 * @log_cpu:  See there.
 * @next:     The step that is looked at next.
 * @seen:     What was seen.
 * @task:     The task that does it.
 * @cpu:      Where an NMI or an exception is to come, -1 for nowhere.
 * @handler:  What is done there.
 * @came:     It has come.  Written last.
 * @interrupts: Those that came.
 * @reason:   What went wrong, or why the sequence cannot be run; a constant.
 * @skipped:  It cannot be run here.
 * @stop:     The caller was killed: end soon.
 * @work:     To interrupt this CPU.
 * @timer:    The same.
 * @peer:     The other task of a sequence with two.
 * @to_peer:  It is its turn.
 * @from_peer: It is ours again.
 * @peer_done: It is gone.
 * @peer_stop: It shall end when it is its turn.
 * @module:   Name of a module to load.
 */
struct asi_dev_run {
	struct asi *asi;
	struct asi_dpt *dpt;
	const struct asi_dev_sequence *sequence;
	unsigned int table;
	u64 *hidden;
	u64 word;
	unsigned long *counts;
	u64 faults;
	int log_cpu;
	unsigned int next;
	struct asi_dev_seen seen[ASI_MAX_STEPS];
	struct task_struct *task;
	int cpu;
	void (*handler)(struct asi_dev_run *run);
	bool came;
	unsigned int interrupts;
	const char *reason;
	bool skipped;
	bool stop;
	struct irq_work work;
	struct hrtimer timer;
	struct task_struct *peer;
	struct completion to_peer, from_peer, peer_done;
	bool peer_stop;
	char module[sizeof_field(struct asi_ioc_run, module)];
};
static_assert(sizeof(struct asi_dev_run) <= PAGE_SIZE);

void asi_dev_step(struct asi_dev_run *run);
void asi_dev_again(struct asi_dev_run *run, unsigned int step);
void asi_dev_begin(struct asi_dev_run *run);
void asi_dev_end(struct asi_dev_run *run);
void asi_dev_fail(struct asi_dev_run *run, const char *reason);
void asi_dev_skip(struct asi_dev_run *run, const char *reason);

bool asi_dev_as_expected(const struct asi_dev_step *step, unsigned int table,
			 const struct asi_dev_seen *seen, bool granted);

/* ---- open files ---- */

/**
 * struct asi_dev_grants - what a file has granted to a domain
 * @list: Oldest first.
 * @nr:	  How many there are, ASI_DEV_GRANTS at most.
 */
struct asi_dev_grants {
	struct list_head list;
	unsigned int nr;
};

/**
 * struct asi_dev_file - an open file
 * @lock:     For the rest.  One ioctl of a file at a time.
 * @mm:	      Of the test domains; NULL until one is needed.
 * @test:     The test domains, by kind of page table.
 * @dpt:      What the decorated one has, once the driver is granted in it.
 * @granted:  What the file has granted to its decorated test domain.
 * @attached: The domain that it is attached to, or NULL; with a reference to the mm,
 *	      but not to its users.
 * @live:     What the file has granted to that.
 */
struct asi_dev_file {
	/* Held by each ioctl. */
	struct mutex lock;
	struct mm_struct *mm;
	struct asi *test[ASI_NR_TABLES];
	struct asi_dpt *dpt;
	struct asi_dev_grants granted;
	struct asi *attached;
	struct asi_dev_grants live;
};

int asi_dev_call(struct asi_dev_file *file,
		 int (*func)(struct asi_dev_file *file, void *arg), void *arg,
		 bool *stop);
int asi_dev_test_domain(struct asi_dev_file *file, unsigned int table);
void asi_dev_close_domains(struct asi_dev_file *file);
u64 *asi_dev_hidden(void);

/**
 * struct asi_dev_target - the domain that an ioctl is about
 * @asi:   The domain.
 * @users: A reference to the users of its mm is held.
 */
struct asi_dev_target {
	struct asi *asi;
	bool users;
};

int asi_dev_target(struct asi_dev_file *file, u32 domain,
		   struct asi_dev_target *target);
void asi_dev_target_put(struct asi_dev_target *target);

int asi_dev_attach(struct asi_dev_file *file, const struct asi_ioc_attach *arg);
int asi_dev_detach(struct asi_dev_file *file);
int asi_dev_faults(struct asi_dev_file *file, struct asi_ioc_faults *arg);
int asi_dev_clear(struct asi_dev_file *file, const struct asi_ioc_clear *arg);
int asi_dev_mappings(struct asi_dev_file *file, struct asi_ioc_mappings *arg);

int asi_dev_describe(struct asi_ioc_describe *arg);
int asi_dev_run(struct asi_dev_file *file, struct asi_ioc_run *arg);

extern bool asi_dev_grant_live;
int asi_dev_grant(struct asi_dev_file *file, struct asi_ioc_grant *arg);
int asi_dev_revoke(struct asi_dev_file *file, struct asi_ioc_grant *arg);
int asi_dev_grants(struct asi_dev_file *file, struct asi_ioc_grants *arg);
void asi_dev_revoke_all(struct asi *asi, struct asi_dev_grants *grants);

/* ---- arguments; pure functions ---- */

bool asi_dev_string_valid(const char *s, size_t size);
int asi_dev_check_describe(const struct asi_ioc_describe *arg);
int asi_dev_check_run(const struct asi_ioc_run *arg);
int asi_dev_check_attach(const struct asi_ioc_attach *arg);
int asi_dev_check_faults(const struct asi_ioc_faults *arg);
int asi_dev_check_clear(const struct asi_ioc_clear *arg);
int asi_dev_check_mappings(const struct asi_ioc_mappings *arg);
int asi_dev_check_grant(const struct asi_ioc_grant *arg);
int asi_dev_check_grants(const struct asi_ioc_grants *arg);

/* ---- dev_kernel.c ---- */

const char *asi_dev_off_reason(void);
void asi_dev_note_exit(void);
struct mm_struct *asi_dev_mm_alloc(void);
void asi_dev_look(struct asi *asi, struct asi_dev_look *look);
void asi_dev_send_nmi(void);
bool asi_dev_maps(struct asi *asi, unsigned long addr);
u64 *asi_dev_hide_block(void);
void asi_dev_show_block(u64 *block);
int asi_dev_find_symbol(const char *name, unsigned long *addr, size_t *len,
			struct module **mod);
int asi_dev_find_percpu(const char *name, unsigned long *addr, size_t len);
struct module *asi_dev_get_module(const char *name);
void asi_dev_object_name(char *buf, size_t size, unsigned long addr);
int asi_dev_map_range(struct asi *asi, const void *addr, size_t len);
int asi_dev_map_apic(struct asi_dpt *dpt);

#endif /* _X86_MM_ASI_DEV_H */
