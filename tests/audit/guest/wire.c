// SPDX-License-Identifier: GPL-2.0
/*
 * Packets by a wire that the machine's network cards share: what the driver has of one
 * that was sent, and of those that came and were not received.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <arpa/inet.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "module.h"
#include "net.h"
#include "plant.h"

/* For a packet to arrive: how long before it is sent again, and how often. */
#define PATIENCE_MS	1000
#define TRIES		10
/* More than drivers copy of a packet, and less than they want pages for. */
#define FRAME_SIZE	1024UL
/* More than any driver has in one piece. */
#define LONG_FRAME	6000UL
#define LONG_MTU	9000
/* From the end of a packet. */
#define SECRET_AT	512UL

static void set_interface(const char *name, unsigned long what, struct ifreq *request)
{
	int fd = (int)need(socket(AF_INET, SOCK_DGRAM, 0), "socket");

	strncpy(request->ifr_name, name, IFNAMSIZ - 1);
	need(ioctl(fd, what, request), name);
	close(fd);
}

int interface_up(const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_UP };
	int index = (int)if_nametoindex(name);

	if (!index)
		missing("there is no interface %s", name);
	set_interface(name, SIOCSIFFLAGS, &request);
	return index;
}

/* To all that are on the wire of @name. */
static void send_frame(const char *name, size_t size)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = interface_up(name),
	};
	char frame[LONG_FRAME];
	int fd = (int)available(socket(AF_PACKET, SOCK_RAW, 0),
				"a packet socket");
	ssize_t n;

	memset(frame, 0, size);
	memset(frame, 0xff, ETH_ALEN);
	secret_write(frame + size - SECRET_AT);
	n = sendto(fd, frame, size, 0, (struct sockaddr *)&to, sizeof(to));
	wipe(frame, size);
	need(n == (ssize_t)size ? 0 : -1, "sendto");
}

/* Is the first packet the one that was sent?  Others are taken away. */
static bool keep_frame(int fd, size_t size)
{
	ssize_t len = need(recv(fd, NULL, 0, MSG_PEEK | MSG_TRUNC), "recv");

	if (len >= (ssize_t)size)
		return true;
	need(recv(fd, NULL, 0, MSG_TRUNC), "recv");
	return false;
}

/* What @from sends to @to, where it stays: the end of it where the device put it. */
static void plant_packet(const char *from, const char *to, size_t size)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = interface_up(to),
	};
	struct pollfd received = { .events = POLLIN };

	received.fd = (int)available(socket(AF_PACKET, SOCK_RAW, 0),
				     "a packet socket");
	need(bind(received.fd, (struct sockaddr *)&addr, sizeof(addr)), "bind");
	for (int i = 0; i < TRIES; i++) {
		send_frame(from, size);
		while (poll(&received, 1, PATIENCE_MS) == 1)
			if (keep_frame(received.fd, size))
				return;
	}
	failed("%s got no packet from %s", to, from);
}

/*
 * What a device is not to read from where it is: the interface is one of those
 * that have to ask, and "swiotlb=force" refuses all. What was copied stays.
 */
static void plant_swiotlb(void)
{
	send_frame("eth0", FRAME_SIZE);
}

static void plant_virtio_net(void)
{
	plant_packet("eth0", "eth1", FRAME_SIZE);
}

/* Into @name: the interface that @driver has made. */
static void find_interface(const char *driver, char *name)
{
	struct if_nameindex *all = if_nameindex(), *one = all;
	char path[PATH_MAX], target[PATH_MAX];

	for (; one && one->if_index; one++) {
		ssize_t n;

		snprintf(path, sizeof(path), "/sys/class/net/%s/device/driver",
			 one->if_name);
		n = readlink(path, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		if (n > 0 && !strcmp(strrchr(target, '/') + 1, driver))
			break;
	}
	if (!one || !one->if_index)
		missing("no interface of %s", driver);
	snprintf(name, IFNAMSIZ, "%s", one->if_name);
	if_freenameindex(all);
}

/* To a card that has pages of its own for long packets. */
static void plant_card(const char *module, const char *driver)
{
	struct ifreq request = { .ifr_mtu = LONG_MTU };
	char name[IFNAMSIZ];

	load_module(module, "");
	find_interface(driver, name);
	set_interface(name, SIOCSIFMTU, &request);
	plant_packet("eth1", name, LONG_FRAME);
}

static void plant_e1000(void)
{
	plant_card("drivers/net/ethernet/intel/e1000/e1000.ko", "e1000");
}

static void plant_vmxnet3(void)
{
	plant_card("drivers/net/vmxnet3/vmxnet3.ko", "vmxnet3");
}

const struct kind wire_kinds[] = {
	{ "virtio-net", plant_virtio_net },
	{ "e1000", plant_e1000 },
	{ "vmxnet3", plant_vmxnet3 },
	{ }
};

/* After all that is bounced for others. */
const struct kind bounce_kinds[] = {
	{ "swiotlb", plant_swiotlb },
	{ }
};
