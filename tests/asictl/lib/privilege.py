# SPDX-License-Identifier: GPL-2.0
"""What those who are not root see."""

import contextlib
import os
import shutil
import subprocess

from tap import Skip, Suite

suite = Suite()
tests = suite.tests

NOBODY = 65534


def nobody():
    """Words before a command that take root's rights away, if there are any."""
    if os.geteuid():
        return []
    if not shutil.which("setpriv"):
        raise Skip("setpriv is not installed (package util-linux)")
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


def public(tool):
    """The tool with a program that everybody can reach."""
    path = os.path.join(tool.scratch, "asictl")
    if not os.path.exists(path):
        shutil.copy(tool.program, path)
        os.chmod(path, 0o755)
    return tool.with_program(path)


@contextlib.contextmanager
def closed(root, *names):
    """Takes all rights to files away, so that even their owner has none."""
    modes = [(os.path.join(root, name), os.stat(os.path.join(root, name)).st_mode)
             for name in names]
    for path, _ in modes:
        os.chmod(path, 0)
    try:
        yield
    finally:
        for path, mode in modes:
            os.chmod(path, mode)


def in_chroot(tool, root, *args, user=NOBODY):
    """Runs asictl, by default without rights, where @root is the running system."""
    if os.geteuid():
        raise Skip("needs root, for chroot")
    headers = subprocess.run(["readelf", "-lW", tool.program], stdout=subprocess.PIPE,
                             check=True, text=True).stdout
    if " INTERP " in headers:
        raise Skip("asictl is linked dynamically")
    shutil.copy(tool.program, os.path.join(root, "asictl"))
    done = subprocess.run(["chroot", f"--userspec={user}:{user}", root, "/asictl", *args],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30)
    return done.returncode, done.stdout, done.stderr


@suite("not root: domains, stat --per-cpu, faults, top and map say so")
def debugfs_denied(tool):
    root = tool.fresh("on")
    prefix = nobody()
    with closed(root, "sys/kernel/debug"):
        for args in (["domains"], ["stat", "--per-cpu"], ["faults"], ["top"],
                     ["top", "-i", "1"], ["map", "4711"]):
            result = public(tool).run(args, root, prefix)
            assert result.status == 1, result.show()
            assert "only root may read /sys/kernel/debug/asi/" in result.stderr, result.show()
            assert result.last_line() == "Hint: run it as root", result.show()
            value = public(tool).run([*args, "--json"], root, prefix).json()
            assert value["hint"] == "run it as root", value


@suite("not root: status, stat, features and version need no rights")
def open_to_all(tool):
    root = tool.fresh("on")
    prefix = nobody()
    with closed(root, "sys/kernel/debug"):
        for args in (["status"], ["stat"], ["features"], ["version"]):
            result = public(tool).run(args, root, prefix)
            assert result.stdout == tool.on("on", *args).stdout, result.show()
            assert result.status == 0, result.show()


@suite("not root: status cannot tell when the files are closed")
def enabled_denied(tool):
    root = tool.fresh("on")
    prefix = nobody()
    for name in ("enabled", "", "classes/user/enabled", "reason", "classes"):
        with closed(root, os.path.join("sys/kernel/asi", name).rstrip("/")):
            result = public(tool).run(["status"], root, prefix)
            assert result.status == (2 if name == "classes" else 3), (name, result.show())
            assert "Permission denied" in result.stdout, (name, result.show())
            assert result.last_line().startswith("Hint: "), (name, result.show())


@suite("not root: counters that cannot be read are shown as such, and fail")
def counters_denied(tool):
    root = tool.fresh("on")
    prefix = nobody()
    stats = "sys/kernel/asi/classes/user/stats"
    with closed(root, f"{stats}/enters", f"{stats}/exits"):
        text = public(tool).run(["stat"], root, prefix)
        assert text.status == 1, text.show()
        assert "\nenters          22007      ?\n" in text.stdout, text.show()
        assert "2 counters cannot be read: Permission denied" in text.stderr, text.show()
        value = public(tool).run(["stat", "--json"], root, prefix).json()
        user = [c for c in value["classes"] if c["name"] == "user"][0]["counters"]
        assert user["enters"] is None and user["faults"] == 12, value
        assert "2 counters" in value["error"], value
    with closed(root, stats):
        text = public(tool).run(["stat"], root, prefix)
        assert text.status == 1 and "Permission denied" in text.stderr, text.show()


@suite("not root: features that cannot be read are shown as such, and fail")
def features_denied(tool):
    root = tool.fresh("on")
    prefix = nobody()
    with closed(root, "sys/kernel/asi/features/pcid"):
        text = public(tool).run(["features"], root, prefix)
        assert text.status == 1, text.show()
        assert "\npcid          ?       TLB" in text.stdout, text.show()
        assert "/sys/kernel/asi/features/pcid: Permission denied" in text.stdout, text.show()
        value = public(tool).run(["features", "--json"], root, prefix).json()
        assert value["features"]["pcid"] is None, value
        assert value["features"]["pti"] is False and value["error"], value


@suite("not root: no address of the running kernel, even if debugfs is open to all")
def addresses_hidden(tool):
    root = tool.fresh("newer")
    with open(os.path.join(root, "sys/kernel/debug/asi/domains"), "a") as file:
        file.write("short 0x7000\n")
    status, out, err = in_chroot(tool, root, "domains")
    assert status == 0 and not err, (status, out, err)
    assert "0x" not in out and "102e" not in out and "7000" not in out, out
    assert "systemd" in out and "(hidden)" in out and "for root only" in out, out
    _, out, _ = in_chroot(tool, root, "domains", "--json")
    assert "0x" not in out and '"pgd_phys": null' in out, out
    assert '"addresses_hidden": true' in out, out
    _, out, _ = in_chroot(tool, root, "domains", "--sysroot", "/")
    assert "0x" not in out, out


@suite("not root: the addresses of a dump are the user's own")
def dump_addresses(tool):
    root = tool.fresh("on")
    result = public(tool).run(["domains"], root, nobody())
    assert result.status == 0 and "0x102e4000" in result.stdout, result.show()


@suite("static: runs with nothing but itself and the kernel's files")
def runs_alone(tool):
    root = tool.fresh("on")
    status, out, err = in_chroot(tool, root, "status")
    assert status == 0 and not err, (status, out, err)
    assert out == tool.on("on", "status").stdout, out
