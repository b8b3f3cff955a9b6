// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "tally.h"

/* A line of the log, as far as it matters. Strings of the table. */
struct entry {
	const char *symbol;
	const char *class;
	const char *memory;
	const char *page;
	uint64_t count;
};

/* Where the fields are in a row. */
struct columns {
	size_t count, class, memory, ip, symbol, page;
};

static struct columns find_columns(const struct ktable *t)
{
	return (struct columns){
		.count = ktable_column(t, "count"),
		.class = ktable_column(t, "class"),
		.memory = ktable_column(t, "memory"),
		.ip = ktable_column(t, "ip"),
		.symbol = ktable_column(t, "symbol"),
		.page = ktable_column(t, "page"),
	};
}

/* An address that is hidden is NULL: only root tells such sites apart. */
static const char *site_symbol(const struct strings *row,
			       const struct columns *c)
{
	const char *symbol = row->v[c->symbol];

	if (!symbol || !strcmp(symbol, "?"))
		symbol = row->v[c->ip];
	return symbol ?: "?";
}

static bool make_entry(struct entry *e, const struct strings *row,
		       const struct columns *c)
{
	if (!row->v[c->count] || !text_u64(row->v[c->count], &e->count))
		return false;
	e->symbol = site_symbol(row, c);
	e->class = row->v[c->class] ?: "?";
	e->memory = row->v[c->memory] ?: "?";
	e->page = row->v[c->page] ?: "?";
	return true;
}

static int by_site(const struct entry *x, const struct entry *y)
{
	return strcmp(x->symbol, y->symbol) ?: strcmp(x->class, y->class) ?:
	       strcmp(x->memory, y->memory);
}

static int by_site_and_page(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return by_site(x, y) ?: strcmp(x->page, y->page);
}

/* Sums stop at the top rather than wrap: broken numbers look broken. */
static void add_up(uint64_t *sum, uint64_t value)
{
	if (__builtin_add_overflow(*sum, value, sum))
		*sum = UINT64_MAX;
}

static struct site *add_site(struct tally *t)
{
	if (!(t->n & (t->n - 1)))
		t->v = xrealloc(t->v, t->n ? t->n * 2 : 1, sizeof(*t->v));
	return &t->v[t->n++];
}

static void add_entries(struct tally *t, struct entry *e, size_t n)
{
	struct site *site = NULL;
	size_t i;

	if (n)
		qsort(e, n, sizeof(*e), by_site_and_page);
	for (i = 0; i < n; i++) {
		bool same = i && !by_site(&e[i], &e[i - 1]);

		if (!same) {
			site = add_site(t);
			*site = (struct site){
				.symbol = xstrdup(e[i].symbol),
				.class = xstrdup(e[i].class),
				.memory = xstrdup(e[i].memory),
			};
		}
		add_up(&site->count, e[i].count);
		add_up(&t->total, e[i].count);
		if (!strcmp(e[i].page, FAULTLOG_FURTHER)) {
			site->further = true;
			continue;
		}
		/* The same page may be there for more than one phase. */
		site->pages += !same || strcmp(e[i].page, e[i - 1].page);
	}
}

static void add_table(struct tally *t, const struct ktable *table)
{
	struct entry *e = xrealloc(NULL, table->n_rows, sizeof(*e));
	struct columns c = find_columns(table);
	size_t n = 0;
	size_t i;

	for (i = 0; i < table->n_rows; i++) {
		const struct strings *row = &table->rows[i];

		if (make_entry(&e[n], row, &c))
			n++;
		else
			strings_add(&t->odd,
				    xasprintf("count %s of %s",
					      row->v[c.count] ?: "(hidden)",
					      site_symbol(row, &c)));
	}
	add_entries(t, e, n);
	free(e);
	for (i = 0; i < table->odd.n; i++)
		strings_add(&t->odd, xstrdup(table->odd.v[i]));
}

void tally_make(struct tally *t, const struct faultlog *log)
{
	*t = (struct tally){};
	clock_gettime(CLOCK_MONOTONIC, &t->when);
	add_table(t, &log->table);
	t->lost = log->lost ? xstrdup(log->lost) : NULL;
}

void tally_free(struct tally *t)
{
	size_t i;

	for (i = 0; i < t->n; i++) {
		free(t->v[i].symbol);
		free(t->v[i].class);
		free(t->v[i].memory);
	}
	free(t->v);
	free(t->lost);
	strings_free(&t->odd);
	*t = (struct tally){};
}

static int compare_sites(const struct site *x, const struct site *y)
{
	return strcmp(x->symbol, y->symbol) ?: strcmp(x->class, y->class) ?:
	       strcmp(x->memory, y->memory);
}

void tally_subtract(struct tally *diff, const struct tally *old,
		    const struct tally *new)
{
	size_t i, j = 0;

	*diff = (struct tally){};
	for (i = 0; i < new->n; i++) {
		struct site site = new->v[i];

		while (j < old->n && compare_sites(&old->v[j], &site) < 0)
			j++;
		if (j < old->n && !compare_sites(&old->v[j], &site) &&
		    old->v[j].count <= site.count)
			site.count -= old->v[j].count;
		if (!site.count)
			continue;
		*add_site(diff) = site;
		add_up(&diff->total, site.count);
	}
}

static int most_first(const void *a, const void *b)
{
	const struct site *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return compare_sites(x, y);
}

void tally_sort(struct tally *t)
{
	if (t->n)
		qsort(t->v, t->n, sizeof(*t->v), most_first);
}
