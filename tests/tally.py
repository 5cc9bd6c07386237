#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Counts single test cases for scripts/test.

    tally.py check BUILD         after `make check` with CMOCKA_MESSAGE_OUTPUT=TAP: a case is a TAP line, or a whole
                                 program that prints none (fuzz replayers)
    tally.py junit FILE          after pytest --junitxml

Prints one line "FAILED …" for each failure and at last "PASSED FAILED SKIPPED" as three numbers.
"""
import glob
import os
import re
import sys
import xml.etree.ElementTree


def tally_program(trs):
    """@return (passed, failed, skipped, lines) of one test program of automake's harness."""
    log_path = trs[:-len(".trs")] + ".log"
    with open(trs, encoding="utf-8", errors="replace") as file:
        result = re.search(r"^:global-test-result: (\w+)", file.read(), re.M)
    result = result.group(1) if result else "ERROR"
    with open(log_path, encoding="utf-8", errors="replace") as file:
        log = file.read()
    name = os.path.basename(trs)[:-len(".trs")]
    passed, lines, skipped = 0, [], 0
    for match in re.finditer(r"^(not ok|ok) \d+ - (\S+)(.*)$", log, re.M):
        if "# SKIP" in match.group(3):
            skipped += 1
        elif match.group(1) == "ok":
            passed += 1
        else:
            lines.append(f"FAILED {name}: {match.group(2)}")
    if result in ("FAIL", "ERROR") and not lines:
        lines.append(f"FAILED {name}: the program ended badly (see {log_path})")
    if result == "SKIP" and not skipped:
        skipped = 1
    if result == "PASS" and not passed and not skipped:
        passed = 1
    return passed, len(lines), skipped, lines + ([tail(log)] if lines else [])


def tail(log):
    return "\n".join("    " + line for line in log.splitlines()[-25:])


def tally_check(build):
    total = [0, 0, 0]
    for trs in sorted(glob.glob(os.path.join(build, "tests", "**", "*.trs"), recursive=True)):
        *counts, lines = tally_program(trs)
        total = [a + b for a, b in zip(total, counts)]
        for line in lines:
            print(line)
    return total


def tally_junit(path):
    passed = failed = skipped = 0
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        bad = case.find("failure")
        if bad is None:
            bad = case.find("error")
        if bad is not None:
            failed += 1
            print(f"FAILED {case.get('classname')}: {case.get('name')}: {(bad.get('message') or '')[:300]}")
        elif case.find("skipped") is not None:
            skipped += 1
            print(f"SKIPPED {case.get('classname')}: {case.get('name')}: {case.find('skipped').get('message')}")
        else:
            passed += 1
    return passed, failed, skipped


def main():
    how, what = sys.argv[1:]
    print(*(tally_check if how == "check" else tally_junit)(what))


if __name__ == "__main__":
    main()
