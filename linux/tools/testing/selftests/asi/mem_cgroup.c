// SPDX-License-Identifier: GPL-2.0
/*
 * The memory limit of a cgroup, with memory of both sides and of slabs.
 *
 * A process in a group makes objects of one kind: a fixed number, for which the group
 * is charged as much as with asi=off; and as many as the limit allows, which are as
 * many. The group never has more than its limit, and gets all of it back.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "asi_test.h"
#include "mem_state.h"

#define CGROUPS		"/sys/fs/cgroup"
#define GROUP		CGROUPS "/asi_mem_cgroup"
#define LIMIT_KB	(64UL << 10)
/* What CPUs take in advance, 256 KiB each, and what a victim may still have. */
#define SLACK_KB	1024UL
#define PIECE		(256UL << 10)
#define PIPE_SIZE	(64UL << 10)
#define MESSAGE		8000UL
#define KEY_SIZE	2000UL
#define FILES		20000
#define NOBODY		65534
#define LONGEST_MS	120000

static struct {
	atomic_ulong made;
	atomic_bool done;
} *shared;

static char data[PIECE];

/* ---- kinds of objects; each makes one, or says that there is no more ---- */

static bool anonymous(void)
{
	char *mem = mmap(NULL, PIECE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		return false;
	memset(mem, 1, PIECE);
	return true;
}

static bool file(void)
{
	int fd = memfd_create("group", 0);

	return fd >= 0 && write(fd, data, PIECE) == (ssize_t)PIECE;
}

static bool one_pipe(void)
{
	int fd[2];

	return !pipe2(fd, O_NONBLOCK) &&
	       write(fd[1], data, PIPE_SIZE) == (ssize_t)PIPE_SIZE;
}

static bool sockets(void)
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd))
		return false;
	while (send(fd[0], data, 4000, MSG_NOSIGNAL) > 0)
		;
	return errno == EAGAIN;
}

static bool messages(void)
{
	int id = msgget(IPC_PRIVATE, 0600);

	*(long *)data = 1;
	return id >= 0 && !msgsnd(id, data, MESSAGE, IPC_NOWAIT) &&
	       !msgsnd(id, data, MESSAGE, IPC_NOWAIT);
}

static bool key(void)
{
	char name[40];

	snprintf(name, sizeof(name), "group-%lu", atomic_load(&shared->made));
	return syscall(SYS_add_key, "user", name, data, KEY_SIZE,
		       -3 /* KEY_SPEC_SESSION_KEYRING */) > 0;
}

/*
 * So many for what they are charged; at least so many in the limit, and never more
 * than that, as most would be needed otherwise. Keys have a limit of their own: they
 * are not charged, and end when the user's quota does.
 */
static const struct kind {
	const char *name;
	bool (*make)(void);
	unsigned long fixed, most;
	bool quota;
} kinds[] = {
	{ "anonymous memory", anonymous, 100, 1000, false },
	{ "files of memory", file, 100, 1000, false },
	{ "pipes", one_pipe, 200, 4000, false },
	{ "sockets", sockets, 60, 4000, false },
	{ "queues of messages", messages, 200, 16000, false },
	{ "keys", key, 200, 1000, true },
};

/* ---- the group ---- */

static unsigned long group_kb(const char *file)
{
	char path[100], text[40];

	snprintf(path, sizeof(path), GROUP "/%s", file);
	if (read_file(path, text, sizeof(text)) <= 0) {
		test_error("%s: nothing to read", path);
		return 0;
	}
	return strtoul(text, NULL, 10) >> 10;
}

static unsigned long oom_kills(void)
{
	char text[400];
	const char *p;

	if (read_file(GROUP "/memory.events", text, sizeof(text)) <= 0)
		return 0;
	p = strstr(text, "\noom_kill ");
	return p ? strtoul(p + 10, NULL, 10) : 0;
}

static bool group_made(void)
{
	char limit[24];

	snprintf(limit, sizeof(limit), "%lu", LIMIT_KB << 10);
	return !mkdir(GROUP, 0700) && !write_file(GROUP "/memory.max", limit);
}

/* All comes back, some of it late. */
static void group_gone(void)
{
	uint64_t end = now_ms() + LONGEST_MS;

	while (group_kb("memory.current") > SLACK_KB && now_ms() < end)
		sleep_ms(50);
	CHECK(group_kb("memory.current") <= SLACK_KB);
	while (rmdir(GROUP) && errno == EBUSY && now_ms() < end)
		sleep_ms(50);
	CHECK(access(GROUP, F_OK));
}

/* ---- who makes them ---- */

static void make(const struct kind *kind, unsigned long most, bool bounded)
{
	const struct rlimit files = { FILES, FILES };

	/* Keys go with who made them. */
	if (write_file(GROUP "/cgroup.procs", "0") ||
	    setrlimit(RLIMIT_NOFILE, &files) ||
	    syscall(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, NULL) < 0)
		_exit(KSFT_FAIL);
	if (bounded && kind->quota && setuid(NOBODY))
		_exit(KSFT_FAIL);
	while (atomic_load(&shared->made) < most && kind->make())
		atomic_fetch_add(&shared->made, 1);
	atomic_store(&shared->done, true);
	for (;;)
		pause();
}

/* Until they are made, or the maker is killed: true then. */
static bool have_made(pid_t pid)
{
	uint64_t end = now_ms() + LONGEST_MS;
	siginfo_t info = { };

	while (!atomic_load(&shared->done) && now_ms() < end) {
		CHECK(!waitid(P_PID, (id_t)pid, &info,
			      WEXITED | WNOHANG | WNOWAIT));
		if (info.si_pid)
			return info.si_code == CLD_KILLED;
		sleep_ms(10);
	}
	CHECK(atomic_load(&shared->done));
	return false;
}

static pid_t start(const struct kind *kind, unsigned long most, bool bounded)
{
	pid_t pid;

	atomic_store(&shared->made, 0);
	atomic_store(&shared->done, false);
	pid = xfork();
	if (!pid)
		make(kind, most, bounded);
	return pid;
}

/* They stay when who made them is gone. */
static void remove_queues(void)
{
	struct msginfo info;
	struct msqid_ds queue;
	int last = msgctl(0, MSG_INFO, (struct msqid_ds *)&info);

	for (int i = 0; i <= last; i++) {
		int id = msgctl(i, MSG_STAT, &queue);

		if (id >= 0)
			CHECK(!msgctl(id, IPC_RMID, NULL));
	}
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	CHECK(wait_exit(pid) == 256 + SIGKILL);
	remove_queues();
	group_gone();
}

static void measure_both(const char *what, unsigned long value,
			 unsigned long tolerance)
{
	char name[100];

	snprintf(name, sizeof(name), "%s, not less", what);
	ktap_measure(name, value, AT_LEAST, tolerance);
	snprintf(name, sizeof(name), "%s, not more", what);
	ktap_measure(name, value, AT_MOST, tolerance);
}

static void check_charge(const struct kind *kind)
{
	char name[80];
	pid_t pid;

	CHECK(group_made());
	pid = start(kind, kind->fixed, false);
	CHECK(!have_made(pid));
	CHECK(atomic_load(&shared->made) == kind->fixed);
	snprintf(name, sizeof(name), "KiB charged for %lu %s", kind->fixed,
		 kind->name);
	measure_both(name, group_kb("memory.current"), SLACK_KB);
	CHECK(!oom_kills());
	end(pid);
	ktap_ok(!test_errors_take(), "%s are charged", kind->name);
}

static void check_bound(const struct kind *kind)
{
	unsigned long made;
	char name[80];
	bool killed;
	pid_t pid;

	CHECK(group_made());
	pid = start(kind, kind->most, true);
	killed = have_made(pid);
	made = atomic_load(&shared->made);
	ktap_note("%s: %lu made, then %s; %lu KiB at most", kind->name, made,
		  killed ? "killed" : "refused", group_kb("memory.peak"));
	CHECK(made && made < kind->most);
	CHECK(group_kb("memory.peak") <= LIMIT_KB + SLACK_KB);
	CHECK(!!oom_kills() == killed);
	/* By the limit of memory, unless it is another one that binds. */
	if (!kind->quota)
		CHECK(group_kb("memory.peak") + SLACK_KB >= LIMIT_KB);
	end(pid);
	snprintf(name, sizeof(name), "%s in %lu MiB", kind->name, LIMIT_KB >> 10);
	measure_both(name, made, made / 25 + 2);
	ktap_ok(!test_errors_take(), "%s are bounded", kind->name);
}

int main(void)
{
	if (access(CGROUPS "/cgroup.controllers", F_OK))
		ktap_skip_all("no " CGROUPS);
	write_file(CGROUPS "/cgroup.subtree_control", "+memory");
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		ktap_bail("mmap: %s", strerror(errno));
	ktap_start(2 * ARRAY_SIZE(kinds) + 1);
	memset(data, 0x5a, sizeof(data));
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		check_charge(&kinds[i]);
		check_bound(&kinds[i]);
	}
	mem_state_note();
	mem_state_check();
	return ktap_finish();
}
