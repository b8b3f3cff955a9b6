// SPDX-License-Identifier: GPL-2.0
/*
 * Address space isolation: the fault log as text, in debugfs.
 *
 *  faults	  places that left the restricted address space; writing forgets them
 *  fault_stacks  the same with the stack of a fault, if the kernel was told to
 *		  keep them
 *
 * Documentation/ABI/testing/debugfs-asi describes the files.
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/kallsyms.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/string.h>

#include "faultlog.h"
#include "internal.h"

/**
 * asi_fault_symbol - the name of an instruction, without white space
 * @buf: ASI_FAULT_SYMBOL_LEN bytes.
 * @ip:	 The instruction.
 *
 * Return: @buf, with SYMBOL+0xOFF, or SYMBOL+0xOFF[MODULE]; or "?" if it has no name.
 */
const char *asi_fault_symbol(char *buf, unsigned long ip)
{
	char *size, *module;

	/* SYMBOL+0xOFF/0xSIZE [MODULE], or 0xIP */
	sprint_symbol(buf, ip);
	size = strrchr(buf, '/');
	if (!size)
		return "?";

	module = strchr(size, ' ');
	if (module)
		memmove(size, module + 1, strlen(module + 1) + 1);
	else
		*size = '\0';
	return buf;
}
EXPORT_SYMBOL_NS_GPL(asi_fault_symbol, ASI_DEV);

static void show_record(struct seq_file *m, const struct asi_fault_record *r)
{
	char symbol[ASI_FAULT_SYMBOL_LEN];

	seq_printf(m, "%lu %s %s %s 0x%lx %s 0x%lx\n", r->count,
		   asi_classes[asi_fault_whose(r->key)].name,
		   asi_fault_phase_names[asi_fault_phase(r->key)],
		   asi_fault_memory_names[r->memory], r->ip,
		   asi_fault_symbol(symbol, r->ip), r->key & PAGE_MASK);
}

/* A line for each record, one before them and one after them. */
static void *faults_start(struct seq_file *m, loff_t *pos)
{
	struct asi_fault_records *records = m->private;

	return *pos < records->nr + 2 ? pos : NULL;
}

static void *faults_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return faults_start(m, pos);
}

static void faults_stop(struct seq_file *m, void *v) { }

static int faults_show(struct seq_file *m, void *v)
{
	struct asi_fault_records *records = m->private;
	loff_t pos = *(loff_t *)v;

	if (!pos)
		seq_puts(m, "# count class phase memory ip symbol page\n");
	else if (pos <= records->nr)
		show_record(m, &records->record[pos - 1]);
	else
		seq_printf(m, "# lost %lu\n", records->lost);
	return 0;
}

static int stacks_show(struct seq_file *m, void *v)
{
	struct asi_fault_records *records = m->private;
	const struct asi_fault_record *record;
	loff_t pos = *(loff_t *)v;
	unsigned long i;

	if (!pos || pos > records->nr)
		return 0;
	record = &records->record[pos - 1];
	if (!record->stack)
		return 0;

	show_record(m, record);
	for (i = 0; i < record->stack->nr; i++)
		seq_printf(m, "  %pB\n", (void *)record->stack->address[i]);
	return 0;
}

static const struct seq_operations faults_ops = {
	.start	= faults_start,
	.next	= faults_next,
	.stop	= faults_stop,
	.show	= faults_show,
};

static const struct seq_operations stacks_ops = {
	.start	= faults_start,
	.next	= faults_next,
	.stop	= faults_stop,
	.show	= stacks_show,
};

/* Whoever reads the file to its end reads one copy of the logs. */
static int open_records(struct inode *inode, struct file *file,
			const struct seq_operations *ops)
{
	struct asi_fault_records *records;
	int err;

	records = __seq_open_private(file, ops, sizeof(*records));
	if (!records)
		return -ENOMEM;
	if (!(file->f_mode & FMODE_READ))
		return 0;

	err = asi_faults_read(records, NULL);
	if (err)
		seq_release_private(inode, file);
	return err;
}

static int faults_open(struct inode *inode, struct file *file)
{
	return open_records(inode, file, &faults_ops);
}

static int stacks_open(struct inode *inode, struct file *file)
{
	return open_records(inode, file, &stacks_ops);
}

static int faults_release(struct inode *inode, struct file *file)
{
	struct seq_file *m = file->private_data;

	asi_faults_free(m->private);
	return seq_release_private(inode, file);
}

static ssize_t faults_write(struct file *file, const char __user *ubuf,
			    size_t count, loff_t *ppos)
{
	asi_faults_clear(-1);
	return count;
}

static const struct file_operations faults_fops = {
	.owner		= THIS_MODULE,
	.open		= faults_open,
	.read		= seq_read,
	.write		= faults_write,
	.llseek		= seq_lseek,
	.release	= faults_release,
};

static const struct file_operations stacks_fops = {
	.owner		= THIS_MODULE,
	.open		= stacks_open,
	.read		= seq_read,
	.write		= faults_write,
	.llseek		= seq_lseek,
	.release	= faults_release,
};

/* Make the files in @dir.  They name addresses, so they are for root alone. */
void __init asi_faults_debugfs_init(struct dentry *dir)
{
	debugfs_create_file("faults", 0600, dir, NULL, &faults_fops);
	if (static_key_enabled(&asi_fault_stacks_key))
		debugfs_create_file("fault_stacks", 0600, dir, NULL,
				    &stacks_fops);
}
