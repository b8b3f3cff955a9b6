// SPDX-License-Identifier: GPL-2.0
/* Devices that the machine has: USB, and a port to the host. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/usbdevice_fs.h>
#include <sys/ioctl.h>

#include "catch.h"
#include "module.h"

#define USB_MONITOR	"/dev/usbmon0"
/* One for each kind: who is caught has locked it. The first on a bus is the hub. */
#define USB_FOR_MONITOR	"/dev/bus/usb/001/002"
#define USB_FOR_CONTROL	"/dev/bus/usb/001/003"
#define USB_FOR_REQUEST	"/dev/bus/usb/001/004"
/* To the device, of a type that only its vendor knows. */
#define VENDOR_OUT	0x40
#define USB_TIMEOUT_MS	1000U
#define SETUP_SIZE	8U
#define REQUEST_SIZE	(CAUGHT_SIZE - SETUP_SIZE)
#define PORTS		"/sys/class/virtio-ports"
/* What the host calls the port. */
#define PORT_NAME	"audit\n"

static int usb_device(const char *path)
{
	static const char *const needed[] = {
		"drivers/usb/common/usb-common.ko", "drivers/usb/core/usbcore.ko",
		"drivers/usb/host/xhci-hcd.ko", "drivers/usb/host/xhci-pci.ko",
		NULL
	};

	load_modules(needed);
	return open_when_there(path);
}

static long transfer(int fd, char *data, size_t size)
{
	struct usbdevfs_ctrltransfer control = {
		.bRequestType = VENDOR_OUT, .wLength = (uint16_t)size,
		.timeout = USB_TIMEOUT_MS, .data = data,
	};

	return ioctl(fd, USBDEVFS_CONTROL, &control);
}

/* What is sent to a device that wants none of it, in the ring of who listens. */
static void plant_usb_monitor(void)
{
	int fd = usb_device(USB_FOR_MONITOR);
	char data[PAGE / 2] = "";
	long ret;

	load_module("drivers/usb/mon/usbmon.ko", "");
	open_when_there(USB_MONITOR);
	secret_write(data + sizeof(data) / 2);
	ret = transfer(fd, data, sizeof(data));
	wipe(data, sizeof(data));
	if (ret < 0 && errno != EPIPE)
		failed("USBDEVFS_CONTROL");
}

static long control(void)
{
	return transfer(caught.fd, caught.at, CAUGHT_SIZE);
}

static void plant_usb_control(void)
{
	caught.fd = usb_device(USB_FOR_CONTROL);
	catch_reading(control);
}

static long submit(void)
{
	static struct usbdevfs_urb urb = { .type = USBDEVFS_URB_TYPE_CONTROL };
	const unsigned char setup[SETUP_SIZE] = {
		VENDOR_OUT, [6] = REQUEST_SIZE & 0xff, [7] = REQUEST_SIZE >> 8,
	};

	memcpy(caught.at, setup, SETUP_SIZE);
	urb.buffer = caught.at;
	urb.buffer_length = CAUGHT_SIZE;
	return ioctl(caught.fd, USBDEVFS_SUBMITURB, &urb);
}

static void plant_usb_request(void)
{
	caught.fd = usb_device(USB_FOR_REQUEST);
	catch_reading(submit);
}

static long write_to_port(void)
{
	return write(caught.fd, caught.at, CAUGHT_SIZE);
}

/* Is it the port that the host made for this?  Another is for the report. */
static bool is_our_port(const char *port)
{
	char path[300], name[32];

	snprintf(path, sizeof(path), PORTS "/%s/name", port);
	return read_text(path, name, sizeof(name)) > 0 &&
	       !strcmp(name, PORT_NAME);
}

static void plant_virtio_port(void)
{
	DIR *dir = opendir(PORTS);
	struct dirent *entry;
	char path[300];

	if (!dir)
		missing("there is no " PORTS);
	do {
		entry = readdir(dir);
		if (!entry)
			missing("the host made no port");
	} while (!is_our_port(entry->d_name));
	snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
	closedir(dir);
	caught.fd = open_when_there(path);
	catch_reading(write_to_port);
}

const struct kind hardware_kinds[] = {
	{ "usb-monitor", plant_usb_monitor },
	{ "usb-control", plant_usb_control },
	{ "usb-request", plant_usb_request },
	{ "virtio-port", plant_virtio_port },
	{ }
};
