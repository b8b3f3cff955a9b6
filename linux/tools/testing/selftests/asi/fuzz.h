/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fuzzer of ASI's files and device:
 *
 *   fuzz.c        starts processes, kills them, and judges
 *   fuzz_args.c   arguments: numbers at the edges, pointers to anywhere
 *   fuzz_scan.c   finds addresses of the kernel in what was read
 *   fuzz_files.c  calls to the files in sysfs and debugfs
 *   fuzz_dev.c    calls to /dev/asi
 *   fuzz_requests.c valid arguments of its ioctls
 *   fuzz_module.c has the module of the device go and come back
 *   fuzz_state.c  the machine before and afterwards
 *   fuzz_break.c  breaks the machine, so that the fuzzer has something to find
 *
 * The unit of work is a life: a process that makes random calls until it had its
 * share or is killed. All that it does follows from the seed and from its number, but
 * for pids, and for what other lives do at the same time.
 */
#ifndef ASI_TEST_FUZZ_H
#define ASI_TEST_FUZZ_H

#include "asi_test.h"

#define FUZZ_DEVICE	"/dev/asi"
#define FUZZ_WORKERS	8
#define FUZZ_OUTCOMES	48

/* Who makes the calls. */
enum fuzz_role {
	/* All rights. */
	FUZZ_ROOT,
	/* No rights: files for root cannot be opened. */
	FUZZ_NOBODY,
	/* Root of a user namespace of its own, which is nobody outside. */
	FUZZ_USERNS,
	/* User 0 without capabilities: owns the files, and that is all. */
	FUZZ_POWERLESS,
	FUZZ_ROLES,
};

/**
 * struct fuzz_outcome - how often a kind of call succeeded and failed
 * @name: the kind, which never changes once it is there
 * @good: calls that returned no error
 * @bad: calls that did
 */
struct fuzz_outcome {
	const char *name;
	atomic_ulong good;
	atomic_ulong bad;
};

/**
 * struct fuzz_shared - what all processes of the fuzzer see
 * @calls: made so far
 * @stop: end the life after the call that runs
 * @let_go: close the device, and stay away most of the time: the module is to go, or
 *	it is not there
 * @reloads: how often the module went and came back
 * @busy: how often it was in use and stayed
 * @holes: how many blocks were hidden by hand so far, which is how they are numbered
 * @scanned: bytes that were read without rights, and looked at
 * @leaks: addresses of the kernel in them
 * @trespasses: files that were opened without the right to
 * @pid: processes to attach to; 0 is none
 * @outcome: of each kind of call
 */
struct fuzz_shared {
	atomic_ulong calls;
	atomic_bool stop;
	atomic_bool let_go;
	atomic_ulong reloads;
	atomic_ulong busy;
	atomic_ulong holes;
	atomic_ulong scanned;
	atomic_ulong leaks;
	atomic_ulong trespasses;
	atomic_int pid[FUZZ_WORKERS + 1];
	struct fuzz_outcome outcome[FUZZ_OUTCOMES];
};

extern struct fuzz_shared *fuzz_shared;

/**
 * struct fuzz_life - one process
 * @number: of the life
 * @role: its rights
 * @random: state of the generator
 */
struct fuzz_life {
	unsigned long number;
	enum fuzz_role role;
	uint64_t random;
};

/* ---- arguments ---------------------------------------------------------- */

/* Bytes that may be read and written at the address fuzz_arena() returns. */
#define FUZZ_ARENA	(16UL << 10)

/** fuzz_args_init() - Memory for arguments; in each life, before the others. */
void fuzz_args_init(void);

/** fuzz_arena() - Good memory, of FUZZ_ARENA bytes. */
unsigned char *fuzz_arena(void);

/** fuzz_below() - A number below @n, which is not 0. */
uint64_t fuzz_below(struct fuzz_life *life, uint64_t n);

/** fuzz_one_in() - True once in @n times. */
bool fuzz_one_in(struct fuzz_life *life, unsigned int n);

/** fuzz_number() - A number where programs err, or any. */
uint64_t fuzz_number(struct fuzz_life *life);

/** fuzz_length() - A length for reads and writes: mostly one that fits the arena. */
size_t fuzz_length(struct fuzz_life *life);

/** fuzz_offset() - A position in a file. */
off_t fuzz_offset(struct fuzz_life *life);

/** fuzz_bad_pointer() - Where the kernel may not read or write @len bytes for us. */
void *fuzz_bad_pointer(struct fuzz_life *life, size_t len);

/**
 * fuzz_buffer() - A buffer for a call: most times a good one
 * @life: who asks
 * @len: how much the call is told that there is
 *
 * Whatever the call writes to a good one of @len bytes leaves the fuzzer itself
 * intact, if @len is not larger than the arena; of a longer one, only what fits is
 * memory.
 */
void *fuzz_buffer(struct fuzz_life *life, size_t len);

/** fuzz_pid() - Of a process of the fuzzer, or of anybody. */
int fuzz_pid(struct fuzz_life *life);

/**
 * fuzz_mutate() - Change some bytes of a valid argument
 * @life: who asks
 * @arg: the argument
 * @len: its length
 *
 * Words of 1, 2, 4 or 8 bytes, where such words can be, become numbers at the edges
 * or pointers; now and then a bit flips.
 */
void fuzz_mutate(struct fuzz_life *life, void *arg, size_t len);

/* ---- leaks -------------------------------------------------------------- */

/**
 * fuzz_find_address() - The first address of the kernel
 * @data: where to look
 * @len: how far
 *
 * As text, in hexadecimal or in decimal, or as a word of memory. Returns 0 when there
 * is none.
 */
uint64_t fuzz_find_address(const void *data, size_t len);

/** fuzz_scan() - Count what was read without rights, and the addresses in it. */
void fuzz_scan(const struct fuzz_life *life, const char *what, const void *data,
	       size_t len);

/* ---- calls -------------------------------------------------------------- */

/** fuzz_count() - One call of a kind was made; @name is the constant that names it. */
void fuzz_count(const char *name, bool good);

/** fuzz_rights() - May a role open what is for root alone? */
static inline bool fuzz_rights(const struct fuzz_life *life)
{
	return life->role == FUZZ_ROOT;
}

/** fuzz_files_find() - List the files; once, before there are lives. How many. */
unsigned int fuzz_files_find(void);

/** fuzz_files_inherit() - Have the lives that follow inherit an open file for root. */
void fuzz_files_inherit(void);

/** fuzz_files_call() - One call to a file. */
void fuzz_files_call(struct fuzz_life *life);

/** fuzz_dev_find() - Look for the device; once, before there are lives. */
void fuzz_dev_find(void);

/** fuzz_dev_there() - Was it there? */
bool fuzz_dev_there(void);

/** fuzz_dev_call() - One call to the device, if it is there. */
void fuzz_dev_call(struct fuzz_life *life);

/** fuzz_dev_let_go() - Close the device, which has to go. */
void fuzz_dev_let_go(void);

/** fuzz_dev_kinds() - Did each ioctl succeed and fail at least once? Notes which not. */
bool fuzz_dev_kinds(void);

/* ---- the machine -------------------------------------------------------- */

/**
 * struct fuzz_state - what may not grow
 * @domains: of all processes
 * @holes: blocks hidden by hand
 * @tainted: flags of the kernel
 * @available_kb: memory that can be had
 * @slab_kb: slabs that cannot be reclaimed
 * @tables_kb: page tables
 * @vmalloc_kb: vmalloc area in use
 * @percpu_kb: per-CPU memory
 */
struct fuzz_state {
	unsigned long domains;
	unsigned long holes;
	unsigned long tainted;
	unsigned long available_kb;
	unsigned long slab_kb;
	unsigned long tables_kb;
	unsigned long vmalloc_kb;
	unsigned long percpu_kb;
};

/** fuzz_state_read() - The state, after what can be given back was. */
void fuzz_state_read(struct fuzz_state *s);

/** fuzz_state_note() - Print it. */
void fuzz_state_note(const char *when, const struct fuzz_state *s);

/** fuzz_memory_kept() - Is as much memory free as before, but for noise? */
bool fuzz_memory_kept(const struct fuzz_state *before, const struct fuzz_state *after);

/** fuzz_holes_clear() - Give back the blocks that are hidden by hand, but for @keep. */
void fuzz_holes_clear(unsigned long keep);

/** fuzz_check_ok() - Does ASI find its page tables right? Notes what it says if not. */
bool fuzz_check_ok(void);

/** fuzz_machine_works() - Processes start, memory keeps what it holds. */
bool fuzz_machine_works(void);

/* ---- faults on purpose --------------------------------------------------- */

/** fuzz_break_known() - Is there a fault of this name? */
bool fuzz_break_known(const char *name);

/** fuzz_break() - Do it: leave something behind, or give something away. */
void fuzz_break(const char *name);

/* ---- the module --------------------------------------------------------- */

/**
 * fuzz_module_start() - Load the module of the device, if it is one
 * @file: the module, or NULL when it is built in
 */
void fuzz_module_start(const char *file);

/**
 * fuzz_module_loop() - Have it go and come back until the end of the round
 * @life: a life for random numbers alone
 *
 * It is there when this returns; false when it cannot be loaded any more.
 */
bool fuzz_module_loop(struct fuzz_life *life);

#endif /* ASI_TEST_FUZZ_H */
