# SPDX-License-Identifier: GPL-2.0
"""QEMU's machine protocol, as much of it as is needed."""

import json
import socket

from .errors import Trouble


class Qmp:
    """A connection to a machine started with --qmp."""

    def __init__(self, path, timeout=60):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        try:
            self.socket.connect(path)
        except OSError as error:
            raise Trouble(f"QEMU's monitor: {error}") from None
        self.file = self.socket.makefile("rw", encoding="utf-8")
        self.message()
        self.command("qmp_capabilities")

    def message(self):
        try:
            line = self.file.readline()
        except OSError as error:
            raise Trouble(f"QEMU's monitor: {error}") from None
        if not line:
            raise Trouble("QEMU's monitor: the machine has ended")
        return json.loads(line)

    def command(self, name, **arguments):
        """Its result; events that come meanwhile are dropped."""
        self.file.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
        self.file.flush()
        while True:
            message = self.message()
            if "return" in message:
                return message["return"]
            if "error" in message:
                raise Trouble(f"QEMU's monitor: {name}: {message['error']['desc']}")

    def human(self, line):
        """What the monitor for people says to a line."""
        return self.command("human-monitor-command", **{"command-line": line})

    def close(self):
        self.file.close()
        self.socket.close()
