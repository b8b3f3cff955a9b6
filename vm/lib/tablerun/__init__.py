# SPDX-License-Identifier: GPL-2.0
"""The runner of the tables of vm/: tests, dev, memory and bench.

table   reads the rows
row     runs one row and finds its cases
main    chooses rows, runs them side by side, prints and sums up
"""
