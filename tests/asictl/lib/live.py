# SPDX-License-Identifier: GPL-2.0
"""stat --interval: the files change while it runs."""

import os
import shutil
import subprocess
import time

from tap import Suite
from tool import TIMEOUT, parse_json

suite = Suite()
tests = suite.tests

STATS = "sys/kernel/asi/classes/user/stats"
INTERVAL = 0.4


def put(root, path, text):
    """Replaces a file at once: a reader sees all of the old or the new."""
    path = os.path.join(root, path)
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write(text)
    os.rename(path + ".new", path)


def start(tool, root, *args):
    return subprocess.Popen([tool.program, "stat", "--sysroot", root, "-i", str(INTERVAL), *args],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def reports(tool, root, change, *args):
    """What two intervals say when change() runs in the first of them."""
    with start(tool, root, "-n", "2", "--json", *args) as process:
        time.sleep(INTERVAL / 2)
        change()
        out, err = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0 and not err, err
    lines = [parse_json(line) for line in out.splitlines()]
    assert len(lines) == 2, out
    return lines


def counters(report, name):
    return {c["name"]: c["counters"] for c in report["classes"]}[name]


@suite("stat -i: differences per second")
def rates(tool):
    root = tool.fresh("on")
    first, second = reports(tool, root, lambda: put(root, f"{STATS}/enters", "6210\n"))
    enters = counters(first, "user")["enters"]
    assert enters["delta"] == 1000, first
    assert abs(enters["per_second"] * first["seconds"] - 1000) < 1, first
    assert INTERVAL * 0.9 < first["seconds"] < INTERVAL * 5, first
    assert counters(second, "user")["enters"] == {"delta": 0, "per_second": 0}, second
    assert counters(first, "kvm")["enters"]["delta"] == 0, first


@suite("stat -i: a counter that goes backwards has no rate")
def backwards(tool):
    root = tool.fresh("on")
    first, second = reports(tool, root, lambda: put(root, f"{STATS}/enters", "1\n"))
    assert counters(first, "user")["enters"] is None, first
    assert counters(second, "user")["enters"]["delta"] == 0, second


@suite("stat -i: a class that comes and one that goes")
def classes_change(tool):
    root = tool.fresh("on")
    classes = os.path.join(root, "sys/kernel/asi/classes")

    def change():
        shutil.copytree(f"{classes}/user", f"{root}/late")
        os.rename(f"{root}/late", f"{classes}/late")
        os.rename(f"{classes}/kvm", f"{root}/gone")

    first, second = reports(tool, root, change)
    assert counters(first, "late")["enters"] is None, first
    assert counters(second, "late")["enters"]["delta"] == 0, second
    assert "kvm" not in {c["name"] for c in first["classes"]}, first


@suite("stat -i: a value that is no number has no rate")
def no_number(tool):
    root = tool.fresh("on")
    first, _ = reports(tool, root, lambda: put(root, f"{STATS}/enters", "many\n"))
    assert counters(first, "user")["enters"] is None, first


@suite("stat -i: numbers near 2^64")
def huge(tool):
    root = tool.fresh("on")
    put(root, f"{STATS}/enters", "0\n")
    first, _ = reports(tool, root,
                       lambda: put(root, f"{STATS}/enters", "18446744073709551615\n"))
    assert counters(first, "user")["enters"]["delta"] == "18446744073709551615", first


@suite("stat -i --per-cpu: what was left out was zero")
def per_cpu(tool):
    root = tool.fresh("on")
    table = os.path.join(root, "sys/kernel/debug/asi/stats_percpu")
    with open(table, encoding="ascii") as file:
        text = file.read()
    first, _ = reports(tool, root, lambda: put(root, "sys/kernel/debug/asi/stats_percpu",
                                               "0 kvm flushes 8\n" + text + "3 user enters 40\n"),
                       "--per-cpu")
    values = {(c["cpu"], c["class"], c["counter"]): c["value"]["delta"] for c in first["cpus"]}
    assert values[(3, "user", "enters")] == 40, first
    assert values[(0, "kvm", "flushes")] == 8, first
    assert values[(1, "user", "enters")] == 0, first


@suite("stat -i: text, one block an interval")
def text_blocks(tool):
    result = tool.on("on", "stat", "-i", "0.05", "-n", "3")
    blocks = result.stdout.split("\n\n")
    assert len(blocks) == 4 and blocks[3] == "", result.show()
    for block in blocks[:3]:
        lines = block.splitlines()
        assert lines[0].startswith("Per second, over 0."), block
        assert lines[1].split() == ["COUNTER", "kvm", "user"], block
        assert lines[2].split() == ["enters", "0.0", "0.0"], block


@suite("stat -i: ends with an error when ASI is gone")
def gone(tool):
    root = tool.fresh("on")
    with start(tool, root, "--json") as process:
        process.stdout.readline()
        os.rename(f"{root}/sys/kernel/asi", f"{root}/gone")
        out, err = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 2 and not err, (process.returncode, out, err)
    last = parse_json(out.splitlines()[-1])
    assert last["error"] and last["hint"], out


@suite("stat -i: each report is out before the next interval")
def not_buffered(tool):
    with start(tool, tool.root("on"), "--json") as process:
        begin = time.monotonic()
        assert parse_json(process.stdout.readline())["seconds"] > 0
        took = time.monotonic() - begin
        process.terminate()
    assert took < 20 * INTERVAL, took
