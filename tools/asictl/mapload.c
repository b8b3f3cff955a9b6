// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "debugfs.h"
#include "map.h"
#include "output.h"
#include "state.h"

static const struct ktable_kind map_kind = {
	.heading = "start end level unrestricted restricted region",
	.numbers = (const char *const[]){ "unrestricted", "restricted", NULL },
};

/* A line of the table that makes sense. */
struct line {
	struct run run;
	const char *name;
	size_t region;
	size_t number;
};

/* Where the fields are in a row. */
struct columns {
	size_t start, end, level, unrestricted, restricted, region;
};

static struct columns find_columns(const struct ktable *t)
{
	return (struct columns){
		.start = ktable_column(t, "start"),
		.end = ktable_column(t, "end"),
		.level = ktable_column(t, "level"),
		.unrestricted = ktable_column(t, "unrestricted"),
		.restricted = ktable_column(t, "restricted"),
		.region = ktable_column(t, "region"),
	};
}

static bool parse_line(struct line *line, const struct strings *row,
		       const struct columns *c)
{
	static const enum map_state states[2][2] = {
		{ MAP_NOTHING, MAP_BROKEN },
		{ MAP_HIDDEN, MAP_BOTH },
	};
	enum tristate unrestricted = tristate(row->v[c->unrestricted]);
	enum tristate restricted = tristate(row->v[c->restricted]);
	struct run *run = &line->run;

	if (!text_address(row->v[c->start], &run->start) ||
	    !text_address(row->v[c->end], &run->end) ||
	    run->start >= run->end || unrestricted == TRI_UNKNOWN ||
	    restricted == TRI_UNKNOWN)
		return false;
	run->state = states[unrestricted == TRI_YES][restricted == TRI_YES];
	run->level = row->v[c->level];
	line->name = row->v[c->region];
	return true;
}

static void add_odd(struct map *m, const struct strings *row,
		    const struct columns *c)
{
	strings_add(&m->table.odd,
		    xasprintf("%s %s %s %s %s %s", row->v[c->start],
			      row->v[c->end], row->v[c->level],
			      row->v[c->unrestricted], row->v[c->restricted],
			      row->v[c->region]));
}

/* Far more than a kernel has; ends a search through something else. */
#define MAX_REGIONS	64

static bool find_region(struct map *m, struct line *line)
{
	size_t i;

	for (i = 0; i < m->n && strcmp(m->regions[i].name, line->name); i++)
		;
	line->region = i;
	if (i < m->n)
		return true;
	if (m->n == MAX_REGIONS)
		return false;
	m->regions = xrealloc(m->regions, m->n + 1, sizeof(*m->regions));
	m->regions[m->n++] = (struct region){ .name = line->name };
	return true;
}

static int by_address(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	if (x->region != y->region)
		return x->region < y->region ? -1 : 1;
	if (x->run.start != y->run.start)
		return x->run.start < y->run.start ? -1 : 1;
	return x->number < y->number ? -1 : 1;
}

static void add_level(struct region *r, const char *level)
{
	char *all;

	if (strstr(r->levels, level))
		return;
	all = xasprintf("%s%s%s", r->levels, *r->levels ? " " : "", level);
	free(r->levels);
	r->levels = all;
}

static void add_run(struct region *r, struct run *run)
{
	if (!r->n) {
		r->runs = run;
		r->levels = xstrdup("");
	}
	r->runs[r->n++] = *run;
	r->bytes[run->state] += run->end - run->start;
	if (run->state != MAP_NOTHING)
		add_level(r, run->level);
}

/* What no line mentions is not mapped. */
static void add_gaps(struct region *r)
{
	size_t i;

	for (i = 1; i < r->n; i++)
		r->bytes[MAP_NOTHING] += r->runs[i].start - r->runs[i - 1].end;
}

static void fill_regions(struct map *m, const struct line *lines, size_t n,
			 const struct columns *c)
{
	size_t used = 0;
	size_t i;

	m->runs = xrealloc(NULL, n, sizeof(*m->runs));
	for (i = 0; i < n; i++) {
		struct region *r = &m->regions[lines[i].region];

		if (r->n && lines[i].run.start < r->runs[r->n - 1].end) {
			add_odd(m, &m->table.rows[lines[i].number], c);
			continue;
		}
		m->runs[used] = lines[i].run;
		add_run(r, &m->runs[used]);
		used++;
	}
	for (i = 0; i < m->n; i++)
		add_gaps(&m->regions[i]);
}

static void make_regions(struct map *m)
{
	const struct ktable *t = &m->table;
	struct columns c = find_columns(t);
	struct line *lines = xrealloc(NULL, t->n_rows, sizeof(*lines));
	size_t n = 0;
	size_t i;

	for (i = 0; i < t->n_rows; i++) {
		if (!parse_line(&lines[n], &t->rows[i], &c) ||
		    !find_region(m, &lines[n])) {
			add_odd(m, &t->rows[i], &c);
			continue;
		}
		lines[n++].number = i;
	}
	if (n)
		qsort(lines, n, sizeof(*lines), by_address);
	fill_regions(m, lines, n, &c);
	free(lines);
}

static int fail_owner(const struct context *ctx, const struct map *m)
{
	char *hint = xasprintf("ask for what is there: asictl map %s%s%s",
			       m->owner.v[0], m->owner.n > 2 ? " " : "",
			       m->owner.n > 2 ? m->owner.v[2] : "");
	char *title = map_title(m);
	int ret = fail(ctx, EXIT_ERROR, hint,
		       "/sys/kernel/debug/asi/map has another: %s", title);

	free(title);
	free(hint);
	return ret;
}

/* A dump has one map, of whatever process that was. */
static bool is_owner(const struct map *m, const char *pid, const char *class)
{
	uint64_t want, have;

	if (m->owner.n && (!text_u64(pid, &want) ||
			   !text_u64(m->owner.v[0], &have) || want != have))
		return false;
	return !class || m->owner.n < 3 || !strcmp(m->owner.v[2], class);
}

int map_load(struct map *m, const struct context *ctx, const char *pid,
	     const char *class)
{
	char *question = xasprintf("%s%s%s\n", pid, class ? " " : "",
				   class ?: "");
	struct strings lines = {};
	int ret;

	*m = (struct map){};
	ret = require_on(ctx) ?: debugfs_ask(ctx, "map", question, &lines);
	free(question);
	if (ret)
		return ret;
	ktable_take_note(&lines, "domain", 3, &m->owner);
	ktable_parse(&m->table, &lines, &map_kind, true);
	strings_free(&lines);
	make_regions(m);
	if (is_owner(m, pid, class))
		return EXIT_OK;
	ret = fail_owner(ctx, m);
	map_free(m);
	return ret;
}

void map_free(struct map *m)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		free(m->regions[i].levels);
	free(m->regions);
	free(m->runs);
	strings_free(&m->owner);
	ktable_free(&m->table);
}
