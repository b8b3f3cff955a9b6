// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that the kernel copies what users have through, on its way to the kernel or
 * to another process. It is there for the time of a system call only, which is caught
 * in the middle.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <linux/keyctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "catch.h"

#define CORE		"/proc/kcore"
#define ATTRIBUTE	"trusted.audit"
#define GET_DIRECTORY	"/dev/shm/audit-getxattr"
/* Enough that the secret, at its end, is not what is in registers. */
#define VALUE_SIZE	512UL

static long read_page(void)
{
	return pread(caught.fd, caught.at, PAGE, caught.pos);
}

/* Have the kernel read @page by @path at @pos, and take the page away then. */
static void plant_in_read(char *page, const char *path, off_t pos)
{
	caught.fd = (int)need(open(path, O_RDONLY), path);
	caught.pos = pos;
	catch_writing(read_page);
	wipe(page, PAGE);
}

/* Without a zero before the secret, where a title would end. */
static char *page_with_secret(void)
{
	char *page = map_anon(PAGE);

	memset(page, 'x', PAGE - 1);
	secret_write(page + 512);
	return page;
}

static void plant_proc_mem(void)
{
	char *page = page_with_secret();

	plant_in_read(page, "/proc/self/mem", (off_t)(uintptr_t)page);
}

/* Declare that a page is what the kernel takes for arguments or environment. */
static void plant_described(char *page, const char *path, int start, int end)
{
	available(prctl(PR_SET_MM, start, page, 0, 0), "PR_SET_MM");
	need(prctl(PR_SET_MM, end, page + PAGE, 0, 0), "PR_SET_MM");
	plant_in_read(page, path, 0);
}

static void plant_proc_environ(void)
{
	plant_described(page_with_secret(), "/proc/self/environ",
			PR_SET_MM_ENV_START, PR_SET_MM_ENV_END);
}

static void plant_proc_cmdline(void)
{
	plant_described(page_with_secret(), "/proc/self/cmdline",
			PR_SET_MM_ARG_START, PR_SET_MM_ARG_END);
}

/* Arguments that do not end with a zero: the process has written a title there. */
static void plant_proc_title(void)
{
	char *page = page_with_secret();

	page[PAGE - 1] = 'x';
	plant_described(page, "/proc/self/cmdline", PR_SET_MM_ARG_START,
			PR_SET_MM_ARG_END);
}

/* Where the frame is in /proc/kcore. */
static off_t core_position(int fd, uint64_t frame)
{
	Elf64_Ehdr head = { 0 };
	Elf64_Phdr part;

	need(pread(fd, &head, sizeof(head), 0), "the header of " CORE);
	for (unsigned int i = 0; i < head.e_phnum; i++) {
		need(pread(fd, &part, sizeof(part),
			   (off_t)(head.e_phoff + i * sizeof(part))), CORE);
		if (part.p_type == PT_LOAD && frame * PAGE >= part.p_paddr &&
		    frame * PAGE - part.p_paddr < part.p_memsz)
			return (off_t)(part.p_offset + frame * PAGE - part.p_paddr);
	}
	failed(CORE " does not have frame 0x%lx", frame);
}

/* What was read is in a page of the open file, until the next is. */
static void plant_kcore(void)
{
	char *page = page_with_secret(), *to = map_anon(PAGE);
	int fd = open(CORE, O_RDONLY);
	ssize_t n;

	if (fd < 0 && errno == ENOENT)
		missing("there is no " CORE);
	need(fd, CORE);
	n = pread(fd, to, PAGE, core_position(fd, page_frame(page)));
	n = n == (ssize_t)PAGE ? memcmp(page, to, PAGE) : -1;
	wipe(page, PAGE);
	wipe(to, PAGE);
	need(n ? -1 : 0, "read of " CORE);
}

static long get_attribute(void)
{
	return getxattr(GET_DIRECTORY, ATTRIBUTE, caught.at, VALUE_SIZE);
}

static void plant_getxattr(void)
{
	char value[VALUE_SIZE] = "";
	int ret;

	need(mkdir(GET_DIRECTORY, 0700), GET_DIRECTORY);
	secret_write(value + VALUE_SIZE - SECRET_SIZE);
	ret = setxattr(GET_DIRECTORY, ATTRIBUTE, value, VALUE_SIZE, 0);
	wipe(value, sizeof(value));
	available(ret, GET_DIRECTORY);
	catch_writing(get_attribute);
}

static long set_attribute(void)
{
	return setxattr("/dev/shm", ATTRIBUTE, caught.at, CAUGHT_SIZE, 0);
}

/* As whoever else has memdup_user() or vmemdup_user() copy something. */
static void plant_setxattr(void)
{
	catch_reading(set_attribute);
}

static long configure(void)
{
	return syscall(SYS_fsconfig, caught.fd, FSCONFIG_SET_BINARY, "audit",
		       caught.at, CAUGHT_SIZE);
}

/* As whoever else has memdup_user_nul() copy something. */
static void plant_fsconfig(void)
{
	caught.fd = (int)available(syscall(SYS_fsopen, "tmpfs", 0), "fsopen");
	catch_reading(configure);
}

static long add_key(void)
{
	return syscall(SYS_add_key, "user", "audit:copy", caught.at, CAUGHT_SIZE,
		       KEY_SPEC_PROCESS_KEYRING);
}

static void plant_key_add(void)
{
	catch_reading(add_key);
}

static long update_key(void)
{
	return syscall(SYS_keyctl, KEYCTL_UPDATE, KEY_SPEC_PROCESS_KEYRING,
		       caught.at, CAUGHT_SIZE);
}

static void plant_key_update(void)
{
	catch_reading(update_key);
}

static long read_key(void)
{
	return syscall(SYS_keyctl, KEYCTL_READ, caught.fd, caught.at, PAGE);
}

static void plant_key_read(void)
{
	char value[VALUE_SIZE] = "";

	secret_write(value + VALUE_SIZE - SECRET_SIZE);
	caught.fd = (int)syscall(SYS_add_key, "user", "audit:read", value,
				 VALUE_SIZE, KEY_SPEC_PROCESS_KEYRING);
	wipe(value, sizeof(value));
	available(caught.fd, "add_key");
	catch_writing(read_key);
}

const struct kind copy_kinds[] = {
	{ "proc-mem", plant_proc_mem },
	{ "proc-environ", plant_proc_environ },
	{ "proc-cmdline", plant_proc_cmdline },
	{ "proc-title", plant_proc_title },
	{ "kcore", plant_kcore },
	{ "getxattr", plant_getxattr },
	{ "setxattr", plant_setxattr },
	{ "fsconfig", plant_fsconfig },
	{ "key-add", plant_key_add },
	{ "key-update", plant_key_update },
	{ "key-read", plant_key_read },
	{ }
};
