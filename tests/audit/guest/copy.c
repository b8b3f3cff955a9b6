// SPDX-License-Identifier: GPL-2.0
/*
 * Pages that the kernel copies memory of one process through, on its way to
 * another. Such a page is there for the time of a system call only. So the reader
 * is caught in the middle: what it reads to is a page that nobody will bring.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "plant.h"

/* How long until the reader has to be caught. */
#define PATIENCE_MS	10000

/* What the reader reads, and to where. */
struct reader {
	int fd;
	off_t at;
	char *to;
};

static void *read_page(void *arg)
{
	const struct reader *reader = arg;
	ssize_t n = pread(reader->fd, reader->to, PAGE, reader->at);

	failed("the reader came back with %zd", n);
}

/* Returns what tells of faults on the page at @page, which are never resolved. */
static int catch_faults(char *page)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range = { .start = (uintptr_t)page, .len = PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = (int)available(syscall(SYS_userfaultfd, O_NONBLOCK),
				"userfaultfd");

	need(ioctl(fd, UFFDIO_API, &api), "UFFDIO_API");
	need(ioctl(fd, UFFDIO_REGISTER, &range), "UFFDIO_REGISTER");
	return fd;
}

/* Have the kernel read @page by @path at @at, and take the page away then. */
static void plant_in_copy(char *page, const char *path, off_t at)
{
	static struct reader reader;
	struct pollfd fault = { .events = POLLIN };
	pthread_t thread;

	reader.fd = (int)need(open(path, O_RDONLY), path);
	reader.at = at;
	reader.to = map_anon(PAGE);
	fault.fd = catch_faults(reader.to);
	errno = pthread_create(&thread, NULL, read_page, &reader);
	need(errno ? -1 : 0, "pthread_create");
	if (poll(&fault, 1, PATIENCE_MS) != 1)
		failed("the reader of %s was not caught", path);
	wipe(page, PAGE);
}

static char *page_with_secret(void)
{
	char *page = map_anon(PAGE);

	secret_write(page + 512);
	return page;
}

static void plant_proc_mem(void)
{
	char *page = page_with_secret();

	plant_in_copy(page, "/proc/self/mem", (off_t)(uintptr_t)page);
}

/* Declare that a page is what the kernel takes for arguments or environment. */
static void plant_described(const char *path, int start, int end)
{
	char *page = page_with_secret();

	available(prctl(PR_SET_MM, start, page, 0, 0), "PR_SET_MM");
	need(prctl(PR_SET_MM, end, page + PAGE, 0, 0), "PR_SET_MM");
	plant_in_copy(page, path, 0);
}

static void plant_proc_environ(void)
{
	plant_described("/proc/self/environ", PR_SET_MM_ENV_START,
			PR_SET_MM_ENV_END);
}

static void plant_proc_cmdline(void)
{
	plant_described("/proc/self/cmdline", PR_SET_MM_ARG_START,
			PR_SET_MM_ARG_END);
}

const struct kind copy_kinds[] = {
	{ "proc-mem", plant_proc_mem },
	{ "proc-environ", plant_proc_environ },
	{ "proc-cmdline", plant_proc_cmdline },
	{ }
};
