# SPDX-License-Identifier: GPL-2.0
"""Which secret is within reach in which address space."""

from . import secret
from .image import Copy
from .report import PLANTED

# From the most secure to the least. "own": by the owner's own user mapping only.
HIDDEN, OWN, REACHABLE = "hidden", "own", "reachable"
NOT_AVAILABLE, NOBODY = "not available", "-"
ORDER = (HIDDEN, OWN, REACHABLE)
COLUMNS = ("unrestricted", "other", "guest", "owner")
# Memory of the kernel, or given by the host: nobody's.
WITHOUT_OWNER = ("hole", "initrd", "before-boot")


class Found:
    """Where one copy of a secret can be reached: {column: [Place]}."""

    def __init__(self, copy, places):
        self.copy = copy
        self.places = places


class Verdict:
    """On one kind: words by column, the copies, or why there is nothing."""

    def __init__(self, name, kind=None):
        self.name = name
        self.kind = kind
        self.found = []
        self.words = {column: NOT_AVAILABLE for column in COLUMNS}

    @property
    def planted(self):
        return self.kind.state == PLANTED


def places_of(space, copy, kernel):
    """All places where a byte of the copy is mapped."""
    places = []
    seen = set()
    for phys in copy.bounds():
        if phys >> 12 not in seen:
            seen.add(phys >> 12)
            places += space.find(phys, kernel)
    return places


class Judge:
    """Has the address spaces, and judges kind by kind."""

    def __init__(self, unrestricted, other, guest):
        self.unrestricted = unrestricted
        self.actors = {"other": other, "guest": guest}

    def locate(self, copy, owner, owner_unrestricted):
        """{column or column + " user": places} of one copy."""
        places = {"unrestricted": places_of(self.unrestricted, copy, kernel=True)}
        if owner_unrestricted:
            places["unrestricted user"] = places_of(owner_unrestricted, copy, kernel=False)
        for column, space in self.actors.items():
            places[column] = (places_of(space, copy, kernel=True)
                              + places_of(space, copy, kernel=False))
        if owner:
            places["owner"] = places_of(owner, copy, kernel=True)
            places["owner user"] = places_of(owner, copy, kernel=False)
        return places

    def judge(self, kind, copies, owner=None, owner_unrestricted=None):
        """`owner`: the restricted address space of the holder, if it has one."""
        verdict = Verdict(kind.name, kind)
        if not verdict.planted:
            return verdict
        verdict.found = [Found(copy, self.locate(copy, owner, owner_unrestricted))
                         for copy in copies]
        for column in COLUMNS:
            verdict.words[column] = self.word(verdict, column)
        if not owner:
            verdict.words["owner"] = NOBODY
        return verdict

    @staticmethod
    def word(verdict, column):
        if any(found.places.get(column) for found in verdict.found):
            return REACHABLE
        if any(found.places.get(column + " user") for found in verdict.found):
            return OWN
        return HIDDEN


def hole_copies(image, hole):
    """The hole itself comes first, if what it holds is what it should."""
    content = hole.content()
    found = sorted(image.find(content), key=lambda at: at != hole.phys)
    return [Copy(at, (0, 1)) for at in found] if len(content) == secret.SIZE else []
