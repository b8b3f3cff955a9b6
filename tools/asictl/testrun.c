// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "debugfs.h"
#include "object.h"
#include "output.h"
#include "table.h"
#include "testrun.h"

int testrun(struct asi_ioc_run *run, struct device *dev,
	    const struct sequence *seq, unsigned int table, const char *module)
{
	int err;

	*run = (struct asi_ioc_run){
		.sequence = seq->d.sequence,
		.table = table,
	};
	if (module && seq->d.flags & ASI_SEQUENCE_MODULE)
		snprintf(run->module, sizeof(run->module), "%s", module);
	err = device_ask(dev, ASI_IOC_RUN, run,
			 offsetof(struct asi_ioc_run, flags));
	/* These index arrays. */
	run->table = table;
	if (run->nr_steps > ASI_MAX_STEPS)
		run->nr_steps = ASI_MAX_STEPS;
	return err;
}

#define KNOWN_FLAGS	(ASI_STEP_OK | ASI_STEP_FAULT | ASI_STEP_HIDDEN)

static struct state_word result_word(const struct asi_ioc_run *run)
{
	static const char *const words[] = {
		[ASI_RUN_PASSED]	= "passed",
		[ASI_RUN_FAILED]	= "failed",
		[ASI_RUN_SKIPPED]	= "skipped",
	};
	struct state_word word;

	if (run->result < ARRAY_SIZE(words) && words[run->result])
		snprintf(word.s, sizeof(word.s), "%s", words[run->result]);
	else
		snprintf(word.s, sizeof(word.s), "result-%" PRIu32,
			 (uint32_t)run->result);
	return word;
}

/* What took the step out of the domain, or an empty string. */
static char *fault_text(const struct context *ctx,
			const struct asi_ioc_step *step)
{
	char *symbol, *object, *text;

	if (step->flags & ASI_STEP_HIDDEN)
		return xstrdup("a fault; where is hidden, the kernel is locked down");
	if (!(step->flags & ASI_STEP_FAULT))
		return xstrdup("");
	symbol = DEVICE_TEXT(step->fault_symbol);
	object = DEVICE_TEXT(step->object);
	if (may_show_addresses(ctx) && step->fault_page)
		text = xasprintf("%s on %s (page 0x%" PRIx64 ")", symbol,
				 object, (uint64_t)step->fault_page);
	else
		text = xasprintf("%s on %s", symbol, object);
	free(symbol);
	free(object);
	return text;
}

static void add_step(const struct context *ctx, struct table *t,
		     const struct asi_ioc_step *step)
{
	char *fault = fault_text(ctx, step);
	char *name = DEVICE_TEXT(step->name);

	table_add(t, "%s", name);
	table_add(t, "%s", state_word(step->expected).s);
	table_add(t, "%s", state_word(step->actual).s);
	table_add(t, "%s", state_word(step->cr3).s);
	table_add(t, "%s%s", step->flags & ASI_STEP_OK ? "yes" : "NO",
		  step->flags & ~KNOWN_FLAGS ? " (*)" : "");
	table_add(t, "%s", fault);
	free(fault);
	free(name);
}

static void print_steps(const struct context *ctx,
			const struct asi_ioc_run *run)
{
	uint32_t other = 0;
	struct table t;
	uint32_t i;

	table_init(&t, 6);
	table_heading(&t, "step");
	table_heading(&t, "expected");
	table_heading(&t, "actual");
	table_heading(&t, "cr3");
	table_heading(&t, "ok");
	table_heading(&t, "left by");
	for (i = 0; i < run->nr_steps; i++) {
		add_step(ctx, &t, &run->step[i]);
		other |= run->step[i].flags & ~KNOWN_FLAGS;
	}
	table_print(&t, stdout);
	if (other)
		printf("Not understood: (*) flags 0x%" PRIx32 "\n", other);
}

/* The first fault of a decorated domain on something that can be granted. */
static char *next_grant(const struct context *ctx,
			const struct asi_ioc_run *run)
{
	uint32_t i;

	if (run->table != ASI_TABLE_DECORATED || !may_show_addresses(ctx))
		return NULL;
	for (i = 0; i < run->nr_steps; i++)
		if (run->step[i].flags & ASI_STEP_FAULT &&
		    run->step[i].expected == ASI_STATE_GRANTED)
			return object_suggest(&run->step[i]);
	return NULL;
}

static void print_next(const struct context *ctx, const struct sequence *seq,
		       const struct asi_ioc_run *run)
{
	char *next = next_grant(ctx, run);
	size_t i;

	if (!next)
		return;
	printf("To go further: asictl test %s", seq->name);
	for (i = 0; i < ctx->n_grants; i++)
		printf(" --grant %s", ctx->grants[i]);
	printf(" --grant %s\n", next);
	free(next);
}

void testrun_print(const struct context *ctx, const struct sequence *seq,
		   const struct asi_ioc_run *run)
{
	char *reason = DEVICE_TEXT(run->reason);

	printf("%s, %s page table: %s%s%s\n", seq->name,
	       table_names[run->table], result_word(run).s, *reason ? ": " : "",
	       reason);
	if (run->nr_steps)
		print_steps(ctx, run);
	print_next(ctx, seq, run);
	free(reason);
}

static json_t *js_address(const struct context *ctx, uint64_t value)
{
	char *text = NULL;
	json_t *address;

	if (value && may_show_addresses(ctx))
		text = xasprintf("0x%" PRIx64, value);
	address = js_string(text);
	free(text);
	return address;
}

static json_t *js_fault(const struct context *ctx,
			const struct asi_ioc_step *step)
{
	char *symbol = DEVICE_TEXT(step->fault_symbol);
	char *object = DEVICE_TEXT(step->object);
	json_t *obj = js_object();

	js_set(obj, "ip", js_address(ctx, step->fault_ip));
	js_set_string(obj, "symbol", symbol);
	js_set(obj, "page", js_address(ctx, step->fault_page));
	js_set_string(obj, "object", object);
	free(symbol);
	free(object);
	return obj;
}

static json_t *js_step(const struct context *ctx,
		       const struct asi_ioc_step *step)
{
	bool fault = step->flags & ASI_STEP_FAULT;
	char *name = DEVICE_TEXT(step->name);
	json_t *obj = js_object();

	js_set_string(obj, "step", name);
	js_set_string(obj, "expected", state_word(step->expected).s);
	js_set_string(obj, "actual", state_word(step->actual).s);
	js_set_string(obj, "cr3", state_word(step->cr3).s);
	js_set(obj, "ok", js_bool(step->flags & ASI_STEP_OK));
	js_set(obj, "fault", fault ? js_fault(ctx, step) : json_null());
	js_set(obj, "other_flags", js_u64(step->flags & ~KNOWN_FLAGS));
	js_set(obj, "fault_hidden", js_bool(step->flags & ASI_STEP_HIDDEN));
	free(name);
	return obj;
}

json_t *js_testrun(const struct context *ctx, const struct sequence *seq,
		   const struct asi_ioc_run *run)
{
	char *reason = DEVICE_TEXT(run->reason);
	char *next = next_grant(ctx, run);
	json_t *steps = js_array();
	json_t *obj = js_object();
	uint32_t i;

	for (i = 0; i < run->nr_steps; i++)
		js_add(steps, js_step(ctx, &run->step[i]));
	js_set_string(obj, "sequence", seq->name);
	js_set_string(obj, "table", table_names[run->table]);
	js_set_string(obj, "result", result_word(run).s);
	js_set_string(obj, "reason", *reason ? reason : NULL);
	js_set(obj, "steps", steps);
	js_set_string(obj, "next_grant", next);
	free(reason);
	free(next);
	return obj;
}
