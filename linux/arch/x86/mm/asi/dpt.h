/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Address space isolation: decorated page tables, what their own files share.
 */
#ifndef _X86_MM_ASI_DPT_H
#define _X86_MM_ASI_DPT_H

#include <linux/mutex.h>
#include <linux/rbtree.h>

#include <asm/asi_dpt.h>

#include "internal.h"

/**
 * struct asi_dpt - a decorated page table
 * @lock:   For the rest, and for all entries of the tables.
 * @pgd:    The topmost table; constant.
 * @ranges: The pages of all grants.
 * @grants: All grants, oldest first.
 */
struct asi_dpt {
	/* Held while entries change, or are listed. */
	struct mutex lock;
	pgd_t *pgd;
	struct rb_root_cached ranges;
	struct list_head grants;
};

struct asi_dpt_grant *asi_dpt_grant_alloc(enum asi_dpt_kind kind,
					  unsigned long addr, unsigned int max);
void asi_dpt_grant_add(struct asi_dpt_grant *grant, const void *addr,
		       size_t len);
int asi_dpt_make_grant(struct asi_dpt *dpt, struct asi_dpt_grant *grant);
int asi_dpt_take_back(struct asi_dpt *dpt, enum asi_dpt_kind kind,
		      unsigned long addr, size_t len);
bool asi_dpt_range_valid(const void *addr, size_t len);

#endif /* _X86_MM_ASI_DPT_H */
