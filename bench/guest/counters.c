// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "counters.h"

const char *asi_dir = "/sys/kernel/asi";

/* The files do not stay open: fork would have to copy what is open. */
static struct table {
	unsigned int nr;
	struct {
		char name[96];
		char path[160];
	} counter[COUNTERS_MAX];
} *table;

/* Formats a path; the caller frees it. */
__attribute__((format(printf, 1, 2))) static char *path_of(const char *fmt, ...)
{
	char *path;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&path, fmt, args) < 0)
		die("vasprintf");
	va_end(args);
	return path;
}

static void counters_add(const char *class, const char *dir, const char *file)
{
	unsigned int i = table->nr;
	int len;

	if (i == COUNTERS_MAX) {
		errno = 0;
		die("more than %d counters", COUNTERS_MAX);
	}
	len = snprintf(table->counter[i].path, sizeof(table->counter[i].path),
		       "%s/%s", dir, file);
	errno = ENAMETOOLONG;
	if (len < 0 || (size_t)len >= sizeof(table->counter[i].path))
		die("%s/%s", dir, file);
	snprintf(table->counter[i].name, sizeof(table->counter[i].name),
		 "%.40s.%.50s", class, file);
	table->nr++;
}

/* Calls @fn for each entry of @dir, in the order of their names. */
static void for_each_entry(const char *dir,
			   void (*fn)(const char *dir, const char *entry))
{
	struct dirent **list;
	int i, n = scandir(dir, &list, NULL, alphasort);

	for (i = 0; i < n; i++) {
		if (list[i]->d_name[0] != '.')
			fn(dir, list[i]->d_name);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}

/* The class whose counters are being looked for. */
static const char *class_found;

static void find_counter(const char *dir, const char *entry)
{
	counters_add(class_found, dir, entry);
}

static void find_class_counters(const char *dir, const char *entry)
{
	char *stats = path_of("%s/%s/stats", dir, entry);

	class_found = entry;
	for_each_entry(stats, find_counter);
	free(stats);
}

void counters_prepare(void)
{
	table = shared_memory(sizeof(*table));
}

void counters_find(void)
{
	char *classes = path_of("%s/classes", asi_dir);

	for_each_entry(classes, find_class_counters);
	free(classes);
}

unsigned int counters_number(void)
{
	return table->nr;
}

const char *counters_name(unsigned int i)
{
	return table->counter[i].name;
}

void counters_read(struct counters *out)
{
	char text[32];
	unsigned int i;

	for (i = 0; i < table->nr; i++) {
		int fd = open(table->counter[i].path, O_RDONLY | O_CLOEXEC);
		ssize_t n;

		if (fd < 0)
			die("%s", table->counter[i].path);
		errno = 0;
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
		if (n <= 0)
			die("cannot read the counter %s", table->counter[i].name);
		text[n] = '\0';
		out->value[i] = strtoull(text, NULL, 10);
	}
}

/* Prints " NAME=" and the first word of the file DIR/@entry. */
static void print_word(const char *name, const char *dir, const char *entry,
		       const char *absent)
{
	char *path = path_of("%s/%s", dir, entry);
	FILE *file = fopen(path, "re");
	char word[8] = "";

	if (file && fscanf(file, "%7s", word) != 1)
		strcpy(word, "?");
	printf(" %s=%s", name, file ? word : absent);
	if (file)
		fclose(file);
	free(path);
}

static void print_class_state(const char *dir, const char *entry)
{
	char *path = path_of("%s/%s", dir, entry);

	print_word(entry, path, "enabled", "?");
	free(path);
}

/* True when the flags line of /proc/cpuinfo has the word "pti". */
static int pti_is_on(void)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char *line = NULL;
	size_t size = 0;
	int on = 0;

	if (!file)
		die("/proc/cpuinfo");
	while (getline(&line, &size, file) > 0) {
		if (strncmp(line, "flags", 5))
			continue;
		on = strstr(line, " pti ") || strstr(line, " pti\n");
		break;
	}
	free(line);
	fclose(file);
	return on;
}

void counters_print_state(void)
{
	char *classes = path_of("%s/classes", asi_dir);

	printf("state pti=%d", pti_is_on());
	print_word("asi", asi_dir, "enabled", "absent");
	print_word("sensitive", asi_dir, "features/sensitive", "absent");
	for_each_entry(classes, print_class_state);
	printf("\n");
	free(classes);
}
