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

static sigset_t ending_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	return set;
}

int wait_prepare(void)
{
	sigset_t set = ending_signals();
	int fd = signalfd(-1, &set, SFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	sigprocmask(SIG_BLOCK, &set, NULL);
	return fd;
}

void wait_finish(int signals)
{
	sigset_t set = ending_signals();

	close(signals);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
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
