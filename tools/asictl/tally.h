/* SPDX-License-Identifier: GPL-2.0 */
/* The log of faults, added up by instruction. */
#ifndef ASICTL_TALLY_H
#define ASICTL_TALLY_H

#include <time.h>

#include "faultlog.h"
#include "text.h"

/**
 * struct site - an instruction that faulted
 * @symbol: function and offset; the address if that is all that is known
 * @class: the class of the domain
 * @memory: the kind of memory it touched
 * @count: faults
 * @pages: how many pages it touched
 * @further: and others, which the log has no place for
 */
struct site {
	char *symbol;
	char *class;
	char *memory;
	uint64_t count;
	size_t pages;
	bool further;
};

/**
 * struct tally - all sites at one moment
 * @when: by CLOCK_MONOTONIC
 * @v: the sites, in the order of symbol, class and memory
 * @n: how many
 * @total: their counts, added up
 * @lost: faults that are in none; NULL if nobody knows
 * @odd: lines of the log that made no sense
 */
struct tally {
	struct timespec when;
	struct site *v;
	size_t n;
	uint64_t total;
	char *lost;
	struct strings odd;
};

/**
 * tally_make() - add a log up
 * @t: gets the sum; to be freed
 * @log: read just now
 */
void tally_make(struct tally *t, const struct faultlog *log);
void tally_free(struct tally *t);

/**
 * tally_subtract() - what was counted between two tallies
 * @diff: gets the sites with faults since @old; their strings are those of
 *	@new, so only the array is to be freed
 * @old: before
 * @new: after; a site with less than before was cleared meanwhile, so all
 *	that it has is newer
 */
void tally_subtract(struct tally *diff, const struct tally *old,
		    const struct tally *new);

/* Sites with most faults first. */
void tally_sort(struct tally *t);

#endif
