# SPDX-License-Identifier: BSD-2-Clause
"""What the MTA says by the milter protocol: authentication, local submission, HELO, TLS, extensions, queue ids."""
import pytest

from milter_session import ENFORCE_SPF, FOREIGN, results, session
from milterclient import Client


# ---- facts ----------------------------------------------------------------------------------------------------------


def test_authenticated_client_is_exempt_with_its_own_result(assayd):
    daemon = assayd(mode="enforce", sections=ENFORCE_SPF).start()
    client = session(daemon, FOREIGN)
    client.mail(i="AUTH1", auth_type="PLAIN", auth_authen="joe", auth_author="")
    assert client.rcpt()[0] == "c"
    client.header("From", "joe@good.example")
    client.eoh()
    outcome = client.eom()
    assert outcome.reply == "c"
    assert "auth=pass" in results(outcome) and "smtp.auth=joe" in results(outcome)
    assert "spf=" not in results(outcome)
    # The next message of the same session comes without AUTH: it is judged.
    client.mail(i="AUTH2")
    assert client.rcpt()[0] == "y"
    client.quit()


def test_local_submission_is_exempt_and_a_real_client_on_loopback_is_not(assayd):
    daemon = assayd(mode="enforce", sections=ENFORCE_SPF).start()
    for address, port in (("127.0.0.1", 0), ("::1", 0), (None, 0)):
        client = Client(daemon.socket_spec)
        client.connect("localhost", address, port)
        client.helo("localhost")
        outcome = client.message()
        assert outcome.reply == "c" and "spf=" not in results(outcome), address
        client.quit()
    client = Client(daemon.socket_spec)
    client.connect("localhost", "127.0.0.1", 40000)
    client.helo("localhost")
    client.mail(i="X")
    assert client.rcpt()[0] in "yc"
    client.quit()
    assert "local-submission" in daemon.log()


def test_helo_twice_the_last_counts_and_tls_with_it(assayd):
    daemon = assayd().start()
    client = Client(daemon.socket_spec)
    client.connect()
    client.helo("first.example")
    client.helo("mx.good.example", tls_version="TLSv1.2", cipher="ECDHE-RSA-AES128-GCM-SHA256", cipher_bits="128")
    received = client.message().header("Received")
    assert len(received) == 1
    assert "mx.good.example" in received[0] and "first.example" not in received[0]
    assert "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" in received[0]
    client.quit()


def received_after_mail(client, sender="<joe@good.example>", **macros):
    """Our own Received field of one message, unfolded. macros: those of MAIL."""
    client.mail(sender, i="QID1", **macros)
    client.rcpt()
    client.header("From", "joe@good.example")
    client.eoh()
    received, = client.eom(i="QID1").header("Received")
    return " ".join(received.split())


@pytest.mark.parametrize("arguments, auth, protocol", [
    ("", {}, "ESMTPS"), ("\0SIZE=1\0BODY=8BITMIME", {}, "ESMTPS"), ("\0SMTPUTF8=1", {}, "ESMTPS"), ("\0XSMTPUTF8", {}, "ESMTPS"),
    ("\0SMTPUTF8", {}, "UTF8SMTPS"), ("\0SIZE=1\0smtputf8\0BODY=8BITMIME", {}, "UTF8SMTPS"),
    ("\0SMTPUTF8", {"auth_type": "PLAIN", "auth_authen": "joe"}, "UTF8SMTPSA"),
])
def test_smtputf8_session_is_in_our_received_field(assayd, arguments, auth, protocol):
    """RFC 6531 section 4.3; the field is about one message: the next one does not inherit it."""
    daemon = assayd().start()
    client = Client(daemon.socket_spec)
    client.connect()
    client.helo(tls_version="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384", cipher_bits="256")
    received = received_after_mail(client, "<joe@good.example>" + arguments, **auth)
    assert f" with {protocol} (TLSv1.3, 256 bits, no trusted client certificate)" in received
    assert "UTF8" not in received_after_mail(client)
    client.quit()


@pytest.mark.parametrize("arguments, reply", [
    ("", "c"), ("\0SIZE=1", "c"), ("\0REQUIRETLS", "y"), ("\0requiretls", "y"), ("\0SIZE=1\0RequireTLS\0BODY=8BITMIME", "y"),
    ("\0XREQUIRETLS", "c"), ("\0REQUIRETLSX", "c"), ("\0REQUIRETLS=NO", "c"), ("\0REQUIRE", "c"), ("\0ENVID=REQUIRETLS", "c"),
])
def test_requiretls_of_mail_overrides_the_field_of_the_message(assayd, arguments, reply):
    """RFC 8689: the field is ignored when the envelope asks for the opposite; the next message begins anew."""
    daemon = assayd(mode="enforce", sections="findings { tls-none = reject }\ndmarc { enabled = no }\n").start()
    client = session(daemon)
    for asked, expected in ((arguments, reply), ("", "c")):
        client.mail("<joe@good.example>" + asked, i="QID1")
        client.rcpt()
        client.header("From", "joe@good.example")
        client.header("TLS-Required", "No")
        client.eoh()
        assert client.eom(i="QID1").reply[0] == expected
    client.mail("<joe@good.example>" + arguments, i="QID2")
    client.rcpt()
    client.header("From", "joe@good.example")
    client.eoh()
    assert client.eom(i="QID2").reply[0] == "y", "without the field lack of TLS counts"
    client.quit()


def test_client_is_kept_back_when_asked_to(assayd):
    daemon = assayd(sections="headers { hide-client = authenticated }").start()
    client = Client(daemon.socket_spec)
    client.connect("laptop.home.example", "203.0.113.77")
    client.helo("laptop.home.example", tls_version="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384", cipher_bits="256")
    received = received_after_mail(client)
    assert "laptop.home.example" in received and "203.0.113.77" in received
    received = received_after_mail(client, auth_type="PLAIN", auth_authen="joe")
    assert received.startswith("by ") and " with ESMTPSA " in received
    assert "laptop.home.example" not in received and "203.0.113.77" not in received
    client.quit()


def test_queue_id_that_comes_late_is_in_the_log(assayd):
    daemon = assayd().start()
    client = session(daemon)
    client.mail()
    client.rcpt(i="LATE1")
    client.header("From", "joe@good.example")
    client.eoh()
    client.eom()
    client.quit()
    daemon.wait_for_log("LATE1")
