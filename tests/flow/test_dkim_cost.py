# SPDX-License-Identifier: BSD-2-Clause
"""What the DKIM check may cost: comparisons, header octets and passes over the body are bounded, whatever the signatures ask for."""
import pytest

from dkim_judged import MESSAGE, RSA, fixture_judge, fixture_zone, good  # noqa: F401  pylint: disable=unused-import
from dkim_signer import relaxed_body, sign


# Each is somewhat over one of the limits of lib/check/dkim/feed.c, and no more.

def over_names():
    message = b"a: x\r\n" * 1000 + MESSAGE
    for _ in range(2):
        message = sign(message, RSA, names=("from",), own_names=("from",),
                       tags={"h": "from:" + ":".join(["a"] * 450)})
    return message


def over_lengths():
    message = MESSAGE + b"x" * 70 + b"\r\n"
    for i in range(6):
        message = sign(message, RSA, tags={"l": str(i + 1)})
    return message + (b"y" * 70 + b"\r\n") * 1400


def blank_end():
    return good() + b"\r\n" * 50000


def blank_inside():
    return good().rstrip(b"\r\n") + (b"\r\n" * 10000 + b"x\r\n") * 5


def over_header():
    message = b"".join(b"a%d: %s\r\n" % (i, b"x y " * 60) for i in range(900)) + MESSAGE
    for _ in range(5):
        message = sign(message, RSA, names=("from",) + tuple("a%d" % i for i in range(400)))
    return message


def over_large_fields():
    message = b"".join(b"a%d: %s\r\n" % (i, b"x y " * 4000) for i in range(20)) + MESSAGE
    for _ in range(15):
        message = sign(message, RSA, names=("from",) + tuple("a%d" % i for i in range(20)))
    return message


def short_lines():
    return good() + b"a\r\n" * 30000


def ordinary(octets):
    """A letter with so many octets of ordinary text under one signature."""
    return sign(MESSAGE + (b"y" * 70 + b"\r\n") * (octets // 72), RSA)


def body_of(message):
    return message.split(b"\r\n\r\n", 1)[1]


# What judging may cost at most, in units that hang on no processor. tests/bench/run-dkim measures the time.
MAX_COMPARISONS, MAX_HEADER_BYTES, MAX_BODY_PASSES = 500000, 4 << 20, 4
COSTLY = {each.__name__: each for each in (over_names, over_lengths, blank_end, blank_inside, short_lines, over_header,
                                           over_large_fields)}


@pytest.mark.parametrize("name", COSTLY)
def test_cost_is_bounded(judge, name):
    """However a message is made: names compared with fields, octets of the header, and passes over the body are bounded."""
    message = COSTLY[name]()
    judged = judge([message])[0]
    work = judged["work"]
    assert judged["dkim"]
    assert work["comparisons"] <= MAX_COMPARISONS and work["header_bytes"] <= MAX_HEADER_BYTES
    assert work["body_passes"] <= MAX_BODY_PASSES and work["body_bytes"] <= len(body_of(message))


def test_cost_of_one_signature_is_one_pass(judge):
    message = ordinary(1000 * 1000)
    work = judge([message])[0]["work"]
    assert (work["body_passes"], work["body_bytes"]) == (1, len(relaxed_body(body_of(message))))
    assert work["comparisons"] <= 100 and work["header_bytes"] < len(message) - len(body_of(message))


@pytest.mark.parametrize("name,reason", [("over_names", "h= is too long"), ("over_lengths", "too many different body hashes"),
                                         ("over_header", "h= is too long"),
                                         ("over_large_fields", "too many signatures for a header")])
def test_cost_over_a_limit_is_told(judge, name, reason):
    """What is not hashed is no pass and says why."""
    judged = judge([COSTLY[name]()])[0]
    cut = [each for each in judged["dkim"] if reason in (each["reason"] or "")]
    assert cut and all(each["result"] != "pass" for each in cut)


def test_blank_lines_cost_no_hashing(judge):
    """Those at the end are no part of the canonical body (RFC 6376 section 3.4)."""
    for chunk in ("65535", "1001"):
        judged = judge([blank_end()], "--chunk", chunk)[0]
        assert judged["dkim"][0]["result"] == "pass"
        assert judged["work"]["body_bytes"] == len(relaxed_body(body_of(MESSAGE)))
