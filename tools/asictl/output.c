// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "screen.h"

void say_error(const char *error, const char *hint)
{
	screen_close();
	fflush(stdout);
	fprintf(stderr, "asictl: %s\nHint: %s\n", error, hint);
}

size_t js_layout(const struct context *ctx)
{
	return ctx->interval ? JSON_COMPACT : JSON_INDENT(2);
}

int fail(const struct context *ctx, enum exit_status status, const char *hint,
	 const char *fmt, ...)
{
	va_list args;
	char *error;

	va_start(args, fmt);
	if (vasprintf(&error, fmt, args) < 0)
		error = xstrdup(fmt);
	va_end(args);

	if (ctx->json) {
		json_t *obj = js_object();

		js_set_string(obj, "error", error);
		js_set_string(obj, "hint", hint);
		js_print(obj, js_layout(ctx));
	} else {
		say_error(error, hint);
	}
	free(error);
	return status;
}

void print_odd(const struct strings *odd, FILE *out)
{
	size_t i;

	for (i = 0; i < odd->n; i++)
		fprintf(out, "Not understood: %s\n", odd->v[i]);
}

static json_t *checked(json_t *value)
{
	if (!value) {
		say_error("cannot build JSON: out of memory",
			  "free some memory and run it again");
		exit(EXIT_ERROR);
	}
	return value;
}

json_t *js_object(void)
{
	return checked(json_object());
}

json_t *js_array(void)
{
	return checked(json_array());
}

json_t *js_bool(bool value)
{
	return json_boolean(value);
}

json_t *js_string(const char *s)
{
	return s ? checked(json_string(s)) : json_null();
}

json_t *js_number(const char *s)
{
	uint64_t value;

	if (s && text_u64(s, &value) && value <= INT64_MAX)
		return checked(json_integer(value));
	return js_string(s);
}

json_t *js_u64(uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	return js_number(text);
}

json_t *js_strings(const struct strings *list)
{
	json_t *array = js_array();
	size_t i;

	for (i = 0; i < list->n; i++)
		js_add(array, js_string(list->v[i]));
	return array;
}

void js_set(json_t *obj, const char *key, json_t *value)
{
	if (json_object_set_new(obj, key, value))
		checked(NULL);
}

void js_set_string(json_t *obj, const char *key, const char *value)
{
	js_set(obj, key, js_string(value));
}

void js_add(json_t *array, json_t *value)
{
	if (json_array_append_new(array, value))
		checked(NULL);
}

void js_print(json_t *value, size_t flags)
{
	/* A failed write is found by main(), with everybody else's. */
	json_dumpf(value, stdout, flags);
	putchar('\n');
	json_decref(value);
}
