# SPDX-License-Identifier: GPL-2.0
"""The bash completion: what it offers is what there is."""

import os
import subprocess

import device
from drift import SOURCE, commands
from tap import Suite

suite = Suite()
tests = suite.tests

# What bash does when TAB is typed, without a terminal.
SCRIPT = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_asictl
printf '%s\\n' "${COMPREPLY[@]}"
"""


def offers(*words, cwd=None, env=None):
    """What is offered for the last of the words, which may be empty."""
    done = subprocess.run(
        ["bash", "--norc", "-c", SCRIPT, "bash",
         os.path.join(SOURCE, "asictl.bash-completion"), "asictl", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd,
        env=env)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return [line for line in done.stdout.splitlines() if line]


def spellings(options):
    return sorted(s for o in options for s in (f"--{o['name']}", f"-{o['letter']}"))


@suite("drift: completion offers the commands of the help, in their order")
def verbs(tool):
    names = list(commands(tool))
    assert offers("") == names, offers("")
    assert offers("help", "") == names
    assert offers("--json", "") == names
    assert offers("st") == [name for name in names if name.startswith("st")]
    assert offers("-r", "status", "") == names, "the argument of an option is no command"
    assert offers("--sysroot", "=", "status", "") == names


@suite("drift: completion offers the options of the help, command by command")
def options(tool):
    known = commands(tool)
    for name, command in known.items():
        want = spellings(command["options"])
        assert sorted(offers(name, "-")) == want, f"{name}: {set(offers(name, '-')) ^ set(want)}"
        assert sorted(offers("--interval", "1", name, "-")) == want, name
    every = {o["name"]: o for c in known.values() for o in c["options"]}
    assert sorted(offers("-")) == spellings(every.values()), offers("-")


@suite("drift: completion knows which options take an argument")
def with_argument(tool):
    every = {o["name"]: o for c in commands(tool).values() for o in c["options"]}
    for o in every.values():
        for spelling in (f"--{o['name']}", f"-{o['letter']}"):
            # After one that takes none, the next word may be a command.
            seen = "status" in offers(spelling, "")
            assert seen == (not o["argument"]), (spelling, offers(spelling, ""))


@suite("completion: files and directories where they belong")
def files(tool):
    room = os.path.join(tool.scratch, "completion")
    os.makedirs(os.path.join(room, "a dir"))
    open(os.path.join(room, "a file"), "wb").close()
    assert offers("status", "--sysroot", "a", cwd=room) == ["a dir"]
    assert offers("status", "--sysroot", "=", cwd=room) == ["a dir"]
    assert offers("status", "--sysroot", "=", "a", cwd=room) == ["a dir"]
    assert sorted(offers("map", "1", "-s", "a", cwd=room)) == ["a dir", "a file"]
    assert offers("stat", "-i", "", cwd=room) == []


@suite("completion: the sequences that there are, for test")
def sequences(tool):
    room = os.path.join(tool.scratch, "bin")
    os.makedirs(room)
    with open(os.path.join(room, "asictl"), "w", encoding="ascii") as file:
        file.write(f'#!/bin/sh\nexec {tool.program} "$@" --sysroot {tool.root("on")}\n')
    os.chmod(file.name, 0o755)
    path = {"PATH": f"{room}:{os.environ['PATH']}"}
    names = [name for name, *_ in device.SEQUENCES]
    assert offers("test", "", env=path) == ["all", *names]
    assert offers("test", "pr", env=path) == ["printk"]
    assert offers("test", "-g", "x", "a", env={"PATH": os.environ["PATH"]}) == ["all"]


@suite("completion: processes for map, nothing for what takes nothing")
def arguments(tool):
    assert str(os.getpid()) in offers("map", ""), offers("map", "")
    assert str(os.getpid()) in offers("map", "--svg", "x.svg", str(os.getpid())[:1])
    assert offers("test", "--table", "") == ["nonsensitive", "decorated"]
    assert offers("test", "-t", "=", "d") == ["decorated"]
    assert str(os.getpid()) in offers("grant", "jiffies_64", "--pid", "")
    for words in (["status", ""], ["help", "stat", ""], ["map", "1", "user", ""], ["nonsense", "-"]):
        assert offers(*words) == [], (words, offers(*words))
