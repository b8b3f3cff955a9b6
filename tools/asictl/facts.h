/* SPDX-License-Identifier: GPL-2.0 */
/* What has to be so for a machine to be protected, one fact at a time. */
#ifndef ASICTL_FACTS_H
#define ASICTL_FACTS_H

#include "state.h"

/**
 * struct fact - something that was judged
 * @name: what it is about; with @class unique, and stable for scripts
 * @class: the class it is about, or NULL; points into the state
 * @judged: it counts; otherwise it is only told
 * @holds: it is as it should be
 * @what: what is so, for people
 * @hint: what to do if it does not hold
 */
struct fact {
	const char *name;
	const char *class;
	bool judged;
	enum tristate holds;
	char *what;
	const char *hint;
};

/**
 * struct facts - all of them, and what follows
 * @v: in the order of importance
 * @n: how many
 * @holds: the machine is protected
 * @why: what decided, one line; NULL if all hold
 * @hint: what to do about it
 */
struct facts {
	struct fact *v;
	size_t n;
	enum tristate holds;
	char *why;
	const char *hint;
};

void facts_load(struct facts *f, struct state *s);
void facts_free(struct facts *f);

#endif
