# SPDX-License-Identifier: GPL-2.0
"""The host side of the workloads; benchlib is that of the single operations.

programs  the workloads, and the files they need
machine   what is compared, and one boot of it
samples   the output of vm/guest/workloads
sites     the places that exit
report    docs/WORKLOADS.md
exits     the instructions that exit, and their tables
tuning    docs/TUNING.md
"""
