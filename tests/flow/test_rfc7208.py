# SPDX-License-Identifier: BSD-2-Clause
"""The RFC 7208 test suite through the real resolver, against a DNS server on loopback: results and explanations.

The suite (openspf.org, release 2014.04) is not part of this project: it is looked for in $ASSAY_SUITES, else in
../shared/suites next to the project. There are no exceptions: where the suite allows several results any of them will do,
and where it names none the explanation is not compared. Each case is run twice, with and without prefetching.
"""
import os
import subprocess

import pytest
import yaml

from house import build
from suite_dns import SuiteServer

pytestmark = pytest.mark.slow
SUITE = os.path.join(os.environ.get("ASSAY_SUITES") or build.TOP.parent / "shared" / "suites", "rfc7208-tests.yml")
TIMEOUT_MS = 1500  # a loaded machine must not look like a server that does not answer
RECEIVER = "receiver.example"


def scenarios():
    if not os.path.exists(SUITE):
        return []
    with open(SUITE, encoding="utf-8") as file:
        return [scenario for scenario in yaml.safe_load_all(file) if scenario]


SCENARIOS = scenarios()
CASES = [pytest.param(number, name, id=name) for number, scenario in enumerate(SCENARIOS) for name in scenario["tests"]]


def test_suite_is_there():
    if not SCENARIOS:
        pytest.skip(f"no suite at {SUITE} (set ASSAY_SUITES)")
    assert len(CASES) == 203


def escape(text):
    return "".join(chr(octet) if 0x20 <= octet < 0x7f and octet != 0x5c else f"\\x{octet:02x}"
                   for octet in str(text).encode("latin-1"))


def driver():
    return str(build.program("tests/unit/spf_driver"))


def run(scenario, prefetch):
    """All cases of a scenario through one process: {name: (result, explanation or None, reason)}."""
    lines = ["prefetch"] if prefetch else []
    for case in scenario["tests"].values():
        lines.append("\t".join(escape(field) for field in (case["host"], case["helo"], case["mailfrom"], RECEIVER)))
    with SuiteServer(scenario["zonedata"]) as server:
        done = subprocess.run([driver(), "127.0.0.1", str(server.port), str(TIMEOUT_MS)], input="\n".join(lines) + "\n",
                              encoding="latin-1", stdout=subprocess.PIPE, check=True, timeout=120)
        assert not [query for query in server.queries if query[1] == 99], "type SPF must not be asked for"
    verdicts = [line.split("\t") for line in done.stdout.splitlines()]
    return {name: (verdict[0], None if verdict[2] == "-" else verdict[2], verdict[3])
            for name, verdict in zip(scenario["tests"], verdicts, strict=True)}


@pytest.fixture(scope="module", name="verdicts")
def fixture_verdicts():
    cache = {}

    def get(number, prefetch):
        if (number, prefetch) not in cache:
            cache[number, prefetch] = run(SCENARIOS[number], prefetch)
        return cache[number, prefetch]
    return get


@pytest.mark.parametrize("prefetch", [False, True], ids=["plain", "prefetch"])
@pytest.mark.parametrize("number,name", CASES)
def test_rfc7208(verdicts, number, name, prefetch):
    case = SCENARIOS[number]["tests"][name]
    result, explanation, reason = verdicts(number, prefetch)[name]
    expected = case["result"] if isinstance(case["result"], list) else [case["result"]]
    assert result in expected, reason
    if "explanation" in case:
        assert explanation == (None if case["explanation"] == "DEFAULT" else case["explanation"])
