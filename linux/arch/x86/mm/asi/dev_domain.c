// SPDX-License-Identifier: GPL-2.0
/*
 * Address space isolation: the test domains of an open file of /dev/asi.
 *
 * They belong to an mm that has no user space and that only kernel threads of this
 * driver use.  So what a sequence does to a domain harms no process, and a caller that
 * is killed leaves nothing behind: the thread ends by itself, and the file is closed
 * after that.
 *
 * Two classes serve all files.  They take half of the slots that there are for classes,
 * so they are registered as long as some file has a domain of them.
 */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>

#include <asm/asi_dpt.h>

#include "dev.h"

/* Files that have domains.  Each takes some hundred KiB. */
#define MOST_FILES	64

static const struct {
	const char *name;
	struct asi_hooks ops;
} classes[ASI_NR_TABLES] = {
	[ASI_TABLE_NONSENSITIVE] = {
		.name = "test-plain",
		.ops.page_table = ASI_PGTABLE_NONSENSITIVE,
		.ops.pre_asi_exit = asi_dev_note_exit,
	},
	[ASI_TABLE_DECORATED] = {
		.name = "test-decorated",
		.ops.page_table = ASI_PGTABLE_DECORATED,
		.ops.pre_asi_exit = asi_dev_note_exit,
	},
};

/* For all of these. */
static DEFINE_MUTEX(class_lock);
static int class_index[ASI_NR_TABLES];
static unsigned int nr_files;
static u64 *hidden;

static void unregister_classes(unsigned int nr)
{
	while (nr--)
		asi_unregister_class(class_index[nr]);
}

static int register_classes(void)
{
	unsigned int i;

	for (i = 0; i < ASI_NR_TABLES; i++) {
		class_index[i] = asi_register_class(classes[i].name,
						    &classes[i].ops);
		if (class_index[i] < 0) {
			unregister_classes(i);
			return class_index[i];
		}
	}
	return 0;
}

/* What all files share is there, until put_classes(). */
static int get_classes(void)
{
	int err = 0;

	mutex_lock(&class_lock);
	if (nr_files >= MOST_FILES)
		err = -EUSERS;
	if (!err && !nr_files) {
		hidden = asi_dev_hide_block();
		err = hidden ? register_classes() : -ENOMEM;
		if (err && hidden)
			asi_dev_show_block(hidden);
	}
	if (!err)
		nr_files++;
	mutex_unlock(&class_lock);
	return err;
}

static void put_classes(void)
{
	mutex_lock(&class_lock);
	if (!--nr_files) {
		unregister_classes(ASI_NR_TABLES);
		asi_dev_show_block(hidden);
	}
	mutex_unlock(&class_lock);
}

/* A block of words, all the same, that test domains do not map unless it is granted. */
u64 *asi_dev_hidden(void)
{
	return hidden;
}

/**
 * struct call - a function that a thread calls
 * @file: The file.
 * @func: The function.
 * @arg:  Its argument.
 * @err:  What it returned.
 * @done: The thread is done with all of this.
 */
struct call {
	struct asi_dev_file *file;
	int (*func)(struct asi_dev_file *file, void *arg);
	void *arg;
	int err;
	struct completion done;
};

static int call_thread(void *data)
{
	struct call *call = data;

	kthread_use_mm(call->file->mm);
	call->err = call->func(call->file, call->arg);
	kthread_unuse_mm(call->file->mm);
	/* Not by returning: the module may be gone by then. */
	kthread_complete_and_exit(&call->done, 0);
}

/**
 * asi_dev_call - have a thread call a function in the mm of a file
 * @file: The file, locked; it has an mm.
 * @func: The function.
 * @arg:  Its argument.
 * @stop: Set to true if the caller was killed meanwhile; or NULL.
 *
 * Waits for it all the same, so it should end within seconds.
 *
 * Return: what the function returned, or the error of making the thread.
 */
int asi_dev_call(struct asi_dev_file *file,
		 int (*func)(struct asi_dev_file *file, void *arg), void *arg,
		 bool *stop)
{
	struct call call = { .file = file, .func = func, .arg = arg };
	struct task_struct *thread;

	init_completion(&call.done);
	thread = kthread_run(call_thread, &call, "asi_dev");
	if (IS_ERR(thread))
		return PTR_ERR(thread);

	if (wait_for_completion_killable(&call.done)) {
		if (stop)
			WRITE_ONCE(*stop, true);
		wait_for_completion(&call.done);
	}
	return call.err;
}

/* What the driver itself touches in a decorated domain. */
static int grant_driver(struct asi *asi)
{
	int err = asi_dev_map_apic(asi->dpt);

	if (!err && IS_MODULE(CONFIG_ASI_DEV))
		err = asi_dpt_map_module(asi->dpt, THIS_MODULE);
	return err;
}

static int init_domain(struct asi_dev_file *file, void *arg)
{
	unsigned int table = *(unsigned int *)arg;
	struct asi *asi;
	int err;

	err = asi_init(file->mm, class_index[table], &asi);
	if (err)
		return err;
	if (asi->dpt && asi->dpt != file->dpt) {
		err = grant_driver(asi);
		if (err) {
			asi_destroy(asi);
			return err;
		}
		file->dpt = asi->dpt;
	}
	file->test[table] = asi;
	return 0;
}

static int init_mm_of(struct asi_dev_file *file)
{
	int err;

	if (file->mm)
		return 0;
	err = get_classes();
	if (err)
		return err;
	file->mm = asi_dev_mm_alloc();
	if (!file->mm) {
		put_classes();
		return -ENOMEM;
	}
	return 0;
}

/**
 * asi_dev_test_domain - see to it that a file has a test domain
 * @file:  The file, locked.
 * @table: ASI_TABLE_*.
 *
 * Context: process context, may sleep.
 * Return: 0; -EOPNOTSUPP while ASI is off; -EUSERS if too many files have domains;
 * -ENOSPC if there are too many classes; -ENOMEM; -EINTR when killed.
 */
int asi_dev_test_domain(struct asi_dev_file *file, unsigned int table)
{
	int err;

	if (asi_dev_off_reason())
		return -EOPNOTSUPP;
	if (file->test[table])
		return 0;
	err = init_mm_of(file);
	return err ?: asi_dev_call(file, init_domain, &table, NULL);
}

/**
 * asi_dev_close_domains - give up the test domains of a file
 * @file: The file, which nobody else uses any more; its grants are taken back.
 *
 * Context: process context, may sleep.
 */
void asi_dev_close_domains(struct asi_dev_file *file)
{
	unsigned int i;

	if (!file->mm)
		return;
	/* Now, as some CPU may keep the mm for a while. */
	if (IS_MODULE(CONFIG_ASI_DEV) && file->dpt)
		asi_dpt_unmap_module(file->dpt, THIS_MODULE);
	for (i = 0; i < ASI_NR_TABLES; i++)
		asi_destroy(file->test[i]);
	mmput(file->mm);
	put_classes();
}
