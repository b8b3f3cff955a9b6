# SPDX-License-Identifier: GPL-2.0
"""Exit statuses of vm/run, and the exception for trouble with the harness."""

TIMEOUT = 124
TROUBLE = 125
CRASHED = 126
LOST = 127


class Trouble(Exception):
    """Something on this side is wrong: the message is one clear line."""
