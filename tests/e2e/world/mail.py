# SPDX-License-Identifier: BSD-2-Clause
"""Messages: keys and signatures (made with dkimpy, independent of assayd), and what a delivered message says."""
import base64
import dataclasses
import email.utils
import itertools
import re

import authres
import dkim
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

RECIPIENT_DOMAIN = "rcpt.example"
AUTHSERV_ID = "mx.assay.example"
SIGNED_HEADERS = [b"From", b"To", b"Subject", b"Date", b"Message-ID"]
_serial = itertools.count(1)


class Keys:
    """DKIM keys made at run time; publish() puts the public half into the zone."""

    def __init__(self):
        self.rsa, self.ed25519 = {}, {}

    def publish_rsa(self, dns, domain, selector="rsa", bits=2048, tags="v=DKIM1; k=rsa; "):
        key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        self.rsa[domain, selector] = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
        public = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        dns.add(f"{selector}._domainkey.{domain}", "TXT", tags + "p=" + base64.b64encode(public).decode())

    def publish_ed25519(self, dns, domain, selector="ed"):
        key = ed25519.Ed25519PrivateKey.generate()
        raw = key.private_bytes(serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption())
        public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.ed25519[domain, selector] = base64.b64encode(raw)
        dns.add(f"{selector}._domainkey.{domain}", "TXT", "v=DKIM1; k=ed25519; p=" + base64.b64encode(public).decode())

    def sign(self, message, domain, selector, headers=None, canonicalize=(b"relaxed", b"relaxed"), **options):
        if (domain, selector) in self.ed25519:
            key, algorithm = self.ed25519[domain, selector], b"ed25519-sha256"
        else:
            key, algorithm = self.rsa[domain, selector], b"rsa-sha256"
        signature = dkim.sign(message, selector.encode(), domain.encode(), key, signature_algorithm=algorithm,
                              include_headers=headers or SIGNED_HEADERS, canonicalize=canonicalize, **options)
        return signature + message


def message(sender, subject="test", body=None, extra=b"", sender_field=None):
    """A message with CRLF line ends. extra: further header fields, each with its CRLF."""
    if body is None:
        body = b"A line of text.\r\n  Another, with  spaces. \r\n\r\nThe end.\r\n"
    fields = [
        b"From: " + (sender_field or ("<%s>" % sender)).encode(),
        b"To: <someone@%s>" % RECIPIENT_DOMAIN.encode(),
        b"Subject: " + subject.encode(),
        b"Date: " + email.utils.formatdate().encode(),
        b"Message-ID: <%d.e2e@%s>" % (next(_serial), sender.rpartition("@")[2].encode() or b"nowhere.example"),
    ]
    return b"\r\n".join(fields) + b"\r\n" + extra + b"\r\n" + body


def recipient(tag="m"):
    """A fresh recipient, by which the delivered copy is found again."""
    return f"{tag}-{next(_serial)}@{RECIPIENT_DOMAIN}"


@dataclasses.dataclass
class Mail:
    """One message with its envelope and the client that sends it."""
    data: bytes
    mail_from: str
    recipients: list = dataclasses.field(default_factory=lambda: [recipient()])
    client: str = "192.0.2.1"
    client_name: str = "mail.pass.example"
    helo: str = "mail.pass.example"
    tls: bool = False
    login: tuple = None     # (user, password)


def split_fields(raw):
    """[(name, value)] of the header; folds kept as CRLF or LF as they stand."""
    header = re.split(rb"\r?\n\r?\n", raw, maxsplit=1)[0]
    fields = []
    for line in re.split(rb"\r?\n(?![ \t])", header):
        name, colon, value = line.partition(b":")
        if colon:
            fields.append((name.decode("latin-1"), value.decode("utf-8", "replace")))
    return fields


def delivered_fields(raw, name):
    return [value for field, value in split_fields(raw) if field.lower() == name.lower()]


def parse_authres(value):
    """
    A field value → (authserv-id, {method: [{"result": …, "reason": …, "properties": {…}}]}), parsed by
    python-authres, which knows nothing of assayd.
    """
    parsed = authres.AuthenticationResultsHeader.parse("Authentication-Results:" + re.sub(r"\r?\n", "", value))
    results = {}
    for result in parsed.results:
        if not result.method:
            continue
        properties = {f"{p.type}.{p.name}": p.value for p in result.properties}
        results.setdefault(result.method, []).append(
            {"result": result.result, "reason": result.reason, "properties": properties})
    return parsed.authserv_id, results
