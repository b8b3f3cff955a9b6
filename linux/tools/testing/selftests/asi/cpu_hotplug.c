// SPDX-License-Identifier: GPL-2.0
/* CPUs go offline and come back while processes run restricted on them. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "asi_test.h"

#define MAX_CPU	256
#define LOADS	6

static int cpu[MAX_CPU], cpus;

static void path_of(char *path, size_t size, int nr)
{
	snprintf(path, size, "/sys/devices/system/cpu/cpu%d/online", nr);
}

static int set_online(int nr, bool on)
{
	char path[80];

	path_of(path, sizeof(path), nr);
	return write_file(path, on ? "1" : "0");
}

static bool is_online(int nr)
{
	char path[80], text[8];

	path_of(path, sizeof(path), nr);
	return read_file(path, text, sizeof(text)) > 0 && text[0] == '1';
}

/* CPUs that can be taken away. */
static void find_cpus(void)
{
	for (int nr = 1; nr < MAX_CPU; nr++) {
		char path[80];

		path_of(path, sizeof(path), nr);
		if (!access(path, W_OK) && is_online(nr))
			cpu[cpus++] = nr;
	}
}

/* Runs wherever it may; the CPU under it disappears now and then. */
static void load(int nr)
{
	uint64_t random = (uint64_t)nr * 31 + 7;

	for (;;) {
		char *p = xmmap(65536);

		cpu_pin((int)(next_random(&random) % MAX_CPU));
		fill(p, 65536, random);
		for (int i = 0; i < 50; i++)
			if (getppid() <= 0)
				_exit(1);
		if (!verify(p, 65536, random))
			_exit(2);
		munmap(p, 65536);
		if (!(random & 7)) {
			pid_t pid = xfork();

			if (!pid)
				_exit(0);
			if (wait_exit(pid))
				_exit(3);
		}
	}
}

static void start_loads(pid_t *pid)
{
	for (int i = 0; i < LOADS; i++) {
		pid[i] = xfork();
		if (!pid[i])
			load(i);
	}
}

static void end_loads(pid_t *pid)
{
	for (int i = 0; i < LOADS; i++) {
		kill(pid[i], SIGKILL);
		CHECK(wait_exit(pid[i]) == 256 + SIGKILL);
	}
}

static void one_by_one(void)
{
	pid_t pid[LOADS];
	unsigned long n = 0;

	start_loads(pid);
	for (unsigned long i = 0; i < scaled(6); i++) {
		for (int j = 0; j < cpus; j++) {
			CHECK(!set_online(cpu[j], false));
			CHECK(!is_online(cpu[j]));
			sleep_ms(20);
			CHECK(!set_online(cpu[j], true));
			CHECK(is_online(cpu[j]));
			n++;
		}
	}
	end_loads(pid);
	ktap_note("%lu times", n);
	ktap_ok(!test_errors_take(), "one CPU at a time");
}

static void all_but_one(void)
{
	pid_t pid[LOADS];

	start_loads(pid);
	for (unsigned long i = 0; i < scaled(3); i++) {
		for (int j = 0; j < cpus; j++)
			CHECK(!set_online(cpu[j], false));
		sleep_ms(100);
		for (int j = 0; j < cpus; j++)
			CHECK(!set_online(cpu[j], true));
	}
	end_loads(pid);
	ktap_ok(!test_errors_take(), "all CPUs but one");
}

/* What came back works: a process on each CPU, with checked content. */
static void all_work(void)
{
	for (int j = 0; j < cpus; j++) {
		pid_t pid = xfork();
		cpu_set_t one;

		if (!pid) {
			char *p = xmmap(65536);

			CPU_ZERO(&one);
			CPU_SET(cpu[j], &one);
			CHECK(!sched_setaffinity(0, sizeof(one), &one));
			CHECK(sched_getcpu() == cpu[j]);
			fill(p, 65536, (uint64_t)j);
			verify(p, 65536, (uint64_t)j);
			if (!asi_class_off("user"))
				CHECK(asi_runs_restricted());
			_exit(test_errors_take() != 0);
		}
		CHECK(wait_exit(pid) == 0);
	}
	ktap_ok(!test_errors_take(), "every CPU works when it is back");
}

int main(void)
{
	find_cpus();
	if (!cpus)
		ktap_skip_all("no CPU here can be taken offline");
	ktap_start(3);
	one_by_one();
	all_but_one();
	all_work();
	return ktap_finish();
}
