# SPDX-License-Identifier: GPL-2.0
"""The host side of the benchmarks.

configs   what is compared: a kernel and a command line each
boot      one run of the guest program, and its output
parse     the guest program's output, as records
checks    the targets, and which of them are met
model     the cost model: events times cycles
report    docs/PERFORMANCE.md
chart     docs/performance.svg
main      the command line and the order of things
"""
