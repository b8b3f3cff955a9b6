// SPDX-License-Identifier: GPL-2.0
/* Rings and frames of AF_XDP, and what the kernel copies of them to a packet. */
#define _GNU_SOURCE
#include <errno.h>
#include <arpa/inet.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_xdp.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "net.h"
#include "plant.h"

#define RING_ENTRIES	8U
#define UMEM_SIZE	(4 * PAGE)
#define FRAME_SIZE	2048U
/* Of a frame that is sent: a packet of two is short enough for any interface. */
#define USED_SIZE	512U
/* For a packet to arrive. */
#define PATIENCE_MS	10000
/* Younger than some headers of the system. */
#ifndef SOL_XDP
#define SOL_XDP		283
#endif
#ifndef XDP_USE_SG
#define XDP_USE_SG	(1 << 4)
#define XDP_PKT_CONTD	(1 << 0)
#endif

static void make_ring(int fd, int which)
{
	const unsigned int entries = RING_ENTRIES;

	need(setsockopt(fd, SOL_XDP, which, &entries, sizeof(entries)),
	     "a ring of AF_XDP");
}

/* A socket with a ring to send from; @umem: where its frames are. */
static int xdp_socket(char *umem)
{
	struct xdp_umem_reg reg = {
		.addr = (uintptr_t)umem, .len = UMEM_SIZE,
		.chunk_size = FRAME_SIZE,
	};
	int fd = (int)available(socket(AF_XDP, SOCK_RAW, 0), "AF_XDP");

	need(setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &reg, sizeof(reg)),
	     "XDP_UMEM_REG");
	make_ring(fd, XDP_TX_RING);
	return fd;
}

/* The ring to send from; @at says what is where in it. */
static char *map_ring(int fd, struct xdp_ring_offset *at)
{
	struct xdp_mmap_offsets offsets;
	socklen_t len = sizeof(offsets);

	need(getsockopt(fd, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &len),
	     "XDP_MMAP_OFFSETS");
	*at = offsets.tx;
	return map_shared(fd, at->desc + RING_ENTRIES * sizeof(struct xdp_desc),
			  XDP_PGOFF_TX_RING, "mmap of the ring");
}

/* In two descriptors that are not sent. */
static void plant_xdp_ring(void)
{
	struct xdp_ring_offset at;
	char *ring = map_ring(xdp_socket(map_anon(UMEM_SIZE)), &at);

	secret_write(ring + at.desc);
}

/* Memory of the user, of which the kernel makes a mapping of its own. */
static void plant_xdp_frame(void)
{
	char *umem = map_anon(UMEM_SIZE);

	xdp_socket(umem);
	secret_write(umem + FRAME_SIZE / 2);
}

/* In network namespaces that are new, these are the names. */
#define PAIR_FROM	"veth0"
#define PAIR_TO		"veth1"
#define PAIR_KIND	"veth"

/* Two interfaces, of which each receives what the other sends. */
static void make_pair(void)
{
	struct {
		struct nlmsghdr head;
		struct ifinfomsg info;
		struct rtattr link, kind;
		char name[8];
	} request = {
		.head = {
			.nlmsg_len = sizeof(request), .nlmsg_type = RTM_NEWLINK,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE |
				       NLM_F_EXCL | NLM_F_ACK,
		},
		.link = {
			.rta_len = 2 * sizeof(struct rtattr) +
				   sizeof(request.name),
			.rta_type = IFLA_LINKINFO,
		},
		.kind = {
			.rta_len = sizeof(struct rtattr) + sizeof(PAIR_KIND),
			.rta_type = IFLA_INFO_KIND,
		},
		.name = PAIR_KIND,
	};
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
		char rest[sizeof(request)];
	} answer;
	int fd;

	need(unshare(CLONE_NEWNET), "a network namespace");
	fd = (int)need(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), "netlink");
	need(send(fd, &request, sizeof(request), 0), "RTM_NEWLINK");
	need(recv(fd, &answer, sizeof(answer), 0), "RTM_NEWLINK");
	close(fd);
	errno = -answer.error.error;
	available(errno ? -1 : 0, "two interfaces of veth");
}

/* A socket for packets that no protocol takes, as they come in by @interface. */
static int receiver(int interface)
{
	const struct sockaddr_ll addr = {
		.sll_family = AF_PACKET, .sll_ifindex = interface,
		.sll_protocol = htons(ETH_P_802_EX1),
	};
	int fd = (int)available(socket(AF_PACKET, SOCK_RAW, 0),
				"a packet socket");

	need(bind(fd, (const struct sockaddr *)&addr, sizeof(addr)), "bind");
	return fd;
}

/* Have the socket send by @interface, and copy what it sends. */
static void bind_to(int fd, int interface)
{
	const struct sockaddr_xdp addr = {
		.sxdp_family = AF_XDP, .sxdp_flags = XDP_COPY | XDP_USE_SG,
		.sxdp_ifindex = (unsigned int)interface,
	};

	make_ring(fd, XDP_UMEM_FILL_RING);
	make_ring(fd, XDP_UMEM_COMPLETION_RING);
	need(bind(fd, (const struct sockaddr *)&addr, sizeof(addr)),
	     "bind of AF_XDP");
}

/* A packet of the first two frames. */
static void send_frames(int fd)
{
	struct xdp_ring_offset at;
	char *ring = map_ring(fd, &at);
	struct xdp_desc *desc = (struct xdp_desc *)(ring + at.desc);

	desc[0].addr = 0;
	desc[1].addr = FRAME_SIZE;
	desc[0].len = desc[1].len = USED_SIZE;
	desc[0].options = XDP_PKT_CONTD;
	atomic_store((_Atomic uint32_t *)(ring + at.producer), 2);
	need(sendto(fd, NULL, 0, MSG_DONTWAIT, NULL, 0), "sendto of AF_XDP");
}

/*
 * The first frame of a packet goes to its head, but the second to a page of its own.
 * The packet waits at the other end; then the copy is all there is.
 */
static void plant_xdp_copy(void)
{
	char *umem = map_anon(UMEM_SIZE);
	struct pollfd received = { .events = POLLIN };
	struct ethhdr *head = (struct ethhdr *)umem;
	int fd;

	make_pair();
	fd = xdp_socket(umem);
	received.fd = receiver(interface_up(PAIR_TO));
	bind_to(fd, interface_up(PAIR_FROM));
	head->h_proto = htons(ETH_P_802_EX1);
	secret_write(umem + FRAME_SIZE + USED_SIZE / 2);
	send_frames(fd);
	if (poll(&received, 1, PATIENCE_MS) != 1)
		failed(PAIR_TO " got no packet from " PAIR_FROM);
	wipe(umem, UMEM_SIZE);
}

const struct kind xdp_kinds[] = {
	{ "xdp-ring", plant_xdp_ring },
	{ "xdp-frame", plant_xdp_frame },
	{ "xdp-copy", plant_xdp_copy },
	{ }
};
