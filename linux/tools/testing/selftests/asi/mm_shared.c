// SPDX-License-Identifier: GPL-2.0
/* Shared memory: one content, whoever looks and wherever it is mapped. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/shm.h>

#include "asi_test.h"

#define LEN	(256 * 1024UL)

/* Two processes hand a buffer to and fro, each checking the other's work. */
static void ping_pong(const char *name, char *mem)
{
	atomic_uint *turn = (atomic_uint *)mem;
	unsigned int rounds = (unsigned int)scaled(300);
	char *data = mem + 4096;
	unsigned int me;
	pid_t pid;

	atomic_store(turn, 0);
	pid = xfork();
	me = !pid;
	for (unsigned int i = me; i < rounds; i += 2) {
		while (atomic_load(turn) != i)
			sched_yield();
		if (i)
			verify(data, 16384, i - 1);
		fill(data, 16384, i);
		atomic_store(turn, i + 1);
	}
	if (!pid)
		_exit(test_errors_take() != 0);
	CHECK(wait_exit(pid) == 0);
	ktap_ok(!test_errors_take(), "%s between processes", name);
}

static char *map_fd(int fd)
{
	char *p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		ktap_bail("mmap: %s", strerror(errno));
	return p;
}

static void aliases(void)
{
	int fd = memfd_create("asi", MFD_CLOEXEC);
	char *a, *b, *copy = xmmap(LEN);

	if (fd < 0 || ftruncate(fd, LEN))
		ktap_bail("memfd_create: %s", strerror(errno));
	a = map_fd(fd);
	b = map_fd(fd);
	for (unsigned long i = 0; i < scaled(100); i++) {
		fill(a, LEN, i);
		verify(b, LEN, i);
		CHECK(pread(fd, copy, LEN, 0) == (ssize_t)LEN);
		verify(copy, LEN, i);
		fill(copy, LEN, ~i);
		CHECK(pwrite(fd, copy, LEN, 0) == (ssize_t)LEN);
		verify(a, LEN, ~i);
		verify(b, LEN, ~i);
	}
	close(fd);
	munmap(a, LEN);
	munmap(b, LEN);
	munmap(copy, LEN);
	ktap_ok(!test_errors_take(), "two mappings and the file are one");
}

/* Memory of a file that is cut and grows: old content must not come back. */
static void truncation(void)
{
	int fd = memfd_create("asi", MFD_CLOEXEC);
	char *p;

	if (fd < 0 || ftruncate(fd, LEN))
		ktap_bail("memfd_create: %s", strerror(errno));
	p = map_fd(fd);
	for (unsigned long i = 0; i < scaled(200); i++) {
		fill(p, LEN, i);
		CHECK(!ftruncate(fd, LEN / 2));
		CHECK(!ftruncate(fd, LEN));
		verify(p, LEN / 2, i);
		for (size_t j = LEN / 2; j < LEN; j += 4096)
			CHECK(!p[j]);
	}
	close(fd);
	munmap(p, LEN);
	ktap_ok(!test_errors_take(), "cut and grown, the new part is zero");
}

static void system_v(void)
{
	int id = shmget(IPC_PRIVATE, LEN, IPC_CREAT | 0600);
	char *p;

	if (id < 0) {
		ktap_skip("System V memory between processes", "shmget: %s",
			  strerror(errno));
		return;
	}
	p = shmat(id, NULL, 0);
	shmctl(id, IPC_RMID, NULL);
	if (p == (char *)-1)
		ktap_bail("shmat: %s", strerror(errno));
	ping_pong("System V memory", p);
	shmdt(p);
}

int main(void)
{
	char *p;
	int fd;

	ktap_start(5);
	p = mmap(NULL, LEN, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		ktap_bail("mmap: %s", strerror(errno));
	ping_pong("anonymous memory", p);
	munmap(p, LEN);
	fd = temp_fd(LEN);
	p = map_fd(fd);
	ping_pong("a file", p);
	munmap(p, LEN);
	close(fd);
	system_v();
	aliases();
	truncation();
	return ktap_finish();
}
