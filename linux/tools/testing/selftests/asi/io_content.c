// SPDX-License-Identifier: GPL-2.0
/* Data through pipes, sockets and files arrives as it was sent. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "asi_test.h"

#define CHUNK	(48 * 1024UL)

static char *out, *in;

static bool read_all(int fd, char *p, size_t len)
{
	while (len) {
		ssize_t n = read(fd, p, len);

		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

static bool write_all(int fd, const char *p, size_t len)
{
	while (len) {
		ssize_t n = write(fd, p, len);

		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

/* A child sends back what it gets, changed; lengths of all kinds. */
static void ping_pong(const char *name, int mine, int theirs, int mine_in,
		      int theirs_in)
{
	unsigned long rounds = scaled(300);
	pid_t pid = xfork();

	for (unsigned long i = 0; i < rounds; i++) {
		size_t len = (i * 7919 % CHUNK + 8) & ~7UL;

		if (!pid) {
			if (!read_all(theirs_in, in, len) ||
			    !verify(in, len, i))
				_exit(1);
			fill(out, len, ~i);
			if (!write_all(theirs, out, len))
				_exit(2);
			continue;
		}
		fill(out, len, i);
		CHECK(write_all(mine, out, len));
		CHECK(read_all(mine_in, in, len));
		verify(in, len, ~i);
	}
	if (!pid)
		_exit(0);
	CHECK(wait_exit(pid) == 0);
	ktap_ok(!test_errors_take(), "%s", name);
}

static void pipes(void)
{
	int a[2], b[2];

	if (pipe(a) || pipe(b))
		ktap_bail("pipe: %s", strerror(errno));
	ping_pong("pipes", a[1], b[1], b[0], a[0]);
	for (int i = 0; i < 2; i++) {
		close(a[i]);
		close(b[i]);
	}
}

static void unix_sockets(void)
{
	int s[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s)) {
		ktap_skip("unix sockets", "socketpair: %s", strerror(errno));
		return;
	}
	ping_pong("unix sockets", s[0], s[1], s[0], s[1]);
	close(s[0]);
	close(s[1]);
}

static void tcp(void)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int c = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), s;
	socklen_t len = sizeof(addr);

	if (l < 0 || c < 0 || bind(l, (struct sockaddr *)&addr, len) ||
	    listen(l, 1) || getsockname(l, (struct sockaddr *)&addr, &len) ||
	    connect(c, (struct sockaddr *)&addr, len)) {
		ktap_skip("TCP over the loopback device", "%s", strerror(errno));
		return;
	}
	s = accept(l, NULL, NULL);
	ping_pong("TCP over the loopback device", c, s, c, s);
	close(l);
	close(c);
	close(s);
}

static void files(void)
{
	int fd = temp_fd(0);

	for (unsigned long i = 0; i < scaled(200); i++) {
		size_t len = (i * 7919 % CHUNK + 8) & ~7UL;
		off_t at = (off_t)(i * 4099 % 1000000);

		fill(out, len, i);
		CHECK(pwrite(fd, out, len, at) == (ssize_t)len);
		CHECK(pread(fd, in, len, at) == (ssize_t)len);
		verify(in, len, i);
	}
	close(fd);
	ktap_ok(!test_errors_take(), "file, written and read");
}

static void vectors(void)
{
	struct iovec v[40], w[40];
	int fd = temp_fd(0);

	for (unsigned long i = 0; i < scaled(200); i++) {
		size_t at = 0, to = 0;

		for (size_t j = 0; j < 40; j++) {
			v[j].iov_base = out + at;
			v[j].iov_len = (j * 37 + i) % 1200 + 1;
			at += v[j].iov_len;
		}
		for (size_t j = 0; j < 40; j++) {
			size_t len = j == 39 ? at - to : (j * 91) % 900 + 1;

			if (len > at - to)
				len = at - to;
			w[j].iov_base = in + to;
			w[j].iov_len = len;
			to += len;
		}
		fill(out, CHUNK, i);
		memset(in, 0, CHUNK);
		CHECK(pwritev(fd, v, 40, 0) == (ssize_t)at);
		CHECK(preadv(fd, w, 40, 0) == (ssize_t)at);
		verify(in, at & ~7UL, i);
	}
	close(fd);
	ktap_ok(!test_errors_take(), "vectors of odd pieces");
}

/* Without a copy: file to pipe, pages of the process to pipe, pipe to file. */
static void spliced(void)
{
	const size_t len = 32768;
	int from = temp_fd(0), to = temp_fd(0), p[2];
	struct iovec v = { .iov_base = out, .iov_len = len };

	if (pipe(p))
		ktap_bail("pipe: %s", strerror(errno));
	for (unsigned long i = 0; i < scaled(200); i++) {
		off_t zero = 0;

		fill(out, len, i);
		CHECK(pwrite(from, out, len, 0) == (ssize_t)len);
		CHECK(splice(from, &zero, p[1], NULL, len, 0) == (ssize_t)len);
		CHECK(read_all(p[0], in, len));
		verify(in, len, i);

		CHECK(vmsplice(p[1], &v, 1, 0) == (ssize_t)len);
		zero = 0;
		CHECK(splice(p[0], NULL, to, &zero, len, 0) == (ssize_t)len);
		CHECK(pread(to, in, len, 0) == (ssize_t)len);
		verify(in, len, i);

		zero = 0;
		CHECK(sendfile(p[1], from, &zero, len) == (ssize_t)len);
		CHECK(read_all(p[0], in, len));
		verify(in, len, i);
	}
	close(from);
	close(to);
	close(p[0]);
	close(p[1]);
	ktap_ok(!test_errors_take(), "splice, vmsplice and sendfile");
}

int main(void)
{
	ktap_start(6);
	out = xmmap(CHUNK);
	in = xmmap(CHUNK);
	pipes();
	unix_sockets();
	tcp();
	files();
	vectors();
	spliced();
	return ktap_finish();
}
