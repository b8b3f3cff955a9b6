// SPDX-License-Identifier: GPL-2.0
/*
 * The test driver /dev/asi used wrongly: arguments that are not well formed, no rights,
 * many processes at once, a caller that is killed, a module that shall go.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/capability.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "asi_dev.h"

#define PROCESSES	6

/* Each byte that has to be 0, and those of flags and results, set; not those @used. */
static void reserved_bytes(int fd, unsigned long cmd, const void *good,
			   const unsigned char *used, int expect)
{
	size_t size = _IOC_SIZE(cmd);
	unsigned char arg[8192];

	for (size_t i = 0; i < size; i++) {
		if (used[i])
			continue;
		memcpy(arg, good, size);
		arg[i] |= 0x40;
		if (dev_ioctl(fd, cmd, arg) != expect)
			test_error("%#lx takes byte %zu", cmd, i);
	}
}

/* Marks a field as one with a meaning. */
#define USED(map, type, field)						\
	memset((map) + offsetof(type, field), 1, sizeof(((type *)0)->field))

static void test_reserved(int fd)
{
	unsigned char used[8192] = {};
	struct asi_ioc_describe d = {};
	struct asi_ioc_run r = {};
	struct asi_ioc_attach a = { .pid = getpid(), .class = "user" };
	struct asi_ioc_faults f = {};
	struct asi_ioc_clear c = {};
	struct asi_ioc_mappings m = { .max = 1 };
	struct asi_ioc_grant g = {
		.domain = ASI_DOMAIN_TEST_DECORATED,
		.kind = ASI_GRANT_SYMBOL,
		.name = "init_task",
	};
	struct asi_ioc_grants l = { .domain = ASI_DOMAIN_TEST_DECORATED };

	USED(used, struct asi_ioc_describe, sequence);
	reserved_bytes(fd, ASI_IOC_DESCRIBE, &d, used, -EINVAL);

	memset(used, 0, sizeof(used));
	USED(used, struct asi_ioc_run, sequence);
	USED(used, struct asi_ioc_run, table);
	reserved_bytes(fd, ASI_IOC_RUN, &r, used, -EINVAL);

	memset(used, 0, sizeof(used));
	USED(used, struct asi_ioc_attach, pid);
	memset(used + offsetof(struct asi_ioc_attach, class), 1, 5);
	reserved_bytes(fd, ASI_IOC_ATTACH, &a, used, -EINVAL);

	memset(used, 0, sizeof(used));
	USED(used, struct asi_ioc_faults, domain);
	USED(used, struct asi_ioc_faults, faults);
	USED(used, struct asi_ioc_faults, max);
	reserved_bytes(fd, ASI_IOC_FAULTS, &f, used, -EINVAL);

	memset(used, 0, sizeof(used));
	USED(used, struct asi_ioc_clear, domain);
	reserved_bytes(fd, ASI_IOC_CLEAR_FAULTS, &c, used, -EINVAL);

	memset(used, 0, sizeof(used));
	USED(used, struct asi_ioc_mappings, domain);
	USED(used, struct asi_ioc_mappings, start);
	USED(used, struct asi_ioc_mappings, mappings);
	USED(used, struct asi_ioc_mappings, max);
	reserved_bytes(fd, ASI_IOC_MAPPINGS, &m, used, -EINVAL);

	memset(used, 0, sizeof(used));
	USED(used, struct asi_ioc_grant, kind);
	USED(used, struct asi_ioc_grant, length);
	memset(used + offsetof(struct asi_ioc_grant, name), 1,
	       strlen(g.name) + 1);
	reserved_bytes(fd, ASI_IOC_GRANT, &g, used, -EINVAL);

	memset(used, 0, sizeof(used));
	USED(used, struct asi_ioc_grants, first);
	USED(used, struct asi_ioc_grants, max);
	USED(used, struct asi_ioc_grants, grants);
	reserved_bytes(fd, ASI_IOC_GRANTS, &l, used, -EINVAL);
	ktap_ok(!test_errors_take(), "what is reserved must be zero");
}

/* The size is a part of the number; what is no number of ours is no ioctl. */
static void test_numbers(int fd)
{
	static const unsigned long cmds[] = {
		ASI_IOC_INFO, ASI_IOC_DESCRIBE, ASI_IOC_RUN, ASI_IOC_ATTACH,
		ASI_IOC_DETACH, ASI_IOC_FAULTS, ASI_IOC_CLEAR_FAULTS,
		ASI_IOC_MAPPINGS, ASI_IOC_GRANT, ASI_IOC_REVOKE, ASI_IOC_GRANTS,
	};
	static char room[1 << 14];

	for (size_t i = 0; i < ARRAY_SIZE(cmds); i++) {
		unsigned int nr = _IOC_NR(cmds[i]), size = _IOC_SIZE(cmds[i]);

		CHECK(dev_ioctl(fd, _IOC(_IOC_DIR(cmds[i]), ASI_IOC_MAGIC, nr,
					 size + 8), room) == -ENOTTY);
		if (size)
			CHECK(dev_ioctl(fd, _IOC(_IOC_DIR(cmds[i]), ASI_IOC_MAGIC,
						 nr, size - 1), room) == -ENOTTY);
		CHECK(dev_ioctl(fd, cmds[i] ^ 0x40, room) == -ENOTTY);
		if (size)
			CHECK(dev_ioctl(fd, cmds[i], bad_pointer()) == -EFAULT);
	}
	CHECK(dev_ioctl(fd, 0, room) == -ENOTTY);
	CHECK(read(fd, room, 1) < 0 && write(fd, room, 1) < 0);
	ktap_ok(!test_errors_take(), "other sizes and numbers are no ioctls");
}

static void test_bounds(int fd)
{
	struct asi_ioc_describe d = { .sequence = 1U << 31 };
	struct asi_ioc_attach a = { .pid = -1, .class = "user" };
	struct asi_ioc_faults f = { .domain = 3 };
	struct asi_ioc_mappings m = {};
	struct asi_ioc_grants l = { .domain = ASI_DOMAIN_TEST_NONSENSITIVE };
	struct asi_ioc_grant g = {
		.domain = ASI_DOMAIN_TEST_DECORATED,
		.kind = ASI_GRANT_SYMBOL,
	};
	struct asi_ioc_run r;

	CHECK(dev_ioctl(fd, ASI_IOC_DESCRIBE, &d) == -EINVAL);
	CHECK(dev_run(fd, ~0U, 0, NULL, &r) == -EINVAL);
	CHECK(dev_run(fd, 0, ASI_NR_TABLES, NULL, &r) == -EINVAL);
	CHECK(dev_run(fd, 0, 0, "module", &r) == -EINVAL);
	CHECK(dev_ioctl(fd, ASI_IOC_ATTACH, &a) == -EINVAL);
	CHECK(dev_ioctl(fd, ASI_IOC_FAULTS, &f) == -EINVAL);
	f = (struct asi_ioc_faults) { .max = ASI_MAX_ENTRIES + 1 };
	CHECK(dev_ioctl(fd, ASI_IOC_FAULTS, &f) == -E2BIG);
	CHECK(dev_ioctl(fd, ASI_IOC_MAPPINGS, &m) == -EINVAL);
	m.max = ~0U;
	CHECK(dev_ioctl(fd, ASI_IOC_MAPPINGS, &m) == -E2BIG);
	CHECK(dev_ioctl(fd, ASI_IOC_GRANTS, &l) == -EINVAL);
	CHECK(dev_ioctl(fd, ASI_IOC_GRANT, &g) == -EINVAL);
	/* Without an end. */
	memset(g.name, 'a', sizeof(g.name));
	CHECK(dev_ioctl(fd, ASI_IOC_GRANT, &g) == -EINVAL);
	ktap_ok(!test_errors_take(), "arguments are bounded");
}

/* Where the results go is no memory: nothing else is wrong. */
static void test_results(int fd)
{
	struct asi_ioc_mappings m = { .max = 1, .mappings = 8,
				      .domain = ASI_DOMAIN_TEST_NONSENSITIVE };
	struct asi_ioc_faults f = { .max = 1, .faults = 8,
				    .domain = ASI_DOMAIN_TEST_NONSENSITIVE };
	struct asi_ioc_grants l = { .max = 1, .grants = 8,
				    .domain = ASI_DOMAIN_TEST_DECORATED };
	struct asi_ioc_run r;

	CHECK(!dev_run(fd, dev_sequence(fd, "read-unmapped"), 0, NULL, &r));
	CHECK(dev_ioctl(fd, ASI_IOC_MAPPINGS, &m) == -EFAULT);
	CHECK(dev_ioctl(fd, ASI_IOC_FAULTS, &f) == -EFAULT);
	CHECK(dev_ioctl(fd, ASI_IOC_GRANTS, &l) == -EFAULT);
	ktap_ok(!test_errors_take(), "results that have no place");
}

/* No more grants than the device says, and they go with the file. */
static void test_many_grants(void)
{
	struct asi_ioc_grant g = {
		.domain = ASI_DOMAIN_TEST_DECORATED,
		.kind = ASI_GRANT_SYMBOL,
		.name = "init_task",
	};
	struct asi_ioc_info info;
	int fd = dev_open();
	unsigned int i;

	CHECK(!dev_ioctl(fd, ASI_IOC_INFO, &info));
	for (i = 0; i < info.max_grants; i++) {
		g.length = i + 1;
		CHECK(!dev_ioctl(fd, ASI_IOC_GRANT, &g));
		g.address = 0;
	}
	CHECK(dev_ioctl(fd, ASI_IOC_GRANT, &g) == -ENOSPC);
	close(fd);
	ktap_ok(!test_errors_take(), "no more grants than there may be");
}

/* Root without the capability, and somebody else. */
static void drop_and_open(bool root)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];
	int err;

	if (!root && (setgid(65534) || setuid(65534)))
		_exit(2);
	if (syscall(SYS_capget, &head, data))
		_exit(3);
	data[0].effective &= ~(1U << CAP_SYS_ADMIN);
	data[0].permitted &= ~(1U << CAP_SYS_ADMIN);
	if (syscall(SYS_capset, &head, data))
		_exit(4);
	err = dev_open();
	_exit(root ? err != -EPERM : err != -EACCES);
}

static void test_rights(void)
{
	for (int root = 0; root < 2; root++) {
		pid_t pid = xfork();

		if (!pid)
			drop_and_open(root);
		CHECK(!wait_exit(pid));
	}
	ktap_ok(!test_errors_take(), "only with CAP_SYS_ADMIN");
}

/* Open, run whatever the number says, close. */
static void use(unsigned int nr)
{
	struct asi_ioc_describe d = { .sequence = nr % 11 };
	struct asi_ioc_run r;
	int fd = dev_open();

	if (fd < 0 || dev_ioctl(fd, ASI_IOC_DESCRIBE, &d))
		_exit(10);
	for (unsigned int table = 0; table < ASI_NR_TABLES; table++) {
		if (!dev_can_run(fd, table))
			continue;
		if (dev_run(fd, nr % 11, table, NULL, &r))
			_exit(11);
		if (r.result == ASI_RUN_FAILED) {
			dev_note_run(&r);
			_exit(12);
		}
	}
	close(fd);
}

static void use_often(unsigned int seed, unsigned long rounds)
{
	for (unsigned long i = 0; i < rounds; i++)
		use(seed + i);
	_exit(0);
}

static void test_many_processes(void)
{
	pid_t pid[PROCESSES];

	for (unsigned int i = 0; i < PROCESSES; i++) {
		pid[i] = xfork();
		if (!pid[i])
			use_often(i * 3, scaled(22));
	}
	for (unsigned int i = 0; i < PROCESSES; i++) {
		int status = wait_exit(pid[i]);

		if (status)
			test_error("status %d", status);
	}
	ktap_ok(!test_errors_take(), "many processes at once");
}

/* At any moment; the device is as good as before. */
static void test_killed(int fd)
{
	uint64_t random = 1;
	struct asi_ioc_run r;

	for (unsigned long i = 0; i < scaled(100); i++) {
		pid_t pid = xfork();

		if (!pid)
			use_often(i, ~0UL);
		usleep(next_random(&random) % 20000);
		kill(pid, SIGKILL);
		CHECK(wait_exit(pid) == 256 + SIGKILL);
	}
	for (unsigned int table = 0; table < ASI_NR_TABLES; table++) {
		if (!dev_can_run(fd, table))
			continue;
		CHECK(!dev_run(fd, 0, table, NULL, &r));
		CHECK(r.result == ASI_RUN_PASSED);
	}
	ktap_ok(!test_errors_take(), "killed in the middle");
}

#define TRACE_LOCKS	"/sys/kernel/tracing/events/mmap_lock/enable"

/* One range of the file's own domain, which is made for that if there is none. */
static void *look_at_own(void *arg)
{
	struct asi_ioc_mapping one;
	struct asi_ioc_mappings m = {
		.domain = ASI_DOMAIN_TEST_NONSENSITIVE, .max = 1,
		.flags = ASI_MAPPINGS_PRESENT, .mappings = (uintptr_t)&one,
	};

	CHECK(!dev_ioctl(*(int *)arg, ASI_IOC_MAPPINGS, &m));
	return NULL;
}

/*
 * The domains of a file are older than who made them. The trace of locks asks for the
 * owner of each mm; with KASAN it is noticed if that one is gone.
 */
static void test_made_by_the_dead(void)
{
	int fd = dev_open();
	struct thread t;

	CHECK(fd >= 0);
	thread_start(&t, look_at_own, &fd);
	thread_join(&t);
	sleep_ms(500);
	if (write_file(TRACE_LOCKS, "1"))
		ktap_note(TRACE_LOCKS ": %s", strerror(errno));
	look_at_own(&fd);
	close(fd);
	write_file(TRACE_LOCKS, "0");
	ktap_ok(!test_errors_take(), "a file outlives the task that made its domains");
}

static void test_unload(int *fd)
{
	struct asi_ioc_run r;
	int err;

	if (!dev_is_module()) {
		ktap_skip("unloaded", "the driver was there before");
		return;
	}
	CHECK(dev_unload() == -EWOULDBLOCK);
	CHECK(!dev_run(*fd, 0, 0, NULL, &r) && r.result == ASI_RUN_PASSED);
	close(*fd);
	for (unsigned long i = 0; i < scaled(10); i++) {
		err = dev_unload();
		if (err) {
			test_error("not unloaded: %s", strerror(-err));
			break;
		}
		CHECK(dev_open() == -ENOENT);
		CHECK(!dev_load());
		use(i);
	}
	*fd = dev_open();
	CHECK(*fd >= 0);
	ktap_ok(!test_errors_take(), "unloaded");
}

int main(void)
{
	bool on;
	int fd;

	dev_need();
	fd = dev_open();
	if (fd < 0)
		ktap_skip_all("/dev/asi: %s", strerror(-fd));
	on = dev_on(fd);
	ktap_start(on ? 11 : 4);
	test_reserved(fd);
	test_numbers(fd);
	test_bounds(fd);
	test_rights();
	if (on) {
		test_results(fd);
		test_many_grants();
		test_many_processes();
		test_killed(fd);
		test_made_by_the_dead();
		test_unload(&fd);
		dev_watch(fd);
		ktap_ok(!test_errors_take(), "no fault in tense code, no warning");
	}
	close(fd);
	if (dev_is_module())
		dev_unload();
	return ktap_finish();
}
