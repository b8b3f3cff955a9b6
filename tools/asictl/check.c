// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>

#include "facts.h"
#include "output.h"
#include "prom.h"
#include "state.h"
#include "table.h"

static const char *const verdicts[] = {
	[TRI_NO]	= "not-protected",
	[TRI_YES]	= "protected",
	[TRI_UNKNOWN]	= "unknown",
};

static const enum exit_status statuses[] = {
	[TRI_NO]	= EXIT_OFF,
	[TRI_YES]	= EXIT_OK,
	[TRI_UNKNOWN]	= EXIT_UNKNOWN,
};

static json_t *js_facts(const struct facts *f)
{
	json_t *list = js_array();
	size_t i;

	for (i = 0; i < f->n; i++) {
		json_t *obj = js_object();

		js_set_string(obj, "fact", f->v[i].name);
		js_set_string(obj, "class", f->v[i].class);
		js_set(obj, "judged", js_bool(f->v[i].judged));
		js_set(obj, "holds", js_tristate(f->v[i].holds));
		js_set_string(obj, "what", f->v[i].what);
		js_add(list, obj);
	}
	return list;
}

static void print_json(const struct facts *f, const struct state *s)
{
	json_t *obj = js_object();

	js_set_string(obj, "verdict", verdicts[f->holds]);
	js_set_string(obj, "kernel", s->release);
	js_set(obj, "facts", js_facts(f));
	js_set(obj, "not_judged", js_other(s));
	js_set(obj, "unreadable", js_unreadable(s, NULL));
	if (f->why) {
		js_set_string(obj, "error", f->why);
		js_set_string(obj, "hint", f->hint);
	}
	js_print(obj, JSON_INDENT(2));
}

static void print_facts(const struct facts *f)
{
	static const char *const marks[] = {
		[TRI_NO]	= "no",
		[TRI_YES]	= "yes",
		[TRI_UNKNOWN]	= "?",
	};
	struct table t;
	size_t i;

	table_init(&t, 4);
	table_heading(&t, "holds");
	table_heading(&t, "fact");
	table_heading(&t, "class");
	table_heading(&t, "what is so");
	for (i = 0; i < f->n; i++) {
		const struct fact *fact = &f->v[i];

		table_add(&t, "%s", fact->judged ? marks[fact->holds] :
						   "no matter");
		table_add(&t, "%s", fact->name);
		table_add(&t, "%s", fact->class ?: "");
		table_add(&t, "%s", fact->what);
	}
	table_print(&t, stdout);
}

static void print_text(const struct facts *f, const struct state *s)
{
	print_facts(f);
	print_other(s, "Not judged:");
	print_unreadable(s, NULL);
	printf("Verdict:       %s\n", verdicts[f->holds]);
	if (f->why)
		printf("Why:           %s\nHint:          %s\n", f->why,
		       f->hint);
}

static void print_prometheus(const struct facts *f, const struct state *s)
{
	static const int values[] = {
		[TRI_NO]	= 0,
		[TRI_YES]	= 1,
		[TRI_UNKNOWN]	= -1,
	};
	size_t i;

	prom_metric("asi_info", PROM_GAUGE,
		    "What asictl judged, and which asictl it was.");
	prom_begin("asi_info");
	prom_label("asictl", ASICTL_VERSION);
	prom_label("kernel", s->release);
	prom_label("abi", s->abi);
	prom_label("mode", s->mode);
	prom_value("1");

	prom_metric("asi_check_status", PROM_GAUGE,
		    "Exit status of asictl check: 0 protected, 2 not protected, 3 cannot tell.");
	prom_begin("asi_check_status");
	prom_number(statuses[f->holds]);

	prom_metric("asi_check_fact", PROM_GAUGE,
		    "Does a fact hold that protection needs: 1 yes, 0 no, -1 cannot tell.");
	for (i = 0; i < f->n; i++) {
		if (!f->v[i].judged)
			continue;
		prom_begin("asi_check_fact");
		prom_label("fact", f->v[i].name);
		prom_label("class", f->v[i].class);
		prom_number(values[f->v[i].holds]);
	}
	if (f->why)
		say_error(f->why, f->hint);
}

int cmd_check(struct context *ctx)
{
	enum exit_status status;
	struct facts f;
	struct state s;

	state_load(&s, ctx);
	facts_load(&f, &s);
	if (ctx->json)
		print_json(&f, &s);
	else if (ctx->prometheus)
		print_prometheus(&f, &s);
	else
		print_text(&f, &s);
	status = statuses[f.holds];
	facts_free(&f);
	state_free(&s);
	return status;
}
