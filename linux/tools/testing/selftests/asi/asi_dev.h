/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of /dev/asi share.
 *
 * Environment:
 *   ASI_DEV   file of the module asi_dev, where the driver is not built in
 *   MODULES   files of modules that nobody uses, with spaces between them
 */
#ifndef ASI_DEV_H
#define ASI_DEV_H

#include "asi_test.h"
/* Not installed where this is built alone. */
#include "../../../../include/uapi/linux/asi.h"

/**
 * dev_need() - Have the device, by loading the module if need be
 *
 * Skips the whole program if it is not there, or without the rights for it.
 */
void dev_need(void);

/**
 * dev_start() - The device, open, in a kernel that has ASI on
 *
 * Skips the whole program if there is none, or no debugfs to look at besides.
 */
int dev_start(void);

/** dev_is_module() - Did dev_need() load the module? */
bool dev_is_module(void);

/** dev_load(), dev_unload() - Load and unload the module; 0 or -errno. */
int dev_load(void);
int dev_unload(void);

/** dev_open() - Open it; the descriptor or -errno. */
int dev_open(void);

/** dev_ioctl() - 0 or -errno. */
int dev_ioctl(int fd, unsigned long cmd, void *arg);

/** dev_on() - Is there anything to run sequences in? */
bool dev_on(int fd);

/** dev_can_run() - With this kind of page table? */
bool dev_can_run(int fd, unsigned int table);

extern const char * const dev_table_name[ASI_NR_TABLES];

/** dev_sequence() - Number of the sequence with that name, or the end of the test. */
unsigned int dev_sequence(int fd, const char *name);

/** dev_run() - Run one; 0 or -errno. */
int dev_run(int fd, unsigned int sequence, unsigned int table,
	    const char *module, struct asi_ioc_run *run);

/** dev_attach() - Attach to the domain of a process; 0 or -errno. */
int dev_attach(int fd, pid_t pid, const char *class);

/** dev_note_run() - Print what was seen as notes. */
void dev_note_run(const struct asi_ioc_run *run);

/** dev_watch() - CHECK that the test classes have no fault in tense code, no warning. */
void dev_watch(int fd);

/** dev_module() - The first file of MODULES, and the name of the module; or false. */
bool dev_module(char *file, size_t size, char *name, size_t name_size);

/** dev_unload_other() - Unload another module by its name; 0 or -errno. */
int dev_unload_other(const char *name);

#endif /* ASI_DEV_H */
