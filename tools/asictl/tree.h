/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All of a small directory tree in memory. Commands pick what they know by
 * name; what nobody picked is what a newer kernel added, and is still shown.
 */
#ifndef ASICTL_TREE_H
#define ASICTL_TREE_H

#include <stdbool.h>
#include <stddef.h>

/**
 * struct attr - a file or a directory
 * @path: relative to the top of the tree, escaped for output
 * @value: contents, escaped, without the last newline; NULL for a directory
 *	and for what could not be read
 * @err: why it could not be read, a negative error number, or 0
 * @dir: it is a directory; its contents follow it in the tree
 * @seen: somebody asked for it by name
 */
struct attr {
	char *path;
	char *value;
	int err;
	bool dir;
	bool seen;
};

/**
 * struct tree - a directory tree, in order of names
 * @v: what is in it
 * @n: how many
 */
struct tree {
	struct attr *v;
	size_t n;
};

/*
 * What disappears while it is read is left out.
 * Return: 0 or a negative error number, if @dir itself cannot be read.
 */
int tree_load(struct tree *t, int root, const char *dir);
void tree_free(struct tree *t);

/* Find by path and mark as seen. NULL when there is none. */
struct attr *tree_find(struct tree *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The value of an attribute, or NULL when it is missing or unreadable. */
const char *tree_value(struct tree *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * The part of @a's path below directory @dir ("classes/user/stats"), or NULL
 * if it is not directly in it.
 */
const char *attr_in(const struct attr *a, const char *dir);

#endif
