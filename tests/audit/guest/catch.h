/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Much of what the kernel copies from users or to them is in its own memory for the
 * time of a system call only. So a thread is caught in the middle of that: what the
 * kernel reads or writes is a page that is not there and that nobody will bring.
 */
#ifndef AUDIT_CATCH_H
#define AUDIT_CATCH_H

#include "plant.h"

/* Of a buffer that is caught in its middle. */
#define CAUGHT_SIZE	2048UL

/**
 * struct caught - what a system call that is to be caught works with
 * @at:	  Where it reads from or writes to.
 * @fd:	  For the caller.
 * @path: For the caller.
 * @pos:  For the caller.
 */
struct caught {
	char *at;
	int fd;
	const char *path;
	off_t pos;
};

extern struct caught caught;

/**
 * start_call() - Have a thread make a system call that does not come back
 * @call: Makes it, and returns what it returned.
 *
 * If it comes back, the kind has failed().
 */
void start_call(long (*call)(void));

/**
 * catch_writing() - Caught while the kernel writes the first byte to @caught.at
 * @call: As for start_call(). It may say that up to PAGE bytes have room there.
 *
 * Returns when that happened; failed(), when it did not.
 */
void catch_writing(long (*call)(void));

/**
 * catch_reading() - Caught after the kernel has read the secret from @caught.at
 * @call: As for start_call(). It says that CAUGHT_SIZE bytes are there, or PAGE more
 *	  of which the last is there indeed.
 *
 * As catch_writing(). No copy of ours is left.
 */
void catch_reading(long (*call)(void));

#endif /* AUDIT_CATCH_H */
