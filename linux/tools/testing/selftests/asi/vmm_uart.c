// SPDX-License-Identifier: GPL-2.0
/* A serial port without input, enough for Linux's 8250 driver: see vmm.h. */
#include <sys/ioctl.h>
#include <linux/kvm.h>
#include <linux/serial_reg.h>

#include "asi_test.h"
#include "vmm.h"

/* Edge triggered: a new request needs the line to have been low. */
static void set_line(struct uart *u)
{
	struct kvm_irq_level line = {
		.irq = UART_IRQ,
		.level = u->empty_irq && (u->ier & UART_IER_THRI),
	};

	if (ioctl(u->vm_fd, KVM_IRQ_LINE, &line))
		ktap_bail("KVM_IRQ_LINE failed");
}

static bool divisor_latch(const struct uart *u)
{
	return u->lcr & UART_LCR_DLAB;
}

void uart_write(struct uart *u, unsigned int reg, uint8_t value)
{
	switch (reg) {
	case UART_TX:
		if (divisor_latch(u)) {
			u->divisor[0] = value;
			break;
		}
		if (!(u->mcr & UART_MCR_LOOP))
			u->put(u->arg, (char)value);
		u->empty_irq = true;
		set_line(u);
		break;
	case UART_IER:
		if (divisor_latch(u)) {
			u->divisor[1] = value;
			break;
		}
		u->empty_irq = value & ~u->ier & UART_IER_THRI;
		u->ier = value & 0xf;
		set_line(u);
		break;
	case UART_LCR:
		u->lcr = value;
		break;
	case UART_MCR:
		u->mcr = value;
		break;
	case UART_SCR:
		u->scr = value;
		break;
	}
}

/* Looped back, the outputs appear as inputs: the driver looks for that. */
static uint8_t modem_status(const struct uart *u)
{
	uint8_t status = 0;

	if (!(u->mcr & UART_MCR_LOOP))
		return UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS;
	if (u->mcr & UART_MCR_OUT2)
		status |= UART_MSR_DCD;
	if (u->mcr & UART_MCR_OUT1)
		status |= UART_MSR_RI;
	if (u->mcr & UART_MCR_DTR)
		status |= UART_MSR_DSR;
	if (u->mcr & UART_MCR_RTS)
		status |= UART_MSR_CTS;
	return status;
}

static uint8_t interrupt_id(struct uart *u)
{
	if (!u->empty_irq || !(u->ier & UART_IER_THRI))
		return UART_IIR_NO_INT;
	u->empty_irq = false;
	set_line(u);
	return UART_IIR_THRI;
}

uint8_t uart_read(struct uart *u, unsigned int reg)
{
	switch (reg) {
	case UART_RX:
		return divisor_latch(u) ? u->divisor[0] : 0;
	case UART_IER:
		return divisor_latch(u) ? u->divisor[1] : u->ier;
	case UART_IIR:
		return interrupt_id(u);
	case UART_LCR:
		return u->lcr;
	case UART_MCR:
		return u->mcr;
	case UART_LSR:
		return UART_LSR_TEMT | UART_LSR_THRE;
	case UART_MSR:
		return modem_status(u);
	default:
		return u->scr;
	}
}
