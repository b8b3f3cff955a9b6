// SPDX-License-Identifier: GPL-2.0
/* The machine before and after the fuzzer: what may not grow, and what has to work. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

/*
 * What may be missing afterwards. Caches are empty when it is counted, but pages that
 * a few objects keep, and free pages of CPUs, are not all back.
 */
#define AVAILABLE_KB	(24UL << 10)
#define SLAB_KB		(4UL << 10)
#define TABLES_KB	(1UL << 10)
#define VMALLOC_KB	(1UL << 10)
#define PERCPU_KB	512UL

static unsigned long meminfo(const char *name)
{
	FILE *f = fopen("/proc/meminfo", "re");
	unsigned long value = 0;
	char line[100], key[40];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%39[^:]: %lu", key, &value) == 2 &&
		    !strcmp(key, name))
			break;
	if (f)
		fclose(f);
	return value;
}

static unsigned long first_number(const char *path)
{
	char text[100];

	return read_file(path, text, sizeof(text)) > 0 ?
	       strtoul(text, NULL, 10) : 0;
}

/* Lines that are no headers. */
static unsigned long count_lines(const char *path)
{
	FILE *f = fopen(path, "re");
	unsigned long lines = 0;
	char line[400];

	while (f && fgets(line, sizeof(line), f))
		lines += line[0] != '#' && strchr(line, '\n');
	if (f)
		fclose(f);
	return lines;
}

/*
 * Give back what only waits to be used again. Shrinking a cache also empties what
 * KASAN keeps of it.
 */
static void give_back(void)
{
	DIR *dir = opendir("/sys/kernel/slab");
	struct dirent *e;
	char path[400];

	sync();
	write_file("/proc/sys/vm/drop_caches", "3\n");
	while (dir && (e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink",
			 e->d_name);
		write_file(path, "1\n");
	}
	if (dir)
		closedir(dir);
}

/* A grant to a live domain taints, and is none of the things that go wrong. */
#define TAINT_USER	(1UL << 6)

static void read_once(struct fuzz_state *s)
{
	s->domains = count_lines(ASI_DEBUGFS "/domains");
	s->holes = count_lines(ASI_DEBUGFS "/hole");
	s->tainted = first_number("/proc/sys/kernel/tainted") & ~TAINT_USER;
	s->available_kb = meminfo("MemAvailable");
	s->slab_kb = meminfo("SUnreclaim");
	s->tables_kb = meminfo("PageTables");
	s->vmalloc_kb = meminfo("VmallocUsed");
	s->percpu_kb = meminfo("Percpu");
}

void fuzz_state_read(struct fuzz_state *s)
{
	give_back();
	/* What is freed after a grace period, or by a worker of the kernel. */
	sleep_ms(500);
	give_back();
	read_once(s);
}

void fuzz_state_note(const char *when, const struct fuzz_state *s)
{
	ktap_note("%s: %lu domains, %lu holes, tainted %lu", when, s->domains,
		  s->holes, s->tainted);
	ktap_note("%s: KiB: available %lu, slab %lu, page tables %lu, vmalloc %lu, percpu %lu",
		  when, s->available_kb, s->slab_kb, s->tables_kb,
		  s->vmalloc_kb, s->percpu_kb);
}

static bool grew(const char *what, unsigned long before, unsigned long after,
		 unsigned long bound)
{
	if (after <= before + bound)
		return false;
	test_error("%s: %lu before, %lu after, and %lu may be added", what,
		   before, after, bound);
	return true;
}

bool fuzz_memory_kept(const struct fuzz_state *before, const struct fuzz_state *after)
{
	bool bad;

	bad = grew("KiB that are not available, of what was", 0,
		   before->available_kb > after->available_kb ?
		   before->available_kb - after->available_kb : 0, AVAILABLE_KB);
	bad |= grew("KiB of slabs", before->slab_kb, after->slab_kb, SLAB_KB);
	bad |= grew("KiB of page tables", before->tables_kb, after->tables_kb,
		    TABLES_KB);
	bad |= grew("KiB of the vmalloc area", before->vmalloc_kb,
		    after->vmalloc_kb, VMALLOC_KB);
	bad |= grew("KiB of per-CPU memory", before->percpu_kb,
		    after->percpu_kb, PERCPU_KB);
	return !bad;
}

/* Lines begin with their number. */
void fuzz_holes_clear(unsigned long keep)
{
	FILE *f = fopen(ASI_DEBUGFS "/hole", "re");
	unsigned int id[64];
	unsigned long nr = 0;
	char line[400], text[32];

	while (f && nr < ARRAY_SIZE(id) && fgets(line, sizeof(line), f))
		nr += sscanf(line, "%u ", &id[nr]) == 1;
	if (f)
		fclose(f);
	while (nr > keep) {
		snprintf(text, sizeof(text), "read %u", id[--nr]);
		if (write_file(ASI_DEBUGFS "/hole", text))
			test_error("hole %u does not hold what it should", id[nr]);
		snprintf(text, sizeof(text), "del %u", id[nr]);
		if (write_file(ASI_DEBUGFS "/hole", text))
			test_error("hole %u cannot be given back", id[nr]);
	}
}

bool fuzz_check_ok(void)
{
	char text[200];
	int len = read_file(ASI_DEBUGFS "/check", text, sizeof(text));

	if (len < 0) {
		test_error(ASI_DEBUGFS "/check: %s", strerror(-len));
		return false;
	}
	if (!strncmp(text, "ok\n", 3))
		return true;
	test_error(ASI_DEBUGFS "/check: %.100s", text);
	return false;
}

static void use_memory(uint64_t seed)
{
	size_t len = 8UL << 20;
	void *p = xmmap(len);

	fill(p, len, seed);
	_exit(verify(p, len, seed) && getppid() > 0 ? 0 : 1);
}

bool fuzz_machine_works(void)
{
	bool good = true;

	for (uint64_t i = 0; i < 4; i++) {
		pid_t pid = xfork();

		if (!pid)
			use_memory(i);
		good &= wait_exit(pid) == 0;
	}
	return good;
}
