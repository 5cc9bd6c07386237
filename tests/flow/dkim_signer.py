# SPDX-License-Identifier: BSD-2-Clause
"""A small DKIM signer for tests: every tag can be bent, and it signs what a decent signer would refuse to sign.

Written from RFC 6376 and RFC 8463, independent of the C code and of libopendkim.
"""
import base64
import hashlib
import re
import subprocess

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa, utils


def relaxed_header(name, value):
    value = re.sub(rb"\r\n", b"", value)
    value = re.sub(rb"[ \t]+", b" ", value).strip(b" \t")
    return name.strip(b" \t").lower() + b":" + value


def simple_header(name, value):
    return name + b":" + value


def simple_body(body):
    while body.endswith(b"\r\n\r\n"):
        body = body[:-2]
    if body == b"\r\n":
        body = b""
    return body if body.endswith(b"\r\n") else body + b"\r\n"


def relaxed_body(body):
    lines = body.split(b"\r\n")
    if lines[-1] == b"":
        lines.pop()
    lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in lines]
    while lines and lines[-1] == b"":
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)


def parse(message):
    """(fields as [name, value behind the colon], body)"""
    head, _, body = message.partition(b"\r\n\r\n")
    if head.startswith(b"\r\n"):
        return [], message[2:]
    fields = []
    for line in head.split(b"\r\n"):
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1][1] += b"\r\n" + line
        else:
            name, _, value = line.partition(b":")
            fields.append([name, value])
    return fields, body


class Key:
    """A private key with its record's text."""

    def __init__(self, private):
        self.private = private

    @classmethod
    def rsa(cls, bits, exponent=65537):
        if bits >= 1024:
            return cls(rsa.generate_private_key(exponent, bits))
        # python3-cryptography makes none that small from 43 on (Debian 13); what openssl made it reads and signs with
        made = subprocess.run(["openssl", "genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{bits}",
                               "-pkeyopt", f"rsa_keygen_pubexp:{exponent}"], check=True, capture_output=True)
        return cls(serialization.load_pem_private_key(made.stdout, None))

    @classmethod
    def ed25519(cls):
        return cls(ed25519.Ed25519PrivateKey.generate())

    @property
    def is_rsa(self):
        return isinstance(self.private, rsa.RSAPrivateKey)

    def public(self, pkcs1=False):
        public = self.private.public_key()
        if not self.is_rsa:
            raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        elif pkcs1:
            raw = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
        else:
            raw = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(raw).decode()

    def record(self, extra="", pkcs1=False):
        return "v=DKIM1; %sk=%s; p=%s" % (extra, "rsa" if self.is_rsa else "ed25519", self.public(pkcs1))

    def pem(self):
        return self.private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL,
                                          serialization.NoEncryption())

    def sign(self, digest, sha1=False):
        if self.is_rsa:
            algorithm = hashes.SHA1() if sha1 else hashes.SHA256()
            return self.private.sign(digest, padding.PKCS1v15(), utils.Prehashed(algorithm))
        return self.private.sign(digest)


def sign(message, key, *, tags=None, names=("from", "to", "subject", "date"), canon="relaxed/relaxed", drop=(),
         order=None, name=b"DKIM-Signature", b_tag="b=", sha1=False, own_names=None, b_at=None, lead=" ", tail="", b_text=str):
    """The message with a signature field on top.

    tags: overrides and additions (None of d, s, bh … is checked); drop: tags to leave out; canon: what is computed with;
    own_names: names hashed, when they shall differ from h=; b_at: how many tags stand before b= (all); lead, tail: what stands
    before and behind all tags; b_text: what makes b= of the signature in base64.
    """
    fields, body = parse(message)
    tags = dict(tags or {})
    header_canon, _, body_canon = canon.partition("/")
    canon_body = relaxed_body(body) if body_canon == "relaxed" else simple_body(body)
    if "l" in tags and tags["l"].isdigit():
        canon_body = canon_body[:int(tags["l"])]
    digest = hashlib.sha1 if sha1 else hashlib.sha256
    values = {
        "v": "1", "a": ("rsa-" if key.is_rsa else "ed25519-") + ("sha1" if sha1 else "sha256"), "c": canon,
        "d": "example.org", "s": "sel", "h": ":".join(names),
        "bh": base64.b64encode(digest(canon_body).digest()).decode(),
    }
    values.update(tags)
    texts = ["%s=%s" % (tag, values[tag]) for tag in (order or values) if tag not in drop]
    b_at = len(texts) if b_at is None else b_at
    value = (lead + "; ".join([*texts[:b_at], b_tag])).encode()
    tail = ("".join("; " + text for text in texts[b_at:]) + tail).encode()
    header = relaxed_header if header_canon == "relaxed" else simple_header
    data, taken = b"", set()
    for wanted in own_names or names:
        for i in reversed(range(len(fields))):
            if i not in taken and fields[i][0].strip().lower() == wanted.strip().lower().encode():
                taken.add(i)
                data += header(*fields[i]) + b"\r\n"
                break
    data += header(name, value + tail)
    signature = base64.b64encode(key.sign(digest(data).digest(), sha1)).decode()
    if "b" in drop:
        return name + b":" + value[: -len(b_tag)] + tail + b"\r\n" + message
    return name + b":" + value + b_text(signature).encode() + tail + b"\r\n" + message


def zone_text(records):
    """A zone file from {name: text or [texts]}; bytes allowed in texts."""
    lines = ["$ORIGIN .", "$TTL 300", "test. IN SOA ns.test. root.test. 1 2 3 4 5"]
    for name, texts in records.items():
        for text in [texts] if isinstance(texts, str) else texts:
            chunks = [text[i:i + 200] for i in range(0, len(text), 200)] or [""]
            quoted = " ".join('"%s"' % c.replace("\\", "\\\\").replace('"', '\\"') for c in chunks)
            lines.append("%s. IN TXT %s" % (name, quoted))
    return "\n".join(lines) + "\n"
