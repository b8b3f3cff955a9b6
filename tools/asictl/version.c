// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>

#include "output.h"
#include "state.h"
#include "text.h"

static void print_json(const struct state *s)
{
	json_t *obj = js_object();

	js_set_string(obj, "asictl", ASICTL_VERSION);
	js_set(obj, "asictl_abi", js_number(ASI_ABI));
	js_set_string(obj, "kernel", s->release);
	js_set(obj, "kernel_abi", js_number(s->abi));
	js_print(obj, JSON_INDENT(2));
}

static void print_text(const struct state *s)
{
	printf("asictl:        %s, made for interface version %s\n",
	       ASICTL_VERSION, ASI_ABI);
	printf("kernel:        %s\n", text_or_note(s->release));
	if (s->abi)
		printf("ASI interface: version %s\n", text_or_note(s->abi));
	else
		printf("ASI interface: %s\n",
		       s->absent ? "none, not in this kernel" : "unknown");
}

/* Tells what it can and never fails: bug reports start with it. */
int cmd_version(struct context *ctx)
{
	struct state s;

	state_load(&s, ctx);
	if (ctx->json)
		print_json(&s);
	else
		print_text(&s);
	state_free(&s);
	return EXIT_OK;
}
