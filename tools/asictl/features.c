// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io.h"
#include "output.h"
#include "state.h"
#include "table.h"
#include "text.h"

/* What a feature means for ASI: of the kernel, as it runs now. */
static const struct {
	const char *name;
	const char *means;
} feature_means[] = {
	{ "pcid", "TLB entries are tagged by address space" },
	{ "invpcid", "TLB entries of another address space can be flushed" },
	{ "pti", "page table isolation is on: Meltdown's mitigation" },
	{ "la57", "5-level page tables" },
	{ "global_pages", "kernel TLB entries survive a switch" },
	{ "sensitive", "memory of users is hidden" },
	{ "debug", "invariants are checked at run time (CONFIG_ASI_DEBUG)" },
};

/* Flags of /proc/cpuinfo that decide how ASI switches and what it protects. */
static const char *const cpu_flags[] = {
	"pcid", "invpcid", "svm", "vmx", "la57", "pti", "smep", "smap",
	"fred", "lam",
};

#define N_FLAGS ARRAY_SIZE(cpu_flags)

/**
 * struct cpus - what /proc/cpuinfo says
 * @err: why it could not be read, a negative error number, or 0
 * @n: CPUs with a line of flags
 * @with: how many of these have each flag
 */
struct cpus {
	int err;
	size_t n;
	size_t with[N_FLAGS];
};

static bool has_word(const char *line, const char *word)
{
	size_t len = strlen(word);
	const char *p = line;

	while ((p = strstr(p, word))) {
		if ((p == line || p[-1] == ' ') && (!p[len] || p[len] == ' '))
			return true;
		p += len;
	}
	return false;
}

static void count_flags(struct cpus *c, const char *line)
{
	const char *colon = strchr(line, ':');
	size_t i;

	/* Not "vmx flags". The tabs before the colon have been escaped. */
	if (strncmp(line, "flags\\x09", 9) || !colon)
		return;
	c->n++;
	for (i = 0; i < N_FLAGS; i++)
		c->with[i] += has_word(colon + 1, cpu_flags[i]);
}

static void load_cpus(struct cpus *c, const struct context *ctx)
{
	struct strings lines = {};
	size_t len, i;
	char *buf;

	*c = (struct cpus){};
	c->err = io_read(ctx->root, "proc/cpuinfo", IO_MAX_CPUINFO, &buf,
			 &len);
	if (c->err)
		return;
	text_lines(buf, len, &lines);
	free(buf);
	for (i = 0; i < lines.n; i++)
		count_flags(c, lines.v[i]);
	strings_free(&lines);
	if (!c->n)
		c->err = -ENODATA;
}

static json_t *js_features(const struct state *s)
{
	json_t *obj = js_object();
	size_t i;

	for (i = 0; i < s->tree.n; i++) {
		const struct attr *a = &s->tree.v[i];
		const char *name = attr_in(a, "features");
		enum tristate t;

		if (!name || a->dir)
			continue;
		/* What is not just yes or no is shown as it is. */
		t = tristate(a->value);
		js_set(obj, name, t == TRI_UNKNOWN ? js_string(a->value) :
						     js_tristate(t));
	}
	return obj;
}

static json_t *js_flags(const struct cpus *c)
{
	json_t *obj = js_object();
	size_t i;

	for (i = 0; i < N_FLAGS; i++)
		js_set(obj, cpu_flags[i], json_integer(c->with[i]));
	return obj;
}

static void print_json(const struct state *s, const struct cpus *c,
		       const char *error, const char *hint)
{
	json_t *obj = js_object();

	if (!state_missing(s)) {
		js_set(obj, "features", js_features(s));
		js_set(obj, "unreadable", js_unreadable(s, "features"));
	}
	if (!c->err) {
		js_set(obj, "cpus", json_integer(c->n));
		js_set(obj, "cpus_with_flag", js_flags(c));
	}
	if (error) {
		js_set_string(obj, "error", error);
		js_set_string(obj, "hint", hint);
	}
	js_print(obj, JSON_INDENT(2));
}

static const char *feature_meaning(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(feature_means); i++)
		if (!strcmp(feature_means[i].name, name))
			return feature_means[i].means;
	return "";
}

static const char *feature_state(const char *value)
{
	static const char *const names[] = { "no", "yes" };
	enum tristate t = tristate(value);

	return t == TRI_UNKNOWN ? text_or_note(value) : names[t];
}

static void print_features(const struct state *s)
{
	struct table t;
	size_t i;

	table_init(&t, 3);
	table_heading(&t, "feature");
	table_heading(&t, "in use");
	table_heading(&t, "meaning");
	for (i = 0; i < s->tree.n; i++) {
		const struct attr *a = &s->tree.v[i];
		const char *name = attr_in(a, "features");

		if (!name || a->dir)
			continue;
		table_add(&t, "%s", name);
		table_add(&t, "%s", feature_state(a->value));
		table_add(&t, "%s", feature_meaning(name));
	}
	table_print(&t, stdout);
	print_unreadable(s, "features");
	putchar('\n');
}

static void print_flags(const struct cpus *c)
{
	struct table t;
	size_t i;

	table_init(&t, 2);
	table_heading(&t, "cpu flag");
	table_heading(&t, "present");
	for (i = 0; i < N_FLAGS; i++) {
		table_add(&t, "%s", cpu_flags[i]);
		if (c->with[i] && c->with[i] < c->n)
			table_add(&t, "on %zu of %zu CPUs", c->with[i], c->n);
		else
			table_add(&t, "%s", c->with[i] ? "yes" : "no");
	}
	table_print(&t, stdout);
}

static int judge(const struct state *s, const struct cpus *c, char **error,
		 const char **hint)
{
	*error = NULL;
	*hint = s->hint;
	if (state_missing(s)) {
		*error = xstrdup(s->why);
		return s->absent ? EXIT_OFF : EXIT_ERROR;
	}
	if (c->err) {
		*error = xasprintf("cannot read the flags in /proc/cpuinfo: %s",
				   strerror(-c->err));
		*hint = "see whether /proc is mounted: mount -t proc proc /proc";
	} else if (count_unreadable(s, "features")) {
		*error = xstrdup("not every feature can be read");
		*hint = "see who may read them: ls -l /sys/kernel/asi/features";
	}
	return *error ? EXIT_ERROR : EXIT_OK;
}

/* Shows what there is, even without ASI: the CPU may be why it is off. */
int cmd_features(struct context *ctx)
{
	const char *hint;
	struct state s;
	struct cpus c;
	char *error;
	int ret;

	state_load(&s, ctx);
	load_cpus(&c, ctx);
	ret = judge(&s, &c, &error, &hint);
	if (ctx->json) {
		print_json(&s, &c, error, hint);
	} else {
		if (!state_missing(&s))
			print_features(&s);
		if (!c.err)
			print_flags(&c);
		if (error)
			say_error(error, hint);
	}
	free(error);
	state_free(&s);
	return ret;
}
