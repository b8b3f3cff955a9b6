# SPDX-License-Identifier: GPL-2.0
"""faults and top of one process, with the answers of a driver instead of one."""

import contextlib
import os
import shutil
import signal
import subprocess
import time

import device
from driver import basics, with_answers
from privilege import in_chroot
from tap import Skip, Suite
from terminal import LEAVE, terminal
from tool import TIMEOUT, parse_json

suite = Suite()
tests = suite.tests

EPERM, ESRCH, EUSERS, EINTR, ENOMEM = 1, 3, 87, 4, 12
ATTACHED = device.answer(device.ATTACH, device.attach(4711))
ENDED = device.answer(device.FAULTS, device.faults(), ESRCH)


def attached(tool, *answers):
    return with_answers(tool, *basics(), ATTACHED, *answers)


def sites(value):
    return {site["symbol"]: site["count"] for site in value["sites"]}


@suite("faults --pid: what the driver has of each fault, most first")
def all_fields(tool):
    root = attached(tool, device.looked(
        device.fault(3, "b+0x2[kvm]", 0x7000, "window", device.TENSE, 0xffffffff81000002,
                     "vmalloc"),
        device.fault(9, "a+0x1", 0, "hole", device.INTERRUPT, 0xffffffff81000001),
        device.fault(2 ** 64 - 1, "", 0x8000, "", 7, 0x3, "direct slab"), lost=5))
    value = tool.run(["faults", "--pid", "4711", "--json"], root).json()
    keys = ("count", "class", "phase", "memory", "ip", "symbol", "page", "object")
    assert [tuple(f[key] for key in keys) for f in value["faults"]] == [
        ("18446744073709551615", "user", "7", "?", "0x3", "?", "0x8000", "direct slab"),
        (9, "user", "interrupt", "hole", "0xffffffff81000001", "a+0x1", "0x0", "?"),
        (3, "user", "tense", "window", "0xffffffff81000002", "b+0x2[kvm]", "0x7000", "vmalloc"),
    ], value
    assert (value["pid"], value["class"], value["lost"]) == (4711, "user", 5), value
    assert (value["left_out"], value["ended"]) == (0, False), value
    text = tool.run(["faults", "--pid", "4711", "--class", "kvm"], root).stdout
    assert text.startswith("Faults of process 4711, class kvm, since it is watched:\n"), text
    assert "Page 0x0 stands for all further pages" in text and "Lost: 5, " in text, text


@suite("faults --pid: the log of all processes has no part in it")
def not_the_log(tool):
    root = attached(tool, device.looked(device.fault(1, "only+0x1", 0x1000)))
    shutil.rmtree(os.path.join(root, "sys/kernel/debug"))
    for verb, key in (("faults", "faults"), ("top", "sites")):
        entry, = tool.run([verb, "--pid", "4711", "--json"], root).json()[key]
        assert entry["symbol"] == "only+0x1", entry


@suite("faults --pid: entries that found no room are told")
def left_out(tool):
    entries = [device.fault(1, f"f{n}+0x1", 0x1000) for n in range(device.MAX_ENTRIES)]
    root = attached(tool, device.looked(*entries, total=device.MAX_ENTRIES + 3))
    value = tool.run(["faults", "--pid", "4711", "--json"], root).json()
    assert len(value["faults"]) == device.MAX_ENTRIES and value["left_out"] == 3, value["left_out"]
    for verb in ("faults", "top"):
        last = tool.run([verb, "--pid", "4711"], root).last_line()
        assert last == "Left out: 3 entries more, with fewer faults", last


@suite("faults --pid: more entries than were asked for are no answer")
def too_many(tool):
    entries = [device.fault(1, "a+0x1")] * (device.MAX_ENTRIES + 1)
    result = tool.run(["faults", "--pid", "4711"], attached(tool, device.looked(*entries)))
    assert result.status == 1 and "Input/output error" in result.stderr, result.show()
    root = attached(tool, device.answer(device.FAULTS, device.faults(2 ** 32 - 1),
                                        array=device.fault(1, "a+0x1")))
    value = tool.run(["faults", "--pid", "4711", "--json"], root).json()
    assert len(value["faults"]) == device.MAX_ENTRIES, len(value["faults"])
    assert value["faults"][0]["symbol"] == "a+0x1" and value["faults"][1]["count"] == 0, value


@suite("faults, top --pid: junk in the answers reaches neither terminal nor JSON")
def junk(tool):
    ugly = b"\x1b[2J\xff" * 40
    root = attached(tool, device.looked(device.fault(1, ugly, 0x1000, ugly, 2 ** 32 - 1, obj=ugly)))
    for verb in ("faults", "top"):
        text = tool.run([verb, "--pid", "4711"], root)
        assert text.status == 0 and "\\x1b[2J\\xff" in text.stdout, text.show()
        assert all(" " <= c <= "~" or c == "\n" for c in text.stdout), text.show()
        assert tool.run([verb, "--pid", "4711", "--json"], root).json()["pid"] == 4711


@suite("top --pid: adds up pages and phases")
def sums(tool):
    root = attached(tool, device.looked(
        device.fault(4, "a+0x1", 0x1000), device.fault(2, "a+0x1", 0x2000),
        device.fault(1, "a+0x1", 0x2000, phase=device.TENSE), device.fault(8, "b+0x1", 0)))
    value = tool.run(["top", "--pid", "4711", "--class", "kvm", "--json"], root).json()
    assert [(s["symbol"], s["class"], s["count"], s["pages"], s["further_pages"])
            for s in value["sites"]] == [
                ("b+0x1", "kvm", 8, 0, True), ("a+0x1", "kvm", 7, 2, False)], value
    assert (value["pid"], value["class"], value["count"]) == (4711, "kvm", 15), value
    text = tool.run(["top", "--pid", "4711"], root).stdout
    assert text.startswith(
        "Faults of process 4711, class user, since it is watched: 15, at 2 sites"), text


@suite("top --pid -i -n: rates of what is new between two looks")
def rates(tool):
    root = attached(tool, device.looked(device.fault(4, "a+0x1")),
                    device.looked(device.fault(104, "a+0x1"), device.fault(3, "b+0x1")),
                    device.looked(device.fault(105, "a+0x1"), device.fault(3, "b+0x1")))
    args = ["top", "--pid", "4711", "-i", "0.02", "-n", "2"]
    lines = [parse_json(line) for line in tool.run([*args, "-j"], root).stdout.splitlines()]
    assert [sites(line) for line in lines] == [{"a+0x1": 100, "b+0x1": 3}, {"a+0x1": 1}], lines
    assert all(line["seconds"] >= 0.02 and not line["ended"] for line in lines), lines
    text = tool.run(args, root).stdout
    assert text.startswith("Faults of process 4711, class user, per second, over 0.0"), text


@suite("top --pid -i: when the process has ended, the totals until the last look")
def ended_between(tool):
    root = attached(tool, device.looked(device.fault(4, "a+0x1")),
                    device.looked(device.fault(104, "a+0x1")), ENDED)
    args = ["top", "--pid", "4711", "-i", "0.02"]
    result = tool.run([*args, "-j"], root)
    lines = [parse_json(line) for line in result.stdout.splitlines()]
    assert result.status == 0 and len(lines) == 2, result.show()
    assert sites(lines[0]) == {"a+0x1": 100} and "seconds" in lines[0], lines
    assert sites(lines[1]) == {"a+0x1": 104} and "seconds" not in lines[1], lines
    assert [line["ended"] for line in lines] == [False, True], lines
    result = tool.run(args, root)
    assert result.status == 0, result.show()
    assert "class user, since it is watched: 104, at 1 sites" in result.stdout, result.show()
    assert result.last_line().startswith("Process 4711 has ended or runs another program"), result


@suite("faults, top --pid: a process that ends at once has no faults, and that is said")
def ended_at_once(tool):
    root = attached(tool, ENDED)
    for args in (["faults"], ["top"], ["top", "-i", "0.02"]):
        result = tool.run([*args, "--pid", "4711"], root)
        assert result.status == 0, result.show()
        assert result.last_line().startswith("Process 4711 has ended or runs"), result.show()
        value = tool.run([*args, "--pid", "4711", "--json"], root).json()
        assert value["ended"] and value["lost"] is None and not value.get("count"), value


@suite("faults, top --pid: errors of the driver have hints that fit")
def errors(tool):
    for error, words, hint in (
            (ESRCH, "there is no process 4711", "asictl domains"),
            (2, "process 4711 has no domain of class kvm", "asictl domains"),
            (EUSERS, "too many domains are watched", "fuser -v /dev/asi"),
            (EPERM, "Operation not permitted", "all capabilities of root")):
        root = with_answers(tool, *basics(),
                            device.answer(device.ATTACH, device.attach(4711), error))
        check_failure(tool, root, words, hint)
    for error, words, hint in (
            (ENOMEM, "Cannot allocate memory", "free some memory"),
            (EPERM, "Operation not permitted", "all capabilities of root"),
            (EINTR, "Interrupted system call", "run it again")):
        root = attached(tool, device.answer(device.FAULTS, device.faults(), error))
        check_failure(tool, root, words, hint)
    check_failure(tool, attached(tool), "Inappropriate ioctl", "asictl version")
    root = with_answers(tool, *basics(device.ON | device.LOCKED), ATTACHED,
                        device.answer(device.FAULTS, device.faults(), EPERM))
    check_failure(tool, root, "cannot read the faults", "the kernel is locked down")


def check_failure(tool, root, words, hint):
    for verb in ("faults", "top"):
        args = [verb, "--pid", "4711", "--class", "kvm"]
        result = tool.run(args, root)
        assert result.status == 1 and words in result.stderr, result.show()
        assert not result.stdout and hint in result.last_line(), result.show()
        value = tool.run([*args, "--json"], root).json()
        assert words in value["error"] and hint in value["hint"], value


@contextlib.contextmanager
def watched(tool, looks, *args):
    """A process, and an asictl that watches it where these answers are the running system's."""
    if os.geteuid():
        raise Skip("needs root, for chroot")
    with subprocess.Popen(["sleep", "600"]) as process:
        try:
            root = with_answers(tool, *basics(), device.answer(
                device.ATTACH, device.attach(process.pid)), *looks)
            shutil.copy(tool.program, os.path.join(root, "watcher"))
            command = ["chroot", root, "/watcher", *args, "--pid", str(process.pid)]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watcher:
                try:
                    yield process, watcher
                finally:
                    watcher.kill()
        finally:
            process.kill()


def growing(count):
    return [device.looked(device.fault(n + 1, "a+0x1", 0x1000)) for n in range(count)]


@suite("faults --pid: counts until the interval is over, and looks meanwhile")
def counts_for_interval(tool):
    for args in (["faults"], ["top"]):
        before = time.monotonic()
        with watched(tool, growing(100), *args, "--json") as (_, watcher):
            value = parse_json(watcher.communicate(timeout=TIMEOUT)[0])
        assert time.monotonic() - before >= 2, "two seconds are the default"
        entry, = value["faults" if args == ["faults"] else "sites"]
        assert 1 < entry["count"] <= 9 and not value["ended"], value
    with watched(tool, growing(2), "faults", "-i", "0.1", "--json") as (_, watcher):
        out = watcher.communicate(timeout=TIMEOUT)[0]
    assert parse_json(out)["faults"][0]["count"] == 2 and out.count("\n") == 1, out


@suite("faults --pid: Ctrl-C ends the interval, and what was counted is shown")
def interrupted(tool):
    for sig in (signal.SIGINT, signal.SIGTERM):
        with watched(tool, growing(400), "faults", "-i", "80", "--json") as (_, watcher):
            time.sleep(0.6)
            assert watcher.poll() is None, "it does not wait"
            watcher.send_signal(sig)
            value = parse_json(watcher.communicate(timeout=TIMEOUT)[0])
        assert watcher.returncode == 0, watcher.returncode
        assert value["faults"][0]["count"] > 1 and not value["ended"], value


@suite("faults --pid: ends with the process, with what was counted until the last look")
def process_ends(tool):
    looks = [*growing(2), ENDED]
    with watched(tool, looks, "faults", "-i", "80", "--json") as (_, watcher):
        value = parse_json(watcher.communicate(timeout=TIMEOUT)[0])
    assert watcher.returncode == 0 and value["ended"], value
    assert value["faults"][0]["count"] == 2, value
    with watched(tool, growing(400), "faults", "-i", "80") as (process, watcher):
        time.sleep(0.6)
        process.kill()
        process.wait()
        out = watcher.communicate(timeout=TIMEOUT)[0]
    assert watcher.returncode == 0, watcher.returncode
    assert out.splitlines()[-1].startswith(f"Process {process.pid} has ended or runs"), out


@suite("terminal: top --pid leaves its last page when the process has ended")
def on_terminal(tool):
    root = attached(tool, *growing(3), ENDED)
    with terminal(tool, "top", "--pid", "4711", "-i", "0.1", root=root) as term:
        page = term.wait_page()
        owner = "Faults of process 4711, class user, "
        assert page[1].startswith(owner + "since it is watched: 1, "), page
        page = term.wait_page(lambda p: "per second" in p[1])
        assert page[1].startswith(owner + "per second, over "), page
        assert term.end() == 0, term.output[-300:]
        rest = term.output.split(LEAVE)[1].decode()
        assert "since it is watched: 3, at 1 sites" in rest, rest
        assert "Process 4711 has ended or runs another program" in rest, rest


@suite("not root: faults and top of a process are root's")
def denied(tool):
    root = tool.fresh("on")
    os.chmod(os.path.join(root, "dev/asi"), 0o600)
    for verb in ("faults", "top"):
        status, _, err = in_chroot(tool, root, verb, "--pid", "4711")
        assert status == 1 and "only root may open /dev/asi" in err, err


@suite("not root: who may open the device sees no address in it")
def addresses_hidden(tool):
    root = tool.fresh("on")
    status, out, err = in_chroot(tool, root, "faults", "--pid", "4711", "-i", "0.01")
    assert status == 0 and not err, (status, out, err)
    assert "rep_movs_alternative+0x42" in out and "Addresses are for root only." in out, out
    assert "ffffffff" not in out and "ffff888" not in out, out
