/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Address space isolation (ASI), the interface for generic code.
 *
 * The kernel can run with a restricted page table in which sensitive memory is
 * not mapped; see <asm/asi.h> where an architecture has that.  Everything here
 * is a no-op that the compiler removes where it has not.
 */
#ifndef _LINUX_ASI_H
#define _LINUX_ASI_H

#ifdef CONFIG_MITIGATION_ADDRESS_SPACE_ISOLATION

#include <linux/spinlock.h>

#include <asm/asi.h>

/* For mm/sensitive_vmalloc.h. */
unsigned long asi_window_start(void);
unsigned long asi_window_end(void);

/**
 * asi_user_pgtable_populated - a user address space got a top-level entry
 * @mm:   The mm whose page table was changed.
 * @addr: An address that the entry translates.
 *
 * Called right after, under the page_table_lock that the change was made under.
 */
static inline void asi_user_pgtable_populated(struct mm_struct *mm,
					      unsigned long addr)
{
	if (cpu_feature_enabled(X86_FEATURE_ASI))
		asi_sync_pgd(mm, addr);
}

/**
 * asi_user_pgtable_cleared - a user address space lost a top-level entry
 * @mm:   The mm whose page table was changed.
 * @addr: An address that the entry translated.
 *
 * Called right after, without page_table_lock, and before the table that was
 * unlinked is freed.
 */
static inline void asi_user_pgtable_cleared(struct mm_struct *mm,
					    unsigned long addr)
{
	if (cpu_feature_enabled(X86_FEATURE_ASI)) {
		spin_lock(&mm->page_table_lock);
		asi_sync_pgd(mm, addr);
		spin_unlock(&mm->page_table_lock);
	}
}

#else /* !CONFIG_MITIGATION_ADDRESS_SPACE_ISOLATION */

struct mm_struct;

static __always_inline void asi_intr_enter(void) { }
static __always_inline void asi_intr_exit(void) { }
static inline void asi_user_pgtable_populated(struct mm_struct *mm,
					      unsigned long addr) { }
static inline void asi_user_pgtable_cleared(struct mm_struct *mm,
					    unsigned long addr) { }

#endif /* CONFIG_MITIGATION_ADDRESS_SPACE_ISOLATION */

#endif /* _LINUX_ASI_H */
