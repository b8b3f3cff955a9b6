// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "debugfs.h"
#include "holder.h"
#include "output.h"
#include "state.h"
#include "table.h"

#define HINT_GRANTED	"see what is granted: asictl grant --list"

static int fail_notes(const struct context *ctx, int err)
{
	bool denied = err == -EACCES || err == -EPERM;

	return fail(ctx, EXIT_ERROR,
		    denied ? HINT_ROOT : "see whether it is in order: ls -l /run/asictl",
		    "cannot read /run/asictl: %s", strerror(-err));
}

static json_t *js_note(const struct note *note)
{
	json_t *obj = js_object();

	js_set(obj, "pid", js_number(note->pid));
	js_set_string(obj, "class", note->class);
	js_set_string(obj, "object", note->object);
	js_set(obj, "holder", js_u64(note->holder));
	return obj;
}

static void print_notes_json(const struct note *v, size_t n, const char *key)
{
	json_t *obj = js_object();
	json_t *list = js_array();
	size_t i;

	for (i = 0; i < n; i++)
		js_add(list, js_note(&v[i]));
	js_set(obj, key, list);
	js_print(obj, JSON_INDENT(2));
}

static void print_notes(const struct notes *notes)
{
	struct table t;
	size_t i;

	table_init(&t, 4);
	table_heading(&t, "pid");
	table_heading(&t, "class");
	table_heading(&t, "object");
	table_heading(&t, "holder");
	for (i = 0; i < notes->n; i++) {
		table_add(&t, "%s", notes->v[i].pid);
		table_add(&t, "%s", notes->v[i].class);
		table_add(&t, "%s", notes->v[i].object);
		table_add(&t, "%d", (int)notes->v[i].holder);
	}
	table_print(&t, stdout);
	if (!notes->n)
		puts("Nothing is granted.");
}

int notes_show(const struct context *ctx)
{
	struct notes notes;
	int err;

	err = notes_load(&notes, ctx);
	if (err)
		return fail_notes(ctx, err);
	if (ctx->json)
		print_notes_json(notes.v, notes.n, "grants");
	else
		print_notes(&notes);
	notes_free(&notes);
	return EXIT_OK;
}

static bool is_meant(const struct context *ctx, const struct note *note)
{
	return !strcmp(ctx->argv[0], note->object) &&
	       (!ctx->pid || !strcmp(ctx->pid, note->pid)) &&
	       (!ctx->class || !strcmp(ctx->class, note->class));
}

static int end_holder(const struct context *ctx, const struct note *note)
{
	int err = holder_end(ctx, note);

	if (err)
		return fail(ctx, EXIT_ERROR, "end it: kill it by its number",
			    "asictl %d does not end: %s", (int)note->holder,
			    strerror(-err));
	if (!ctx->json)
		printf("Revoked: %s, of process %s, class %s\n", note->object,
		       note->pid, note->class);
	return EXIT_OK;
}

/* Those that were meant come to the front. */
static size_t select_notes(const struct context *ctx, struct notes *notes)
{
	size_t n = 0;
	size_t i;

	for (i = 0; i < notes->n; i++) {
		struct note note = notes->v[i];

		if (!is_meant(ctx, &note))
			continue;
		notes->v[i] = notes->v[n];
		notes->v[n++] = note;
	}
	return n;
}

static int fail_not_granted(const struct context *ctx)
{
	char *safe = text_escape(ctx->argv[0], strlen(ctx->argv[0]));
	int ret = fail(ctx, EXIT_ERROR, HINT_GRANTED,
		       "no asictl has granted %s", safe);

	free(safe);
	return ret;
}

static int revoke_all(const struct context *ctx, struct notes *notes)
{
	size_t n = select_notes(ctx, notes);
	int ret = EXIT_OK;
	size_t i;

	if (!n)
		return fail_not_granted(ctx);
	for (i = 0; !ret && i < n; i++)
		ret = end_holder(ctx, &notes->v[i]);
	if (!ret && ctx->json)
		print_notes_json(notes->v, n, "revoked");
	return ret;
}

int cmd_revoke(struct context *ctx)
{
	struct notes notes;
	int ret = require_on(ctx);
	int err;

	if (ret)
		return ret;
	if (is_dump(ctx))
		return fail(ctx, EXIT_ERROR,
			    "leave out --sysroot, on the machine itself",
			    "a dump is not to be changed");
	err = notes_load(&notes, ctx);
	if (err)
		return fail_notes(ctx, err);
	ret = revoke_all(ctx, &notes);
	notes_free(&notes);
	return ret;
}
