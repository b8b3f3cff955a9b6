// SPDX-License-Identifier: GPL-2.0
/*
 * The network while memory is full of what processes have and of what is cached, and
 * of page tables by turns, so that what gets free is of one side, then of the other.
 *
 * Packets are sensitive, what describes them is not, and both are allocated by who
 * cannot wait until a block is sensitive, as locks are held or interrupts are off.
 * Whichever side free memory is of, there has to be some for them: with asi=on no
 * more is lost, and no more allocations fail, than with asi=off. Each worker receives
 * itself what it has sent, and so much at a time that all of it has room in its
 * sockets: what is missing was lost for want of memory.
 *
 * The reserve for those who cannot wait is rarely needed here; the KUnit suite
 * asi_sensitive uses it up.
 *
 * The disk for the page cache is /dev/vda.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "asi_test.h"
#include "mem_state.h"

/* So many datagrams, and until memory has changed sides; but no longer. */
#define DATAGRAMS	6000
#define LONGEST_MS	120000
#define BURST		32
#define SOCKETS		24
#define DATAGRAM	24000
/* The other end of a pair has this number more. */
#define UNIX_RECEIVER	500
#define QUEUE		(4 << 20)
#define STREAM		(256 << 10)
#define LOG_SIZE	(4 << 20)
#define HUGE		(2UL << 20)
#define BLOCK_KB	2048
#define READ_ALL	3

/* Of all workers. */
static struct {
	atomic_ulong sent, received, refused, bytes;
	/* As known when all sockets are empty. */
	atomic_long lost;
} *count;

static char data[STREAM];

/* ---- what takes the memory ---- */

/* Half of it. */
static void hold_memory(void)
{
	size_t size = total_kb() / 2 << 10;
	char *mem = xmmap(size);

	madvise(mem, size, MADV_NOHUGEPAGE);
	fill(mem, size, 1);
	for (;;)
		pause();
}

/* The rest, again and again. */
static void fill_cache(void)
{
	static char block[1 << 20];

	for (;;) {
		int fd = open("/dev/vda", O_RDONLY | O_CLOEXEC);

		while (fd >= 0 && read(fd, block, sizeof(block)) > 0)
			;
		if (fd < 0)
			_exit(KSFT_FAIL);
		close(fd);
	}
}

/*
 * An eighth of it, for tables that map the page of zeros, and back again. Not more:
 * this is not about who has no memory.
 */
static void take_tables(void)
{
	unsigned long nr = total_kb() / 8 / 4;

	for (;;) {
		char *mem = mmap(NULL, nr * HUGE, PROT_READ, MAP_PRIVATE |
				 MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (mem == MAP_FAILED)
			_exit(KSFT_FAIL);
		madvise(mem, nr * HUGE, MADV_NOHUGEPAGE);
		for (unsigned long i = 0; i < nr; i++)
			(void)*(volatile char *)(mem + i * HUGE);
		munmap(mem, nr * HUGE);
	}
}

/* ---- workers ---- */

static int udp_socket(struct sockaddr_in *at)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), size = QUEUE;
	socklen_t len = sizeof(*at);

	*at = (struct sockaddr_in) {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	if (fd < 0 || bind(fd, (struct sockaddr *)at, sizeof(*at)) ||
	    getsockname(fd, (struct sockaddr *)at, &len) ||
	    connect(fd, (struct sockaddr *)at, sizeof(*at)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		_exit(KSFT_FAIL);
	return fd;
}

static int unix_socket(struct sockaddr_in *at)
{
	int fd[2], size = QUEUE;

	(void)at;
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fd) ||
	    setsockopt(fd[0], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) ||
	    dup2(fd[1], fd[0] + UNIX_RECEIVER) < 0)
		_exit(KSFT_FAIL);
	return fd[0];
}

static long send_one(int fd, size_t size)
{
	if (send(fd, data, size, 0) == (ssize_t)size) {
		atomic_fetch_add(&count->sent, 1);
		return 1;
	}
	atomic_fetch_add(&count->refused, 1);
	return 0;
}

static long receive_all(int fd)
{
	long nr = 0;
	ssize_t n;

	for (; (n = recv(fd, data, sizeof(data), 0)) > 0; nr++)
		atomic_fetch_add(&count->bytes, (unsigned long)n);
	atomic_fetch_add(&count->received, (unsigned long)nr);
	return nr;
}

/* All sockets are filled, then all are emptied. */
static void datagrams(int (*make)(struct sockaddr_in *at), int receiver)
{
	struct sockaddr_in at;
	int fd[SOCKETS];

	for (int i = 0; i < SOCKETS; i++)
		fd[i] = make(&at);
	for (;;) {
		long lost = 0;

		for (int i = 0; i < SOCKETS; i++) {
			for (unsigned int j = 0; j < BURST; j++)
				lost += send_one(fd[i], DATAGRAM);
		}
		for (int i = 0; i < SOCKETS; i++)
			lost -= receive_all(fd[i] + receiver);
		atomic_fetch_add(&count->lost, lost);
	}
}

static void udp_worker(void)
{
	datagrams(udp_socket, 0);
}

/* A queue of these has ten datagrams, unless told otherwise. */
static void unix_worker(void)
{
	write_file("/proc/sys/net/unix/max_dgram_qlen", "1000");
	datagrams(unix_socket, UNIX_RECEIVER);
}

static void tcp_pair(int fd[2])
{
	struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	fd[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&at, len) ||
	    listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&at, &len) ||
	    connect(fd[0], (struct sockaddr *)&at, len))
		_exit(KSFT_FAIL);
	fd[1] = accept(listener, NULL, NULL);
	if (fd[1] < 0)
		_exit(KSFT_FAIL);
	close(listener);
}

/* What TCP loses it sends again: all bytes arrive, or this hangs. */
static void tcp_worker(void)
{
	int fd[SOCKETS][2];

	for (int i = 0; i < SOCKETS; i++)
		tcp_pair(fd[i]);
	for (;;) {
		for (int i = 0; i < SOCKETS; i++) {
			ssize_t n = send(fd[i][0], data, sizeof(data),
					 MSG_DONTWAIT);
			ssize_t got;

			while (n > 0) {
				got = recv(fd[i][1], data, (size_t)n, 0);
				if (got <= 0)
					_exit(KSFT_FAIL);
				n -= got;
				atomic_fetch_add(&count->bytes,
						 (unsigned long)got);
			}
		}
	}
}

/* ---- what the kernel says ---- */

/* A field of a protocol's two lines in /proc/net/snmp: names, then numbers. */
static unsigned long snmp(const char *protocol, const char *field)
{
	char names[1024], values[1024];
	FILE *f = fopen("/proc/net/snmp", "r");
	unsigned long result = 0;

	while (f && fgets(names, sizeof(names), f) &&
	       fgets(values, sizeof(values), f)) {
		char *name, *value, *rest_of_names, *rest_of_values;

		if (strncmp(names, protocol, strlen(protocol)) ||
		    names[strlen(protocol)] != ':')
			continue;
		name = strtok_r(names, "\n ", &rest_of_names);
		value = strtok_r(values, "\n ", &rest_of_values);
		for (; name && value;
		     name = strtok_r(NULL, "\n ", &rest_of_names),
		     value = strtok_r(NULL, "\n ", &rest_of_values)) {
			if (!strcmp(name, field))
				result = strtoul(value, NULL, 10);
		}
	}
	if (f)
		fclose(f);
	return result;
}

static unsigned long failures(void)
{
	char *log = xmmap(LOG_SIZE), *at = log;
	unsigned long n = 0;
	int len = klogctl(READ_ALL, log, LOG_SIZE - 1);

	if (len < 0)
		ktap_bail("klogctl: %s", strerror(errno));
	while ((at = strstr(at, "page allocation failure"))) {
		at++;
		n++;
	}
	munmap(log, LOG_SIZE);
	return n;
}

/* ---- */

static void small_packets(void)
{
	struct ifreq lo = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &lo))
		ktap_bail("lo: %s", strerror(errno));
	lo.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &lo))
		ktap_bail("lo: %s", strerror(errno));
	/* Fragments, each allocated on its way. */
	lo.ifr_mtu = 4000;
	if (ioctl(fd, SIOCSIFMTU, &lo))
		ktap_bail("lo: %s", strerror(errno));
	close(fd);
	write_file("/proc/sys/net/ipv4/udp_mem", "1000000 1000000 1000000");
	write_file("/proc/sys/net/ipv4/ipfrag_high_thresh", "100000000");
}

/*
 * Have blocks gone to both sides? Page tables take an eighth of all memory, but their
 * side has some of that already, and keeps what it has got.
 */
static bool sides_changed(void)
{
	unsigned long least = total_kb() / 64 / BLOCK_KB;

	return vmstat("sensitive_block_hide") >= least &&
	       vmstat("sensitive_block_show") >= least;
}

static void check_sides(void)
{
	if (asi_class_off("user"))
		ktap_skip("memory changes sides", "%s", asi_class_off("user"));
	else
		ktap_ok(sides_changed(), "memory changes sides");
}

static void report(void)
{
	static const char * const errors[] = {
		"InErrors", "RcvbufErrors", "SndbufErrors", "MemErrors",
	};
	unsigned long sent = atomic_load(&count->sent);
	unsigned long received = atomic_load(&count->received);
	unsigned long refused = atomic_load(&count->refused);
	long lost = atomic_load(&count->lost);

	ktap_note("%lu datagrams sent, %lu received, %lu MiB", sent, received,
		  atomic_load(&count->bytes) >> 20);
	ktap_measure("datagrams lost", lost > 0 ? (unsigned long)lost : 0,
		     AT_MOST, scaled(DATAGRAMS) / 500);
	ktap_measure("datagrams refused", refused, AT_MOST,
		     scaled(DATAGRAMS) / 500);
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		ktap_measure(errors[i], snmp("Udp", errors[i]), AT_MOST,
			     scaled(DATAGRAMS) / 500);
	ktap_measure("fragments that could not be made", snmp("Ip", "FragFails"),
		     AT_MOST, scaled(DATAGRAMS) / 500);
	ktap_measure("allocations that failed", failures(), AT_MOST, 0);
	ktap_measure("requests that could not have sensitive memory",
		     vmstat("sensitive_noblock"), AT_MOST,
		     scaled(DATAGRAMS) / 500);
	ktap_ok(received >= scaled(DATAGRAMS), "datagrams arrive");
}

int main(void)
{
	static void (* const workers[])(void) = {
		hold_memory, fill_cache, take_tables, udp_worker, unix_worker,
		tcp_worker, udp_worker,
	};
	pid_t pid[ARRAY_SIZE(workers)];
	uint64_t end;
	size_t i;

	ktap_start(4);
	count = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (count == MAP_FAILED)
		ktap_bail("mmap: %s", strerror(errno));
	small_packets();
	for (i = 0; i < ARRAY_SIZE(workers); i++) {
		pid[i] = xfork();
		if (!pid[i]) {
			workers[i]();
			_exit(KSFT_FAIL);
		}
		/* Those who take the memory come first. */
		sleep_ms(i < 3 ? 1500 : 0);
	}
	end = now_ms() + LONGEST_MS;
	while ((atomic_load(&count->received) < scaled(DATAGRAMS) ||
		!(asi_class_off("user") || sides_changed())) && now_ms() < end)
		sleep_ms(50);
	for (i = 0; i < ARRAY_SIZE(workers); i++) {
		int status;

		CHECK(!kill(pid[i], SIGKILL));
		status = wait_exit(pid[i]);
		if (status != 256 + SIGKILL)
			test_error("worker %zu ended with %d", i, status);
	}
	ktap_ok(!test_errors_take(), "the workers work to the end");
	report();
	check_sides();
	mem_state_note();
	mem_state_check();
	return ktap_finish();
}
