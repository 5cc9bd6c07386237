# SPDX-License-Identifier: BSD-2-Clause
"""The DKIM check against dkimpy on generated messages, signatures and keys, each bent somewhere. Where the two differ the
difference must be one that the rules of dkim_reference.py explain, each a passage of an RFC; any other fails.

ASSAY_SEEDS=first-last runs other messages, as many as wanted.
"""
import base64
import collections
import hashlib
import json
import os
import random
import subprocess

import pytest

import dkim_reference
from dkim_judged import ED, MESSAGE, NOW, RSA, RSA1024, SMALL, driver, records
from dkim_signer import relaxed_body, parse, sign, simple_body, zone_text
from test_dkim import changed, wild_message

MESSAGES = 250
FIELDS = ["to", "subject", "date", "cc", "x-one", "x-two", "received", "message-id", "x-none", "from"]
KEYS = [(RSA, "sel"), (RSA1024, "k1024"), (ED, "ed")]


def more_records():
    """Keys of this test on top of those of test_dkim: {name: texts}."""
    p, ed = RSA.public(), ED.public()
    out = {
        "upper": "v=DKIM1; k=RSA; p=" + p, "stars": "v=DKIM1; s=email:*; p=" + p, "tls-email": "v=DKIM1; s=tlsrpt:email; p=" + p,
        "h256": "v=DKIM1; h=sha256; p=" + p, "hupper": "v=DKIM1; h=SHA256 : x; p=" + p, "flags": "v=DKIM1; t=x:s:y; p=" + p,
        "dash": "v=DKIM1; x-y=1; p=" + p, "semis": "v=DKIM1;; p=" + p, "last": "p=" + p + ";",
        "nopad": "v=DKIM1; p=" + p.rstrip("="),
        "junk": "v=DKIM1; p=" + p[:40] + "!" + p[40:], "pipes": "v=DKIM1; p=" + p[:40] + "\t" + p[40:] + " ",
        "v-late": "p=" + p + "; v=DKIM1",
        "vlow": "v=dkim1; p=" + p, "edrsa": "v=DKIM1; k=ed25519; p=" + p, "rsaed": "v=DKIM1; k=rsa; p=" + ed,
        "edspki": "v=DKIM1; k=ed25519; p=" +
        "MCowBQYDK2VwAyEA" + ed, "order": ["v=DKIM1; k=ed25519; p=" + ed, "v=DKIM1; p=" + p], "note": "v=DKIM1; n=a b; p=" + p,
        "empty": "", "ctrl": "v=DKIM1; n=a\x7fb; p=" + p, "same": "v=DKIM1; p=" + p + "; p=" + p,
    }
    return {name + "._domainkey.example.org": text for name, text in out.items()}


RECORDS = {name: [text] if isinstance(text, str) else text for name, text in {**records(), **more_records()}.items()}
SELECTORS = sorted({name.split(".")[0] for name in RECORDS if name.endswith(".example.org")})


def lookup(name):
    return [text.encode() for text in RECORDS.get(name.decode("latin-1").rstrip("."), [])]


class Signer:
    """One message, signed with something odd about it, or nothing."""

    def __init__(self, rng):
        self.rng = rng
        self.message = self.bent_message(wild_message(rng))
        self.key, selector = rng.choice(KEYS)
        self.names = ["from"] + rng.sample(FIELDS, 4)
        self.canon = rng.choice(["relaxed", "simple"]) + "/" + rng.choice(["relaxed", "simple"])
        self.tags = {"s": selector}
        self.options = {}
        for bend in rng.sample(self.BENDS, rng.choice([0, 1, 1, 1, 2])):
            bend(self)

    def bent_message(self, message):
        kind = self.rng.random()
        if kind < .06:
            return message.replace(b"\r\n\r\n", b"\r\n" + self.rng.choice([
                b"Subject: \xff\xfe\r\n", b"Subject: a\x0b \x0c\r\n", b"X-One:\r\n", b"x-ONE : a\r\n", b"Subject:  \r\n",
                b"To:a\r\n \r\n b\r\n",
                b"From: b@example.net\r\n", b"X-Two: \x01\r\n", b"X-Two: a\rb\r\n"]) + b"\r\n", 1)
        if kind < .14:
            return message + self.rng.choice([b"x \t", b" ", b"\t \t", b"x", b"\r\n\r\n \t", b"\x00y\r\n", b"\xff\xfe",
                                              b" \x0b\r\n", b" \x0c \r\n"])
        if kind < .17:
            return message + self.rng.choice([b"a\nb\r\n", b"a\rb\r\n", b"\n", b"\r", b"a\r\r\n"])
        return message

    def text(self, *choices):
        return self.rng.choice(choices)

    def bend_key(self):
        self.tags["s"] = self.rng.choice(SELECTORS)
        self.key = {"weak": SMALL, "ed": ED, "k1024": RSA1024}.get(self.tags["s"], RSA)
        if self.rng.random() < .1:
            self.key = ED

    def bend_algorithm(self):
        kind = self.text("rsa", "ed25519")
        self.tags["a"] = self.text("RSA-SHA256", "rsa-Sha256", "rsa-sha1", "rsa-sha512", "sha256", "", kind + "-sha256",
                                   "Ed25519-SHA256", "rsa-\r\n sha256")
        self.options["sha1"] = self.tags["a"] == "rsa-sha1" and self.key.is_rsa

    def bend_canon(self):
        self.tags["c"] = self.text(self.canon.upper(), self.canon.title(), self.canon.split("/", maxsplit=1)[0], "nowsp",
                                   self.canon + "/x", "",
                                   self.canon.replace("/", " / "), "/simple", self.canon)

    def bend_query(self):
        self.tags["q"] = self.text("dns/txt", "DNS/TXT", "http/x:dns/txt", "dns/txt : x", "dns", "", "dns/txt:", "dns / txt")

    def bend_version(self):
        self.tags["v"] = self.text("1", "01", "2", "1.0", "", "0.5", " 1 ")

    def bend_domain(self):
        self.tags["d"] = self.text("EXAMPLE.org", "example.org.", "exam\r\n ple.org", " example.org ", "example.com",
                                   "b\u00fccher.example",
                                   "XN--BCHER-kva.example", "exa_mple.org", "example..org", ".example.org", "", "example.org,x",
                                   "-a.org")

    def bend_selector(self):
        self.tags["s"] = self.text("SEL", "sel.", " sel", "s el", "gr\u00fcn", "xn--grn-ioa", "a.b", "sel..x", "", "-sel", "sel_")

    def bend_identity(self):
        self.tags["i"] = self.text("joe@example.org", "@example.org", "joe@EXAMPLE.org", "joe@sub.example.org",
                                   "joe@xexample.org", "example.org",
                                   "joe@example.com", "j=6Fe@example.org", "joe=40example.org", "joe@example=2Eorg",
                                   "a@b@example.org",
                                   "joe@example.org.", "jo\r\n e@example.org", "joe @ example.org", "j=6fe@example.org",
                                   "j=6@example.org",
                                   "j\u00f6e@example.org", "", "@", "joe@", "joe@.example.org", "j=00e@example.org",
                                   "joe@\u00fc.example.org")

    def bend_time(self):
        near = [-40000, -36001, -5000, -301, -1, 0, 1, 299, 301, 5000, 36001, 40000]
        if self.rng.random() < .7:
            self.tags["t"] = self.text("0", "12345", "x", "", "-1", "1.5", " 7 ", "9" * 12, "9" * 30,
                                       *(str(NOW + shift) for shift in near))
        if self.rng.random() < .7:
            self.tags["x"] = self.text("0", "x", "", "-1", "9" * 12, "9" * 30, *(str(NOW + shift) for shift in near))

    def bend_length(self):
        body = parse(self.message)[1]
        size = len(relaxed_body(body) if self.canon.endswith("/relaxed") else simple_body(body))
        self.tags["l"] = self.text("0", "1", str(size), str(size + 1), str(max(size - 1, 0)), str(size // 2), "", "x", "-1",
                                   "0" * 70 + "1", "9" * 76,
                                   "1" * 77, "1e2", " 1")

    def bend_names(self):
        plain = ":".join(self.names)
        self.tags["h"] = self.text(plain.upper(), plain.replace(":", " : "), plain.replace(":", "\r\n\t:\r\n "), plain + ":",
                                   ":" + plain,
                                   plain.replace(":", "::"), plain + ":bad name", plain + ":\u00fc", " " + plain + " ", "",
                                   "x-from")

    def bend_names_chosen(self):
        self.names = self.text(["to", "subject"], ["from", "from"], ["from", "from", "from", "to", "to"], ["from",
                                                                                                           "dkim-signature"],
                               ["from", "dkim-signature", "dkim-signature"], ["to", "from"], ["from", "x-one", "x-one", "x-one"],
                               ["from"])

    def bend_hash(self):
        self.options["b_text"] = self.text(
            lambda text: text.rstrip("="), lambda text: text + "=",
            lambda text: "\r\n ".join(text[i:i + 60] for i in range(0, len(text), 60)),
            lambda text: " " + text + " ", lambda text: text[:9] + " " + text[9:], lambda text: text[:9] + "*" + text[9:],
            lambda text: text[:-4], lambda text: "", lambda text: "=" + text, lambda text: text.replace("=", " = "),
            lambda text: "\t" + text + "\r\n\t")

    def bend_body_hash(self):
        body = parse(self.message)[1]
        body = relaxed_body(body) if self.canon.endswith("/relaxed") else simple_body(body)
        text = base64.b64encode(hashlib.sha256(body).digest()).decode()
        self.tags["bh"] = self.text(text[:-1], text[:5] + " " + text[5:], text[:5] + "\r\n " + text[5:],
                                    text[:5] + "-" + text[5:], text + "=", "",
                                    text[:-4], "A" + text[1:], text[:-1] + " =", "****")

    def bend_order(self):
        self.options["b_at"] = self.rng.randint(0, 5)
        self.options["lead"] = self.text(" ", "", "\t", "\r\n ", "  ")
        if self.rng.random() < .5:
            self.options["b_text"] = self.text(lambda text: text + " ", lambda text: " " + text + "\r\n ",
                                               lambda text: text[:20] + "\r\n\t" + text[20:])

    def bend_tail(self):
        self.options["tail"] = self.text(";", "; ", " ;", " ", "\t", ";;", "; x", "; n=", "; \x0b", ";\r\n ", "; z=a b=c",
                                         "; b=AAAA", "; n=\x0c")

    def bend_tags(self):
        self.tags[self.text("zb", "ab", "B", "H", "z", "n", "x-y", "x_y", "9x", "_x", "x", "r", "V", "\u00fc", "x y", "", "bh ",
                            "nb")] = self.text(
            "1", "a b=c", "b=", " b = AAAA", "a|b=AAAA", "", "x\u00fc", "a\x01b", "a\r\n b=AAAA", "from", "=")

    def bend_b_tag(self):
        self.options["b_tag"] = self.text("b =", " b=", "b\r\n =", "\tb\t=", "b=", "\r\n b=")

    def bend_name(self):
        self.options["name"] = self.text(b"dkim-signature", b"DKIM-SIGNATURE", b"DKIM-signature")

    def bend_away(self):
        self.options["drop"] = (self.text("v", "a", "c", "d", "s", "h", "bh", "b"),)

    BENDS = [bend_key, bend_key, bend_key, bend_algorithm, bend_canon, bend_query, bend_version, bend_domain, bend_selector,
             bend_identity,
             bend_time, bend_length, bend_names, bend_names_chosen, bend_hash, bend_body_hash, bend_order, bend_tail, bend_tags,
             bend_b_tag,
             bend_name, bend_away]

    def signed(self):
        return sign(self.message, self.key, tags=self.tags, names=tuple(self.names), canon=self.canon, **self.options)


def generated(seed):
    rng = random.Random(seed)
    while True:
        signer = Signer(rng)
        message = signer.signed()
        yield message
        if rng.random() < .2:
            yield changed(rng, message)
        if rng.random() < .1:
            yield sign(message, RSA,
                       names=rng.choice([("from", "to"), ("from", "dkim-signature"), ("from", "dkim-signature",
                                                                                      "dkim-signature")]))


def seeds():
    first, _, last = os.environ.get("ASSAY_SEEDS", "1-6").partition("-")
    return range(int(first), int(last or first) + 1)


def judge(directory, messages):
    (directory / "zone").write_bytes(zone_bytes())
    paths = []
    for i, message in enumerate(messages):
        paths.append(directory / ("%d.eml" % i))
        paths[-1].write_bytes(message)
    out = subprocess.run([driver(), "--zone", directory / "zone", "--time", str(NOW), *paths], check=True,
                         capture_output=True).stdout
    return [json.loads(line)["dkim"] for line in out.splitlines()]


def zone_bytes():
    return zone_text(RECORDS).replace("\x7f", "\\127").encode()


def verifies(verdict):
    """Not an objection of this comparison: l= short of the body."""
    return verdict["result"] == "pass" or (verdict["partial_body"] and verdict["reason"].startswith("l="))


RESULTS = collections.Counter()


@pytest.mark.parametrize("seed", seeds())
def test_dkim_as_dkimpy_judges(tmp_path, seed):
    messages = [message for message, _ in zip(generated(seed), range(MESSAGES))]
    unexplained = []
    for message, verdicts in zip(messages, judge(tmp_path, messages), strict=True):
        for index, verdict in enumerate(verdicts):
            RESULTS[verdict["result"]] += 1
            rules = dkim_reference.explain(verifies(verdict), message, index, lookup, NOW)
            RESULTS.update(rules or ())
            if rules is None:
                unexplained.append((message, index, verdict, dkim_reference.judge((), message, index, lookup, NOW)))
    assert unexplained == []


# ---- the rules by themselves ----------------------------------------------------------------------------------------

def tagged(key=RSA, **tags):
    return sign(MESSAGE, key, tags=tags)


def odd(old, new, **options):
    return sign(MESSAGE.replace(old, new), RSA, **options)


BH = base64.b64encode(hashlib.sha256(relaxed_body(parse(MESSAGE)[1])).digest()).decode()
SIZE = len(relaxed_body(parse(MESSAGE)[1]))

# rule: (message, does it verify by the rule's passage)
EXAMPLES = {
    "sha1": (sign(MESSAGE, RSA, sha1=True), False),
    "tag-list": (sign(MESSAGE, RSA, tags={"x-y": "1"}), False),
    "literal-case": (tagged(a="RSA-SHA256"), True),
    "query-list": (tagged(q="http/x : dns/txt"), True),
    "b-alone": (sign(MESSAGE, RSA, tags={"z": "a b=AAAA"}, canon="simple/simple"), True),
    "b-first": (sign(MESSAGE, RSA, b_at=0, lead=""), True),
    "field-end": (sign(MESSAGE, RSA, tail="; n=x ", canon="simple/simple"), True),
    "b-padding": (sign(MESSAGE, RSA, b_text=lambda text: text.rstrip("=")), True),
    "hash-base64": (tagged(bh=BH[:5] + "----" + BH[5:]), False),
    "u-labels": (tagged(d="b\u00fccher.example"), True),
    "final-dot": (tagged(s="sel."), True),
    "name-grammar": (tagged(i="joe@.example.org"), False),
    "identity": (tagged(i="joe@example=2Eorg"), True),
    "expiry-order": (tagged(t=str(NOW + 100), x=str(NOW + 100)), False),     # dkimpy 1.1.8 sees an x= below t= by itself
    "clock": (tagged(x=str(NOW - 10)), False),
    "length-range": (tagged(l=str(SIZE + 1)), False),
    "own-field": (sign(MESSAGE, RSA, names=("from", "dkim-signature")), True),
    "from-signed": (sign(MESSAGE, RSA, names=("to", "subject")), False),
    "field-names": (tagged(h="from:to:subject:date:bad name"), False),
    "several-from": (odd(b"To:", b"From: b@example.net\r\nTo:"), True),
    "space-colon": (odd(b"Subject:", b"Subject :"), True),
    "wsp-only": (odd(b"folded", b"folded\x0b"), True),
    "body-end": (sign(MESSAGE + b"x \t", RSA), True),
    "bare-line-ends": (sign(MESSAGE + b"a\r\nb\r\n", RSA).replace(b"a\r\nb", b"a\nb"), False),
    "key-list": (tagged(s="dash"), False),
    "key-type": (tagged(a="ed25519-sha256"), False),
    "key-hash": (tagged(s="sha1only"), False),
    "key-service": (tagged(s="stars"), True),
    "key-strict": (tagged(s="strict", i="joe@mail.example.org"), False),
    "key-base64": (tagged(s="junk"), False),
    "key-several": (tagged(s="order"), True),
}


@pytest.mark.parametrize("rule", dkim_reference.RULES)
def test_rule(tmp_path, rule):
    """Assay does what the rule's passage says, plain dkimpy does not, and it takes the rule to make it."""
    message, expected = EXAMPLES[rule]
    verdict = judge(tmp_path, [message])[0][0]
    assert verifies(verdict) == expected, verdict
    found = dkim_reference.explain(expected, message, 0, lookup, NOW)
    assert found is not None and rule in found and len(found) <= 2, found


def test_signature_that_ends_before_it_began(tmp_path):
    message = tagged(t=str(NOW + 100), x=str(NOW + 50))
    assert not verifies(judge(tmp_path, [message])[0][0])
    # an older dkimpy compares them only where the signature has expired
    assert dkim_reference.explain(False, message, 0, lookup, NOW) in ((), ("expiry-order",))


def test_results_have_been_met():
    if sum(RESULTS.values()) < 6 * MESSAGES:
        pytest.skip("only some messages were judged")
    assert {"pass", "fail", "policy", "neutral", "permerror"} <= set(RESULTS)
    assert RESULTS["pass"] > 3 * MESSAGES
