// SPDX-License-Identifier: GPL-2.0
/* What the tests of /dev/asi share: see asi_dev.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "asi_dev.h"

#define DEVICE	"/dev/asi"

const char * const dev_table_name[ASI_NR_TABLES] = {
	[ASI_TABLE_NONSENSITIVE] = "nonsensitive",
	[ASI_TABLE_DECORATED] = "decorated",
};

static const char * const test_class[ASI_NR_TABLES] = {
	"test-plain", "test-decorated",
};

static bool loaded;

int dev_load(void)
{
	const char *file = getenv("ASI_DEV");
	int fd, err;

	if (!file)
		return -ENOENT;
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
	close(fd);
	return err;
}

int dev_unload_other(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

int dev_unload(void)
{
	return dev_unload_other("asi_dev");
}

bool dev_is_module(void)
{
	return loaded;
}

void dev_need(void)
{
	int err;

	if (geteuid())
		ktap_skip_all("only root can open " DEVICE);
	if (!access(DEVICE, F_OK))
		return;
	err = dev_load();
	if (err)
		ktap_skip_all("there is no " DEVICE ", and the module: %s",
			      strerror(-err));
	loaded = true;
}

int dev_open(void)
{
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int dev_ioctl(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) ? -errno : 0;
}

static unsigned int info_flags(int fd)
{
	struct asi_ioc_info info;

	if (dev_ioctl(fd, ASI_IOC_INFO, &info))
		ktap_bail("ASI_IOC_INFO: %s", strerror(errno));
	return info.flags;
}

bool dev_on(int fd)
{
	return info_flags(fd) & ASI_INFO_ON;
}

int dev_start(void)
{
	int fd;

	dev_need();
	fd = dev_open();
	if (fd < 0)
		ktap_skip_all("/dev/asi: %s", strerror(-fd));
	if (!dev_on(fd))
		ktap_skip_all("ASI is off");
	if (!asi_debugfs())
		ktap_skip_all("no debugfs");
	return fd;
}

bool dev_can_run(int fd, unsigned int table)
{
	return info_flags(fd) & (table == ASI_TABLE_DECORATED ?
				 ASI_INFO_DECORATED : ASI_INFO_NONSENSITIVE);
}

unsigned int dev_sequence(int fd, const char *name)
{
	struct asi_ioc_describe d = {};

	for (unsigned int i = 0; ; i++) {
		memset(&d, 0, sizeof(d));
		d.sequence = i;
		if (dev_ioctl(fd, ASI_IOC_DESCRIBE, &d))
			ktap_bail("there is no sequence %s", name);
		if (!strcmp(d.name, name))
			return i;
	}
}

int dev_run(int fd, unsigned int sequence, unsigned int table,
	    const char *module, struct asi_ioc_run *run)
{
	memset(run, 0, sizeof(*run));
	run->sequence = sequence;
	run->table = table;
	if (module)
		snprintf(run->module, sizeof(run->module), "%s", module);
	return dev_ioctl(fd, ASI_IOC_RUN, run);
}

int dev_attach(int fd, pid_t pid, const char *class)
{
	struct asi_ioc_attach a = { .pid = pid };

	snprintf(a.class, sizeof(a.class), "%s", class);
	return dev_ioctl(fd, ASI_IOC_ATTACH, &a);
}

static const char *state_name(unsigned int state)
{
	static const char * const names[] = {
		"none", "out", "in", "any", "granted", "other",
	};

	return state < ARRAY_SIZE(names) ? names[state] : "?";
}

void dev_note_run(const struct asi_ioc_run *run)
{
	static const char * const results[] = {
		"?", "passed", "failed", "skipped",
	};

	ktap_note("%s, %u of %u steps wrong; %s",
		  results[run->result < ARRAY_SIZE(results) ? run->result : 0],
		  run->failed, run->nr_steps, run->reason);
	for (unsigned int i = 0; i < run->nr_steps && i < ASI_MAX_STEPS; i++) {
		const struct asi_ioc_step *s = &run->step[i];

		ktap_note("  %-24s expected %-7s is %-5s cr3 %-5s %s%s %s %s",
			  s->name, state_name(s->expected), state_name(s->actual),
			  state_name(s->cr3), s->flags & ASI_STEP_OK ? "ok" : "WRONG",
			  s->flags & ASI_STEP_FAULT ? " fault:" : "",
			  s->fault_symbol, s->object);
	}
}

void dev_watch(int fd)
{
	for (unsigned int table = 0; table < ASI_NR_TABLES; table++) {
		struct asi_stats s;

		if (!dev_can_run(fd, table) || asi_class_off(test_class[table]))
			continue;
		asi_stats_read(test_class[table], &s);
		CHECK(!s.v[ASI_TENSE_FAULTS]);
		CHECK(!s.v[ASI_WARNINGS]);
	}
}

bool dev_module(char *file, size_t size, char *name, size_t name_size)
{
	const char *list = getenv("MODULES"), *base;
	size_t len;

	if (!list || !*list)
		return false;
	len = strcspn(list, " ");
	snprintf(file, size, "%.*s", (int)len, list);
	if (access(file, R_OK))
		return false;
	base = strrchr(file, '/');
	snprintf(name, name_size, "%s", base ? base + 1 : file);
	name[strcspn(name, ".")] = '\0';
	for (char *p = name; *p; p++)
		if (*p == '-')
			*p = '_';
	return true;
}
