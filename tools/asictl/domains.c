// SPDX-License-Identifier: GPL-2.0
#include "debugfs.h"
#include "ktable.h"
#include "output.h"
#include "state.h"

static const struct ktable_kind domains_kind = {
	.heading = "pid comm class pgd_phys",
	.numbers = (const char *const[]){ "pid", NULL },
};

static void print_json(const struct ktable *t)
{
	json_t *obj = js_object();

	js_set(obj, "domains", ktable_json_rows(t));
	js_set(obj, "not_understood", js_strings(&t->odd));
	js_set(obj, "addresses_hidden", js_bool(t->hidden));
	js_print(obj, JSON_INDENT(2));
}

int cmd_domains(struct context *ctx)
{
	struct strings lines = {};
	struct ktable t;
	int ret;

	ret = require_on(ctx) ?: debugfs_lines(ctx, "domains", &lines);
	if (ret)
		return ret;
	ktable_parse(&t, &lines, &domains_kind, may_show_addresses(ctx));
	if (ctx->json)
		print_json(&t);
	else
		ktable_print(&t, "No live domains.");
	ktable_free(&t);
	strings_free(&lines);
	return EXIT_OK;
}
