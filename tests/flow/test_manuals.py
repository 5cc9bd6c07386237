# SPDX-License-Identifier: BSD-2-Clause
"""The manual pages are without a fault in mandoc's eyes."""
import shutil
import subprocess

import pytest

from house.build import TOP

PAGES = sorted((TOP / "man").glob("*.[1-9]"))

# What hangs on the machine and not on the page: which other pages are installed there.
FOREIGN = ("referenced manual not found", "outdated mandoc.db")


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="mandoc is not installed")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_mandoc_finds_nothing(page):
    done = subprocess.run(["mandoc", "-Tlint", page], capture_output=True, text=True, timeout=60, check=False)
    faults = [line for line in (done.stdout + done.stderr).splitlines() if not any(text in line for text in FOREIGN)]
    assert not faults, "\n".join(faults)


def test_pages_are_installed():
    makefile = (TOP / "Makefile.am").read_text()
    assert len(PAGES) >= 5
    for page in PAGES:
        assert f"man/{page.name}" in makefile
