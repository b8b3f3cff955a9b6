# SPDX-License-Identifier: GPL-2.0
"""The runner of vm/tests.table and vm/memory.table.

table   reads the rows
row     runs one row and finds its cases
main    chooses rows, runs them side by side, prints and sums up
"""
