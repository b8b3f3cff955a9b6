/* SPDX-License-Identifier: GPL-2.0 */
/* What asibench asks the module for. */
#ifndef ASIBENCH_ALLOC_H
#define ASIBENCH_ALLOC_H

#define ASIBENCH_ALLOC_DEVICE "asibench_alloc"

/*
 * Commands of ioctl(): the kind of pages.  The argument is how many allocations,
 * each freed before the next.
 */
#define ASIBENCH_ALLOC 0xa500
#define ASIBENCH_ALLOC_ORDER 0x0f
/* GFP_HIGHUSER_MOVABLE, not GFP_KERNEL. */
#define ASIBENCH_ALLOC_USER 0x10

#endif /* ASIBENCH_ALLOC_H */
