/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's log of faults: by which instruction, for which page. The log of all
 * domains is a file of debugfs; that of one domain is kept by /dev/asi while somebody
 * is attached to it.
 */
#ifndef ASICTL_FAULTLOG_H
#define ASICTL_FAULTLOG_H

#include "attach.h"
#include "ktable.h"

#define FAULTLOG	"faults"

/* As page of an entry: all further pages of its instruction. */
#define FAULTLOG_FURTHER	"0x0"

extern const struct ktable_kind faultlog_kind;

/**
 * struct faultlog - the log
 * @ctx: where to read; the log is of one domain if it has a pid
 * @dev: attached to that domain
 * @table: the entries, as they were read last
 * @lost: faults that found no room in it, as the kernel wrote it; NULL if it
 *	did not, so that the log is not whole
 * @left_out: entries that the kernel has besides, with the fewest faults
 * @ended: the process has ended or runs another program: nothing follows
 */
struct faultlog {
	const struct context *ctx;
	struct device dev;
	struct ktable table;
	char *lost;
	uint64_t left_out;
	bool ended;
};

/**
 * faultlog_open() - have a log to read
 * @log: gets it; to be closed if that worked
 * @ctx: where to read, and of which process
 *
 * Return: EXIT_OK, or another exit status after saying what is wrong.
 */
int faultlog_open(struct faultlog *log, const struct context *ctx);
void faultlog_close(struct faultlog *log);

/**
 * faultlog_read() - read all entries anew
 * @log: the log; what it had stays if @ended gets true
 *
 * Return: EXIT_OK, or another exit status after saying what is wrong.
 */
int faultlog_read(struct faultlog *log);

/**
 * faultlog_read_once() - read what is to be shown once
 * @log: the log
 *
 * There is nothing yet in that of a domain, so it is read when the interval is
 * over; or before, when the process ends, or the user wants no more.
 *
 * Return: EXIT_OK, or another exit status after saying what is wrong.
 */
int faultlog_read_once(struct faultlog *log);

/*
 * Of which domain it is, and whether all of it is there: for people, in lines
 * after the entries; and for programs. Nothing if it is that of all domains.
 */
char *faultlog_owner(const struct faultlog *log);
void faultlog_print_end(const struct faultlog *log, FILE *out);
void faultlog_set_json(const struct faultlog *log, json_t *obj);

/* Shows the entries that have a stack, each with it; an exit status. */
int faultlog_show_stacks(const struct context *ctx);

#endif
