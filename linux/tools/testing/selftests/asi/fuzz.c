// SPDX-License-Identifier: GPL-2.0
/*
 * Random calls to everything that ASI offers to programs: the files in sysfs and
 * debugfs, and /dev/asi. From many processes at once, some of which have no rights,
 * and some of which are killed in the middle, while the module of the device goes and
 * comes back. The machine has to be as it was, and nothing may have leaked.
 *
 * Usage: fuzz [--calls N] [--seed N] [--module FILE] [--life N] [--break FAULT]
 *   --calls	how many in all, after SCALE (default 100000)
 *   --seed	repeats a run, as far as processes at the same time allow
 *   --module	the file of asi_dev, if that is not built in
 *   --life	only this life, as often as it takes, and nobody beside it
 *   --break	see fuzz_break.c
 *
 * A process is named after its life, so a report of the kernel says which it was.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "fuzz.h"
#include "kvm_work.h"

#define ROUNDS		10
/* A life that is not killed makes so many calls. */
#define SHARE		1000
/* How long a process may take to end. */
#define PATIENCE_MS	120000
#define NOBODY		65534

struct fuzz_shared *fuzz_shared;

static unsigned long total = 100000, seed, only_life;
static bool have_only_life;
static const char *module_file, *fault;
static pid_t worker[FUZZ_WORKERS], module_pid, vmm_pid;
static unsigned long lives, killed, stuck;

/* ---- lives -------------------------------------------------------------- */

/* A role for each life by its number: root most of the time. */
static enum fuzz_role role_of(unsigned long number)
{
	switch (number % 8) {
	case 3:
		return FUZZ_NOBODY;
	case 5:
		return FUZZ_USERNS;
	case 7:
		return FUZZ_POWERLESS;
	default:
		return FUZZ_ROOT;
	}
}

static void drop_capabilities(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct none[2] = {};

	if (syscall(SYS_capset, &head, none))
		ktap_bail("capset: %s", strerror(errno));
}

static void become_nobody(void)
{
	if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
	    setresuid(NOBODY, NOBODY, NOBODY))
		ktap_bail("setresuid: %s", strerror(errno));
}

/* Changed credentials take the signal away that ends a child with its parent. */
static void take_role(enum fuzz_role role)
{
	pid_t parent = getppid();

	if (role == FUZZ_NOBODY || role == FUZZ_USERNS)
		become_nobody();
	if (role == FUZZ_USERNS && unshare(CLONE_NEWUSER))
		ktap_bail("unshare of the user namespace: %s", strerror(errno));
	if (role == FUZZ_POWERLESS)
		drop_capabilities();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
}

/* For those without rights the device has one answer. */
static bool wants_device(struct fuzz_life *life)
{
	if (!fuzz_dev_there())
		return false;
	if (atomic_load(&fuzz_shared->let_go)) {
		fuzz_dev_let_go();
		return fuzz_one_in(life, 16);
	}
	return life->role == FUZZ_ROOT ? !fuzz_one_in(life, 3) : fuzz_one_in(life, 6);
}

/* Their calls are short, and would be nearly all if they went on as fast as they can. */
static void one_call(struct fuzz_life *life)
{
	if (life->role != FUZZ_ROOT && fuzz_one_in(life, 4))
		sleep_ms(1);
	if (wants_device(life))
		fuzz_dev_call(life);
	else
		fuzz_files_call(life);
	atomic_fetch_add(&fuzz_shared->calls, 1);
}

static void name_process(const char *what, unsigned long number)
{
	char name[16];

	snprintf(name, sizeof(name), "%s %lu", what, number);
	prctl(PR_SET_NAME, name);
}

static struct fuzz_life life_of(unsigned long number)
{
	struct fuzz_life life = {
		.number = number,
		.role = role_of(number),
		.random = (seed + 1) * 0x9e3779b97f4a7c15ULL ^
			  (number + 1) * 0xd1342543de82ef95ULL,
	};

	if (!life.random)
		life.random = 1;
	return life;
}

static void live(unsigned long number, unsigned long limit)
{
	struct fuzz_life life = life_of(number);

	name_process("fuzz", number);
	fuzz_args_init();
	take_role(life.role);
	for (unsigned long i = 0; i < SHARE; i++) {
		if (atomic_load(&fuzz_shared->stop) ||
		    atomic_load(&fuzz_shared->calls) >= limit)
			break;
		one_call(&life);
	}
	_exit(0);
}

static pid_t start_life(unsigned long limit)
{
	unsigned long number = have_only_life ? only_life : lives;
	pid_t pid = xfork();

	if (!pid)
		live(number, limit);
	lives++;
	return pid;
}

/* ---- others ------------------------------------------------------------- */

static void start_module_loop(unsigned long round)
{
	module_pid = xfork();
	if (!module_pid) {
		struct fuzz_life life = life_of(~round);

		name_process("fuzz module", round);
		_exit(fuzz_module_loop(&life) ? 0 : 1);
	}
}

/* Somebody with a domain of class kvm. */
static void start_vmm(void)
{
	if (asi_class_off("kvm") || kvm_missing())
		return;
	vmm_pid = xfork();
	if (!vmm_pid) {
		struct vcpu vcpu;
		struct vm vm;

		name_process("fuzz vmm", 0);
		work_create(&vm, &vcpu, 2UL << 20, 1);
		while (work_round(&vcpu))
			sleep_ms(5);
		_exit(1);
	}
	atomic_store(&fuzz_shared->pid[FUZZ_WORKERS], vmm_pid);
}

static bool vmm_works(void)
{
	return !vmm_pid || !waitpid(vmm_pid, NULL, WNOHANG);
}

static void end_vmm(void)
{
	if (!vmm_pid)
		return;
	kill(vmm_pid, SIGKILL);
	wait_exit(vmm_pid);
	atomic_store(&fuzz_shared->pid[FUZZ_WORKERS], 0);
}

/* ---- a round ------------------------------------------------------------ */

/* Of a process that ended, the status. */
static bool ended(pid_t pid, int *status)
{
	return waitpid(pid, status, WNOHANG) == pid;
}

static bool ends_within(pid_t pid, int *status, unsigned long ms)
{
	uint64_t until = now_ms() + ms;

	do {
		if (ended(pid, status))
			return true;
		sleep_ms(2);
	} while (now_ms() < until);
	return false;
}

static void complain_stuck(pid_t pid)
{
	char path[60], stack[2000];

	snprintf(path, sizeof(path), "/proc/%d/stack", (int)pid);
	if (read_file(path, stack, sizeof(stack)) < 0)
		stack[0] = '\0';
	for (char *c = stack; *c; c++)
		if (*c == '\n')
			*c = ' ';
	test_error("process %d does not end: %.300s", (int)pid, stack);
	stuck++;
}

/* Nobody fails but by being killed. */
static void judge_end(pid_t pid, int status)
{
	bool fine = WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : !status;

	if (!fine)
		test_error("process %d ended with status %#x", (int)pid, status);
}

/* By itself, or else when it is killed. */
static void finish(pid_t pid)
{
	int status;

	if (!ends_within(pid, &status, PATIENCE_MS)) {
		complain_stuck(pid);
		kill(pid, SIGKILL);
		if (!ends_within(pid, &status, PATIENCE_MS))
			ktap_bail("process %d cannot be killed", (int)pid);
	}
	judge_end(pid, status);
}

static void keep_busy(struct fuzz_life *life, unsigned int workers,
		      unsigned long limit)
{
	unsigned int i = (unsigned int)fuzz_below(life, workers);
	int status;

	if (worker[i] && fuzz_one_in(life, 24)) {
		kill(worker[i], SIGKILL);
		killed++;
	}
	for (i = 0; i < workers; i++) {
		if (worker[i] && !ended(worker[i], &status))
			continue;
		if (worker[i])
			judge_end(worker[i], status);
		worker[i] = start_life(limit);
		atomic_store(&fuzz_shared->pid[i], worker[i]);
	}
}

static void one_round(unsigned long round, unsigned long limit)
{
	unsigned int workers = have_only_life ? 1 : FUZZ_WORKERS;
	struct fuzz_life life = life_of(~(round + ROUNDS));

	atomic_store(&fuzz_shared->stop, false);
	if (!have_only_life)
		start_module_loop(round);
	while (atomic_load(&fuzz_shared->calls) < limit) {
		keep_busy(&life, workers, limit);
		sleep_ms(5);
	}
	atomic_store(&fuzz_shared->stop, true);
	for (unsigned int i = 0; i < workers; i++) {
		if (worker[i])
			finish(worker[i]);
		worker[i] = 0;
		atomic_store(&fuzz_shared->pid[i], 0);
	}
	if (!have_only_life)
		finish(module_pid);
}

static void judge_round(unsigned long round, unsigned long limit)
{
	uint64_t start = now_ms();
	unsigned long before = stuck;

	one_round(round, limit);
	CHECK(stuck == before);
	fuzz_check_ok();
	ktap_ok(!test_errors_take(),
		"round %lu: all processes ended, and all page tables are right",
		round + 1);
	ktap_note("%lu calls, %lu lives, %lu killed, %llu ms",
		  atomic_load(&fuzz_shared->calls), lives, killed,
		  (unsigned long long)(now_ms() - start));
}

/* ---- what was seen ------------------------------------------------------ */

void fuzz_count(const char *name, bool good)
{
	struct fuzz_outcome *o = fuzz_shared->outcome;

	/* Names are constants, and no two lives find them at different addresses. */
	for (size_t i = 0; i < FUZZ_OUTCOMES; i++, o++) {
		const char *none = NULL;

		if (o->name == name ||
		    __atomic_compare_exchange_n(&o->name, &none, name, false,
						__ATOMIC_SEQ_CST,
						__ATOMIC_SEQ_CST) ||
		    none == name) {
			atomic_fetch_add(good ? &o->good : &o->bad, 1);
			return;
		}
	}
}

static void note_outcomes(void)
{
	const struct fuzz_outcome *o = fuzz_shared->outcome;

	for (; o < fuzz_shared->outcome + FUZZ_OUTCOMES && o->name; o++)
		ktap_note("%s: %lu good, %lu refused", o->name,
			  atomic_load(&o->good), atomic_load(&o->bad));
}

static void judge_rights(void)
{
	unsigned long scanned = atomic_load(&fuzz_shared->scanned);

	ktap_ok(!atomic_load(&fuzz_shared->trespasses),
		"nobody without rights opened what is for root");
	ktap_note("%lu bytes were read without rights", scanned);
	CHECK(scanned || have_only_life);
	CHECK(!atomic_load(&fuzz_shared->leaks));
	ktap_ok(!test_errors_take(),
		"no address of the kernel was read without rights");
}

/* What ended a moment ago may still be there. */
static bool domains_gone(const struct fuzz_state *before, struct fuzz_state *after)
{
	for (int i = 0; i < 20; i++) {
		fuzz_state_read(after);
		if (after->domains == before->domains)
			return true;
	}
	return false;
}

static void judge_state(const struct fuzz_state *before)
{
	struct fuzz_state after;

	fuzz_holes_clear(before->holes);
	ktap_ok(!test_errors_take(), "all holes hold what they should, and go");
	ktap_ok(domains_gone(before, &after), "there are as many domains as before");
	fuzz_state_note("after", &after);
	CHECK(after.holes == before->holes);
	fuzz_memory_kept(before, &after);
	ktap_ok(!test_errors_take(), "as much memory is free as before");
	CHECK(after.tainted == before->tainted);
	CHECK(fuzz_machine_works());
	CHECK(vmm_works());
	ktap_ok(!test_errors_take(), "the machine works, and its kernel has no complaint");
}

static void judge_device(void)
{
	static const char kinds[] = "each call of the device succeeded, and failed";
	static const char reload[] = "the module went and came back";

	if (!fuzz_dev_there())
		ktap_skip(kinds, "this kernel has no /dev/asi");
	else
		ktap_ok(fuzz_dev_kinds() || have_only_life, "%s", kinds);
	if (!module_file || have_only_life)
		ktap_skip(reload, module_file ? "only one life" : "there is no module");
	else
		ktap_ok(atomic_load(&fuzz_shared->reloads) > 0, "%s", reload);
	ktap_note("%lu times, and %lu times it was in use",
		  atomic_load(&fuzz_shared->reloads),
		  atomic_load(&fuzz_shared->busy));
}

/* ---- the beginning ------------------------------------------------------ */

static unsigned long number_option(const char *text)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 0);
	if (errno || *end || end == text)
		ktap_bail("%s is no number", text);
	return value;
}

static void parse_options(int argc, char **argv)
{
	static const struct option list[] = {
		{ "calls",	required_argument, NULL, 'c' },
		{ "seed",	required_argument, NULL, 's' },
		{ "module",	required_argument, NULL, 'm' },
		{ "life",	required_argument, NULL, 'l' },
		{ "break",	required_argument, NULL, 'b' },
		{ }
	};
	int c;

	seed = (unsigned long)now_ms() ^ (unsigned long)getpid() << 20;
	while ((c = getopt_long(argc, argv, "", list, NULL)) != -1) {
		if (c == 'c')
			total = number_option(optarg);
		else if (c == 's')
			seed = number_option(optarg);
		else if (c == 'm')
			module_file = optarg;
		else if (c == 'l')
			only_life = number_option(optarg);
		else if (c == 'b')
			fault = optarg;
		else
			ktap_bail("see the head of fuzz.c for the options");
		have_only_life |= c == 'l';
	}
	if (optind != argc || (fault && !fuzz_break_known(fault)))
		ktap_bail("see the head of fuzz.c for the options");
	total = scaled(total);
}

/* It writes to all that it finds, as root. */
static void guests_only(void)
{
	if (!getenv("VM_RUN"))
		ktap_bail("this may do harm: VM_RUN=1 says that the machine is a guest");
	if (geteuid())
		ktap_skip_all("needs root");
	if (!asi_present())
		ktap_skip_all("this kernel has no " ASI_SYSFS);
	if (!asi_debugfs())
		ktap_skip_all("there is no " ASI_DEBUGFS);
}

/* Files have to refuse by their own rights, and not by those of the directory. */
static void open_the_way(void)
{
	if (chmod("/sys/kernel/debug", 0755))
		ktap_bail("chmod: %s", strerror(errno));
}

int main(int argc, char **argv)
{
	struct fuzz_state before;

	parse_options(argc, argv);
	guests_only();
	fuzz_shared = mmap(NULL, sizeof(*fuzz_shared), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (fuzz_shared == MAP_FAILED)
		ktap_bail("mmap: %s", strerror(errno));
	ktap_start(ROUNDS + 8);
	open_the_way();
	fuzz_module_start(module_file);
	fuzz_dev_find();
	ktap_note("--seed %lu --calls %lu, %u files, %s", seed, total,
		  fuzz_files_find(), fuzz_dev_there() ? "/dev/asi" : "no /dev/asi");
	start_vmm();
	/* What is allocated once is there after the first round. */
	for (unsigned long i = 0; i < ROUNDS; i++) {
		judge_round(i, (total * (i + 1) + ROUNDS - 1) / ROUNDS);
		if (i)
			continue;
		fuzz_holes_clear(0);
		fuzz_state_read(&before);
		fuzz_state_note("before", &before);
		if (fault)
			fuzz_break(fault);
	}
	note_outcomes();
	judge_rights();
	judge_state(&before);
	end_vmm();
	judge_device();
	return ktap_finish();
}
