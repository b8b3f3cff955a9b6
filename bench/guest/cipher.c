// SPDX-License-Identifier: GPL-2.0
/* The kernel's ciphers and hashes, which hold keys and data of users: sockets of AF_ALG. */
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
#define DIGEST 32
#define OPS 16

static char data[SIZE];
static int transform, request;

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

static const char *open_transform(const struct sockaddr_alg *what)
{
	transform = socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (transform < 0)
		return "no sockets of AF_ALG";
	if (bind(transform, (struct sockaddr *)what, sizeof(*what))) {
		if (errno != ENOENT)
			die("bind to %s", (const char *)what->salg_name);
		close(transform);
		return "no such algorithm";
	}
	return NULL;
}

static void open_request(void)
{
	request = accept(transform, NULL, NULL);
	if (request < 0)
		die("accept");
}

static void alg_teardown(void)
{
	close(request);
	close(transform);
}

static const char *cipher_setup(void)
{
	static const struct sockaddr_alg what = {
		.salg_family = AF_ALG,
		.salg_type = "skcipher",
		.salg_name = "cbc(aes)",
	};
	static const char key[BLOCK] = "asibench";
	const char *reason = open_transform(&what);

	if (reason)
		return reason;
	if (setsockopt(transform, SOL_ALG, ALG_SET_KEY, key, sizeof(key)))
		die("ALG_SET_KEY");
	open_request();
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

const struct bench bench_cipher = {
	.name = "cipher",
	.what = "64 bytes encrypted by cbc(aes), through a socket of AF_ALG",
	.ops = OPS,
	.syscalls = 2,
	.setup = cipher_setup,
	.run = cipher_run,
	.teardown = alg_teardown,
};

static const char *hash_setup(void)
{
	static const struct sockaddr_alg what = {
		.salg_family = AF_ALG,
		.salg_type = "hash",
		.salg_name = "sha256",
	};
	const char *reason = open_transform(&what);

	if (!reason)
		open_request();
	return reason;
}

static uint64_t hash_run(unsigned int ops)
{
	char digest[DIGEST];
	uint64_t start = clock_now();
	unsigned int i;

	for (i = 0; i < ops; i++)
		if (send(request, data, SIZE, 0) != SIZE ||
		    read(request, digest, DIGEST) != DIGEST)
			die("a hash");
	return clock_now() - start;
}

const struct bench bench_hash = {
	.name = "hash",
	.what = "64 bytes hashed by sha256, through a socket of AF_ALG",
	.ops = OPS,
	.syscalls = 2,
	.setup = hash_setup,
	.run = hash_run,
	.teardown = alg_teardown,
};
