/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Measures of a machine's memory that tests/robust/run compares with those of a
 * machine without address space isolation.
 */
#ifndef MEM_STATE_H
#define MEM_STATE_H

/* What may differ: a measure of the machine with asi=on may be better. */
enum compare { AT_LEAST, AT_MOST };

/**
 * ktap_measure() - Report a number to compare
 * @name: of the measure; each once
 * @value: the number
 * @how: AT_LEAST: is less than with asi=off worse, or AT_MOST: is more?
 * @tolerance: how much worse is no failure
 */
void ktap_measure(const char *name, unsigned long value, enum compare how,
		  unsigned long tolerance);

/** meminfo_kb() - A line of /proc/meminfo; 0 if there is none. */
unsigned long meminfo_kb(const char *name);

/** vmstat() - A line of /proc/vmstat; 0 if there is none. */
unsigned long vmstat(const char *name);

/** total_kb() - MemTotal, as it was at first. */
unsigned long total_kb(void);

/** mem_sensitive() - Is memory of users kept apart in this machine? */
bool mem_sensitive(void);

/** booted_with() - Does a word of the kernel's command line start with @start? */
bool booted_with(const char *start);

/** mem_state_note() - Print what counts blocks that change sides. */
void mem_state_note(void);

/** mem_state_check() - One result: are the restricted page tables right? */
void mem_state_check(void);

/** host_ask() - Have the host do something to the machine; see tests/robust/run. */
void host_ask(const char *what, ...) __printf(1, 2);

#endif /* MEM_STATE_H */
