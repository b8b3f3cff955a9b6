// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

void table_init(struct table *t, size_t cols)
{
	*t = (struct table){ .cols = cols };
}

void table_add(struct table *t, const char *fmt, ...)
{
	va_list args;
	char *cell;

	va_start(args, fmt);
	if (vasprintf(&cell, fmt, args) < 0)
		cell = xstrdup("?");
	va_end(args);
	strings_add(&t->cells, cell);
}

void table_heading(struct table *t, const char *name)
{
	char *cell = xstrdup(name);
	char *p;

	for (p = cell; *p; p++)
		*p = *p == '_' ? ' ' : toupper((unsigned char)*p);
	strings_add(&t->cells, cell);
}

/*
 * A number, a share, a number at least, or a size. "-" and "?" stand for one that is missing or
 * not understood.
 */
static bool is_numeric(const char *s)
{
	size_t digits = strspn(s, "0123456789.");

	if (!strcmp(s, "-") || !strcmp(s, "?"))
		return true;
	return digits && (!s[digits] || !strcmp(s + digits, "%") ||
			  !strcmp(s + digits, "+") ||
			  text_is_unit(s + digits));
}

static int column_width(const struct table *t, size_t col, bool *right)
{
	size_t width = 0;
	size_t i;

	*right = t->cells.n > t->cols;
	for (i = col; i < t->cells.n; i += t->cols) {
		size_t len = strlen(t->cells.v[i]);

		if (len > width)
			width = len;
		if (i >= t->cols && !is_numeric(t->cells.v[i]))
			*right = false;
	}
	return width;
}

static bool rest_is_empty(const struct table *t, size_t i)
{
	for (; i % t->cols; i++)
		if (*t->cells.v[i])
			return false;
	return true;
}

void table_print(struct table *t, FILE *out)
{
	int *width = xrealloc(NULL, t->cols, sizeof(*width));
	size_t i;

	for (i = 0; i < t->cols; i++) {
		bool right;
		int w = column_width(t, i, &right);

		width[i] = right ? w : -w;
	}
	for (i = 0; i < t->cells.n; i++) {
		size_t col = i % t->cols;
		bool last = rest_is_empty(t, i + 1);

		/* No blanks at the end of a line. */
		if (last && width[col] < 0)
			fputs(t->cells.v[i], out);
		else
			fprintf(out, "%*s", width[col], t->cells.v[i]);
		if (last)
			i += t->cols - col - 1;
		fputs(last ? "\n" : "  ", out);
	}
	free(width);
	strings_free(&t->cells);
}
