/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AUDIT_NET_H
#define AUDIT_NET_H

#include <netinet/in.h>

/** bound() - Bind @fd to a port of 127.0.0.1 that is free; its address. */
struct sockaddr_in bound(int fd);

/** connect_to() - Connect @fd to @addr. */
void connect_to(int fd, struct sockaddr_in addr);

/** tcp_connection() - A connection, at whose other end nobody reads. */
int tcp_connection(void);

/** interface_up() - Have an interface go up; its index. missing(), if there is none. */
int interface_up(const char *name);

#endif /* AUDIT_NET_H */
