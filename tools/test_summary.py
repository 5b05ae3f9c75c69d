#!/usr/bin/env python3
"""Adds up what the steps of ./dev test reported; prints the sum alone on the last line.

usage: test_summary.py RESULTS

RESULTS/steps.tsv has a line a step: kind, name, exit status, seconds. A "single" step is one test.
A "counted" step left reports under RESULTS/<preset>-<suite>/: one XML file per GoogleTest program
(and ctest.junit, which knows of programs that died without a report), or the report of bats.
A "rows" step recorded its parts as single steps before itself.
Exits 1 when anything failed.
"""

import pathlib
import sys
import xml.etree.ElementTree as ElementTree


class Sum:
    def __init__(self):
        self.passed = 0
        self.failures = []
        self.skips = []

    def add(self, name, failed, skip_reason):
        if failed:
            self.failures.append(name)
        elif skip_reason is not None:
            self.skips.append(f"{name}: {skip_reason or 'no reason given'}")
        else:
            self.passed += 1


def first_line(text):
    lines = (text or "").strip().splitlines()
    return lines[0] if lines else ""


def skip_reason(case):
    skipped = case.find("skipped")
    if skipped is None:
        return None
    return first_line(skipped.get("message") or skipped.text)


def add_report(total, prefix, path):
    """One JUnit-shaped report; returns whether it could be read."""
    try:
        root = ElementTree.parse(path).getroot()
    except (ElementTree.ParseError, OSError):
        return False
    for case in root.iter("testcase"):
        if case.get("status") == "notrun" and case.find("skipped") is None:
            continue  # GoogleTest lists DISABLED_ tests so
        name = f"{prefix}: {case.get('classname', '')} {case.get('name', '')}"
        failed = case.find("failure") is not None or case.find("error") is not None
        total.add(name, failed, skip_reason(case))
    return True


def add_ctest(total, prefix, directory):
    """The programs that left no report of their own: each is one test."""
    junit = directory / "ctest.junit"
    if not junit.exists():
        return
    for case in ElementTree.parse(junit).getroot().iter("testcase"):
        name = case.get("name", "")
        reason = skip_reason(case)
        # ctest calls a program that was not built "skipped"
        failed = (case.get("status") == "fail" or case.find("failure") is not None
                  or "Unable to find executable" in (reason or ""))
        report = directory / f"{name}_test.xml"
        if report.exists() and not (failed and report_is_green(report)):
            continue
        total.add(f"{prefix}: program {name}", failed, reason)


def report_is_green(report):
    try:
        root = ElementTree.parse(report).getroot()
    except ElementTree.ParseError:
        return True
    return not any(case.find("failure") is not None for case in root.iter("testcase"))


def add_counted(total, name, status, results):
    suite, preset = name.split()
    directory = results / f"{preset}-{suite}"
    before = len(total.failures)
    for report in sorted(directory.glob("*.xml")):
        if not add_report(total, name, report):
            print(f"unreadable report: {report}", file=sys.stderr)
    add_ctest(total, name, directory)
    if status != 0 and len(total.failures) == before:
        total.failures.append(f"{name}: ended with status {status}")


def main():
    results = pathlib.Path(sys.argv[1])
    total = Sum()
    print("\nstep                      status  seconds")
    for line in (results / "steps.tsv").read_text().splitlines():
        kind, name, status, seconds = line.split("\t")
        print(f"{name:25} {'ok' if status == '0' else 'FAILED':7} {seconds:>7}")
        if kind == "single":
            total.add(name, status != "0", None)
        elif kind == "rows":
            if status != "0" and not any(part.startswith(name) for part in total.failures):
                total.failures.append(f"{name}: ended with status {status}")
        else:
            add_counted(total, name, int(status), results)
    for skip in total.skips:
        print(f"skipped  {skip}")
    for failure in total.failures:
        print(f"FAILED   {failure}")
    print(f"{total.passed} passed, {len(total.failures)} failed, {len(total.skips)} skipped")
    return 1 if total.failures or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main())
