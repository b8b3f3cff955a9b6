// SPDX-License-Identifier: GPL-2.0
/*
 * The vsyscall page: a user address in the kernel's half. Depending on the
 * kernel it can be called, read, or neither; what /proc/self/maps says counts.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include "asi_test.h"

#define VSYSCALL	0xffffffffff600000UL

static sigjmp_buf back;

static void on_segv(int sig)
{
	(void)sig;
	siglongjmp(back, 1);
}

static bool read_faults(const char *addr)
{
	if (sigsetjmp(back, 0))
		return true;
	(void)*(volatile const char *)addr;
	return false;
}

/* The third entry is getcpu(), the second time(), the first gettimeofday(). */
static bool call_works(void)
{
	int (*get)(struct timeval *tv, void *tz) = (void *)VSYSCALL;
	struct timeval a, b, c;

	if (sigsetjmp(back, 0))
		return false;
	gettimeofday(&a, NULL);
	if (get(&b, NULL))
		return false;
	gettimeofday(&c, NULL);
	return !timercmp(&b, &a, <) && !timercmp(&c, &b, <);
}

int main(void)
{
	struct sigaction sa = { .sa_handler = on_segv, .sa_flags = SA_NODEFER };
	bool can_read = false, can_call = false;
	unsigned long good = 0, n = scaled(1000);
	char line[256], rights[8];
	FILE *f = fopen("/proc/self/maps", "r");
	int fd[2];

	ktap_start(3);
	while (f && fgets(line, sizeof(line), f)) {
		if (!strstr(line, "[vsyscall]"))
			continue;
		if (sscanf(line, "%*s %7s", rights) == 1) {
			can_read = rights[0] == 'r';
			can_call = rights[2] == 'x';
		}
	}
	if (f)
		fclose(f);
	ktap_note("vsyscall: read %d, call %d", can_read, can_call);
	if (sigaction(SIGSEGV, &sa, NULL) || pipe(fd))
		ktap_bail("%s", strerror(errno));

	for (unsigned long i = 0; i < n; i++)
		good += call_works() == can_call;
	ktap_ok(good == n, "call");
	good = 0;
	for (unsigned long i = 0; i < n; i++)
		good += read_faults((char *)VSYSCALL) != can_read &&
			read_faults((char *)VSYSCALL - 4096) &&
			read_faults((char *)VSYSCALL + 4096);
	ktap_ok(good == n, "read, and the pages beside it");
	good = 0;
	for (unsigned long i = 0; i < n; i++)
		good += write(fd[1], (char *)VSYSCALL, 1) == -1 &&
			errno == EFAULT;
	ktap_ok(good == n, "not an address for system calls");
	return ktap_finish();
}
