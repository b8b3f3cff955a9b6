/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel says about itself, and what follows from it. */
#ifndef ASICTL_STATE_H
#define ASICTL_STATE_H

#include <jansson.h>

#include "asictl.h"
#include "tree.h"

/* What to do; more than one command has a use for these. */
#define HINT_COMPARE	\
	"see whether this asictl fits the kernel: asictl version"
#define HINT_DMESG	"see what the kernel says about it: dmesg | grep -i asi"
#define HINT_LOAD	"load what has a class, for example: modprobe kvm"
#define HINT_ROOT	"run asictl as root"

/* A file that should say "0" or "1". */
enum tristate {
	TRI_NO,
	TRI_YES,
	TRI_UNKNOWN,
};

enum verdict {
	VERDICT_RESTRICTED,
	VERDICT_PARTLY,
	VERDICT_NOT,
	VERDICT_UNKNOWN,
};

/**
 * struct class_state - one directory of /sys/kernel/asi/classes
 * @name: of the class; the strings point into the tree
 * @on: code of this class runs in restricted address spaces
 * @wanted: the mode asks for this class
 * @reason: why it is off
 * @fault_policy: what a fault does
 * @page_table: what its page tables are made of
 */
struct class_state {
	const char *name;
	enum tristate on;
	bool wanted;
	const char *reason;
	const char *fault_policy;
	const char *page_table;
};

/**
 * struct state - everything below /sys/kernel/asi, and the verdict
 * @tree: the files themselves
 * @err: why there is no tree, a negative error number, or 0
 * @absent: the kernel has no ASI at all
 * @on: restricted address spaces are in use
 * @abi: version of the interface; like the next two, NULL when unreadable
 * @mode: what was asked for
 * @reason: why ASI or a class is off; empty when all that was asked for is on
 * @classes: the registered classes
 * @n_classes: how many
 * @release: of the kernel, NULL when unknown
 * @asked: the last asi= of the kernel command line, NULL if there is none
 * @cmdline_known: the command line could be read at all
 * @verdict: is what should be restricted restricted?
 * @why: what is wrong, one line; NULL when restricted
 * @hint: what to do about it; NULL when restricted
 */
struct state {
	struct tree tree;
	int err;
	bool absent;
	enum tristate on;
	const char *abi;
	const char *mode;
	const char *reason;
	struct class_state *classes;
	size_t n_classes;
	char *release;
	char *asked;
	bool cmdline_known;
	enum verdict verdict;
	char *why;
	const char *hint;
};

void state_load(struct state *s, const struct context *ctx);
void state_free(struct state *s);

/* The exit status that goes with the verdict. */
enum exit_status state_exit(const struct state *s);

/**
 * state_require_on() - for commands that make no sense while ASI is off
 * @s: the state
 * @ctx: for the message
 *
 * Return: EXIT_OK, or the exit status after saying what is wrong. A state
 * that cannot be told counts as on, so that what is readable gets shown.
 */
int state_require_on(const struct state *s, const struct context *ctx);

/* The same, for commands that need nothing else of the state. */
int require_on(const struct context *ctx);

/* True when there is nothing below /sys/kernel/asi to show. */
bool state_missing(const struct state *s);

/* Classes that tests register are nobody's protection. */
bool class_is_test(const char *name);

/*
 * What nobody asked for by name, and no other command shows: what a newer
 * kernel has to say.
 */
json_t *js_other(const struct state *s);
void print_other(const struct state *s, const char *label);

/* null for TRI_UNKNOWN. */
json_t *js_tristate(enum tristate t);
enum tristate tristate(const char *value);

/*
 * What could not be read: objects of path and error, their number, lines of
 * text. @dir restricts it to one directory; NULL is all.
 */
json_t *js_unreadable(const struct state *s, const char *dir);
size_t count_unreadable(const struct state *s, const char *dir);
void print_unreadable(const struct state *s, const char *dir);

#endif
