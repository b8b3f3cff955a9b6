/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Address space isolation: what a process and its domain have mapped.
 */
#ifndef _X86_MM_ASI_MAP_H
#define _X86_MM_ASI_MAP_H

#include <linux/types.h>

#include <asm/pgtable_types.h>

struct dentry;
struct mm_struct;

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
 * struct asi_map_run - neighbours that are mapped alike
 * @start:	  First address.
 * @end:	  The address after the last.
 * @region:	  Where it is.
 * @level:	  Of the entries that map it in the unrestricted table, 1 for 4 KiB; or
 *		  if none do, in the restricted one; 0 if none do in either.
 * @unrestricted: Is it mapped in the unrestricted table?
 * @restricted:   And in the restricted one?
 */
struct asi_map_run {
	unsigned long start, end;
	const struct asi_map_region *region;
	int level;
	bool unrestricted, restricted;
};

int asi_map_find(struct mm_struct *mm, pgd_t *unrestricted, pgd_t *restricted,
		 unsigned long addr, struct asi_map_run *run);
void asi_map_debugfs_init(struct dentry *dir);

#endif /* _X86_MM_ASI_MAP_H */
