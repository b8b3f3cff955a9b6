// SPDX-License-Identifier: GPL-2.0
/*
 * Faults on purpose: each makes one result of the fuzzer fail, and it is shown by
 * vm/guest/fuzz-broken that it does.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "fuzz.h"

static void need(bool good, const char *what)
{
	if (!good)
		ktap_bail("%s: %s", what, strerror(errno));
}

/* Those without rights get a file that shows addresses, already open. */
static void leak(void)
{
	fuzz_files_inherit();
}

/* They may open a file that is for root. */
static void trespass(void)
{
	need(!chmod(ASI_DEBUGFS "/stats_percpu", 0444), "chmod");
}

/* A process is left, and so is its domain. */
static void domain(void)
{
	if (!xfork())
		for (;;)
			pause();
}

/* Memory is not given back. */
static void memory(void)
{
	size_t len = 64UL << 20;
	void *p = xmmap(len);

	fill(p, len, 1);
	need(!mlock(p, len), "mlock");
}

/* Nor are objects of the kernel. */
static void slab(void)
{
	const struct rlimit limit = { 200000, 200000 };

	need(!setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
	for (int i = 0; i < 40000; i++)
		need(eventfd(0, EFD_CLOEXEC) >= 0, "eventfd");
}

/* A page table is wrong. */
static void check(void)
{
	static const char file[] = "/tmp/fuzz-check";
	int fd = open(file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	need(fd >= 0 && !write_file(file, "broken: 1 entries, on purpose\n"), file);
	close(fd);
	need(!mount(file, ASI_DEBUGFS "/check", NULL, MS_BIND, NULL), "mount");
}

static const struct {
	const char *name;
	void (*plant)(void);
} faults[] = {
	{ "leak",	leak },
	{ "trespass",	trespass },
	{ "domain",	domain },
	{ "memory",	memory },
	{ "slab",	slab },
	{ "check",	check },
};

bool fuzz_break_known(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		if (!strcmp(faults[i].name, name))
			return true;
	return false;
}

void fuzz_break(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		if (!strcmp(faults[i].name, name))
			faults[i].plant();
}
