# SPDX-License-Identifier: BSD-2-Clause
"""The manual pages are without a fault in mandoc's eyes."""
import re
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


def test_pages_that_are_spoken_of_stand_at_the_end():
    """SEE ALSO has each page of ours to which the text sends its reader."""
    ours = {tuple(page.name.rsplit(".", 1)) for page in PAGES}
    missing = []
    for page in PAGES:
        body, _, end = page.read_text(encoding="utf-8").partition("\n.Sh SEE ALSO\n")
        spoken, told = ({tuple(found) for found in re.findall(r"\bXr ([\w.-]+) (\d)", text)} & ours for text in (body, end))
        missing += [(page.name, name) for name in sorted(spoken - told) if name != tuple(page.name.rsplit(".", 1))]
    assert missing == []


def test_pages_are_installed():
    makefile = (TOP / "Makefile.am").read_text()
    assert len(PAGES) >= 5
    for page in PAGES:
        assert f"man/{page.name}" in makefile
