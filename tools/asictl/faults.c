// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "debugfs.h"
#include "faultlog.h"
#include "output.h"
#include "state.h"

const struct ktable_kind faultlog_kind = {
	.heading = "count class phase memory ip symbol page",
	.numbers = (const char *const[]){ "count", NULL },
};

int faultlog_load(struct faultlog *log, const struct context *ctx)
{
	struct strings lines = {};
	struct strings lost = {};
	int ret;

	*log = (struct faultlog){};
	ret = require_on(ctx) ?: debugfs_lines(ctx, FAULTLOG, &lines);
	if (ret)
		return ret;
	if (ktable_take_note(&lines, "lost", 1, &lost) && lost.n)
		log->lost = xstrdup(lost.v[0]);
	ktable_parse(&log->table, &lines, &faultlog_kind,
		     may_show_addresses(ctx));
	strings_free(&lost);
	strings_free(&lines);
	return EXIT_OK;
}

void faultlog_free(struct faultlog *log)
{
	ktable_free(&log->table);
	free(log->lost);
}

static void print_json(const struct faultlog *log)
{
	json_t *obj = js_object();

	js_set(obj, "faults", ktable_json_rows(&log->table));
	js_set(obj, "lost", js_number(log->lost));
	js_set(obj, "not_understood", js_strings(&log->table.odd));
	js_set(obj, "addresses_hidden", js_bool(log->table.hidden));
	js_print(obj, JSON_INDENT(2));
}

static bool has_further(const struct ktable *t)
{
	size_t page = ktable_column(t, "page");
	size_t i;

	for (i = 0; i < t->n_rows; i++)
		if (t->rows[i].v[page] &&
		    !strcmp(t->rows[i].v[page], FAULTLOG_FURTHER))
			return true;
	return false;
}

static void print_text(const struct faultlog *log)
{
	ktable_print(&log->table, "No faults were logged.");
	if (has_further(&log->table))
		puts("Page " FAULTLOG_FURTHER
		     " stands for all further pages of this instruction.");
	if (!log->lost)
		puts("Lost: ?, the log is not whole");
	else if (strcmp(log->lost, "0"))
		printf("Lost: %s, for which there was no room; asictl faults --clear makes some\n",
		       log->lost);
}

static int clear(const struct context *ctx)
{
	int ret = require_on(ctx) ?: debugfs_clear(ctx, FAULTLOG);
	json_t *obj;

	if (ret)
		return ret;
	if (!ctx->json) {
		puts("Cleared.");
		return EXIT_OK;
	}
	obj = js_object();
	js_set(obj, "cleared", js_bool(true));
	js_print(obj, JSON_INDENT(2));
	return EXIT_OK;
}

int cmd_faults(struct context *ctx)
{
	struct faultlog log;
	int ret;

	if (ctx->clear)
		return clear(ctx);
	if (ctx->stacks)
		return faultlog_show_stacks(ctx);
	ret = faultlog_load(&log, ctx);
	if (ret)
		return ret;
	ktable_sort(&log.table, "count");
	if (ctx->json)
		print_json(&log);
	else
		print_text(&log);
	faultlog_free(&log);
	return EXIT_OK;
}
