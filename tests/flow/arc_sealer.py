# SPDX-License-Identifier: BSD-2-Clause
"""A small ARC sealer for tests: every tag can be bent, and it seals what a decent sealer would refuse to seal.

Written from RFC 8617, independent of the C code; canonical forms and keys are those of dkim_signer.py.
"""
import base64
import hashlib
import re

import dkim_signer

NAMES = (b"arc-authentication-results", b"arc-message-signature", b"arc-seal")
SAID = "lists.example.org; spf=pass smtp.mailfrom=jqd@d1.example; dkim=pass (1024-bit key) header.i=@d1.example; dmarc=pass"
SIGNED = ("from", "to", "date", "subject", "mime-version")


def instance_of(value):
    found = re.search(rb"(?:^|[;\s])i\s*=\s*(\d+)", value)
    return int(found.group(1)) if found else 0


def sets_of(message):
    """{instance: [results, message signature, seal]}, each (name, value)"""
    sets = {}
    for name, value in dkim_signer.parse(message)[0]:
        kind = name.strip().lower()
        if kind in NAMES:
            sets.setdefault(instance_of(value), [None] * 3)[NAMES.index(kind)] = (name, value)
    return sets


def seal_field(message, key, values, *, drop=(), order=None, b_tag="b=", lead=" ", tail="", b_text=str, sha1=False, alone=False):
    """The ARC-Seal over all sets of the message and itself; alone: over the newest set only (section 5.1.2)."""
    sets = sets_of(message)
    texts = [f"{tag}={values[tag]}" for tag in (order or values) if tag not in drop]
    value = (lead + "; ".join([*texts, b_tag])).encode()
    data = b""
    for instance in sorted(sets)[-1:] if alone else sorted(sets):
        data += b"".join(dkim_signer.relaxed_header(*field) + b"\r\n" for field in sets[instance] if field is not None)
    data += dkim_signer.relaxed_header(b"ARC-Seal", value + tail.encode())
    digest = (hashlib.sha1 if sha1 else hashlib.sha256)(data).digest()
    if "b" in drop:
        return b"ARC-Seal:" + value[:-len(b_tag)].rstrip(b"; ") + tail.encode()
    return b"ARC-Seal:" + value + b_text(base64.b64encode(key.sign(digest, sha1)).decode()).encode() + tail.encode()


class Chain:
    """A message that gets sets on top. Its keys are published with records()."""

    def __init__(self, message):
        self.message = message
        self.keys = {}

    def add(self, key, *, domain="example.org", selector="dummy", said=SAID, results=None, cv=None, ams=None, seal=None,
            instance=None, time="12345"):
        """One more set. ams, seal: options of dkim_signer.sign() and seal_field(), their tags over the usual ones."""
        ams, seal = dict(ams or {}), dict(seal or {})
        number = instance or max(sets_of(self.message), default=0) + 1
        signer = ams.pop("key", key)
        self.keys.setdefault((selector, domain), key)
        if results is None:
            results = f"i={number}; {said}"
        if results:
            self.message = b"ARC-Authentication-Results: " + results.encode() + b"\r\n" + self.message
        tags = {"i": str(number), "d": domain, "s": selector, "t": time, **ams.pop("tags", {})}
        self.keys.setdefault((tags["s"].strip(), tags["d"].strip()), signer)
        self.message = dkim_signer.sign(self.message, signer, tags=tags, names=ams.pop("names", SIGNED),
                                        drop=("v", *ams.pop("drop", ())), name=b"ARC-Message-Signature", **ams)
        values = {"i": str(number), "a": "rsa-sha256" if key.is_rsa else "ed25519-sha256",
                  "cv": cv or ("none" if number == 1 else "pass"), "d": domain, "s": selector, "t": time, **seal.pop("tags", {})}
        self.message = seal_field(self.message, key, values, **seal) + b"\r\n" + self.message
        return self

    def edit(self, old, new, count=1):
        """Changes the message as somebody on the way would."""
        old, new = (text.encode() if isinstance(text, str) else text for text in (old, new))
        assert old in self.message, old
        self.message = self.message.replace(old, new, count)
        return self

    def fields(self, change):
        """change: a function of the list of (name, value), which gives the new one."""
        fields, body = dkim_signer.parse(self.message)
        fields = change([tuple(field) for field in fields])
        self.message = b"".join(name + b":" + value + b"\r\n" for name, value in fields) + b"\r\n" + body
        return self

    def records(self):
        """Of all keys that can be asked for."""
        return {f"{selector}._domainkey.{domain}": key.record() for (selector, domain), key in self.keys.items()
                if selector and re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)*", domain)}


def is_arc(field, kind=None, instance=None):
    name = field[0].strip().lower()
    return (name in NAMES and (kind is None or name == NAMES[kind]) and (instance is None or instance_of(field[1]) == instance))


def without(kind, instance):
    return lambda fields: [field for field in fields if not is_arc(field, kind, instance)]


def changed(kind, instance, old, new):
    def change(fields):
        out = []
        for field in fields:
            if is_arc(field, kind, instance):
                value = re.sub(old, new, field[1], count=1)
                assert value != field[1], (old, field)
                field = (field[0], value)
            out.append(field)
        return out
    return change
