/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AUDIT_SERVE_H
#define AUDIT_SERVE_H

#include <stdbool.h>

/**
 * struct server - a process that serves a file system
 * @fd:	    Where requests come from, and answers go to.
 * @answer: Read one request from there and answer it. Returns false for the one
 *	    that has the secret, which it only reads, and wipes.
 * @told:   Where await_request() learns that there was such a request.
 */
struct server {
	int fd;
	bool (*answer)(int fd);
	int told;
};

/**
 * start_server() - Serve, in a process of its own that ends with the holder
 *
 * After the request with the secret it does nothing more. @server->fd is closed in
 * the holder.
 */
void start_server(struct server *server);

/** await_request() - Wait until the server has read the secret; failed() if not. */
void await_request(const struct server *server);

#endif /* AUDIT_SERVE_H */
