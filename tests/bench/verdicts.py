# SPDX-License-Identifier: BSD-2-Clause
"""Whether two builds judge alike: `assay check --json` of both on the same messages; what only the newer one tells is no difference."""
import json
import os
import subprocess
import sys

import make_ordinary


def verdict(build, zone, config, mail):
    rcpts = [word for recipient in mail.recipients for word in ("--rcpt", recipient)]
    argv = [os.path.join(build, "assay"), "check", "--json", "--config", config, "--zone", zone, "--time", "1795860000",
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


def compare(world, builds, dns, mails):
    """@return how many were judged otherwise; the first of them are printed."""
    zone = world.write("all.zone", "$ORIGIN .\n. 300 IN SOA ns. root. 1 2 3 4 5\n" + "".join(line + "\n" for line in dns.records))
    config = world.write("check.conf", 'mode = enforce\nauthserv-id = "mx.test.example"\ndns { dnssec = off }\n')
    counts, differing = {}, 0
    for mail in mails:
        old, new = (verdict(build, zone, config, mail) for build in builds)
        found = differences(old, new)
        key = mail.kind, new["decision"]["action"]
        counts[key] = counts.get(key, 0) + 1
        differing += bool(found)
        if found and differing <= 20:
            print(f"  {mail.kind} from {mail.mail_from!r}: {'; '.join(found)[:400]}")
    print("verdicts: " + ", ".join(f"{kind} {action} {count}" for (kind, action), count in sorted(counts.items())))
    print(f"  {sum(counts.values())} messages, {differing} with another verdict")
    return differing
