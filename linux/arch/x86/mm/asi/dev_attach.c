// SPDX-License-Identifier: GPL-2.0
/*
 * Address space isolation: /dev/asi and a live domain, or one of a file's own: faults
 * and mappings.
 *
 * An open file that is attached keeps the mm, and so the domain with its page table, but
 * not the memory of the process: like that of /proc/PID/mem, it is of no use when the
 * process is gone, and does not keep it.
 */
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <asm/pgtable.h>

#include "dev.h"
#include "map.h"

/* Runs of the map that a call looks at. */
#define MOST_RUNS	4096

/**
 * asi_dev_target - the domain that an ioctl is about
 * @file:   The file, locked.
 * @domain: ASI_DOMAIN_*.
 * @target: Filled in, for asi_dev_target_put().
 *
 * Return: 0; -ENOTCONN if the file is not attached; -ESRCH if the process is gone;
 * errors of asi_dev_test_domain().
 */
int asi_dev_target(struct asi_dev_file *file, u32 domain,
		   struct asi_dev_target *target)
{
	unsigned int table = domain == ASI_DOMAIN_TEST_DECORATED ?
			     ASI_TABLE_DECORATED : ASI_TABLE_NONSENSITIVE;
	int err;

	target->users = domain == ASI_DOMAIN_ATTACHED;
	if (!target->users) {
		err = asi_dev_test_domain(file, table);
		target->asi = file->test[table];
		return err;
	}

	target->asi = file->attached;
	if (!target->asi)
		return -ENOTCONN;
	return mmget_not_zero(target->asi->mm) ? 0 : -ESRCH;
}

/* Let go of what a successful asi_dev_target() has. */
void asi_dev_target_put(struct asi_dev_target *target)
{
	if (target->users)
		mmput(target->asi->mm);
}

/* The mm of a process that the caller can see, with a reference to its users. */
static struct mm_struct *mm_of(pid_t nr)
{
	struct mm_struct *mm;
	struct task_struct *task;
	struct pid *pid;

	pid = find_get_pid(nr);
	task = get_pid_task(pid, PIDTYPE_TGID);
	put_pid(pid);
	if (!task)
		return NULL;
	mm = asi_process_mm(task);
	put_task_struct(task);
	return mm;
}

/**
 * asi_dev_attach - ASI_IOC_ATTACH
 * @file: The file, locked.
 * @arg:  Checked.
 *
 * Return: 0; -EBUSY if it is attached; -ESRCH without such a process; -ENOENT if that
 * has no domain of the class; -EUSERS if too many domains are attached to.
 */
int asi_dev_attach(struct asi_dev_file *file, const struct asi_ioc_attach *arg)
{
	struct mm_struct *mm;
	struct asi *asi;
	int err;

	if (file->attached)
		return -EBUSY;
	mm = mm_of(arg->pid);
	if (!mm)
		return -ESRCH;

	asi = asi_find_domain(mm, arg->class);
	err = asi ? asi_faults_watch(asi) : -ENOENT;
	if (!err) {
		mmgrab(mm);
		file->attached = asi;
	}
	mmput(mm);
	return err;
}

/**
 * asi_dev_detach - ASI_IOC_DETACH, also when the file is closed
 * @file: The file, locked.
 *
 * What it has granted to the domain is taken back.
 *
 * Return: 0; -ENOTCONN if it is not attached.
 */
int asi_dev_detach(struct asi_dev_file *file)
{
	struct asi *asi = file->attached;

	if (!asi)
		return -ENOTCONN;
	asi_dev_revoke_all(asi, &file->live);
	asi_faults_unwatch(asi);
	file->attached = NULL;
	mmdrop(asi->mm);
	return 0;
}

static u32 phase_of(const struct asi_fault_record *record)
{
	switch (asi_fault_phase(record->key)) {
	case ASI_FAULT_TENSE:
		return ASI_PHASE_TENSE;
	case ASI_FAULT_INTERRUPT:
		return ASI_PHASE_INTERRUPT;
	default:
		return ASI_PHASE_RELAXED;
	}
}

static int put_fault(struct asi_ioc_fault __user *to,
		     const struct asi_fault_record *record)
{
	struct asi_ioc_fault out = {
		.ip = record->ip,
		.page = record->key & PAGE_MASK,
		.count = record->count,
		.phase = phase_of(record),
	};
	char symbol[ASI_FAULT_SYMBOL_LEN];

	strscpy(out.memory, asi_fault_memory_names[record->memory]);
	strscpy(out.symbol, asi_fault_symbol(symbol, record->ip));
	if (out.page)
		asi_dev_object_name(out.object, sizeof(out.object), out.page);
	return copy_to_user(to, &out, sizeof(out)) ? -EFAULT : 0;
}

static int put_faults(const struct asi_fault_records *records, int index,
		      struct asi_ioc_faults *arg)
{
	struct asi_ioc_fault __user *to = u64_to_user_ptr(arg->faults);
	unsigned int i;
	int err;

	arg->lost = records->lost;
	for (i = 0; i < records->nr; i++) {
		if (asi_fault_whose(records->record[i].key) != index)
			continue;
		arg->total++;
		if (arg->nr == arg->max)
			continue;
		err = put_fault(&to[arg->nr], &records->record[i]);
		if (err)
			return err;
		arg->nr++;
	}
	return 0;
}

/**
 * asi_dev_faults - ASI_IOC_FAULTS
 * @file: The file, locked.
 * @arg:  Checked; filled in.
 *
 * Return: 0; -EFAULT; -ENOMEM; errors of asi_dev_target().
 */
int asi_dev_faults(struct asi_dev_file *file, struct asi_ioc_faults *arg)
{
	struct asi_fault_records records;
	struct asi_dev_target target;
	int err;

	err = asi_dev_target(file, arg->domain, &target);
	if (err)
		return err;
	err = asi_faults_read(&records, target.users ? target.asi : NULL);
	if (!err) {
		err = put_faults(&records, target.asi->index, arg);
		asi_faults_free(&records);
	}
	asi_dev_target_put(&target);
	return err;
}

/**
 * asi_dev_clear - ASI_IOC_CLEAR_FAULTS
 * @file: The file, locked.
 * @arg:  Checked.
 *
 * Return: 0; errors of asi_dev_target().
 */
int asi_dev_clear(struct asi_dev_file *file, const struct asi_ioc_clear *arg)
{
	struct asi_dev_target target;
	int err = asi_dev_target(file, arg->domain, &target);

	if (!err) {
		asi_faults_clear(asi_fault_watch_of(target.asi));
		asi_dev_target_put(&target);
	}
	return err;
}

static u32 rights_of(const struct asi_map_side *side)
{
	if (!side->level)
		return 0;
	return ASI_RIGHT_PRESENT |
	       (side->rights & _PAGE_RW ? ASI_RIGHT_WRITE : 0) |
	       (side->rights & _PAGE_NX ? 0 : ASI_RIGHT_EXEC) |
	       (side->rights & _PAGE_USER ? ASI_RIGHT_USER : 0) |
	       (side->rights & _PAGE_GLOBAL ? ASI_RIGHT_GLOBAL : 0);
}

static u32 mapped_by(const struct asi_map_run *run)
{
	if (run->differ)
		return ASI_MAPPED_DIFFERENT;
	if (run->unrestricted)
		return run->restricted ? ASI_MAPPED_BOTH :
					 ASI_MAPPED_UNRESTRICTED;
	return run->restricted ? ASI_MAPPED_RESTRICTED : ASI_MAPPED_NEITHER;
}

static bool wanted(u32 mapped, u32 flags)
{
	if (mapped == ASI_MAPPED_NEITHER)
		return !flags;
	return mapped != ASI_MAPPED_BOTH || !(flags & ASI_MAPPINGS_DIFFERENT);
}

static int put_mapping(struct asi_ioc_mapping __user *to,
		       const struct asi_map_run *run)
{
	struct asi_ioc_mapping out = {
		.start = run->start,
		.end = run->end,
		.mapped = mapped_by(run),
		.level = run->level,
		.unrestricted = rights_of(&run->u),
		.restricted = rights_of(&run->r),
		.unrestricted_level = run->u.level,
		.restricted_level = run->r.level,
	};

	strscpy(out.region, run->region->name);
	return copy_to_user(to, &out, sizeof(out)) ? -EFAULT : 0;
}

static int put_mappings(struct asi *asi, struct asi_ioc_mappings *arg)
{
	struct asi_ioc_mapping __user *to = u64_to_user_ptr(arg->mappings);
	struct asi_map_run run;
	int i, err;

	for (i = 0; i < MOST_RUNS && arg->nr < arg->max; i++) {
		err = asi_map_find_exact(asi->mm, asi->mm->pgd, asi->pgd,
					 arg->start & PAGE_MASK, &run);
		if (err == -ENOENT) {
			arg->done = 1;
			return 0;
		}
		if (err)
			return err;
		arg->start = run.end;
		if (!wanted(mapped_by(&run), arg->flags))
			continue;
		err = put_mapping(&to[arg->nr], &run);
		if (err)
			return err;
		arg->nr++;
	}
	return 0;
}

/**
 * asi_dev_mappings - ASI_IOC_MAPPINGS
 * @file: The file, locked.
 * @arg:  Checked; filled in.
 *
 * Return: 0; -EFAULT; -EINTR when killed; errors of asi_dev_target().
 */
int asi_dev_mappings(struct asi_dev_file *file, struct asi_ioc_mappings *arg)
{
	struct asi_dev_target target;
	int err = asi_dev_target(file, arg->domain, &target);

	if (!err) {
		err = put_mappings(target.asi, arg);
		asi_dev_target_put(&target);
	}
	return err;
}
