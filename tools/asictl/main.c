// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "asictl.h"
#include "output.h"
#include "text.h"

#define HINT_HELP	"see what there is: asictl help"

const struct command commands[] = {
	{ "status", cmd_status, OPT_COMMON, 0, 0, "",
	  "is ASI on, what does it protect, and if not, why" },
	{ "check", cmd_check, OPT_COMMON | OPT_PROMETHEUS, 0, 0, "",
	  "is this machine protected, fact by fact, for scripts" },
	{ "stat", cmd_stat,
	  OPT_COMMON | OPT_INTERVAL | OPT_COUNT | OPT_PER_CPU | OPT_PROMETHEUS,
	  0, 0, "",
	  "counters of each class, in total or per second" },
	{ "domains", cmd_domains, OPT_COMMON, 0, 0, "",
	  "live restricted address spaces and their owners (root)" },
	{ "faults", cmd_faults,
	  OPT_COMMON | OPT_INTERVAL | OPT_PID | OPT_CLASS | OPT_CLEAR |
	  OPT_STACKS, 0, 0, "",
	  "which instruction left for which page, from the log (root)" },
	{ "top", cmd_top,
	  OPT_COMMON | OPT_INTERVAL | OPT_COUNT | OPT_PID | OPT_CLASS, 0, 0, "",
	  "instructions that leave most, in total or per second (root)" },
	{ "map", cmd_map, OPT_COMMON | OPT_SVG, 1, 2, "PID [CLASS]",
	  "an address space by region: what is hidden, what is not (root)" },
	{ "test", cmd_test,
	  OPT_COMMON | OPT_TABLE | OPT_GRANT | OPT_MODULE | OPT_LIST,
	  0, 1, "[NAME|all]",
	  "run sequences through /dev/asi in a test domain (root)" },
	{ "grant", cmd_grant, OPT_COMMON | OPT_PID | OPT_CLASS | OPT_LIST,
	  0, 2, "OBJECT [LENGTH]",
	  "map something in a live domain, until it is revoked (root)" },
	{ "revoke", cmd_revoke, OPT_COMMON | OPT_PID | OPT_CLASS, 1, 1,
	  "OBJECT", "end what asictl grant has granted (root)" },
	{ "features", cmd_features, OPT_COMMON, 0, 0, "",
	  "what of the CPU and the kernel ASI works with" },
	{ "version", cmd_version, OPT_COMMON, 0, 0, "",
	  "versions of asictl, the kernel and its ASI interface" },
	{ "help", cmd_help, OPT_JSON | OPT_HELP, 0, 1, "[COMMAND]",
	  "this list, or the options of a command" },
	{}
};

const struct option_row option_rows[] = {
	{ OPT_JSON, 'j', "json", NULL, "print JSON, errors included" },
	{ OPT_SYSROOT, 'r', "sysroot", "DIR",
	  "read /sys and /proc below DIR, for example a dump" },
	{ OPT_INTERVAL, 'i', "interval", "SEC",
	  "print differences per second, every SEC seconds; faults: count so long" },
	{ OPT_COUNT, 'n', "count", "COUNT",
	  "with --interval: stop after COUNT times" },
	{ OPT_PER_CPU, 'c', "per-cpu", NULL,
	  "one line per CPU, class and counter (root)" },
	{ OPT_CLEAR, 'C', "clear", NULL,
	  "empty the log instead of showing it (root)" },
	{ OPT_STACKS, 'S', "stacks", NULL,
	  "each with the stack of a fault, if the kernel kept them (root)" },
	{ OPT_SVG, 's', "svg", "FILE", "draw to FILE, or with - to standard output" },
	{ OPT_TABLE, 't', "table", "KIND",
	  "with this page table only: nonsensitive, decorated" },
	{ OPT_GRANT, 'g', "grant", "OBJECT",
	  "grant it to the decorated page table first; may be repeated" },
	{ OPT_MODULE, 'm', "module", "NAME",
	  "for the sequence that loads one; it must not be loaded" },
	{ OPT_LIST, 'l', "list", NULL, "say what there is, and do nothing" },
	{ OPT_PID, 'P', "pid", "PID", "the process whose domain it is" },
	{ OPT_CLASS, 'k', "class", "CLASS", "the class of the domain" },
	{ OPT_PROMETHEUS, 'p', "prometheus", NULL,
	  "print for the textfile collector of node_exporter" },
	{ OPT_HELP, 'h', "help", NULL, "show help" },
	{}
};

#define N_OPTIONS ARRAY_SIZE(option_rows)

/* The first mistake; reported when all options are known, --json included. */
struct mistake {
	char *error;
	const char *hint;
};

/* Takes over @error, which quotes what the user typed, whatever that was. */
static void note_mistake(struct mistake *m, const char *hint, char *error)
{
	if (!m->error) {
		m->error = text_escape(error, strlen(error));
		m->hint = hint;
	}
	free(error);
}

const struct command *find_command(const char *name)
{
	const struct command *cmd;

	for (cmd = commands; cmd->name; cmd++)
		if (!strcmp(cmd->name, name))
			return cmd;
	return NULL;
}

static bool parse_interval(const char *s, double *value)
{
	char *end;

	if (!isdigit((unsigned char)*s) && *s != '.')
		return false;
	*value = strtod(s, &end);
	return !*end && *value >= 0.01 && *value <= 86400;
}

static bool parse_count(const char *s, unsigned long *value)
{
	uint64_t v;

	if (!text_u64(s, &v) || !v || v > 1000000000)
		return false;
	*value = v;
	return true;
}

static bool is_pid(const char *s)
{
	uint64_t v;

	return text_u64(s, &v) && v && v <= 1 << 22;
}

static void take_option(struct context *ctx, enum option_bit bit,
			const char *arg, struct mistake *m)
{
	ctx->given |= bit;
	switch (bit) {
	case OPT_JSON:
		ctx->json = true;
		break;
	case OPT_SYSROOT:
		ctx->sysroot = arg;
		break;
	case OPT_HELP:
		ctx->help = true;
		break;
	case OPT_PROMETHEUS:
		ctx->prometheus = true;
		break;
	case OPT_SVG:
		ctx->svg = arg;
		break;
	case OPT_TABLE:
		ctx->table = arg;
		break;
	case OPT_GRANT:
		ctx->grants = xrealloc(ctx->grants, ctx->n_grants + 1,
				       sizeof(*ctx->grants));
		ctx->grants[ctx->n_grants++] = arg;
		break;
	case OPT_MODULE:
		ctx->module = arg;
		break;
	case OPT_LIST:
		ctx->list = true;
		break;
	case OPT_PID:
		ctx->pid = arg;
		if (!is_pid(arg))
			note_mistake(m, "see which there are: asictl domains",
				     xasprintf("'%s' is no process number", arg));
		break;
	case OPT_CLASS:
		ctx->class = arg;
		if (!text_is_word(arg))
			note_mistake(m, "see which there are: asictl domains",
				     xasprintf("'%s' is no class", arg));
		break;
	case OPT_CLEAR:
		ctx->clear = true;
		break;
	case OPT_STACKS:
		ctx->stacks = true;
		break;
	case OPT_PER_CPU:
		ctx->per_cpu = true;
		break;
	case OPT_INTERVAL:
		if (!parse_interval(arg, &ctx->interval))
			note_mistake(m, "give seconds, 0.01 to 86400: asictl stat -i 1",
				     xasprintf("'%s' is no interval", arg));
		break;
	case OPT_COUNT:
		if (!parse_count(arg, &ctx->count))
			note_mistake(m, "give a number, 1 to 1000000000: asictl stat -i 1 -n 10",
				     xasprintf("'%s' is no count", arg));
		break;
	case OPT_COMMON:
		break;
	}
}

/* Tells a long option from its letter, in the answers of getopt_long(). */
#define LONG_OPTION	256

/* What getopt_long() wants, made of the table of options. */
struct getopt_tables {
	char letters[3 * N_OPTIONS + 2];
	struct option names[N_OPTIONS];
};

static void make_getopt_tables(struct getopt_tables *t)
{
	const struct option_row *row = option_rows;
	char *p = t->letters;
	size_t i;

	memset(t, 0, sizeof(*t));
	/* A leading colon: tell a missing argument from an unknown option. */
	*p++ = ':';
	for (i = 0; row[i].name; i++) {
		*p++ = row[i].letter;
		if (row[i].arg)
			*p++ = ':';
		t->names[i] = (struct option){
			.name = row[i].name,
			.has_arg = row[i].arg ? required_argument : no_argument,
			.val = LONG_OPTION + i,
		};
	}
}

static void note_bad_option(struct mistake *m, int c, char **argv)
{
	const char *what = c == ':' ? "needs an argument" : "is unknown";

	/* optopt is 0 for a long name that is not in the table. */
	if (optopt > 0 && optopt < LONG_OPTION) {
		note_mistake(m, HINT_HELP,
			     xasprintf("option -%c %s", optopt, what));
		return;
	}
	if (optopt && c != ':')
		what = "takes no argument";
	note_mistake(m, HINT_HELP,
		     xasprintf("option %s %s", argv[optind - 1], what));
}

static const struct option_row *find_option(int c)
{
	const struct option_row *row;

	if (c >= LONG_OPTION)
		return &option_rows[c - LONG_OPTION];
	for (row = option_rows; row->name; row++)
		if (row->letter == c)
			return row;
	return NULL;
}

static void parse_options(struct context *ctx, int argc, char **argv,
			  struct mistake *m)
{
	struct getopt_tables t;
	int c;

	make_getopt_tables(&t);
	opterr = 0;
	while ((c = getopt_long(argc, argv, t.letters, t.names, NULL)) != -1) {
		const struct option_row *row = find_option(c);

		if (row)
			take_option(ctx, row->bit, optarg, m);
		else
			note_bad_option(m, c, argv);
	}
	ctx->argc = argc - optind;
	ctx->argv = argv + optind;
}

static const struct command *take_command(struct context *ctx,
					  struct mistake *m)
{
	const struct command *cmd;

	if (!ctx->argc) {
		if (ctx->help)
			return find_command("help");
		note_mistake(m, HINT_HELP, xstrdup("a command is missing"));
		return NULL;
	}
	cmd = find_command(ctx->argv[0]);
	if (!cmd) {
		note_mistake(m, HINT_HELP, xasprintf("there is no command '%s'",
						     ctx->argv[0]));
		return NULL;
	}
	ctx->argc--;
	ctx->argv++;
	return cmd;
}

/* What there is only of the log of all processes. */
static void check_log_usage(const struct context *ctx, struct mistake *m)
{
	const unsigned int others = OPT_PID | OPT_CLASS | OPT_INTERVAL;
	const char *whole = ctx->clear ? "clear" : "stacks";
	const struct option_row *row;

	if (ctx->clear && ctx->stacks)
		note_mistake(m, "leave one of them out",
			     xstrdup("--clear and --stacks exclude each other"));
	if (!ctx->clear && !ctx->stacks)
		return;
	for (row = option_rows; row->name; row++)
		if (ctx->given & row->bit & others)
			note_mistake(m, "leave one of them out",
				     xasprintf("--%s and --%s exclude each other",
					       whole, row->name));
}

static void check_usage(const struct context *ctx, const struct command *cmd,
			struct mistake *m)
{
	const struct option_row *row;

	for (row = option_rows; row->name; row++)
		if (ctx->given & row->bit & ~cmd->options)
			note_mistake(m, HINT_HELP,
				     xasprintf("'%s' has no option --%s",
					       cmd->name, row->name));
	if (ctx->argc > cmd->max_args)
		note_mistake(m, HINT_HELP,
			     xasprintf("'%s' has no use for '%s'", cmd->name,
				       ctx->argv[cmd->max_args]));
	if (!ctx->help && ctx->argc < cmd->min_args)
		note_mistake(m, HINT_HELP,
			     xasprintf("'%s' needs more: %s", cmd->name,
				       cmd->args));
	if (ctx->json && (ctx->prometheus || ctx->svg))
		note_mistake(m, "leave one of them out",
			     xasprintf("--%s and --json exclude each other",
				       ctx->svg ? "svg" : "prometheus"));
	check_log_usage(ctx, m);
	if (ctx->list && ctx->argc)
		note_mistake(m, "leave one of them out",
			     xasprintf("--list and '%s' exclude each other",
				       ctx->argv[0]));
	if (ctx->prometheus && ctx->given & OPT_INTERVAL)
		note_mistake(m, "leave out --interval: Prometheus makes rates of totals",
			     xstrdup("--prometheus and --interval exclude each other"));
	if (ctx->given & OPT_COUNT && !(ctx->given & OPT_INTERVAL))
		note_mistake(m, "add an interval: asictl stat -i 1 -n 10",
			     xstrdup("--count needs --interval"));
}

static int fail_sysroot(const struct context *ctx, const char *dir, int err)
{
	char *safe = text_escape(dir, strlen(dir));
	int ret = fail(ctx, EXIT_ERROR,
		       "give a directory that has sys/ and proc/ in it",
		       "cannot open sysroot '%s': %s", safe, strerror(err));

	free(safe);
	return ret;
}

static int run_command(struct context *ctx, const struct command *cmd)
{
	const char *dir = ctx->sysroot ?: "/";
	int ret;

	if (ctx->help && cmd->run != cmd_help)
		return help_command(ctx, cmd);
	ctx->root = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (ctx->root < 0)
		return fail_sysroot(ctx, dir, errno);
	ret = cmd->run(ctx);
	close(ctx->root);
	return ret;
}

static int flush_output(int status)
{
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	say_error("cannot write to standard output",
		  "see whether the disk is full or the reader is gone");
	return EXIT_ERROR;
}

int main(int argc, char **argv)
{
	struct context ctx = { .root = -1 };
	const struct command *cmd;
	struct mistake m = {};
	int status;

	parse_options(&ctx, argc, argv, &m);
	cmd = take_command(&ctx, &m);
	if (cmd)
		check_usage(&ctx, cmd, &m);
	if (m.error)
		status = fail(&ctx, EXIT_ERROR, m.hint, "%s", m.error);
	else
		status = run_command(&ctx, cmd);
	free(m.error);
	free(ctx.grants);
	return flush_output(status);
}
