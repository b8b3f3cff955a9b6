/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ASIBENCH_CLOCK_H
#define ASIBENCH_CLOCK_H

#include <stdint.h>
#include <time.h>
#include <x86intrin.h>

enum clock_kind {
	/* Nanoseconds; the clock for real hardware. */
	CLOCK_KIND_MONO,
	/*
	 * The time stamp counter. Under the emulator's instruction clock it
	 * counts instructions exactly, without the rounding that the kernel's
	 * clock source adds.
	 */
	CLOCK_KIND_TSC,
};

extern enum clock_kind clock_kind;

static inline uint64_t clock_mono(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* The present time in the unit of the chosen clock. */
static inline uint64_t clock_now(void)
{
	if (clock_kind == CLOCK_KIND_TSC)
		return __rdtsc();
	return clock_mono();
}

#endif /* ASIBENCH_CLOCK_H */
