// SPDX-License-Identifier: GPL-2.0
/* The order in which a guest of vm/run lives: prepare, run, report, stop. */
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <unistd.h>

#include "init.h"

static void power_off(void)
{
	channel_drain();
	sync();
	reboot(RB_POWER_OFF);
	/* Without ACPI the kernel halts or returns; a reset ends QEMU as well. */
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}

void die(const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(stderr, "vm-init: %s\n", text);
	channel_send(FRAME_TROUBLE, text, strlen(text));
	/* Children come here too, between fork and exec: only init may stop. */
	if (getpid() != 1)
		_exit(126);
	power_off();
	abort();
}

static void set_word(char *dest, size_t size, const char *value)
{
	if ((size_t)snprintf(dest, size, "%s", value) >= size)
		die("/vmrun/config: value too long: %s", value);
}

static void set_key(struct config *config, const char *key, const char *value)
{
	if (!strcmp(key, "nonce"))
		set_word(config->nonce, sizeof(config->nonce), value);
	else if (!strcmp(key, "channel"))
		set_word(config->channel, sizeof(config->channel), value);
	else if (!strcmp(key, "root"))
		set_word(config->root, sizeof(config->root), value);
	else if (!strcmp(key, "tty"))
		set_word(config->tty, sizeof(config->tty), value);
	else if (!strcmp(key, "rows"))
		config->rows = atoi(value);
	else if (!strcmp(key, "columns"))
		config->columns = atoi(value);
	else
		die("/vmrun/config: unknown key %s", key);
}

static void read_config(struct config *config)
{
	char *data, *line, *value;
	size_t length;

	data = read_file("/vmrun/config", &length);
	for (line = strtok(data, "\n"); line; line = strtok(NULL, "\n")) {
		value = strchr(line, '=');
		if (!value)
			die("/vmrun/config: no value in %s", line);
		*value++ = '\0';
		set_key(config, line, value);
	}
	free(data);
}

/*
 * /vmrun/argv holds the working directory and the arguments, each ended by a
 * NUL, which is the one byte that none of them can contain.
 */
static char **read_argv(void)
{
	size_t length, count = 0, i;
	char *data, **argv;

	data = read_file("/vmrun/argv", &length);
	for (i = 0; i < length; i++)
		count += !data[i];
	if (count < 2)
		die("/vmrun/argv: no command");
	argv = calloc(count + 1, sizeof(*argv));
	if (!argv)
		die("no memory for %zu arguments", count);
	for (i = 0; i < count; i++) {
		argv[i] = data;
		data += strlen(data) + 1;
	}
	return argv;
}

static void loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	/* A kernel without networking has no socket either. */
	if (fd < 0)
		return;
	ioctl(fd, SIOCSIFFLAGS, &request);
	close(fd);
}

static void set_environment(const struct config *config)
{
	clearenv();
	setenv("PATH",
	       "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	       1);
	setenv("HOME", "/root", 1);
	setenv("USER", "root", 1);
	setenv("LOGNAME", "root", 1);
	setenv("LANG", "C.UTF-8", 1);
	/* For programs that take all of a machine's memory. */
	setenv("VM_RUN", "1", 1);
	setenv("TERM", config->tty[0] ? "xterm" : "dumb", 1);
}

static void report(const struct config *config, const struct result *result)
{
	unsigned long long tainted;
	char text[512];
	size_t length;
	char *data;

	data = read_file("/proc/sys/kernel/tainted", &length);
	tainted = strtoull(data, NULL, 10);
	free(data);
	snprintf(text, sizeof(text),
		 "nonce=%s status=%d out=%llu err=%llu kmsg=%llu lost=%llu taint=%llu",
		 config->nonce, result->status, result->out, result->err,
		 result->kmsg, result->kmsg_lost, tainted);
	channel_send(FRAME_VERDICT, text, strlen(text));
}

int main(void)
{
	static struct config config;
	struct result result = { 0 };
	char **argv;

	mount_early();
	read_config(&config);
	argv = read_argv();
	channel_open(&config);
	mount_root(&config);
	mount_late();

	sethostname("asi-vm", strlen("asi-vm"));
	loopback_up();
	set_environment(&config);
	if (chdir(argv[0]))
		die("the guest has no directory %s", argv[0]);
	run_command(&config, argv + 1, &result);
	report(&config, &result);
	power_off();
	return 0;
}
