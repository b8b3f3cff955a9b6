// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "debugfs.h"
#include "faultlog.h"
#include "output.h"
#include "state.h"
#include "view.h"
#include "wait.h"

/*
 * Seconds between two looks at the log of a process, which may end at any time
 * and takes with it what was not read.
 */
#define LOOK_SECONDS	0.25

#define COLUMNS		"count class phase memory ip symbol page"

static const char *const numbers[] = { "count", NULL };

const struct ktable_kind faultlog_kind = {
	.heading = COLUMNS,
	.numbers = numbers,
};

static const struct ktable_kind attached_kind = {
	.heading = COLUMNS " object",
	.numbers = numbers,
};

static const char *const phases[] = {
	[ASI_PHASE_RELAXED]	= "relaxed",
	[ASI_PHASE_TENSE]	= "tense",
	[ASI_PHASE_INTERRUPT]	= "interrupt",
};

int faultlog_open(struct faultlog *log, const struct context *ctx)
{
	int ret;

	*log = (struct faultlog){ .ctx = ctx, .dev.fd = -1 };
	if (!ctx->pid && ctx->class)
		return fail(ctx, EXIT_ERROR,
			    "add --pid PID; see which there are: asictl domains",
			    "--class needs --pid");
	if (!ctx->pid)
		return EXIT_OK;
	ret = device_open(&log->dev, ctx);
	if (ret)
		return ret;
	ret = attach(&log->dev, ctx);
	if (ret)
		device_close(&log->dev);
	else
		ktable_init(&log->table, &attached_kind);
	return ret;
}

static void forget(struct faultlog *log)
{
	ktable_free(&log->table);
	free(log->lost);
	log->lost = NULL;
}

void faultlog_close(struct faultlog *log)
{
	forget(log);
	device_close(&log->dev);
}

static int read_file(struct faultlog *log)
{
	struct strings lines = {};
	struct strings lost = {};
	int ret;

	ret = require_on(log->ctx) ?: debugfs_lines(log->ctx, FAULTLOG, &lines);
	if (ret)
		return ret;
	forget(log);
	if (ktable_take_note(&lines, "lost", 1, &lost) && lost.n)
		log->lost = xstrdup(lost.v[0]);
	ktable_parse(&log->table, &lines, &faultlog_kind,
		     may_show_addresses(log->ctx));
	strings_free(&lost);
	strings_free(&lines);
	return EXIT_OK;
}

static char *phase_word(uint32_t phase)
{
	if (phase < ARRAY_SIZE(phases) && phases[phase])
		return xstrdup(phases[phase]);
	return xasprintf("%" PRIu32, phase);
}

/* The log says "?" for what nobody knows. */
static char *word(char *text)
{
	if (*text)
		return text;
	free(text);
	return xstrdup("?");
}

/* In the order of the columns of attached_kind. */
static void add_fault(struct faultlog *log, const struct asi_ioc_fault *f)
{
	struct strings row = {};

	strings_add(&row, xasprintf("%" PRIu64, (uint64_t)f->count));
	strings_add(&row, xstrdup(attach_class(log->ctx)));
	strings_add(&row, phase_word(f->phase));
	strings_add(&row, word(DEVICE_TEXT(f->memory)));
	strings_add(&row, xasprintf("0x%" PRIx64, (uint64_t)f->ip));
	strings_add(&row, word(DEVICE_TEXT(f->symbol)));
	strings_add(&row, xasprintf("0x%" PRIx64, (uint64_t)f->page));
	strings_add(&row, word(DEVICE_TEXT(f->object)));
	ktable_add(&log->table, &row, may_show_addresses(log->ctx));
}

static void take_faults(struct faultlog *log, const struct asi_ioc_faults *arg,
			const struct asi_ioc_fault *faults)
{
	uint32_t nr = arg->nr < ASI_MAX_ENTRIES ? arg->nr : ASI_MAX_ENTRIES;
	uint32_t i;

	forget(log);
	ktable_init(&log->table, &attached_kind);
	for (i = 0; i < nr; i++)
		add_fault(log, &faults[i]);
	log->lost = xasprintf("%" PRIu64, (uint64_t)arg->lost);
	log->left_out = arg->total > nr ? arg->total - nr : 0;
}

static int read_device(struct faultlog *log)
{
	const size_t room = ASI_MAX_ENTRIES * sizeof(struct asi_ioc_fault);
	struct asi_ioc_fault *faults = xrealloc(NULL, 1, room);
	struct asi_ioc_faults arg = {
		.domain = ASI_DOMAIN_ATTACHED,
		.faults = (uintptr_t)faults,
		.max = ASI_MAX_ENTRIES,
	};
	int ret = EXIT_OK;
	int err;

	/* A file of answers may have fewer than it says. */
	memset(faults, 0, room);
	err = device_ask_array(&log->dev, ASI_IOC_FAULTS, &arg,
			       offsetof(struct asi_ioc_faults, faults),
			       faults, room);
	if (err == -ESRCH)
		log->ended = true;
	else if (err)
		ret = device_fail(&log->dev, log->ctx, err,
				  "cannot read the faults of the process");
	else
		take_faults(log, &arg, faults);
	free(faults);
	return ret;
}

int faultlog_read(struct faultlog *log)
{
	return log->ctx->pid ? read_device(log) : read_file(log);
}

static int look_again(struct faultlog *log, int signals)
{
	double seconds = view_seconds(log->ctx);
	enum wait_event event = WAIT_TIME;
	struct timespec start, now;
	int ret = EXIT_OK;
	double left;

	clock_gettime(CLOCK_MONOTONIC, &start);
	while (!ret && event == WAIT_TIME && !log->ended) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		left = seconds - seconds_between(&start, &now);
		if (left <= 0)
			break;
		event = wait_for(signals, attach_pid(log->ctx),
				 left < LOOK_SECONDS ? left : LOOK_SECONDS);
		ret = faultlog_read(log);
	}
	/* Its memory may be in use by another yet, so that it can be read. */
	if (event == WAIT_ENDED)
		log->ended = true;
	return ret;
}

int faultlog_read_once(struct faultlog *log)
{
	int signals;
	int ret;

	ret = faultlog_read(log);
	/* In a dump no time passes. */
	if (ret || !log->ctx->pid || is_dump(log->ctx))
		return ret;
	signals = wait_prepare();
	if (signals < 0)
		return fail(log->ctx, EXIT_ERROR,
			    "free some memory and run it again",
			    "cannot wait for the interval: %s",
			    strerror(-signals));
	ret = look_again(log, signals);
	wait_finish(signals);
	return ret;
}

char *faultlog_owner(const struct faultlog *log)
{
	const struct context *ctx = log->ctx;

	if (!ctx->pid)
		return xstrdup("");
	return xasprintf(" of process %s, class %s,", ctx->pid,
			 attach_class(ctx));
}

void faultlog_print_end(const struct faultlog *log, FILE *out)
{
	if (log->left_out)
		fprintf(out, "Left out: %" PRIu64 " entries more, with fewer faults\n",
			log->left_out);
	if (log->ended)
		fprintf(out, "Process %s has ended or runs another program: these are the faults until the last look.\n",
			log->ctx->pid);
}

void faultlog_set_json(const struct faultlog *log, json_t *obj)
{
	const struct context *ctx = log->ctx;

	if (!ctx->pid)
		return;
	js_set(obj, "pid", js_number(ctx->pid));
	js_set_string(obj, "class", attach_class(ctx));
	js_set(obj, "left_out", js_u64(log->left_out));
	js_set(obj, "ended", js_bool(log->ended));
}
