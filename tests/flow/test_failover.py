# SPDX-License-Identifier: BSD-2-Clause
"""
Two PostgreSQL hosts in the connection, a primary and its streaming standby: the primary ends, the standby is promoted, and what was
remembered before and noted meanwhile is there, once.
"""
import signal
import time

import pytest

from house.postgres import Postgres
from house.waiting import wait_for
from milterclient import Client
from test_fleet import Proxy, one_message
from test_store_faults import HANG_SECS, Load, send

pytestmark = pytest.mark.slow
SECTIONS = "findings { dkim-none = greylist tls-downgrade = reject }\ngreylist { delay = 3s }\ntls { honor-tls-required-no = no }"
FRIEND = "192.0.2.1"


class Pair:
    """What the primary confirms the standby has, too. port: of a proxy in front of the primary."""

    def __init__(self):
        self.primary = Postgres()
        try:
            self.standby = Postgres(standby_of=self.primary)
        except BaseException:
            self.primary.close()
            raise
        self.primary.query("ALTER SYSTEM SET synchronous_standby_names='standby'")
        self.primary.query("SELECT pg_reload_conf()")
        wait_for(lambda: self.primary.query("SELECT sync_state FROM pg_stat_replication") == "sync", "the standby to follow", 30)

    def connection(self, port=None):
        return f"host=127.0.0.1,127.0.0.1 port={port or self.primary.port},{self.standby.port} user=assay dbname=postgres"

    def options(self, port=None):
        return f'record {{ backend = postgresql connection = "{self.connection(port)}" answer-timeout = 500ms }}\n'

    def close(self):
        self.standby.close()
        self.primary.close()


@pytest.fixture
def pair():
    made = Pair()
    yield made
    made.close()


def counted(server):
    return int(server.query("SELECT coalesce(sum(messages),0) FROM flow"))


def refusal_at_rcpt(daemon):
    client = Client(daemon.socket_spec)
    client.connect(address=FRIEND)
    client.helo()
    client.mail(i="Q1")
    reply, text = client.rcpt()
    client.quit()
    return reply == "y" and b"554" in text


def judged(daemon):
    """Messages that the log tells of, each of which is to be counted."""
    return daemon.log().count(" decision=")


def test_standby_that_is_promoted_has_all_once(assay, assayd, pair):
    """Step by step: nothing is under way when the primary ends, so that every count is exact."""
    daemon = assayd(mode="enforce", options=pair.options(), sections=SECTIONS).start()
    daemon.wait_for_log("store: host=")
    for i in range(10):
        assert one_message(daemon, f"<joe@n{i}.example>").reply == "y"      # greylisted
    done = assay.run("peers", "--config", daemon.config_path, "pin", "good.example")
    assert done.returncode == 0, done.stderr
    wait_for(lambda: refusal_at_rcpt(daemon), "the pin to be seen", 30, 0.3)
    wait_for(lambda: counted(pair.primary) == judged(daemon), "all to be counted", 30)
    before = judged(daemon)

    pair.primary.stop()
    for i in range(5):
        assert one_message(daemon, f"<joe@m{i}.example>").reply in "ac"     # nobody waits whose try might not be remembered
    daemon.wait_for_log("mail is judged without memory", secs=60)
    assert not refusal_at_rcpt(daemon)
    # who only reads is answered by the standby; who writes is told why not
    done = assay.run("peers", "--database", "postgresql:" + pair.connection())
    assert done.returncode == 0 and b"good.example" in done.stdout, done.stderr
    done = assay.run("peers", "--config", daemon.config_path, "pin", "other.example")
    assert done.returncode != 0 and b"read-only" in done.stderr, done.stderr
    daemon.wait_for_log("store: still down: ")     # the writer has come to both, and none takes writes
    assert "session is read-only" in daemon.log() and "up again" not in daemon.log() and counted(pair.standby) == before
    for i in range(5):
        assert one_message(daemon, f"<joe@k{i}.example>").reply in "ac"

    pair.standby.promote()
    daemon.wait_for_log("up again; since", secs=60)
    wait_for(lambda: counted(pair.standby) == judged(daemon), lambda: f"{judged(daemon)} to be counted, {counted(pair.standby)} are", 30)
    wait_for(lambda: refusal_at_rcpt(daemon), "the pin to be seen", 30, 0.3)
    assert one_message(daemon, "<joe@n3.example>").reply in "ac"            # it waited at the one that is gone
    assert one_message(daemon, "<joe@new.example>").reply == "y"
    assert daemon.stop() == 0
    assert counted(pair.standby) == judged(daemon)
    assert pair.standby.query("SELECT count(*), sum(tries) FROM greylist") == "11\t12"
    assert "lost" not in daemon.log() and "dropped" not in daemon.log()


@pytest.mark.parametrize("how", ["stopped", "killed", "silent"])
def test_failover_under_load_loses_nothing(assayd, pair, how):
    """Whatever way the primary ends, also behind a proxy that then takes connections and ends them. The group that it was confirming may count twice, for nobody can know, and nothing else."""
    proxy = Proxy(pair.primary.port)
    try:
        daemon = assayd(options=pair.options(None if how == "stopped" else proxy.port)).start()
        daemon.wait_for_log("store: host=")
        send(daemon, 3)
        wait_for(lambda: counted(pair.primary) == 3, "three to be counted", 30)
        load = Load(daemon, pause_secs=0.01)
        load.start()
        time.sleep(2)
        if how == "silent":
            proxy.silent = True
        else:
            pair.primary.stop(signal.SIGQUIT if how == "killed" else signal.SIGINT)
        daemon.wait_for_log("mail is judged without memory", secs=60)
        pair.standby.promote()
        daemon.wait_for_log("up again; since", secs=60)
        sent = 3 + load.stop()
        assert load.failed is None and load.slowest_secs < HANG_SECS
        wait_for(lambda: counted(pair.standby) >= sent, lambda: f"{sent} to be counted, {counted(pair.standby)} are", 60)
        assert daemon.stop() == 0
        twice = counted(pair.standby) - sent
        print(f"{how}: {sent} messages, {twice} counted twice, the slowest {load.slowest_secs * 1000:.0f} ms")
        assert 0 <= twice <= 100        # what comes in the time of a group
        assert "lost" not in daemon.log() and "dropped" not in daemon.log()
    finally:
        proxy.close()
