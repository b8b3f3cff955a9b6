// SPDX-License-Identifier: GPL-2.0
/* Arguments of the fuzzer: numbers at the edges, pointers to anywhere. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "fuzz.h"

#define PAGE	4096UL

/*
 * What is at the arena, page by page. Each kind of memory that the kernel cannot use
 * has good memory before it, so that there are buffers which begin well.
 */
enum {
	ARENA_GOOD,
	ARENA_NONE	= FUZZ_ARENA / PAGE,
	ARENA_GOOD_2,
	ARENA_READ_ONLY,
	ARENA_GOOD_3,
	/* Of a file that is too short: a fault there is an error. */
	ARENA_BEYOND,
	ARENA_PAGES,
};

/*
 * Below 4 GiB, so that a system call of 32 bits can name it, and far from all else: the
 * neighbours of its address are nothing of ours.
 */
#define ARENA_AT	((void *)0x70000000UL)

static unsigned char *arena;

static void *arena_page(unsigned int nr)
{
	return arena + nr * PAGE;
}

void fuzz_args_init(void)
{
	int fd = temp_fd(PAGE);
	void *p;

	arena = mmap(ARENA_AT, ARENA_PAGES * PAGE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (arena != ARENA_AT)
		ktap_bail("the arena: %s", strerror(errno));
	p = mmap(arena_page(ARENA_BEYOND), PAGE, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_FIXED, fd, PAGE);
	if (p == MAP_FAILED ||
	    mprotect(arena_page(ARENA_NONE), PAGE, PROT_NONE) ||
	    mprotect(arena_page(ARENA_READ_ONLY), PAGE, PROT_READ))
		ktap_bail("the arena: %s", strerror(errno));
	close(fd);
}

unsigned char *fuzz_arena(void)
{
	return arena;
}

/* A multiplication mixes what three shifts leave alike in the low bits. */
static uint64_t random64(struct fuzz_life *life)
{
	return next_random(&life->random) * 0x2545f4914f6cdd1dULL;
}

uint64_t fuzz_below(struct fuzz_life *life, uint64_t n)
{
	return (random64(life) >> 11) % n;
}

bool fuzz_one_in(struct fuzz_life *life, unsigned int n)
{
	return !fuzz_below(life, n);
}

/* Addresses that mean something to the kernel, or to the CPU. */
static const uint64_t addresses[] = {
	0, 8, PAGE - 1, PAGE,
	/* The end of user memory, with four and five levels. */
	0x00007ffffffff000ULL, 0x00007fffffffffffULL, 0x0000800000000000ULL,
	0x00fffffffffff000ULL, 0x0100000000000000ULL,
	/* Not canonical. */
	0x8000000000000000ULL, 0xff00000000000000ULL - 1,
	/* Direct map, vmalloc area, vmemmap, each with four and five levels. */
	0xffff888000000000ULL, 0xff11000000000000ULL,
	0xffffc90000000000ULL, 0xffa0000000000000ULL,
	0xffffea0000000000ULL, 0xffd4000000000000ULL,
	/* CPU entry areas, KASAN's shadow, image, modules, fixmap, vsyscall. */
	0xfffffe0000000000ULL, 0xffffec0000000000ULL, 0xffffffff81000000ULL,
	0xffffffffc0000000ULL, 0xffffffffff5ff000ULL, 0xffffffffff600000ULL,
	0xfffffffffffff000ULL, 0xffffffffffffffffULL,
};

/* 2^n, and its neighbours. */
static uint64_t near_power(struct fuzz_life *life)
{
	return (1ULL << fuzz_below(life, 64)) + fuzz_below(life, 3) - 1;
}

uint64_t fuzz_number(struct fuzz_life *life)
{
	switch (fuzz_below(life, 8)) {
	case 0:
		return 0;
	case 1:
		return fuzz_below(life, 16);
	case 2:
		return -(uint64_t)fuzz_below(life, 16);
	case 3:
		return near_power(life);
	case 4:
		return PAGE * fuzz_below(life, 1024);
	case 5:
		return addresses[fuzz_below(life, ARRAY_SIZE(addresses))] +
		       fuzz_below(life, 3) - 1;
	case 6:
		return (uint64_t)fuzz_pid(life);
	default:
		return random64(life) >> fuzz_below(life, 64);
	}
}

size_t fuzz_length(struct fuzz_life *life)
{
	if (fuzz_one_in(life, 40))
		return (size_t)fuzz_number(life);
	if (fuzz_one_in(life, 4))
		return (size_t)fuzz_below(life, FUZZ_ARENA + 1);
	return (size_t)fuzz_below(life, 200);
}

off_t fuzz_offset(struct fuzz_life *life)
{
	if (fuzz_one_in(life, 20))
		return (off_t)fuzz_number(life);
	return (off_t)fuzz_below(life, 8192);
}

/* So near to the end of a good page that @len bytes do not fit. */
static void *crossing(struct fuzz_life *life, unsigned int bad, size_t len)
{
	size_t before = len > 1 ? fuzz_below(life, len < PAGE ? len : PAGE) : 0;

	return (unsigned char *)arena_page(bad) - before;
}

void *fuzz_bad_pointer(struct fuzz_life *life, size_t len)
{
	static const unsigned int bad[] = {
		ARENA_NONE, ARENA_READ_ONLY, ARENA_BEYOND,
	};
	unsigned int page = bad[fuzz_below(life, ARRAY_SIZE(bad))];

	if (fuzz_one_in(life, 2))
		return (void *)addresses[fuzz_below(life, ARRAY_SIZE(addresses))];
	if (fuzz_one_in(life, 2))
		return crossing(life, page, len);
	return (unsigned char *)arena_page(page) + fuzz_below(life, PAGE);
}

void *fuzz_buffer(struct fuzz_life *life, size_t len)
{
	if (fuzz_one_in(life, 8))
		return fuzz_bad_pointer(life, len);
	if (len >= FUZZ_ARENA)
		return arena;
	if (fuzz_one_in(life, 4))
		return arena + FUZZ_ARENA - len;
	return arena + fuzz_below(life, FUZZ_ARENA - len);
}

int fuzz_pid(struct fuzz_life *life)
{
	int pid = atomic_load(&fuzz_shared->pid[fuzz_below(life, FUZZ_WORKERS + 1)]);

	switch (fuzz_below(life, 16)) {
	case 0:
		return 1;
	case 1:
		return (int)fuzz_below(life, 1000);
	case 2:
		return getpid();
	default:
		return pid;
	}
}

/* What the kernel writes there would be a fault of ours. */
static bool is_ours(uint64_t address)
{
	void *page = (void *)(address & ~(PAGE - 1));

	return !msync(page, PAGE, MS_ASYNC);
}

static uint64_t odd_word(struct fuzz_life *life)
{
	uint64_t number;

	if (fuzz_one_in(life, 4))
		return (uint64_t)fuzz_bad_pointer(life, 64);
	if (fuzz_one_in(life, 8))
		return (uint64_t)arena;
	number = fuzz_number(life);
	return is_ours(number) ? 0 : number;
}

void fuzz_mutate(struct fuzz_life *life, void *arg, size_t len)
{
	unsigned int changes = 1 + (unsigned int)fuzz_below(life, 3);
	unsigned char *bytes = arg;

	for (; len && changes; changes--) {
		size_t size = 1UL << fuzz_below(life, 4);
		uint64_t word = odd_word(life);
		size_t at = fuzz_below(life, len);

		if (fuzz_one_in(life, 4)) {
			bytes[at] ^= (unsigned char)(1U << fuzz_below(life, 8));
			continue;
		}
		at &= ~(size - 1);
		if (at + size <= len)
			memcpy(bytes + at, &word, size);
	}
}
