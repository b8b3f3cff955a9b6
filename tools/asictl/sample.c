// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "debugfs.h"
#include "sample.h"
#include "state.h"

/* The order of reading; a counter that is not here comes after these. */
static const char *const known_counters[] = {
	"enters", "exits", "exits_fault", "exits_sched", "exits_mm",
	"exits_cr3", "exits_user", "exits_explicit", "exits_pm", "reenters",
	"faults", "tense_faults", "cr3_writes", "flushes", "warnings",
};

static size_t rank(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known_counters); i++)
		if (!strcmp(known_counters[i], name))
			break;
	return i;
}

static void add_class(struct sample *s, const char *class)
{
	size_t i;

	for (i = 0; i < s->classes.n; i++)
		if (!strcmp(s->classes.v[i], class))
			return;
	strings_add(&s->classes, xstrdup(class));
}

static void add_counter(struct sample *s, const char *cpu, const char *class,
			const char *name, const char *text)
{
	struct counter *c;

	if (!(s->n & (s->n - 1)))
		s->v = xrealloc(s->v, s->n ? s->n * 2 : 1, sizeof(*s->v));
	c = &s->v[s->n++];
	*c = (struct counter){
		.cpu = cpu ? xstrdup(cpu) : NULL,
		.class = xstrdup(class),
		.name = xstrdup(name),
		.text = text ? xstrdup(text) : NULL,
	};
	c->numeric = text && text_u64(text, &c->value);
	add_class(s, class);
}

static int by_rank(const void *a, const void *b)
{
	const struct counter *x = a, *y = b;
	size_t rx = rank(x->name), ry = rank(y->name);

	if (rx != ry)
		return rx < ry ? -1 : 1;
	return strcmp(x->name, y->name) ?: strcmp(x->class, y->class);
}

static void load_totals(struct sample *s, const struct state *st)
{
	size_t i, j;

	for (i = 0; i < st->n_classes; i++) {
		const char *class = st->classes[i].name;
		char *dir = xasprintf("classes/%s/stats", class);

		for (j = 0; j < st->tree.n; j++) {
			const struct attr *a = &st->tree.v[j];
			const char *name = attr_in(a, dir);

			if (name && !a->dir)
				add_counter(s, NULL, class, name, a->value);
			if (a->err && (name || !strcmp(a->path, dir)) &&
			    !s->unreadable++)
				s->unreadable_err = a->err;
		}
		free(dir);
	}
	if (s->n)
		qsort(s->v, s->n, sizeof(*s->v), by_rank);
}

/* A line of any other shape is shown as it is. */
static void add_line(struct sample *s, const char *line)
{
	struct strings f = {};

	text_fields(line, &f);
	if (f.n == 4)
		add_counter(s, f.v[0], f.v[1], f.v[2], f.v[3]);
	else if (f.n)
		strings_add(&s->odd, xstrdup(line));
	strings_free(&f);
}

static int load_per_cpu(struct sample *s, const struct context *ctx)
{
	struct strings lines = {};
	int ret = debugfs_lines(ctx, "stats_percpu", &lines);
	size_t i;

	for (i = 0; i < lines.n; i++)
		if (lines.v[i][0] != '#')
			add_line(s, lines.v[i]);
	strings_free(&lines);
	return ret;
}

int sample_load(struct sample *s, const struct context *ctx)
{
	struct state st;
	int ret;

	*s = (struct sample){};
	state_load(&st, ctx);
	clock_gettime(CLOCK_MONOTONIC, &s->when);
	ret = state_require_on(&st, ctx);
	if (!ret && ctx->per_cpu)
		ret = load_per_cpu(s, ctx);
	else if (!ret)
		load_totals(s, &st);
	state_free(&st);
	return ret;
}

void sample_free(struct sample *s)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		free(s->v[i].cpu);
		free(s->v[i].class);
		free(s->v[i].name);
		free(s->v[i].text);
	}
	free(s->v);
	strings_free(&s->classes);
	strings_free(&s->odd);
	*s = (struct sample){};
}

static bool same_counter(const struct counter *a, const struct counter *b)
{
	return !strcmp(a->cpu ?: "", b->cpu ?: "") &&
	       !strcmp(a->class, b->class) && !strcmp(a->name, b->name);
}

const struct counter *sample_find(const struct sample *s,
				  const struct counter *like, size_t start)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		const struct counter *c = &s->v[(start + i) % s->n];

		if (same_counter(c, like))
			return c;
	}
	return NULL;
}

bool counter_delta(const struct counter *old, const struct counter *new,
		   bool per_cpu, uint64_t *delta)
{
	if (!new->numeric)
		return false;
	if (!old && per_cpu) {
		*delta = new->value;
		return true;
	}
	if (!old || !old->numeric || old->value > new->value)
		return false;
	*delta = new->value - old->value;
	return true;
}
