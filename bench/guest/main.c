// SPDX-License-Identifier: GPL-2.0
/*
 * Times operations of the kernel, and counts the address space switches they
 * cause. Output for programs, one record a line, in this order:
 *
 *   asibench 1                          version of this format
 *   kernel RELEASE
 *   clock KIND PER_US                   units of the clock in a microsecond
 *   state pti=0|1 asi=0|1|absent sensitive=0|1|absent [CLASS=0|1]...
 *   counters N                          how many counters the kernel has
 *   and for each benchmark either
 *   skip NAME REASON
 *   or
 *   result NAME OPS MIN MEDIAN          time per operation; OPS in all windows
 *   events NAME SYSCALLS VM_EXITS PAGE_FAULTS SWITCHES    per operation
 *   counter NAME CLASS.COUNTER MEAN MEDIAN     per operation; none if both 0
 *   memory KEY VALUE                    with --memory, see memory.c
 *   done N                              how many were run or skipped
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "clock.h"
#include "counters.h"

#define WINDOWS_MAX 1001
#define CLOCK_SPAN_NS 2000000

enum clock_kind clock_kind = CLOCK_KIND_MONO;

static const struct bench *const benches[] = {
	&bench_null,	   &bench_int80,	 &bench_compat,
	&bench_read,	   &bench_write,	 &bench_fill,
	&bench_touch,	   &bench_touch_huge,	 &bench_copy,
	&bench_unmap,	   &bench_alloc0,	 &bench_alloc0_user,
	&bench_alloc9,	   &bench_alloc9_user,	 &bench_pipe,
	&bench_ctx_thread, &bench_ctx_process,	 &bench_fork,
	&bench_forkexec,   &bench_vmexit_kernel, &bench_vmexit_mmio,
	&bench_vmexit_user,
	&bench_unix,	   &bench_udp,		 &bench_tcp,
	&bench_netlink,	   &bench_packet,	 &bench_msg,
	&bench_mq,	   &bench_tty_input,	 &bench_tty_output,
	&bench_getxattr,   &bench_setxattr,	 &bench_bpf_lookup,
	&bench_bpf_array,  &bench_bpf_ring,	 &bench_key_read,
	&bench_big_key,	   &bench_cipher,	 &bench_hash,
	&bench_uring,	   &bench_tls,		 &bench_zram,
	&bench_brd,	   &bench_fuse,		 &bench_environ,
	&bench_cmdline,	   &bench_proc_mem,	 &bench_core,
	&bench_swap,
};

#define NR_BENCHES (sizeof(benches) / sizeof(benches[0]))

static unsigned int nr_windows = 31;
static unsigned int warm_up = 5;
static unsigned int nr_counters;
static int memory;

/* What it takes to count events; see shared_memory(). */
static struct counting {
	struct counters before, after;
	double sum[2][COUNTERS_MAX], mid[2][COUNTERS_MAX];
	double delta[COUNTERS_MAX][WINDOWS_MAX];
} *counting;

void die(const char *fmt, ...)
{
	int err = errno;
	va_list args;

	fflush(stdout);
	fputs("asibench: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	if (err)
		fprintf(stderr, ": %s", strerror(err));
	fputc('\n', stderr);
	exit(1);
}

void *shared_memory(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		die("mmap");
	return memory;
}

static int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts @v. */
static double median(double *v, unsigned int n)
{
	qsort(v, n, sizeof(*v), compare_double);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static void run_windows(const struct bench *b, unsigned int ops, double *out)
{
	unsigned int i;

	for (i = 0; i < nr_windows; i++)
		out[i] = (double)b->run(ops);
}

/*
 * The cheapest empty window is what reading the clock and entering the loop
 * costs; the rest of a window is the operations.
 */
static void measure_time(const struct bench *b)
{
	double windows[WINDOWS_MAX];
	double empty, mid;

	run_windows(b, 0, windows);
	median(windows, nr_windows);
	empty = windows[0];
	run_windows(b, b->ops, windows);
	mid = median(windows, nr_windows);
	printf("result %s %u %.2f %.2f\n", b->name, b->ops * nr_windows,
	       (windows[0] - empty) / b->ops, (mid - empty) / b->ops);
}

struct usage {
	/* Of this process and of its children that have ended. */
	double faults;
	/* Of the whole machine. */
	double switches;
};

/* The line "ctxt N" of /proc/stat. */
static double context_switches(void)
{
	FILE *file = fopen("/proc/stat", "re");
	double n = -1;
	char line[4096];

	if (!file)
		die("/proc/stat");
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "ctxt %lf", &n) == 1)
			break;
	fclose(file);
	return n;
}

static struct usage usage_now(void)
{
	struct rusage self, children;

	if (getrusage(RUSAGE_SELF, &self) ||
	    getrusage(RUSAGE_CHILDREN, &children))
		die("getrusage");
	return (struct usage){
		.faults = (double)(self.ru_minflt + children.ru_minflt),
		.switches = context_switches(),
	};
}

static void measure_events(const struct bench *b)
{
	double ops = (double)b->ops * nr_windows;
	double windows[WINDOWS_MAX];
	struct usage before, after;

	before = usage_now();
	run_windows(b, b->ops, windows);
	after = usage_now();
	printf("events %s %.2f %.2f %.2f %.2f\n", b->name, b->syscalls,
	       b->vm_exits, (after.faults - before.faults) / ops,
	       (after.switches - before.switches) / ops);
}

/* By how much counter @i grew between the last two readings. */
static double counted(unsigned int i)
{
	return (double)(counting->after.value[i] - counting->before.value[i]);
}

/* What all windows together add to the counters, into @sum. */
static void count_all(const struct bench *b, unsigned int ops, double *sum)
{
	double windows[WINDOWS_MAX];
	unsigned int i;

	counters_read(&counting->before);
	run_windows(b, ops, windows);
	counters_read(&counting->after);
	for (i = 0; i < nr_counters; i++)
		sum[i] = counted(i);
}

/* What the median window adds to each counter, into @mid. */
static void count_median(const struct bench *b, unsigned int ops, double *mid)
{
	unsigned int i, w;

	for (w = 0; w < nr_windows; w++) {
		counters_read(&counting->before);
		b->run(ops);
		counters_read(&counting->after);
		for (i = 0; i < nr_counters; i++)
			counting->delta[i][w] = counted(i);
	}
	for (i = 0; i < nr_counters; i++)
		mid[i] = median(counting->delta[i], nr_windows);
}

/*
 * Two views of each counter. The mean over all windows has everything in it,
 * timer ticks too. The median window is the steady state. From both what the
 * same procedure counts without operations is subtracted.
 */
static void measure_counters(const struct bench *b)
{
	double (*sum)[COUNTERS_MAX] = counting->sum;
	double (*mid)[COUNTERS_MAX] = counting->mid;
	double ops = b->ops;
	unsigned int i;

	count_all(b, 0, sum[0]);
	count_all(b, b->ops, sum[1]);
	count_median(b, 0, mid[0]);
	count_median(b, b->ops, mid[1]);
	for (i = 0; i < nr_counters; i++) {
		double mean = (sum[1][i] - sum[0][i]) / (ops * nr_windows);
		double steady = (mid[1][i] - mid[0][i]) / ops;

		if (mean || steady)
			printf("counter %s %s %.5f %.5f\n", b->name,
			       counters_name(i), mean, steady);
	}
}

static void run_bench(const struct bench *b)
{
	const char *reason = b->setup();
	unsigned int i;

	if (reason) {
		printf("skip %s %s\n", b->name, reason);
		return;
	}
	for (i = 0; i < warm_up; i++)
		b->run(b->ops);
	measure_time(b);
	measure_events(b);
	if (nr_counters)
		measure_counters(b);
	if (b->teardown)
		b->teardown();
	fflush(stdout);
}

/* How fast the clock runs, against the clock that the kernel keeps. */
static double clock_per_us(void)
{
	uint64_t mono = clock_mono(), start = clock_now(), now;

	do {
		now = clock_mono();
	} while (now - mono < CLOCK_SPAN_NS);
	return (double)(clock_now() - start) * 1000 / (double)(now - mono);
}

static void print_header(void)
{
	struct utsname uts;

	uname(&uts);
	printf("asibench 1\nkernel %s\n", uts.release);
	printf("clock %s %.1f\n", clock_kind == CLOCK_KIND_TSC ? "tsc" : "mono",
	       clock_per_us());
	counters_print_state();
	printf("counters %u\n", counters_number());
}

/* True when @list is NULL or has @name between its commas. */
static int selected(const char *list, const char *name)
{
	size_t len = strlen(name);
	const char *at;

	if (!list)
		return 1;
	for (at = list; (at = strstr(at, name)); at += len)
		if ((at == list || at[-1] == ',') &&
		    (at[len] == ',' || !at[len]))
			return 1;
	return 0;
}

static int known(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < NR_BENCHES; i++)
		if (strlen(benches[i]->name) == len &&
		    !strncmp(benches[i]->name, name, len))
			return 1;
	return 0;
}

static void check_selection(const char *list)
{
	while (list && *list) {
		size_t len = strcspn(list, ",");

		if (!known(list, len)) {
			errno = 0;
			die("no benchmark \"%.*s\"; --list shows them",
			    (int)len, list);
		}
		list += len + (list[len] == ',');
	}
}

static void print_list(void)
{
	size_t i;

	for (i = 0; i < NR_BENCHES; i++)
		printf("%s\t%s\n", benches[i]->name, benches[i]->what);
	exit(0);
}

static unsigned int parse_count(const char *text, unsigned int max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (!n || n > max || *end) {
		errno = 0;
		die("\"%s\" is not a number from 1 to %u", text, max);
	}
	return (unsigned int)n;
}

static void usage(int status)
{
	fprintf(status ? stderr : stdout,
		"usage: asibench [--list] [--only NAME,...] [--windows N]\n"
		"                [--warm-up N] [--clock mono|tsc] [--asi-dir DIR]\n"
		"                [--module FILE] [--memory]\n");
	exit(status);
}

static const char *parse_options(int argc, char **argv)
{
	static const struct option options[] = {
		{ "list", no_argument, NULL, 'l' },
		{ "only", required_argument, NULL, 'o' },
		{ "windows", required_argument, NULL, 'w' },
		{ "warm-up", required_argument, NULL, 'u' },
		{ "clock", required_argument, NULL, 'c' },
		{ "asi-dir", required_argument, NULL, 'a' },
		{ "module", required_argument, NULL, 'm' },
		{ "memory", no_argument, NULL, 'M' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *only = NULL;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'l')
			print_list();
		else if (opt == 'o')
			only = optarg;
		else if (opt == 'a')
			asi_dir = optarg;
		else if (opt == 'm')
			alloc_module = optarg;
		else if (opt == 'M')
			memory = 1;
		else if (opt == 'w')
			nr_windows = parse_count(optarg, WINDOWS_MAX);
		else if (opt == 'u')
			warm_up = parse_count(optarg, 100000);
		else if (opt == 'c' && !strcmp(optarg, "tsc"))
			clock_kind = CLOCK_KIND_TSC;
		else if (opt == 'c' && !strcmp(optarg, "mono"))
			clock_kind = CLOCK_KIND_MONO;
		else
			usage(opt == 'h' ? 0 : 2);
	}
	if (optind != argc)
		usage(2);
	check_selection(only);
	return only;
}

/*
 * One CPU, because the partners of a switch must share it; and no randomised
 * layout, because it changes how many page tables a process needs.
 */
static void settle(char **argv)
{
	cpu_set_t set;
	int persona = personality(0xffffffff);

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
	if (persona < 0 || (persona & ADDR_NO_RANDOMIZE))
		return;
	personality((unsigned long)persona | ADDR_NO_RANDOMIZE);
	execv("/proc/self/exe", argv);
	die("/proc/self/exe");
}

/*
 * In a child: a directory with more in it takes more memory to read, and what
 * was touched once is copied by every fork from then on.
 */
static void look_around(void)
{
	int status;
	pid_t pid;

	counting = shared_memory(sizeof(*counting));
	counters_prepare();
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		counters_find();
		print_header();
		_exit(fflush(stdout) ? 1 : 0);
	}
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	if (status)
		exit(1);
	nr_counters = counters_number();
}

int main(int argc, char **argv)
{
	const char *only = parse_options(argc, argv);
	unsigned int done = 0;
	size_t i;

	settle(argv);
	look_around();
	if (memory)
		measure_memory();
	for (i = 0; i < NR_BENCHES; i++) {
		if (memory || !selected(only, benches[i]->name))
			continue;
		run_bench(benches[i]);
		done++;
	}
	printf("done %u\n", done);
	return fflush(stdout) ? 1 : 0;
}
