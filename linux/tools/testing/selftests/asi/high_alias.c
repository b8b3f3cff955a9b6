// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel gave back of its own image has no second address.
 *
 * Such memory may become sensitive, and all restricted address spaces have the mapping
 * of the image. Its pages are looked for in the kernel's own page table, which has to
 * be readable: CONFIG_PTDUMP_DEBUGFS.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "asi_test.h"

#define TABLE	"/sys/kernel/debug/page_tables/kernel"
#define PAGE	4096UL

/* From one symbol to another, as much of it as is whole pages. */
static struct range {
	const char *from, *to, *what;
	unsigned long start, end;
} ranges[] = {
	{ "__init_begin", "__init_end", "initialisation", 0, 0 },
	{ "_etext", "__start_rodata", "what is behind text", 0, 0 },
	{ "__end_rodata", "_sdata", "what is behind constants", 0, 0 },
};

static void find_symbols(void)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	unsigned long addr;
	char line[600], name[500];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx %*c %499s", &addr, name) != 2)
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
			if (!strcmp(name, ranges[i].from))
				ranges[i].start = (addr + PAGE - 1) & ~(PAGE - 1);
			if (!strcmp(name, ranges[i].to))
				ranges[i].end = addr & ~(PAGE - 1);
		}
	}
	if (f)
		fclose(f);
}

/* Bytes of a range that are mapped. */
static unsigned long mapped(const struct range *r)
{
	FILE *f = fopen(TABLE, "r");
	unsigned long start, end, sum = 0;
	char line[200];

	if (!f)
		ktap_bail(TABLE ": %s", strerror(errno));
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "0x%lx-0x%lx", &start, &end) != 2)
			continue;
		if (!strstr(line, " RW ") && !strstr(line, " ro "))
			continue;
		start = start > r->start ? start : r->start;
		end = end < r->end ? end : r->end;
		sum += end > start ? end - start : 0;
	}
	fclose(f);
	return sum;
}

int main(void)
{
	struct range text = { };

	if (asi_class_off("user") && asi_class_off("kvm"))
		ktap_skip_all("%s", asi_class_off("user"));
	if (!asi_debugfs() || access(TABLE, R_OK))
		ktap_skip_all("no " TABLE);
	find_symbols();
	ktap_start(1 + ARRAY_SIZE(ranges));

	/* What is in front of such a range is needed, and is found. */
	text.end = ranges[1].start;
	text.start = text.end - PAGE;
	ktap_ok(text.end && mapped(&text) == PAGE, "text is mapped");
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		unsigned long left = mapped(&ranges[i]);

		ktap_note("%s: %#lx-%#lx, %lu bytes mapped", ranges[i].what,
			  ranges[i].start, ranges[i].end, left);
		ktap_ok(ranges[i].start && ranges[i].end && !left,
			"%s has no second address", ranges[i].what);
	}
	return ktap_finish();
}
