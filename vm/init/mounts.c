// SPDX-License-Identifier: GPL-2.0
/* The guest's file systems. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init.h"

#define P9_OPTIONS "trans=virtio,version=9p2000.L,ro,msize=524288,cache=loose"
#define OVERLAY_OPTIONS "lowerdir=/lower,upperdir=/upper/data," \
			"workdir=/upper/work,xino=off"

/*
 * struct mount_point - one file system
 * @optional: the kernel may be built without it
 */
struct mount_point {
	const char *type;
	const char *target;
	const char *options;
	unsigned long flags;
	int optional;
};

static const struct mount_point early[] = {
	{ "devtmpfs", "/dev", "mode=0755", MS_NOSUID, 0 },
	{ "proc", "/proc", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, 0 },
	{ "sysfs", "/sys", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, 0 },
};

static const struct mount_point late[] = {
	{ "devpts", "/dev/pts", "gid=5,mode=620,ptmxmode=666", MS_NOSUID, 1 },
	{ "tmpfs", "/dev/shm", "mode=1777", MS_NOSUID | MS_NODEV, 0 },
	{ "mqueue", "/dev/mqueue", NULL, MS_NOSUID | MS_NODEV, 1 },
	{ "hugetlbfs", "/dev/hugepages", NULL, MS_NOSUID | MS_NODEV, 1 },
	{ "tmpfs", "/run", "mode=0755", MS_NOSUID | MS_NODEV, 0 },
	{ "debugfs", "/sys/kernel/debug", NULL, 0, 1 },
	{ "tracefs", "/sys/kernel/tracing", NULL, 0, 1 },
	{ "securityfs", "/sys/kernel/security", NULL, 0, 1 },
	{ "bpf", "/sys/fs/bpf", "mode=0700", 0, 1 },
	{ "cgroup2", "/sys/fs/cgroup", NULL, 0, 1 },
};

/*
 * An unknown type gives ENODEV; a mount point missing in a virtual file system
 * means the same: the option is not in this kernel.
 */
static void mount_one(const struct mount_point *point)
{
	if (!point->optional)
		make_dir(point->target);
	else
		mkdir(point->target, 0755);
	if (!mount(point->type, point->target, point->type, point->flags,
		   point->options))
		return;
	if (point->optional && (errno == ENODEV || errno == ENOENT))
		return;
	die("mount %s on %s: %s", point->type, point->target, strerror(errno));
}

static void mount_all(const struct mount_point *points, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		mount_one(&points[i]);
}

void mount_early(void)
{
	mount_all(early, sizeof(early) / sizeof(early[0]));
}

static void link_fds(void)
{
	/* devtmpfs makes device nodes only; shells want these as well. */
	if (symlink("/proc/self/fd", "/dev/fd") ||
	    symlink("/proc/self/fd/0", "/dev/stdin") ||
	    symlink("/proc/self/fd/1", "/dev/stdout") ||
	    symlink("/proc/self/fd/2", "/dev/stderr"))
		die("links in /dev: %s", strerror(errno));
}

static void enable_controllers(void)
{
	static const char *const controllers[] = {
		"+cpu", "+memory", "+pids", "+io",
	};
	size_t i;

	/* One write each: one that this kernel lacks must not stop the rest. */
	for (i = 0; i < sizeof(controllers) / sizeof(controllers[0]); i++)
		write_file("/sys/fs/cgroup/cgroup.subtree_control",
			   controllers[i]);
}

void mount_late(void)
{
	mount_all(late, sizeof(late) / sizeof(late[0]));
	link_fds();
	enable_controllers();
	make_dir("/tmp");
	if (chmod("/tmp", 01777))
		die("chmod /tmp: %s", strerror(errno));
}

static void relocate(const char *from, const char *to)
{
	make_dir(to);
	if (mount(from, to, NULL, MS_MOVE, NULL))
		die("move %s to %s: %s", from, to, strerror(errno));
}

/* The host's root below, what the guest writes above, in memory. */
static void mount_overlay(void)
{
	make_dir("/lower");
	make_dir("/upper");
	make_dir("/root");
	if (mount("root", "/lower", "9p", MS_RDONLY, P9_OPTIONS))
		die("mount the host's root (9p): %s", strerror(errno));
	if (mount("tmpfs", "/upper", "tmpfs", 0, "mode=0755"))
		die("mount tmpfs: %s", strerror(errno));
	make_dir("/upper/data");
	make_dir("/upper/work");
	if (mount("overlay", "/root", "overlay", 0, OVERLAY_OPTIONS))
		die("mount overlay: %s", strerror(errno));
}

/**
 * mount_root() - make / what the command is to see
 * @config: says which kind of root is wanted
 *
 * The files of --copy are in /vmrun/copy when the root is not the initramfs:
 * they go into the new root before it hides them.
 */
void mount_root(const struct config *config)
{
	if (strcmp(config->root, "host"))
		return;
	mount_overlay();
	copy_tree("/vmrun/copy", "/root");
	relocate("/dev", "/root/dev");
	relocate("/proc", "/root/proc");
	relocate("/sys", "/root/sys");
	if (chdir("/root") || mount(".", "/", NULL, MS_MOVE, NULL) ||
	    chroot(".") || chdir("/"))
		die("change of root: %s", strerror(errno));
}
