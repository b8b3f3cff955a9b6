# SPDX-License-Identifier: GPL-2.0
"""Files that want to do harm."""

import os
import resource

import dump
from tap import Suite

suite = Suite()
tests = suite.tests

COMMANDS = (["status"], ["check"], ["stat"], ["stat", "--per-cpu"], ["domains"],
            ["faults"], ["faults", "--stacks"], ["top"], ["map", "4711"], ["features"],
            ["version"], ["test"], ["test", "--list"], ["test", "printk", "--grant", "console_owner"],
            ["grant", "0xffff888104a21000", "4096", "--pid", "4711", "--class", "kvm"],
            ["grant", "--list"], ["faults", "--pid", "4711"], ["top", "--pid", "4711"])
# Those that JSON is not an alternative to.
TEXT_ONLY = (["check", "--prometheus"], ["stat", "--prometheus"], ["map", "4711", "--svg", "-"])


def cpu_seconds():
    """What the programs run so far took: unlike time, no matter of load."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def check_all(tool, root):
    """Every command ends well, as text and as JSON; all results."""
    results = []
    for args in TEXT_ONLY:
        result = tool.run(args, root)
        assert result.status in (0, 1, 2, 3), result.show()
        if result.status:
            assert result.last_line().startswith("Hint: "), result.show()
        assert all(" " <= c <= "~" or c == "\n" for c in result.stdout), result.show()
    for args in COMMANDS:
        text = tool.run(args, root)
        value = tool.run([*args, "--json"], root)
        assert text.status == value.status, text.show() + value.show()
        value.json()
        if text.status:
            assert value.json()["error"] and value.json()["hint"], value.show()
            assert text.last_line().startswith("Hint: "), text.show()
        for line in text.stdout.splitlines():
            assert line == line.rstrip(), f"blanks at the end: {line!r}"
            assert all(" " <= c <= "~" for c in line), f"not printable: {line!r}"
        results += [text, value]
    return results


@suite("every command on every dump: valid JSON, clean text, a hint if it failed")
def matrix(tool):
    for name in dump.names():
        check_all(tool, tool.root(name))


@suite("symbolic links out of a dump are not followed")
def links(tool):
    for link in ("sys", "sys/kernel", "sys/kernel/asi", "sys/kernel/asi/classes",
                 "sys/kernel/asi/enabled", "proc", "sys/kernel/debug/asi/domains"):
        root = tool.fresh("on")
        path = os.path.join(root, link)
        os.rename(path, os.path.join(root, "outside"))
        os.symlink(os.path.join(root, "outside"), path)
        check_all(tool, root)
        status = tool.run(["status", "--json"], root).json()
        if link == "proc":
            assert status["kernel"] is None, status
        elif "debug" in link:
            assert tool.run(["domains"], root).status == 1
        else:
            assert status["verdict"] != "restricted", (link, status)


@suite("a pipe in a dump does not make it wait")
def pipes(tool):
    root = tool.fresh("on")
    for name in ("sys/kernel/asi/reason", "sys/kernel/debug/asi/domains", "proc/cpuinfo",
                 "sys/kernel/debug/asi/faults", "sys/kernel/debug/asi/fault_stacks",
                 "sys/kernel/debug/asi/map", "dev/asi"):
        os.unlink(os.path.join(root, name))
        os.mkfifo(os.path.join(root, name))
    check_all(tool, root)


@suite("a file of 100 KiB where a value belongs is called too large")
def long_value(tool):
    root = tool.fresh("on")
    with open(os.path.join(root, "sys/kernel/asi/reason"), "wb") as file:
        file.write(b"x" * 102400)
    results = check_all(tool, root)
    assert results[0].status == 3, results[0].show()
    assert "/sys/kernel/asi/reason: File too large" in results[0].stdout, results[0].show()
    assert results[1].json()["unreadable"] == [
        {"path": "/sys/kernel/asi/reason", "error": "File too large"}], results[1].show()


@suite("a directory where a value belongs, a value where a directory belongs")
def swapped(tool):
    for name in ("enabled", "classes", "features", "classes/user", "classes/user/stats",
                 "classes/user/stats/enters"):
        root = tool.fresh("on")
        path = os.path.join(root, "sys/kernel/asi", name)
        is_dir = os.path.isdir(path)
        dump.remove(path)
        if is_dir:
            open(path, "wb").close()
        else:
            os.mkdir(path)
        check_all(tool, root)


@suite("a tree without end: ten thousand files, two hundred levels")
def endless(tool):
    root = tool.fresh("on")
    stats = os.path.join(root, "sys/kernel/asi/classes/user/stats")
    for i in range(10000):
        open(f"{stats}/c{i}", "wb").close()
    results = check_all(tool, root)
    assert results[0].status == 3, results[0].show()

    root = tool.fresh("on")
    bottom = os.path.join(root, "sys/kernel/asi", "d/" * 200)
    os.makedirs(bottom)
    open(os.path.join(bottom, "file"), "wb").close()
    results = check_all(tool, root)
    assert results[0].status == 0 and "d/d: File name too long" in results[0].stdout, (
        results[0].show())


@suite("a table of 3 MiB: long lines, many columns, many rows")
def large_table(tool):
    root = tool.fresh("on")
    with open(os.path.join(root, "sys/kernel/debug/asi/domains"), "wb") as file:
        file.write(b"# pid comm class pgd_phys " + b"c " * 20 + b"\n")
        file.write(b"1 a user 0x1 " + b"x " * 500000 + b"\n")
        file.write(b"2 b user 0x2\n" * 100000)
    before = cpu_seconds()
    result = tool.run(["domains", "--json"], root)
    assert len(result.json()["domains"]) == 100001
    assert result.status == 0
    assert cpu_seconds() - before < 20


@suite("a log of faults with 30000 entries is added up in no time")
def large_log(tool):
    root = tool.fresh("on")
    with open(os.path.join(root, "sys/kernel/debug/asi/faults"), "wb") as file:
        file.write(b"# count class phase memory ip symbol page\n")
        for i in range(30000):
            file.write(b"2 user relaxed sensitive 0x1 f%d+0x1 0x%x000\n" % (i % 1000, i))
        file.write(b"# lost 0\n")
    before = cpu_seconds()
    value = tool.run(["top", "--json"], root).json()
    assert value["count"] == 60000 and len(value["sites"]) == 1000, value["count"]
    assert all(site["count"] == 60 and site["pages"] == 30 for site in value["sites"])
    assert cpu_seconds() - before < 10


@suite("an address space in 60000 pieces is drawn in no time")
def large_map(tool):
    root = tool.fresh("on")
    with open(os.path.join(root, "sys/kernel/debug/asi/map"), "wb") as file:
        file.write(b"# start end level unrestricted restricted region\n")
        for i in range(60000):
            file.write(b"0x%x 0x%x 2M 1 %d direct\n" % (i << 21, (i + 1) << 21, i % 2))
        file.write(b"# domain 4711 a user\n")
    before = cpu_seconds()
    value = tool.run(["map", "4711", "--json"], root).json()
    assert value["regions"][0]["hidden"] == value["regions"][0]["mapped"] == 30000 << 21, value
    svg = tool.run(["map", "4711", "--svg", "-"], root)
    assert svg.status == 0 and len(svg.stdout) < 20000, len(svg.stdout)
    assert cpu_seconds() - before < 10


@suite("a heading with too few or a thousand columns gives way to the known one")
def bad_heading(tool):
    for heading in (b"#", b"# pid", b"#" + b" c" * 1000, b"#\xff \xff \xff \xff"):
        root = tool.fresh("on")
        with open(os.path.join(root, "sys/kernel/debug/asi/domains"), "wb") as file:
            file.write(heading + b"\n5 sh user 0x1000\n")
        check_all(tool, root)
        domains = tool.run(["domains", "--json"], root).json()["domains"]
        assert len(domains) == 1 and len(domains[0]) == 4, domains
        if b"\xff" not in heading:
            assert domains[0] == {"pid": 5, "comm": "sh", "class": "user",
                                  "pgd_phys": "0x1000"}, domains


@suite("a process that calls itself (hidden), 123 or #1 is shown so")
def odd_comm(tool):
    root = tool.fresh("on")
    with open(os.path.join(root, "sys/kernel/debug/asi/domains"), "wb") as file:
        file.write(b"# pid comm class pgd_phys\n5 (hidden) user 0x1\n"
                   b"6 123 user 0x2\n7 #1 user 0x3\n")
    domains = tool.run(["domains", "--json"], root).json()["domains"]
    assert [d["comm"] for d in domains] == ["(hidden)", "123", "#1"], domains
