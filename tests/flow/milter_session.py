# SPDX-License-Identifier: BSD-2-Clause
"""A session of the milter protocol as tests of it begin one."""
from milterclient import Client

ENFORCE_SPF = "findings { spf-fail = reject }"
FOREIGN = "203.0.113.9"


def session(daemon, address="192.0.2.1", **options):
    client = Client(daemon.socket_spec, **options)
    client.connect(address=address)
    client.helo()
    return client


def results(outcome):
    first, second = outcome.header("Authentication-Results")
    assert "x-tls=" in second and "x-tls=" not in first
    return first
