/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Address space isolation (ASI): the ioctls of /dev/asi.
 *
 * An open file has two test domains of its own, one for each kind of page table.
 * They are made when they are first needed, and go when the file is closed.  It may
 * be attached to one domain of a process or virtual machine besides.
 *
 * Rules that hold for all of it:
 *
 *  - All structures have the same layout for programs of 32 and of 64 bits.
 *  - What is reserved must be zero, as must flags without a meaning: EINVAL otherwise.
 *    The kernel writes zeroes there.
 *  - Strings end with a NUL byte within their field: EINVAL otherwise.  The kernel cuts
 *    off what does not fit.
 *  - Arrays are given by address and room (at most ASI_MAX_ENTRIES, E2BIG otherwise),
 *    and the kernel says how many entries it wrote.
 *  - On an error the structure is not written.
 *
 * Documentation/userspace-api/asi.rst has the meaning, Documentation/ABI/testing/dev-asi
 * the errors.
 */
#ifndef _UAPI_LINUX_ASI_H
#define _UAPI_LINUX_ASI_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Goes up when something is added; nothing that is here changes its meaning. */
#define ASI_IOC_VERSION		1

#define ASI_IOC_MAGIC		0xA6

#define ASI_MAX_STEPS		12
#define ASI_MAX_ENTRIES		4096

#define ASI_LEN_WORD		32
#define ASI_LEN_SYMBOL		128
#define ASI_LEN_TEXT		128

/* Kinds of page tables, which index arrays. */
#define ASI_TABLE_NONSENSITIVE	0
#define ASI_TABLE_DECORATED	1
#define ASI_NR_TABLES		2

/* Whose domain: the one that the file is attached to, or one of its own. */
#define ASI_DOMAIN_ATTACHED		0
#define ASI_DOMAIN_TEST_NONSENSITIVE	1
#define ASI_DOMAIN_TEST_DECORATED	2

/* ---- what there is ---- */

/* Address space isolation is on. */
#define ASI_INFO_ON		0x0001
/* Sequences can be run with this kind of page table. */
#define ASI_INFO_NONSENSITIVE	0x0002
#define ASI_INFO_DECORATED	0x0004
/* Booted with asi_debug_grant: an attached domain can be granted something. */
#define ASI_INFO_GRANT_LIVE	0x0008
/* The kernel is locked down: nothing that shows addresses, and no grants. */
#define ASI_INFO_LOCKED_DOWN	0x0010

/**
 * struct asi_ioc_info - ASI_IOC_INFO
 * @version:	  ASI_IOC_VERSION of the kernel.
 * @flags:	  ASI_INFO_*.
 * @nr_sequences: Sequences are numbered from 0.
 * @max_grants:	  Grants that a file can have at a time, in each domain.
 * @reason:	  Why it is off; empty if it is on.
 * @reserved:	  0.
 */
struct asi_ioc_info {
	__u32 version;
	__u32 flags;
	__u32 nr_sequences;
	__u32 max_grants;
	char reason[ASI_LEN_TEXT];
	__aligned_u64 reserved[4];
};

/* ---- sequences ---- */

/* Where a CPU is.  Of @expected: */

/* Not in a domain: the unrestricted address space. */
#define ASI_STATE_OUT		1
/* In the test domain. */
#define ASI_STATE_IN		2
/* Either is right. */
#define ASI_STATE_ANY		3
/* In the domain if all that is touched was granted; else out, by a fault on that. */
#define ASI_STATE_GRANTED	4

/* Of @actual and @cr3: OUT, IN, or */

/* The step was not reached. */
#define ASI_STATE_NONE		0
/* Neither of the two: a bug. */
#define ASI_STATE_OTHER		5

/**
 * struct asi_ioc_expect - what is expected of a step of a sequence
 * @name:     What the moment is that it looks at.
 * @expected: ASI_STATE_*, by kind of page table.
 * @reserved: 0.
 */
struct asi_ioc_expect {
	char name[ASI_LEN_WORD];
	__u32 expected[ASI_NR_TABLES];
	__u32 reserved[2];
};

/* The sequence wants the name of a module. */
#define ASI_SEQUENCE_MODULE	0x0001

/**
 * struct asi_ioc_describe - ASI_IOC_DESCRIBE
 * @sequence: In.  Its number; EINVAL if there is none.
 * @flags:    Out.  ASI_SEQUENCE_*.  In: 0.
 * @tables:   Out.  Bit 1 << ASI_TABLE_*: it can be run with that.
 * @nr_steps: Out.  Steps, ASI_MAX_STEPS at most.
 * @min_cpus: Out.  With fewer CPUs online it is skipped.
 * @reserved: 0.
 * @name:     Out.  One word.
 * @purpose:  Out.  One line.
 * @step:     Out.
 */
struct asi_ioc_describe {
	__u32 sequence;
	__u32 flags;
	__u32 tables;
	__u32 nr_steps;
	__u32 min_cpus;
	__u32 reserved[3];
	char name[ASI_LEN_WORD];
	char purpose[ASI_LEN_TEXT];
	struct asi_ioc_expect step[ASI_MAX_STEPS];
};

/* The state is as expected, and CR3 says the same. */
#define ASI_STEP_OK		0x0001
/* A page fault left the domain since the step before: fault_* are there. */
#define ASI_STEP_FAULT		0x0002
/* The same, but the kernel is locked down: they are not. */
#define ASI_STEP_HIDDEN		0x0004

/**
 * struct asi_ioc_step - what was seen at a step
 * @name:          As in struct asi_ioc_expect.
 * @expected:      ASI_STATE_*.
 * @actual:        ASI_STATE_*, by what the kernel believes (curr_asi).
 * @cr3:           ASI_STATE_*, by the page table that the CPU has.
 * @flags:         ASI_STEP_*.
 * @reserved:      0.
 * @fault_page:    The page that was touched; 0 if not known.
 * @fault_ip:      The instruction; 0 if not known.
 * @fault_symbol:  The instruction as SYMBOL+0xOFFSET, with [MODULE] behind it.
 * @object:        What is at @fault_page, as "KIND" or "KIND NAME", for people.
 *
 * If there were several faults, it is the last one.
 */
struct asi_ioc_step {
	char name[ASI_LEN_WORD];
	__u32 expected;
	__u32 actual;
	__u32 cr3;
	__u32 flags;
	__aligned_u64 reserved[3];
	__aligned_u64 fault_page;
	__aligned_u64 fault_ip;
	char fault_symbol[ASI_LEN_SYMBOL];
	char object[ASI_LEN_SYMBOL];
};

/* All steps were as expected. */
#define ASI_RUN_PASSED		1
/* One was not, or was not reached; @reason may say more. */
#define ASI_RUN_FAILED		2
/* It could not be run here; @reason says why. */
#define ASI_RUN_SKIPPED		3

/**
 * struct asi_ioc_run - ASI_IOC_RUN
 * @sequence: In.  Its number.
 * @table:    In.  ASI_TABLE_*.
 * @flags:    In.  0.
 * @result:   Out.  ASI_RUN_*.  In: 0.
 * @nr_steps: Out.  Of @step in use.  In: 0.
 * @failed:   Out.  Steps that were not as expected.  In: 0.
 * @reserved: 0.
 * @module:   In.  For a sequence with ASI_SEQUENCE_MODULE, a module to load, which
 *	      is not loaded yet; without it the sequence is skipped.  Else empty.
 * @reason:   Out.  One line, or empty.
 * @step:     Out.
 *
 * One sequence runs at a time; others wait.  When the caller is killed, the sequence
 * ends early, but one that loads a module waits for that.
 */
struct asi_ioc_run {
	__u32 sequence;
	__u32 table;
	__u32 flags;
	__u32 result;
	__u32 nr_steps;
	__u32 failed;
	__u32 reserved[2];
	char module[64];
	char reason[ASI_LEN_TEXT];
	struct asi_ioc_step step[ASI_MAX_STEPS];
};

/* ---- a live domain ---- */

/**
 * struct asi_ioc_attach - ASI_IOC_ATTACH
 * @pid:      In.  Of a process, as the caller sees pids.
 * @flags:    In.  0.
 * @class:    In.  Name of a class.
 * @reserved: 0.
 *
 * EBUSY if the file is attached already.  The process may end, or execute another
 * program; then what asks for its domain says ESRCH.  EUSERS if files are attached to
 * too many domains.
 */
struct asi_ioc_attach {
	__s32 pid;
	__u32 flags;
	char class[ASI_LEN_WORD];
	__aligned_u64 reserved[2];
};

#define ASI_PHASE_RELAXED	1
#define ASI_PHASE_TENSE		2
#define ASI_PHASE_INTERRUPT	3

/**
 * struct asi_ioc_fault - a place that left the domain by page faults
 * @ip:	      The instruction.
 * @page:     The page it touched; 0 for any, if there were too many.
 * @count:    How often.
 * @phase:    ASI_PHASE_*.
 * @reserved: 0.
 * @memory:   What was there, a word as in the file faults of debugfs.
 * @symbol:   Of @ip.
 * @object:   What is at @page now, as in struct asi_ioc_step.
 */
struct asi_ioc_fault {
	__aligned_u64 ip;
	__aligned_u64 page;
	__aligned_u64 count;
	__u32 phase;
	__u32 reserved;
	char memory[ASI_LEN_WORD];
	char symbol[ASI_LEN_SYMBOL];
	char object[ASI_LEN_SYMBOL];
};

/**
 * struct asi_ioc_faults - ASI_IOC_FAULTS
 * @domain:   In.  ASI_DOMAIN_*.
 * @flags:    In.  0.
 * @faults:   In.  Where to write an array of struct asi_ioc_fault.
 * @max:      In.  Its entries.
 * @nr:	      Out.  Entries written, the most frequent first.  In: 0.
 * @total:    Out.  Entries there are.  In: 0.
 * @reserved: 0.
 * @lost:     Out.  Faults of all domains that found no room in the log.  In: 0.
 *
 * Of an attached domain, its own, since it was attached to by this file or, without a
 * break, by others before; and since somebody cleared them.  Of a test domain, those of
 * all of its class.
 */
struct asi_ioc_faults {
	__u32 domain;
	__u32 flags;
	__aligned_u64 faults;
	__u32 max;
	__u32 nr;
	__u32 total;
	__u32 reserved;
	__aligned_u64 lost;
};

/**
 * struct asi_ioc_clear - ASI_IOC_CLEAR_FAULTS
 * @domain:   In.  ASI_DOMAIN_*: what ASI_IOC_FAULTS has of it is forgotten.
 * @flags:    In.  0.
 * @reserved: 0.
 */
struct asi_ioc_clear {
	__u32 domain;
	__u32 flags;
	__aligned_u64 reserved;
};

/* Which of the page tables has a range. */
#define ASI_MAPPED_NEITHER		0
#define ASI_MAPPED_BOTH			1
#define ASI_MAPPED_UNRESTRICTED		2
/* Only the restricted one, or both but with another frame or other rights: a bug. */
#define ASI_MAPPED_RESTRICTED		3
#define ASI_MAPPED_DIFFERENT		4

#define ASI_RIGHT_PRESENT	0x01
#define ASI_RIGHT_WRITE		0x02
#define ASI_RIGHT_EXEC		0x04
#define ASI_RIGHT_USER		0x08
#define ASI_RIGHT_GLOBAL	0x10

/**
 * struct asi_ioc_mapping - a range that is mapped alike
 * @start:		 First address.
 * @end:		 The address after the last.
 * @mapped:		 ASI_MAPPED_*.
 * @level:		 Of the entries of the unrestricted table, or if it has none
 *			 of the restricted one: 1 is 4 KiB, 2 is 2 MiB, 3 is 1 GiB; 0 is
 *			 none.
 * @unrestricted:	 ASI_RIGHT_* in the unrestricted page table.
 * @restricted:		 The same in the restricted one.
 * @unrestricted_level:	 Of the entries of that table, 0 if it has none.
 * @restricted_level:	 The same.
 * @region:		 A word as in the file map of debugfs.
 */
struct asi_ioc_mapping {
	__aligned_u64 start;
	__aligned_u64 end;
	__u32 mapped;
	__u32 level;
	__u32 unrestricted;
	__u32 restricted;
	__u32 unrestricted_level;
	__u32 restricted_level;
	char region[ASI_LEN_WORD];
};

/* Leave out what neither has. */
#define ASI_MAPPINGS_PRESENT	0x0001
/* Only what is not ASI_MAPPED_BOTH, and not ASI_MAPPED_NEITHER. */
#define ASI_MAPPINGS_DIFFERENT	0x0002

/**
 * struct asi_ioc_mappings - ASI_IOC_MAPPINGS
 * @domain:   In.  ASI_DOMAIN_*.
 * @flags:    In.  ASI_MAPPINGS_*.
 * @start:    In: the first address to look at.  Out: where to go on.
 * @mappings: In.  Where to write an array of struct asi_ioc_mapping.
 * @max:      In.  Its entries, not 0.
 * @nr:	      Out.  Entries written.  In: 0.
 * @done:     Out.  1 if nothing follows.  In: 0.
 * @reserved: 0.
 *
 * A call looks at a limited number of ranges, and may come back with @nr 0 and @done 0.
 */
struct asi_ioc_mappings {
	__u32 domain;
	__u32 flags;
	__aligned_u64 start;
	__aligned_u64 mappings;
	__u32 max;
	__u32 nr;
	__u32 done;
	__u32 reserved;
};

/* ---- grants ---- */

/* A symbol of the kernel or of a module, by @name. */
#define ASI_GRANT_SYMBOL	1
/* A per-CPU variable of the kernel, by @name; the copies of all CPUs. */
#define ASI_GRANT_PERCPU	2
/* Text and data of a module, by @name. */
#define ASI_GRANT_MODULE	3
/* A range of kernel addresses, by @address. */
#define ASI_GRANT_ADDRESS	4
/* Only in lists: a task with its stack. */
#define ASI_GRANT_TASK		5

/**
 * struct asi_ioc_grant - ASI_IOC_GRANT, ASI_IOC_REVOKE
 * @domain:   In.  ASI_DOMAIN_TEST_DECORATED; or ASI_DOMAIN_ATTACHED if the kernel was
 *	      booted with asi_debug_grant, EPERM otherwise.
 * @kind:     In.  ASI_GRANT_*.
 * @address:  In for ASI_GRANT_ADDRESS, 0 otherwise.  Out: where it is.
 * @length:   In, in bytes; 0 for the size of a symbol, and for a module; not 0 for a
 *	      per-CPU variable or an address.  Out: what was granted.
 * @flags:    In.  0.
 * @reserved: 0.
 * @name:     In, empty for ASI_GRANT_ADDRESS.
 *
 * The pages that hold the object are mapped in the domain as the kernel maps them.
 * Nobody tells a domain that memory is freed or changes: what is granted by address and
 * does not live as long as the grant shows old contents, or somebody else's, to the
 * kernel's code that runs in the domain, and what that writes there goes to them.  A
 * module is kept that is granted, or that has a symbol that is.
 *
 * A domain that is not decorated can be granted addresses of the direct map only.
 *
 * A grant is taken back by the same structure, by the file that made it, and when the
 * file is closed.  ENOENT if there is no such symbol, module or grant.
 */
struct asi_ioc_grant {
	__u32 domain;
	__u32 kind;
	__aligned_u64 address;
	__aligned_u64 length;
	__u32 flags;
	__u32 reserved[3];
	char name[ASI_LEN_SYMBOL];
};

/* Made by ASI_IOC_GRANT; without it, it is from the start. */
#define ASI_GRANTED_BY_FILE	0x0001

/**
 * struct asi_ioc_granted - one grant of a domain
 * @kind:     ASI_GRANT_*.
 * @flags:    ASI_GRANTED_*.
 * @address:  Where it is; of a per-CPU variable, its offset; of a module, 0.
 * @length:   In bytes.
 * @pages:    Mapped for it, of 4 KiB.
 * @name:     Of the object, if it is known.
 */
struct asi_ioc_granted {
	__u32 kind;
	__u32 flags;
	__aligned_u64 address;
	__aligned_u64 length;
	__aligned_u64 pages;
	char name[ASI_LEN_SYMBOL];
};

/**
 * struct asi_ioc_grants - ASI_IOC_GRANTS
 * @domain:   In.  As in struct asi_ioc_grant.  Of an attached domain that is not
 *	      decorated, what this file has granted is listed.
 * @flags:    In.  0.
 * @first:    In.  How many of the oldest to leave out.
 * @max:      In.  Entries that there is room for.
 * @grants:   In.  Where to write an array of struct asi_ioc_granted.
 * @nr:	      Out.  Entries written, oldest first.  In: 0.
 * @total:    Out.  Entries there are.  In: 0.
 * @reserved: 0.
 */
struct asi_ioc_grants {
	__u32 domain;
	__u32 flags;
	__u32 first;
	__u32 max;
	__aligned_u64 grants;
	__u32 nr;
	__u32 total;
	__aligned_u64 reserved;
};

#define ASI_IOC_INFO		_IOR(ASI_IOC_MAGIC, 0x00, struct asi_ioc_info)
#define ASI_IOC_DESCRIBE	_IOWR(ASI_IOC_MAGIC, 0x01, struct asi_ioc_describe)
#define ASI_IOC_RUN		_IOWR(ASI_IOC_MAGIC, 0x02, struct asi_ioc_run)
#define ASI_IOC_ATTACH		_IOW(ASI_IOC_MAGIC, 0x10, struct asi_ioc_attach)
#define ASI_IOC_DETACH		_IO(ASI_IOC_MAGIC, 0x11)
#define ASI_IOC_FAULTS		_IOWR(ASI_IOC_MAGIC, 0x20, struct asi_ioc_faults)
#define ASI_IOC_CLEAR_FAULTS	_IOW(ASI_IOC_MAGIC, 0x21, struct asi_ioc_clear)
#define ASI_IOC_MAPPINGS	_IOWR(ASI_IOC_MAGIC, 0x22, struct asi_ioc_mappings)
#define ASI_IOC_GRANT		_IOWR(ASI_IOC_MAGIC, 0x30, struct asi_ioc_grant)
#define ASI_IOC_REVOKE		_IOWR(ASI_IOC_MAGIC, 0x31, struct asi_ioc_grant)
#define ASI_IOC_GRANTS		_IOWR(ASI_IOC_MAGIC, 0x32, struct asi_ioc_grants)

#endif /* _UAPI_LINUX_ASI_H */
