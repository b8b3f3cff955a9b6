/* SPDX-License-Identifier: GPL-2.0 */
/*
 * asictl: show what Address Space Isolation does on this machine.
 *
 * Layers, each in a pair of files, each using only those above it:
 *   text, table     strings and columns
 *   io, tree        files below a root directory
 *   screen          the terminal
 *   output, prom    JSON, errors, hints; the text format of Prometheus
 *   view            what is shown again and again
 *   state, facts    what /sys/kernel/asi says, and what follows from it
 *   debugfs, ktable tables in /sys/kernel/debug/asi
 *   device, attach, object, sequence, testrun  /dev/asi: questions, live domains,
 *                   grants, tests
 *   wait, holder    waiting; grants that last
 *   faultlog, tally faults of all domains or of one; added up
 *   mapload, mapdraw, mapsvg  address spaces
 *   the others      one command each
 */
#ifndef ASICTL_H
#define ASICTL_H

#include <stdbool.h>
#include <stddef.h>

/* The version of the kernel's interface, /sys/kernel/asi/abi, we know. */
#define ASI_ABI		"1"
#define ASI_DIR		"sys/kernel/asi"

/* Documented in asictl.8; scripts rely on the numbers. */
enum exit_status {
	EXIT_OK		= 0,
	EXIT_ERROR	= 1,
	EXIT_OFF	= 2,
	EXIT_UNKNOWN	= 3,
};

/* Bits of struct command.options: which options a command understands. */
enum option_bit {
	OPT_JSON	= 1 << 0,
	OPT_SYSROOT	= 1 << 1,
	OPT_HELP	= 1 << 2,
	OPT_INTERVAL	= 1 << 3,
	OPT_COUNT	= 1 << 4,
	OPT_PER_CPU	= 1 << 5,
	OPT_PROMETHEUS	= 1 << 6,
	OPT_CLEAR	= 1 << 7,
	OPT_SVG		= 1 << 8,
	OPT_STACKS	= 1 << 9,
	OPT_TABLE	= 1 << 10,
	OPT_GRANT	= 1 << 11,
	OPT_MODULE	= 1 << 12,
	OPT_LIST	= 1 << 13,
	OPT_PID		= 1 << 14,
	OPT_CLASS	= 1 << 15,
	OPT_COMMON	= OPT_JSON | OPT_SYSROOT | OPT_HELP,
};

/**
 * struct context - what the command line asked for
 * @root: directory below which everything is read, O_PATH; -1 until opened
 * @sysroot: its name, or NULL for the running system
 * @json: print JSON, errors included
 * @help: the command's help was asked for
 * @prometheus: print the text format of Prometheus
 * @per_cpu: stat: one line per CPU
 * @clear: faults: clear the log instead of showing it
 * @stacks: faults: with those who called
 * @svg: map: file to draw to, "-" for standard output; NULL for text
 * @table: test: kind of page table; NULL for all
 * @grants: test: what a decorated page table is granted, in addition
 * @n_grants: how many
 * @module: test: name of a module to load, or NULL
 * @list: test: say what could be run; grant: say what is granted now
 * @pid: faults, top, grant, revoke: the process, or NULL
 * @class: faults, top, grant, revoke: the class of its domain, or NULL
 * @interval: stat, top: seconds between two samples; 0 for totals, once;
 *	faults: seconds to count for
 * @count: stat, top: samples to print; 0 for no end
 * @given: the options that were used, of enum option_bit
 * @argc: arguments after the command
 * @argv: the arguments themselves
 */
struct context {
	int root;
	const char *sysroot;
	bool json;
	bool help;
	bool prometheus;
	bool per_cpu;
	bool clear;
	bool stacks;
	const char *svg;
	const char *table;
	const char **grants;
	size_t n_grants;
	const char *module;
	bool list;
	const char *pid;
	const char *class;
	double interval;
	unsigned long count;
	unsigned int given;
	int argc;
	char **argv;
};

/**
 * struct command - a row in the table of commands
 * @name: what the user types
 * @run: does it; returns an enum exit_status
 * @options: what it understands, of enum option_bit
 * @min_args: how many arguments it needs after its name
 * @max_args: how many it takes
 * @args: how its own arguments are written in the usage line
 * @summary: one line, for the list of commands
 */
struct command {
	const char *name;
	int (*run)(struct context *ctx);
	unsigned int options;
	int min_args;
	int max_args;
	const char *args;
	const char *summary;
};

/* Ends with an entry whose name is NULL. */
extern const struct command commands[];

/**
 * struct option_row - a row in the table of options
 * @bit: of enum option_bit
 * @letter: its short form, or 0
 * @name: its long form
 * @arg: name of its argument in the help, or NULL
 * @summary: one line for the help
 */
struct option_row {
	enum option_bit bit;
	char letter;
	const char *name;
	const char *arg;
	const char *summary;
};

/* Ends with an entry whose name is NULL. */
extern const struct option_row option_rows[];

const struct command *find_command(const char *name);
int help_command(const struct context *ctx, const struct command *cmd);

int cmd_status(struct context *ctx);
int cmd_check(struct context *ctx);
int cmd_stat(struct context *ctx);
int cmd_domains(struct context *ctx);
int cmd_faults(struct context *ctx);
int cmd_top(struct context *ctx);
int cmd_map(struct context *ctx);
int cmd_test(struct context *ctx);
int cmd_grant(struct context *ctx);
int cmd_revoke(struct context *ctx);
int cmd_features(struct context *ctx);
int cmd_version(struct context *ctx);
int cmd_help(struct context *ctx);

#endif
