// SPDX-License-Identifier: GPL-2.0
/* Maps of BPF: values that are looked up, and a ring that a program writes to. */
#define _GNU_SOURCE
#include <linux/bpf.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"
#include "clock.h"

#define SIZE 64
#define OPS 16
#define PAGE 4096
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static char data[SIZE] __attribute__((aligned(SIZE)));
static long object;

static void close_object(void)
{
	close((int)object);
}

static long bpf(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static uint32_t map_key;

static long map_call(int cmd)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)object;
	attr.key = (uint64_t)(unsigned long)&map_key;
	attr.value = (uint64_t)(unsigned long)data;
	return bpf(cmd, &attr);
}

static const char *map_setup(unsigned int type)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = type;
	attr.key_size = sizeof(map_key);
	attr.value_size = SIZE;
	attr.max_entries = OPS;
	object = bpf(BPF_MAP_CREATE, &attr);
	if (object < 0)
		return "no BPF maps";
	if (map_call(BPF_MAP_UPDATE_ELEM))
		die("a BPF map");
	return NULL;
}

static const char *hash_setup(void)
{
	return map_setup(BPF_MAP_TYPE_HASH);
}

static const char *array_setup(void)
{
	return map_setup(BPF_MAP_TYPE_ARRAY);
}

static uint64_t map_run(unsigned int ops)
{
	uint64_t start = clock_now();
	unsigned int i;

	for (i = 0; i < ops; i++)
		if (map_call(BPF_MAP_LOOKUP_ELEM))
			die("a BPF map");
	return clock_now() - start;
}

const struct bench bench_bpf_lookup = {
	.name = "bpf_lookup",
	.what = "lookup of 64 bytes in a BPF hash, by bpf()",
	.ops = OPS,
	.syscalls = 1,
	.setup = hash_setup,
	.run = map_run,
	.teardown = close_object,
};

const struct bench bench_bpf_array = {
	.name = "bpf_array",
	.what = "lookup of 64 bytes in a BPF array, by bpf()",
	.ops = OPS,
	.syscalls = 1,
	.setup = array_setup,
	.run = map_run,
	.teardown = close_object,
};

/* Pages of a ring: who reads it is at a place of the first, who writes of the second. */
static struct {
	volatile unsigned long *reader, *writer;
	int program;
} ring;

static void *map_page(int prot, off_t at)
{
	void *page = mmap(NULL, PAGE, prot, MAP_SHARED, (int)object, at);

	if (page == MAP_FAILED)
		die("mmap of a ring of BPF");
	return page;
}

static struct bpf_insn set(uint8_t reg, int32_t value)
{
	return (struct bpf_insn) {
		.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = reg, .imm = value,
	};
}

/* Write what is on the stack to the ring, and wake nobody. */
static int load_program(void)
{
	struct bpf_insn code[] = {
		[SIZE / 8] = {
			.code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = BPF_REG_1,
			.src_reg = BPF_PSEUDO_MAP_FD, .imm = (int32_t)object,
		},
		/* The other half of it. */
		{},
		{
			.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_2,
			.src_reg = BPF_REG_10,
		},
		{
			.code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_2,
			.imm = -SIZE,
		},
		set(BPF_REG_3, SIZE),
		set(BPF_REG_4, BPF_RB_NO_WAKEUP),
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_ringbuf_output },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr;
	int i;

	for (i = 0; i < SIZE / 8; i++)
		code[i] = (struct bpf_insn) {
			.code = BPF_ST | BPF_MEM | BPF_DW,
			.dst_reg = BPF_REG_10, .off = (int16_t)(-8 * (i + 1)),
		};
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_SYSCALL;
	attr.prog_flags = BPF_F_SLEEPABLE;
	attr.insns = (uint64_t)(unsigned long)code;
	attr.insn_cnt = ARRAY_SIZE(code);
	attr.license = (uint64_t)(unsigned long)"GPL";
	return (int)bpf(BPF_PROG_LOAD, &attr);
}

static const char *ring_setup(void)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_RINGBUF;
	attr.max_entries = PAGE;
	object = bpf(BPF_MAP_CREATE, &attr);
	if (object < 0)
		return "no ring buffers of BPF";
	ring.program = load_program();
	if (ring.program < 0)
		die("a BPF program");
	ring.reader = map_page(PROT_READ | PROT_WRITE, 0);
	ring.writer = map_page(PROT_READ, PAGE);
	return NULL;
}

static uint64_t ring_run(unsigned int ops)
{
	uint64_t start = clock_now();
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = (uint32_t)ring.program;
	while (ops--) {
		if (bpf(BPF_PROG_TEST_RUN, &attr) || attr.test.retval)
			die("a record of a BPF program");
		*ring.reader = *ring.writer;
	}
	return clock_now() - start;
}

static void ring_teardown(void)
{
	munmap((void *)ring.reader, PAGE);
	munmap((void *)ring.writer, PAGE);
	close(ring.program);
	close_object();
}

const struct bench bench_bpf_ring = {
	.name = "bpf_ring",
	.what = "a record of 64 bytes from a BPF program to its ring buffer",
	.ops = OPS,
	.syscalls = 1,
	.setup = ring_setup,
	.run = ring_run,
	.teardown = ring_teardown,
};
