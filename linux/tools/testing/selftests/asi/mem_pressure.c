// SPDX-License-Identifier: GPL-2.0
/*
 * How much memory can be had until the kernel kills for it?
 *
 * Sensitive memory and other memory are kept in blocks apart; what is free on one
 * side has to get to the other when it is wanted there. Children take memory of one
 * kind until one is killed, or told that there is none: with asi=on they get as much
 * as with asi=off, whoever had the memory before.
 *
 *   mem_pressure [TURNS [all]]	how often by turns (default 3); also the kinds that
 *				take many steps
 *
 * The machine has no swap, and a disk for the page cache, /dev/vda.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/keyctl.h>

#include "asi_test.h"
#include "mem_state.h"

#define PAGE		4096UL
#define HUGE		(2UL << 20)
#define KEY_SIZE	32000
#define LONG_PIPE	(256 * (int)PAGE)
#define QUOTAS		16
#define PATIENCE_MS	300000
#define KEYRING		(-2)
/* Of /proc/sys/kernel/keys/root_maxbytes, which is an int. */
#define MOST_KEYS	(1UL << 30)

/* What children have taken, in bytes, for who outlives them. */
static volatile unsigned long *taken;
/* The kernel has a part of memory only. */
static bool kernelcore;
/* Where a child stops, and the next one goes on. */
static unsigned long quota;

struct demand {
	const char *name;
	/* Takes memory up to the quota, or all there is. */
	void (*take)(void);
	/* Too many steps for a large machine. */
	bool slow;
};

/* ---- sensitive ---- */

static void touch(char *mem, unsigned long size)
{
	for (unsigned long i = 0; i < size; i += PAGE) {
		*(volatile unsigned long *)(mem + i) = i;
		*taken += PAGE;
	}
}

static void take_anonymous(int advice)
{
	while (*taken < quota) {
		char *mem = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (mem == MAP_FAILED)
			return;
		madvise(mem, 2 * HUGE, advice);
		touch(mem, 2 * HUGE);
	}
}

static void take_huge(void)
{
	take_anonymous(MADV_HUGEPAGE);
}

static void take_small(void)
{
	take_anonymous(MADV_NOHUGEPAGE);
}

static void take_shared(void)
{
	static char data[16 * PAGE];
	int fd = memfd_create("pressure", 0);

	memset(data, 1, sizeof(data));
	while (*taken < quota && write(fd, data, sizeof(data)) == sizeof(data))
		*taken += sizeof(data);
}

/* Large objects that the kernel keeps for users: payloads. */
static void take_keys(void)
{
	static char payload[KEY_SIZE];
	char name[40];

	for (unsigned long i = 0; *taken < quota; i++) {
		snprintf(name, sizeof(name), "pressure-%lu", i);
		if (syscall(SYS_add_key, "user", name, payload, KEY_SIZE,
			    KEYRING) < 0)
			return;
		*taken += KEY_SIZE;
	}
}

/* ---- not sensitive: what describes something to the kernel ---- */

/* Reading maps the page of zeros: of a table the only page, and the table counts. */
static void take_page_tables(void)
{
	const unsigned long size = 16UL << 40;
	char *mem = mmap(NULL, size, PROT_READ,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (mem == MAP_FAILED)
		return;
	madvise(mem, size, MADV_NOHUGEPAGE);
	for (unsigned long at = 0; at < size && *taken < quota; at += HUGE) {
		(void)*(volatile char *)(mem + at);
		*taken += PAGE;
	}
}

/* Sizes are about right and the same with asi=on and off, which is what counts. */
static void take_pipes(void)
{
	int fd[2];

	while (*taken < quota && !pipe(fd))
		*taken += 2560;
}

/* And what describes their pages: room for 256, an object of four pages. */
static void take_long_pipes(void)
{
	int fd[2];

	while (*taken < quota && !pipe(fd) &&
	       fcntl(fd[0], F_SETPIPE_SZ, LONG_PIPE) == LONG_PIPE)
		*taken += 2560 + 4 * PAGE;
}

static void take_sockets(void)
{
	while (*taken < quota && socket(AF_UNIX, SOCK_DGRAM, 0) >= 0)
		*taken += 2560;
}

/* Inodes and dentries, which go with the mount and that with the child. */
static void take_files(void)
{
	char name[40];

	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("pressure", "/tmp", "tmpfs", 0, "size=100%,nr_inodes=0"))
		_exit(KSFT_FAIL);
	for (unsigned long i = 0; *taken < quota; i++) {
		snprintf(name, sizeof(name), "/tmp/%lu", i);
		if (mknod(name, S_IFREG | 0600, 0))
			return;
		*taken += 1024;
	}
}

static const struct demand sensitive[] = {
	{ "anonymous memory", take_huge, false },
	{ "anonymous memory in small pages", take_small, false },
	{ "shared memory", take_shared, false },
	{ "keys", take_keys, false },
};

static const struct demand other[] = {
	{ "page tables", take_page_tables, false },
	{ "long pipes", take_long_pipes, false },
	{ "pipes", take_pipes, true },
	{ "sockets", take_sockets, true },
	{ "files", take_files, true },
};

/* ---- children ---- */

static void become_victim(const char *score)
{
	if (write_file("/proc/self/oom_score_adj", score))
		_exit(KSFT_FAIL);
}

/*
 * The first to be killed is who takes memory, so that no more is taken. Those
 * before it are next: page tables go when their owner does, which takes time, and
 * a kernel that finds nobody to kill meanwhile panics.
 */
static void child(const struct demand *d, int reached)
{
	struct rlimit files = { 1U << 20, 1U << 20 };

	setrlimit(RLIMIT_NOFILE, &files);
	become_victim("1000");
	d->take();
	if (*taken < quota)
		_exit(KSFT_PASS);
	become_victim("900");
	if (write(reached, "", 1) != 1)
		_exit(KSFT_FAIL);
	for (;;)
		pause();
}

/* Has a child reached its quota? Otherwise it was killed, or has ended. */
static bool reached_quota(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	char byte;

	if (poll(&wait, 1, PATIENCE_MS) == 1)
		return read(fd, &byte, 1) == 1;
	test_error("no end within %d s", PATIENCE_MS / 1000);
	return false;
}

/* Returns false if it had ended by itself. */
static bool end_child(const struct demand *d, pid_t pid)
{
	bool alive;
	int status;

	alive = !waitpid(pid, &status, WNOHANG);
	if (alive) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
	if (!(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) &&
	    !(WIFEXITED(status) && !WEXITSTATUS(status)))
		test_error("%s: status %x", d->name, (unsigned int)status);
	return alive;
}

/* What is given back may come late: files and keys go when nobody waits. */
static void settle(unsigned long free_before)
{
	uint64_t end = now_ms() + 10000;

	while (meminfo_kb("MemAvailable") + total_kb() / 50 < free_before &&
	       now_ms() < end)
		sleep_ms(50);
}

/* How many MiB children get. */
static unsigned long take_all(const struct demand *d)
{
	unsigned long before = meminfo_kb("MemAvailable");
	uint64_t begin = now_ms();
	pid_t pids[QUOTAS * 2];
	bool reached = true;
	unsigned int n = 0;

	*taken = 0;
	quota = 0;
	while (reached && n < ARRAY_SIZE(pids)) {
		int fd[2];

		quota += total_kb() / QUOTAS << 10;
		if (pipe(fd))
			ktap_bail("pipe: %s", strerror(errno));
		pids[n] = xfork();
		if (!pids[n]) {
			close(fd[0]);
			child(d, fd[1]);
		}
		n++;
		close(fd[1]);
		reached = reached_quota(fd[0]);
		close(fd[0]);
	}
	end_child(d, pids[--n]);
	/* What one had that was killed before the last came to its turn is free. */
	while (n) {
		if (!end_child(d, pids[--n]))
			*taken -= total_kb() / QUOTAS << 10;
	}
	settle(before);
	ktap_note("%s: %lu MiB in %lu ms", d->name, *taken >> 20,
		  (unsigned long)(now_ms() - begin));
	return *taken >> 20;
}

/*
 * Two per cent of the machine's memory, in MiB. Half of what has to stay free may be
 * of the wrong side, less in a small zone: four.
 */
static unsigned long tolerance(void)
{
	return total_kb() / 1024 / (kernelcore ? 25 : 50);
}

static void measure(const struct demand *d, const char *when)
{
	char name[100];

	snprintf(name, sizeof(name), "%s %s", d->name, when);
	ktap_measure(name, take_all(d), AT_LEAST, tolerance());
	ktap_ok(!test_errors_take(), "%s", name);
}

/* ---- scenarios ---- */

/*
 * What is on the lists of a CPU is part of what an allocation has, or not, by
 * chance: up to an eighth of all memory. From now on there is little.
 */
static void exact_lists(void)
{
	CHECK(!write_file("/proc/sys/vm/percpu_pagelist_high_fraction",
			  "100000"));
}

/* Memory full of what is only cached. */
static void fill_cache(void)
{
	static char data[1 << 20];
	int fd = open("/dev/vda", O_RDONLY | O_CLOEXEC);
	unsigned long want = total_kb() >> 10;

	if (fd < 0)
		ktap_bail("/dev/vda: %s", strerror(errno));
	while (want-- && read(fd, data, sizeof(data)) > 0)
		;
	close(fd);
}

/* By turns; the worst of each counts. */
static void alternate(unsigned int turns)
{
	unsigned long worst[2] = { ~0UL, ~0UL };

	for (unsigned int i = 0; i < turns; i++) {
		unsigned long n = take_all(&sensitive[i % 2]);

		worst[0] = n < worst[0] ? n : worst[0];
		n = take_all(&other[i % 2]);
		worst[1] = n < worst[1] ? n : worst[1];
	}
	ktap_measure("sensitive memory by turns", worst[0], AT_LEAST, tolerance());
	ktap_measure("other memory by turns", worst[1], AT_LEAST, tolerance());
	ktap_ok(!test_errors_take(), "%u turns", turns);
}

struct holes {
	char *mem;
	unsigned long size, every;
};

/* Most memory in small pages, of which one in @every is given back. */
static void make_holes(void *what)
{
	struct holes *h = what;

	h->size = (total_kb() / 8 * 5 << 10) & ~(HUGE - 1);
	h->mem = mmap(NULL, h->size, PROT_READ | PROT_WRITE, MAP_PRIVATE |
		      MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (h->mem == MAP_FAILED)
		_exit(KSFT_FAIL);
	madvise(h->mem, h->size, MADV_NOHUGEPAGE);
	for (unsigned long i = 0; i < h->size; i += PAGE)
		*(unsigned long *)(h->mem + i) = i ^ h->every;
	for (unsigned long i = 0; i < h->size; i += h->every * PAGE)
		madvise(h->mem + i, PAGE, MADV_DONTNEED);
}

static void check_holes(const void *what)
{
	const struct holes *h = what;

	for (unsigned long i = 0; i < h->size; i += PAGE) {
		unsigned long want = i % (h->every * PAGE) ? i ^ h->every : 0;
		unsigned long *at = (unsigned long *)(h->mem + i);

		/* Not touched again: reading a hole is no harm. */
		if (*at != want) {
			test_error("page %lu holds %lx", i / PAGE, *at);
			return;
		}
	}
}

/* Who holds memory while page tables take the rest. */
struct holder {
	void (*hold)(void *what);
	void (*check)(const void *what);
	void *what;
	/* KiB that there are when it is done, as some go when nobody waits; or 0. */
	unsigned long left;
};

static void hold_until_told(const struct holder *h, int ready, int done)
{
	char byte;

	become_victim("-500");
	h->hold(h->what);
	if (write(ready, "", 1) != 1 || read(done, &byte, 1) != 1)
		_exit(KSFT_FAIL);
	if (h->check)
		h->check(h->what);
	_exit(test_errors_take() ? KSFT_FAIL : KSFT_PASS);
}

static void measure_beside(const struct holder *h, const char *name)
{
	int ready[2], done[2];
	char byte;
	pid_t pid;

	if (pipe(ready) || socketpair(AF_UNIX, SOCK_STREAM, 0, done))
		ktap_bail("pipe: %s", strerror(errno));
	pid = xfork();
	if (!pid)
		hold_until_told(h, ready[1], done[0]);
	close(ready[1]);
	close(done[0]);
	if (read(ready[0], &byte, 1) != 1)
		test_error("nobody has the memory");
	settle(h->left);
	ktap_measure(name, take_all(&other[0]), AT_LEAST, tolerance());
	CHECK(send(done[1], "", 1, MSG_NOSIGNAL) == 1);
	CHECK(!wait_exit(pid));
	ktap_ok(!test_errors_take(), "%s", name);
	close(ready[0]);
	close(done[1]);
}

static void fragmented(unsigned long every)
{
	struct holes holes = { .every = every };
	struct holder h = { make_holes, check_holes, &holes, 0 };
	char name[100];

	snprintf(name, sizeof(name), "page tables, one in %lu pages free", every);
	measure_beside(&h, name);
}

static void hold_process_memory(unsigned long size)
{
	char *mem = xmmap(size);

	madvise(mem, size, MADV_NOHUGEPAGE);
	for (unsigned long i = 0; i < size; i += PAGE)
		*(unsigned long *)(mem + i) = i;
}

static void hold_keys(int *keys, unsigned long nr)
{
	static char payload[KEY_SIZE];
	char name[40];

	for (unsigned long i = 0; i < nr; i++) {
		snprintf(name, sizeof(name), "pinned-%lu", i);
		keys[i] = (int)syscall(SYS_add_key, "user", name, payload, KEY_SIZE,
				       KEYRING);
		if (keys[i] < 0)
			test_error("add_key: %s", strerror(errno));
	}
}

struct pinned {
	unsigned long size;
	bool keys_first;
};

/*
 * Memory of a process, and as much that was for keys, of which one in each block is
 * left. It stays where it is, so what is free there is of use to the other side only
 * if the memory of the process goes there.
 */
static void hold_pinned(void *what)
{
	const struct pinned *p = what;
	unsigned long nr = p->size / KEY_SIZE, every = HUGE / KEY_SIZE;
	int *keys = xmmap(nr * sizeof(*keys));

	if (p->keys_first)
		hold_keys(keys, nr);
	hold_process_memory(p->size);
	if (!p->keys_first)
		hold_keys(keys, nr);
	for (unsigned long i = 0; i < nr; i++) {
		if (i % every)
			CHECK(!syscall(SYS_keyctl, KEYCTL_UNLINK, keys[i], KEYRING));
	}
}

static void pinned(bool keys_first)
{
	struct pinned p = {
		.size = (total_kb() / 8 * 3 << 10) & ~(HUGE - 1),
		.keys_first = keys_first,
	};
	struct holder h = { hold_pinned, NULL, &p,
			    meminfo_kb("MemAvailable") - p.size / 1024 };
	const char *name = keys_first ?
		"page tables, beside what keys have left, those first" :
		"page tables, beside what keys have left, those last";

	/* Keys have a quota, and a zone of movable memory has none of them. */
	if (p.size > MOST_KEYS || kernelcore)
		ktap_skip(name, "no room for so many keys");
	else
		measure_beside(&h, name);
}

static void scenarios(unsigned int turns, bool all)
{
	size_t i;

	measure(&other[0], "at first");
	measure(&sensitive[0], "after page tables had all");
	exact_lists();
	for (i = 1; i < ARRAY_SIZE(other); i++) {
		if (all || !other[i].slow)
			measure(&other[i], "in the middle");
		else
			ktap_skip(other[i].name, "takes long");
	}
	for (i = 1; i < ARRAY_SIZE(sensitive); i++)
		measure(&sensitive[i], "after the kernel had all");
	fill_cache();
	measure(&other[0], "after the page cache had all");
	alternate(turns);
	/* Whether processes fill CMA first or last has to do with what was before. */
	if (meminfo_kb("CmaTotal")) {
		ktap_skip("fragmented memory", "what the kernel gets depends on CMA");
		return;
	}
	fragmented(2);
	fragmented(64);
	pinned(false);
	pinned(true);
}

static void prepare(void)
{
	static const char * const settings[][2] = {
		{ "/proc/self/oom_score_adj", "-1000" },
		{ "/proc/sys/vm/overcommit_memory", "1" },
		/* Off by default where there is little memory. */
		{ "/sys/kernel/mm/transparent_hugepage/enabled", "always" },
		{ "/proc/sys/vm/oom_dump_tasks", "0" },
		{ "/proc/sys/fs/file-max", "100000000" },
		{ "/proc/sys/kernel/keys/root_maxkeys", "10000000" },
		{ "/proc/sys/kernel/keys/root_maxbytes", "2000000000" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		if (write_file(settings[i][0], settings[i][1]))
			ktap_bail("%s: %s", settings[i][0], strerror(errno));
	}
	kernelcore = booted_with("kernelcore=");
	taken = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (taken == MAP_FAILED || mlockall(MCL_CURRENT))
		ktap_bail("mmap, mlockall: %s", strerror(errno));
}

int main(int argc, char **argv)
{
	unsigned int turns = argc > 1 ? (unsigned int)atoi(argv[1]) : 3;
	unsigned long before;

	ktap_start(ARRAY_SIZE(sensitive) + ARRAY_SIZE(other) +
		   (meminfo_kb("CmaTotal") ? 4 : 7));
	prepare();
	before = meminfo_kb("MemAvailable");
	scenarios(turns, argc > 2);
	settle(before);
	ktap_measure("free in the end", meminfo_kb("MemFree") >> 10, AT_LEAST, tolerance());
	mem_state_note();
	mem_state_check();
	return ktap_finish();
}
