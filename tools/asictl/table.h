/* SPDX-License-Identifier: GPL-2.0 */
/* Columns for people: as wide as needed, numbers to the right. */
#ifndef ASICTL_TABLE_H
#define ASICTL_TABLE_H

#include <stddef.h>
#include <stdio.h>

#include "text.h"

/**
 * struct table - cells in the order of reading; the first row is the heading
 * @cols: cells in a row
 * @cells: all of them
 */
struct table {
	size_t cols;
	struct strings cells;
};

void table_init(struct table *t, size_t cols);
void table_add(struct table *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void table_heading(struct table *t, const char *name);

/* Prints and frees what the table holds. */
void table_print(struct table *t, FILE *out);

#endif
