# SPDX-License-Identifier: BSD-2-Clause
"""What flow and end-to-end tests share: the build under test, found before any test runs, free ports, and that nothing is left behind."""
import os
import signal
import sys

import pytest

from house import build, leftovers, ports

sys.dont_write_bytecode = True

RUN = pytest.StashKey()


def pytest_configure(config):
    """One sentence, no trace, when there is nothing to test."""
    if config.option.help or config.option.version or config.option.collectonly:
        return
    try:
        build.check()
    except build.Missing as missing:
        raise pytest.UsageError(str(missing)) from None
    # SIGINT, too: a shell has its jobs in the background ignore it
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)   # as after Control-C: fixtures end what they started
    # workers make their files where the process that started them does
    if not hasattr(config, "workerinput") and not os.environ.get("ASSAY_KEEP"):
        config.stash[RUN] = leftovers.Run()
        config.add_cleanup(config.stash[RUN].end)   # for a run that comes to no session
        config.option.basetemp = config.option.basetemp or config.stash[RUN].pytests


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    """Fails a run that left something behind; session fixtures, and workers, have ended by now."""
    run = session.config.stash.get(RUN, None)
    left = run.end() if run else []
    if left:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        session.config.get_terminal_writer().line("\n" + "\n".join("FAILED " + line for line in left))


def pytest_collection_modifyitems(items):
    """Files that say `pytestmark = pytest.mark.slow` first: beside others a long one must not be the last to begin."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session")
def build_dir():
    return build.directory()


@pytest.fixture(scope="session")
def top_dir():
    return build.TOP


@pytest.fixture(scope="session")
def free_port():
    """A function that gives a port of 127.0.0.1 which nobody else uses or is given."""
    return ports.free_port
