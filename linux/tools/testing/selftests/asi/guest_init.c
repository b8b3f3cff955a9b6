// SPDX-License-Identifier: GPL-2.0
/*
 * The only process of the Linux guest that vmm boots: some work that a user
 * space does, its results on the console, then a reboot, which ends the guest.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "guest_token.h"

#define LEN	(256 * 1024UL)

static unsigned long checksum(const unsigned char *p, size_t len)
{
	unsigned long sum = 0;

	while (len--)
		sum = sum * 31 + *p++;
	return sum;
}

/* A parent and children that share nothing but a pipe. */
static int forks(void)
{
	unsigned char *mem = mmap(NULL, LEN, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int good = 0;

	if (mem == MAP_FAILED)
		return 0;
	for (int i = 0; i < 8; i++) {
		unsigned long got = 0, want;
		int fd[2], status;
		pid_t pid;

		memset(mem, i + 1, LEN);
		want = checksum(mem, LEN);
		if (pipe(fd))
			return 0;
		pid = fork();
		if (!pid) {
			got = checksum(mem, LEN);
			memset(mem, 0xee, LEN);
			_exit(write(fd[1], &got, sizeof(got)) != sizeof(got));
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
			return 0;
		if (read(fd[0], &got, sizeof(got)) == sizeof(got) &&
		    got == want && checksum(mem, LEN) == want)
			good++;
		close(fd[0]);
		close(fd[1]);
	}
	munmap(mem, LEN);
	return good == 8;
}

static int files(void)
{
	static unsigned char out[65536], in[65536];
	int fd = open("/file", O_RDWR | O_CREAT | O_TRUNC, 0600);

	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (unsigned char)(i * 7 >> 3);
	return fd >= 0 && write(fd, out, sizeof(out)) == sizeof(out) &&
	       pread(fd, in, sizeof(in), 0) == sizeof(in) &&
	       !memcmp(in, out, sizeof(in)) && !close(fd);
}

int main(void)
{
	struct utsname name;
	int fork_good, file_good;
	int fd;

	/* Without a console from the kernel there is still the device. */
	mkdir("/dev", 0755);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	fd = open("/dev/console", O_RDWR);
	if (fd >= 0) {
		dup2(fd, 0);
		dup2(fd, 1);
		dup2(fd, 2);
	}
	uname(&name);
	fork_good = forks();
	file_good = files();
	printf("guest: Linux %s, fork %s, files %s\n", name.release,
	       fork_good ? "good" : "BAD", file_good ? "good" : "BAD");
	if (fork_good && file_good)
		printf("%s\n", GUEST_TOKEN);
	fflush(stdout);
	sync();
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}
