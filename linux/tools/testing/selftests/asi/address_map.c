// SPDX-License-Identifier: GPL-2.0
/*
 * The map of an address space, and of what a domain has of it: well formed, complete,
 * and true of memory that we know. What makes no sense is refused.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "asi_test.h"

#define MAP	ASI_DEBUGFS "/map"
#define HOLE	ASI_DEBUGFS "/hole"

/* Far more than lines for all that a machine of a test has mapped. */
#define TOO_LONG	(32UL << 20)

struct run {
	unsigned long long start, end;
	char level[8], region[20];
	int unrestricted, restricted;
};

/* A question that is written; 0 or -errno. */
static int ask(int fd, const char *question)
{
	return write(fd, question, strlen(question)) < 0 ? -errno : 0;
}

static int ask_for(int fd, pid_t pid, const char *class)
{
	char text[64];

	snprintf(text, sizeof(text), "%d%s%s\n", pid, class ? " " : "",
		 class ? class : "");
	return ask(fd, text);
}

/* The whole answer, in steps of @step; the caller frees it. NULL if there is none. */
static char *answer(int fd, size_t step)
{
	size_t size = 1 << 16, len = 0;
	char *text = malloc(size);
	ssize_t n;

	if (!text || lseek(fd, 0, SEEK_SET))
		ktap_bail("no memory, or no seek");
	while ((n = read(fd, text + len, step)) > 0) {
		len += (size_t)n;
		if (len > TOO_LONG)
			ktap_bail("the answer has no end");
		if (size < len + step + 1) {
			size *= 2;
			text = realloc(text, size);
			if (!text)
				ktap_bail("no memory");
		}
	}
	text[len] = '\0';
	if (n >= 0)
		return text;
	free(text);
	return NULL;
}

static bool parse(const char *line, struct run *r)
{
	char end;

	return sscanf(line, "0x%llx 0x%llx %7s %d %d %19s%c", &r->start,
		      &r->end, r->level, &r->unrestricted, &r->restricted, r->region,
		      &end) == 6 &&
	       r->start < r->end && !((r->start | r->end) & 4095) &&
	       !(r->unrestricted & ~1) && !(r->restricted & ~1) &&
	       (!strcmp(r->level, "-") || !strcmp(r->level, "4K") ||
		!strcmp(r->level, "2M") || !strcmp(r->level, "1G")) &&
	       !strcmp(r->level, "-") == !(r->unrestricted || r->restricted);
}

typedef void (*visit_t)(const struct run *r, void *arg);

/*
 * Calls @visit for each run of an answer. Notes what is not well formed: lines, their
 * order, gaps in a region, and an end other than @note.
 */
static int each_run(char *text, const char *note, visit_t visit, void *arg)
{
	static const char heading[] =
		"# start end level unrestricted restricted region";
	struct run r, last = { };
	bool end = false;
	char *line, *rest;
	int runs = 0;

	line = strtok_r(text, "\n", &rest);
	CHECK(line && !strcmp(line, heading));
	while ((line = strtok_r(NULL, "\n", &rest)) && !end) {
		if (!strcmp(line, note)) {
			end = true;
			continue;
		}
		if (!parse(line, &r)) {
			test_error("not understood: %s", line);
			break;
		}
		CHECK(r.start >= last.end);
		CHECK(!runs || strcmp(r.region, last.region) || r.start == last.end);
		/* Nothing that the kernel has not. */
		CHECK(r.unrestricted || !r.restricted);
		visit(&r, arg);
		last = r;
		runs++;
	}
	CHECK(end);
	return runs;
}

struct search {
	unsigned long long addr;
	bool found;
	struct run r;
};

static void match(const struct run *r, void *arg)
{
	struct search *s = arg;

	if (s->addr < r->start || s->addr >= r->end)
		return;
	s->found = true;
	s->r = *r;
}

static void own_note(char *note, size_t size)
{
	snprintf(note, size, "# domain %d address_map user", getpid());
}

/* The run of an address, in our own domain. */
static struct search look_up(int fd, unsigned long long addr)
{
	struct search s = { .addr = addr };
	char note[64], *text;

	own_note(note, sizeof(note));
	CHECK(!ask_for(fd, getpid(), "user"));
	text = answer(fd, 65536);
	CHECK(text);
	if (text)
		each_run(text, note, match, &s);
	free(text);
	CHECK(s.found);
	return s;
}

static void count(const struct run *r, void *arg)
{
	(void)r;
	++*(int *)arg;
}

static void well_formed(int fd)
{
	char note[64], *text;
	int runs = 0;

	own_note(note, sizeof(note));
	CHECK(!ask_for(fd, getpid(), NULL));
	text = answer(fd, 65536);
	CHECK(text && each_run(text, note, count, &runs) > 20);
	ktap_note("%d runs", runs);
	free(text);

	/* Small pieces, which end in the middle of lines. */
	text = answer(fd, 7);
	CHECK(text && each_run(text, note, count, &runs) > 20);
	free(text);
	ktap_ok(!test_errors_take(), "an answer is well formed, in order and complete");
}

static void own_memory(int fd)
{
	char *p = xmmap(4 * 4096);
	struct search s;

	madvise(p, 4 * 4096, MADV_NOHUGEPAGE);
	p[0] = 1;
	p[4096] = 1;
	s = look_up(fd, (uintptr_t)p);
	CHECK(s.r.unrestricted && s.r.restricted && !strcmp(s.r.region, "user"));
	s = look_up(fd, (uintptr_t)p + 3 * 4096);
	CHECK(!s.r.unrestricted && !s.r.restricted && !strcmp(s.r.region, "user"));
	s = look_up(fd, (uintptr_t)own_memory);
	CHECK(s.r.unrestricted && s.r.restricted && !strcmp(s.r.region, "user"));
	ktap_ok(!test_errors_take(), "own pages are there, and where there are none not");
}

static void hole(int fd)
{
	static const char name[] = "a hole is missing in the domain, and in nothing else";
	unsigned long id = 0;
	unsigned long long virt = 0;
	char text[16384], *line, *rest;
	struct search s;

	if (write_file(HOLE, "add") || read_file(HOLE, text, sizeof(text)) < 0) {
		ktap_skip(name, "no hole: %s", strerror(errno));
		return;
	}
	/* The last line is the newest. */
	for (line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		CHECK(sscanf(line, "%lu phys=%*s virt=0x%llx", &id, &virt) == 2);
	s = look_up(fd, virt);
	CHECK(s.r.unrestricted && !s.r.restricted && !strcmp(s.r.region, "direct"));
	CHECK(s.r.end >= virt + (2 << 20));

	snprintf(text, sizeof(text), "del %lu", id);
	CHECK(!write_file(HOLE, text));
	ktap_ok(!test_errors_take(), "%s", name);
}

static void nonsense(int fd)
{
	static const char * const text[] = {
		"\n", " ", "x", "-1", "0", "1x", "1,2", "99999999999999999999",
		"\xff\xfe", "user",
	};
	char big[256], *got;
	pid_t pid;

	CHECK(!ask_for(fd, getpid(), NULL));
	for (size_t i = 0; i < ARRAY_SIZE(text); i++)
		if (ask(fd, text[i]) != -EINVAL)
			test_error("not EINVAL: \"%s\"", text[i]);
	memset(big, '1', sizeof(big));
	CHECK(write(fd, big, sizeof(big)) < 0 && errno == EINVAL);
	CHECK(write(fd, bad_pointer(), 8) < 0 && errno == EFAULT);

	CHECK(ask_for(fd, getpid(), "nothing") == -ENOENT);
	CHECK(ask_for(fd, getpid(), "user and more") == -ENOENT);
	/* A kernel thread, and a process that is gone. */
	CHECK(ask_for(fd, 2, NULL) == -ESRCH);
	pid = xfork();
	if (!pid)
		_exit(0);
	wait_exit(pid);
	CHECK(ask_for(fd, pid, NULL) == -ESRCH);

	/* And then there is no question. */
	got = answer(fd, 4096);
	CHECK(!got && errno == EINVAL);
	free(got);
	ktap_ok(!test_errors_take(), "nonsense is refused, each kind by its error");
}

/* Two files, two questions; and one whose process ends. */
static void questions_are_apart(int fd)
{
	int other = open(MAP, O_RDWR | O_CLOEXEC), status;
	char note[64], *text;
	int runs = 0;
	pid_t pid;

	text = answer(other, 4096);
	CHECK(!text && errno == EINVAL);
	free(text);

	pid = xfork();
	if (!pid) {
		for (;;)
			pause();
	}
	CHECK(!ask_for(other, pid, "user"));
	CHECK(!ask_for(fd, getpid(), NULL));
	own_note(note, sizeof(note));
	text = answer(fd, 4096);
	CHECK(text && each_run(text, note, count, &runs));
	free(text);

	kill(pid, SIGKILL);
	status = wait_exit(pid);
	CHECK(status == 256 + SIGKILL);
	/* The file does not keep the memory of the process. */
	text = answer(other, 4096);
	CHECK(!text && errno == ESRCH);
	free(text);
	close(other);
	ktap_ok(!test_errors_take(), "each file has its question, until its process ends");
}

static atomic_bool stop;

static void *changes_all_the_time(void *arg)
{
	(void)arg;
	while (!atomic_load(&stop)) {
		char *p = xmmap(8 << 20);

		for (size_t i = 0; i < 8 << 20; i += 1 << 18)
			p[i] = 1;
		munmap(p, 8 << 20);
	}
	return NULL;
}

static void while_it_changes(int fd)
{
	uint64_t until = deadline_ms(3000);
	struct thread t[2];
	int runs = 0;

	for (int i = 0; i < 2; i++)
		thread_start(&t[i], changes_all_the_time, NULL);
	do {
		pid_t pid = xfork();
		char *text;

		if (!pid) {
			sleep_ms(5);
			_exit(0);
		}
		if (!ask_for(fd, pid, NULL)) {
			text = answer(fd, 1000);
			CHECK(text ? !!strstr(text, "\n# domain ") : errno == ESRCH);
			free(text);
		}
		CHECK(!ask_for(fd, getpid(), NULL));
		text = answer(fd, 65536);
		CHECK(text && strstr(text, "\n# domain "));
		free(text);
		wait_exit(pid);
		runs++;
	} while (now_ms() < until);
	atomic_store(&stop, true);
	for (int i = 0; i < 2; i++)
		thread_join(&t[i]);
	ktap_note("%d times", runs);
	ktap_ok(!test_errors_take(), "read while the process changes, and ends");
}

static void for_root_alone(void)
{
	struct stat st;
	pid_t pid;

	CHECK(!stat(MAP, &st) && (st.st_mode & 07777) == 0600 && !st.st_uid);
	pid = xfork();
	if (!pid) {
		if (setgid(65534) || setuid(65534))
			_exit(2);
		_exit(open(MAP, O_RDONLY) >= 0 || open(MAP, O_RDWR) >= 0);
	}
	CHECK(wait_exit(pid) == 0);
	ktap_ok(!test_errors_take(), "is for root alone");
}

int main(void)
{
	const char *off = asi_class_off("user");
	int fd = -1;

	if (off)
		ktap_skip_all("%s", off);
	if (asi_debugfs())
		fd = open(MAP, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		ktap_skip_all(MAP ": %s", strerror(errno));
	ktap_start(7);
	well_formed(fd);
	own_memory(fd);
	hole(fd);
	nonsense(fd);
	questions_are_apart(fd);
	while_it_changes(fd);
	close(fd);
	for_root_alone();
	return ktap_finish();
}
