#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# rspamc --mime (rspamd 3.4, Debian 12) prints a message with what the scan adds to it, but for the fields that matter most to the next
# one who reads it: the ARC set that the scan itself made. The symbol ARC_SIGNED stands in the message that it prints, the seal does
# not.
#
# A rspamd seals for the recipient's domain (RFC 8617). Asked over HTTP, its answer has the three fields of the set in
# milter.add_headers, which is what a milter would put in. rspamc --mime of the same message to the same rspamd prints X-Spam fields,
# ARC_SIGNED among the symbols, and no field of ARC. Who pipes mail through it believes it sealed, and hands on mail that is not.
#
# Runs without Assay: the pinned programs on loopback, with a key made here. Needs apt-get, dpkg, openssl and python3, Debian 12's
# package lists, and half a minute, since rspamd compiles its patterns. Exit status 0: as described; 1: it has changed.
set -euo pipefail
version=3.4-1
libraries="libglib2.0-0 libhyperscan5 libicu72 libluajit-5.1-2 libluajit-5.1-common libpcre2-8-0 libsodium23 libsqlite3-0 libssl3 libunwind8"
work=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || { kill "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; } || true; rm -rf "$work"' EXIT
cd "$work"
# shellcheck disable=SC2086  # a list
apt-get download -q "rspamd=$version" $libraries >download.log 2>&1 || { cat download.log >&2; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
LD_LIBRARY_PATH=$(echo "$work"/root/usr/lib/*-linux-gnu):$work/root/usr/lib/rspamd
export LD_LIBRARY_PATH
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
openssl genrsa -traditional -out key 2048 2>/dev/null
mkdir -p local/local.d local/override.d db

cat >local/local.d/options.inc <<C
dns { nameserver = ["127.0.0.1:9"]; timeout = 0.1s; retransmits = 1; }
pidfile = "$work/pid";
local_addrs = [];
control_socket = "$work/control";
C
cat >local/local.d/arc.conf <<C
sign_inbound = true; use_domain = "recipient"; use_esld = false; try_fallback = true; allow_hdrfrom_mismatch = true;
allow_username_mismatch = true; selector = "sel"; path = "$work/key";
C
echo "bind_socket = \"127.0.0.1:$port\"; count = 1;" >local/local.d/worker-normal.inc
for worker in controller proxy fuzzy; do echo "enabled = false; count = 0;" >"local/override.d/worker-$worker.inc"; done
printf '%s\r\n' "Date: Tue, 14 Jan 2025 15:00:01 -0800" "From: John <john@author.example>" "To: ann@sealer.example" "Subject: A letter" \
	"Message-ID: <1@author.example>" "" "Hello" >letter
share=$work/root/usr/share/rspamd
root/usr/bin/rspamd -f -i -c "$work/root/etc/rspamd/rspamd.conf" "--var=CONFDIR=$work/root/etc/rspamd" "--var=LOCAL_CONFDIR=$work/local" \
	"--var=DBDIR=$work/db" "--var=LOGDIR=$work" "--var=RUNDIR=$work" "--var=SHAREDIR=$share" "--var=RULESDIR=$share/rules" \
	"--var=LUALIBDIR=$share/lualib" "--var=PLUGINSDIR=$share/plugins" >start.log 2>&1 &
pid=$!
for _ in $(seq 600); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.1; done

python3 - "$port" >fields <<'P' || { cat start.log rspamd.log >&2; exit 1; }
import json, sys, urllib.request
request = urllib.request.Request(f"http://127.0.0.1:{sys.argv[1]}/checkv2", data=open("letter", "rb").read(),
                                 headers={"IP": "192.0.2.6", "From": "john@author.example", "Rcpt": "ann@sealer.example"})
answer = json.load(urllib.request.urlopen(request, timeout=60))
print(*sorted(name for name in answer["milter"]["add_headers"] if name.startswith("ARC-")))
P
root/usr/bin/rspamc -h "127.0.0.1:$port" --mime -i 192.0.2.6 -F john@author.example -r ann@sealer.example letter >printed
symbol=$(grep -o ARC_SIGNED printed | head -n 1 || true)
echo "rspamd $version"
echo "its answer adds:             $(cat fields)"
echo "rspamc --mime, the symbol:   ${symbol:-none}"
echo "rspamc --mime, ARC fields:   $(grep -ci '^ARC-' printed || true)"
[ "$(cat fields)" = "ARC-Authentication-Results ARC-Message-Signature ARC-Seal" ] && [ "$symbol" = ARC_SIGNED ] &&
	grep -q '^X-Spam-Scanner: rspamc' printed && ! grep -qi '^ARC-' printed || { echo "this has changed" >&2; exit 1; }
