# SPDX-License-Identifier: BSD-2-Clause
"""
Honest mail for run-starve: 32 zones, half of them signed, of 20 domains each, every one with SPF, DMARC and a DKIM key;
3,000 client addresses out of 250 networks, each with reverse DNS of its own. Records live ten seconds, so that most of what
a message needs has to be asked for again.
"""
import os
import re

import dnssec_tree
from world import Assayd, Keys
from world import mail as m
from world.dns import txt

ZONES, DOMAINS, CLIENTS = 32, 20, 3000
CLIENTS_A_NETWORK = 12
TTL = 10
SELECTOR = "s"


def domain_of(number):
    """Neighbours are in different zones."""
    return f"d{number // ZONES % DOMAINS}.z{number % ZONES}.one"


def address_of(number):
    return f"198.18.{number // CLIENTS_A_NETWORK}.{number % CLIENTS_A_NETWORK + 1}"


class Collector:
    """Stands for world.dns.Dns where only one record is wanted."""

    def add(self, _name, _rtype, value, _ttl=0):
        self.value = value


class HonestTree(dnssec_tree.Tree):
    """@param silent how many zones silentN.one and evilN.one are delegated. more: further zones."""

    def __init__(self, world, silent, more=()):
        self.keys = Keys()
        record = Collector()
        self.keys.publish_rsa(record, "one", SELECTOR)
        zones = [dnssec_tree.Zone(".", ""), dnssec_tree.Zone("one", ""),
                 dnssec_tree.Zone("18.198.in-addr.arpa", "".join(self._reverse()), signed=False)]
        zones += [dnssec_tree.Zone(f"z{i}.one", self._zone(i, record.value), signed=i % 2 == 0) for i in range(ZONES)]
        zones += [dnssec_tree.Zone(f"{word}{i}.one", "", signed=False) for word in ("silent", "evil") for i in range(silent)]
        super().__init__(world, zones + list(more))

    def _reverse(self):
        for i in range(CLIENTS):
            _, _, network, host = address_of(i).split(".")
            yield f"{host}.{network} {TTL} PTR h{i}.{domain_of(i)}.\n"

    @staticmethod
    def _zone(number, key):
        lines = [f'_spf {TTL} TXT "v=spf1 ip4:198.18.0.0/16 -all"']
        for i in range(DOMAINS):
            lines += [
                f'd{i} {TTL} TXT "v=spf1 include:_spf.z{number}.one -all"' if i % 2 else
                f'd{i} {TTL} TXT "v=spf1 mx ip4:198.18.0.0/16 -all"',
                f"d{i} {TTL} MX 10 mail.d{i}", f"mail.d{i} {TTL} A 198.18.255.1", f"d{i} {TTL} A 198.18.255.1",
                f'_dmarc.d{i} {TTL} TXT "v=DMARC1; p=reject"', f"{SELECTOR}._domainkey.d{i} {TTL} TXT {txt(key)}",
            ]
        for i in range(number, CLIENTS, ZONES):
            lines.append(f"h{i}.{domain_of(i)}. {TTL} A {address_of(i)}")
        return "\n".join(lines) + "\n"

    def write_corpus(self, directory):
        """For milterload: a signed message a domain, a client a row. @return directory"""
        os.makedirs(directory)
        for i in range(ZONES * DOMAINS):
            domain = domain_of(i)
            self.keys.rsa[domain, SELECTOR] = self.keys.rsa["one", SELECTOR]
            data = self.keys.sign(m.message(f"news@{domain}", body=b"A line of text.\r\n" * 40), domain, SELECTOR)
            with open(os.path.join(directory, f"{i}.eml"), "wb") as file:
                file.write(data)
        with open(os.path.join(directory, "index.tsv"), "w", encoding="ascii") as file:
            for i in range(CLIENTS):
                domain = domain_of(i)
                file.write("\t".join((f"{i % (ZONES * DOMAINS)}.eml", address_of(i), f"h{i}.{domain}", f"h{i}.{domain}",
                                      f"bounce@{domain}", f"user{i}@{m.RECIPIENT_DOMAIN}")) + "\n")
        return directory


def serve(world, silent, more=()):
    tree = HonestTree(world, silent, more)
    tree.start()
    return tree


class Defaults(Assayd):
    """With the resolver's own number of rounds and memory of failures."""

    def write_config(self):
        path = super().write_config()
        with open(path, encoding="utf-8") as file:
            text = re.sub(r"(?m)^\t(rounds|fail-ttl) = .*\n", "", file.read())
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path


def assayd(world, port, anchor, name):
    made = Defaults(world, port, name=name, trusted="", dnssec="validate", dns_timeout="2s", findings={},
                    dns_options=f'trust-anchor-files = {{ "{anchor}" }}',
                    options=f'record {{\n\tpath = "{world.path(name, "assay.db")}"\n}}')
    made.log_level = "notice"
    return made
