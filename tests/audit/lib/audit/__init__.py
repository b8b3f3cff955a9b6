# SPDX-License-Identifier: GPL-2.0
"""What tests/audit/run is made of.

secret      the secrets, from a seed; the guest makes the same
qmp         QEMU's machine protocol
machine     boots the guest, saves its memory at the right moment
report      what the guest said
image       the saved memory: tables, and where secrets are
pagetable   walks page tables, both ways
compare     is one table a subset of another?
regions     names of the parts of the kernel's address space
frames      what physical pages are used for
verdict     which secret is within reach of whom
checks      what has to hold for all tables
expect      expect.tsv: the verdicts of today
output      tables, KTAP, JSON, docs/COVERAGE.md
main        the order of all this
"""
