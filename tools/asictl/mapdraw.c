// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>

#include "map.h"

/*
 * Address spaces are mostly gaps, and some are a million times as long as all
 * that is mapped. Gaps that would take much of the width are cut, so that the
 * long ones get about a third of it together.
 */

/* A gap is long if it exceeds this part of what is mapped. */
#define LONG_PART	64
/* The longest that a gap is drawn is this part. */
#define CAP_PART	16

/**
 * struct scale - how long things are drawn, in bytes
 * @cap: no gap is drawn longer
 * @total: the whole region
 */
struct scale {
	uint64_t cap;
	uint64_t total;
};

/* Between two runs nothing is mapped: they are gaps like those with a run. */
static uint64_t gap_before(const struct region *r, size_t i)
{
	return i ? r->runs[i].start - r->runs[i - 1].end : 0;
}

static uint64_t gap_of(const struct run *run)
{
	return run->state == MAP_NOTHING ? run->end - run->start : 0;
}

static uint64_t drawn(const struct scale *s, uint64_t gap)
{
	return gap > s->cap ? s->cap : gap;
}

static size_t count_long_gaps(const struct region *r, uint64_t limit)
{
	size_t n = 0;
	size_t i;

	for (i = 0; i < r->n; i++)
		n += (gap_of(&r->runs[i]) > limit) + (gap_before(r, i) > limit);
	return n;
}

static struct scale make_scale(const struct region *r)
{
	uint64_t mapped = r->bytes[MAP_BOTH] + r->bytes[MAP_HIDDEN] +
			  r->bytes[MAP_BROKEN];
	size_t n = count_long_gaps(r, mapped / LONG_PART);
	struct scale s = { .cap = UINT64_MAX, .total = mapped };
	size_t i;

	/* A region in which nothing is mapped is one gap, as long as it is. */
	if (mapped)
		s.cap = mapped / (n > CAP_PART / 2 ? 2 * n : CAP_PART);
	for (i = 0; i < r->n; i++)
		s.total += drawn(&s, gap_before(r, i)) +
			   drawn(&s, gap_of(&r->runs[i]));
	return s;
}

/*
 * Put a piece from @from to @to, in bytes of the scale, into the columns that
 * it covers. In integers: a rounding error would be a trace of something.
 */
static void fill(struct drawing *d, const struct scale *s, uint64_t from,
		 uint64_t to, enum map_state state, bool cut)
{
	unsigned __int128 a = (unsigned __int128)from * d->n;
	unsigned __int128 b = (unsigned __int128)to * d->n;
	size_t i;

	for (i = a / s->total; i < d->n && a < b; i++) {
		unsigned __int128 end = (unsigned __int128)s->total * (i + 1);
		unsigned __int128 stop = b < end ? b : end;
		double share = (double)(stop - a) / s->total;

		d->columns[i].share[state] += share;
		d->columns[i].cut += cut ? share : 0;
		a = stop;
	}
}

static uint64_t add_gap(struct drawing *d, const struct scale *s, uint64_t at,
			uint64_t bytes)
{
	uint64_t to = at + drawn(s, bytes);
	bool cut = bytes > s->cap;

	fill(d, s, at, to, MAP_NOTHING, cut);
	if (!cut)
		return to;
	if (!(d->n_gaps & (d->n_gaps - 1)))
		d->gaps = xrealloc(d->gaps, d->n_gaps ? d->n_gaps * 2 : 1,
				   sizeof(*d->gaps));
	d->gaps[d->n_gaps++] = (struct gap){
		.bytes = bytes,
		.from = (double)at / s->total,
		.to = (double)to / s->total,
	};
	return to;
}

void draw_region(struct drawing *d, const struct region *r, size_t columns)
{
	struct scale s = make_scale(r);
	uint64_t at = 0;
	size_t i;

	*d = (struct drawing){
		.columns = xrealloc(NULL, columns, sizeof(*d->columns)),
		.n = columns,
	};
	for (i = 0; i < columns; i++)
		d->columns[i] = (struct column){};
	for (i = 0; i < r->n; i++) {
		const struct run *run = &r->runs[i];
		uint64_t to;

		at = add_gap(d, &s, at, gap_before(r, i));
		if (gap_of(run)) {
			at = add_gap(d, &s, at, gap_of(run));
			continue;
		}
		to = at + run->end - run->start;
		fill(d, &s, at, to, run->state, false);
		at = to;
	}
}

void drawing_free(struct drawing *d)
{
	free(d->columns);
	free(d->gaps);
}
