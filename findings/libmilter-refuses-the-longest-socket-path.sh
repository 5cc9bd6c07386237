#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# libmilter 8.17.1.9 (Debian 12) opens no unix socket whose path has 107 octets, the most that Linux takes.
#
# struct sockaddr_un has room for 108 octets, the NUL included, and bind(2) takes a path of 107. smfi_setconn() takes it, too,
# but smfi_opensocket() fails; with one octet less it succeeds. The reason is told in syslog only, so a program that checks the
# path by the system's limit has nothing to tell its user.
#
# Runs without Assay: a milter of ten lines against the pinned library. Needs apt-get, dpkg and gcc, and Debian 12's package
# lists. Exit status 0: as described; 1: it has changed.
set -euo pipefail
version=8.17.1.9-2+deb12u2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get download -q "libmilter1.0.1=$version" "libmilter-dev=$version" >download.log 2>&1 || { cat download.log >&2; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done

cat >probe.c <<'C'
#include <libmilter/mfapi.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
static char name[] = "probe";
static struct smfiDesc description = { .xxfi_name = name, .xxfi_version = SMFI_VERSION };
int main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char place[200];
	int bound;
	(void)argc;
	memcpy(address.sun_path, argv[1], strlen(argv[1]) + 1);		/* at most 107 octets here */
	bound = bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof(address));
	unlink(argv[1]);
	snprintf(place, sizeof(place), "unix:%s", argv[1]);
	printf("bind %s, smfi_setconn %s, ", bound == 0 ? "ok" : "fails", smfi_setconn(place) == MI_SUCCESS ? "ok" : "fails");
	if (smfi_register(description) != MI_SUCCESS)
		return 70;
	printf("smfi_opensocket %s\n", smfi_opensocket(1) == MI_SUCCESS ? "ok" : "fails");
	unlink(argv[1]);
	return 0;
}
C
libraries=root/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)
gcc -o probe probe.c -Iroot/usr/include -L"$libraries" -lmilter -lpthread

trial() {	# OCTETS of the path
	local path
	path=$work/$(printf 'x%.0s' $(seq 107))
	LD_LIBRARY_PATH=$libraries ./probe "${path:0:$1}" 2>/dev/null
}
echo "libmilter $version"
shorter=$(trial 106) longest=$(trial 107)
echo "106 octets: $shorter"
echo "107 octets: $longest"
[ "$shorter" = "bind ok, smfi_setconn ok, smfi_opensocket ok" ] && [ "$longest" = "bind ok, smfi_setconn ok, smfi_opensocket fails" ] ||
	{ echo "this has changed" >&2; exit 1; }
