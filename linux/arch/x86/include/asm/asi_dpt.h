/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Address space isolation: decorated page tables.
 *
 * A decorated page table is a list of what is allowed: it maps what it was
 * granted, to the page, and nothing else.  It is the opposite of the page table
 * of most domains, which maps all but what is hidden.
 *
 *  1. asi_dpt_create() makes one that maps nothing; a domain of a class with
 *     ASI_PGTABLE_DECORATED has one, see asi_dpt_of(), that maps what the CPU
 *     and the kernel need to leave it.
 *  2. asi_dpt_map() and its like grant.  A page that is granted more than once
 *     is mapped until the last of these grants is taken back.
 *  3. asi_dpt_unmap() and its like take back.  No CPU reaches it when they
 *     return.
 *  4. asi_dpt_destroy() takes back all.
 *
 * What is granted is a copy of the kernel's own entry, and does not follow when
 * that changes.  asi_dpt_remap() copies anew.
 */
#ifndef _ASM_X86_ASI_DPT_H
#define _ASM_X86_ASI_DPT_H

#include <linux/interval_tree.h>
#include <linux/list.h>
#include <linux/types.h>

#include <asm/asi.h>

struct asi_dpt;
struct module;

/**
 * enum asi_dpt_kind - what was granted
 * @ASI_DPT_RANGE:  A range of kernel addresses.
 * @ASI_DPT_PERCPU: A per-CPU variable, the copies of all possible CPUs.
 * @ASI_DPT_MODULE: Text and data of a module.
 * @ASI_DPT_TASK:   A task_struct and the kernel stack of the task.
 */
enum asi_dpt_kind {
	ASI_DPT_RANGE,
	ASI_DPT_PERCPU,
	ASI_DPT_MODULE,
	ASI_DPT_TASK,
};

/**
 * struct asi_dpt_grant - one grant
 *
 * Constant while it is in the list of its page table.
 *
 * @list:	In the list of the page table, oldest first; under its lock.
 * @kind:	What was granted.
 * @addr:	Where it is: the address of the range, the per-CPU address of the
 *		variable, the struct module or the task_struct.
 * @len:	Its size in bytes; of modules and tasks, the sum over @range.
 * @nr:		Number of @range in use.
 * @range:	The pages that hold it.  In the tree of the page table.
 */
struct asi_dpt_grant {
	struct list_head list;
	enum asi_dpt_kind kind;
	unsigned long addr;
	size_t len;
	unsigned int nr;
	struct interval_tree_node range[];
};

struct asi_dpt *asi_dpt_create(void);
void asi_dpt_destroy(struct asi_dpt *dpt);
struct asi_dpt *asi_dpt_of(struct asi *asi);

int asi_dpt_map(struct asi_dpt *dpt, const void *addr, size_t len);
int asi_dpt_unmap(struct asi_dpt *dpt, const void *addr, size_t len);
int asi_dpt_remap(struct asi_dpt *dpt, const void *addr, size_t len);

int asi_dpt_map_percpu(struct asi_dpt *dpt, const void __percpu *ptr,
		       size_t len);
int asi_dpt_unmap_percpu(struct asi_dpt *dpt, const void __percpu *ptr,
			 size_t len);

int asi_dpt_map_module(struct asi_dpt *dpt, struct module *mod);
int asi_dpt_unmap_module(struct asi_dpt *dpt, struct module *mod);

int asi_dpt_map_task(struct asi_dpt *dpt, struct task_struct *task);
int asi_dpt_unmap_task(struct asi_dpt *dpt, struct task_struct *task);

const struct asi_dpt_grant *asi_dpt_list_start(struct asi_dpt *dpt, loff_t pos);
const struct asi_dpt_grant *asi_dpt_list_next(struct asi_dpt *dpt,
					      const struct asi_dpt_grant *grant,
					      loff_t *pos);
void asi_dpt_list_stop(struct asi_dpt *dpt);

#endif /* _ASM_X86_ASI_DPT_H */
