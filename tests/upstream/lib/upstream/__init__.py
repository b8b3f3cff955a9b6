# SPDX-License-Identifier: GPL-2.0
"""The kernel's own selftests, with asi=off and with asi=on.

table    what is run and what is left out
report   reads what the guest's half (tests/upstream/guest) prints
machine  runs a list of tests in machines, in spite of crashes
compare  what two results of the same test mean
main     the command line, and the order of things
"""
