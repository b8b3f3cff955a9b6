// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/asi when the kernel is locked down: nothing that shows addresses or gives away
 * memory, and the rest as before.
 *
 * Locks the kernel down, which nobody undoes.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <sys/mount.h>

#include "asi_dev.h"

#define SECURITYFS	"/sys/kernel/security"
#define LOCKDOWN	SECURITYFS "/lockdown"
#define DEBUGFS		"/sys/kernel/debug/asi/"

/* Each of those that are refused; what they say. */
struct answers {
	int faults, mappings, grant, grants, revoke;
};

/* Is it zero, as it was? */
static bool untouched(const void *array, size_t size)
{
	const char *byte = array;

	while (size && !byte[size - 1])
		size--;
	return !size;
}

static struct answers ask(int fd)
{
	static struct asi_ioc_mapping mapping[16];
	static struct asi_ioc_granted granted[16];
	static struct asi_ioc_fault fault[16];
	struct asi_ioc_faults faults = {
		.domain = ASI_DOMAIN_TEST_NONSENSITIVE,
		.faults = (uintptr_t)fault,
		.max = ARRAY_SIZE(fault),
	};
	struct asi_ioc_mappings mappings = {
		.domain = ASI_DOMAIN_TEST_NONSENSITIVE,
		.mappings = (uintptr_t)mapping,
		.max = ARRAY_SIZE(mapping),
	};
	struct asi_ioc_grants grants = {
		.domain = ASI_DOMAIN_TEST_DECORATED,
		.grants = (uintptr_t)granted,
		.max = ARRAY_SIZE(granted),
	};
	struct asi_ioc_grant grant = {
		.domain = ASI_DOMAIN_TEST_DECORATED,
		.kind = ASI_GRANT_SYMBOL,
		.name = "init_task",
	}, revoke = grant;
	struct answers a;

	memset(fault, 0, sizeof(fault));
	memset(mapping, 0, sizeof(mapping));
	memset(granted, 0, sizeof(granted));
	a.faults = dev_ioctl(fd, ASI_IOC_FAULTS, &faults);
	a.mappings = dev_ioctl(fd, ASI_IOC_MAPPINGS, &mappings);
	a.grant = dev_ioctl(fd, ASI_IOC_GRANT, &grant);
	a.grants = dev_ioctl(fd, ASI_IOC_GRANTS, &grants);
	a.revoke = dev_ioctl(fd, ASI_IOC_REVOKE, &revoke);

	CHECK(!a.faults || untouched(fault, sizeof(fault)));
	CHECK(!a.mappings || untouched(mapping, sizeof(mapping)));
	CHECK(!a.grants || untouched(granted, sizeof(granted)));
	return a;
}

static bool all_are(const struct answers *a, int answer)
{
	return a->faults == answer && a->mappings == answer &&
	       a->grant == answer && a->grants == answer && a->revoke == answer;
}

static bool is_locked(int fd)
{
	struct asi_ioc_info info = {};

	CHECK(!dev_ioctl(fd, ASI_IOC_INFO, &info));
	return info.flags & ASI_INFO_LOCKED_DOWN;
}

/* The step at which a fault leaves, of a run that has passed. */
static struct asi_ioc_step leave_by_fault(int fd)
{
	struct asi_ioc_run run;

	CHECK(!dev_run(fd, dev_sequence(fd, "read-unmapped"),
		       ASI_TABLE_NONSENSITIVE, NULL, &run));
	CHECK(run.result == ASI_RUN_PASSED);
	return run.step[1];
}

static void test_open(int fd)
{
	struct asi_ioc_step step = leave_by_fault(fd);
	struct answers a = ask(fd);

	CHECK(!is_locked(fd));
	CHECK(all_are(&a, 0));
	CHECK((step.flags & (ASI_STEP_FAULT | ASI_STEP_HIDDEN)) == ASI_STEP_FAULT);
	CHECK(step.fault_ip && step.fault_page && *step.fault_symbol);
	ktap_ok(!test_errors_take(), "before it is locked down");
}

static void test_lists(int fd)
{
	struct answers a = ask(fd);

	CHECK(is_locked(fd));
	CHECK(all_are(&a, -EPERM));
	ktap_ok(!test_errors_take(), "lists and grants are refused");
}

static void test_run(int fd)
{
	struct asi_ioc_step step = leave_by_fault(fd);

	CHECK((step.flags & (ASI_STEP_FAULT | ASI_STEP_HIDDEN)) == ASI_STEP_HIDDEN);
	CHECK(!step.fault_ip && !step.fault_page);
	CHECK(!*step.fault_symbol && !*step.object);
	ktap_ok(!test_errors_take(), "a run hides where it left");
}

/* Of debugfs, Linux refuses those that can be written. */
static void test_files(void)
{
	static const char * const files[] = {
		DEBUGFS "faults", DEBUGFS "map", DEBUGFS "hole",
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		int fd = open(files[i], O_RDONLY);

		if (fd >= 0 || errno != EPERM)
			test_error("%s can be opened, or is not there", files[i]);
	}
	ktap_ok(!test_errors_take(), "files of debugfs are refused");
}

int main(void)
{
	int fd = dev_start();

	mount("securityfs", SECURITYFS, "securityfs", 0, NULL);
	if (access(LOCKDOWN, W_OK))
		ktap_skip_all("no lockdown in this kernel: %s", strerror(errno));

	ktap_start(4);
	test_open(fd);
	if (write_file(LOCKDOWN, "integrity"))
		ktap_bail("the kernel cannot be locked down: %s", strerror(errno));
	test_lists(fd);
	test_run(fd);
	test_files();
	close(fd);
	return ktap_finish();
}
