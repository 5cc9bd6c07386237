#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# libmilter 8.17.1.9 (Debian 12): over TCP, on loopback too, a message to which a milter adds a header field takes some 40 ms longer.
#
# Each edit and the final reply are writes of their own, and libmilter does not set TCP_NODELAY, nor does it hand the socket to the
# milter. The kernel holds the second small segment back until the first is acknowledged (Nagle), and the MTA, which has nothing to
# say, acknowledges only after its delay (40 ms with Linux). Without an edit there is one write and no wait; through a unix socket
# there is none either. Two edits or ten cost no more than one: all that is held back leaves together.
# A milter that seems slow by itself may so be asked through the wrong kind of socket.
#
# Runs without Assay: a milter of twenty lines against the pinned library, and a client that speaks the milter protocol.
# Needs apt-get, dpkg, gcc and python3, and Debian 12's package lists. Exit status 0: as described; 1: it has changed.
set -euo pipefail
version=8.17.1.9-2+deb12u2
work=$(mktemp -d)
trap 'kill "$pid" 2>/dev/null || true; rm -rf "$work"' EXIT
pid=
cd "$work"
apt-get download -q "libmilter1.0.1=$version" "libmilter-dev=$version" >download.log 2>&1 || { cat download.log >&2; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done

cat >milter.c <<'C'
#include <libmilter/mfapi.h>
#include <stdlib.h>
static int edits;
static sfsistat ended(SMFICTX *c)
{
	static char name[] = "X-Probe", value[] = "yes";
	for (int i = 0; i < edits; i++)
		smfi_addheader(c, name, value);
	return SMFIS_ACCEPT;
}
static sfsistat begun(SMFICTX *c, char **arguments) { (void)c; (void)arguments; return SMFIS_CONTINUE; }
static char name[] = "probe";
static struct smfiDesc description = { .xxfi_name = name, .xxfi_version = SMFI_VERSION, .xxfi_flags = SMFIF_ADDHDRS,
	.xxfi_envfrom = begun, .xxfi_eom = ended };
int main(int argc, char **argv)
{
	edits = atoi(argv[argc - 1]);
	return smfi_setconn(argv[1]) || smfi_register(description) || smfi_main();
}
C
libraries=root/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)
gcc -o milter milter.c -Iroot/usr/include -L"$libraries" -lmilter -lpthread

cat >client.py <<'P'
import socket, struct, sys, time
kind, where = sys.argv[1:]
def packet(kind, data=b""): return struct.pack("!I", len(data) + 1) + kind + data
def reply():
    length = struct.unpack("!I", s.recv(4, socket.MSG_WAITALL))[0]
    return s.recv(length, socket.MSG_WAITALL)[:1]
for _ in range(100):
    try:
        s = socket.socket(socket.AF_UNIX) if kind == "unix" else socket.socket()
        s.connect(where if kind == "unix" else ("127.0.0.1", int(where)))
        break
    except OSError: time.sleep(0.1)
s.sendall(packet(b"O", struct.pack("!III", 6, 0x1ff, 0x1fffff)))
reply()
times = []
for _ in range(20):
    s.sendall(packet(b"M", b"<a@example.com>\0"))
    reply()
    begun = time.monotonic()
    s.sendall(packet(b"E"))
    while reply() == b"h": pass
    times.append((time.monotonic() - begun) * 1000)
print(f"{sorted(times)[10]:.0f}")
P

trial() {	# unix|inet EDITS: prints the median ms from end of message to the reply
	local where=socket place=unix:socket
	if [ "$1" = inet ]; then
		where=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
		place=inet:$where@127.0.0.1
	fi
	rm -f socket
	LD_LIBRARY_PATH=$libraries ./milter "$place" "$2" >milter.log 2>&1 &
	pid=$!
	python3 client.py "$1" "$where"
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null || true
}
told="$(trial unix 0) $(trial unix 1) $(trial inet 0) $(trial inet 1) $(trial inet 10)"
read -r unix_none unix_one none one ten <<<"$told"
echo "libmilter $version, ms from end of message to the reply, median of 20 messages"
echo "unix socket: no edit $unix_none, one $unix_one"
echo "TCP:         no edit $none, one $one, ten $ten"
if [ "$one" -lt $((none + 30)) ] || [ "$one" -lt $((unix_one + 30)) ] || [ "$ten" -ge $((2 * one)) ]; then
	echo "this has changed" >&2
	exit 1
fi
