// SPDX-License-Identifier: GPL-2.0
/* Packets that nobody has received. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/tls.h>
#include <sys/socket.h>

#include "net.h"
#include "plant.h"

#define RING_BLOCK	4096U
#define RING_FRAME	2048U
/* Of a message of netlink, for which one page is not enough. */
#define LONG_MESSAGE	(2 * PAGE)

struct sockaddr_in bound(int fd)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(addr);

	need(bind(fd, (struct sockaddr *)&addr, len), "bind");
	need(getsockname(fd, (struct sockaddr *)&addr, &len), "getsockname");
	return addr;
}

void connect_to(int fd, struct sockaddr_in addr)
{
	need(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), "connect");
}

int tcp_connection(void)
{
	int listener = (int)available(socket(AF_INET, SOCK_STREAM, 0), "TCP");
	int from = (int)need(socket(AF_INET, SOCK_STREAM, 0), "socket");
	struct sockaddr_in addr = bound(listener);

	need(listen(listener, 1), "listen");
	connect_to(from, addr);
	need(accept(listener, NULL, NULL), "accept");
	return from;
}

static void plant_tcp(void)
{
	send_secret(tcp_connection(), "write to a TCP socket");
}

/* What the kernel encrypts with, with the secret for a key or with zeroes. */
static int tls_connection(bool secret)
{
	struct tls12_crypto_info_aes_gcm_256 info = {
		.info.version = TLS_1_2_VERSION,
		.info.cipher_type = TLS_CIPHER_AES_GCM_256,
	};
	int fd = tcp_connection(), ret;

	if (setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", 4)) {
		if (errno == ENOENT)
			missing("no TLS in this kernel");
		failed("TCP_ULP");
	}
	if (secret)
		secret_write(info.key);
	ret = setsockopt(fd, SOL_TLS, TLS_TX, &info, sizeof(info));
	wipe(&info, sizeof(info));
	need(ret, "TLS_TX");
	return fd;
}

static void plant_tls_key(void)
{
	tls_connection(true);
}

/* In a record that is not complete, and so not encrypted yet. */
static void plant_tls_data(void)
{
	send_message(tls_connection(false), MSG_MORE, "send to TLS");
}

static void plant_udp(void)
{
	int to = (int)available(socket(AF_INET, SOCK_DGRAM, 0), "UDP");
	int from = (int)need(socket(AF_INET, SOCK_DGRAM, 0), "socket");

	connect_to(from, bound(to));
	send_secret(from, "write to a UDP socket");
}

/* From one process to another, as the kernel does not listen there. */
static int netlink_connection(void)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK };
	socklen_t len = sizeof(addr);
	int to = (int)available(socket(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK),
				"netlink");
	int from = (int)need(socket(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK),
			     "socket");

	need(bind(to, (struct sockaddr *)&addr, len), "bind");
	need(getsockname(to, (struct sockaddr *)&addr, &len), "getsockname");
	need(connect(from, (struct sockaddr *)&addr, len), "connect");
	return from;
}

static void plant_netlink(void)
{
	send_secret(netlink_connection(), "write to a netlink socket");
}

/* The kernel allocates those elsewhere than short ones. */
static void plant_netlink_long(void)
{
	static char message[LONG_MESSAGE];
	int fd = netlink_connection();
	ssize_t n;

	secret_write(message + LONG_MESSAGE / 2 + 512);
	n = write(fd, message, LONG_MESSAGE);
	wipe(message, LONG_MESSAGE);
	need(n == (ssize_t)LONG_MESSAGE ? 0 : -1, "write to a netlink socket");
}

/* The mapping of a ring of a packet socket; @which is one of its two rings. */
static char *map_packet_ring(int fd, int which)
{
	const struct tpacket_req req = {
		.tp_block_size = RING_BLOCK, .tp_block_nr = 8,
		.tp_frame_size = RING_FRAME, .tp_frame_nr = 16,
	};

	need(setsockopt(fd, SOL_PACKET, which, &req, sizeof(req)),
	     "a ring of a packet socket");
	return map_shared(fd, RING_BLOCK * 8, 0, "mmap of the ring");
}

/* A ring that user space maps, and the kernel fills with packets of others. */
static void plant_packet_ring(void)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = (int)if_nametoindex("lo"),
	};
	int from = (int)need(socket(AF_INET, SOCK_DGRAM, 0), "socket");
	int fd = (int)available(socket(AF_PACKET, SOCK_RAW, htons(ETH_P_IP)),
				"a packet socket");
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(9),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	map_packet_ring(fd, PACKET_RX_RING);
	need(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), "bind");
	/* Nobody listens on port 9: only the ring keeps the packet. */
	connect_to(from, to);
	send_secret(from, "write to a UDP socket");
}

/* In a packet that is not sent yet. */
static void plant_packet_send(void)
{
	int fd = (int)available(socket(AF_PACKET, SOCK_RAW, 0),
				"a packet socket");
	char *ring = map_packet_ring(fd, PACKET_TX_RING);

	secret_write(ring + RING_FRAME / 2);
}

const struct kind net_kinds[] = {
	{ "tcp", plant_tcp },
	{ "tls-key", plant_tls_key },
	{ "tls-data", plant_tls_data },
	{ "udp", plant_udp },
	{ "netlink", plant_netlink },
	{ "netlink-long", plant_netlink_long },
	{ "packet-ring", plant_packet_ring },
	{ "packet-send", plant_packet_send },
	{ }
};
