// SPDX-License-Identifier: GPL-2.0
/* Measures of a machine's memory: see mem_state.h. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "asi_test.h"
#include "mem_state.h"

/* Before main(): whoever uses this takes all memory, and changes settings. */
static void __attribute__((constructor)) guests_only(void)
{
	if (getenv("VM_RUN"))
		return;
	fputs("Bail out! this takes all memory of the machine: VM_RUN=1 says that it may\n",
	      stdout);
	exit(KSFT_FAIL);
}

void ktap_measure(const char *name, unsigned long value, enum compare how,
		  unsigned long tolerance)
{
	ktap_note("measure %lu %s %lu %s", value,
		  how == AT_LEAST ? "at-least" : "at-most", tolerance, name);
}

static unsigned long line_of(const char *path, const char *name)
{
	size_t len = strlen(name);
	unsigned long value = 0;
	char line[200];
	FILE *f = fopen(path, "r");

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, name, len) &&
		    sscanf(line + len, "%*[: ]%lu", &value) == 1)
			break;
	}
	fclose(f);
	return value;
}

unsigned long meminfo_kb(const char *name)
{
	return line_of("/proc/meminfo", name);
}

unsigned long vmstat(const char *name)
{
	return line_of("/proc/vmstat", name);
}

unsigned long total_kb(void)
{
	static unsigned long total;

	if (!total)
		total = meminfo_kb("MemTotal");
	return total;
}

bool mem_sensitive(void)
{
	char value[8];

	return read_file(ASI_SYSFS "/features/sensitive", value,
			 sizeof(value)) > 0 && value[0] == '1';
}

bool booted_with(const char *start)
{
	char text[4096], *rest, *word;

	if (read_file("/proc/cmdline", text, sizeof(text)) < 0)
		return false;
	for (word = strtok_r(text, " ", &rest); word;
	     word = strtok_r(NULL, " ", &rest))
		if (!strncmp(word, start, strlen(start)))
			return true;
	return false;
}

void mem_state_note(void)
{
	static const char * const names[] = {
		"sensitive_block_hide", "sensitive_block_show",
		"sensitive_noblock", "sensitive_compact", "compact_stall",
		"compact_success", "compact_fail", "oom_kill",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		ktap_note("%s %lu", names[i], vmstat(names[i]));
}

void mem_state_check(void)
{
	char text[64];

	if (asi_class_off("user")) {
		ktap_skip("the restricted page tables are right", "%s",
			  asi_class_off("user"));
		return;
	}
	CHECK(asi_debugfs());
	CHECK(read_file(ASI_DEBUGFS "/check", text, sizeof(text)) > 0);
	CHECK(!strncmp(text, "ok", 2));
	ktap_ok(!test_errors_take(), "the restricted page tables are right");
}

void host_ask(const char *what, ...)
{
	char line[200];
	va_list ap;

	va_start(ap, what);
	vsnprintf(line, sizeof(line), what, ap);
	va_end(ap);
	ktap_note("host %s", line);
}
