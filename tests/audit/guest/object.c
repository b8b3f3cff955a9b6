// SPDX-License-Identifier: GPL-2.0
/* What the kernel keeps for users: keys, maps of BPF programs, rings. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <linux/if_alg.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "plant.h"

#define RING_ENTRIES	8U

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

/* Memory of vmalloc, so that the user can map it; here nobody does. */
static void plant_bpf_mmap(void)
{
	plant_bpf_map(BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE);
}

/* In a request that is not submitted: memory of the kernel, mapped by the user. */
static void plant_io_uring(void)
{
	struct io_uring_params params = {};
	int fd = (int)available(syscall(SYS_io_uring_setup, RING_ENTRIES,
					&params), "io_uring_setup");
	char *sqes = mmap(NULL, RING_ENTRIES * sizeof(struct io_uring_sqe),
			  PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			  IORING_OFF_SQES);

	need(sqes == MAP_FAILED ? -1 : 0, "mmap of the ring");
	secret_write(sqes + sizeof(struct io_uring_sqe));
}

static void plant_af_alg(void)
{
	struct sockaddr_alg addr = {
		.salg_family = AF_ALG, .salg_type = "skcipher",
		.salg_name = "cbc(aes)",
	};
	uint64_t secret[SECRET_WORDS];
	int fd = (int)available(socket(AF_ALG, SOCK_SEQPACKET, 0), "AF_ALG");
	int ret;

	need(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), "bind");
	secret_write(secret);
	ret = setsockopt(fd, SOL_ALG, ALG_SET_KEY, secret, SECRET_SIZE);
	wipe(secret, SECRET_SIZE);
	need(ret, "ALG_SET_KEY");
}

static void plant_af_xdp(void)
{
	available(socket(AF_XDP, SOCK_RAW, 0), "AF_XDP");
	errno = 0;
	failed("AF_XDP is there, and nobody has written how to plant in it");
}

const struct kind object_kinds[] = {
	{ "user-key", plant_user_key },
	{ "logon-key", plant_logon_key },
	{ "bpf-array", plant_bpf_array },
	{ "bpf-hash", plant_bpf_hash },
	{ "bpf-mmap", plant_bpf_mmap },
	{ "io-uring", plant_io_uring },
	{ "af-alg", plant_af_alg },
	{ "af-xdp", plant_af_xdp },
	{ }
};
