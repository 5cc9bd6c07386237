#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# libmilter 8.17.1.9 (Debian 12): what becomes of a session for which no thread can be made, and of one without a descriptor.
#
# 1. Debian builds libmilter with a pool of workers. Where all are busy a new one is made for the next command of any session. When
#    pthread_create() fails the error goes to syslog and the session stays marked as running: nobody reads its socket any
#    more, nor closes it, though threads can be made again a moment later. Sessions that come after it are served.
# 2. When accept() fails for want of descriptors the listener polls and accepts again at once, for as long as that lasts: one
#    processor at full load.
#
# Runs without Assay: a milter of a few lines against the pinned library, a pthread_create() that fails once, and a client that speaks
# the milter protocol. Needs apt-get, dpkg, gcc and python3, and Debian 12's package lists. Exit status 0: as described; 1: it
# has changed.
set -euo pipefail
version=8.17.1.9-2+deb12u2
work=$(mktemp -d)
trap 'kill "$pid" 2>/dev/null || true; rm -rf "$work"' EXIT
pid=
cd "$work"
apt-get download -q "libmilter1.0.1=$version" "libmilter-dev=$version" >download.log 2>&1 || { cat download.log >&2; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done

cat >milter.c <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <libmilter/mfapi.h>
#include <pthread.h>
#include <unistd.h>
int pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *x)
{
	int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) = dlsym(RTLD_NEXT, "pthread_create");
	return unlink("fail-once") == 0 ? EAGAIN : real(t, a, f, x);
}
static sfsistat slow_helo(SMFICTX *c, char *name) { (void)c; sleep(name[0] == 's' ? 5 : 0); return SMFIS_CONTINUE; }
static char name[] = "probe", place[] = "unix:socket";
static struct smfiDesc description = { .xxfi_name = name, .xxfi_version = SMFI_VERSION, .xxfi_helo = slow_helo };
int main(void) { return smfi_setconn(place) || smfi_register(description) || smfi_main(); }
C
libraries=root/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)
gcc -o milter milter.c -Iroot/usr/include -L"$libraries" -lmilter -lpthread

cat >client.py <<'P'
import os, socket, struct, sys, time
def packet(kind, data=b""): return struct.pack("!I", len(data) + 1) + kind + data
def answer(s):
    length = struct.unpack("!I", s.recv(4, socket.MSG_WAITALL))[0]
    return s.recv(length, socket.MSG_WAITALL)
def begin():
    s = socket.socket(socket.AF_UNIX)
    s.connect("socket")
    s.settimeout(10)
    s.sendall(packet(b"O", struct.pack("!III", 6, 0x1ff, 0x3ff)))
    answer(s)
    return s
def helo(s, name): s.sendall(packet(b"H", name + b"\0"))
if sys.argv[1] == "threads":
    sessions = [begin() for _ in range(7)]
    for s in sessions[:6]:      # more than the pool has idle workers: all are busy
        helo(s, b"slow")
        time.sleep(0.3)
    open("fail-once", "w").close()
    helo(sessions[6], b"unlucky")
    while os.path.exists("fail-once"): time.sleep(0.1)
    later = begin()
    helo(later, b"next")
    told = []
    for s in (*sessions, later):
        try: told.append(answer(s).decode())
        except TimeoutError: told.append("nothing")
    print(*told)
else:
    held = []
    for _ in range(30):
        held.append(socket.socket(socket.AF_UNIX))
        held[-1].connect("socket")
    def cpu():
        fields = open(f"/proc/{sys.argv[2]}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / 100
    time.sleep(0.5)
    before = cpu()
    time.sleep(3)
    print("busy" if cpu() - before > 1 else "idle")
P

start() {
	rm -f socket fail-once
	(ulimit -n "$1"; LD_LIBRARY_PATH=$libraries exec ./milter) &
	pid=$!
	for _ in $(seq 100); do [ -S socket ] && break; sleep 0.1; done
}
stop() { kill -KILL "$pid"; wait "$pid" 2>/dev/null || true; }
start 100
threads=$(python3 client.py threads)
stop
start 24
descriptors=$(python3 client.py descriptors "$pid")
stop
echo "libmilter $version"
echo "replies to HELO of six slow sessions, one whose thread could not be made, one after it: $threads"
echo "with all descriptors taken: $descriptors"
[ "$threads" = "c c c c c c nothing c" ] && [ "$descriptors" = "busy" ] || { echo "this has changed" >&2; exit 1; }
