/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sensitive memory: what may hold user data, and is absent in restricted address
 * spaces.
 *
 * Whether memory is sensitive is decided when it is allocated, by
 * __GFP_SENSITIVE, and holds for whole pageblocks.  Memory is nonsensitive until the
 * first initcalls; then nearly all that is free becomes sensitive, and the page
 * allocator has free blocks change sides as they are needed.  mm/sensitive.c does the
 * work, mm/page_alloc.c decides.
 */
#ifndef _LINUX_SENSITIVE_H
#define _LINUX_SENSITIVE_H

#include <linux/jump_label.h>
#include <linux/mm.h>

#ifdef CONFIG_MITIGATION_ADDRESS_SPACE_ISOLATION

DECLARE_STATIC_KEY_FALSE(sensitive_key);

/* Of memory that is to become sensitive as a whole, see sensitive_set_range(). */
#define SENSITIVE_ALIGN		PMD_SIZE

/**
 * sensitive_active - is there sensitive memory?
 *
 * Return: false without address space isolation, with asi_sensitive=off, and at
 * boot before there are restricted address spaces.
 */
static __always_inline bool sensitive_active(void)
{
	return static_branch_unlikely(&sensitive_key);
}

bool asi_sensitive_wanted(void);
void sensitive_start(void);
void sensitive_mem_init(void);
void sensitive_set_range(unsigned long start_pfn, unsigned long end_pfn,
			 bool sensitive);

#else /* !CONFIG_MITIGATION_ADDRESS_SPACE_ISOLATION */

#define SENSITIVE_ALIGN		PAGE_SIZE

static __always_inline bool sensitive_active(void)
{
	return false;
}

static inline bool asi_sensitive_wanted(void)
{
	return false;
}

static inline void sensitive_mem_init(void)
{
}

static inline void sensitive_set_range(unsigned long start_pfn,
				       unsigned long end_pfn, bool sensitive)
{
}

#endif /* CONFIG_MITIGATION_ADDRESS_SPACE_ISOLATION */

/**
 * sensitive_round_up - what to reserve at boot for it to become sensitive as a whole
 * @bytes: What is wanted.
 *
 * Return: @bytes, or somewhat more if there will be sensitive memory.
 */
static inline unsigned long long sensitive_round_up(unsigned long long bytes)
{
	return asi_sensitive_wanted() ? ALIGN(bytes, SENSITIVE_ALIGN) : bytes;
}

/**
 * page_sensitive - is a page sensitive?
 * @page: The page; it stays what it is while it is allocated.
 *
 * Memory of devices, which file systems and users have, always is.
 */
static inline bool page_sensitive(const struct page *page)
{
	return sensitive_active() &&
	       (is_zone_device_page(page) ||
		freetype_sensitive(get_pageblock_freetype(page)));
}

#endif /* _LINUX_SENSITIVE_H */
