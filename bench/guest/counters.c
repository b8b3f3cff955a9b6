// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "counters.h"

#define ASI_DIR "/sys/kernel/asi"

/* The files stay open, so that a snapshot is one system call per counter. */
static struct {
	char name[96];
	int fd;
} counter[COUNTERS_MAX];

static unsigned int nr_counters;

static void counters_add(const char *class, const char *dir, const char *file)
{
	char path[PATH_MAX + NAME_MAX + 2];

	if (nr_counters == COUNTERS_MAX) {
		errno = 0;
		die("more than %d counters", COUNTERS_MAX);
	}
	snprintf(path, sizeof(path), "%s/%s", dir, file);
	counter[nr_counters].fd = open(path, O_RDONLY | O_CLOEXEC);
	if (counter[nr_counters].fd < 0)
		die("%s", path);
	snprintf(counter[nr_counters].name, sizeof(counter[0].name), "%.40s.%.50s",
		 class, file);
	nr_counters++;
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

/* The class whose counters are being opened. */
static const char *open_class;

static void open_counter(const char *dir, const char *entry)
{
	counters_add(open_class, dir, entry);
}

static void open_class_counters(const char *dir, const char *entry)
{
	char stats[PATH_MAX];

	snprintf(stats, sizeof(stats), "%s/%s/stats", dir, entry);
	open_class = entry;
	for_each_entry(stats, open_counter);
}

unsigned int counters_open(void)
{
	for_each_entry(ASI_DIR "/classes", open_class_counters);
	return nr_counters;
}

const char *counters_name(unsigned int i)
{
	return counter[i].name;
}

void counters_read(struct counters *out)
{
	char text[32];
	unsigned int i;

	for (i = 0; i < nr_counters; i++) {
		ssize_t n = pread(counter[i].fd, text, sizeof(text) - 1, 0);

		if (n <= 0)
			die("%s", counter[i].name);
		text[n] = '\0';
		out->value[i] = strtoull(text, NULL, 10);
	}
}

/* The first line of a file, or NULL. The buffer is the caller's. */
static const char *first_line(const char *path, char *buf, int size)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;

	if (!file)
		return NULL;
	line = fgets(buf, size, file);
	fclose(file);
	if (line)
		line[strcspn(line, "\n")] = '\0';
	return line;
}

static void print_class_state(const char *dir, const char *entry)
{
	char path[PATH_MAX], buf[8];
	const char *on;

	snprintf(path, sizeof(path), "%s/%s/enabled", dir, entry);
	on = first_line(path, buf, sizeof(buf));
	printf(" %s=%s", entry, on ? on : "?");
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
	char buf[8];
	const char *on = first_line(ASI_DIR "/enabled", buf, sizeof(buf));

	printf("state pti=%d asi=%s", pti_is_on(), on ? on : "absent");
	for_each_entry(ASI_DIR "/classes", print_class_state);
	printf("\n");
}
