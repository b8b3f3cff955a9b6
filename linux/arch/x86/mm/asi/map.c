// SPDX-License-Identifier: GPL-2.0
/*
 * Address space isolation: the address space of a process, and what its domain has
 * of it; the file map in debugfs.
 *
 * Both page tables are walked side by side.  Neither is held still: locks are held for
 * some hundred entries at a time, which keeps out mmap() and memory hotplug.  Tables
 * go away without these locks, too (huge pages, munmap() that has come to that), so
 * entries are read as memory that may not be there or may be something else by now.
 * The worst that happens is a line that is not true.
 */
#include <linux/asi.h>
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/mmzone.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <asm/fixmap.h>
#include <asm/pgtable.h>

#include "internal.h"
#include "map.h"

/* Places in the tables that are looked at with locks held. */
#define BATCH		512

/*
 * In order.  Where some are is known at boot only.  The stacks of espfix are left out:
 * a few pages are mapped there again and again, a hundred thousand times.
 */
static struct asi_map_region regions[] = {
	{ "user" },
	{ "ldt" },
	{ "direct" },
	{ "vmalloc" },
	{ "window" },
	{ "vmemmap" },
	{ "cpu-entry" },
	{ "efi" },
	{ "image" },
	{ "modules" },
	{ "fixmap" },
};

static void __init set_region(const char *name, unsigned long start,
			      unsigned long end)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(regions); i++) {
		if (strcmp(regions[i].name, name))
			continue;
		regions[i].start = start;
		regions[i].end = end;
	}
}

static void __init init_regions(void)
{
	unsigned long vmalloc_end = VMALLOC_END + 1;
	unsigned long window = vmalloc_end;

	if (asi_window_start() < asi_window_end())
		window = asi_window_start();

	set_region("user", 0, TASK_SIZE_MAX);
	set_region("ldt", LDT_BASE_ADDR, LDT_END_ADDR);
	set_region("direct", PAGE_OFFSET, VMALLOC_START);
	set_region("vmalloc", VMALLOC_START, window);
	set_region("window", window, vmalloc_end);
	set_region("vmemmap", VMEMMAP_START, VMEMMAP_START +
		   (sizeof(struct page) << (MAX_PHYSMEM_BITS - PAGE_SHIFT)));
	set_region("cpu-entry", CPU_ENTRY_AREA_BASE,
		   CPU_ENTRY_AREA_BASE + P4D_SIZE);
	set_region("efi", EFI_VA_END, EFI_VA_START);
	set_region("image", __START_KERNEL_map, MODULES_VADDR);
	set_region("modules", MODULES_VADDR, MODULES_END);
	set_region("fixmap", max(FIXADDR_TOT_START, MODULES_END), FIXADDR_TOP);
}

/* The region of @addr, or the next one behind it; NULL if there is none. */
static const struct asi_map_region *region_from(unsigned long addr)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(regions); i++) {
		if (addr < regions[i].end && regions[i].start < regions[i].end)
			return &regions[i];
	}
	return NULL;
}

/**
 * asi_map_region_name - the region of an address
 * @addr: Any address.
 *
 * Return: one word; "none" if it is in no region.
 */
const char *asi_map_region_name(unsigned long addr)
{
	const struct asi_map_region *region = region_from(addr);

	return region && addr >= region->start ? region->name : "none";
}

/* What @table, which may be gone, translates @addr with at @level; 0 for nothing. */
static unsigned long read_entry(unsigned long *table, unsigned long addr,
				int level)
{
	unsigned long entry;

	if (get_kernel_nofault(entry, &table[asi_level_index(addr, level)]))
		return 0;
	return entry & _PAGE_PRESENT ? entry : 0;
}

/* The table that @entry leads to, or NULL if it cannot be one. */
static unsigned long *table_of(unsigned long entry)
{
	return pfn_valid((entry & PTE_PFN_MASK) >> PAGE_SHIFT) ?
		__va(entry & PTE_PFN_MASK) : NULL;
}

/**
 * struct map_path - the way to an address through a page table
 * @entry:   By level, down to @level.
 * @level:   Where it ended.
 * @present: By a translation.
 * @rights:  As in struct asi_map_side, if @present.
 * @given:   Rights that the entries down to a level give, by level.
 */
struct map_path {
	unsigned long entry[6];
	unsigned long given[6];
	int level;
	bool present;
	unsigned long rights;
};

/* Rights that an entry gives: NX is one that it takes, so the other way round. */
static unsigned long rights_of(unsigned long entry)
{
	return (entry & (_PAGE_RW | _PAGE_USER | _PAGE_NX)) ^ _PAGE_NX;
}

/* Are the entries the same, but for what the hardware sets in one and not the other? */
static bool same_entry(unsigned long a, unsigned long b)
{
	return !((a ^ b) & ~(_PAGE_ACCESSED | _PAGE_DIRTY));
}

/* @other: where the same entry was seen already, and so all behind it; or NULL. */
static void walk(pgd_t *pgd, unsigned long addr, struct map_path *path,
		 const struct map_path *other)
{
	unsigned long *table = (unsigned long *)pgd;
	unsigned long rights = ~0UL, entry;
	int level;

	for (level = asi_top_level(); ; level--) {
		entry = table ? read_entry(table, addr, level) : 0;
		path->entry[level] = entry;
		rights &= rights_of(entry);
		path->given[level] = rights;
		if (other && level >= other->level &&
		    rights == other->given[level] &&
		    same_entry(entry, other->entry[level])) {
			path->level = other->level;
			path->present = other->present;
			path->entry[other->level] = other->entry[other->level];
			path->rights = other->rights;
			return;
		}
		if (!entry || level == 1 || (level < 4 && entry & _PAGE_PSE))
			break;
		table = table_of(entry);
	}
	path->level = level;
	path->present = entry;
	path->rights = (rights ^ _PAGE_NX) | (entry & _PAGE_GLOBAL);
}

static struct asi_map_side side_of(const struct map_path *path)
{
	if (!path->present)
		return (struct asi_map_side) {};
	return (struct asi_map_side) {
		.entry = path->entry[path->level],
		.rights = path->rights,
		.level = path->level,
	};
}

/* The frame of @addr. */
static unsigned long frame_of(const struct asi_map_side *side,
			      unsigned long addr)
{
	unsigned long in_leaf = asi_level_size(side->level) - 1;

	return ((side->entry & PTE_PFN_MASK & ~in_leaf) | (addr & in_leaf)) >>
	       PAGE_SHIFT;
}

/* Whether a translation is global is no right, and one of a domain never is. */
static bool sides_differ(const struct asi_map_run *run)
{
	return run->u.level && run->r.level &&
	       (frame_of(&run->u, run->start) != frame_of(&run->r, run->start) ||
		(run->u.rights ^ run->r.rights) & ~_PAGE_GLOBAL);
}

/* What @addr has in both, and how far neither has anything new to say. */
static void look_up(pgd_t *unrestricted, pgd_t *restricted, unsigned long addr,
		    struct asi_map_run *run)
{
	unsigned long last;
	struct map_path u, r;

	walk(unrestricted, addr, &u, NULL);
	walk(restricted, addr, &r, &u);
	/* May be the last address there is. */
	last = addr | (asi_level_size(min(u.level, r.level)) - 1);

	run->start = addr;
	run->end = min(last, run->region->end - 1) + 1;
	run->unrestricted = u.present;
	run->restricted = r.present;
	run->level = u.present ? u.level : r.present ? r.level : 0;
	run->u = side_of(&u);
	run->r = side_of(&r);
	run->differ = sides_differ(run);
}

static bool alike(const struct asi_map_run *a, const struct asi_map_run *b,
		  bool exact)
{
	if (a->level != b->level || a->unrestricted != b->unrestricted ||
	    a->restricted != b->restricted)
		return false;
	return !exact || (a->u.rights == b->u.rights &&
			  a->r.rights == b->r.rights &&
			  a->u.level == b->u.level &&
			  a->r.level == b->r.level && a->differ == b->differ);
}

/* Add to @run what follows it and is like it; true if there is no more of that. */
static bool extend(pgd_t *unrestricted, pgd_t *restricted,
		   struct asi_map_run *run, bool exact)
{
	struct asi_map_run next = { .region = run->region };
	int i;

	for (i = 0; i < BATCH; i++) {
		if (run->end == run->region->end)
			return true;
		look_up(unrestricted, restricted, run->end, &next);
		if (run->start == run->end)
			*run = next;
		else if (alike(run, &next, exact))
			run->end = next.end;
		else
			return true;
	}
	return false;
}

static int find(struct mm_struct *mm, pgd_t *unrestricted, pgd_t *restricted,
		unsigned long addr, struct asi_map_run *run, bool exact)
{
	bool done = false;

	run->region = region_from(addr);
	if (!run->region)
		return -ENOENT;
	run->start = max(addr, run->region->start);
	run->end = run->start;

	while (!done) {
		if (fatal_signal_pending(current))
			return -EINTR;
		get_online_mems();
		if (mmap_read_lock_killable(mm)) {
			put_online_mems();
			return -EINTR;
		}
		done = extend(unrestricted, restricted, run, exact);
		mmap_read_unlock(mm);
		put_online_mems();
		cond_resched();
	}
	return 0;
}

/**
 * asi_map_find - the run of an address
 * @mm:		  The mm, with users.
 * @unrestricted: Its topmost table.
 * @restricted:	  That of a domain of it.
 * @addr:	  Where the run begins, at the earliest.
 * @run:	  Filled in; begins later if @addr is in no region.
 *
 * Context: may sleep, takes mmap_lock.
 * Return: 0; -ENOENT if nothing follows; -EINTR when killed.
 */
int asi_map_find(struct mm_struct *mm, pgd_t *unrestricted, pgd_t *restricted,
		 unsigned long addr, struct asi_map_run *run)
{
	return find(mm, unrestricted, restricted, addr, run, false);
}

/**
 * asi_map_find_exact - the run of an address, with the same rights and levels all over
 * @mm:		  The mm, with users.
 * @unrestricted: Its topmost table.
 * @restricted:	  That of a domain of it.
 * @addr:	  Where the run begins, at the earliest.
 * @run:	  Filled in; begins later if @addr is in no region.
 *
 * Context and return: as asi_map_find().
 */
int asi_map_find_exact(struct mm_struct *mm, pgd_t *unrestricted,
		       pgd_t *restricted, unsigned long addr,
		       struct asi_map_run *run)
{
	return find(mm, unrestricted, restricted, addr, run, true);
}
EXPORT_SYMBOL_NS_GPL(asi_map_find_exact, ASI_DEV);

/**
 * struct question - what an open file is asked for
 * @asi:  The domain, whose mm has a reference; NULL before the first question.
 * @read: Between map_start() and map_stop(): the mm has a reference to its users.
 * @pid:  Of the process.
 * @comm: Its command, fit for a line.
 * @run:  The one that is shown.
 *
 * Under the lock of the seq_file.
 */
struct question {
	struct asi *asi;
	bool read;
	int pid;
	char comm[TASK_COMM_LEN];
	struct asi_map_run run;
};

/* Positions: the heading, the pages by number, the last line. */
#define POS_HEADING	0
#define POS_ADDRESS(a)	((loff_t)((a) >> PAGE_SHIFT) + 1)
#define POS_END		(POS_ADDRESS(~0UL) + 1)

static unsigned long pos_address(loff_t pos)
{
	return (unsigned long)(pos - 1) << PAGE_SHIFT;
}

/*
 * The line at *@pos, or if that is in no region the next one: @q for the heading, its
 * run, or its command for the end.
 */
static void *line_at(struct question *q, loff_t *pos)
{
	int err;

	if (*pos == POS_HEADING)
		return q;
	if (*pos < POS_END) {
		err = asi_map_find(q->asi->mm, q->asi->mm->pgd, q->asi->pgd,
				   pos_address(*pos), &q->run);
		if (!err)
			return &q->run;
		if (err != -ENOENT)
			return ERR_PTR(err);
		*pos = POS_END;
	}
	return *pos == POS_END ? q->comm : NULL;
}

static void *map_start(struct seq_file *m, loff_t *pos)
{
	struct question *q = m->private;

	if (!q->asi)
		return ERR_PTR(-EINVAL);
	/* An open file alone does not keep the memory of a process that has ended. */
	q->read = mmget_not_zero(q->asi->mm);
	return q->read ? line_at(q, pos) : ERR_PTR(-ESRCH);
}

static void *map_next(struct seq_file *m, void *v, loff_t *pos)
{
	struct question *q = m->private;

	if (v == q)
		*pos = POS_ADDRESS(0UL);
	else if (v == &q->run)
		*pos = POS_ADDRESS(q->run.end);
	else
		*pos = POS_END + 1;
	return line_at(q, pos);
}

static void map_stop(struct seq_file *m, void *v)
{
	struct question *q = m->private;

	if (q->read)
		mmput(q->asi->mm);
	q->read = false;
}

static int map_show(struct seq_file *m, void *v)
{
	static const char *const sizes[] = { "-", "4K", "2M", "1G" };
	struct question *q = m->private;
	struct asi_map_run *run = &q->run;

	if (v == q)
		seq_puts(m, "# start end level unrestricted restricted region\n");
	else if (v == run)
		seq_printf(m, "0x%lx 0x%lx %s %d %d %s\n", run->start, run->end,
			   sizes[run->level], run->unrestricted,
			   run->restricted, run->region->name);
	else
		seq_printf(m, "# domain %d %s %s\n", q->pid, q->comm,
			   q->asi->class->name);
	return 0;
}

static const struct seq_operations map_ops = {
	.start	= map_start,
	.next	= map_next,
	.stop	= map_stop,
	.show	= map_show,
};

static int map_open(struct inode *inode, struct file *file)
{
	return seq_open_private(file, &map_ops, sizeof(struct question));
}

static void forget(struct question *q)
{
	if (q->asi)
		mmdrop(q->asi->mm);
	q->asi = NULL;
}

/**
 * asi_find_domain - the domain of an mm for a class
 * @mm:	  The mm; the caller has a reference.
 * @name: Of the class; NULL for the first domain that there is.
 *
 * Return: the domain, complete, for as long as there is the mm; NULL if there is none.
 */
struct asi *asi_find_domain(struct mm_struct *mm, const char *name)
{
	int i;

	for (i = 0; i < ASI_MAX_NUM; i++) {
		struct asi *asi = &mm->context.asi.domain[i];

		/* Pairs with asi_pgd_alloc(): complete, or not there. */
		if (smp_load_acquire(&asi->pgd) &&
		    (!name || !strcmp(asi->class->name, name)))
			return asi;
	}
	return NULL;
}
EXPORT_SYMBOL_NS_GPL(asi_find_domain, ASI_DEV);

/* 0 or the error for who asks. */
static int ask(struct question *q, int pid, const char *class)
{
	struct task_struct *task;
	struct mm_struct *mm;

	rcu_read_lock();
	task = pid_task(find_pid_ns(pid, &init_pid_ns), PIDTYPE_TGID);
	if (task)
		get_task_struct(task);
	rcu_read_unlock();
	if (!task)
		return -ESRCH;

	asi_get_comm(q->comm, task);
	mm = asi_process_mm(task);
	put_task_struct(task);
	if (!mm)
		return -ESRCH;

	q->pid = pid;
	q->asi = asi_find_domain(mm, class);
	if (q->asi)
		mmgrab(mm);
	mmput(mm);
	return q->asi ? 0 : -ENOENT;
}

static ssize_t map_write(struct file *file, const char __user *ubuf,
			 size_t count, loff_t *ppos)
{
	struct seq_file *m = file->private_data;
	char buf[16 + ASI_CLASS_NAME_MAX] = {};
	char *class = buf, *word;
	int err, pid;

	if (count >= sizeof(buf))
		return -EINVAL;
	if (copy_from_user(buf, ubuf, count))
		return -EFAULT;

	class = strim(buf);
	word = strsep(&class, " ");
	if (kstrtoint(word, 10, &pid) || pid <= 0 || (class && !*class))
		return -EINVAL;

	mutex_lock(&m->lock);
	forget(m->private);
	err = ask(m->private, pid, class);
	mutex_unlock(&m->lock);
	return err ?: count;
}

static int map_release(struct inode *inode, struct file *file)
{
	struct seq_file *m = file->private_data;

	forget(m->private);
	return seq_release_private(inode, file);
}

static const struct file_operations map_fops = {
	.owner		= THIS_MODULE,
	.open		= map_open,
	.read		= seq_read,
	.write		= map_write,
	.llseek		= seq_lseek,
	.release	= map_release,
};

/* Make the file in @dir.  It shows addresses, so it is for root alone. */
void __init asi_map_debugfs_init(struct dentry *dir)
{
	init_regions();
	debugfs_create_file("map", 0600, dir, NULL, &map_fops);
}
