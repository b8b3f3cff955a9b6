# SPDX-License-Identifier: GPL-2.0
"""check: each fact alone decides."""

import os

import dump
from tap import Suite, Test

suite = Suite()

ASI = "sys/kernel/asi"
STATS = f"{ASI}/classes/user/stats"
KVM_STATS = f"{ASI}/classes/kvm/stats"

# Beginning with all facts true: files and their contents (None: removed), the exit
# status, and the fact that does not hold.
ALONE = (
    ({f"{ASI}/enabled": "0"}, 2, "enabled"),
    ({f"{ASI}/enabled": "maybe"}, 3, "enabled"),
    ({f"{ASI}/enabled": None}, 3, "enabled"),
    ({f"{ASI}/abi": "2"}, 3, "interface"),
    ({f"{ASI}/abi": "18446744073709551615"}, 3, "interface"),
    ({f"{ASI}/abi": "99999999999999999999999"}, 3, "interface"),
    ({f"{ASI}/abi": None}, 3, "interface"),
    ({f"{ASI}/abi": "-1"}, 3, "interface"),
    # Nothing that a newer interface says is sure, bad news included.
    ({f"{ASI}/abi": "2", f"{ASI}/enabled": "0"}, 3, "interface"),
    ({f"{ASI}/abi": "2", f"{STATS}/warnings": "1"}, 3, "interface"),
    ({f"{ASI}/mode": None}, 3, "mode"),
    ({f"{ASI}/mode": "most"}, 3, "mode"),
    ({f"{ASI}/mode": "user"}, 0, None),
    ({f"{ASI}/classes/user/enabled": "0"}, 2, "class user"),
    ({f"{ASI}/classes/user/enabled": "2"}, 3, "class user"),
    ({f"{ASI}/classes/user/enabled": None}, 3, "class user"),
    ({f"{ASI}/mode": "kvm", f"{ASI}/classes/user/enabled": "0"}, 0, None),
    ({f"{ASI}/mode": "kvm", f"{ASI}/classes/user/enabled": "x"}, 0, None),
    ({f"{ASI}/mode": "kvm", f"{ASI}/classes/kvm/enabled": "0"}, 2, "class kvm"),
    # Off, and perhaps nobody asked for it.
    ({f"{ASI}/mode": "most", f"{ASI}/classes/user/enabled": "0"}, 3, "mode"),
    ({f"{ASI}/mode": "kvm", f"{ASI}/classes/kvm": None}, 2, "classes"),
    ({f"{ASI}/classes/kvm": None}, 0, None),
    ({f"{ASI}/features/sensitive": "0"}, 2, "sensitive"),
    ({f"{ASI}/features/sensitive": "partly"}, 3, "sensitive"),
    ({f"{ASI}/features/sensitive": None}, 3, "sensitive"),
    ({f"{STATS}/warnings": "1"}, 2, "warnings of class user"),
    ({f"{KVM_STATS}/warnings": "18446744073709551615"}, 2, "warnings of class kvm"),
    ({f"{STATS}/tense_faults": "1"}, 2, "tense_faults of class user"),
    ({f"{STATS}/tense_faults": "many"}, 3, "tense_faults of class user"),
    ({f"{STATS}/tense_faults": None}, 3, "tense_faults of class user"),
    ({f"{STATS}/warnings": None}, 3, "warnings of class user"),
    ({f"{ASI}/mode": "kvm", f"{STATS}/warnings": None}, 0, None),
    ({f"{ASI}/mode": "kvm", f"{STATS}/warnings": "1"}, 2, "warnings of class user"),
    ({f"{ASI}/classes/test-x/enabled": "0", f"{ASI}/classes/test-x/stats/warnings": "9"},
     0, None),
    ({f"{ASI}/reason": "something is off"}, 2, "reason"),
    ({f"{ASI}/reason": None}, 3, "reason"),
    # Certain and bad outweighs a doubt.
    ({f"{ASI}/reason": None, f"{ASI}/features/sensitive": "0"}, 2, "sensitive"),
    ({f"{STATS}/exits": "no number"}, 0, None),
    ({f"{ASI}/brand_new": "1"}, 0, None),
)


def change(root, files):
    for name, value in files.items():
        path = os.path.join(root, name)
        if value is None:
            dump.remove(path)
            continue
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as file:
            file.write(value + "\n")


def check_alone(tool, files, status, fact):
    root = tool.fresh("on")
    change(root, files)
    text = tool.run(["check"], root)
    value = tool.run(["check", "--json"], root)
    assert text.status == value.status == status, text.show()
    assert value.json()["verdict"] == {0: "protected", 2: "not-protected", 3: "unknown"}[status]
    if fact is None:
        assert "error" not in value.json(), value.show()
        return
    assert value.json()["error"].startswith(f"{fact}: "), value.show()
    assert f"\nWhy:           {fact}: " in text.stdout, text.show()
    assert text.last_line() == f"Hint:          {value.json()['hint']}", text.show()


@suite("check: begins with all facts true")
def all_true(tool):
    facts = tool.on("on", "check", "--json").json()["facts"]
    assert len(facts) == 12 and all(f["judged"] and f["holds"] for f in facts), facts


@suite("check: what cannot be read leaves a doubt, whatever it is")
def unreadable(tool):
    for name in ("features/pcid", "classes/user/page_table", "classes/user/stats/flushes"):
        root = tool.fresh("on")
        path = os.path.join(root, ASI, name)
        os.unlink(path)
        os.symlink("elsewhere", path)
        result = tool.run(["check"], root)
        assert result.status == 3, result.show()
        assert f"Unreadable:    /{ASI}/{name}: " in result.stdout, result.show()
        value = tool.run(["check", "--json"], root).json()
        assert value["error"].startswith("files: 1 below"), value
        assert value["unreadable"][0]["path"] == f"/{ASI}/{name}", value


def tests():
    return [Test("check: " + (", ".join(f"{os.path.relpath(name, ASI)} = {value}"
                                        for name, value in files.items())),
                 lambda tool, row=(files, status, fact): check_alone(tool, *row))
            for files, status, fact in ALONE] + suite.tests()
