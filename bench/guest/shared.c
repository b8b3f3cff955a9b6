// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that the kernel shares with users, or that their data passes through: a ring
 * of io_uring, TLS in the kernel, a compressed disk, and /proc/<pid>/environ.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"
#include "clock.h"
#include "raw.h"

#define OPS 16
#define PAGE 4096
#define ENTRIES 4
#define RECORD 1024
/* What TLS 1.2 adds to a record with AES-GCM: header, nonce and tag. */
#define RECORD_SENT (RECORD + 5 + 8 + 16)
#define ZRAM "/dev/zram0"
#define ZRAM_SIZE "/sys/block/zram0/disksize"
#define ENVIRON 64

static char page[PAGE] __attribute__((aligned(PAGE)));

/* ---- io_uring ---- */

static struct {
	int fd;
	char *ring, *sqes;
	size_t size;
	struct io_uring_params at;
} uring;

static void *map_ring(size_t size, off_t at)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, uring.fd, at);

	if (p == MAP_FAILED)
		die("mmap of a ring");
	return p;
}

static const char *uring_setup(void)
{
	memset(&uring, 0, sizeof(uring));
	uring.fd = (int)syscall(SYS_io_uring_setup, ENTRIES, &uring.at);
	if (uring.fd < 0)
		return "no io_uring";
	uring.size = uring.at.cq_off.cqes +
		     uring.at.cq_entries * sizeof(struct io_uring_cqe);
	uring.ring = map_ring(uring.size, IORING_OFF_SQ_RING);
	uring.sqes = map_ring(ENTRIES * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
	return NULL;
}

static unsigned int *ring_word(unsigned int at)
{
	return (unsigned int *)(uring.ring + at);
}

/* The kernel looks at what was written by then, as the system call is a barrier. */
static uint64_t uring_run(unsigned int ops)
{
	struct io_uring_sqe *sqe = (struct io_uring_sqe *)uring.sqes;
	uint64_t start = clock_now();

	while (ops--) {
		unsigned int tail = *ring_word(uring.at.sq_off.tail);

		sqe->opcode = IORING_OP_NOP;
		ring_word(uring.at.sq_off.array)[tail % ENTRIES] = 0;
		*ring_word(uring.at.sq_off.tail) = tail + 1;
		if (raw_syscall5(SYS_io_uring_enter, uring.fd, 1, 1,
				 IORING_ENTER_GETEVENTS, 0) != 1)
			die("io_uring_enter");
		++*ring_word(uring.at.cq_off.head);
	}
	return clock_now() - start;
}

static void uring_teardown(void)
{
	munmap(uring.ring, uring.size);
	munmap(uring.sqes, ENTRIES * sizeof(struct io_uring_sqe));
	close(uring.fd);
}

/* ---- TLS ---- */

static int tls[2];

static void connect_both(void)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(addr);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	tls[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || tls[0] < 0 ||
	    bind(listener, (struct sockaddr *)&addr, len) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&addr, &len) ||
	    connect(tls[0], (struct sockaddr *)&addr, len))
		die("a TCP connection");
	tls[1] = accept(listener, NULL, NULL);
	if (tls[1] < 0)
		die("accept");
	close(listener);
}

static void tls_teardown(void)
{
	close(tls[0]);
	close(tls[1]);
}

/*
 * The kernel waits for who may load the cipher, which is a program that comes from the
 * host: meanwhile the counted clock of an idle guest runs ahead, past any timeout.
 */
static const char *tls_setup(void)
{
	unsigned int tries = 100;
	struct tls12_crypto_info_aes_gcm_256 info = {
		.info.version = TLS_1_2_VERSION,
		.info.cipher_type = TLS_CIPHER_AES_GCM_256,
	};

	connect_both();
	if (setsockopt(tls[0], IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls"))) {
		if (errno != ENOENT)
			die("TCP_ULP");
		tls_teardown();
		return "no TLS in the kernel";
	}
	while (setsockopt(tls[0], SOL_TLS, TLS_TX, &info, sizeof(info)))
		if (errno != ETIMEDOUT || !tries--)
			die("TLS_TX");
	return NULL;
}

static uint64_t tls_run(unsigned int ops)
{
	uint64_t start = clock_now();

	while (ops--)
		if (write(tls[0], page, RECORD) != RECORD ||
		    read(tls[1], page, PAGE) != RECORD_SENT)
			die("a record of TLS");
	return clock_now() - start;
}

/* ---- zram ---- */

static int zram = -1;

/* The size is set once; a disk that has one is used again. */
static const char *zram_setup(void)
{
	int fd = open(ZRAM_SIZE, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return "no zram";
	if (write(fd, "4M", 2) < 0 && errno != EBUSY)
		die(ZRAM_SIZE);
	close(fd);
	zram = open(ZRAM, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (zram < 0)
		die(ZRAM);
	memset(page, 0, sizeof(page));
	memset(page, 'z', PAGE / 2);
	page[7] = 'x';
	return NULL;
}

static uint64_t zram_run(unsigned int ops)
{
	uint64_t start = clock_now();

	while (ops--)
		if (raw_syscall4(SYS_pwrite64, zram, (long)page, PAGE, 0) != PAGE)
			die("write to zram");
	return clock_now() - start;
}

static void zram_teardown(void)
{
	close(zram);
}

/* ---- /proc/<pid>/environ ---- */

static int environment;

static const char *environ_setup(void)
{
	environment = open("/proc/self/environ", O_RDONLY | O_CLOEXEC);
	if (environment < 0)
		return "no /proc/self/environ";
	if (pread(environment, page, ENVIRON, 0) < 1) {
		close(environment);
		return "an empty environment";
	}
	return NULL;
}

static uint64_t environ_run(unsigned int ops)
{
	uint64_t start = clock_now();

	while (ops--)
		if (raw_syscall4(SYS_pread64, environment, (long)page, ENVIRON, 0) < 1)
			die("read of /proc/self/environ");
	return clock_now() - start;
}

static void environ_teardown(void)
{
	close(environment);
}

const struct bench bench_uring = {
	.name = "uring",
	.what = "an operation of io_uring that does nothing",
	.ops = OPS,
	.syscalls = 1,
	.setup = uring_setup,
	.run = uring_run,
	.teardown = uring_teardown,
};

const struct bench bench_tls = {
	.name = "tls",
	.what = "a record of 1 KiB of TLS in the kernel, sent and taken encrypted",
	.ops = OPS,
	.syscalls = 2,
	.setup = tls_setup,
	.run = tls_run,
	.teardown = tls_teardown,
};

const struct bench bench_zram = {
	.name = "zram",
	.what = "write of 4 KiB to zram, past the page cache",
	.ops = OPS,
	.syscalls = 1,
	.setup = zram_setup,
	.run = zram_run,
	.teardown = zram_teardown,
};

const struct bench bench_environ = {
	.name = "environ",
	.what = "pread of 64 bytes of /proc/self/environ",
	.ops = OPS,
	.syscalls = 1,
	.setup = environ_setup,
	.run = environ_run,
	.teardown = environ_teardown,
};
