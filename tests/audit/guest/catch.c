// SPDX-License-Identifier: GPL-2.0
/* System calls that are caught in the middle: see catch.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "catch.h"

/* How long until the thread has to be caught. */
#define PATIENCE_MS	10000
/* Far from the end of what is there: a copy ends with a few words in registers. */
#define SECRET_AT	256UL

struct caught caught;

static void *make_call(void *call)
{
	long ret = (*(long (**)(void))call)();

	failed("what was to be caught came back with %ld", ret);
}

void start_call(long (*call)(void))
{
	static long (*started)(void);
	pthread_t thread;

	started = call;
	errno = pthread_create(&thread, NULL, make_call, &started);
	need(errno ? -1 : 0, "pthread_create");
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

static void catch_at(char *page, long (*call)(void))
{
	struct pollfd fault = { .fd = catch_faults(page), .events = POLLIN };

	start_call(call);
	if (poll(&fault, 1, PATIENCE_MS) != 1)
		failed("nothing was caught");
}

void catch_writing(long (*call)(void))
{
	caught.at = map_anon(PAGE);
	catch_at(caught.at, call);
}

void catch_reading(long (*call)(void))
{
	char *pages = map_anon(3 * PAGE);

	pages[2 * PAGE] = 1;
	caught.at = pages + PAGE - CAUGHT_SIZE / 2;
	secret_write(caught.at + SECRET_AT);
	catch_at(pages + PAGE, call);
	wipe(pages, PAGE);
}
