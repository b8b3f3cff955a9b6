// SPDX-License-Identifier: GPL-2.0
/*
 * Finds addresses of the kernel in what somebody without rights read.
 *
 * They begin at 0xff00000000000000, with five levels of page tables. The last of them
 * are what negative numbers look like, and nothing of the kernel is there.
 */
#include <ctype.h>
#include <string.h>

#include "fuzz.h"

#define KERNEL_START	0xff00000000000000ULL
#define KERNEL_END	0xffffffffffff0000ULL

static bool is_address(uint64_t value)
{
	return value >= KERNEL_START && value < KERNEL_END;
}

static int digit(unsigned char c, unsigned int base)
{
	int value = isdigit(c) ? c - '0' :
		    isxdigit(c) ? tolower(c) - 'a' + 10 : 16;

	return value < (int)base ? value : -1;
}

/* A number of @digits digits at the beginning of @text, and of no more. */
static uint64_t number(const unsigned char *text, size_t len, size_t digits,
		       unsigned int base)
{
	uint64_t value = 0;

	if (len < digits || (len > digits && digit(text[digits], base) >= 0))
		return 0;
	for (size_t i = 0; i < digits; i++) {
		int d = digit(text[i], base);

		if (d < 0 || __builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, (uint64_t)d, &value))
			return 0;
	}
	return value;
}

/* All addresses of the kernel have 16 digits, or 20 in decimal. */
static uint64_t as_text(const unsigned char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint64_t value;

		if (!isxdigit(data[i]) || (i && isxdigit(data[i - 1])))
			continue;
		value = number(data + i, len - i, 16, 16);
		if (is_address(value))
			return value;
		value = number(data + i, len - i, 20, 10);
		if (is_address(value))
			return value;
	}
	return 0;
}

static uint64_t as_words(const unsigned char *data, size_t len)
{
	for (size_t i = 0; i + sizeof(uint64_t) <= len; i++) {
		uint64_t value;

		memcpy(&value, data + i, sizeof(value));
		if (is_address(value))
			return value;
	}
	return 0;
}

uint64_t fuzz_find_address(const void *data, size_t len)
{
	uint64_t value = as_text(data, len);

	return value ? value : as_words(data, len);
}

void fuzz_scan(const struct fuzz_life *life, const char *what, const void *data,
	       size_t len)
{
	uint64_t address = fuzz_find_address(data, len);

	atomic_fetch_add(&fuzz_shared->scanned, len);
	if (!address)
		return;
	atomic_fetch_add(&fuzz_shared->leaks, 1);
	test_error("life %lu, role %d, read %#llx from %s", life->number,
		   life->role, (unsigned long long)address, what);
}
