/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sensitive memory in the vmalloc area.
 *
 * An area of vmalloc is another way to its pages, and address spaces share what is
 * there.  So the pages decide where it is: areas with a sensitive page are in a
 * part of the vmalloc area that restricted address spaces lack, the window; all
 * others are below it, and nothing is on both sides.
 *
 * The window is kept free from boot on, not from when there is sensitive memory:
 * the areas of the per-CPU allocator come from the top, and must never be absent.
 */
#ifndef __MM_SENSITIVE_VMALLOC_H
#define __MM_SENSITIVE_VMALLOC_H

#include <linux/asi.h>
#include <linux/gfp.h>
#include <linux/sensitive.h>
#include <linux/vmalloc.h>

#include "sensitive.h"

#ifdef CONFIG_MITIGATION_ADDRESS_SPACE_ISOLATION

/* The end of the part of the vmalloc area that all address spaces have. */
static __always_inline unsigned long vmalloc_shared_end(void)
{
	return cpu_feature_enabled(X86_FEATURE_ASI) ? asi_window_start() :
						      VMALLOC_END;
}

/* The size of that part. */
static __always_inline unsigned long vmalloc_shared_total(void)
{
	return vmalloc_shared_end() - VMALLOC_START;
}

/* Is an address of the vmalloc area one of the window? */
static __always_inline bool vmalloc_addr_sensitive(const void *addr)
{
	return sensitive_active() &&
	       (unsigned long)addr >= asi_window_start() &&
	       (unsigned long)addr < asi_window_end();
}

/**
 * vmalloc_narrow_range - where an area may be, by the side of its pages
 * @gfp:    Has __GFP_SENSITIVE if some of them are sensitive.
 * @vstart: Where the caller wants it.  If that is the vmalloc area as a whole, it
 *	    becomes the part for the side; other ranges stay as they are.
 * @vend:   The end of that.
 */
static __always_inline void vmalloc_narrow_range(gfp_t gfp,
						 unsigned long *vstart,
						 unsigned long *vend)
{
	if (!cpu_feature_enabled(X86_FEATURE_ASI) ||
	    *vstart != VMALLOC_START || *vend != VMALLOC_END)
		return;

	if (gfp_sensitive(gfp)) {
		*vstart = asi_window_start();
		*vend = asi_window_end();
	} else {
		*vend = asi_window_start();
	}
}

/**
 * pages_gfp_side - on which side does an area with these pages belong?
 * @pages: The pages; those that are none are for others to refuse.
 * @nr:	   Their number.
 *
 * Return: __GFP_SENSITIVE if one of them is sensitive, 0 otherwise.
 */
static inline gfp_t pages_gfp_side(struct page **pages, unsigned int nr)
{
	unsigned int i;

	if (!sensitive_active())
		return 0;
	for (i = 0; i < nr; i++) {
		if (pages[i] && pfn_valid(page_to_pfn(pages[i])) &&
		    page_sensitive(pages[i]))
			return __GFP_SENSITIVE;
	}
	return 0;
}

#else /* !CONFIG_MITIGATION_ADDRESS_SPACE_ISOLATION */

/* Not functions: there is no vmalloc area without an MMU. */
#define vmalloc_shared_end()	VMALLOC_END
#define vmalloc_shared_total()	VMALLOC_TOTAL

static __always_inline bool vmalloc_addr_sensitive(const void *addr)
{
	return false;
}

static __always_inline void vmalloc_narrow_range(gfp_t gfp,
						 unsigned long *vstart,
						 unsigned long *vend)
{
}

static inline gfp_t pages_gfp_side(struct page **pages, unsigned int nr)
{
	return 0;
}

#endif /* CONFIG_MITIGATION_ADDRESS_SPACE_ISOLATION */

#endif /* __MM_SENSITIVE_VMALLOC_H */
