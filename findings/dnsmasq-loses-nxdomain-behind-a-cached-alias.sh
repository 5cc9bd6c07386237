#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# dnsmasq 2.90 (Debian 12) turns NXDOMAIN into NOERROR once an alias that leads to a missing name is in its cache.
#
# dnsmasq forwards and has its cache, as it does by default. alias.zone.example is a CNAME of gone.zone.example, which does not exist;
# the server above says NXDOMAIN each time (RFC 6604: the code speaks of the last name of the chain).
# 1. The first answer says NXDOMAIN. A client that sets DO is not served from a cache of unsigned answers, so its question is forwarded
#    again; but now the alias in the cache counts as a name that dnsmasq knows locally (as from /etc/hosts), and the code that
#    comes back is changed to NOERROR. AA is set, though neither side is an authority. The sections are passed on as they came: of
#    a signed zone that is the proof that there is no such name, and the code beside it says the opposite.
# 2. The changed answer goes into the cache. From then on clients that do not set DO get NOERROR for the alias too, and for
#    gone.zone.example itself, though no answer of the server above ever said so.
# A name that no alias in the cache leads to keeps its NXDOMAIN, and so does everything with --cache-size=0 or --no-negcache.
#
# Runs without Assay: the pinned program between a server and a client of a few lines. Needs apt-get, dpkg and python3, and Debian 12's
# package lists. Exit status 0: as described; 1: it has changed.
set -euo pipefail
version=2.90-4~deb12u2
libraries="libdbus-1-3 libgmp10 libhogweed6 libidn2-0 libjansson4 libmnl0 libnetfilter-conntrack3 libnettle8 libnfnetlink0
	libnftables1 libnftnl11 libunistring2 libxtables12"
work=$(mktemp -d)
trap 'kill "$pid" 2>/dev/null || true; rm -rf "$work"' EXIT
pid=
cd "$work"
# shellcheck disable=SC2086  # a list
apt-get download -q "dnsmasq-base=$version" $libraries >download.log 2>&1 || { cat download.log >&2; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done

cat >world.py <<'P'
import socket, struct, sys, threading
def name(text): return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".")) + b"\0"
def record(owner, kind, data): return owner + struct.pack("!HHIH", kind, 1, 300, len(data)) + data
def opt(flags): return b"\0" + struct.pack("!HHIH", 41, 1232, flags, 0)
NAMES = {text: name(text + ".zone.example") for text in ("alias", "gone", "other")}
SOA = record(name("zone.example"), 6, name("ns.zone.example") + name("admin.zone.example") + struct.pack("!5I", 1, 3600, 600, 86400, 300))
def serve(s):       # NXDOMAIN for every name, QR RD RA set and AA not: a recursive server of a zone with one alias
    while True:
        question, client = s.recvfrom(4096)
        end = question.index(0, 12) + 5
        answer = record(NAMES["alias"], 5, NAMES["gone"]) if question[12:end - 4] == NAMES["alias"] else b""
        counts = struct.pack("!4H", 1, bool(answer), 1, question[11])
        s.sendto(question[:2] + b"\x81\x83" + counts + question[12:end] + answer + SOA + (opt(0x8000) if question[11] else b""), client)
def ask(port, who, do):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.sendto(struct.pack("!6H", 7, 0x100, 1, 0, 0, do) + NAMES[who] + struct.pack("!HH", 1, 1) + (opt(0x8000) if do else b""), ("127.0.0.1", port))
        flags = struct.unpack("!H", s.recv(4096)[2:4])[0]
    return {0: "NOERROR", 3: "NXDOMAIN"}.get(flags & 15, str(flags & 15)) + ("+AA" if flags & 0x400 else "")
above = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
above.bind(("127.0.0.1", int(sys.argv[1])))
threading.Thread(target=serve, args=(above,), daemon=True).start()
for step in sys.argv[3:]:
    who, _, do = step.partition("/")
    print(step, ask(int(sys.argv[2]), who, do == "DO"), end=" ")
P
ports() { python3 -c 'import socket; s = [socket.socket(type=socket.SOCK_DGRAM) for _ in "ab"]; [x.bind(("127.0.0.1", 0)) for x in s]; print(*[x.getsockname()[1] for x in s])'; }

trial() {	# OPTION STEP...: asks a fresh dnsmasq step by step, and prints each step with its answer, in one line
	local above port option=$1
	shift
	read -r above port <<<"$(ports)"
	LD_LIBRARY_PATH=$(echo "$work"/root/usr/lib/*-linux-gnu) root/usr/sbin/dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts \
		--user="$(id -un)" --pid-file --listen-address=127.0.0.1 --bind-interfaces --port="$port" --server="127.0.0.1#$above" \
		--log-facility="$work/log" "$option" &
	pid=$!
	for _ in $(seq 100); do grep -qs started log && break; sleep 0.1; done
	python3 world.py "$above" "$port" "$@" >answers || { cat log >&2; exit 1; }
	kill "$pid"
	wait "$pid" || true
	pid=
	rm -f log
	cat answers
}
trial --cache-size=150 alias/DO alias/DO alias gone >signed
trial --cache-size=150 alias alias gone alias/DO alias gone >plain
trial --cache-size=150 gone/DO gone/DO gone gone/DO alias/DO other/DO >alone
trial --cache-size=0 alias/DO alias/DO alias gone >uncached
trial --no-negcache alias/DO alias/DO alias gone >negative
echo "dnsmasq $version (each name with its answer; DO: the client set it)"
echo "1. DO asks twice:       $(cat signed)"
echo "2. DO asks in between:  $(cat plain)"
echo "no alias in the cache:  $(cat alone)"
echo "--cache-size=0:         $(cat uncached)"
echo "--no-negcache:          $(cat negative)"
[ "$(cat signed)" = "alias/DO NXDOMAIN alias/DO NOERROR+AA alias NOERROR gone NOERROR " ] &&
	[ "$(cat plain)" = "alias NXDOMAIN alias NXDOMAIN gone NXDOMAIN alias/DO NOERROR+AA alias NOERROR gone NOERROR " ] &&
	[ "$(cat alone)" = "gone/DO NXDOMAIN gone/DO NXDOMAIN gone NXDOMAIN gone/DO NXDOMAIN alias/DO NXDOMAIN other/DO NXDOMAIN " ] &&
	[ "$(cat uncached)" = "alias/DO NXDOMAIN alias/DO NXDOMAIN alias NXDOMAIN gone NXDOMAIN " ] &&
	cmp -s uncached negative || { echo "this has changed" >&2; exit 1; }
