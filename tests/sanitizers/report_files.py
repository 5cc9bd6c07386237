# SPDX-License-Identifier: BSD-2-Clause
"""
pytest plugin of sanitized builds: every process a test starts, assayd too, writes what its sanitizer finds to a file in the
directory ASSAY_REPORTS; the test during which such a file appears fails, whatever became of the process and its output. Where
tests run beside each other each worker has a directory below, so that no test is blamed for another's report.
A daemon that outlives its test is ended by a later one, or by the session's last fixture: scripts/test looks at what is left.
"""
import os
import pathlib

import pytest

SHOWN_BYTES = 8000
told = set()


def pytest_configure(config):
    directory = os.environ.get("ASSAY_REPORTS")
    if not directory or not hasattr(config, "workerinput"):
        return
    own = os.path.join(directory, f"{os.getpid()}-{config.workerinput['workerid']}")
    os.mkdir(own)
    os.chmod(own, 0o1777)   # assayd writes there without root's rights too
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
        if name in os.environ:
            os.environ[name] = os.environ[name].replace(f"log_path={directory}/", f"log_path={own}/")
    os.environ["ASSAY_REPORTS"] = own


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
