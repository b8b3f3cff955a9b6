/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The first process of a guest started by vm/run.
 *
 * It prepares the root, runs one command and tells the host how it ended. All
 * it says goes through one channel in frames, so that the host can tell a
 * complete report from a truncated one:
 *
 *	type (1 byte)  length (4 bytes, big endian)  payload
 */
#ifndef VM_INIT_H
#define VM_INIT_H

#include <stdarg.h>
#include <stddef.h>

/**
 * enum frame - the types of frames
 * @FRAME_HELLO: sent once the channel is open; payload: the nonce
 * @FRAME_OUT: bytes the command wrote to its standard output
 * @FRAME_ERR: bytes the command wrote to its standard error
 * @FRAME_KMSG: one record of /dev/kmsg, as read
 * @FRAME_TROUBLE: the guest could not be prepared; payload: why
 * @FRAME_VERDICT: last frame; payload: "key=value" words
 */
enum frame {
	FRAME_HELLO	= 'H',
	FRAME_OUT	= 'O',
	FRAME_ERR	= 'E',
	FRAME_KMSG	= 'K',
	FRAME_TROUBLE	= 'X',
	FRAME_VERDICT	= 'V',
};

/**
 * struct config - what vm/run asks for, from /vmrun/config
 * @nonce: random word of this run; a verdict without it does not count
 * @channel: "virtio" for the virtio port called "vmrun", else a tty's name
 * @root: "host" for the host's under an overlay, "initramfs" to stay here
 * @tty: terminal the command gets as stdin, stdout and stderr; "" for pipes
 * @rows: height of that terminal, 0 when not known
 * @columns: its width
 */
struct config {
	char nonce[64];
	char channel[32];
	char root[16];
	char tty[32];
	int rows;
	int columns;
};

/* init.c: ends the guest after telling the host why. */
void die(const char *format, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

/* util.c */
void make_dir(const char *path);
void write_file(const char *path, const char *text);
char *read_file(const char *path, size_t *length);
void copy_tree(const char *from, const char *to);

/* channel.c */
void channel_open(const struct config *config);
void channel_send(enum frame type, const void *data, size_t length);
void channel_drain(void);

/* mounts.c */
void mount_early(void);
void mount_root(const struct config *config);
void mount_late(void);

/*
 * run.c: a finished command and what it left behind. @out, @err and @kmsg
 * count what was sent, so that the host notices when a frame is missing.
 */
struct result {
	int status;
	unsigned long long out;
	unsigned long long err;
	unsigned long long kmsg;
	unsigned long long kmsg_lost;
};

void run_command(const struct config *config, char **argv,
		 struct result *result);

#endif /* VM_INIT_H */
