// SPDX-License-Identifier: GPL-2.0
/* Keys, which the kernel keeps for users. */
#define _GNU_SOURCE
#include <string.h>
#include <unistd.h>
#include <linux/keyctl.h>
#include <sys/syscall.h>

#include "plant.h"

static void plant_key_of(const char *type)
{
	uint64_t secret[SECRET_WORDS];
	long ret;

	secret_write(secret);
	ret = syscall(SYS_add_key, type, "audit:key", secret, SECRET_SIZE,
		      KEY_SPEC_PROCESS_KEYRING);
	wipe(secret, SECRET_SIZE);
	available(ret, "add_key");
}

static void plant_user_key(void)
{
	plant_key_of("user");
}

static void plant_logon_key(void)
{
	plant_key_of("logon");
}

static void plant_big_key(void)
{
	plant_key_of("big_key");
}

/* Its data can be given only in hexadecimal digits, which are no secret here. */
static void write_hex(char *to)
{
	for (unsigned int i = 0; i < SECRET_SIZE; i++) {
		unsigned int byte = secret_word(i / 8) >> i % 8 * 8 & 0xff;

		*to++ = "0123456789abcdef"[byte >> 4];
		*to++ = "0123456789abcdef"[byte & 15];
	}
	*to = '\0';
}

static void plant_encrypted_key(void)
{
	static const char master[] = "a key that is no secret";
	char order[128] = "new default user:audit-master 32 ";
	long ret;

	need(syscall(SYS_add_key, "user", "audit-master", master, sizeof(master),
		     KEY_SPEC_SESSION_KEYRING), "add_key");
	write_hex(order + strlen(order));
	ret = syscall(SYS_add_key, "encrypted", "audit:key", order,
		      strlen(order), KEY_SPEC_PROCESS_KEYRING);
	wipe(order, sizeof(order));
	available(ret, "add_key");
}

const struct kind object_kinds[] = {
	{ "user-key", plant_user_key },
	{ "logon-key", plant_logon_key },
	{ "big-key", plant_big_key },
	{ "encrypted-key", plant_encrypted_key },
	{ }
};
