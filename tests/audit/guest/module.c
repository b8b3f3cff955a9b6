// SPDX-License-Identifier: GPL-2.0
/* Modules of the kernel, from the host: see module.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>
#include <sys/syscall.h>

#include "module.h"
#include "plant.h"

#define POLL_US		20000U
#define POLLS		500U

void load_module(const char *path, const char *parameters)
{
	char file[PATH_MAX];
	int fd;

	if (!settings.modules)
		missing("the host gave no modules");
	snprintf(file, sizeof(file), "%s/%s", settings.modules, path);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		missing("there is no %s", path);
	if (syscall(SYS_finit_module, fd, parameters, 0) && errno != EEXIST)
		failed("%s", path);
	close(fd);
}

void load_modules(const char *const *paths)
{
	for (; *paths; paths++)
		load_module(*paths, "");
}

int open_when_there(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	for (unsigned int i = 0; fd < 0 && errno == ENOENT && i < POLLS; i++) {
		usleep(POLL_US);
		fd = open(path, O_RDWR | O_CLOEXEC);
	}
	return (int)need(fd, path);
}
