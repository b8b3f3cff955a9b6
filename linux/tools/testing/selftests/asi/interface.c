// SPDX-License-Identifier: GPL-2.0
/*
 * sysfs and debugfs: what is promised is there and well formed, numbers add
 * up, and neither odd reads nor junk written anywhere do harm.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "asi_test.h"

static const char * const classes[] = { "user", "kvm" };

static void value(const char *name, char *text, size_t size)
{
	char path[200];

	snprintf(path, sizeof(path), ASI_SYSFS "/%s", name);
	text[0] = '\0';
	if (read_file(path, text, size) < 0)
		test_error("%s: %s", path, strerror(errno));
}

/* Without ASI in use a class need not have been registered. */
static bool class_there(const char *class)
{
	char path[100];

	snprintf(path, sizeof(path), ASI_SYSFS "/classes/%s", class);
	if (!access(path, F_OK))
		return true;
	value("enabled", path, sizeof(path));
	CHECK(!strcmp(path, "0"));
	return false;
}

static bool one_of(const char *text, const char * const *words)
{
	for (; *words; words++)
		if (!strcmp(text, *words))
			return true;
	return false;
}

static void well_formed(void)
{
	static const char * const modes[] = { "off", "on", "kvm", "user", NULL };
	static const char * const binary[] = { "0", "1", NULL };
	static const char * const features[] = {
		"pcid", "invpcid", "pti", "la57", "global_pages", "debug",
		"sensitive",
	};
	char text[256], reason[256], name[64];
	bool enabled;

	value("abi", text, sizeof(text));
	CHECK(!strcmp(text, "1"));
	value("mode", text, sizeof(text));
	CHECK(one_of(text, modes));
	value("enabled", text, sizeof(text));
	CHECK(one_of(text, binary));
	enabled = text[0] == '1';
	value("reason", reason, sizeof(reason));
	CHECK(enabled || reason[0]);
	for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
		snprintf(name, sizeof(name), "features/%s", features[i]);
		value(name, text, sizeof(text));
		CHECK(one_of(text, binary));
	}
	ktap_ok(!test_errors_take(), "values of the whole");
}

static void classes_well_formed(void)
{
	static const char * const binary[] = { "0", "1", NULL };
	static const char * const policy[] = { "exit", "preserve", "abort", NULL };
	static const char * const table[] = { "nonsensitive", "decorated", NULL };
	char text[256], reason[256], name[64];

	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		if (!class_there(classes[i]))
			continue;
		snprintf(name, sizeof(name), "classes/%s/enabled", classes[i]);
		value(name, text, sizeof(text));
		CHECK(one_of(text, binary));
		snprintf(name, sizeof(name), "classes/%s/reason", classes[i]);
		value(name, reason, sizeof(reason));
		/* On without a reason to be off, off with one. */
		CHECK((text[0] == '1') == !reason[0]);
		snprintf(name, sizeof(name), "classes/%s/fault_policy",
			 classes[i]);
		value(name, text, sizeof(text));
		CHECK(one_of(text, policy));
		snprintf(name, sizeof(name), "classes/%s/page_table",
			 classes[i]);
		value(name, text, sizeof(text));
		CHECK(one_of(text, table));
	}
	ktap_ok(!test_errors_take(), "values of the classes");
}

static void counters_add_up(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		struct asi_stats a, b;
		uint64_t sum = 0, later = 0;
		bool off = asi_class_off(classes[i]);

		if (!class_there(classes[i]))
			continue;
		asi_stats_read(classes[i], &a);
		for (int j = ASI_EXITS_FAULT; j <= ASI_EXITS_PM; j++)
			sum += a.v[j];
		for (unsigned long n = 0; n < scaled(2000); n++)
			getppid();
		asi_stats_read(classes[i], &b);
		for (int j = ASI_EXITS_FAULT; j <= ASI_EXITS_PM; j++)
			later += b.v[j];
		/* They move while they are read: each between its neighbours. */
		CHECK(a.v[ASI_EXITS] <= sum && b.v[ASI_EXITS] >= sum);
		CHECK(b.v[ASI_EXITS] <= later);
		for (int j = 0; j < ASI_COUNTERS; j++)
			CHECK(b.v[j] >= a.v[j]);
		CHECK(b.v[ASI_FLUSHES] <= b.v[ASI_CR3_WRITES] + 1000);
		if (off)
			for (int j = 0; j < ASI_COUNTERS; j++)
				CHECK(!b.v[j]);
	}
	ktap_ok(!test_errors_take(),
		"exits are the sum of their reasons, classes that are off count nothing");
}

static void oddly_read(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char whole[8192], part[8192];
	ssize_t len, n, at = 0;

	if (fd < 0)
		return;
	len = read(fd, whole, sizeof(whole));
	CHECK(len >= 0 || errno == EINVAL || errno == EACCES || errno == EPERM);
	lseek(fd, 0, SEEK_SET);
	while (at < (ssize_t)sizeof(part) && (n = read(fd, part + at, 1)) == 1)
		at++;
	CHECK(pread(fd, part, 16, 1 << 30) <= 0);
	CHECK(pread(fd, part, 0, 0) <= 0);
	CHECK(len <= 0 || pread(fd, bad_pointer(), 1, 0) == -1);
	close(fd);
	/* Values of one line end with it. */
	if (len > 0 && !strncmp(path, ASI_SYSFS, strlen(ASI_SYSFS)))
		CHECK(whole[len - 1] == '\n' &&
		      memchr(whole, '\n', (size_t)len) == whole + len - 1);
}

static unsigned long writable;

/* Whatever is written to them makes them forget. */
static bool takes_anything(const char *path)
{
	return !strcmp(path, ASI_DEBUGFS "/faults") ||
	       !strcmp(path, ASI_DEBUGFS "/fault_stacks");
}

static void junk_written(const char *path)
{
	static const char * const junk[] = {
		"\n", "junk\n", "-1\n", "18446744073709551616\n", "\xff\xff",
		"read\n", "del\n", "del 4294967295\n",
	};
	static char big[100000];
	int fd;

	if (takes_anything(path))
		return;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	writable++;
	for (size_t i = 0; i < ARRAY_SIZE(junk); i++)
		if (!write_file(path, junk[i]))
			test_error("%s took junk %zu", path, i);
	memset(big, '7', sizeof(big));
	CHECK(write(fd, big, sizeof(big)) < 0);
	CHECK(write(fd, bad_pointer(), 100) < 0);
	close(fd);
}

static atomic_bool stop;

static void *reads_all(void *arg)
{
	(void)arg;
	while (!atomic_load(&stop)) {
		each_file(ASI_SYSFS, oddly_read);
		each_file(ASI_DEBUGFS, oddly_read);
	}
	return NULL;
}

/* Tables are read while what they list comes and goes. */
static void while_processes_come_and_go(void)
{
	uint64_t until = deadline_ms(2500);
	struct thread t[2];

	for (int i = 0; i < 2; i++)
		thread_start(&t[i], reads_all, NULL);
	do {
		pid_t pid = xfork();

		if (!pid)
			_exit(0);
		CHECK(wait_exit(pid) == 0);
	} while (now_ms() < until);
	atomic_store(&stop, true);
	for (int i = 0; i < 2; i++)
		thread_join(&t[i]);
	ktap_ok(!test_errors_take(), "all is read while processes come and go");
}

/* Only root reads addresses; others must not even try. */
static void rights(void)
{
	static const char name[] = "debugfs is for root";
	pid_t pid;

	if (geteuid() || !asi_debugfs()) {
		ktap_skip(name, "needs root and debugfs");
		return;
	}
	pid = xfork();
	if (!pid) {
		if (setgid(65534) || setuid(65534))
			_exit(1);
		_exit(open(ASI_DEBUGFS "/domains", O_RDONLY) >= 0 ||
		      open(ASI_DEBUGFS "/hole", O_RDWR) >= 0);
	}
	ktap_ok(wait_exit(pid) == 0, "%s", name);
}

int main(void)
{
	unsigned long files;
	bool debugfs;

	if (!asi_present())
		ktap_skip_all("this kernel has no " ASI_SYSFS);
	debugfs = asi_debugfs();
	ktap_start(7);
	well_formed();
	classes_well_formed();
	counters_add_up();
	files = each_file(ASI_SYSFS, oddly_read);
	if (debugfs)
		files += each_file(ASI_DEBUGFS, oddly_read);
	ktap_note("%lu files", files);
	ktap_ok(files > 30 && !test_errors_take(), "odd reads");
	each_file(ASI_SYSFS, junk_written);
	each_file(ASI_DEBUGFS, junk_written);
	ktap_note("%lu files could be opened for writing", writable);
	ktap_ok(!test_errors_take(), "junk is refused everywhere");
	while_processes_come_and_go();
	rights();
	return ktap_finish();
}
