/* SPDX-License-Identifier: BSD-2-Clause */
/* check/path: Received fields as the MTAs of the world write them. Names and addresses are from the documentation ranges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "check/path.h"
#include "path_recorded.h"

/* From other machines and versions, and by the manuals; what was recorded for this test stands in path_recorded.h. */
static const struct path_sample samples[] = {
	{ "postfix tls 1.3", " from mx.example.org (mx.example.org [192.0.2.1])\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\n"
	    "\t key-exchange X25519 server-signature RSA-PSS (2048 bits) server-digest SHA256)\n\t(No client certificate requested)\n"
	    "\tby mail.example.net (Postfix) with ESMTPS id 4XyZ12\n\tfor <bob@example.net>; Sat, 21 Nov 2026 10:00:00 +0000 (UTC)",
	    HOP_TLS, "ESMTPS", "TLSv1.3", "TLS_AES_256_GCM_SHA384", "X25519" },
	{ "postfix cleartext", " from mx.example.org (unknown [192.0.2.1])\n\tby mail.example.net (Postfix) with ESMTP id 4XyZ12;\n\tSat, 21 Nov 2026 10:00:00 +0000",
	    HOP_CLEARTEXT, "ESMTP", NULL, NULL, NULL },
	{ "postfix local pickup", " by mail.example.net (Postfix, from userid 1000)\n\tid 0A1B2C; Sat, 21 Nov 2026 10:00:00 +0000 (UTC)",
	    HOP_LOCAL, NULL, NULL, NULL, NULL },
	/* Postfix 3.10 and OpenSSL 3.5 of Debian 13 */
	{ "postfix hybrid", " from mail.pass.example (mail.pass.example [192.0.2.1])\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\n"
	    "\t key-exchange X25519MLKEM768 server-signature ECDSA (prime256v1) server-digest SHA256\n"
	    "\t client-signature ECDSA (prime256v1) client-digest SHA256)\n\t(Client CN \"cl.example\", Issuer \"Assay Test CA\" (verified OK))\n"
	    "\tby mx.assay.example (Postfix) with ESMTPS id 4C79918C392\n\tfor <m-17@rcpt.example>; Sat, 28 Nov 2026 16:49:58 +0000 (UTC)",
	    HOP_TLS, "ESMTPS", "TLSv1.3", "TLS_AES_256_GCM_SHA384", "X25519MLKEM768" },
	{ "postfix utf8", " from mail.pass.example (mail.pass.example [192.0.2.1])\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\n"
	    "\t key-exchange ffdhe2048 server-signature ECDSA (prime256v1) server-digest SHA256)\n\t(Client did not present a certificate)\n"
	    "\tby mx.assay.example (Postfix) with UTF8SMTPS id 3704B18C342\n\tfor <m-14@rcpt.example>; Sat, 28 Nov 2026 16:49:58 +0000 (UTC)",
	    HOP_TLS, "UTF8SMTPS", "TLSv1.3", "TLS_AES_256_GCM_SHA384", "ffdhe2048" },
	{ "postfix client kept back", " by mx.assay.example (Postfix) id 797CB18C404\n\tfor <m-20@rcpt.example>; Sat, 28 Nov 2026 16:49:58 +0000 (UTC)",
	    HOP_UNKNOWN, NULL, NULL, NULL, NULL },
	/* with OpenSSL 3.0 of Debian 12 */
	{ "postfix ecdhe", " from mail.pass.example (mail.pass.example [192.0.2.1])\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\n"
	    "\t key-exchange ECDHE (prime256v1) server-signature ECDSA (prime256v1) server-digest SHA256)\n\t(Client did not present a certificate)\n"
	    "\tby mx.assay.example (Postfix) with ESMTPS id 46D43A74F22\n\tfor <m-2@rcpt.example>; Sat, 28 Nov 2026 16:50:57 +0000 (UTC)",
	    HOP_TLS, "ESMTPS", "TLSv1.3", "TLS_AES_256_GCM_SHA384", "prime256v1" },
	{ "postfix dhe", " from a.example (a.example [192.0.2.1]) (using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange DHE (2048 bits)"
	    " server-signature RSA-PSS (2048 bits)) by b.example (Postfix) with ESMTPS id 1; x",
	    HOP_TLS, "ESMTPS", "TLSv1.3", "TLS_AES_256_GCM_SHA384", NULL },
	{ "postfix tls 1.2", " from mail.pass.example (mail.pass.example [192.0.2.1])\n\t(using TLSv1.2 with cipher DHE-RSA-AES256-GCM-SHA384 (256/256 bits))\n"
	    "\t(Client did not present a certificate)\n\tby mx.assay.example (Postfix) with ESMTPS id 1651E18C2FA\n"
	    "\tfor <m-5@rcpt.example>; Sat, 28 Nov 2026 16:49:58 +0000 (UTC)",
	    HOP_TLS, "ESMTPS", "TLSv1.2", "DHE-RSA-AES256-GCM-SHA384", NULL },
	{ "group of RFC 8314", " from a.example by b.example with ESMTPS id 1 tls TLS_AES_128_GCM_SHA256 group x25519; x",
	    HOP_TLS, "ESMTPS", NULL, "TLS_AES_128_GCM_SHA256", "x25519" },
	{ "group without tls", " from a.example by b.example with ESMTP id 1 group x25519; x", HOP_CLEARTEXT, "ESMTP", NULL, NULL, NULL },
	{ "group in a comment", " from a.example by b.example with ESMTPS id 1 tls TLS_AES_128_GCM_SHA256 (group x25519) group (x25519); x",
	    HOP_TLS, "ESMTPS", NULL, "TLS_AES_128_GCM_SHA256", NULL },
	{ "exim tls clause", " from mx.example.org ([192.0.2.1])\n\tby mail.example.net with esmtps  (TLS1.3) tls TLS_AES_256_GCM_SHA384\n"
	    "\t(Exim 4.96)\n\t(envelope-from <a@example.org>)\n\tid 1abcde-000123-45\n\tfor bob@example.net;\n\tSat, 21 Nov 2026 10:00:00 +0000",
	    HOP_TLS, "ESMTPS", "TLS1.3", "TLS_AES_256_GCM_SHA384", NULL },
	{ "exim old", " from mx.example.org ([192.0.2.1]:1234) by mail.example.net with esmtpsa (TLS1.2:ECDHE-RSA-AES256-GCM-SHA384:256) (Exim 4.84) id 1a; Sat, 21 Nov 2026 10:00:00 +0000",
	    HOP_TLS, "ESMTPSA", "TLS1.2", "ECDHE-RSA-AES256-GCM-SHA384", NULL },
	{ "exim local", " from root by mail.example.net with local (Exim 4.96) id 1a; Sat, 21 Nov 2026 10:00:00 +0000",
	    HOP_LOCAL, "LOCAL", NULL, NULL, NULL },
	{ "sendmail", " from mx.example.org (mx.example.org [192.0.2.1])\n\tby mail.example.net (8.17.1/8.17.1) with ESMTPS id 3ALA\n"
	    "\t(version=TLSv1.2 cipher=ECDHE-RSA-AES256-GCM-SHA384 bits=256 verify=NOT)\n\tfor <bob@example.net>; Sat, 21 Nov 2026 10:00:00 GMT",
	    HOP_TLS, "ESMTPS", "TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384", NULL },
	{ "sendmail cleartext", " from mx.example.org (mx.example.org [192.0.2.1]) by mail.example.net (8.17.1/8.17.1) with ESMTP id 3ALA; Sat, 21 Nov 2026 10:00:00 GMT",
	    HOP_CLEARTEXT, "ESMTP", NULL, NULL, NULL },
	{ "exchange", " from EX1.example.com (2001:db8::1) by EX2.example.com\n (2001:db8::2) with Microsoft SMTP Server (version=TLS1_2,\n"
	    " cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id 15.20.1.1; Sat, 21 Nov 2026\n 10:00:00 +0000",
	    HOP_TLS, "SMTP", "TLS1_2", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", NULL },
	{ "exchange mapi", " from EX1.example.com ([2001:db8::1]) by EX1.example.com ([2001:db8::1%3]) with mapi id 15.20.1.1; Sat, 21 Nov 2026 10:00:00 +0000",
	    HOP_LOCAL, "MAPI", NULL, NULL, NULL },
	{ "gmail in", " from mail-x.example.com (mail-x.example.com. [192.0.2.41])\n        by mx.google.example with SMTPS id a1sor1.2.2026.11.21\n"
	    "        for <bob@example.net>\n        (Google Transport Security);\n        Sat, 21 Nov 2026 02:00:00 -0800 (PST)",
	    HOP_TLS, "SMTPS", NULL, NULL, NULL },
	{ "gmail with version", " from mx.example.org (mx.example.org. [192.0.2.1]) by mx.google.example with ESMTPS id b1 for <bob@example.net> (version=TLS1_3 cipher=TLS_AES_128_GCM_SHA256 bits=128/128); Sat, 21 Nov 2026 02:00:00 -0800 (PST)",
	    HOP_TLS, "ESMTPS", "TLS1_3", "TLS_AES_128_GCM_SHA256", NULL },
	{ "gmail internal", " by 2002:a05:0:0:0:0 with SMTP id x1csp1;\n        Sat, 21 Nov 2026 02:00:00 -0800 (PST)",
	    HOP_LOCAL, "SMTP", NULL, NULL, NULL },
	{ "qmail network", " from unknown (HELO mx.example.org) (192.0.2.1)\n  by mail.example.net with SMTP; 21 Nov 2026 10:00:00 -0000",
	    HOP_CLEARTEXT, "SMTP", NULL, NULL, NULL },
	{ "qmail tls patch", " from mx.example.org (192.0.2.1)\n  by mail.example.net with DHE-RSA-AES256-SHA encrypted SMTP; 21 Nov 2026 10:00:00 -0000",
	    HOP_TLS, "SMTP", NULL, "DHE-RSA-AES256-SHA", NULL },
	{ "qmail local", " (qmail 1234 invoked by uid 1000); 21 Nov 2026 10:00:00 -0000", HOP_LOCAL, NULL, NULL, NULL, NULL },
	{ "exim gnutls", " from [192.0.2.7] (helo=localhost)\n\tby mail.example.net with utf8esmtpsa\n\t(Cipher TLS1.3:ECDHE_X25519__RSA_PSS_RSAE_SHA256__AES_256_GCM:256) (Exim)\n"
	    "\tid 1vAAAA-0000aa-BB; Fri, 05 Dec 2025 14:40:37 +0100",
	    HOP_TLS, "UTF8ESMTPSA", "TLS1.3", "ECDHE_X25519__RSA_PSS_RSAE_SHA256__AES_256_GCM", NULL },
	{ "exim openssl", " from a.example ([192.0.2.7])\n\tby mx.example.net with esmtps (TLS1.3:TLS_AES_128_GCM_SHA256:128)\n\t(Exim 4.98.2)\n\tid 1vBBBB-00000009rTE-2iSS\n"
	    "\tfor bob@example.net;\n\tWed, 29 Oct 2025 08:36:45 -0400", HOP_TLS, "ESMTPS", "TLS1.3", "TLS_AES_128_GCM_SHA256", NULL },
	{ "exim with a group", " from a.example ([192.0.2.7] helo=a.example)\n\tby mx.example.net with esmtps (TLS1.3:TLS_AES_256_GCM_SHA384:256:X25519MLKEM768)\n\t(Exim 4.99.2)\n"
	    "\t(envelope-from <a@a.example>)\n\tid 1wCCCC-00000008vnF-0azX;\n\tSun, 03 May 2026 17:14:57 +0200",
	    HOP_TLS, "ESMTPS", "TLS1.3", "TLS_AES_256_GCM_SHA384", "X25519MLKEM768" },
	{ "exim utf8 cleartext", " from a.example ([192.0.2.7])\n\tby mx.example.net with utf8esmtp (Exim 4.96)\n\tid 1wOmHN-00HQfN-07;\n\tMon, 18 May 2026 00:56:21 +0000",
	    HOP_CLEARTEXT, "UTF8ESMTP", NULL, NULL, NULL },
	{ "exim loopback", " from [127.0.0.1] (helo=lists.example.net)\n\tby lists.example.net with esmtp (Exim 4.95)\n\t(envelope-from <l@lists.example.net>)\n\tid 1sbpau-0000qe-Md; Wed, 07 Aug 2024 22:57:24 +0000",
	    HOP_LOCAL, "ESMTP", NULL, NULL, NULL },
	{ "exim loopback and port", " from localhost ([::1]:48160 helo=lists1.example.net)\n\tby lists.example.net with esmtp (Exim 4.90_1)\n\tid 1nU6cU-0006wr-Q8; Wed, 07 Aug 2024 22:57:24 +0000",
	    HOP_LOCAL, "ESMTP", NULL, NULL, NULL },
	{ "exim localhost", " from localhost\n\tby mail-01.example.net with utf8esmtp (Exim 4.96)\n\t(envelope-from <me@example.org>)\n\tid 1wOmHN-00HQfN-07;\n\tMon, 18 May 2026 00:56:21 +0000",
	    HOP_LOCAL, "UTF8ESMTP", NULL, NULL, NULL },
	{ "opensmtpd", " from a.example (a.example [192.0.2.1])\n\tby mx.example.net (OpenSMTPD) with ESMTPSA id 4bb7512b (TLSv1.3:TLS_AES_256_GCM_SHA384:256:NO) auth=yes user=me;\n"
	    "\tThu, 20 Oct 2022 10:48:20 +0000 (UTC)", HOP_TLS, "ESMTPSA", "TLSv1.3", "TLS_AES_256_GCM_SHA384", NULL },
	{ "opensmtpd client kept back", "\n\tby mail.example.net (OpenSMTPD) with ESMTPSA id c7a016a4 (TLSv1.3:TLS_CHACHA20_POLY1305_SHA256:256:NO);\n\tMon, 28 Sep 2026 09:52:08 +0000 (UTC)",
	    HOP_TLS, "ESMTPSA", "TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256", NULL },
	{ "opensmtpd older", " from a.example (a.example [192.0.2.1])\n\tby mx.example.net (OpenSMTPD) with ESMTP id 107f014d\n\t(version=TLSv1/SSLv3 cipher=AES128-SHA bits=128)\n\tfor <b@example.net>; Sun, 7 Apr 2013 13:53:17 +0200",
	    HOP_TLS, "ESMTP", "TLSv1/SSLv3", "AES128-SHA", NULL },
	{ "opensmtpd local", " from localhost (mx.example.net [local])\n\tby mx.example.net (OpenSMTPD) with ESMTPA id d44b4f97;\n\tThu, 22 Sep 2022 13:32:17 +0200 (CEST)",
	    HOP_LOCAL, "ESMTPA", NULL, NULL, NULL },
	{ "opensmtpd loopback", " from a.example (localhost [::1])\n\tby mx.example.net (OpenSMTPD) with ESMTP id 024318a8;\n\tSat, 25 Jun 2022 12:03:37 +0000 (UTC)", HOP_LOCAL, "ESMTP", NULL, NULL, NULL },
	{ "postfix loopback", " from localhost (localhost [127.0.0.1])\n\tby mail.example.net (Postfix) with ESMTP id 4XyZ12;\n\tSat, 21 Nov 2026 10:00:00 +0000", HOP_LOCAL, "ESMTP", NULL, NULL, NULL },
	{ "postfix loopback ipv6", " from mail.example.net (mail.example.net [IPv6:::1])\n\tby mail.example.net (Postfix) with SMTP id 4XyZ12;\n\tSat, 21 Nov 2026 10:00:00 +0000", HOP_LOCAL, "SMTP", NULL, NULL, NULL },
	{ "postfix all of 127/8", " from scan (unknown [127.3.2.1])\n\tby mail.example.net (Postfix) with ESMTP id 4XyZ12;\n\tSat, 21 Nov 2026 10:00:00 +0000", HOP_LOCAL, "ESMTP", NULL, NULL, NULL },
	{ "postfix loopback tls", " from localhost (localhost [127.0.0.1])\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))\n\tby mail.example.net (Postfix) with ESMTPS id 4XyZ12; x",
	    HOP_TLS, "ESMTPS", "TLSv1.3", "TLS_AES_256_GCM_SHA384", NULL },
	/* the certificate of a client or server does not show elsewhere */
	{ "postfix ml-dsa", " from mail.pass.example (mail.pass.example [192.0.2.1])\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\n"
	    "\t key-exchange X25519MLKEM768 server-signature ML-DSA-65\n\t client-signature ML-DSA-44)\n\t(Client CN \"cl.example\", Issuer \"Assay Test CA\" (not verified))\n"
	    "\tby mx.assay.example (Postfix) with ESMTPS id 4C79918C392; Sat, 28 Nov 2026 16:49:58 +0000 (UTC)", HOP_TLS, "ESMTPS", "TLSv1.3", "TLS_AES_256_GCM_SHA384", "X25519MLKEM768" },
	{ "sendmail submit", " (from joe@localhost)\n\tby mail.example.net (8.18.1/8.18.1/Submit) id 3ALA;\n\tSat, 21 Nov 2026 10:00:00 GMT", HOP_LOCAL, NULL, NULL, NULL, NULL },
	{ "sendmail loopback", " from mail.example.net (IDENT:joe@localhost [127.0.0.1])\n\tby mail.example.net (8.18.1/8.18.1) with ESMTP id 3ALA;\n\tSat, 21 Nov 2026 10:00:00 GMT", HOP_LOCAL, "ESMTP", NULL, NULL, NULL },
	{ "haraka", " from unknown (HELO laptop) (192.0.2.1)\n\tby mx.example.net (Haraka/3.0.1) with ESMTPSA; Tue, 05 Nov 2024 18:50:23 +0100", HOP_TLS, "ESMTPSA", NULL, NULL, NULL },
	{ "haraka loopback", " from unknown (HELO laptop) (::1)\n\tby mx.example.net (Haraka/3.0.1) with ESMTP; Tue, 05 Nov 2024 18:50:23 +0100", HOP_LOCAL, "ESMTP", NULL, NULL, NULL },
	{ "dovecot lmtp", " from mail.example.net\n\tby store.example.net with LMTP\n\tid +OJKNEH/u2mzqwIAu9opvQ\n\t(envelope-from <a@example.org>)\n\tfor <b@example.net>; Mon, 26 Dec 2022 17:07:51 +0100",
	    HOP_LOCAL, "LMTP", NULL, NULL, NULL },
	{ "dovecot lmtp over the network", " from mail.example.net ([192.0.2.3])\n\tby store.example.net with LMTP\n\tid +OJKNEH/u2mzqwIAu9opvQ; Mon, 26 Dec 2022 17:07:51 +0100", HOP_CLEARTEXT, "LMTP", NULL, NULL, NULL },
	{ "dovecot lmtp tls", " from mail.example.net ([192.0.2.3])\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))\n\tby store.example.net with LMTPS id 1; Mon, 26 Dec 2022 17:07:51 +0100",
	    HOP_TLS, "LMTPS", "TLSv1.3", "TLS_AES_256_GCM_SHA384", NULL },
	{ "cyrus", " from store.example.net ([unix socket])\n\t by store.example.net (Cyrus v2.2.12) with LMTPA;\n\t Wed, 06 Sep 2006 19:33:13 -0400", HOP_LOCAL, "LMTPA", NULL, NULL, NULL },
	{ "cyrus murder", " from murder (mail.example.net [192.0.2.14])\n\t by store.example.net (Cyrus v2.3.8) with LMTPA;\n\t Sat, 05 Jan 2008 09:14:16 -0500", HOP_CLEARTEXT, "LMTPA", NULL, NULL, NULL },
	{ "courier", " from a.example (a.example [::ffff:192.0.2.2])\n  (TLS: TLSv1.3,256bits,TLS_AES_256_GCM_SHA384)\n  by www.example.net with ESMTPS\n  id 00000000002A0257.0000000062F99153.0000AC56; Sun, 14 Aug 2022 20:20:35 -0400",
	    HOP_TLS, "ESMTPS", "TLSv1.3", "TLS_AES_256_GCM_SHA384", NULL },
	{ "courier with auth", " from localhost (localhost [::1])\n  (AUTH: PLAIN joe@example.net, TLS: TLSv1.3,256bits,TLS_AES_256_GCM_SHA384)\n  by www.example.net with ESMTPSA\n  id 1; Wed, 25 Dec 2019 09:46:32 +0100",
	    HOP_TLS, "ESMTPSA", "TLSv1.3", "TLS_AES_256_GCM_SHA384", NULL },
	{ "courier cleartext", " from a.example (a.example [::ffff:192.0.2.2])\n  (IDENT: list)\n  by www.example.net with ESMTP; Sun, 13 Oct 2019 18:59:53 -0500\n  id 1", HOP_CLEARTEXT, "ESMTP", NULL, NULL, NULL },
	{ "courier local", " from localhost (localhost [127.0.0.1])\n  (uid 1000)\n  by www.example.net with local; Sun, 13 Oct 2019 18:59:53 -0500", HOP_LOCAL, "LOCAL", NULL, NULL, NULL },
	{ "qmail newer tls patch", " from a.example (192.0.2.1)\n  by mail.example.net with (ECDHE-RSA-AES256-GCM-SHA384 encrypted) SMTP; 21 Nov 2026 10:00:00 -0000", HOP_TLS, "SMTP", NULL, "ECDHE-RSA-AES256-GCM-SHA384", NULL },
	{ "qmail loopback", " from localhost (HELO mail.example.net) (127.0.0.1)\n  by mail.example.net with SMTP; 21 Nov 2026 10:00:00 -0000", HOP_LOCAL, "SMTP", NULL, NULL, NULL },
	{ "nullmailer", " (nullmailer pid 3537985 invoked by uid 1000);\n\tFri, 05 May 2023 20:48:10 -0000", HOP_LOCAL, NULL, NULL, NULL, NULL },
	{ "dma", " from joe (uid 1000)\n\t(envelope-from joe@example.net)\n\tid e01fb\n\tby mail.example.net (DragonFly Mail Agent v0.13);\n\tMon, 08 Sep 2025 10:25:53 -0700", HOP_LOCAL, NULL, NULL, NULL, NULL },
	{ "exchange older tls", " from EX1.example.com (192.0.2.20) by EX2.example.com\n (192.0.2.21) with Microsoft SMTP Server (TLS) id 15.0.1497.42; Wed, 25 Oct\n 2023 18:39:59 +0800", HOP_TLS, "SMTP", NULL, NULL, NULL },
	{ "exchange cleartext", " from EX1.example.com (192.0.2.20) by EX2.example.com\n (192.0.2.21) with Microsoft SMTP Server id 15.0.1497.42; Wed, 25 Oct\n 2023 18:39:59 +0800", HOP_CLEARTEXT, "SMTP", NULL, NULL, NULL },
	{ "fetchmail", " from mail.example.com [192.0.2.29]\n\tby home.example with IMAP (fetchmail-6.4.37)\n\tfor <joe@localhost> (single-drop); Mon, 18 Mar 2024 22:49:02 +0200 (EET)", HOP_UNKNOWN, "IMAP", NULL, NULL, NULL },
	{ "fetchmail loopback", " from localhost [::1]\n\tby home.example with IMAP (fetchmail-6.4.19)\n\tfor <joe@localhost> (single-drop); Wed, 19 May 2021 00:10:12 -0500 (CDT)", HOP_LOCAL, "IMAP", NULL, NULL, NULL },
	{ "getmail", " from imap.example.com ([2001:db8:c1d::6c]:993) by\n home.example with IMAP4-SSL getmail6 msgid:11/362461; 29 Sep 2025\n 06:00:06 -0000", HOP_TLS, "IMAP4-SSL", NULL, NULL, NULL },
	{ "getmail older", " from pop.example.com (192.0.2.109) by home.example with POP3-SSL;\n  30 Aug 2011 16:15:25 -0000", HOP_TLS, "POP3-SSL", NULL, NULL, NULL },
	{ "our own", " from mail.example.org (out.example.org [192.0.2.1])\n\tby mx.example.net (Assay) with ESMTPS (TLSv1.3, 256 bits, no client\n\tcertificate) id 4XYZ for <joe@example.net> tls TLS_AES_256_GCM_SHA384;\n"
	    "\tTue, 29 Feb 2000 12:34:56 +0000", HOP_TLS, "ESMTPS", "TLSv1.3", "TLS_AES_256_GCM_SHA384", NULL },
	{ "our own without the client", " by mx.example.net (Assay) with UTF8SMTPSA (TLSv1.3, 256 bits) id 4XYZ tls TLS_AES_256_GCM_SHA384;\n\tTue, 29 Feb 2000 12:34:56 +0000",
	    HOP_TLS, "UTF8SMTPSA", "TLSv1.3", "TLS_AES_256_GCM_SHA384", NULL },
	{ "our own without the client, cleartext", " by mx.example.net (Assay) with ESMTP id 4XYZ;\n\tTue, 29 Feb 2000 12:34:56 +0000", HOP_UNKNOWN, "ESMTP", NULL, NULL, NULL },
	/* a HELO name makes nobody local */
	{ "helo localhost", " from localhost (evil.example [192.0.2.66])\n\tby mail.example.net (Postfix) with ESMTP id 1; x", HOP_CLEARTEXT, "ESMTP", NULL, NULL, NULL },
	{ "helo loopback", " from [127.0.0.1] (evil.example [192.0.2.66])\n\tby mail.example.net (Postfix) with ESMTP id 1; x", HOP_CLEARTEXT, "ESMTP", NULL, NULL, NULL },
	{ "helo loopback, address unknown", " from [127.0.0.1] (unknown [unknown])\n\tby mail.example.net (Postfix) with ESMTP id 1; x", HOP_CLEARTEXT, "ESMTP", NULL, NULL, NULL },
	{ "helo loopback, exim", " from [192.0.2.66] (helo=[127.0.0.1])\n\tby mail.example.net with esmtp (Exim 4.96)\n\tid 1; x", HOP_CLEARTEXT, "ESMTP", NULL, NULL, NULL },
	{ "helo loopback, exim with name", " from evil.example ([192.0.2.66]:1234 helo=[127.0.0.1])\n\tby mail.example.net with esmtp (Exim 4.96)\n\tid 1; x", HOP_CLEARTEXT, "ESMTP", NULL, NULL, NULL },
	{ "helo loopback, qmail", " from unknown (HELO [127.0.0.1]) (192.0.2.66)\n  by mail.example.net with SMTP; x", HOP_CLEARTEXT, "SMTP", NULL, NULL, NULL },
	{ "helo localhost, no address", " from localhost (evil.example)\n  by mail.example.net with SMTP; x", HOP_CLEARTEXT, "SMTP", NULL, NULL, NULL },
	{ "loopback in the sender", " from evil.example (envelope-from <a@[127.0.0.1]>) by mail.example.net with SMTP; x", HOP_CLEARTEXT, "SMTP", NULL, NULL, NULL },
	{ "loopback behind by", " from evil.example by mail.example.net ([127.0.0.1]) with ESMTP id 1; x", HOP_CLEARTEXT, "ESMTP", NULL, NULL, NULL },
	{ "lmtp of a private address", " from mail.example.net ([10.50.14.12]) by store.example.net with LMTP id 1; x", HOP_CLEARTEXT, "LMTP", NULL, NULL, NULL },
	{ "nothing known", " something else entirely; Sat, 21 Nov 2026 10:00:00 +0000", HOP_UNKNOWN, NULL, NULL, NULL, NULL },
	{ "empty", "", HOP_UNKNOWN, NULL, NULL, NULL, NULL },
	{ "unknown protocol", " from a.example by b.example with carrier-pigeon id 1; Sat, 21 Nov 2026 10:00:00 +0000", HOP_UNKNOWN, "CARRIER-PIGEON", NULL, NULL, NULL },
	/* words inside comments are no clauses: a HELO name or comment cannot claim TLS by protocol word */
	{ "clause in comment", " from evil (with ESMTPS tls FAKE) by b.example with ESMTP id 1; Sat, 21 Nov 2026 10:00:00 +0000", HOP_CLEARTEXT, "ESMTP", NULL, NULL, NULL },
	{ "tls behind the date", " from a.example by b.example with ESMTP id 1; Sat, 21 Nov 2026 10:00:00 (using TLSv1.3 with cipher X)", HOP_CLEARTEXT, "ESMTP", NULL, NULL, NULL },
};

static void assert_text(const char *seen, const char *expected, const char *mta)
{
	if (expected == NULL && seen == NULL)
		return;
	if (expected == NULL || seen == NULL || strcmp(seen, expected) != 0)
		fail_msg("%s: seen %s, expected %s", mta, seen != NULL ? seen : "NULL", expected != NULL ? expected : "NULL");
}

static void assert_samples(const struct path_sample *rows, size_t count)
{
	struct arena *arena = arena_new();

	for (size_t i = 0; i < count; i++) {
		struct path_hop hop;

		path_parse_hop(arena, rows[i].value, &hop);
		assert_text(hop_transport_name(hop.transport), hop_transport_name(rows[i].transport), rows[i].mta);
		assert_text(hop.protocol, rows[i].protocol, rows[i].mta);
		assert_text(hop.version, rows[i].version, rows[i].mta);
		assert_text(hop.cipher, rows[i].cipher, rows[i].mta);
		assert_text(hop.group, rows[i].group, rows[i].mta);
	}
	arena_free(&arena);
}

static void test_path_parse_hop_of_known_mtas(void **state)
{
	(void)state;
	assert_samples(samples, sizeof(samples) / sizeof(samples[0]));
}

static void test_path_parse_hop_as_recorded(void **state)
{
	(void)state;
	assert_samples(path_recorded, sizeof(path_recorded) / sizeof(path_recorded[0]));
}

/* Which comments say TLS, in whatever case, and which only nearly do. */
static void test_path_parse_hop_comments_that_say_tls(void **state)
{
	static const struct { const char *comment; bool tls; } rows[] = {
		{ "using TLSv1.3 with cipher X", true }, { "using tlsv1.3", true }, { "USING Ssl3", true }, { "no l, uSiNg sSLv3", true },
		{ "VERSION=tLs1_2", true }, { "a version=SSL", true }, { "tls1.2:X:256", true }, { "cipher TLSV1", true }, { "TLS: SSLv3,1bits", true },
		{ "l TLS: TLSv1", false }, { "using TL S", false }, { "version=SL", false }, { "version=LS", false }, { "TLS", false },
		{ "tLS mail", false }, { "SSL", false }, { "l", false }, { "", false }, { "ls", false }, { "sl", false }, { "using tL", false },
	};

	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct path_hop hop;

		path_parse_hop(arena, arena_concat(arena, " from a.example ([192.0.2.9]) (", rows[i].comment, ") by b.example with ESMTP id 1; x"), &hop);
		if (hop.transport != (rows[i].tls ? HOP_TLS : HOP_CLEARTEXT))
			fail_msg("%s: %s", rows[i].comment, hop_transport_name(hop.transport));
	}
	arena_free(&arena);
}

static void test_path_parse_hop_names_are_cleaned(void **state)
{
	struct arena *arena = arena_new();
	struct path_hop hop;

	(void)state;
	path_parse_hop(arena, " from a\x80\x1b" "b by c.example with ESMTP id 1; x", &hop);
	assert_string_equal(hop.from, "a??b");
	assert_string_equal(hop.by, "c.example");
	arena_free(&arena);
}

static void test_path_parse_hop_hostile(void **state)
{
	struct arena *arena = arena_new();
	char *deep = malloc(100001);
	struct path_hop hop;

	(void)state;
	assert_non_null(deep);
	memset(deep, '(', 100000);
	deep[100000] = '\0';
	path_parse_hop(arena, deep, &hop);
	assert_int_equal(hop.transport, HOP_UNKNOWN);
	for (int i = 0; i < 100000; i += 5)
		memcpy(deep + i, "with ", 5);
	path_parse_hop(arena, deep, &hop);
	assert_int_equal(hop.transport, HOP_UNKNOWN);
	path_parse_hop(arena, " from a by b with", &hop);
	assert_int_equal(hop.transport, HOP_UNKNOWN);
	path_parse_hop(arena, " from a by b with ESMTP (unclosed \\", &hop);
	assert_int_equal(hop.transport, HOP_CLEARTEXT);
	assert_true(arena_used_bytes(arena) < 200000);
	free(deep);
	arena_free(&arena);
}

static void test_path_read_counts_hops_and_caps(void **state)
{
	struct arena *arena = arena_new();
	struct header_field fields[60];
	struct facts facts = { .arena = arena, .fields = fields, .field_count = 60 };
	struct path_result path;

	(void)state;
	for (int i = 0; i < 60; i++)
		fields[i] = (struct header_field){ .name = i % 2 ? "received" : "Subject", .value = samples[i % 4 < 2 ? 0 : 1].value };
	path_read(&facts, &path);
	assert_int_equal(path.hop_count, 30);
	assert_int_equal(path.tls, 15);
	assert_int_equal(path.cleartext, 15);
	assert_false(path.truncated);
	for (int i = 0; i < 60; i++)
		fields[i].name = "Received";
	path_read(&facts, &path);
	assert_int_equal(path.hop_count, PATH_MAX_HOPS);
	assert_true(path.truncated);
	arena_free(&arena);
}

/* assert: these values, newest first, are so many hops of each kind. */
static void assert_hops(const char *const *values, size_t count, size_t hops, unsigned tls, unsigned cleartext, unsigned unknown,
    struct path_hop *first_r)
{
	struct arena *arena = arena_new();
	struct header_field fields[4];
	struct facts facts = { .arena = arena, .fields = fields, .field_count = count };
	struct path_result path;

	for (size_t i = 0; i < count; i++)
		fields[i] = (struct header_field){ .name = "Received", .value = values[i] };
	path_read(&facts, &path);
	assert_int_equal(path.hop_count, hops);
	assert_int_equal(path.tls, tls);
	assert_int_equal(path.cleartext, cleartext);
	assert_int_equal(path.unknown, unknown);
	*first_r = path.hops[0];
	first_r->cipher = path.hops[0].cipher != NULL ? "told" : NULL;
	first_r->group = path.hops[0].group != NULL ? "told" : NULL;
	arena_free(&arena);
}

#define THEIRS " from a.example (a.example [192.0.2.1]) (using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)" \
	" key-exchange X25519MLKEM768) by mx.example (Postfix) with ESMTPS id 4XYZ; x"
#define OURS(id) " from a.example (a.example [192.0.2.1]) by mx.example (Assay) with ESMTPS (TLSv1.3, 256 bits) id " id \
	" tls TLS_AES_256_GCM_SHA384; x"
#define EARLIER " from b.example (b.example [192.0.2.2]) by a.example (Postfix) with ESMTP id 77; x"

static void test_path_read_counts_our_own_field_with_the_mta_s(void **state)
{
	struct path_hop first;

	(void)state;
	assert_hops((const char *[]){ THEIRS, OURS("4XYZ"), EARLIER }, 3, 2, 1, 1, 0, &first);
	assert_non_null(first.group);
	assert_hops((const char *[]){ OURS("4XYZ"), THEIRS, EARLIER }, 3, 2, 1, 1, 0, &first);
	assert_non_null(first.group);
	/* what Postfix keeps back */
	assert_hops((const char *[]){ " by mx.example (Postfix) id 4XYZ; x", OURS("4XYZ"), EARLIER }, 3, 2, 1, 1, 0, &first);
	assert_int_equal(first.transport, HOP_TLS);
	assert_non_null(first.cipher);
	/* another message's, two of one program, one in between */
	assert_hops((const char *[]){ THEIRS, OURS("4ABC") }, 2, 2, 2, 0, 0, &first);
	assert_hops((const char *[]){ THEIRS, THEIRS }, 2, 2, 2, 0, 0, &first);
	assert_hops((const char *[]){ OURS("4XYZ"), OURS("4XYZ") }, 2, 2, 2, 0, 0, &first);
	assert_hops((const char *[]){ THEIRS, EARLIER, OURS("4XYZ") }, 3, 3, 2, 1, 0, &first);
	/* who says cleartext is not overruled */
	assert_hops((const char *[]){ EARLIER, OURS("77") }, 2, 1, 0, 1, 0, &first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_path_parse_hop_of_known_mtas),
		cmocka_unit_test(test_path_parse_hop_as_recorded),
		cmocka_unit_test(test_path_parse_hop_comments_that_say_tls),
		cmocka_unit_test(test_path_parse_hop_names_are_cleaned),
		cmocka_unit_test(test_path_parse_hop_hostile),
		cmocka_unit_test(test_path_read_counts_hops_and_caps),
		cmocka_unit_test(test_path_read_counts_our_own_field_with_the_mta_s),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
