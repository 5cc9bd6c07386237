# SPDX-License-Identifier: BSD-2-Clause
"""Fixtures of the flow tests: the programs of a build (programs.py), run against a zone file on loopback."""
import pathlib
import tempfile

import pytest

from house import build
from programs import CONFIG, ZONE, Assay, Daemon


@pytest.fixture(scope="session")
def assay():
    return Assay(build.program("assay"))


@pytest.fixture
def workdir():
    """A short path: a unix socket's may have 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="assay-") as directory:
        yield pathlib.Path(directory)


@pytest.fixture
def assayd(workdir):
    """A function that makes a Daemon: assayd(mode="enforce", sections="findings { ... }", ...).start()"""
    made = []

    def make(mode="dry-run", options="", sections="", dns_options="", zone=ZONE, socket_spec=None, config=None):
        directory = workdir / f"d{len(made)}"
        directory.mkdir()
        (directory / "zone").write_text(zone)
        spec = socket_spec or f"unix:{directory}/sock"
        text = config or CONFIG.format(socket=spec, mode=mode, options=options, sections=sections,
                                       dns_options=dns_options, zone=directory / "zone")
        daemon = Daemon(directory, text, spec)
        made.append(daemon)
        return daemon

    yield make
    ended = [(daemon, daemon.stop()) for daemon in made if daemon.process is not None and daemon.process.poll() is None]
    for daemon, code in ended:
        assert code == 0, f"assayd ended with {code}: {daemon.log()}"
