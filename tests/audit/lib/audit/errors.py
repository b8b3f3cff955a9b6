# SPDX-License-Identifier: GPL-2.0
"""The two ways in which there is no verdict."""


class Trouble(Exception):
    """The machine could not be looked at: the message is one clear line."""


class Malformed(Exception):
    """A page table that no CPU would accept, or that never ends."""
