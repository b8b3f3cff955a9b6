// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "ktable.h"
#include "output.h"
#include "table.h"

/* Columns we name; what a longer line has beyond them is kept together. */
#define MAX_COLUMNS	32
#define MORE		"more"

/* A hidden field is NULL, so that nothing else can be taken for it. */
#define HIDDEN		"(hidden)"

static bool find(const struct strings *list, const char *name, size_t *where)
{
	size_t i;

	for (i = 0; i < list->n; i++) {
		if (!strcmp(list->v[i], name)) {
			*where = i;
			return true;
		}
	}
	return false;
}

/* Each column must have a name of its own, for it is a key in JSON. */
static bool has_twins(const struct strings *heading)
{
	size_t where;
	size_t i;

	for (i = 0; i < heading->n; i++)
		if (find(heading, heading->v[i], &where) && where != i)
			return true;
	return find(heading, MORE, &where);
}

/* Return: fields that a line must have, or 0 if the heading is of no use. */
static size_t needed_fields(const struct strings *heading,
			    const struct strings *known)
{
	size_t needed = 0;
	size_t where;
	size_t i;

	if (heading->n > MAX_COLUMNS || has_twins(heading))
		return 0;
	for (i = 0; i < known->n; i++) {
		if (!find(heading, known->v[i], &where))
			return 0;
		if (where >= needed)
			needed = where + 1;
	}
	return needed;
}

/* Return: true if @line is a heading; otherwise the known one is kept. */
static bool take_heading(struct ktable *t, const char *line)
{
	struct strings heading = {};
	size_t needed;

	if (line[0] != '#')
		return false;
	text_fields(line + 1, &heading);
	needed = needed_fields(&heading, &t->heading);
	if (!needed) {
		strings_free(&heading);
		return false;
	}
	strings_free(&t->heading);
	t->heading = heading;
	t->needed = needed;
	return true;
}

static const char *field(const struct strings *row, size_t i)
{
	return row->v[i] ?: HIDDEN;
}

static void hide_addresses(struct ktable *t, struct strings *row)
{
	size_t i;

	for (i = 0; i < row->n; i++) {
		if (strncmp(row->v[i], "0x", 2))
			continue;
		free(row->v[i]);
		row->v[i] = NULL;
		t->hidden = true;
	}
}

/* Fold what exceeds the heading into one last field. */
static void fold_row(struct ktable *t, struct strings *row)
{
	size_t cols = t->heading.n;
	size_t len = 0;
	char *more, *p;
	size_t i;

	if (row->n <= cols)
		return;
	t->more = true;
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
static void add_odd(struct ktable *t, const char *line, bool addresses)
{
	if (!line[strspn(line, " ")])
		return;
	t->hidden |= !addresses;
	strings_add(&t->odd, xstrdup(addresses ? line : HIDDEN));
}

void ktable_add(struct ktable *t, struct strings *row, bool addresses)
{
	if (!addresses)
		hide_addresses(t, row);
	fold_row(t, row);
	if (!(t->n_rows & (t->n_rows - 1)))
		t->rows = xrealloc(t->rows, t->n_rows ? t->n_rows * 2 : 1,
				   sizeof(*t->rows));
	t->rows[t->n_rows++] = *row;
	*row = (struct strings){};
}

static void take_line(struct ktable *t, const char *line, bool addresses)
{
	struct strings row = {};

	text_fields(line, &row);
	if (row.n < t->needed || line[0] == '#') {
		add_odd(t, line, addresses);
		strings_free(&row);
		return;
	}
	ktable_add(t, &row, addresses);
}

void ktable_init(struct ktable *t, const struct ktable_kind *kind)
{
	*t = (struct ktable){ .kind = kind };
	text_fields(kind->heading, &t->heading);
	t->needed = t->heading.n;
}

void ktable_parse(struct ktable *t, const struct strings *lines,
		  const struct ktable_kind *kind, bool addresses)
{
	size_t i;

	ktable_init(t, kind);
	for (i = 0; i < lines->n; i++)
		if (i || !take_heading(t, lines->v[i]))
			take_line(t, lines->v[i], addresses);
}

void ktable_free(struct ktable *t)
{
	size_t i;

	for (i = 0; i < t->n_rows; i++)
		strings_free(&t->rows[i]);
	free(t->rows);
	strings_free(&t->heading);
	strings_free(&t->odd);
}

static bool is_note(const char *line, const char *word)
{
	size_t len = strlen(word);

	return !strncmp(line, "# ", 2) && !strncmp(line + 2, word, len) &&
	       (!line[len + 2] || line[len + 2] == ' ');
}

bool ktable_take_note(struct strings *lines, const char *word, size_t known,
		      struct strings *fields)
{
	size_t i;

	/* The first line is the heading. */
	for (i = 1; i < lines->n; i++)
		if (is_note(lines->v[i], word))
			break;
	if (i >= lines->n)
		return false;
	text_fields(lines->v[i] + 2 + strlen(word), fields);
	if (fields->n > known)
		return true;
	free(lines->v[i]);
	lines->n--;
	memmove(lines->v + i, lines->v + i + 1,
		(lines->n - i) * sizeof(*lines->v));
	return true;
}

size_t ktable_column(const struct ktable *t, const char *name)
{
	size_t where = 0;

	find(&t->heading, name, &where);
	return where;
}

static int most_first(const struct strings *x, const struct strings *y,
		      size_t i)
{
	uint64_t vx, vy;
	bool nx = x->v[i] && text_u64(x->v[i], &vx);
	bool ny = y->v[i] && text_u64(y->v[i], &vy);

	if (!nx || !ny)
		return ny - nx;
	return (vx < vy) - (vx > vy);
}

/* Rows that have as much are in the order of their fields. */
static int by_fields(const struct strings *x, const struct strings *y)
{
	int ret = 0;
	size_t i;

	for (i = 0; !ret && i < x->n && i < y->n; i++)
		ret = strcmp(field(x, i), field(y, i));
	return ret ?: (x->n > y->n) - (x->n < y->n);
}

static int by_column(const void *a, const void *b, void *column)
{
	return most_first(a, b, *(size_t *)column) ?: by_fields(a, b);
}

void ktable_sort(struct ktable *t, const char *name)
{
	size_t column = ktable_column(t, name);

	if (t->n_rows)
		qsort_r(t->rows, t->n_rows, sizeof(*t->rows), by_column,
			&column);
}

static json_t *js_field(const struct ktable *t, const char *name,
			const char *value)
{
	const char *const *number;

	for (number = t->kind->numbers; *number; number++)
		if (!strcmp(name, *number))
			return js_number(value);
	return js_string(value);
}

json_t *ktable_json_row(const struct ktable *t, const struct strings *row)
{
	json_t *obj = js_object();
	size_t i;

	for (i = 0; i < row->n; i++) {
		const char *name = i < t->heading.n ? t->heading.v[i] : MORE;

		js_set(obj, name, js_field(t, name, row->v[i]));
	}
	return obj;
}

json_t *ktable_json_rows(const struct ktable *t)
{
	json_t *list = js_array();
	size_t i;

	for (i = 0; i < t->n_rows; i++)
		js_add(list, ktable_json_row(t, &t->rows[i]));
	return list;
}

void ktable_print(const struct ktable *t, const char *empty)
{
	size_t cols = t->heading.n + t->more;
	struct table out;
	size_t i, j;

	table_init(&out, cols);
	for (j = 0; j < cols; j++)
		table_heading(&out, j < t->heading.n ? t->heading.v[j] : MORE);
	for (i = 0; i < t->n_rows; i++)
		for (j = 0; j < cols; j++)
			table_add(&out, "%s", j < t->rows[i].n ?
				  field(&t->rows[i], j) : "");
	table_print(&out, stdout);
	if (!t->n_rows)
		puts(empty);
	print_odd(&t->odd, stdout);
	if (t->hidden)
		puts("Addresses are for root only.");
}
