// SPDX-License-Identifier: GPL-2.0
/*
 * Calls of the fuzzer to /dev/asi: valid arguments, most of them changed a little.
 *
 * One thing is not asked for: a grant of addresses of the vmalloc area. What is there
 * goes while it is granted, as other tasks' stacks do, and the kernel would then work with
 * what it was in the domain, as the documentation warns.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "fuzz.h"
#include "fuzz_dev.h"

#define SLOTS		3
/* Calls of a process that has the files of another. */
#define TWIN_CALLS	20

static int slot[SLOTS] = { -1, -1, -1 };
static bool has_scribbler;
static bool there, int80;

/* ---- numbers ------------------------------------------------------------ */

/* With the right type, and something else that is wrong. */
static unsigned int odd_request(struct fuzz_life *life, unsigned int request)
{
	switch (fuzz_below(life, 4)) {
	case 0:
		return _IOC(_IOC_DIR(request), _IOC_TYPE(request),
			    fuzz_below(life, 256), _IOC_SIZE(request));
	case 1:
		return _IOC(_IOC_DIR(request), _IOC_TYPE(request),
			    _IOC_NR(request),
			    (_IOC_SIZE(request) + fuzz_below(life, 17) - 8) &
			    _IOC_SIZEMASK);
	case 2:
		return _IOC(fuzz_below(life, 4), _IOC_TYPE(request),
			    _IOC_NR(request), _IOC_SIZE(request));
	default:
		return (unsigned int)fuzz_number(life);
	}
}

/* As a program of 32 bits has it. */
static long compat_ioctl(int fd, unsigned int request, void *arg)
{
	long ret;

	asm volatile("int $0x80"
		     : "=a" (ret)
		     : "a" (54), "b" (fd), "c" (request), "d" (arg)
		     : "r8", "r9", "r10", "r11", "memory");
	return (int)ret;
}

static void no_such_entry(int sig)
{
	(void)sig;
	_exit(1);
}

/* Without support for programs of 32 bits there is no such system call. */
static bool have_int80(void)
{
	pid_t pid = xfork();

	if (!pid) {
		signal(SIGSEGV, no_such_entry);
		_exit(compat_ioctl(-1, 0, NULL) == -EBADF ? 0 : 1);
	}
	return wait_exit(pid) == 0;
}

/* ---- a second pair of hands --------------------------------------------- */

/* Changes arguments while the kernel looks at them. */
static void *scribble(void *data)
{
	struct fuzz_life life = *(struct fuzz_life *)data;

	life.random ^= 0x5555555555555555ULL;
	for (;;) {
		fuzz_mutate(&life, fuzz_arena(), 512);
		usleep(50);
	}
	return NULL;
}

/* The thread ends with the process. */
static void start_scribbler(const struct fuzz_life *life)
{
	static struct fuzz_life copy;
	static struct thread thread;

	copy = *life;
	has_scribbler = true;
	thread_start(&thread, scribble, &copy);
}

/* ---- calls -------------------------------------------------------------- */

static bool is_request(unsigned int request, unsigned int of)
{
	return _IOC_TYPE(request) == _IOC_TYPE(of) &&
	       _IOC_NR(request) == _IOC_NR(of);
}

/* Where the argument is. What is on the edge is not all there, or is all of it. */
static void *place(struct fuzz_life *life, size_t size)
{
	unsigned char *end = fuzz_arena() + FUZZ_ARENA;

	if (fuzz_one_in(life, 8))
		return end - size;
	if (size && fuzz_one_in(life, 16))
		return end - fuzz_below(life, size);
	return fuzz_arena();
}

/* As much of it as there is room for. */
static void put(void *to, const void *arg, size_t size)
{
	size_t room = (size_t)(fuzz_arena() + FUZZ_ARENA - (unsigned char *)to);

	memcpy(to, arg, size < room ? size : room);
}

static bool may_ask(unsigned int request, const void *arg)
{
	if (!is_request(request, ASI_IOC_GRANT))
		return true;
	return !has_scribbler && fuzz_dev_grant_fair(arg);
}

static void call_ioctl(struct fuzz_life *life, int fd)
{
	const struct fuzz_request *r = fuzz_dev_choose(life);
	unsigned int request = r->request;
	union fuzz_dev_arg arg = {};
	void *at = place(life, r->size);
	long ret;

	r->prepare(life, &arg);
	if (fuzz_one_in(life, 2))
		fuzz_mutate(life, &arg, r->size);
	if (fuzz_one_in(life, 12))
		request = odd_request(life, request);
	if (!may_ask(request, &arg))
		return;
	put(at, &arg, r->size);
	if (fuzz_one_in(life, 20))
		at = fuzz_bad_pointer(life, r->size);
	if (int80 && fuzz_one_in(life, 6))
		ret = compat_ioctl(fd, request, at);
	else
		ret = ioctl(fd, request, at);
	if (request != r->request) {
		fuzz_count("other ioctls", ret >= 0);
		return;
	}
	fuzz_count(r->name, ret >= 0);
	if (request == ASI_IOC_GRANT && ret >= 0)
		fuzz_dev_granted(&arg.grant);
}

/* It is no file to read. */
static void call_file(struct fuzz_life *life, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };
	size_t len = fuzz_length(life);
	void *buffer = fuzz_buffer(life, len);
	bool good = false;

	switch (fuzz_below(life, 5)) {
	case 0:
		good = read(fd, buffer, len) >= 0;
		break;
	case 1:
		good = write(fd, buffer, len) >= 0;
		break;
	case 2:
		good = lseek(fd, fuzz_offset(life), (int)fuzz_below(life, 6)) >= 0;
		break;
	case 3:
		good = poll(&p, 1, 0) >= 0;
		break;
	default:
		buffer = mmap(NULL, 8192, (int)fuzz_below(life, 8), MAP_SHARED, fd,
			      fuzz_offset(life));
		good = buffer != MAP_FAILED;
		if (good)
			munmap(buffer, 8192);
	}
	fuzz_count("device as a file", good);
}

static void open_device(struct fuzz_life *life, unsigned int nr)
{
	static const int flags[] = { O_RDWR, O_RDONLY, O_WRONLY, O_RDWR | O_EXCL };
	int fd = open(FUZZ_DEVICE, flags[fuzz_below(life, ARRAY_SIZE(flags))] |
				   O_CLOEXEC);

	fuzz_count("open device", fd >= 0);
	if (fd >= 0 && !fuzz_rights(life)) {
		atomic_fetch_add(&fuzz_shared->trespasses, 1);
		test_error("life %lu, role %d, opened " FUZZ_DEVICE,
			   life->number, life->role);
	}
	slot[nr] = fd;
}

static void close_device(unsigned int nr)
{
	if (slot[nr] >= 0)
		close(slot[nr]);
	slot[nr] = -1;
}

void fuzz_dev_let_go(void)
{
	for (unsigned int i = 0; i < SLOTS; i++)
		close_device(i);
}

static void call_open_file(struct fuzz_life *life, int fd)
{
	if (fuzz_one_in(life, 20))
		call_file(life, fd);
	else
		call_ioctl(life, fd);
}

/*
 * The same open files in two processes. The first may end before the second, which
 * then goes as well.
 */
static void start_twin(struct fuzz_life *life)
{
	struct fuzz_life twin = *life;

	signal(SIGCHLD, SIG_IGN);
	if (xfork())
		return;
	twin.random ^= 0xaaaaaaaaaaaaaaaaULL;
	for (int i = 0; i < TWIN_CALLS; i++) {
		int fd = slot[fuzz_below(&twin, SLOTS)];

		if (fd >= 0)
			call_open_file(&twin, fd);
	}
	_exit(0);
}

void fuzz_dev_call(struct fuzz_life *life)
{
	unsigned int nr = (unsigned int)fuzz_below(life, SLOTS);

	if (life->number % 8 == 2 && !has_scribbler)
		start_scribbler(life);
	if (slot[nr] < 0)
		open_device(life, nr);
	else if (fuzz_one_in(life, 60))
		close_device(nr);
	else if (fuzz_one_in(life, 400))
		start_twin(life);
	else
		call_open_file(life, slot[nr]);
}

void fuzz_dev_find(void)
{
	/* Once, as the module goes and comes back. */
	there = !access(FUZZ_DEVICE, F_OK);
	int80 = have_int80();
	fuzz_requests_init();
}

bool fuzz_dev_there(void)
{
	return there;
}
