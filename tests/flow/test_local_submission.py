# SPDX-License-Identifier: BSD-2-Clause
"""
Who is local: only what the MTA marks as submitted on its machine. connects.json holds what Postfix and Sendmail said at connect,
as tests/e2e/test_connects.py has it from them; what came over the network is judged, however little is known of it.
"""
import json
import pathlib
import struct

import pytest

from milterclient import Client

CONNECTS = json.loads((pathlib.Path(__file__).parent / "connects.json").read_text())
DEFERS = "findings { spf-temperror = defer }"
PARTNER = """dmarc { enabled = no }
policy "partner" {
    client-networks = 203.0.113.0/24
    actions { dkim-none = reject }
}
"""


def begin(daemon, name, family, port, address, helo, macros):
    client = Client(daemon.socket_spec)
    client.macros("C", **macros)
    where = b"" if family == "U" else struct.pack(">H", port) + address.encode() + b"\0"
    client.command("C", name.encode() + b"\0" + family.encode() + where)
    client.helo(helo)
    return client


def one_message(daemon, *connect, **macros):
    """@return its Authentication-Results and its reply."""
    client = begin(daemon, *connect, macros)
    outcome = client.message()
    client.quit()
    return " ".join(outcome.header("Authentication-Results")), outcome.reply


@pytest.mark.parametrize("row", CONNECTS, ids=lambda row: row["what"])
def test_what_mtas_say_of_their_clients(assayd, row):
    daemon = assayd().start()
    results, _ = one_message(daemon, *row["connect"], row["helo"], **row["macros"])
    assert ("local-submission" in daemon.log()) == row["local"]
    assert ("spf=" in results) == (not row["local"])


@pytest.mark.parametrize("name, macros", [
    ("unknown", {}), ("UNKNOWN", {}), ("mx.good.example", {}), ("localhost.evil.example", {}), ("", {}), ("[127.0.0.1]", {}),
    ("localhost", {"client_resolve": "FAIL"}), ("localhost", {"client_resolve": "OK"}), ("localhost", {"client_resolve": "FORGED"}),
    ("unknown", {"client_addr": "0", "client_port": "0"}),
])
def test_client_without_an_address_is_judged_as_far_as_possible(assayd, name, macros):
    connect = (name, "U", None, None, "mx.good.example")
    daemon = assayd().start()
    results, _ = one_message(daemon, *connect, **macros)
    assert "local-submission" not in daemon.log()
    assert "spf=temperror" in results and "the MTA does not know the client's address" in results
    assert "iprev=temperror" in results and "dmarc=temperror" in results and "secure" not in results
    daemon = assayd(mode="enforce", sections=DEFERS).start()
    client = begin(daemon, *connect, macros)
    client.mail()
    assert client.rcpt()[0] == "y", "spf-temperror acts at RCPT"
    client.quit()
    daemon = assayd(mode="enforce", sections=PARTNER).start()
    assert one_message(daemon, *connect, **macros)[1] == "y", "the policy of a network that the client may be in"
    assert one_message(daemon, "x.example", "4", 4025, "192.0.2.9", "x.example")[1] == "c"


@pytest.mark.parametrize("address, family", [("127.0.0.1", "4"), ("::1", "6")])
def test_loopback_without_a_port_is_local_unless_the_mta_looked_its_name_up(assayd, address, family):
    daemon = assayd().start()
    assert "spf=" not in one_message(daemon, "localhost", family, 0, address, "localhost")[0]
    assert "spf=" in one_message(daemon, "localhost", family, 0, address, "localhost", client_resolve="OK")[0]
    assert "spf=" in one_message(daemon, "localhost", family, 40000, address, "localhost")[0]
    assert "spf=" in one_message(daemon, "unknown", "4", 0, "192.0.2.1", "mx.good.example")[0]


def test_unix_socket_of_the_mta_is_local(assayd):
    daemon = assayd().start()
    assert "spf=" not in one_message(daemon, "localhost", "L", 0, "/run/mta.sock", "localhost", client_resolve="OK")[0]


def test_address_that_is_none_ends_the_session_in_libmilter(assayd):
    """What Postfix 3.7 says of XCLIENT ADDR=[UNAVAILABLE]: IPv4, "unknown". No callback hears of it; the MTA's default action counts."""
    daemon = assayd().start()
    client = Client(daemon.socket_spec)
    client.send("C", b"unknown\0" + b"4" + struct.pack(">H", 4025) + b"unknown\0")
    with pytest.raises((EOFError, ConnectionError)):    # it may be gone before HELO is said
        client.send("H", b"mx.good.example\0")
        client.receive()
    client.close()
    assert "spf=" in one_message(daemon, "mx.good.example", "4", 4025, "192.0.2.1", "mx.good.example")[0], "others go on"
