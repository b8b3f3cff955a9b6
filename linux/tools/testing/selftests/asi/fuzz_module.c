// SPDX-License-Identifier: GPL-2.0
/* The module of the device goes and comes back while the fuzzer uses it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "fuzz.h"

#define NAME	"asi_dev"

static const char *module_file;

/*
 * Everybody may open the node, so that it is the driver that refuses: a new node is
 * for root.
 */
static void open_the_node(void)
{
	if (chmod(FUZZ_DEVICE, 0666) && errno != ENOENT)
		ktap_bail("chmod " FUZZ_DEVICE ": %s", strerror(errno));
}

static int load(void)
{
	int fd = open(module_file, O_RDONLY | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	err = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
	close(fd);
	return err;
}

void fuzz_module_start(const char *file)
{
	int err;

	module_file = file;
	err = file ? load() : 0;
	if (err && err != -EEXIST)
		ktap_bail("%s: %s", file, strerror(-err));
	open_the_node();
}

/* Those who use it let go, but not all, and some come back at once. */
static bool unload(struct fuzz_life *life)
{
	unsigned long tries = 1 + fuzz_below(life, 40);
	bool gone = false;

	atomic_store(&fuzz_shared->let_go, true);
	while (!gone && tries--) {
		gone = !syscall(SYS_delete_module, NAME, O_NONBLOCK);
		if (!gone && errno != EAGAIN)
			break;
		atomic_fetch_add(&fuzz_shared->busy, !gone);
		sleep_ms(gone ? 0 : 1);
	}
	return gone;
}

/* It comes back while some try to open it. */
static bool load_again(struct fuzz_life *life)
{
	int err;

	sleep_ms(fuzz_below(life, 10));
	err = load();
	if (err) {
		test_error("%s: %s", module_file, strerror(-err));
		return false;
	}
	open_the_node();
	atomic_fetch_add(&fuzz_shared->reloads, 1);
	return true;
}

bool fuzz_module_loop(struct fuzz_life *life)
{
	bool good = true;

	while (good && module_file && !atomic_load(&fuzz_shared->stop)) {
		sleep_ms(fuzz_below(life, 400));
		if (unload(life))
			good = load_again(life);
		atomic_store(&fuzz_shared->let_go, false);
	}
	return good;
}
