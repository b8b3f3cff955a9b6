// SPDX-License-Identifier: GPL-2.0
/* A datagram of RDS, which comes as a module. */
#define _GNU_SOURCE
#include <sys/socket.h>

#include "module.h"
#include "net.h"
#include "plant.h"

/* To the socket itself, which does not receive it. RDS knows no write(). */
static void plant_rds(void)
{
	int fd;

	load_module("net/rds/rds.ko", "");
	fd = (int)available(socket(AF_RDS, SOCK_SEQPACKET, 0), "RDS");
	connect_to(fd, bound(fd));
	send_message(fd, 0, "send to an RDS socket");
}

const struct kind rds_kinds[] = {
	{ "rds", plant_rds },
	{ }
};
