/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What plants secrets in a guest: a process for each kind of place, which puts
 * its secret there and keeps it until the end.
 *
 * A secret is four words of eight printable characters. The first and the third
 * are the same in all secrets of a run, so that one search finds them all; the
 * others belong to the kind. lib/audit/secret.py makes the same from the seed.
 *
 * A holder must leave its secret nowhere but in its place. So secrets are made
 * word by word in registers, no function of the C library ever sees one, and
 * what had to be handed to a system call is wiped.
 */
#ifndef AUDIT_PLANT_H
#define AUDIT_PLANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define __noreturn	__attribute__((noreturn))
#define __printf(f, a)	__attribute__((format(printf, f, a)))

#define SECRET_WORDS	4
#define SECRET_SIZE	32UL
#define PAGE		4096UL

/**
 * struct kind - a kind of place
 * @name:  In the report, in expect.tsv, and what the secret is made from.
 * @plant: Puts the secret there. Returns when it is there; otherwise it calls
 *	   missing() or failed().
 */
struct kind {
	const char *name;
	void (*plant)(void);
};

/* The families, each ended by an entry without a name. */
extern const struct kind memory_kinds[], file_kinds[], ipc_kinds[], binder_kinds[];
extern const struct kind net_kinds[], wire_kinds[], rds_kinds[], object_kinds[];
extern const struct kind alg_kinds[], ring_kinds[], xdp_kinds[], bpf_kinds[];
extern const struct kind task_kinds[], copy_kinds[], vm_kinds[], block_kinds[];
extern const struct kind serve_kinds[], fuse_kinds[], device_kinds[];
extern const struct kind hardware_kinds[], left_kinds[], bounce_kinds[];

/**
 * struct settings - what the command line says
 * @seed:	 What all secrets are made from.
 * @asictl:	 The program that lists the domains.
 * @disk:	 A block device: swap at its start, the mailbox in its last page.
 * @file:	 A file of the host that holds the secret of "9p", or NULL.
 * @modules:	 A directory of the host, where the kernel was built, or NULL.
 * @self:	 This program.
 */
struct settings {
	uint64_t seed;
	const char *asictl;
	const char *disk;
	const char *file;
	const char *modules;
	char self[PAGE];
};

extern struct settings settings;

/** secret_word() - Word @i of the secret of the kind that is being planted. */
uint64_t secret_word(unsigned int i);

/** secret_write() - The secret, to memory that is its place or will be wiped. */
void secret_write(void *to);

/** masked_word() - Word @i, made unrecognisable: XOR with MASK gives it back. */
uint64_t masked_word(unsigned int i);
#define MASK	0x8182848890a0c0ffULL

/** wipe() - Clear memory; the compiler does not leave it out. */
void wipe(void *mem, size_t len);

/**
 * missing() - This machine has no such place
 *
 * Ends the holder; the kind is reported as not available, for this reason.
 */
void missing(const char *why, ...) __printf(1, 2) __noreturn;

/** failed() - The secret could not be planted, which is an error; adds errno. */
void failed(const char *what, ...) __printf(1, 2) __noreturn;

/** need() - Returns @ret, if it is no error; failed(@what) otherwise. */
long need(long ret, const char *what);

/**
 * available() - Returns @ret, unless it says that the kernel lacks something
 *
 * Then the kind is missing(@what); any other error is failed(@what).
 */
long available(long ret, const char *what);

/** map_anon() - Private anonymous memory. */
void *map_anon(size_t len);

/** map_shared() - @len bytes at @at of what @fd shares with its user. */
char *map_shared(int fd, size_t len, off_t at, const char *what);

/** send_secret() - Write the secret to @fd, leaving no copy of ours. */
void send_secret(int fd, const char *what);

/** send_message() - The same to a socket, by send() with @flags. */
void send_message(int fd, int flags, const char *what);

/** write_text() - One write() of @text to a file; 0 or -errno. */
int write_text(const char *path, const char *text);

/** read_text() - The start of a text file, ended by NUL; its length or -errno. */
int read_text(const char *path, char *buf, size_t size);

/** page_frame() - The number of the frame at @p; 0: unknown. */
uint64_t page_frame(const void *p);

/** page_flags() - Those of /proc/kpageflags for the page at @p; 0: unknown. */
uint64_t page_flags(const void *p);
#define FLAG_HUGE	(1ULL << 17)
#define FLAG_THP	(1ULL << 22)

/** run() - Run a program; its exit status. @out: -1 or its standard output. */
int run(const char *const argv[], int out);

/** report_planted() - Tell the parent. For holders that never return. */
void report_planted(void);

/** hold() - Stay, and do nothing. */
void hold(void) __noreturn;

#endif /* AUDIT_PLANT_H */
