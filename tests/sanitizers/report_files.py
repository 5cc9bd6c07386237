# SPDX-License-Identifier: BSD-2-Clause
"""
pytest plugin of sanitized builds: every process a test starts, assayd too, writes what its sanitizer finds to a file in the
directory ASSAY_REPORTS; the test during which such a file appears fails, whatever became of the process and its output.
A daemon that outlives its test is ended by a later one, or by the session's last fixture: scripts/test looks at what is left.
"""
import os
import pathlib

import pytest

SHOWN_BYTES = 8000
told = set()


def new_reports():
    directory = os.environ.get("ASSAY_REPORTS")
    fresh = [path for path in sorted(pathlib.Path(directory).iterdir()) if path not in told] if directory else []
    told.update(fresh)
    return fresh


@pytest.fixture(autouse=True, scope="function")
def sanitizer_reports():
    yield
    fresh = new_reports()
    if fresh:
        pytest.fail("\n".join(f"{path}:\n{path.read_text(errors='replace')[:SHOWN_BYTES]}" for path in fresh), pytrace=False)
