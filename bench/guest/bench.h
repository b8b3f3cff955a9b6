/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What one benchmark is, and what the benchmarks share.
 *
 * A benchmark repeats one operation. main.c runs it in windows of a fixed
 * number of operations, short enough that most windows see no timer tick, and
 * reports the cheapest and the median window.
 */
#ifndef ASIBENCH_BENCH_H
#define ASIBENCH_BENCH_H

#include <stddef.h>
#include <stdint.h>

struct bench {
	/* One word, the key of the result lines. */
	const char *name;
	/* One line for people. */
	const char *what;
	/* Operations per window. */
	unsigned int ops;
	/* System calls per operation, of all processes that take part. */
	double syscalls;
	/* Times a virtual CPU stops running guest code, per operation. */
	double vm_exits;
	/*
	 * Returns NULL, or the reason why this machine cannot run it. After a
	 * failure teardown() is not called.
	 */
	const char *(*setup)(void);
	/*
	 * Does @ops operations and returns how long they took. With 0 it takes
	 * the same path without the operation, which is what main.c subtracts.
	 */
	uint64_t (*run)(unsigned int ops);
	/* May be NULL. */
	void (*teardown)(void);
};

extern const struct bench bench_null;
extern const struct bench bench_int80;
extern const struct bench bench_compat;
extern const struct bench bench_read;
extern const struct bench bench_write;
extern const struct bench bench_pipe;
extern const struct bench bench_ctx_thread;
extern const struct bench bench_ctx_process;
extern const struct bench bench_touch;
extern const struct bench bench_touch_huge;
extern const struct bench bench_fill;
extern const struct bench bench_copy;
extern const struct bench bench_unmap;
extern const struct bench bench_fork;
extern const struct bench bench_forkexec;
extern const struct bench bench_alloc0;
extern const struct bench bench_alloc0_user;
extern const struct bench bench_alloc9;
extern const struct bench bench_alloc9_user;
extern const struct bench bench_vmexit_kernel;
extern const struct bench bench_vmexit_mmio;
extern const struct bench bench_vmexit_user;
extern const struct bench bench_core;
extern const struct bench bench_unix;
extern const struct bench bench_udp;
extern const struct bench bench_tcp;
extern const struct bench bench_netlink;
extern const struct bench bench_packet;
extern const struct bench bench_msg;
extern const struct bench bench_mq;
extern const struct bench bench_tty_input;
extern const struct bench bench_tty_output;
extern const struct bench bench_getxattr;
extern const struct bench bench_setxattr;
extern const struct bench bench_bpf_lookup;
extern const struct bench bench_bpf_array;
extern const struct bench bench_bpf_ring;
extern const struct bench bench_key_read;
extern const struct bench bench_big_key;
extern const struct bench bench_cipher;
extern const struct bench bench_hash;
extern const struct bench bench_uring;
extern const struct bench bench_tls;
extern const struct bench bench_zram;
extern const struct bench bench_brd;
extern const struct bench bench_swap;
extern const struct bench bench_fuse;
extern const struct bench bench_environ;
extern const struct bench bench_cmdline;
extern const struct bench bench_proc_mem;

/* The module that has the allocations of alloc.c; NULL without. */
extern const char *alloc_module;

/* The table of memory, instead of the benchmarks; see memory.c. */
void measure_memory(void);

/*
 * Memory for what there is more of on one kernel than on another. Fork copies no
 * page tables of shared memory, so it costs the same however much of it is used.
 */
void *shared_memory(size_t size);

/* Prints the message with errno's text and ends the program with status 1. */
__attribute__((noreturn, format(printf, 1, 2))) void die(const char *fmt, ...);

#endif /* ASIBENCH_BENCH_H */
