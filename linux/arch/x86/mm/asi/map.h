/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Address space isolation: what a process and its domain have mapped.
 */
#ifndef _X86_MM_ASI_MAP_H
#define _X86_MM_ASI_MAP_H

#include <linux/types.h>

#include <asm/pgtable_types.h>

struct asi;
struct dentry;
struct mm_struct;
struct task_struct;

/**
 * struct asi_map_region - a part of the address space
 * @name:  One word.
 * @start: First address.
 * @end:   The address after the last.
 */
struct asi_map_region {
	const char *name;
	unsigned long start, end;
};

/**
 * struct asi_map_side - how one of two page tables maps an address
 * @entry:  The entry that translates it, 0 for none.
 * @rights: Of _PAGE_RW, _PAGE_USER, _PAGE_NX and _PAGE_GLOBAL, what all entries on the
 *	    way give; of none, 0.
 * @level:  Of the entry, 1 for 4 KiB; 0 for none.
 */
struct asi_map_side {
	unsigned long entry;
	unsigned long rights;
	int level;
};

/**
 * struct asi_map_run - neighbours that are mapped alike
 * @start:	  First address.
 * @end:	  The address after the last.
 * @region:	  Where it is.
 * @level:	  Of the entries that map it in the unrestricted table, 1 for 4 KiB; or
 *		  if none do, in the restricted one; 0 if none do in either.
 * @unrestricted: Is it mapped in the unrestricted table?
 * @restricted:   And in the restricted one?
 * @u:		  How the first address is mapped in the unrestricted one.
 * @r:		  And in the restricted one.
 * @differ:	  Both map it, but to other frames, or with other rights.
 */
struct asi_map_run {
	unsigned long start, end;
	const struct asi_map_region *region;
	int level;
	bool unrestricted, restricted;
	struct asi_map_side u, r;
	bool differ;
};

int asi_map_find(struct mm_struct *mm, pgd_t *unrestricted, pgd_t *restricted,
		 unsigned long addr, struct asi_map_run *run);
int asi_map_find_exact(struct mm_struct *mm, pgd_t *unrestricted,
		       pgd_t *restricted, unsigned long addr,
		       struct asi_map_run *run);
const char *asi_map_region_name(unsigned long addr);
struct mm_struct *asi_process_mm(struct task_struct *task);
struct asi *asi_find_domain(struct mm_struct *mm, const char *name);
void asi_map_debugfs_init(struct dentry *dir);

#endif /* _X86_MM_ASI_MAP_H */
