#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
The demonstration behind scripts/demo: the mails of world/scenarios.py through real Postfix, with DNS from real NSD and
Unbound, once in dry-run and once enforced. Prints what was expected and what was seen; exit status 1 on a difference.
Needs root and a build: ASSAY_BUILD, else build/ in the tree.
"""
import os
import re
import sys
import textwrap

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from house import build
from world import Assayd, Dns, Keys, Postfix, World, delivered_fields
from world.client import deliver_swaks
from world.mail import split_fields
from world.processes import wait_for
from world.scenarios import make, publish, seen_verdicts, verdict_differences


def verdict_text(verdicts):
    if verdicts is None:
        return "no Authentication-Results"
    words = []
    for method, result in verdicts.items():
        if result is None:
            result = "-"
        words.append(f"{method}={'+'.join(result) if isinstance(result, list) else result}")
    return " ".join(words)


def print_row(name, expected, seen, fine):
    columns = [textwrap.wrap(name, 30), textwrap.wrap(expected, 52), textwrap.wrap(seen, 52)]
    columns.append(["ok" if fine else "NOT OK"])
    for line in range(max(len(column) for column in columns)):
        cells = [column[line] if line < len(column) else "" for column in columns]
        print(f"{cells[0]:30}  {cells[1]:52}  {cells[2]:52}  {cells[3]}".rstrip())


def heading(text, *columns):
    print(f"\n== {text} ==\n")
    print_row("message", columns[0], columns[1], True)
    print("-" * 146)


def dry_run(world, postfix, keys):
    """@return how many were not as expected."""
    wrong_count, shown = 0, None
    heading("mode = dry-run: everything is delivered, the header says what was found", "expected", "seen")
    for scenario in make(keys):
        reply = deliver_swaks(postfix, scenario.mail, world.directory)
        if reply.code != 250:
            raw, wrong, seen = b"", ["refused"], str(reply)
        else:
            raw = postfix.delivered(scenario.mail.recipients[0])
            wrong = verdict_differences(scenario, raw)
            verdicts = seen_verdicts(raw) or {}
            seen = verdict_text({method: verdicts.get(method) for method in scenario.expected})
        print_row(scenario.name, verdict_text(scenario.expected), seen, not wrong)
        for line in wrong:
            print(f"    {line}")
        wrong_count += bool(wrong)
        if scenario.received_tls:
            shown = scenario.name, raw
    if shown:
        print(f"\n-- header as delivered: {shown[0]} --\n")
        for name, value in split_fields(shown[1]):
            print(f"{name}:{value}".replace("\r", ""))
        tls = [v for v in delivered_fields(shown[1], "Received") if "tls TLS_" in v.replace("\n", " ")]
        print(f"\nReceived with version, cipher and tls clause: {'ok' if tls else 'NOT OK'}")
    return wrong_count


def settled(postfix, mail, reply):
    """What became of a mail in enforce mode: "hold", "250", or the reply."""
    if reply.code != 250:
        return str(reply)
    address = mail.recipients[0]
    state = wait_for(lambda: (postfix.delivered_now(address) and "250") or (postfix.held(address) and "hold"),
                     f"mail to {address} to be delivered or held")
    return state


def enforced_fits(expected, seen):
    if expected in ("250", "hold"):
        return seen == expected
    code, enhanced, finding, domain, _stage = expected.split()
    needed = [f"{code} {enhanced}", "https://help.assay.example/" + finding] + ([domain] if domain != "-" else [])
    return all(part in seen for part in needed)


def enforce(world, postfix, keys):
    wrong_count = 0
    heading("the same mails, mode = enforce: SMTP replies", "expected", "seen")
    for scenario in make(keys):
        reply = deliver_swaks(postfix, scenario.mail, world.directory)
        seen = settled(postfix, scenario.mail, reply)
        fine = enforced_fits(scenario.enforced, seen)
        text = {"250": f"{reply}", "hold": f"{reply} (held: quarantine)"}.get(seen, f"{seen} [{reply.stage}]")
        print_row(scenario.name, re.sub(r"\s+", " ", scenario.enforced), text, fine)
        wrong_count += not fine
    return wrong_count


def main():
    build.of_argument()
    with World() as world:
        dns, keys = Dns(world), Keys()
        publish(dns, keys)
        dns.start()
        assayd = Assayd(world, dns.port)
        postfix = Postfix(world, assayd.milter)
        print(f"NSD on port {dns.nsd_port}, Unbound on port {dns.port}, Postfix on port {postfix.plain}, assayd on {assayd.milter}")
        assayd.start()
        postfix.start()
        wrong = dry_run(world, postfix, keys)
        assayd.mode = "enforce"
        assayd.restart()
        wrong += enforce(world, postfix, keys)
        if wrong:
            print("\n-- assayd's log --\n" + assayd.log()[-6000:])
    print(f"\n{'all as expected' if not wrong else '%d NOT as expected' % wrong}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
