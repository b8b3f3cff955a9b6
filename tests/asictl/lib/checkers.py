# SPDX-License-Identifier: GPL-2.0
"""The same runs under sanitizers and valgrind, and random files."""

import os
import random
import shutil
import subprocess
import time

import attached
import device
import dump
import golden
import hostile
import terminal
from tap import Suite
from tool import TOP, build

suite = Suite()
tests = suite.tests

FUZZ_SECONDS = float(os.environ.get("ASICTL_FUZZ_SECONDS", "6"))
FUZZ_SEED = int(os.environ.get("ASICTL_FUZZ_SEED", "1"))


def sanitized(tool):
    return tool.with_program(build(os.path.join(tool.out, "asictl-test/sanitize"), "SANITIZE=1"))


@suite("sanitizers: address and undefined behaviour, all expected outputs")
def sanitizer_outputs(tool):
    program = sanitized(tool)
    for name, args in golden.runs():
        golden.compare(program, name, args)


@suite("sanitizers: address and undefined behaviour, on a terminal")
def sanitizer_terminal(tool):
    program = sanitized(tool)
    for test in (terminal.quit_key, terminal.resized, terminal.counted, terminal.error_after,
                 terminal.stop_and_go):
        test(program)


@suite("sanitizers: address and undefined behaviour, hostile files and wrong use")
def sanitizer_hostile(tool):
    program = sanitized(tool)
    for test in (hostile.links, hostile.pipes, hostile.long_value, hostile.swapped,
                 hostile.bad_heading):
        test(program)
    for test in (attached.rates, attached.ended_between, attached.too_many, attached.junk):
        test(program)
    for args in ([], ["help"], ["help", "stat"], ["-xj"], ["stat", "-i", "x"],
                 ["stat", "-i", "0.01", "-n", "3"], ["stat", "-ci", "0.01", "-n", "3", "-j"],
                 ["top", "-i", "0.01", "-n", "3"], ["top", "-i", "0.01", "-n", "3", "-j"],
                 ["stat", "-p"], ["check", "-p"]):
        program.run(args, program.root("newer") if args else None)


@suite("valgrind: no error, no leak")
def valgrind(tool):
    prefix = [tool.other("valgrind", "apt-get install valgrind"), "-q", "--error-exitcode=99",
              "--leak-check=full", "--errors-for-leak-kinds=definite,indirect,possible"]
    program = build(os.path.join(tool.out, "asictl-test/dynamic"), "STATIC=0")
    for name, command in (("newer", "status"), ("newer", "stat --json"), ("broken", "status --json"),
                          ("broken", "domains"), ("broken", "stat --per-cpu --json"),
                          ("broken", "check --json"), ("newer", "check"), ("on", "check -p"),
                          ("broken", "faults"), ("newer", "faults --json"), ("broken", "top"),
                          ("on", "top -i 0.01 -n 2 --json"), ("newer", "top"),
                          ("broken", "map 4711"), ("newer", "map 4711 --json"),
                          ("on", "map 4711 --svg -"), ("on", "map 5"),
                          ("on", "test"), ("broken", "test --json"), ("broken", "test --list"),
                          ("newer", "test --list --json"), ("driver-fails", "test"),
                          ("granted", "test printk --grant 0xffff888003a52000,4096"),
                          ("on", "grant 0xffff888104a21000 4096 --pid 4711 --class kvm"),
                          ("no-grant", "grant 0xffff888104a21000 4096 --pid 4711 --class kvm"),
                          ("on", "faults --pid 4711"), ("newer", "faults --pid 4711 --json"),
                          ("on", "top --pid 4711 -i 0.01 -n 2"), ("no-device", "top --pid 1"),
                          ("on", "faults --stacks"), ("broken", "faults --stacks --json"),
                          ("on", "features --json"), ("on", "stat -i 0.01 -n 2"),
                          ("absent", "status"), ("no-debugfs", "domains")):
        done = subprocess.run([*prefix, program, *command.split(), "--sysroot", tool.root(name)],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=120)
        assert done.returncode in (0, 1, 2, 3), f"{name} {command}:\n{done.stderr}"
        assert "==" not in done.stderr, f"{name} {command}:\n{done.stderr}"


def random_bytes(rng):
    """From plausible to pure noise."""
    kind = rng.randrange(9)
    if kind == 8:
        data = bytearray(b"".join(device.ANSWERS[rng.choice(sorted(device.ANSWERS))]))
        for _ in range(rng.randrange(8)):
            data[rng.randrange(rng.choice((16, 1000, len(data))))] = rng.randrange(256)
        return bytes(data[:rng.choice((len(data), rng.randrange(len(data))))])
    if kind == 6:
        return b"# count class phase memory ip symbol page\n" + b"".join(
            b"%d user relaxed hole 0x%x %s+0x1 0x%x\n" % (
                rng.randrange(2**65), rng.randrange(3), rng.randbytes(1), rng.randrange(3))
            for _ in range(rng.randrange(9))) + b"# lost 1\n"
    if kind == 7:
        return b"# start end level unrestricted restricted region\n" + b"".join(
            b"0x%x 0x%x 4K %d %d r%d\n" % (
                rng.randrange(2**64), rng.randrange(2**65), rng.randrange(2), rng.randrange(3),
                rng.randrange(3)) for _ in range(rng.randrange(20))) + b"# domain 4711 a user\n"
    if kind == 0:
        return rng.randbytes(rng.randrange(200))
    if kind == 1:
        return b"%d\n" % rng.randrange(-2**70, 2**70)
    if kind == 2:
        return bytes(rng.choice(b"01 \n\t#x-") for _ in range(rng.randrange(60)))
    if kind == 3:
        return b"# " + b" ".join([b"pid", b"comm", b"\x00", b"", b"class"] * rng.randrange(9)) + b"\n"
    if kind == 4:
        return (b"%d a%s user 0x%x\n" % (rng.randrange(9999), rng.randbytes(3), rng.randrange(2**60))
                ) * rng.randrange(50)
    return b"x" * rng.choice((1, 4095, 4096, 4097, 65535, 65536, 65537))


def spoil(rng, files):
    for path in rng.sample(files, rng.randrange(1, 6)):
        with open(path, "wb") as file:
            file.write(random_bytes(rng))


@suite(f"fuzz: {FUZZ_SECONDS:g} seconds of random bytes in files, under sanitizers")
def fuzz(tool):
    program = sanitized(tool)
    rng = random.Random(FUZZ_SEED)
    end = time.monotonic() + FUZZ_SECONDS
    count = 0
    while time.monotonic() < end:
        root = program.fresh(rng.choice(dump.names()))
        files = [os.path.join(base, name) for base, _, names in os.walk(root) for name in names]
        if len(files) < 6:
            continue
        for _ in range(8):
            spoil(rng, files)
            args = rng.choice(hostile.COMMANDS)
            try:
                program.run(args, root)
                program.run([*args, "--json"], root).json()
            except AssertionError as error:
                kept = os.path.join(tool.out, "asictl-test/fuzz-found")
                shutil.rmtree(kept, ignore_errors=True)
                shutil.copytree(root, kept)
                raise AssertionError(f"seed {FUZZ_SEED}, run {count}, files kept in {kept}: "
                                     f"{error}") from None
            count += 1
        shutil.rmtree(root)
    print(f"# fuzz: {count} pairs of runs, seed {FUZZ_SEED}")
    assert count, "no run at all"


@suite("install: program, man page and completion go where they belong")
def install(tool):
    where = os.path.join(tool.scratch, "installed")
    subprocess.run(["make", "-s", "-C", os.path.join(TOP, "tools/asictl"),
                    f"OUT={tool.out}", f"DESTDIR={where}", "install"],
                   check=True, stdout=subprocess.DEVNULL)
    assert os.access(os.path.join(where, "usr/sbin/asictl"), os.X_OK)
    assert os.path.getsize(os.path.join(where, "usr/share/man/man8/asictl.8")) > 1000
    completion = os.path.join(where, "usr/share/bash-completion/completions/asictl")
    done = subprocess.run(["bash", "--norc", "-c", f"source {completion}; complete -p asictl"],
                          stdout=subprocess.PIPE, check=True, text=True)
    assert done.stdout == "complete -F _asictl asictl\n", done.stdout


@suite("build: without libjansson it says which package to install")
def no_jansson(tool):
    done = subprocess.run(["make", "-s", "-C", os.path.join(TOP, "tools/asictl"),
                           f"OUT={os.path.join(tool.scratch, 'none')}", "CC=gcc -nostdinc"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode and "apt-get install libjansson-dev" in done.stdout, done.stdout
