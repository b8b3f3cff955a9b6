// SPDX-License-Identifier: GPL-2.0
/*
 * The subset invariant on whole tables: every translation of every domain is
 * that of the unrestricted table, at rest and while all that changes tables is
 * going on.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "asi_test.h"

#define CHECK_FILE	ASI_DEBUGFS "/check"
#define LOADS		3

static unsigned long leaves, domains;

/* The verdict is the first line; the rest are numbers, noted once. */
static bool tables_ok(void)
{
	static char text[65536];
	const char *p;

	if (read_file(CHECK_FILE, text, sizeof(text)) < 0) {
		test_error(CHECK_FILE ": %s", strerror(errno));
		return false;
	}
	if (strncmp(text, "ok\n", 3)) {
		test_error("%.*s", (int)strcspn(text, "\n"), text);
		return false;
	}
	p = strstr(text, "\nleaves ");
	if (p)
		sscanf(p, "\nleaves %lu", &leaves);
	p = strstr(text, "\ndomains ");
	if (p)
		sscanf(p, "\ndomains %lu", &domains);
	return true;
}

/* Entries at every level, made and freed. */
static void map_everywhere(void)
{
	for (unsigned long i = 1; i < 240; i += 7) {
		char *want = (char *)((uintptr_t)i << 39);
		char *p = mmap(want, 65536, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			continue;
		fill(p, 65536, i);
		verify(p, 65536, i);
		munmap(p, 65536);
	}
}

static void load(int kind, uint64_t until)
{
	while (now_ms() < until) {
		pid_t pid;

		switch (kind) {
		case 0:
			map_everywhere();
			break;
		case 1:
			pid = xfork();
			if (!pid) {
				map_everywhere();
				_exit(test_errors_take() != 0);
			}
			CHECK(wait_exit(pid) == 0);
			break;
		default:
			pid = xfork();
			if (!pid) {
				execl("/proc/self/exe", "self", "load", NULL);
				_exit(1);
			}
			CHECK(wait_exit(pid) == 0);
		}
	}
	_exit(test_errors_take() != 0);
}

static void while_loaded(void)
{
	uint64_t until = deadline_ms(4000);
	unsigned long n = 0, good = 0;
	pid_t pid[LOADS];

	for (int i = 0; i < LOADS; i++) {
		pid[i] = xfork();
		if (!pid[i])
			load(i, until);
	}
	do {
		good += tables_ok();
		n++;
	} while (now_ms() < until);
	for (int i = 0; i < LOADS; i++)
		CHECK(wait_exit(pid[i]) == 0);
	ktap_note("%lu checks", n);
	ktap_ok(good == n && !test_errors_take(), "while tables change");
}

/* With holes there is a difference to get right. */
static void with_holes(void)
{
	static const char hole[] = ASI_DEBUGFS "/hole";
	char text[512];
	unsigned long id;

	if (write_file(hole, "add")) {
		ktap_skip("with a hole", "%s: %s", hole, strerror(errno));
		return;
	}
	CHECK(tables_ok());
	if (read_file(hole, text, sizeof(text)) > 0 &&
	    sscanf(text, "%lu", &id) == 1) {
		snprintf(text, sizeof(text), "del %lu", id);
		CHECK(!write_file(hole, text));
	} else {
		test_error("%s lists nothing", hole);
	}
	CHECK(tables_ok());
	ktap_ok(!test_errors_take(), "with a hole, and without it again");
}

int main(int argc, char **argv)
{
	const char *off = asi_class_off("user");

	if (argc > 1 && !strcmp(argv[1], "load")) {
		map_everywhere();
		return test_errors_take() != 0;
	}
	if (off && asi_class_off("kvm"))
		ktap_skip_all("%s", off);
	if (!asi_debugfs() || access(CHECK_FILE, R_OK))
		ktap_skip_all(CHECK_FILE ": %s", strerror(errno));
	ktap_start(4);
	ktap_ok(tables_ok() && !test_errors_take(), "at rest");
	ktap_note("%lu domains, %lu leaves", domains, leaves);
	if (off && !domains)
		ktap_skip("there was something to check", "%s", off);
	else
		ktap_ok(leaves > 100 && domains,
			"there was something to check");
	while_loaded();
	with_holes();
	return ktap_finish();
}
