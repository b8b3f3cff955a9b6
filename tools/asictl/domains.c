// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "debugfs.h"
#include "output.h"
#include "state.h"
#include "table.h"
#include "text.h"

/* Columns we name; what a longer line has beyond them is kept together. */
#define MAX_COLUMNS	32
#define MORE		"more"

/**
 * struct domains - the table of the kernel, taken apart
 * @heading: names of the columns, from the kernel's own heading
 * @rows: lines that have at least the columns every kernel has
 * @odd: other lines, as they are
 * @more: some line has more columns than the heading
 * @hidden: some addresses were taken out
 */
struct domains {
	struct strings heading;
	struct strings *rows;
	size_t n_rows;
	struct strings odd;
	bool more;
	bool hidden;
};

static const char default_heading[] = "pid comm class pgd_phys";
#define MIN_COLUMNS	4

/* Each column must have a name of its own, for it is a key in JSON. */
static bool is_sound(const struct strings *heading)
{
	size_t i, j;

	if (heading->n < MIN_COLUMNS || heading->n > MAX_COLUMNS)
		return false;
	for (i = 0; i < heading->n; i++) {
		if (!strcmp(heading->v[i], MORE))
			return false;
		for (j = 0; j < i; j++)
			if (!strcmp(heading->v[i], heading->v[j]))
				return false;
	}
	return true;
}

/* Return: true if @line is a heading; otherwise the known one is kept. */
static bool take_heading(struct domains *d, const char *line)
{
	struct strings heading = {};

	if (line[0] != '#')
		return false;
	text_fields(line + 1, &heading);
	if (!is_sound(&heading)) {
		strings_free(&heading);
		return false;
	}
	strings_free(&d->heading);
	d->heading = heading;
	return true;
}

/* A hidden field is NULL, so that nothing else can be taken for it. */
#define HIDDEN	"(hidden)"

static const char *field(const struct strings *row, size_t i)
{
	return row->v[i] ?: HIDDEN;
}

static void hide_addresses(struct domains *d, struct strings *row)
{
	size_t i;

	for (i = 0; i < row->n; i++) {
		if (strncmp(row->v[i], "0x", 2))
			continue;
		free(row->v[i]);
		row->v[i] = NULL;
		d->hidden = true;
	}
}

/* Fold what exceeds the heading into one last field. */
static void fold_row(struct domains *d, struct strings *row)
{
	size_t cols = d->heading.n;
	size_t len = 0;
	char *more, *p;
	size_t i;

	if (row->n <= cols)
		return;
	d->more = true;
	for (i = cols; i < row->n; i++)
		len += strlen(field(row, i)) + 1;
	more = xrealloc(NULL, len, 1);
	p = more;
	for (i = cols; i < row->n; i++) {
		p = stpcpy(p, field(row, i));
		*p++ = ' ';
		free(row->v[i]);
	}
	p[-1] = '\0';
	row->v[cols] = more;
	row->n = cols + 1;
}

/* Nobody knows where in such a line an address is. */
static void add_odd(struct domains *d, const char *line, bool addresses)
{
	if (!line[strspn(line, " ")])
		return;
	d->hidden |= !addresses;
	strings_add(&d->odd, xstrdup(addresses ? line : HIDDEN));
}

static void add_row(struct domains *d, const char *line, bool addresses)
{
	struct strings row = {};

	text_fields(line, &row);
	if (!addresses)
		hide_addresses(d, &row);
	if (row.n < MIN_COLUMNS || line[0] == '#') {
		add_odd(d, line, addresses);
		strings_free(&row);
		return;
	}
	fold_row(d, &row);
	if (!(d->n_rows & (d->n_rows - 1)))
		d->rows = xrealloc(d->rows, d->n_rows ? d->n_rows * 2 : 1,
				   sizeof(*d->rows));
	d->rows[d->n_rows++] = row;
}

static void parse(struct domains *d, const struct strings *lines,
		  bool addresses)
{
	size_t i;

	*d = (struct domains){};
	text_fields(default_heading, &d->heading);
	for (i = 0; i < lines->n; i++)
		if (i || !take_heading(d, lines->v[i]))
			add_row(d, lines->v[i], addresses);
}

static void free_domains(struct domains *d)
{
	size_t i;

	for (i = 0; i < d->n_rows; i++)
		strings_free(&d->rows[i]);
	free(d->rows);
	strings_free(&d->heading);
	strings_free(&d->odd);
}

/* Only the pid is a number for programs: others may happen to look like one. */
static json_t *js_field(const char *name, const char *value)
{
	return strcmp(name, "pid") ? js_string(value) : js_number(value);
}

static json_t *js_row(const struct domains *d, const struct strings *row)
{
	json_t *obj = js_object();
	size_t i;

	for (i = 0; i < row->n; i++) {
		const char *name = i < d->heading.n ? d->heading.v[i] : MORE;

		js_set(obj, name, js_field(name, row->v[i]));
	}
	return obj;
}

static void print_json(const struct domains *d)
{
	json_t *list = js_array();
	json_t *odd = js_array();
	json_t *obj = js_object();
	size_t i;

	for (i = 0; i < d->n_rows; i++)
		js_add(list, js_row(d, &d->rows[i]));
	for (i = 0; i < d->odd.n; i++)
		js_add(odd, js_string(d->odd.v[i]));
	js_set(obj, "domains", list);
	js_set(obj, "not_understood", odd);
	js_set(obj, "addresses_hidden", js_bool(d->hidden));
	js_print(obj, JSON_INDENT(2));
}

static void print_text(const struct domains *d)
{
	size_t cols = d->heading.n + d->more;
	struct table t;
	size_t i, j;

	table_init(&t, cols);
	for (j = 0; j < cols; j++)
		table_heading(&t, j < d->heading.n ? d->heading.v[j] : MORE);
	for (i = 0; i < d->n_rows; i++)
		for (j = 0; j < cols; j++)
			table_add(&t, "%s", j < d->rows[i].n ?
				  field(&d->rows[i], j) : "");
	table_print(&t);
	if (!d->n_rows)
		puts("No live domains.");
	for (i = 0; i < d->odd.n; i++)
		printf("Not understood: %s\n", d->odd.v[i]);
	if (d->hidden)
		puts("Addresses are for root only.");
}

int cmd_domains(struct context *ctx)
{
	struct strings lines = {};
	struct domains d;
	struct state s;
	int ret;

	state_load(&s, ctx);
	ret = state_require_on(&s, ctx);
	state_free(&s);
	if (ret)
		return ret;
	ret = debugfs_lines(ctx, "domains", &lines);
	if (ret)
		return ret;
	parse(&d, &lines, may_show_addresses(ctx));
	if (ctx->json)
		print_json(&d);
	else
		print_text(&d);
	free_domains(&d);
	strings_free(&lines);
	return EXIT_OK;
}
