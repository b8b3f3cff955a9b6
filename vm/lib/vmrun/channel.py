# SPDX-License-Identifier: GPL-2.0
"""Decodes what the guest's first process sends; see vm/init/init.h."""

import struct

HEADER = struct.Struct(">cI")
# Larger than any frame the guest sends: more means that bytes were lost.
LIMIT = 1 << 20


class Garbled(Exception):
    """The bytes are not frames."""


class Decoder:
    """
    Collects frames. `out` and `err` are called with the command's output.

    The state is complete only when `verdict` is there and mismatch() is empty.
    """

    def __init__(self, nonce, out, err):
        self.nonce = nonce
        self.sinks = {b"O": out, b"E": err}
        self.counts = {b"O": 0, b"E": 0}
        self.buffer = b""
        self.hello = False
        self.trouble = None
        self.records = []
        self.verdict = None

    def feed(self, data):
        self.buffer += data
        while len(self.buffer) >= HEADER.size:
            kind, length = HEADER.unpack_from(self.buffer)
            if kind not in b"HOEKXV" or length > LIMIT:
                raise Garbled(f"unexpected bytes {self.buffer[:16]!r}")
            end = HEADER.size + length
            if len(self.buffer) < end:
                return
            payload = self.buffer[HEADER.size:end]
            self.buffer = self.buffer[end:]
            self.frame(kind, payload)

    def frame(self, kind, payload):
        if self.verdict:
            raise Garbled("there is something behind the verdict")
        if kind == b"H":
            self.hello = payload.decode(errors="replace") == self.nonce
        elif kind in self.sinks:
            self.counts[kind] += len(payload)
            self.sinks[kind](payload)
        elif kind == b"K":
            self.records.append(payload)
        elif kind == b"X":
            self.trouble = payload.decode(errors="replace")
        else:
            self.verdict = self.parse(payload)

    @staticmethod
    def parse(payload):
        try:
            words = dict(word.split("=", 1) for word in payload.decode().split())
            return {key: value if key == "nonce" else int(value)
                    for key, value in words.items()}
        except ValueError:
            raise Garbled(f"verdict {payload!r}") from None

    def mismatch(self):
        """What of the verdict does not fit what arrived, as text; or ""."""
        expected = {"nonce": self.nonce, "out": self.counts[b"O"],
                    "err": self.counts[b"E"], "kmsg": len(self.records)}
        for key, value in expected.items():
            if self.verdict.get(key) != value:
                return f"the verdict says {key}={self.verdict.get(key)}, not {value}"
        for key in ("status", "lost", "taint"):
            if key not in self.verdict:
                return f"the verdict has no {key}"
        return "" if self.hello else "the verdict came without a greeting"
