// SPDX-License-Identifier: GPL-2.0
/* Smoke test of memory that the kernel keeps for users: BPF maps, keys, xattrs. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "asi_test.h"

#define VALUE	512U

static int bpf(int cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static void map_of(const char *name, unsigned int type)
{
	union bpf_attr create = {
		.map_type = type, .key_size = 4, .value_size = VALUE,
		.max_entries = 64,
	};
	int fd = bpf(BPF_MAP_CREATE, &create);
	static char out[VALUE], in[VALUE];

	if (fd < 0) {
		ktap_skip(name, "BPF_MAP_CREATE: %s", strerror(errno));
		return;
	}
	for (unsigned int i = 0; i < scaled(2000); i++) {
		unsigned int key = i % 64;
		union bpf_attr a = {
			.map_fd = (unsigned int)fd, .key = (uintptr_t)&key,
			.value = (uintptr_t)out,
		};

		fill(out, VALUE, i);
		CHECK(!bpf(BPF_MAP_UPDATE_ELEM, &a));
		a.value = (uintptr_t)in;
		CHECK(!bpf(BPF_MAP_LOOKUP_ELEM, &a));
		verify(in, VALUE, i);
	}
	close(fd);
	ktap_ok(!test_errors_take(), "%s", name);
}

/* r0 = 42 + length of the packet; interpreted or compiled. */
static void program(void)
{
	static const struct bpf_insn code[] = {
		{ .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = 0, .src_reg = 1 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 0, .imm = 42 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	static const char name[] = "BPF program";
	static char packet[128], log[4096];
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_SCHED_CLS,
		.insn_cnt = ARRAY_SIZE(code), .insns = (uintptr_t)code,
		.license = (uintptr_t)"GPL", .log_level = 1,
		.log_buf = (uintptr_t)log, .log_size = sizeof(log),
	};
	int fd = bpf(BPF_PROG_LOAD, &load);

	if (fd < 0) {
		ktap_skip(name, "BPF_PROG_LOAD: %s", strerror(errno));
		return;
	}
	for (unsigned int i = 0; i < scaled(500); i++) {
		union bpf_attr run = { .test = {
			.prog_fd = (unsigned int)fd,
			.data_in = (uintptr_t)packet,
			.data_size_in = 64 + i % 60, .repeat = 5,
		} };

		if (bpf(BPF_PROG_TEST_RUN, &run)) {
			test_error("BPF_PROG_TEST_RUN: %s", strerror(errno));
			break;
		}
		CHECK(run.test.retval == 42 + 64 + i % 60);
	}
	close(fd);
	ktap_ok(!test_errors_take(), "%s", name);
}

static void keys(void)
{
	static const char name[] = "keys";
	static char out[VALUE], in[VALUE];
	long ring = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);

	if (ring < 0) {
		ktap_skip(name, "keyctl: %s", strerror(errno));
		return;
	}
	for (unsigned int i = 0; i < scaled(500); i++) {
		char what[32];
		long key;

		snprintf(what, sizeof(what), "asi:%u", i % 8);
		fill(out, VALUE, i);
		key = syscall(SYS_add_key, "user", what, out, VALUE, ring);
		CHECK(key > 0);
		CHECK(syscall(SYS_keyctl, KEYCTL_READ, key, in, VALUE) == VALUE);
		verify(in, VALUE, i);
		if (!(i & 3))
			CHECK(!syscall(SYS_keyctl, KEYCTL_REVOKE, key));
	}
	ktap_ok(!test_errors_take(), "%s", name);
}

static void xattrs(void)
{
	static const char name[] = "extended attributes";
	static char out[VALUE], in[VALUE];
	int fd = temp_fd(0);

	if (fsetxattr(fd, "trusted.asi", out, VALUE, 0)) {
		ktap_skip(name, "fsetxattr: %s", strerror(errno));
		close(fd);
		return;
	}
	for (unsigned int i = 0; i < scaled(500); i++) {
		fill(out, VALUE, i);
		CHECK(!fsetxattr(fd, "trusted.asi", out, VALUE, 0));
		CHECK(fgetxattr(fd, "trusted.asi", in, VALUE) == VALUE);
		verify(in, VALUE, i);
	}
	close(fd);
	ktap_ok(!test_errors_take(), "%s", name);
}

int main(void)
{
	ktap_start(5);
	map_of("BPF array map", BPF_MAP_TYPE_ARRAY);
	map_of("BPF hash map", BPF_MAP_TYPE_HASH);
	program();
	keys();
	xattrs();
	return ktap_finish();
}
