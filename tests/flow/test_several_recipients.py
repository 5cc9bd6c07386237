# SPDX-License-Identifier: BSD-2-Clause
"""
Several recipients under different policies: what is refused at RCPT, what waits there for the author, and whose decision counts at the
end of the message, by both rules; what the header and the log say of it.
"""
import itertools

import pytest

from milterclient import Client
from programs import ZONE

FOREIGN = "203.0.113.9"         # SPF and DMARC of good.example fail there
GOLD, SILVER = "<ann@gold.example>", "<bob@silver.example>"
RULES = ("strictest", "lenient")


def policies(rule, gold, silver, before="", modes=("enforce", "enforce")):
    """Two customers, and whatever stands before them. No other finding asks for anything."""
    return f"""several-recipients = {rule}
findings {{ spf-fail = none dmarc-reject = none dmarc-reject-corroborated = none dmarc-fail = none dkim-none = none iprev-fail = none }}
{before}
policy gold {{ recipient-domains = gold.example mode = {modes[0]} actions {{ {gold} }} }}
policy silver {{ recipient-domains = silver.example mode = {modes[1]} actions {{ {silver} }} }}
"""


def begin(daemon, recipients, **macros):
    """@return (client, replies to RCPT)."""
    client = Client(daemon.socket_spec)
    client.connect(address=FOREIGN)
    client.helo()
    client.mail(i="SEVERAL", **macros)
    return client, [(client.rcpt(recipient) or "c")[0] for recipient in recipients]


def finish(client, author="joe@good.example"):
    client.header("From", author)
    client.eoh()
    client.body(b"Hello\r\n")
    outcome = client.eom()
    client.quit()
    return outcome


def results(outcome):
    return " ".join(outcome.header("Authentication-Results")[0].split())


def logged(daemon):
    """The line of the message, as words."""
    daemon.wait_for_log("id=SEVERAL")
    return [line for line in daemon.log().splitlines() if "id=SEVERAL" in line][-1].split()


def test_refused_for_one_at_rcpt_and_delivered_tagged_to_the_other(assayd):
    daemon = assayd(mode="enforce", sections=policies("strictest", "spf-fail = reject", "spf-fail = tag")).start()
    client, replies = begin(daemon, (GOLD, SILVER))
    assert replies == ["y", "c"]
    outcome = finish(client)
    assert outcome.reply == "c" and "(tag: spf-fail)" in results(outcome)
    line = logged(daemon)
    # nobody of another policy is left
    assert "policy=silver" in line and not any(word.startswith(("policies=", "rule=")) for word in line)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("recipients", [(GOLD, SILVER), (SILVER, GOLD), (GOLD, SILVER, "<eve@gold.example>")])
def test_rule_at_the_end(assayd, rule, recipients):
    daemon = assayd(mode="enforce", sections=policies(rule, "dmarc-reject = reject", "dmarc-reject = tag")).start()
    client, replies = begin(daemon, recipients)
    assert set(replies) == {"c"}
    outcome = finish(client)
    line = logged(daemon)
    if rule == "strictest":
        assert outcome.reply == "y" and outcome.text.startswith("550 5.7.26 ")
        assert {"decision=reject", "policy=gold", "policies=2", "rule=strictest"} <= set(line)
    else:
        assert outcome.reply == "c"
        assert "(tag: dmarc-reject; policy silver, the most lenient of 2)" in results(outcome)
        assert {"decision=tag", "policy=silver", "policies=2", "rule=lenient"} <= set(line)


BRONZE = "<cyd@bronze.example>"
THIRD = "policy bronze {{ recipient-domains = bronze.example actions {{ dmarc-reject = {action} }} }}"


@pytest.mark.parametrize("order", list(itertools.permutations((GOLD, SILVER, BRONZE))), ids=lambda order: "-".join(r[5:9] for r in order))
@pytest.mark.parametrize("rule, words", [
    ("strictest", "quarantine: dmarc-reject; policy gold, the strictest of 3"),
    ("lenient", "policy bronze, the most lenient of 3"),
])
def test_header_and_log_name_the_policy_that_counts_in_any_order(assayd, rule, words, order):
    """The strictest, gold, stands between the others in the file; bronze asks for nothing."""
    daemon = assayd(mode="enforce", sections=policies(rule, "dmarc-reject = quarantine", "dmarc-reject = tag",
                                                      before=THIRD.format(action="none"))).start()
    client, replies = begin(daemon, order)
    assert replies == ["c", "c", "c"]
    outcome = finish(client)
    assert (outcome.reply, bool(outcome.quarantine)) == ("c", rule == "strictest")
    assert f"({words})" in results(outcome)
    policy, action = words.split("policy ")[1].split(",")[0], "quarantine" if rule == "strictest" else "none"
    assert {f"policy={policy}", f"decision={action}", "policies=3", f"rule={rule}"} <= set(logged(daemon))


@pytest.mark.parametrize("rule", RULES)
def test_no_rule_where_all_are_of_one_policy(assayd, rule):
    daemon = assayd(mode="enforce", sections=policies(rule, "dmarc-reject = reject", "dmarc-reject = tag")).start()
    client, _ = begin(daemon, (GOLD, "<eve@gold.example>"))
    assert finish(client).reply == "y"
    line = logged(daemon)
    assert "policy=gold" in line and not any(word.startswith(("policies=", "rule=")) for word in line)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("gold, silver, modes, strictest, lenient", [
    ("dmarc-reject = quarantine", "dmarc-reject = tag", ("enforce", "enforce"), "quarantine gold", "tag silver"),
    ("dmarc-reject = quarantine", "dmarc-reject = defer", ("enforce", "enforce"), "quarantine gold", "defer silver"),
    ("dmarc-reject = reject", "dmarc-reject = reject", ("enforce", "dry-run"), "reject gold", "reject silver dry-run"),
    ("dmarc-reject = tag", "dmarc-reject = reject", ("enforce", "dry-run"), "tag gold", "reject silver dry-run"),
    ("dmarc-reject = greylist", "dmarc-reject = tag", ("enforce", "enforce"), "greylist gold", "tag silver"),
])
def test_actions_and_modes(assayd, workdir, rule, gold, silver, modes, strictest, lenient):
    daemon = assayd(mode="enforce", options=f'record {{ path = "{workdir}/assay.db" }}',
                    sections=policies(rule, gold, silver, modes=modes)).start()
    daemon.wait_for_log("store: ")
    client, _ = begin(daemon, (GOLD, SILVER))
    outcome = finish(client)
    action, policy, *dry = (strictest if rule == "strictest" else lenient).split()
    assert {f"decision={action}", f"policy={policy}", f"rule={rule}"} <= set(logged(daemon))
    refused = {"defer": "y", "greylist": "y", "reject": "y"}.get(action, "c") if not dry else "c"
    assert (outcome.reply, bool(outcome.quarantine)) == (refused, action == "quarantine" and not dry), outcome.text


PARTNER = "policy partner {{ author-domains = {domain} actions {{ spf-fail = {action} }} }}"


@pytest.mark.parametrize("action, gold, at_rcpt", [
    ("tag", "reject", "c"), ("reject", "reject", "y"), ("defer", "defer", "y"), ("defer", "reject", "c"), ("reject", "defer", "c"),
])
def test_rcpt_waits_for_an_author_whom_an_earlier_policy_may_protect(assayd, action, gold, at_rcpt):
    before = PARTNER.format(domain="quiet.example", action=action)
    daemon = assayd(mode="enforce", sections=policies("strictest", f"spf-fail = {gold}", "spf-fail = tag", before)).start()
    for author, policy, wanted in (("joe@quiet.example", "partner", action), ("joe@good.example", "gold", gold)):
        client, replies = begin(daemon, (GOLD,))
        assert replies == [at_rcpt]
        if at_rcpt == "y":
            client.quit()
            continue
        # the end judges what RCPT left: by the policy that then applies, and not weaker
        outcome = finish(client, author)
        assert outcome.reply == ("c" if wanted == "tag" else "y")
        assert outcome.text[:1] == {"tag": "", "defer": "4", "reject": "5"}[wanted]
        assert {f"policy={policy}", f"decision={wanted}", "because=spf-fail"} <= set(logged(daemon))


def test_rcpt_refuses_where_the_earlier_policy_is_for_others(assayd):
    before = "policy partner { author-domains = quiet.example recipient-domains = silver.example actions { spf-fail = none } }"
    daemon = assayd(mode="enforce", sections=policies("strictest", "spf-fail = reject", "spf-fail = reject", before)).start()
    client, replies = begin(daemon, (GOLD, SILVER))
    assert replies == ["y", "c"]
    assert finish(client, "joe@quiet.example").reply == "c"
    client, replies = begin(daemon, (GOLD, SILVER))
    assert replies == ["y", "c"]
    assert finish(client, "joe@good.example").reply == "y"


@pytest.mark.parametrize("rule", RULES)
def test_exempt_message_is_weighed_by_the_rule_too(assayd, rule):
    """Of a client that authenticated without TLS that alone counts."""
    daemon = assayd(mode="enforce", sections=policies(rule, "auth-cleartext = quarantine", "auth-cleartext = tag")).start()
    client, replies = begin(daemon, (GOLD, SILVER), auth_type="PLAIN", auth_authen="joe")
    assert replies == ["c", "c"]
    outcome = finish(client)
    assert (outcome.reply, bool(outcome.quarantine)) == ("c", rule == "strictest")


@pytest.mark.parametrize("rule, policy", [("strictest", "gold"), ("lenient", "silver")])
def test_check_says_whose_policy_it_was(assay, workdir, rule, policy):
    (workdir / "zone").write_text(ZONE)
    (workdir / "conf").write_text("dns { dnssec = off }\n" + policies(rule, "dmarc-reject = reject", "dmarc-reject = tag"))
    arguments = ("check", "--config", workdir / "conf", "--zone", workdir / "zone", "--client", FOREIGN, "--mail-from", "joe@good.example",
                 "--rcpt", GOLD, "--rcpt", SILVER, "-")
    decision = assay.json(*arguments, stdin=b"From: joe@good.example\n\nHello\n")["decision"]
    assert (decision["policy"], decision["policies"], decision["rule"]) == (policy, 2, rule)
    said = assay.run(*arguments, stdin=b"From: joe@good.example\n\nHello\n").stdout.decode()
    assert f'by policy "{policy}", the {"most lenient" if rule == "lenient" else rule} of 2 policies of its recipients' in said
    alone = assay.json(*arguments[:-3], "-", stdin=b"From: joe@good.example\n\nHello\n")["decision"]
    assert (alone["policy"], alone["policies"], alone["rule"]) == ("gold", 1, None)
