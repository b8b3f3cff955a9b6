// SPDX-License-Identifier: GPL-2.0
/*
 * Packets, of which the kernel keeps the data: through sockets, by netlink, to a ring
 * of a packet socket, and encrypted by TLS.  One process plays both ends, so that no
 * operation has a switch of tasks in it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <linux/tls.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "clock.h"

#define SIZE 64
#define OPS 16
#define PAGE 4096
#define RECORD 1024
/* What TLS 1.2 adds to a record with AES-GCM: header, nonce and tag. */
#define RECORD_SENT (RECORD + 5 + 8 + 16)
#define RING_FRAME 2048U
#define RING_FRAMES 16U
/* For experiments: nobody else listens to it. */
#define PROTOCOL 0x88b5

static char data[PAGE] __attribute__((aligned(SIZE)));
static int ends[2];

static void close_ends(void)
{
	close(ends[0]);
	close(ends[1]);
}

/* There and back. */
static uint64_t there_and_back(unsigned int ops)
{
	uint64_t start = clock_now();
	unsigned int i, from;

	for (i = 0; i < ops; i++)
		for (from = 0; from < 2; from++)
			if (write(ends[from], data, SIZE) != SIZE ||
			    read(ends[!from], data, SIZE) != SIZE)
				die("a socket");
	return clock_now() - start;
}

static const char *unix_setup(void)
{
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		die("socketpair");
	return NULL;
}

static const char *loopback_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0)
		return "no internet protocols";
	if (ioctl(fd, SIOCSIFFLAGS, &ifr))
		die("lo");
	close(fd);
	return NULL;
}

static int new_socket(int type)
{
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	return fd;
}

/* An address that the kernel chooses for @fd. */
static struct sockaddr_in bound(int fd)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(addr);

	if (bind(fd, (struct sockaddr *)&addr, len) ||
	    getsockname(fd, (struct sockaddr *)&addr, &len))
		die("bind");
	return addr;
}

static void connect_to(int fd, struct sockaddr_in addr)
{
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		die("connect");
}

static const char *tcp_setup(void)
{
	const char *reason = loopback_up();
	struct sockaddr_in addr;
	int listener, i, on = 1;

	if (reason)
		return reason;
	listener = new_socket(SOCK_STREAM);
	addr = bound(listener);
	if (listen(listener, 1))
		die("listen");
	ends[0] = new_socket(SOCK_STREAM);
	connect_to(ends[0], addr);
	ends[1] = accept(listener, NULL, NULL);
	if (ends[1] < 0)
		die("accept");
	close(listener);
	for (i = 0; i < 2; i++)
		setsockopt(ends[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return NULL;
}

static const char *udp_setup(void)
{
	const char *reason = loopback_up();
	struct sockaddr_in addr[2];
	int i;

	if (reason)
		return reason;
	for (i = 0; i < 2; i++) {
		ends[i] = new_socket(SOCK_DGRAM);
		addr[i] = bound(ends[i]);
	}
	for (i = 0; i < 2; i++)
		connect_to(ends[i], addr[!i]);
	return NULL;
}

/* ---- TLS ---- */

/*
 * The kernel waits for who may load the cipher, which is a program that comes from the
 * host: meanwhile the counted clock of an idle guest runs ahead, past any timeout.
 */
static const char *tls_setup(void)
{
	const char *reason = tcp_setup();
	unsigned int tries = 100;
	struct tls12_crypto_info_aes_gcm_256 info = {
		.info.version = TLS_1_2_VERSION,
		.info.cipher_type = TLS_CIPHER_AES_GCM_256,
	};

	if (reason)
		return reason;
	if (setsockopt(ends[0], IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls"))) {
		if (errno != ENOENT)
			die("TCP_ULP");
		close_ends();
		return "no TLS in the kernel";
	}
	while (setsockopt(ends[0], SOL_TLS, TLS_TX, &info, sizeof(info)))
		if (errno != ETIMEDOUT || !tries--)
			die("TLS_TX");
	return NULL;
}

static uint64_t tls_run(unsigned int ops)
{
	uint64_t start = clock_now();

	while (ops--)
		if (write(ends[0], data, RECORD) != RECORD ||
		    read(ends[1], data, PAGE) != RECORD_SENT)
			die("a record of TLS");
	return clock_now() - start;
}

/* ---- netlink ---- */

static struct {
	struct nlmsghdr head;
	struct ifinfomsg link;
} question = {
	.head = {
		.nlmsg_len = sizeof(question),
		.nlmsg_type = RTM_GETLINK,
		.nlmsg_flags = NLM_F_REQUEST,
	},
};

static const char *netlink_setup(void)
{
	ends[0] = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (ends[0] < 0)
		return "no netlink sockets for routing";
	question.link.ifi_index = (int)if_nametoindex("lo");
	return NULL;
}

static uint64_t netlink_run(unsigned int ops)
{
	const struct nlmsghdr *answer = (const struct nlmsghdr *)data;
	uint64_t start = clock_now();

	while (ops--)
		if (write(ends[0], &question, sizeof(question)) < 0 ||
		    read(ends[0], data, PAGE) < (ssize_t)sizeof(*answer) ||
		    answer->nlmsg_type != RTM_NEWLINK)
			die("a question by netlink");
	return clock_now() - start;
}

static void netlink_teardown(void)
{
	close(ends[0]);
}

/* ---- packet sockets ---- */

static struct {
	char *at;
	/* The frame that the kernel fills next. */
	unsigned int next;
	struct sockaddr_ll link;
} ring;

static const char *packet_setup(void)
{
	const struct tpacket_req req = {
		.tp_block_size = PAGE,
		.tp_block_nr = RING_FRAMES * RING_FRAME / PAGE,
		.tp_frame_size = RING_FRAME,
		.tp_frame_nr = RING_FRAMES,
	};
	const char *reason = loopback_up();

	if (reason)
		return reason;
	/* From the first, which listens to nothing, to the ring of the second. */
	ends[0] = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (ends[0] < 0)
		return "no packet sockets";
	ring.link = (struct sockaddr_ll) {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(PROTOCOL),
		.sll_ifindex = (int)if_nametoindex("lo"),
	};
	ring.next = 0;
	ends[1] = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (ends[1] < 0 ||
	    setsockopt(ends[1], SOL_PACKET, PACKET_RX_RING, &req, sizeof(req)) ||
	    bind(ends[1], (struct sockaddr *)&ring.link, sizeof(ring.link)))
		die("a ring of a packet socket");
	ring.at = mmap(NULL, RING_FRAMES * RING_FRAME, PROT_READ | PROT_WRITE,
		       MAP_SHARED, ends[1], 0);
	if (ring.at == MAP_FAILED)
		die("mmap of the ring");
	return NULL;
}

/* What is sent on lo has arrived when the system call returns. */
static uint64_t packet_run(unsigned int ops)
{
	struct ethhdr *frame = (struct ethhdr *)data;
	uint64_t start = clock_now();

	frame->h_proto = htons(PROTOCOL);
	while (ops--) {
		volatile struct tpacket_hdr *head = (void *)
			(ring.at + ring.next++ % RING_FRAMES * RING_FRAME);

		if (sendto(ends[0], data, SIZE, 0, (struct sockaddr *)&ring.link,
			   sizeof(ring.link)) != SIZE)
			die("sendto");
		if (!(head->tp_status & TP_STATUS_USER))
			die("the ring of a packet socket has nothing new");
		head->tp_status = TP_STATUS_KERNEL;
	}
	return clock_now() - start;
}

static void packet_teardown(void)
{
	munmap(ring.at, RING_FRAMES * RING_FRAME);
	close_ends();
}

const struct bench bench_unix = {
	.name = "unix",
	.what = "64 bytes through a unix socket and back",
	.ops = OPS,
	.syscalls = 4,
	.setup = unix_setup,
	.run = there_and_back,
	.teardown = close_ends,
};

const struct bench bench_tcp = {
	.name = "tcp",
	.what = "64 bytes through a TCP connection (loopback) and back",
	.ops = OPS,
	.syscalls = 4,
	.setup = tcp_setup,
	.run = there_and_back,
	.teardown = close_ends,
};

const struct bench bench_udp = {
	.name = "udp",
	.what = "64 bytes from a UDP socket to another (loopback) and back",
	.ops = OPS,
	.syscalls = 4,
	.setup = udp_setup,
	.run = there_and_back,
	.teardown = close_ends,
};

const struct bench bench_tls = {
	.name = "tls",
	.what = "a record of 1 KiB of TLS in the kernel, sent and taken encrypted",
	.ops = OPS,
	.syscalls = 2,
	.setup = tls_setup,
	.run = tls_run,
	.teardown = close_ends,
};

const struct bench bench_netlink = {
	.name = "netlink",
	.what = "a question by netlink about the interface lo, and the answer",
	.ops = OPS,
	.syscalls = 2,
	.setup = netlink_setup,
	.run = netlink_run,
	.teardown = netlink_teardown,
};

const struct bench bench_packet = {
	.name = "packet",
	.what = "64 bytes sent on lo, to the ring of a packet socket",
	.ops = OPS,
	.syscalls = 1,
	.setup = packet_setup,
	.run = packet_run,
	.teardown = packet_teardown,
};
