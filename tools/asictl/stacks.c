// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "debugfs.h"
#include "faultlog.h"
#include "io.h"
#include "output.h"
#include "state.h"

#define HINT_BOOT \
	"boot with asi_debug_fault_stacks, so that the kernel keeps them"
#define HIDDEN	"(hidden)"

/**
 * struct stack - an entry of the log and who called
 * @entry: a table of one row
 * @calls: functions, the innermost first
 */
struct stack {
	struct ktable entry;
	struct strings calls;
};

/**
 * struct stacks - all of them
 * @v: in the order of the kernel, most faults first
 * @n: how many
 * @odd: lines that belong nowhere
 * @addresses: the user may see addresses
 * @hidden: some were taken out
 */
struct stacks {
	struct stack *v;
	size_t n;
	struct strings odd;
	bool addresses;
	bool hidden;
};

/* Takes over @entry. */
static void add_stack(struct stacks *s, const struct ktable *entry)
{
	if (!(s->n & (s->n - 1)))
		s->v = xrealloc(s->v, s->n ? s->n * 2 : 1, sizeof(*s->v));
	s->v[s->n++] = (struct stack){ .entry = *entry };
	s->hidden |= entry->hidden;
}

/* Return: true if @line, below @heading, is an entry. */
static bool take_entry(struct stacks *s, char *heading, char *line)
{
	char *both[] = { heading, line };
	struct strings lines = { both, 2 };
	struct ktable entry;

	ktable_parse(&entry, &lines, &faultlog_kind, s->addresses);
	if (entry.n_rows) {
		add_stack(s, &entry);
		return true;
	}
	s->hidden |= entry.hidden;
	if (entry.odd.n)
		strings_add(&s->odd, xstrdup(entry.odd.v[entry.odd.n - 1]));
	ktable_free(&entry);
	return false;
}

/* Code without a name is shown by the kernel as an address. */
static void take_call(struct stacks *s, struct strings *to, const char *line)
{
	const char *name = line + strspn(line, " ");

	if (!s->addresses && !strncmp(name, "0x", 2)) {
		s->hidden = true;
		name = HIDDEN;
	}
	strings_add(to, xstrdup(name));
}

static void parse_stacks(struct stacks *s, const struct strings *lines)
{
	bool with_heading = lines->n && lines->v[0][0] == '#';
	char nothing[] = "";
	char *heading = with_heading ? lines->v[0] : nothing;
	bool in_entry = false;
	size_t i;

	/* A heading that makes no sense is told once. */
	take_entry(s, heading, nothing);
	for (i = with_heading; i < lines->n; i++) {
		char *line = lines->v[i];

		if (!line[strspn(line, " ")])
			continue;
		if (line[0] != ' ')
			in_entry = take_entry(s, heading, line);
		else
			take_call(s, in_entry ? &s->v[s->n - 1].calls : &s->odd,
				  line);
	}
}

static void free_stacks(struct stacks *s)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		ktable_free(&s->v[i].entry);
		strings_free(&s->v[i].calls);
	}
	free(s->v);
	strings_free(&s->odd);
}

static void print_json(const struct stacks *s)
{
	json_t *obj = js_object();
	json_t *list = js_array();
	size_t i;

	for (i = 0; i < s->n; i++) {
		const struct ktable *t = &s->v[i].entry;
		json_t *entry = ktable_json_row(t, &t->rows[0]);

		js_set(entry, "stack", js_strings(&s->v[i].calls));
		js_add(list, entry);
	}
	js_set(obj, "faults", list);
	js_set(obj, "not_understood", js_strings(&s->odd));
	js_set(obj, "addresses_hidden", js_bool(s->hidden));
	js_print(obj, JSON_INDENT(2));
}

/* One line, whose words have their names: there is no column to look up. */
static void print_entry(const struct ktable *t)
{
	const struct strings *row = &t->rows[0];
	size_t i;

	for (i = 0; i < row->n; i++)
		printf("%s%s %s", i ? ", " : "",
		       i < t->heading.n ? t->heading.v[i] : "more",
		       row->v[i] ?: HIDDEN);
	putchar('\n');
}

static void print_text(const struct stacks *s)
{
	size_t i, j;

	for (i = 0; i < s->n; i++) {
		print_entry(&s->v[i].entry);
		for (j = 0; j < s->v[i].calls.n; j++)
			printf("    %s\n", s->v[i].calls.v[j]);
	}
	if (!s->n)
		puts("No stacks were kept.");
	print_odd(&s->odd, stdout);
	if (s->hidden)
		puts("Addresses are for root only.");
}

int faultlog_show_stacks(const struct context *ctx)
{
	struct stacks s = { .addresses = may_show_addresses(ctx) };
	struct strings lines = {};
	int ret;

	ret = require_on(ctx) ?: debugfs_optional(ctx, "fault_stacks",
						  IO_MAX_MAP, HINT_BOOT, &lines);
	if (ret)
		return ret;
	parse_stacks(&s, &lines);
	strings_free(&lines);
	if (ctx->json)
		print_json(&s);
	else
		print_text(&s);
	free_stacks(&s);
	return EXIT_OK;
}
