/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TESTS_PATH_RECORDED_H
#define ASSAY_TESTS_PATH_RECORDED_H
/*
 * Received fields as programs of Debian 12 and 13 wrote them, each given one message over TLS and one without; names and
 * addresses are those of the documentation ranges. What is expected is what the session really was: in the clear from
 * 192.0.2.1 or 2001:db8::1 (a.example), over TLS, or on loopback, and what the program tells of it. An MTA that keeps its
 * client back does not tell.
 */
#include "check/path.h"

struct path_sample {
	const char *mta, *value;
	enum hop_transport transport;
	const char *protocol, *version, *cipher, *group;
};

static const struct path_sample path_recorded[] = {
	/* Postfix 3.10.13, OpenSSL 3.5.9 */
	{ "postfix 3.10",
	    " from a.example (a.example [192.0.2.1])\n\tby mx.example.net (Postfix) with ESMTP id 9E58211E2AC\n"
	    "\tfor <bob@example.net>; Sun, 29 Nov 2026 01:53:32 +0000 (UTC)",
	    HOP_CLEARTEXT, "ESMTP", NULL, NULL, NULL },
	{ "postfix 3.10 helo",
	    " from a.example (a.example [192.0.2.1])\n\tby mx.example.net (Postfix) with SMTP id 8EB0411E2B1\n"
	    "\tfor <bob@example.net>; Sun, 29 Nov 2026 01:53:33 +0000 (UTC)",
	    HOP_CLEARTEXT, "SMTP", NULL, NULL, NULL },
	{ "postfix 3.10 tls",
	    " from a.example (a.example [192.0.2.1])\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\n"
	    "\t key-exchange x25519 server-signature RSA-PSS (2048 bits) server-digest SHA256)\n\t(Client did not present a certificate)\n"
	    "\tby mx.example.net (Postfix) with ESMTPS id 1090311E2B3\n\tfor <bob@example.net>; Sun, 29 Nov 2026 01:53:34 +0000 (UTC)",
	    HOP_TLS, "ESMTPS", "TLSv1.3", "TLS_AES_256_GCM_SHA384", "x25519" },
	{ "postfix 3.10 client certificate",
	    " from a.example (a.example [192.0.2.1])\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\n"
	    "\t key-exchange x25519 server-signature RSA-PSS (2048 bits) server-digest SHA256\n"
	    "\t client-signature ECDSA (prime256v1) client-digest SHA256)\n\t(Client CN \"cl.example\", Issuer \"Assay Test CA\" (verified OK))\n"
	    "\tby mx.example.net (Postfix) with ESMTPS id C6FC311E2B3\n\tfor <bob@example.net>; Sun, 29 Nov 2026 01:53:34 +0000 (UTC)",
	    HOP_TLS, "ESMTPS", "TLSv1.3", "TLS_AES_256_GCM_SHA384", "x25519" },
	{ "postfix 3.10 tls 1.2",
	    " from a.example (a.example [192.0.2.1])\n\t(using TLSv1.2 with cipher ECDHE-RSA-AES256-GCM-SHA384 (256/256 bits))\n"
	    "\t(Client did not present a certificate)\n\tby mx.example.net (Postfix) with ESMTPS id E41BB11E2B5\n"
	    "\tfor <bob@example.net>; Sun, 29 Nov 2026 01:53:35 +0000 (UTC)",
	    HOP_TLS, "ESMTPS", "TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384", NULL },
	{ "postfix 3.10 loopback",
	    " from a.example (localhost [127.0.0.1])\n\tby mx.example.net (Postfix) with ESMTP id 6773A11E2CD\n"
	    "\tfor <bob@example.net>; Sun, 29 Nov 2026 01:53:37 +0000 (UTC)",
	    HOP_LOCAL, "ESMTP", NULL, NULL, NULL },
	{ "postfix 3.10 loopback tls",
	    " from a.example (localhost [127.0.0.1])\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\n"
	    "\t key-exchange x25519 server-signature RSA-PSS (2048 bits) server-digest SHA256)\n\t(Client did not present a certificate)\n"
	    "\tby mx.example.net (Postfix) with ESMTPS id 0AE3A11E4CE\n\tfor <bob@example.net>; Sun, 29 Nov 2026 01:53:39 +0000 (UTC)",
	    HOP_TLS, "ESMTPS", "TLSv1.3", "TLS_AES_256_GCM_SHA384", "x25519" },
	{ "postfix 3.10 loopback ipv6",
	    " from a.example (localhost [IPv6:::1])\n\tby mx.example.net (Postfix) with ESMTP id 9141711E4CE\n"
	    "\tfor <bob@example.net>; Sun, 29 Nov 2026 01:53:39 +0000 (UTC)",
	    HOP_LOCAL, "ESMTP", NULL, NULL, NULL },
	{ "postfix 3.10 ipv6",
	    " from a.example (a.example [IPv6:2001:db8::1])\n\tby mx.example.net (Postfix) with ESMTP id 2055C11E2B8\n"
	    "\tfor <bob@example.net>; Sun, 29 Nov 2026 01:53:40 +0000 (UTC)",
	    HOP_CLEARTEXT, "ESMTP", NULL, NULL, NULL },
	{ "postfix 3.10 utf8 tls",
	    " from a.example (a.example [192.0.2.1])\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\n"
	    "\t key-exchange x25519 server-signature RSA-PSS (2048 bits) server-digest SHA256)\n\t(Client did not present a certificate)\n"
	    "\tby mx.example.net (Postfix) with UTF8SMTPS id 0697011E4E2\n\tfor <bob@example.net>; Sun, 29 Nov 2026 01:53:41 +0000 (UTC)",
	    HOP_TLS, "UTF8SMTPS", "TLSv1.3", "TLS_AES_256_GCM_SHA384", "x25519" },
	{ "postfix 3.10 utf8",
	    " from a.example (a.example [192.0.2.1])\n\tby mx.example.net (Postfix) with UTF8SMTP id 16B3E11E546\n"
	    "\tfor <bob@example.net>; Sun, 29 Nov 2026 01:53:42 +0000 (UTC)",
	    HOP_CLEARTEXT, "UTF8SMTP", NULL, NULL, NULL },
	{ "postfix 3.10 pickup",
	    " by mx.example.net (Postfix, from userid 1001)\n\tid 33D5E11E56F; Sun, 29 Nov 2026 01:53:42 +0000 (UTC)",
	    HOP_LOCAL, NULL, NULL, NULL, NULL },
	{ "postfix 3.10 hybrid, ml-dsa-65 server",
	    " from a.example (a.example [192.0.2.1])\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\n"
	    "\t key-exchange X25519MLKEM768 server-signature ML-DSA-65)\n\t(Client did not present a certificate)\n"
	    "\tby mx.example.net (Postfix) with ESMTPS id 150FC11E649\n\tfor <bob@example.net>; Sun, 29 Nov 2026 01:53:51 +0000 (UTC)",
	    HOP_TLS, "ESMTPS", "TLSv1.3", "TLS_AES_256_GCM_SHA384", "X25519MLKEM768" },
	{ "postfix 3.10 hybrid, ml-dsa-65 server, ml-dsa-44 client",
	    " from a.example (a.example [192.0.2.1])\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\n"
	    "\t key-exchange X25519MLKEM768 server-signature ML-DSA-65\n\t client-signature ML-DSA-44)\n"
	    "\t(Client CN \"cl.example\", Issuer \"Assay Test CA\" (verified OK))\n\tby mx.example.net (Postfix) with ESMTPS id C0D7111E64D\n"
	    "\tfor <bob@example.net>; Sun, 29 Nov 2026 01:53:51 +0000 (UTC)",
	    HOP_TLS, "ESMTPS", "TLSv1.3", "TLS_AES_256_GCM_SHA384", "X25519MLKEM768" },
	{ "postfix 3.10 hybrid, ml-dsa-65 server, ecdsa client",
	    " from a.example (a.example [192.0.2.1])\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\n"
	    "\t key-exchange X25519MLKEM768 server-signature ML-DSA-65\n\t client-signature ECDSA (prime256v1) client-digest SHA256)\n"
	    "\t(Client CN \"cl.example\", Issuer \"Assay Test CA\" (verified OK))\n\tby mx.example.net (Postfix) with ESMTPS id 65CA111E659\n"
	    "\tfor <bob@example.net>; Sun, 29 Nov 2026 01:53:52 +0000 (UTC)",
	    HOP_TLS, "ESMTPS", "TLSv1.3", "TLS_AES_256_GCM_SHA384", "X25519MLKEM768" },
	/* Sendmail 8.18.1, OpenSSL 3.5.9; nothing of the group, and an ML-DSA certificate is a certificate */
	{ "sendmail 8.18",
	    " from a.example (a.example [192.0.2.1])\n\tby mx.example.net (8.18.1/8.18.1) with ESMTP id 6AT2Ku3G000083\n"
	    "\tfor <bob@example.net>; Sun, 29 Nov 2026 02:20:56 GMT",
	    HOP_CLEARTEXT, "ESMTP", NULL, NULL, NULL },
	{ "sendmail 8.18 helo",
	    " from a.example (a.example [192.0.2.1])\n\tby mx.example.net (8.18.1/8.18.1) with SMTP id 6AT2Kv7Y000092\n"
	    "\tfor <bob@example.net>; Sun, 29 Nov 2026 02:20:57 GMT",
	    HOP_CLEARTEXT, "SMTP", NULL, NULL, NULL },
	{ "sendmail 8.18 tls",
	    " from a.example (a.example [192.0.2.1])\n\tby mx.example.net (8.18.1/8.18.1) with ESMTPS id 6AT2KwAp000101\n"
	    "\t(version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 bits=256 verify=NO)\n\tfor <bob@example.net>; Sun, 29 Nov 2026 02:20:58 GMT",
	    HOP_TLS, "ESMTPS", "TLSv1.3", "TLS_AES_256_GCM_SHA384", NULL },
	{ "sendmail 8.18 client certificate",
	    " from a.example (a.example [192.0.2.1])\n\tby mx.example.net (8.18.1/8.18.1) with ESMTPS id 6AT2KxpI000110\n"
	    "\t(version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 bits=256 verify=OK)\n\tfor <bob@example.net>; Sun, 29 Nov 2026 02:20:59 GMT",
	    HOP_TLS, "ESMTPS", "TLSv1.3", "TLS_AES_256_GCM_SHA384", NULL },
	{ "sendmail 8.18 ml-dsa-65 server, ml-dsa-44 client",
	    " from a.example (a.example [192.0.2.1])\n\tby mx.example.net (8.18.1/8.18.1) with ESMTPS id 6AT2LX4F000236\n"
	    "\t(version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 bits=256 verify=OK)\n\tfor <bob@example.net>; Sun, 29 Nov 2026 02:21:33 GMT",
	    HOP_TLS, "ESMTPS", "TLSv1.3", "TLS_AES_256_GCM_SHA384", NULL },
	{ "sendmail 8.18 tls 1.2",
	    " from a.example (a.example [192.0.2.1])\n\tby mx.example.net (8.18.1/8.18.1) with ESMTPS id 6AT2KxIc000119\n"
	    "\t(version=TLSv1.2 cipher=ECDHE-RSA-AES256-GCM-SHA384 bits=256 verify=NO)\n\tfor <bob@example.net>; Sun, 29 Nov 2026 02:20:59 GMT",
	    HOP_TLS, "ESMTPS", "TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384", NULL },
	{ "sendmail 8.18 loopback",
	    " from a.example (localhost [127.0.0.1])\n\tby mx.example.net (8.18.1/8.18.1) with ESMTP id 6AT2L0Bw000128\n"
	    "\tfor <bob@example.net>; Sun, 29 Nov 2026 02:21:00 GMT",
	    HOP_LOCAL, "ESMTP", NULL, NULL, NULL },
	{ "sendmail 8.18 loopback ipv6",
	    " from a.example (localhost [IPv6:0:0:0:0:0:0:0:1])\n\tby mx.example.net (8.18.1/8.18.1) with ESMTP id 6AT2L1VP000146\n"
	    "\tfor <bob@example.net>; Sun, 29 Nov 2026 02:21:02 GMT",
	    HOP_LOCAL, "ESMTP", NULL, NULL, NULL },
	{ "sendmail 8.18 local",
	    " (from root@localhost)\n\tby mx.example.net (8.18.1/8.18.1) id 6AT2LReW000164\n\tfor bob@example.net; Sun, 29 Nov 2026 02:21:27 GMT",
	    HOP_LOCAL, NULL, NULL, NULL, NULL },
	{ "sendmail 8.18 submit",
	    " (from joe@localhost)\n\tby mx.example.net (8.18.1/8.18.1/Submit) id 6AT2LR1q000170\n\tfor bob@example.net; Sun, 29 Nov 2026 02:21:27 GMT",
	    HOP_LOCAL, NULL, NULL, NULL, NULL },
	{ "sendmail 8.18 submitted over tls",
	    " from mx.example.net (localhost [127.0.0.1])\n\tby mx.example.net (8.18.1/8.18.1) with ESMTPS id 6AT2LRuD000171\n"
	    "\t(version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 bits=256 verify=NO)\n\tfor <bob@example.net>; Sun, 29 Nov 2026 02:21:28 GMT",
	    HOP_TLS, "ESMTPS", "TLSv1.3", "TLS_AES_256_GCM_SHA384", NULL },
	/* Exim 4.98.2, GnuTLS 3.8 */
	{ "exim 4.98",
	    " from [192.0.2.1] (helo=a.example)\n\tby mx.example.net with esmtp (Exim 4.98.2)\n\t(envelope-from <joe@a.example>)\n"
	    "\tid 1xXUKu-0000000000x-2hUE\n\tfor bob@example.net;\n\tSun, 29 Nov 2026 02:08:16 +0000",
	    HOP_CLEARTEXT, "ESMTP", NULL, NULL, NULL },
	{ "exim 4.98 helo",
	    " from [192.0.2.1] (helo=a.example)\n\tby mx.example.net with smtp (Exim 4.98.2)\n\t(envelope-from <joe@a.example>)\n"
	    "\tid 1xXUKv-00000000015-0w1z\n\tfor bob@example.net;\n\tSun, 29 Nov 2026 02:08:17 +0000",
	    HOP_CLEARTEXT, "SMTP", NULL, NULL, NULL },
	{ "exim 4.98 tls",
	    " from [192.0.2.1] (helo=a.example)\n\tby mx.example.net with esmtps  (TLS1.3) tls TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384\n\t(Exim 4.98.2)\n"
	    "\t(envelope-from <joe@a.example>)\n\tid 1xXUKw-0000000001D-2OMY\n\tfor bob@example.net;\n\tSun, 29 Nov 2026 02:08:18 +0000",
	    HOP_TLS, "ESMTPS", "TLS1.3", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", NULL },
	{ "exim 4.98 tls 1.2",
	    " from [192.0.2.1] (helo=a.example)\n\tby mx.example.net with esmtps  (TLS1.2) tls TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384\n\t(Exim 4.98.2)\n"
	    "\t(envelope-from <joe@a.example>)\n\tid 1xXUKy-0000000001b-1oRR\n\tfor bob@example.net;\n\tSun, 29 Nov 2026 02:08:20 +0000",
	    HOP_TLS, "ESMTPS", "TLS1.2", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", NULL },
	{ "exim 4.98 tls auth",
	    " from [192.0.2.1] (helo=a.example)\n\tby mx.example.net with esmtpsa  (TLS1.3) tls TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384\n"
	    "\t(Exim 4.98.2)\n\t(envelope-from <joe@a.example>)\n\tid 1xXUKy-0000000001j-4Ajb\n\tfor bob@example.net;\n"
	    "\tSun, 29 Nov 2026 02:08:21 +0000",
	    HOP_TLS, "ESMTPSA", "TLS1.3", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", NULL },
	{ "exim 4.98 auth",
	    " from [192.0.2.1] (helo=a.example)\n\tby mx.example.net with esmtpa (Exim 4.98.2)\n\t(envelope-from <joe@a.example>)\n"
	    "\tid 1xXUKz-0000000001r-1zXW\n\tfor bob@example.net;\n\tSun, 29 Nov 2026 02:08:21 +0000",
	    HOP_CLEARTEXT, "ESMTPA", NULL, NULL, NULL },
	{ "exim 4.98 utf8",
	    " from [192.0.2.1] (helo=a.example)\n\tby mx.example.net with utf8esmtp (Exim 4.98.2)\n\t(envelope-from <joe@a.example>)\n"
	    "\tid 1xXUL0-0000000001z-0ktL\n\tfor bob@example.net;\n\tSun, 29 Nov 2026 02:08:22 +0000",
	    HOP_CLEARTEXT, "UTF8ESMTP", NULL, NULL, NULL },
	{ "exim 4.98 utf8 tls",
	    " from [192.0.2.1] (helo=a.example)\n\tby mx.example.net with utf8esmtps  (TLS1.3) tls TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384\n"
	    "\t(Exim 4.98.2)\n\t(envelope-from <joe@a.example>)\n\tid 1xXUL0-00000000027-3pQx\n\tfor bob@example.net;\n"
	    "\tSun, 29 Nov 2026 02:08:22 +0000",
	    HOP_TLS, "UTF8ESMTPS", "TLS1.3", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", NULL },
	{ "exim 4.98 loopback",
	    " from [127.0.0.1] (helo=a.example)\n\tby mx.example.net with esmtp (Exim 4.98.2)\n\t(envelope-from <joe@a.example>)\n"
	    "\tid 1xXUL1-0000000002F-1asM\n\tfor bob@example.net;\n\tSun, 29 Nov 2026 02:08:23 +0000",
	    HOP_LOCAL, "ESMTP", NULL, NULL, NULL },
	{ "exim 4.98 loopback ipv6",
	    " from [::1] (helo=a.example)\n\tby mx.example.net with esmtp (Exim 4.98.2)\n\t(envelope-from <joe@a.example>)\n"
	    "\tid 1xXUL1-0000000002N-41vY\n\tfor bob@example.net;\n\tSun, 29 Nov 2026 02:08:23 +0000",
	    HOP_LOCAL, "ESMTP", NULL, NULL, NULL },
	{ "exim 4.98 ipv6",
	    " from [2001:db8::1] (helo=a.example)\n\tby mx.example.net with esmtp (Exim 4.98.2)\n\t(envelope-from <joe@a.example>)\n"
	    "\tid 1xXUL2-0000000002V-2SmS\n\tfor bob@example.net;\n\tSun, 29 Nov 2026 02:08:24 +0000",
	    HOP_CLEARTEXT, "ESMTP", NULL, NULL, NULL },
	{ "exim 4.98 helo of the address",
	    " from [192.0.2.1]\n\tby mx.example.net with esmtp (Exim 4.98.2)\n\t(envelope-from <joe@a.example>)\n\tid 1xXUL5-0000000002t-0aWY\n"
	    "\tfor bob@example.net;\n\tSun, 29 Nov 2026 02:08:27 +0000",
	    HOP_CLEARTEXT, "ESMTP", NULL, NULL, NULL },
	{ "exim 4.98 sendmail",
	    " from joe by mx.example.net with local (Exim 4.98.2)\n\t(envelope-from <joe@mx.example.net>)\n\tid 1xXUL6-0000000003C-0glR\n"
	    "\tfor bob@example.net;\n\tSun, 29 Nov 2026 02:08:28 +0000",
	    HOP_LOCAL, "LOCAL", NULL, NULL, NULL },
	{ "exim 4.98 -bs",
	    " from joe (helo=x.example)\n\tby mx.example.net with local-esmtp (Exim 4.98.2)\n\t(envelope-from <joe@mx.example.net>)\n"
	    "\tid 1xXUL6-0000000003M-1Ges\n\tfor bob@example.net;\n\tSun, 29 Nov 2026 02:08:28 +0000",
	    HOP_LOCAL, "LOCAL-ESMTP", NULL, NULL, NULL },
	/* OpenSMTPD 7.6.0, LibreSSL */
	{ "opensmtpd 7.6",
	    " from a.example (a.example [192.0.2.1])\n\tby mx.example.net (OpenSMTPD) with ESMTP id 911991c3\n\tfor <bob@example.net>;\n"
	    "\tSun, 29 Nov 2026 02:08:30 +0000 (UTC)",
	    HOP_CLEARTEXT, "ESMTP", NULL, NULL, NULL },
	{ "opensmtpd 7.6 helo",
	    " from a.example (a.example [192.0.2.1])\n\tby mx.example.net (OpenSMTPD) with SMTP id 1ff31d5e\n\tfor <bob@example.net>;\n"
	    "\tSun, 29 Nov 2026 02:08:30 +0000 (UTC)",
	    HOP_CLEARTEXT, "SMTP", NULL, NULL, NULL },
	{ "opensmtpd 7.6 tls",
	    " from a.example (a.example [192.0.2.1])\n\tby mx.example.net (OpenSMTPD) with ESMTPS id 820be133 (TLSv1.3:TLS_AES_256_GCM_SHA384:256:NO)\n"
	    "\tfor <bob@example.net>;\n\tSun, 29 Nov 2026 02:08:31 +0000 (UTC)",
	    HOP_TLS, "ESMTPS", "TLSv1.3", "TLS_AES_256_GCM_SHA384", NULL },
	{ "opensmtpd 7.6 tls 1.2",
	    " from a.example (a.example [192.0.2.1])\n\tby mx.example.net (OpenSMTPD) with ESMTPS id 28c861e6 "
	    "(TLSv1.2:ECDHE-RSA-AES256-GCM-SHA384:256:NO)\n\tfor <bob@example.net>;\n\tSun, 29 Nov 2026 02:08:31 +0000 (UTC)",
	    HOP_TLS, "ESMTPS", "TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384", NULL },
	{ "opensmtpd 7.6 client certificate",
	    " from a.example (a.example [192.0.2.1])\n\tby mx.example.net (OpenSMTPD) with ESMTPS id d3980d9b "
	    "(TLSv1.3:TLS_AES_256_GCM_SHA384:256:YES)\n\tfor <bob@example.net>;\n\tSun, 29 Nov 2026 02:08:34 +0000 (UTC)",
	    HOP_TLS, "ESMTPS", "TLSv1.3", "TLS_AES_256_GCM_SHA384", NULL },
	{ "opensmtpd 7.6 mask-src",
	    " \n\tby mx.example.net (OpenSMTPD) with ESMTP id 4d80cec9\n\tfor <bob@example.net>;\n\tSun, 29 Nov 2026 02:08:32 +0000 (UTC)",
	    HOP_UNKNOWN, "ESMTP", NULL, NULL, NULL },
	{ "opensmtpd 7.6 mask-src tls",
	    " \n\tby mx.example.net (OpenSMTPD) with ESMTPS id b6ade6f6 (TLSv1.3:TLS_AES_256_GCM_SHA384:256:NO)\n\tfor <bob@example.net>;\n"
	    "\tSun, 29 Nov 2026 02:08:32 +0000 (UTC)",
	    HOP_TLS, "ESMTPS", "TLSv1.3", "TLS_AES_256_GCM_SHA384", NULL },
	{ "opensmtpd 7.6 loopback",
	    " from a.example (localhost [127.0.0.1])\n\tby mx.example.net (OpenSMTPD) with ESMTP id a1626cfd\n\tfor <bob@example.net>;\n"
	    "\tSun, 29 Nov 2026 02:08:33 +0000 (UTC)",
	    HOP_LOCAL, "ESMTP", NULL, NULL, NULL },
	{ "opensmtpd 7.6 loopback ipv6",
	    " from a.example (localhost [::1])\n\tby mx.example.net (OpenSMTPD) with ESMTP id 32e71a78\n\tfor <bob@example.net>;\n"
	    "\tSun, 29 Nov 2026 02:08:33 +0000 (UTC)",
	    HOP_LOCAL, "ESMTP", NULL, NULL, NULL },
	{ "opensmtpd 7.6 sendmail",
	    " from localhost (mx.example.net [local])\n\tby mx.example.net (OpenSMTPD) with ESMTPA id a90621a5\n\tfor <bob@example.net>;\n"
	    "\tSun, 29 Nov 2026 02:08:34 +0000 (UTC)",
	    HOP_LOCAL, "ESMTPA", NULL, NULL, NULL },
	/* courier-mta 1.4.1, GnuTLS */
	{ "courier 1.4",
	    " from a.example (a.example [::ffff:192.0.2.1])\n  by mx.example.net with ESMTP\n"
	    "  id 000000000015601B.000000006B0B8BE4.00000097; Sun, 29 Nov 2026 02:20:20 +0000",
	    HOP_CLEARTEXT, "ESMTP", NULL, NULL, NULL },
	{ "courier 1.4 helo",
	    " from a.example (a.example [::ffff:192.0.2.1])\n  by mx.example.net with SMTP\n"
	    "  id 0000000000156020.000000006B0B8BE5.000000A1; Sun, 29 Nov 2026 02:20:21 +0000",
	    HOP_CLEARTEXT, "SMTP", NULL, NULL, NULL },
	{ "courier 1.4 tls",
	    " from a.example (a.example [::ffff:192.0.2.1])\n  (TLS: TLS1.3,256bits,ECDHE_RSA_AES_256_GCM_SHA384)\n  by mx.example.net with ESMTPS\n"
	    "  id 0000000000156024.000000006B0B8BE6.000000AE; Sun, 29 Nov 2026 02:20:22 +0000",
	    HOP_TLS, "ESMTPS", "TLS1.3", "ECDHE_RSA_AES_256_GCM_SHA384", NULL },
	{ "courier 1.4 tls 1.2",
	    " from a.example (a.example [::ffff:192.0.2.1])\n  (TLS: TLS1.2,256bits,ECDHE_RSA_AES_256_GCM_SHA384)\n  by mx.example.net with ESMTPS\n"
	    "  id 0000000000156024.000000006B0B8BE6.000000BB; Sun, 29 Nov 2026 02:20:22 +0000",
	    HOP_TLS, "ESMTPS", "TLS1.2", "ECDHE_RSA_AES_256_GCM_SHA384", NULL },
	{ "courier 1.4 tls auth",
	    " from a.example (a.example [::ffff:192.0.2.1])\n  (AUTH: PLAIN joe, TLS: TLS1.3,256bits,ECDHE_RSA_AES_256_GCM_SHA384)\n"
	    "  by mx.example.net with ESMTPSA\n  id 0000000000156029.000000006B0B8BE7.000000CD; Sun, 29 Nov 2026 02:20:23 +0000",
	    HOP_TLS, "ESMTPSA", "TLS1.3", "ECDHE_RSA_AES_256_GCM_SHA384", NULL },
	{ "courier 1.4 auth",
	    " from a.example (a.example [::ffff:192.0.2.1])\n  (AUTH: PLAIN joe)\n  by mx.example.net with ESMTPA\n"
	    "  id 0000000000156029.000000006B0B8BE8.000000DB; Sun, 29 Nov 2026 02:20:24 +0000",
	    HOP_CLEARTEXT, "ESMTPA", NULL, NULL, NULL },
	{ "courier 1.4 utf8 tls",
	    " from a.example (a.example [::ffff:192.0.2.1])\n  (TLS: TLS1.3,256bits,ECDHE_RSA_AES_256_GCM_SHA384)\n  by mx.example.net with UTF8SMTPS\n"
	    "  id 0000000000156033.000000006B0B8BEA.000000FA; Sun, 29 Nov 2026 02:20:26 +0000",
	    HOP_TLS, "UTF8SMTPS", "TLS1.3", "ECDHE_RSA_AES_256_GCM_SHA384", NULL },
	{ "courier 1.4 loopback",
	    " from a.example (localhost [::ffff:127.0.0.1])\n  by mx.example.net with ESMTP\n"
	    "  id 000000000015602E.000000006B0B8BE9.000000E4; Sun, 29 Nov 2026 02:20:25 +0000",
	    HOP_LOCAL, "ESMTP", NULL, NULL, NULL },
	{ "courier 1.4 loopback ipv6",
	    " from a.example ([::1])\n  by mx.example.net with ESMTP\n  id 000000000015602E.000000006B0B8BE9.000000ED; Sun, 29 Nov 2026 02:20:25 +0000",
	    HOP_LOCAL, "ESMTP", NULL, NULL, NULL },
	{ "courier 1.4 sendmail",
	    " from localhost (localhost [127.0.0.1])\n  (uid 1001)\n  by mx.example.net with local\n"
	    "  id 0000000000156039.000000006B0B8BEB.00000120; Sun, 29 Nov 2026 02:20:27 +0000",
	    HOP_LOCAL, "LOCAL", NULL, NULL, NULL },
	/* Dovecot 2.4.1: LMTP (its name for the client is its own), submission, where only the protocol tells TLS */
	{ "dovecot 2.4 lmtp",
	    " from mx.example.net\n\tby mx.example.net with LMTP\n\tid OMtvGkyLC2tAAAAAMcwRaw\n\t(envelope-from <joe@a.example>)\n"
	    "\tfor <bob>; Sun, 29 Nov 2026 02:17:48 +0000",
	    HOP_LOCAL, "LMTP", NULL, NULL, NULL },
	{ "dovecot 2.4 lmtp network",
	    " from mx.example.net ([192.0.2.1])\n\tby mx.example.net with LMTP\n\tid WWf3L0yLC2tAAAAAMcwRaw\n\t(envelope-from <joe@a.example>)\n"
	    "\tfor <bob>; Sun, 29 Nov 2026 02:17:48 +0000",
	    HOP_CLEARTEXT, "LMTP", NULL, NULL, NULL },
	{ "dovecot 2.4 lmtp loopback",
	    " from mx.example.net ([127.0.0.1])\n\tby mx.example.net with LMTP\n\tid OZi9CE2LC2tAAAAAMcwRaw\n\t(envelope-from <joe@a.example>)\n"
	    "\tfor <bob>; Sun, 29 Nov 2026 02:17:49 +0000",
	    HOP_LOCAL, "LMTP", NULL, NULL, NULL },
	{ "dovecot 2.4 lmtp ipv6",
	    " from mx.example.net ([2001:db8::1])\n\tby mx.example.net with LMTP\n\tid aW2bIE6LC2tAAAAAMcwRaw\n\t(envelope-from <joe@a.example>)\n"
	    "\tfor <bob>; Sun, 29 Nov 2026 02:17:50 +0000",
	    HOP_CLEARTEXT, "LMTP", NULL, NULL, NULL },
	{ "dovecot 2.4 lmtp tls",
	    " from mx.example.net ([192.0.2.1])\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))\n\tby mx.example.net with LMTPS\n"
	    "\tid AdZMHk2LC2tAAAAAMcwRaw\n\t(envelope-from <joe@a.example>)\n\tfor <bob>; Sun, 29 Nov 2026 02:17:49 +0000",
	    HOP_TLS, "LMTPS", "TLSv1.3", "TLS_AES_256_GCM_SHA384", NULL },
	{ "dovecot 2.4 submission",
	    " from a.example ([192.0.2.1])\n\tby mx.example.net with ESMTPA\n\tid svUTOFGLC2tmAAAAMcwRaw\n\t(envelope-from <joe@a.example>)\n"
	    "\tfor <bob@example.net>; Sun, 29 Nov 2026 02:17:53 +0000",
	    HOP_CLEARTEXT, "ESMTPA", NULL, NULL, NULL },
	{ "dovecot 2.4 submission tls",
	    " from a.example ([192.0.2.1])\n\tby mx.example.net with ESMTPSA\n\tid Y1eqEVKLC2tsAAAAMcwRaw\n\t(envelope-from <joe@a.example>)\n"
	    "\tfor <bob@example.net>; Sun, 29 Nov 2026 02:17:54 +0000",
	    HOP_TLS, "ESMTPSA", NULL, NULL, NULL },
	/* Cyrus 3.10.2 */
	{ "cyrus 3.10",
	    " from mx.example.net ([unix socket])\n\t by mx.example.net (Cyrus 3.10.2-Debian-3.10.2-1+deb13u2) with LMTPA;\n"
	    "\t Sun, 29 Nov 2026 02:21:56 +0000",
	    HOP_LOCAL, "LMTPA", NULL, NULL, NULL },
	{ "cyrus 3.10 network",
	    " from mx.example.net (a.example [192.0.2.1])\n\t by mx.example.net (Cyrus 3.10.2-Debian-3.10.2-1+deb13u2) with LMTPA;\n"
	    "\t Sun, 29 Nov 2026 02:21:56 +0000",
	    HOP_CLEARTEXT, "LMTPA", NULL, NULL, NULL },
	{ "cyrus 3.10 loopback",
	    " from mx.example.net (localhost [127.0.0.1])\n\t by mx.example.net (Cyrus 3.10.2-Debian-3.10.2-1+deb13u2) with LMTPA;\n"
	    "\t Sun, 29 Nov 2026 02:21:56 +0000",
	    HOP_LOCAL, "LMTPA", NULL, NULL, NULL },
	/* nullmailer 2.2, dma 0.13, msmtpd 1.8.28 (msmtp itself writes none) */
	{ "nullmailer 2.2",
	    " (nullmailer pid 67 invoked by uid 1001);\n\tSun, 29 Nov 2026 02:17:32 -0000",
	    HOP_LOCAL, NULL, NULL, NULL, NULL },
	{ "dma 0.13",
	    " from joe (uid 1001)\n\t(envelope-from joe@mx.example.net)\n\tid 1241d0\n\tby mx.example.net (DragonFly Mail Agent v0.13);\n"
	    "\tSun, 29 Nov 2026 02:16:39 +0000",
	    HOP_LOCAL, NULL, NULL, NULL, NULL },
	{ "msmtpd 1.8",
	    " from a.example (localhost [127.0.0.1])\n\tby localhost [127.0.0.1] (msmtpd) with ESMTP;\n\tSun, 29 Nov 2026 02:17:40 +0000",
	    HOP_LOCAL, "ESMTP", NULL, NULL, NULL },
	/* fetchmail 6.4.39: the same with TLS and without, an address only where it looks names up */
	{ "fetchmail 6.4 imap",
	    " from mx.example.net [192.0.2.2]\n\tby mx.example.net with IMAP (fetchmail-6.4.39)\n"
	    "\tfor <joe@localhost> (single-drop); Sun, 29 Nov 2026 02:18:19 +0000 (UTC)",
	    HOP_UNKNOWN, "IMAP", NULL, NULL, NULL },
	{ "fetchmail 6.4 imap, no dns",
	    " from mx.example.net\n\tby mx.example.net with IMAP (fetchmail-6.4.39)\n"
	    "\tfor <joe@localhost> (single-drop); Sun, 29 Nov 2026 02:18:19 +0000 (UTC)",
	    HOP_UNKNOWN, "IMAP", NULL, NULL, NULL },
	{ "fetchmail 6.4 pop3",
	    " from mx.example.net\n\tby mx.example.net with POP3 (fetchmail-6.4.39)\n"
	    "\tfor <joe@localhost> (single-drop); Sun, 29 Nov 2026 02:18:19 +0000 (UTC)",
	    HOP_UNKNOWN, "POP3", NULL, NULL, NULL },
	{ "fetchmail 6.4 pop3 loopback",
	    " from localhost [::1]\n\tby mx.example.net with POP3 (fetchmail-6.4.39)\n"
	    "\tfor <joe@localhost> (single-drop); Sun, 29 Nov 2026 02:18:19 +0000 (UTC)",
	    HOP_LOCAL, "POP3", NULL, NULL, NULL },
	/* getmail6 6.19.07: its words for no TLS, POP3 above all, are those of others that may have it */
	{ "getmail 6 imap",
	    " from mx.example.net (192.0.2.2:143) by mx.example.net with IMAP4\n  getmail6 msgid:1795918674/1; 29 Nov 2026 02:17:54 -0000",
	    HOP_UNKNOWN, "IMAP4", NULL, NULL, NULL },
	{ "getmail 6 imap tls",
	    " from mx.example.net (192.0.2.2:993) by mx.example.net with\n  IMAP4-SSL getmail6 msgid:1795918674/1; 29 Nov 2026 02:17:54 -0000",
	    HOP_TLS, "IMAP4-SSL", NULL, NULL, NULL },
	{ "getmail 6 pop3",
	    " from mx.example.net (192.0.2.2:110) by mx.example.net with POP3\n  getmail6 msgid:000000016b0b8b52; 29 Nov 2026 02:17:55 -0000",
	    HOP_UNKNOWN, "POP3", NULL, NULL, NULL },
	{ "getmail 6 pop3 tls",
	    " from mx.example.net (192.0.2.2:995) by mx.example.net with POP3-SSL\n  getmail6 msgid:000000016b0b8b52; 29 Nov 2026 02:17:55 -0000",
	    HOP_TLS, "POP3-SSL", NULL, NULL, NULL },
	{ "getmail 6 imap loopback",
	    " from localhost ([::1]:143) by mx.example.net with IMAP4 getmail6\n  msgid:1795918674/1; 29 Nov 2026 02:17:55 -0000",
	    HOP_LOCAL, "IMAP4", NULL, NULL, NULL },
	/* Debian 12: Exim 4.96 (that finds the client's name in DNS), Sendmail 8.17.1.9, Dovecot 2.3.19 */
	{ "exim 4.96 tls",
	    " from a.example ([192.0.2.1])\n\tby mx.example.net with esmtps  (TLS1.3) tls TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384\n\t(Exim 4.96)\n"
	    "\t(envelope-from <joe@a.example>)\n\tid 1xXUqQ-00001S-2z\n\tfor bob@example.net;\n\tSun, 29 Nov 2026 02:40:50 +0000",
	    HOP_TLS, "ESMTPS", "TLS1.3", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", NULL },
	{ "exim 4.96 another helo",
	    " from a.example ([192.0.2.1] helo=other.example)\n\tby mx.example.net with esmtp (Exim 4.96)\n\t(envelope-from <joe@a.example>)\n"
	    "\tid 1xXUqX-00002s-1Q\n\tfor bob@example.net;\n\tSun, 29 Nov 2026 02:40:57 +0000",
	    HOP_CLEARTEXT, "ESMTP", NULL, NULL, NULL },
	{ "exim 4.96 loopback",
	    " from localhost ([127.0.0.1] helo=a.example)\n\tby mx.example.net with esmtp (Exim 4.96)\n\t(envelope-from <joe@a.example>)\n\tid 1xXUqV-00002U-0w\n"
	    "\tfor bob@example.net;\n\tSun, 29 Nov 2026 02:40:55 +0000",
	    HOP_LOCAL, "ESMTP", NULL, NULL, NULL },
	{ "sendmail 8.17 client certificate",
	    " from a.example (a.example [192.0.2.1])\n\tby mx.example.net (8.17.1.9/8.17.1.9) with ESMTPS id 6AT2ggwP000113\n"
	    "\t(version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 bits=256 verify=OK)\n\tfor <bob@example.net>; Sun, 29 Nov 2026 02:42:43 GMT",
	    HOP_TLS, "ESMTPS", "TLSv1.3", "TLS_AES_256_GCM_SHA384", NULL },
	{ "dovecot 2.3 lmtp tls",
	    " from mx.example.net ([192.0.2.1])\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))\n\tby mx.example.net with LMTPS\n"
	    "\tid 4JQ2CSyRC2tAAAAAMcwRaw\n\t(envelope-from <joe@a.example>)\n\tfor <bob>; Sun, 29 Nov 2026 02:42:52 +0000",
	    HOP_TLS, "LMTPS", "TLSv1.3", "TLS_AES_256_GCM_SHA384", NULL },
	/* not run here, after messages in public bug reports, with other names: Haraka 1.3 and Exchange Online */
	{ "haraka 1.3 tls",
	    " from a.example ([192.0.2.103] [192.0.2.1])\n\tby mx.example.net (Haraka/1.3.3) with ESMTPSA id E5D4345F-0627.1\n"
	    "\tenvelope-from <joe@a.example> (authenticated bits=0)\n\t(version=TLSv1/SSLv3 cipher=AES128-SHA verify=FAIL);\n"
	    "\tTue, 28 Aug 2012 15:26:19 +0000",
	    HOP_TLS, "ESMTPSA", "TLSv1/SSLv3", "AES128-SHA", NULL },
	{ "exchange frontend",
	    " from EX3.mail.example.com (192.0.2.59) by\n EX1.mail.example.com (192.0.2.18) with Microsoft SMTP\n"
	    " Server (version=TLS1_2, cipher=TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384_P384) id\n"
	    " 15.1.1075.5 via Frontend Transport; Tue, 23 May 2017 11:38:07 +0000",
	    HOP_TLS, "SMTP", "TLS1_2", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384_P384", NULL },
	{ "exchange https",
	    " from EX2.mail.example.com\n (192.0.2.9) by EX1.mail.example.com with HTTPS via\n EX4.mail.example.com; Tue, 23 May 2017 11:38:10 +0000",
	    HOP_TLS, "HTTPS", NULL, NULL, NULL },
};

#endif
