// SPDX-License-Identifier: GPL-2.0
/*
 * Address space isolation: the test driver /dev/asi.
 *
 * For developers: it runs sequences of transitions in domains of its own and says where
 * the CPU was at each step; attached to a live domain, it shows its faults and mappings.
 * Documentation/userspace-api/asi.rst is for who uses it, dev.h for who reads on.
 *
 * Who may what: opening wants CAP_SYS_ADMIN.  What shows addresses of the kernel, or
 * changes what a domain maps, is refused under lockdown for the reason LOCKDOWN_DEBUGFS:
 * debugfs has the same facts, and this must not be a way around its lock.
 *
 * The module cannot go while a file is open, as the file has a reference to it, and no
 * thread of the driver outlives the ioctl that made it.
 */
#include <linux/capability.h>
#include <linux/cleanup.h>
#include <linux/compat.h>
#include <linux/cpumask.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "dev.h"

static int do_info(struct asi_dev_file *file, void *data)
{
	struct asi_ioc_info *arg = data;
	const char *reason = asi_dev_off_reason();

	arg->version = ASI_IOC_VERSION;
	arg->nr_sequences = asi_dev_nr_sequences;
	arg->max_grants = ASI_DEV_GRANTS;
	if (reason)
		strscpy(arg->reason, reason);
	else
		arg->flags |= ASI_INFO_ON | ASI_INFO_NONSENSITIVE;
	if (!reason && !IS_ENABLED(CONFIG_KASAN))
		arg->flags |= ASI_INFO_DECORATED;
	if (asi_dev_grant_live)
		arg->flags |= ASI_INFO_GRANT_LIVE;
	if (security_locked_down(LOCKDOWN_DEBUGFS))
		arg->flags |= ASI_INFO_LOCKED_DOWN;
	return 0;
}

static int do_describe(struct asi_dev_file *file, void *arg)
{
	return asi_dev_check_describe(arg) ?: asi_dev_describe(arg);
}

static int do_run(struct asi_dev_file *file, void *arg)
{
	return asi_dev_check_run(arg) ?: asi_dev_run(file, arg);
}

static int do_attach(struct asi_dev_file *file, void *arg)
{
	return asi_dev_check_attach(arg) ?: asi_dev_attach(file, arg);
}

static int do_detach(struct asi_dev_file *file, void *arg)
{
	return asi_dev_detach(file);
}

static int do_faults(struct asi_dev_file *file, void *arg)
{
	return asi_dev_check_faults(arg) ?: asi_dev_faults(file, arg);
}

static int do_clear(struct asi_dev_file *file, void *arg)
{
	return asi_dev_check_clear(arg) ?: asi_dev_clear(file, arg);
}

static int do_mappings(struct asi_dev_file *file, void *arg)
{
	return asi_dev_check_mappings(arg) ?: asi_dev_mappings(file, arg);
}

static int do_grant(struct asi_dev_file *file, void *arg)
{
	return asi_dev_check_grant(arg) ?: asi_dev_grant(file, arg);
}

static int do_revoke(struct asi_dev_file *file, void *arg)
{
	return asi_dev_check_grant(arg) ?: asi_dev_revoke(file, arg);
}

static int do_grants(struct asi_dev_file *file, void *arg)
{
	return asi_dev_check_grants(arg) ?: asi_dev_grants(file, arg);
}

/**
 * struct command - an ioctl
 * @cmd:    Its number.
 * @locked: It is refused under lockdown.
 * @func:   Does it, with a copy of the argument, or room for it.
 */
struct command {
	unsigned int cmd;
	bool locked;
	int (*func)(struct asi_dev_file *file, void *arg);
};

static const struct command commands[] = {
	{ ASI_IOC_INFO, false, do_info },
	{ ASI_IOC_DESCRIBE, false, do_describe },
	{ ASI_IOC_RUN, false, do_run },
	{ ASI_IOC_ATTACH, false, do_attach },
	{ ASI_IOC_DETACH, false, do_detach },
	{ ASI_IOC_FAULTS, true, do_faults },
	{ ASI_IOC_CLEAR_FAULTS, false, do_clear },
	{ ASI_IOC_MAPPINGS, true, do_mappings },
	{ ASI_IOC_GRANT, true, do_grant },
	{ ASI_IOC_REVOKE, true, do_revoke },
	{ ASI_IOC_GRANTS, true, do_grants },
};

/* The number has the size of the argument, so another size is another ioctl. */
static const struct command *find_command(unsigned int cmd)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		if (commands[i].cmd == cmd)
			return &commands[i];
	}
	return NULL;
}

static int call_locked(struct asi_dev_file *file, const struct command *command,
		       void *arg)
{
	int err;

	if (mutex_lock_killable(&file->lock))
		return -EINTR;
	err = command->func(file, arg);
	mutex_unlock(&file->lock);
	return err;
}

static long dev_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	const struct command *command = find_command(cmd);
	void __user *user = (void __user *)arg;
	size_t size = _IOC_SIZE(cmd);
	int err;

	if (!command)
		return -ENOTTY;
	if (command->locked) {
		err = security_locked_down(LOCKDOWN_DEBUGFS);
		if (err)
			return err;
	}

	void *copy __free(kfree) = kzalloc(max(size, sizeof(long)),
					   GFP_KERNEL_ACCOUNT);
	if (!copy)
		return -ENOMEM;
	if (_IOC_DIR(cmd) & _IOC_WRITE && copy_from_user(copy, user, size))
		return -EFAULT;
	err = call_locked(filp->private_data, command, copy);
	if (!err && _IOC_DIR(cmd) & _IOC_READ && copy_to_user(user, copy, size))
		err = -EFAULT;
	return err;
}

static int dev_open(struct inode *inode, struct file *filp)
{
	struct asi_dev_file *file;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);
	if (!file)
		return -ENOMEM;
	mutex_init(&file->lock);
	INIT_LIST_HEAD(&file->granted.list);
	INIT_LIST_HEAD(&file->live.list);
	filp->private_data = file;
	return nonseekable_open(inode, filp);
}

static int dev_release(struct inode *inode, struct file *filp)
{
	struct asi_dev_file *file = filp->private_data;

	asi_dev_detach(file);
	asi_dev_revoke_all(file->test[ASI_TABLE_DECORATED], &file->granted);
	asi_dev_close_domains(file);
	mutex_destroy(&file->lock);
	kfree(file);
	return 0;
}

static const struct file_operations dev_fops = {
	.owner		= THIS_MODULE,
	.open		= dev_open,
	.release	= dev_release,
	.unlocked_ioctl	= dev_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};

static struct miscdevice asi_miscdev = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "asi",
	.mode	= 0600,
	.fops	= &dev_fops,
};
module_misc_device(asi_miscdev);

MODULE_DESCRIPTION("Test driver of address space isolation");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS(ASI_DEV);
