// SPDX-License-Identifier: GPL-2.0
/* Secrets, and small helpers for holders: see plant.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "holder.h"
#include "plant.h"

/* SplitMix64: each output depends on all bits of the input. */
static uint64_t mix(uint64_t z)
{
	z += 0x9e3779b97f4a7c15ULL;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

/* Eight characters from '0' to 'o': no NUL, no '/', no end of line. */
static uint64_t printable(uint64_t z)
{
	return (z & 0x3f3f3f3f3f3f3f3fULL) + 0x3030303030303030ULL;
}

/* FNV-1a. */
static uint64_t hash(const char *name)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 0x100000001b3ULL;
	return h;
}

uint64_t secret_word(unsigned int i)
{
	if (!(i & 1))
		return printable(mix(settings.seed));
	return printable(mix(settings.seed ^ hash(holder.kind->name) ^ i));
}

void secret_write(void *to)
{
	volatile uint64_t *word = to;

	for (unsigned int i = 0; i < SECRET_WORDS; i++)
		word[i] = secret_word(i);
}

uint64_t masked_word(unsigned int i)
{
	return secret_word(i) ^ MASK;
}

void wipe(void *mem, size_t len)
{
	memset(mem, 0, len);
	asm volatile("" : : "r" (mem) : "memory");
}

static void end(char word, const char *fmt, va_list args, int error)
{
	char text[256];
	size_t len;

	text[0] = word;
	vsnprintf(text + 1, sizeof(text) - 1, fmt, args);
	len = strlen(text);
	if (error)
		snprintf(text + len, sizeof(text) - len, ": %s", strerror(error));
	if (write(holder.report, text, strlen(text)) < 0)
		_exit(2);
	_exit(1);
}

void missing(const char *why, ...)
{
	va_list args;

	va_start(args, why);
	end(REPORT_MISSING, why, args, 0);
	__builtin_unreachable();
}

void failed(const char *what, ...)
{
	int error = errno;
	va_list args;

	va_start(args, what);
	end(REPORT_FAILED, what, args, error);
	__builtin_unreachable();
}

long need(long ret, const char *what)
{
	if (ret < 0)
		failed("%s", what);
	return ret;
}

long available(long ret, const char *what)
{
	static const int lacking[] = {
		ENOSYS, ENODEV, EAFNOSUPPORT, EOPNOTSUPP, EPROTONOSUPPORT,
	};

	if (ret >= 0)
		return ret;
	for (size_t i = 0; i < ARRAY_SIZE(lacking); i++)
		if (errno == lacking[i])
			missing("%s: %s", what, strerror(errno));
	failed("%s", what);
}

void *map_anon(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	need(p == MAP_FAILED ? -1 : 0, "mmap");
	return p;
}

char *map_shared(int fd, size_t len, off_t at, const char *what)
{
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, at);

	need(p == MAP_FAILED ? -1 : 0, what);
	return p;
}

void send_secret(int fd, const char *what)
{
	uint64_t secret[SECRET_WORDS];
	ssize_t n;

	secret_write(secret);
	n = write(fd, secret, SECRET_SIZE);
	wipe(secret, SECRET_SIZE);
	need(n == (ssize_t)SECRET_SIZE ? 0 : -1, what);
}

void send_message(int fd, int flags, const char *what)
{
	uint64_t secret[SECRET_WORDS];
	ssize_t n;

	secret_write(secret);
	n = send(fd, secret, SECRET_SIZE, flags);
	wipe(secret, SECRET_SIZE);
	need(n == (ssize_t)SECRET_SIZE ? 0 : -1, what);
}

int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

int read_text(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n < 0)
		return -EIO;
	buf[n] = '\0';
	return (int)n;
}

static uint64_t read_word(const char *path, uint64_t index)
{
	uint64_t word = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	if (pread(fd, &word, sizeof(word), (off_t)(index * 8)) != sizeof(word))
		word = 0;
	close(fd);
	return word;
}

uint64_t page_frame(const void *p)
{
	uint64_t entry = read_word("/proc/self/pagemap", (uintptr_t)p / PAGE);

	return entry >> 63 ? entry & ((1ULL << 55) - 1) : 0;
}

uint64_t page_flags(const void *p)
{
	uint64_t frame = page_frame(p);

	return frame ? read_word("/proc/kpageflags", frame) : 0;
}

int run(const char *const argv[], int out)
{
	int status = -1;
	pid_t pid = fork();

	if (pid < 0)
		return -1;
	if (!pid) {
		if (out >= 0)
			dup2(out, STDOUT_FILENO);
		execv(argv[0], (char *const *)argv);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* What a word of a secret went through may still be in a vector register. */
static void clear_vector_registers(void)
{
#define CLEAR(n) asm volatile("pxor %xmm" #n ", %xmm" #n)
	CLEAR(0); CLEAR(1); CLEAR(2); CLEAR(3);
	CLEAR(4); CLEAR(5); CLEAR(6); CLEAR(7);
	CLEAR(8); CLEAR(9); CLEAR(10); CLEAR(11);
	CLEAR(12); CLEAR(13); CLEAR(14); CLEAR(15);
}

void report_planted(void)
{
	const char word = REPORT_PLANTED;

	if (write(holder.report, &word, 1) != 1)
		_exit(2);
}

void hold(void)
{
	clear_vector_registers();
	for (;;)
		pause();
}
