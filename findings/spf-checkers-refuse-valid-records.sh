#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Four SPF checkers (of Debian 12 libspf2 1.2.10, Mail::SPF 2.9.0 and pyspf 2.0.14; mailauth 4.13.3 of npm): three of them give fail or
# permerror to clients that a valid record lets in, for how the record is written, and seldom the same ones. RFC 7208 allows all of it:
#
# zero       ip6:2001:db8::/0 matches every client (section 5.6; the grammar of the length has "0"). libspf2 refuses the record;
#            mailauth does not find the client in it.
# modifier   far.out=x before the mechanisms: names of modifiers may have dots, and unknown ones are ignored (section 12, section 6).
#            libspf2 refuses the record.
# order      redirect= as the first term counts only when no mechanism has matched, wherever it stands (section 6.1). libspf2 follows it
#            there and leaves the mechanisms behind it.
# digits     %{d9} of a domain with fewer labels is all of them (section 7.3). libspf2 loses the first character.
# delimiter  %{l1r/}: "/" is one of the delimiters (section 7.1). libspf2 refuses the record.
# escape     %{S}, a capital letter, is escaped as in a URL: user%40example.com (section 7.3). Mail::SPF has made it a small letter
#            before it looks; mailauth escapes nothing.
# dot        a:host.example.com. with a dot at the end (domain-end in section 7.1). mailauth: permerror.
# toplabel   a:host.1a: the last label needs one letter, not only letters (the same place). mailauth: permerror.
#
# So a record that one checker passes is no proof that its clients pass at the next, and a permerror no proof of a faulty record.
#
# Runs without Assay: the pinned packages and records in memory, no DNS is asked. Needs apt-get, dpkg, gcc, perl, python3, node and npm,
# and Debian 12's package lists. Exit status 0: as described; 1: it has changed.
set -euo pipefail
spf2=1.2.10-7.2+b1 mailspf=2.9.0-5 pyspf=2.0.14-3 mailauth=4.13.3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get download -q "libspf2-2=$spf2" "libspf2-dev=$spf2" "libmail-spf-perl=$mailspf" "python3-spf=$pyspf" liberror-perl libnet-dns-perl \
	libnet-ip-perl libnetaddr-ip-perl liburi-perl python3-authres python3-dns python3-dnspython >download.log 2>&1 ||
	{ cat download.log >&2; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
npm install --silent --no-audit --no-fund --prefix . "mailauth@$mailauth" >npm.log 2>&1 || { cat npm.log >&2; exit 1; }
libraries=root/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)

cat >libspf2.c <<'C'
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <spf2/spf.h>
#include <spf2/spf_dns_zone.h>
/* arguments: client, local part of the sender, then name, type and value of each record */
int main(int argc, char **argv)
{
	SPF_dns_server_t *zone = SPF_dns_zone_new(NULL, "zone", 0);
	SPF_server_t *server = SPF_server_new_dns(zone, 0);
	SPF_request_t *request = SPF_request_new(server);
	SPF_response_t *response = NULL;
	char sender[200];
	for (int i = 3; i + 2 < argc; i += 3)
		SPF_dns_zone_add_str(zone, argv[i], strcmp(argv[i + 1], "TXT") == 0 ? ns_t_txt : ns_t_a, NETDB_SUCCESS, argv[i + 2]);
	SPF_server_set_rec_dom(server, "mx.example.net");
	if (strchr(argv[1], ':') != NULL)
		SPF_request_set_ipv6_str(request, argv[1]);
	else
		SPF_request_set_ipv4_str(request, argv[1]);
	SPF_request_set_helo_dom(request, "helo.example.com");
	snprintf(sender, sizeof sender, "%s@example.com", argv[2]);
	SPF_request_set_env_from(request, sender);
	/* a record that it cannot compile leaves no result at all, which callers are to take for permerror */
	puts(SPF_request_query_mailfrom(request, &response) == SPF_E_SUCCESS ? SPF_strresult(SPF_response_result(response)) : "permerror");
	return 0;
}
C
gcc -o libspf2 libspf2.c -Iroot/usr/include -L"$libraries" -lspf2

cat >mailspf.pl <<'P'
package Given;    # a resolver that knows the records
use Net::DNS;
our $records;
sub new { bless {} }
sub errorstring { $_[0]{error} }
sub send {
    my ($self, $name, $type) = @_;
    my $answer = Net::DNS::Packet->new($name, $type);
    my $value = $records->{lc($name) . "|$type"};
    $self->{error} = defined $value ? 'NOERROR' : 'NXDOMAIN';
    $answer->header->rcode($self->{error});
    $answer->push(answer => Net::DNS::RR->new(owner => $name, type => $type, $type eq 'TXT' ? (txtdata => [$value]) : (address => $value)))
        if defined $value;
    return $answer;
}
package main;
use Mail::SPF;
my ($client, $local, %given) = @ARGV;
$Given::records = \%given;
my $request = Mail::SPF::Request->new(scope => 'mfrom', identity => "$local\@example.com", ip_address => $client, versions => [1],
    helo_identity => 'helo.example.com');
print Mail::SPF::Server->new(dns_resolver => Given->new)->process($request)->code, "\n";
P

cat >mailauth.mjs <<'J'
import { spf } from 'mailauth/lib/spf/index.js';
const [client, local, ...given] = process.argv.slice(2);
const records = new Map();
for (let i = 0; i < given.length; i += 2) records.set(given[i], given[i + 1]);
const resolver = async (name, type) => {
	const value = records.get(`${name.toLowerCase()}|${type}`);
	if (value === undefined) throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
	return [type === 'TXT' ? [value] : value];
};
const told = await spf({ sender: `${local}@example.com`, ip: client, helo: 'helo.example.com', mta: 'mx.example.net', resolver });
console.log(told.status.result);
J

cat >checkers.py <<'P'
import os, subprocess, sys
import spf
libraries = sys.argv[1]
CASES = (   # the client, the local part, the record, and a name that it leads to
    ("plain", "192.0.2.1", "user", "ip4:192.0.2.1 -all", None), ("zero", "2001:db8::1", "user", "ip6:2001:db8::/0 -all", None),
    ("modifier", "192.0.2.1", "user", "far.out=x ip4:192.0.2.1 -all", None),
    ("order", "192.0.2.1", "user", "redirect=other.example.com ip4:192.0.2.1", ("other.example.com", "TXT", "v=spf1 -all")),
    ("digits", "192.0.2.1", "user", "exists:%{d9}.x.example.org -all", ("example.com.x.example.org", "A", "127.0.0.2")),
    ("delimiter", "192.0.2.1", "a/b", "exists:%{l1r/}.x.example.org -all", ("a.x.example.org", "A", "127.0.0.2")),
    ("escape", "192.0.2.1", "user", "exists:%{S}.x.example.org -all", ("user%40example.com.x.example.org", "A", "127.0.0.2")),
    ("dot", "192.0.2.1", "user", "a:host.example.com. -all", ("host.example.com", "A", "192.0.2.1")),
    ("toplabel", "192.0.2.1", "user", "a:host.1a -all", ("host.1a", "A", "192.0.2.1")))
def run(*argv, **more): return subprocess.run(argv, capture_output=True, text=True, check=True, env={**os.environ, **more}).stdout.strip()
def pyspf(client, local, records):
    def lookup(name, kind, *_, **__):
        value = records.get(f"{name.rstrip('.').lower()}|{kind}")
        return [] if value is None else [((name, kind), (value.encode(),) if kind == "TXT" else value)]
    spf.DNSLookup = lookup
    return spf.query(i=client, s=f"{local}@example.com", h="helo.example.com").check()[0]
perl = ":".join(("root/usr/share/perl5", libraries + "/perl5/5.36"))
for what, client, local, terms, leads in CASES:
    given = [("example.com", "TXT", "v=spf1 " + terms)] + ([leads] if leads else [])
    flat = [word for name, kind, value in given for word in (f"{name}|{kind}", value)]
    print(what, run("./libspf2", client, local, *(word for record in given for word in record), LD_LIBRARY_PATH=libraries),
          run("perl", "mailspf.pl", client, local, *flat, PERL5LIB=perl), pyspf(client, local, dict(zip(flat[::2], flat[1::2]))),
          run("node", "mailauth.mjs", client, local, *flat), sep="|")
P
PYTHONPATH=root/usr/lib/python3/dist-packages python3 checkers.py "$libraries" >told
echo "libspf2 $spf2, Mail::SPF $mailspf, pyspf $pyspf, mailauth $mailauth"
sed 's/|/: /; s/|/ | /g' told
passed=$(sed 's/|pass/|+/g; s/|[^|+][^|]*/|-/g' told | tr '\n' ' ')
[ "$passed" = "plain|+|+|+|+ zero|-|+|+|- modifier|-|+|+|+ order|-|+|+|+ digits|-|+|+|+ delimiter|-|+|+|+ escape|+|-|+|- \
dot|+|+|+|- toplabel|+|+|+|- " ] || { echo "this has changed" >&2; exit 1; }
