// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>

#include "attach.h"
#include "output.h"
#include "text.h"

#define HINT_DOMAINS	"see which there are: asictl domains"
#define CLASS		"user"

pid_t attach_pid(const struct context *ctx)
{
	uint64_t pid = 0;

	text_u64(ctx->pid, &pid);
	return pid;
}

const char *attach_class(const struct context *ctx)
{
	return ctx->class ?: CLASS;
}

int attach(struct device *dev, const struct context *ctx)
{
	struct asi_ioc_attach a = { .pid = attach_pid(ctx) };
	int err;

	snprintf(a.class, sizeof(a.class), "%s", attach_class(ctx));
	err = device_ask(dev, ASI_IOC_ATTACH, &a, sizeof(a.pid));
	if (err == -ESRCH)
		return fail(ctx, EXIT_ERROR, HINT_DOMAINS,
			    "there is no process %s", ctx->pid);
	if (err == -ENOENT || err == -ENXIO)
		return fail(ctx, EXIT_ERROR, HINT_DOMAINS,
			    "process %s has no domain of class %s", ctx->pid,
			    attach_class(ctx));
	if (err == -EUSERS)
		return fail(ctx, EXIT_ERROR, device_hint(dev, err),
			    "cannot attach: too many domains are watched");
	return err ? device_fail(dev, ctx, err, "cannot attach") : EXIT_OK;
}
