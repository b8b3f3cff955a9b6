/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The type of free memory: what the page allocator keeps on lists apart.
 *
 * A freetype is a migratetype together with a sensitivity.  It is a type of its
 * own so that it cannot be mixed up with a migratetype, which is an int: a list
 * is picked by a freetype, a policy about mobility by a migratetype.
 *
 * Sensitive memory may hold user data; it is absent in restricted address
 * spaces, see <linux/sensitive.h>.  Without address space isolation there is no
 * such memory, and a freetype is a migratetype and nothing else.
 *
 * Included by <linux/mmzone.h> behind enum migratetype, and by nobody else.
 */
#ifndef _LINUX_FREETYPE_H
#define _LINUX_FREETYPE_H

#include <linux/pageblock-flags.h>
#include <linux/types.h>

/**
 * typedef freetype_t - type of free memory
 * @index: The list it is on; also the low bits of the flags of its pageblock.
 */
typedef struct {
	unsigned int index;
} freetype_t;

/*
 * An index has the migratetype in its low bits and the sensitivity above, so
 * that the indices of nonsensitive lists are migratetypes, which tools that look
 * at the lists of a dead kernel rely on, and which costs nothing while there is no
 * sensitive memory.  The bit of the latter is as far up as the lists of a CPU need
 * for the same, see order_to_pindex().  Some indices are no freetype; their lists
 * are empty.
 */
#ifdef CONFIG_MITIGATION_ADDRESS_SPACE_ISOLATION
#define FREETYPE_SENSITIVE	(1U << PB_sensitive)
#define NR_FREETYPES		(FREETYPE_SENSITIVE + MIGRATE_TYPES)
#else
#define FREETYPE_SENSITIVE	0U
#define NR_FREETYPES		MIGRATE_TYPES
#endif

/* The flags of a pageblock that make its freetype. */
#define FREETYPE_MASK	(((1UL << PB_migratetype_bits) - 1) | FREETYPE_SENSITIVE)

/**
 * freetype_at - the freetype with an index
 * @index: As freetype_index() gives it, or the flags of a pageblock under
 *	   FREETYPE_MASK.
 */
static __always_inline freetype_t freetype_at(unsigned int index)
{
	return (freetype_t) { .index = index };
}

/**
 * freetype_of - put a freetype together
 * @migratetype: One of enum migratetype.
 * @sensitive:   Ignored where there is no sensitive memory.
 */
static __always_inline freetype_t freetype_of(int migratetype, bool sensitive)
{
	return freetype_at(migratetype | (sensitive ? FREETYPE_SENSITIVE : 0));
}

/* Which list is it, below NR_FREETYPES? */
static __always_inline unsigned int freetype_index(freetype_t ft)
{
	return ft.index;
}

static __always_inline int freetype_migratetype(freetype_t ft)
{
	return ft.index & ~FREETYPE_SENSITIVE;
}

static __always_inline bool freetype_sensitive(freetype_t ft)
{
	return ft.index & FREETYPE_SENSITIVE;
}

static __always_inline bool freetypes_equal(freetype_t a, freetype_t b)
{
	return a.index == b.index;
}

/* The type with the same sensitivity, and @migratetype. */
static __always_inline freetype_t freetype_with(freetype_t ft, int migratetype)
{
	return freetype_at((ft.index & FREETYPE_SENSITIVE) | migratetype);
}

/* The type with the same migratetype, and the other sensitivity. */
static __always_inline freetype_t freetype_other_side(freetype_t ft)
{
	return freetype_at(ft.index ^ FREETYPE_SENSITIVE);
}

#define for_each_freetype_order(order, index)				\
	for (order = 0; order < NR_PAGE_ORDERS; order++)		\
		for (index = 0; index < NR_FREETYPES; index++)

#endif /* _LINUX_FREETYPE_H */
