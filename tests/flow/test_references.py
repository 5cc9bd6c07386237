# SPDX-License-Identifier: BSD-2-Clause
"""`assay check` against independent readings of the same RFCs, on generated input: DMARC against the tree walk written down
again from RFC 9989, Authentication-Results against the parser of python3-authres. SPF: test_spf_reference.py; DKIM:
test_dkim_reference.py. ASSAY_SEEDS=first-last runs other worlds, as many as wanted."""
import collections
import os
import random

import authres
import pytest

from dkim_signer import Key, sign, zone_text

CONFIG = 'authserv-id = "mx.test.example"\nexempt-authenticated = no\ndns { dnssec = off }\n'


def seeds(usual):
    first, _, last = os.environ.get("ASSAY_SEEDS", usual).partition("-")
    return range(int(first), int(last or first) + 1)


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
# of the tops of the worlds, what the public suffix list has: Assay takes no organization from there without psd=y
SUFFIXES = {"com", "co.uk", "uk"} if os.path.exists("/usr/share/publicsuffix/public_suffix_list.dafsa") else set()
MET = collections.Counter()
KEY = Key.ed25519()


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
            if chance < .38:
                self.dmarc[name] = ([self.record()] if chance < .3 else [self.record() + ";", self.record()] if chance < .32 else
                                    [self.rng.choice(self.NO_RECORDS)] if chance < .35 else ["some text", self.record()])
        self.spf = {name: self.rng.choice(["v=spf1 +all", "v=spf1 -all"]) for name in self.domains if self.rng.random() < .6}
        self.keys = {name for name in self.domains if self.rng.random() < .4}
        held = [*self.spf, *("_dmarc." + name for name in self.dmarc), *("sel._domainkey." + name for name in self.keys)]
        self.owners = {suffix for name in held for suffix in suffixes(name)}

    def name(self):
        depth = self.rng.choice([1, 1, 2, 2, 3, 4, 6, 8, 9])
        return ".".join([self.rng.choice("abcmx") for _ in range(depth)] + [f"org{self.rng.randint(0, 2)}",
                                                                           self.rng.choice(["com", "co.uk"])])

    NO_RECORDS = ["v=DMARC2; p=reject", "v=dmarc1; p=reject", "v=DMARC10; p=reject", "p=reject; v=DMARC1", " v=DMARC1; p=reject",
                  "v=DMARC1 p=reject", "v=DMARC1, p=reject"]
    # RFC 9989 section 4.7: unknown tags are ignored, those of RFC 7489 that are gone among them; what asks for reports
    # only does not change a verdict
    IDLE = ["pct=0", "pct=50", "rf=afrf", "ri=86400", "x=y", "p-=reject", "fo=1:d", "fo=bogus", "ruf=mailto:f@y.example",
            "ruf=none", "q"]
    URIS = ["mailto:x@y.example", "mailto:x@y.example!10m", "https://y.example/r, mailto:x@y.example", "mailto:@", "y.example",
            ""]

    def level(self):
        words = ["bogus", ""] if self.rng.random() < .06 else LEVELS
        word = self.rng.choice(words)
        return word.upper() if self.rng.random() < .1 else word

    def record(self):
        pick, tags = self.rng.choice, []
        for chance, text in ((.9, "p=" + self.level()), (.3, "sp=" + self.level()), (.3, "np=" + self.level()),
                             (.35, "psd=" + pick("ynnuYx")), (.4, "t=" + pick("ynYx")), (.25, "aspf=" + pick("rssSx")),
                             (.25, "adkim=" + pick("rssSx")), (.4, "rua=" + pick(self.URIS)), (.4, pick(self.IDLE))):
            if self.rng.random() < chance:
                tags.append(text)
        self.rng.shuffle(tags)
        if self.rng.random() < .04:
            tags += [tag.partition("=")[0] + "=" + pick(["none", "reject", "s", "y"]) for tag in tags if tag not in self.IDLE][:1]
        equals, name = pick(["=", "=", "=", " = ", "= "]), pick([str, str, str, str.upper])
        parts = [tag.partition("=") for tag in tags]
        tags = [name(tag) + equals * len(sign_) + value for tag, sign_, value in parts]
        return pick(["; ", ";", " ; "]).join([pick(["v", "v", "V"]) + equals + "DMARC1", *tags]) + pick(["", "", ";", "; ", ";;"])

    def zone(self):
        return zone_text({**{"_dmarc." + name: texts for name, texts in self.dmarc.items()}, **self.spf,
                          **{"sel._domainkey." + name: KEY.record() for name in self.keys}})

    def lookup(self, name):
        records = []
        for text in self.dmarc.get(name, []):
            first, *rest = [tag.partition("=") for tag in text.split(";")]
            if first[0].rstrip().lower() == "v" and first[2].strip() == "DMARC1":
                records.append([(tag.strip().lower(), value.strip().lower()) for tag, equals, value in rest if equals])
        if len(records) != 1:
            return None
        record = dict(reversed(records[0]))     # of a tag that stands there twice the first counts
        if name in SUFFIXES:
            record["psd"] = "y"
        return record

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
                return next(below for below in suffixes(domain)[-len(name.split(".")) - 1::-1]
                            if below not in SUFFIXES or below == domain)
        return found[-1][0] if found else domain

    @staticmethod
    def asks_for_reports(record):
        """URIS that are URIs with something in them."""
        return record.get("rua", "").startswith(("mailto:x", "https:"))

    def expect(self, domain, sender, signer):
        """(result, policy, where, organizational domain, disposition); None: no record."""
        found, organization = dict(self.walk(domain)), self.organization(domain)
        where = next((name for name in (domain, organization) if name in found), None) or next(
            (name for name in found if found[name].get("psd") == "y"), None)
        if where is None:
            return None
        record = found[where]
        policy = record.get("p")
        if any(record.get(tag, "none") not in LEVELS for tag in ("sp", "np")) or policy not in LEVELS:
            if not self.asks_for_reports(record):
                MET["unusable"] += 1
                return "permerror", None, where, organization, "none"
            policy = "none"
        elif where != domain:
            policy = record.get("sp", policy)
            if domain not in self.owners:
                policy = record.get("np", policy)
        passing = [(sender, "aspf")] * (self.spf.get(sender) == "v=spf1 +all") + [(signer, "adkim")] * (signer in self.keys)
        related = [(name, mode) for name, mode in passing if self.organization(name) == organization]
        self.meet(domain, where, organization, record, policy, related, [name for name, _record in self.walk(domain)])
        if any(name == domain or (record.get(mode) != "s" and (name, mode) in related) for name, mode in passing):
            return "pass", policy, where, organization, "none"
        lowered = LEVELS[max(0, LEVELS.index(policy) - 1)]
        return "fail", policy, where, organization, lowered if record.get("t") == "y" else policy

    def meet(self, domain, where, organization, record, policy, related, found):
        """Notes which rules decided."""
        inherited, exists = where != domain, domain in self.owners
        MET.update(name for name, met in {
            "sp": inherited and exists and "sp" in record and policy == record["sp"] != record.get("p"),
            "np": inherited and not exists and "np" in record and policy == record["np"] != record.get("sp", record.get("p")),
            "np absent, sp": inherited and not exists and "np" not in record and policy == record.get("sp") != record.get("p"),
            "p of the organization": inherited and not {"sp", "np"} & set(record),
            "as p=none": policy == "none" and record.get("p") != "none" and self.asks_for_reports(record) and not inherited,
            "t=y": not related and record.get("t") == "y" and policy != "none",
            "aspf=s": record.get("aspf") == "s" and any(name != domain and mode == "aspf" for name, mode in related),
            "adkim=s": record.get("adkim") == "s" and any(name != domain and mode == "adkim" for name, mode in related),
            "dkim relaxed": record.get("adkim") != "s" and any(name != domain and mode == "adkim" for name, mode in related),
            "psd=y above": where != organization and record.get("psd") == "y",
            "psd=y itself": where == domain and record.get("psd") == "y",
            "psd=n": where == organization and record.get("psd") == "n",
            "own record, organization above": where == domain != organization,
            "eight labels": inherited and len(suffixes(domain)) == 8,
            "over eight labels": inherited and len(suffixes(domain)) > 8,
            "names skipped": any(name in self.dmarc for name in suffixes(domain)[1:-7]),
            "tag twice": any(len(text.split(name)) > 2 and where in self.dmarc for text in self.dmarc[where]
                             for name in (" p=", " sp=", ";p=", ";sp=")),
            "suffix without psd=y": any(name in SUFFIXES and "psd=y" not in "".join(self.dmarc[name]).lower() for name in found),
            "several records": any(len(self.dmarc.get(name, [])) > 1 and self.lookup(name) is None for name in suffixes(domain)),
            "other text beside it": len(self.dmarc[where]) > 1,
            "pct": "pct" in record, "fo": "fo" in record, "unknown tag": "x" in record,
        }.items() if met)


@pytest.mark.parametrize("seed", seeds("1-8"))
def test_dmarc_as_the_rfc_says(judge, seed):
    world = DmarcWorld(seed)
    zone, seen = world.zone(), set()
    for number in range(150):  # of names, of which some are too deep for the walk to read all of them
        domain = world.rng.choice(world.domains)
        if world.rng.random() < .2:
            domain = f"nx{number}.{domain}"
        sender = world.rng.choice([domain, *world.domains, *[name for name in world.domains if name.endswith(domain[-8:])]])
        signer = world.rng.choice([None, None, domain, *[name for name in world.domains if name.endswith(domain[-8:])]])
        message = f"From: joe@{domain}\r\n\r\nHello.\r\n".encode()
        if signer is not None:
            message = sign(message, KEY, names=("from",), tags={"d": signer})
        verdict = judge(zone, "--client", "203.0.113.5", "--mail-from", "joe@" + sender, message=message)["dmarc"]
        expected = world.expect(domain, sender, signer)
        MET["no DMARC"] += expected is None
        seen.add(expected and expected[0])
        if expected is None:
            assert verdict["result"] == "none" and verdict["disposition"] == "none", (domain, verdict)
        else:
            told = tuple(verdict[key] for key in ("result", "policy", "policy_domain", "org_domain", "disposition"))
            assert told == expected, (domain, sender, signer, verdict, world.walk(domain))
    assert {"pass", "fail"} <= seen <= {None, "pass", "fail", "permerror"}


def test_dmarc_rules_have_been_met():
    """Each with the seeds as they are usually; 1,200 messages."""
    if sum(MET.values()) < 1500:
        pytest.skip("only some worlds were judged")
    assert set(MET) >= {
        "sp", "np", "np absent, sp", "p of the organization", "as p=none", "t=y", "aspf=s", "adkim=s", "dkim relaxed",
        "psd=y above",
        "psd=y itself", "psd=n", "own record, organization above", "eight labels", "over eight labels", "names skipped",
        "several records", "tag twice", "unusable", *(["suffix without psd=y"] if SUFFIXES else []),
        "other text beside it", "pct", "fo", "unknown tag"}, MET


# ---- Authentication-Results -----------------------------------------------------------------------------------------

PIECES = ["a", "joe", "good.example", '"', "\\", "(", ")", ";", "=", "@", "<", ">", ",", " ", "\t", "x" * 70, "%s", "spf=pass",
          "mx.test.example", "\x01", ".", "[1.2.3.4]", "/", ":", "?", "\x7f", "dkim=pass", "\u00fc", "\u202e", "\n"]


@pytest.mark.parametrize("seed", seeds("1-2"))
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
        assert len(fields) == 2
        for field in verdict["headers"]:
            assert all(line[:1] in (" ", "\t") and line.strip() for line in field.split("\n")[1:]), field
            assert not any(ord(char) < 32 and char not in "\n\t" or char == "\x7f" for char in field), field
        # the parser knows nothing of RFC 6532
        parsed, unregistered = (authres.AuthenticationResultsHeader.parse(
            "".join(char if ord(char) < 128 else "x" for char in field).replace("\n\t", " ")) for field in fields)
        assert str(parsed.authserv_id) == str(unregistered.authserv_id) == "mx.test.example"
        assert [result.method for result in unregistered.results] == ["x-tls"]
        results = [(result.method, result.result) for result in parsed.results]
        assert [value for method, value in results if method == "dmarc"] == [verdict["dmarc"]["result"]]
        assert [value for method, value in results if method == "iprev"] == [verdict["iprev"]["result"]]
        assert [value for method, value in results if method == "spf"] == [verdict["spf"]["result"]]
        assert [value for method, value in results if method == "dkim"] == (
            [signature["result"] for signature in verdict["dkim"]] or ["none"])
