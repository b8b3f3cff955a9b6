// SPDX-License-Identifier: GPL-2.0
/* posix_spawn() by several processes and threads at once, and exits. */
#define _GNU_SOURCE
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/wait.h>

#include "asi_test.h"

#define SPAWNERS	4

extern char **environ;

static void *spawner(void *arg)
{
	uint64_t until = deadline_ms(3000);
	unsigned long count = 0;

	do {
		char code[16];
		char *argv[] = { "self", "spawned", code, NULL };
		int want = (int)(count % 100) + 1, err;
		pid_t pid;

		snprintf(code, sizeof(code), "%d", want);
		err = posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv,
				  environ);
		if (err) {
			test_error("posix_spawn: %s", strerror(err));
			break;
		}
		CHECK(wait_exit(pid) == want);
		count++;
	} while (now_ms() < until);
	*(unsigned long *)arg = count;
	return NULL;
}

static unsigned long by_threads(void)
{
	struct thread t[SPAWNERS];
	unsigned long count[SPAWNERS], sum = 0;

	for (int i = 0; i < SPAWNERS; i++)
		thread_start(&t[i], spawner, &count[i]);
	for (int i = 0; i < SPAWNERS; i++) {
		thread_join(&t[i]);
		sum += count[i];
	}
	return sum;
}

static void by_processes(void)
{
	pid_t pid[SPAWNERS];

	for (int i = 0; i < SPAWNERS; i++) {
		pid[i] = xfork();
		if (!pid[i]) {
			unsigned long count;

			spawner(&count);
			_exit(test_errors_take() || !count);
		}
	}
	for (int i = 0; i < SPAWNERS; i++)
		CHECK(wait_exit(pid[i]) == 0);
}

int main(int argc, char **argv)
{
	unsigned long sum;

	if (argc == 3 && !strcmp(argv[1], "spawned"))
		return atoi(argv[2]);
	ktap_start(2);
	sum = by_threads();
	ktap_note("%lu processes", sum);
	ktap_ok(sum && !test_errors_take(), "posix_spawn by threads");
	by_processes();
	ktap_ok(!test_errors_take(), "posix_spawn by processes");
	return ktap_finish();
}
