// SPDX-License-Identifier: GPL-2.0
/*
 * The fault log: which instructions left the restricted space, and for what.
 *
 * The kernel reads a hole for us, and the log has to say so: where, how often, and
 * what was there. It is for root, and forgets when told to.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include "asi_test.h"

#define HOLE	ASI_DEBUGFS "/hole"
#define LOG	ASI_DEBUGFS "/faults"
#define STACKS	ASI_DEBUGFS "/fault_stacks"

struct fault {
	unsigned long long count, ip, page;
	char class[20], phase[20], memory[20], symbol[300];
};

/* All of a file, which may be long; the caller frees it. */
static char *read_all(const char *path)
{
	FILE *f = fopen(path, "re");
	size_t size = 0, len;
	char *text = NULL;

	if (!f)
		return NULL;
	len = 0;
	do {
		size += 1 << 16;
		text = realloc(text, size);
		if (!text)
			ktap_bail("out of memory");
		len += fread(text + len, 1, size - 1 - len, f);
	} while (len == size - 1);
	text[len] = '\0';
	fclose(f);
	return text;
}

static bool is_word(const char *word, const char *words)
{
	char list[200], *rest, *w;

	snprintf(list, sizeof(list), "%s", words);
	for (w = strtok_r(list, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
		if (!strcmp(w, word))
			return true;
	return false;
}

/* A line of the log that is one. */
static bool parse(const char *line, struct fault *f)
{
	char end;

	return sscanf(line, "%llu %19s %19s %19s 0x%llx %299s 0x%llx%c",
		      &f->count, f->class, f->phase, f->memory, &f->ip, f->symbol,
		      &f->page, &end) == 7 &&
	       f->count && is_word(f->phase, "relaxed tense interrupt") &&
	       is_word(f->memory, "sensitive window vmalloc hole user module image other") &&
	       (!strcmp(f->symbol, "?") || strstr(f->symbol, "+0x")) &&
	       !(f->page & 4095);
}

typedef void (*visit_t)(const struct fault *f, void *arg);

/* Calls @visit for each line of the log; false when it is not well formed. */
static bool each_fault(visit_t visit, void *arg)
{
	static const char header[] = "# count class phase memory ip symbol page";
	char *text = read_all(LOG), *line, *rest;
	bool good = false, end = false;
	unsigned long long lost;
	struct fault f;

	if (!text)
		return false;
	line = strtok_r(text, "\n", &rest);
	if (line && !strcmp(line, header))
		good = true;
	while (good && (line = strtok_r(NULL, "\n", &rest))) {
		if (end)
			good = false;
		else if (sscanf(line, "# lost %llu", &lost) == 1)
			end = true;
		else if (parse(line, &f))
			visit(&f, arg);
		else
			good = false;
		if (!good)
			ktap_note("not understood: %s", line);
	}
	free(text);
	return good && end;
}

struct wanted {
	unsigned long long page, count;
	struct fault last;
};

static void match(const struct fault *f, void *arg)
{
	struct wanted *w = arg;

	if (f->page != w->page)
		return;
	w->count += f->count;
	w->last = *f;
}

/* How many faults on a page the log has. */
static struct wanted faults_on(unsigned long long page)
{
	struct wanted w = { .page = page };

	CHECK(each_fault(match, &w));
	return w;
}

/* The number and the address of a hole that is made. */
static bool add_hole(unsigned long *id, unsigned long long *virt)
{
	char *text, *line, *rest;
	bool found = false;

	if (write_file(HOLE, "add"))
		return false;
	text = read_all(HOLE);
	if (!text)
		return false;
	/* The last line is the newest. */
	for (line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		found = sscanf(line, "%lu phys=%*s virt=0x%llx", id, virt) == 2;
	free(text);
	return found;
}

static void command(const char *what, unsigned long id)
{
	char text[64];

	snprintf(text, sizeof(text), "%s %lu", what, id);
	CHECK(!write_file(HOLE, text));
}

static void clear(void)
{
	CHECK(!write_file(LOG, "forget\n"));
}

/*
 * The kernel may leave before it gets to the hole, as a timer or other memory that is
 * hidden make it; then there is no fault on the hole. So it is read until there is one.
 */
static struct wanted read_until_logged(unsigned long id, unsigned long long virt)
{
	struct wanted w = { };

	for (int i = 0; i < 1000 && !w.count; i++) {
		command("read", id);
		w = faults_on(virt);
	}
	return w;
}

static void found_and_right(unsigned long id, unsigned long long virt)
{
	struct wanted w = read_until_logged(id, virt);

	ktap_note("%llu %s %s %s %s", w.count, w.last.class, w.last.phase,
		  w.last.memory, w.last.symbol);
	CHECK(w.count == 1);
	CHECK(!strcmp(w.last.class, "user"));
	CHECK(!strcmp(w.last.phase, "relaxed"));
	CHECK(!strcmp(w.last.memory, "hole"));
	CHECK(!strncmp(w.last.symbol, "hole_", 5));
	CHECK(w.last.ip >> 63);
	ktap_ok(!test_errors_take(), "a read of the hole is in the log, with all about it");
}

static void counted(unsigned long id, unsigned long long virt)
{
	unsigned long long before = faults_on(virt).count, after = before;

	for (int i = 0; i < 1000 && after < before + 10; i++) {
		command("read", id);
		after = faults_on(virt).count;
		CHECK(after <= before + (unsigned long long)i + 1);
	}
	CHECK(after == before + 10);
	ktap_ok(!test_errors_take(), "each read adds one to the count, at most");
}

static void cleared(unsigned long id, unsigned long long virt)
{
	CHECK(faults_on(virt).count);
	clear();
	CHECK(!faults_on(virt).count);
	CHECK(read_until_logged(id, virt).count == 1);
	ktap_ok(!test_errors_take(), "forgets what it is told to, and starts again");
}

static void add_up(const struct fault *f, void *arg)
{
	if (!strcmp(f->class, "user"))
		*(unsigned long long *)arg += f->count;
}

static unsigned long long exits_by_fault(void)
{
	struct asi_stats s;

	asi_stats_read("user", &s);
	return s.v[ASI_EXITS_FAULT];
}

/* Pages that are new lead to faults of the kernel on behalf of write(). */
static void load(void)
{
	char *p = xmmap(1 << 20);
	int fd = temp_fd(0);

	for (int i = 0; i < 256; i++)
		CHECK(write(fd, p + i * 4096, 4096) == 4096);
	close(fd);
}

/* All that the counters have, the log has, unless it was lost. */
static void agrees_with_counters(void)
{
	unsigned long long before, after, logged = 0, lost = 0;
	char *text, *at;

	clear();
	before = exits_by_fault();
	load();
	after = exits_by_fault();
	CHECK(each_fault(add_up, &logged));
	text = read_all(LOG);
	at = text ? strstr(text, "# lost ") : NULL;
	if (at)
		lost = strtoull(at + 7, NULL, 10);
	free(text);
	ktap_note("%llu exits by faults, %llu in the log, %llu lost",
		  after - before, logged, lost);
	CHECK(after > before);
	/* Others go on between the one look and the other. */
	CHECK(logged + lost >= after - before);
	ktap_ok(!test_errors_take(), "no exit by a fault is missing");
}

static int try_as_nobody(void)
{
	if (setgid(65534) || setuid(65534))
		return 2;
	return open(LOG, O_RDONLY) >= 0 || open(LOG, O_WRONLY) >= 0 ||
	       open(STACKS, O_RDONLY) >= 0;
}

static void for_root_alone(void)
{
	struct stat st;
	pid_t pid;

	CHECK(!stat(LOG, &st) && (st.st_mode & 07777) == 0600 && !st.st_uid);
	pid = xfork();
	if (!pid)
		_exit(try_as_nobody());
	CHECK(wait_exit(pid) == 0);
	ktap_ok(!test_errors_take(), "is for root alone");
}

static void stacks(unsigned long id, unsigned long long virt)
{
	static const char name[] = "the stack of a fault leads to the system call";
	char *text, *line, *rest;
	bool inside = false;
	int ours = 0;
	struct fault f;

	if (access(STACKS, F_OK)) {
		ktap_skip(name, "booted without asi_debug_fault_stacks");
		return;
	}
	clear();
	CHECK(read_until_logged(id, virt).count);
	text = read_all(STACKS);
	for (line = text ? strtok_r(text, "\n", &rest) : NULL; line;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (parse(line, &f))
			inside = f.page == virt;
		else if (strncmp(line, "  ", 2))
			test_error("not understood: %s", line);
		else if (inside)
			ours += !!strstr(line, "vfs_write+0x");
	}
	free(text);
	CHECK(ours == 1);
	ktap_ok(!test_errors_take(), "%s", name);
}

int main(void)
{
	const char *off = asi_class_off("user");
	unsigned long id;
	unsigned long long virt;

	if (off)
		ktap_skip_all("%s", off);
	if (!asi_debugfs() || access(LOG, W_OK))
		ktap_skip_all(LOG ": %s", strerror(errno));
	ktap_start(7);
	if (!ktap_ok(add_hole(&id, &virt), "there is a hole to read"))
		ktap_bail("no hole");
	clear();
	found_and_right(id, virt);
	counted(id, virt);
	cleared(id, virt);
	agrees_with_counters();
	stacks(id, virt);
	command("del", id);
	for_root_alone();
	return ktap_finish();
}
