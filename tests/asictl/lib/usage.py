# SPDX-License-Identifier: GPL-2.0
"""Wrong use: one line that says what is wrong, one that says what to do."""

import os
import subprocess

from tap import Suite, Test
from tool import TIMEOUT

# Arguments, and a word of the message.
WRONG = (
    ([], "a command is missing"),
    (["nonsense"], "no command 'nonsense'"),
    (["Status"], "no command 'Status'"),
    (["--nonsense"], "option --nonsense is unknown"),
    (["status", "--nonsense=3"], "option --nonsense=3 is unknown"),
    (["status", "-x"], "option -x is unknown"),
    (["--json=yes", "status"], "option --json=yes takes no argument"),
    (["status", "--sysroot"], "option --sysroot needs an argument"),
    (["stat", "-i"], "option -i needs an argument"),
    (["status", "status"], "no use for 'status'"),
    (["status", ""], "no use for ''"),
    (["help", "stat", "status"], "no use for 'status'"),
    (["help", "nonsense"], "no command 'nonsense'"),
    (["domains", "-i", "1"], "no option --interval"),
    (["status", "--per-cpu"], "no option --per-cpu"),
    (["map"], "'map' needs more: PID"),
    (["map", "--svg", "-"], "'map' needs more: PID"),
    (["map", "1", "kvm", "x"], "no use for 'x'"),
    (["map", "4711", "a b"], "'a b' is no class"),
    (["map", "4711", ""], "'' is no class"),
    (["status", "--svg", "-"], "no option --svg"),
    (["domains", "--prometheus"], "no option --prometheus"),
    (["top", "--stacks"], "no option --stacks"),
    (["faults", "--clear", "--stacks"], "--clear and --stacks exclude each other"),
    (["faults", "--clear", "--pid", "1"], "--clear and --pid exclude each other"),
    (["faults", "--pid", "1", "--stacks"], "--stacks and --pid exclude each other"),
    (["faults", "--clear", "--class", "user"], "--clear and --class exclude each other"),
    (["faults", "--stacks", "-i", "1"], "--stacks and --interval exclude each other"),
    (["faults", "--class", "user"], "--class needs --pid"),
    (["top", "--class", "user"], "--class needs --pid"),
    (["faults", "-i", "1"], "--interval needs --pid"),
    (["faults", "--pid", "1", "-n", "2"], "no option --count"),
    (["faults", "--pid", "self"], "'self' is no process number"),
    (["top", "--pid", "1", "-n", "2"], "--count needs --interval"),
    (["test", "--table", "x"], "'x' is no kind of page table"),
    (["test", "--table", "nonsensitive", "--grant", "a"], "only a decorated page table"),
    (["test", "--grant", ""], "'' is no object"),
    (["test", "--grant", "a b"], "'a b' is no object"),
    (["test", "--grant", "a,"], "'a,' is no object"),
    (["test", "--grant", "a,0"], "'a,0' is no object"),
    (["test", "--grant", "a,1,2"], "'a,1,2' is no object"),
    (["test", "--grant", "percpu:x"], "'percpu:x' is no object"),
    (["test", "--grant", "0x0,8"], "'0x0,8' is no object"),
    (["test", "--grant", "percpu:"], "'percpu:' is no object"),
    (["test", "--grant", "module:kvm,8"], "'module:kvm,8' is no object"),
    (["test", "--grant", "0x1000"], "'0x1000' is no object"),
    (["test", "--grant", "0x1g,8"], "'0x1g,8' is no object"),
    (["test", "--grant", "a" * 128], "is no object"),
    (["test", "--module", ""], "'' is no name of a module"),
    (["test", "--module", "m" * 64], "is no name of a module"),
    (["test", "--list", "printk"], "--list and 'printk' exclude each other"),
    (["test", "printk", "x"], "no use for 'x'"),
    (["grant"], "'grant' needs more: OBJECT"),
    (["grant", "--pid", "1"], "'grant' needs more: OBJECT"),
    (["grant", "a"], "a grant needs a domain"),
    (["grant", "a", "x", "--pid", "1"], "'a' is no object of this length"),
    (["grant", "a,8", "8", "--pid", "1"], "'a,8' is no object of this length"),
    (["grant", "a", "--pid", "0"], "'0' is no process number"),
    (["grant", "a", "--pid", "1", "--class", "a b"], "'a b' is no class"),
    (["grant", "a", "--pid", "1", "--class", "c" * 32], "is no class"),
    (["grant", "a", "--pid", "1", "--class", "\x1b[2J"], "'\\x1b[2J' is no class"),
    (["grant", "a", "--pid", "1", "--class", "\xff"], "is no class"),
    (["revoke"], "'revoke' needs more: OBJECT"),
    (["revoke", "a", "b"], "no use for 'b'"),
    (["status", "--pid", "1"], "no option --pid"),
    (["stat", "-n", "3"], "--count needs --interval"),
    (["status", "--sysroot", "/nonexistent"], "No such file"),
    (["status", "--sysroot", "/dev/null"], "Not a directory"),
    (["status", "--sysroot", ""], "No such file"),
) + tuple(
    (["stat", "-i", value], "is no interval")
    for value in ("", "0", "-1", "nan", "inf", "1e9", "1x", " 1", "0.001", "0,5")
) + tuple(
    (["map", value], "is no process number")
    for value in ("", "0", "+1", "self", "1.5", "4194305", "99999999999999999999")
) + tuple(
    (["stat", "-i", "1", "-n", value], "is no count")
    for value in ("", "0", "-1", "1.5", "99999999999999999999", "+1")
)

suite = Suite()


def check_wrong(tool, args, words):
    result = tool.run(args)
    assert result.status == 1 and not result.stdout, result.show()
    lines = result.stderr.splitlines()
    assert len(lines) == 2, result.show()
    assert lines[0].startswith("asictl: ") and words in lines[0], result.show()
    assert lines[1].startswith("Hint: ") and len(lines[1]) > 12, result.show()

    value = tool.run(["--json", *args])
    assert value.status == 1, value.show()
    assert words in value.json()["error"], value.show()
    assert value.json()["hint"] == lines[1][len("Hint: "):], value.show()


@suite("wrong use: --json excludes --prometheus and --svg")
def two_formats(tool):
    result = tool.run(["map", "1", "--svg", "-", "-j"])
    assert result.status == 1 and "exclude each other" in result.json()["error"], result.show()
    for verb in ("check", "stat"):
        result = tool.run([verb, "-p", "-j"])
        assert result.status == 1 and "exclude each other" in result.json()["error"], result.show()
    result = tool.run(["stat", "-p", "-i", "1"])
    assert result.status == 1 and not result.stdout, result.show()
    assert "--prometheus and --interval exclude each other" in result.stderr, result.show()


@suite("wrong use: --json counts even after the mistake")
def json_last(tool):
    for args in (["--nonsense", "status", "--json"], ["nonsense", "-j"], ["-xj"]):
        result = tool.run(args)
        assert result.status == 1 and result.json()["error"], result.show()


@suite("wrong use: a short option in the wrong is not taken for the long one before it")
def short_after_long(tool):
    assert "option -x is" in tool.run(["--json", "-xq", "status"]).json()["error"]


@suite("wrong use: the first mistake is the one told")
def first_mistake(tool):
    assert "--one" in tool.run(["--one", "--two", "nonsense"]).stderr


@suite("wrong use: junk in arguments reaches neither terminal nor JSON")
def junk(tool):
    for arg in (b"\x1b[2J", b"\xff\xfe", b"a\nb", b"\\x41"):
        for args in ([arg], ["help", arg], ["status", b"--" + arg],
                     ["status", "--sysroot", arg], ["stat", "-i", arg]):
            text = tool.run(args)
            assert text.status == 1 and len(text.stderr.splitlines()) == 2, text.show()
            assert "\x1b" not in text.stderr, text.show()
            assert tool.run([*args, "--json"]).json()["error"]


@suite("options: anywhere, short and long, mean the same")
def anywhere(tool):
    root = tool.root("on")
    want = tool.run(["status", "--json", "--sysroot", root]).stdout
    for args in (["--json", "--sysroot", root, "status"], ["-j", "-r", root, "status"],
                 ["--sysroot=" + root, "status", "-j"], ["-jr" + root, "status"],
                 ["-j", "--sysroot", "/nonexistent", "--sysroot", root, "status"]):
        assert tool.run(args).stdout == want, args


@suite("output: a full disk is an error with a hint")
def full_disk(tool):
    for args in (["status"], ["status", "--json"], ["help"], ["stat", "-i", "0.01"]):
        with open("/dev/full", "w") as full:
            done = subprocess.run([tool.program, *args, "--sysroot", tool.root("on")]
                                  if args != ["help"] else [tool.program, "help"],
                                  stdout=full, stderr=subprocess.PIPE, text=True, timeout=TIMEOUT)
        assert done.returncode == 1, args
        assert done.stderr.splitlines()[-1].startswith("Hint: "), done.stderr


@suite("output: ends when the reader is gone")
def reader_gone(tool):
    reader, writer = os.pipe()
    with subprocess.Popen([tool.program, "stat", "-i", "0.01", "--sysroot", tool.root("on")],
                          stdout=writer, stderr=subprocess.PIPE) as process:
        os.close(writer)
        os.read(reader, 100)
        os.close(reader)
        process.communicate(timeout=TIMEOUT)


def tests():
    return [Test(f"wrong use: {' '.join(args) or '(nothing)'!r}: {words}",
                 lambda tool, args=args, words=words: check_wrong(tool, args, words))
            for args, words in WRONG] + suite.tests()
