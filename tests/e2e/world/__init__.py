# SPDX-License-Identifier: BSD-2-Clause
"""
A private mail world on loopback, for tests/e2e, scripts/demo and tests/bench: real NSD serving test zones, real
Unbound in front of it, real Postfix (or Sendmail) with assayd behind it, all in one temporary directory on free ports.
Nothing outside that directory is written, nothing is left running: World is a context manager.
"""
import os

from house.ports import free_port

from .assayd import Assayd, STRICT
from .client import Client, Reply
from .dns import DelayProxy, Dns
from .mail import Mail, Keys, delivered_fields, parse_authres
from .postfix import Postfix
from .processes import Processes, World, wait_for

# Servers are there, which is not in everybody's PATH.
os.environ["PATH"] += ":/usr/sbin"

__all__ = ["Assayd", "STRICT", "Client", "Reply", "DelayProxy", "Dns", "Mail", "Keys", "delivered_fields", "parse_authres",
           "Postfix", "Processes", "World", "free_port", "wait_for"]
