# SPDX-License-Identifier: GPL-2.0
"""map: what is counted, and what is drawn."""

import os
import random
import re
import subprocess
import xml.etree.ElementTree as xml

from live import put
from privilege import in_chroot
from tap import Suite
from tool import TIMEOUT

suite = Suite()
tests = suite.tests

MAP = "sys/kernel/debug/asi/map"
HEADING = "# start end level unrestricted restricted region\n"
PAGE = 4096
SVG = "{http://www.w3.org/2000/svg}"
# Of the drawing.
BLUE, AMBER, RED = "#3f74a8", "#f0a330", "#c8102e"
BAR_X, BAR_WIDTH, BAR_HEIGHT = 250, 640, 30


def make(tool, *lines, owner="# domain 4711 redis user\n"):
    """A tree with a map of these lines."""
    root = tool.fresh("on")
    put(root, MAP, HEADING + "".join(line + "\n" for line in lines) + owner)
    return root


def run(start, end, bits, region="r", level="4K"):
    return f"{start:#x} {end:#x} {level} {bits[0]} {bits[1]} {region}"


def value(tool, root):
    return tool.run(["map", "4711", "--json"], root).json()


def bars(tool, root):
    """The bar of each region in the text."""
    text = tool.run(["map", "4711"], root).stdout
    return dict(re.findall(r"^(\S+) +\|(.{64})\|$", text, re.M))


def boxes(svg, colour):
    """x, y, width, height of all boxes in the paths of a colour."""
    found = []
    for path in xml.fromstring(svg).iter(f"{SVG}path"):
        if path.get("fill") == colour:
            data = path.get("d")
            parts = re.findall(r"M(\d+) ([\d.]+)h(\d+)v([\d.]+)h-(\d+)z", data)
            assert "".join("M{} {}h{}v{}h-{}z".format(*p) for p in parts) == data, data
            found += [tuple(map(float, p[:4])) for p in parts]
    return found


def draw(tool, root):
    result = tool.run(["map", "4711", "--svg", "-"], root)
    assert result.status == 0 and not result.stderr, result.show()
    return result.stdout


@suite("map: bytes of each state add up, in any order of lines, with gaps left out")
def sums(tool):
    rng = random.Random(7)
    lines, want = [], {}
    for region in ("a", "b", "c"):
        at = rng.randrange(1 << 40) * PAGE
        begin = at
        sums_of = {"00": 0, "11": 0, "10": 0, "01": 0}
        for _ in range(200):
            size = rng.choice((1, 3, 512, 1 << 20)) * PAGE
            bits = rng.choice(("00", "11", "10", "01", ""))
            if bits:
                lines.append(run(at, at + size, bits, region))
                end = at + size
            if bits or len(lines) and lines[-1].endswith(region) and at > begin:
                sums_of[bits or "00"] += size
            else:
                begin += size
            at += size
        # What comes after the last line belongs to nothing.
        sums_of["00"] -= at - end
        want[region] = sums_of
    rng.shuffle(lines)
    regions = value(tool, make(tool, *lines))["regions"]
    seen = {r["name"]: {"11": r["mapped"], "10": r["hidden"], "01": r["restricted_only"],
                        "00": r["not_mapped"]} for r in regions}
    assert seen == want, (seen, want)
    for r in regions:
        assert sum(seen[r["name"]].values()) == int(r["end"], 16) - int(r["start"], 16), r


@suite("map: a bar is to scale, each state with its sign")
def scale(tool):
    page = 1 << 21
    root = make(tool, run(0, 16 * page, "11"), run(16 * page, 48 * page, "10"),
                run(48 * page, 52 * page, "01"), run(52 * page, 54 * page, "00"),
                run(54 * page, 64 * page, "11"))
    assert bars(tool, root) == {"r": "#" * 16 + "-" * 32 + "!" * 4 + " " * 2 + "#" * 10}
    svg = draw(tool, root)
    # Each column of the text is ten pixels wide.
    assert [(x, w) for x, _, w, _ in boxes(svg, BLUE)] == [(250, 160), (790, 100)], svg
    assert [(x, w) for x, _, w, _ in boxes(svg, AMBER)] == [(410, 320)], svg
    assert [(x, w) for x, _, w, _ in boxes(svg, RED)] == [(730, 40)], svg


@suite("map: what is mixed in a column shares it")
def mixed(tool):
    lines = [run(i << 12, (i + 1) << 12, "11" if i % 4 else "10") for i in range(6400)]
    root = make(tool, *lines)
    assert bars(tool, root) == {"r": "+" * 64}
    svg = draw(tool, root)
    assert [(x, w, h) for x, _, w, h in boxes(svg, BLUE)] == [(250, 640, 22.5)], svg
    assert [(x, w, h) for x, _, w, h in boxes(svg, AMBER)] == [(250, 640, 7.5)], svg


@suite("map: a single broken page in 64 TiB is seen")
def trace(tool):
    end = 64 << 40
    root = make(tool, run(0, end // 2, "11"), run(end // 2, end // 2 + PAGE, "01"),
                run(end // 2 + PAGE, end, "11"))
    assert "!" in bars(tool, root)["r"]
    assert all(h >= 2 and w >= 2 for _, _, w, h in boxes(draw(tool, root), RED))
    assert boxes(draw(tool, root), RED)
    text = tool.run(["map", "4711"], root).stdout
    assert "Broken: 4 KiB are mapped in the restricted address space only" in text, text


@suite("map: long gaps are cut, and labelled with their length")
def cut(tool):
    gib = 1 << 30
    root = make(tool, run(0, 1 << 46, "00"), run(1 << 46, (1 << 46) + gib, "11"),
                run((1 << 46) + gib, (1 << 46) + 41 * gib, "00"),
                run((1 << 46) + 41 * gib, (1 << 46) + 42 * gib, "11"))
    bar = bars(tool, root)["r"]
    assert re.fullmatch(r"~{3,5}#{26,30}~{3,5}#{26,30}", bar), bar
    labels = [t.text for t in xml.fromstring(draw(tool, root)).iter(f"{SVG}text")]
    assert "64 TiB" in labels and "40 GiB" in labels, labels
    hatched = [r for r in xml.fromstring(draw(tool, root)).iter(f"{SVG}rect")
               if r.get("fill") == "url(#cut)"]
    # One of them is in the legend.
    assert len(hatched) == 3, hatched


@suite("map: gaps never take most of the bar, however many there are")
def many_gaps(tool):
    for count in (1, 7, 40, 500):
        lines = [run(i << 40, (i << 40) + (1 << 30), "11") for i in range(count)]
        bar = bars(tool, make(tool, *lines))["r"]
        assert bar.count("#") >= 32, (count, bar)


@suite("map: a region in which nothing is mapped is empty and not cut")
def empty_region(tool):
    root = make(tool, run(0, 1 << 46, "00", level="-"))
    assert bars(tool, root) == {"r": " " * 64}
    assert not any(boxes(draw(tool, root), colour) for colour in (BLUE, AMBER, RED))


@suite("map: every drawing is sound XML and stays within its bars")
def sound(tool):
    for name in ("on", "newer", "broken"):
        svg = draw(tool, tool.root(name))
        page = xml.fromstring(svg)
        rows = [float(r.get("y")) for r in page.iter(f"{SVG}rect")
                if r.get("x") == f"{BAR_X}.0" and r.get("width") == f"{BAR_WIDTH}.0"]
        regions = value(tool, tool.root(name))["regions"]
        assert len(rows) == len(regions), (rows, regions)
        for colour in (BLUE, AMBER, RED):
            for x, y, width, height in boxes(svg, colour):
                assert BAR_X <= x and x + width <= BAR_X + BAR_WIDTH, (x, width)
                assert any(row - 0.1 <= y and y + height <= row + BAR_HEIGHT + 0.1
                           for row in rows), (y, height)
        for text in page.iter(f"{SVG}text"):
            assert float(text.get("y")) < float(page.get("height")), text.text
        names = [t.text for t in page.iter(f"{SVG}text") if t.get("class") == "name"]
        assert names == [r["name"] for r in regions], names


@suite("map: names that would be XML are text")
def quoting(tool):
    root = make(tool, run(0, PAGE, "11", '<a"b>&amp;'), owner='# domain 4711 <x>&"y user\n')
    labels = [t.text for t in xml.fromstring(draw(tool, root)).iter(f"{SVG}text")]
    assert '<a"b>&amp;' in labels, labels
    assert 'Address space of process 4711 (<x>&"y), class user' in labels, labels


@suite("map: lines that overlap or make no sense are told, and count for nothing")
def nonsense(tool):
    bad = (run(0x2000, 0x4000, "11"), run(0x8000, 0x8000, "11"), run(0x9000, 0x8000, "11"),
           run(0xa000, 0xb000, "21"), "x y z", "0x1 0x2 4K 1 1", "0X1000 0x2000 4K 1 1 r",
           "0x5000 0x10000000000000000 4K 1 1 r")
    root = make(tool, run(0x1000, 0x3000, "10"), *bad)
    seen = value(tool, root)
    assert seen["regions"] == [{"name": "r", "start": "0x1000", "end": "0x3000", "mapped": 0,
                                "hidden": 0x2000, "restricted_only": 0, "not_mapped": 0,
                                "entries": "4K"}], seen
    assert sorted(seen["not_understood"]) == sorted(bad), seen
    text = tool.run(["map", "4711"], root).stdout
    assert all(f"Not understood: {line}\n" in text for line in bad), text


@suite("map: a map without its last line is said not to be whole")
def not_whole(tool):
    root = make(tool, run(0, PAGE, "11"), owner="")
    assert value(tool, root)["whole"] is False
    result = tool.run(["map", "4711"], root)
    assert result.stdout.startswith("Address space of an unknown process\n"), result.show()
    assert result.last_line() == "The map is not whole: its last line is missing.", result.show()


@suite("map: of another process or class than asked for is an error, with what is there")
def other(tool):
    root = make(tool, run(0, PAGE, "11"))
    for args in (["4712"], ["4711", "kvm"], ["471"]):
        result = tool.run(["map", *args], root)
        assert result.status == 1, result.show()
        assert "address space of process 4711 (redis), class user" in result.stderr, result.show()
        assert result.last_line() == "Hint: ask for what is there: asictl map 4711 user"
        assert tool.run(["map", *args, "--json"], root).json()["error"]
    for args in (["4711"], ["4711", "user"], ["04711"]):
        assert tool.run(["map", *args], root).status == 0, args


@suite("map: asks the kernel for process and class, and reads from the beginning")
def asks(tool):
    for args, question in ((["4711"], "4711\n"), (["4711", "kvm"], "4711 kvm\n")):
        root = tool.fresh("on")
        path = os.path.join(root, MAP)
        with open(path, encoding="ascii") as file:
            text = file.read()
        # A file keeps what is written to it: room for the question.
        put(root, MAP, "#" * (len(question) - 1) + "\n" + text)
        status, out, err = in_chroot(tool, root, "map", *args, user=0)
        assert status == 0 and not err, (status, out, err)
        with open(path, encoding="ascii") as file:
            assert file.read() == question + text
        assert "(qemu-system-x86), class kvm" in out, out
        assert f"Not understood: {question}" in out, out
        assert re.search(r"^direct +2\d\d MiB +2\d\d MiB", out, re.M), out


@suite("map: not root sees no address of the running kernel, and asks for nothing")
def denied(tool):
    root = tool.fresh("on")
    os.chmod(os.path.join(root, MAP), 0o666)
    with open(os.path.join(root, MAP), "rb") as file:
        before = file.read()
    for option in ([], ["--json"], ["--svg", "-"]):
        status, out, err = in_chroot(tool, root, "map", "4711", *option)
        assert status == 1 and "run it as root" in out + err and "ffff" not in out, (out, err)
    with open(os.path.join(root, MAP), "rb") as file:
        assert file.read() == before


@suite("map --svg: writes the file, or says why not")
def svg_file(tool):
    root = tool.root("on")
    path = os.path.join(tool.scratch, "map.svg")
    result = tool.run(["map", "4711", "--svg", path], root)
    assert (result.status, result.stdout, result.stderr) == (0, "", ""), result.show()
    with open(path, encoding="ascii") as file:
        assert file.read() == draw(tool, root)
    for bad, why in ((os.path.join(tool.scratch, "none/map.svg"), "No such file"),
                     ("/dev/full", "No space left"), (tool.scratch, "Is a directory")):
        result = tool.run(["map", "4711", "--svg", bad], root)
        assert result.status == 1 and why in result.stderr, result.show()
        assert result.last_line().startswith("Hint: "), result.show()
    with open("/dev/full", "w") as full:
        done = subprocess.run([tool.program, "map", "4711", "--svg", "-", "--sysroot", root],
                              stdout=full, stderr=subprocess.PIPE, text=True, timeout=TIMEOUT)
    assert done.returncode == 1 and "Hint: " in done.stderr, done.stderr


@suite("map: sizes are rounded as people would")
def sizes(tool):
    for size, text in ((1, "1 B"), (1023, "1023 B"), (1024, "1 KiB"), (1536, "1.5 KiB"),
                       (10239, "10 KiB"), ((1 << 20) - 1, "1 MiB"), ((1 << 43) - 1, "8 TiB"),
                       (1500 << 20, "1.5 GiB"), (2**64 - 1, "16 EiB")):
        row = re.search(r"^r +(\S.*?)  ", tool.run(["map", "4711"], make(
            tool, run(0, size, "11"))).stdout, re.M)
        assert row.group(1) == text, (size, row.group(1))
