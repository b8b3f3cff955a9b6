/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Common ground of the address space isolation selftests: KTAP output, the
 * counters of the kernel, pinning, patterns that show whether memory holds
 * what it should.
 *
 * Every program also runs, and passes, on a kernel without ASI or with
 * asi=off: what needs a class that is not on is skipped with the reason the
 * kernel gives.
 *
 * Environment:
 *   SCALE       percent; shortens or lengthens the loops (default 100), for
 *               machines that are slow to emulate or for long runs
 *   ASI_EXPECT  classes that must be on and features the machine must have, or
 *               with "no-" before them not, e.g. "user,kvm,pcid,no-pti": a program
 *               fails instead of skipping what needs them, or running without
 */
#ifndef ASI_TEST_H
#define ASI_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdatomic.h>
#include <sys/types.h>

#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define __printf(f, a)		__attribute__((format(printf, f, a)))
#define __noreturn		__attribute__((noreturn))
#define noinline		__attribute__((noinline))

/* Exit status of a program, as kselftest has it. */
enum { KSFT_PASS = 0, KSFT_FAIL = 1, KSFT_SKIP = 4 };

/* ---- KTAP ------------------------------------------------------------- */

/**
 * ktap_start() - Print the version and the plan, arm the watchdog
 * @plan: number of results the program will report itself
 *
 * ktap_finish() adds one result of its own: that the kernel counted no
 * warned condition and no fault in tense code meanwhile. The watchdog ends a
 * program that hangs with a "Bail out!" that names the last result reported.
 */
void ktap_start(unsigned int plan);

/** ktap_ok() - Report one result. Returns @pass. */
bool ktap_ok(bool pass, const char *name, ...) __printf(2, 3);

/** ktap_skip() - Report one result as skipped, and why. */
void ktap_skip(const char *name, const char *reason, ...) __printf(2, 3);

/** ktap_note() - Print a line of diagnosis; may be called by any thread. */
void ktap_note(const char *fmt, ...) __printf(1, 2);

/** ktap_finish() - Last result and summary. Returns the exit status. */
int ktap_finish(void);

/** ktap_skip_all() - Instead of ktap_start(): the whole program cannot run. */
void ktap_skip_all(const char *reason, ...) __printf(1, 2) __noreturn;

/** ktap_bail() - What the test needs to work at all did not work. */
void ktap_bail(const char *why, ...) __printf(1, 2) __noreturn;

/**
 * test_error() - Note that a check failed; for threads and loops
 * @fmt: what went wrong, as for printf()
 *
 * Prints the first few, counts all. test_errors_take() returns the count and
 * starts again at zero: ktap_ok(!test_errors_take(), "name").
 */
void test_error(const char *fmt, ...) __printf(1, 2);
unsigned long test_errors_take(void);

#define CHECK(cond) do {						\
	if (!(cond))							\
		test_error("%s:%d: %s", __FILE__, __LINE__, #cond);	\
} while (0)

/* ---- time and size ---------------------------------------------------- */

/** scaled() - A loop count after SCALE, at least 1. */
unsigned long scaled(unsigned long n);

/** now_ms() - Milliseconds of CLOCK_MONOTONIC. */
uint64_t now_ms(void);

/** deadline_ms() - now_ms() plus a duration after SCALE. */
uint64_t deadline_ms(unsigned long ms);

void sleep_ms(unsigned long ms);

/* ---- CPUs ------------------------------------------------------------- */

/** cpu_count() - CPUs this process could use when it started. */
int cpu_count(void);

/** cpu_pin() - Pin the calling thread to the @nth of these, modulo count. */
int cpu_pin(int nth);

/** cpu_pin_task() - The same for another task; 0 or -errno. */
int cpu_pin_task(pid_t tid, int nth);

/** cpu_unpin() - Let the calling thread run anywhere again. */
void cpu_unpin(void);

/* ---- memory ----------------------------------------------------------- */

/** xmmap() - Anonymous private memory or end of the test. */
void *xmmap(size_t len);

/** fill() - Write a pattern that depends on @seed and on the position. */
void fill(void *mem, size_t len, uint64_t seed);

/** verify() - Is this what fill() wrote? Notes the first difference. */
bool verify(const void *mem, size_t len, uint64_t seed);

/** bad_pointer() - Where nothing is; the compiler does not know that. */
static inline void *bad_pointer(void)
{
	void *volatile p = (void *)8;

	return p;
}

/** next_random() - A cheap generator; @state must not be zero. */
uint64_t next_random(uint64_t *state);

/* ---- processes and threads -------------------------------------------- */

/**
 * xfork() - fork() or end of the test
 *
 * The child dies with its parent, so that a test that is ended leaves nothing.
 */
pid_t xfork(void);

/** wait_exit() - Wait for a child. Returns its exit status, 256 + signal. */
int wait_exit(pid_t pid);

struct thread {
	unsigned long handle;
	void *(*fn)(void *arg);
	void *arg;
};

/** thread_start() - A thread or end of the test; thread_join() waits. */
void thread_start(struct thread *t, void *(*fn)(void *arg), void *arg);
void thread_join(struct thread *t);

/* ---- files ------------------------------------------------------------ */

/** each_file() - Call @visit for every file below @path; how many there were. */
unsigned long each_file(const char *path, void (*visit)(const char *path));

/** read_file() - Text of a small file, newline cut; -errno on failure. */
int read_file(const char *path, char *buf, size_t size);

/** write_file() - One write() of a string; 0 or -errno. */
int write_file(const char *path, const char *text);

/** temp_fd() - A new unlinked file of @len bytes in /tmp. */
int temp_fd(size_t len);

/* ---- what the kernel says about ASI ------------------------------------ */

#define ASI_SYSFS	"/sys/kernel/asi"
#define ASI_DEBUGFS	"/sys/kernel/debug/asi"

enum asi_counter {
	ASI_ENTERS,
	ASI_EXITS,
	ASI_EXITS_FAULT,
	ASI_EXITS_SCHED,
	ASI_EXITS_MM,
	ASI_EXITS_CR3,
	ASI_EXITS_USER,
	ASI_EXITS_EXPLICIT,
	ASI_EXITS_PM,
	ASI_REENTERS,
	ASI_FAULTS,
	ASI_TENSE_FAULTS,
	ASI_CR3_WRITES,
	ASI_FLUSHES,
	ASI_WARNINGS,
	ASI_COUNTERS,
};

extern const char * const asi_counter_name[ASI_COUNTERS];

struct asi_stats {
	uint64_t v[ASI_COUNTERS];
};

/** asi_present() - Does this kernel have the interface at all? */
bool asi_present(void);

/**
 * asi_class_off() - Why a class is not in use
 * @class: the class
 *
 * Returns NULL when it is on, otherwise the reason, in static memory: the
 * argument for ktap_skip().
 */
const char *asi_class_off(const char *class);

/** asi_stats_read() - All counters of a class; ends the test on failure. */
void asi_stats_read(const char *class, struct asi_stats *s);

/** asi_stats_delta() - @after minus @before, into @after. */
void asi_stats_delta(struct asi_stats *after, const struct asi_stats *before);

/** asi_stats_note() - Print what is not zero as a note. */
void asi_stats_note(const char *what, const struct asi_stats *s);

/** asi_debugfs() - Is ASI's debugfs there? Mounts debugfs when it is not. */
bool asi_debugfs(void);

/** asi_has_domain() - Does debugfs list a domain of @class owned by @pid? */
bool asi_has_domain(pid_t pid, const char *class);

/* ---- steady state ------------------------------------------------------ */

/* @n operations in a loop, with the @arg of steady_measure(). */
typedef void (*steady_op_t)(unsigned long n, void *arg);

/**
 * steady_measure() - Counters of a class while operations run
 * @class: the class
 * @op: the operations
 * @arg: for @op
 * @n: operations per window
 * @best: counters of the window with the fewest exits
 *
 * Counters are of the whole system: timers, and the context switches they
 * lead to, count as well. The best of several windows has little of that.
 */
void steady_measure(const char *class, steady_op_t op, void *arg,
		    unsigned long n, struct asi_stats *best);

/**
 * steady_check() - Zero exits per operation?
 * @best: what steady_measure() found
 * @n: operations per window
 *
 * No exit by the operations' own doing (fault, explicit, CR3, user), and so
 * few by the scheduler that the operations cannot be their cause.
 */
bool steady_check(const struct asi_stats *best, unsigned long n);

/**
 * asi_runs_restricted() - Does the user class really hold this process?
 *
 * Zero exits would also be what a kernel counts that never enters. The process
 * must own a domain, and a child, whose domain is new, must be counted as
 * entering it.
 */
bool asi_runs_restricted(void);

#endif /* ASI_TEST_H */
