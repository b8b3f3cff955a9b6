// SPDX-License-Identifier: GPL-2.0
/*
 * vmm - boots a Linux kernel as a KVM guest, to user space and down again
 *
 * The guest's console goes to standard output. The guest did well when it
 * printed the token (guest_init.c does) and then asked for a reset; the exit
 * status is 0 then, 124 after the timeout, 1 for everything else.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/time.h>

#include "asi_test.h"
#include "guest_token.h"
#include "kvm_vm.h"
#include "vmm.h"

/* What the guest's hardware is, and is not; see boot_linux() for memory. */
#define CMDLINE	"console=ttyS0 earlyprintk=ttyS0 reboot=k panic=-1 acpi=off " \
		"pci=off nolapic nokaslr lpj=1000000"

#define PORT_CMOS_DATA	0x71
#define PORT_KEYBOARD	0x64
#define KEYBOARD_RESET	0xfe
#define TIMED_OUT	124
#define REASONS		64

struct options {
	const char *image, *initrd, *append, *token;
	size_t mem;
	unsigned long timeout, guests;
	bool stats, ktap;
};

/**
 * struct guest - a guest and what became of it
 * @opt: what the command line asks for
 * @nr: its number, from 0
 * @prefix: what its lines of console output start with
 * @line: the line it is writing
 * @len: length of that
 * @token_seen: it printed the token
 * @reset: it asked for a reset
 * @reasons: exits to user space by reason
 * @vm: the machine
 * @vcpu: its processor
 * @uart: its console
 */
struct guest {
	const struct options *opt;
	unsigned long nr;
	char prefix[32];
	char line[512];
	size_t len;
	bool token_seen, reset;
	unsigned long reasons[REASONS];
	struct vm vm;
	struct vcpu vcpu;
	struct uart uart;
};

static void end_of_line(struct guest *g)
{
	g->line[g->len] = '\0';
	if (strstr(g->line, g->opt->token))
		g->token_seen = true;
	printf("%s%s\n", g->prefix, g->line);
	fflush(stdout);
	g->len = 0;
}

static void console_put(void *arg, char c)
{
	struct guest *g = arg;

	if (c == '\n')
		end_of_line(g);
	else if (c != '\r' && c != '\0')
		g->line[g->len++] = c;
	if (g->len == sizeof(g->line) - 1)
		end_of_line(g);
}

static void port_out(struct guest *g, unsigned int port, uint8_t value)
{
	if (port - UART_PORT < 8)
		uart_write(&g->uart, port - UART_PORT, value);
	else if (port == PORT_KEYBOARD && value == KEYBOARD_RESET)
		g->reset = true;
}

/* A keyboard controller that is never busy, a clock that is never updating. */
static uint8_t port_in(struct guest *g, unsigned int port)
{
	if (port - UART_PORT < 8)
		return uart_read(&g->uart, port - UART_PORT);
	if (port == PORT_KEYBOARD || port == PORT_CMOS_DATA)
		return 0;
	return 0xff;
}

static void port_exit(struct guest *g)
{
	struct kvm_run *run = g->vcpu.run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;

	for (uint32_t i = 0; i < run->io.count * run->io.size; i++) {
		unsigned int port = run->io.port + i % run->io.size;

		if (run->io.direction == KVM_EXIT_IO_OUT)
			port_out(g, port, data[i]);
		else
			data[i] = port_in(g, port);
	}
}

static const char *run_guest(struct guest *g, uint64_t until)
{
	static char why[80];

	while (!g->reset) {
		int reason = vcpu_run(&g->vcpu);

		if (now_ms() > until)
			return "timeout";
		if (reason == -EINTR || reason == -EAGAIN)
			continue;
		if (reason >= 0 && reason < REASONS)
			g->reasons[reason]++;
		switch (reason) {
		case KVM_EXIT_IO:
			port_exit(g);
			break;
		case KVM_EXIT_MMIO:
			memset(g->vcpu.run->mmio.data, 0xff, 8);
			break;
		case KVM_EXIT_SHUTDOWN:
			return "triple fault";
		default:
			snprintf(why, sizeof(why), "KVM_RUN: %d (%s)", reason,
				 reason < 0 ? strerror(-reason) :
					      "exit reason not handled");
			return why;
		}
	}
	return g->token_seen ? NULL : "reset without the token";
}

static void print_stats(const struct guest *g)
{
	static const char * const name[REASONS] = {
		[KVM_EXIT_IO] = "port", [KVM_EXIT_MMIO] = "mmio",
		[KVM_EXIT_SHUTDOWN] = "shutdown", [KVM_EXIT_INTR] = "signal",
	};
	unsigned long sum = 0;

	for (int i = 0; i < REASONS; i++) {
		if (!g->reasons[i])
			continue;
		sum += g->reasons[i];
		ktap_note("guest %lu: %lu exits to user space: %s", g->nr,
			  g->reasons[i], name[i] ? name[i] : "other");
	}
	ktap_note("guest %lu: %lu exits to user space, %llu VM exits", g->nr,
		  sum, (unsigned long long)vcpu_exits(&g->vcpu));
}

static void interrupt_run(int sig)
{
	(void)sig;
}

/* A tick for KVM_RUN to come back at, or a silent guest is never timed out. */
static void start_ticks(void)
{
	struct itimerval second = {
		.it_interval.tv_sec = 1,
		.it_value.tv_sec = 1,
	};
	struct sigaction sa = { .sa_handler = interrupt_run };

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &second, NULL);
}

static int one_guest(const struct options *opt, unsigned long nr)
{
	static struct guest g;
	static char cmdline[2048];
	const char *failed;

	g.opt = opt;
	g.nr = nr;
	if (opt->guests > 1)
		snprintf(g.prefix, sizeof(g.prefix), "%s[%lu] ",
			 opt->ktap ? "# " : "", nr);
	else
		snprintf(g.prefix, sizeof(g.prefix), "%s",
			 opt->ktap ? "# " : "");
	snprintf(cmdline, sizeof(cmdline), CMDLINE " %s", opt->append);
	vm_create(&g.vm, opt->mem, VM_IRQCHIP | VM_PIT);
	vcpu_create(&g.vm, &g.vcpu, 0);
	boot_linux(&g.vm, &g.vcpu, opt->image, opt->initrd, cmdline);
	g.uart.vm_fd = g.vm.fd;
	g.uart.put = console_put;
	g.uart.arg = &g;

	start_ticks();
	failed = run_guest(&g, now_ms() + opt->timeout * 1000);
	if (g.len)
		end_of_line(&g);
	if (opt->stats)
		print_stats(&g);
	if (failed)
		ktap_note("guest %lu: %s", nr, failed);
	if (!failed)
		return 0;
	return strcmp(failed, "timeout") ? 1 : TIMED_OUT;
}

static int all_guests(const struct options *opt)
{
	pid_t pid[opt->guests];
	int worst = 0;

	fflush(stdout);
	for (unsigned long i = 0; i < opt->guests; i++) {
		pid[i] = xfork();
		if (!pid[i])
			_exit(one_guest(opt, i));
	}
	for (unsigned long i = 0; i < opt->guests; i++) {
		int status = wait_exit(pid[i]);

		if (status > 255)
			ktap_note("guest %lu: vmm died of signal %d", i,
				  status - 256);
		if (status && worst != TIMED_OUT)
			worst = status == TIMED_OUT ? TIMED_OUT : 1;
	}
	return worst;
}

/* With the class's counters around it, so that one sees what a guest costs. */
static int run_all(const struct options *opt)
{
	bool on = opt->stats && !asi_class_off("kvm");
	struct asi_stats before, after;
	int status;

	if (on)
		asi_stats_read("kvm", &before);
	status = all_guests(opt);
	if (on) {
		asi_stats_read("kvm", &after);
		asi_stats_delta(&after, &before);
		asi_stats_note("class kvm", &after);
	}
	return status;
}

static void usage(int status)
{
	fputs("usage: vmm [OPTION]... BZIMAGE\n"
	      "Boot BZIMAGE as a KVM guest; succeed when it prints the token and resets.\n"
	      "  --mem MIB       guest memory (128)\n"
	      "  --initrd FILE   initial RAM disk\n"
	      "  --append TEXT   more for the kernel command line\n"
	      "  --token TEXT    what success looks like (" GUEST_TOKEN ")\n"
	      "  --timeout SEC   (300)\n"
	      "  --guests N      several at once (1)\n"
	      "  --stats         count exits\n"
	      "  --ktap          output for a test runner\n",
	      status ? stderr : stdout);
	exit(status);
}

static unsigned long number(const char *text, unsigned long max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (!*text || *end || !n || n > max) {
		fprintf(stderr, "vmm: not a number from 1 to %lu: %s\n", max,
			text);
		exit(2);
	}
	return n;
}

static void parse(struct options *opt, int argc, char **argv)
{
	static const struct option table[] = {
		{ "mem", required_argument, NULL, 'm' },
		{ "initrd", required_argument, NULL, 'i' },
		{ "append", required_argument, NULL, 'a' },
		{ "token", required_argument, NULL, 'k' },
		{ "timeout", required_argument, NULL, 't' },
		{ "guests", required_argument, NULL, 'g' },
		{ "stats", no_argument, NULL, 's' },
		{ "ktap", no_argument, NULL, 'K' },
		{ "help", no_argument, NULL, 'h' },
		{ },
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", table, NULL)) != -1) {
		switch (c) {
		case 'm':
			opt->mem = number(optarg, 3072) << 20;
			break;
		case 'i':
			opt->initrd = optarg;
			break;
		case 'a':
			opt->append = optarg;
			break;
		case 'k':
			opt->token = optarg;
			break;
		case 't':
			opt->timeout = number(optarg, 86400);
			break;
		case 'g':
			opt->guests = number(optarg, 64);
			break;
		case 's':
			opt->stats = true;
			break;
		case 'K':
			opt->ktap = true;
			break;
		default:
			usage(c == 'h' ? 0 : 2);
		}
	}
	if (optind + 1 != argc)
		usage(2);
	opt->image = argv[optind];
}

int main(int argc, char **argv)
{
	struct options opt = {
		.append = "",
		.token = GUEST_TOKEN,
		.mem = 128UL << 20,
		.timeout = 300,
		.guests = 1,
	};
	const char *missing = kvm_missing();
	int status;

	parse(&opt, argc, argv);
	if (missing && opt.ktap)
		ktap_skip_all("%s", missing);
	if (missing) {
		fprintf(stderr, "vmm: %s\n", missing);
		return 2;
	}
	if (!opt.ktap)
		return run_all(&opt);
	ktap_start(1);
	status = run_all(&opt);
	ktap_ok(!status, "%lu Linux guest(s) reach user space and shut down",
		opt.guests);
	return ktap_finish();
}
