// SPDX-License-Identifier: GPL-2.0
/* Maps of BPF, what it keeps with a socket, and what a program makes of a message. */
#define _GNU_SOURCE
#include <stddef.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "net.h"
#include "plant.h"

static int bpf(unsigned int command, union bpf_attr *attr, const char *what)
{
	return (int)available(syscall(SYS_bpf, command, attr, sizeof(*attr)),
			      what);
}

/* Put the secret into a map; @key is of four bytes. */
static void store_secret(int map, const void *key)
{
	uint64_t secret[SECRET_WORDS];
	union bpf_attr update = {
		.map_fd = (unsigned int)map, .key = (uintptr_t)key,
		.value = (uintptr_t)secret,
	};
	long ret;

	secret_write(secret);
	ret = syscall(SYS_bpf, BPF_MAP_UPDATE_ELEM, &update, sizeof(update));
	wipe(secret, SECRET_SIZE);
	need(ret, "BPF_MAP_UPDATE_ELEM");
}

static void plant_bpf_map(unsigned int type, unsigned int flags)
{
	union bpf_attr create = {
		.map_type = type, .key_size = 4, .value_size = SECRET_SIZE,
		.max_entries = 4, .map_flags = flags,
	};
	const unsigned int key = 1;

	store_secret(bpf(BPF_MAP_CREATE, &create, "BPF_MAP_CREATE"), &key);
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

/* The types of a map whose elements belong to objects: they have no names. */
static const struct {
	struct btf_header head;
	struct btf_type key;
	uint32_t key_bits;
	struct btf_type value;
	char names[4];
} map_types = {
	.head = {
		.magic = 0xeb9f, .version = 1, .hdr_len = sizeof(map_types.head),
		.type_len = offsetof(typeof(map_types), names) -
			    sizeof(map_types.head),
		.str_off = offsetof(typeof(map_types), names) -
			   sizeof(map_types.head),
		.str_len = sizeof(map_types.names),
	},
	.key = { .info = BTF_KIND_INT << 24, .size = 4 },
	.key_bits = 32,
	.value = { .info = BTF_KIND_STRUCT << 24, .size = SECRET_SIZE },
};

#define KEY_TYPE	1U
#define VALUE_TYPE	2U

static int storage_map(void)
{
	union bpf_attr types = {
		.btf = (uintptr_t)&map_types, .btf_size = sizeof(map_types),
	};
	union bpf_attr map = {
		.map_type = BPF_MAP_TYPE_SK_STORAGE,
		.map_flags = BPF_F_NO_PREALLOC,
		.key_size = 4, .value_size = SECRET_SIZE,
		.btf_key_type_id = KEY_TYPE, .btf_value_type_id = VALUE_TYPE,
	};

	map.btf_fd = (unsigned int)bpf(BPF_BTF_LOAD, &types, "BPF_BTF_LOAD");
	return bpf(BPF_MAP_CREATE, &map, "a map of storage of sockets");
}

/* The element belongs to the socket, and is allocated alone. */
static void plant_bpf_storage(void)
{
	const int sock = (int)need(socket(AF_INET, SOCK_DGRAM, 0), "socket");

	store_secret(storage_map(), &sock);
}

/*
 * A message that sockmap passes from the socket that sends it to one that does not
 * receive it. The program asks for all of it in one piece, which is why the kernel
 * copies it to a page of its own; that page is passed on.
 */
#define MESSAGE		2048
/* How much of it is in the first of the two pieces that it is in at first. */
#define FIRST_PIECE	1024
/* What senders take pieces from: one such block, or a page where there is none. */
#define FRAG_BLOCK	32768UL
/* Where in the message; not near the end of what is copied in one go. */
#define SECRET_AT	256

enum { SENDER, RECEIVER, SOCKETS };

#define INSN(op, to, from, offset, value)				\
	((struct bpf_insn) {						\
		.code = (op), .dst_reg = (to), .src_reg = (from),	\
		.off = (offset), .imm = (value),			\
	})
#define LOAD(to, from, member)						\
	INSN(BPF_LDX | BPF_DW | BPF_MEM, to, from,			\
	     offsetof(struct sk_msg_md, member), 0)
#define MOVE(to, from)	INSN(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0)
#define SET(to, value)	INSN(BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value)
#define ADD(to, value)	INSN(BPF_ALU64 | BPF_ADD | BPF_K, to, 0, 0, value)
#define CALL(name)	INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_##name)
#define EXIT		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
/* Over the two instructions that drop the message. */
#define DROP_UNLESS(jump, reg, other, value)				\
	INSN(BPF_JMP | (jump), reg, other, 2, value),			\
	SET(BPF_REG_0, SK_DROP),					\
	EXIT
#define SET_MAP(to, fd)							\
	INSN(BPF_LD | BPF_DW | BPF_IMM, to, BPF_PSEUDO_MAP_FD, 0, fd),	\
	INSN(0, 0, 0, 0, 0)

/* Drops a message that is in one piece already, so that the sender notices. */
static int message_program(int map)
{
	const struct bpf_insn code[] = {
		MOVE(BPF_REG_6, BPF_REG_1),
		LOAD(BPF_REG_2, BPF_REG_1, data),
		LOAD(BPF_REG_3, BPF_REG_1, data_end),
		ADD(BPF_REG_2, MESSAGE),
		DROP_UNLESS(BPF_JGT | BPF_X, BPF_REG_2, BPF_REG_3, 0),
		SET(BPF_REG_2, 0),
		SET(BPF_REG_3, MESSAGE),
		SET(BPF_REG_4, 0),
		CALL(msg_pull_data),
		DROP_UNLESS(BPF_JEQ | BPF_K, BPF_REG_0, 0, 0),
		MOVE(BPF_REG_1, BPF_REG_6),
		SET_MAP(BPF_REG_2, map),
		SET(BPF_REG_3, RECEIVER),
		SET(BPF_REG_4, BPF_F_INGRESS),
		CALL(msg_redirect_map),
		EXIT,
	};
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_SK_MSG,
		.expected_attach_type = BPF_SK_MSG_VERDICT,
		.insns = (uintptr_t)code, .insn_cnt = ARRAY_SIZE(code),
		.license = (uintptr_t)"GPL",
	};

	return bpf(BPF_PROG_LOAD, &load, "BPF_PROG_LOAD");
}

static void add_socket(int map, unsigned int key, int sock)
{
	union bpf_attr update = {
		.map_fd = (unsigned int)map, .key = (uintptr_t)&key,
		.value = (uintptr_t)&sock,
	};

	bpf(BPF_MAP_UPDATE_ELEM, &update, "a socket for sockmap");
}

/* Returns the socket to send by. */
static int passing_socket(void)
{
	union bpf_attr create = {
		.map_type = BPF_MAP_TYPE_SOCKMAP, .key_size = 4, .value_size = 4,
		.max_entries = SOCKETS,
	};
	const int map = bpf(BPF_MAP_CREATE, &create, "sockmap");
	union bpf_attr attach = {
		.target_fd = (unsigned int)map,
		.attach_bpf_fd = (unsigned int)message_program(map),
		.attach_type = BPF_SK_MSG_VERDICT,
	};
	const int sender = tcp_connection();

	bpf(BPF_PROG_ATTACH, &attach, "BPF_PROG_ATTACH");
	add_socket(map, RECEIVER, tcp_connection());
	add_socket(map, SENDER, sender);
	return sender;
}

/* Of what this task takes pieces from, leave the first piece of the message. */
static void use_up_block(void)
{
	static const char zeroes[FRAG_BLOCK - FIRST_PIECE];

	need(write(tcp_connection(), zeroes, sizeof(zeroes)) ==
	     (ssize_t)sizeof(zeroes) ? 0 : -1, "write to a TCP socket");
}

static void plant_sockmap(void)
{
	static char message[MESSAGE];
	const int fd = passing_socket();
	ssize_t n;

	use_up_block();
	secret_write(message + SECRET_AT);
	n = write(fd, message, MESSAGE);
	wipe(message, MESSAGE);
	need(n == MESSAGE ? 0 : -1, "write to sockmap");
}

const struct kind bpf_kinds[] = {
	{ "bpf-array", plant_bpf_array },
	{ "bpf-hash", plant_bpf_hash },
	{ "bpf-hash-late", plant_bpf_hash_late },
	{ "bpf-mmap", plant_bpf_mmap },
	{ "bpf-storage", plant_bpf_storage },
	{ "sockmap", plant_sockmap },
	{ }
};
