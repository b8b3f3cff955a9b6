// SPDX-License-Identifier: GPL-2.0
/*
 * The tracepoints asi_enter, asi_exit and asi_fault: they are hit in code that
 * may not be traced itself, and say what happened.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/mount.h>

#include "asi_test.h"

#define TRACING	"/sys/kernel/tracing"
#define ENABLE	TRACING "/events/asi/enable"
#define HOLE	ASI_DEBUGFS "/hole"

/* What the trace says about this task. */
struct seen {
	unsigned long enters, exits, faults, by_fault, in_hole;
};

static unsigned long long hole_virt;
static unsigned long hole_id;

static void trace_on(void)
{
	int fd = open(TRACING "/trace", O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd < 0)
		ktap_bail(TRACING "/trace: %s", strerror(errno));
	close(fd);
	CHECK(!write_file(ENABLE, "1"));
}

/* The address behind "address=0x", 0 without. */
static unsigned long long address_in(const char *line)
{
	const char *p = strstr(line, "address=0x");

	return p ? strtoull(p + 8, NULL, 16) : 0;
}

static void look_at(struct seen *s, const char *line)
{
	bool in_hole = hole_virt && address_in(line) - hole_virt < 2UL << 20;

	if (strstr(line, " asi_enter: class="))
		s->enters++;
	if (strstr(line, " asi_exit: class=")) {
		s->exits++;
		CHECK(strstr(line, " reason=") && strstr(line, " ip="));
		s->by_fault += strstr(line, "reason=fault") && in_hole;
	}
	if (strstr(line, " asi_fault: class=")) {
		s->faults++;
		s->in_hole += in_hole;
	}
}

static void trace_off(struct seen *s)
{
	char line[512], task[40];
	FILE *f;

	CHECK(!write_file(ENABLE, "0"));
	f = fopen(TRACING "/trace", "r");
	if (!f)
		ktap_bail(TRACING "/trace: %s", strerror(errno));
	memset(s, 0, sizeof(*s));
	snprintf(task, sizeof(task), "-%d ", (int)getpid());
	while (fgets(line, sizeof(line), f))
		if (line[0] != '#' && strstr(line, task))
			look_at(s, line);
	fclose(f);
	ktap_note("%lu enters, %lu exits, %lu faults", s->enters, s->exits,
		  s->faults);
}

static void switches(void)
{
	struct seen s;

	trace_on();
	for (int i = 0; i < 20; i++)
		sleep_ms(1);
	trace_off(&s);
	/* Others may have run on the way, or another task stayed away. */
	ktap_ok(!test_errors_take() && s.enters && s.enters < 10000,
		"enters of this task are traced");
}

static void faults(void)
{
	unsigned long n = scaled(20);
	char text[64];
	struct seen s;

	snprintf(text, sizeof(text), "read %lu", hole_id);
	trace_on();
	for (unsigned long i = 0; i < n; i++)
		CHECK(!write_file(HOLE, text));
	trace_off(&s);
	CHECK(s.in_hole == n);
	CHECK(s.by_fault == n);
	ktap_ok(!test_errors_take(),
		"a read of the hole: one asi_fault, one asi_exit, the address");
}

/* Everything at once, for a while, with the trace read from the side. */
static void traced_work(void)
{
	uint64_t until = deadline_ms(1500), seed = 0;
	struct seen s;

	trace_on();
	do {
		char *p = xmmap(65536);
		pid_t pid = xfork();

		if (!pid)
			_exit(0);
		fill(p, 65536, ++seed);
		CHECK(wait_exit(pid) == 0);
		verify(p, 65536, seed);
		munmap(p, 65536);
	} while (now_ms() < until);
	trace_off(&s);
	ktap_ok(!test_errors_take() && s.enters, "work under tracing is right");
}

static bool make_hole(void)
{
	char text[512];

	return !write_file(HOLE, "add") &&
	       read_file(HOLE, text, sizeof(text)) > 0 &&
	       sscanf(text, "%lu phys=%*s virt=%llx", &hole_id, &hole_virt) == 2;
}

static void drop_hole(void)
{
	char text[64];

	snprintf(text, sizeof(text), "del %lu", hole_id);
	CHECK(!write_file(HOLE, text));
}

int main(void)
{
	const char *off = asi_class_off("user");

	if (off)
		ktap_skip_all("%s", off);
	if (access(TRACING "/events", F_OK) &&
	    mount("tracefs", TRACING, "tracefs", 0, NULL))
		ktap_skip_all("no " TRACING ": %s", strerror(errno));
	if (access(ENABLE, W_OK))
		ktap_skip_all(ENABLE ": %s", strerror(errno));
	ktap_start(3);
	cpu_pin(0);
	switches();
	if (asi_debugfs() && make_hole()) {
		faults();
		drop_hole();
	} else {
		ktap_skip("a read of the hole", "no " HOLE);
	}
	traced_work();
	return ktap_finish();
}
