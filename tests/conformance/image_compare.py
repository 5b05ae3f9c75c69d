#!/usr/bin/env python3
"""image_compare.py OURS THEIRS: what differs between crank's and docker's archive of an image, and no rule excuses."""
import collections
import json
import sys

import dockerfile_rules
import image_tree


def compare(ours, theirs, case):
    """How often each rule was needed, and the lines of what no rule excuses. `case` may bring rules of its own."""
    excused, unexplained = collections.Counter(), []
    own = [(rule["rule"], rule["paths"], set(rule["fields"])) for rule in case.get("excused", [])]
    for field, mine, other in image_tree.config_differences(ours, theirs):
        rule = dockerfile_rules.config_rule_for(field, mine) or case.get("config_excused", {}).get(field)
        if rule:
            excused[rule] += 1
        else:
            unexplained.append(f"config {field}: crank {json.dumps(mine)}, docker {json.dumps(other)}")
    for path, field, mine, other in image_tree.differences(ours, theirs):
        rule = dockerfile_rules.rule_for(path, field, own)
        if rule:
            excused[rule] += 1
        else:
            unexplained.append(f"{path} {field}: crank {show(field, mine)}, docker {show(field, other)}")
    return excused, unexplained


def show(field, value):
    return f"{value:04o}" if field == "mode" else str(value)[:80]


def main():
    parsed = {}
    ours, theirs = (image_tree.Image(archive, parsed) for archive in sys.argv[1:3])
    excused, unexplained = compare(ours, theirs, {})
    print(f"{len(ours.paths)} paths; excused:", *sorted(excused))
    for line in unexplained:
        print(line)
    sys.exit(1 if unexplained else 0)


if __name__ == "__main__":
    main()
