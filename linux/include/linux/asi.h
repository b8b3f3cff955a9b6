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

#include <asm/asi.h>

/**
 * asi_user_pgtable_changed - a top-level entry of a user address space changed
 * @mm:   The mm whose page table was changed.
 * @addr: An address that the entry translates.
 *
 * Whoever populates or clears an entry of the topmost level in use calls this
 * right after, holding what it holds for the change itself (page_table_lock to
 * populate, mmap_lock to clear), and before a table that was unlinked is freed.
 */
static inline void asi_user_pgtable_changed(struct mm_struct *mm,
					    unsigned long addr)
{
	if (cpu_feature_enabled(X86_FEATURE_ASI))
		asi_sync_pgd(mm, addr);
}

#else /* !CONFIG_MITIGATION_ADDRESS_SPACE_ISOLATION */

struct mm_struct;

static __always_inline void asi_intr_enter(void) { }
static __always_inline void asi_intr_exit(void) { }
static inline void asi_user_pgtable_changed(struct mm_struct *mm,
					    unsigned long addr) { }

#endif /* CONFIG_MITIGATION_ADDRESS_SPACE_ISOLATION */

#endif /* _LINUX_ASI_H */
