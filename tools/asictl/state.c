// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io.h"
#include "output.h"
#include "state.h"
#include "text.h"

#define HINT_BOOT_ASI \
	"boot the linux-asi kernel, built with " \
	"CONFIG_MITIGATION_ADDRESS_SPACE_ISOLATION=y, with asi=on"
#define HINT_BOOT_ON	"boot with asi=on"
#define HINT_SYSFS	"mount it: mount -t sysfs sysfs /sys"

enum tristate tristate(const char *value)
{
	if (value && !strcmp(value, "0"))
		return TRI_NO;
	if (value && !strcmp(value, "1"))
		return TRI_YES;
	return TRI_UNKNOWN;
}

json_t *js_tristate(enum tristate t)
{
	return t == TRI_UNKNOWN ? json_null() : js_bool(t == TRI_YES);
}

static char *read_line(int root, const char *path)
{
	size_t len;
	char *buf;
	char *s;

	if (io_read(root, path, IO_MAX_ATTR, &buf, &len))
		return NULL;
	s = text_escape(buf, strnlen(buf, len && buf[len - 1] == '\n' ?
					  len - 1 : len));
	free(buf);
	return s;
}

/* As the kernel does: the last one counts, and "--" ends its parameters. */
static void load_command_line(struct state *s, int root)
{
	char *line = read_line(root, "proc/cmdline");
	struct strings words = {};
	size_t i;

	s->cmdline_known = line;
	if (!line)
		return;
	text_fields(line, &words);
	free(line);
	for (i = 0; i < words.n && strcmp(words.v[i], "--"); i++) {
		if (strncmp(words.v[i], "asi=", 4))
			continue;
		free(s->asked);
		s->asked = xstrdup(words.v[i] + 4);
	}
	strings_free(&words);
}

bool class_is_test(const char *name)
{
	return !strncmp(name, "test", 4);
}

/* A mode we do not know may ask for every class: better a doubt too many. */
static bool is_wanted(const char *mode, const char *class)
{
	if (class_is_test(class))
		return false;
	if (mode && !strcmp(mode, "off"))
		return false;
	if (mode && (!strcmp(mode, "user") || !strcmp(mode, "kvm")))
		return !strcmp(mode, class);
	return true;
}

static void load_class(struct state *s, const char *name)
{
	struct tree *t = &s->tree;
	struct class_state *c;

	s->classes = xrealloc(s->classes, s->n_classes + 1,
			      sizeof(*s->classes));
	c = &s->classes[s->n_classes++];
	c->name = name;
	c->on = tristate(tree_value(t, "classes/%s/enabled", name));
	c->wanted = is_wanted(s->mode, name);
	c->reason = tree_value(t, "classes/%s/reason", name);
	c->fault_policy = tree_value(t, "classes/%s/fault_policy", name);
	c->page_table = tree_value(t, "classes/%s/page_table", name);
}

static void load_classes(struct state *s)
{
	struct tree *t = &s->tree;
	size_t i;

	tree_find(t, "classes");
	for (i = 0; i < t->n; i++) {
		const char *name = attr_in(&t->v[i], "classes");

		if (!name || !t->v[i].dir)
			continue;
		t->v[i].seen = true;
		load_class(s, name);
	}
}

static void conclude(struct state *s, enum verdict verdict, const char *hint,
		     char *why)
{
	s->verdict = verdict;
	s->hint = hint;
	s->why = why;
}

static void conclude_missing(struct state *s, const struct context *ctx)
{
	int sys = io_open(ctx->root, "sys/kernel", 0);

	if (sys >= 0)
		close(sys);
	s->absent = s->err == -ENOENT && sys >= 0;
	if (s->absent)
		conclude(s, VERDICT_NOT, HINT_BOOT_ASI,
			 xasprintf("this kernel (%s) has no Address Space Isolation",
				   s->release ?: "release unknown"));
	else if (s->err == -ENOENT && sys == -ENOENT)
		conclude(s, VERDICT_UNKNOWN, HINT_SYSFS,
			 xstrdup("sysfs is not mounted: there is no /sys/kernel"));
	else
		conclude(s, VERDICT_UNKNOWN, HINT_ROOT,
			 xasprintf("cannot read /sys/kernel/asi: %s",
				   strerror(-s->err)));
}

static void conclude_off(struct state *s)
{
	bool mode_off = s->mode && !strcmp(s->mode, "off");
	bool has_reason = s->reason && *s->reason;

	if (mode_off && s->asked && !strcmp(s->asked, "off"))
		conclude(s, VERDICT_NOT, HINT_BOOT_ON,
			 xstrdup("booted with asi=off"));
	else if (mode_off && !s->asked)
		conclude(s, VERDICT_NOT, HINT_BOOT_ON,
			 xstrdup(s->cmdline_known ?
				 "not asked for: booted without asi=on" :
				 "not asked for: its mode is off"));
	else if (mode_off)
		conclude(s, VERDICT_NOT, HINT_BOOT_ON,
			 xasprintf("booted with asi=%s, which left it off",
				   s->asked));
	else if (has_reason)
		conclude(s, VERDICT_NOT, HINT_DMESG,
			 xasprintf("the kernel turned it off: %s", s->reason));
	else if (s->asked)
		conclude(s, VERDICT_NOT, HINT_DMESG,
			 xasprintf("off although booted with asi=%s",
				   s->asked));
	else
		conclude(s, VERDICT_NOT, HINT_DMESG,
			 xstrdup("off, and the kernel gives no reason"));
}

/* The first class that is asked for and in state @on, or NULL. */
static const struct class_state *wanted_class(const struct state *s,
					      enum tristate on)
{
	size_t i;

	for (i = 0; i < s->n_classes; i++)
		if (s->classes[i].wanted && s->classes[i].on == on)
			return &s->classes[i];
	return NULL;
}

static void conclude_on(struct state *s)
{
	const struct class_state *doubt = wanted_class(s, TRI_UNKNOWN);
	const struct class_state *off = wanted_class(s, TRI_NO);

	if (doubt)
		conclude(s, VERDICT_UNKNOWN, HINT_COMPARE,
			 xasprintf("cannot tell whether class %s is on",
				   doubt->name));
	else if (!wanted_class(s, TRI_YES) && !off)
		conclude(s, VERDICT_NOT, HINT_LOAD,
			 xstrdup("on, but no class that was asked for is registered"));
	else if (off)
		conclude(s, wanted_class(s, TRI_YES) ? VERDICT_PARTLY :
						       VERDICT_NOT, HINT_DMESG,
			 xasprintf("class %s is off: %s", off->name,
				   off->reason && *off->reason ?
				   off->reason : "the kernel gives no reason"));
	else if (!s->reason)
		conclude(s, VERDICT_UNKNOWN, HINT_COMPARE,
			 xstrdup("cannot read /sys/kernel/asi/reason"));
	else if (*s->reason)
		conclude(s, VERDICT_PARTLY, HINT_DMESG,
			 xstrdup(s->reason));
	else
		conclude(s, VERDICT_RESTRICTED, NULL, NULL);
}

static void conclude_present(struct state *s)
{
	const struct attr *enabled = tree_find(&s->tree, "enabled");

	if (s->on == TRI_YES)
		conclude_on(s);
	else if (s->on == TRI_NO)
		conclude_off(s);
	else if (!enabled)
		conclude(s, VERDICT_UNKNOWN, HINT_COMPARE,
			 xstrdup("there is no /sys/kernel/asi/enabled"));
	else if (!enabled->value)
		conclude(s, VERDICT_UNKNOWN, HINT_ROOT,
			 xasprintf("cannot read /sys/kernel/asi/enabled: %s",
				   strerror(enabled->dir ? EISDIR :
							   -enabled->err)));
	else
		conclude(s, VERDICT_UNKNOWN, HINT_COMPARE,
			 xasprintf("/sys/kernel/asi/enabled says neither 0 nor 1, but \"%.40s\"",
				   enabled->value));
}

void state_load(struct state *s, const struct context *ctx)
{
	*s = (struct state){ .on = TRI_UNKNOWN };
	s->release = read_line(ctx->root, "proc/sys/kernel/osrelease");
	load_command_line(s, ctx->root);
	s->err = tree_load(&s->tree, ctx->root, ASI_DIR);
	if (s->err) {
		conclude_missing(s, ctx);
		return;
	}
	s->abi = tree_value(&s->tree, "abi");
	s->on = tristate(tree_value(&s->tree, "enabled"));
	s->mode = tree_value(&s->tree, "mode");
	s->reason = tree_value(&s->tree, "reason");
	load_classes(s);
	conclude_present(s);
}

void state_free(struct state *s)
{
	tree_free(&s->tree);
	free(s->classes);
	free(s->release);
	free(s->asked);
	free(s->why);
}

enum exit_status state_exit(const struct state *s)
{
	switch (s->verdict) {
	case VERDICT_RESTRICTED:
		return EXIT_OK;
	case VERDICT_PARTLY:
	case VERDICT_NOT:
		return EXIT_OFF;
	case VERDICT_UNKNOWN:
		break;
	}
	return EXIT_UNKNOWN;
}

bool state_missing(const struct state *s)
{
	return s->err;
}

int state_require_on(const struct state *s, const struct context *ctx)
{
	if (s->absent)
		return fail(ctx, EXIT_OFF, s->hint, "%s", s->why);
	if (s->err)
		return fail(ctx, EXIT_ERROR, s->hint, "%s", s->why);
	if (s->on == TRI_NO)
		return fail(ctx, EXIT_OFF, s->hint,
			    "Address Space Isolation is off: %s", s->why);
	return EXIT_OK;
}

int require_on(const struct context *ctx)
{
	struct state s;
	int ret;

	state_load(&s, ctx);
	ret = state_require_on(&s, ctx);
	state_free(&s);
	return ret;
}

static bool is_unreadable(const struct attr *a, const char *dir)
{
	size_t len = dir ? strlen(dir) : 0;

	return a->err && (!dir || (!strncmp(a->path, dir, len) &&
				   (!a->path[len] || a->path[len] == '/')));
}

json_t *js_unreadable(const struct state *s, const char *dir)
{
	json_t *list = js_array();
	size_t i;

	for (i = 0; i < s->tree.n; i++) {
		const struct attr *a = &s->tree.v[i];
		json_t *obj;
		char *path;

		if (!is_unreadable(a, dir))
			continue;
		path = xasprintf("/" ASI_DIR "/%s", a->path);
		obj = js_object();
		js_set_string(obj, "path", path);
		js_set_string(obj, "error", strerror(-a->err));
		js_add(list, obj);
		free(path);
	}
	return list;
}

size_t count_unreadable(const struct state *s, const char *dir)
{
	size_t n = 0;
	size_t i;

	for (i = 0; i < s->tree.n; i++)
		n += is_unreadable(&s->tree.v[i], dir);
	return n;
}

void print_unreadable(const struct state *s, const char *dir)
{
	size_t i;

	for (i = 0; i < s->tree.n; i++)
		if (is_unreadable(&s->tree.v[i], dir))
			printf("Unreadable:    /" ASI_DIR "/%s: %s\n",
			       s->tree.v[i].path,
			       strerror(-s->tree.v[i].err));
}

/* Shown by the commands features and stat. */
static bool is_elsewhere(const char *path)
{
	const char *stats = strstr(path, "/stats/");

	if (!strncmp(path, "features/", 9))
		return !strchr(path + 9, '/');
	return !strncmp(path, "classes/", 8) && stats &&
	       !strchr(stats + 7, '/');
}

/* What a newer kernel has to say. */
static bool is_other(const struct attr *a)
{
	return !a->seen && !a->dir && !a->err && !is_elsewhere(a->path);
}

json_t *js_other(const struct state *s)
{
	json_t *obj = js_object();
	size_t i;

	for (i = 0; i < s->tree.n; i++)
		if (is_other(&s->tree.v[i]))
			js_set_string(obj, s->tree.v[i].path,
				      s->tree.v[i].value);
	return obj;
}

void print_other(const struct state *s, const char *label)
{
	size_t i;

	for (i = 0; i < s->tree.n; i++)
		if (is_other(&s->tree.v[i]))
			printf("%-15s%s: %s\n", label, s->tree.v[i].path,
			       text_or_note(s->tree.v[i].value));
}
