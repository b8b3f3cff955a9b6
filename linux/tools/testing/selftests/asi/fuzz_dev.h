/* SPDX-License-Identifier: GPL-2.0 */
/* Between the files of the fuzzer that are about /dev/asi. */
#ifndef ASI_TEST_FUZZ_DEV_H
#define ASI_TEST_FUZZ_DEV_H

/* Of this kernel, not of the system. */
#include "../../../../include/uapi/linux/asi.h"

#include "fuzz.h"

/* Any argument. */
union fuzz_dev_arg {
	struct asi_ioc_info info;
	struct asi_ioc_describe describe;
	struct asi_ioc_run run;
	struct asi_ioc_attach attach;
	struct asi_ioc_faults faults;
	struct asi_ioc_clear clear;
	struct asi_ioc_mappings mappings;
	struct asi_ioc_grant grant;
	struct asi_ioc_grants grants;
};

/**
 * struct fuzz_request - one ioctl
 * @name: for people
 * @request: its number
 * @size: of its argument
 * @weight: how often it is called, compared with the others
 * @prepare: makes a valid argument of what is zero
 */
struct fuzz_request {
	const char *name;
	unsigned int request;
	size_t size;
	unsigned int weight;
	void (*prepare)(struct fuzz_life *life, union fuzz_dev_arg *arg);
};

/** fuzz_dev_choose() - An ioctl, by weight. */
const struct fuzz_request *fuzz_dev_choose(struct fuzz_life *life);

/** fuzz_requests_init() - Find out what no grant may be about; once. */
void fuzz_requests_init(void);

/** fuzz_dev_granted() - Remember a grant, to take it back. */
void fuzz_dev_granted(const struct asi_ioc_grant *grant);

/** fuzz_dev_grant_fair() - Is this a grant that may do no harm? */
bool fuzz_dev_grant_fair(const struct asi_ioc_grant *grant);

#endif /* ASI_TEST_FUZZ_DEV_H */
