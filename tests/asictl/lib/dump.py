# SPDX-License-Identifier: GPL-2.0
"""
Makes directory trees of the short descriptions in dumps/.

    include NAME        everything from another dump first
    remove PATH         a file or a tree
    PATH = VALUE        a file; a newline is added
    PATH += VALUE       one more line for it
    PATH/               a directory, perhaps empty
    PATH answers NAME   a file with those answers of a driver, see device.py

A VALUE may have Python's escapes; with \\c at its end it gets no newline.
"""

import codecs
import os
import shutil

import device

DUMPS = os.path.join(os.path.dirname(os.path.realpath(__file__)), "../dumps")


def names():
    return sorted(os.listdir(DUMPS))


def unescape(text):
    # latin-1: \xNN is the byte NN, whether or not it makes sense as text.
    return codecs.decode(text, "unicode_escape").encode("latin-1")


def value_bytes(value):
    if value.endswith("\\c"):
        return unescape(value[:-2])
    return unescape(value) + b"\n"


def remove(path):
    if os.path.isdir(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def target(root, name):
    """The path of @name, as bytes: names may have escapes, too."""
    path = os.path.join(os.fsencode(root), unescape(name))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return path


def write(root, name, value, mode):
    path = target(root, name)
    if name.endswith("/"):
        return
    with open(path, mode) as file:
        file.write(value_bytes(value))


def apply_line(root, line):
    if line.startswith("include "):
        expand(line.split()[1], root)
    elif line.startswith("remove "):
        remove(os.path.join(root, line.split()[1]))
    elif " answers " in line:
        name, _, answers = line.partition(" answers ")
        with open(target(root, name), "wb") as file:
            file.write(b"".join(device.ANSWERS[answers]))
    elif " +=" in line:
        name, _, value = line.partition(" +=")
        write(root, name, value[1:], "ab")
    elif " =" in line:
        name, _, value = line.partition(" =")
        path = target(root, name)
        if os.path.isdir(path):
            remove(path)
        write(root, name, value[1:], "wb")
    elif line.endswith("/"):
        if os.path.isfile(target(root, line[:-1])):
            remove(target(root, line[:-1]))
        target(root, line)
    else:
        raise ValueError(f"a dump has this line: {line!r}")


def expand(name, root):
    """Writes dump @name below @root."""
    with open(os.path.join(DUMPS, name), encoding="ascii") as file:
        for line in file.read().splitlines():
            if line and not line.startswith("#"):
                apply_line(root, line)
