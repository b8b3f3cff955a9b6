// SPDX-License-Identifier: GPL-2.0
/* Memory of processes. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>

#include "plant.h"

#define HUGE	(2UL << 20)
/* How long KSM may take to find two equal pages, in steps of 10 ms. */
#define KSM_PATIENCE	500
#ifndef SYS_memfd_secret
#define SYS_memfd_secret	447
#endif

static void plant_anon(void)
{
	secret_write((char *)map_anon(PAGE) + 512);
}

static void plant_thp(void)
{
	char *p = map_anon(2 * HUGE);

	/* Off by default with as little memory as this machine has. */
	write_text("/sys/kernel/mm/transparent_hugepage/enabled", "madvise");
	p += HUGE - (uintptr_t)p % HUGE;
	available(madvise(p, HUGE, MADV_HUGEPAGE), "MADV_HUGEPAGE");
	secret_write(p + HUGE / 2);
	if (!(page_flags(p + HUGE / 2) & FLAG_THP))
		missing("no transparent huge page to be had");
}

static void plant_hugetlb(void)
{
	char *p;

	if (write_text("/proc/sys/vm/nr_hugepages", "2"))
		missing("no huge pages in this kernel");
	p = mmap(NULL, HUGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	need(p == MAP_FAILED ? -1 : 0, "MAP_HUGETLB");
	secret_write(p + HUGE / 2);
	if (!(page_flags(p + HUGE / 2) & FLAG_HUGE))
		failed("the page is no huge page");
}

static void plant_shared_anon(void)
{
	char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	need(p == MAP_FAILED ? -1 : 0, "MAP_SHARED");
	secret_write(p + 512);
}

/* Written, not mapped: the owner has it through the file only. */
static void plant_memfd(void)
{
	int fd = (int)available(memfd_create("audit", 0), "memfd_create");

	send_secret(fd, "write to a memfd");
}

static void plant_sysv_shm(void)
{
	int id = (int)available(shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0600),
				"shmget");
	char *p = shmat(id, NULL, 0);

	need(p == (void *)-1 ? -1 : 0, "shmat");
	shmctl(id, IPC_RMID, NULL);
	secret_write(p + 512);
}

static void plant_secretmem(void)
{
	int fd = (int)available(syscall(SYS_memfd_secret, 0), "memfd_secret");
	char *p;

	need(ftruncate(fd, PAGE), "ftruncate");
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	need(p == MAP_FAILED ? -1 : 0, "mmap of secret memory");
	secret_write(p + 512);
}

static long ksm_pages(void)
{
	char text[32];

	if (read_text("/sys/kernel/mm/ksm/pages_shared", text, sizeof(text)) < 0)
		return -1;
	return atol(text);
}

/* Two equal pages become one, which belongs to KSM. */
static void plant_ksm(void)
{
	char *p = map_anon(2 * PAGE);
	int i;

	if (ksm_pages() < 0)
		missing("no KSM in this kernel");
	available(madvise(p, 2 * PAGE, MADV_MERGEABLE), "MADV_MERGEABLE");
	secret_write(p + 512);
	secret_write(p + PAGE + 512);
	write_text("/sys/kernel/mm/ksm/sleep_millisecs", "2");
	write_text("/sys/kernel/mm/ksm/pages_to_scan", "1000");
	need(write_text("/sys/kernel/mm/ksm/run", "1"), "start of KSM");
	for (i = 0; i < KSM_PATIENCE && !ksm_pages(); i++)
		usleep(10000);
	write_text("/sys/kernel/mm/ksm/run", "0");
	errno = 0;
	need(i < KSM_PATIENCE ? 0 : -1, "KSM merged nothing");
}

const struct kind memory_kinds[] = {
	{ "anon", plant_anon },
	{ "thp", plant_thp },
	{ "hugetlb", plant_hugetlb },
	{ "shared-anon", plant_shared_anon },
	{ "memfd", plant_memfd },
	{ "sysv-shm", plant_sysv_shm },
	{ "secretmem", plant_secretmem },
	{ "ksm", plant_ksm },
	{ }
};
