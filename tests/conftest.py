# SPDX-License-Identifier: BSD-2-Clause
"""What flow and end-to-end tests share: the build under test, found before any test runs, and free ports."""
import sys

import pytest

from house import build, ports

sys.dont_write_bytecode = True


def pytest_configure(config):
    """One sentence, no trace, when there is nothing to test."""
    if config.option.help or config.option.version or config.option.collectonly:
        return
    try:
        build.check()
    except build.Missing as missing:
        raise pytest.UsageError(str(missing)) from None


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
