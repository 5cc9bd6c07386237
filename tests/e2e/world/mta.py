# SPDX-License-Identifier: BSD-2-Clause
"""
What tests may ask of any MTA of the world; postfix.py and sendmail_mta.py are the two there are. Each has

    name                        "postfix" or "sendmail"
    trace_mark                  what its own Received field has that no other has
    plain, smtps, submission    ports: 25, 465, 587
    start(), stop(), running
    add_service(milter, *options)   a further listener with another milter (as Assayd.milter; several: with commas); options are
                                the MTA's own words: "name=value" of main.cf, lines of sendmail.mc. @return its port
    add_listener(milter, name=None, profile=None)   the same with a {daemon_name} or an {assay_profile} of its own
    lax_tls(certificate, key)   such options under which any cipher suite can be negotiated; no client certificate is asked for
    port_for(mail)
    log()                       what it logged, with queue ids
    held(recipient)             the message for that recipient is in quarantine
    queue_id_of(recipient), queued_message(queue_id), release(queue_id)     release: takes it out of quarantine and delivers it
    sendmail_command()          the words with which sendmail(1) begins
    submit_local(sender, recipient, data)   as sendmail(1) of the machine itself
    local_mail_through(milter, port)        a context in which what is so submitted is shown to this milter, for which port was made
    long_fields()               a context in which header fields of any length are taken
    allow_sessions(count)       so many at once
    swaks_as(mail)              (words before swaks, options of swaks) with which swaks comes from mail.client
"""
import os

from .mail import delivered_fields
from .processes import wait_for


class Mta:
    """inbox: the Maildir into which everything for the world's domains is delivered, with Delivered-To."""
    inbox = None

    def port_for(self, mail):
        return self.submission if mail.login else self.plain

    def delivered_now(self, recipient):
        """The message delivered for that recipient as bytes, or None."""
        new = os.path.join(self.inbox, "new")
        if not os.path.isdir(new):
            return None
        for name in os.listdir(new):
            try:
                with open(os.path.join(new, name), "rb") as file:
                    raw = file.read()
            except FileNotFoundError:
                continue
            if any(value.strip() == recipient for value in delivered_fields(raw, "Delivered-To")):
                return raw
        return None

    def delivered(self, recipient, seconds=15):
        return wait_for(lambda: self.delivered_now(recipient), f"delivery to {recipient}", seconds)

    def delivered_count(self):
        new = os.path.join(self.inbox, "new")
        return len(os.listdir(new)) if os.path.isdir(new) else 0
