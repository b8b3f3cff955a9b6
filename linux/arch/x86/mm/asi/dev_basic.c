// SPDX-License-Identifier: GPL-2.0
/*
 * Address space isolation: sequences of /dev/asi that a task does by itself.
 *
 * What may fault is done relaxed and with interrupts off, so that nothing but the fault
 * leaves the domain, and it stays left.
 */
#include <linux/compiler.h>
#include <linux/printk.h>

#include "dev.h"

/* Enter and leave, and nothing else. */
void asi_dev_enter_exit(struct asi_dev_run *run)
{
	asi_dev_step(run);
	asi_dev_begin(run);
	asi_enter(run->asi);
	asi_dev_step(run);
	asi_relax();
	asi_dev_step(run);
	asi_dev_end(run);
	asi_dev_step(run);
}

/* What it touches depends on the consoles, and on what is to be printed else. */
void asi_dev_printk(struct asi_dev_run *run)
{
	asi_dev_begin(run);
	asi_enter(run->asi);
	asi_dev_step(run);
	asi_relax();
	pr_info("asi: printed in a restricted address space\n");
	asi_dev_step(run);
	asi_dev_end(run);
	asi_dev_step(run);
}

/* Enter, and read a word that is there in no domain unless it was granted. */
static void read_hidden(struct asi_dev_run *run)
{
	u64 word;

	asi_dev_begin(run);
	asi_enter(run->asi);
	asi_dev_step(run);
	asi_relax();
	word = READ_ONCE(*run->hidden);
	asi_dev_step(run);
	asi_dev_end(run);
	if (word != run->word)
		asi_dev_fail(run, "another word was read");
}

void asi_dev_read_unmapped(struct asi_dev_run *run)
{
	read_hidden(run);
	asi_dev_step(run);
}

void asi_dev_read_granted(struct asi_dev_run *run)
{
	if (asi_map(run->asi, run->hidden, PAGE_SIZE)) {
		asi_dev_fail(run, "the memory could not be granted");
		return;
	}
	read_hidden(run);
	asi_dev_step(run);
	asi_unmap(run->asi, run->hidden, PAGE_SIZE);
	read_hidden(run);
}
