/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A grant lives as long as the file that made it is open. So somebody has to hold it:
 * the asictl that made it, with a note in /run/asictl that tells others, locked as long
 * as it lives.
 */
#ifndef ASICTL_HOLDER_H
#define ASICTL_HOLDER_H

#include <sys/types.h>

#include "asictl.h"
#include "text.h"

/**
 * struct note - what somebody holds
 * @holder: the asictl
 * @pid: process that was granted something; the strings are fit to be shown
 * @class: of its domain
 * @object: as the user wrote it
 */
struct note {
	pid_t holder;
	char *pid;
	char *class;
	char *object;
};

/**
 * struct notes - what is held at the moment
 * @v: the notes
 * @n: how many
 */
struct notes {
	struct note *v;
	size_t n;
};

/**
 * notes_load() - read the notes of all who hold something
 * @notes: gets them; to be freed if that worked
 * @ctx: where they are
 *
 * Return: 0 or a negative error number.
 */
int notes_load(struct notes *notes, const struct context *ctx);
void notes_free(struct notes *notes);

/* Shows them, for asictl grant --list; an exit status. */
int notes_show(const struct context *ctx);

/**
 * holder_note() - tell others what is held
 * @ctx: where
 * @note: what; @holder is this process
 *
 * Return: a file descriptor, to be kept until holder_forget(), or a negative
 * error number.
 */
int holder_note(const struct context *ctx, const struct note *note);
void holder_forget(const struct context *ctx, int fd);

/**
 * holder_end() - end somebody who holds something
 * @ctx: where the notes are
 * @note: of them
 *
 * Return: 0 when they are gone, or a negative error number.
 */
int holder_end(const struct context *ctx, const struct note *note);

#endif
