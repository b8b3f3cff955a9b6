/* SPDX-License-Identifier: GPL-2.0 */
/* All counters at one moment, and the difference of two such moments. */
#ifndef ASICTL_SAMPLE_H
#define ASICTL_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "asictl.h"
#include "text.h"

/**
 * struct counter - one number, or what stands in its place
 * @cpu: as the kernel wrote it; NULL for a sum over all CPUs
 * @class: the class that counts
 * @name: what it counts
 * @text: the value as the kernel wrote it; NULL if it could not be read
 * @value: the number, if @numeric
 * @numeric: @text is a number
 */
struct counter {
	char *cpu;
	char *class;
	char *name;
	char *text;
	uint64_t value;
	bool numeric;
};

/**
 * struct sample - the counters in the order of output
 * @when: clock of struct timespec, CLOCK_MONOTONIC
 * @v: the counters
 * @n: how many
 * @classes: names of all classes, each once
 * @odd: lines of the per-CPU table that made no sense
 * @unreadable: counters, or directories of them, that could not be read
 * @unreadable_err: why the first of them could not
 */
struct sample {
	struct timespec when;
	struct counter *v;
	size_t n;
	struct strings classes;
	struct strings odd;
	size_t unreadable;
	int unreadable_err;
};

/**
 * sample_load() - read all counters
 * @s: gets them; to be freed in any case
 * @ctx: says whether per CPU or in total
 *
 * Return: EXIT_OK, or another exit status after saying what is wrong.
 */
int sample_load(struct sample *s, const struct context *ctx);
void sample_free(struct sample *s);

/**
 * sample_find() - the same counter in another sample
 * @s: the other sample
 * @like: the counter
 * @start: where to look first: the position at which it was in its own
 *
 * Return: the counter or NULL.
 */
const struct counter *sample_find(const struct sample *s,
				  const struct counter *like, size_t start);

/**
 * counter_delta() - what was counted between two samples
 * @old: before, NULL if it did not exist
 * @new: after
 * @per_cpu: the kernel leaves out what is zero, so a missing @old is zero
 * @delta: set on success
 *
 * Return: false when no difference can be told: a counter that is new, not a
 * number, or went backwards because its class was registered again.
 */
bool counter_delta(const struct counter *old, const struct counter *new,
		   bool per_cpu, uint64_t *delta);

#endif
