// SPDX-License-Identifier: GPL-2.0
/*
 * An explicit hole: memory that the restricted address space does not have.
 *
 * Whoever reads it while restricted leaves the restricted space, once, and
 * gets the right data. The file also has to stand up to what makes no sense.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "asi_test.h"

#define HOLE	ASI_DEBUGFS "/hole"

struct hole {
	unsigned long id;
	unsigned long long phys, virt, magic;
	int restricted, unrestricted;
};

/* 0 or -errno. */
static int command(const char *fmt, unsigned long id)
{
	char text[64];

	snprintf(text, sizeof(text), fmt, id);
	return write_file(HOLE, text);
}

/* The holes there are; -1 when a line is not understood. */
static int list(struct hole *h, int max)
{
	static char text[16384];
	char *line, *rest;
	int n = 0;

	if (read_file(HOLE, text, sizeof(text)) < 0)
		return -1;
	for (line = strtok_r(text, "\n", &rest); line && n < max;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (line[0] == '#')
			continue;
		if (sscanf(line, "%lu phys=0x%llx virt=0x%llx restricted=%d unrestricted=%d magic=0x%llx",
			   &h[n].id, &h[n].phys, &h[n].virt, &h[n].restricted,
			   &h[n].unrestricted, &h[n].magic) != 6) {
			ktap_note("not understood: %s", line);
			return -1;
		}
		n++;
	}
	return n;
}

#define MAX_HOLES	64

/* Makes one. Its line in *h; false when there is none or more than one. */
static bool add(struct hole *h)
{
	struct hole before[MAX_HOLES], after[MAX_HOLES];
	int n = list(before, MAX_HOLES), m, fresh = 0;

	if (n < 0 || command("add", 0))
		return false;
	m = list(after, MAX_HOLES);
	for (int i = 0; i < m; i++) {
		bool old = false;

		for (int j = 0; j < n; j++)
			old |= before[j].id == after[i].id;
		if (!old) {
			*h = after[i];
			fresh++;
		}
	}
	return m == n + 1 && fresh == 1;
}

static bool listed(unsigned long id)
{
	struct hole h[MAX_HOLES];
	int n = list(h, MAX_HOLES);

	while (n-- > 0)
		if (h[n].id == id)
			return true;
	return false;
}

static uint64_t faults(void)
{
	struct asi_stats s;

	asi_stats_read("user", &s);
	if (s.v[ASI_EXITS_FAULT] != s.v[ASI_FAULTS])
		test_error("exits by fault and faults differ");
	return s.v[ASI_EXITS_FAULT];
}

/* With sensitive memory hidden, the system calls around a read may exit as well. */
static bool not_alone(const char *name)
{
	char value[8];

	if (read_file(ASI_SYSFS "/features/sensitive", value, sizeof(value)) < 0 ||
	    value[0] != '1')
		return false;
	ktap_skip(name, "other memory is hidden too");
	return true;
}

static void one_exit_a_read(const struct hole *h)
{
	static const char name[] =
		"a read of the hole is one exit by a fault, every time";
	unsigned long n = scaled(50), exact = 0;

	if (not_alone(name))
		return;
	cpu_pin(0);
	for (unsigned long i = 0; i < n; i++) {
		uint64_t before = faults(), count;

		CHECK(!command("read %lu", h->id));
		count = faults() - before;
		exact += count == 1;
		if (count != 1)
			ktap_note("%llu exits", (unsigned long long)count);
	}
	cpu_unpin();
	ktap_ok(exact == n && !test_errors_take(), "%s", name);
}

/* The same system calls, without the hole, are none. */
static void no_exit_without(void)
{
	static const char name[] = "without it there is no exit by a fault";
	uint64_t fewest = ~0ULL;

	if (not_alone(name))
		return;
	for (int i = 0; i < 10; i++) {
		uint64_t before = faults(), count;

		CHECK(command("read %lu", 123456789) < 0);
		count = faults() - before;
		fewest = count < fewest ? count : fewest;
	}
	ktap_ok(!fewest && !test_errors_take(), "%s", name);
}

static atomic_bool stop;

static void *loads(void *arg)
{
	uintptr_t me = (uintptr_t)arg;

	cpu_pin((int)me);
	while (!atomic_load(&stop)) {
		char *p = xmmap(65536);

		fill(p, 65536, me);
		verify(p, 65536, me);
		getppid();
		sleep_ms(1);
	}
	return NULL;
}

/* Data right, whoever interrupts, and on whatever CPU. */
static void reads_under_load(const struct hole *h)
{
	uint64_t until = deadline_ms(2000);
	struct thread t[3];
	unsigned long n = 0;

	for (uintptr_t i = 0; i < 3; i++)
		thread_start(&t[i], loads, (void *)i);
	do {
		cpu_pin((int)n++);
		CHECK(!command("read %lu", h->id));
	} while (now_ms() < until);
	atomic_store(&stop, true);
	for (int i = 0; i < 3; i++)
		thread_join(&t[i]);
	cpu_unpin();
	ktap_note("%lu reads", n);
	ktap_ok(!test_errors_take(), "reads are right under load, on every CPU");
}

static void several(void)
{
	struct hole h[8];
	int made = 0;

	while (made < 8 && add(&h[made]))
		made++;
	for (int i = 0; i < made; i++) {
		CHECK(!h[i].restricted && h[i].unrestricted);
		CHECK(!(h[i].phys & ((2UL << 20) - 1)));
		CHECK(!command("read %lu", h[i].id));
	}
	/* Out of order, and those that stay keep their data. */
	for (int i = 0; i < made; i += 2)
		CHECK(!command("del %lu", h[i].id));
	for (int i = 1; i < made; i += 2) {
		CHECK(!command("read %lu", h[i].id));
		CHECK(!command("del %lu", h[i].id));
	}
	ktap_note("%d holes", made);
	ktap_ok(made >= 2 && !test_errors_take(), "several holes at once");
}

static void churn(void)
{
	for (unsigned long i = 0; i < scaled(40); i++) {
		struct hole h;

		CHECK(add(&h));
		CHECK(!command("read %lu", h.id));
		CHECK(!command("del %lu", h.id));
	}
	ktap_ok(!test_errors_take(), "holes come and go");
}

static void nonsense(unsigned long used)
{
	static const char * const text[] = {
		"", "\n", "ad", "adds", "add 1", "del", "del ", "read",
		"read ", "del x", "del -1", "read 99999999999999999999999",
		"del 18446744073709551615", "read 0x", "\xff\xfe", "list",
		"del 1 2", "readd 1",
	};
	int fd = open(HOLE, O_WRONLY | O_CLOEXEC);
	char *big = malloc(1 << 20);

	for (size_t i = 0; i < ARRAY_SIZE(text); i++)
		if (*text[i] && write_file(HOLE, text[i]) == 0)
			test_error("accepted: \"%s\"", text[i]);
	CHECK(command("del %lu", used) < 0);
	CHECK(command("read %lu", used) < 0);
	CHECK(command("read %lu", used + 1000000) < 0);
	memset(big, 'a', 1 << 20);
	CHECK(write(fd, big, 1 << 20) < 0);
	CHECK(write(fd, bad_pointer(), 16) < 0 && errno == EFAULT);
	close(fd);
	free(big);
	ktap_ok(!test_errors_take(), "nonsense is refused");
}

int main(void)
{
	const char *off = asi_class_off("user");
	struct hole h = { };

	if (off)
		ktap_skip_all("%s", off);
	if (!asi_debugfs() || access(HOLE, W_OK))
		ktap_skip_all(HOLE ": %s", strerror(errno));
	ktap_start(9);
	ktap_ok(add(&h), "add makes one hole");
	ktap_note("%lu: phys %#llx, restricted %d, unrestricted %d", h.id,
		  h.phys, h.restricted, h.unrestricted);
	ktap_ok(!h.restricted && h.unrestricted,
		"mapped in the unrestricted table, and not in the restricted");
	one_exit_a_read(&h);
	no_exit_without();
	reads_under_load(&h);
	ktap_ok(!command("del %lu", h.id) && !listed(h.id),
		"del gives it back");
	nonsense(h.id);
	several();
	churn();
	return ktap_finish();
}
