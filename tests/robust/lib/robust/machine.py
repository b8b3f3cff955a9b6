# SPDX-License-Identifier: GPL-2.0
"""One machine: runs the program, and does what it asks of this host."""

import json
import os
import re
import socket
import subprocess
import sys

REQUEST = re.compile(r"\s*# host (\w+)(?: (.*))?$")


class Qmp:
    """QEMU's machine protocol, as much of it as is needed."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(path)
        self.file = self.socket.makefile("rw", encoding="utf-8")
        self.file.readline()
        self.command("qmp_capabilities")

    def command(self, name, **arguments):
        """Raises OSError when QEMU refuses; events are dropped."""
        self.file.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
        self.file.flush()
        for line in self.file:
            message = json.loads(line)
            if "error" in message:
                raise OSError(f"QEMU: {name}: {message['error']['desc']}")
            if "return" in message:
                return message["return"]
        raise OSError(f"QEMU: {name}: the machine has ended")

    def close(self):
        self.file.close()
        self.socket.close()


def add_memory(qmp, name, megabytes):
    qmp.command("object-add", **{"qom-type": "memory-backend-ram", "id": "mem-" + name,
                                 "size": int(megabytes) << 20})
    qmp.command("device_add", driver="pc-dimm", id=name, memdev="mem-" + name)


def remove_memory(qmp, name):
    qmp.command("device_del", id=name)


def drop_backend(qmp, name):
    qmp.command("object-del", id="mem-" + name)


def balloon(qmp, megabytes):
    """The memory the machine is to have."""
    qmp.command("balloon", value=int(megabytes) << 20)


REQUESTS = {"add": add_memory, "remove": remove_memory, "drop": drop_backend,
            "balloon": balloon}


class Machine:
    """One run of vm/run."""

    def __init__(self, mode, top, prefix, options):
        self.mode = mode
        self.top = top
        self.prefix = f"{prefix}-{mode}"
        self.options = options
        self.text = ""
        self.troubles = []

    def command(self):
        options = self.options
        words = f"asi={self.mode} {options.append}".strip()
        command = [os.path.join(self.top, "vm/run"), "--append", words,
                   "--kernel", options.kernel, "--timeout", f"{options.timeout:g}",
                   "--dmesg", self.prefix + ".dmesg", "--report", self.prefix + ".json"]
        if options.qmp:
            command += ["--qmp", self.prefix + ".qmp"]
        return command + options.machine + ["--", *options.command]

    def serve(self, line):
        """Do what a line asks for, if it does."""
        match = REQUEST.match(line)
        if not match:
            return
        qmp = None
        try:
            qmp = Qmp(self.prefix + ".qmp")
            REQUESTS[match[1]](qmp, *(match[2] or "").split())
        except (OSError, KeyError, TypeError) as error:
            self.troubles.append(f"{match[0].strip()}: {error}")
        finally:
            if qmp:
                qmp.close()

    def run(self, started):
        """Its exit status."""
        with open(self.prefix + ".err", "wb") as errors:
            process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, text=True,
                                       stdout=subprocess.PIPE, stderr=errors,
                                       errors="replace")
        started(process)
        with open(self.prefix + ".out", "w", buffering=1, encoding="utf-8") as out:
            for line in process.stdout:
                out.write(line)
                self.text += line
                self.serve(line)
        status = process.wait()
        self.judge(status)
        return status

    def judge(self, status):
        """Trouble that the results of the program do not show."""
        try:
            with open(self.prefix + ".json", encoding="utf-8") as file:
                report = json.load(file)
        except FileNotFoundError:
            with open(self.prefix + ".err", encoding="utf-8", errors="replace") as file:
                self.troubles.append(file.read().strip().split("\n")[0] or f"status {status}")
            return
        if report["verdict"] != "exit":
            self.troubles.append(": ".join([report["reason"], *report["details"][:3]]))
            with open(self.prefix + ".err", encoding="utf-8", errors="replace") as file:
                sys.stderr.write(file.read())
