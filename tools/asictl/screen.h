/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A terminal that is drawn anew again and again. It is given back as it was
 * whatever ends the program, but for SIGKILL and a crash.
 */
#ifndef ASICTL_SCREEN_H
#define ASICTL_SCREEN_H

#include <stdbool.h>
#include <time.h>

/* What ended a wait. */
enum screen_event {
	SCREEN_TIME,
	SCREEN_REDRAW,
	SCREEN_QUIT,
};

/* Are standard input and output a terminal that can be drawn on? */
bool screen_usable(void);

/**
 * screen_open() - take the terminal
 *
 * Signals that end or stop the program, and SIGWINCH, are blocked until
 * screen_close(): screen_wait() acts on them.
 *
 * Return: false if it cannot be taken.
 */
bool screen_open(void);

/* Give the terminal back. Does nothing if it was not taken. */
void screen_close(void);

/**
 * screen_draw() - show a page, cut to the size of the terminal
 * @title: first line
 * @text: lines of printable ASCII, each with its newline
 */
void screen_draw(const char *title, const char *text);

/**
 * screen_wait() - until it is time, or something happens
 * @deadline: by CLOCK_MONOTONIC
 *
 * A signal that ends the program ends it here, the terminal given back.
 *
 * Return: SCREEN_REDRAW when the terminal has another size or was used by
 * somebody else, SCREEN_QUIT when the user typed q.
 */
enum screen_event screen_wait(const struct timespec *deadline);

#endif
