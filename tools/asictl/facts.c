// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "facts.h"
#include "text.h"

/* Takes over @what. */
static struct fact *add(struct facts *f, const char *name, enum tristate holds,
			const char *hint, char *what)
{
	struct fact *fact;

	f->v = xrealloc(f->v, f->n + 1, sizeof(*f->v));
	fact = &f->v[f->n++];
	*fact = (struct fact){
		.name = name,
		.judged = true,
		.holds = holds,
		.what = what,
		.hint = hint,
	};
	return fact;
}

static void judge_kernel(struct facts *f, const struct state *s)
{
	if (s->absent)
		add(f, "kernel", TRI_NO, s->hint, xstrdup(s->why));
	else if (s->err)
		add(f, "kernel", TRI_UNKNOWN, s->hint, xstrdup(s->why));
	else
		add(f, "kernel", TRI_YES, NULL,
		    xasprintf("has Address Space Isolation: %s",
			      text_or_note(s->release)));
}

/* Why a file of the state leaves us in doubt. */
static char *doubtful(const struct state *s, const char *path,
		      const char *value)
{
	size_t i;

	if (value)
		return xasprintf("/" ASI_DIR "/%s says \"%.40s\"", path, value);
	for (i = 0; i < s->tree.n; i++) {
		const struct attr *a = &s->tree.v[i];

		if (!strcmp(a->path, path))
			return xasprintf("cannot read /" ASI_DIR "/%s: %s", path,
					 strerror(a->dir ? EISDIR : -a->err));
	}
	return xasprintf("there is no /" ASI_DIR "/%s", path);
}

/*
 * Return: false when the interface is newer than we are, or nobody knows: then
 * no file needs to mean what we take it for.
 */
static bool judge_interface(struct facts *f, const struct state *s)
{
	uint64_t known, abi;

	text_u64(ASI_ABI, &known);
	if (!s->abi || !text_u64(s->abi, &abi)) {
		add(f, "interface", TRI_UNKNOWN, HINT_COMPARE,
		    doubtful(s, "abi", s->abi));
		return false;
	}
	if (abi > known) {
		add(f, "interface", TRI_UNKNOWN,
		    "use the asictl that came with this kernel",
		    xasprintf("version %.40s is newer than this asictl, which knows "
			      ASI_ABI, s->abi));
		return false;
	}
	add(f, "interface", TRI_YES, NULL,
	    xasprintf("version %.40s", s->abi));
	return true;
}

static void judge_enabled(struct facts *f, const struct state *s)
{
	if (s->on == TRI_YES)
		add(f, "enabled", TRI_YES, NULL,
		    xstrdup("restricted address spaces are in use"));
	else
		add(f, "enabled", s->on, s->hint, xstrdup(s->why));
}

static bool mode_is_known(const struct state *s)
{
	static const char *const modes[] = { "off", "on", "kvm", "user" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(modes); i++)
		if (s->mode && !strcmp(s->mode, modes[i]))
			return true;
	return false;
}

/* Off is judged by the fact "enabled". */
static void judge_mode(struct facts *f, const struct state *s)
{
	if (mode_is_known(s))
		add(f, "mode", TRI_YES, NULL, xasprintf("%s", s->mode));
	else
		add(f, "mode", TRI_UNKNOWN, HINT_COMPARE,
		    doubtful(s, "mode", s->mode));
}

static const char *reason_of(const struct class_state *c)
{
	return c->reason && *c->reason ? c->reason :
					 "the kernel gives no reason";
}

static void judge_class(struct facts *f, struct state *s,
			const struct class_state *c)
{
	char *path = xasprintf("classes/%s/enabled", c->name);
	struct fact *fact;

	if (c->on == TRI_YES)
		fact = add(f, "class", TRI_YES, NULL, xstrdup("on"));
	else if (c->on == TRI_UNKNOWN)
		fact = add(f, "class", TRI_UNKNOWN, HINT_COMPARE,
			   doubtful(s, path, tree_value(&s->tree, "%s", path)));
	else if (!mode_is_known(s))
		fact = add(f, "class", TRI_UNKNOWN, HINT_COMPARE,
			   xasprintf("off, and nobody knows whether it was asked for: %s",
				     reason_of(c)));
	else
		fact = add(f, "class", TRI_NO, HINT_DMESG,
			   xasprintf("off: %s", reason_of(c)));
	free(path);
	fact->class = c->name;
	fact->judged = c->wanted;
}

static void judge_classes(struct facts *f, struct state *s)
{
	bool some = false;
	size_t i;

	for (i = 0; i < s->n_classes; i++) {
		judge_class(f, s, &s->classes[i]);
		some |= s->classes[i].wanted;
	}
	if (!some && s->on != TRI_NO)
		add(f, "classes", TRI_NO, HINT_LOAD,
		    xstrdup("no class that was asked for is registered"));
}

static void judge_sensitive(struct facts *f, struct state *s)
{
	const char *value = tree_value(&s->tree, "features/sensitive");

	switch (tristate(value)) {
	case TRI_YES:
		add(f, "sensitive", TRI_YES, NULL,
		    xstrdup("memory of users is absent from restricted address spaces"));
		break;
	case TRI_NO:
		add(f, "sensitive", TRI_NO, "boot without asi_sensitive=off",
		    xstrdup("memory of users is mapped in restricted address spaces"));
		break;
	case TRI_UNKNOWN:
		add(f, "sensitive", TRI_UNKNOWN, HINT_COMPARE,
		    doubtful(s, "features/sensitive", value));
		break;
	}
}

/* What only a bug in ASI can count. */
static void judge_counter(struct facts *f, struct state *s,
			  const struct class_state *c, const char *name)
{
	char *path = xasprintf("classes/%s/stats/%s", c->name, name);
	const char *text = tree_value(&s->tree, "%s", path);
	struct fact *fact;
	uint64_t value;

	if (!text || !text_u64(text, &value))
		fact = add(f, name, TRI_UNKNOWN, HINT_COMPARE,
			   doubtful(s, path, text));
	else if (value)
		fact = add(f, name, TRI_NO, HINT_DMESG,
			   xasprintf("%" PRIu64 ", which is a bug in ASI",
				     value));
	else
		fact = add(f, name, TRI_YES, NULL, xstrdup("none"));
	free(path);
	fact->class = c->name;
	/* A class that is off by wish need not count; if it did, it matters. */
	fact->judged = c->wanted || fact->holds == TRI_NO;
}

/* Classes of tests break rules on purpose. */
static void judge_counters(struct facts *f, struct state *s)
{
	size_t i;

	for (i = 0; i < s->n_classes; i++) {
		const struct class_state *c = &s->classes[i];

		if (class_is_test(c->name))
			continue;
		judge_counter(f, s, c, "warnings");
		judge_counter(f, s, c, "tense_faults");
	}
}

static void judge_reason(struct facts *f, const struct state *s)
{
	if (!s->reason)
		add(f, "reason", TRI_UNKNOWN, HINT_COMPARE,
		    doubtful(s, "reason", NULL));
	else if (*s->reason && s->on != TRI_NO)
		add(f, "reason", TRI_NO, HINT_DMESG,
		    xasprintf("the kernel says: %s", s->reason));
	else if (!*s->reason && s->on != TRI_NO)
		add(f, "reason", TRI_YES, NULL,
		    xstrdup("the kernel names nothing that is off"));
}

static void judge_files(struct facts *f, const struct state *s)
{
	size_t n = count_unreadable(s, NULL);

	if (n)
		add(f, "files", TRI_UNKNOWN, HINT_ROOT,
		    xasprintf("%zu below /" ASI_DIR " cannot be read", n));
}

static const struct fact *first(const struct facts *f, enum tristate holds)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (f->v[i].judged && f->v[i].holds == holds)
			return &f->v[i];
	return NULL;
}

/* What is certainly wrong outweighs a doubt, if we know what we read. */
static void conclude(struct facts *f, bool understood)
{
	const struct fact *doubt = first(f, TRI_UNKNOWN);
	const struct fact *wrong = first(f, TRI_NO);
	const struct fact *worst = wrong && understood ? wrong : doubt;

	f->holds = TRI_YES;
	if (!worst)
		return;
	f->holds = worst->holds;
	f->hint = worst->hint;
	if (!worst->class)
		f->why = xasprintf("%s: %s", worst->name, worst->what);
	else if (!strcmp(worst->name, "class"))
		f->why = xasprintf("class %s: %s", worst->class, worst->what);
	else
		f->why = xasprintf("%s of class %s: %s", worst->name,
				   worst->class, worst->what);
}

void facts_load(struct facts *f, struct state *s)
{
	bool understood = true;

	*f = (struct facts){};
	judge_kernel(f, s);
	if (!state_missing(s)) {
		understood = judge_interface(f, s);
		judge_enabled(f, s);
		judge_mode(f, s);
		judge_classes(f, s);
		judge_sensitive(f, s);
		judge_counters(f, s);
		judge_reason(f, s);
		judge_files(f, s);
	}
	conclude(f, understood);
}

void facts_free(struct facts *f)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		free(f->v[i].what);
	free(f->v);
	free(f->why);
}
