// SPDX-License-Identifier: GPL-2.0
/* KTAP output and what every program needs of the system: see asi_test.h. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "asi_test.h"

/* Seconds until a program that reports nothing new is taken for hung. */
#define WATCHDOG_SECONDS	900
#define ERRORS_SHOWN		8

/* Kept by ktap_start() and looked at by ktap_finish(); one pair a class. */
static const char * const watched_class[] = { "user", "kvm" };
static struct asi_stats watched[ARRAY_SIZE(watched_class)];
static bool watching[ARRAY_SIZE(watched_class)];

static unsigned int planned, reported, failed, skipped;
static char last_result[160] = "nothing";
static timer_t watchdog;
static bool watchdog_armed;
static atomic_ulong errors;

/* A signal of the test may come in between, a terminal may take a part. */
static void write_out(const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(STDOUT_FILENO, text, len);

		if (n < 0 && errno != EINTR)
			_exit(KSFT_FAIL);
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
}

/* One write() a line: lines of several processes do not mix. */
static void put_line(const char *prefix, const char *fmt, va_list ap)
{
	char line[512];
	size_t len;

	len = (size_t)snprintf(line, sizeof(line) - 1, "%s", prefix);
	len += (size_t)vsnprintf(line + len, sizeof(line) - 1 - len, fmt, ap);
	if (len > sizeof(line) - 2)
		len = sizeof(line) - 2;
	line[len++] = '\n';
	write_out(line, len);
}

static void put(const char *prefix, const char *fmt, ...) __printf(2, 3);
static void put(const char *prefix, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line(prefix, fmt, ap);
	va_end(ap);
}

/* Also for SIGTERM: a runner that loses patience learns where it was. */
static void watchdog_fires(int sig)
{
	static const char bail[] = "Bail out! no end in sight, last result: ";

	(void)sig;
	write_out(bail, sizeof(bail) - 1);
	write_out(last_result, strlen(last_result));
	write_out("\n", 1);
	_exit(KSFT_FAIL);
}

static void watchdog_kick(void)
{
	struct itimerspec span = { .it_value.tv_sec = WATCHDOG_SECONDS };

	if (watchdog_armed)
		timer_settime(watchdog, 0, &span, NULL);
}

/* A timer of its own: alarm() and setitimer() belong to the tests. */
static void watchdog_arm(void)
{
	struct sigaction sa = { .sa_handler = watchdog_fires };
	struct sigevent ev = {
		.sigev_notify = SIGEV_SIGNAL,
		.sigev_signo = SIGRTMAX,
	};

	if (sigaction(SIGTERM, &sa, NULL) || sigaction(SIGRTMAX, &sa, NULL) ||
	    timer_create(CLOCK_MONOTONIC, &ev, &watchdog))
		return;
	watchdog_armed = true;
	watchdog_kick();
}

static void invariants_start(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(watched_class); i++) {
		watching[i] = !asi_class_off(watched_class[i]);
		if (watching[i])
			asi_stats_read(watched_class[i], &watched[i]);
	}
}

static void invariants_finish(void)
{
	static const char name[] = "no warned condition and no tense fault";
	const char *off = asi_class_off(watched_class[0]);
	bool seen = false, good = true;

	for (size_t i = 0; i < ARRAY_SIZE(watched_class); i++) {
		struct asi_stats s;

		if (!watching[i])
			continue;
		seen = true;
		asi_stats_read(watched_class[i], &s);
		asi_stats_delta(&s, &watched[i]);
		if (s.v[ASI_WARNINGS] || s.v[ASI_TENSE_FAULTS])
			good = false;
		asi_stats_note(watched_class[i], &s);
	}
	if (seen)
		ktap_ok(good, "%s", name);
	else
		ktap_skip(name, "%s", off);
}

/* What is wrong with a feature that is expected, or with "no-" before it not. */
static const char *feature_wrong(const char *word)
{
	bool wanted = strncmp(word, "no-", 3);
	char path[100], value[8];

	snprintf(path, sizeof(path), ASI_SYSFS "/features/%s",
		 wanted ? word : word + 3);
	if (read_file(path, value, sizeof(value)) < 0)
		return "no such class or feature";
	return (value[0] == '1') == wanted ? NULL : "the machine differs";
}

/* Whoever started the test may know what is on and what the machine has. */
static void expected_state(void)
{
	const char *expect = getenv("ASI_EXPECT");
	char list[100], *word, *rest;

	snprintf(list, sizeof(list), "%s", expect ? expect : "");
	for (word = strtok_r(list, ", ", &rest); word;
	     word = strtok_r(NULL, ", ", &rest)) {
		bool class = !strcmp(word, "user") || !strcmp(word, "kvm");
		const char *wrong = class ? asi_class_off(word) :
					    feature_wrong(word);

		if (wrong)
			ktap_bail("expected %s: %s", word, wrong);
	}
}

void ktap_start(unsigned int plan)
{
	planned = plan + 1;
	put("", "TAP version 13");
	put("", "1..%u", planned);
	cpu_count();
	watchdog_arm();
	expected_state();
	invariants_start();
}

bool ktap_ok(bool pass, const char *name, ...)
{
	va_list ap;

	va_start(ap, name);
	vsnprintf(last_result, sizeof(last_result), name, ap);
	va_end(ap);
	reported++;
	failed += !pass;
	put(pass ? "ok " : "not ok ", "%u %s", reported, last_result);
	watchdog_kick();
	return pass;
}

void ktap_skip(const char *name, const char *reason, ...)
{
	char why[200];
	va_list ap;

	va_start(ap, reason);
	vsnprintf(why, sizeof(why), reason, ap);
	va_end(ap);
	snprintf(last_result, sizeof(last_result), "%s", name);
	reported++;
	skipped++;
	put("ok ", "%u %s # SKIP %s", reported, name, why);
	watchdog_kick();
}

void ktap_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line("# ", fmt, ap);
	va_end(ap);
}

int ktap_finish(void)
{
	invariants_finish();
	put("# ", "Totals: pass:%u fail:%u xfail:0 xpass:0 skip:%u error:0",
	    reported - failed - skipped, failed, skipped);
	if (reported != planned) {
		put("Bail out! ", "%u results planned, %u reported", planned,
		    reported);
		return KSFT_FAIL;
	}
	return failed ? KSFT_FAIL : KSFT_PASS;
}

void ktap_skip_all(const char *reason, ...)
{
	va_list ap;

	put("", "TAP version 13");
	va_start(ap, reason);
	put_line("1..0 # SKIP ", reason, ap);
	va_end(ap);
	exit(KSFT_SKIP);
}

void ktap_bail(const char *why, ...)
{
	va_list ap;

	va_start(ap, why);
	put_line("Bail out! ", why, ap);
	va_end(ap);
	_exit(KSFT_FAIL);
}

void test_error(const char *fmt, ...)
{
	va_list ap;

	if (atomic_fetch_add(&errors, 1) >= ERRORS_SHOWN)
		return;
	va_start(ap, fmt);
	put_line("# error: ", fmt, ap);
	va_end(ap);
}

unsigned long test_errors_take(void)
{
	return atomic_exchange(&errors, 0);
}

unsigned long scaled(unsigned long n)
{
	const char *text = getenv("SCALE");
	unsigned long percent = text ? strtoul(text, NULL, 10) : 100;
	unsigned long long r = (unsigned long long)n * percent / 100;

	return r ? (unsigned long)r : 1;
}

uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

uint64_t deadline_ms(unsigned long ms)
{
	return now_ms() + scaled(ms);
}

void sleep_ms(unsigned long ms)
{
	struct timespec ts = {
		.tv_sec = (time_t)(ms / 1000),
		.tv_nsec = (long)(ms % 1000) * 1000000,
	};

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

static cpu_set_t start_cpus;
static int start_count;

int cpu_count(void)
{
	if (!start_count) {
		if (sched_getaffinity(0, sizeof(start_cpus), &start_cpus))
			ktap_bail("sched_getaffinity: %s", strerror(errno));
		start_count = CPU_COUNT(&start_cpus);
	}
	return start_count;
}

int cpu_pin_task(pid_t tid, int nth)
{
	cpu_set_t one;
	int cpu;

	nth %= cpu_count();
	for (cpu = 0; ; cpu++)
		if (CPU_ISSET(cpu, &start_cpus) && !nth--)
			break;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return sched_setaffinity(tid, sizeof(one), &one) ? -errno : 0;
}

int cpu_pin(int nth)
{
	return cpu_pin_task(0, nth);
}

void cpu_unpin(void)
{
	if (cpu_count())
		sched_setaffinity(0, sizeof(start_cpus), &start_cpus);
}

void *xmmap(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		ktap_bail("mmap of %zu bytes: %s", len, strerror(errno));
	return p;
}

static uint64_t pattern(uint64_t seed, size_t i)
{
	return (seed + i) * 0x9e3779b97f4a7c15ULL;
}

void fill(void *mem, size_t len, uint64_t seed)
{
	uint64_t *w = mem;

	for (size_t i = 0; i < len / sizeof(*w); i++)
		w[i] = pattern(seed, i);
}

bool verify(const void *mem, size_t len, uint64_t seed)
{
	const volatile uint64_t *w = mem;

	for (size_t i = 0; i < len / sizeof(*w); i++) {
		uint64_t got = w[i];

		if (got == pattern(seed, i))
			continue;
		test_error("at %p: %#llx instead of %#llx", (void *)&w[i],
			   (unsigned long long)got,
			   (unsigned long long)pattern(seed, i));
		return false;
	}
	return true;
}

uint64_t next_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return *state = x;
}

pid_t xfork(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		ktap_bail("fork: %s", strerror(errno));
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(KSFT_FAIL);
	}
	return pid;
}

int wait_exit(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) != pid)
		if (errno != EINTR)
			ktap_bail("waitpid: %s", strerror(errno));
	return WIFSIGNALED(status) ? 256 + WTERMSIG(status) : WEXITSTATUS(status);
}

void thread_start(struct thread *t, void *(*fn)(void *arg), void *arg)
{
	pthread_t handle;
	int err;

	t->fn = fn;
	t->arg = arg;
	err = pthread_create(&handle, NULL, fn, arg);
	if (err)
		ktap_bail("pthread_create: %s", strerror(err));
	t->handle = handle;
}

void thread_join(struct thread *t)
{
	pthread_join((pthread_t)t->handle, NULL);
}

unsigned long each_file(const char *path, void (*visit)(const char *path))
{
	unsigned long files = 0;
	DIR *dir = opendir(path);
	struct dirent *e;

	if (!dir)
		return 0;
	while ((e = readdir(dir))) {
		char below[512];
		struct stat st;

		if (e->d_name[0] == '.')
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, e->d_name);
		if (lstat(below, &st))
			continue;
		if (S_ISDIR(st.st_mode)) {
			files += each_file(below, visit);
		} else if (S_ISREG(st.st_mode)) {
			visit(below);
			files++;
		}
	}
	closedir(dir);
	return files;
}

int read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;
	ssize_t len = 0, n = 0;

	if (fd < 0)
		return -errno;
	while ((size_t)len < size - 1 &&
	       (n = read(fd, buf + len, size - 1 - (size_t)len)) > 0)
		len += n;
	err = n < 0 ? -errno : 0;
	close(fd);
	if (err)
		return err;
	if (len && buf[len - 1] == '\n')
		len--;
	buf[len] = '\0';
	return (int)len;
}

int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	err = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return err;
}

int temp_fd(size_t len)
{
	char path[] = "/tmp/asi_test_XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);

	if (fd < 0)
		ktap_bail("a file in /tmp: %s", strerror(errno));
	unlink(path);
	if (ftruncate(fd, (off_t)len))
		ktap_bail("ftruncate to %zu: %s", len, strerror(errno));
	return fd;
}
