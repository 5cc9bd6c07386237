# SPDX-License-Identifier: BSD-2-Clause
"""
TLS of real sessions: what a real Postfix hands over for real clients, from TLS 1.3 to cleartext, and what assayd makes of
it: grade, header fields, findings, replies. Expected grades from RFC 9325, replies from RFC 3207 and RFC 4954.
"""
import dataclasses
import re
import select
import socket
import ssl
import threading
import warnings

import pytest

from world import delivered_fields, scenarios
from world import mail as m
from world.client import Client, deliver, tls_context
from world.network import Listener
from world.tls import Authority

pytestmark = pytest.mark.mta("postfix", "sendmail")

warnings.filterwarnings("ignore", category=DeprecationWarning)   # old TLS versions are what is tested here


@dataclasses.dataclass
class Session:
    """What the client does, and what assayd must see. grade: by RFC 9325."""
    name: str
    ciphers: str
    version: ssl.TLSVersion
    seen_version: str
    cipher: str     # IANA
    bits: str
    grade: str
    findings: set


SESSIONS = [
    Session("tls13", None, ssl.TLSVersion.TLSv1_3, "TLSv1.3", "TLS_AES_256_GCM_SHA384", "256", "strong", set()),
    Session("tls12", "ECDHE-RSA-AES128-GCM-SHA256", ssl.TLSVersion.TLSv1_2, "TLSv1.2",
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "128", "strong", set()),
    Session("tls12-cbc", "ECDHE-RSA-AES256-SHA384", ssl.TLSVersion.TLSv1_2, "TLSv1.2",
            "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", "256", "ok", set()),
    Session("tls10", "ECDHE-RSA-AES256-SHA:@SECLEVEL=0", ssl.TLSVersion.TLSv1, "TLSv1",
            "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "256", "weak", {"tls-weak"}),
    Session("rsa-key-exchange", "AES128-GCM-SHA256:@SECLEVEL=0", ssl.TLSVersion.TLSv1_2, "TLSv1.2",
            "TLS_RSA_WITH_AES_128_GCM_SHA256", "128", "weak", {"tls-weak", "tls-no-forward-secrecy"}),
    Session("anonymous", "AECDH-AES128-SHA:@SECLEVEL=0", ssl.TLSVersion.TLSv1_2, "TLSv1.2",
            "TLS_ECDH_anon_WITH_AES_128_CBC_SHA", "128", "weak", {"tls-weak"}),
    Session("null", "ECDHE-RSA-NULL-SHA:@SECLEVEL=0", ssl.TLSVersion.TLSv1_2, "TLSv1.2",
            "TLS_ECDHE_RSA_WITH_NULL_SHA", None, "weak", {"tls-weak"}),
]


def context_of(session):
    context = tls_context()
    context.minimum_version = context.maximum_version = session.version
    if session.ciphers:
        context.set_ciphers(session.ciphers)
    return context


@pytest.fixture(scope="module")
def lax_options(stack):
    """Options of the MTA under which every cipher suite of this OpenSSL can be negotiated."""
    certificate, key = stack.authority.issue("lax.assay.example", kind="rsa")
    return stack.mta.lax_tls(certificate, key)


@pytest.fixture(scope="module")
def lax(stack, lax_options):
    """Port of a lax listener before the assayd in dry-run."""
    return stack.mta.add_service(stack.dry.milter, *lax_options)


@pytest.fixture(scope="module")
def strict(stack, lax_options):
    """Another assayd that refuses what is insecure at the end of the message. @return port."""
    assayd, port = stack.another_assayd("tls-strict", mode="enforce", findings=REFUSE)
    yield stack.mta.add_service(assayd.milter, *lax_options)
    assayd.stop()
    del port


REFUSE = {"tls-none": "reject", "tls-weak": "reject", "tls-no-forward-secrecy": "reject", "tls-stripped": "reject"}


def log_of(assayd, mail):
    lines = [line for line in assayd.log().splitlines() if f"from=<{mail.mail_from}>" in line]
    assert len(lines) == 1, lines
    return lines[0]


def findings_of(assayd, mail):
    found = re.search(r"findings=(\S+)", log_of(assayd, mail)).group(1)
    return {name for name in found.split(",") if name.startswith(("tls-", "auth-"))}


def fresh(name="x"):
    """A message with a sender of its own, by which its log line is found."""
    mail = scenarios.plain("pass.example")
    mail.mail_from = m.recipient(name).replace(m.RECIPIENT_DOMAIN, "pass.example")
    return mail


def x_tls(stack, mail):
    raw = stack.mta.delivered(mail.recipients[0])
    field = delivered_fields(raw, "Authentication-Results")[1]
    _, results = m.parse_authres(field)
    grade = re.search(r"x-tls=\w+ \((\w+)\)", re.sub(r"\s+", " ", field))
    return results["x-tls"][0], grade.group(1) if grade else None, raw


@pytest.mark.parametrize("session", SESSIONS, ids=lambda s: s.name)
def test_session_is_graded_recorded_and_told(stack, lax, session):
    mail = fresh(session.name)
    with Client(lax, mail.client, mail.client_name, tls=context_of(session)) as client:
        assert client.send(mail)["end"].code == 250
    result, grade, raw = x_tls(stack, mail)
    assert result["result"] == "pass"
    assert result["properties"]["smtp.version"] == session.seen_version
    assert result["properties"]["smtp.cipher"] == session.cipher
    if session.bits:
        assert result["properties"]["smtp.bits"] == session.bits
    assert grade == session.grade
    assert findings_of(stack.dry, mail) == session.findings
    received = [re.sub(r"\s+", " ", value) for value in delivered_fields(raw, "Received")]
    # RFC 8314 section 4.3, in the place of RFC 5321's Additional-Registered-Clauses
    assert any(re.search(rf" with ESMTPS .* tls {session.cipher};", value) for value in received), received


def test_cleartext_is_none_and_has_no_tls_clause(stack, lax):
    mail = fresh("clear")
    with Client(lax, mail.client, mail.client_name) as client:
        assert client.send(mail)["end"].code == 250
    result, grade, raw = x_tls(stack, mail)
    assert (result["result"], grade) == ("none", None)
    assert findings_of(stack.dry, mail) == {"tls-none"}
    assert not any(" tls " in value for value in delivered_fields(raw, "Received"))


def test_implicit_tls_is_graded(stack):
    mail = fresh("smtps")
    with Client(stack.mta.smtps, tls=tls_context(), implicit_tls=True) as session:
        assert session.send(mail)["end"].code == 250
    result, grade, _ = x_tls(stack, mail)
    assert (result["result"], grade) == ("pass", "strong")


@pytest.mark.parametrize("session, code, enhanced, text", [
    (None, 530, "5.7.0", "Must issue a STARTTLS command first"),
    ("tls10", 554, "5.7.0", "Command refused due to lack of security"),
    ("rsa-key-exchange", 554, "5.7.0", "Command refused due to lack of security"),
    ("anonymous", 554, "5.7.0", "Command refused due to lack of security"),
    ("null", 554, "5.7.0", "Command refused due to lack of security"),
    ("tls12-cbc", 250, "2.0.0", ""),
    ("tls13", 250, "2.0.0", ""),
])
def test_insecure_session_is_rejected_when_told_to(stack, strict, session, code, enhanced, text):
    mail = fresh("strict")
    row = next((s for s in SESSIONS if s.name == session), None)
    with Client(strict, mail.client, mail.client_name, tls=context_of(row) if row else None) as client:
        reply = client.send(mail)["end"]
    assert (reply.code, reply.enhanced) == (code, enhanced), reply
    assert text in reply.text


def test_tls_required_no_exempts_a_message(stack, strict):
    """RFC 8689 section 5."""
    mail = fresh("norequire")
    mail.data = b"TLS-Required: No\r\n" + mail.data
    with Client(strict, mail.client, mail.client_name) as client:
        assert client.send(mail)["end"].code == 250
        mail = fresh("odd")
        mail.data = b"TLS-Required: Nope\r\n" + mail.data
        assert client.send(mail)["end"].code == 530


@pytest.mark.parametrize("action, code, enhanced", [("reject", 530, "5.7.0"), ("defer", 454, "4.7.0")])
def test_cleartext_is_refused_at_rcpt_when_no_message_may_object(stack, action, code, enhanced):
    assayd, port = stack.another_assayd(f"tls-{action}", mode="enforce", findings={"tls-none": action},
                                        options="tls {\n\thonor-tls-required-no = no\n}")
    try:
        mail = fresh(action)
        with Client(port, mail.client, mail.client_name) as session:
            replies = session.send(mail)
        assert replies["end"] is None
        assert (replies["last"].code, replies["last"].enhanced) == (code, enhanced), replies["last"]
        with Client(port, mail.client, mail.client_name, tls=tls_context()) as session:
            assert session.send(mail)["end"].code == 250
    finally:
        assayd.stop()


def test_cleartext_deferred_at_the_end(stack):
    assayd, port = stack.another_assayd("tls-defer-end", mode="enforce", findings={"tls-none": "defer", "tls-weak": "defer"})
    try:
        reply = deliver(stack.mta, fresh("defer"), port)["end"]
        assert (reply.code, reply.enhanced) == (454, "4.7.0"), reply
    finally:
        assayd.stop()


# ---- client certificates ---------------------------------------------------------------------------------------------

REQUIRE_CERT = """
policy "partner" {
	author-domains = { "pass.example" }
	require-cert = yes
}
policy "named" {
	author-domains = { "two.example" }
	require-cert = yes
	require-cert-names = { ".partner.example" }
	require-cert-issuers = { "Assay Test CA" }
}
policy "issuer" {
	author-domains = { "ed.example" }
	require-cert = yes
	require-cert-issuers = { "Some Other CA" }
}
"""


@pytest.fixture(scope="module")
def certified(stack):
    assayd, port = stack.another_assayd("cert", mode="enforce", findings={}, policies=REQUIRE_CERT)
    yield assayd, port
    assayd.stop()


@pytest.fixture(scope="module")
def stranger(stack):
    return Authority(stack.world, "Unknown CA").issue("stranger.pass.example")


def send_with(port, certificate, domain="pass.example", helo="mail.pass.example"):
    mail = fresh("cert")
    mail.data, mail.helo = m.message(f"news@{domain}"), helo
    context = tls_context(*certificate) if certificate else tls_context()
    with Client(port, mail.client, mail.client_name, helo=helo, tls=context) as session:
        return mail, session.send(mail)["end"]


def test_verified_certificate_that_fits_the_client_name_is_proof(stack, certified):
    assayd, port = certified
    mail, reply = send_with(port, stack.authority.issue("mail.pass.example"))
    assert reply.code == 250, reply
    raw = stack.mta.delivered(mail.recipients[0])
    received = [re.sub(r"\s+", " ", value) for value in delivered_fields(raw, "Received")]
    # RFC 3207 section 4.1
    # Postfix hands over the common names, Sendmail the whole ones
    names = {"postfix": "subject mail.pass.example, issuer Assay Test CA",
             "sendmail": "subject /O=Assay Test/CN=mail.pass.example, issuer /O=Assay Test/CN=Assay Test CA"}[stack.mta.name]
    assert any("client certificate verified, " + names in value for value in received), received


def test_verified_certificate_of_the_author_domain_is_proof(stack, certified):
    _, reply = send_with(certified[1], stack.authority.issue("gateway.pass.example"))
    assert reply.code == 250, reply


def test_verified_certificate_of_somebody_else_is_none(stack, certified):
    _, reply = send_with(certified[1], stack.authority.issue("elsewhere.example"))
    assert (reply.code, reply.enhanced) == (554, "5.7.0")
    assert "client certificate is required" in reply.text


def test_untrusted_certificate_is_none(certified, stranger):
    _, reply = send_with(certified[1], stranger)
    assert (reply.code, reply.enhanced) == (554, "5.7.0")


def test_no_certificate_is_none(certified):
    assert send_with(certified[1], None)[1].code == 554


def test_untrusted_certificate_names_nobody(stack, stranger):
    mail = fresh("untrusted")
    with Client(stack.dry_port, mail.client, mail.client_name, tls=tls_context(*stranger)) as session:
        assert session.send(mail)["end"].code == 250
    fields = delivered_fields(stack.mta.delivered(mail.recipients[0]), "Received")
    # Postfix's own line names it, and says that it is not verified; ours cannot. Sendmail hands it over, and that it failed.
    ours, = [re.sub(r"\s+", " ", value) for value in fields if re.search(r"\stls\s+TLS_", value)]
    assert ("stranger" in ours) == ("client certificate failed, subject" in ours) == (stack.mta.name == "sendmail"), fields
    assert "verified" not in ours and "proven" not in ours


@pytest.mark.parametrize("name, code", [("mta.partner.example", 250), ("partner.example", 250), ("badpartner.example", 554)])
def test_certificate_names_of_a_policy(stack, certified, name, code):
    assert send_with(certified[1], stack.authority.issue(name), "two.example")[1].code == code


def test_certificate_of_another_issuer(stack, certified):
    assert send_with(certified[1], stack.authority.issue("mail.pass.example"), "ed.example")[1].code == 554


# ---- AUTH ------------------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def submission(stack):
    """Three submission ports: nobody minds; cleartext authentication is refused; plaintext mechanisms are."""
    made = {}
    for name, findings in (("seen", {}), ("auth-cleartext", {"auth-cleartext": "reject"}),
                           ("auth-plaintext-mechanism", {"auth-plaintext-mechanism": "reject"})):
        assayd, port = stack.another_assayd("auth-" + name, mode="enforce", findings=findings)
        made[name] = assayd, port
    yield made
    for assayd, _ in made.values():
        assayd.stop()


def submit(port, tls, mechanism="PLAIN"):
    mail = fresh("auth")
    mail.client, mail.client_name = "203.0.113.50", None
    with Client(port, mail.client, mail.client_name, tls=tls_context() if tls else None) as session:
        session.smtp.user, session.smtp.password = "alice", "wonderland"
        authenticate = getattr(session.smtp, "auth_" + mechanism.lower())
        session.smtp.auth(mechanism, authenticate, initial_response_ok=mechanism == "PLAIN")
        return mail, session.send(mail)["end"]


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("tls", [True, False])
def test_authentication_is_told(stack, submission, mechanism, tls):
    assayd, port = submission["seen"]
    mail, reply = submit(port, tls, mechanism)
    assert reply.code == 250
    raw = stack.mta.delivered(mail.recipients[0])
    field = re.sub(r"\s+", " ", delivered_fields(raw, "Authentication-Results")[0])
    assert re.search(rf"auth=pass \({mechanism}\) smtp.auth=alice", field, re.I), field
    expected = set() if tls else {"tls-none", "auth-cleartext", "auth-plaintext-mechanism"}
    assert findings_of(assayd, mail) == expected


@pytest.mark.parametrize("finding, code, enhanced", [
    ("auth-cleartext", 530, "5.7.0"),               # RFC 4954 section 6
    ("auth-plaintext-mechanism", 538, "5.7.11"),    # RFC 4954 section 6
])
def test_password_in_the_clear_is_refused_when_told_to(submission, finding, code, enhanced):
    _, port = submission[finding]
    _, reply = submit(port, tls=False)
    assert (reply.code, reply.enhanced) == (code, enhanced), reply
    assert submit(port, tls=True)[1].code == 250


# ---- somebody between ------------------------------------------------------------------------------------------------

class Stripper:
    """A TCP proxy that overwrites STARTTLS with XXXXXXXA, in the server's offer and in the client's command."""

    def __init__(self, world, port, mail):
        self.target, self.mail = port, mail
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.rewritten = 0
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        world.on_close(self.listener.close)

    def run(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client, self.connect() as server:
                self.relay(client, server)

    def connect(self):
        """By XCLIENT the client says itself who it is."""
        if isinstance(self.target, Listener):
            return self.target.network.connect(self.target, self.mail.client, self.mail.client_name)
        return socket.create_connection(("127.0.0.1", self.target))

    def relay(self, client, server):
        other = {client: server, server: client}
        while True:
            for readable in select.select(list(other), [], [])[0]:
                data = readable.recv(65536)
                if not data:
                    return
                self.rewritten += data.count(b"STARTTLS")
                other[readable].sendall(data.replace(b"STARTTLS", b"XXXXXXXA"))


def send_through_stripper(stack, port, insist):
    mail = fresh("stripped")
    proxy = Stripper(stack.world, port, mail)
    claimed = (None, None) if isinstance(port, Listener) else (mail.client, mail.client_name)
    with Client(proxy.port, *claimed) as session:
        assert not session.smtp.has_extn("starttls")
        if insist:
            assert session.smtp.docmd("STARTTLS")[0] >= 500
        reply = session.send(mail)["last"]
    assert proxy.rewritten >= 1
    return mail, reply


def test_mangled_starttls_is_reported_as_stripped(stack):
    mail, reply = send_through_stripper(stack, stack.dry_port, insist=True)
    assert reply.code == 250
    assert findings_of(stack.dry, mail) == {"tls-none", "tls-stripped"}


def test_mangled_starttls_is_refused_when_told_to(stack):
    assayd, port = stack.another_assayd("stripped", mode="enforce", findings={"tls-stripped": "reject"})
    try:
        _, reply = send_through_stripper(stack, port, insist=True)
        assert (reply.code, reply.enhanced) == (554, "5.7.0"), reply
        assert "arrived mangled; see https://help.assay.example/tls-stripped" in reply.text   # the proxy rewrote the reply too
    finally:
        assayd.stop()


def test_starttls_missing_from_the_offer_alone_is_plain_cleartext(stack):
    """A client that takes the overwritten offer for none says nothing that could be seen here: TLS memory's part."""
    mail, reply = send_through_stripper(stack, stack.dry_port, insist=False)
    assert reply.code == 250
    assert findings_of(stack.dry, mail) == {"tls-none"}
