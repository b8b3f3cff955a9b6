// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "state.h"
#include "table.h"
#include "text.h"

/* What runs in the restricted address spaces of a class. */
static const struct {
	const char *class;
	const char *runs;
} runs_table[] = {
	{ "user", "ordinary processes" },
	{ "kvm", "virtual machines" },
};

static const char *class_runs(const char *class)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(runs_table); i++)
		if (!strcmp(runs_table[i].class, class))
			return runs_table[i].runs;
	return NULL;
}

static const char *const verdict_names[] = {
	[VERDICT_RESTRICTED]	= "restricted",
	[VERDICT_PARTLY]	= "partly-restricted",
	[VERDICT_NOT]		= "not-restricted",
	[VERDICT_UNKNOWN]	= "unknown",
};

/* One counter of struct exits: a reason for exits, or a sign of a bug. */
struct count {
	const char *name;
	uint64_t value;
};

/**
 * struct exits - counters added up over the classes
 * @enters: into a restricted address space
 * @total: exits for whatever reason
 * @reasons: each counter exits_*, without the prefix, most frequent first
 * @n_reasons: how many
 * @bugs: conditions that only a bug in ASI explains
 */
struct exits {
	uint64_t enters;
	uint64_t total;
	struct count *reasons;
	size_t n_reasons;
	uint64_t bugs;
};

/* Sums stop at the top rather than wrap: broken numbers look broken. */
static void add_up(uint64_t *sum, uint64_t value)
{
	if (__builtin_add_overflow(*sum, value, sum))
		*sum = UINT64_MAX;
}

static void add_reason(struct exits *e, const char *name, uint64_t value)
{
	size_t i = 0;

	while (i < e->n_reasons && strcmp(e->reasons[i].name, name))
		i++;
	if (i == e->n_reasons) {
		e->reasons = xrealloc(e->reasons, i + 1, sizeof(*e->reasons));
		e->reasons[i] = (struct count){ .name = name };
		e->n_reasons++;
	}
	add_up(&e->reasons[i].value, value);
}

static void add_counter(struct exits *e, const char *name, const char *text)
{
	uint64_t value;

	if (!text || !text_u64(text, &value))
		return;
	if (!strcmp(name, "enters"))
		add_up(&e->enters, value);
	else if (!strcmp(name, "exits"))
		add_up(&e->total, value);
	else if (!strncmp(name, "exits_", 6))
		add_reason(e, name + 6, value);
	else if (!strcmp(name, "warnings") || !strcmp(name, "tense_faults"))
		add_up(&e->bugs, value);
}

static int most_first(const void *a, const void *b)
{
	const struct count *x = a, *y = b;

	if (x->value != y->value)
		return x->value < y->value ? 1 : -1;
	return strcmp(x->name, y->name);
}

static void load_exits(struct exits *e, const struct state *s)
{
	size_t i, j;

	*e = (struct exits){};
	for (i = 0; i < s->n_classes; i++) {
		char *dir = xasprintf("classes/%s/stats", s->classes[i].name);

		for (j = 0; j < s->tree.n; j++) {
			const char *name = attr_in(&s->tree.v[j], dir);

			if (name)
				add_counter(e, name, s->tree.v[j].value);
		}
		free(dir);
	}
	if (e->n_reasons)
		qsort(e->reasons, e->n_reasons, sizeof(*e->reasons),
		      most_first);
}

static json_t *js_class(const struct class_state *c)
{
	json_t *obj = js_object();

	js_set_string(obj, "name", c->name);
	js_set(obj, "enabled", js_tristate(c->on));
	js_set(obj, "asked_for", js_bool(c->wanted));
	js_set_string(obj, "reason", c->reason);
	js_set_string(obj, "fault_policy", c->fault_policy);
	js_set_string(obj, "page_table", c->page_table);
	js_set_string(obj, "runs", class_runs(c->name));
	return obj;
}

static json_t *js_classes(const struct state *s)
{
	json_t *list = js_array();
	size_t i;

	for (i = 0; i < s->n_classes; i++)
		js_add(list, js_class(&s->classes[i]));
	return list;
}

static json_t *js_exits(const struct exits *e)
{
	json_t *reasons = js_object();
	json_t *obj = js_object();
	size_t i;

	for (i = 0; i < e->n_reasons; i++)
		js_set(reasons, e->reasons[i].name,
		       js_u64(e->reasons[i].value));
	js_set(obj, "enters", js_u64(e->enters));
	js_set(obj, "exits", js_u64(e->total));
	js_set(obj, "by_reason", reasons);
	js_set(obj, "bugs", js_u64(e->bugs));
	return obj;
}

static void print_json(const struct state *s, const struct exits *e)
{
	json_t *obj = js_object();

	js_set_string(obj, "verdict", verdict_names[s->verdict]);
	js_set_string(obj, "kernel", s->release);
	js_set(obj, "available", js_bool(!state_missing(s)));
	if (!state_missing(s)) {
		js_set(obj, "abi", js_number(s->abi));
		js_set(obj, "enabled", js_tristate(s->on));
		js_set_string(obj, "mode", s->mode);
		js_set_string(obj, "reason", s->reason);
		js_set(obj, "classes", js_classes(s));
		js_set(obj, "exits", js_exits(e));
		js_set(obj, "other", js_other(s));
		js_set(obj, "unreadable", js_unreadable(s, NULL));
	}
	if (s->why) {
		js_set_string(obj, "error", s->why);
		js_set_string(obj, "hint", s->hint);
	}
	js_print(obj, JSON_INDENT(2));
}

static void print_headline(const struct state *s)
{
	static const char *const on_names[] = {
		[TRI_NO]	= "off",
		[TRI_YES]	= "on",
		[TRI_UNKNOWN]	= "unknown",
	};
	const char *on = on_names[s->on];

	if (s->absent)
		on = "not in this kernel";
	printf("Address Space Isolation: %s%s\n", on,
	       s->verdict == VERDICT_PARTLY ? ", in part" : "");
	printf("Kernel:        %s\n", text_or_note(s->release));
	if (state_missing(s))
		return;
	printf("Interface:     version %s%s\n", text_or_note(s->abi),
	       s->abi && strcmp(s->abi, ASI_ABI) ?
	       ", asictl was made for version " ASI_ABI : "");
	printf("Mode:          %s\n", text_or_note(s->mode));
}

static void print_classes(const struct state *s)
{
	static const char *const on_names[] = { "off", "on", "?" };
	struct table t;
	size_t i;

	if (!s->n_classes)
		return;
	table_init(&t, 6);
	table_heading(&t, "class");
	table_heading(&t, "state");
	table_heading(&t, "page_table");
	table_heading(&t, "on_fault");
	table_heading(&t, "runs");
	table_heading(&t, "reason");
	for (i = 0; i < s->n_classes; i++) {
		const struct class_state *c = &s->classes[i];

		table_add(&t, "%s", c->name);
		table_add(&t, "%s", on_names[c->on]);
		table_add(&t, "%s", text_or_note(c->page_table));
		table_add(&t, "%s", text_or_note(c->fault_policy));
		table_add(&t, "%s", class_runs(c->name) ?: "-");
		table_add(&t, "%s", c->reason ?: "?");
	}
	putchar('\n');
	table_print(&t, stdout);
	putchar('\n');
}

/* Prints the classes in state @on as a list, or @none. */
static void print_class_list(const struct state *s, const char *label,
			     enum tristate on, const char *none)
{
	const char *separator = "";
	size_t i;

	printf("%-15s", label);
	for (i = 0; i < s->n_classes; i++) {
		const struct class_state *c = &s->classes[i];
		const char *runs = class_runs(c->name);

		/* With ASI off, no class is on, whatever it says. */
		if ((s->on == TRI_NO ? TRI_NO : c->on) != on)
			continue;
		printf("%s%s%s%s%s", separator, runs ?: "",
		       runs ? " (" : "class ", c->name, runs ? ")" : "");
		separator = ", ";
	}
	puts(*separator ? "" : none);
}

static void print_exits(const struct exits *e)
{
	const char *separator = ": ";
	size_t i;

	printf("Exits:         %" PRIu64 " after %" PRIu64 " enters", e->total,
	       e->enters);
	for (i = 0; i < e->n_reasons; i++) {
		if (!e->reasons[i].value)
			continue;
		printf("%s%s %" PRIu64, separator, e->reasons[i].name,
		       e->reasons[i].value);
		separator = ", ";
	}
	putchar('\n');
	if (e->bugs)
		printf("Warnings:      %" PRIu64 ", a bug in ASI: see dmesg\n",
		       e->bugs);
}

static void print_text(const struct state *s, const struct exits *e)
{
	print_headline(s);
	print_classes(s);
	if (!state_missing(s)) {
		print_class_list(s, "Restricted:", TRI_YES, "nothing");
		print_class_list(s, "Unrestricted:", TRI_NO, "no class");
	}
	if (!state_missing(s) && s->on != TRI_NO)
		print_exits(e);
	print_other(s, "Also:");
	print_unreadable(s, NULL);
	printf("Verdict:       %s\n", verdict_names[s->verdict]);
	if (s->why)
		printf("Why:           %s\nHint:          %s\n", s->why,
		       s->hint);
}

int cmd_status(struct context *ctx)
{
	enum exit_status status;
	struct exits e;
	struct state s;

	state_load(&s, ctx);
	load_exits(&e, &s);
	if (ctx->json)
		print_json(&s, &e);
	else
		print_text(&s, &e);
	status = state_exit(&s);
	free(e.reasons);
	state_free(&s);
	return status;
}
