// SPDX-License-Identifier: GPL-2.0
/*
 * Another kernel takes the machine over while processes run restricted.
 *
 *   kexec [--crash] KERNEL INITRD [WORD]...
 *
 * boots KERNEL with INITRD and with the words as its command line, or has it ready and
 * crashes this one, for which that was booted with crashkernel=. It does not come back:
 * what started the machine looks at what the other kernel says. The last exit of this
 * kernel, which nothing else could tell of, goes to the console if it was booted with
 * tp_printk.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>
#include <linux/kexec.h>
#include <linux/reboot.h>
#include <sys/syscall.h>

#include "asi_test.h"

#define EVENT		"/sys/kernel/tracing/events/asi/asi_exit"
/* enum asi_exit_reason: ASI_EXIT_PM. */
#define REASON_PM	"reason == 6"
#define MEM_SIZE	65536UL

static int open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		ktap_bail("%s: %s", path, strerror(errno));
	return fd;
}

/* The words with one space between them, as a kernel wants them. */
static void join(char *text, size_t size, char **word)
{
	size_t len = 0;

	for (; *word; word++) {
		size_t n = strlen(*word);

		if (len + n + 2 > size)
			ktap_bail("the command line is too long");
		if (len)
			text[len++] = ' ';
		memcpy(text + len, *word, n);
		len += n;
	}
	text[len] = '\0';
}

static void load_kernel(char **argv, unsigned long flags)
{
	int kernel = open_file(argv[0]), initrd = open_file(argv[1]);
	char words[1024];

	join(words, sizeof(words), argv + 2);
	if (syscall(SYS_kexec_file_load, kernel, initrd, strlen(words) + 1,
		    words, flags))
		ktap_bail("kexec_file_load: %s", strerror(errno));
}

/* Has its memory checked, and the kernel in between, until the very end. */
static void busy(int cpu)
{
	char *mem = xmmap(MEM_SIZE);

	cpu_pin(cpu);
	for (uint64_t i = 0; ; i++) {
		fill(mem, MEM_SIZE, i);
		getppid();
		if (!verify(mem, MEM_SIZE, i))
			ktap_bail("wrong content in a process");
	}
}

static void restricted_state(void)
{
	if (!asi_debugfs() || !asi_runs_restricted())
		ktap_bail("class user is on and does not hold this process");
	/* The other kernel knows of no holes and uses all memory. */
	if (write_file(ASI_DEBUGFS "/hole", "add"))
		ktap_bail("no hole: %s", strerror(errno));
	if (write_file(EVENT "/filter", REASON_PM) ||
	    write_file(EVENT "/enable", "1"))
		ktap_note("exits cannot be traced");
}

/*
 * A switch to another task would leave the domain on the way to the other
 * kernel, and the exit of kexec itself had nothing to do.
 */
static void keep_the_cpu(void)
{
	struct sched_param param = { .sched_priority = 50 };

	/* That of the boot CPU: moving there is such a switch. */
	cpu_pin(0);
	if (write_file("/proc/sys/kernel/sched_rt_runtime_us", "-1") ||
	    sched_setscheduler(0, SCHED_FIFO, &param))
		ktap_bail("no real-time priority: %s", strerror(errno));
}

int main(int argc, char **argv)
{
	bool crash = argc > 1 && !strcmp(argv[1], "--crash");
	const char *needs = crash ? "/sys/kernel/kexec_crash_loaded" :
				    "/sys/kernel/kexec_loaded";

	if (argc < 3 + crash)
		ktap_bail("usage: kexec [--crash] KERNEL INITRD [WORD]...");
	if (access(needs, F_OK))
		ktap_skip_all("this kernel has no %s", needs);
	load_kernel(argv + 1 + crash, crash ? KEXEC_FILE_ON_CRASH : 0);
	for (int i = 0; i < cpu_count(); i++)
		if (!xfork())
			busy(i);
	sleep_ms(200);
	if (!asi_class_off("user"))
		restricted_state();
	keep_the_cpu();
	if (crash)
		ktap_bail("no crash: %d", write_file("/proc/sysrq-trigger", "c"));
	syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
		LINUX_REBOOT_CMD_KEXEC, NULL);
	ktap_bail("reboot: %s", strerror(errno));
}
