// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "debugfs.h"
#include "device.h"
#include "io.h"
#include "output.h"
#include "state.h"

#define ALIGN		8
#define MAX_ANSWERS	((size_t)16 << 20)

char *device_text(const char *field, size_t size)
{
	return text_escape(field, strnlen(field, size));
}

bool device_is_live(const struct device *dev)
{
	return dev->fd >= 0;
}

static int fail_open(const struct context *ctx, int err)
{
	if (err == -ENOENT)
		return fail(ctx, EXIT_ERROR,
			    "load the driver: modprobe asi_dev; a kernel has it with CONFIG_ASI_DEV",
			    "there is no /" DEVICE);
	if ((err == -EACCES || err == -EPERM) && geteuid())
		return fail(ctx, EXIT_ERROR, HINT_ROOT,
			    "only root may open /" DEVICE);
	if (err == -EACCES || err == -EPERM)
		return fail(ctx, EXIT_ERROR,
			    "run it outside of the container, with CAP_SYS_ADMIN",
			    "even root may not open /" DEVICE ": %s",
			    strerror(-err));
	return fail(ctx, EXIT_ERROR,
		    "load the driver anew: rmmod asi_dev; modprobe asi_dev",
		    "cannot open /" DEVICE ": %s", strerror(-err));
}

const char *device_hint(const struct device *dev, int err)
{
	bool denied = err == -EPERM || err == -EACCES;

	if (denied && geteuid() && device_is_live(dev))
		return HINT_ROOT;
	if (denied && dev->info.flags & ASI_INFO_LOCKED_DOWN)
		return "the kernel is locked down: boot without lockdown= and Secure Boot";
	if (denied)
		return "run it with all capabilities of root";
	if (err == -EUSERS || err == -ENOSPC)
		return "end what has it open as well: fuser -v /" DEVICE;
	if (err == -ENOTTY || err == -EINVAL)
		return HINT_COMPARE;
	if (err == -ENOMEM)
		return "free some memory and run it again";
	if (err == -EINTR)
		return "run it again, and let it finish";
	return HINT_DMESG;
}

int device_fail(const struct device *dev, const struct context *ctx, int err,
		const char *what)
{
	return fail(ctx, EXIT_ERROR, device_hint(dev, err), "%s: %s", what,
		    strerror(-err));
}

/* A device below a sysroot is this machine's, whatever the name says. */
static int open_node(struct device *dev, const struct context *ctx)
{
	int fd;

	if (is_dump(ctx))
		return fail(ctx, EXIT_ERROR,
			    "leave out --sysroot, on the machine itself",
			    "a dump has no device, only a file of answers");
	fd = io_open(ctx->root, DEVICE, O_RDWR);
	if (fd < 0)
		return fail_open(ctx, fd);
	dev->fd = fd;
	return EXIT_OK;
}

static int open_answers(struct device *dev, const struct context *ctx)
{
	int err = io_read(ctx->root, DEVICE, MAX_ANSWERS, &dev->answers,
			  &dev->len);

	if (err)
		return fail_open(ctx, err);
	dev->used = calloc(dev->len / ALIGN + 1, sizeof(*dev->used));
	if (dev->used)
		return EXIT_OK;
	free(dev->answers);
	return fail_open(ctx, -ENOMEM);
}

int device_open(struct device *dev, const struct context *ctx)
{
	int ret = require_on(ctx);
	struct stat st = {};
	int node;

	*dev = (struct device){ .fd = -1 };
	if (ret)
		return ret;
	node = io_open(ctx->root, DEVICE, O_PATH);
	if (node < 0)
		return fail_open(ctx, node);
	fstat(node, &st);
	close(node);
	ret = S_ISCHR(st.st_mode) ? open_node(dev, ctx) :
				    open_answers(dev, ctx);
	if (ret)
		return ret;
	ret = device_ask(dev, ASI_IOC_INFO, &dev->info, 0);
	if (!ret)
		return EXIT_OK;
	ret = device_fail(dev, ctx, ret, "cannot ask /" DEVICE);
	device_close(dev);
	return ret;
}

void device_close(struct device *dev)
{
	if (dev->fd >= 0)
		close(dev->fd);
	free(dev->answers);
	free(dev->used);
}

static bool fits(const struct device_answer *a, const char *payload,
		 unsigned int request, const void *arg, size_t key)
{
	if (a->request != request)
		return false;
	if (!a->error && a->size != _IOC_SIZE(request))
		return false;
	return a->size >= key && (!key || !memcmp(payload, arg, key));
}

/* The first answer that fits and was not given yet. */
static int find_answer(struct device *dev, unsigned int request, void *arg,
		       size_t key, void *array, size_t room)
{
	struct device_answer a;
	size_t at = 0;

	while (dev->len - at >= sizeof(a)) {
		const char *payload = dev->answers + at + sizeof(a);
		bool *used = &dev->used[at / ALIGN];

		memcpy(&a, dev->answers + at, sizeof(a));
		at += sizeof(a);
		if (a.size > dev->len - at || a.array > dev->len - at - a.size)
			return -EIO;
		if (!*used && fits(&a, payload, request, arg, key)) {
			*used = true;
			if (a.error)
				return a.error < 4096 ? -(int)a.error : -EIO;
			if (a.array > room)
				return -EIO;
			memcpy(arg, payload, a.size);
			if (a.array)
				memcpy(array, payload + a.size, a.array);
			return 0;
		}
		at += ((size_t)a.size + a.array + ALIGN - 1) / ALIGN * ALIGN;
		if (at > dev->len)
			break;
	}
	return -ENOTTY;
}

int device_ask_array(struct device *dev, unsigned int request, void *arg,
		     size_t key, void *array, size_t room)
{
	if (!device_is_live(dev))
		return find_answer(dev, request, arg, key, array, room);
	return ioctl(dev->fd, request, arg) < 0 ? -errno : 0;
}

int device_ask(struct device *dev, unsigned int request, void *arg, size_t key)
{
	return device_ask_array(dev, request, arg, key, NULL, 0);
}
