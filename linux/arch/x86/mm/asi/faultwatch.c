// SPDX-License-Identifier: GPL-2.0
/*
 * Address space isolation: domains whose faults are counted by themselves.
 *
 * The fault log counts by class.  While somebody watches a domain, its faults have
 * entries of their own; afterwards they are those of the class, as if nobody had.
 */
#include <linux/asi.h>
#include <linux/cleanup.h>
#include <linux/cpu.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/mutex.h>
#include <linux/smp.h>

#include "faultlog.h"
#include "internal.h"

DEFINE_STATIC_KEY_FALSE(asi_faults_watched_key);

/**
 * struct watch - a domain that is watched
 * @asi:   NULL if it is free.  Read by faults, the rest is under asi_faults_lock.
 * @users: How often it is watched.
 */
struct watch {
	struct asi *asi;
	unsigned int users;
};

static struct watch watches[ASI_FAULT_WATCHES];
/* Those from here on are free: a fault does not look at them. */
static unsigned int nr_watches;

/**
 * asi_fault_watch_of - whose faults those of a domain are, while some are watched
 * @asi: The domain.
 *
 * Context: any, NMI and noinstr included.
 * Return: its watch, from ASI_FAULT_WATCHED on; its class if there is none.
 */
noinstr unsigned int asi_fault_watch_of(const struct asi *asi)
{
	unsigned int i, nr = READ_ONCE(nr_watches);

	for (i = 0; i < nr; i++) {
		if (READ_ONCE(watches[i].asi) == asi)
			return ASI_FAULT_WATCHED + i;
	}
	return asi->index;
}
EXPORT_SYMBOL_NS_GPL(asi_fault_watch_of, ASI_DEV);

/* The class of what asi_fault_whose() says.  asi_faults_lock is held. */
unsigned int asi_fault_class(unsigned int whose)
{
	struct asi *asi;

	if (whose < ASI_FAULT_WATCHED)
		return whose;
	asi = watches[whose - ASI_FAULT_WATCHED].asi;
	return asi ? asi->index : 0;
}

/* The watch of @asi; with NULL, one that is free; NULL if there is none. */
static struct watch *find(const struct asi *asi)
{
	struct watch *watch;

	for (watch = watches; watch < watches + ASI_FAULT_WATCHES; watch++) {
		if (watch->asi == asi)
			return watch;
	}
	return NULL;
}

static void count_watches(void)
{
	unsigned int nr = ASI_FAULT_WATCHES;

	while (nr && !watches[nr - 1].asi)
		nr--;
	WRITE_ONCE(nr_watches, nr);
}

/**
 * asi_faults_watch - count the faults of a domain by themselves from now on
 * @asi: The domain, which the caller keeps until asi_faults_unwatch().
 *
 * If somebody watches it already, they are counted since then.
 *
 * Context: may sleep.
 * Return: 0; -EUSERS if too many domains are watched.
 */
int asi_faults_watch(struct asi *asi)
{
	struct watch *watch;

	guard(mutex)(&asi_faults_lock);
	watch = find(asi) ?: find(NULL);
	if (!watch)
		return -EUSERS;
	if (!watch->users++) {
		WRITE_ONCE(watch->asi, asi);
		count_watches();
		static_branch_inc(&asi_faults_watched_key);
	}
	return 0;
}
EXPORT_SYMBOL_NS_GPL(asi_faults_watch, ASI_DEV);

struct move {
	unsigned int from;
	unsigned int to;
};

static void move_on_cpu(int cpu, const struct move *move)
{
	struct asi_fault *log = per_cpu(asi_fault_log, cpu);

	if (log)
		asi_fault_move(log, per_cpu(asi_fault_stacks, cpu), move->from,
			       move->to);
}

static void move_on_this_cpu(void *move)
{
	move_on_cpu(smp_processor_id(), move);
}

/**
 * asi_faults_unwatch - undo asi_faults_watch()
 * @asi: The domain.
 *
 * What has been counted for it is its class's now, unless others watch it.
 *
 * Context: may sleep.
 */
void asi_faults_unwatch(struct asi *asi)
{
	struct watch *watch;
	struct move move;
	int cpu;

	guard(mutex)(&asi_faults_lock);
	watch = find(asi);
	if (WARN_ON_ONCE(!watch) || --watch->users)
		return;

	move.from = ASI_FAULT_WATCHED + (watch - watches);
	move.to = asi->index;
	WRITE_ONCE(watch->asi, NULL);
	count_watches();
	static_branch_dec(&asi_faults_watched_key);

	/* A fault that has seen the watch is logged when its CPU takes the interrupt. */
	guard(cpus_read_lock)();
	on_each_cpu(move_on_this_cpu, &move, 1);
	for_each_possible_cpu(cpu) {
		if (!cpu_online(cpu))
			move_on_cpu(cpu, &move);
	}
}
EXPORT_SYMBOL_NS_GPL(asi_faults_unwatch, ASI_DEV);
