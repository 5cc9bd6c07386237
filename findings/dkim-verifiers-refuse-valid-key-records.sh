#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Three DKIM verifiers of Debian 12 (libopendkim 2.11.0~beta2, dkimpy 1.1.4, Mail::DKIM 1.20230212): each refuses good signatures for
# how the key record, or one tag of the signature, is written, and seldom the same ones. RFC 6376 allows all of the writings:
#
# key        p= holds an RSAPublicKey, as the text of section 3.6.1 asks; its examples hold a SubjectPublicKeyInfo (erratum 3017).
#            dkimpy takes both; libopendkim and Mail::DKIM only the form of the examples.
# service    s=tlsrpt:email, one key for mail and for TLS reports (RFC 8460). dkimpy compares the list as a whole with each word
#            that it knows, and then says that it does not know the type of the key.
# hash       h=sha1 : sha256, with the white space that the grammar allows at the colon. Mail::DKIM does not find sha256 in it.
# granule    g=news, a tag of RFC 4871 that RFC 6376 no longer has; unknown tags are to be ignored. Mail::DKIM still applies it.
# query      q=dns/txt:x/y in the signature; methods that one does not know are to be ignored. dkimpy wants dns/txt alone.
#
# So a signature that one verifier passes is no proof that its record suits the next, and a list of such refusals is no
# list of forgeries.
#
# Runs without Assay: the pinned libraries, a key made for the run, and one message; keys are handed over, no DNS is asked.
# Needs apt-get, dpkg, gcc, openssl, perl and python3, and Debian 12's package lists. Exit status 0: as described; 1: it has changed.
set -euo pipefail
opendkim=2.11.0~beta2-8+deb12u1 dkimpy=1.1.4-1 maildkim=1.20230212-2~deb12u1
libraries="libbsd0 libmd0 libdb5.3 libcrypt-openssl-rsa-perl libcrypt-openssl-bignum-perl libcryptx-perl libnet-dns-perl libmailtools-perl
	libmail-authenticationresults-perl libtimedate-perl libjson-perl libclone-perl liberror-perl"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
# shellcheck disable=SC2086  # a list
apt-get download -q "libopendkim11=$opendkim" "libopendkim-dev=$opendkim" "python3-dkim=$dkimpy" "libmail-dkim-perl=$maildkim" $libraries \
	>download.log 2>&1 || { cat download.log >&2; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done

cat >opendkim.c <<'C'
#include <sys/types.h>
#include <opendkim/dkim.h>
#include <stdio.h>
static const char *record;
static DKIM_CBSTAT key(DKIM *d, DKIM_SIGINFO *s, unsigned char *to, size_t size)
{
	(void)d; (void)s;
	snprintf((char *)to, size, "%s", record);
	return DKIM_CBSTAT_CONTINUE;
}
int main(int argc, char **argv)
{
	static unsigned char text[8192], id[] = "probe";
	DKIM_STAT status;
	DKIM_SIGINFO **signatures;
	DKIM_LIB *library = dkim_init(NULL, NULL);
	DKIM *message = dkim_verify(library, id, NULL, &status);
	int count = 0;
	record = argv[argc - 1];
	dkim_set_key_lookup(library, key);
	dkim_chunk(message, text, fread(text, 1, sizeof text, stdin));
	dkim_chunk(message, NULL, 0);
	status = dkim_eom(message, NULL);
	dkim_getsiglist(message, &signatures, &count);
	puts(status == DKIM_STAT_OK ? "pass" : count ? dkim_sig_geterrorstr(dkim_sig_geterror(signatures[0])) : "no signature");
	return 0;
}
C
libraries=root/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)
gcc -o opendkim opendkim.c -Iroot/usr/include -L"$libraries" -lopendkim

cat >maildkim.pl <<'P'
use Mail::DKIM::Verifier;
package Given;    # a resolver that answers every question with the record
sub new { bless {} }
sub errorstring { 'NOERROR' }
sub bgbusy { 0 }
sub bgread { $_[1] }
sub bgsend { my ($self, @question) = @_; return $self->send(@question); }
sub send {
    my ($self, $name, $type) = @_;
    my $answer = Net::DNS::Packet->new($name, $type);
    $answer->push(answer => Net::DNS::RR->new(owner => $name, type => 'TXT', txtdata => [$ARGV[0] =~ /.{1,250}/g]));
    return $answer;
}
package main;
Mail::DKIM::DNS::resolver(Given->new);
my $verifier = Mail::DKIM::Verifier->new;
$verifier->PRINT(join '', <STDIN>);
$verifier->CLOSE;
print $verifier->result_detail;
P

cat >verifiers.py <<'P'
import base64, hashlib, os, subprocess, sys
import dkim
root, libraries = sys.argv[1:]
def run(*argv, given=b"", **more): return subprocess.run(argv, input=given, capture_output=True, check=True, env={**os.environ, **more}).stdout
def public(form): return base64.b64encode(run("openssl", "rsa", "-in", "key", form, "-outform", "DER")).decode()
def signed(query):      # relaxed/relaxed, and written so that it is its own canonical form
    tags = f"v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=sel; q={query}; h=from:subject; bh={BODY}; b="
    hashed = f"from:a@example.com\r\nsubject:keys\r\ndkim-signature:{tags}"
    value = base64.b64encode(run("openssl", "dgst", "-sha256", "-sign", "key", given=hashed.encode())).decode()
    return f"DKIM-Signature: {tags}{value}\r\nFrom: a@example.com\r\nSubject: keys\r\n\r\ntext\r\n".encode()
def dkimpy(message, record):
    try: return "pass" if dkim.DKIM(message).verify(dnsfunc=lambda name, timeout=5: record.encode()) else "fail"
    except dkim.DKIMException as error: return type(error).__name__
run("openssl", "genrsa", "-out", "key", "2048")
BODY = base64.b64encode(hashlib.sha256(b"text\r\n").digest()).decode()
SUBJECT, BARE, DNS = public("-pubout"), public("-RSAPublicKey_out"), "dns/txt"
perl = ":".join((f"{root}/usr/share/perl5", libraries + "/perl5/5.36"))
for what, record, query in (("usual", f"v=DKIM1; p={SUBJECT}", DNS), ("key", f"v=DKIM1; p={BARE}", DNS),
                            ("service", f"v=DKIM1; s=tlsrpt:email; p={SUBJECT}", DNS), ("hash", f"v=DKIM1; h=sha1 : sha256; p={SUBJECT}", DNS),
                            ("granule", f"v=DKIM1; g=news; p={SUBJECT}", DNS), ("query", f"v=DKIM1; p={SUBJECT}", DNS + ":x/y")):
    message = signed(query)
    told = (run("./opendkim", record, given=message, LD_LIBRARY_PATH=libraries).decode().strip(), dkimpy(message, record),
            run("perl", "maildkim.pl", record, given=message, PERL5LIB=perl).decode().strip())
    print(what, *told, sep="|")
P
PYTHONPATH=root/usr/lib/python3/dist-packages python3 verifiers.py root "$libraries" >told
echo "libopendkim $opendkim, dkimpy $dkimpy, Mail::DKIM $maildkim"
sed 's/|/: /; s/|/ | /g' told
passed=$(sed 's/|pass/|+/g; s/|[^|+][^|]*/|-/g' told | tr '\n' ' ')
[ "$passed" = "usual|+|+|+ key|-|+|- service|+|-|+ hash|+|+|- granule|+|+|- query|+|-|+ " ] || { echo "this has changed" >&2; exit 1; }
