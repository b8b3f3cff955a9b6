# SPDX-License-Identifier: GPL-2.0
"""Whole outputs, compared with those in golden/."""

import difflib
import os

import dump
import privilege
from tap import Suite, Test

GOLDEN = os.path.join(os.path.dirname(os.path.realpath(__file__)), "../golden")

# What is compared on every kind of machine.
COMMANDS = ("status", "check", "stat", "domains", "faults", "top", "map 4711", "features",
            "version", "faults --stacks", "test", "test --list", "test printk --table decorated",
            "grant 0xffff888104a21000 4096 --pid 4711 --class kvm", "grant --list",
            "revoke 0xffff888104a21000", "faults --pid 4711 --class kvm", "top --pid 4711")

# Dump, and the commands whose output on it is compared, as text and as JSON.
BOTH = (
    ("on", *COMMANDS, "stat --per-cpu"),
    ("off", *COMMANDS),
    ("off-default", "status"),
    ("off-wrong-word", "status"),
    ("off-no-proc", "status", "features"),
    ("xen", "status", "stat"),
    ("no-reason", "status"),
    ("absent", *COMMANDS),
    ("no-sysfs", "status", "check", "stat", "features", "version"),
    ("pti", "status", "check", "features"),
    ("mode-kvm", "status", "check"),
    ("mode-user-pti", "status"),
    ("no-class", "status", "stat"),
    ("test-class", "status", "check", "stat"),
    ("not-sensitive", "check"),
    ("bugs", "status", "check"),
    ("newer", *COMMANDS, "stat --per-cpu"),
    ("broken", *COMMANDS, "stat --per-cpu"),
    ("empty", *COMMANDS, "stat --per-cpu"),
    ("no-reason-file", "status"),
    ("class-doubt", "status"),
    ("no-enabled", "status", "domains"),
    ("no-debugfs", "domains", "faults", "top", "map 4711", "stat --per-cpu"),
    ("no-debugfs-config", "domains"),
    ("debugfs-without-asi", "domains", "faults"),
    ("hybrid", "features"),
    ("no-device", "test", "test --list", "grant 0xffff888104a21000 4096 --pid 4711 --class kvm",
     "faults --pid 4711 --class kvm", "top --pid 4711"),
    ("granted", "test printk --grant 0xffff888003a52000,4096 --grant percpu:printk_context,4"),
    ("no-grant", "test printk --table decorated", "grant 0xffff888104a21000 4096 --pid 4711 --class kvm"),
    ("locked-down", "test", "test printk --grant console_owner",
     "grant 0xffff888104a21000 4096 --pid 4711 --class kvm", "faults --pid 4711 --class kvm"),
    ("driver-fails", "test"),
)

# Dump, and the commands that are compared in the form of Prometheus.
PROMETHEUS = (
    ("on", "check", "stat", "stat --per-cpu"),
    ("off", "check", "stat"),
    ("absent", "check", "stat"),
    ("newer", "check", "stat", "stat --per-cpu"),
    ("broken", "check", "stat", "stat --per-cpu"),
)

# Dumps on which the drawing is compared.
SVG = ("on", "newer", "broken", "empty")

# Compared as text and as JSON on dump "on", without root and with debugfs closed.
UNPRIVILEGED = (*COMMANDS, "stat --per-cpu")

# Exit status of `asictl status`, written by hand: what scripts rely on.
VERDICTS = {
    "on": (0, "restricted"), "off": (2, "not-restricted"), "xen": (2, "not-restricted"),
    "off-default": (2, "not-restricted"), "off-wrong-word": (2, "not-restricted"),
    "off-no-proc": (2, "not-restricted"), "no-reason": (2, "not-restricted"),
    "absent": (2, "not-restricted"), "no-sysfs": (3, "unknown"),
    "pti": (2, "partly-restricted"), "mode-kvm": (0, "restricted"),
    "mode-user-pti": (2, "not-restricted"), "no-class": (2, "not-restricted"),
    "test-class": (0, "restricted"), "bugs": (0, "restricted"), "newer": (0, "restricted"),
    "broken": (3, "unknown"), "empty": (3, "unknown"), "no-reason-file": (3, "unknown"),
    "class-doubt": (3, "unknown"), "no-enabled": (3, "unknown"),
    "no-debugfs": (0, "restricted"), "no-debugfs-config": (0, "restricted"),
    "debugfs-without-asi": (0, "restricted"), "hybrid": (0, "restricted"),
    "not-sensitive": (0, "restricted"), "no-device": (0, "restricted"),
    "granted": (0, "restricted"), "no-grant": (0, "restricted"),
    "locked-down": (0, "restricted"), "driver-fails": (0, "restricted"),
}

# The same of `asictl check`, where it is not what the verdict of status makes of it.
CHECKS = {"not-sensitive": 2, "bugs": 2, "newer": 3}
CHECK_WORDS = {0: "protected", 2: "not-protected", 3: "unknown"}


def runs():
    """Dump and arguments of every run that has an expected output."""
    for name, *commands in BOTH:
        for command in commands:
            yield name, command.split()
            yield name, [*command.split(), "--json"]
    for name, *commands in PROMETHEUS:
        for command in commands:
            yield name, [*command.split(), "--prometheus"]
    for name in SVG:
        yield name, ["map", "4711", "--svg", "-"]


def file_name(name, args):
    return "_".join([name, *(arg.lstrip("-") for arg in args if arg != "-")])


def unprivileged_runs():
    for command in UNPRIVILEGED:
        yield command.split()
        yield [*command.split(), "--json"]


def compare(tool, name, args):
    compare_result(tool, name, args, tool.on(name, *args))


def compare_unprivileged(tool, args):
    root = tool.fresh("on")
    prefix = privilege.nobody()
    with privilege.closed(root, "sys/kernel/debug", "dev/asi"):
        result = privilege.public(tool).run(args, root, prefix)
    compare_result(tool, "unprivileged", args, result)


def compare_result(tool, name, args, result):
    path = os.path.join(GOLDEN, file_name(name, args))
    if "--json" in args:
        value = result.json()
        if result.status:
            assert value["error"] and value["hint"], "a failure without error and hint"
    if tool.update:
        os.makedirs(GOLDEN, exist_ok=True)
        with open(path, "w", encoding="ascii") as file:
            file.write(result.show())
        return
    with open(path, encoding="ascii") as file:
        want = file.read()
    diff = difflib.unified_diff(want.splitlines(), result.show().splitlines(),
                                "expected", "seen", lineterm="")
    assert want == result.show(), "\n".join(diff)


def golden_test(name, args):
    return Test(f"output: {name}: {' '.join(args)}", lambda tool: compare(tool, name, args))


def check_verdict(tool, name):
    status, word = VERDICTS[name]
    result = tool.on(name, "status", "--json")
    assert (result.status, result.json()["verdict"]) == (status, word), result.show()
    text = tool.on(name, "status")
    assert text.status == status, text.show()
    assert f"\nVerdict:       {word}\n" in text.stdout, text.show()
    if status:
        assert text.last_line().startswith("Hint: "), text.show()


def check_check(tool, name):
    status = CHECKS.get(name, VERDICTS[name][0])
    value = tool.on(name, "check", "--json")
    assert (value.status, value.json()["verdict"]) == (status, CHECK_WORDS[status]), value.show()
    text = tool.on(name, "check")
    assert text.status == status, text.show()
    assert f"\nVerdict:       {CHECK_WORDS[status]}\n" in text.stdout, text.show()
    metrics = tool.on(name, "check", "--prometheus")
    assert metrics.status == status, metrics.show()
    assert f"\nasi_check_status {status}\n" in metrics.stdout, metrics.show()
    for result in (text, metrics):
        assert result.last_line().startswith("Hint: ") == bool(status), result.show()


suite = Suite()


@suite("expected outputs: none is left over, none is empty")
def left_over(tool):
    want = {file_name(name, args) for name, args in runs()}
    want |= {file_name("unprivileged", args) for args in unprivileged_runs()}
    have = set(os.listdir(GOLDEN))
    assert want == have, f"not used: {have - want}, missing: {want - have}"
    assert all(os.path.getsize(os.path.join(GOLDEN, name)) for name in have)


@suite("verdicts: every dump has one, and each is reached")
def all_verdicts(tool):
    assert set(VERDICTS) == set(dump.names()), set(VERDICTS) ^ set(dump.names())
    assert len(set(VERDICTS.values())) == 4


def tests():
    return ([golden_test(name, args) for name, args in runs()] +
            [Test(f"output: unprivileged: {' '.join(args)}",
                  lambda tool, args=args: compare_unprivileged(tool, args))
             for args in unprivileged_runs()] +
            [Test(f"verdict: {name}", lambda tool, name=name: check_verdict(tool, name))
             for name in dump.names()] +
            [Test(f"check: {name}", lambda tool, name=name: check_check(tool, name))
             for name in dump.names()] + suite.tests())
