/* SPDX-License-Identifier: GPL-2.0 */
/* The checks that every way into the kernel by system call has to pass. */
#ifndef ASI_TEST_ENTRY_H
#define ASI_TEST_ENTRY_H

/* Results that entry_checks() reports. */
#define ENTRY_RESULTS	7

/**
 * struct entry_kind - a way into the kernel
 * @name: how people call it
 * @call: a system call with up to three arguments, result as the kernel left it
 * @regs_survive: do all registers that the ABI keeps come back unharmed?
 * @nr_getppid: system call numbers, in the table this entry uses
 * @nr_getpid: ditto
 * @nr_read: ditto
 * @nr_write: ditto
 */
struct entry_kind {
	const char *name;
	long (*call)(long nr, long a, long b, long c);
	bool (*regs_survive)(long nr);
	long nr_getppid;
	long nr_getpid;
	long nr_read;
	long nr_write;
};

/** entry_checks() - Report ENTRY_RESULTS results for one kind of entry. */
void entry_checks(const struct entry_kind *kind);

#endif /* ASI_TEST_ENTRY_H */
