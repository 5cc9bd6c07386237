# SPDX-License-Identifier: BSD-2-Clause
"""Debian's miltertest against a running assayd: the callback orders of milter/*.lua."""
import pathlib
import shutil
import subprocess

import pytest

SCRIPTS = pathlib.Path(__file__).with_name("milter")
NAMES = sorted(path.stem for path in SCRIPTS.glob("*.lua") if path.stem != "common")

pytestmark = pytest.mark.skipif(shutil.which("miltertest") is None, reason="miltertest is not installed")

# What the log must say of a script's messages.
LOGGED = {
    "fields_10000": ["limit-exceeded", "authres-forged"],
    "long_lines": ["message-malformed"],
    "several_messages": ["ONE", "TWO", "MANY12"],
    "abort": ["KEPT1", "KEPT4"],
}
NOT_LOGGED = {"abort": ["GONE1", "GONE2", "GONE3"], "no_quit": ["GONE1", "GONE2", "GONE3"]}


def run_script(daemon, name):
    done = subprocess.run(["miltertest", "-w", "-D", f"socket={daemon.socket_spec}", "-D", f"dir={SCRIPTS}",
                           "-s", str(SCRIPTS / f"{name}.lua")], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr + daemon.log()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("where", ["unix", "inet"])
def test_miltertest_script(assayd, free_port, where, name):
    spec = f"inet:{free_port()}@127.0.0.1" if where == "inet" else None
    # An action for message-malformed makes the whole body wanted, so that its lines are looked at.
    daemon = assayd(socket_spec=spec, sections="findings { message-malformed = tag }").start()
    run_script(daemon, name)
    log = daemon.log()
    assert all(text in log for text in LOGGED.get(name, [])), log
    assert not any(text in log for text in NOT_LOGGED.get(name, [])), log
    assert daemon.stop() == 0
