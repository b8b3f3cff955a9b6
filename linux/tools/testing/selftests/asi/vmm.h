/* SPDX-License-Identifier: GPL-2.0 */
/* The parts of vmm: what it runs, its serial port, how Linux is loaded. */
#ifndef ASI_TEST_VMM_H
#define ASI_TEST_VMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vm;
struct vcpu;

/**
 * struct uart - a 16450 with no input
 * @vm_fd: machine whose interrupt line 4 it drives
 * @put: where characters go
 * @arg: for @put
 * @ier: registers that keep what is written to them, named as in its manual
 * @lcr: ditto
 * @mcr: ditto
 * @scr: ditto
 * @divisor: ditto
 * @empty_irq: the transmitter is empty and nobody has been told yet
 */
struct uart {
	int vm_fd;
	void (*put)(void *arg, char c);
	void *arg;
	uint8_t ier, lcr, mcr, scr;
	uint8_t divisor[2];
	bool empty_irq;
};

#define UART_PORT	0x3f8
#define UART_IRQ	4

void uart_write(struct uart *u, unsigned int reg, uint8_t value);
uint8_t uart_read(struct uart *u, unsigned int reg);

/**
 * boot_linux() - Load a bzImage by the 64-bit boot protocol
 * @vm: machine, its memory still empty
 * @vcpu: its processor, left ready to start the kernel
 * @image: path of the bzImage
 * @initrd: path of an initial RAM disk, or NULL
 * @cmdline: kernel command line
 *
 * Ends the program with a message if that cannot be done.
 */
void boot_linux(struct vm *vm, struct vcpu *vcpu, const char *image,
		const char *initrd, const char *cmdline);

#endif /* ASI_TEST_VMM_H */
