// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach.h"
#include "debugfs.h"
#include "holder.h"
#include "object.h"
#include "output.h"
#include "state.h"
#include "wait.h"

static int check_grant(const struct context *ctx, struct asi_ioc_grant *grant)
{
	const char *length = ctx->argc > 1 ? ctx->argv[1] : NULL;
	char *safe;
	int ret;

	if (!ctx->argc)
		return fail(ctx, EXIT_ERROR, HINT_OBJECT,
			    "'grant' needs more: OBJECT");
	if (!object_parse(grant, ctx->argv[0], length)) {
		safe = text_escape(ctx->argv[0], strlen(ctx->argv[0]));
		ret = fail(ctx, EXIT_ERROR, HINT_OBJECT,
			   "'%s' is no object%s", safe,
			   length ? " of this length" : "");
		free(safe);
		return ret;
	}
	if (!ctx->pid)
		return fail(ctx, EXIT_ERROR,
			    "add --pid PID; for a test: asictl test NAME --grant OBJECT",
			    "a grant needs a domain");
	grant->domain = ASI_DOMAIN_ATTACHED;
	return EXIT_OK;
}

static void print_granted(const struct context *ctx,
			  const struct asi_ioc_grant *grant, bool held)
{
	const char *class = attach_class(ctx);
	json_t *obj;

	if (ctx->json) {
		obj = js_granted(ctx, grant, ctx->argv[0]);
		js_set(obj, "pid", js_number(ctx->pid));
		js_set_string(obj, "class", class);
		js_set(obj, "held", js_bool(held));
		js_print(obj, JSON_COMPACT);
	} else {
		object_print(ctx, grant, ctx->argv[0]);
		if (held)
			printf("To process %s, class %s, until it ends, by Ctrl-C, or: asictl revoke %s\n",
			       ctx->pid, class, ctx->argv[0]);
	}
	/* Whoever waits for it is told before we wait. */
	fflush(stdout);
}

static int hold(struct device *dev, const struct context *ctx,
		struct asi_ioc_grant *grant)
{
	const struct note note = {
		.pid = (char *)ctx->pid,
		.class = (char *)attach_class(ctx),
		.object = ctx->argv[0],
	};
	int signals = wait_prepare();
	bool ended;
	int fd;
	int ret;

	fd = signals < 0 ? signals : holder_note(ctx, &note);
	if (fd < 0)
		return fail(ctx, EXIT_ERROR,
			    "see whether there is a directory /run to write to",
			    "cannot note what is granted in /run/asictl: %s",
			    strerror(-fd));
	ret = object_grant(dev, ctx, grant, ctx->argv[0]);
	if (!ret) {
		print_granted(ctx, grant, true);
		ended = wait_for(signals, attach_pid(ctx), -1) == WAIT_ENDED;
		if (!ctx->json)
			puts(ended ? "Ended, with the process." : "Revoked.");
	}
	/* Closing takes it back; only then nobody holds it any more. */
	device_close(dev);
	*dev = (struct device){ .fd = -1 };
	holder_forget(ctx, fd);
	wait_finish(signals);
	return ret;
}

int cmd_grant(struct context *ctx)
{
	struct asi_ioc_grant grant;
	struct device dev;
	int ret;

	if (ctx->list)
		return require_on(ctx) ?: notes_show(ctx);
	ret = check_grant(ctx, &grant) ?: device_open(&dev, ctx);
	if (ret)
		return ret;
	ret = attach(&dev, ctx);
	if (!ret && !is_dump(ctx)) {
		ret = hold(&dev, ctx, &grant);
	} else if (!ret) {
		ret = object_grant(&dev, ctx, &grant, ctx->argv[0]);
		if (!ret)
			print_granted(ctx, &grant, false);
	}
	device_close(&dev);
	return ret;
}
