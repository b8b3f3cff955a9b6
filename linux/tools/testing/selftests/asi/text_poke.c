// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's text changes under load: tracepoints and probes switched on and
 * off. Patching goes by a temporary address space; a probe is an INT3 in the
 * kernel, in the middle of a system call.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mount.h>

#include "asi_test.h"

#define TRACING	"/sys/kernel/tracing"
#define PROBE	"asi_test_probe"

static void load(int nr)
{
	cpu_pin(nr);
	for (uint64_t seed = 1;; seed++) {
		static char block[16384];

		fill(block, sizeof(block), seed);
		for (int i = 0; i < 100; i++)
			if (getppid() <= 0)
				_exit(1);
		if (!verify(block, sizeof(block), seed))
			_exit(2);
	}
}

/*
 * Each change waits for all CPUs a few times, which takes a second where one thread
 * emulates them in turn: so not for ever, but at least twice.
 */
static void switched(const char *name, const char *enable)
{
	uint64_t until = deadline_ms(20000);
	unsigned long n = scaled(60);
	pid_t pid[3];

	if (access(enable, W_OK)) {
		ktap_skip(name, "%s: %s", enable, strerror(errno));
		return;
	}
	for (int i = 0; i < 3; i++) {
		pid[i] = xfork();
		if (!pid[i])
			load(i);
	}
	for (unsigned long i = 0; i < n && (i < 2 || now_ms() < until); i++) {
		CHECK(!write_file(enable, "1"));
		sleep_ms(i % 4);
		CHECK(!write_file(enable, "0"));
	}
	for (int i = 0; i < 3; i++) {
		kill(pid[i], SIGKILL);
		CHECK(wait_exit(pid[i]) == 256 + SIGKILL);
	}
	ktap_ok(!test_errors_take(), "%s", name);
}

/* Hits of our probe, from the table of all; 0 without it. */
static unsigned long probe_hits(void)
{
	FILE *f = fopen(TRACING "/kprobe_profile", "r");
	unsigned long hits = 0, n;
	char line[200], name[100];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%99s %lu", name, &n) == 2 &&
		    !strcmp(name, PROBE))
			hits = n;
	if (f)
		fclose(f);
	return hits;
}

/* 0 or -errno; probes are added and removed by appending to one file. */
static int probe_command(const char *text)
{
	int fd = open(TRACING "/kprobe_events", O_WRONLY | O_APPEND), err;

	if (fd < 0)
		return -errno;
	err = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return err;
}

static void probe(const char *name, const char *where)
{
	static const char enable[] = TRACING "/events/kprobes/" PROBE "/enable";
	unsigned long n = scaled(3000), before;
	char text[120];
	int err;

	snprintf(text, sizeof(text), "%s:" PROBE " __x64_sys_getppid\n", where);
	err = probe_command(text);
	if (err) {
		ktap_skip(name, "kprobe_events: %s", strerror(-err));
		return;
	}
	CHECK(!write_file(enable, "1"));
	before = probe_hits();
	for (unsigned long i = 0; i < n; i++)
		CHECK(getppid() > 0);
	CHECK(probe_hits() >= before + n);
	switched("a probe switched on and off under load", enable);
	CHECK(!write_file(enable, "0"));
	CHECK(!probe_command("-:" PROBE "\n"));
	ktap_ok(!test_errors_take(), "%s", name);
}

int main(void)
{
	if (access(TRACING "/events", F_OK) &&
	    mount("tracefs", TRACING, "tracefs", 0, NULL))
		ktap_skip_all("no " TRACING ": %s", strerror(errno));
	if (access(TRACING "/events", F_OK))
		ktap_skip_all("no " TRACING "/events: %s", strerror(errno));
	ktap_start(8);
	switched("tracepoints of system calls switched under load",
		 TRACING "/events/raw_syscalls/enable");
	switched("tracepoints of the scheduler switched under load",
		 TRACING "/events/sched/enable");
	switched("tracepoints of exceptions switched under load",
		 TRACING "/events/exceptions/enable");
	switched("tracepoints of address space isolation switched under load",
		 TRACING "/events/asi/enable");
	if (access(TRACING "/kprobe_events", W_OK)) {
		for (int i = 0; i < 4; i++)
			ktap_skip("probe", "this kernel has no kprobes");
	} else {
		probe("a probe at the entry of a system call", "p");
		probe("a probe at its return", "r");
	}
	return ktap_finish();
}
