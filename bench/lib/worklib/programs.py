# SPDX-License-Identifier: GPL-2.0
"""The workloads, and the files that each needs in the guest.

The guest's root is an initramfs with copies of them: over 9p, a program that is
started waits for QEMU, and how long differs from run to run.
"""

import glob
import os
import re
import shutil
import subprocess
from dataclasses import dataclass

from benchlib.configs import REPO
from benchlib.errors import Trouble

SOURCES = os.path.join(REPO, "tools/asictl")
UAPI = os.path.join(REPO, "linux/include/uapi")
CFLAGS = ("-O2", "-std=gnu11", "-D_GNU_SOURCE", "-DASICTL_VERSION=0", "-Wall", "-I/src")
# Whatever else the user has in his.
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Workload:
    """`units` is how many, of what `unit` says; `programs` are those of the host,
    and `extra` names a function that finds more files."""

    name: str
    title: str
    unit: str
    units: int
    quick: int
    programs: tuple
    extra: object = None


def compiler_files():
    """The compiler proper, our C files, and the headers they include."""
    sources = sorted(glob.glob(os.path.join(SOURCES, "*.c")))
    done = subprocess.run(["gcc", "-M", *CFLAGS, "-I", UAPI, *sources], check=False, text=True,
                          stdout=subprocess.PIPE, env={"PATH": PATH, "LC_ALL": "C"})
    if done.returncode:
        raise Trouble("gcc -M failed")
    headers = {os.path.normpath(path) for path in done.stdout.split() if path.endswith(".h")}
    compiler = subprocess.run(["gcc", "-print-prog-name=cc1"], check=True, text=True,
                              stdout=subprocess.PIPE, env={"PATH": PATH}).stdout.strip()
    ours = {path: os.path.join("/src", os.path.relpath(path, top))
            for path in [*sources, *sorted(headers)] for top in (SOURCES, UAPI)
            if path.startswith(top + "/")}
    return ([(path, path) for path in sorted(headers - set(ours))] + list(ours.items()) +
            with_libraries(compiler, compiler))


def guest_files():
    """A kernel that boots as a guest, and its monitor."""
    selftests = os.path.join(REPO, "build/selftests")
    files = [(os.path.join(selftests, "vmm"), "/bin/vmm"),
             (os.path.join(selftests, "guest.cpio"), "/guest.cpio"),
             (os.path.join(REPO, "build/kernel-run/arch/x86/boot/bzImage"), "/bzImage")]
    missing = [path for path, _ in files if not os.path.exists(path)]
    if missing:
        raise Trouble(f"{missing[0]} is missing; `make build` builds it")
    return files


WORKLOADS = (
    Workload("fio_tmpfs", "fio random read, tmpfs", "read of 4 KiB", 20000, 2000, ("fio",)),
    Workload("fio_ext4", "fio random read, ext4, page cache", "read of 4 KiB", 20000, 2000,
             ("fio", "mke2fs")),
    Workload("fio_direct", "fio random read, ext4, O_DIRECT", "read of 4 KiB", 5000, 500,
             ("fio", "mke2fs")),
    Workload("compile", "make, gcc -O2 -c", "file", 3, 1, ("make", "gcc", "as"),
             compiler_files),
    Workload("redis_unix", "redis, SET and GET, UNIX socket", "request", 8000, 200,
             ("redis-server", "redis-benchmark", "redis-cli")),
    Workload("redis_tcp", "redis, SET and GET, TCP", "request", 8000, 200,
             ("redis-server", "redis-benchmark", "redis-cli")),
    Workload("nginx", "nginx, GET of 4 KiB", "request", 4000, 100, ("nginx", "ab")),
    Workload("guest", "Linux boots as a guest", "boot", 1, 1, (), guest_files),
)

# Only of bench/tuning: PERFORMANCE.md has what they cost.
SPAWN = Workload("spawn", "fork and exec of a small program", "process", 300, 50, ())
TUNING = (*WORKLOADS, SPAWN)

NAMES = tuple(workload.name for workload in WORKLOADS)
BY_NAME = {workload.name: workload for workload in WORKLOADS}


def choose(what, rows, names):
    """The rows of a comma-separated list, or all, in their own order."""
    known = [row.name for row in rows]
    wanted = [name for name in names.split(",") if name] or known
    for name in wanted:
        if name not in known:
            raise Trouble(f"no {what} {name!r}; there are: {', '.join(known)}")
    return [row for row in rows if row.name in wanted]


def select(names, rows=WORKLOADS):
    return choose("workload", rows, names)


def find(program):
    """Its path, or None. The server of redis is the checker by another name: Debian
    has the checker in redis-tools, which starts no daemon when it is installed."""
    if program == "redis-server":
        program = "redis-check-rdb"
    return shutil.which(program, path=PATH)


def missing(workload):
    """Its programs that are not installed."""
    return [program for program in workload.programs if not find(program)]


def with_libraries(path, dest):
    """A program and the libraries it is linked with: (path here, path there)."""
    done = subprocess.run(["ldd", path], check=False, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL)
    libraries = re.findall(r"^\s+(?:\S+ => )?(/\S+) \(0x", done.stdout, re.MULTILINE)
    return [(path, dest), *((library, library) for library in libraries)]


def files(workloads):
    """{path in the guest: path here} of all that these need."""
    found = {}
    for workload in workloads:
        for program in workload.programs:
            path = find(program)
            for source, dest in with_libraries(path, "/usr/bin/" + program):
                found[dest] = source
        for source, dest in workload.extra() if workload.extra else []:
            found[dest] = source
    return found
