# SPDX-License-Identifier: BSD-2-Clause
"""
How many queries one honest message causes when nothing is cached: `assay check`, validating, once a message, behind a proxy
that counts. The caps on what a message may cost (assay.conf(5), limits) stand on these figures.
"""
import os
import re
import subprocess

import dnssec_tree
import make_corpus
import starve_honest
import starve_world
from world import Assayd
from world import mail as m
from world.dns import txt

HEAVY = 20
PROVIDERS = 9
CHAIN = (43, 48)        # DS, DNSKEY


class Records:
    """Stands for world.dns.Dns: what is published, by zones, with client addresses that are nothing special to Unbound."""

    def __init__(self):
        self.zones = {}

    def add(self, name, rtype, value, ttl=300):
        zone = re.search(r"[^.]+\.(bench|delay|heavy|provider)\.example$", name)
        name = re.sub(r"^(\d+)\.2\.0\.192\.in-addr", r"\1.254.18.198.in-addr", name)
        name = re.sub(r"^(\d+)\.0\.18\.198\.in-addr", r"\1.253.18.198.in-addr", name)
        if rtype in ("TXT", "A"):
            value = moved(value)
        zone = zone.group(0) if zone else "18.198.in-addr.arpa"
        self.zones.setdefault(zone, []).append(f"{name}. {ttl} {rtype} {txt(value) if rtype == 'TXT' else value}")


def moved(text):
    return text.replace("192.0.2.0/24", "198.18.254.0/24").replace("192.0.2.", "198.18.254.").replace("198.18.0.", "198.18.253.")


def publish_heavy(records, keys):
    """The most that still is ordinary: SPF with ten terms, each provider a zone of its own; three signers; a deep author."""
    for i in range(PROVIDERS):
        records.add(f"_spf.p{i}.provider.example", "TXT", f"v=spf1 ip4:203.0.113.{i} ?all" if i != PROVIDERS - 1 else
                    "v=spf1 ip4:198.18.252.0/24 ?all")
    for i in range(HEAVY):
        domain = f"h{i}.heavy.example"
        records.add("mail." + domain, "TXT", "v=spf1 mx " + " ".join(f"include:_spf.p{j}.provider.example"
                                                                     for j in range(PROVIDERS)) + " -all")
        for host in range(4):
            records.add("mail." + domain, "MX", f"10 mx{host}.{domain}.")
            records.add(f"mx{host}.{domain}", "A", f"203.0.113.{100 + host}")
        records.add(f"out.{domain}", "A", f"198.18.252.{i + 1}")
        records.add(f"out.{domain}", "TXT", "v=spf1 a -all")
        records.add(f"{i + 1}.252.18.198.in-addr.arpa", "PTR", f"out.{domain}.")
        records.add(f"_dmarc.{domain}", "TXT", "v=DMARC1; p=reject")
        for signer in (domain, f"esp{i}.provider.example", f"list{i}.provider.example"):
            keys.rsa[signer, "s"] = keys.rsa["s0.bench.example", "s2048"]
            records.add(f"s._domainkey.{signer}", "CNAME", "s2048._domainkey.s0.bench.example.")


def write_heavy(directory, keys):
    os.makedirs(directory)
    rows = []
    for i in range(HEAVY):
        domain = f"h{i}.heavy.example"
        data = m.message(f"news@eu.news.mail.{domain}")
        for signer in (domain, f"esp{i}.provider.example", f"list{i}.provider.example"):
            data = keys.sign(data, signer, "s")
        with open(os.path.join(directory, f"{i}.eml"), "wb") as file:
            file.write(data)
        rows.append("\t".join((f"{i}.eml", f"198.18.252.{i + 1}", f"out.{domain}", f"out.{domain}", f"b@mail.{domain}",
                               "ann@rcpt.example")))
    with open(os.path.join(directory, "index.tsv"), "w", encoding="ascii") as file:
        file.write("\n".join(rows) + "\n")


def zones_of(records):
    """Every other sender's zone is signed, and all above them."""
    names = sorted(name for name in records.zones if name.endswith(".example"))
    zones = [dnssec_tree.Zone("example", "")]
    zones += [dnssec_tree.Zone(name + ".example", "") for name in ("bench", "delay", "heavy", "provider")]
    return zones + [dnssec_tree.Zone(name, "\n".join(records.zones[name]) + "\n", signed=number % 2 == 0)
                    for number, name in enumerate(names)]


class MostTree(starve_honest.HonestTree):
    """With the reverse names of the others, too."""

    records = None

    def _reverse(self):
        yield from super()._reverse()
        yield "\n".join(self.records.zones["18.198.in-addr.arpa"]) + "\n"


def counts(front, config, directory):
    """Of each message: (look-ups, queries for the chain of trust)."""
    with open(os.path.join(directory, "index.tsv"), encoding="ascii") as file:
        rows = [moved(line.rstrip("\n")).split("\t") for line in file]
    for name, client, client_name, helo, mail_from, recipient in rows:
        front.queries.clear()
        done = subprocess.run([Assayd.program("assay"), "check", "--config", config, "--client", f"{client},{client_name}",
                               "--helo", helo, "--mail-from", mail_from, "--rcpt", recipient, os.path.join(directory, name)],
                              capture_output=True, text=True, check=False)
        if "dmarc=pass" not in done.stdout or "temperror" in done.stdout:
            raise RuntimeError(f"{name}: {done.stdout}{done.stderr}")
        chain = sum(1 for query in front.queries if query.type in CHAIN)
        yield len(front.queries) - chain, chain


def show(name, rows):
    print(f"{name}: {len(rows)} messages")
    for what, values in (("look-ups", [a for a, _ in rows]), ("for the chain", [b for _, b in rows]),
                         ("queries", [a + b for a, b in rows])):
        values = sorted(values)
        print(f"  {what:14} p50 {values[len(values) // 2]:4}, p99 {values[len(values) - 1 - len(values) // 100]:4}, "
              f"most {values[-1]:4}", flush=True)


def tell(world):
    records = MostTree.records = Records()
    keys = starve_honest.Keys()
    make_corpus.publish(records, keys)
    make_corpus.publish_delay(records, keys)
    publish_heavy(records, keys)
    tree = MostTree(world, 1, zones_of(records))
    tree.start()
    make_corpus.write(world.path("bench"), keys)
    make_corpus.write_delay(world.path("delay"), keys, 0)
    write_heavy(world.path("heavy"), keys)
    tree.write_corpus(world.path("honest"))
    front = starve_world.Front(world, tree.port)
    config = starve_honest.assayd(world, front.port, tree.anchor, "most").write_config()
    for name in ("bench", "delay", "heavy", "honest"):
        show(name, list(counts(front, config, world.path(name))))
