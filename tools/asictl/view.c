// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>

#include "output.h"
#include "screen.h"
#include "view.h"

/* Seconds between two pages when no interval was given. */
#define DEFAULT_INTERVAL	2.0

bool view_on_screen(const struct context *ctx)
{
	return !ctx->json && screen_usable();
}

void view_complain(FILE *out, const char *error, const char *hint)
{
	if (out == stdout)
		say_error(error, hint);
	else
		fprintf(out, "Error: %s\nHint: %s\n", error, hint);
}

double seconds_between(const struct timespec *old, const struct timespec *new)
{
	return (double)(new->tv_sec - old->tv_sec) +
	       (new->tv_nsec - old->tv_nsec) / 1e9;
}

double view_seconds(const struct context *ctx)
{
	return ctx->interval ?: DEFAULT_INTERVAL;
}

/* The time that sampling and showing take is part of the interval. */
static struct timespec deadline(const struct view *v)
{
	double seconds = view_seconds(v->ctx);
	struct timespec end = v->when;
	time_t whole = seconds;

	end.tv_sec += whole;
	end.tv_nsec += (seconds - whole) * 1e9;
	if (end.tv_nsec >= 1000000000) {
		end.tv_sec++;
		end.tv_nsec -= 1000000000;
	}
	return end;
}

static bool is_last(const struct view *v, unsigned long shown)
{
	return v->last || (v->ctx->count && shown >= v->ctx->count);
}

static int run_lines(struct view *v)
{
	int status = EXIT_OK;
	unsigned long i;
	int ret = EXIT_OK;

	for (i = 0; !ret && !is_last(v, i); i++) {
		struct timespec end = deadline(v);

		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end,
				       NULL) == EINTR)
			;
		ret = v->next(v);
		if (!ret)
			status = v->show(v, stdout);
		/* Main tells about it. */
		if (fflush(stdout))
			break;
	}
	return ret ?: status;
}

/* Return: a page of text, or NULL without memory for it. */
static char *make_page(const struct view *v, int *status)
{
	char *page = NULL;
	size_t len = 0;
	FILE *out;

	out = open_memstream(&page, &len);
	if (!out)
		return NULL;
	*status = v->show(v, out);
	if (!fclose(out))
		return page;
	free(page);
	return NULL;
}

/* Return: false when the user wants to end it. */
static bool show_page(const struct view *v, const char *page)
{
	struct timespec end = deadline(v);
	enum screen_event event;
	char *title;

	title = xasprintf("%s, every %g s; q quits", v->title,
			  view_seconds(v->ctx));
	do {
		screen_draw(title, page ?: "");
		event = screen_wait(&end);
	} while (event == SCREEN_REDRAW);
	free(title);
	return event == SCREEN_TIME;
}

static int run_screen(struct view *v)
{
	int status = EXIT_OK;
	char *page = NULL;
	unsigned long i;
	int ret = EXIT_OK;

	for (i = 0; !ret; i++) {
		free(page);
		page = make_page(v, &status);
		if (is_last(v, i) || !show_page(v, page))
			break;
		/* What went wrong is said after the screen is closed. */
		ret = v->next(v);
	}
	screen_close();
	/* What was asked for by number is left to be seen. */
	if (page && !ret && is_last(v, i))
		fputs(page, stdout);
	free(page);
	return ret ?: status;
}

int view_run(struct view *v)
{
	int ret = v->next(v);

	if (ret)
		return ret;
	if (v->last)
		return v->show(v, stdout);
	if (view_on_screen(v->ctx) && screen_open())
		return run_screen(v);
	return run_lines(v);
}
