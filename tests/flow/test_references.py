# SPDX-License-Identifier: BSD-2-Clause
"""`assay check` against independent readings of the same RFCs, on generated input: DMARC against the tree walk written down
again from RFC 9989, Authentication-Results against the parser of python3-authres. SPF: test_spf_reference.py."""
import random

import authres
import pytest

from dkim_signer import zone_text

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
