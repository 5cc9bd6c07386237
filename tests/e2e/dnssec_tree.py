# SPDX-License-Identifier: BSD-2-Clause
"""A signed tree of zones, made at test time: root, two top-level domains, and a zone for every case of DNSSEC.

Honest zones are signed by ldns-signzone; broken ones are signed first and then spoilt, record by record. NSD serves them
all but one, which its checks refuse; Unbound without its validator resolves from NSD. Nothing here knows the program under test.
"""
import base64
import contextlib
import hashlib
import os
import subprocess
import time

import dns.dnssec
import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.zone

from house import needs
from house.ports import free_port
from world import World
from world.processes import wait_for

NOW = int(time.time())
DAY = 86400
TTL = 300


OTHER_SERVER = "other"      # for a zone that is not on the server of its parent


class Zone:
    """One zone: its text, how it is signed, and what is done to it afterwards. server: "nsd", OTHER_SERVER, or "unbound"."""

    def __init__(self, name, text="", algorithm=13, nsec3=None, dates=(-DAY, 30 * DAY), signed=True, ds="sha256",
                 keys=1, bits=2048, opt_out=False, spoil=None, parent_ds=True, server="nsd"):
        self.name, self.text, self.algorithm, self.nsec3, self.dates = name, text, algorithm, nsec3, dates
        self.signed, self.ds, self.keys, self.bits, self.opt_out = signed, ds, keys, bits, opt_out
        self.spoil, self.parent_ds, self.server = spoil, parent_ds, server
        self.key_names = []
        self.ds_records = []        # rdata texts for the parent

    @property
    def origin(self):
        return "." if self.name == "." else self.name + "."

    def parent(self, zones):
        """The closest enclosing zone."""
        if self.name == ".":
            return None
        labels = self.name.split(".")
        for i in range(1, len(labels)):
            if ".".join(labels[i:]) in zones:
                return zones[".".join(labels[i:])]
        return zones["."]


HOST = """
@ TXT "apex"
www A 192.0.2.1
www A 192.0.2.2
www AAAA 2001:db8::1
mail MX 10 www
txt TXT "one string" "and another"
txt TXT "second record"
MixedCase PTR WWW.Target.Example.
_dmarc TXT "v=DMARC1; p=reject"
a.b.c.empty TXT "below empty non-terminals"
*.wild TXT "from a wildcard"
exact.wild A 192.0.2.3
alias CNAME www
srv SRV 0 5 5060 www
naptr NAPTR 100 10 "U" "E2U+sip" "!^.*$!sip:x@Example!" .
"""


SPF = '@ TXT "v=spf1 ip4:192.0.2.1 -all"\n@ A 192.0.2.1\n_dmarc TXT "v=DMARC1; p=none"\n'


def drop_signatures(*owners):
    """Spoils a zone by removing the RRSIGs at owners (all when none is named)."""
    def spoil(lines, _zone):
        return [l for l in lines if not (l.split()[3] == "RRSIG" and (not owners or l.split()[0] in owners))]
    return spoil


def drop_types(*types):
    def spoil(lines, _zone):
        return [l for l in lines if not (l.split()[3] in types or
                                         (l.split()[3] == "RRSIG" and l.split()[4] in types))]
    return spoil


def drop_owner(owner):
    """Takes a name out of the signed zone: what is left is what a forger of NXDOMAIN could serve."""
    def spoil(lines, _zone):
        return [l for l in lines if l.split()[0] != owner]
    return spoil


def replay(source, target):
    """Serves the records and signatures of one name under another."""
    def spoil(lines, _zone):
        copies = [l.replace(source, target, 1) for l in lines
                  if l.split()[0] == source and l.split()[3] in ("TXT", "RRSIG")
                  and (l.split()[3] != "RRSIG" or l.split()[4] == "TXT")]
        return lines + copies
    return spoil


def alter_text(owner, old, new):
    def spoil(lines, _zone):
        return [l.replace(old, new) if l.split()[0] == owner and l.split()[3] == "TXT" else l for l in lines]
    return spoil


def expand_wildcard(owner, target):
    """Freezes a wildcard's answer as a record of its own: the signature verifies, the proof is missing."""
    def spoil(lines, _zone):
        return lines + [l.replace(owner, target, 1) for l in lines
                        if l.split()[0] == owner and (l.split()[3] == "TXT" or l.split()[3:5] == ["RRSIG", "TXT"])]
    return spoil


def bad_signatures(owner, count):
    """So many signatures that do not verify before the good one."""
    def spoil(lines, _zone):
        out = []
        for line in lines:
            fields = line.split()
            if fields[0] == owner and fields[3:5] == ["RRSIG", "A"]:
                raw = base64.b64decode("".join(fields[12:]))
                for i in range(count):
                    wrong = bytes(reversed(raw[:len(raw) - 1])) + bytes([i])
                    out.append(" ".join(fields[:12] + [base64.b64encode(wrong).decode()]))
                # the good one is left out: whichever order the server sends them in, all must fail
                continue
            out.append(line)
        return out
    return spoil


def same_tag_keys(count):
    """Many keys with the tag and algorithm of the real one."""
    def spoil(lines, _zone):
        out = []
        for line in lines:
            out.append(line)
            fields = line.split(";")[0].split()
            if fields[3] != "DNSKEY":
                continue
            key = base64.b64decode("".join(fields[7:]))
            # the tag is a sum of 16-bit words: exchanging words keeps it
            words = [key[i:i + 2] for i in range(0, len(key), 2)]
            for i in range(count):
                turned = words[i % 31 + 1:] + words[:i % 31 + 1] if i < 31 else list(reversed(words[i % 31:])) + words[:i % 31]
                out.append(" ".join(fields[:7] + [base64.b64encode(b"".join(turned)).decode()]))
        return out
    return spoil


def fake_ds(*values):
    """DS records that stand in the parent instead of the zone's own."""
    return list(values)


def alias_zone(name, target):
    return Zone(name, f"to CNAME {target}\nabsent CNAME nothere.{target.split('.', 1)[1]}\n")


def zones_list():
    """Every zone of the tree."""
    zones = [
        Zone(".", "", algorithm=8, keys=2),
        Zone("one", "plain TXT \"tld\"\n", algorithm=13, keys=2),
        Zone("two", "plain TXT \"tld\"\n", algorithm=8, nsec3=(0, ""), opt_out=True),
        Zone("rsa256.one", HOST, algorithm=8, keys=2),
        Zone("rsa512.one", HOST, algorithm=10),
        Zone("p256.one", HOST, algorithm=13),
        Zone("p384.one", HOST, algorithm=14),
        Zone("ed25519.one", HOST, algorithm=15),
        Zone("ed448.one", HOST, algorithm=16),
        Zone("deep.p256.one", HOST),
        Zone("very.much.deeper.p256.one", HOST, nsec3=(5, "beef")),
        Zone("nsec.one", HOST),
        Zone("nsec3.one", HOST, nsec3=(1, "ab")),
        Zone("optout.one", HOST, nsec3=(0, ""), opt_out=True),
        Zone("signed.optout.one", HOST),
        Zone("unsigned.optout.one", HOST, signed=False),
        Zone("x.ent.optout.one", HOST, signed=False),
        Zone("iter150.one", HOST, nsec3=(150, "aabb")),
        Zone("iter151.one", HOST, nsec3=(151, "aabb")),
        Zone("signed.iter151.one", HOST),
        Zone("unsigned.iter151.one", HOST, signed=False),
        Zone("unsigned.one", HOST, signed=False),
        Zone("sub.unsigned.one", HOST, parent_ds=False),
        Zone("unsigned.nsec3.one", HOST, signed=False),
        Zone("signed.two", HOST),
        Zone("unsigned.two", HOST, signed=False),
        Zone("island.one", HOST, parent_ds=False),
        Zone("expired.one", HOST, dates=(-60 * DAY, -30 * DAY)),
        Zone("future.one", HOST, dates=(30 * DAY, 60 * DAY)),
        Zone("dsnokey.one", HOST, ds=fake_ds("12345 13 2 " + "ab" * 32)),
        Zone("dsdigest.one", HOST, ds=fake_ds("12345 13 250 " + "ab" * 32)),
        Zone("dsalgorithm.one", HOST, ds=fake_ds("12345 200 2 " + "ab" * 32)),
        Zone("dssome.one", HOST, ds="sha256+unknown"),
        Zone("dssha1.one", HOST, ds="sha1"),
        Zone("dssha384.one", HOST, ds="sha384"),
        Zone("dsboth.one", HOST, ds="sha1+sha256"),
        # NSD 4.12 takes no zone with a digest of another length than its algorithm's
        Zone("odd.one", server="unbound"),
        Zone("dsempty.odd.one", HOST, ds="empty-digest"),
        Zone("stripped.one", HOST, spoil=drop_signatures()),
        Zone("stripone.one", HOST, spoil=drop_signatures("www.stripone.one.")),
        Zone("nonsec.one", HOST, spoil=drop_types("NSEC")),
        Zone("nonsec3.one", HOST, nsec3=(0, ""), spoil=drop_types("NSEC3")),
        Zone("forged.one", HOST + "victim TXT \"v\"\n", spoil=drop_owner("victim.forged.one.")),
        Zone("forged3.one", HOST + "victim TXT \"v\"\n", nsec3=(0, ""), spoil=drop_owner("victim.forged3.one.")),
        Zone("altered.one", HOST + "t TXT \"true text\"\n", spoil=alter_text("t.altered.one.", "true", "false")),
        Zone("replay.one", HOST + "source TXT \"s\"\n", spoil=replay("source.replay.one.", "target.replay.one.")),
        Zone("frozen.one", HOST, spoil=expand_wildcard("*.wild.frozen.one.", "f.wild.frozen.one.")),
        Zone("badkey.one", HOST, spoil=drop_signatures("badkey.one.")),
        Zone("dname.one", HOST + "d DNAME p256.one.\nu DNAME unsigned.one.\nx DNAME expired.one.\n"),
        alias_zone("tosecure.one", "www.p256.one."),
        alias_zone("toinsecure.one", "www.unsigned.one."),
        alias_zone("tobogus.one", "www.expired.one."),
        Zone("frominsecure.one", "to CNAME www.p256.one.\n", signed=False),
        Zone("wildalias.one", "*.w CNAME www.p256.one.\n"),
        Zone("wildalias3.one", "*.w CNAME www.p256.one.\n", nsec3=(0, "")),
        Zone("loop.one", "a CNAME b\nb CNAME a\n"),
        Zone("rollover.one", HOST, keys=3),
        Zone("wildapex.one", "* TXT \"anything\"\nreal A 192.0.2.9\n"),
        Zone("wildapex3.one", "* TXT \"anything\"\nreal A 192.0.2.9\n", nsec3=(2, "00")),
        Zone("rsa1024.one", HOST, algorithm=8, bits=1024),
        Zone("spfsecure.one", SPF),
        Zone("spfinsecure.one", SPF, signed=False),
        Zone("spfbogus.one", SPF, dates=(-60 * DAY, -30 * DAY)),
        Zone("manysigs.one", HOST + "few TXT \"x\"\n", algorithm=14, spoil=bad_signatures("www.manysigs.one.", 10)),
        Zone("sametag.one", HOST, spoil=same_tag_keys(17)),
    ]
    return {zone.name: zone for zone in zones}


class Tree:
    """
    Makes the zones in the world's directory; start() serves them.
    zones: other ones than zones_list(); they need "." and "one", which names the server.
    """

    def __init__(self, world, zones=None):
        self.world = world
        self.directory = world.path("tree")
        os.makedirs(self.directory)
        self.zones = zones_list() if zones is None else {zone.name: zone for zone in zones}
        self.nsd_port, self.other_port, self.port = free_port(), free_port(), free_port()
        self.anchor = os.path.join(self.directory, "root.key")
        self.nsd = self.other = self.unbound = None
        # children first: a parent's signature covers their DS
        for zone in sorted(self.zones.values(), key=lambda z: -len(z.name.split(".")) if z.name != "." else 1):
            self._make(zone)

    def _keygen(self, zone, ksk, algorithm=None):
        argv = ["ldns-keygen", "-a", str(algorithm or zone.algorithm), "-b", str(zone.bits)] + (["-k"] if ksk else [])
        out = subprocess.run(argv + [zone.origin], cwd=self.directory, check=True, capture_output=True, text=True)
        return out.stdout.strip()

    def _children(self, zone):
        return [child for child in self.zones.values() if child.parent(self.zones) is zone]

    @staticmethod
    def _opted_out(zone, child):
        """Unsigned delegations of an opt-out zone get no NSEC3: they are added after signing (RFC 5155 section 6)."""
        return zone.opt_out and not (child.signed and child.parent_ds)

    def _text(self, zone):
        lines = [f"$ORIGIN {zone.origin}", f"$TTL {TTL}", "@ SOA ns.one. hostmaster.one. 1 3600 600 86400 60",
                 "@ NS ns.one."]
        if zone.name == "one":
            lines.append("ns.one. A 127.0.0.1")
        lines.append(zone.text)
        for child in self._children(zone):
            if self._opted_out(zone, child):
                continue
            lines.append(f"{child.origin} NS ns.one.")
            if child.parent_ds:
                lines += [f"{child.origin} DS {ds}" for ds in child.ds_records]
        return "\n".join(lines) + "\n"

    def _ds(self, zone):
        """What the parent says of the zone."""
        if isinstance(zone.ds, list):
            return zone.ds
        keys = [self._dnskey(name) for name in zone.key_names]
        key = keys[0]

        tag = dns.dnssec.key_id(key)

        def digest(algorithm):     # RFC 4034 section 5.1.4; dnspython refuses to make SHA-1 ones
            number = {"SHA1": 1, "SHA256": 2, "SHA384": 4}[algorithm]
            data = dns.name.from_text(zone.origin).to_wire() + key.to_wire()
            return f"{tag} {zone.algorithm} {number} {hashlib.new(algorithm.lower(), data).hexdigest()}"
        return {
            "sha256": lambda: [digest("SHA256")],
            "sha1": lambda: [digest("SHA1")],
            "sha384": lambda: [digest("SHA384")],
            "sha256+unknown": lambda: [digest("SHA256"), f"{tag} {zone.algorithm} 250 abcd", f"{tag} 201 2 {'00' * 32}"],
            "sha1+sha256": lambda: [digest("SHA1"), digest("SHA256")],
            "empty-digest": lambda: [f"{tag} {zone.algorithm} 2 00"],
        }[zone.ds]()

    def _dnskey(self, key_name):
        with open(os.path.join(self.directory, key_name + ".key"), encoding="ascii") as file:
            fields = file.read().split(";")[0].split()
        at = fields.index("DNSKEY")
        return dns.rdata.from_text("IN", "DNSKEY", " ".join(fields[at + 1:]))

    def _make(self, zone):
        path = os.path.join(self.directory, zone.name.strip(".") or "root")
        if zone.signed:
            # one key signs everything, or a KSK and ZSKs (the third is published and signs nothing)
            zone.key_names = [self._keygen(zone, True)] + [self._keygen(zone, False) for _ in range(zone.keys - 1)]
            zone.ds_records = self._ds(zone)
        with open(path, "w", encoding="utf-8") as file:
            file.write(self._text(zone))
        if not zone.signed:
            os.rename(path, path + ".zone")
            return
        argv = ["ldns-signzone", "-i", str(NOW + zone.dates[0]), "-e", str(NOW + zone.dates[1]),
                "-f", path + ".zone"]
        if zone.nsec3 is not None:
            argv += ["-n", "-t", str(zone.nsec3[0])] + (["-s", zone.nsec3[1]] if zone.nsec3[1] else [])
            argv += ["-p"] if zone.opt_out else []
        subprocess.run(argv + [path] + zone.key_names, cwd=self.directory, check=True, capture_output=True)
        with open(path + ".zone", "a", encoding="utf-8") as file:
            for child in self._children(zone):
                if self._opted_out(zone, child):
                    file.write(f"{child.origin} {TTL} IN NS ns.one.\n")
        if zone.spoil is not None:
            with open(path + ".zone", encoding="utf-8") as file:
                lines = [line for line in file.read().splitlines() if line.strip() and not line.startswith(";")]
            with open(path + ".zone", "w", encoding="utf-8") as file:
                file.write("\n".join(zone.spoil(lines, zone)) + "\n")

    def start(self):
        root = self.zones["."]
        with open(self.anchor, "w", encoding="ascii") as file:
            file.write("; the test root\n")
            for ds in root.ds_records:
                file.write(f". {TTL} IN DS {ds}\n")
        self.nsd = self._start_nsd("nsd", self.nsd_port)
        if any(zone.server == OTHER_SERVER for zone in self.zones.values()):
            self.other = self._start_nsd(OTHER_SERVER, self.other_port)
        self.unbound = self.start_unbound("unbound", self.port, "iterator")

    def _start_nsd(self, server, port):
        zones = "".join(f'zone:\n\tname: "{zone.origin}"\n\tzonefile: "{zone.name.strip(".") or "root"}.zone"\n'
                        for zone in self.zones.values() if zone.server == server)
        conf = self.world.write(f"tree/{server}.conf", f"""
server:
	ip-address: 127.0.0.1
	port: {port}
	server-count: 1
	username: ""
	chroot: ""
	zonesdir: "{self.directory}"
	database: ""
	pidfile: "{self.directory}/{server}.pid"
	xfrdfile: "{self.directory}/{server}.state"
	zonelistfile: "{self.directory}/{server}.list"
	xfrdir: "{self.directory}"
	rrl-ratelimit: 0
	rrl-whitelist-ratelimit: 0
	minimal-responses: no
remote-control:
	control-enable: no
{zones}""")
        child = self.world.processes.start(f"tree-{server}", ["nsd", "-d", "-c", conf])
        self._wait(port, child)
        return child

    def start_unbound(self, name, port, modules):
        """A recursive server on top of NSD: "iterator", or "validator iterator" with the tree's anchor."""
        directory = self.world.path(name)
        os.makedirs(directory, exist_ok=True)
        anchor = f'trust-anchor-file: "{self.anchor}"' if "validator" in modules else ""
        stubs = "".join(self._zone_of_unbound(zone) for zone in self.zones.values())
        # newer ones pass eight signatures a set on, unless told otherwise: not enough for these tests
        scrub = "iter-scrub-rrsig: 100" if self._unbound_knows("iter-scrub-rrsig") else ""
        conf = self.world.write(f"{name}/unbound.conf", f"""
server:
	interface: 127.0.0.1
	port: {port}
	do-daemonize: no
	username: ""
	chroot: ""
	directory: "{directory}"
	pidfile: "{directory}/unbound.pid"
	use-syslog: no
	logfile: ""
	num-threads: 1
	module-config: "{modules}"
	{anchor}
	{scrub}
	do-not-query-localhost: no
	do-ip6: no
	qname-minimisation: no
	aggressive-nsec: no
	harden-below-nxdomain: no
	val-nsec3-keysize-iterations: "1024 150 2048 150 4096 150"
	val-log-level: 2
	access-control: 127.0.0.0/8 allow
remote-control:
	control-enable: no
{stubs}""")
        child = self.world.processes.start(name, ["unbound", "-d", "-p", "-c", conf])
        self._wait(port, child)
        return child

    def _zone_of_unbound(self, zone):
        """One stub a zone: one NSD is the server of nearly all of them, so it would never send a referral."""
        if zone.server == "unbound":
            return (f'auth-zone:\n\tname: "{zone.origin}"\n\tzonefile: "{os.path.join(self.directory, zone.name)}.zone"\n'
                    "\tfor-upstream: yes\n\tfor-downstream: no\n")
        port = self.other_port if zone.server == OTHER_SERVER else self.nsd_port
        return f'stub-zone:\n\tname: "{zone.origin}"\n\tstub-addr: 127.0.0.1@{port}\n'

    @staticmethod
    def _unbound_knows(option):
        return subprocess.run(["unbound-checkconf", "-o", option, os.devnull], capture_output=True, check=False).returncode == 0

    def _wait(self, port, child):
        question = dns.message.make_query("ns.one.", "A")

        def answered():
            self.world.processes.alive(child)
            try:
                return bool(dns.query.udp(question, "127.0.0.1", port=port, timeout=0.5))
            except (dns.exception.DNSException, OSError):
                return False
        wait_for(answered, f"{child.name} to answer on port {port}")


@contextlib.contextmanager
def started(*zones):
    """The tree, or one of these zones, served, in a world of its own; skips where it cannot be made."""
    needs.programs("nsd", "unbound", "ldns-signzone", "ldns-keygen")
    with World() as world:
        tree = Tree(world, *zones)
        tree.start()
        yield tree
