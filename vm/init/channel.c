// SPDX-License-Identifier: GPL-2.0
/* The way to the host: frames on a virtio port or on a serial line. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "init.h"

#define PORTS "/sys/class/virtio-ports"
/* Probing of virtio devices is asynchronous: 20 s in steps of 10 ms. */
#define PORT_TRIES 2000
#define PORT_PAUSE_US 10000

static int channel = -1;
static int channel_is_tty;

/* Is @port the one vm/run named "vmrun"? */
static int port_is_ours(const char *port)
{
	char path[512], name[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), PORTS "/%s/name", port);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (!fgets(name, sizeof(name), file))
		name[0] = '\0';
	fclose(file);
	return !strcmp(name, "vmrun\n");
}

static int open_port(void)
{
	struct dirent *entry;
	char path[512];
	int fd = -1;
	DIR *dir;

	dir = opendir(PORTS);
	if (!dir)
		return -1;
	while (fd < 0 && (entry = readdir(dir))) {
		if (!port_is_ours(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
	}
	closedir(dir);
	return fd;
}

static int open_virtio(void)
{
	int tries, fd = -1;

	for (tries = 0; fd < 0 && tries < PORT_TRIES; tries++) {
		fd = open_port();
		if (fd < 0)
			usleep(PORT_PAUSE_US);
	}
	return fd;
}

/* Bytes must arrive as they are sent: no echo, no newline translation. */
static int open_serial(const char *name)
{
	struct termios termios;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/%s", name);
	fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || tcgetattr(fd, &termios))
		return -1;
	cfmakeraw(&termios);
	termios.c_cflag |= CLOCAL;
	cfsetspeed(&termios, B115200);
	if (tcsetattr(fd, TCSANOW, &termios))
		return -1;
	channel_is_tty = 1;
	return fd;
}

void channel_open(const struct config *config)
{
	if (!strcmp(config->channel, "virtio"))
		channel = open_virtio();
	else
		channel = open_serial(config->channel);
	if (channel < 0)
		die("no channel to the host: %s", config->channel);
	channel_send(FRAME_HELLO, config->nonce, strlen(config->nonce));
}

static int write_all(const char *data, size_t length)
{
	ssize_t n;

	while (length) {
		n = write(channel, data, length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		data += n;
		length -= n;
	}
	return 0;
}

/*
 * A frame that cannot be sent is dropped silently: there is nobody left to
 * tell, and the host misses the verdict or its counts.
 */
void channel_send(enum frame type, const void *data, size_t length)
{
	uint32_t size = htonl(length);
	char header[5] = { type };

	if (channel < 0)
		return;
	memcpy(header + 1, &size, sizeof(size));
	if (!write_all(header, sizeof(header)))
		write_all(data, length);
}

/* Waits until everything has left the guest; a power-off would cut it. */
void channel_drain(void)
{
	if (channel_is_tty)
		tcdrain(channel);
}
