# SPDX-License-Identifier: GPL-2.0
"""The archive the guest starts from, read back with cpio."""

import os
import subprocess
import tempfile
import unittest

from vmrun import initramfs
from vmrun.errors import Trouble


class Initramfs(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.work = temporary.name
        self.archive = os.path.join(self.work, "initramfs")

    def unpack(self):
        root = os.path.join(self.work, "root")
        os.mkdir(root)
        with open(self.archive, "rb") as file:
            subprocess.run(["cpio", "-idm", "--quiet", "--no-absolute-filenames"],
                           stdin=file, cwd=root, check=True, stderr=subprocess.PIPE)
        return root

    def make(self, command=("true",), copies=(), own_root=False, cwd="/"):
        initramfs.make(self.archive, {"nonce": "abc"}, command, cwd, copies, own_root)
        return self.unpack()

    def read(self, path):
        with open(path, "rb") as file:
            return file.read()

    def file(self, name, data=b"data", mode=0o644):
        path = os.path.join(self.work, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        os.chmod(path, mode)
        return path

    def test_arguments_are_exact(self):
        command = ["a b", "", "c\n'\"$d", "--", "é"]
        root = self.make(command)
        self.assertEqual(self.read(os.path.join(root, "vmrun/argv")),
                         b"/\0" + b"".join(word.encode() + b"\0" for word in command))

    def test_config(self):
        self.assertEqual(self.read(os.path.join(self.make(), "vmrun/config")), b"nonce=abc\n")

    def test_init_is_static(self):
        root = self.make()
        self.assertTrue(os.access(os.path.join(root, "init"), os.X_OK))
        self.assertNotIn(b"/lib64/ld-linux", self.read(os.path.join(root, "init")))

    def test_copy_waits_for_the_root(self):
        path = self.file("prog", b"x" * 5001, 0o755)
        root = self.make(copies=[(path, "/opt/prog")])
        copied = os.path.join(root, "vmrun/copy/opt/prog")
        self.assertEqual(self.read(copied), b"x" * 5001)
        self.assertTrue(os.access(copied, os.X_OK))

    def test_copy_into_a_root_of_its_own(self):
        path = self.file("data")
        root = self.make(copies=[(path, "/a/b/c")], own_root=True)
        self.assertEqual(self.read(os.path.join(root, "a/b/c")), b"data")

    def test_copy_directory(self):
        self.file("tree/sub/file", b"deep")
        os.symlink("sub/file", os.path.join(self.work, "tree/link"))
        root = self.make(copies=[(os.path.join(self.work, "tree"), "/t")], own_root=True)
        self.assertEqual(self.read(os.path.join(root, "t/sub/file")), b"deep")
        self.assertEqual(os.readlink(os.path.join(root, "t/link")), "sub/file")

    def test_copy_follows_a_link(self):
        path = self.file("file", b"target")
        link = os.path.join(self.work, "link")
        os.symlink(path, link)
        root = self.make(copies=[(link, "/here")], own_root=True)
        self.assertEqual(self.read(os.path.join(root, "here")), b"target")

    def test_copy_of_a_device(self):
        with self.assertRaises(Trouble):
            self.make(copies=[("/dev/null", "/x")])

    def test_busybox(self):
        root = self.make(own_root=True, cwd="/some/where")
        self.assertEqual(os.readlink(os.path.join(root, "bin/sh")), "/bin/busybox")
        self.assertTrue(os.path.isdir(os.path.join(root, "some/where")))
