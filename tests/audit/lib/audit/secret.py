# SPDX-License-Identifier: GPL-2.0
"""
The secrets: 32 printable bytes a kind, all from one seed.

The first and the third word are the same in all secrets of a run, the tag; so
one search finds all of them, and either half of a secret alone is recognised.
The guest makes the same ones (guest/secret.c).
"""

import struct

ONES = (1 << 64) - 1
WORD = struct.Struct("<Q")
HALF = 16
SIZE = 2 * HALF


def mix(value):
    """SplitMix64."""
    value = (value + 0x9e3779b97f4a7c15) & ONES
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9 & ONES
    value = (value ^ value >> 27) * 0x94d049bb133111eb & ONES
    return value ^ value >> 31


def printable(value):
    return (value & 0x3f3f3f3f3f3f3f3f) + 0x3030303030303030


def name_hash(name):
    """FNV-1a."""
    value = 0xcbf29ce484222325
    for byte in name.encode():
        value = (value ^ byte) * 0x100000001b3 & ONES
    return value


def tag(seed):
    """What every half of every secret starts with."""
    return WORD.pack(printable(mix(seed)))


def own_word(seed, name, index):
    return WORD.pack(printable(mix(seed ^ name_hash(name) ^ index)))


def secret(seed, name):
    """The secret of a kind."""
    return tag(seed) + own_word(seed, name, 1) + tag(seed) + own_word(seed, name, 3)


def halves(seed, names):
    """{second word of a half: (kind, 0 or 1)}."""
    return {own_word(seed, name, 2 * half + 1): (name, half)
            for name in names for half in (0, 1)}
