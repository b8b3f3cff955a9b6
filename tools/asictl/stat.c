// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "prom.h"
#include "sample.h"
#include "table.h"
#include "view.h"

#define HINT_UNREADABLE \
	"see who may read them: ls -l /sys/kernel/asi/classes/*/stats"

/**
 * struct report - one output of the command
 * @ctx: what the user wants
 * @old: the sample to compare with; NULL for totals
 * @new: the sample to show
 */
struct report {
	const struct context *ctx;
	const struct sample *old;
	const struct sample *new;
};

static double seconds_of(const struct report *r)
{
	return seconds_between(&r->old->when, &r->new->when);
}

static bool delta_of(const struct report *r, const struct counter *c,
		     uint64_t *delta)
{
	const struct counter *old = sample_find(r->old, c, c - r->new->v);

	return counter_delta(old, c, r->ctx->per_cpu, delta);
}

/* A counter without a rate shows why it has none: its text, or "-". */
static void add_cell(const struct report *r, struct table *t,
		     const struct counter *c)
{
	uint64_t delta;

	if (!c)
		table_add(t, "-");
	else if (!c->text)
		table_add(t, "?");
	else if (!r->old || !c->numeric)
		table_add(t, "%s", *c->text ? c->text : "?");
	else if (delta_of(r, c, &delta))
		table_add(t, "%.1f", delta / seconds_of(r));
	else
		table_add(t, "-");
}

/* Of the counters with the name of @first, which are neighbours. */
static const struct counter *of_class(const struct sample *s, size_t first,
				      const char *class)
{
	const char *name = s->v[first].name;
	size_t i;

	for (i = first; i < s->n && !strcmp(s->v[i].name, name); i++)
		if (!strcmp(s->v[i].class, class))
			return &s->v[i];
	return NULL;
}

static void print_classes(const struct report *r, FILE *out)
{
	const struct sample *s = r->new;
	struct table t;
	size_t i, j;

	table_init(&t, 1 + s->classes.n);
	table_heading(&t, "counter");
	for (j = 0; j < s->classes.n; j++)
		table_add(&t, "%s", s->classes.v[j]);
	for (i = 0; i < s->n; i++) {
		if (i && !strcmp(s->v[i].name, s->v[i - 1].name))
			continue;
		table_add(&t, "%s", s->v[i].name);
		for (j = 0; j < s->classes.n; j++)
			add_cell(r, &t, of_class(s, i, s->classes.v[j]));
	}
	table_print(&t, out);
}

static void print_cpus(const struct report *r, FILE *out)
{
	const struct sample *s = r->new;
	struct table t;
	size_t i;

	table_init(&t, 4);
	table_heading(&t, "cpu");
	table_heading(&t, "class");
	table_heading(&t, "counter");
	table_heading(&t, r->old ? "per second" : "value");
	for (i = 0; i < s->n; i++) {
		table_add(&t, "%s", s->v[i].cpu);
		table_add(&t, "%s", s->v[i].class);
		table_add(&t, "%s", s->v[i].name);
		add_cell(r, &t, &s->v[i]);
	}
	table_print(&t, out);
}

static void print_text(const struct report *r, FILE *out)
{
	if (r->old)
		fprintf(out, "Per second, over %.2f s:\n", seconds_of(r));
	else if (out != stdout)
		fputs("Since boot, until the first interval is over:\n", out);
	if (!r->new->n)
		fputs("No counters.\n", out);
	else if (r->ctx->per_cpu)
		print_cpus(r, out);
	else
		print_classes(r, out);
	print_odd(&r->new->odd, out);
}

static json_t *js_value(const struct report *r, const struct counter *c)
{
	uint64_t delta;
	json_t *obj;

	if (!r->old)
		return js_number(c->text);
	if (!delta_of(r, c, &delta))
		return json_null();
	obj = js_object();
	js_set(obj, "delta", js_u64(delta));
	js_set(obj, "per_second", json_real(delta / seconds_of(r)));
	return obj;
}

static json_t *js_classes(const struct report *r)
{
	const struct sample *s = r->new;
	json_t *list = js_array();
	size_t i, j;

	for (j = 0; j < s->classes.n; j++) {
		json_t *counters = js_object();
		json_t *obj = js_object();

		for (i = 0; i < s->n; i++)
			if (!strcmp(s->v[i].class, s->classes.v[j]))
				js_set(counters, s->v[i].name,
				       js_value(r, &s->v[i]));
		js_set_string(obj, "name", s->classes.v[j]);
		js_set(obj, "counters", counters);
		js_add(list, obj);
	}
	return list;
}

static json_t *js_cpus(const struct report *r)
{
	const struct sample *s = r->new;
	json_t *list = js_array();
	size_t i;

	for (i = 0; i < s->n; i++) {
		json_t *obj = js_object();

		js_set(obj, "cpu", js_number(s->v[i].cpu));
		js_set_string(obj, "class", s->v[i].class);
		js_set_string(obj, "counter", s->v[i].name);
		js_set(obj, "value", js_value(r, &s->v[i]));
		js_add(list, obj);
	}
	return list;
}

static char *unreadable_error(const struct sample *s)
{
	return s->unreadable ? xasprintf("%zu counters cannot be read: %s",
					 s->unreadable,
					 strerror(-s->unreadable_err)) : NULL;
}

static void print_json(const struct report *r)
{
	char *error = unreadable_error(r->new);
	json_t *obj = js_object();

	if (r->old)
		js_set(obj, "seconds", json_real(seconds_of(r)));
	if (r->ctx->per_cpu) {
		js_set(obj, "cpus", js_cpus(r));
		js_set(obj, "not_understood", js_strings(&r->new->odd));
	} else {
		js_set(obj, "classes", js_classes(r));
	}
	if (error) {
		js_set_string(obj, "error", error);
		js_set_string(obj, "hint", HINT_UNREADABLE);
	}
	js_print(obj, JSON_REAL_PRECISION(9) |
		      (r->old ? JSON_COMPACT : JSON_INDENT(2)));
	free(error);
}

static void print_prometheus(const struct report *r)
{
	const char *name = r->ctx->per_cpu ? "asi_cpu_events_total" :
					     "asi_events_total";
	const struct sample *s = r->new;
	size_t i;

	prom_metric(name, PROM_COUNTER,
		    "Counters of Address Space Isolation since boot, by class.");
	for (i = 0; i < s->n; i++) {
		const struct counter *c = &s->v[i];

		if (!c->numeric) {
			prom_comment("Not a number: %s %s: %s", c->class,
				     c->name, text_or_note(c->text));
			continue;
		}
		prom_begin(name);
		prom_label("cpu", c->cpu);
		prom_label("class", c->class);
		prom_label("counter", c->name);
		prom_value(c->text);
	}
	for (i = 0; i < s->odd.n; i++)
		prom_comment("Not understood: %s", s->odd.v[i]);
}

static int print_report(const struct report *r, FILE *out)
{
	char *error;

	if (r->ctx->json) {
		print_json(r);
	} else {
		if (r->ctx->prometheus)
			print_prometheus(r);
		else
			print_text(r, out);
		error = unreadable_error(r->new);
		if (error)
			view_complain(out, error, HINT_UNREADABLE);
		free(error);
	}
	return r->new->unreadable ? EXIT_ERROR : EXIT_OK;
}

static int print_totals(const struct context *ctx)
{
	struct sample s;
	int ret = sample_load(&s, ctx);

	if (!ret)
		ret = print_report(&(struct report){ ctx, NULL, &s }, stdout);
	sample_free(&s);
	return ret;
}

/* The last two samples; the old one is empty until there are two. */
struct rates {
	struct sample old;
	struct sample new;
};

static int next_sample(struct view *v)
{
	struct rates *r = v->data;
	int ret;

	sample_free(&r->old);
	r->old = r->new;
	ret = sample_load(&r->new, v->ctx);
	v->when = r->new.when;
	return ret;
}

static int show_rates(const struct view *v, FILE *out)
{
	const struct rates *r = v->data;
	bool first = !r->old.when.tv_sec && !r->old.when.tv_nsec;
	int ret;

	ret = print_report(&(struct report){ v->ctx, first ? NULL : &r->old,
					     &r->new }, out);
	if (out == stdout && !v->ctx->json)
		putchar('\n');
	return ret;
}

int cmd_stat(struct context *ctx)
{
	struct rates rates = {};
	struct view view = {
		.ctx = ctx,
		.title = "asictl stat",
		.data = &rates,
		.next = next_sample,
		.show = show_rates,
	};
	int ret;

	if (!ctx->interval)
		return print_totals(ctx);
	ret = view_run(&view);
	sample_free(&rates.old);
	sample_free(&rates.new);
	return ret;
}
