// SPDX-License-Identifier: GPL-2.0
/* What the host must know about the machine to read its memory. */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "plant.h"
#include "state.h"

#define HOLE		"/sys/kernel/debug/asi/hole"
#define FRAMES_AT_A_TIME	8192

/* Makes a block that is hidden, and says where all of them are. */
static void report_holes(void)
{
	char text[PAGE];
	char *line, *rest = text;

	if (write_text(HOLE, "add") || read_text(HOLE, text, sizeof(text)) < 0)
		return;
	while ((line = strsep(&rest, "\n")))
		if (*line && *line != '#')
			printf("audit hole %s\n", line);
}

static void report_symbol(const char *line)
{
	static const char *const wanted[] = {
		"init_top_pgt", "page_offset_base", "vmalloc_base",
		"vmemmap_base", "_text", "_end",
	};
	char name[128];
	uint64_t addr;
	char type;

	if (sscanf(line, "%" SCNx64 " %c %127s", &addr, &type, name) != 3)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		if (!strcmp(name, wanted[i]))
			printf("audit symbol %s 0x%" PRIx64 "\n", name, addr);
}

static int report_symbols(void)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	char line[512];

	if (!file) {
		perror("/proc/kallsyms");
		return -1;
	}
	while (fgets(line, sizeof(line), file)) {
		/* Modules come last and have none of them. */
		if (strchr(line, '['))
			break;
		report_symbol(line);
	}
	fclose(file);
	return 0;
}

static int report_domains(void)
{
	const char *const command[] = {
		settings.asictl, "domains", "--json", NULL
	};
	char line[512];
	int fd[2], status;
	FILE *file;

	if (pipe2(fd, O_CLOEXEC))
		return -1;
	/* More than the pipe can hold would hang. */
	fcntl(fd[1], F_SETPIPE_SZ, 1 << 20);
	status = run(command, fd[1]);
	close(fd[1]);
	file = fdopen(fd[0], "r");
	while (file && fgets(line, sizeof(line), file))
		printf("audit domains %s", line);
	if (file)
		fclose(file);
	if (status)
		fprintf(stderr, "plant: %s domains: status %d\n",
			settings.asictl, status);
	return status;
}

static int report_frames(void)
{
	static uint64_t flags[FRAMES_AT_A_TIME];
	uint64_t first = 0, last = 0, at = 0;
	int fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0) {
		perror("/proc/kpageflags");
		return -1;
	}
	while ((n = read(fd, flags, sizeof(flags))) > 0) {
		for (ssize_t i = 0; i < n / 8; i++, at++) {
			if (at && flags[i] == last)
				continue;
			if (at)
				printf("audit frames %" PRIu64 " %" PRIu64
				       " 0x%" PRIx64 "\n", first, at - first,
				       last);
			first = at;
			last = flags[i];
		}
	}
	close(fd);
	if (at)
		printf("audit frames %" PRIu64 " %" PRIu64 " 0x%" PRIx64 "\n",
		       first, at - first, last);
	return 0;
}

/* What the page at @index of a mapping is, if the kernel reads it as a rule. */
static const char *shared_name(const char *mapping, uint64_t index)
{
	static const struct {
		const char *mapping, *names[2];
	} known[] = {
		{ "anon_inode:kvm-vcpu:", { "kvm-run", "kvm-pio" } },
		{ "anon_inode:[perf_event]", { "perf-state", NULL } },
		{ "[vdso]", { "vdso", "vdso" } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!strncmp(mapping, known[i].mapping,
			     strlen(known[i].mapping)))
			return index < 2 ? known[i].names[index] : NULL;
	return NULL;
}

/* One line of /proc/PID/maps. */
static void report_mapping(int pagemap, const char *line)
{
	uint64_t start, end, offset, entry;
	char mapping[64] = "";

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %*s %*s %63s",
		   &start, &end, &offset, mapping) != 4)
		return;
	for (uint64_t at = start; at < end; at += PAGE) {
		const char *name = shared_name(mapping,
					       (at - start + offset) / PAGE);

		if (!name)
			break;
		if (pread(pagemap, &entry, 8, (off_t)(at / PAGE * 8)) == 8 &&
		    entry >> 63)
			printf("audit shared %s %" PRIu64 "\n", name,
			       (uint64_t)(entry & ((1ULL << 55) - 1)));
	}
}

static void report_process(int proc, const char *pid)
{
	char path[32], line[512];
	int pagemap;
	FILE *file;

	snprintf(path, sizeof(path), "%.16s/pagemap", pid);
	pagemap = openat(proc, path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%.16s/maps", pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		report_mapping(pagemap, line);
	if (file)
		fclose(file);
	close(pagemap);
}

/* Pages that a process maps and that are mapped in the kernel's half on purpose. */
static int report_shared(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;

	if (!dir) {
		perror("/proc");
		return -1;
	}
	while ((entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			report_process(dirfd(dir), entry->d_name);
	closedir(dir);
	return 0;
}

int report_state(void)
{
	report_holes();
	if (report_shared() || report_symbols() || report_domains() || report_frames())
		return -1;
	fflush(stdout);
	return 0;
}
