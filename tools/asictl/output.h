/* SPDX-License-Identifier: GPL-2.0 */
/* JSON, errors and hints. */
#ifndef ASICTL_OUTPUT_H
#define ASICTL_OUTPUT_H

#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "asictl.h"
#include "text.h"

/**
 * fail() - say what went wrong and what to do about it
 * @ctx: decides between text on standard error and JSON on standard output
 * @status: exit status to return
 * @hint: one line, what the user does next
 * @fmt: one line, what went wrong
 *
 * Return: @status.
 */
int fail(const struct context *ctx, enum exit_status status, const char *hint,
	 const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Lines that made no sense: for people, and as strings. */
void print_odd(const struct strings *odd, FILE *out);
json_t *js_strings(const struct strings *list);

/* The text form of fail() for a command that has its own JSON object. */
void say_error(const char *error, const char *hint);

/*
 * Jansson reports failure by return values, and only running out of memory
 * can cause it here; these end the program then. A NULL string is null.
 */
json_t *js_object(void);
json_t *js_array(void);
void js_set(json_t *obj, const char *key, json_t *value);
void js_set_string(json_t *obj, const char *key, const char *value);
void js_add(json_t *array, json_t *value);
json_t *js_string(const char *s);
json_t *js_bool(bool value);

/*
 * What the kernel wrote as a decimal number, as a number; anything else, and
 * what exceeds 2^63-1, as a string; NULL as null.
 */
json_t *js_number(const char *s);

json_t *js_u64(uint64_t value);

/* Flags that lay an object out: on one line if there are several. */
size_t js_layout(const struct context *ctx);

/* Print and release; @flags as for json_dumpf(). */
void js_print(json_t *value, size_t flags);

#endif
