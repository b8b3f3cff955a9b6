/* SPDX-License-Identifier: GPL-2.0 */
/* What can be granted to a domain, as people write it: [KIND:]NAME[,LENGTH]. */
#ifndef ASICTL_OBJECT_H
#define ASICTL_OBJECT_H

#include <jansson.h>

#include "device.h"

#define HINT_OBJECT \
	"give a symbol, percpu:NAME,LENGTH, module:NAME, or 0xADDRESS,LENGTH"

/**
 * object_parse() - what is meant by a word
 * @grant: gets it; the domain is the caller's business
 * @text: the word
 * @length: its length, if it was given apart; or NULL
 *
 * Return: false if it means nothing.
 */
bool object_parse(struct asi_ioc_grant *grant, const char *text,
		  const char *length);

/**
 * object_grant() - grant a domain something
 * @dev: the device
 * @ctx: for the message
 * @grant: what, and to which domain; gets address and length
 * @text: as the user wrote it
 *
 * Return: EXIT_OK, or EXIT_ERROR after saying why not.
 */
int object_grant(struct device *dev, const struct context *ctx,
		 struct asi_ioc_grant *grant, const char *text);

/* It was granted: a line for people, a value for programs. */
void object_print(const struct context *ctx, const struct asi_ioc_grant *grant,
		  const char *text);
json_t *js_granted(const struct context *ctx,
		   const struct asi_ioc_grant *grant, const char *text);

/**
 * object_suggest() - the word for what a step faulted on
 * @step: of a run, with a fault
 *
 * Return: a word for object_parse() that the caller frees; or NULL if nobody knows.
 */
char *object_suggest(const struct asi_ioc_step *step);

#endif
