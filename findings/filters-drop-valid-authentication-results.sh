#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# SpamAssassin's AuthRes plugin (4.0.1) and OpenDMARC (1.4.2), as in Debian 12, take less of Authentication-Results than RFC 8601 lets
# a server write. What they do not take costs them all results of the field, without a word in the log.
#
# SpamAssassin refuses:
# unknown    a method that it does not know, such as x-tls.
# comments   two comments side by side (CFWS may hold any number).
# escaped    an escaped parenthesis in a comment: it is counted as a real one.
# quoted     an authserv-id as a quoted string.
#
# OpenDMARC, of a message with the field alone to say whether SPF passed for the envelope's example.net:
# domain     smtp.mailfrom=example.net counts, quoted or not.
# address    smtp.mailfrom=joe@example.net does not.
# helo       smtp.helo=example.net does not, for a null sender.
# long       nor does anything in a field for which 1,024 bytes are too few.
#
# Who writes such fields for others to read does well to put registered methods only into a field, one comment at a place, no backslash
# into it, and the domain into smtp.mailfrom.
#
# Runs without Assay. Needs apt-get, dpkg and perl, Debian 12's package lists, and the libraries of libmilter and libbsd. Exit status 0:
# as described; 1: it has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get download -q spamassassin=4.0.1-1~deb12u1 opendmarc=1.4.2-2+b1 libopendmarc2 libspf2-2 libmilter1.0.1 libbsd0 libhtml-parser-perl \
	libhtml-tagset-perl libnet-dns-perl libnetaddr-ip-perl >download.log 2>&1 || { cat download.log >&2; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
library=$(echo root/usr/lib/*-linux-gnu)

cat >fields <<'F'
usual|mx.example.com 1; dkim=pass (good) reason="a" header.d=example.net; spf=none
unknown|mx.example.com; dkim=pass header.d=example.net; spf=none; x-tls=pass
comments|mx.example.com; dkim=pass (a) (b) header.d=example.net; spf=none
escaped|mx.example.com; dkim=pass (a \( b) header.d=example.net; spf=none
quoted|"mx.example.com"; dkim=pass header.d=example.net; spf=none
underscore|mx.example.com; dkim=pass header.d="under_score.example.net"; spf=none
F
cat >read.pl <<'P'
use Mail::SpamAssassin;
use Mail::SpamAssassin::Plugin::AuthRes;
my $main = Mail::SpamAssassin->new({ dont_copy_prefs => 1, local_tests_only => 1, userprefs_filename => '/dev/null', config_text => '' });
my $plugin = bless { main => $main, conf => $main->{conf} }, 'Mail::SpamAssassin::Plugin::AuthRes';
while (<STDIN>) {
    chomp;
    my ($name, $field) = split /\|/;
    my $message = { conf => { authres_trusted_authserv => {}, authres_ignored_authserv => {} } };
    if (!eval { $plugin->parse_authres($message, 'Authentication-Results', $field) }) { print "$name: refused\n"; next; }
    my $found = $message->{authres_parsed};
    print "$name: ", join('; ', map { my $method = $_; map { "$method=$_->{result}" } @{ $found->{$method} } } sort keys %$found), "\n";
}
P
PERL5LIB=root/usr/share/perl5:$(echo root/usr/lib/*/perl5/5.36) perl read.pl <fields >by-spamassassin 2>errors
cat >expected-spamassassin <<'E'
usual: dkim=pass; spf=none
unknown: refused
comments: refused
escaped: refused
quoted: refused
underscore: dkim=pass; spf=none
E

echo '_dmarc.example.net v=DMARC1; p=reject' >dns
printf '%s\n' 'AuthservID own.example.com' 'TrustedAuthservIDs mx.example.com' 'TestDNSData dns' 'Syslog false' >opendmarc.conf
judge() {	# name, envelope sender, field
	printf '%s\n' "Authentication-Results: mx.example.com; $3" 'From: joe@example.net' 'To: ann@example.org' \
		'Date: Thu, 1 Jan 2026 00:00:00 +0000' 'Message-ID: <1@example.net>' '' text >message
	echo "$1: $(OPENDMARC_TEST_ENVFROM=$2 LD_LIBRARY_PATH=$library root/usr/sbin/opendmarc -c opendmarc.conf -vv -t message 2>&1 |
		grep -o 'dmarc=[a-z]*')"
}
padding=$(printf 'x%.0s' {1..1000})
{
	judge domain '<joe@example.net>' 'spf=pass smtp.mailfrom=example.net'
	judge 'domain quoted' '<joe@example.net>' 'spf=pass smtp.mailfrom="example.net"'
	judge address '<joe@example.net>' 'spf=pass smtp.mailfrom=joe@example.net'
	judge helo '<>' 'spf=pass smtp.helo=example.net'
	judge long '<joe@example.net>' "spf=pass ($padding) smtp.mailfrom=example.net"
} >by-opendmarc
cat >expected-opendmarc <<'E'
domain: dmarc=pass
domain quoted: dmarc=pass
address: dmarc=fail
helo: dmarc=fail
long: dmarc=fail
E
echo "SpamAssassin 4.0.1:"
cat by-spamassassin
echo "OpenDMARC 1.4.2:"
cat by-opendmarc
cmp by-spamassassin expected-spamassassin && cmp by-opendmarc expected-opendmarc || { echo "this has changed" >&2; exit 1; }
