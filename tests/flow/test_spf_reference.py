# SPDX-License-Identifier: BSD-2-Clause
"""`assay check` against pyspf on generated records, valid and not. Where the two differ the difference must be one that the
rules of spf_reference.py explain, each a passage of RFC 7208; any other fails.

ASSAY_SEEDS=first-last runs other worlds, as many as wanted.
"""
import collections
import ipaddress
import os
import random

import pytest

import spf_reference

V4 = ["192.0.2.1", "192.0.2.77", "198.51.100.5", "10.1.2.3"]
V6 = ["2001:db8::1", "2001:db8:1::99"]
CLIENTS = [*V4, *V6, "::ffff:192.0.2.77", "2001:DB8:0:0::1", "192.0.2.254"]
CONFIG = 'authserv-id = "mx.test.example"\nexempt-authenticated = no\ndns { dnssec = off }\n'
DOMAINS = 120
ALIASES = 12

NAMES = ["nx.test", "nope.invalid.test", "_spf.test", "%{d}", "%{h}", "x.%{d2}", "%{p}", "%{p}.w.test", "%{p2}",
         "%{ir}.%{v}.w.test",
         "%{l}.w.test", "%{s}.w.test", "a.%{d1}", "%{o}", "D1.TEST", "d2.test.", "%{h}.w.test", "_.test", "x" * 63 + ".test",
         ("y" * 60 + ".") * 5 + "test", "a.te-st", "a.b_c", "a/b.w.test", "%%.w.test", "a%-b.w.test", "%_.test", "$.w.test"]
BAD_NAMES = ["bad..name", "-x.test", "a" * 64 + ".test", "%{z}.test", "%{", "%", "x.te st", "1.2.3.4", "foo", "test.-x",
             "h1.test..",
             ".test", "a.b-.test", "a.1a", "a:b.test", "a.-t"]
MODIFIERS = ["exp=e.test", "Exp=e.test", "foo=bar", "foo=", "default=pass", "op=x", "foo=%{c}%{t}", "foo=%{r}", "foo=a/b:c",
             "moo",
             "x_y.z-1=%{i}", "x-y_z.0=1", "a=x", "all=x", "ip4=1.2.3.4", "include=x", "v=spf1", "foo=%", "foo=%{", "foo=%{x}",
             "foo=%(",
             "fo:o=x", "f%o=x", "1a=b", "=x", "=", "-", "-foo=bar", "redirect=", "redirect", "exp=", "exp=%{l}.%{z}"]
ADDRESSES = ["ip4:192.0.2.1", "ip4:192.0.2.0/24", "ip4:10.0.0.0/8", "ip4:192.0.2.77/32", "ip4:0.0.0.0/0", "IP4:192.0.2.1",
             "ip6:2001:db8::1", "ip6:2001:db8::/32", "ip6:::/0", "ip6:::ffff:192.0.2.77", "ip6:2001:DB8::/31",
             "ip6:2001:db8::1/0",
             "ip6:2001:db8::1/128", "ip6:2001:db8:1:0:0:0:0:99", "ip6:2001:db8::192.0.2.1", "ip6:1:2:3:4:5:6:7::",
             "ip6:::2:3:4:5:6:7:8"]
BAD_ADDRESSES = ["ip4:1.2.3", "ip4:192.0.2.1/33", "ip4:", "ip4:192.0.2.01", "ip4:192.0.2.0/00", "ip4:192.0.2.0/",
                 "ip4:192.0.2.1//32",
                 "ip4:192.0.2.256", "ip4:192.0.2.1.", "ip4", "ip4:2001:db8::1", "192.0.2.1", "ip:192.0.2.1", "ipv4:192.0.2.1",
                 "ip6:2001:db8::/129", "ip6:1::2::3", "ip6:", "ip6:192.0.2.1", "ip6:fe80::1%eth0", "ip6:12345::",
                 "ip6:2001:db8:::1",
                 "ip6:2001:db8::1/64/", "ip6", "ip6:2001:0db8:00001::"]
BAD_MECHANISMS = ["a:192.0.2.1", "a.test", "mx.test", "a,", "all,", "a:h1.test/24/", "a/24/24", "a/-1", "a/ 24", "mx://64",
                  "a:/24",
                  "mx:h1.test:25", "exists", "exists:", "exists:h1.test/24", "aall", "prt", "a/024", "mx//129", "a/33", "all.",
                  "all:x",
                  "ptr/24", "ptr:", "include", "include:"]


class World:
    """Random hosts and records. Hosts of an MX stand in the order of their preference: no RFC says in which they are asked."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.hosts = [f"h{i}.test" for i in range(20)]
        self.domains = [f"d{i}.test" for i in range(DOMAINS)]
        self.records = {("e.test", "TXT"): [b"%{s} not ok from %{i} at %{c}"], ("*.w.test", "A"): ["127.0.0.2"]}
        for host in self.hosts:
            self.add_addresses(host)
            self.add(host, "MX", [(preference, name) for preference, name in
                                  enumerate(self.rng.sample(self.hosts, self.rng.choice([0, 1, 2, 3, 3, 11])), 1)])
        self.add_reverse()
        for i in range(ALIASES):
            self.add(f"c{i}.test", "CNAME",
                     [self.rng.choice(self.hosts + self.domains[:9] + ["nx1.test", f"c{(i * 5 + 1) % ALIASES}.test"])])
        for domain in self.domains:
            texts = [self.record(domain)] * self.rng.choice([1] * 9 + [2]) if self.rng.random() < .9 else [b"v=spf10 -all"]
            self.add(domain, "TXT", ([b"other"] if self.rng.random() < .1 else []) + [
                text + b" " * i for i, text in enumerate(texts)])
            self.add(domain, "A", self.rng.sample(V4, self.rng.randint(0, 1)))

    def add(self, name, rrtype, values):
        if values:
            self.records[name, rrtype] = values

    def add_addresses(self, name):
        self.add(name, "A", self.rng.sample(V4, self.rng.randint(0, 2)))
        self.add(name, "AAAA", self.rng.sample(V6, self.rng.randint(0, 1)))

    def add_reverse(self):
        """PTR names that lead back, elsewhere, or nowhere."""
        strange = [f"nx{i}.test" for i in range(3)] + [f"sub.d{i}.test" for i in range(3)]
        for client in V4 + V6:
            self.add(ipaddress.ip_address(client).reverse_pointer, "PTR",
                     self.rng.sample(self.hosts + strange, self.rng.choice([0, 1, 2, 3, 12])))
        for name in strange[2:]:
            self.add_addresses(name)

    # ---- records

    def macro(self):
        pick = self.rng.choice
        odd = self.rng.random() < .1
        return ("%{" + pick("slodihvpSLODIHVP" + "crtx" * odd) + pick(["", "", "1", "2", "3", "99", "128"] + ["0", "00"] * odd) +
                pick(["", "", "r", "R"]) + pick(["", "", "-", ".-", "+", "_", "=/", ","] + ["@", "x"] * odd) + "}")

    def domain_spec(self):
        pick, kind = self.rng.choice, self.rng.random()
        if kind < .5:
            return pick(self.domains + self.hosts)
        if kind < .58:
            return f"c{self.rng.randrange(ALIASES)}.test"
        if kind < .78:
            return pick(NAMES)
        if kind < .95:
            return "".join(pick([self.macro(), ".", "a", "b-", "%%", "%_", "%-"]) for _ in range(self.rng.randint(1, 5))) + pick(
                [".test", ".test.", ".%{d}", ""])
        return pick(BAD_NAMES)

    def term(self, domain):
        pick = self.rng.choice
        qualifier = pick(["", "", "+", "-", "~", "?"])
        cidr = pick(["", "", "", "/24", "/32", "//64", "/24//64", "/0", "/0//0", "//128"])
        return pick([
            lambda: qualifier + pick(["all", "ALL"]),
            lambda: qualifier + pick(ADDRESSES),
            lambda: qualifier + pick(ADDRESSES),
            lambda: qualifier + pick(["a", "A"]) + pick(["", ":" + self.domain_spec()]) + cidr,
            lambda: qualifier + pick(["mx", "Mx"]) + pick(["", ":" + self.domain_spec()]) + cidr,
            lambda: qualifier + pick(["ptr", "PTR", "ptr:test", "ptr:" + pick(self.hosts), "ptr:" + self.domain_spec()]),
            lambda: qualifier + pick(["include:", "Include:"]) + pick([*self.domains, "%{d}", domain, "x.%{d}",
                                                                       self.domain_spec()]),
            lambda: qualifier + "exists:" + self.domain_spec(),
            lambda: pick(["redirect=" + pick(self.domains), "REDIRECT=" + pick(self.domains), "redirect=" + self.domain_spec(),
                          "exp=" + self.domain_spec()]),
            lambda: pick(MODIFIERS),
            lambda: qualifier + pick(BAD_MECHANISMS + BAD_ADDRESSES),
        ])()

    def record(self, domain):
        terms = [self.term(domain) for _ in range(self.rng.choice([0, 1, 2, 2, 3, 3, 5, 14]))]
        if self.rng.random() < .93:  # else nearly all would be permerrors
            terms = [term for term in terms if spf_reference.is_term(term)]
        terms += [self.rng.choice(["-all", "~all", "?all", "all"])] * (self.rng.random() < .6)
        text = self.rng.choice(["v=spf1"] * 8 + ["V=SPF1", "v=sPf1"]) + "".join(self.rng.choice([" ",
                                                                                                 "  "]) + term for term in terms)
        if self.rng.random() < .03:
            text += self.rng.choice(["\t-all", " \u00e9", "  ", " a\u00e4", "\x01", "\x7f", " foo=\u00fc", ' "x"', " \\"])
        return text.encode("latin-1")

    def sender(self, domain):
        local = self.rng.choice(["joe", "strong-bad", "a.b-c", "JOE+x", "o'b", '"a b"', "a=b", "x_y", "", '"joe h1"'])
        return local + "@" + self.rng.choice([domain] * 7 + [domain.upper()])

    # ---- as DNS

    def zone(self):
        lines = ["$ORIGIN .", "$TTL 300", "test. IN SOA ns.test. root.test. 1 2 3 4 5"]
        for (name, rrtype), values in self.records.items():
            for value in values:
                if rrtype == "TXT":
                    pieces = [value[i:i + 200] for i in range(0, len(value), 200)] or [b""]
                    data = " ".join('"' + "".join(f"\\{octet:03}" for octet in piece) + '"' for piece in pieces)
                else:
                    data = f"{value[0]} {value[1]}." if rrtype == "MX" else value + "." * (rrtype in ("CNAME", "PTR"))
                lines.append(f"{name}. IN {rrtype} {data}")
        return "\n".join(lines) + "\n"

    def answer(self, name, rrtype, *_args, **_named):
        """As pyspf wants it, aliases followed."""
        asked = name = name.lower().rstrip(".")
        for _ in range(ALIASES):
            if (name, "CNAME") in self.records:
                name = self.records[name, "CNAME"][0]
        values = self.records.get(("*.w.test" if name.endswith(".w.test") else name, rrtype), [])
        if rrtype == "TXT":
            values = [[value] for value in values]
        elif rrtype == "AAAA":
            values = [ipaddress.ip_address(value) for value in values]
        return [((asked, rrtype), value) for value in values]


def seeds():
    first, _, last = os.environ.get("ASSAY_SEEDS", "1-8").partition("-")
    return range(int(first), int(last or first) + 1)


RESULTS = collections.Counter()


@pytest.mark.parametrize("seed", seeds())
def test_spf_as_pyspf_judges(assay, workdir, seed):
    world = World(seed)
    unexplained = []
    (workdir / "conf").write_text(CONFIG)
    (workdir / "zone").write_text(world.zone())
    for domain in world.domains:
        client, sender = world.rng.choice(CLIENTS), world.sender(domain)
        helo = world.rng.choice(["h1.test", domain, "mail-x.h2.test"])
        verdict = assay.json("check", "--config", workdir / "conf", "--zone", workdir / "zone", "--client", client, "--helo",
                             helo,
                             "--mail-from", sender)["spf"]
        rules = spf_reference.explain(verdict["result"], world.answer, i=client, s=sender, h=helo)
        RESULTS[verdict["result"]] += 1
        if rules is None:
            unexplained.append((sender, client, helo, spf_reference.judge(spf_reference.RULES, world.answer, i=client, s=sender,
                                                                          h=helo),
                                verdict, world.records.get((domain, "TXT"))))
    assert unexplained == []


def test_results_have_been_met():
    if sum(RESULTS.values()) < 8 * DOMAINS:
        pytest.skip("only some worlds were run")
    assert {"pass", "fail", "softfail", "neutral", "none", "permerror"} <= set(RESULTS)


# ---- the rules by themselves ----------------------------------------------------------------------------------------

HOSTS = """\
v4.test. IN A 192.0.2.1
v6.test. IN AAAA 2001:db8::1
mx.test. IN MX 1 v4.test.
mx.test. IN MX 2 v6.test.
six.test. IN MX 1 v6.test.
six.test. IN MX 2 v6a.test.
six.test. IN MX 3 v6b.test.
1.2.0.192.in-addr.arpa. IN PTR v4.test.
1.2.0.192.in-addr.arpa. IN PTR v6.test.
1.2.0.192.in-addr.arpa. IN PTR a.d.test.
a.d.test. IN A 192.0.2.1
postmaster@d.test.x.test. IN A 127.0.0.2
s.b.d.test.x.test. IN A 127.0.0.2
q.e.test.p.test. IN A 127.0.0.2
5.100.51.198.in-addr.arpa. IN PTR q.d.test.
5.100.51.198.in-addr.arpa. IN PTR q.e.test.
q.d.test. IN A 198.51.100.5
unknown.p.test. IN A 127.0.0.2
77.2.0.192.in-addr.arpa. IN PTR nx.v4.test.
q.e.test. IN A 198.51.100.5
"""

# rule: (records, sender, client, what the RFC's passage says it is)
EXAMPLES = {
    "postmaster": ({"d.test": "v=spf1 exists:%{s}.x.test -all"}, "@d.test", "192.0.2.1", "pass"),
    "in-order": ({"d.test": "v=spf1 a:n1.test a:n2.test ip4:192.0.2.0/24 a:%{p}.y.test -all"}, "joe@d.test", "192.0.2.9", "pass"),
    "void-terms": ({"d.test": "v=spf1 mx:six.test a:v4.test -all"}, "joe@d.test", "192.0.2.1", "pass"),
    "ptr-names": ({"d.test": "v=spf1 a:n1.test a:n2.test ptr:v4.test -all"}, "joe@d.test", "192.0.2.1", "pass"),
    "mx-hosts": ({"d.test": "v=spf1 a:n1.test a:n2.test mx:mx.test -all"}, "joe@d.test", "192.0.2.1", "pass"),
    "p-of-domain": ({"d.test": "v=spf1 exists:%{p}.none.test include:e.test ~all", "e.test": "v=spf1 exists:%{p}.p.test"},
                    "joe@d.test", "198.51.100.5", "pass"),
    "zero-parts": ({"d.test": "v=spf1 exists:%{d0}.x.test -all"}, "joe@d.test", "192.0.2.1", "permerror"),
    "macro-grammar": ({"d.test": "v=spf1 foo=%{ -all"}, "joe@d.test", "192.0.2.1", "permerror"),
    "exists-domain": ({"d.test": "v=spf1 ?exists -all"}, "joe@d.test", "192.0.2.1", "permerror"),
    "dot-joined": ({"s-b.d.test": "v=spf1 exists:%{d-}.x.test -all"}, "joe@s-b.d.test", "192.0.2.1", "pass"),
    "modifier-case": ({"d.test": "v=spf1 REDIRECT=e.test", "e.test": "v=spf1 -all"}, "joe@d.test", "192.0.2.1", "fail"),
    "unknown-repeated": ({"d.test": "v=spf1 foo=a foo=b -all"}, "joe@d.test", "192.0.2.1", "fail"),
    "unknown-letters": ({"d.test": "v=spf1 foo=%{c} -all"}, "joe@d.test", "192.0.2.1", "fail"),
    "self-include": ({"d.test": "v=spf1 ip4:192.0.2.1 include:d.test -all"}, "joe@d.test", "192.0.2.1", "pass"),
}


def example_answer(zone, name, rrtype):
    rows = [line.split(None, 3) for line in zone.splitlines() if " IN " in line]
    values = [row[3] for row in rows if row[0].rstrip(".") == name.lower().rstrip(".") and row[2] == rrtype]
    if rrtype == "TXT":
        values = [[value.strip('"').encode()] for value in values]
    elif rrtype == "MX":
        values = [(int(value.split()[0]), value.split()[1].rstrip(".")) for value in values]
    elif rrtype == "AAAA":
        values = [ipaddress.ip_address(value) for value in values]
    return [((name.lower().rstrip("."), rrtype), value.rstrip(".") if isinstance(value, str) else value) for value in values]


# What both count as void (section 4.6.4): the addresses of a ptr's names, and all that %{p} asks for.
VOIDS = {
    "ptr": ({"d.test": "v=spf1 a:n1.test a:n2.test ptr:v4.test ?all"}, "joe@d.test", "192.0.2.77", "permerror"),
    "ptr, two voids": ({"d.test": "v=spf1 a:n1.test ptr:v4.test ?all"}, "joe@d.test", "192.0.2.77", "neutral"),
    "%{p}": ({"d.test": "v=spf1 a:n1.test a:n2.test exists:%{p}.p.test ?all"}, "joe@d.test", "192.0.2.77", "permerror"),
    "%{p} without PTR": ({"d.test": "v=spf1 a:n1.test a:n2.test exists:%{p}.p.test ?all"}, "joe@d.test", "192.0.2.78", "permerror"),
}


def judge_example(assay, workdir, example):
    """Judges it as expected. @return the rules with which pyspf does so too."""
    records, sender, client, expected = example
    zone = HOSTS + "".join(f'{name}. IN TXT "{text}"\n' for name, text in records.items())
    (workdir / "conf").write_text(CONFIG)
    (workdir / "zone").write_text("$ORIGIN .\n$TTL 300\ntest. IN SOA ns.test. root.test. 1 2 3 4 5\n" + zone)
    verdict = assay.json("check", "--config", workdir / "conf", "--zone", workdir / "zone", "--client", client, "--helo",
                         "v4.test",
                         "--mail-from", sender)["spf"]
    assert verdict["result"] == expected, verdict
    return spf_reference.explain(expected, lambda name, rrtype, *_args, **_named: example_answer(zone, name, rrtype), i=client,
                                 s=sender, h="v4.test")


@pytest.mark.parametrize("name", VOIDS)
def test_void_names(assay, workdir, name):
    assert judge_example(assay, workdir, VOIDS[name]) == ()


@pytest.mark.parametrize("rule", spf_reference.RULES)
def test_rule(assay, workdir, rule):
    """Assay does what the rule's passage says, plain pyspf does not, and it takes the rule to make it."""
    found = judge_example(assay, workdir, EXAMPLES[rule])
    assert found is not None and rule in found and len(found) <= 2
