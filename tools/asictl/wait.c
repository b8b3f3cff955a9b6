// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "text.h"
#include "wait.h"

/* What was blocked before wait_prepare(). */
static sigset_t blocked;

/* Without those that are ignored, as by nohup: once blocked, they would come. */
static sigset_t ending_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action;
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		if (!sigaction(signals[i], NULL, &action) &&
		    action.sa_handler != SIG_IGN)
			sigaddset(&set, signals[i]);
	return set;
}

int wait_prepare(void)
{
	sigset_t set = ending_signals();
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);

	if (fd < 0)
		return -errno;
	sigprocmask(SIG_BLOCK, &set, &blocked);
	return fd;
}

void wait_finish(int signals)
{
	struct signalfd_siginfo info;

	/* Those that came with the end of the process have been heeded, too. */
	while (read(signals, &info, sizeof(info)) > 0)
		;
	close(signals);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
}

static void wait_on(struct pollfd *fds, size_t n, double seconds)
{
	struct timespec time = {
		.tv_sec = seconds,
		.tv_nsec = (seconds - (time_t)seconds) * 1e9,
	};

	while (ppoll(fds, n, seconds < 0 ? NULL : &time, NULL) < 0 &&
	       errno == EINTR)
		;
}

enum wait_event wait_for(int signals, pid_t pid, double seconds)
{
	int process = syscall(SYS_pidfd_open, pid, 0);
	struct pollfd fds[] = {
		{ .fd = signals, .events = POLLIN },
		{ .fd = process, .events = POLLIN },
	};
	struct signalfd_siginfo info;

	/* Gone already, unless this kernel has no such thing. */
	if (process < 0 && errno == ESRCH)
		return WAIT_ENDED;
	wait_on(fds, ARRAY_SIZE(fds), seconds);
	if (process >= 0)
		close(process);
	if (fds[1].revents)
		return WAIT_ENDED;
	if (!fds[0].revents)
		return WAIT_TIME;
	/* It was heeded, and is not to end us after wait_finish(). */
	return read(signals, &info, sizeof(info)) < 0 ? WAIT_TIME : WAIT_SIGNAL;
}
