/* SPDX-License-Identifier: GPL-2.0 */
/* What is shown again and again: on a terminal in place, else one by one. */
#ifndef ASICTL_VIEW_H
#define ASICTL_VIEW_H

#include <stdio.h>
#include <time.h>

#include "asictl.h"

/**
 * struct view - something that changes with time
 * @ctx: what the user wants; @interval and @count are for the view
 * @title: first line on a terminal
 * @data: of the user of the view
 * @next: keep the last sample as the old one and take a new one; returns
 *	EXIT_OK, or another exit status after saying what is wrong
 * @show: print the difference of the two samples, or the first one as it is;
 *	returns the exit status that belongs to it
 * @when: @next sets it to the time of the new sample, by CLOCK_MONOTONIC
 * @last: @next sets it when there is nothing to sample any more: what @show
 *	prints then ends the view
 */
struct view {
	const struct context *ctx;
	const char *title;
	void *data;
	int (*next)(struct view *v);
	int (*show)(const struct view *v, FILE *out);
	struct timespec when;
	bool last;
};

/* Seconds between two pages: what was asked for, or the usual. */
double view_seconds(const struct context *ctx);

double seconds_between(const struct timespec *old, const struct timespec *new);

/* Is there a terminal to draw on, and text to be drawn? */
bool view_on_screen(const struct context *ctx);

/**
 * view_run() - show it until the user or @count ends it
 * @v: the view
 *
 * Without a terminal nothing is printed for the first sample alone, unless it
 * is the last.
 *
 * Return: exit status.
 */
int view_run(struct view *v);

/**
 * view_complain() - an error that does not end the view
 * @out: where the view is shown
 * @error: what is wrong
 * @hint: what to do about it
 */
void view_complain(FILE *out, const char *error, const char *hint);

#endif
