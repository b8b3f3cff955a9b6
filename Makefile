# SPDX-License-Identifier: GPL-2.0
#
# The only entry point. Each verb does everything that has to come before it.
#
#   V=1             show each command
#   JOBS=N          jobs of a kernel build (default: number of CPUs)
#   LINUX_SRC=...   another source: a tarball or a directory
#   KCONFIG_EXTRA=  more configuration fragments, such as debuginfo
#   PACKAGES=no     do not look for missing packages
#   TESTS=...       names of rows for make test (default: all that are not slow)

B := $(CURDIR)/build
JOBS ?= $(shell nproc)
KCONFIG_EXTRA ?=
TESTS ?=
Q := $(if $(filter-out 0,$(V)),,@)
export JOBS LINUX_SRC V

# What each kernel is made of, in the order of merging.
COMMON := boot expert features modules kvm
FRAGMENTS_run := $(COMMON) asi $(KCONFIG_EXTRA)
FRAGMENTS_debug := $(COMMON) asi debug $(KCONFIG_EXTRA)
FRAGMENTS_kasan := $(COMMON) asi debug kasan $(KCONFIG_EXTRA)
FRAGMENTS_locked := $(filter-out modules,$(COMMON)) asi locked $(KCONFIG_EXTRA)
FRAGMENTS_off := $(COMMON) noasi $(KCONFIG_EXTRA)
FRAGMENTS_base := $(COMMON) $(KCONFIG_EXTRA)
KERNELS := run debug kasan locked off base
# Those that bench/run compares.
BENCH_KERNELS := run off base

.DEFAULT_GOAL := help
.PHONY: help setup build run test test-all shell bench deb export check check-series \
	clean distclean programs asictl selftests bench-programs bench-modules upstream \
	audit audit-programs \
	$(addprefix kernel-,$(KERNELS)) $(addprefix bench-module-,$(BENCH_KERNELS))
# Kernel builds use all CPUs by themselves.
.NOTPARALLEL:

help:
	@echo 'Address space isolation for Linux 6.12 on x86-64'
	@echo
	@echo '  make run           build everything, boot with asi=on, demonstrate it'
	@echo '  make test          build everything, run the tests, count the results'
	@echo
	@echo '  make shell         a shell in a machine booted with asi=on'
	@echo '  make bench         count instructions; write docs/PERFORMANCE.md'
	@echo '  make bench-workloads  the same of real programs; write docs/WORKLOADS.md'
	@echo '  make tuning        where they leave; write the tables of docs/TUNING.md'
	@echo '  make audit         who can reach whose data; write docs/COVERAGE.md'
	@echo '  make test-all      the slow tests as well'
	@echo
	@echo '  make setup         packages, and the workspace build/linux'
	@echo '  make build         kernel, asictl and test programs'
	@echo '  make export        write the commits of the workspace to patches/'
	@echo '  make check         the rules of the house, and the scripts'"'"' tests'
	@echo '  make check-series  build and boot after every patch (hours)'
	@echo '  make clean         remove what was built; keep the workspace'
	@echo '  make distclean     remove the workspace as well, unless it holds work'
	@echo
	@echo 'V=1 shows each command. docs/START.md has more.'

setup:
	$(if $(filter no,$(PACKAGES)),,$(Q)scripts/packages)
	$(Q)scripts/setup

# A kernel: configured and verified, then built; nothing to do is quick.
define kernel_rule
kernel-$(1): setup $(if $(filter base,$(1)),base-tree)
	$$(Q)$(if $(filter base,$(1)),LINUX=$$(B)/base) scripts/kconfig $$(B)/kernel-$(1) $$(FRAGMENTS_$(1))
	$$(Q)$(if $(filter base,$(1)),LINUX=$$(B)/base) scripts/kbuild $$(B)/kernel-$(1) bzImage modules
endef
$(foreach k,$(KERNELS),$(eval $(call kernel_rule,$(k))))

.PHONY: base-tree
base-tree: setup
	$(Q)scripts/base-tree

# Programs for guests; quick, and quiet unless something is wrong.
quiet := $(if $(Q),>/dev/null)

asictl: setup
	$(Q)$(MAKE) --no-print-directory -C tools/asictl OUT=$(B) $(quiet)

selftests: setup
	$(Q)$(MAKE) --no-print-directory -C linux/tools/testing/selftests/asi OUTPUT=$(B)/selftests $(quiet)

bench-programs: setup
	$(Q)$(MAKE) --no-print-directory -C bench OUT=$(B)/bench $(quiet)

# A module of allocations for each kernel that is compared, from the same source.
bench-modules: $(addprefix bench-module-,$(BENCH_KERNELS))

define bench_module_rule
bench-module-$(1): kernel-$(1)
	$$(Q)mkdir -p $$(B)/bench/kernel-$(1)
	$$(Q)cp -u bench/module/* $$(B)/bench/kernel-$(1)
	$$(Q)$(if $(filter base,$(1)),LINUX=$$(B)/base) scripts/kbuild $$(B)/kernel-$(1) M=$$(B)/bench/kernel-$(1) modules
endef
$(foreach k,$(BENCH_KERNELS),$(eval $(call bench_module_rule,$(k))))

audit-programs: setup
	$(Q)$(MAKE) --no-print-directory -C tests/audit/guest OUT=$(B)/audit $(quiet)

programs: asictl selftests bench-programs audit-programs

# The kernel's own suites, from the same source.
upstream: setup
	$(Q)tests/upstream/build

build: kernel-run programs

run: build
	$(Q)scripts/demo

shell: build
	$(Q)vm/run --timeout 0 --shell --append "asi=on $(APPEND)"

# A program of others that a test wants; PACKAGES=no leaves that to the user.
.PHONY: promtool
promtool: setup
	$(if $(filter no,$(PACKAGES)),,$(Q)scripts/promtool)

# The last line of the output is "N passed, N failed, N skipped".
test: build kernel-debug bench-module-run promtool
	$(Q)scripts/test --jobs $(JOBS) $(TESTS)

test-all: workload-packages promtool build kernel-debug kernel-off kernel-kasan kernel-locked kernel-base \
	  bench-modules
	$(Q)scripts/test --jobs $(JOBS) --all $(TESTS)

bench: $(addprefix kernel-,$(BENCH_KERNELS)) bench-programs bench-modules
	$(Q)bench/run $(if $(Q),,--verbose) $(BENCH)

.PHONY: workload-packages bench-workloads tuning
# Programs of others, which make setup does not install.
workload-packages:
	$(if $(filter no,$(PACKAGES)),,$(Q)scripts/packages workloads)

# WORKLOADS= are its options.
bench-workloads: workload-packages kernel-run selftests
	$(Q)bench/workloads --jobs $(JOBS) $(if $(Q),,--verbose) $(WORKLOADS)

# TUNING= are its options.
tuning: workload-packages kernel-run selftests
	$(Q)bench/tuning $(if $(Q),,--verbose) $(TUNING)

deb:
	@echo 'There is no make deb yet: the kernel that is built here is for emulated machines, without drivers for real ones' >&2
	@exit 1

# AUDIT= are its options; with --control leak it has to fail.
audit: kernel-run asictl audit-programs
	$(Q)tests/audit/run --write docs/COVERAGE.md $(AUDIT)

export:
	$(Q)scripts/export

check:
	$(Q)scripts/check-house
	$(Q)tests/house/run

check-series: setup asictl
	$(Q)scripts/check-series

clean:
	$(Q)scripts/clean

distclean:
	$(Q)scripts/clean --workspace
