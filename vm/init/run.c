// SPDX-License-Identifier: GPL-2.0
/* Runs the command and passes on what it and the kernel say. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "init.h"

/* Processes killed at the end hold the pipes no longer than this. */
#define DRAIN_MS 10000
/* /dev/kmsg gives one record per read, at most this long. */
#define KMSG_MAX 8192

enum source { OUT, ERR, KMSG, CHILD, SOURCES };

static char buffer[65536];

static void use_terminal(const struct config *config)
{
	struct winsize size = {
		.ws_row = config->rows,
		.ws_col = config->columns,
	};
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/%s", config->tty);
	setsid();
	fd = open(path, O_RDWR);
	if (fd < 0)
		die("open %s: %s", path, strerror(errno));
	ioctl(fd, TIOCSCTTY, 1);
	if (config->rows)
		ioctl(fd, TIOCSWINSZ, &size);
	dup2(fd, 0);
	dup2(fd, 1);
	dup2(fd, 2);
	if (fd > 2)
		close(fd);
}

static void use_pipes(const int out[2], const int err[2])
{
	int null = open("/dev/null", O_RDONLY);

	setsid();
	dup2(null, 0);
	close(null);
	dup2(out[1], 1);
	dup2(err[1], 2);
}

/* In the child: does not return. 126 and 127 mean what they do in a shell. */
static void exec_command(char **argv)
{
	struct rlimit no_core = { 0, 0 };
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setrlimit(RLIMIT_CORE, &no_core);
	execvp(argv[0], argv);
	fprintf(stderr, "vm-init: %s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

static pid_t start(const struct config *config, char **argv,
		   struct pollfd *polls)
{
	int out[2], err[2];
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		die("pipe: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (!pid) {
		if (config->tty[0])
			use_terminal(config);
		else
			use_pipes(out, err);
		exec_command(argv);
	}
	close(out[1]);
	close(err[1]);
	polls[OUT].fd = out[0];
	polls[ERR].fd = err[0];
	return pid;
}

static void pass_pipe(struct pollfd *poll, enum frame type,
		      unsigned long long *count)
{
	ssize_t n = read(poll->fd, buffer, sizeof(buffer));

	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0) {
		close(poll->fd);
		poll->fd = -1;
		return;
	}
	channel_send(type, buffer, n);
	*count += n;
}

/* EPIPE: the kernel overwrote records before they were read. */
static void pass_kmsg(int fd, struct result *result)
{
	ssize_t n;

	for (;;) {
		n = read(fd, buffer, KMSG_MAX);
		if (n > 0) {
			channel_send(FRAME_KMSG, buffer, n);
			result->kmsg++;
		} else if (n < 0 && errno == EPIPE) {
			result->kmsg_lost++;
		} else if (n == 0 || errno != EINTR) {
			return;
		}
	}
}

/* Reaps everybody; says whether @pid was among them. */
static int reap(int signals, pid_t pid, int *status)
{
	struct signalfd_siginfo info;
	int found = 0, one;
	pid_t dead;

	while (read(signals, &info, sizeof(info)) > 0)
		;
	while ((dead = waitpid(-1, &one, WNOHANG)) > 0) {
		if (dead != pid)
			continue;
		*status = WIFEXITED(one) ? WEXITSTATUS(one) :
					   128 + WTERMSIG(one);
		found = 1;
	}
	return found;
}

static int open_signals(void)
{
	sigset_t mask;
	int fd;

	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	fd = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		die("signalfd: %s", strerror(errno));
	return fd;
}

static int open_kmsg(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		die("open /dev/kmsg: %s", strerror(errno));
	return fd;
}

/**
 * run_command() - run the command to its end
 * @config: whether it gets a terminal
 * @argv: what to run
 * @result: filled in
 *
 * When the command itself has ended, every process it left is killed, and
 * what is still in the pipes is passed on.
 */
void run_command(const struct config *config, char **argv,
		 struct result *result)
{
	struct pollfd polls[SOURCES] = {
		[OUT]	= { .events = POLLIN },
		[ERR]	= { .events = POLLIN },
		[KMSG]	= { .events = POLLIN },
		[CHILD]	= { .events = POLLIN },
	};
	int ended = 0;
	pid_t pid;

	polls[CHILD].fd = open_signals();
	polls[KMSG].fd = open_kmsg();
	pid = start(config, argv, polls);

	while (!ended || polls[OUT].fd >= 0 || polls[ERR].fd >= 0) {
		if (!poll(polls, SOURCES, ended ? DRAIN_MS : -1))
			break;
		if (polls[OUT].fd >= 0 && polls[OUT].revents)
			pass_pipe(&polls[OUT], FRAME_OUT, &result->out);
		if (polls[ERR].fd >= 0 && polls[ERR].revents)
			pass_pipe(&polls[ERR], FRAME_ERR, &result->err);
		if (polls[KMSG].revents)
			pass_kmsg(polls[KMSG].fd, result);
		if (polls[CHILD].revents &&
		    reap(polls[CHILD].fd, pid, &result->status)) {
			ended = 1;
			kill(-1, SIGKILL);
		}
	}
	pass_kmsg(polls[KMSG].fd, result);
}
