/* SPDX-License-Identifier: GPL-2.0 */
/* An address space, as the kernel and as a restricted page table map it. */
#ifndef ASICTL_MAP_H
#define ASICTL_MAP_H

#include <stdio.h>

#include "asictl.h"
#include "ktable.h"

/* How a piece of an address space is mapped. */
enum map_state {
	MAP_BOTH,
	MAP_HIDDEN,
	MAP_BROKEN,
	MAP_NOTHING,
	NR_MAP_STATES,
};

/**
 * struct run - neighbouring addresses that are mapped alike
 * @start: first address
 * @end: the address behind the last one
 * @state: how
 * @level: size of the entries that map them, as the kernel wrote it
 */
struct run {
	uint64_t start;
	uint64_t end;
	enum map_state state;
	const char *level;
};

/**
 * struct region - a part of the address space with one purpose
 * @name: the kernel's
 * @runs: in the order of addresses, without overlap; between two of them
 *	nothing is mapped
 * @n: how many
 * @bytes: of each state
 * @levels: sizes of the entries in use, a list for people
 */
struct region {
	const char *name;
	struct run *runs;
	size_t n;
	uint64_t bytes[NR_MAP_STATES];
	char *levels;
};

/**
 * struct map - an address space
 * @table: what the kernel wrote; other strings point into it
 * @owner: pid, command and class as the kernel wrote them; fewer when the
 *	table is not whole
 * @regions: in the order of the kernel
 * @n: how many
 * @runs: all runs
 */
struct map {
	struct ktable table;
	struct strings owner;
	struct region *regions;
	size_t n;
	struct run *runs;
};

/**
 * map_load() - read an address space
 * @m: gets it; to be freed if that worked
 * @ctx: where to read
 * @pid: of the process, a number
 * @class: of the domain; NULL for the first that the process has
 *
 * Return: EXIT_OK, or another exit status after saying what is wrong.
 */
int map_load(struct map *m, const struct context *ctx, const char *pid,
	     const char *class);
void map_free(struct map *m);

/* What the kernel keeps in a region, or "" if we do not know. */
const char *region_meaning(const char *name);

/* A title for people, to be freed. */
char *map_title(const struct map *m);

/**
 * struct column - a piece of a drawn region, a part of its width
 * @share: what part of it is in each state, 1 in all
 * @cut: what part of it stands for a longer gap
 */
struct column {
	double share[NR_MAP_STATES];
	double cut;
};

/**
 * struct gap - a gap that is drawn shorter than it is
 * @bytes: its length
 * @from: where it is drawn, 0 to 1
 * @to: likewise
 */
struct gap {
	uint64_t bytes;
	double from;
	double to;
};

/**
 * struct drawing - a region to scale, but for long gaps
 * @columns: from its first address to its last
 * @n: how many
 * @gaps: those that were cut, in the order of addresses
 * @n_gaps: how many
 */
struct drawing {
	struct column *columns;
	size_t n;
	struct gap *gaps;
	size_t n_gaps;
};

void draw_region(struct drawing *d, const struct region *r, size_t columns);
void drawing_free(struct drawing *d);

/**
 * map_svg() - draw it as SVG
 * @m: the address space
 * @out: where to write
 */
void map_svg(const struct map *m, FILE *out);

#endif
