/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Questions to /dev/asi, by ioctl.
 *
 * Below a sysroot, dev/asi is a file that has the answers, one after another: a
 * struct device_answer, then what the kernel left in the structure, then what it
 * wrote where the structure says to write an array, then zeroes up to a multiple of
 * 8 bytes.  The tests make such files.
 */
#ifndef ASICTL_DEVICE_H
#define ASICTL_DEVICE_H

#include <stdint.h>

#include <linux/asi.h>

#include "asictl.h"

#define DEVICE		"dev/asi"

/**
 * struct device_answer - head of an answer in a file
 * @request: the number of the ioctl
 * @error: what errno was, or 0
 * @size: bytes of the structure that follow
 * @array: bytes of the array that follow the structure; 0 if there is none
 */
struct device_answer {
	uint32_t request;
	uint32_t error;
	uint32_t size;
	uint32_t array;
};

/**
 * struct device - /dev/asi, open
 * @fd: the device; -1 if it is a file of answers
 * @info: what ASI_IOC_INFO said
 * @answers: the file
 * @len: its bytes
 * @used: one for each 8 bytes of it: the answer that begins there was given
 */
struct device {
	int fd;
	struct asi_ioc_info info;
	char *answers;
	size_t len;
	bool *used;
};

/**
 * device_open() - open /dev/asi and ask what there is
 * @dev: gets it; to be closed if that worked
 * @ctx: where it is
 *
 * Return: EXIT_OK, or another exit status after saying what is wrong.
 */
int device_open(struct device *dev, const struct context *ctx);
void device_close(struct device *dev);

/* Is it the device itself? Else nothing that is done lasts. */
bool device_is_live(const struct device *dev);

/**
 * device_ask() - an ioctl
 * @dev: the device
 * @request: its number
 * @arg: the structure, whose size is part of the number
 * @key: so many of its first bytes tell one question from another: an answer in
 *	a file has to have the same
 *
 * Return: 0 or a negative error number.
 */
int device_ask(struct device *dev, unsigned int request, void *arg, size_t key);

/**
 * device_ask_array() - an ioctl whose answer is partly elsewhere
 * @dev: the device
 * @request: its number
 * @arg: the structure, which has the address of @array and its entries; the
 *	address is behind @key, as it differs from one question to the next
 * @key: as of device_ask()
 * @array: where the kernel writes entries
 * @room: bytes there
 *
 * Return: 0 or a negative error number.
 */
int device_ask_array(struct device *dev, unsigned int request, void *arg,
		     size_t key, void *array, size_t room);

/**
 * device_fail() - say why a question had no answer
 * @dev: the device
 * @ctx: for the message
 * @err: from device_ask()
 * @what: what could not be done: "cannot run x"
 *
 * Return: EXIT_ERROR.
 */
int device_fail(const struct device *dev, const struct context *ctx, int err,
		const char *what);

/* What to do about an error that may have to do with who asks. */
const char *device_hint(const struct device *dev, int err);

/* A field of fixed size, fit to be shown; the caller frees it. */
char *device_text(const char *field, size_t size);
#define DEVICE_TEXT(field)	device_text(field, sizeof(field))

#endif
