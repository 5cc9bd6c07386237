# SPDX-License-Identifier: BSD-2-Clause
"""`assay check` against independent readings of the same RFCs, on generated input: SPF against pyspf, DMARC against the
tree walk written down again from RFC 9989, Authentication-Results against the parser of python3-authres."""
import ipaddress
import json
import random

import authres
import pytest
import spf

from dkim_signer import zone_text

CLIENTS = ["192.0.2.1", "192.0.2.77", "198.51.100.5", "10.1.2.3", "2001:db8::1", "2001:db8:1::99"]
V4, V6 = CLIENTS[:4], CLIENTS[4:]
CONFIG = 'authserv-id = "mx.test.example"\nexempt-authenticated = no\ndns { dnssec = off }\n'


@pytest.fixture
def judge(assay, workdir):
    """judge(zone, *options, message=bytes): the verdict."""
    (workdir / "conf").write_text(CONFIG)
    state = {}

    def run(zone, *options, message=None):
        if state.get("zone") != zone:
            (workdir / "zone").write_text(zone)
            state["zone"] = zone
        rest = ["-"] if message is not None else []
        return assay.json("check", "--config", workdir / "conf", "--zone", workdir / "zone", *options, *rest,
                          stdin=message or b"")
    return run


# ---- SPF ------------------------------------------------------------------------------------------------------------


class SpfWorld:
    """Random hosts and records. Left out is what pyspf reads differently: ptr (whose inner look-ups it counts as void),
    macros of no parts, a record that includes itself."""

    def __init__(self, seed, count):
        self.rng = random.Random(seed)
        self.hosts = [f"h{i}.test" for i in range(20)]
        self.domains = [f"d{i}.test" for i in range(count)]
        self.records = {("e.test", "TXT"): [b"%{s} not ok from %{i} at %{c}"]}
        for host in self.hosts:
            self.add(host, "A", self.rng.sample(V4, self.rng.randint(0, 2)))
            self.add(host, "AAAA", self.rng.sample(V6, self.rng.randint(0, 1)))
            self.add(host, "MX", [(preference, name) for preference, name in
                                  enumerate(self.rng.sample(self.hosts, self.rng.randint(0, 3)), 1)])
        for domain in self.domains:
            texts = [self.record(domain)] * self.rng.choice([1, 1, 1, 1, 1, 2]) if self.rng.random() < .9 else [b"v=spf10 -all"]
            self.add(domain, "TXT", ([b"other"] if self.rng.random() < .1 else []) + [
                text + b" " * i for i, text in enumerate(texts)])
            self.add(domain, "A", self.rng.sample(V4, self.rng.randint(0, 1)))

    def add(self, name, rrtype, values):
        if values:
            self.records[name, rrtype] = values

    def macro(self):
        pick = self.rng.choice
        return "%{" + pick("slodihvSLODIH") + pick(["", "", "1", "2", "r", "2r"]) + pick(["", "", "-", ".-", "+"]) + "}"

    def domain_spec(self):
        pick, kind = self.rng.choice, self.rng.random()
        if kind < .6:
            return pick(self.domains + self.hosts)
        if kind < .7:
            return pick(["nx.test", "nope.invalid.test", "_spf.test", "%{d}", "%{h}", "x.%{d2}"])
        if kind < .92:
            return "".join(pick([self.macro(), ".", "a", "b-", "%%", "%_", "%-"]) for _ in range(self.rng.randint(1, 5))) + pick(
                [".test", ".test.", ".%{d}", ""])
        return pick(["bad..name", "-x.test", "a" * 64 + ".test", "%{z}.test", "%{", "%", "x.te st", "1.2.3.4", "foo", "test.-x"])

    def term(self, domain):
        pick = self.rng.choice
        qualifier = pick(["", "", "+", "-", "~", "?"])
        cidr = pick(["", "", "", "/24", "/32", "//64", "/24//64", "/0", "/33", "//129", "/", "/08"])
        return pick([
            lambda: qualifier + pick(["all", "ALL", "all.", "all:x"]),
            lambda: qualifier + "ip4:" + pick(["192.0.2.1", "192.0.2.0/24", "10.0.0.0/8", "1.2.3", "192.0.2.1/33", "", "192.0.2.01"]),
            lambda: qualifier + "ip6:" + pick(["2001:db8::1", "2001:db8::/32", "::/0", "2001:db8::/129", "1::2::3", ""]),
            lambda: qualifier + "a" + pick(["", ":" + self.domain_spec()]) + cidr,
            lambda: qualifier + "mx" + pick(["", ":" + self.domain_spec()]) + cidr,
            lambda: qualifier + "include:" + pick([name for name in self.domains if name != domain]),
            lambda: qualifier + "exists:" + self.domain_spec(),
            lambda: pick(["redirect=" + pick(self.domains), "exp=e.test", "foo=bar", "moo", "x_y.z-1=%{i}", "1a=b", "=", "-"]),
        ])()

    def record(self, domain):
        terms = [self.term(domain) for _ in range(self.rng.choice([0, 1, 1, 2, 2, 3]))]
        terms += [self.rng.choice(["-all", "~all", "?all", "all"])] * (self.rng.random() < .6)
        return ("v=spf1" + "".join(self.rng.choice([" ", "  "]) + term for term in terms)).encode()

    def zone(self):
        texts = {name: [value.decode() for value in values]
                 for (name, rrtype), values in self.records.items() if rrtype == "TXT"}
        lines = [f"{name}. IN {rrtype} " + (f"{value[0]} {value[1]}." if rrtype == "MX" else value)
                 for (name, rrtype), values in self.records.items() if rrtype != "TXT" for value in values]
        return zone_text(texts) + "\n".join(lines) + "\n"

    def answer(self, name, rrtype, *_args, **_named):
        """As pyspf wants it."""
        values = self.records.get((name.lower().rstrip("."), rrtype), [])
        if rrtype == "TXT":
            values = [[value] for value in values]
        elif rrtype == "AAAA":
            values = [ipaddress.ip_address(value) for value in values]
        return [((name, rrtype), value) for value in values]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_spf_as_pyspf_judges(judge, monkeypatch, seed):
    world = SpfWorld(seed, 120)
    zone = world.zone()
    monkeypatch.setattr(spf, "DNSLookup", world.answer)
    different, seen = [], set()
    for domain in world.domains:
        client = world.rng.choice(CLIENTS)
        sender, helo = world.rng.choice(["joe", "strong-bad", "a.b-c"]) + "@" + domain, world.rng.choice(["h1.test", domain])
        expected = spf.check2(i=client, s=sender, h=helo, timeout=20, querytime=20)[0]
        verdict = judge(zone, "--client", client, "--helo", helo, "--mail-from", sender)["spf"]
        seen.add(expected)
        if verdict["result"] != expected:
            different.append((domain, client, expected, verdict, world.records.get((domain, "TXT"))))
    assert different == []
    assert {"pass", "fail", "neutral", "none", "permerror"} <= seen


# ---- DMARC ----------------------------------------------------------------------------------------------------------

LEVELS = ["none", "quarantine", "reject"]


def suffixes(name):
    labels = name.split(".")
    return [".".join(labels[i:]) for i in range(len(labels))]


class DmarcWorld:
    """Records at random places of a few trees, and RFC 9989 sections 4.7 and 4.10 in the plainest words."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.domains = sorted({self.name() for _ in range(60)} | {f"org{i}.{top}" for i in range(3) for top in ("com", "co.uk")})
        self.dmarc = {}
        for name in sorted({suffix for domain in self.domains for suffix in suffixes(domain)}):
            chance = self.rng.random()
            if chance < .36:
                self.dmarc[name] = ([self.record()] if chance < .25 else [self.record() + ";", self.record()] if chance < .29 else
                                    ["v=DMARC2; p=reject"] if chance < .32 else ["some text", self.record()])
        self.spf = {name: self.rng.choice(["v=spf1 +all", "v=spf1 -all"]) for name in self.domains if self.rng.random() < .6}
        self.owners = {suffix for name in [*self.spf, *("_dmarc." + name for name in self.dmarc)] for suffix in suffixes(name)}

    def name(self):
        depth = self.rng.choice([1, 1, 2, 2, 3, 4, 6, 8, 9])
        return ".".join([self.rng.choice("abcmx") for _ in range(depth)] + [f"org{self.rng.randint(0, 2)}",
                                                                           self.rng.choice(["com", "co.uk"])])

    def record(self):
        pick, tags = self.rng.choice, []
        for chance, text in ((.9, "p=" + pick(LEVELS + ["bogus"] * (self.rng.random() < .2))), (.3, "sp=" + pick(LEVELS)),
                             (.3, "np=" + pick(LEVELS)), (.35, "psd=" + pick("ynnu")), (.2, "t=" + pick("yn")),
                             (.25, "aspf=" + pick("rs")), (.3, "rua=mailto:x@y.example"), (.1, "pct=0")):
            if self.rng.random() < chance:
                tags.append(text)
        self.rng.shuffle(tags)
        return pick(["; ", ";", " ; "]).join(["v=DMARC1", *tags])

    def zone(self):
        return zone_text({**{"_dmarc." + name: texts for name, texts in self.dmarc.items()}, **self.spf})

    def lookup(self, name):
        records = [text for text in self.dmarc.get(name, []) if text.startswith("v=DMARC1")]
        if len(records) != 1:
            return None
        return dict(map(str.strip, tag.split("=", 1)) for tag in records[0].split(";") if "=" in tag)

    def walk(self, domain):
        names = suffixes(domain)
        if len(names) >= 8:
            names = [domain, *names[-7:]]
        found = []
        for name in names:
            record = self.lookup(name)
            if record is not None:
                found.append((name, record))
                if record.get("psd") in ("y", "n"):
                    break
        return found

    def organization(self, domain):
        found = self.walk(domain)
        for name, record in found:
            if record.get("psd") == "n":
                return name
            if record.get("psd") == "y" and name != domain:
                return suffixes(domain)[-len(name.split(".")) - 1]
        return found[-1][0] if found else domain

    def expect(self, domain, sender):
        """(result, policy, where, organizational domain, disposition); None: no DMARC."""
        found, organization = dict(self.walk(domain)), self.organization(domain)
        where = next((name for name in (domain, organization) if name in found), None) or next(
            (name for name in found if found[name].get("psd") == "y"), None)
        if where is None:
            return None
        record = found[where]
        policy = record.get("p")
        if policy not in LEVELS:
            if "rua" not in record:
                return None
            policy = "none"
        elif where != domain:
            policy = record.get("sp", policy)
            if domain not in self.owners:
                policy = record.get("np", policy)
        aligned = sender == domain or (record.get("aspf") != "s" and self.organization(sender) == organization)
        if self.spf.get(sender) == "v=spf1 +all" and aligned:
            return "pass", policy, where, organization, "none"
        lowered = LEVELS[max(0, LEVELS.index(policy) - 1)]
        return "fail", policy, where, organization, lowered if record.get("t") == "y" else policy


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_dmarc_as_the_rfc_says(judge, seed):
    world = DmarcWorld(seed)
    zone, seen = world.zone(), set()
    for number in range(150):
        domain = world.rng.choice(world.domains)
        if world.rng.random() < .2:
            domain = f"nx{number}.{domain}"
        sender = world.rng.choice([domain, *world.domains, *[name for name in world.domains if name.endswith(domain[-8:])]])
        verdict = judge(zone, "--client", "203.0.113.5", "--mail-from", "joe@" + sender,
                        message=f"From: joe@{domain}\n\nHello.\n".encode())["dmarc"]
        expected = world.expect(domain, sender)
        seen.add(expected and expected[0])
        if expected is None:
            assert verdict["result"] in ("none", "permerror") and verdict["disposition"] == "none", (domain, verdict)
        else:
            assert tuple(verdict[key] for key in ("result", "policy", "policy_domain", "org_domain", "disposition")) == expected, (
                domain, sender, world.walk(domain))
    assert seen == {None, "pass", "fail"}


# ---- Authentication-Results -----------------------------------------------------------------------------------------

PIECES = ["a", "joe", "good.example", '"', "\\", "(", ")", ";", "=", "@", "<", ">", ",", " ", "\t", "x" * 70, "%s", "spf=pass",
          "mx.test.example", "\x01", ".", "[1.2.3.4]", "/", ":", "?", "\x7f", "dkim=pass", "\u00fc", "\u202e", "\n"]


@pytest.mark.parametrize("seed", [1, 2])
def test_our_field_parses_whatever_comes(judge, seed):
    rng = random.Random(seed)

    def text(pieces=6):
        return "".join(rng.choice(PIECES) for _ in range(rng.randint(1, pieces)))

    zone = zone_text({"good.example": "v=spf1 -all", "_dmarc.good.example": "v=DMARC1; p=reject"})
    for _ in range(100):
        options = ["--client", "203.0.113.9," + text(), "--helo", text(), "--mail-from", text() + "@good.example",
                   "--cert", text() + "," + text(), "--tls", "TLSv1.2," + text(3).replace(",", "") + ",128"]
        if rng.random() < .3:
            options += ["--auth", text(2).replace(",", "") + "," + text()]
        header = (f"From: {text(8)} <{text(2)}@good.example>\nAuthentication-Results: {text(8)}\n"
                  f"DKIM-Signature: v=1; a={text(2)}; d={text(3)}; s={text(3)}; i={text(3)}; h=from; bh=AAAA; b={text(4)}\n")
        verdict = judge(zone, *options, message=header.encode() + b"\nHello.\n")
        fields = [field for field in verdict["headers"] if field.startswith("Authentication-Results:")]
        assert len(fields) == 1
        for field in verdict["headers"]:
            assert all(line[:1] in (" ", "\t") and line.strip() for line in field.split("\n")[1:]), field
            assert not any(ord(char) < 32 and char not in "\n\t" or char == "\x7f" for char in field), field
        # the parser knows nothing of RFC 6532
        unfolded = "".join(char if ord(char) < 128 else "x" for char in fields[0]).replace("\n\t", " ")
        parsed = authres.AuthenticationResultsHeader.parse(unfolded)
        assert str(parsed.authserv_id) == "mx.test.example"
        results = [(result.method, result.result) for result in parsed.results]
        assert [value for method, value in results if method == "dmarc"] == [verdict["dmarc"]["result"]]
        assert [value for method, value in results if method == "iprev"] == [verdict["iprev"]["result"]]
        assert [value for method, value in results if method == "spf"][0] == verdict["spf"]["result"]
        assert [value for method, value in results if method == "dkim"] == (
            [signature["result"] for signature in verdict["dkim"]] or ["none"])
