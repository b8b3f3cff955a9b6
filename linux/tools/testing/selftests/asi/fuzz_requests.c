// SPDX-License-Identifier: GPL-2.0
/* The ioctls of /dev/asi with valid arguments, for the fuzzer. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz_dev.h"

struct range {
	uint64_t start, end;
};

static struct range vmalloc, direct;

/* Where arrays are written to, behind all arguments. */
#define ARRAY_AT	8192

static uint64_t array(struct fuzz_life *life)
{
	return (uint64_t)(fuzz_arena() + ARRAY_AT + 8 * fuzz_below(life, 8));
}

/* As many entries as there is room for. */
static uint32_t room(struct fuzz_life *life, size_t entry)
{
	return 1 + (uint32_t)fuzz_below(life, (FUZZ_ARENA - ARRAY_AT - 64) / entry);
}

static void copy(char *to, const char *from, size_t size)
{
	snprintf(to, size, "%s", from);
}

/* Most of the time one that any file has. */
static uint32_t domain(struct fuzz_life *life)
{
	return (uint32_t)fuzz_below(life, 3);
}

static void no_argument(struct fuzz_life *life, union fuzz_dev_arg *arg)
{
	(void)life;
	(void)arg;
}

static void describe(struct fuzz_life *life, union fuzz_dev_arg *arg)
{
	arg->describe.sequence = (uint32_t)fuzz_below(life, 20);
}

static void run(struct fuzz_life *life, union fuzz_dev_arg *arg)
{
	static const char * const names[] = { "crc7", "crc4", "no_such_module", "x" };

	arg->run.sequence = (uint32_t)fuzz_below(life, 20);
	arg->run.table = (uint32_t)fuzz_below(life, 2);
	/* Asks a program of the guest for the module, which takes its time. */
	if (fuzz_one_in(life, 40))
		copy(arg->run.module, names[fuzz_below(life, ARRAY_SIZE(names))],
		     sizeof(arg->run.module));
}

static void attach(struct fuzz_life *life, union fuzz_dev_arg *arg)
{
	arg->attach.pid = fuzz_pid(life);
	copy(arg->attach.class, fuzz_one_in(life, 4) ? "kvm" : "user",
	     sizeof(arg->attach.class));
}

static void faults(struct fuzz_life *life, union fuzz_dev_arg *arg)
{
	arg->faults.domain = domain(life);
	arg->faults.faults = array(life);
	arg->faults.max = room(life, sizeof(struct asi_ioc_fault));
}

static void clear(struct fuzz_life *life, union fuzz_dev_arg *arg)
{
	arg->clear.domain = domain(life);
}

static void mappings(struct fuzz_life *life, union fuzz_dev_arg *arg)
{
	arg->mappings.domain = domain(life);
	arg->mappings.flags = (uint32_t)fuzz_below(life, 4);
	arg->mappings.start = fuzz_one_in(life, 2) ? fuzz_number(life) : 0;
	arg->mappings.mappings = array(life);
	arg->mappings.max = room(life, sizeof(struct asi_ioc_mapping));
}

/* ---- grants ------------------------------------------------------------- */

static void symbol(struct fuzz_life *life, struct asi_ioc_grant *grant)
{
	static const char * const names[] = {
		"linux_banner", "jiffies_64", "init_task", "init_mm", "init_uts_ns",
		"sys_call_table", "vm_stat", "no_such_symbol",
	};

	grant->kind = ASI_GRANT_SYMBOL;
	copy(grant->name, names[fuzz_below(life, ARRAY_SIZE(names))],
	     sizeof(grant->name));
}

static void percpu(struct fuzz_life *life, struct asi_ioc_grant *grant)
{
	static const char * const names[] = {
		"cpu_info", "irq_stat", "cpu_tlbstate", "kernel_cpustat",
		"no_such_variable",
	};

	grant->kind = ASI_GRANT_PERCPU;
	copy(grant->name, names[fuzz_below(life, ARRAY_SIZE(names))],
	     sizeof(grant->name));
}

static void module(struct fuzz_life *life, struct asi_ioc_grant *grant)
{
	grant->kind = ASI_GRANT_MODULE;
	copy(grant->name, fuzz_one_in(life, 4) ? "crc4" : "asi_dev",
	     sizeof(grant->name));
}

/* Of the direct map, which may not be where the addresses at the edges are. */
static void address(struct fuzz_life *life, struct asi_ioc_grant *grant)
{
	grant->kind = ASI_GRANT_ADDRESS;
	grant->address = direct.start + fuzz_below(life, direct.end - direct.start);
	grant->length = 1 + fuzz_below(life, fuzz_one_in(life, 4) ? 1 << 22 : 9000);
}

static void grant(struct fuzz_life *life, union fuzz_dev_arg *arg)
{
	static void (* const kinds[])(struct fuzz_life *life,
				      struct asi_ioc_grant *grant) = {
		symbol, percpu, module, address,
	};

	arg->grant.domain = fuzz_one_in(life, 4) ? ASI_DOMAIN_ATTACHED :
						   ASI_DOMAIN_TEST_DECORATED;
	kinds[fuzz_below(life, ARRAY_SIZE(kinds))](life, &arg->grant);
	if (arg->grant.kind != ASI_GRANT_MODULE && fuzz_one_in(life, 4))
		arg->grant.length = 1 + fuzz_below(life, 100);
}

/* What this life granted last, for what may be another of its files. */
static struct asi_ioc_grant granted;

void fuzz_dev_granted(const struct asi_ioc_grant *grant)
{
	granted = *grant;
}

static void take_back(struct fuzz_life *life, union fuzz_dev_arg *arg)
{
	if (granted.kind && !fuzz_one_in(life, 4))
		arg->grant = granted;
	else
		grant(life, arg);
}

static void grants(struct fuzz_life *life, union fuzz_dev_arg *arg)
{
	arg->grants.domain = domain(life);
	arg->grants.first = (uint32_t)fuzz_below(life, 8);
	arg->grants.grants = array(life);
	arg->grants.max = room(life, sizeof(struct asi_ioc_granted));
}

static void widen(struct range *r, uint64_t start, uint64_t end)
{
	if (start < r->start || !r->end)
		r->start = start;
	if (end > r->end)
		r->end = end;
}

/* One line of the file map of debugfs. */
static void take_region(const char *line)
{
	unsigned long long start, end;
	char region[32];
	int mapped;

	if (sscanf(line, "%llx %llx %*s %d %*s %31s", &start, &end, &mapped,
		   region) != 4)
		return;
	if (!strcmp(region, "vmalloc") || !strcmp(region, "window"))
		widen(&vmalloc, start, end);
	if (!strcmp(region, "direct") && mapped)
		widen(&direct, start, end);
}

/* If the file says nothing, addresses are not granted. */
void fuzz_requests_init(void)
{
	FILE *f = fopen(ASI_DEBUGFS "/map", "r+e");
	char line[200];

	if (f && fprintf(f, "%d", (int)getpid()) > 0 && !fflush(f)) {
		rewind(f);
		while (fgets(line, sizeof(line), f))
			take_region(line);
	}
	if (f)
		fclose(f);
	if (!vmalloc.end)
		vmalloc.end = UINT64_MAX;
	if (!direct.end)
		direct.end = 4096;
}

bool fuzz_dev_grant_fair(const struct asi_ioc_grant *grant)
{
	uint64_t last;

	if (grant->kind != ASI_GRANT_ADDRESS)
		return true;
	if (__builtin_add_overflow(grant->address, grant->length, &last))
		return true;
	return last <= vmalloc.start || grant->address >= vmalloc.end;
}

/* ---- the table ---------------------------------------------------------- */

#define REQUEST(name, fill, weight)					\
	{ #name, ASI_IOC_##name, _IOC_SIZE(ASI_IOC_##name), weight, fill }

static const struct fuzz_request requests[] = {
	REQUEST(INFO,		no_argument,	10),
	REQUEST(DESCRIBE,	describe,	10),
	REQUEST(RUN,		run,		4),
	REQUEST(ATTACH,		attach,		20),
	REQUEST(DETACH,		no_argument,	8),
	REQUEST(FAULTS,		faults,		10),
	REQUEST(CLEAR_FAULTS,	clear,		2),
	REQUEST(MAPPINGS,	mappings,	10),
	REQUEST(GRANT,		grant,		14),
	REQUEST(REVOKE,		take_back,		10),
	REQUEST(GRANTS,		grants,		10),
};

const struct fuzz_request *fuzz_dev_choose(struct fuzz_life *life)
{
	const struct fuzz_request *r = requests;
	unsigned int sum = 0, at;

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
		sum += requests[i].weight;
	for (at = (unsigned int)fuzz_below(life, sum); at >= r->weight; r++)
		at -= r->weight;
	return r;
}

static bool seen(const char *name)
{
	const struct fuzz_outcome *o = fuzz_shared->outcome;

	for (; o < fuzz_shared->outcome + FUZZ_OUTCOMES && o->name; o++)
		if (!strcmp(o->name, name))
			return atomic_load(&o->good) && atomic_load(&o->bad);
	return false;
}

bool fuzz_dev_kinds(void)
{
	bool all = true;

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		if (seen(requests[i].name))
			continue;
		ktap_note("%s did not both succeed and fail", requests[i].name);
		all = false;
	}
	return all;
}
