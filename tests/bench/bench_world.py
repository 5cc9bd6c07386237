# SPDX-License-Identifier: BSD-2-Clause
"""
The world of run --against: the bench corpus and senders for measuring round trips, all in signed zones, and assayd of a build.
A resolver that validates nothing hands out the signatures, so that whoever validates does it itself.
"""
import os
import re
import subprocess

import dnssec_tree
import make_corpus
from world import Assayd
from world import mail as m
from world.dns import txt

TRIP_TTL = 1    # seconds; of all records of the senders below, also of their absence
TRIP_ZONES = "trips.example", "18.198.in-addr.arpa"
COLD = range(250, 450)      # senders whose zones are their own, each signed by itself
CORPUS_REVERSE = "2.0.192.in-addr.arpa"
RECORD = 'record {{\n\tpath = "{}"\n}}'


class Records:
    """Stands for world.dns.Dns: collects what is published."""

    ttl = 300

    def __init__(self):
        self.records = []

    def add(self, name, rtype, value, ttl=None):
        owner = name if name.endswith(".") else name + "."
        ttl = self.ttl if ttl is None else ttl
        self.records.append(f"{owner} {ttl} IN {rtype} {txt(value) if rtype == 'TXT' else value}")


class ShortLived(Records):
    ttl = TRIP_TTL


class SignedDns(dnssec_tree.Tree):
    """A zone for each domain of the bench corpus and each cold sender; one for all senders of which round trips are counted."""

    def __init__(self, world, records, port):
        names = [f"s{i}.bench.example" for i in range(make_corpus.DOMAINS)] + [CORPUS_REVERSE, *TRIP_ZONES]
        names += [sender(i) for i in COLD]
        texts = {name: [] for name in names}
        for line in records:
            owner = line.split(" ", 1)[0].rstrip(".")
            zone = next((name for name in names if owner == name or owner.endswith("." + name)), None)
            if zone is not None:
                texts[zone].append(line)
        super().__init__(world, [dnssec_tree.Zone(".", ""), dnssec_tree.Zone("one", "")] +
                         [dnssec_tree.Zone(name, "\n".join(lines)) for name, lines in texts.items()])
        self.port = port

    def _zone_of_unbound(self, zone):
        """Unbound answers for this one by itself unless told not to."""
        text = super()._zone_of_unbound(zone)
        return text + f'server:\n\tlocal-zone: "{zone.origin}" nodefault\n' if zone.name == CORPUS_REVERSE else text

    def _text(self, zone):
        text = super()._text(zone)
        return text.replace(" 86400 60\n", f" 86400 {TRIP_TTL}\n") if zone.name in TRIP_ZONES else text


def sender(i):
    return f"cold{i}.example" if i in COLD else f"u{i}.trips.example"


def publish_senders(dns, keys, numbers):
    """As in the bench corpus: every fourth with an include, the others with an mx; the clients have reverse DNS."""
    for i in numbers:
        domain = sender(i)
        if i % 4 == 0:
            dns.add(domain, "TXT", f"v=spf1 include:spf.{domain} -all")
            dns.add(f"spf.{domain}", "TXT", "v=spf1 ip4:203.0.113.0/25 ip4:198.18.0.0/15 -all")
        else:
            dns.add(domain, "TXT", "v=spf1 mx ip4:198.18.0.0/15 ~all")
        dns.add(domain, "MX", f"10 mail.{domain}.")
        dns.add(domain, "A", "192.0.2.80")
        dns.add(f"mail.{domain}", "A", f"198.18.{i // 250}.{i % 250 + 1}")
        dns.add(f"{i % 250 + 1}.{i // 250}.18.198.in-addr.arpa", "PTR", f"mail.{domain}.")
        dns.add(f"_dmarc.{domain}", "TXT", "v=DMARC1; p=reject")
        keys.rsa[domain, "k"] = keys.rsa["s0.bench.example", "s2048"]
        key = next(line for line in dns.records if line.startswith("s2048._domainkey.s0.bench.example."))
        dns.records.append(f"k._domainkey.{domain}. {dns.ttl} " + key.split(" ", 2)[2])


def sender_mail(keys, i):
    domain = sender(i)
    data = keys.sign(m.message(f"news@{domain}", subject=f"message {i}"), domain, "k")
    return m.Mail(data, f"bounce@{domain}", client=f"198.18.{i // 250}.{i % 250 + 1}", client_name=f"mail.{domain}",
                  helo=f"mail.{domain}")


def write_senders(directory, keys, numbers):
    """A corpus, a message a sender."""
    os.makedirs(directory)
    rows = []
    for i in numbers:
        mail = sender_mail(keys, i)
        with open(os.path.join(directory, f"{i}.eml"), "wb") as file:
            file.write(mail.data)
        rows.append("\t".join((f"{i}.eml", mail.client, mail.client_name, mail.helo, mail.mail_from, mail.recipients[0])))
    with open(os.path.join(directory, "index.tsv"), "w", encoding="ascii") as file:
        file.write("\n".join(rows) + "\n")
    return directory


def write_light(directory, corpus, most_bytes=8000):
    """The small messages of a corpus, for when only their number counts."""
    os.makedirs(directory)
    with open(os.path.join(corpus, "index.tsv"), encoding="ascii") as file:
        rows = [row for row in file if os.path.getsize(os.path.join(corpus, row.split("\t", 1)[0])) <= most_bytes]
    for row in rows:
        name = row.split("\t", 1)[0]
        os.symlink(os.path.join(corpus, name), os.path.join(directory, name))
    with open(os.path.join(directory, "index.tsv"), "w", encoding="ascii") as file:
        file.writelines(rows)
    return directory


class Built(Assayd):
    """assayd of one build; keyword arguments as Assayd takes them. validating: with the tree's anchor. record: with a database."""

    serial = 0

    def __init__(self, world, build, dns_port, anchor=None, record=False, sessions=0, findings=None):
        Built.serial += 1
        name = f"assayd-{Built.serial}"
        options = RECORD.format(world.path(name, "assay.db")) if record else ""
        if sessions and "max-sessions" in self.sample(build):
            options += f"\nmax-sessions = {sessions}"
        super().__init__(world, dns_port, name=name, trusted="", dnssec="validate" if anchor else "off", dns_timeout="2s",
                         dns_options=f'trust-anchor-files = {{ "{anchor}" }}' if anchor else "", options=options,
                         findings=findings)
        self.build, self.log_level = build, "notice"

    @staticmethod
    def sample(build):
        """What the build says of its options."""
        return subprocess.run([os.path.join(build, "assay"), "config", "--sample"], check=True, capture_output=True, text=True).stdout

    def program(self, name="assayd"):
        return os.path.join(self.build, name)

    def status(self, field):
        """A number of /proc/PID/status: kB, threads."""
        with open(f"/proc/{self.child.pid}/status", encoding="ascii") as file:
            return int(re.search(rf"^{field}:\s*(\d+)", file.read(), re.M).group(1))
