/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A table of the kernel, taken apart: a heading that begins with "#", then
 * lines of fields. A newer kernel may put columns anywhere and name them; they
 * are kept. A heading that lacks what we know gives way to the one we know.
 */
#ifndef ASICTL_KTABLE_H
#define ASICTL_KTABLE_H

#include <stdio.h>

#include <jansson.h>

#include "text.h"

/**
 * struct ktable_kind - what is known about a table
 * @heading: its columns as of today
 * @numbers: names of those that are numbers for programs, ends with NULL;
 *	others may happen to look like one
 */
struct ktable_kind {
	const char *heading;
	const char *const *numbers;
};

/**
 * struct ktable - the table
 * @kind: what is known about it
 * @heading: names of the columns
 * @needed: fields that a line must have: up to the last column we know
 * @rows: lines that have them; a field that is hidden is NULL
 * @n_rows: how many
 * @odd: other lines, as they are
 * @more: some line has more fields than the heading, folded into one
 * @hidden: some addresses were taken out
 */
struct ktable {
	const struct ktable_kind *kind;
	struct strings heading;
	size_t needed;
	struct strings *rows;
	size_t n_rows;
	struct strings odd;
	bool more;
	bool hidden;
};

/**
 * ktable_init() - a table without rows
 * @t: gets its columns; to be freed
 * @kind: which table it is
 */
void ktable_init(struct ktable *t, const struct ktable_kind *kind);

/**
 * ktable_add() - one row more
 * @t: the table
 * @row: its fields, as many as there are columns, or more; taken over
 * @addresses: the user may see addresses; otherwise they are hidden
 */
void ktable_add(struct ktable *t, struct strings *row, bool addresses);

/**
 * ktable_parse() - take a table apart
 * @t: gets it; to be freed
 * @lines: of the file
 * @kind: which table it is
 * @addresses: the user may see addresses; otherwise they are hidden
 */
void ktable_parse(struct ktable *t, const struct strings *lines,
		  const struct ktable_kind *kind, bool addresses);
void ktable_free(struct ktable *t);

/**
 * ktable_take_note() - take a line out that tells about the table
 * @lines: of the file
 * @word: the note's name: the line is "# WORD FIELD..."
 * @known: how many fields we know; with more the line stays, to be shown
 * @fields: gets the fields after the name
 *
 * Return: false if there is no such line.
 */
bool ktable_take_note(struct strings *lines, const char *word, size_t known,
		      struct strings *fields);

/* Where a column that we know is. */
size_t ktable_column(const struct ktable *t, const char *name);

/**
 * ktable_sort() - rows with the most first
 * @t: the table
 * @name: a column of numbers that we know; what is no number comes last
 */
void ktable_sort(struct ktable *t, const char *name);

/* The rows as objects, and the lines that made no sense as strings. */
json_t *ktable_json_row(const struct ktable *t, const struct strings *row);
json_t *ktable_json_rows(const struct ktable *t);

/* For people; @empty is the line that stands for no rows. */
void ktable_print(const struct ktable *t, const char *empty);

#endif
