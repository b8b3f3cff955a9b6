# SPDX-License-Identifier: GPL-2.0
"""test, grant and revoke, with the answers of a driver instead of one."""

import contextlib
import os
import re
import shutil
import subprocess
import time

import device
from privilege import in_chroot
from tap import Skip, Suite
from tool import TIMEOUT, TOP, parse_json

suite = Suite()
tests = suite.tests

HEADER = os.path.join(os.environ.get("UAPI", os.path.join(TOP, "linux/include/uapi")),
                      "linux/asi.h")
NUMBERS = {"INFO": device.INFO, "DESCRIBE": device.DESCRIBE, "RUN": device.RUN,
           "ATTACH": device.ATTACH, "FAULTS": device.FAULTS, "GRANT": device.GRANT}
# What the kernel calls them, and what the answers here are made of.
CONSTANTS = {
    "ASI_MAX_STEPS": device.MAX_STEPS, "ASI_LEN_WORD": device.WORD,
    "ASI_LEN_SYMBOL": device.SYMBOL, "ASI_LEN_TEXT": device.TEXT,
    "ASI_TABLE_NONSENSITIVE": device.NONSENSITIVE, "ASI_TABLE_DECORATED": device.DECORATED,
    "ASI_STATE_NONE": device.NONE, "ASI_STATE_OUT": device.OUT, "ASI_STATE_IN": device.IN,
    "ASI_STATE_ANY": device.ANY, "ASI_STATE_GRANTED": device.GRANTED,
    "ASI_STATE_OTHER": device.OTHER, "ASI_RUN_PASSED": device.PASSED,
    "ASI_RUN_FAILED": device.FAILED, "ASI_RUN_SKIPPED": device.SKIPPED,
    "ASI_STEP_OK": device.OK, "ASI_STEP_FAULT": device.FAULT, "ASI_STEP_HIDDEN": device.HIDDEN,
    "ASI_INFO_ON": device.ON, "ASI_INFO_NONSENSITIVE": device.PLAIN,
    "ASI_INFO_DECORATED": device.DECO, "ASI_INFO_GRANT_LIVE": device.LIVE,
    "ASI_INFO_LOCKED_DOWN": device.LOCKED, "ASI_SEQUENCE_MODULE": device.SEQUENCE_MODULE,
    "ASI_PHASE_RELAXED": device.RELAXED, "ASI_PHASE_TENSE": device.TENSE,
    "ASI_PHASE_INTERRUPT": device.INTERRUPT, "ASI_MAX_ENTRIES": device.MAX_ENTRIES,
    "sizeof(struct asi_ioc_fault)": len(device.fault(0, "")),
}
# Of fields that are far from the start of their structure.
OFFSETS = (
    ("info", "reason", device.info(reason="@" * 9)),
    ("describe", "name", device.describe(0, "@" * 9, "", ())),
    ("describe", "purpose", device.describe(0, "", "@" * 9, ())),
    ("describe", "step[1]", device.describe(0, "", "", (("", 0, 0), ("@" * 9, 0, 0)))),
    ("run", "reason", device.run(0, 0, reason="@" * 9)),
    ("run", "step[1].name", device.run(0, 0, steps=[device.step("", 0), device.step("@" * 9, 0)])),
    ("run", "step[0].fault_page", device.run(0, 0, steps=[device.step("", 0, page=0x40)])),
    ("run", "step[0].fault_ip", device.run(0, 0, steps=[device.step("", 0, ip=0x40)])),
    ("run", "step[0].fault_symbol", device.run(0, 0, steps=[device.step("", 0, symbol="@")])),
    ("run", "step[0].object", device.run(0, 0, steps=[device.step("", 0, obj="@")])),
    ("attach", "class", device.attach(1, "@" * 9)),
    ("fault", "ip", device.fault(0, "", ip=0x40)),
    ("fault", "page", device.fault(0, "", 0x40, ip=0)),
    ("fault", "count", device.fault(0x40, "", ip=0)),
    ("fault", "phase", device.fault(0, "", phase=0x40)),
    ("fault", "memory", device.fault(0, "", memory="@" * 9)),
    ("fault", "symbol", device.fault(0, "@" * 9)),
    ("fault", "object", device.fault(0, "", obj="@" * 9)),
    ("faults", "faults", device.faults(at=0x40)),
    ("faults", "max", device.faults(most=0x40)),
    ("faults", "nr", device.faults(0x40, total=0)),
    ("faults", "total", device.faults(total=0x40)),
    ("faults", "lost", device.faults(lost=0x40)),
    ("grant", "length", device.grant(0, length=0x40)),
    ("grant", "name", device.grant(0, name="@" * 9)),
)


def of_compiler(tool, expressions):
    """What a C compiler that reads the header has for each."""
    source = os.path.join(tool.scratch, "header.c")
    lines = "".join(f'\tprintf("%lu\\n", (unsigned long)({e}));\n' for e in expressions)
    with open(source, "w", encoding="ascii") as file:
        file.write("#include <stddef.h>\n#include <stdio.h>\n#include <linux/asi.h>\n"
                   f"int main(void)\n{{\n{lines}\treturn 0;\n}}\n")
    program = source[:-2]
    subprocess.run(["gcc", f"-I{os.path.dirname(os.path.dirname(HEADER))}", "-o", program, source],
                   check=True)
    out = subprocess.run([program], stdout=subprocess.PIPE, check=True, text=True).stdout
    return [int(line) for line in out.split()]


@suite("drift: the answers here have the layout and the numbers of linux/asi.h")
def header(tool):
    expected = {f"ASI_IOC_{name}": device.request(number) for name, number in NUMBERS.items()}
    expected.update(CONSTANTS)
    expected.update({f"offsetof(struct asi_ioc_{kind}, {field})": data.index(b"@")
                     for kind, field, data in OFFSETS})
    seen = dict(zip(expected, of_compiler(tool, expected)))
    assert seen == expected, {key: (seen[key], want) for key, want in expected.items()
                              if seen[key] != want}


def with_answers(tool, *answers):
    root = tool.fresh("on")
    with open(os.path.join(root, "dev/asi"), "wb") as file:
        file.write(b"".join(answers))
    return root


def basics(flags=device.ON | device.PLAIN | device.DECO):
    return [device.answer(device.INFO, device.info(flags, len(device.SEQUENCES))),
            *device.described()]


@suite("test: what is missing is named, granted, and the next run goes further")
def worked_example(tool):
    first = tool.on("on", "test", "printk", "--table", "decorated")
    line = [line for line in first.stdout.splitlines() if line.startswith("To go further: ")][0]
    assert line == "To go further: asictl test printk --grant 0xffff888003a52000,4096", first.show()
    words = line.split("asictl ")[1].split()
    assert tool.on("on", "test", "printk", "-j").json()["runs"][1]["next_grant"] == words[-1]

    second = tool.on("granted", *words)
    assert second.status == 0, second.show()
    assert "Granted: 0xffff888003a52000,4096, 4096 bytes at 0xff" in second.stdout, second.show()
    assert "serial8250_console_write" not in second.stdout, second.show()
    assert second.stdout.count("page table: ") == 1, "a grant is for decorated tables"
    assert f"test printk --grant {words[-1]} --grant 0xffffc90000a2a000,4096\n" in second.stdout

    root = with_answers(tool, *basics(), device.answer(device.GRANT, device.grant(2, 4)),
                        device.ran(device.PRINTK, device.DECORATED))
    last = tool.run(words, root)
    assert last.status == 0 and "To go further" not in last.stdout, last.show()


@suite("test: what was granted is told one by one, as the kernel says it")
def several_grants(tool):
    root = with_answers(tool, *basics(), *(
        device.answer(device.GRANT, device.grant(2, 1, address, length, "a"))
        for address, length in ((0x1000, 8), (0x2000, 16))),
        device.ran(device.PRINTK, device.DECORATED))
    value = tool.run(["test", "printk", "-g", "a", "--grant", "b", "-j"], root).json()
    assert [(g["object"], g["address"], g["length"]) for g in value["grants"]] == [
        ("a", "0x1000", 8), ("b", "0x2000", 16)], value


@suite("test: what has a name is to be granted by that: a symbol, the module of one")
def suggests_names(tool):
    for left, word in ((device.LEFT_MODULE, "module:crc7"),
                       (device.LEFT_SYMBOL, "console_owner")):
        root = with_answers(tool, *basics(), device.printk_left(left))
        run, = tool.run(["test", "printk", "-t", "decorated", "-j"], root).json()["runs"]
        assert run["next_grant"] == word, run
        assert run["steps"][1]["fault"]["symbol"] == left["symbol"], run


@suite("test: a step that is not as expected makes it fail")
def fails(tool):
    result = tool.on("driver-fails", "test")
    assert result.status == 2 and "1 of 9 runs failed: first printk" in result.stderr, result.show()
    value = tool.on("driver-fails", "test", "--json").json()
    assert (value["passed"], value["failed"], value["skipped"]) == (6, 1, 2), value
    bad = [(run["sequence"], step["step"]) for run in value["runs"] for step in run["steps"]
           if not step["ok"]]
    assert bad == [("printk", "entered"), ("printk", "printed"), ("printk", "left")], bad


@suite("test: if nothing was run, nobody can tell")
def nothing(tool):
    result = tool.on("on", "test", "module-load")
    assert result.status == 3 and "all was skipped" in result.stderr, result.show()
    result = tool.on("on", "test", "schedule", "--table", "decorated")
    assert result.status == 3 and "nothing can be run" in result.stderr, result.show()
    root = with_answers(tool, device.answer(device.INFO, device.info()))
    assert tool.run(["test"], root).status == 3
    assert tool.run(["test", "--list", "--json"], root).json()["sequences"] == []


@suite("test: a driver that refuses in the middle leaves what was seen before")
def refuses(tool):
    root = with_answers(tool, *basics(), device.ran(device.ENTER_EXIT, device.NONSENSITIVE),
                        device.answer(device.RUN, device.run(0, 1)[:8], 4))
    result = tool.run(["test"], root)
    assert result.status == 1 and "Interrupted system call" in result.stderr, result.show()
    assert "enter-exit, nonsensitive page table: passed" in result.stdout, result.show()
    value = tool.run(["test", "--json"], root).json()
    assert len(value["runs"]) == 1 and value["hint"], value


@suite("test: a page table that the kernel cannot use is skipped, and not tried")
def table_missing(tool):
    root = with_answers(tool, *basics(device.ON | device.PLAIN),
                        device.ran(device.ENTER_EXIT, device.NONSENSITIVE))
    value = tool.run(["test", "enter-exit", "--json"], root).json()
    assert [(run["table"], run["result"]) for run in value["runs"]] == [
        ("nonsensitive", "passed"), ("decorated", "skipped")], value
    assert tool.run(["test", "enter-exit", "-t", "decorated"], root).status == 3


@suite("test: wrong names are told with what to do")
def wrong_names(tool):
    result = tool.on("on", "test", "nonsense")
    assert result.status == 1 and "'nonsense' is no sequence" in result.stderr, result.show()
    assert result.last_line().endswith("asictl test --list"), result.show()
    result = tool.on("on", "test", "\x1b[2J")
    assert "'\\x1b[2J' is no sequence" in result.stderr, result.show()


@suite("test, grant: errors of the driver have hints that fit")
def hints(tool):
    grant = ["grant", "jiffies_64", "--pid", "4711", "--class", "kvm"]
    test = ["test", "printk", "--grant", "jiffies_64"]
    attached = device.answer(device.ATTACH, device.attach(4711))
    for error, words, args in ((2, "grep NAME /proc/kallsyms", test), (22, "percpu:NAME,LENGTH", test),
                               (1, "all capabilities of root", test),
                               (1, "asi_debug_grant", grant), (22, "direct map", grant), (87, "fuser", test),
                               (28, "no room", test), (17, "it is granted", test),
                               (12, "free some memory", test), (3, "asictl domains", grant)):
        root = with_answers(tool, *basics(), attached,
                            device.answer(device.GRANT, device.grant(0 if args == grant else 2),
                                          error))
        result = tool.run(args, root)
        assert result.status == 1 and words in result.last_line(), (error, result.show())
    for error, words in ((3, "there is no process 4711"), (2, "no domain of class kvm")):
        root = with_answers(tool, *basics(),
                            device.answer(device.ATTACH, device.attach(4711), error))
        result = tool.run(grant, root)
        assert result.status == 1 and words in result.stderr, (error, result.show())


@suite("test: a device node below a sysroot is not taken for that machine's")
def node_in_dump(tool):
    if os.geteuid():
        raise Skip("needs root, for mknod")
    root = tool.fresh("on")
    os.unlink(os.path.join(root, "dev/asi"))
    try:
        os.mknod(os.path.join(root, "dev/asi"), 0o20600, os.makedev(1, 3))
    except PermissionError:
        raise Skip("no device may be made here") from None
    result = tool.run(["test"], root)
    assert result.status == 1 and "a dump has no device" in result.stderr, result.show()


@contextlib.contextmanager
def held(tool, root, *args):
    """An asictl grant that lasts, where @root is the running system."""
    shutil.copy(tool.program, os.path.join(root, "holder"))
    with subprocess.Popen(["chroot", root, "/holder", "grant", *args], stdout=subprocess.PIPE,
                          text=True) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(TIMEOUT)


@contextlib.contextmanager
def process_to_grant(tool):
    """A process, and a root whose driver lets it be granted something twice."""
    if os.geteuid():
        raise Skip("needs root, for chroot")
    with subprocess.Popen(["sleep", "600"]) as process:
        try:
            root = with_answers(tool, *basics(device.ON | device.LIVE),
                                device.answer(device.ATTACH, device.attach(process.pid)),
                                device.answer(device.GRANT, device.grant(0, 1, 0x1000, 8)))
            os.mkdir(os.path.join(root, "run"))
            yield process, root
        finally:
            process.kill()


@suite("grant: lasts until it is revoked, and the list has it meanwhile")
def revoked(tool):
    with process_to_grant(tool) as (process, root), \
            held(tool, root, "jiffies_64", "--pid", str(process.pid)) as holder:
        assert holder.stdout.readline() == "Granted: jiffies_64, 8 bytes at 0x1000\n"
        assert f"To process {process.pid}, class user, until" in holder.stdout.readline()
        _, out, _ = in_chroot(tool, root, "grant", "--list", "--json", user=0)
        seen, = parse_json(out)["grants"]
        assert (seen["pid"], seen["class"], seen["object"]) == (process.pid, "user", "jiffies_64")
        for args in (["jiffies"], ["jiffies_64", "--pid", "1"], ["jiffies_64", "--class", "kvm"]):
            status, _, err = in_chroot(tool, root, "revoke", *args, user=0)
            assert status == 1 and "no asictl has granted" in err, (status, err)
        assert holder.poll() is None
        status, out, err = in_chroot(tool, root, "revoke", "jiffies_64", user=0)
        assert status == 0 and out.startswith("Revoked: jiffies_64, of process"), (out, err)
        assert holder.wait(TIMEOUT) == 0 and holder.stdout.read() == "Revoked.\n"
        assert os.listdir(os.path.join(root, "run/asictl")) == []


@suite("grant: ends with the process")
def process_ends(tool):
    with process_to_grant(tool) as (process, root), \
            held(tool, root, "jiffies_64", "--pid", str(process.pid), "--json") as holder:
        value = parse_json(holder.stdout.readline())
        assert value["held"] and value["length"] == 8 and value["pid"] == process.pid, value
        time.sleep(0.1)
        assert holder.poll() is None, "it does not wait"
        process.kill()
        process.wait()
        assert holder.wait(TIMEOUT) == 0


@suite("grant: a note of one who was killed is no grant")
def killed(tool):
    with process_to_grant(tool) as (process, root), \
            held(tool, root, "jiffies_64", "--pid", str(process.pid)) as holder:
        assert holder.stdout.readline()
        holder.kill()
        holder.wait(TIMEOUT)
        assert os.listdir(os.path.join(root, "run/asictl")), "it left no note"
        _, out, _ = in_chroot(tool, root, "grant", "--list", user=0)
        assert "Nothing is granted." in out, out
        status, _, err = in_chroot(tool, root, "revoke", "jiffies_64", user=0)
        assert status == 1 and "no asictl has granted" in err, err


@suite("revoke: not root may not look")
def revoke_denied(tool):
    root = tool.fresh("on")
    os.makedirs(os.path.join(root, "run/asictl"), mode=0o700)
    status, _, err = in_chroot(tool, root, "revoke", "jiffies_64")
    assert status == 1 and err.endswith("Hint: run asictl as root\n"), err


@suite("not root: the driver is root's")
def device_denied(tool):
    root = tool.fresh("on")
    os.chmod(os.path.join(root, "dev/asi"), 0o600)
    for args in (["test"], ["test", "--list"], ["grant", "a", "--pid", "1"]):
        status, _, err = in_chroot(tool, root, *args)
        assert status == 1 and "only root may open /dev/asi" in err, err


@suite("drift: the man page explains each state that test prints")
def states(_tool):
    with open(os.path.join(TOP, "tools/asictl/sequence.c"), encoding="ascii") as file:
        words = re.findall(r'\[ASI_STATE_\w+\]\s*= "(.*)"', file.read())
    with open(os.path.join(TOP, "tools/asictl/asictl.8"), encoding="ascii") as file:
        listed = re.findall(r"^\.IP (\S+)", file.read(), re.M)
    assert len(words) == 6, words
    for word in words:
        assert word.replace("-", "\\-") in listed, word
