/* SPDX-License-Identifier: GPL-2.0 */
/* Waiting that the user may end, with something to do afterwards. */
#ifndef ASICTL_WAIT_H
#define ASICTL_WAIT_H

#include <sys/types.h>

enum wait_event {
	WAIT_SIGNAL,
	WAIT_ENDED,
	WAIT_TIME,
};

/**
 * wait_prepare() - have signals that end us wait for wait_for()
 *
 * Return: a file descriptor for it, or a negative error number.
 */
int wait_prepare(void);

/* Signals end us again, as they did before. */
void wait_finish(int signals);

/**
 * wait_for() - wait until something happens
 * @signals: from wait_prepare()
 * @pid: a process
 * @seconds: how long; if negative, without end
 *
 * Return: WAIT_SIGNAL if a signal came, WAIT_ENDED if the process has ended.
 */
enum wait_event wait_for(int signals, pid_t pid, double seconds);

#endif
