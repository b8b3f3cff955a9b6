// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "debugfs.h"
#include "faultlog.h"
#include "output.h"
#include "state.h"

static void print_json(const struct faultlog *log)
{
	json_t *obj = js_object();

	faultlog_set_json(log, obj);
	js_set(obj, "faults", ktable_json_rows(&log->table));
	js_set(obj, "lost", js_number(log->lost));
	js_set(obj, "not_understood", js_strings(&log->table.odd));
	js_set(obj, "addresses_hidden", js_bool(log->table.hidden));
	js_print(obj, js_layout(log->ctx));
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
	char *owner = faultlog_owner(log);

	if (*owner)
		printf("Faults%s since it is watched:\n", owner);
	free(owner);
	ktable_print(&log->table, "No faults were logged.");
	if (has_further(&log->table))
		puts("Page " FAULTLOG_FURTHER
		     " stands for all further pages of this instruction.");
	if (!log->lost && !log->ended)
		puts("Lost: ?, the log is not whole");
	else if (log->lost && strcmp(log->lost, "0"))
		printf("Lost: %s, for which there was no room; asictl faults --clear makes some\n",
		       log->lost);
	faultlog_print_end(log, stdout);
}

static void show(struct faultlog *log)
{
	ktable_sort(&log->table, "count");
	if (log->ctx->json)
		print_json(log);
	else
		print_text(log);
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
	if (ctx->interval && !ctx->pid)
		return fail(ctx, EXIT_ERROR,
			    "add --pid PID; for all processes: asictl top --interval SEC",
			    "--interval needs --pid");
	ret = faultlog_open(&log, ctx);
	if (ret)
		return ret;
	ret = faultlog_read_once(&log);
	if (!ret)
		show(&log);
	faultlog_close(&log);
	return ret;
}
