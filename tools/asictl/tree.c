// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"
#include "text.h"
#include "tree.h"

/* Far more than a kernel has; ends a walk through something else. */
#define TREE_MAX_DEPTH	8
#define TREE_MAX_ATTRS	8192

static struct attr *tree_add(struct tree *t, char *path)
{
	struct attr *a;

	if (!(t->n & (t->n - 1)))
		t->v = xrealloc(t->v, t->n ? t->n * 2 : 1, sizeof(*t->v));
	a = &t->v[t->n++];
	*a = (struct attr){ .path = path };
	return a;
}

static bool is_dir(int dir, const char *name)
{
	struct stat st;

	return !fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) &&
	       S_ISDIR(st.st_mode);
}

static void read_value(struct attr *a, int dir, const char *name)
{
	size_t len;
	char *buf;

	a->err = io_read(dir, name, IO_MAX_ATTR, &buf, &len);
	if (a->err)
		return;
	if (len && buf[len - 1] == '\n')
		len--;
	a->value = text_escape(buf, len);
	free(buf);
}

/* A class may be unregistered while we read: that is no error. */
static void drop_if_gone(struct tree *t)
{
	struct attr *last = &t->v[t->n - 1];

	if (last->err == -ENOENT || last->err == -ENODEV) {
		free(last->path);
		t->n--;
	}
}

static int walk(struct tree *t, int fd, const char *prefix, int depth);

static void add_entry(struct tree *t, int fd, const char *prefix,
		      const char *name, int depth)
{
	char *safe = text_escape(name, strlen(name));
	struct attr *a = tree_add(t, xasprintf("%s%s", prefix, safe));
	size_t self = t->n - 1;
	char *below;
	int sub;

	free(safe);
	if (!is_dir(fd, name)) {
		read_value(a, fd, name);
		drop_if_gone(t);
		return;
	}
	a->dir = true;
	sub = io_open(fd, name, O_DIRECTORY);
	if (sub < 0) {
		a->err = sub;
		drop_if_gone(t);
		return;
	}
	below = xasprintf("%s/", a->path);
	/* The walk may move the array: no pointer into it survives. */
	sub = walk(t, sub, below, depth + 1);
	t->v[self].err = sub;
	free(below);
}

/* Takes over @fd. */
static int walk(struct tree *t, int fd, const char *prefix, int depth)
{
	struct strings names = {};
	int ret;
	size_t i;

	if (depth > TREE_MAX_DEPTH) {
		close(fd);
		return -ENAMETOOLONG;
	}
	ret = io_list(fd, &names);
	for (i = 0; i < names.n && !ret; i++) {
		if (t->n >= TREE_MAX_ATTRS)
			ret = -EFBIG;
		else
			add_entry(t, fd, prefix, names.v[i], depth);
	}
	strings_free(&names);
	close(fd);
	return ret;
}

int tree_load(struct tree *t, int root, const char *dir)
{
	int fd = io_open(root, dir, O_DIRECTORY);

	*t = (struct tree){};
	return fd < 0 ? fd : walk(t, fd, "", 0);
}

void tree_free(struct tree *t)
{
	size_t i;

	for (i = 0; i < t->n; i++) {
		free(t->v[i].path);
		free(t->v[i].value);
	}
	free(t->v);
	*t = (struct tree){};
}

static struct attr *find(struct tree *t, const char *fmt, va_list args)
{
	struct attr *found = NULL;
	char *path;
	size_t i;

	if (vasprintf(&path, fmt, args) < 0)
		return NULL;
	for (i = 0; i < t->n && !found; i++)
		if (!strcmp(t->v[i].path, path))
			found = &t->v[i];
	free(path);
	if (found)
		found->seen = true;
	return found;
}

struct attr *tree_find(struct tree *t, const char *fmt, ...)
{
	struct attr *a;
	va_list args;

	va_start(args, fmt);
	a = find(t, fmt, args);
	va_end(args);
	return a;
}

const char *tree_value(struct tree *t, const char *fmt, ...)
{
	struct attr *a;
	va_list args;

	va_start(args, fmt);
	a = find(t, fmt, args);
	va_end(args);
	return a ? a->value : NULL;
}

const char *attr_in(const struct attr *a, const char *dir)
{
	size_t len = strlen(dir);

	if (strncmp(a->path, dir, len) || a->path[len] != '/' ||
	    strchr(a->path + len + 1, '/'))
		return NULL;
	return a->path + len + 1;
}
