# SPDX-License-Identifier: GPL-2.0
"""faults and top: the log changes while they run, and is cleared."""

import os
import subprocess

from live import put
from privilege import in_chroot, nobody, public
from tap import Suite
from tool import parse_json

suite = Suite()
tests = suite.tests

LOG = "sys/kernel/debug/asi/faults"
STACKS = "sys/kernel/debug/asi/fault_stacks"
HEADING = "# count class phase memory ip symbol page\n"


def log(*entries, lost=0):
    """The text of a log; each entry is count, symbol, and perhaps page."""
    lines = [f"{e[0]} user relaxed sensitive 0x1 {e[1]} {e[2] if len(e) > 2 else '0x2000'}\n"
             for e in entries]
    return HEADING + "".join(lines) + f"# lost {lost}\n"


def counts(value):
    return {site["symbol"]: site["count"] for site in value["sites"]}


def reports(tool, before, after, seen):
    """The first report for which seen() is true after the log has changed."""
    root = tool.fresh("on")
    put(root, LOG, before)
    command = [tool.program, "top", "--sysroot", root, "-i", "0.1", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            first = parse_json(process.stdout.readline())
            assert first["sites"] == [] and first["count"] == 0, first
            put(root, LOG, after)
            for _ in range(50):
                report = parse_json(process.stdout.readline())
                if seen(report):
                    return report
        finally:
            process.terminate()
    raise AssertionError(f"the change was not seen in 50 reports: {report}")


@suite("top -i: only what is new, per second, most first")
def differences(tool):
    report = reports(tool, log((10, "a+0x1"), (5, "b+0x2"), (1, "still+0x1")),
                     log((13, "a+0x1"), (105, "b+0x2"), (1, "still+0x1"), (4, "new+0x3")),
                     lambda r: r["sites"])
    assert counts(report) == {"b+0x2": 100, "new+0x3": 4, "a+0x1": 3}, report
    assert [s["symbol"] for s in report["sites"]] == ["b+0x2", "new+0x3", "a+0x1"], report
    assert report["count"] == 107, report
    for site in report["sites"]:
        assert abs(site["per_second"] - site["count"] / report["seconds"]) < 1e-3, report


@suite("top -i: after the log was cleared, all that is in it is new")
def cleared(tool):
    report = reports(tool, log((10, "a+0x1"), (5, "b+0x2")), log((7, "a+0x1")),
                     lambda r: r["sites"])
    assert counts(report) == {"a+0x1": 7}, report


@suite("top: adds up pages and phases, keeps classes and kinds of memory apart")
def sums(tool):
    root = tool.fresh("on")
    put(root, LOG, HEADING + "".join(f"{line}\n" for line in (
        "1 user relaxed sensitive 0x1 f+0x1 0x1000", "2 user relaxed sensitive 0x1 f+0x1 0x2000",
        "4 user tense sensitive 0x1 f+0x1 0x2000", "8 kvm relaxed sensitive 0x1 f+0x1 0x2000",
        "16 user relaxed window 0x1 f+0x1 0x2000", "32 user relaxed sensitive 0x2 f+0x2 0x2000",
        "64 user relaxed sensitive 0x3 ? 0x2000", "128 user relaxed sensitive 0x4 ? 0x2000",
        "# lost 3")))
    value = tool.run(["top", "--json"], root).json()
    seen = [(s["count"], s["symbol"], s["class"], s["memory"], s["pages"]) for s in value["sites"]]
    assert seen == [(128, "0x4", "user", "sensitive", 1), (64, "0x3", "user", "sensitive", 1),
                    (32, "f+0x2", "user", "sensitive", 1), (16, "f+0x1", "user", "window", 1),
                    (8, "f+0x1", "kvm", "sensitive", 1), (7, "f+0x1", "user", "sensitive", 2)], seen
    assert value["lost"] == 3 and value["count"] == 255, value


@suite("faults: most first, whatever the order of the kernel")
def order(tool):
    root = tool.fresh("on")
    put(root, LOG, log((9, "a+0x1"), (100, "b+0x1"), (20, "c+0x1"), (20, "a+0x1", "0x9000")))
    faults = tool.run(["faults", "--json"], root).json()["faults"]
    assert [(f["count"], f["symbol"]) for f in faults] == [
        (100, "b+0x1"), (20, "a+0x1"), (20, "c+0x1"), (9, "a+0x1")], faults


@suite("faults: a log whose last line is missing is said not to be whole")
def not_whole(tool):
    root = tool.fresh("on")
    put(root, LOG, log((9, "a+0x1")).replace("# lost 0\n", ""))
    assert tool.run(["faults"], root).last_line() == "Lost: ?, the log is not whole"
    assert tool.run(["faults", "--json"], root).json()["lost"] is None


@suite("faults: lost ones are told, with what to do")
def lost(tool):
    root = tool.fresh("on")
    put(root, LOG, log(lost=5))
    assert tool.run(["faults"], root).last_line().startswith("Lost: 5, "), root
    assert "lost: 5" in tool.run(["top"], root).stdout


@suite("faults, top: page 0x0 is no page, but says that there were more")
def further_pages(tool):
    root = tool.fresh("on")
    put(root, LOG, log((9, "a+0x1", "0x0"), (5, "b+0x1"), (3, "a+0x1"), (1, "c+0x1", "0x0")))
    value = tool.run(["top", "--json"], root).json()
    assert [(s["symbol"], s["pages"], s["further_pages"]) for s in value["sites"]] == [
        ("a+0x1", 1, True), ("b+0x1", 1, False), ("c+0x1", 0, True)], value
    assert "all further pages of this instruction" in tool.run(["faults"], root).stdout
    put(root, LOG, log((9, "a+0x1")))
    assert "further" not in tool.run(["faults"], root).stdout


@suite("faults --stacks: if the kernel keeps none, how to make it")
def no_stacks(tool):
    root = tool.fresh("on")
    os.unlink(os.path.join(root, STACKS))
    result = tool.run(["faults", "--stacks"], root)
    assert result.status == 1 and "there is no /" + STACKS in result.stderr, result.show()
    assert "asi_debug_fault_stacks" in result.last_line(), result.show()


@suite("faults --stacks: each entry has the calls below it, and no others")
def stacks(tool):
    root = tool.fresh("on")
    put(root, STACKS, "2 user relaxed hole 0x1 a+0x1 0x2000\n  b+0x1/0x2\n  c+0x1/0x2\n"
                      "1 user relaxed hole 0x1 d+0x1 0x2000\n  b+0x3/0x4\n")
    faults = tool.run(["faults", "--stacks", "--json"], root).json()["faults"]
    assert [(f["symbol"], f["stack"]) for f in faults] == [
        ("a+0x1", ["b+0x1/0x2", "c+0x1/0x2"]), ("d+0x1", ["b+0x3/0x4"])], faults


@suite("faults --clear: leaves a dump alone")
def clear_dump(tool):
    root = tool.fresh("on")
    with open(os.path.join(root, LOG), "rb") as file:
        before = file.read()
    result = tool.run(["faults", "--clear"], root)
    assert result.status == 1 and "a dump is not to be changed" in result.stderr, result.show()
    assert tool.run(["faults", "--clear", "--json"], root).json()["hint"]
    with open(os.path.join(root, LOG), "rb") as file:
        assert file.read() == before


@suite("faults --clear: writes to the log of the machine, and says so")
def clear_live(tool):
    root = tool.fresh("on")
    status, out, err = in_chroot(tool, root, "faults", "--clear", user=0)
    assert (status, out, err) == (0, "Cleared.\n", ""), (status, out, err)
    with open(os.path.join(root, LOG), "rb") as file:
        assert file.read().startswith(b"0\ncount class"), "not written to"
    status, out, err = in_chroot(tool, root, "faults", "--clear", "--json", user=0)
    assert status == 0 and parse_json(out) == {"cleared": True}, (status, out, err)
    os.unlink(os.path.join(root, LOG))
    status, out, err = in_chroot(tool, root, "faults", "--clear", user=0)
    assert status == 1 and "there is no /sys/kernel/debug/asi/faults" in err, (status, out, err)


@suite("faults --clear: not root is told to be")
def clear_denied(tool):
    root = tool.fresh("on")
    os.chmod(os.path.join(root, LOG), 0o600)
    status, out, err = in_chroot(tool, root, "faults", "--clear")
    assert status == 1 and "only root may clear" in err, (status, out, err)
    assert err.endswith("Hint: run it as root\n"), err


@suite("not root: faults and top show no address of the running kernel")
def addresses_hidden(tool):
    root = tool.fresh("on")
    for verb in ("faults", "top", "faults --stacks"):
        for option in ([], ["--json"], ["--sysroot", "/"]):
            status, out, err = in_chroot(tool, root, *verb.split(), *option)
            assert status == 0 and not err, (status, out, err)
            assert "clear_page_erms+0x7" in out, out
            assert "ffffffff" not in out and "ffff888" not in out, out


@suite("not root: the addresses of a dump are the user's own")
def dump_addresses(tool):
    result = public(tool).run(["faults"], tool.fresh("on"), nobody())
    assert result.status == 0 and "0xffffffff8164a1c2" in result.stdout, result.show()
