// SPDX-License-Identifier: GPL-2.0
/*
 * Calls of the fuzzer to the files of ASI in sysfs and debugfs: to all of them. None
 * is documented to take the machine down: what a hole hides is memory of its own, there
 * are at most 64, and what writing clears is a log.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "fuzz.h"

#define MAX_FILES	256
#define SLOTS		6
#define TEXT		256

enum kind { SYSFS, DEBUGFS, CHECK, HOLE, MAP };

/* One in so many of the calls that take long is made. */
#define SELDOM		25

static struct {
	char path[120];
	enum kind kind;
} files[MAX_FILES];
static unsigned int nr_files, nr_sysfs;
static int inherited = -1;

/* Files that a life has open. */
static struct {
	int fd;
	unsigned int file;
} slot[SLOTS];
static bool slots_ready;

static enum kind kind_of(const char *path)
{
	if (!strcmp(path, ASI_DEBUGFS "/check"))
		return CHECK;
	if (!strcmp(path, ASI_DEBUGFS "/hole"))
		return HOLE;
	if (!strcmp(path, ASI_DEBUGFS "/map"))
		return MAP;
	return !strncmp(path, ASI_DEBUGFS, strlen(ASI_DEBUGFS)) ? DEBUGFS : SYSFS;
}

static void add_file(const char *path)
{
	if (nr_files == MAX_FILES)
		return;
	if (snprintf(files[nr_files].path, sizeof(files[0].path), "%s", path) >=
	    (int)sizeof(files[0].path))
		ktap_bail("%s: too long a name", path);
	files[nr_files++].kind = kind_of(path);
}

unsigned int fuzz_files_find(void)
{
	each_file(ASI_SYSFS, add_file);
	nr_sysfs = nr_files;
	if (asi_debugfs())
		each_file(ASI_DEBUGFS, add_file);
	return nr_files;
}

void fuzz_files_inherit(void)
{
	/* Shows addresses to whoever reads it, if root has opened it. */
	inherited = open("/proc/kallsyms", O_RDONLY);
	if (inherited < 0)
		ktap_bail("/proc/kallsyms: %s", strerror(errno));
}

/* ---- what is written ---------------------------------------------------- */

static int hole_text(struct fuzz_life *life, char *text, size_t size)
{
	unsigned int id = (unsigned int)fuzz_below(life, 1 +
				atomic_load(&fuzz_shared->holes));

	if (fuzz_one_in(life, 8))
		id = (unsigned int)fuzz_number(life);
	switch (fuzz_below(life, SELDOM)) {
	case 0:
		return snprintf(text, size, "add\n");
	case 1:
		return snprintf(text, size, "read %u\n", id);
	default:
		return snprintf(text, size, "del %u\n", id);
	}
}

static int map_text(struct fuzz_life *life, char *text, size_t size)
{
	static const char * const class[] = {
		"", " user", " kvm", " ", " test", " user kvm", " \x80\xff",
	};
	const char *word = class[fuzz_below(life, ARRAY_SIZE(class))];

	if (fuzz_one_in(life, 8))
		return snprintf(text, size, "%lld%s\n",
				(long long)fuzz_number(life), word);
	return snprintf(text, size, "%d%s\n", fuzz_pid(life), word);
}

static int any_text(struct fuzz_life *life, char *text, size_t size)
{
	if (fuzz_one_in(life, 2))
		return snprintf(text, size, "%llu\n",
				(unsigned long long)fuzz_number(life));
	for (size_t i = 0; i < size; i++)
		text[i] = (char)fuzz_below(life, 256);
	return (int)fuzz_below(life, size);
}

/* What the file may want, or nearly; how long it is. */
static size_t make_text(struct fuzz_life *life, enum kind kind, char *text)
{
	int len;

	if (kind == HOLE)
		len = hole_text(life, text, TEXT);
	else if (kind == MAP)
		len = map_text(life, text, TEXT);
	else
		len = any_text(life, text, TEXT);
	if (fuzz_one_in(life, 4))
		fuzz_mutate(life, text, (size_t)len);
	return (size_t)len;
}

/* ---- calls -------------------------------------------------------------- */

/* Done with the file that is open in a slot. */
typedef bool (*call_t)(struct fuzz_life *life, int fd, unsigned int file);

static void judge_read(struct fuzz_life *life, unsigned int file,
		       const void *data, ssize_t len)
{
	const unsigned char *begin = fuzz_arena();
	const unsigned char *p = data;

	if (life->role == FUZZ_ROOT || len <= 0)
		return;
	if (p >= begin && p + len <= begin + FUZZ_ARENA)
		fuzz_scan(life, files[file].path, data, (size_t)len);
}

static bool call_read(struct fuzz_life *life, int fd, unsigned int file)
{
	size_t len = fuzz_length(life);
	void *buffer = fuzz_buffer(life, len);
	ssize_t n = read(fd, buffer, len);

	judge_read(life, file, buffer, n);
	return n >= 0;
}

static bool call_pread(struct fuzz_life *life, int fd, unsigned int file)
{
	size_t len = fuzz_length(life);
	void *buffer = fuzz_buffer(life, len);
	ssize_t n = pread(fd, buffer, len, fuzz_offset(life));

	judge_read(life, file, buffer, n);
	return n >= 0;
}

static bool call_readv(struct fuzz_life *life, int fd, unsigned int file)
{
	struct iovec v[4];
	ssize_t n;

	(void)file;
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		v[i].iov_len = fuzz_length(life);
		v[i].iov_base = fuzz_buffer(life, v[i].iov_len);
	}
	n = readv(fd, v, (int)fuzz_below(life, ARRAY_SIZE(v) + 1));
	return n >= 0;
}

static bool call_write(struct fuzz_life *life, int fd, unsigned int file)
{
	char text[TEXT];
	size_t len = make_text(life, files[file].kind, text);
	char *buffer = (char *)fuzz_arena() + fuzz_below(life, FUZZ_ARENA - len);
	bool good;

	if (fuzz_one_in(life, 8))
		return write(fd, fuzz_buffer(life, len), fuzz_length(life)) >= 0;
	memcpy(buffer, text, len);
	good = write(fd, buffer, len) >= 0;
	if (good && files[file].kind == HOLE && text[0] == 'a')
		atomic_fetch_add(&fuzz_shared->holes, 1);
	return good;
}

static bool call_seek(struct fuzz_life *life, int fd, unsigned int file)
{
	off_t to = fuzz_offset(life);

	(void)file;
	return lseek(fd, to, (int)fuzz_below(life, 7)) >= 0;
}

static bool call_mmap(struct fuzz_life *life, int fd, unsigned int file)
{
	size_t len = 1 + fuzz_below(life, FUZZ_ARENA);
	int prot = (int)fuzz_below(life, 8);
	int flags = fuzz_one_in(life, 2) ? MAP_SHARED : MAP_PRIVATE;
	void *p;

	(void)file;
	p = mmap(NULL, len, prot, flags, fd, fuzz_offset(life));
	if (p == MAP_FAILED)
		return false;
	munmap(p, len);
	return true;
}

static bool call_ioctl(struct fuzz_life *life, int fd, unsigned int file)
{
	(void)file;
	return ioctl(fd, fuzz_number(life), fuzz_buffer(life, 64)) >= 0;
}

static bool call_poll(struct fuzz_life *life, int fd, unsigned int file)
{
	struct pollfd p = { .fd = fd, .events = (short)fuzz_number(life) };

	(void)file;
	return poll(&p, 1, 0) >= 0;
}

static bool call_sendfile(struct fuzz_life *life, int fd, unsigned int file)
{
	off_t offset = fuzz_offset(life);
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	ssize_t n;

	(void)file;
	n = sendfile(null, fd, fuzz_one_in(life, 2) ? &offset : NULL,
		     fuzz_below(life, FUZZ_ARENA));
	close(null);
	return n >= 0;
}

static bool call_truncate(struct fuzz_life *life, int fd, unsigned int file)
{
	(void)file;
	if (fuzz_one_in(life, 2))
		return !ftruncate(fd, fuzz_offset(life));
	return !fallocate(fd, (int)fuzz_below(life, 4), fuzz_offset(life),
			  fuzz_offset(life));
}

static const struct {
	const char *name;
	call_t call;
	unsigned int weight;
} calls[] = {
	{ "read",	call_read,	30 },
	{ "pread",	call_pread,	10 },
	{ "readv",	call_readv,	4 },
	{ "write",	call_write,	24 },
	{ "seek",	call_seek,	6 },
	{ "mmap",	call_mmap,	4 },
	{ "file ioctl",	call_ioctl,	4 },
	{ "poll",	call_poll,	2 },
	{ "sendfile",	call_sendfile,	4 },
	{ "truncate",	call_truncate,	2 },
};

static unsigned int choose_call(struct fuzz_life *life)
{
	unsigned int sum = 0, i, at;

	for (i = 0; i < ARRAY_SIZE(calls); i++)
		sum += calls[i].weight;
	at = (unsigned int)fuzz_below(life, sum);
	for (i = 0; at >= calls[i].weight; i++)
		at -= calls[i].weight;
	return i;
}

/* ---- open files --------------------------------------------------------- */

/*
 * User 0 without capabilities owns the files of debugfs and may open them, which
 * proves nothing.
 */
static unsigned int choose_file(struct fuzz_life *life)
{
	bool sysfs = life->role == FUZZ_POWERLESS || fuzz_one_in(life, 3);
	unsigned int file;

	if (sysfs || nr_sysfs == nr_files)
		return (unsigned int)fuzz_below(life, nr_sysfs);
	do {
		file = nr_sysfs + (unsigned int)fuzz_below(life, nr_files - nr_sysfs);
	} while (files[file].kind == CHECK && !fuzz_one_in(life, SELDOM));
	return file;
}

static int choose_flags(struct fuzz_life *life)
{
	static const int modes[] = { O_RDONLY, O_RDONLY, O_RDWR, O_WRONLY };
	static const int more[] = {
		O_NONBLOCK, O_APPEND, O_TRUNC, O_DIRECT, O_PATH, O_DIRECTORY,
		O_NOATIME, O_SYNC, O_CREAT | O_EXCL, O_NOFOLLOW,
	};
	int flags = modes[fuzz_below(life, ARRAY_SIZE(modes))] | O_CLOEXEC;

	if (fuzz_one_in(life, 6))
		flags |= more[fuzz_below(life, ARRAY_SIZE(more))];
	return flags;
}

static void open_file(struct fuzz_life *life, unsigned int nr)
{
	unsigned int file = choose_file(life);
	int flags = choose_flags(life);
	int fd = open(files[file].path, flags, 0600);

	fuzz_count("open", fd >= 0);
	if (fd >= 0 && !fuzz_rights(life) && !(flags & O_PATH) &&
	    files[file].kind != SYSFS) {
		atomic_fetch_add(&fuzz_shared->trespasses, 1);
		test_error("life %lu, role %d, opened %s", life->number,
			   life->role, files[file].path);
	}
	slot[nr].fd = fd;
	slot[nr].file = file;
}

static void close_file(unsigned int nr)
{
	fuzz_count("close", !close(slot[nr].fd));
	slot[nr].fd = -1;
}

/* What was left open on purpose is read like any other file. */
static void first_slots(void)
{
	for (unsigned int i = 0; i < SLOTS; i++)
		slot[i].fd = -1;
	for (unsigned int i = 0; i < nr_files && inherited >= 0; i++)
		if (files[i].kind == HOLE)
			slot[0].file = i;
	if (inherited >= 0)
		slot[0].fd = inherited;
	slots_ready = true;
}

void fuzz_files_call(struct fuzz_life *life)
{
	unsigned int nr = (unsigned int)fuzz_below(life, SLOTS), i;
	bool good;

	if (!slots_ready)
		first_slots();
	if (slot[nr].fd < 0) {
		open_file(life, nr);
		return;
	}
	if (fuzz_one_in(life, 8)) {
		close_file(nr);
		return;
	}
	i = choose_call(life);
	good = calls[i].call(life, slot[nr].fd, slot[nr].file);
	fuzz_count(calls[i].name, good);
}
