# SPDX-License-Identifier: BSD-2-Clause
"""systemd-resolved as shipped: its first stub refuses what validation needs, and is not asked where the second one answers."""
import json
import os
import subprocess
import sys

import pytest

from other_resolvers import resolved_program

HERE = os.path.dirname(os.path.abspath(__file__))


@pytest.fixture(scope="module")
def told():
    program = resolved_program()
    environment = {**os.environ, "PYTHONPATH": os.path.dirname(HERE), "PYTHONDONTWRITEBYTECODE": "1"}
    result = subprocess.run(["unshare", "-mn", "--kill-child", sys.executable, os.path.join(HERE, "resolved_world.py"), program],
                            capture_output=True, text=True, check=False, timeout=180, env=environment)
    assert result.returncode == 0, result.stderr[-4000:]
    return json.loads(result.stdout)


def test_first_stub_refuses(told):
    """What all this is about; if it changes, so may we."""
    assert told["stub"] != "NOERROR", told["stub"]
    assert told["second"] == "NOERROR", told["second"]


def test_second_stub_is_taken(told):
    log, answers = told["system"]["log"], told["system"]["answers"]
    assert "127.0.0.54, is asked instead" in log, log
    assert "validation from the root works" in log, log
    assert answers["www.nsec.one"][:2] == ["secure", "NOERROR"], answers
    assert answers["nope.nsec.one"][:2] == ["secure", "NXDOMAIN"], answers
    assert answers["www.unsigned.one"][:2] == ["insecure", "NOERROR"], answers
    assert answers["www.expired.one"][0] == "bogus", answers


def test_first_stub_by_name_passes_nothing_on(told):
    log, answers = told["named"]["log"], told["named"]["answers"]
    assert "127.0.0.53@53 passes no DNSSEC on" in log and "127.0.0.54" in log, log
    assert "validation from the root works" not in log, log
    assert answers["www.nsec.one"][:2] == ["indeterminate", "NOERROR"], answers
    assert answers["www.unsigned.one"][:2] == ["indeterminate", "NOERROR"], answers


def test_assayd_ends_well(told):
    assert told["system"]["status"] == 0 and told["named"]["status"] == 0
