// SPDX-License-Identifier: GPL-2.0
/* What the kernel says about ASI, and the steady state: see asi_test.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mount.h>

#include "asi_test.h"

#define STEADY_WINDOWS	12

const char * const asi_counter_name[ASI_COUNTERS] = {
	[ASI_ENTERS]		= "enters",
	[ASI_EXITS]		= "exits",
	[ASI_EXITS_FAULT]	= "exits_fault",
	[ASI_EXITS_SCHED]	= "exits_sched",
	[ASI_EXITS_MM]		= "exits_mm",
	[ASI_EXITS_CR3]		= "exits_cr3",
	[ASI_EXITS_USER]	= "exits_user",
	[ASI_EXITS_EXPLICIT]	= "exits_explicit",
	[ASI_EXITS_PM]		= "exits_pm",
	[ASI_REENTERS]		= "reenters",
	[ASI_FAULTS]		= "faults",
	[ASI_TENSE_FAULTS]	= "tense_faults",
	[ASI_CR3_WRITES]	= "cr3_writes",
	[ASI_FLUSHES]		= "flushes",
	[ASI_WARNINGS]		= "warnings",
};

bool asi_present(void)
{
	return !access(ASI_SYSFS "/abi", R_OK);
}

const char *asi_class_off(const char *class)
{
	static char why[220];
	char path[128], text[128];
	int n;

	if (!asi_present())
		return "this kernel has no " ASI_SYSFS;
	n = read_file(ASI_SYSFS "/enabled", text, sizeof(text));
	if (n < 0 || strcmp(text, "1")) {
		if (read_file(ASI_SYSFS "/reason", text, sizeof(text)) < 0)
			text[0] = '\0';
		snprintf(why, sizeof(why), "ASI is off: %s", text);
		return why;
	}
	snprintf(path, sizeof(path), ASI_SYSFS "/classes/%s/enabled", class);
	n = read_file(path, text, sizeof(text));
	if (n < 0) {
		snprintf(why, sizeof(why), "there is no class %s", class);
		return why;
	}
	if (!strcmp(text, "1"))
		return NULL;
	snprintf(path, sizeof(path), ASI_SYSFS "/classes/%s/reason", class);
	if (read_file(path, text, sizeof(text)) < 0)
		text[0] = '\0';
	snprintf(why, sizeof(why), "class %s is off: %s", class, text);
	return why;
}

void asi_stats_read(const char *class, struct asi_stats *s)
{
	for (int i = 0; i < ASI_COUNTERS; i++) {
		char path[128], text[32], *end;
		int n;

		snprintf(path, sizeof(path), ASI_SYSFS "/classes/%s/stats/%s",
			 class, asi_counter_name[i]);
		n = read_file(path, text, sizeof(text));
		if (n <= 0)
			ktap_bail("%s: %s", path, n ? strerror(-n) : "empty");
		s->v[i] = strtoull(text, &end, 10);
		if (*end)
			ktap_bail("%s is not a number: %s", path, text);
	}
}

void asi_stats_delta(struct asi_stats *after, const struct asi_stats *before)
{
	for (int i = 0; i < ASI_COUNTERS; i++)
		after->v[i] -= before->v[i];
}

void asi_stats_note(const char *what, const struct asi_stats *s)
{
	char line[400];
	size_t len = 0;

	line[0] = '\0';
	for (int i = 0; i < ASI_COUNTERS && len < sizeof(line); i++)
		if (s->v[i])
			len += (size_t)snprintf(line + len, sizeof(line) - len,
						" %s=%llu", asi_counter_name[i],
						(unsigned long long)s->v[i]);
	ktap_note("%s:%s", what, len ? line : " all counters stood still");
}

bool asi_debugfs(void)
{
	if (!access(ASI_DEBUGFS "/domains", R_OK))
		return true;
	if (mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL))
		return false;
	return !access(ASI_DEBUGFS "/domains", R_OK);
}

bool asi_has_domain(pid_t pid, const char *class)
{
	char line[256], owner_class[32];
	bool found = false;
	long owner;
	FILE *f = fopen(ASI_DEBUGFS "/domains", "r");

	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%ld %*s %31s", &owner, owner_class) == 2 &&
			owner == pid && !strcmp(owner_class, class);
	fclose(f);
	return found;
}

static bool own_doing(const struct asi_stats *s)
{
	return s->v[ASI_EXITS_FAULT] || s->v[ASI_EXITS_EXPLICIT] ||
	       s->v[ASI_EXITS_CR3] || s->v[ASI_EXITS_USER];
}

static bool better(const struct asi_stats *a, const struct asi_stats *b)
{
	if (own_doing(a) != own_doing(b))
		return own_doing(b);
	return a->v[ASI_EXITS] < b->v[ASI_EXITS];
}

void steady_measure(const char *class, steady_op_t op, void *arg,
		    unsigned long n, struct asi_stats *best)
{
	struct asi_stats before, after;

	op(n / 10 + 1, arg);
	for (int i = 0; i < STEADY_WINDOWS; i++) {
		asi_stats_read(class, &before);
		op(n, arg);
		asi_stats_read(class, &after);
		asi_stats_delta(&after, &before);
		if (!i || better(&after, best))
			*best = after;
	}
}

bool steady_check(const struct asi_stats *best, unsigned long n)
{
	uint64_t noise = n / 100 + 8;

	return !own_doing(best) && best->v[ASI_EXITS] <= noise &&
	       best->v[ASI_CR3_WRITES] <= 2 * noise;
}

bool asi_runs_restricted(void)
{
	struct asi_stats before, after;
	pid_t pid;

	if (asi_debugfs() && !asi_has_domain(getpid(), "user")) {
		ktap_note("no domain of class user for pid %d", (int)getpid());
		return false;
	}
	asi_stats_read("user", &before);
	pid = xfork();
	if (!pid)
		_exit(0);
	wait_exit(pid);
	asi_stats_read("user", &after);
	return after.v[ASI_ENTERS] > before.v[ASI_ENTERS];
}
