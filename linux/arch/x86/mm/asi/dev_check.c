// SPDX-License-Identifier: GPL-2.0
/*
 * Address space isolation: is an argument of an ioctl of /dev/asi well formed?
 *
 * Pure functions of the structure that was copied from user space.  What an ioctl fills
 * in has to be 0, so that it can be given a meaning as input later.
 */
#include <linux/errno.h>
#include <linux/string.h>

#include "dev.h"

/**
 * asi_dev_string_valid - does a string end within its field, with zeroes behind?
 * @s:	  The field.
 * @size: Its size.
 */
bool asi_dev_string_valid(const char *s, size_t size)
{
	size_t len = strnlen(s, size);

	return len < size && !memchr_inv(s + len, 0, size - len);
}

static bool all_zero(const void *p, size_t size)
{
	return !memchr_inv(p, 0, size);
}

static bool domain_valid(u32 domain)
{
	return domain <= ASI_DOMAIN_TEST_DECORATED;
}

/* 0, or the error for an argument that is not well formed; so all of these. */
int asi_dev_check_describe(const struct asi_ioc_describe *arg)
{
	struct asi_ioc_describe rest = *arg;

	rest.sequence = 0;
	if (!all_zero(&rest, sizeof(rest)) ||
	    arg->sequence >= asi_dev_nr_sequences)
		return -EINVAL;
	return 0;
}

int asi_dev_check_run(const struct asi_ioc_run *arg)
{
	bool wants_module;

	if (arg->sequence >= asi_dev_nr_sequences ||
	    arg->table >= ASI_NR_TABLES || arg->flags || arg->result ||
	    arg->nr_steps || arg->failed ||
	    !all_zero(arg->reserved, sizeof(arg->reserved)) ||
	    !all_zero(arg->reason, sizeof(arg->reason)) ||
	    !all_zero(arg->step, sizeof(arg->step)) ||
	    !asi_dev_string_valid(arg->module, sizeof(arg->module)))
		return -EINVAL;

	wants_module = asi_dev_sequences[arg->sequence].flags &
		       ASI_SEQUENCE_MODULE;
	return *arg->module && !wants_module ? -EINVAL : 0;
}

int asi_dev_check_attach(const struct asi_ioc_attach *arg)
{
	if (arg->pid <= 0 || arg->flags || !*arg->class ||
	    !all_zero(arg->reserved, sizeof(arg->reserved)) ||
	    !asi_dev_string_valid(arg->class, sizeof(arg->class)))
		return -EINVAL;
	return 0;
}

int asi_dev_check_faults(const struct asi_ioc_faults *arg)
{
	if (!domain_valid(arg->domain) || arg->flags || arg->nr || arg->total ||
	    arg->reserved || arg->lost)
		return -EINVAL;
	return arg->max > ASI_MAX_ENTRIES ? -E2BIG : 0;
}

int asi_dev_check_clear(const struct asi_ioc_clear *arg)
{
	if (!domain_valid(arg->domain) || arg->flags || arg->reserved)
		return -EINVAL;
	return 0;
}

int asi_dev_check_mappings(const struct asi_ioc_mappings *arg)
{
	if (!domain_valid(arg->domain) ||
	    arg->flags & ~(ASI_MAPPINGS_PRESENT | ASI_MAPPINGS_DIFFERENT) ||
	    !arg->max || arg->nr || arg->done || arg->reserved)
		return -EINVAL;
	return arg->max > ASI_MAX_ENTRIES ? -E2BIG : 0;
}

int asi_dev_check_grant(const struct asi_ioc_grant *arg)
{
	bool by_name = arg->kind != ASI_GRANT_ADDRESS;

	if (!domain_valid(arg->domain) ||
	    arg->domain == ASI_DOMAIN_TEST_NONSENSITIVE ||
	    arg->kind < ASI_GRANT_SYMBOL || arg->kind > ASI_GRANT_ADDRESS ||
	    arg->flags || !all_zero(arg->reserved, sizeof(arg->reserved)) ||
	    !asi_dev_string_valid(arg->name, sizeof(arg->name)))
		return -EINVAL;

	if (by_name != !!*arg->name || by_name == !!arg->address)
		return -EINVAL;
	switch (arg->kind) {
	case ASI_GRANT_MODULE:
		return arg->length ? -EINVAL : 0;
	case ASI_GRANT_SYMBOL:
		return 0;
	default:
		return arg->length ? 0 : -EINVAL;
	}
}

int asi_dev_check_grants(const struct asi_ioc_grants *arg)
{
	if (!domain_valid(arg->domain) ||
	    arg->domain == ASI_DOMAIN_TEST_NONSENSITIVE || arg->flags ||
	    arg->nr || arg->total || arg->reserved)
		return -EINVAL;
	return arg->max > ASI_MAX_ENTRIES ? -E2BIG : 0;
}
