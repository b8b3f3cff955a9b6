// SPDX-License-Identifier: GPL-2.0
/*
 * Modules come and go while processes run restricted: new kernel text and data
 * has to be there for all domains, and gone from all afterwards.
 *
 * Usage: modules [FILE.ko]...; without arguments, the files that the variable
 * MODULES names, with spaces between them, or else what is in
 * /lib/modules/RELEASE/kernel/lib, whose modules have no users.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "asi_test.h"

#define MAX_MODULES	4

static char path[MAX_MODULES][512];
static char unload_name[512];
static int modules;

static void add_module(const char *file)
{
	if (modules < MAX_MODULES)
		snprintf(path[modules++], sizeof(path[0]), "%s", file);
}

static void find_modules(void)
{
	char *list = getenv("MODULES");
	struct utsname u;
	struct dirent *e;
	char dir[200];
	DIR *d;

	if (list) {
		for (char *at = strtok(list, " "); at; at = strtok(NULL, " "))
			add_module(at);
		return;
	}
	uname(&u);
	snprintf(dir, sizeof(dir), "/lib/modules/%s/kernel/lib", u.release);
	d = opendir(dir);
	while (d && (e = readdir(d))) {
		size_t len = strlen(e->d_name);
		char file[512];

		if (len < 4 || strcmp(e->d_name + len - 3, ".ko"))
			continue;
		snprintf(file, sizeof(file), "%s/%s", dir, e->d_name);
		add_module(file);
	}
	if (d)
		closedir(d);
}

static int load_module(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	err = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
	close(fd);
	return err;
}

/* The name is the file's, with dashes as underscores. */
static int unload_module(const char *file)
{
	const char *base = strrchr(file, '/');
	char *name = unload_name;
	size_t len;

	snprintf(name, sizeof(unload_name), "%.500s", base ? base + 1 : file);
	len = strlen(name);
	if (len > 3)
		name[len - 3] = '\0';
	for (char *p = name; *p; p++)
		if (*p == '-')
			*p = '_';
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

static void load(int nr)
{
	static char block[32768];

	cpu_pin(nr);
	for (uint64_t seed = 1;; seed++) {
		fill(block, sizeof(block), seed);
		for (int i = 0; i < 100; i++)
			if (getppid() <= 0)
				_exit(1);
		if (!verify(block, sizeof(block), seed))
			_exit(2);
	}
}

int main(int argc, char **argv)
{
	unsigned long loaded = 0;
	pid_t pid[3];

	for (int i = 1; i < argc; i++)
		add_module(argv[i]);
	if (argc == 1)
		find_modules();
	if (!modules)
		ktap_skip_all("no module files for this kernel");
	if (access("/proc/modules", R_OK))
		ktap_skip_all("this kernel has no modules");
	ktap_start(1);
	for (int i = 0; i < 3; i++) {
		pid[i] = xfork();
		if (!pid[i])
			load(i);
	}
	for (unsigned long i = 0; i < scaled(30); i++) {
		for (int j = 0; j < modules; j++) {
			int err = load_module(path[j]);

			if (err) {
				test_error("%s: %s", path[j], strerror(-err));
				continue;
			}
			loaded++;
			CHECK(!unload_module(path[j]));
		}
	}
	for (int i = 0; i < 3; i++) {
		kill(pid[i], SIGKILL);
		CHECK(wait_exit(pid[i]) == 256 + SIGKILL);
	}
	ktap_note("%lu times", loaded);
	ktap_ok(loaded && !test_errors_take(), "modules loaded and unloaded");
	return ktap_finish();
}
