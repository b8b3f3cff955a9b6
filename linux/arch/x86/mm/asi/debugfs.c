// SPDX-License-Identifier: GPL-2.0
/*
 * Address space isolation: debugfs, for root.
 *
 *  domains	  the live domains, with the physical address of their page table
 *  stats_percpu  the counters, unsummed
 *  check	  compares the page tables of all live domains
 *  hole	  takes blocks of memory out of the restricted direct map
 *
 * Documentation/ABI/testing/debugfs-asi describes the files, and those that are made
 * elsewhere.
 */
#include <linux/cleanup.h>
#include <linux/ctype.h>
#include <linux/debugfs.h>
#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/list.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <asm/pgtable.h>

#include "faultlog.h"
#include "internal.h"
#include "map.h"

/* The next thread group with a pid of at least @nr, referenced; or NULL. */
static struct task_struct *next_process(int nr)
{
	struct task_struct *task = NULL;
	struct pid *pid;

	rcu_read_lock();
	while (!task) {
		pid = find_ge_pid(nr, &init_pid_ns);
		if (!pid)
			break;
		nr = pid_nr(pid) + 1;
		task = pid_task(pid, PIDTYPE_TGID);
	}
	if (task)
		get_task_struct(task);
	rcu_read_unlock();
	return task;
}

/* The mm of a process, referenced, even if its first thread is gone; or NULL. */
struct mm_struct *asi_process_mm(struct task_struct *task)
{
	struct mm_struct *mm = NULL;
	struct task_struct *t;

	rcu_read_lock();
	for_each_thread(task, t) {
		mm = get_task_mm(t);
		if (mm)
			break;
	}
	rcu_read_unlock();
	return mm;
}
EXPORT_SYMBOL_NS_GPL(asi_process_mm, ASI_DEV);

/* Call @func for each process that has an mm, until it returns an error. */
static int for_each_mm(int (*func)(struct task_struct *task,
				   struct mm_struct *mm, void *data),
		       void *data)
{
	struct task_struct *task;
	struct mm_struct *mm;
	int nr = 1, err = 0;

	while (!err && (task = next_process(nr))) {
		nr = task_tgid_nr(task) + 1;
		mm = asi_process_mm(task);
		if (mm) {
			err = func(task, mm, data);
			mmput(mm);
		}
		put_task_struct(task);
		cond_resched();
	}
	return err;
}

/* The command of a process as one word; @buf has TASK_COMM_LEN bytes. */
void asi_get_comm(char *buf, struct task_struct *task)
{
	char *c;

	__get_task_comm(buf, TASK_COMM_LEN, task);
	for (c = buf; *c; c++) {
		if (!isgraph(*c))
			*c = '_';
	}
}

static int show_domains(struct task_struct *task, struct mm_struct *mm,
			void *data)
{
	struct seq_file *m = data;
	char comm[TASK_COMM_LEN];
	int i;

	asi_get_comm(comm, task);
	for (i = 0; i < ASI_MAX_NUM; i++) {
		struct asi *asi = &mm->context.asi.domain[i];
		/* Pairs with asi_pgd_alloc(): complete, or not there. */
		pgd_t *pgd = smp_load_acquire(&asi->pgd);

		if (pgd)
			seq_printf(m, "%d %s %s 0x%lx\n", task_tgid_nr(task),
				   comm, asi->class->name, __pa(pgd));
	}
	return 0;
}

static int domains_show(struct seq_file *m, void *v)
{
	seq_puts(m, "# pid comm class pgd_phys\n");
	return for_each_mm(show_domains, m);
}
DEFINE_SHOW_ATTRIBUTE(domains);

static int stats_percpu_show(struct seq_file *m, void *v)
{
	int cpu, i, c;

	seq_puts(m, "# cpu class counter value\n");
	for_each_possible_cpu(cpu) {
		struct asi_stats *stats = per_cpu_ptr(&asi_stats, cpu);

		for (i = 0; i < ASI_MAX_NUM; i++) {
			for (c = 0; c < ASI_NR_COUNTERS; c++) {
				u64 value = READ_ONCE(stats->count[i][c]);

				if (value && asi_class_valid(i))
					seq_printf(m, "%d %s %s %llu\n", cpu,
						   asi_classes[i].name,
						   asi_counter_names[c], value);
			}
		}
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats_percpu);

struct check_sum {
	struct asi_check sum;
	unsigned long domains;
	int pid;
};

static int check_mm(struct task_struct *task, struct mm_struct *mm, void *data)
{
	struct check_sum *check = data;
	struct asi_check one;
	int i;

	if (mmap_write_lock_killable(mm))
		return -EINTR;

	for (i = 0; i < ASI_MAX_NUM; i++) {
		struct asi *asi = &mm->context.asi.domain[i];

		if (!asi->pgd)
			continue;
		asi_check_domain(asi, &one);
		check->domains++;
		check->sum.leaves += one.leaves;
		check->sum.holes += one.holes;
		check->sum.global += one.global;
		if (one.broken && !check->sum.broken) {
			check->pid = task_tgid_nr(task);
			check->sum.bad = one.bad;
		}
		check->sum.broken += one.broken;
	}

	mmap_write_unlock(mm);
	return 0;
}

static int check_show(struct seq_file *m, void *v)
{
	struct check_sum check = {};
	int err;

	/* Memory that goes away takes the kernel's tables along. */
	get_online_mems();
	err = for_each_mm(check_mm, &check);
	put_online_mems();
	if (err)
		return err;

	if (check.sum.broken)
		seq_printf(m, "broken: %lu entries, first at 0x%lx of pid %d\n",
			   check.sum.broken, check.sum.bad, check.pid);
	else
		seq_puts(m, "ok\n");
	seq_printf(m, "domains %lu\nleaves %lu\nholes %lu\nglobal %lu\n",
		   check.domains, check.sum.leaves, check.sum.holes,
		   check.sum.global);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(check);

/**
 * struct hole - a block of memory hidden by hand
 * @list:  In holes, under hole_lock.
 * @id:    Number for people.
 * @block: The memory, PMD_SIZE.
 */
struct hole {
	struct list_head list;
	unsigned int id;
	u64 *block;
};

#define HOLE_MAGIC	0x6173692d686f6c65ULL
#define HOLE_WORDS	(PMD_SIZE / sizeof(u64))
#define HOLE_ORDER	(PMD_SHIFT - PAGE_SHIFT)
#define HOLES_MAX	64

static LIST_HEAD(holes);
static unsigned int nr_holes, last_hole_id;
static DEFINE_MUTEX(hole_lock);

static u64 hole_word(const struct hole *hole, unsigned long i)
{
	return HOLE_MAGIC + ((u64)hole->id << 32) + i;
}

static struct hole *find_hole(unsigned int id)
{
	struct hole *hole;

	list_for_each_entry(hole, &holes, list) {
		if (hole->id == id)
			return hole;
	}
	return NULL;
}

static int hole_add(void)
{
	struct hole *hole;
	unsigned long i;
	int err = -ENOMEM;

	if (nr_holes >= HOLES_MAX)
		return -ENOSPC;

	hole = kzalloc(sizeof(*hole), GFP_KERNEL);
	if (!hole)
		return -ENOMEM;

	hole->block = (u64 *)__get_free_pages(GFP_KERNEL | __GFP_NOWARN,
					      HOLE_ORDER);
	if (!hole->block)
		goto err_hole;

	hole->id = ++last_hole_id;
	for (i = 0; i < HOLE_WORDS; i++)
		hole->block[i] = hole_word(hole, i);

	err = asi_directmap_hide((unsigned long)hole->block);
	if (err)
		goto err_block;

	list_add_tail(&hole->list, &holes);
	nr_holes++;
	return 0;

err_block:
	free_pages((unsigned long)hole->block, HOLE_ORDER);
err_hole:
	kfree(hole);
	return err;
}

static int hole_del(unsigned int id)
{
	struct hole *hole = find_hole(id);

	if (!hole)
		return -ENOENT;

	list_del(&hole->list);
	nr_holes--;
	/* Before it is in reach again. */
	memset(hole->block, 0, PMD_SIZE);
	asi_directmap_show((unsigned long)hole->block);
	free_pages((unsigned long)hole->block, HOLE_ORDER);
	kfree(hole);
	return 0;
}

/* Read a block as any kernel code would, which leaves the domain if in one. */
static int hole_read(unsigned int id)
{
	struct hole *hole = find_hole(id);
	unsigned long i;

	if (!hole)
		return -ENOENT;

	for (i = 0; i < HOLE_WORDS; i++) {
		if (READ_ONCE(hole->block[i]) != hole_word(hole, i))
			return -EIO;
	}
	return 0;
}

static bool walk_present(pgd_t *pgd, void *addr)
{
	int level;

	return asi_walk(pgd, (unsigned long)addr, &level) & _PAGE_PRESENT;
}

static int hole_show(struct seq_file *m, void *v)
{
	struct mm_struct *mm = current->mm;
	struct hole *hole;
	pgd_t *pgd = NULL;
	int i;

	for (i = 0; i < ASI_MAX_NUM && !pgd; i++)
		pgd = mm->context.asi.domain[i].pgd;

	guard(mutex)(&hole_lock);
	list_for_each_entry(hole, &holes, list)
		seq_printf(m, "%u phys=0x%lx virt=0x%px restricted=%d unrestricted=%d magic=0x%llx\n",
			   hole->id, __pa(hole->block), hole->block,
			   pgd ? walk_present(pgd, hole->block) :
				 asi_directmap_present((unsigned long)hole->block),
			   walk_present(mm->pgd, hole->block),
			   hole_word(hole, 0));
	return 0;
}

static int hole_open(struct inode *inode, struct file *file)
{
	return single_open(file, hole_show, NULL);
}

static ssize_t hole_write(struct file *file, const char __user *ubuf,
			  size_t count, loff_t *ppos)
{
	char buf[32] = {};
	unsigned int id;
	int err = -EINVAL;
	char *cmd;
	char end;

	if (count >= sizeof(buf))
		return -EINVAL;
	if (copy_from_user(buf, ubuf, count))
		return -EFAULT;
	cmd = strim(buf);

	guard(mutex)(&hole_lock);
	if (!strcmp(cmd, "add"))
		err = hole_add();
	else if (sscanf(cmd, "del %u%c", &id, &end) == 1)
		err = hole_del(id);
	else if (sscanf(cmd, "read %u%c", &id, &end) == 1)
		err = hole_read(id);

	return err ?: count;
}

static const struct file_operations hole_fops = {
	.owner		= THIS_MODULE,
	.open		= hole_open,
	.read		= seq_read,
	.write		= hole_write,
	.llseek		= seq_lseek,
	.release	= single_release,
};

static int __init asi_debugfs_init(void)
{
	struct dentry *dir = debugfs_create_dir("asi", NULL);

	debugfs_create_file("domains", 0400, dir, NULL, &domains_fops);
	debugfs_create_file("stats_percpu", 0400, dir, NULL,
			    &stats_percpu_fops);
	debugfs_create_file("check", 0400, dir, NULL, &check_fops);
	debugfs_create_file("hole", 0600, dir, NULL, &hole_fops);
	asi_faults_debugfs_init(dir);
	asi_map_debugfs_init(dir);
	return 0;
}
late_initcall(asi_debugfs_init);
