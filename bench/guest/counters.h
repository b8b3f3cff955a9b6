/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The event counters of address space isolation, and the state it is in, as
 * the kernel shows them in sysfs.
 */
#ifndef ASIBENCH_COUNTERS_H
#define ASIBENCH_COUNTERS_H

#include <stdint.h>

#define COUNTERS_MAX 256

/* Where the kernel shows them; another directory in the tests. */
extern const char *asi_dir;

struct counters {
	uint64_t value[COUNTERS_MAX];
};

/* Comes first, once. */
void counters_prepare(void);

/* Finds every counter there is. A child may do it for its parent. */
void counters_find(void);

/* How many were found; 0 on a kernel without isolation. */
unsigned int counters_number(void);

/* "class.counter", for 0 <= @i < the number of counters. */
const char *counters_name(unsigned int i);

void counters_read(struct counters *out);

/* Prints the line "state ..." with what is on in the running kernel. */
void counters_print_state(void);

#endif /* ASIBENCH_COUNTERS_H */
