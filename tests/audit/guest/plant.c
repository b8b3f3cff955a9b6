// SPDX-License-Identifier: GPL-2.0
/*
 * Plants secrets all over a machine, says where, and waits until the host has
 * looked at them. tests/audit/run starts it.
 *
 *   plant SEED ASICTL DISK [FILE [MODULES]]
 *
 * Its output, for programs:
 *   audit kind NAME planted PID | missing REASON | failed REASON
 *   audit actor other|guest PID
 *   audit hole LINE-OF-DEBUGFS
 *   audit symbol NAME ADDRESS
 *   audit domains JSON              (one line of it)
 *   audit shared NAME FRAME         (a page that is both users' and the kernel's)
 *   audit frames FIRST COUNT FLAGS  (of /proc/kpageflags)
 *   audit ready
 *
 * It ends when the last page of DISK is not empty any more.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "holder.h"
#include "machine.h"
#include "plant.h"
#include "state.h"

struct settings settings;
struct holder holder;

static const struct kind *const families[] = {
	memory_kinds, file_kinds, ipc_kinds, binder_kinds, net_kinds,
	wire_kinds, rds_kinds, object_kinds, alg_kinds, ring_kinds, xdp_kinds,
	bpf_kinds, task_kinds, copy_kinds, vm_kinds, block_kinds, serve_kinds,
	fuse_kinds, device_kinds, hardware_kinds, left_kinds,
	bounce_kinds,
};

static void __noreturn give_up(const char *what)
{
	fprintf(stderr, "plant: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* In the holder. */
static void __noreturn plant_and_hold(const struct kind *kind, int report)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	holder.kind = kind;
	holder.report = report;
	kind->plant();
	report_planted();
	hold();
}

/* Start a process for @kind; what it reports goes to @text. Returns its pid. */
static pid_t start_holder(const struct kind *kind, char *text, size_t size)
{
	int fd[2];
	ssize_t n;
	pid_t pid;

	if (pipe(fd))
		give_up("pipe");
	pid = fork();
	if (pid < 0)
		give_up("fork");
	if (!pid) {
		close(fd[0]);
		plant_and_hold(kind, fd[1]);
	}
	close(fd[1]);
	n = read(fd[0], text, size - 1);
	text[n > 0 ? n : 0] = '\0';
	close(fd[0]);
	return pid;
}

static void plant(const struct kind *kind)
{
	char text[300];
	pid_t pid = start_holder(kind, text, sizeof(text));

	if (text[0] == REPORT_PLANTED)
		printf("audit kind %s planted %d\n", kind->name, pid);
	else if (text[0] == REPORT_MISSING)
		printf("audit kind %s missing %s\n", kind->name, text + 1);
	else
		printf("audit kind %s failed %s\n", kind->name,
		       text[0] ? text + 1 : "the holder died");
	fflush(stdout);
}

static void do_nothing(void)
{
}

/* Processes without a secret, whose domains are to be looked at. */
static void start_actors(void)
{
	static const struct kind actors[] = {
		{ "other", do_nothing },
		{ "guest", idle_machine },
	};

	for (size_t i = 0; i < ARRAY_SIZE(actors); i++) {
		char text[300];
		pid_t pid = start_holder(&actors[i], text, sizeof(text));

		if (text[0] == REPORT_PLANTED)
			printf("audit actor %s %d\n", actors[i].name, pid);
	}
	fflush(stdout);
}

/* Wait for the host; the device is read, not what is cached of it. */
static void wait_for_mail(int fd)
{
	static char page[PAGE] __attribute__((aligned(PAGE)));
	uint64_t size = 0;

	if (ioctl(fd, BLKGETSIZE64, &size) || size < PAGE)
		give_up("size of the disk");
	while (!page[0]) {
		usleep(50000);
		if (pread(fd, page, PAGE, (off_t)(size - PAGE)) != (ssize_t)PAGE)
			give_up("read of the disk");
	}
}

/* As the target of exec or of a core dump: be there, and no more. */
static void __noreturn hold_as(const char *role, const char *report)
{
	if (!strcmp(role, "hold")) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		holder.report = atoi(report);
		report_planted();
	}
	hold();
}

static void take_settings(int argc, char **argv)
{
	ssize_t n = readlink("/proc/self/exe", settings.self, PAGE - 1);

	if (argc < 4 || n < 0) {
		fprintf(stderr, "usage: plant SEED ASICTL DISK [FILE [MODULES]]\n");
		exit(2);
	}
	settings.seed = strtoull(argv[1], NULL, 16);
	settings.asictl = argv[2];
	settings.disk = argv[3];
	settings.file = argv[4];
	settings.modules = settings.file ? argv[5] : NULL;
}

int main(int argc, char **argv)
{
	int mail;

	if (argc >= 2 && !strcmp(argv[1], "hold"))
		hold_as(argv[1], argc > 2 ? argv[2] : "");
	if (argc >= 2 && !strcmp(argv[1], "core-sink"))
		hold_as(argv[1], "");
	take_settings(argc, argv);
	mail = open(settings.disk, O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (mail < 0)
		give_up(settings.disk);
	start_actors();
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		for (const struct kind *k = families[i]; k->name; k++)
			plant(k);
	if (report_state())
		return 1;
	puts("audit ready");
	fflush(stdout);
	wait_for_mail(mail);
	return 0;
}
