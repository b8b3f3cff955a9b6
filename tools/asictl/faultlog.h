/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's log of faults: by which instruction, for which page. */
#ifndef ASICTL_FAULTLOG_H
#define ASICTL_FAULTLOG_H

#include "asictl.h"
#include "ktable.h"

#define FAULTLOG	"faults"

/* As page of an entry: all further pages of its instruction. */
#define FAULTLOG_FURTHER	"0x0"

extern const struct ktable_kind faultlog_kind;

/**
 * struct faultlog - the log
 * @table: its entries
 * @lost: faults that found no room in it, as the kernel wrote it; NULL if it
 *	did not, so that the log is not whole
 */
struct faultlog {
	struct ktable table;
	char *lost;
};

/**
 * faultlog_load() - read the log
 * @log: gets it; to be freed if that worked
 * @ctx: where to read
 *
 * Return: EXIT_OK, or another exit status after saying what is wrong.
 */
int faultlog_load(struct faultlog *log, const struct context *ctx);
void faultlog_free(struct faultlog *log);

/* Shows the entries that have a stack, each with it; an exit status. */
int faultlog_show_stacks(const struct context *ctx);

#endif
