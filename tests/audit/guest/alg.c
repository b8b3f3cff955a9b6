// SPDX-License-Identifier: GPL-2.0
/* Ciphers and hashes of the kernel, which users reach by sockets. */
#define _GNU_SOURCE
#include <linux/if_alg.h>
#include <sys/socket.h>

#include "catch.h"

static const struct sockaddr_alg cipher = {
	.salg_family = AF_ALG, .salg_type = "skcipher", .salg_name = "cbc(aes)",
};

static const struct sockaddr_alg hash = {
	.salg_family = AF_ALG, .salg_type = "hash", .salg_name = "sha256",
};

/* A socket that stands for an algorithm. */
static int alg_socket(const struct sockaddr_alg *addr)
{
	int fd = (int)available(socket(AF_ALG, SOCK_SEQPACKET, 0), "AF_ALG");

	need(bind(fd, (const struct sockaddr *)addr, sizeof(*addr)), "bind");
	return fd;
}

static void plant_alg_key(void)
{
	uint64_t secret[SECRET_WORDS];
	int fd = alg_socket(&cipher);
	int ret;

	secret_write(secret);
	ret = setsockopt(fd, SOL_ALG, ALG_SET_KEY, secret, SECRET_SIZE);
	wipe(secret, SECRET_SIZE);
	need(ret, "ALG_SET_KEY");
}

static long set_key(void)
{
	return setsockopt(caught.fd, SOL_ALG, ALG_SET_KEY, caught.at, CAUGHT_SIZE);
}

/* Too long for a key, which the kernel sees when it has a copy. */
static void plant_alg_set_key(void)
{
	caught.fd = alg_socket(&cipher);
	catch_reading(set_key);
}

/* To a computation by @alg, which waits for more. */
static void begin_with_secret(int alg)
{
	send_message((int)need(accept(alg, NULL, NULL), "accept"), MSG_MORE,
		     "send to AF_ALG");
}

/* What is to be encrypted, with a key that is no secret. */
static void plant_alg_data(void)
{
	static const char key[SECRET_SIZE];
	int fd = alg_socket(&cipher);

	need(setsockopt(fd, SOL_ALG, ALG_SET_KEY, key, SECRET_SIZE),
	     "ALG_SET_KEY");
	begin_with_secret(fd);
}

/* Less than a block, so that the state of the hash has it as it is. */
static void plant_alg_hash(void)
{
	begin_with_secret(alg_socket(&hash));
}

const struct kind alg_kinds[] = {
	{ "alg-key", plant_alg_key },
	{ "alg-set-key", plant_alg_set_key },
	{ "alg-data", plant_alg_data },
	{ "alg-hash", plant_alg_hash },
	{ }
};
