// SPDX-License-Identifier: GPL-2.0
/*
 * The test driver /dev/asi: all sequences on both kinds of page table, what may be
 * granted, and a live domain.
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
#include <sys/stat.h>

#include "asi_dev.h"

#define MODPROBE	"/proc/sys/kernel/modprobe"
/* Objects that printk() may miss one after the other. */
#define MOST_MISSING	200

static unsigned int nr_sequences;

static void test_info(int fd)
{
	struct asi_ioc_info info;

	memset(&info, 0xff, sizeof(info));
	CHECK(!dev_ioctl(fd, ASI_IOC_INFO, &info));
	CHECK(info.version == ASI_IOC_VERSION);
	CHECK(!(info.flags & ~0x1fU));
	CHECK(!!(info.flags & ASI_INFO_ON) == !*info.reason);
	CHECK(!info.reserved[0] && !info.reserved[3]);
	CHECK(info.nr_sequences && info.max_grants);
	nr_sequences = info.nr_sequences;
	ktap_ok(!test_errors_take(), "info");
}

static void test_describe(int fd)
{
	struct asi_ioc_describe d;

	for (unsigned int i = 0; i < nr_sequences; i++) {
		memset(&d, 0, sizeof(d));
		d.sequence = i;
		CHECK(!dev_ioctl(fd, ASI_IOC_DESCRIBE, &d));
		CHECK(*d.name && *d.purpose && d.min_cpus && d.nr_steps);
		CHECK(d.nr_steps <= ASI_MAX_STEPS && d.tables == 3);
		CHECK(dev_sequence(fd, d.name) == i);
		for (unsigned int s = 0; s < ASI_MAX_STEPS; s++)
			CHECK(!*d.step[s].name == (s >= d.nr_steps));
	}
	ktap_ok(!test_errors_take(), "describe");
}

/* Have the kernel load modules by a program that loads this one. */
static bool set_modprobe(const char *file)
{
	static const char script[] = "/tmp/asi-modprobe";
	char self[PATH_MAX], module[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	FILE *f = fopen(script, "we");

	if (!f || len < 0 || !realpath(file, module))
		return false;
	self[len] = '\0';
	fprintf(f, "#!/bin/sh\nexec %s --load %s\n", self, module);
	return !fclose(f) && !chmod(script, 0755) &&
	       !write_file(MODPROBE, script);
}

static void check_run(const struct asi_ioc_describe *d, unsigned int table,
		      const struct asi_ioc_run *run)
{
	CHECK(run->result == ASI_RUN_PASSED && !run->failed);
	CHECK(run->nr_steps == d->nr_steps);
	for (unsigned int s = 0; s < run->nr_steps; s++) {
		const struct asi_ioc_step *step = &run->step[s];

		CHECK(!strcmp(step->name, d->step[s].name));
		CHECK(step->expected == d->step[s].expected[table]);
		CHECK(step->actual == step->cr3);
		CHECK(step->flags & ASI_STEP_OK);
		CHECK(!(step->flags & ASI_STEP_FAULT) || *step->object);
	}
}

static void test_sequence(int fd, unsigned int i, unsigned int table)
{
	char file[PATH_MAX], module[64] = "", saved[256] = "";
	struct asi_ioc_describe d = { .sequence = i };
	struct asi_ioc_run run;
	int err;

	CHECK(!dev_ioctl(fd, ASI_IOC_DESCRIBE, &d));
	if (!dev_can_run(fd, table)) {
		ktap_skip(d.name, "not with the %s page table here",
			  dev_table_name[table]);
		return;
	}
	if (d.flags & ASI_SEQUENCE_MODULE &&
	    dev_module(file, sizeof(file), module, sizeof(module))) {
		CHECK(read_file(MODPROBE, saved, sizeof(saved)) > 0);
		CHECK(set_modprobe(file));
	}

	err = dev_run(fd, i, table, module, &run);
	if (*saved)
		CHECK(!write_file(MODPROBE, saved));
	if (*module && !err && run.result != ASI_RUN_SKIPPED)
		CHECK(!dev_unload_other(module));
	if (!err && run.result == ASI_RUN_SKIPPED && !*module) {
		ktap_skip(d.name, "%s", run.reason);
		return;
	}
	CHECK(!err);
	if (!err)
		check_run(&d, table, &run);
	if (!ktap_ok(!test_errors_take(), "%s %s", d.name, dev_table_name[table])) {
		ktap_note("%s", strerror(-err));
		dev_note_run(&run);
	}
}

static int by_address(int fd, unsigned long cmd, __u64 address, __u64 length)
{
	struct asi_ioc_grant g = {
		.domain = ASI_DOMAIN_TEST_DECORATED,
		.kind = ASI_GRANT_ADDRESS,
		.address = address,
		.length = length,
	};

	return dev_ioctl(fd, cmd, &g);
}

static const struct asi_ioc_step *printed(const struct asi_ioc_run *run)
{
	return &run->step[1];
}

/*
 * What the device is for: printk() in a domain that has not been granted what it
 * needs.  The run says what is missing, a grant adds it, the next run goes further.
 */
static void test_missing(int fd)
{
	unsigned int i, printk = dev_sequence(fd, "printk");
	__u64 page[MOST_MISSING];
	struct asi_ioc_run run;

	for (i = 0; i < MOST_MISSING; i++) {
		CHECK(!dev_run(fd, printk, ASI_TABLE_DECORATED, NULL, &run));
		CHECK(run.result == ASI_RUN_PASSED);
		if (printed(&run)->actual != ASI_STATE_OUT)
			break;
		page[i] = printed(&run)->fault_page;
		CHECK(page[i] && printed(&run)->fault_ip);
		CHECK(*printed(&run)->fault_symbol && *printed(&run)->object);
		if (i < 8)
			ktap_note("%s misses %s", printed(&run)->fault_symbol,
				  printed(&run)->object);
		for (unsigned int j = 0; j < i; j++)
			CHECK(page[j] != page[i]);
		if (by_address(fd, ASI_IOC_GRANT, page[i], 1)) {
			ktap_note("no grant of %s: %s", printed(&run)->object,
				  strerror(errno));
			CHECK(!"granted");
			break;
		}
	}
	CHECK(printed(&run)->actual == ASI_STATE_IN);
	ktap_note("%u objects granted", i);
	/* All of them: which it touches depends on where in its ring printk() is. */
	while (i--)
		CHECK(!by_address(fd, ASI_IOC_REVOKE, page[i], 1));
	CHECK(!dev_run(fd, printk, ASI_TABLE_DECORATED, NULL, &run));
	CHECK(printed(&run)->actual == ASI_STATE_OUT);
	ktap_ok(!test_errors_take(), "what printk misses is granted");
}

/* Entries of the list that a name, and who made them. */
static unsigned int listed(int fd, const char *name, unsigned int flags)
{
	static struct asi_ioc_granted entry[512];
	struct asi_ioc_grants list = {
		.domain = ASI_DOMAIN_TEST_DECORATED,
		.max = ARRAY_SIZE(entry),
		.grants = (uintptr_t)entry,
	};
	unsigned int found = 0;

	CHECK(!dev_ioctl(fd, ASI_IOC_GRANTS, &list));
	CHECK(list.nr && list.nr == list.total);
	for (unsigned int i = 0; i < list.nr && i < ARRAY_SIZE(entry); i++) {
		CHECK(entry[i].pages && entry[i].length);
		found += !strcmp(entry[i].name, name) && entry[i].flags == flags;
	}
	return found;
}

static void grant_and_revoke(int fd, unsigned int kind, const char *name,
			     __u64 length)
{
	struct asi_ioc_grant g = {
		.domain = ASI_DOMAIN_TEST_DECORATED,
		.kind = kind,
		.length = length,
	}, again;

	snprintf(g.name, sizeof(g.name), "%s", name);
	again = g;
	CHECK(dev_ioctl(fd, ASI_IOC_REVOKE, &g) == -ENOENT);
	CHECK(!dev_ioctl(fd, ASI_IOC_GRANT, &g));
	if (kind != ASI_GRANT_MODULE)
		CHECK(g.length && g.address);
	CHECK(listed(fd, name, ASI_GRANTED_BY_FILE) == 1);
	CHECK(!dev_ioctl(fd, ASI_IOC_REVOKE, &again));
	CHECK(!listed(fd, name, ASI_GRANTED_BY_FILE));
}

static void test_grants(int fd)
{
	char file[PATH_MAX], module[64];
	struct asi_ioc_grant g = {
		.domain = ASI_DOMAIN_TEST_DECORATED,
		.kind = ASI_GRANT_SYMBOL,
		.name = "no_such_symbol",
	};
	unsigned int table = dev_can_run(fd, ASI_TABLE_DECORATED) ?
			     ASI_TABLE_DECORATED : ASI_TABLE_NONSENSITIVE;
	struct asi_ioc_run run;

	grant_and_revoke(fd, ASI_GRANT_SYMBOL, "init_task", 0);
	grant_and_revoke(fd, ASI_GRANT_SYMBOL, "init_task", 4096);
	grant_and_revoke(fd, ASI_GRANT_PERCPU, "curr_asi", 8);
	if (dev_module(file, sizeof(file), module, sizeof(module)) &&
	    set_modprobe(file)) {
		CHECK(!dev_run(fd, dev_sequence(fd, "module-load"), table,
			       module, &run));
		grant_and_revoke(fd, ASI_GRANT_MODULE, module, 0);
		CHECK(!dev_unload_other(module));
	}

	CHECK(dev_ioctl(fd, ASI_IOC_GRANT, &g) == -ENOENT);
	g.kind = ASI_GRANT_MODULE;
	CHECK(dev_ioctl(fd, ASI_IOC_GRANT, &g) == -ENOENT);
	strcpy(g.name, "curr_asi");
	g.kind = ASI_GRANT_SYMBOL;
	CHECK(dev_ioctl(fd, ASI_IOC_GRANT, &g) == -EINVAL);
	ktap_ok(!test_errors_take(), "grants by name");
}

/* A page that is granted can be read, and another one in the same domain cannot. */
static void test_ranges(int fd)
{
	CHECK(by_address(fd, ASI_IOC_GRANT, 0x1000, 8) == -EINVAL);
	CHECK(by_address(fd, ASI_IOC_GRANT, ~0ULL, 8) == -EINVAL);
	CHECK(by_address(fd, ASI_IOC_GRANT, 0xffff800000000000, ~0ULL >> 2) == -EINVAL ||
	      by_address(fd, ASI_IOC_GRANT, 0xffff800000000000, ~0ULL >> 2) == -E2BIG);
	CHECK(by_address(fd, ASI_IOC_REVOKE, 0xffffffff81000000, 8) == -ENOENT);
	ktap_ok(!test_errors_take(), "grants by address");
}

struct census {
	unsigned long long entries, calls, both, unrestricted, wrong;
};

static void count_mapping(const struct asi_ioc_mapping *m, struct census *c)
{
	CHECK(m->start < m->end && *m->region);
	CHECK(!!m->unrestricted == !!m->unrestricted_level);
	CHECK(!!m->restricted == !!m->restricted_level);
	c->entries++;
	if (m->mapped == ASI_MAPPED_BOTH)
		c->both += m->end - m->start;
	else if (m->mapped == ASI_MAPPED_UNRESTRICTED)
		c->unrestricted += m->end - m->start;
	else if (m->mapped != ASI_MAPPED_NEITHER)
		c->wrong++;
}

static struct census take_census(int fd, unsigned int domain, unsigned int flags,
				 unsigned int max)
{
	static struct asi_ioc_mapping entry[1024];
	struct asi_ioc_mappings m = { .domain = domain, .flags = flags };
	struct census c = {};
	__u64 last = 0;

	do {
		m.nr = 0;
		m.max = max;
		m.mappings = (uintptr_t)entry;
		if (dev_ioctl(fd, ASI_IOC_MAPPINGS, &m)) {
			test_error("ASI_IOC_MAPPINGS: %s", strerror(errno));
			break;
		}
		CHECK(m.nr <= max);
		for (unsigned int i = 0; i < m.nr; i++) {
			CHECK(entry[i].start >= last);
			last = entry[i].end;
			count_mapping(&entry[i], &c);
		}
		c.calls++;
	} while (!m.done);
	return c;
}

static void test_mappings(int fd, unsigned int domain, const char *name)
{
	struct census all = take_census(fd, domain, 0, 1024);
	struct census few = take_census(fd, domain, ASI_MAPPINGS_PRESENT, 7);
	struct census differ = take_census(fd, domain,
					   ASI_MAPPINGS_DIFFERENT, 1024);

	CHECK(all.both && all.unrestricted && !all.wrong);
	CHECK(few.both && few.entries < all.entries && !few.wrong);
	CHECK(!differ.both && !differ.wrong && differ.unrestricted);
	CHECK(few.calls > few.entries / 8);
	ktap_note("%s: %llu ranges, %llu MiB in both, %llu ranges that differ",
		  name, all.entries, all.both >> 20, differ.entries);
	ktap_ok(!test_errors_take(), "mappings of %s", name);
}

static unsigned int count_faults(int fd, unsigned int domain)
{
	static struct asi_ioc_fault entry[ASI_MAX_ENTRIES];
	struct asi_ioc_faults f = {
		.domain = domain,
		.faults = (uintptr_t)entry,
		.max = ASI_MAX_ENTRIES,
	};

	CHECK(!dev_ioctl(fd, ASI_IOC_FAULTS, &f));
	CHECK(f.nr == f.total || f.nr == ASI_MAX_ENTRIES);
	for (unsigned int i = 0; i < f.nr; i++) {
		CHECK(entry[i].ip && entry[i].count && *entry[i].symbol);
		CHECK(*entry[i].memory && entry[i].phase >= ASI_PHASE_RELAXED &&
		      entry[i].phase <= ASI_PHASE_INTERRUPT);
		if (i)
			CHECK(entry[i].count <= entry[i - 1].count);
	}
	return f.nr;
}

static void test_faults(int fd)
{
	struct asi_ioc_clear clear = { .domain = ASI_DOMAIN_TEST_NONSENSITIVE };
	struct asi_ioc_faults none = { .domain = clear.domain };
	struct asi_ioc_run run;

	CHECK(!dev_ioctl(fd, ASI_IOC_CLEAR_FAULTS, &clear));
	CHECK(!count_faults(fd, clear.domain));
	CHECK(!dev_run(fd, dev_sequence(fd, "read-unmapped"),
		       ASI_TABLE_NONSENSITIVE, NULL, &run));
	CHECK(count_faults(fd, clear.domain) == 1);
	CHECK(!dev_ioctl(fd, ASI_IOC_FAULTS, &none));
	CHECK(!none.nr && none.total == 1);
	CHECK(!dev_ioctl(fd, ASI_IOC_CLEAR_FAULTS, &clear));
	CHECK(!count_faults(fd, clear.domain));
	ktap_ok(!test_errors_take(), "faults of a test domain");
}

static void test_attach(int fd)
{
	struct asi_ioc_clear clear = { .domain = ASI_DOMAIN_ATTACHED };
	struct asi_ioc_grant g = {
		.domain = ASI_DOMAIN_ATTACHED,
		.kind = ASI_GRANT_SYMBOL,
		.name = "init_task",
	};
	pid_t child = xfork();

	if (!child)
		for (;;)
			pause();
	CHECK(dev_ioctl(fd, ASI_IOC_DETACH, NULL) == -ENOTCONN);
	CHECK(dev_ioctl(fd, ASI_IOC_CLEAR_FAULTS, &clear) == -ENOTCONN);
	CHECK(dev_attach(fd, child, "no such class") == -ENOENT);
	CHECK(!dev_attach(fd, child, "user"));
	CHECK(dev_attach(fd, child, "user") == -EBUSY);
	count_faults(fd, ASI_DOMAIN_ATTACHED);
	CHECK(take_census(fd, ASI_DOMAIN_ATTACHED, 0, 1024).both);
	CHECK(!take_census(fd, ASI_DOMAIN_ATTACHED, 0, 1024).wrong);
	CHECK(!dev_ioctl(fd, ASI_IOC_CLEAR_FAULTS, &clear));
	CHECK(dev_ioctl(fd, ASI_IOC_GRANT, &g) == -EPERM);

	kill(child, SIGKILL);
	CHECK(wait_exit(child) == 256 + SIGKILL);
	CHECK(dev_ioctl(fd, ASI_IOC_CLEAR_FAULTS, &clear) == -ESRCH);
	CHECK(!dev_ioctl(fd, ASI_IOC_DETACH, NULL));
	CHECK(dev_attach(fd, child, "user") == -ESRCH);
	ktap_ok(!test_errors_take(), "attached to a process");
}

static void no_such_entry(int sig)
{
	(void)sig;
	_exit(KSFT_SKIP);
}

/* An ioctl as a program of 32 bits makes it; @arg is below 4 GiB. */
static int ioctl_by_int80(int fd, unsigned long cmd, void *arg)
{
	int ret;

	asm volatile("int $0x80" : "=a" (ret)
		     : "0" (54), "b" (fd), "c" ((int)cmd), "d" ((int)(uintptr_t)arg)
		     : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

/* What the kernel wrote, also where it was pointed to. */
struct listed {
	struct asi_ioc_mappings m;
	struct asi_ioc_mapping entry[16];
};

static struct listed list_by(int (*call)(int fd, unsigned long cmd, void *arg),
			     int fd, struct listed *low)
{
	*low = (struct listed) {
		.m = {
			.domain = ASI_DOMAIN_TEST_NONSENSITIVE,
			.flags = ASI_MAPPINGS_PRESENT,
			.start = 1UL << 63,
			.mappings = (uintptr_t)low->entry,
			.max = ARRAY_SIZE(low->entry),
		},
	};
	CHECK(!call(fd, ASI_IOC_MAPPINGS, &low->m));
	CHECK(low->m.nr == ARRAY_SIZE(low->entry));
	return *low;
}

/*
 * By both entries, with the same result. Memory may change sides meanwhile: what is
 * compared is between two that are the same.
 */
static void compare_entries(int fd)
{
	struct listed *low = mmap(NULL, 65536, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	struct listed before, compat, after;
	int tries = 100;

	if (low == MAP_FAILED)
		_exit(KSFT_FAIL);
	do {
		before = list_by(dev_ioctl, fd, low);
		compat = list_by(ioctl_by_int80, fd, low);
		after = list_by(dev_ioctl, fd, low);
	} while (memcmp(&before, &after, sizeof(after)) && --tries);
	CHECK(!memcmp(&before, &compat, sizeof(compat)));

	((struct asi_ioc_info *)low)->reserved[0] = 1;
	CHECK(!ioctl_by_int80(fd, ASI_IOC_INFO, low));
	CHECK(((struct asi_ioc_info *)low)->version == ASI_IOC_VERSION);
	CHECK(ioctl_by_int80(fd, ASI_IOC_DETACH, low) == -ENOTCONN);
	CHECK(ioctl_by_int80(fd, ASI_IOC_INFO, NULL) == -EFAULT);
}

static void test_32bit(int fd)
{
	pid_t pid = xfork();
	int status;

	if (!pid) {
		signal(SIGSEGV, no_such_entry);
		ioctl_by_int80(fd, 0, NULL);
		signal(SIGSEGV, SIG_DFL);
		compare_entries(fd);
		_exit(test_errors_take() ? KSFT_FAIL : KSFT_PASS);
	}
	status = wait_exit(pid);
	if (status == KSFT_SKIP)
		ktap_skip("ioctls of 32-bit programs", "no 32-bit emulation");
	else
		ktap_ok(!status, "ioctls of 32-bit programs");
}

/* As modprobe: --load FILE. */
static int load_file(const char *file)
{
	setenv("ASI_DEV", file, 1);
	return dev_load() ? 1 : 0;
}

static void test_on(int fd)
{
	for (unsigned int table = 0; table < ASI_NR_TABLES; table++)
		for (unsigned int i = 0; i < nr_sequences; i++)
			test_sequence(fd, i, table);
	test_faults(fd);
	test_mappings(fd, ASI_DOMAIN_TEST_NONSENSITIVE, "the nonsensitive domain");
	test_mappings(fd, ASI_DOMAIN_TEST_DECORATED, "the decorated domain");
	test_grants(fd);
	test_ranges(fd);
	if (dev_can_run(fd, ASI_TABLE_DECORATED))
		test_missing(fd);
	else
		ktap_skip("what printk misses is granted", "KASAN");
	if (!asi_class_off("user"))
		test_attach(fd);
	else
		ktap_skip("attached to a process", "%s", asi_class_off("user"));
	test_32bit(fd);
	dev_watch(fd);
	ktap_ok(!test_errors_take(), "no fault in tense code, no warning");
}

int main(int argc, char **argv)
{
	struct asi_ioc_info info;
	struct asi_ioc_run run;
	int fd;

	if (argc > 2 && !strcmp(argv[1], "--load"))
		return load_file(argv[2]);
	dev_need();
	fd = dev_open();
	if (fd < 0)
		ktap_skip_all("/dev/asi: %s", strerror(-fd));
	if (dev_ioctl(fd, ASI_IOC_INFO, &info))
		ktap_skip_all("ASI_IOC_INFO: %s", strerror(errno));
	ktap_start(dev_on(fd) ? 2 + 2 * info.nr_sequences + 9 : 3);
	test_info(fd);
	test_describe(fd);
	if (dev_on(fd))
		test_on(fd);
	else
		ktap_ok(dev_run(fd, 0, 0, NULL, &run) == -EOPNOTSUPP,
			"nothing is run while it is off");
	close(fd);
	if (dev_is_module())
		dev_unload();
	return ktap_finish();
}
