/* SPDX-License-Identifier: GPL-2.0 */
/* A run of a sequence: the question, and what is shown of the answer. */
#ifndef ASICTL_TESTRUN_H
#define ASICTL_TESTRUN_H

#include <jansson.h>

#include "sequence.h"

/**
 * testrun() - run a sequence
 * @run: gets the answer; steps at most those that are there
 * @dev: the device
 * @seq: the sequence
 * @table: kind of page table, ASI_TABLE_*
 * @module: name of one for a sequence that wants it, or NULL
 *
 * Return: 0 or a negative error number.
 */
int testrun(struct asi_ioc_run *run, struct device *dev,
	    const struct sequence *seq, unsigned int table, const char *module);

/**
 * testrun_print() - what was seen, for people
 * @ctx: may the user see addresses, and what was granted
 * @seq: the sequence
 * @run: the answer
 */
void testrun_print(const struct context *ctx, const struct sequence *seq,
		   const struct asi_ioc_run *run);

/* The same for programs. */
json_t *js_testrun(const struct context *ctx, const struct sequence *seq,
		   const struct asi_ioc_run *run);

#endif
