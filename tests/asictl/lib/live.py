# SPDX-License-Identifier: GPL-2.0
"""stat --interval: the files change while it runs."""

import os
import shutil
import subprocess
import threading
import time

from tap import Suite
from tool import TIMEOUT, parse_json

suite = Suite()
tests = suite.tests

STATS = "sys/kernel/asi/classes/user/stats"
PER_CPU = "sys/kernel/debug/asi/stats_percpu"
INTERVAL = 0.1


def put(root, path, text):
    """Replaces a file at once: a reader sees all of the old or the new."""
    path = os.path.join(root, path)
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write(text)
    os.rename(path + ".new", path)


def start(tool, root, *args, interval=INTERVAL):
    return subprocess.Popen([tool.program, "stat", "--sysroot", root, "-i", str(interval), *args],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def reports(tool, root, change, seen, *args):
    """
    Calls change() after the first report. Returns the next one for which
    seen() is true, and the one that follows it: on a busy machine nobody
    knows in which interval a change falls.
    """
    with start(tool, root, "--json", *args) as process:
        try:
            parse_json(process.stdout.readline())
            change()
            for _ in range(50):
                report = parse_json(process.stdout.readline())
                if seen(report):
                    return report, parse_json(process.stdout.readline())
        finally:
            process.terminate()
    raise AssertionError(f"the change was not seen in 50 reports: {report}")


def counters(report, name):
    """The counters of a class, None if it is not there."""
    return {c["name"]: c["counters"] for c in report["classes"]}.get(name)


def enters(report):
    return counters(report, "user")["enters"]


def moved(report):
    return enters(report) is None or enters(report)["delta"]


@suite("stat -i: differences per second")
def rates(tool):
    root = tool.fresh("on")
    first, second = reports(tool, root, lambda: put(root, f"{STATS}/enters", "6210\n"), moved)
    assert enters(first)["delta"] == 1000, first
    assert abs(enters(first)["per_second"] * first["seconds"] - 1000) < 1, first
    assert first["seconds"] >= INTERVAL, first
    assert enters(second) == {"delta": 0, "per_second": 0}, second
    assert counters(first, "kvm")["enters"]["delta"] == 0, first


@suite("stat -i: a counter that goes backwards has no rate")
def backwards(tool):
    root = tool.fresh("on")
    first, second = reports(tool, root, lambda: put(root, f"{STATS}/enters", "1\n"), moved)
    assert enters(first) is None, first
    assert enters(second)["delta"] == 0, second


@suite("stat -i: a class that comes and one that goes")
def classes_change(tool):
    root = tool.fresh("on")
    classes = os.path.join(root, "sys/kernel/asi/classes")
    shutil.copytree(f"{classes}/user", f"{root}/late")

    def change():
        os.rename(f"{classes}/kvm", f"{root}/gone")
        os.rename(f"{root}/late", f"{classes}/late")

    first, second = reports(tool, root, change, lambda report: counters(report, "late"))
    assert counters(first, "late")["enters"] is None, first
    assert counters(second, "late")["enters"]["delta"] == 0, second
    assert counters(second, "kvm") is None, second


@suite("stat -i: a value that is no number has no rate")
def no_number(tool):
    root = tool.fresh("on")
    first, second = reports(tool, root, lambda: put(root, f"{STATS}/enters", "many\n"), moved)
    assert enters(first) is None and enters(second) is None, (first, second)


@suite("stat -i: numbers near 2^64")
def huge(tool):
    root = tool.fresh("on")
    put(root, f"{STATS}/enters", "0\n")
    first, _ = reports(tool, root,
                       lambda: put(root, f"{STATS}/enters", "18446744073709551615\n"), moved)
    assert enters(first)["delta"] == "18446744073709551615", first


def per_cpu_deltas(report):
    return {(c["cpu"], c["class"], c["counter"]): c["value"]["delta"] for c in report["cpus"]}


@suite("stat -i --per-cpu: what was left out was zero")
def per_cpu(tool):
    root = tool.fresh("on")
    with open(os.path.join(root, PER_CPU), encoding="ascii") as file:
        text = "0 kvm flushes 8\n" + file.read() + "3 user enters 40\n"
    first, second = reports(tool, root, lambda: put(root, PER_CPU, text),
                            lambda report: len(report["cpus"]) == 5, "--per-cpu")
    values = per_cpu_deltas(first)
    assert values[(3, "user", "enters")] == 40, first
    assert values[(0, "kvm", "flushes")] == 8, first
    assert values[(1, "user", "enters")] == 0, first
    assert not any(per_cpu_deltas(second).values()), second


@suite("stat -i: text, one block an interval")
def text_blocks(tool):
    result = tool.on("on", "stat", "-i", "0.05", "-n", "3")
    blocks = result.stdout.split("\n\n")
    assert len(blocks) == 4 and blocks[3] == "", result.show()
    for block in blocks[:3]:
        lines = block.splitlines()
        assert lines[0].startswith("Per second, over "), block
        assert lines[1].split() == ["COUNTER", "kvm", "user"], block
        assert lines[2].split() == ["enters", "0.0", "0.0"], block


@suite("stat -i -n: as many reports as asked for")
def count(tool):
    result = tool.on("on", "stat", "-i", "0.01", "-n", "7", "--json")
    assert result.status == 0 and len(result.stdout.splitlines()) == 7, result.show()
    for line in result.stdout.splitlines():
        assert parse_json(line)["seconds"] >= 0.01, line


def flicker(path, away, stop):
    """Takes a file away and puts it back until told to stop."""
    while not stop.is_set():
        os.rename(path, away)
        time.sleep(0.001)
        os.rename(away, path)
        time.sleep(0.001)


@suite("stat: a file that vanishes between being listed and opened is no error")
def vanishing(tool):
    root = tool.fresh("on")
    stats = os.path.join(root, STATS)
    # Many files before it, so that the time between the two is long.
    for i in range(1000):
        with open(f"{stats}/filler{i}", "wb") as file:
            file.write(b"1\n")
    away = os.path.join(root, "away")
    stop = threading.Event()
    thread = threading.Thread(target=flicker, args=(f"{stats}/warnings", away, stop))
    thread.start()
    try:
        results = [tool.run(["stat", "--json"], root) for _ in range(20)]
    finally:
        stop.set()
        thread.join()
    for result in results:
        assert result.status == 0, result.json()["error"]


@suite("stat -i: goes on when a counter cannot be read, and tells")
def unreadable(tool):
    root = tool.fresh("on")
    path = os.path.join(root, STATS, "enters")
    os.unlink(path)
    os.symlink("exits", path)
    result = tool.run(["stat", "-i", "0.01", "-n", "3", "--json"], root)
    assert result.status == 1 and len(result.stdout.splitlines()) == 3, result.show()
    for line in result.stdout.splitlines():
        assert enters(parse_json(line)) is None and parse_json(line)["error"], line


@suite("stat -i: ends with an error when ASI is gone")
def gone(tool):
    root = tool.fresh("on")
    with start(tool, root, "--json") as process:
        process.stdout.readline()
        os.rename(f"{root}/sys/kernel/asi", f"{root}/gone")
        out, err = process.communicate(timeout=TIMEOUT)
    assert process.returncode in (1, 2) and not err, (process.returncode, out, err)
    last = parse_json(out.splitlines()[-1])
    assert last["error"] and last["hint"], out


@suite("stat -i: each report is out before the next interval")
def not_buffered(tool):
    with start(tool, tool.root("on"), "--json", "--per-cpu") as process:
        data = os.read(process.stdout.fileno(), 1 << 16)
        process.terminate()
    # A buffer that was written because it was full ends in the midst of a line.
    assert data.endswith(b"\n"), data[-80:]
