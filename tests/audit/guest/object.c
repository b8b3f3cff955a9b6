// SPDX-License-Identifier: GPL-2.0
/* What the kernel keeps for users: keys and maps of BPF programs. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <linux/bpf.h>
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

static void plant_bpf_map(unsigned int type, unsigned int flags)
{
	union bpf_attr create = {
		.map_type = type, .key_size = 4, .value_size = SECRET_SIZE,
		.max_entries = 4, .map_flags = flags,
	};
	uint64_t secret[SECRET_WORDS];
	unsigned int key = 1;
	int fd = (int)available(syscall(SYS_bpf, BPF_MAP_CREATE, &create,
					sizeof(create)), "BPF_MAP_CREATE");
	union bpf_attr update = {
		.map_fd = (unsigned int)fd, .key = (uintptr_t)&key,
		.value = (uintptr_t)secret,
	};
	long ret;

	secret_write(secret);
	ret = syscall(SYS_bpf, BPF_MAP_UPDATE_ELEM, &update, sizeof(update));
	wipe(secret, SECRET_SIZE);
	need(ret, "BPF_MAP_UPDATE_ELEM");
}

static void plant_bpf_array(void)
{
	plant_bpf_map(BPF_MAP_TYPE_ARRAY, 0);
}

static void plant_bpf_hash(void)
{
	plant_bpf_map(BPF_MAP_TYPE_HASH, 0);
}

/* Each element is allocated when it is added. */
static void plant_bpf_hash_late(void)
{
	plant_bpf_map(BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC);
}

/* Memory of vmalloc, so that the user can map it; here nobody does. */
static void plant_bpf_mmap(void)
{
	plant_bpf_map(BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE);
}

const struct kind object_kinds[] = {
	{ "user-key", plant_user_key },
	{ "logon-key", plant_logon_key },
	{ "big-key", plant_big_key },
	{ "encrypted-key", plant_encrypted_key },
	{ "bpf-array", plant_bpf_array },
	{ "bpf-hash", plant_bpf_hash },
	{ "bpf-hash-late", plant_bpf_hash_late },
	{ "bpf-mmap", plant_bpf_mmap },
	{ }
};
