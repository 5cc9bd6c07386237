#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# authres 1.2.0 (python3-authres) and Mail::AuthenticationResults 2.20230112, the readers of Authentication-Results in Debian 12,
# do not take all that RFC 8601 lets a server write: quoted-pairs and quoted names, and comments where CFWS may stand.
#
# server     the authserv-id as a quoted string (it is a "value"): authres refuses the field.
# version    a comment behind the version of a method, dkim/1 (x) = pass: authres refuses it, but takes the comment without a version.
# nothing    a comment before "none": authres refuses the field.
# empty      reason="": authres refuses the field.
# comment    a parenthesis in a comment, escaped as it must be: Mail::AuthenticationResults refuses the field.
# quotes     quotes in a reason, escaped as they must be: Mail::AuthenticationResults refuses the field, and authres hands the
#            backslashes over as part of the value.
#
# A refusal takes all results of the field, not the one at which it happens. Who writes such fields for others to read does well
# to keep backslashes out of them, and to put comments only behind a result or a value.
#
# Runs without Assay: the pinned modules read fields of one line. Needs apt-get, dpkg, perl and python3, and Debian 12's package
# lists. Exit status 0: as described; 1: it has changed.
set -euo pipefail
authres=1.2.0-3 perl=2.20230112-1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get download -q "python3-authres=$authres" "libmail-authenticationresults-perl=$perl" libclone-perl libjson-perl \
	libscalar-list-utils-perl >download.log 2>&1 || { cat download.log >&2; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done

cat >fields <<'F'
usual|mx.example.com 1; dkim=pass (good) reason="a; b" header.d=example.net; spf=none
server|"mx.example.com"; dkim=pass header.d=example.net; spf=none
version|mx.example.com; dkim/1 (x) = pass header.d=example.net; spf=none
unversioned|mx.example.com; dkim (x) = pass header.d=example.net; spf=none
nothing|mx.example.com; (no check ran) none
empty|mx.example.com; dkim=pass reason="" header.d=example.net; spf=none
comment|mx.example.com; dkim=pass (key \( a) header.d=example.net; spf=none
quotes|mx.example.com; dkim=pass reason="key \"a\"" header.d=example.net; spf=none
F
cat >read.py <<'P'
import sys
import authres
for line in open("fields", encoding="ascii"):
    name, field = line.rstrip("\n").split("|")
    try:
        header = authres.AuthenticationResultsHeader.parse("Authentication-Results: " + field)
        words = [header.authserv_id] + [f"{r.method}={r.result}" + (f" <{r.reason}>" if r.reason else "") for r in header.results]
        print(name, "; ".join(words), sep=": ")
    except authres.SyntaxError as error:
        print(f"{name}: refused ({str(error).removeprefix('Syntax error: ')})")
P
cat >read.pl <<'P'
use Mail::AuthenticationResults::Parser;
while (<STDIN>) {
    chomp;
    my ($name, $field) = split /\|/;
    my $header = eval { Mail::AuthenticationResults::Parser->new->parse($field) };
    if (!$header) { my ($why) = $@ =~ /^(.*?) at /; print "$name: refused ($why)\n"; next; }
    my @words = ($header->value->value);
    for my $result (@{ $header->search({ isa => 'entry' })->children }) {
        my ($reason) = map { $_->value } grep { $_->key eq 'reason' } @{ $result->search({ isa => 'subentry' })->children };
        push @words, $result->key . '=' . $result->value . ($reason ? " <$reason>" : '');
    }
    print "$name: ", join('; ', @words), "\n";
}
P
PYTHONPATH=root/usr/lib/python3/dist-packages python3 read.py >by-python
PERL5LIB=root/usr/share/perl5:$(echo root/usr/lib/*/perl5/5.36) perl read.pl <fields >by-perl
all='mx.example.com; dkim=pass; spf=none'
cat >expected-python <<E
usual: mx.example.com; dkim=pass <a; b>; spf=none
server: refused
version: refused
unversioned: $all
nothing: refused
empty: refused
comment: $all
quotes: mx.example.com; dkim=pass <key \\"a\\">; spf=none
E
cat >expected-perl <<E
usual: mx.example.com; dkim=pass <a; b>; spf=none
server: $all
version: $all
unversioned: $all
nothing: mx.example.com
empty: $all
comment: refused
quotes: refused
E
echo "authres $authres:"
cat by-python
echo "Mail::AuthenticationResults $perl:"
cat by-perl
verdicts() { sed 's/: refused .*/: refused/' "$1"; }
cmp <(verdicts by-python) expected-python && cmp <(verdicts by-perl) expected-perl || { echo "this has changed" >&2; exit 1; }
