// SPDX-License-Identifier: GPL-2.0
/*
 * Address space isolation: grants by /dev/asi.
 *
 * To its decorated test domain a file may grant what it likes: only kernel threads of
 * this driver run there.  A grant to a live domain takes something of what isolates a
 * process or a guest, so it has to be allowed at boot, by asi_debug_grant.
 *
 * A file remembers what it has granted, takes back nothing else, and all of that when it
 * is closed.
 */
#define pr_fmt(fmt) "asi: " fmt

#include <linux/errno.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/panic.h>
#include <linux/printk.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <asm/asi_dpt.h>

#include "dev.h"

/**
 * struct granted - what a file has granted
 * @list: In the list of the domain.
 * @kind: ASI_GRANT_*.
 * @addr: Where it is; of a per-CPU variable, the per-CPU address.
 * @len:  In bytes; 0 for a module.
 * @mod:  The module that it is, or that has it, which the grant keeps.
 * @name: As it was given.
 */
struct granted {
	struct list_head list;
	u32 kind;
	unsigned long addr;
	size_t len;
	struct module *mod;
	char name[ASI_LEN_SYMBOL];
};

/* Where it is that is to be granted. */
static int resolve(const struct asi_ioc_grant *arg, struct granted *g)
{
	g->kind = arg->kind;
	g->len = arg->length;
	strscpy(g->name, arg->name);

	switch (arg->kind) {
	case ASI_GRANT_SYMBOL:
		return asi_dev_find_symbol(arg->name, &g->addr, &g->len,
					   &g->mod);
	case ASI_GRANT_PERCPU:
		return asi_dev_find_percpu(arg->name, &g->addr, g->len);
	case ASI_GRANT_MODULE:
		g->mod = asi_dev_get_module(arg->name);
		return g->mod ? 0 : -ENOENT;
	default:
		g->addr = arg->address;
		return 0;
	}
}

/* The pages that hold a range, for a page table that has grants of pages only. */
static void pages_of(const struct granted *g, unsigned long *start, size_t *len)
{
	*start = g->addr & PAGE_MASK;
	*len = PAGE_ALIGN(g->addr + g->len) - *start;
}

static int map_plain(struct asi *asi, const struct granted *g)
{
	unsigned long start;
	size_t len;

	if (g->kind == ASI_GRANT_PERCPU || g->kind == ASI_GRANT_MODULE)
		return -EOPNOTSUPP;
	if ((long)g->addr >= 0 || g->addr + g->len < g->addr)
		return -EINVAL;
	pages_of(g, &start, &len);
	/* As asi_dpt_map(): what takes long holds up other grants. */
	if (len > SZ_1G)
		return -E2BIG;
	return asi_dev_map_range(asi, (void *)start, len);
}

static int map(struct asi *asi, const struct granted *g)
{
	struct asi_dpt *dpt = asi_dpt_of(asi);

	if (!dpt)
		return map_plain(asi, g);
	switch (g->kind) {
	case ASI_GRANT_PERCPU:
		return asi_dpt_map_percpu(dpt, (void __percpu __force *)g->addr,
					  g->len);
	case ASI_GRANT_MODULE:
		return asi_dpt_map_module(dpt, g->mod);
	default:
		return asi_dev_map_range(asi, (void *)g->addr, g->len);
	}
}

static void unmap(struct asi *asi, const struct granted *g)
{
	struct asi_dpt *dpt = asi_dpt_of(asi);
	unsigned long start;
	size_t len;

	if (!dpt) {
		pages_of(g, &start, &len);
		asi_unmap(asi, (void *)start, len);
	} else if (g->kind == ASI_GRANT_PERCPU) {
		asi_dpt_unmap_percpu(dpt, (void __percpu __force *)g->addr,
				     g->len);
	} else if (g->kind == ASI_GRANT_MODULE) {
		asi_dpt_unmap_module(dpt, g->mod);
	} else {
		asi_dpt_unmap(dpt, (void *)g->addr, g->len);
	}
}

static struct asi_dev_grants *grants_of(struct asi_dev_file *file, u32 domain)
{
	return domain == ASI_DOMAIN_ATTACHED ? &file->live : &file->granted;
}

/* The domain, if it may be granted something. */
static int grant_target(struct asi_dev_file *file, u32 domain,
			struct asi_dev_target *target)
{
	if (domain == ASI_DOMAIN_ATTACHED && !asi_dev_grant_live)
		return -EPERM;
	return asi_dev_target(file, domain, target);
}

/* Resolve, map, and remember it. */
static int add_grant(struct asi *asi, struct asi_dev_grants *grants,
		     struct granted *g, const struct asi_ioc_grant *arg)
{
	int err = resolve(arg, g);

	if (err)
		return err;
	err = map(asi, g);
	if (err) {
		module_put(g->mod);
		return err;
	}
	list_add_tail(&g->list, &grants->list);
	grants->nr++;
	return 0;
}

/* What is said of a grant to who made it. */
static void answer(struct asi_ioc_grant *arg, const struct granted *g)
{
	arg->address = g->addr;
	arg->length = g->len;
}

/* Nobody shall take this kernel for one that isolates as it should, ever again. */
static void note_live_grant(void)
{
	pr_warn_once("memory was granted to a live domain, and is not hidden there\n");
	add_taint(TAINT_USER, LOCKDEP_STILL_OK);
}

/**
 * asi_dev_grant - ASI_IOC_GRANT
 * @file: The file, locked.
 * @arg:  Checked; filled in.
 *
 * Return: 0; -EPERM for a live domain without asi_debug_grant; -ENOSPC if there are
 * ASI_DEV_GRANTS; -ENOENT without such an object; errors of asi_dpt_map() and
 * asi_map(); errors of asi_dev_target().
 */
int asi_dev_grant(struct asi_dev_file *file, struct asi_ioc_grant *arg)
{
	struct asi_dev_grants *grants = grants_of(file, arg->domain);
	struct asi_dev_target target;
	struct granted *g;
	int err;

	err = grant_target(file, arg->domain, &target);
	if (err)
		return err;
	err = -ENOSPC;
	if (grants->nr >= ASI_DEV_GRANTS)
		goto out;
	err = -ENOMEM;
	g = kzalloc(sizeof(*g), GFP_KERNEL_ACCOUNT);
	if (!g)
		goto out;
	err = add_grant(target.asi, grants, g, arg);
	if (err) {
		kfree(g);
		goto out;
	}
	answer(arg, g);
	if (target.users)
		note_live_grant();
out:
	asi_dev_target_put(&target);
	return err;
}

/* The oldest that was granted by such an argument. */
static struct granted *find_grant(struct asi_dev_grants *grants,
				  const struct asi_ioc_grant *arg)
{
	struct granted *g;

	list_for_each_entry(g, &grants->list, list) {
		if (g->kind != arg->kind || strcmp(g->name, arg->name))
			continue;
		if (g->kind == ASI_GRANT_ADDRESS && g->addr != arg->address)
			continue;
		if (!arg->length || g->len == arg->length)
			return g;
	}
	return NULL;
}

static void end_grant(struct asi *asi, struct asi_dev_grants *grants,
		      struct granted *g)
{
	unmap(asi, g);
	module_put(g->mod);
	list_del(&g->list);
	grants->nr--;
	kfree(g);
}

/**
 * asi_dev_revoke - ASI_IOC_REVOKE
 * @file: The file, locked.
 * @arg:  Checked; filled in.
 *
 * Return: 0; -ENOENT if the file has made no such grant; else as asi_dev_grant().
 */
int asi_dev_revoke(struct asi_dev_file *file, struct asi_ioc_grant *arg)
{
	struct asi_dev_grants *grants = grants_of(file, arg->domain);
	struct asi_dev_target target;
	struct granted *g;
	int err;

	err = grant_target(file, arg->domain, &target);
	if (err)
		return err;
	g = find_grant(grants, arg);
	if (g) {
		answer(arg, g);
		end_grant(target.asi, grants, g);
	}
	asi_dev_target_put(&target);
	return g ? 0 : -ENOENT;
}

/**
 * asi_dev_revoke_all - take back all that a file has granted to a domain
 * @asi:    The domain; a reference to its mm is held.
 * @grants: The grants.
 *
 * Context: may sleep.
 */
void asi_dev_revoke_all(struct asi *asi, struct asi_dev_grants *grants)
{
	struct granted *g, *next;

	list_for_each_entry_safe(g, next, &grants->list, list)
		end_grant(asi, grants, g);
}

/* An entry of a list, for what the file has granted. */
static void show_granted(const struct granted *g, struct asi_ioc_granted *out)
{
	out->kind = g->kind;
	out->flags = ASI_GRANTED_BY_FILE;
	strscpy(out->name, g->name);
}

/* Is it what @g has in the list of the page table? */
static bool is_same(const struct granted *g, const struct asi_dpt_grant *of)
{
	switch (g->kind) {
	case ASI_GRANT_MODULE:
		return of->kind == ASI_DPT_MODULE &&
		       of->addr == (unsigned long)g->mod;
	case ASI_GRANT_PERCPU:
		return of->kind == ASI_DPT_PERCPU && of->addr == g->addr &&
		       of->len == g->len;
	default:
		return of->kind == ASI_DPT_RANGE && of->addr == g->addr &&
		       of->len == g->len;
	}
}

static const struct granted *find_same(const struct asi_dev_grants *grants,
				       const struct asi_dpt_grant *of)
{
	const struct granted *g;

	list_for_each_entry(g, &grants->list, list) {
		if (is_same(g, of))
			return g;
	}
	return NULL;
}

static void show_dpt_grant(const struct asi_dpt_grant *of,
			   const struct granted *g, struct asi_ioc_granted *out)
{
	static const u32 kinds[] = {
		[ASI_DPT_RANGE]	 = ASI_GRANT_ADDRESS,
		[ASI_DPT_PERCPU] = ASI_GRANT_PERCPU,
		[ASI_DPT_MODULE] = ASI_GRANT_MODULE,
		[ASI_DPT_TASK]	 = ASI_GRANT_TASK,
	};
	unsigned int i;

	out->kind = kinds[of->kind];
	out->address = of->kind == ASI_DPT_MODULE ? 0 : of->addr;
	out->length = of->len;
	for (i = 0; i < of->nr; i++)
		out->pages += (of->range[i].last + 1 - of->range[i].start) /
			      PAGE_SIZE;
	if (g)
		show_granted(g, out);
	else if (of->kind == ASI_DPT_MODULE)
		strscpy(out->name, module_name((struct module *)of->addr));
}

/*
 * Say what is there that was granted without a name.  Not while the page table is
 * locked: grants keep memory hotplug off and wait for that lock.
 */
static void name_ranges(const struct asi_ioc_grants *arg,
			struct asi_ioc_granted *out)
{
	unsigned int i;

	for (i = 0; i < arg->nr; i++) {
		if (out[i].kind == ASI_GRANT_ADDRESS && !*out[i].name)
			asi_dev_object_name(out[i].name, sizeof(out[i].name),
					    out[i].address);
	}
}

/* List the grants of a decorated page table into @out, which has room for @arg->max. */
static void list_dpt(struct asi_dpt *dpt, const struct asi_dev_grants *grants,
		     struct asi_ioc_grants *arg, struct asi_ioc_granted *out)
{
	const struct asi_dpt_grant *g;
	loff_t pos = 0;

	for (g = asi_dpt_list_start(dpt, 0); g; g = asi_dpt_list_next(dpt, g, &pos)) {
		if (arg->total++ >= arg->first && arg->nr < arg->max)
			show_dpt_grant(g, find_same(grants, g),
				       &out[arg->nr++]);
	}
	asi_dpt_list_stop(dpt);
}

static void list_plain(const struct asi_dev_grants *grants,
		       struct asi_ioc_grants *arg, struct asi_ioc_granted *out)
{
	const struct granted *g;
	unsigned long start;
	size_t len;

	list_for_each_entry(g, &grants->list, list) {
		if (arg->total++ < arg->first || arg->nr >= arg->max)
			continue;
		show_granted(g, &out[arg->nr]);
		pages_of(g, &start, &len);
		out[arg->nr].address = g->addr;
		out[arg->nr].length = g->len;
		out[arg->nr++].pages = len / PAGE_SIZE;
	}
}

static int list_grants(struct asi_dev_file *file, struct asi *asi,
		       struct asi_ioc_grants *arg)
{
	struct asi_dev_grants *grants = grants_of(file, arg->domain);
	struct asi_dpt *dpt = asi_dpt_of(asi);
	struct asi_ioc_granted *out;
	int err = 0;

	/* Not copied entry by entry: the lock of the page table is inside mmap_lock. */
	out = kvcalloc(max(arg->max, 1U), sizeof(*out), GFP_KERNEL_ACCOUNT);
	if (!out)
		return -ENOMEM;
	if (dpt)
		list_dpt(dpt, grants, arg, out);
	else
		list_plain(grants, arg, out);
	name_ranges(arg, out);
	if (copy_to_user(u64_to_user_ptr(arg->grants), out,
			 arg->nr * sizeof(*out)))
		err = -EFAULT;
	kvfree(out);
	return err;
}

/**
 * asi_dev_grants - ASI_IOC_GRANTS
 * @file: The file, locked.
 * @arg:  Checked; filled in.
 *
 * Return: 0; -EFAULT; -ENOMEM; errors of asi_dev_target().
 */
int asi_dev_grants(struct asi_dev_file *file, struct asi_ioc_grants *arg)
{
	struct asi_dev_target target;
	int err = asi_dev_target(file, arg->domain, &target);

	if (!err) {
		err = list_grants(file, target.asi, arg);
		asi_dev_target_put(&target);
	}
	return err;
}
