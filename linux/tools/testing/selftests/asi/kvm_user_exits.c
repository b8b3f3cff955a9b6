// SPDX-License-Identifier: GPL-2.0
/*
 * VM exits that go on to user space, ports and memory-mapped I/O: between the
 * guest's address space and the VMM's, to and fro.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/time.h>

#include "asi_test.h"
#include "kvm_vm.h"

/* Where there is neither memory nor a device. */
#define MMIO_ADDR	0xd0000000UL

/* EAX out, and back in from the port, changed by the VMM. */
GUEST_CODE(port_loop,
	   "mov $0x12345678, %eax\n"
	   "1:	out %eax, $0x90\n"
	   "in $0x90, %eax\n"
	   "dec %rdi\n"
	   "jnz 1b\n"
	   "out %eax, $0x99\n");

GUEST_CODE(mmio_loop,
	   "mov $0x12345678, %eax\n"
	   "1:	mov %eax, (%rsi)\n"
	   "mov (%rsi), %eax\n"
	   "dec %rdi\n"
	   "jnz 1b\n"
	   "out %eax, $0x99\n");

GUEST_CODE(spin, "1: pause\n jmp 1b\n");

static struct vm vm;
static struct vcpu vcpu;

static uint32_t next(uint32_t value)
{
	return value * 1664525 + 1013904223;
}

static uint32_t expected(unsigned long n)
{
	uint32_t value = 0x12345678;

	while (n--)
		value = next(value);
	return value;
}

/* The device of both loops: reads give next() of what was written last. */
static bool serve(uint32_t *latch, uint32_t *result)
{
	struct kvm_run *run = vcpu.run;
	void *data = (char *)run + run->io.data_offset;

	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		if (run->io.port == PORT_DONE) {
			memcpy(result, data, 4);
			return false;
		}
		if (run->io.direction == KVM_EXIT_IO_OUT)
			memcpy(latch, data, 4);
		else
			memcpy(data, &(uint32_t){ next(*latch) }, 4);
		return true;
	case KVM_EXIT_MMIO:
		if (run->mmio.is_write)
			memcpy(latch, run->mmio.data, 4);
		else
			memcpy(run->mmio.data, &(uint32_t){ next(*latch) }, 4);
		return true;
	default:
		test_error("exit reason %u", run->exit_reason);
		return false;
	}
}

static uint32_t run_loop(unsigned long n)
{
	uint32_t latch = 0, result = 0;
	int reason;

	vcpu_start(&vcpu, VM_CODE, n, MMIO_ADDR, 0);
	do {
		reason = vcpu_run(&vcpu);
		if (reason < 0 && reason != -EINTR) {
			test_error("KVM_RUN: %s", strerror(-reason));
			break;
		}
	} while (reason < 0 || serve(&latch, &result));
	return result;
}

/* Nothing sensitive is touched on the way: no fault may end it. */
static void device(const char *name, unsigned long n)
{
	const char *off = asi_class_off("kvm");
	struct asi_stats before, after;
	char what[80];

	if (!off)
		asi_stats_read("kvm", &before);
	CHECK(run_loop(n) == expected(n));
	ktap_ok(!test_errors_take(), "%s: data goes to and fro", name);
	snprintf(what, sizeof(what), "%s: no exit by a fault", name);
	if (off) {
		ktap_skip(what, "%s", off);
		return;
	}
	asi_stats_read("kvm", &after);
	asi_stats_delta(&after, &before);
	asi_stats_note(name, &after);
	/* Once for what a first access touches, and for noise. */
	ktap_ok(after.v[ASI_EXITS_FAULT] <= n / 100, "%s", what);
}

static void wake(int sig)
{
	(void)sig;
}

/* A guest that does nothing has to come out for a signal. */
static void signals(void)
{
	struct itimerval it = {
		.it_interval.tv_usec = 2000, .it_value.tv_usec = 2000,
	};
	struct sigaction sa = { .sa_handler = wake };

	vm_load(&vm, VM_CODE, spin);
	vcpu_start(&vcpu, VM_CODE, 0, 0, 0);
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &it, NULL);
	for (unsigned long i = 0; i < scaled(300); i++)
		CHECK(vcpu_run(&vcpu) == -EINTR);
	it.it_value.tv_usec = 0;
	setitimer(ITIMER_REAL, &it, NULL);
	ktap_ok(!test_errors_take(), "signals end KVM_RUN");
}

int main(void)
{
	const char *missing = kvm_missing();

	if (missing)
		ktap_skip_all("%s", missing);
	ktap_start(5);
	vm_create(&vm, 4 << 20, VM_IRQCHIP);
	vm_long_mode_tables(&vm);
	vcpu_create(&vm, &vcpu, 0);
	vcpu_long_mode(&vcpu);
	vm_load(&vm, VM_CODE, port_loop);
	device("ports", scaled(5000));
	vm_load(&vm, VM_CODE, mmio_loop);
	device("memory-mapped I/O", scaled(3000));
	signals();
	vcpu_destroy(&vcpu);
	vm_destroy(&vm);
	return ktap_finish();
}
