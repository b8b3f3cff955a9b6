/* SPDX-License-Identifier: GPL-2.0 */
/* The sequences that /dev/asi can run, as it describes them. */
#ifndef ASICTL_SEQUENCE_H
#define ASICTL_SEQUENCE_H

#include "device.h"

/**
 * struct sequence - one of them
 * @d: as the kernel told it, but for @nr_steps: at most those that are there
 * @name: one word
 * @purpose: one line
 */
struct sequence {
	struct asi_ioc_describe d;
	char *name;
	char *purpose;
};

/**
 * struct sequences - all of them
 * @v: by number
 * @n: how many
 */
struct sequences {
	struct sequence *v;
	size_t n;
};

/**
 * sequences_load() - ask for all descriptions
 * @s: gets them; to be freed if that worked
 * @dev: the device
 * @ctx: for the message
 *
 * Return: EXIT_OK, or EXIT_ERROR after saying what is wrong.
 */
int sequences_load(struct sequences *s, struct device *dev,
		   const struct context *ctx);
void sequences_free(struct sequences *s);

/* NULL if there is none of that name. */
const struct sequence *sequence_find(const struct sequences *s,
				     const char *name);

/* Shows all of them, for asictl test --list; @info is of the device. */
void sequences_show(const struct sequences *s, const struct context *ctx,
		    const struct asi_ioc_info *info);

/* Names of the kinds of page tables, by ASI_TABLE_*. */
extern const char *const table_names[ASI_NR_TABLES];

/**
 * struct state_word - where a CPU is or should be, or what came of a run
 * @s: one word, with the kernel's number if it is none that we know
 */
struct state_word {
	char s[24];
};
struct state_word state_word(uint32_t state);

#endif
