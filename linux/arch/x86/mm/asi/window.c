// SPDX-License-Identifier: GPL-2.0
/*
 * Address space isolation: the window, the part of the vmalloc area for sensitive
 * pages.
 *
 * It is the last quarter of the area, in whole entries of the top level, which
 * domains lack.  There is nothing to keep in step: these entries of the kernel are
 * made at boot and do not change, and those of a domain stay empty.  mm/vmalloc.c
 * decides what goes there, see mm/sensitive_vmalloc.h.
 *
 * With 4 levels the quarter is 8 TiB, 16 entries, and with 5 it is 3072 TiB, 12
 * entries.  It moves with the area, so KASLR loses nothing.
 */
#include <linux/asi.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

#include <asm/pgtable.h>

#include "internal.h"

/**
 * asi_window_start - where the window starts
 *
 * Context: any, after kernel_randomize_memory().
 * Return: its first address; VMALLOC_END, as asi_window_end(), if there is none.
 */
unsigned long asi_window_start(void)
{
	unsigned long size = VMALLOC_END - VMALLOC_START + 1;

	if (!asi_sensitive)
		return VMALLOC_END;
	return round_up(VMALLOC_START + size / 4 * 3, PGDIR_SIZE);
}

/**
 * asi_window_end - where the window ends
 *
 * Context: as asi_window_start().
 * Return: the address after its last.  What is behind it in the vmalloc area shares
 * an entry of the top level with other things, and is not used.
 */
unsigned long asi_window_end(void)
{
	if (!asi_sensitive)
		return VMALLOC_END;
	return round_down(VMALLOC_END + 1, PGDIR_SIZE);
}

/* Is this a slot of the top level that the window has? */
bool asi_window_slot(unsigned int index)
{
	unsigned long start = asi_window_start();
	unsigned long nr = (asi_window_end() - start) >> PGDIR_SHIFT;

	return index - (unsigned int)pgd_index(start) < nr;
}

/* Takes the window out of @pgd, a topmost table. */
void asi_window_remove(pgd_t *pgd)
{
	unsigned long start = asi_window_start();

	memset(&pgd[pgd_index(start)], 0,
	       ((asi_window_end() - start) >> PGDIR_SHIFT) * sizeof(*pgd));
}
