# SPDX-License-Identifier: GPL-2.0
"""Help, man page, documents, source and kernel must tell the same story."""

import glob
import os
import re

from tap import Skip, Suite
from tool import TOP

suite = Suite()
tests = suite.tests

SOURCE = os.path.join(TOP, "tools/asictl")
KERNEL_STATS = os.path.join(TOP, "linux/arch/x86/mm/asi/stats.c")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def commands(tool):
    return {c["name"]: c for c in tool.run(["help", "--json"]).json()["commands"]}


def man_section(name):
    """The text of a section of the man page."""
    page = read(os.path.join(SOURCE, "asictl.8"))
    return re.search(rf"^\.SH {name}\n(.*?)(?=^\.SH |\Z)", page, re.M | re.S).group(1)


@suite("drift: the help lists exactly the table of commands")
def help_is_table(tool):
    table = re.search(r"commands\[\] = \{\n(.*?)\n\};", read(os.path.join(SOURCE, "main.c")),
                      re.S).group(1)
    names = re.findall(r'^\t\{ "(\w+)", cmd_', table, re.M)
    assert len(names) >= 6, names
    text = tool.run(["help"]).stdout
    listed = re.search(r"\nCommands:\n(.*?)\n\n", text, re.S).group(1)
    assert [line.split()[0] for line in listed.splitlines()] == names, text
    assert list(commands(tool)) == names
    prototypes = re.findall(r"^int cmd_(\w+)\(", read(os.path.join(SOURCE, "asictl.h")), re.M)
    assert sorted(prototypes) == sorted(names), prototypes


@suite("drift: every command has help of its own, reached in each way")
def help_of_each(tool):
    for name in commands(tool):
        want = tool.run(["help", name])
        assert want.status == 0, want.show()
        assert want.stdout.startswith(f"Usage: asictl {name} "), want.show()
        if name != "help":
            assert tool.run([name, "--help"]).stdout == want.stdout
            assert tool.run(["-h", name]).stdout == want.stdout
        assert tool.run(["help", name, "--json"]).json()["name"] == name
    assert tool.run(["--help"]).stdout == tool.run(["help"]).stdout


@suite("drift: the man page has the commands of the help, in their order, with their arguments")
def man_commands(tool):
    listed = [(name, re.sub(r"\\f[IR]", "", arguments).strip()) for name, arguments in
              re.findall(r"^\.TP\n\.B (\w+)( .*)?$", man_section("COMMANDS"), re.M)]
    assert listed == [(c["name"], c["arguments"]) for c in commands(tool).values()], listed


def man_options_of(names):
    """What the man page lists for each command: by its subsections, and for all."""
    text = man_section("OPTIONS").replace("\\-", "-")
    options = {name: set() for name in names}
    parts = re.split(r"^\.SS Options of (.*)\n", text, flags=re.M)
    for title, part in zip([", ".join(names), *parts[1::2]], parts[::2]):
        found = set(re.findall(r'^\.BR -(\w) ", " --([\w-]+)(?: " \\fI(\w+)\\fR")?$', part,
                               re.M))
        assert found, f"no option in the part of {title}"
        for name in re.split(r", | and ", title):
            options[name] |= found
    return options


@suite("drift: the man page has the options of the help, command by command")
def man_options(tool):
    known = commands(tool)
    listed = man_options_of(known)
    for name, command in known.items():
        want = {(o["letter"], o["name"], o["argument"] or "") for o in command["options"]}
        if name == "help":
            assert want < listed[name], want - listed[name]
        else:
            assert listed[name] == want, f"{name}: {listed[name] ^ want}"


@suite("drift: man page and help know the exit statuses of the source")
def exit_statuses(tool):
    enum = re.search(r"enum exit_status \{(.*?)\}", read(os.path.join(SOURCE, "asictl.h")),
                     re.S).group(1)
    numbers = re.findall(r"= (\d)", enum)
    assert re.findall(r"^\.B (\d)$", man_section("EXIT STATUS"), re.M) == numbers
    text = tool.run(["help"]).stdout.split("Exit status:")[1]
    assert re.findall(r"\b(\d) ", text) == numbers, text


@suite("drift: documents name no command that does not exist")
def documents(tool):
    known = commands(tool)
    paths = [os.path.join(SOURCE, "asictl.8"), os.path.join(TOP, "README.md")]
    paths += glob.glob(os.path.join(TOP, "docs/*.md"))
    paths += glob.glob(os.path.join(TOP, "linux/Documentation/**/*"), recursive=True)
    found = 0
    for path in filter(os.path.isfile, paths):
        for name in re.findall(r"(?:`|[$#] |^(?:    |\t)(?:sudo )?)(?:build/)?asictl ([a-z]+)",
                               read(path), re.M):
            found += 1
            assert name in known, f"{os.path.relpath(path, TOP)}: asictl {name}"
        if path.endswith(".8"):
            for name in re.findall(r"^(?:sudo )?asictl ([a-z]+)", read(path), re.M):
                found += 1
                assert name in known, f"asictl.8: asictl {name}"
    assert found, "no document mentions asictl"


def array(source, name):
    text = re.search(rf"{name}\[\] = \{{\n(.*?)\n\}};", source, re.S).group(1)
    return text


@suite("drift: the counters of the kernel, and no others, have a place in stat")
def kernel_counters(tool):
    if not os.path.exists(KERNEL_STATS):
        raise Skip("no kernel source beside the tool")
    kernel = set(re.findall(r'= "(\w+)",', array(read(KERNEL_STATS), "asi_counter_names")))
    known = set(re.findall(r'"(\w+)"', array(read(os.path.join(SOURCE, "sample.c")),
                                             "known_counters")))
    assert kernel and known == kernel | {"exits"}, (
        f"known_counters in sample.c and asi_counter_names differ: {known ^ kernel}")


@suite("drift: the features of the kernel, and no others, have a meaning")
def kernel_features(tool):
    if not os.path.exists(KERNEL_STATS):
        raise Skip("no kernel source beside the tool")
    kernel = set(re.findall(r"&(\w+)_attr\.attr", array(read(KERNEL_STATS), "feature_attrs")))
    known = set(re.findall(r'\{ "(\w+)",', array(read(os.path.join(SOURCE, "features.c")),
                                                 "feature_means")))
    assert kernel and known == kernel, f"features.c and stats.c differ: {known ^ kernel}"


@suite("drift: asictl was made for the interface version of the kernel")
def kernel_abi(tool):
    if not os.path.exists(KERNEL_STATS):
        raise Skip("no kernel source beside the tool")
    abi = re.search(r"^#define ASI_SYSFS_ABI\s+(\d+)$", read(KERNEL_STATS), re.M).group(1)
    assert tool.run(["version", "--json"]).json()["asictl_abi"] == int(abi)
