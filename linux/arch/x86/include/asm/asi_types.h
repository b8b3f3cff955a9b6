/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Address space isolation: the state that other structures embed.
 *
 * A header of its own because <asm/mmu.h> and <asm/processor.h> need the
 * types long before anything in <asm/asi.h> could be compiled.
 */
#ifndef _ASM_X86_ASI_TYPES_H
#define _ASM_X86_ASI_TYPES_H

#include <linux/types.h>

#include <asm/pgtable_types.h>

struct asi_class;
struct asi_dpt;
struct mm_struct;

#ifdef CONFIG_MITIGATION_ADDRESS_SPACE_ISOLATION

#define ASI_MAX_NUM_ORDER	2
/* Classes at most, and so domains of one mm at most. */
#define ASI_MAX_NUM		(1 << ASI_MAX_NUM_ORDER)

/**
 * struct asi - a domain: the restricted address space of one mm for one class
 *
 * Embedded in the mm's context.  Set up once by asi_init() and alive until the
 * mm is destroyed, so whoever holds a reference to the mm (a task through
 * ->mm, a CPU through the mm it has loaded) may use it without a lock.
 *
 * @pgd:	The restricted page table; NULL until asi_init().  Written once,
 *		under mmap_lock held for writing or before the mm is visible.
 * @dpt:	What @pgd belongs to if it is decorated, see dpt.c; otherwise NULL.
 *		Set before @pgd.
 * @class:	The class of the domain; as @pgd.
 * @mm:		The mm that the domain belongs to; as @pgd.
 * @grants:	What the domain maps for itself alone, see grant.c; under
 *		grant_mutex.
 * @ref_count:	Uses: asi_init() less asi_destroy().  For diagnosis only, as
 *		the lifetime is the mm's.  Under mmap_lock held for writing,
 *		or atomically where that cannot be taken.
 * @index:	Index of @class in the registry, and of the domain in its mm.
 */
struct asi {
	pgd_t *pgd;
	struct asi_dpt *dpt;
	struct asi_class *class;
	struct mm_struct *mm;
	struct hlist_head grants;
	atomic_t ref_count;
	u8 index;
};

/**
 * struct asi_mm_state - what an mm has of address space isolation
 * @domain: One domain for each class, see struct asi.
 */
struct asi_mm_state {
	struct asi domain[ASI_MAX_NUM];
};

/**
 * struct asi_thread_state - what a task has of address space isolation
 *
 * @target:	The domain to be in when the task is back in process context;
 *		NULL when relaxed.  Written by the task itself only.
 * @intr_nest_depth: Interrupts, exceptions and NMIs that arrived while the
 *		task was tense and have not returned yet.  As @target.
 */
struct asi_thread_state {
	struct asi *target;
	int intr_nest_depth;
};

#else /* !CONFIG_MITIGATION_ADDRESS_SPACE_ISOLATION */

struct asi {};
struct asi_mm_state {};
struct asi_thread_state {};

#endif /* CONFIG_MITIGATION_ADDRESS_SPACE_ISOLATION */

#endif /* _ASM_X86_ASI_TYPES_H */
