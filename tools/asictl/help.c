// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "text.h"

static void print_options(unsigned int bits)
{
	const struct option_row *row;

	for (row = option_rows; row->name; row++) {
		int width = 0;

		if (!(bits & row->bit))
			continue;
		width += printf("  -%c, --%s", row->letter, row->name);
		if (row->arg)
			width += printf(" %s", row->arg);
		printf("%*s%s\n", width < 24 ? 24 - width : 1, "",
		       row->summary);
	}
}

static void print_all(void)
{
	const struct command *cmd;

	printf("Usage: asictl COMMAND [OPTION]...\n"
	       "Show what Address Space Isolation (ASI) does on this machine.\n"
	       "\nCommands:\n");
	for (cmd = commands; cmd->name; cmd++)
		printf("  %-10s%s\n", cmd->name, cmd->summary);
	printf("\nOptions of every command:\n");
	print_options(OPT_COMMON);
	printf("\nExit status: 0 done, for status: restricted, for check: protected, for test:\n"
	       "passed; 1 wrong use, or a file cannot be read; 2 ASI or a class of it is off,\n"
	       "or not in this kernel, for check: not protected, for test: failed; 3 cannot\n"
	       "tell, for test: nothing was run.\n");
}

static json_t *js_options(unsigned int bits)
{
	const struct option_row *row;
	json_t *list = js_array();

	for (row = option_rows; row->name; row++) {
		char letter[2] = { row->letter };
		json_t *obj;

		if (!(bits & row->bit))
			continue;
		obj = js_object();
		js_set_string(obj, "name", row->name);
		js_set_string(obj, "letter", letter);
		js_set_string(obj, "argument", row->arg);
		js_set_string(obj, "summary", row->summary);
		js_add(list, obj);
	}
	return list;
}

static json_t *js_command(const struct command *cmd)
{
	json_t *obj = js_object();

	js_set_string(obj, "name", cmd->name);
	js_set_string(obj, "arguments", cmd->args);
	js_set_string(obj, "summary", cmd->summary);
	js_set(obj, "options", js_options(cmd->options));
	return obj;
}

static void print_all_json(void)
{
	const struct command *cmd;
	json_t *obj = js_object();
	json_t *list = js_array();

	for (cmd = commands; cmd->name; cmd++)
		js_add(list, js_command(cmd));
	js_set(obj, "commands", list);
	js_print(obj, JSON_INDENT(2));
}

int help_command(const struct context *ctx, const struct command *cmd)
{
	if (ctx->json) {
		js_print(js_command(cmd), JSON_INDENT(2));
		return EXIT_OK;
	}
	printf("Usage: asictl %s [OPTION]...%s%s\n%s\n\nOptions:\n",
	       cmd->name, *cmd->args ? " " : "", cmd->args, cmd->summary);
	print_options(cmd->options);
	return EXIT_OK;
}

static int fail_unknown(const struct context *ctx, const char *name)
{
	char *safe = text_escape(name, strlen(name));
	int ret = fail(ctx, EXIT_ERROR, "see what there is: asictl help",
		       "there is no command '%s'", safe);

	free(safe);
	return ret;
}

int cmd_help(struct context *ctx)
{
	const struct command *cmd;

	if (ctx->argc) {
		cmd = find_command(ctx->argv[0]);
		if (cmd)
			return help_command(ctx, cmd);
		return fail_unknown(ctx, ctx->argv[0]);
	}
	if (ctx->json)
		print_all_json();
	else
		print_all();
	return EXIT_OK;
}
