/* SPDX-License-Identifier: GPL-2.0 */
/* The live domain that --pid and --class name. */
#ifndef ASICTL_ATTACH_H
#define ASICTL_ATTACH_H

#include <sys/types.h>

#include "device.h"

/* The process, where --pid was given. */
pid_t attach_pid(const struct context *ctx);

/* The class: the one that was given, or that of processes. */
const char *attach_class(const struct context *ctx);

/**
 * attach() - attach the device to the domain
 * @dev: the device
 * @ctx: has the process; for the message
 *
 * Return: EXIT_OK, or EXIT_ERROR after saying why not.
 */
int attach(struct device *dev, const struct context *ctx);

#endif
