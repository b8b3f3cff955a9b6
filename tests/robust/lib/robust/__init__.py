# SPDX-License-Identifier: GPL-2.0
"""Compares two machines under pressure.

main     options, both machines, the results as KTAP
machine  one run of vm/run, and what its program asks of this host
compare  measures, and whether one with asi=on is as good
"""
