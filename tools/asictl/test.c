// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "object.h"
#include "output.h"
#include "sequence.h"
#include "state.h"
#include "testrun.h"

#define HINT_LIST	"see what there is: asictl test --list"

/**
 * struct tests - what is run, and what came of it
 * @ctx: what the user wants
 * @dev: the device, whose test domains go when it is closed
 * @all: what there is
 * @only: the only one to run, or NULL
 * @runs: results for programs
 * @passed: runs, like the next two
 * @failed: a result that we do not know counts here
 * @skipped: with a reason of the kernel
 * @first_failed: the first of them
 * @err: why the device did not run the last one, a negative error number, or 0
 * @last: what that was
 */
struct tests {
	const struct context *ctx;
	struct device dev;
	struct sequences all;
	const struct sequence *only;
	json_t *runs;
	unsigned int passed;
	unsigned int failed;
	unsigned int skipped;
	char *first_failed;
	int err;
	char *last;
};

static bool table_wanted(const struct context *ctx, unsigned int table)
{
	if (ctx->table)
		return !strcmp(ctx->table, table_names[table]);
	return !ctx->n_grants || table == ASI_TABLE_DECORATED;
}

static bool is_table(const char *name)
{
	unsigned int i;

	for (i = 0; i < ASI_NR_TABLES; i++)
		if (!strcmp(name, table_names[i]))
			return true;
	return false;
}

static int fail_word(const struct context *ctx, const char *word,
		     const char *is_no, const char *hint)
{
	char *safe = text_escape(word, strlen(word));
	int ret = fail(ctx, EXIT_ERROR, hint, "'%s' is no %s", safe, is_no);

	free(safe);
	return ret;
}

/* Mistakes that can be found without the device. */
static int check_words(const struct context *ctx)
{
	struct asi_ioc_grant grant;
	size_t i;

	if (ctx->table && !is_table(ctx->table))
		return fail_word(ctx, ctx->table, "kind of page table",
				 "give nonsensitive or decorated");
	if (ctx->n_grants && !table_wanted(ctx, ASI_TABLE_DECORATED))
		return fail(ctx, EXIT_ERROR, "give --table decorated",
			    "only a decorated page table can be granted something");
	for (i = 0; i < ctx->n_grants; i++)
		if (!object_parse(&grant, ctx->grants[i], NULL))
			return fail_word(ctx, ctx->grants[i], "object",
					 HINT_OBJECT);
	if (ctx->module && (!*ctx->module ||
			    strlen(ctx->module) >=
			    sizeof(((struct asi_ioc_run *)0)->module)))
		return fail_word(ctx, ctx->module, "name of a module",
				 "give one that is not loaded: modinfo NAME");
	return EXIT_OK;
}

static int give_grants(struct tests *t, json_t *list)
{
	const struct context *ctx = t->ctx;
	struct asi_ioc_grant grant;
	int ret = EXIT_OK;
	size_t i;

	for (i = 0; !ret && i < ctx->n_grants; i++) {
		object_parse(&grant, ctx->grants[i], NULL);
		grant.domain = ASI_DOMAIN_TEST_DECORATED;
		ret = object_grant(&t->dev, ctx, &grant, ctx->grants[i]);
		if (ret)
			break;
		js_add(list, js_granted(ctx, &grant, ctx->grants[i]));
		if (!ctx->json)
			object_print(ctx, &grant, ctx->grants[i]);
	}
	return ret;
}

static void take_result(struct tests *t, const struct sequence *seq,
			const struct asi_ioc_run *run)
{
	if (run->result == ASI_RUN_PASSED)
		t->passed++;
	else if (run->result == ASI_RUN_SKIPPED)
		t->skipped++;
	else if (!t->failed++)
		t->first_failed = xasprintf("%s, %s page table", seq->name,
					    table_names[run->table]);
	js_add(t->runs, js_testrun(t->ctx, seq, run));
	if (t->ctx->json)
		return;
	testrun_print(t->ctx, seq, run);
	putchar('\n');
	/* The next one may take a while, or the machine with it. */
	fflush(stdout);
}

/* One that the kernel would refuse is skipped, as it says so beforehand. */
static int run_or_skip(struct tests *t, const struct sequence *seq,
		       unsigned int table, struct asi_ioc_run *run)
{
	static const unsigned int flags[ASI_NR_TABLES] = {
		[ASI_TABLE_NONSENSITIVE]	= ASI_INFO_NONSENSITIVE,
		[ASI_TABLE_DECORATED]		= ASI_INFO_DECORATED,
	};

	if (t->dev.info.flags & flags[table])
		return testrun(run, &t->dev, seq, table, t->ctx->module);
	*run = (struct asi_ioc_run){
		.table = table,
		.result = ASI_RUN_SKIPPED,
		.reason = "this kernel cannot use such a page table",
	};
	return 0;
}

static void run_one(struct tests *t, const struct sequence *seq)
{
	struct asi_ioc_run run;
	unsigned int table;

	for (table = 0; !t->err && table < ASI_NR_TABLES; table++) {
		if (!(seq->d.tables & 1u << table) ||
		    !table_wanted(t->ctx, table))
			continue;
		t->err = run_or_skip(t, seq, table, &run);
		if (t->err)
			t->last = xasprintf("cannot run %s, %s page table",
					    seq->name, table_names[table]);
		else
			take_result(t, seq, &run);
	}
}

static void run_all(struct tests *t)
{
	size_t i;

	if (t->only)
		run_one(t, t->only);
	for (i = 0; !t->only && !t->err && i < t->all.n; i++)
		run_one(t, &t->all.v[i]);
}

/* What to return in the end; @error is NULL if all is well. */
static enum exit_status verdict(const struct tests *t, char **error,
				const char **hint)
{
	*error = NULL;
	if (t->err) {
		*error = xasprintf("%s: %s", t->last, strerror(-t->err));
		*hint = device_hint(&t->dev, t->err);
		return EXIT_ERROR;
	}
	if (t->failed) {
		*error = xasprintf("%u of %u runs failed: first %s", t->failed,
				   t->passed + t->failed + t->skipped,
				   t->first_failed);
		*hint = HINT_DMESG;
		return EXIT_OFF;
	}
	if (!t->passed) {
		*error = xstrdup(t->skipped ? "all was skipped" :
				 "nothing can be run with this page table");
		*hint = HINT_LIST;
		return EXIT_UNKNOWN;
	}
	return EXIT_OK;
}

/* Takes over @grants. */
static int report(const struct tests *t, json_t *grants)
{
	enum exit_status status;
	const char *hint;
	json_t *obj;
	char *error;

	status = verdict(t, &error, &hint);
	if (t->ctx->json) {
		obj = js_object();
		js_set(obj, "grants", json_incref(grants));
		js_set(obj, "runs", json_incref(t->runs));
		js_set(obj, "passed", js_u64(t->passed));
		js_set(obj, "failed", js_u64(t->failed));
		js_set(obj, "skipped", js_u64(t->skipped));
		if (error) {
			js_set_string(obj, "error", error);
			js_set_string(obj, "hint", hint);
		}
		js_print(obj, JSON_INDENT(2));
	} else {
		printf("%u passed, %u failed, %u skipped\n", t->passed,
		       t->failed, t->skipped);
		if (error)
			say_error(error, hint);
	}
	free(error);
	return status;
}

static int run_and_report(struct tests *t)
{
	json_t *grants = js_array();
	int ret;

	t->runs = js_array();
	ret = give_grants(t, grants);
	if (!ret) {
		run_all(t);
		ret = report(t, grants);
	}
	json_decref(grants);
	json_decref(t->runs);
	free(t->first_failed);
	free(t->last);
	return ret;
}

static int choose(struct tests *t)
{
	const char *name = t->ctx->argc ? t->ctx->argv[0] : "all";

	if (!strcmp(name, "all"))
		return EXIT_OK;
	t->only = sequence_find(&t->all, name);
	if (t->only)
		return EXIT_OK;
	return fail_word(t->ctx, name, "sequence", HINT_LIST);
}

int cmd_test(struct context *ctx)
{
	struct tests t = { .ctx = ctx };
	int ret;

	ret = check_words(ctx) ?: device_open(&t.dev, ctx);
	if (ret)
		return ret;
	ret = sequences_load(&t.all, &t.dev, ctx);
	if (!ret)
		ret = choose(&t);
	if (!ret && ctx->list)
		sequences_show(&t.all, ctx, &t.dev.info);
	else if (!ret)
		ret = run_and_report(&t);
	sequences_free(&t.all);
	device_close(&t.dev);
	return ret;
}
