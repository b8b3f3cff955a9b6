// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that devices and users share, or that requests of users to a device pass
 * through. The devices are drivers without hardware, which come as modules.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/dma-heap.h>
#include <linux/videodev2.h>
#include <scsi/sg.h>
#include <sound/asound.h>
#include <sys/ioctl.h>

#include "catch.h"
#include "module.h"

#define DISK		"/dev/sda"
#define GENERIC		"/dev/sg0"
#define VIDEO		"/dev/video0"
#define SOUND		"/dev/snd/pcmC0D0p"
#define MIDI		"/dev/snd/midiC1D0"
#define TAPE		"/dev/nst0"
#define HEAP		"/dev/dma_heap/system"
#define SCSI_DEBUG	"/sys/bus/pseudo/drivers/scsi_debug/"
#define HOST_BUSY	"/sys/class/scsi_host/host0/host_busy"

#define POLL_US		20000U
#define POLLS		500U
#define WRITE_BUFFER	0x3b
#define WRITE_DATA	2
/* "opts" of scsi_debug: do as if a command had been lost. */
#define LOSE		"4"

static int scsi_device(const char *path)
{
	load_module("drivers/scsi/scsi_debug.ko", "");
	return open_when_there(path);
}

/* The buffer that each open file of the generic driver has. */
static void plant_sg_buffer(void)
{
	secret_write(map_shared(scsi_device(GENERIC), PAGE, 0,
				"mmap of " GENERIC));
}

static void set_scsi(const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), SCSI_DEBUG "%s", name);
	errno = -write_text(path, value);
	need(errno ? -1 : 0, path);
}

static long send_request(void)
{
	unsigned char command[10] = {
		WRITE_BUFFER, WRITE_DATA, [7] = PAGE >> 8,
	};
	struct sg_io_hdr head = {
		.interface_id = 'S', .dxfer_direction = SG_DXFER_TO_DEV,
		.cmd_len = sizeof(command), .cmdp = command,
		.dxfer_len = PAGE, .dxferp = caught.at, .timeout = UINT_MAX,
	};

	return ioctl(caught.fd, SG_IO, &head);
}

/* Data that begins at an odd address is copied for the device. */
static void plant_sg_io(void)
{
	char *page = map_anon(2 * PAGE), busy[8] = "";

	caught.fd = scsi_device(DISK);
	caught.at = page + 1;
	secret_write(caught.at + 512);
	set_scsi("opts", LOSE);
	set_scsi("every_nth", "1");
	start_call(send_request);
	for (unsigned int i = 0; busy[0] != '1' && i < POLLS; i++) {
		usleep(POLL_US);
		need(read_text(HOST_BUSY, busy, sizeof(busy)), HOST_BUSY);
	}
	if (busy[0] != '1')
		failed("%s has no request", DISK);
	set_scsi("every_nth", "0");
	set_scsi("opts", "0");
	wipe(page, 2 * PAGE);
	/* Who waits for a device cannot be killed, and others wait for its output. */
	close(STDOUT_FILENO);
	close(STDERR_FILENO);
}

/* The driver looks first whether the last byte is there. */
static long write_to_tape(void)
{
	return write(caught.fd, caught.at, PAGE + CAUGHT_SIZE);
}

/* The buffer of a drive, which takes what the device could read from where it is. */
static void plant_tape(void)
{
	load_module("drivers/scsi/scsi_debug.ko", "");
	load_module("drivers/scsi/st.ko", "try_direct_io=0");
	set_scsi("ptype", "1");
	set_scsi("add_host", "1");
	set_scsi("ptype", "0");
	caught.fd = open_when_there(TAPE);
	catch_reading(write_to_tape);
}

static void plant_dma_heap(void)
{
	struct dma_heap_allocation_data heap = {
		.len = PAGE, .fd_flags = O_RDWR | O_CLOEXEC,
	};
	int fd = open(HEAP, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		missing("there is no " HEAP);
	need(fd, HEAP);
	need(ioctl(fd, DMA_HEAP_IOCTL_ALLOC, &heap), "DMA_HEAP_IOCTL_ALLOC");
	secret_write(map_shared((int)heap.fd, PAGE, 0, "mmap of a DMA buffer"));
}

/* A frame of a camera, in memory that is contiguous for it. */
static void plant_video(void)
{
#define VIDEOBUF2 "drivers/media/common/videobuf2/videobuf2-"
	static const char *const needed[] = {
		"lib/fonts/font.ko", "drivers/media/common/v4l2-tpg/v4l2-tpg.ko",
		VIDEOBUF2 "common.ko", VIDEOBUF2 "v4l2.ko",
		VIDEOBUF2 "memops.ko", VIDEOBUF2 "vmalloc.ko",
		VIDEOBUF2 "dma-contig.ko", NULL
	};
	struct v4l2_requestbuffers wanted = {
		.count = 1, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.memory = V4L2_MEMORY_MMAP,
	};
	struct v4l2_buffer buffer = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP,
	};
	int fd;

	load_modules(needed);
	load_module("drivers/media/test-drivers/vimc/vimc.ko", "allocator=1");
	fd = open_when_there(VIDEO);
	need(ioctl(fd, VIDIOC_REQBUFS, &wanted), "VIDIOC_REQBUFS");
	need(ioctl(fd, VIDIOC_QUERYBUF, &buffer), "VIDIOC_QUERYBUF");
	secret_write(map_shared(fd, buffer.length, buffer.m.offset,
				"mmap of a frame") + 512);
}

static void limit(struct snd_pcm_hw_params *params, int which, unsigned int value)
{
	params->intervals[which - SNDRV_PCM_HW_PARAM_FIRST_INTERVAL] =
		(struct snd_interval) { .min = value, .max = value };
}

static void choose(struct snd_pcm_hw_params *params, int which, unsigned int value)
{
	struct snd_mask *mask =
		&params->masks[which - SNDRV_PCM_HW_PARAM_FIRST_MASK];

	memset(mask, 0, sizeof(*mask));
	mask->bits[value / 32] = 1U << value % 32;
}

/* Samples to be played. */
static void plant_sound(void)
{
	static const char *const needed[] = { "sound/core/snd-pcm.ko", NULL };
	struct snd_pcm_hw_params params;
	int fd;

	load_modules(needed);
	load_module("sound/drivers/snd-dummy.ko", "fake_buffer=0");
	fd = open_when_there(SOUND);
	memset(&params, 0xff, sizeof(params));
	params.flags = 0;
	for (size_t i = 0; i < ARRAY_SIZE(params.intervals); i++)
		params.intervals[i] = (struct snd_interval) { .max = UINT_MAX };
	choose(&params, SNDRV_PCM_HW_PARAM_ACCESS,
	       SNDRV_PCM_ACCESS_MMAP_INTERLEAVED);
	choose(&params, SNDRV_PCM_HW_PARAM_FORMAT, SNDRV_PCM_FORMAT_S16_LE);
	limit(&params, SNDRV_PCM_HW_PARAM_CHANNELS, 2);
	limit(&params, SNDRV_PCM_HW_PARAM_RATE, 48000);
	need(ioctl(fd, SNDRV_PCM_IOCTL_HW_PARAMS, &params), "HW_PARAMS");
	secret_write(map_shared(fd, PAGE, SNDRV_PCM_MMAP_OFFSET_DATA,
				"mmap of the samples"));
}

/*
 * What is to be played by an instrument that does not exist; 1 is its card. Nobody would
 * ever play it, for which closing waits: it is dropped, and stays in the buffer.
 */
static void plant_midi(void)
{
	static const char *const needed[] = {
		"sound/core/snd-timer.ko", "sound/core/snd-seq-device.ko",
		"sound/core/seq/snd-seq.ko", "sound/core/snd-rawmidi.ko",
		"sound/core/seq/snd-seq-midi-event.ko",
		"sound/core/seq/snd-seq-virmidi.ko", NULL
	};
	const int stream = SNDRV_RAWMIDI_STREAM_OUTPUT;
	int fd;

	load_modules(needed);
	load_module("sound/drivers/snd-virmidi.ko", "index=1");
	fd = open_when_there(MIDI);
	send_secret(fd, "write to " MIDI);
	need(ioctl(fd, SNDRV_RAWMIDI_IOCTL_DROP, &stream),
	     "SNDRV_RAWMIDI_IOCTL_DROP");
}

const struct kind device_kinds[] = {
	{ "dma-heap", plant_dma_heap },
	{ "sg-buffer", plant_sg_buffer },
	{ "sg-io", plant_sg_io },
	{ "tape", plant_tape },
	{ "video", plant_video },
	{ "sound", plant_sound },
	{ "midi", plant_midi },
	{ }
};
