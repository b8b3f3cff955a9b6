// SPDX-License-Identifier: GPL-2.0
/*
 * Allocates and frees pages for asibench: what the page allocator itself costs,
 * which no system call shows alone. It is built against each kernel, the unpatched
 * one too, from the same source.
 */
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

#include "asibench_alloc.h"

static long alloc_ioctl(struct file *file, unsigned int cmd, unsigned long nr)
{
	const unsigned int kind = ASIBENCH_ALLOC_ORDER | ASIBENCH_ALLOC_USER;
	unsigned int order = cmd & ASIBENCH_ALLOC_ORDER;
	gfp_t gfp = GFP_KERNEL;

	if ((cmd & ~kind) != ASIBENCH_ALLOC || order > MAX_PAGE_ORDER)
		return -ENOTTY;
	if (cmd & ASIBENCH_ALLOC_USER)
		gfp = GFP_HIGHUSER_MOVABLE;

	while (nr--) {
		struct page *page = alloc_pages(gfp, order);

		if (!page)
			return -ENOMEM;
		__free_pages(page, order);
	}
	return 0;
}

static const struct file_operations alloc_fops = {
	.owner		= THIS_MODULE,
	.unlocked_ioctl = alloc_ioctl,
};

static struct miscdevice alloc_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name  = ASIBENCH_ALLOC_DEVICE,
	.fops  = &alloc_fops,
};

module_misc_device(alloc_device);
MODULE_DESCRIPTION("Allocations of pages, to be counted");
MODULE_LICENSE("GPL");
