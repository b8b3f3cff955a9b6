// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "screen.h"
#include "text.h"

/* The other page of the terminal, no cursor; and back. */
#define ENTER		"\033[?1049h\033[?25l"
#define LEAVE		"\033[?25h\033[?1049l"
#define HOME		"\033[H"
#define REVERSE		"\033[7m"
#define NORMAL		"\033[m"
#define ERASE_LINE	"\033[K"
#define ERASE_REST	"\033[J"

static const int our_signals[] = {
	SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGCONT, SIGWINCH,
};

static struct {
	bool open;
	int signals;
	sigset_t mask;
	struct termios termios;
} screen;

static void write_all(const char *s, size_t len)
{
	while (len) {
		ssize_t n = write(STDOUT_FILENO, s, len);

		if (n < 0 && errno != EINTR)
			return;
		if (n > 0) {
			s += n;
			len -= n;
		}
	}
}

bool screen_usable(void)
{
	const char *term = getenv("TERM");

	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && term &&
	       *term && strcmp(term, "dumb");
}

static void enter(void)
{
	struct termios raw = screen.termios;

	raw.c_lflag &= ~(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	write_all(ENTER, strlen(ENTER));
}

static void leave(void)
{
	write_all(LEAVE, strlen(LEAVE));
	tcsetattr(STDIN_FILENO, TCSADRAIN, &screen.termios);
}

bool screen_open(void)
{
	static bool registered;
	sigset_t set;
	size_t i;

	if (tcgetattr(STDIN_FILENO, &screen.termios))
		return false;
	sigemptyset(&set);
	for (i = 0; i < ARRAY_SIZE(our_signals); i++)
		sigaddset(&set, our_signals[i]);
	screen.signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (screen.signals < 0)
		return false;
	sigprocmask(SIG_BLOCK, &set, &screen.mask);
	if (!registered)
		atexit(screen_close);
	registered = true;
	screen.open = true;
	enter();
	return true;
}

void screen_close(void)
{
	if (!screen.open)
		return;
	screen.open = false;
	leave();
	close(screen.signals);
	/* A signal that came meanwhile acts now. */
	sigprocmask(SIG_SETMASK, &screen.mask, NULL);
}

/* Cut to the width: bytes are columns, as all is printable ASCII. */
static const char *draw_line(FILE *frame, const char *line, int cols)
{
	size_t len = strcspn(line, "\n");

	/*
	 * Erase before the text: after a line as wide as the terminal, the
	 * cursor is still on its last column.
	 */
	fprintf(frame, "\r\n" ERASE_LINE "%.*s",
		len < (size_t)cols ? (int)len : cols, line);
	return line + len + (line[len] == '\n');
}

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void draw_frame(FILE *frame, const struct winsize *size,
		       const char *title, const char *text)
{
	size_t lines = count_lines(text);
	size_t room = size->ws_row - 1;
	size_t i;

	fprintf(frame, HOME REVERSE "%-*.*s" NORMAL, size->ws_col,
		size->ws_col, title);
	for (i = 0; i < room && *text; i++) {
		char rest[64];

		if (i + 1 == room && lines > room) {
			snprintf(rest, sizeof(rest), "... and %zu more lines",
				 lines - i);
			draw_line(frame, rest, size->ws_col);
			break;
		}
		text = draw_line(frame, text, size->ws_col);
	}
	fputs(ERASE_REST, frame);
}

void screen_draw(const char *title, const char *text)
{
	struct winsize size;
	char *buf = NULL;
	size_t len = 0;
	FILE *frame;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_row ||
	    !size.ws_col)
		size = (struct winsize){ .ws_row = 24, .ws_col = 80 };
	frame = open_memstream(&buf, &len);
	if (!frame)
		return;
	draw_frame(frame, &size, title, text);
	if (!fclose(frame))
		write_all(buf, len);
	free(buf);
}

/* End as the signal wants it, with the terminal given back. */
static void die_of(int sig)
{
	sigset_t set;

	screen_close();
	signal(sig, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(sig);
}

/* Return: true if the terminal is to be drawn anew. */
static bool handle_signal(void)
{
	struct signalfd_siginfo info;

	if (read(screen.signals, &info, sizeof(info)) != sizeof(info))
		return false;
	switch (info.ssi_signo) {
	case SIGWINCH:
		return true;
	case SIGTSTP:
		/* What ends the stop is SIGCONT, which is the next to read. */
		leave();
		raise(SIGSTOP);
		return false;
	case SIGCONT:
		enter();
		return true;
	default:
		die_of(info.ssi_signo);
		return false;
	}
}

static bool wants_to_quit(void)
{
	char key;

	return read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q';
}

static struct timespec time_until(const struct timespec *deadline)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	now.tv_sec = deadline->tv_sec - now.tv_sec;
	now.tv_nsec = deadline->tv_nsec - now.tv_nsec;
	if (now.tv_nsec < 0) {
		now.tv_sec--;
		now.tv_nsec += 1000000000;
	}
	return now.tv_sec < 0 ? (struct timespec){} : now;
}

enum screen_event screen_wait(const struct timespec *deadline)
{
	struct pollfd fds[] = {
		{ .fd = screen.signals, .events = POLLIN },
		{ .fd = STDIN_FILENO, .events = POLLIN },
	};

	for (;;) {
		struct timespec left = time_until(deadline);
		int n = ppoll(fds, ARRAY_SIZE(fds), &left, NULL);

		if (!n)
			return SCREEN_TIME;
		if (n < 0 && errno != EINTR)
			return SCREEN_QUIT;
		if (n > 0 && fds[0].revents) {
			if (handle_signal())
				return SCREEN_REDRAW;
			continue;
		}
		if (n > 0 && fds[1].revents && wants_to_quit())
			return SCREEN_QUIT;
	}
}
