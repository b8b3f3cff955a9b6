// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "output.h"
#include "table.h"
#include "tally.h"
#include "view.h"

/**
 * struct page - what is shown at once
 * @sites: most faults first; with @seconds only those since the last page
 * @new: the tally it comes from
 * @log: that the tally is of
 * @seconds: between the two tallies; 0 for totals
 */
struct page {
	const struct tally *sites;
	const struct tally *new;
	const struct faultlog *log;
	double seconds;
};

static double share(const struct page *p, const struct site *s)
{
	return p->sites->total ? 100.0 * s->count / p->sites->total : 0;
}

static void print_sites(const struct page *p, FILE *out)
{
	struct table t;
	size_t i;

	table_init(&t, 6);
	table_heading(&t, p->seconds ? "per second" : "faults");
	table_heading(&t, "share");
	table_heading(&t, "class");
	table_heading(&t, "memory");
	table_heading(&t, "pages");
	table_heading(&t, "instruction");
	for (i = 0; i < p->sites->n; i++) {
		const struct site *s = &p->sites->v[i];

		if (p->seconds)
			table_add(&t, "%.1f", s->count / p->seconds);
		else
			table_add(&t, "%" PRIu64, s->count);
		table_add(&t, "%.1f%%", share(p, s));
		table_add(&t, "%s", s->class);
		table_add(&t, "%s", s->memory);
		table_add(&t, "%zu%s", s->pages, s->further ? "+" : "");
		table_add(&t, "%s", s->symbol);
	}
	table_print(&t, out);
}

static void print_text(const struct page *p, FILE *out)
{
	char *owner = faultlog_owner(p->log);

	if (p->seconds)
		fprintf(out, "Faults%s per second, over %.2f s: %.1f, at %zu sites",
			owner, p->seconds, p->sites->total / p->seconds,
			p->sites->n);
	else
		fprintf(out, "Faults%s since %s: %" PRIu64 ", at %zu sites",
			owner, *owner ? "it is watched" : "the log was cleared",
			p->sites->total, p->sites->n);
	free(owner);
	fprintf(out, "; lost: %s\n", p->new->lost ?: "?");
	print_sites(p, out);
	print_odd(&p->new->odd, out);
	faultlog_print_end(p->log, out);
}

static json_t *js_sites(const struct page *p)
{
	json_t *list = js_array();
	size_t i;

	for (i = 0; i < p->sites->n; i++) {
		const struct site *s = &p->sites->v[i];
		json_t *obj = js_object();

		js_set_string(obj, "symbol", s->symbol);
		js_set_string(obj, "class", s->class);
		js_set_string(obj, "memory", s->memory);
		js_set(obj, "count", js_u64(s->count));
		if (p->seconds)
			js_set(obj, "per_second",
			       json_real(s->count / p->seconds));
		js_set(obj, "pages", json_integer(s->pages));
		js_set(obj, "further_pages", js_bool(s->further));
		js_add(list, obj);
	}
	return list;
}

static void print_json(const struct page *p)
{
	json_t *obj = js_object();

	faultlog_set_json(p->log, obj);
	if (p->seconds)
		js_set(obj, "seconds", json_real(p->seconds));
	js_set(obj, "count", js_u64(p->sites->total));
	js_set(obj, "sites", js_sites(p));
	js_set(obj, "lost", js_number(p->new->lost));
	js_set(obj, "not_understood", js_strings(&p->new->odd));
	js_print(obj, JSON_REAL_PRECISION(9) | js_layout(p->log->ctx));
}

/* A log and its last two tallies; the old one is empty until there are two. */
struct tallies {
	struct faultlog log;
	struct tally old;
	struct tally new;
};

static int next_tally(struct view *v)
{
	struct tallies *t = v->data;
	int ret;

	ret = faultlog_read(&t->log);
	v->last = t->log.ended;
	if (ret || v->last)
		return ret;
	tally_free(&t->old);
	t->old = t->new;
	tally_make(&t->new, &t->log);
	v->when = t->new.when;
	return EXIT_OK;
}

static void show_page(const struct page *p, FILE *out)
{
	if (p->log->ctx->json)
		print_json(p);
	else
		print_text(p, out);
}

static int show_tallies(const struct view *v, FILE *out)
{
	const struct tallies *t = v->data;
	struct page page = { .new = &t->new, .log = &t->log };
	struct tally sites;

	/*
	 * Against an empty tally the difference is the totals. They also are
	 * what is left to be told of a process that has ended.
	 */
	if (v->ctx->interval && !v->last &&
	    (t->old.when.tv_sec || t->old.when.tv_nsec)) {
		page.seconds = seconds_between(&t->old.when, &t->new.when);
		tally_subtract(&sites, &t->old, &t->new);
	} else {
		tally_subtract(&sites, &(struct tally){}, &t->new);
	}
	tally_sort(&sites);
	page.sites = &sites;
	show_page(&page, out);
	if (page.seconds && out == stdout && !v->ctx->json)
		putchar('\n');
	free(sites.v);
	return EXIT_OK;
}

static int show_once(struct view *v)
{
	struct tallies *t = v->data;
	int ret = faultlog_read_once(&t->log);

	if (ret)
		return ret;
	tally_make(&t->new, &t->log);
	return show_tallies(v, stdout);
}

int cmd_top(struct context *ctx)
{
	struct tallies tallies = {};
	struct view view = {
		.ctx = ctx,
		.title = "asictl top",
		.data = &tallies,
		.next = next_tally,
		.show = show_tallies,
	};
	int ret;

	ret = faultlog_open(&tallies.log, ctx);
	if (ret)
		return ret;
	if (ctx->interval || view_on_screen(ctx))
		ret = view_run(&view);
	else
		ret = show_once(&view);
	faultlog_close(&tallies.log);
	tally_free(&tallies.old);
	tally_free(&tallies.new);
	return ret;
}
