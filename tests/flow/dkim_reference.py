# SPDX-License-Identifier: BSD-2-Clause
"""dkimpy as the second opinion on DKIM, amended rule by rule where it does not do what RFC 6376 and its updates say.

Each rule is a passage of an RFC and the behaviour that follows from it; without any rule Amended judges like plain dkimpy.
explain() names the rules that it takes for dkimpy to come to a given verdict: none is no difference, None is one that no
rule explains. A verdict is whether the signature verifies and may count; l= short of the body is no objection here.
"""
import base64
import contextlib
import itertools
import re
import time
from unittest import mock

import dkim
import dkim.canonicalization

RULES = {
    # the signature field
    "sha1": "RFC 8301 3.1: rsa-sha1 MUST NOT be used for verifying. dkimpy verifies it",
    "tag-list": "6376 3.2: a tag-name is letters, digits and _, a value has no control characters. dkimpy reads one letter",
    "literal-case": "RFC 5234 2.3: the words of a=, c=, q= and k= are literals of ABNF, in any case. dkimpy wants small letters",
    "query-list": "6376 3.5: q= is a list, of which unknown methods are ignored. dkimpy wants dns/txt alone",
    "b-alone": "6376 3.7: the value of b= and the space around it are deleted, nothing else. dkimpy leaves the space behind it "
               "and deletes behind every b=, a tag that ends in it or a value that has it",
    "b-first": "6376 3.7: the value of b= is deleted where it is the field's first tag too",
    "field-end": "6376 3.4.1, 3.7: simple leaves space at the end of the field. dkimpy takes it off its own field",
    "b-padding": "6376 2.10: base64string may do without =. dkimpy wants a multiple of four",
    "hash-base64": "6376 2.10: bh= is base64. dkimpy leaves out what is none",
    "u-labels": "RFC 8616 3: d=, s= and i= may be U-labels; keys are looked up and compared by A-labels",
    "final-dot": "not in the grammar of 6376 3.5; Assay takes example.org. in d=, s= and i=, since it is the same name",
    "name-grammar": "6376 3.5: d=, s= and the domain of i= are names of labels, none empty. dkimpy compares the end of i=",
    "identity": "6376 2.11, 3.5, RFC 5321 4.1.2: i= is quoted-printable, in which space is ignored, of an address without "
                "control characters. dkimpy compares its bytes",
    "expiry-order": "6376 3.5: x= MUST be greater than t=. dkimpy takes equal ones, and before 1.1.8 any",
    "clock": "6376 3.5: an expired or postdated signature MAY be considered invalid; how much slack is left open",
    "length-range": "6376 3.5: l= MUST NOT be larger than the body",
    "own-field": "6376 3.5 (h=): the field MUST NOT include the DKIM-Signature that is being verified, but may include others",
    "from-signed": "6376 3.5, 6.1.1: From MUST be in h=",
    "field-names": "6376 3.5: h= is names of header fields; empty ones are seen in real mail and sign nothing",
    "several-from": "6376 5.4.2, 8.15: h= says which fields are signed. dkimpy adds a From to it, which the sender need not have",
    # the message
    "space-colon": "6376 3.4.2, RFC 5322 4.5: white space before a field's colon is obsolete syntax, relaxed deletes it. dkimpy "
                   "gives up",
    "wsp-only": "6376 3.4.2: white space is space and tab. dkimpy strips more at the end of fields",
    "body-end": "6376 3.4.3, 3.4.4: a body without CRLF at its end gets one, before the white space of lines is looked at",
    "bare-line-ends": "6376 5.3, RFC 5322 2.3: CR and LF only occur together; such a body cannot be judged. dkimpy mends LF",
    # the key
    "key-list": "6376 3.6.1, 3.2: the key record is a tag list; v= is first in it and DKIM1",
    "key-type": "6376 3.6.1, 6.1.2, RFC 8463 4: the key is of the type that a= names. dkimpy goes by the key alone",
    "key-hash": "6376 3.6.1: h= lists the hashes that may be used. dkimpy does not look",
    "key-service": "6376 3.6.1: s= is a list; without * or email in it the key is for something else. dkimpy wants one word",
    "key-strict": "6376 3.6.1: with t=s the domain of i= is that of d=. dkimpy does not look",
    "key-base64": "6376 2.10, 3.6.1: p= is base64. dkimpy leaves out what is none",
    "key-several": "6376 3.6.2.2, 6.1.2: of several key records any may be used; Assay goes on to the next",
}

SPACE = b" \t\r\n"
SKEW_SECS = 300
TAG = re.compile(rb"\s*([A-Za-z][A-Za-z0-9_]*)\s*=([\t\r\n\x20-\x7e\x80-\xff]*)", re.DOTALL)
BASE64 = re.compile(rb"([A-Za-z0-9+/]\s*)+(=\s*){0,2}")
LABEL = re.compile(rb"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE)
REFUSED = dkim.ValidationError


def compact(value):
    return value.translate(None, SPACE)


def a_labels(name):
    try:
        return name.decode("utf-8").encode("idna") if any(octet > 127 for octet in name) else name
    except UnicodeError:
        raise REFUSED("no domain name") from None


def is_name(name):
    return len(name) < 254 and all(LABEL.fullmatch(label) for label in name.split(b"."))


def unquoted(value):
    """dkim-quoted-printable (6376 2.11)."""
    if re.search(rb"=(?![0-9A-F]{2})", value):
        raise REFUSED("not quoted-printable")
    return re.sub(rb"=([0-9A-F]{2})", lambda found: bytes([int(found[1], 16)]), value)


def strict_base64(text):
    if not BASE64.fullmatch(text.strip(SPACE)):
        return None
    text, padded = compact(text).rstrip(b"="), compact(text)
    if len(text) % 4 == 1 or (padded != text and len(padded) % 4):
        return None
    return base64.b64decode(text + b"=" * (-len(text) % 4))


class Relaxed(dkim.canonicalization.Relaxed):
    @staticmethod
    def canonicalize_headers(headers):
        return [(name.lower().rstrip(), re.sub(rb"[\t ]+", b" ", value.replace(b"\r\n", b"")).strip(b"\t ") + b"\r\n")
                for name, value in headers]


class FixedNames(list):
    """Names that dkimpy cannot add to."""

    def append(self, _name):
        pass


class Amended(dkim.DKIM):
    """A dkimpy verifier to which some of RULES apply, at a time of its own."""

    def __init__(self, rules, message, now):
        self.rules, self.now = frozenset(rules), now
        head = message.partition(b"\r\n\r\n")[0] if self.on("space-colon") else b""
        spaced = re.findall(rb"(?m)^([!-9;-~]+[ \t]+):", head)
        super().__init__(re.sub(rb"(?m)^([!-9;-~]+)[ \t]+:", rb"\1:", head) + message[len(head):])
        if spaced:
            names = re.findall(rb"(?m)^([!-9;-~]+[ \t]*):", head)
            self.headers = [[name, value] for name, (_bare, value) in zip(names, self.headers, strict=True)]
        self.raw_body = message.partition(b"\r\n\r\n")[2]
        if "body-end" in self.rules and self.body and not self.body.endswith(b"\r\n"):
            self.body += b"\r\n"

    def on(self, rule):
        return rule in self.rules

    # ---- the signature's tags

    def check_names(self, sig):
        for tag in (b"d", b"s", b"i"):
            if tag in sig and tag != b"i" and self.on("final-dot"):
                sig[tag] = sig[tag].removesuffix(b".")
            if tag in sig and tag != b"i" and self.on("u-labels"):
                sig[tag] = a_labels(sig[tag]).lower()
            if tag in sig and tag != b"i" and self.on("name-grammar") and not is_name(sig[tag]):
                raise REFUSED("no name")
        if b"i" in sig and self.on("identity"):
            sig[b"i"] = unquoted(compact(sig[b"i"]))
            if b"@" not in sig[b"i"] or re.search(rb"[\x00-\x1f\x7f]", sig[b"i"]):
                raise REFUSED("no identity")
            local, _, host = sig[b"i"].rpartition(b"@")
            host = a_labels(host).lower() if self.on("u-labels") else host
            if self.on("name-grammar") and not is_name(host.removesuffix(b".") if self.on("final-dot") else host):
                raise REFUSED("no domain in i=")
            sig[b"i"] = local + b"@" + (host.removesuffix(b".") if self.on("final-dot") else host)

    def check_numbers(self, sig):
        made, ends = (int(sig[tag]) if re.fullmatch(rb"\d+", sig.get(tag, b"")) else None for tag in (b"t", b"x"))
        if self.on("expiry-order") and made is not None and ends is not None and ends <= made:
            raise REFUSED("x= is not after t=")
        if self.on("clock"):
            if (ends is not None and ends < self.now) or (made is not None and made > self.now + SKEW_SECS):
                raise REFUSED("expired or postdated")
            sig.pop(b"x", None) if ends is not None else None
        if self.on("length-range") and b"l" in sig and re.fullmatch(rb"\d+", sig[b"l"]):
            policy = dkim.CanonicalizationPolicy.from_c_value(sig.get(b"c", b"simple/simple").lower())
            if int(sig[b"l"]) > len(policy.canonicalize_body(self.body)):
                raise REFUSED("l= is larger than the body")

    def check_words(self, sig):
        if self.on("sha1") and sig.get(b"a", b"").lower() == b"rsa-sha1":
            raise REFUSED("rsa-sha1")
        if self.on("literal-case"):
            for tag in (b"a", b"c", b"q"):
                if tag in sig:
                    sig[tag] = sig[tag].lower()
        if self.on("query-list") and b"q" in sig and b"dns/txt" in [item.strip(SPACE) for item in sig[b"q"].split(b":")]:
            sig[b"q"] = b"dns/txt"

    def check_hashes(self, sig):
        if self.on("b-padding") and b"b" in sig and strict_base64(sig[b"b"]):
            sig[b"b"] = base64.b64encode(strict_base64(sig[b"b"]))
        if self.on("hash-base64") and b"bh" in sig:
            if not strict_base64(sig[b"bh"]):
                raise REFUSED("bh= is no base64")
            sig[b"bh"] = base64.b64encode(strict_base64(sig[b"bh"]))

    def check_fields(self, sig):
        names = [name.strip(SPACE) for name in sig.get(b"h", b"").split(b":")]
        if self.on("field-names"):
            names = [name for name in names if name]
            if not all(re.fullmatch(rb"[\x21-\x7e]+", name) for name in names):
                raise REFUSED("h= names what is no field")
        if self.on("from-signed") and b"from" not in [name.lower() for name in names]:
            raise REFUSED("From is not signed")
        if b"h" in sig and self.on("field-names"):
            sig[b"h"] = b":".join(names)

    def check_list(self, text):
        tags = text.strip(SPACE).removesuffix(b";").split(b";")
        if self.on("tag-list") and not all(TAG.fullmatch(tag) for tag in tags):
            raise REFUSED("no tag list")

    # ---- the key

    def key_record(self, sig, text):
        """The record as dkimpy shall see it; b"" is none."""
        for rule, fault in (("key-list", self.key_list_fault), ("key-type", self.key_type_fault), ("key-hash",
                                                                                                   self.key_hash_fault),
                            ("key-service", self.key_service_fault), ("key-strict", self.key_strict_fault),
                            ("key-base64", self.key_base64_fault)):
            if self.on(rule) and fault(sig, text):
                return b""
        tags = dict(self.key_tags(text))
        if self.on("key-service"):
            tags.pop(b"s", None)
        if self.on("literal-case") and b"k" in tags:
            tags[b"k"] = tags[b"k"].lower()
        if self.on("key-base64") and strict_base64(tags.get(b"p", b"")):
            tags[b"p"] = base64.b64encode(strict_base64(tags[b"p"]))
        if self.on("key-list"):
            tags = {name: tags[name] for name in (b"v", b"k", b"p", b"s") if name in tags}
        return b"; ".join(name + b"=" + value for name, value in tags.items()) if tags else text

    @staticmethod
    def key_tags(text):
        parts = [tag.partition(b"=") for tag in text.strip(SPACE).removesuffix(b";").split(b";")]
        return [(name.strip(SPACE), value.strip(SPACE)) for name, equals, value in parts if equals]

    def key_list_fault(self, _sig, text):
        tags = text.strip(SPACE).removesuffix(b";").split(b";")
        names = [name for name, _value in self.key_tags(text)]
        return (not all(TAG.fullmatch(tag) for tag in tags) or len(set(names)) != len(names) or
                (b"v" in names and self.key_tags(text)[0] != (b"v", b"DKIM1")))

    def key_type_fault(self, sig, text):
        return dict(self.key_tags(text)).get(b"k", b"rsa").lower() != sig.get(b"a", b"").lower().partition(b"-")[0]

    def key_list(self, text, tag, without):
        value = dict(self.key_tags(text)).get(tag)
        return without if value is None else [item.strip(SPACE).lower() for item in value.split(b":")]

    def key_hash_fault(self, sig, text):
        return sig.get(b"a", b"").lower().rpartition(b"-")[2] not in self.key_list(text, b"h", [b"sha1", b"sha256"])

    def key_service_fault(self, _sig, text):
        return not {b"*", b"email"} & set(self.key_list(text, b"s", [b"*"]))

    def key_strict_fault(self, sig, text):
        host = sig.get(b"i", b"@" + sig[b"d"]).rpartition(b"@")[2]
        return b"s" in self.key_list(text, b"t", []) and host.lower() != sig[b"d"].lower()

    def key_base64_fault(self, _sig, text):
        return not strict_base64(dict(self.key_tags(text)).get(b"p", b""))

    # ---- the hashes

    def blanked(self, value):
        """The field with the value of b= taken out, as dkimpy does it or as the rules say."""
        if self.on("b-alone"):
            first = rb"\s*b\s*=" if self.on("b-first") else rb"\s+b\s*="
            tags = value.split(b";")
            tags = [re.match(rb"\s*b\s*=", tag)[0] if re.match(first if not i else rb"\s*b\s*=", tag) else tag
                    for i, tag in enumerate(tags)]
            return b";".join(tags)
        return dkim.RE_BTAG.sub(b"\\1", value)

    def hash_headers(self, hasher, policy, headers, names, field, _sig):
        """In the place of dkim.hash_headers()."""
        value = self.blanked(field[1].removesuffix(b"\r\n"))
        (name, value), = policy.canonicalize_headers([(field[0], value)])
        value = value.removesuffix(b"\r\n") if self.on("field-end") else value.rstrip()
        chosen = dkim.select_headers([(one.rstrip(), (one, two)) for one, two in headers], names)
        chosen = [field for _bare, field in chosen]
        for one, two in [*chosen, (name, value)]:
            hasher.update(one + b":" + two)
        return chosen

    # ---- all of it

    def checked(self, idx):
        fields = [field for field in self.headers if field[0].lower().rstrip() == b"dkim-signature"]
        text = fields[idx][1]
        self.check_list(text)
        sig = dkim.util.parse_tag_value(text)
        for check in (self.check_names, self.check_words, self.check_hashes, self.check_fields):
            check(sig)
        self.check_numbers(sig)
        dkim.validate_signature_fields(sig)
        if self.on("bare-line-ends") and re.search(rb"\r(?!\n)|(?<!\r)\n", self.raw_body):
            raise REFUSED("bare CR or LF")
        if self.on("own-field"):
            self.headers = [field for field in self.headers if field is not fields[idx]]
        names = [name.lower() for name in re.split(rb"\s*:\s*", sig[b"h"])]
        return sig, FixedNames(names) if self.on("several-from") else names, fields[idx]

    def verify(self, idx=0, dnsfunc=None):
        with contextlib.ExitStack() as stack:
            stack.enter_context(mock.patch.object(dkim, "hash_headers", self.hash_headers))
            stack.enter_context(mock.patch.object(time, "time", lambda: self.now))
            if self.on("wsp-only"):
                stack.enter_context(mock.patch.dict(dkim.canonicalization.ALGORITHMS, {b"relaxed": Relaxed}))
            sig, names, field = self.checked(idx)
            texts = dnsfunc((sig[b"s"] + b"._domainkey." + sig[b"d"] + b".").lower())
            for text in texts if self.on("key-several") else texts[:1]:
                shown = self.key_record(sig, text)
                with contextlib.suppress(dkim.DKIMException, ValueError, KeyError, TypeError, IndexError):
                    if shown and self.verify_sig(dict(sig), type(names)(names), field, lambda _name, timeout=0,
                                                 shown=shown: shown):
                        return True
        return False


def judge(rules, message, index, lookup, now):
    """lookup(name): the texts at a name, bytes."""
    try:
        return Amended(rules, message, now).verify(index, lookup)
    except Exception:  # what dkimpy cannot read it does not verify
        return False


def explain(good, *arguments):
    """The fewest rules with which dkimpy comes to that verdict; None: there are none."""
    if judge(RULES, *arguments) != good:
        return None
    for count in range(4):
        for rules in itertools.combinations(RULES, count):
            if judge(rules, *arguments) == good:
                return rules
    return tuple(RULES)
