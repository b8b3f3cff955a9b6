// SPDX-License-Identifier: GPL-2.0
/* Linux into a virtual machine's memory, by the 64-bit boot protocol. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <asm/bootparam.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "asi_test.h"
#include "kvm_vm.h"
#include "vmm.h"

/* Documentation/arch/x86/boot.rst: what the header and the loader agree on. */
#define BOOT_FLAG	0xaa55
#define HEADER_MAGIC	0x53726448
#define PROTOCOL_2_12	0x020c
#define XLF_KERNEL_64_	(1 << 0)
#define LOADER_UNKNOWN	0xff
#define ENTRY_64	0x200

#define PARAMS_ADDR	0x70000UL
#define CMDLINE_ADDR	0x71000UL
#define KERNEL_ADDR	0x1000000UL
#define LOW_RAM_END	0x9fc00UL
#define HIGH_RAM	0x100000UL

static size_t size_of(int fd, const char *path)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		ktap_bail("%s: %s", path, strerror(errno));
	return (size_t)st.st_size;
}

static void read_at(int fd, const char *path, void *to, size_t len, off_t from)
{
	while (len) {
		ssize_t n = pread(fd, to, len, from);

		if (n <= 0)
			ktap_bail("%s: %s", path, n ? strerror(errno) : "short");
		to = (char *)to + n;
		from += n;
		len -= (size_t)n;
	}
}

static void load_kernel(struct vm *vm, struct boot_params *params,
			const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t size = size_of(fd, path), setup;
	struct setup_header *h = &params->hdr;

	read_at(fd, path, h, sizeof(*h), offsetof(struct boot_params, hdr));
	if (h->boot_flag != BOOT_FLAG || h->header != HEADER_MAGIC ||
	    h->version < PROTOCOL_2_12 || !(h->xloadflags & XLF_KERNEL_64_))
		ktap_bail("%s is not a 64-bit bzImage", path);
	setup = ((h->setup_sects ?: 4) + 1) * 512;
	if (setup >= size || KERNEL_ADDR + h->init_size > vm->size)
		ktap_bail("%s needs %lu MiB of memory", path,
			  (KERNEL_ADDR + h->init_size) >> 20);
	read_at(fd, path, vm->mem + KERNEL_ADDR, size - setup, (off_t)setup);
	close(fd);
}

/* At the end of memory, where the kernel unpacks nothing. */
static void load_initrd(struct vm *vm, struct boot_params *params,
			const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t size = size_of(fd, path), at;

	if (size > vm->size / 2)
		ktap_bail("%s is too large for this machine", path);
	at = (vm->size - size) & ~0xfffUL;
	if (at < KERNEL_ADDR + params->hdr.init_size)
		ktap_bail("no room for %s", path);
	read_at(fd, path, vm->mem + at, size, 0);
	close(fd);
	params->hdr.ramdisk_image = (uint32_t)at;
	params->hdr.ramdisk_size = (uint32_t)size;
}

static void add_ram(struct boot_params *params, uint64_t from, uint64_t to)
{
	struct boot_e820_entry *e = &params->e820_table[params->e820_entries++];

	e->addr = from;
	e->size = to - from;
	e->type = 1;
}

void boot_linux(struct vm *vm, struct vcpu *vcpu, const char *image,
		const char *initrd, const char *cmdline)
{
	struct boot_params *params = (void *)(vm->mem + PARAMS_ADDR);
	struct kvm_regs regs = {
		.rip = KERNEL_ADDR + ENTRY_64,
		.rsi = PARAMS_ADDR,
		.rflags = 2,
	};

	load_kernel(vm, params, image);
	if (strlen(cmdline) > params->hdr.cmdline_size)
		ktap_bail("command line is too long for this kernel");
	strcpy(vm->mem + CMDLINE_ADDR, cmdline);
	params->hdr.cmd_line_ptr = CMDLINE_ADDR;
	params->hdr.type_of_loader = LOADER_UNKNOWN;
	if (initrd)
		load_initrd(vm, params, initrd);
	add_ram(params, 0, LOW_RAM_END);
	add_ram(params, HIGH_RAM, vm->size);

	vm_long_mode_tables(vm);
	vcpu_long_mode(vcpu);
	if (ioctl(vcpu->fd, KVM_SET_REGS, &regs))
		ktap_bail("KVM_SET_REGS: %s", strerror(errno));
}
