# SPDX-License-Identifier: GPL-2.0
"""The initramfs: the first process, what it is to do, and copied files."""

import glob
import hashlib
import os
import shutil
import stat
import subprocess
import tempfile

from .errors import Trouble
from .options import REPO

SOURCES = os.path.join(REPO, "vm/init")
CFLAGS = ["-static", "-O2", "-Wall", "-Wextra"]


class Cpio:
    """Writes an archive in the "newc" format; all files belong to root."""

    def __init__(self, path):
        self.file = open(path, "wb")
        self.inode = 0
        self.known = {""}

    def entry(self, name, mode, data=b"", device=(0, 0)):
        self.inode += 1
        encoded = os.fsencode(name) + b"\0"
        fields = (self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, *device,
                  len(encoded), 0)
        header = b"070701" + b"".join(b"%08X" % field for field in fields)
        self.padded(header + encoded)
        self.padded(data)

    def padded(self, data):
        self.file.write(data + b"\0" * (-len(data) % 4))

    def parents(self, path):
        parent = os.path.dirname(path)
        if parent not in self.known:
            self.directory(parent)

    def directory(self, path, mode=0o755):
        path = path.strip("/")
        if path not in self.known:
            self.parents(path)
            self.known.add(path)
            self.entry(path, stat.S_IFDIR | mode)

    def data(self, path, data, mode=0o644):
        path = path.strip("/")
        self.parents(path)
        self.entry(path, stat.S_IFREG | mode, data)

    def link(self, path, target):
        path = path.strip("/")
        self.parents(path)
        self.entry(path, stat.S_IFLNK | 0o777, os.fsencode(target))

    def node(self, path, major, minor):
        path = path.strip("/")
        self.parents(path)
        self.entry(path, stat.S_IFCHR | 0o600, device=(major, minor))

    def copy(self, source, dest):
        """Brings a file, link or whole directory from this system."""
        status = os.lstat(source)
        if stat.S_ISLNK(status.st_mode):
            # A link given by name stands for its file; the guest may lack it.
            self.copy(os.path.realpath(source), dest)
        elif stat.S_ISDIR(status.st_mode):
            self.copy_directory(source, dest, stat.S_IMODE(status.st_mode))
        elif stat.S_ISREG(status.st_mode):
            with open(source, "rb") as file:
                self.data(dest, file.read(), stat.S_IMODE(status.st_mode))
        else:
            raise Trouble(f"--copy {source}: neither a file nor a directory")

    def copy_directory(self, source, dest, mode):
        self.directory(dest, mode)
        for name in sorted(os.listdir(source)):
            path = os.path.join(source, name)
            if os.path.islink(path):
                self.link(os.path.join(dest, name), os.readlink(path))
            else:
                self.copy(path, os.path.join(dest, name))

    def close(self):
        self.entry("TRAILER!!!", 0)
        self.file.close()


def build_init():
    """Compiles the guest's first process, once for each state of its source."""
    sources = sorted(glob.glob(os.path.join(SOURCES, "*.[ch]")))
    compiler = os.environ.get("HOSTCC", "cc")
    digest = hashlib.sha256(" ".join([compiler, *CFLAGS]).encode())
    for source in sources:
        with open(source, "rb") as file:
            digest.update(file.read())
    directory = os.path.join(REPO, "build/vm")
    program = os.path.join(directory, "init-" + digest.hexdigest()[:16])
    if os.path.exists(program):
        return program
    os.makedirs(directory, exist_ok=True)
    # Several vm/run may get here at once: each compiles its own, and the
    # rename makes one of them the result.
    with tempfile.TemporaryDirectory(dir=directory) as work:
        output = os.path.join(work, "init")
        command = [compiler, *CFLAGS, "-o", output,
                   *(name for name in sources if name.endswith(".c"))]
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, check=False)
        except OSError as error:
            raise Trouble(f"cannot compile vm/init: {error}") from None
        if done.returncode:
            raise Trouble("cannot compile vm/init:\n" + done.stdout.decode(errors="replace"))
        os.rename(output, program)
    return program


def add_busybox(cpio):
    """A root of its own for a guest that cannot see ours."""
    program = shutil.which("busybox")
    if not program:
        raise Trouble("busybox is not installed; `make setup` installs it")
    with open(program, "rb") as file:
        if b"/ld-linux" in file.read():
            raise Trouble(f"{program} needs libraries; install busybox-static")
    cpio.copy(program, "/bin/busybox")
    applets = subprocess.run([program, "--list-full"], stdout=subprocess.PIPE,
                             check=True).stdout.decode().split()
    for applet in applets:
        if applet not in ("bin/busybox", "linuxrc", "init"):
            cpio.link(applet, "/bin/busybox")
    for name in ("/etc/passwd", "/etc/group"):
        cpio.data(name, b"root:x:0:0:root:/root:/bin/sh\n" if name.endswith("passwd")
                  else b"root:x:0:\n")
    for name in ("/tmp", "/root", "/run", "/var/tmp"):
        cpio.directory(name)


def make(path, config, command, cwd, copies, own_root):
    """
    Writes the initramfs to `path`. With `own_root` the guest stays in it and
    gets busybox; without, it moves to the host's root and `copies` follow.
    """
    cpio = Cpio(path)
    cpio.directory("/dev")
    cpio.node("/dev/console", 5, 1)
    for name in ("/proc", "/sys"):
        cpio.directory(name)
    with open(build_init(), "rb") as file:
        cpio.data("/init", file.read(), 0o755)
    cpio.data("/vmrun/config", "".join(
        f"{key}={value}\n" for key, value in config.items()).encode())
    cpio.data("/vmrun/argv", b"".join(os.fsencode(arg) + b"\0"
                                      for arg in (cwd, *command)))
    if own_root:
        add_busybox(cpio)
        cpio.directory(cwd)
    for source, dest in copies:
        cpio.copy(source, dest if own_root else "/vmrun/copy" + dest)
    cpio.close()
