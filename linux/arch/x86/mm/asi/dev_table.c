// SPDX-License-Identifier: GPL-2.0
/*
 * Address space isolation: the sequences of /dev/asi, and the state that is expected at
 * each step, by kind of page table.
 *
 * The one place that says so.  The kernel compares with it, KUnit checks it, programs
 * get it by ASI_IOC_DESCRIBE, and scripts/sequence-table writes it into
 * Documentation/userspace-api/asi.rst, for which the lines have to keep their form.
 *
 * IN is the test domain, OUT the unrestricted address space.  See the uapi header for
 * the others.
 *
 * The tables differ where something is touched that nobody granted.  The stacks for
 * interrupts are among it: with a decorated page table, a handler that changes to one
 * has left the domain, and the return to the tense task goes back.
 */
#include "dev.h"

#define IN	ASI_STATE_IN
#define OUT	ASI_STATE_OUT
#define GRANTED	ASI_STATE_GRANTED

/* Filled in here so that each step is a line: nonsensitive, decorated. */
const struct asi_dev_sequence asi_dev_sequences[] = {
	{
		.name = "enter-exit",
		.purpose = "Enter the domain, relax, leave it.",
		.min_cpus = 1,
		.run = asi_dev_enter_exit,
		.step = {
			{ "before", { OUT, OUT } },
			{ "entered", { IN, IN } },
			{ "relaxed", { IN, IN } },
			{ "left", { OUT, OUT } },
		},
	},
	{
		.name = "printk",
		.purpose = "Print a message of the kernel in the domain.",
		.min_cpus = 1,
		.run = asi_dev_printk,
		.step = {
			{ "entered", { IN, IN } },
			{ "printed", { IN, GRANTED } },
			{ "left", { OUT, OUT } },
		},
	},
	{
		.name = "read-unmapped",
		.purpose = "Read memory that the domain does not map.",
		.min_cpus = 1,
		.run = asi_dev_read_unmapped,
		.step = {
			{ "entered", { IN, IN } },
			{ "read", { OUT, OUT } },
			{ "left", { OUT, OUT } },
		},
	},
	{
		.name = "read-granted",
		.purpose = "Grant the same memory and read it; take it back and read it again.",
		.min_cpus = 1,
		.run = asi_dev_read_granted,
		.step = {
			{ "entered", { IN, IN } },
			{ "read", { IN, IN } },
			{ "left", { OUT, OUT } },
			{ "entered without", { IN, IN } },
			{ "read without", { OUT, OUT } },
		},
	},
	{
		.name = "interrupt",
		.purpose = "An interrupt arrives in a critical section.",
		.min_cpus = 1,
		.run = asi_dev_interrupt,
		.step = {
			{ "entered", { IN, IN } },
			{ "in the interrupt", { IN, OUT } },
			{ "returned", { IN, IN } },
			{ "left", { OUT, OUT } },
		},
	},
	{
		.name = "nmi",
		.purpose = "An NMI arrives in a critical section.",
		.min_cpus = 1,
		.run = asi_dev_nmi,
		.step = {
			{ "entered", { IN, IN } },
			{ "in the NMI", { IN, IN } },
			{ "returned", { IN, IN } },
			{ "left", { OUT, OUT } },
		},
	},
	{
		.name = "nmi-in-interrupt",
		.purpose = "An NMI arrives in an interrupt that arrived in a critical section.",
		.min_cpus = 1,
		.run = asi_dev_nmi_in_interrupt,
		.step = {
			{ "entered", { IN, IN } },
			{ "in the interrupt", { IN, OUT } },
			{ "in the NMI", { IN, OUT } },
			{ "back in the interrupt", { IN, OUT } },
			{ "returned", { IN, IN } },
			{ "left", { OUT, OUT } },
		},
	},
	{
		.name = "fault-in-nmi",
		.purpose = "An NMI in a critical section reads what the domain does not map.",
		.min_cpus = 1,
		.run = asi_dev_fault_in_nmi,
		.step = {
			{ "entered", { IN, IN } },
			{ "in the NMI", { IN, IN } },
			{ "read there", { OUT, OUT } },
			{ "returned", { IN, IN } },
			{ "left", { OUT, OUT } },
		},
	},
	{
		.name = "int3",
		.purpose = "A breakpoint in a critical section; its handler reads that memory.",
		.min_cpus = 1,
		.run = asi_dev_int3,
		.step = {
			{ "entered", { IN, IN } },
			{ "in the exception", { IN, IN } },
			{ "read there", { OUT, OUT } },
			{ "returned", { IN, IN } },
			{ "left", { OUT, OUT } },
		},
	},
	{
		.name = "debug",
		.purpose = "The same with a debug exception, by single-stepping.",
		.min_cpus = 1,
		.run = asi_dev_debug,
		.step = {
			{ "entered", { IN, IN } },
			{ "in the exception", { IN, IN } },
			{ "read there", { OUT, OUT } },
			{ "returned", { IN, IN } },
			{ "left", { OUT, OUT } },
		},
	},
	{
		.name = "irq-storm",
		.purpose = "Interrupts arrive without a break while a task enters and leaves.",
		.min_cpus = 1,
		.run = asi_dev_irq_storm,
		.step = {
			{ "before", { OUT, OUT } },
			{ "tense", { IN, IN } },
			{ "left", { OUT, OUT } },
		},
	},
	{
		.name = "sleep-migrate",
		.purpose = "Relax and sleep, then move to another CPU.",
		.min_cpus = 2,
		.run = asi_dev_sleep_migrate,
		.step = {
			{ "entered", { IN, IN } },
			{ "relaxed", { IN, IN } },
			{ "slept", { OUT, OUT } },
			{ "entered again", { IN, IN } },
			{ "migrated", { OUT, OUT } },
			{ "entered there", { IN, IN } },
			{ "left", { OUT, OUT } },
		},
	},
	{
		.name = "schedule",
		.purpose = "Two tasks of one CPU switch to each other in the domain, relaxed.",
		.min_cpus = 1,
		.run = asi_dev_schedule,
		.step = {
			{ "entered", { IN, IN } },
			{ "relaxed", { IN, IN } },
			{ "the other entered", { IN, IN } },
			{ "switched back", { OUT, OUT } },
			{ "entered again", { IN, IN } },
			{ "left", { OUT, OUT } },
		},
	},
	{
		.name = "sibling-exit",
		.purpose = "Another task of the mm leaves it and ends, during a critical section.",
		.min_cpus = 2,
		.run = asi_dev_sibling_exit,
		.step = {
			{ "entered", { IN, IN } },
			{ "the sibling entered", { IN, IN } },
			{ "the sibling is gone", { IN, IN } },
			{ "left", { OUT, OUT } },
		},
	},
	{
		.name = "module-load",
		.purpose = "Load a module, enter the domain and read the module's text.",
		.flags = ASI_SEQUENCE_MODULE,
		.min_cpus = 1,
		.run = asi_dev_module_load,
		.step = {
			{ "entered", { IN, IN } },
			{ "loaded", { OUT, OUT } },
			{ "entered again", { IN, IN } },
			{ "read the module", { IN, OUT } },
			{ "left", { OUT, OUT } },
		},
	},
};

const unsigned int asi_dev_nr_sequences = ARRAY_SIZE(asi_dev_sequences);

/* How many steps a sequence has. */
unsigned int asi_dev_nr_steps(const struct asi_dev_sequence *sequence)
{
	unsigned int nr = 0;

	while (nr < ASI_MAX_STEPS && sequence->step[nr].name)
		nr++;
	return nr;
}
