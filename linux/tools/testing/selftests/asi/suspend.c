// SPDX-License-Identifier: GPL-2.0
/*
 * The machine sleeps and wakes up again: to RAM, and by hibernation, whose image
 * is written to swap and read back without powering down.
 *
 * The kernel is unrestricted when it saves and restores the state of a CPU,
 * and nothing restricted survives: processes, a virtual machine and the holes
 * in the direct map are what they were before.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <sys/timerfd.h>

#include "kvm_work.h"

#define HOLE		ASI_DEBUGFS "/hole"
#define MEM_SIZE	(256 * 1024UL)
#define VM_SIZE		(2UL << 20)
/*
 * Two seconds before the alarm the kernel refuses to sleep; and an alarm that
 * comes before the machine sleeps, on a slow host, does not wake it up.
 */
#define ALARM_SECONDS	10
#define ALARM_TRIES	4
/* A round of work takes no longer than this. */
#define ROUND_MS	60000
/* The disk for the image of hibernation. Only an empty one is taken. */
#define DISK		"/dev/vda"
#define EMPTY_SIZE	(1024 * 1024)

/**
 * struct sleep - a way to sleep
 * @name: of the results
 * @state: for /sys/power/state
 * @file: chooses the kind of @state
 * @kind: what @file has to be
 * @alarm: something has to wake the machine up
 */
struct sleep {
	const char *name, *state, *file, *kind;
	bool alarm;
};

static const struct sleep sleeps[] = {
	{ "to RAM", "mem", "/sys/power/mem_sleep", "deep", true },
	{ "hibernation", "disk", "/sys/power/disk", "test_resume", false },
};

/* A word of a list such as "s2idle [deep]". */
static bool has_word(const char *path, const char *wanted)
{
	char text[256], *word, *rest;

	if (read_file(path, text, sizeof(text)) < 0)
		return false;
	for (word = strtok_r(text, " []", &rest); word;
	     word = strtok_r(NULL, " []", &rest))
		if (!strcmp(word, wanted))
			return true;
	return false;
}

/* Partitions, file systems and swap begin in here. */
static bool is_empty(int fd)
{
	static char start[EMPTY_SIZE], zero[EMPTY_SIZE];

	return pread(fd, start, EMPTY_SIZE, 0) == EMPTY_SIZE &&
	       !memcmp(start, zero, EMPTY_SIZE);
}

/* What swapon() looks at: the signature, the version and the last page. */
static bool write_swap_header(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	uint32_t head[2] = { 1, (uint32_t)(size / 4096 - 1) };
	char page[4096] = { };

	memcpy(page + 1024, head, sizeof(head));
	memcpy(page + 4096 - 10, "SWAPSPACE2", 10);
	return pwrite(fd, page, sizeof(page), 0) == sizeof(page) && !fsync(fd);
}

/* Why there is no swap for the image; NULL when there is. */
static const char *make_swap(void)
{
	int fd = open(DISK, O_RDWR | O_EXCL | O_CLOEXEC);
	bool good;

	if (fd < 0)
		return "there is no disk " DISK " for the image";
	good = is_empty(fd) && write_swap_header(fd);
	close(fd);
	return good && !swapon(DISK, 0) ? NULL : DISK " is not empty";
}

static int open_alarm(void)
{
	return timerfd_create(CLOCK_BOOTTIME_ALARM, TFD_CLOEXEC);
}

/* Why this machine does not sleep that way; NULL when it should. */
static const char *missing(const struct sleep *s)
{
	int alarm;

	if (!has_word("/sys/power/state", s->state))
		return "the kernel does not offer it";
	if (s->file && !has_word(s->file, s->kind))
		return "the machine does not offer it";
	if (!s->alarm)
		return make_swap();
	alarm = open_alarm();
	if (alarm < 0)
		return "no clock that could wake the machine up";
	close(alarm);
	return NULL;
}

/* Time during which the clock that stops in a sleep did. */
static int64_t slept_ms(void)
{
	struct timespec boot, mono;

	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	return (int64_t)(boot.tv_sec - mono.tv_sec) * 1000 +
	       (boot.tv_nsec - mono.tv_nsec) / 1000000;
}

static unsigned long successes(void)
{
	unsigned long n = 0;
	char text[32];

	if (read_file("/sys/power/suspend_stats/success", text,
		      sizeof(text)) > 0)
		sscanf(text, "%lu", &n);
	return n;
}

/* EBUSY: the alarm is too near already, as the machine is slow. */
static int sleep_once(const struct sleep *s)
{
	struct itimerspec span = { };
	int err = -EBUSY, alarm = open_alarm();

	for (int i = 0; err == -EBUSY && i < ALARM_TRIES; i++) {
		span.it_value.tv_sec = ALARM_SECONDS << i;
		if (s->alarm && timerfd_settime(alarm, 0, &span, NULL))
			break;
		err = write_file("/sys/power/state", s->state);
	}
	close(alarm);
	return err;
}

/* The machine is back: did it really sleep? */
static void sleeps_and_wakes(const struct sleep *s)
{
	int64_t before = slept_ms(), slept;
	unsigned long n = successes();
	int err;

	if (s->file)
		CHECK(!write_file(s->file, s->kind));
	err = sleep_once(s);
	slept = slept_ms() - before;
	ktap_note("%s: %lld ms", s->name, (long long)slept);
	if (err)
		test_error("%s: %s", s->state, strerror(-err));
	/* Hibernation is not counted; it ends well with a restored image. */
	if (s->alarm)
		CHECK(successes() == n + 1);
	CHECK(slept > 500);
	ktap_ok(!test_errors_take(), "%s: sleeps and wakes up", s->name);
}

/* ---- processes on the side ---- */

/* Reports each round of its work; what goes wrong in one ends it. */
struct side {
	pid_t pid;
	int fd;
};

/* A full pipe is no reason to wait. */
static void report(int fd)
{
	if (write(fd, "r", 1) != 1 && errno != EAGAIN)
		_exit(2);
}

static void busy_process(int fd)
{
	char *mem = xmmap(MEM_SIZE);

	for (uint64_t i = 0; ; i++) {
		fill(mem, MEM_SIZE, i);
		for (int j = 0; j < 50; j++)
			getppid();
		if (!verify(mem, MEM_SIZE, i))
			_exit(1);
		report(fd);
	}
}

static void busy_guest(int fd)
{
	struct vcpu vcpu;
	struct vm vm;

	work_create(&vm, &vcpu, VM_SIZE, 1);
	for (uint32_t nr; (nr = work_round(&vcpu)); ) {
		work_verify(&vm, 1, nr);
		if (test_errors_take())
			break;
		report(fd);
	}
	_exit(1);
}

static bool one_round(const struct side *side)
{
	struct pollfd poll_fd = { .fd = side->fd, .events = POLLIN };
	char byte;

	return poll(&poll_fd, 1, ROUND_MS) == 1 &&
	       read(side->fd, &byte, 1) == 1;
}

static void side_start(struct side *side, void (*work)(int fd), int cpu)
{
	int fd[2];

	if (pipe2(fd, O_NONBLOCK | O_CLOEXEC))
		ktap_bail("pipe: %s", strerror(errno));
	side->pid = xfork();
	if (!side->pid) {
		cpu_pin(cpu);
		work(fd[1]);
	}
	close(fd[1]);
	side->fd = fd[0];
	CHECK(one_round(side));
}

/* Of the rounds not yet read the last may have been under way before. */
static void side_goes_on(const struct side *side)
{
	char old[4096];

	while (read(side->fd, old, sizeof(old)) > 0)
		;
	CHECK(one_round(side));
	CHECK(one_round(side));
}

static void side_end(const struct side *side)
{
	kill(side->pid, SIGKILL);
	CHECK(wait_exit(side->pid) == 256 + SIGKILL);
	close(side->fd);
}

/* ---- afterwards ---- */

/* A process on each CPU, content checked; and none of them is missing. */
static void every_cpu(const char *name)
{
	CHECK(sysconf(_SC_NPROCESSORS_ONLN) == cpu_count());
	for (int i = 0; i < cpu_count(); i++) {
		pid_t pid = xfork();

		if (!pid) {
			char *mem = xmmap(MEM_SIZE);

			CHECK(!cpu_pin(i));
			fill(mem, MEM_SIZE, (uint64_t)i);
			verify(mem, MEM_SIZE, (uint64_t)i);
			if (!asi_class_off("user"))
				CHECK(asi_runs_restricted());
			_exit(test_errors_take() != 0);
		}
		CHECK(wait_exit(pid) == 0);
	}
	ktap_ok(!test_errors_take(), "%s: every CPU is back and works", name);
}

static void counters_go_on(const char *name, const struct asi_stats *before)
{
	struct asi_stats after;

	asi_stats_read("user", &after);
	asi_stats_delta(&after, before);
	asi_stats_note("since before the sleep", &after);
	/* Nobody's zeroed memory, and the caller left on its way to sleep. */
	ktap_ok(after.v[ASI_ENTERS] && after.v[ASI_EXITS] &&
		after.v[ASI_ENTERS] < 1UL << 40,
		"%s: the counters go on, and show exits", name);
}

static void tables_ok(const char *name)
{
	static char text[4096];

	CHECK(read_file(ASI_DEBUGFS "/check", text, sizeof(text)) > 0);
	if (strncmp(text, "ok\n", 3))
		test_error("%.*s", (int)strcspn(text, "\n"), text);
	ktap_ok(!test_errors_take(), "%s: domains are subsets", name);
}

/* Number of the only hole, and whether restricted tables have it. */
static unsigned long the_hole(int *restricted)
{
	unsigned long id = 0;
	char text[512];

	*restricted = -1;
	if (read_file(HOLE, text, sizeof(text)) < 0 ||
	    sscanf(text, "%lu %*s %*s restricted=%d", &id, restricted) != 2)
		test_error(HOLE ": not understood");
	return id;
}

/*
 * Hidden before the sleep, it is hidden still, and leads out. The kernel may leave
 * before it gets there, as other memory or a task switch make it: then once more.
 */
static void hole_is_left(const char *name)
{
	struct asi_stats before, after = {};
	char command[32];
	int restricted;

	snprintf(command, sizeof(command), "read %lu", the_hole(&restricted));
	CHECK(restricted == 0);
	cpu_pin(0);
	for (int i = 0; i < 100 && !after.v[ASI_EXITS_FAULT]; i++) {
		asi_stats_read("user", &before);
		CHECK(!write_file(HOLE, command));
		asi_stats_read("user", &after);
		asi_stats_delta(&after, &before);
	}
	cpu_unpin();
	CHECK(after.v[ASI_EXITS_FAULT] >= 1);
	snprintf(command, sizeof(command), "del %lu", the_hole(&restricted));
	CHECK(!write_file(HOLE, command));
	ktap_ok(!test_errors_take(), "%s: a hole reads right, by an exit",
		name);
}

#define RESULTS	6

static void skip_results(const char *name, const char *why, int n)
{
	while (n--)
		ktap_skip(name, "%s", why);
}

/* What only shows with the class of processes on; three results. */
static void restricted_results(const struct sleep *s,
			       const struct asi_stats *before)
{
	counters_go_on(s->name, before);
	tables_ok(s->name);
	hole_is_left(s->name);
}

static void test_sleep(const struct sleep *s)
{
	const char *why = missing(s), *off = asi_class_off("user");
	struct side process, guest = { };
	bool kvm = !kvm_missing();
	struct asi_stats before;

	if (why) {
		skip_results(s->name, why, RESULTS);
		return;
	}
	if (!off && !asi_debugfs())
		ktap_bail(ASI_DEBUGFS ": %s", strerror(errno));
	if (!off) {
		CHECK(!write_file(HOLE, "add"));
		asi_stats_read("user", &before);
	}
	side_start(&process, busy_process, 1);
	if (kvm)
		side_start(&guest, busy_guest, 0);
	sleeps_and_wakes(s);
	side_goes_on(&process);
	side_end(&process);
	if (kvm) {
		side_goes_on(&guest);
		side_end(&guest);
	}
	ktap_ok(!test_errors_take(), "%s: what runs on the side goes on",
		s->name);
	every_cpu(s->name);
	if (off)
		skip_results(s->name, off, 3);
	else
		restricted_results(s, &before);
}

/* Arguments are the states to test; without any, all are. */
static bool chosen(const struct sleep *s, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], s->state))
			return true;
	return argc < 2;
}

int main(int argc, char **argv)
{
	unsigned int n = 0;

	if (access("/sys/power/state", W_OK))
		ktap_skip_all("/sys/power/state: %s", strerror(errno));
	for (size_t i = 0; i < ARRAY_SIZE(sleeps); i++)
		n += chosen(&sleeps[i], argc, argv);
	ktap_start(RESULTS * n);
	for (size_t i = 0; i < ARRAY_SIZE(sleeps); i++)
		if (chosen(&sleeps[i], argc, argv))
			test_sleep(&sleeps[i]);
	return ktap_finish();
}
