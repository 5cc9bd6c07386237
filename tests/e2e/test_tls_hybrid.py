# SPDX-License-Identifier: BSD-2-Clause
"""
What Postfix 3.10 with OpenSSL 3.5 (Debian 13) newly has: sessions whose key exchange is a post-quantum hybrid, certificates with
ML-DSA keys (FIPS 204), and what its own Received field says of them. A milter is told version, suite and bits as before, nothing
of the group, and of a certificate the names, whatever its key is.
"""
import re
import subprocess

import pytest

from test_tls import REQUIRE_CERT, findings_of, fresh, send_with, x_tls
from world import delivered_fields
from world import mail as m
from world.assayd import Assayd
from world.client import Client, deliver, tls_context
from world.tls import Authority

pytestmark = pytest.mark.mta("postfix", reason="what Postfix 3.10 newly has")

HYBRID = "X25519MLKEM768"
# Postfix names groups itself unless both are empty; then OpenSSL's own default has its way (postconf(5), "Post-quantum").
OPENSSL_GROUPS = ("tls_eecdh_auto_curves=", "tls_ffdhe_auto_groups=")


def postfix_version():
    done = subprocess.run(["postconf", "-dh", "mail_version"], check=True, capture_output=True, text=True)
    return tuple(int(number) for number in re.findall(r"\d+", done.stdout)[:2])


@pytest.fixture(scope="module", autouse=True)
def newer(stack):
    kems = subprocess.run(["openssl", "list", "-kem-algorithms"], capture_output=True, text=True, check=False).stdout
    if postfix_version() < (3, 10) or HYBRID not in kems:
        pytest.skip("needs Postfix 3.10 and an OpenSSL with hybrid groups (3.5), as Debian 13 has them")
    return stack


@pytest.fixture(name="hybrid", scope="module")
def hybrid_fixture(stack):
    """Port of an smtpd whose groups are OpenSSL's, before the assayd in dry-run."""
    return stack.postfix.add_service(stack.dry.milter, *OPENSSL_GROUPS)


def send(port, name, context=None):
    mail = fresh(name)
    with Client(port, mail.client, mail.client_name, tls=context or tls_context()) as session:
        assert session.send(mail)["end"].code == 250
    return mail


def theirs_and_ours(raw):
    """The Received fields of this smtpd and of assayd, unfolded."""
    fields = [re.sub(r"\s+", " ", value) for value in delivered_fields(raw, "Received")]
    theirs, = [value for value in fields if "(Postfix)" in value and "using TLS" in value]
    ours, = [value for value in fields if "(Assay)" in value]
    return theirs, ours


def test_hybrid_session_is_strong(stack, hybrid):
    mail = send(hybrid, "hybrid")
    result, grade, raw = x_tls(stack, mail)
    assert (result["result"], grade) == ("pass", "strong")
    assert result["properties"]["smtp.version"] == "TLSv1.3"
    assert findings_of(stack.dry, mail) == set()
    theirs, ours = theirs_and_ours(raw)
    assert f"key-exchange {HYBRID} " in theirs     # it was one
    # RFC 8314 section 4.3 wants a group only where it is known, and no macro tells it
    cipher = result["properties"]["smtp.cipher"]
    assert ours.split(";")[0].endswith(f" tls {cipher}") and "group" not in ours and "MLKEM" not in ours


def test_classical_session_is_no_weaker(stack):
    """Postfix's default: what it offered before."""
    mail = send(stack.dry_port, "classical")
    _, grade, raw = x_tls(stack, mail)
    assert grade == "strong"
    assert re.search(r"key-exchange (X25519|x25519) ", theirs_and_ours(raw)[0])


# ---- ML-DSA ----------------------------------------------------------------------------------------------------------

@pytest.fixture(name="ml_dsa", scope="module")
def ml_dsa_fixture(stack):
    """(an assayd that asks for certificates, port of an smtpd with an ML-DSA key before it)"""
    if "ML-DSA-65" not in subprocess.run(["openssl", "list", "-signature-algorithms"], capture_output=True, text=True, check=False).stdout:
        pytest.skip("needs an OpenSSL with ML-DSA (3.5)")
    certificate, key = stack.authority.issue(m.AUTHSERV_ID, kind="ml-dsa-65")
    assayd, _ = stack.another_assayd("mldsa", mode="enforce", findings={}, policies=REQUIRE_CERT)
    yield assayd, stack.postfix.add_service(
        assayd.milter, *OPENSSL_GROUPS, f"smtpd_tls_cert_file={certificate}", f"smtpd_tls_key_file={key}",
        "smtpd_tls_eckey_file=", "smtpd_tls_eccert_file=")
    assayd.stop()


def test_ml_dsa_on_both_sides(stack, ml_dsa):
    mail, reply = send_with(ml_dsa[1], stack.authority.issue("mail.pass.example", kind="ml-dsa-44"))
    assert reply.code == 250, reply
    result, grade, raw = x_tls(stack, mail)
    assert (result["result"], grade) == ("pass", "strong")
    theirs, ours = theirs_and_ours(raw)
    assert f"key-exchange {HYBRID} server-signature ML-DSA-65 client-signature ML-DSA-44)" in theirs
    assert '(Client CN "mail.pass.example", Issuer "Assay Test CA" (verified OK))' in theirs
    assert "client certificate verified, subject mail.pass.example, issuer Assay Test CA" in ours
    assert path_findings(raw) == set()


@pytest.mark.parametrize("kind, code", [("ec", 250), (None, 554)])
def test_ml_dsa_of_the_server_alone(stack, ml_dsa, kind, code):
    """It proves nothing of the client: what policy asks for, the client has to show."""
    _, reply = send_with(ml_dsa[1], stack.authority.issue("mail.pass.example", kind=kind) if kind else None)
    assert reply.code == code, reply


def test_ml_dsa_certificate_of_another_authority_is_none(stack, ml_dsa):
    certificate = Authority(stack.world, "Other ML CA").issue("mail.pass.example", kind="ml-dsa-44")
    _, reply = send_with(ml_dsa[1], certificate)
    assert (reply.code, reply.enhanced) == (554, "5.7.0")


def path_findings(raw, *arguments):
    """What `assay check` finds in the Received fields of a message that comes over TLS."""
    done = subprocess.run([Assayd.program("assay"), "check", "--json", "--client", "192.0.2.1", "--tls",
                           "TLSv1.3,TLS_AES_256_GCM_SHA384,256", "-"], input=raw, capture_output=True, check=True)
    return {name for name in re.findall(r'"([a-z-]+)"', done.stdout.decode()) if name.startswith("tls-path")}


def test_received_of_a_hybrid_hop_is_read_as_tls(stack, hybrid):
    raw = stack.postfix.delivered(send(hybrid, "hop").recipients[0])
    assert path_findings(raw) == set()
    # the same field without what it says of TLS: it is this that was read
    mail = fresh("clear-hop")
    assert deliver(stack.postfix, mail, hybrid)["end"].code == 250
    assert path_findings(stack.postfix.delivered(mail.recipients[0])) == {"tls-path-cleartext"}


def test_quarantine_is_logged_with_our_reason(stack):
    """Postfix before 3.10 said "milter triggers HOLD action"."""
    assayd, port = stack.another_assayd("held", mode="enforce", findings={"tls-none": "quarantine"})
    try:
        mail = fresh("held")
        reply = deliver(stack.postfix, mail, port)["end"]
        assert reply.code == 250
    finally:
        assayd.stop()
    line, = [line for line in stack.postfix.log().splitlines() if f"{reply.queue_id}: " in line and "milter-hold" in line]
    assert "tls-none" in line and "HOLD action" not in line


def test_client_that_postfix_keeps_back_stays_unknown(stack):
    """smtpd_hide_client_session, for submission: a Received field without from and with. assayd can be told to write none."""
    assayd, _ = stack.another_assayd("hidden", options="headers {\n\treceived-tls = no\n}")
    try:
        port = stack.postfix.add_service(assayd.milter, "smtpd_hide_client_session=yes")
        mail = fresh("hidden")
        mail.client, mail.client_name, mail.helo = "203.0.113.77", None, "laptop.home.example"
        with Client(port, mail.client, mail.client_name, mail.helo, tls_context(), login=("alice", "wonderland")) as session:
            assert session.send(mail)["end"].code == 250
        raw = stack.postfix.delivered(mail.recipients[0])
    finally:
        assayd.stop()
    received, = [re.sub(r"\s+", " ", v).strip() for v in delivered_fields(raw, "Received") if m.AUTHSERV_ID in v]
    assert re.match(rf"by {re.escape(m.AUTHSERV_ID)} \(Postfix\) id \w+ for ", received), received
    assert b"203.0.113.77" not in raw and b"laptop.home.example" not in raw
    assert path_findings(raw) == set()
