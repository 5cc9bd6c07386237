# SPDX-License-Identifier: BSD-2-Clause
"""
What milters are told of TLS, as recorded from Debian 13: Postfix 3.10.13 and Sendmail 8.18.1, both with OpenSSL 3.5.9, server
certificate ML-DSA-65, a client without certificate, with one that has an ML-DSA-44 key, and with one that has an ECDSA key. (Postfix
was made to negotiate X25519MLKEM768.) Neither tells a milter of keys or groups.
"""
import pytest

from milterclient import Client

TLS = {"tls_version": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384", "cipher_bits": "256"}
# subject and issuer are common names; no {verify}; the same words for ML-DSA-44 and ECDSA
POSTFIX = {"cert_subject": "cl.example", "cert_issuer": "Assay Test CA"}
SENDMAIL = {"cert_subject": "/CN=cl.example", "cert_issuer": "/CN=Assay+20Test+20CA", "cn_subject": "cl.example",
            "cn_issuer": "Assay+20Test+20CA", "verify": "OK"}
SENDMAIL_NONE = {"cert_subject": "", "cert_issuer": "", "cn_subject": "", "cn_issuer": "", "verify": "NO"}
VERIFIED = "client certificate verified, subject {}cl.example, issuer {}Assay Test CA"


@pytest.mark.parametrize("version, macros, words", [
    ("Postfix 3.10.13", {}, "no trusted client certificate"),       # it tells an untrusted one as little as none
    ("Postfix 3.10.13", POSTFIX, VERIFIED.format("", "")),
    ("8.18.1", SENDMAIL_NONE, "no client certificate"),
    ("8.18.1", SENDMAIL, VERIFIED.format("/CN=", "/CN=")),
], ids=["postfix", "postfix-certificate", "sendmail", "sendmail-certificate"])
def test_what_is_told_of_a_post_quantum_session(assayd, version, macros, words):
    daemon = assayd().start()
    client = Client(daemon.socket_spec)
    client.connect(v=version)
    client.helo("cl.example", **TLS, **macros)
    client.mail(i="QID1")
    client.rcpt()
    client.header("From", "joe@good.example")
    client.eoh()
    outcome = client.eom(i="QID1")
    client.quit()
    received, = [" ".join(value.split()) for value in outcome.header("Received")]
    assert f" with ESMTPS (TLSv1.3, 256 bits, {words}) id QID1" in received
    assert received.split(";")[0].endswith(" tls TLS_AES_256_GCM_SHA384")
    assert "tls-weak" not in daemon.log() and "tls-none" not in daemon.log()
