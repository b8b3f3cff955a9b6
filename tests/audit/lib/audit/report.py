# SPDX-License-Identifier: GPL-2.0
"""What the guest said; guest/plant.c describes it."""

import json
import re

from .errors import Trouble

PLANTED, MISSING, FAILED = "planted", "missing", "failed"
LISTER = "asictl"
SYMBOLS = ("init_top_pgt", "page_offset_base", "vmalloc_base", "vmemmap_base", "_text", "_end")


class Kind:
    """How planting one secret went: `detail` is a reason, `pid` the holder."""

    def __init__(self, name, state, rest):
        self.name = name
        self.state = state
        self.pid = int(rest) if state == PLANTED else None
        self.detail = "" if state == PLANTED else rest


class Hole:
    """A hidden block: where, and the first of the words that count up in it."""

    def __init__(self, line):
        words = dict(re.findall(r"(\w+)=(\w+)", line))
        try:
            self.phys = int(words["phys"], 16)
            self.virt = int(words["virt"], 16)
            self.magic = int(words["magic"], 16)
        except (KeyError, ValueError):
            raise Trouble(f"a hole that is not understood: {line}") from None

    def content(self):
        """Its first 32 bytes."""
        return b"".join((self.magic + i).to_bytes(8, "little") for i in range(4))


class Report:
    """Feed it lines; `ready` is set with the last one."""

    def __init__(self):
        self.kinds = {}
        self.actors = {}
        self.symbols = {}
        self.holes = []
        self.frames = []
        self.shared = {}
        self.text = []
        self.ready = False

    def line(self, line):
        words = line.rstrip("\n").split(" ", 2)
        if words[0] != "audit":
            return
        rest = words[2] if len(words) > 2 else ""
        getattr(self, "on_" + words[1], self.unknown)(rest)

    @staticmethod
    def unknown(rest):
        raise Trouble(f"the guest said something that is not understood: {rest}")

    def on_kind(self, rest):
        name, state, detail = (rest + " ").split(" ", 2)
        if state not in (PLANTED, MISSING, FAILED):
            self.unknown(rest)
        self.kinds[name] = Kind(name, state, detail.strip())

    def on_actor(self, rest):
        name, pid = rest.split()
        self.actors[name] = int(pid)

    def on_symbol(self, rest):
        name, value = rest.split()
        self.symbols[name] = int(value, 16)

    def on_hole(self, rest):
        self.holes.append(Hole(rest))

    def on_domains(self, rest):
        self.text.append(rest)

    def on_frames(self, rest):
        first, count, flags = rest.split()
        self.frames.append((int(first), int(count), int(flags, 16)))

    def on_shared(self, rest):
        name, frame = rest.split()
        self.shared[int(frame)] = name

    def on_ready(self, _rest):
        self.ready = True

    def domains(self):
        """
        {(pid, class): physical address of the topmost table}, without those of the
        program that made the list and has ended since.
        """
        try:
            listed = json.loads("\n".join(self.text))["domains"]
            return {(one["pid"], one["class"]): int(one["pgd_phys"], 16) for one in listed
                    if one["comm"] != LISTER}
        except (ValueError, KeyError, TypeError):
            raise Trouble("the list of domains is not understood") from None

    def check(self):
        """Raises Trouble unless all is there that the audit stands on."""
        absent = [name for name in SYMBOLS if not self.symbols.get(name)]
        if absent:
            raise Trouble(f"/proc/kallsyms gave no {absent[0]}")
        if not self.frames:
            raise Trouble("/proc/kpageflags gave nothing")
        for actor, name in (("other", "user"), ("guest", "kvm")):
            if actor not in self.actors:
                raise Trouble(f"the guest has no process \"{actor}\"")
            if (self.actors[actor], name) not in self.domains():
                raise Trouble(f"process \"{actor}\" has no domain of class {name}: is the "
                              "machine booted with asi=on?")
