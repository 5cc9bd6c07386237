#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# libmilter 8.17.1.9 (Debian 12) does not read what lies in its socket when the MTA has hung up behind it.
#
# A milter that has negotiated the replies of connect and HELO away (SMFIP_NR_CONN, SMFIP_NR_HELO) waits for nothing, and an
# MTA may write both events and QUIT in one go and close the connection. poll(2) then tells libmilter POLLIN and POLLHUP
# together; it takes that for the end, and no callback but xxfi_close is called. With the same octets and a connection
# that stays open a little longer xxfi_connect and xxfi_helo are called.
# Behind an MTA that keeps such events back until a reply is due, sessions without mail are therefore never seen.
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
#include <stdio.h>
static sfsistat seen_connect(SMFICTX *c, char *host, _SOCK_ADDR *a) { (void)c; (void)host; (void)a; puts("connect"); fflush(stdout); return SMFIS_NOREPLY; }
static sfsistat seen_helo(SMFICTX *c, char *name) { (void)c; (void)name; puts("helo"); fflush(stdout); return SMFIS_NOREPLY; }
static sfsistat seen_close(SMFICTX *c) { (void)c; puts("close"); fflush(stdout); return SMFIS_CONTINUE; }
static sfsistat negotiate(SMFICTX *c, unsigned long a, unsigned long b, unsigned long d, unsigned long e, unsigned long *ra,
    unsigned long *rb, unsigned long *rd, unsigned long *re)
{
	(void)c; (void)a; (void)d; (void)e;
	*ra = *rd = *re = 0;
	*rb = b & (SMFIP_NR_CONN | SMFIP_NR_HELO);
	return SMFIS_CONTINUE;
}
static char name[] = "probe", place[] = "unix:socket";
static struct smfiDesc description = { .xxfi_name = name, .xxfi_version = SMFI_VERSION, .xxfi_connect = seen_connect,
	.xxfi_helo = seen_helo, .xxfi_close = seen_close, .xxfi_negotiate = negotiate };
int main(void) { return smfi_setconn(place) || smfi_register(description) || smfi_main(); }
C
libraries=root/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)
gcc -o milter milter.c -Iroot/usr/include -L"$libraries" -lmilter -lpthread

cat >client.py <<'P'
import os, signal, socket, struct, sys, time
pid, stay = int(sys.argv[1]), float(sys.argv[2])
def packet(kind, data=b""): return struct.pack("!I", len(data) + 1) + kind + data
s = socket.socket(socket.AF_UNIX)
s.connect("socket")
s.sendall(packet(b"O", struct.pack("!III", 6, 0x1ff, 0x1fffff)))
length = struct.unpack("!I", s.recv(4, socket.MSG_WAITALL))[0]
s.recv(length, socket.MSG_WAITALL)
# the milter stands still while the events are written, so that it finds all of them at once
os.kill(pid, signal.SIGSTOP)
s.sendall(packet(b"C", b"client.example\0" + b"4" + struct.pack("!H", 25) + b"192.0.2.1\0") + packet(b"H", b"client.example\0") + packet(b"Q"))
if not stay: s.close()
os.kill(pid, signal.SIGCONT)
time.sleep(1)
s.close()
time.sleep(0.5)
P

trial() {	# STAY: prints the callbacks that were called, in one line
	rm -f socket
	LD_LIBRARY_PATH=$libraries ./milter >callbacks 2>&1 &
	pid=$!
	for _ in $(seq 100); do [ -S socket ] && break; sleep 0.1; done
	python3 client.py "$pid" "$1"
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null || true
	tr '\n' ' ' <callbacks
}
open=$(trial 1) closed=$(trial 0)
echo "libmilter $version"
echo "connection stays open: callbacks $open"
echo "closed behind QUIT:    callbacks $closed"
[ "$open" = "connect helo close " ] && [ "$closed" = "close " ] || { echo "this has changed" >&2; exit 1; }
