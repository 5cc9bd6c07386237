# SPDX-License-Identifier: BSD-2-Clause
"""
Client certificates proven by the client's own TLSA records: a real Sendmail that hands over fingerprints, a signed tree,
and clients that come with certificates by no authority. What is expected is what assayd(8) and assay.conf(5) promise.
"""
import hashlib
import os
import re
import shutil
import sqlite3
import ssl

import pytest

import dnssec_tree
from dnssec_tree import DAY, Zone
from house import needs
from world import Assayd, World, delivered_fields, scenarios, sendmail
from world import mail as m
from world.client import Client, tls_context
from world.processes import wait_for
from world.tls import self_signed

pytestmark = pytest.mark.mta("postfix", reason="it makes Sendmails, which hand over fingerprints; this is where they deliver")

FINGERPRINT = "define(`confCERT_FINGERPRINT_ALGORITHM', `{}')dnl"
NO_IPREV = "iprev {\n\tenabled = no\n}\n"   # the tree has no reverse zones
PARTNER = "mta.partner.example"
POLICIES = f"""
policy "named" {{
	recipient-domains = {{ "named.example" }}
	require-cert = yes
	require-cert-names = {{ "mx.match.one", "{PARTNER}" }}
}}
policy "issued" {{
	recipient-domains = {{ "issued.example" }}
	require-cert = yes
	require-cert-issuers = {{ "Assay Test CA" }}
}}
policy "default" {{
	require-cert = yes
}}
"""


def digest(certificate, algorithm):
    with open(certificate, encoding="ascii") as file:
        return hashlib.new(algorithm, ssl.PEM_cert_to_DER_cert(file.read())).hexdigest()


def tlsa(numbers, digest_text):
    return f"_smtp-client.mx TLSA {numbers} {digest_text}\n"


class Certificates:
    """client: the one that the records are of; other: of nobody; forged: says in every name that it is the partner's."""

    def __init__(self, world):
        self.client = self_signed(world, "client", "anything at all")
        self.other = self_signed(world, "other", "mx.match.one")
        self.forged = self_signed(world, "forged", PARTNER)
        self.false_issuer = self_signed(world, "false-issuer", "Assay Test CA")


def zones(certificates):
    """The client's name is mx.ZONE, whatever the state of the zone."""
    record = tlsa("3 0 1", digest(certificates.client[0], "sha256"))
    return [
        Zone("."), Zone("one"),
        Zone("match.one", record),
        Zone("match512.one", tlsa("3 0 2", digest(certificates.client[0], "sha512"))),
        Zone("several.one", tlsa("3 0 1", "00" * 32) + tlsa("3 1 1", "11" * 32) + record),
        Zone("alias.one", "_smtp-client.mx CNAME _smtp-client.mx.match.one.\n"),
        Zone("mismatch.one", tlsa("3 0 1", digest(certificates.other[0], "sha256"))),
        Zone("usage.one", tlsa("2 0 1", digest(certificates.client[0], "sha256"))),
        Zone("insecure.one", record, signed=False),
        Zone("bogus.one", record, dates=(-60 * DAY, -30 * DAY)),
        Zone("absent.one", "mx A 192.0.2.1\n"),
        Zone("forger.one", tlsa("3 0 1", digest(certificates.forged[0], "sha256"))),
        Zone("issuer.one", tlsa("3 0 1", digest(certificates.false_issuer[0], "sha256"))),
    ]


class Stage:
    """The signed tree, one assayd in dry-run and one that enforces, and a Sendmail in front of each."""

    def __init__(self, stack, world):
        self.stack, self.certificates = stack, Certificates(world)
        self.tree = dnssec_tree.Tree(world, zones(self.certificates))
        self.tree.start()
        self.sink = stack.postfix.add_service("")
        self.record = world.path("record", "record.db")
        os.makedirs(os.path.dirname(self.record))
        shutil.chown(os.path.dirname(self.record), "nobody")
        self.world = world
        self.dry, self.dry_port = self.behind("dry", "sha256", options=NO_IPREV + f'record {{\n\tpath = "{self.record}"\n}}\n')
        self.enforce, self.enforce_port = self.behind("enforce", "sha256", mode="enforce")

    def behind(self, name, algorithm, **options):
        """@return (assayd, port of the Sendmail before it)"""
        options = {"options": NO_IPREV, **options}
        assayd = Assayd(self.world, self.tree.port, name="tlsa-" + name, trusted="", findings={}, policies=POLICIES,
                        dnssec="validate", dns_options=f'trust-anchor-files = {{ "{self.tree.anchor}" }}', **options)
        assayd.start()
        more = FINGERPRINT.format(algorithm) if algorithm else ""
        mta = sendmail.Sendmail(self.world, self.sink, self.stack.authority, assayd.milter, name="sendmail-" + name, more=more)
        mta.start()
        return assayd, mta.port


@pytest.fixture(name="stage", scope="module")
def stage_fixture(stack):
    reason = sendmail.why_not()
    if reason:
        pytest.skip(reason)
    needs.programs("ldns-signzone", "ldns-keygen")
    with World() as world:
        yield Stage(stack, world)


def send(port, zone, certificate, domain=None):
    """@return (mail, the reply that settled it). The envelope sender is unique, so that the log line is found."""
    mail = scenarios.plain("absent.one")
    mail.mail_from = m.recipient("tlsa").replace(m.RECIPIENT_DOMAIN, "absent.one")
    if domain:
        mail.recipients = [m.recipient().replace(m.RECIPIENT_DOMAIN, domain)]
    context = tls_context(*certificate) if certificate else tls_context()
    with Client(port, helo=f"mx.{zone}", tls=context) as client:
        return mail, client.send(mail)["last"]


def log_of(assayd, mail):
    """The line of one message as {key: value}."""
    def lines():
        return [line for line in assayd.log().splitlines() if f"from=<{mail.mail_from}>" in line]
    line = wait_for(lines, "the log line")[0]
    return dict(pair.partition("=")[::2] for pair in re.findall(r'\S+="[^"]*"|\S+=\S+', line))


def received_of(stack, mail):
    """Our own Received field."""
    fields = [re.sub(r"\s+", " ", value)
              for value in delivered_fields(stack.postfix.delivered(mail.recipients[0]), "Received")]
    ours = [value for value in fields if "(Assay)" in value]
    assert len(ours) == 1, fields
    return ours[0]


# zone, certificate, what the log says of it, and whether it is proven
CASES = [
    ("match.one", "client", "tlsa/tlsa", "match:mx.match.one", True),
    ("several.one", "client", "tlsa/tlsa", "match:mx.several.one", True),
    ("alias.one", "client", "tlsa/tlsa", "match:mx.alias.one", True),
    ("match.one", "other", "failed", "mismatch:mx.match.one", False),
    ("mismatch.one", "client", "failed", "mismatch:mx.mismatch.one", False),
    ("match512.one", "client", "failed", "mismatch:mx.match512.one", False),
    ("usage.one", "client", "failed", "mismatch:mx.usage.one", False),
    ("insecure.one", "client", "failed", "insecure:mx.insecure.one", False),
    ("bogus.one", "client", "failed", "bogus:mx.bogus.one", False),
    ("absent.one", "client", "failed", "none:mx.absent.one", False),
    ("match.one", None, None, None, False),
]


@pytest.mark.parametrize("zone, certificate, cert, tlsa_text, proven", CASES, ids=lambda value: str(value))
def test_dry_run_tells_and_lets_pass(stage, zone, certificate, cert, tlsa_text, proven):
    mail, reply = send(stage.dry_port, zone, certificate and getattr(stage.certificates, certificate))
    assert reply.code == 250, reply
    said = log_of(stage.dry, mail)
    assert (said.get("cert"), said.get("tlsa")) == (cert, tlsa_text), said
    assert ("dnssec-bogus" in said["findings"].split(",")) == (zone == "bogus.one"), said
    assert said["mode"] == "dry-run"
    if proven:
        assert said["decision"] == "none", said
    else:
        assert (said["decision"], said["because"]) == ("defer" if zone == "bogus.one" else "reject", "tls-cert-required"), said


@pytest.mark.parametrize("zone, certificate, cert, tlsa_text, proven", CASES, ids=lambda value: str(value))
def test_enforced_decision_follows(stage, zone, certificate, cert, tlsa_text, proven):
    del cert, tlsa_text
    _, reply = send(stage.enforce_port, zone, certificate and getattr(stage.certificates, certificate))
    if proven:
        assert reply.code == 250, reply
    elif zone == "bogus.one":       # nobody knows: the client may try again (RFC 3207 section 4)
        assert (reply.code, reply.enhanced) == (454, "4.7.0"), reply
    else:
        assert (reply.code, reply.enhanced) == (554, "5.7.0"), reply
        assert "client certificate is required" in reply.text


def test_header_tells_what_is_proven_and_not_what_the_certificate_says(stage, stack):
    mail, _ = send(stage.dry_port, "match.one", stage.certificates.client)
    field = received_of(stack, mail)
    assert "client certificate proven by TLSA of mx.match.one)" in field, field
    assert "anything at all" not in field
    value = delivered_fields(stack.postfix.delivered(mail.recipients[0]), "Authentication-Results")[1]
    assert re.search(r"x-tls=pass \(strong\)", re.sub(r"\s+", " ", value)), value
    mail, _ = send(stage.dry_port, "insecure.one", stage.certificates.client)
    assert "client certificate failed, subject /O=Assay Test/CN=anything at all" in received_of(stack, mail)


def test_certificate_of_an_authority_and_of_a_record(stage, stack):
    """Both proofs hold: the chain's names count as well."""
    certificate = stack.authority.issue(PARTNER)
    mail, reply = send(stage.enforce_port, "mismatch.one", certificate, "named.example")
    assert reply.code != 554, reply
    mail, _ = send(stage.dry_port, "mismatch.one", certificate)
    said = log_of(stage.dry, mail)
    assert (said["cert"], said["tlsa"]) == ("verified", "mismatch:mx.mismatch.one")


@pytest.mark.parametrize("zone, certificate, domain, accepted", [
    ("match.one", "client", "named.example", True),         # the name whose record it is
    ("forger.one", "forged", "rcpt.example", True),         # it is mx.forger.one, and nobody else
    ("forger.one", "forged", "named.example", False),       # whatever name it gives itself
    ("issuer.one", "false_issuer", "rcpt.example", True),
    ("issuer.one", "false_issuer", "issued.example", False),
    ("match.one", "client", "issued.example", False),       # no issuer stands behind a record
])
def test_names_in_a_certificate_that_a_record_proves_are_not_believed(stage, zone, certificate, domain, accepted):
    _, reply = send(stage.enforce_port, zone, getattr(stage.certificates, certificate), domain)
    if accepted:
        assert reply.code != 554, reply
    else:
        assert (reply.code, reply.enhanced) == (554, "5.7.0"), reply
        assert "client certificate is required" in reply.text, reply


def test_missing_answer_does_not_help_where_an_issuer_is_required(stage):
    _, reply = send(stage.enforce_port, "bogus.one", stage.certificates.client, "issued.example")
    assert (reply.code, reply.enhanced) == (554, "5.7.0"), reply


def test_record_keeps_what_a_replay_needs(stage):
    send(stage.dry_port, "match.one", stage.certificates.client)

    def rows(query):
        with sqlite3.connect(f"file:{stage.record}?mode=ro", uri=True) as database:
            return [text for text, in database.execute(query)]
    wait_for(lambda: any(" c=tlsa:tlsa:::mx.match.one" in text for text in rows("SELECT text FROM part")), "the flow")
    # the peer is known by the name that is proven, not by what the certificate says
    wait_for(lambda: set(rows("SELECT cert FROM peer")) == {"mx.match.one"}, "the peer's certificate")


@pytest.mark.parametrize("algorithm", [
    "sha1",     # no algorithm of RFC 6698
    "sha384",   # nor this one
    None,       # Sendmail then gives an MD5 digest, as {cert_md5}
])
def test_without_a_useful_fingerprint_only_the_chain_counts(stage, stack, algorithm):
    """SHA-512 is for the unit tests: Sendmail 8.17.1 and 8.18.1 have no room for so long a fingerprint and end the session."""
    assayd, port = stage.behind(f"algorithm-{algorithm}", algorithm)
    mail, reply = send(port, "match.one", stage.certificates.client)
    assert reply.code == 250, reply
    said = log_of(assayd, mail)
    assert (said["cert"], said.get("tlsa"), said["because"]) == ("failed", None, "tls-cert-required"), said
    mail, _ = send(port, "match.one", stack.authority.issue("mx.match.one"))
    said = log_of(assayd, mail)
    assert (said["cert"], said.get("tlsa"), said["decision"]) == ("verified/helo", None, "none"), said
    assayd.stop()
