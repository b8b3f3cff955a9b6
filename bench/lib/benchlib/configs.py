# SPDX-License-Identifier: GPL-2.0
"""What is compared: kernels times command lines."""

import os
from dataclasses import dataclass, field, replace

from .errors import Trouble

REPO = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
PROGRAM = "build/bench/asibench"
# Same addresses in every boot: the layout of memory changes how many page
# tables and cache sets are touched, and with it a few instructions.
COMMON_APPEND = "nokaslr"


@dataclass(frozen=True)
class Config:
    """A kernel, which is a make target too, and a command line; `state` is what
    the guest must report."""

    name: str
    title: str
    kernel: str
    append: str
    state: dict = field(default_factory=dict)

    @property
    def image(self):
        return f"build/{self.kernel}/arch/x86/boot/bzImage"

    @property
    def module(self):
        return f"build/bench/{self.kernel}/asibench_alloc.ko"

    @property
    def command_line(self):
        return f"{COMMON_APPEND} {self.append}".strip()

    def with_append(self, words):
        """The same with more on the command line."""
        return replace(self, append=f"{self.append} {words}".strip())


CONFIGS = (
    Config("base", "unpatched", "kernel-base", "",
           {"asi": "absent", "pti": "0"}),
    Config("out", "configured out", "kernel-off", "",
           {"asi": "absent", "pti": "0"}),
    Config("off", "asi=off", "kernel-run", "asi=off",
           {"asi": "0", "sensitive": "0", "pti": "0"}),
    Config("bare", "asi_sensitive=off", "kernel-run", "asi=on asi_sensitive=off",
           {"asi": "1", "sensitive": "0", "user": "1", "kvm": "1", "pti": "0"}),
    Config("on", "asi=on", "kernel-run", "asi=on asi_sensitive=on",
           {"asi": "1", "sensitive": "1", "user": "1", "kvm": "1", "pti": "0"}),
    Config("pti", "pti=on", "kernel-run", "asi=off pti=on",
           {"asi": "0", "pti": "1"}),
)

NAMES = tuple(config.name for config in CONFIGS)


def select(names):
    """The configs of a comma-separated list, in their own order."""
    wanted = names.split(",") if names else list(NAMES)
    for name in wanted:
        if name not in NAMES:
            raise Trouble(f"no configuration {name!r}; there are: {', '.join(NAMES)}")
    return [config for config in CONFIGS if config.name in wanted]


def check_images(configs, repo=REPO):
    """Every kernel is there before the first one is booted."""
    missing = [config for config in configs
               if not os.path.isfile(os.path.join(repo, config.image))]
    if missing:
        lines = "; ".join(f"{config.image} (for {config.name!r}) is built by "
                          f"`make {config.kernel}`" for config in missing)
        raise Trouble(f"kernels are missing: {lines}")


def check_state(config, state):
    """The guest is what the row says it is: otherwise the row would be a lie."""
    for key, want in config.state.items():
        got = state.get(key, "absent")
        if got != want:
            raise Trouble(f"configuration {config.name!r} ({config.append or 'no options'}): "
                          f"the guest reports {key}={got}, expected {key}={want}")
