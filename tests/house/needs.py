# SPDX-License-Identifier: BSD-2-Clause
"""What a test needs of the machine; without it the test is skipped and says so."""
import shutil

import pytest


def programs(*names):
    """Skips where one of them is not installed."""
    for name in names:
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not installed (scripts/setup installs it)")


def skip(reason):
    """For what is no program by name."""
    pytest.skip(reason)
