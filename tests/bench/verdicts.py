# SPDX-License-Identifier: BSD-2-Clause
"""Whether two builds judge alike: `assay check --json` of both on the same messages; what only the newer one tells is no difference."""
import json
import os
import re
import subprocess
import sys
import time

import make_ordinary


def verdict(build, zone, config, mail):
    rcpts = [word for recipient in mail.recipients for word in ("--rcpt", recipient)]
    argv = [os.path.join(build, "assay"), "check", "--json", "--config", config, "--zone", zone, "--time", str(int(time.time()) + 60),
            "--client", mail.client, "--helo", mail.helo, "--mail-from", mail.mail_from, *rcpts, "-"]
    done = subprocess.run(argv, input=mail.data, capture_output=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{argv[0]}: {done.stderr.decode()}")
    return json.loads(done.stdout)


def corpus_mails(directory):
    with open(os.path.join(directory, "index.tsv"), encoding="ascii") as file:
        for line in file:
            name, client, host, helo, sender, recipient = line.rstrip("\n").split("\t")
            with open(os.path.join(directory, name), "rb") as message:
                yield make_ordinary.Ordinary(message.read(), sender, [recipient], f"{client},{host}", helo, "corpus")


def differences(old, new):
    """Of what both tell; the new one may tell more of itself."""
    if isinstance(old, dict) and isinstance(new, dict):
        return [f"{key}.{inner}" for key in sorted(set(old) & set(new)) for inner in differences(old[key], new[key])]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [inner for pair in zip(old, new) for inner in differences(*pair)]
    return [] if old == new else [f"({old!r} → {new!r})"]


def known_findings(build):
    """Every word of its sample configuration, the names of its findings among them."""
    sample = subprocess.run([os.path.join(build, "assay"), "config", "--sample"], check=True, capture_output=True, text=True).stdout
    return set(re.findall(r"[\w-]+", sample))


def without_unknown(told, known):
    """The older build has no findings and no result of a check that it does not know; what they do to the decision stays a difference."""
    if "arc-fail" not in known:
        told.pop("arc", None)
    told["findings"] = [name for name in told["findings"] if name in known]
    told["finding_details"] = [each for each in told["finding_details"] if each["name"] in known]


def compare(world, builds, dns, mails):
    """
    @return how many were judged otherwise (results, findings that both know, decision; the first of them are printed), and how many more were
    judged alike and get header fields of another wording.
    """
    zone = world.write("all.zone", "$ORIGIN .\n. 300 IN SOA ns. root. 1 2 3 4 5\n" + "".join(line + "\n" for line in dns.records))
    config = world.write("check.conf", 'mode = enforce\nauthserv-id = "mx.test.example"\ndns { dnssec = off }\n')
    counts, differing, reworded, known = {}, 0, 0, known_findings(builds[0])
    for mail in mails:
        old, new = (verdict(build, zone, config, mail) for build in builds)
        wording = old.pop("headers") != new.pop("headers")
        without_unknown(new, known)
        found = differences(old, new)
        key = mail.kind, new["decision"]["action"]
        counts[key] = counts.get(key, 0) + 1
        differing += bool(found)
        reworded += wording and not found
        if found and differing <= 20:
            print(f"  {mail.kind} from {mail.mail_from!r}: {'; '.join(found)[:400]}")
    print("verdicts: " + ", ".join(f"{kind} {action} {count}" for (kind, action), count in sorted(counts.items())))
    print(f"  {sum(counts.values())} messages, {differing} with another verdict, {reworded} with the same in other words")
    return differing, reworded
