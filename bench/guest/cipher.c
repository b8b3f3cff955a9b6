// SPDX-License-Identifier: GPL-2.0
/* The kernel's ciphers, whose contexts hold keys of users: a socket of AF_ALG. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/if_alg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "clock.h"

#define SIZE 64
#define BLOCK 16
#define OPS 16

static char data[SIZE];
static int cipher, request;

/* What has to come with the data: what to do, and with which first block. */
static union {
	struct cmsghdr align;
	char space[CMSG_SPACE(sizeof(int)) +
		   CMSG_SPACE(sizeof(struct af_alg_iv) + BLOCK)];
} control;
static struct iovec part = { .iov_base = data, .iov_len = SIZE };
static struct msghdr message = {
	.msg_iov = &part,
	.msg_iovlen = 1,
	.msg_control = &control,
	.msg_controllen = sizeof(control),
};

static void fill_control(void)
{
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	struct af_alg_iv iv = { .ivlen = BLOCK };
	int op = ALG_OP_ENCRYPT;

	header->cmsg_level = SOL_ALG;
	header->cmsg_type = ALG_SET_OP;
	header->cmsg_len = CMSG_LEN(sizeof(op));
	memcpy(CMSG_DATA(header), &op, sizeof(op));
	header = CMSG_NXTHDR(&message, header);
	header->cmsg_level = SOL_ALG;
	header->cmsg_type = ALG_SET_IV;
	header->cmsg_len = CMSG_LEN(sizeof(iv) + BLOCK);
	memcpy(CMSG_DATA(header), &iv, sizeof(iv));
}

static const char *cipher_setup(void)
{
	struct sockaddr_alg what = {
		.salg_family = AF_ALG,
		.salg_type = "skcipher",
		.salg_name = "cbc(aes)",
	};
	static const char key[BLOCK] = "asibench";

	cipher = socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (cipher < 0)
		return "no sockets of AF_ALG";
	if (bind(cipher, (struct sockaddr *)&what, sizeof(what))) {
		if (errno != ENOENT)
			die("bind to cbc(aes)");
		close(cipher);
		return "no cbc(aes)";
	}
	if (setsockopt(cipher, SOL_ALG, ALG_SET_KEY, key, sizeof(key)))
		die("ALG_SET_KEY");
	request = accept(cipher, NULL, NULL);
	if (request < 0)
		die("accept");
	fill_control();
	return NULL;
}

static uint64_t cipher_run(unsigned int ops)
{
	uint64_t start = clock_now();
	unsigned int i;

	for (i = 0; i < ops; i++)
		if (sendmsg(request, &message, 0) != SIZE ||
		    read(request, data, SIZE) != SIZE)
			die("a cipher");
	return clock_now() - start;
}

static void cipher_teardown(void)
{
	close(request);
	close(cipher);
}

const struct bench bench_cipher = {
	.name = "cipher",
	.what = "64 bytes encrypted by cbc(aes), through a socket of AF_ALG",
	.ops = OPS,
	.syscalls = 2,
	.setup = cipher_setup,
	.run = cipher_run,
	.teardown = cipher_teardown,
};
