# SPDX-License-Identifier: GPL-2.0
"""What stops a benchmark run with one line of explanation."""


class Trouble(Exception):
    """The message says what is wrong and what to do about it."""
