/* SPDX-License-Identifier: GPL-2.0 */
/* What only root may see: the tables in /sys/kernel/debug/asi. */
#ifndef ASICTL_DEBUGFS_H
#define ASICTL_DEBUGFS_H

#include <stdbool.h>

#include "asictl.h"
#include "text.h"

/**
 * debugfs_lines() - the lines of a table
 * @ctx: where to read
 * @name: file in /sys/kernel/debug/asi
 * @lines: gets the lines
 *
 * Return: EXIT_OK, or EXIT_ERROR after saying why there are none.
 */
int debugfs_lines(const struct context *ctx, const char *name,
		  struct strings *lines);

/**
 * debugfs_optional() - the lines of a table that not every machine has
 * @ctx: where to read
 * @name: file in /sys/kernel/debug/asi
 * @max: bytes to accept, as for io_read()
 * @hint: what to do if the other files are there, but not this
 * @lines: gets the lines
 *
 * Return: EXIT_OK, or EXIT_ERROR after saying why there are none.
 */
int debugfs_optional(const struct context *ctx, const char *name,
		     size_t max, const char *hint, struct strings *lines);

/**
 * debugfs_ask() - the lines that answer a question
 * @ctx: where to ask; a dump has the answer without being asked
 * @name: file in /sys/kernel/debug/asi
 * @question: what is written to it, about a process; ends with a newline
 * @lines: gets the lines
 *
 * Return: EXIT_OK, or EXIT_ERROR after saying why there are none.
 */
int debugfs_ask(const struct context *ctx, const char *name,
		const char *question, struct strings *lines);

/**
 * debugfs_clear() - make the kernel forget a table
 * @ctx: where it is
 * @name: file in /sys/kernel/debug/asi
 *
 * Return: EXIT_OK, or EXIT_ERROR after saying why not. A dump is not changed.
 */
int debugfs_clear(const struct context *ctx, const char *name);

/**
 * is_dump() - is it files of another machine, or of another time?
 * @ctx: where to read
 */
bool is_dump(const struct context *ctx);

/**
 * may_show_addresses() - may the user see kernel addresses?
 * @ctx: where they come from
 *
 * Files may have been opened to everybody by a careless mount; addresses
 * still are not for everybody. A dump below --sysroot is the user's own.
 */
bool may_show_addresses(const struct context *ctx);

#endif
