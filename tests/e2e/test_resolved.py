# SPDX-License-Identifier: BSD-2-Clause
"""
systemd-resolved as shipped. The first stub of 252 (Debian 12) refuses DS and DNSKEY of top-level domains, that of 257 (Debian 13) does
not; it is not asked where the second one answers, and where the admin names it what it does is what is said.
"""
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


def test_second_stub_passes_dnssec_on(told):
    assert told["second"] == "NOERROR", told["second"]


def test_second_stub_is_taken(told):
    log, answers = told["system"]["log"], told["system"]["answers"]
    assert "127.0.0.54, is asked instead" in log, log
    assert "validation from the root works" in log, log
    assert answers["www.nsec.one"][:2] == ["secure", "NOERROR"], answers
    assert answers["nope.nsec.one"][:2] == ["secure", "NXDOMAIN"], answers
    assert answers["www.unsigned.one"][:2] == ["insecure", "NOERROR"], answers
    assert answers["www.expired.one"][0] == "bogus", answers


def test_first_stub_by_name_is_taken_for_what_it_is(told):
    log, answers = told["named"]["log"], told["named"]["answers"]
    passes = told["stub"] == "NOERROR"
    assert ("127.0.0.53@53 passes no DNSSEC on" in log and "127.0.0.54" in log) != passes, log
    assert ("validation from the root works" in log) == passes, log
    assert answers["www.nsec.one"][:2] == ["secure" if passes else "indeterminate", "NOERROR"], answers
    assert answers["www.unsigned.one"][:2] == ["insecure" if passes else "indeterminate", "NOERROR"], answers


def test_assayd_ends_well(told):
    assert told["system"]["status"] == 0 and told["named"]["status"] == 0
