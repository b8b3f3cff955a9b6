// SPDX-License-Identifier: GPL-2.0
/*
 * Fork bombs that a limit stops: by RLIMIT_NPROC, and by a cgroup.
 *
 * Thousands of processes start and end. A process is memory of both kinds: page
 * tables and a stack of the kernel's, and its own. Forks may fail as the limit is
 * reached, and for no other reason; nobody is killed; all memory comes back.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "asi_test.h"
#include "mem_state.h"

/* So many processes, or as long. */
#define FORKS		1000
#define LONGEST_MS	90000
#define LIMIT		150
/* Of each process but the first, made or refused. */
#define CHILDREN	8
#define NOBODY		65534
#define MEM_SIZE	(256UL << 10)
#define CGROUPS		"/tmp/mem_fork"
#define GROUP		CGROUPS "/bomb"
#define END_MS		60000

static struct {
	atomic_ulong forks, limited, failed, wrong;
	atomic_bool stop;
} *count;

/* Its own memory is its own. */
static void live(unsigned long seed)
{
	char *mem = mmap(NULL, MEM_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = memfd_create("bomb", 0);

	if (mem == MAP_FAILED || fd < 0) {
		atomic_fetch_add(&count->failed, 1);
		return;
	}
	fill(mem, MEM_SIZE, seed);
	if (write(fd, mem, MEM_SIZE / 4) != (ssize_t)MEM_SIZE / 4)
		atomic_fetch_add(&count->failed, 1);
	if (!verify(mem, MEM_SIZE, seed))
		atomic_fetch_add(&count->wrong, 1);
	munmap(mem, MEM_SIZE);
	close(fd);
}

/* Do not wait for whom this makes. The first goes on till told to stop. */
static void bomb(unsigned int most)
{
	unsigned int made = 0;

	signal(SIGCHLD, SIG_IGN);
	while (!atomic_load(&count->stop) && made < most) {
		pid_t pid = fork();

		if (!pid) {
			live((unsigned long)getpid());
			/* Half of them go on, so that they become more and more. */
			if (getpid() % 2)
				_exit(0);
			made = 0;
			most = CHILDREN;
		} else if (pid > 0) {
			atomic_fetch_add(&count->forks, 1);
			made++;
		} else if (errno == EAGAIN) {
			atomic_fetch_add(&count->limited, 1);
			/* Room for others, and for what comes of them. */
			made += most == CHILDREN;
			usleep(5000);
		} else {
			atomic_fetch_add(&count->failed, 1);
		}
	}
	_exit(0);
}

static void limit_user(void)
{
	struct rlimit limit = { LIMIT, LIMIT };

	if (setrlimit(RLIMIT_NPROC, &limit) || setgid(NOBODY) || setuid(NOBODY))
		_exit(KSFT_FAIL);
}

static void limit_group(void)
{
	char pid[20];

	snprintf(pid, sizeof(pid), "%d", getpid());
	if (write_file(GROUP "/cgroup.procs", pid))
		_exit(KSFT_FAIL);
}

/* The bomb is a process group, and so are all that come of it. */
static void explode(const char *name, void (*limit)(void))
{
	unsigned long before = meminfo_kb("MemFree");
	uint64_t end;
	pid_t pid;

	memset(count, 0, sizeof(*count));
	pid = xfork();
	if (!pid) {
		setpgid(0, 0);
		limit();
		bomb(UINT_MAX);
	}
	setpgid(pid, pid);
	end = now_ms() + LONGEST_MS;
	while (now_ms() < end && (atomic_load(&count->forks) < scaled(FORKS) ||
				  !atomic_load(&count->limited)))
		sleep_ms(20);
	atomic_store(&count->stop, true);
	end = now_ms() + END_MS;
	CHECK(!wait_exit(pid));
	while (!kill(-pid, 0) && now_ms() < end)
		sleep_ms(20);
	CHECK(kill(-pid, 0) && errno == ESRCH);
	while (meminfo_kb("MemFree") + total_kb() / 50 < before &&
	       now_ms() < end)
		sleep_ms(50);
	CHECK(now_ms() < end);
	CHECK(!atomic_load(&count->wrong));
	ktap_note("%s: %lu forks, %lu stopped by the limit", name,
		  atomic_load(&count->forks), atomic_load(&count->limited));
	CHECK(atomic_load(&count->forks) >= scaled(FORKS));
	CHECK(atomic_load(&count->limited));
	ktap_measure(name, atomic_load(&count->failed), AT_MOST, 0);
	ktap_ok(!test_errors_take(), "%s", name);
}

static bool group_made(void)
{
	char most[20];

	snprintf(most, sizeof(most), "%d", LIMIT);
	return !mkdir(CGROUPS, 0700) &&
	       !mount("none", CGROUPS, "cgroup2", 0, NULL) &&
	       !write_file(CGROUPS "/cgroup.subtree_control", "+pids") &&
	       !mkdir(GROUP, 0700) && !write_file(GROUP "/pids.max", most);
}

int main(void)
{
	unsigned long killed = vmstat("oom_kill");

	ktap_start(4);
	count = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (count == MAP_FAILED)
		ktap_bail("mmap: %s", strerror(errno));
	explode("failed, with a limit of the user", limit_user);
	if (group_made())
		explode("failed, with a limit of the cgroup", limit_group);
	else
		ktap_skip("failed, with a limit of the cgroup",
			  "no cgroup: %s", strerror(errno));
	ktap_ok(vmstat("oom_kill") == killed, "nobody was killed for memory");
	mem_state_note();
	mem_state_check();
	return ktap_finish();
}
