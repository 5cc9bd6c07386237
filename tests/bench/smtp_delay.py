# SPDX-License-Identifier: BSD-2-Clause
"""
The wait at end of message through a real Postfix, for a client at a distance that sends one command at a time: each command
arrives a round trip after the reply to the one before.
"""
import time

from world import Client, Postfix


def _send(port, mail, trip_secs):
    """@return seconds from the final dot to its reply."""
    session = Client(port, mail.client, mail.client_name, mail.helo)
    smtp = session.smtp
    steps = (lambda: smtp.mail(mail.mail_from), lambda: smtp.rcpt(mail.recipients[0]), lambda: smtp.docmd("DATA"))
    for step, expected in zip(steps, (250, 250, 354)):
        time.sleep(trip_secs)
        code, text = step()
        if code != expected:
            raise RuntimeError(f"Postfix: {code} {text!r}")
    time.sleep(trip_secs)
    smtp.send(mail.data + b".\r\n")
    begun = time.monotonic()
    code, text = smtp.getreply()
    waited = time.monotonic() - begun
    if code != 250:
        raise RuntimeError(f"end of message: {code} {text!r}")
    session.quit()
    return waited


def measure(world, milters, mails, trip_secs):
    """milters: as main.cf names them, "" for none; in turns, mail by mail. @return [(p50, p99)] of each, in round trips."""
    postfix = Postfix(world)
    postfix.start()
    ports = [postfix.add_service(milter) for milter in milters]
    waits = [[] for _ in milters]
    for number, mail in enumerate(mails):
        turn = list(zip(ports, waits))
        for port, list_of in turn[::-1 if number % 2 else 1]:
            list_of.append(_send(port, mail, trip_secs) / trip_secs)
    postfix.stop()
    return [(sorted(each)[len(each) // 2], sorted(each)[-1 - len(each) // 100]) for each in waits]
