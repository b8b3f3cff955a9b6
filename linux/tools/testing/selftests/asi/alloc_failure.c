// SPDX-License-Identifier: GPL-2.0
/*
 * Each allocation in turn fails while a process, a program, a virtual machine
 * or a hole is made: that fails with a plain error or works without, and leaves
 * nothing behind.
 *
 * An operation is repeated, and in round N its N-th allocation fails, until a
 * round has fewer than N. Probes show that those of ASI were among them.
 *
 * And all allocations fail of a task for which blocks of memory change sides: that
 * allocates nothing, so that they do as well as ever.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "kvm_work.h"
#include "mem_state.h"

#define FAIL_NTH	"/proc/thread-self/fail-nth"
#define DEBUG		"/sys/kernel/debug"
#define TRACING		"/sys/kernel/tracing"
#define PROBES		TRACING "/kprobe_events"
#define EVENTS		TRACING "/events/asi_alloc"
#define HOLE		ASI_DEBUGFS "/hole"
#define MEM_SIZE	65536UL
#define VM_SIZE		(2UL << 20)
/* More allocations than anything here makes. */
#define MAX_ROUNDS	5000
/* Of all rounds of an operation. */
#define MAX_TRIES	5
/* What the new program of an exec ends with; over 128 it was not run: errno. */
enum { EXEC_CLEAN, EXEC_INJECTED, EXEC_LIBC_FAILED = 127, EXEC_NOT_RUN };

enum outcome { WORKED, FAILED, STRANGE };

/**
 * struct operation - something that allocates
 * @name: of the results
 * @class: that has to be on
 * @probe: the function of ASI that allocates for it; NULL if all of it is ASI's
 * @least: rounds that have to fail
 * @run: does it and undoes it, with allocation @nth failing; *injected says
 *	whether there was one. @fd is that of fail_open()
 */
struct operation {
	const char *name, *class, *probe;
	unsigned long least;
	enum outcome (*run)(int fd, unsigned int nth, bool *injected);
};

/* For the calling thread, and not for what it forks. */
static int fail_open(void)
{
	int fd = open(FAIL_NTH, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		ktap_bail(FAIL_NTH ": %s", strerror(errno));
	return fd;
}

static void fail_start(int fd, unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	if (pwrite(fd, text, (size_t)len, 0) != len)
		ktap_bail(FAIL_NTH ": %s", strerror(errno));
}

/* Allocations go well again. Did one fail since fail_start()? */
static bool fail_stop(int fd)
{
	char text[16] = { };

	if (pread(fd, text, sizeof(text) - 1, 0) <= 0)
		ktap_bail(FAIL_NTH ": %s", strerror(errno));
	fail_start(fd, 0);
	return !strtoul(text, NULL, 10);
}

static enum outcome outcome(int err)
{
	if (!err)
		return WORKED;
	if (err == ENOMEM || err == EAGAIN)
		return FAILED;
	ktap_note("unexpected: %s", strerror(err));
	return STRANGE;
}

/* ---- operations ---- */

/* Not /proc/self/exe, which is not found when it cannot be allocated. */
static char program[PATH_MAX];

static enum outcome run_fork(int fd, unsigned int nth, bool *injected)
{
	int err = 0;
	pid_t pid;

	fail_start(fd, nth);
	pid = fork();
	if (!pid)
		_exit(7);
	if (pid < 0)
		err = errno;
	*injected = fail_stop(fd);
	if (pid > 0 && wait_exit(pid) != 7)
		return STRANGE;
	return outcome(err);
}

/* The new program: did it get here without a failure? */
static int exec_child(void)
{
	char text[16] = { };

	/* The one that was asked for may be in here. */
	if (read_file(FAIL_NTH, text, sizeof(text)) <= 0)
		return EXEC_INJECTED;
	return strtoul(text, NULL, 10) ? EXEC_CLEAN : EXEC_INJECTED;
}

/*
 * Behind the point of no return a failure ends the child, also one of those of
 * the new program until it has looked.
 */
static enum outcome run_exec(int fd, unsigned int nth, bool *injected)
{
	static char * const argv[] = { "alloc_failure", "child", NULL };
	static char * const envp[] = { "VM_RUN=1", NULL };	/* mem_state.c */
	pid_t pid = vfork();
	int status;

	(void)fd;
	if (!pid) {
		fail_start(fail_open(), nth);
		execve(program, argv, envp);
		_exit(EXEC_NOT_RUN + errno);
	}
	if (pid < 0)
		return STRANGE;
	status = wait_exit(pid);
	*injected = status != EXEC_CLEAN;
	switch (status) {
	case EXEC_CLEAN:
	case EXEC_INJECTED:
		return WORKED;
	case EXEC_LIBC_FAILED:
	case EXEC_NOT_RUN + E2BIG:	/* no page for the arguments */
	case 256 + SIGSEGV:
	case 256 + SIGKILL:
		return FAILED;
	default:
		return outcome(status - EXEC_NOT_RUN);
	}
}

static enum outcome run_vm(int fd, unsigned int nth, bool *injected)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm, vcpu = -1, err = 0;

	if (kvm < 0)
		return STRANGE;
	fail_start(fd, nth);
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm >= 0)
		vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (vcpu < 0)
		err = errno;
	*injected = fail_stop(fd);
	if (vcpu >= 0)
		close(vcpu);
	if (vm >= 0)
		close(vm);
	close(kvm);
	return outcome(err);
}

/* The number of a hole, 0 when there is none. */
static unsigned int any_hole(void)
{
	unsigned int id = 0;
	char text[512];

	if (read_file(HOLE, text, sizeof(text)) < 0 ||
	    sscanf(text, "%u ", &id) != 1)
		return 0;
	return id;
}

static int hole_command(const char *word)
{
	char text[32];

	snprintf(text, sizeof(text), "%s %u", word, any_hole());
	return write_file(HOLE, text);
}

static enum outcome run_hole(int fd, unsigned int nth, bool *injected)
{
	int hole = open(HOLE, O_WRONLY | O_CLOEXEC), err = 0;

	if (hole < 0)
		return STRANGE;
	fail_start(fd, nth);
	if (write(hole, "add", 3) != 3)
		err = errno;
	*injected = fail_stop(fd);
	close(hole);
	if (!err && (hole_command("read") || hole_command("del")))
		return STRANGE;
	return any_hole() ? STRANGE : outcome(err);
}

/* ---- rounds ---- */

static const struct operation operations[] = {
	{ "fork", "user", "asi_mm_init", 1, run_fork },
	{ "exec", "user", "asi_mm_init", 1, run_exec },
	{ "a virtual machine", "kvm", "asi_init", 1, run_vm },
	/* What describes it, and the block. */
	{ "a hole", "user", NULL, 2, run_hole },
};

/* How often a probe saw its function return -ENOMEM; the trace is emptied. */
static unsigned long probed(const char *function)
{
	unsigned long n = 0;
	char line[512];
	FILE *f = fopen(TRACING "/trace", "r");

	if (!f)
		ktap_bail(TRACING "/trace: %s", strerror(errno));
	while (fgets(line, sizeof(line), f))
		n += line[0] != '#' && strstr(line, function) &&
		     strstr(line, "ret=-12");
	fclose(f);
	write_file(TRACING "/trace", "");
	return n;
}

static void probes_on(void)
{
	CHECK(!write_file(TRACING "/events/enable", "0"));
	CHECK(!write_file(PROBES, "r:asi_alloc/mm_init asi_mm_init ret=$retval:s32\n"
			  "r:asi_alloc/init asi_init ret=$retval:s32\n"));
	CHECK(!write_file(EVENTS "/enable", "1"));
	ktap_ok(!test_errors_take(), "the allocations of ASI can be watched");
}

static void probes_off(void)
{
	write_file(EVENTS "/enable", "0");
	write_file(PROBES, "-:asi_alloc/mm_init\n-:asi_alloc/init\n");
}

/*
 * In a process of its own: a domain goes away with its mm only, and one that is
 * there is not allocated again.
 */
static enum outcome one_round(const struct operation *op, unsigned int nth,
			      bool *injected)
{
	pid_t pid = xfork();
	int status;

	if (!pid) {
		enum outcome how = op->run(fail_open(), nth, injected);

		_exit((int)how * 2 + *injected);
	}
	status = wait_exit(pid);
	*injected = status & 1;
	return status / 2 < STRANGE ? (enum outcome)(status / 2) : STRANGE;
}

static void all_rounds(const struct operation *op)
{
	unsigned long count[STRANGE + 1] = { };
	bool injected = true;
	unsigned int nth;

	for (nth = 1; injected && nth < MAX_ROUNDS; nth++) {
		enum outcome how = one_round(op, nth, &injected);

		if (how == STRANGE)
			test_error("%s: allocation %u", op->name, nth);
		/* Errors of another kind than the one that was asked for. */
		if (how == FAILED && !injected)
			test_error("%s fails by itself", op->name);
		count[how]++;
	}
	ktap_note("%s: %u allocations, %lu failures", op->name, nth - 2,
		  count[FAILED]);
	CHECK(!injected);
	CHECK(count[FAILED] >= op->least);
}

/*
 * How often @op->probe was seen to fail. Rounds may differ by an allocation, as when
 * a stack of the cache of stacks is taken: the one looked for is stepped over then.
 */
static unsigned long rounds_until_seen(const struct operation *op, int tries)
{
	unsigned long seen = 0;

	while (!seen && tries--) {
		probed("");
		all_rounds(op);
		seen = op->probe ? probed(op->probe) : 0;
	}
	return seen;
}

/* Domains that debugfs lists; of dead processes there are none. */
static unsigned long count_domains(void)
{
	unsigned long n = 0;
	char line[256];
	FILE *f = fopen(ASI_DEBUGFS "/domains", "r");

	while (f && fgets(line, sizeof(line), f))
		n += line[0] != '#';
	if (f)
		fclose(f);
	return n;
}

static void test_operation(const struct operation *op)
{
	const char *off = asi_class_off(op->class);
	unsigned long domains = count_domains(), seen;

	if (!strcmp(op->class, "kvm") && kvm_missing()) {
		ktap_skip(op->name, "%s", kvm_missing());
		ktap_skip(op->name, "%s", kvm_missing());
		return;
	}
	if (!op->probe && off) {
		ktap_skip(op->name, "%s", off);
		return;
	}
	seen = rounds_until_seen(op, op->probe && !off ? MAX_TRIES : 1);
	CHECK(count_domains() == domains);
	ktap_ok(!test_errors_take(), "%s: works, or fails and leaves nothing",
		op->name);
	if (!op->probe)
		return;
	ktap_note("%s() failed %lu times", op->probe, seen);
	if (off)
		ktap_skip(op->name, "%s", off);
	else
		ktap_ok(seen, "%s: the domain was among what failed", op->name);
}

/* ---- blocks that change sides ---- */

#define TABLES		(512UL << 30)
#define HUGE		(2UL << 20)

/* What this task allocates fails always, or not. To open the file would fail too. */
static int fail_always_fd;

static void fail_always(bool on)
{
	if (pwrite(fail_always_fd, on ? "1" : "0", 1, 0) != 1)
		ktap_bail("make-it-fail: %s", strerror(errno));
}

/* The tasks first, and how often last: nobody else is to suffer. */
static void fail_rate(const char *knobs, bool on)
{
	static const char * const settings[][2] = {
		{ "task-filter", "Y" }, { "interval", "1" }, { "times", "-1" },
		{ "probability", "100" },
	};
	const size_t last = ARRAY_SIZE(settings) - 1;
	char path[100];

	for (size_t i = on ? 0 : last; i <= last; i++) {
		snprintf(path, sizeof(path), DEBUG "/%s/%s", knobs,
			 settings[i][0]);
		CHECK(!write_file(path, on ? settings[i][1] : "0"));
	}
}

/* Tables for reading zeros, a page each, at most @limit; how many? */
static unsigned long take_tables(char *at, unsigned long limit)
{
	unsigned long n;

	for (n = 0; n < limit; n++)
		(void)*(volatile char *)(at + n * HUGE);
	return n;
}

static char *map_tables(void)
{
	char *mem = mmap(NULL, TABLES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS |
			 MAP_NORESERVE, -1, 0);

	if (mem == MAP_FAILED)
		ktap_bail("mmap: %s", strerror(errno));
	madvise(mem, TABLES, MADV_NOHUGEPAGE);
	return mem;
}

static void touch_all(char *mem, size_t size, unsigned long value)
{
	for (size_t i = 0; i < size; i += 4096)
		*(volatile unsigned long *)(mem + i) = value + i;
}

static void check_all(const char *mem, size_t size, unsigned long value)
{
	for (size_t i = 0; i < size; i += 4096)
		CHECK(*(volatile const unsigned long *)(mem + i) == value + i);
}

/* Do blocks change sides while all allocations of this task fail? */
static void test_sides(void)
{
	size_t size = (meminfo_kb("MemAvailable") / 4 * 3 << 10) & ~(HUGE - 1);
	unsigned long hidden, shown, tables = size / 4096;
	bool active = vmstat("sensitive_block_hide");
	char *mem = xmmap(size), *at = map_tables();

	if (tables > TABLES / HUGE)
		tables = TABLES / HUGE;
	madvise(mem, size, MADV_NOHUGEPAGE);
	touch_all(mem, size, 1);
	madvise(mem, size, MADV_DONTNEED);
	/* The kernel has them now; these of the process stay to be filled. */
	take_tables(at, tables);
	madvise(at, TABLES, MADV_DONTNEED);
	munmap(at, TABLES);
	hidden = vmstat("sensitive_block_hide");
	fail_always_fd = open("/proc/self/make-it-fail", O_WRONLY | O_CLOEXEC);
	fail_rate("failslab", true);
	fail_rate("fail_page_alloc", true);
	fail_always(true);
	touch_all(mem, size, 2);
	fail_always(false);
	check_all(mem, size, 2);
	hidden = vmstat("sensitive_block_hide") - hidden;
	munmap(mem, size);

	/* Tables are pages of order 0, and their locks of a slab: these do well. */
	fail_rate("failslab", false);
	CHECK(!write_file(DEBUG "/fail_page_alloc/min-order", "1"));
	at = map_tables();
	shown = vmstat("sensitive_block_show");
	fail_always(true);
	take_tables(at, tables);
	fail_always(false);
	shown = vmstat("sensitive_block_show") - shown;
	munmap(at, TABLES);
	fail_rate("fail_page_alloc", false);
	CHECK(!write_file(DEBUG "/fail_page_alloc/min-order", "0"));
	ktap_note("%lu blocks were hidden, %lu shown", hidden, shown);
	if (active)
		CHECK(hidden > 20 && shown > 20);
	ktap_ok(!test_errors_take(),
		"blocks change sides while all allocations fail");
}

/* ---- afterwards ---- */

static void work_as_usual(void)
{
	char *mem = xmmap(MEM_SIZE);
	pid_t pid;

	fill(mem, MEM_SIZE, 1);
	pid = xfork();
	if (!pid) {
		verify(mem, MEM_SIZE, 1);
		if (!kvm_missing()) {
			struct vcpu vcpu;
			struct vm vm;

			work_create(&vm, &vcpu, VM_SIZE, 1);
			work_verify(&vm, 1, work_round(&vcpu));
		}
		_exit(test_errors_take() != 0);
	}
	CHECK(!wait_exit(pid));
	if (!asi_class_off("user")) {
		char text[64];

		CHECK(asi_runs_restricted());
		CHECK(read_file(ASI_DEBUGFS "/check", text, sizeof(text)) > 0);
		CHECK(!strncmp(text, "ok\n", 3));
	}
	ktap_ok(!test_errors_take(), "afterwards everything works");
}

static void set(const char *knob, const char *value)
{
	if (write_file(knob, value))
		ktap_bail("%s: %s", knob, strerror(errno));
}

/* All but pages for user memory, and without a message for each. */
static void configure(void)
{
	set(DEBUG "/failslab/ignore-gfp-wait", "N");
	set(DEBUG "/failslab/verbose", "0");
	set(DEBUG "/fail_page_alloc/ignore-gfp-wait", "N");
	set(DEBUG "/fail_page_alloc/min-order", "0");
	set(DEBUG "/fail_page_alloc/verbose", "0");
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "child"))
		return exec_child();
	asi_debugfs();
	if (access(FAIL_NTH, W_OK) || access(DEBUG "/failslab", F_OK) ||
	    access(DEBUG "/fail_page_alloc", F_OK))
		ktap_skip_all("this kernel cannot make allocations fail");
	if (access(PROBES, W_OK))
		ktap_skip_all(PROBES ": %s", strerror(errno));
	if (readlink("/proc/self/exe", program, sizeof(program) - 1) < 0)
		ktap_skip_all("/proc/self/exe: %s", strerror(errno));
	ktap_start(2 * ARRAY_SIZE(operations) + 2);
	configure();
	probes_on();
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
		test_operation(&operations[i]);
	probes_off();
	test_sides();
	work_as_usual();
	return ktap_finish();
}
