/* SPDX-License-Identifier: BSD-2-Clause */
/* See arc_message.h. */
#include "arc_message.h"

#include <string.h>

const char arc_letter[] =
	"ARC-Seal: i=2; cv=pass; a=rsa-sha256; d=two.example; s=s; t=1700000001;\r\n"
	" b=rVHINNdPQ/EV3tegcYxNmU3IguRnISzrB2QuUJ2dosGTTMJYsNfL4Obwr5J1qT8dJHylL\r\n"
	" Jz3MtWdNHvE/FQwETyUhlzOXOk2mSvjBpHtwQAaZRVtfauXCzBkOHJucCAlqOUtBUTeWW/d\r\n"
	" JjETrZIS0t56eBX4BLx31f6zwmsY00A=\r\n"
	"ARC-Message-Signature: i=2; a=rsa-sha256; c=relaxed/relaxed;\r\n"
	" d=two.example; s=s; t=1700000001; h=from : to : subject : date :\r\n"
	" message-id : from; bh=nfqSD/pwKIV72a5lX78WMqOto4bv4vusM1k0WtU7gOs=;\r\n"
	" b=tcY59wowuPjthNg7uZdfk6StZw+ueZZoQf4JWswEn4LMQuI+19W6iVOPcaAGsUO6zkPrJ\r\n"
	" XwF/NWza5/UYbhjeVW6oNBExCIQRfdtmYQcopFBix3yDS6OMp5gRN4+wbCrQdaxc/IBl/l/\r\n"
	" 8K1/mjYSfgRNBMwhWIaVeDfITnoZfUg=\r\n"
	"ARC-Authentication-Results: i=2; two.example; arc=pass;\r\n"
	"  dmarc=pass header.from=author.example\r\n"
	"ARC-Seal: i=1; cv=none; a=rsa-sha256; d=one.example; s=s; t=1700000000;\r\n"
	" b=RwGT6K2kVnPsW1zAIlZlHI+YQ/ivyane1nkFiQM53i8kMt92Heiw03Av1xdztS/AW4iRs\r\n"
	" ieFnOTDDYyN9IcvIdKAS5Fe42BYlKu3Sfyh8430axp+pIrUFh6jpdNT9o6qnxN6aA9jdsqs\r\n"
	" cf0a2KiEToTlwH1xuUoASVAqiPNRLYU=\r\n"
	"ARC-Message-Signature: i=1; a=rsa-sha256; c=relaxed/relaxed;\r\n"
	" d=one.example; s=s; t=1700000000; h=from : to : subject : date :\r\n"
	" message-id : from; bh=nfqSD/pwKIV72a5lX78WMqOto4bv4vusM1k0WtU7gOs=;\r\n"
	" b=HfeJDG4PfdV6Y3YNk0FSXmkcklHJ77//Ck41qyDhOeY/3dSqqxgQ0eeNBVH5aNg6eUWYM\r\n"
	" ak6RVE5pf1G9Bc0C3kZGpxP/mM4+HF/vgqZKHfhLND/rNPrYnn1RgH2VZmt/Xa4Q3ERzLRV\r\n"
	" sEnA54nRgiDFQjJggFN9n/neeZMSJXo=\r\n"
	"ARC-Authentication-Results: i=1; one.example; dmarc=pass header.from=author.example\r\n"
	"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=author.example;\r\n"
	" i=@author.example; q=dns/txt; s=s; t=1795953877; h=from : to : subject\r\n"
	" : date : message-id : from;\r\n"
	" bh=nfqSD/pwKIV72a5lX78WMqOto4bv4vusM1k0WtU7gOs=;\r\n"
	" b=JtA7srypE63qFyynLVNVwOEoTdZ32JNkGXpLiicasHucgstJaVBPQVJkwDeNRn4YNQpBN\r\n"
	" /9dRA8YehHSSS/lP4i5v96K5MVhIleuvAO0v5BKmyYlAeMs052dPEiYleCO4NLMnyLdO0ep\r\n"
	" SvHKtSDJNWI/2YCHcQzW7c2VgG22VFA=\r\n"
	"From: Ann <ann@author.example>\r\n"
	"To: list@one.example\r\n"
	"Subject: A letter\r\n"
	"Date: Sat, 28 Nov 2026 12:00:00 +0000\r\n"
	"Message-ID: <1@author.example>\r\n"
	"\r\n"
	"Hello,\r\n"
	"this  is a letter. \r\n"
	"\r\n";

bool arc_case_run(struct dkim_case *test, const char *message, size_t length)
{
	static const struct check *const checks[] = { &check_dkim, &check_arc };
	struct check_shared shared = { .dkim = test->engine, .keys = test->engine->keys };
	struct check_context context = { .config = test->config, .shared = &shared, .facts = &test->facts,
		.author = &test->author, .dns = test->dns, .results = &test->results };
	bool wants[2];
	size_t at;

	test->arena = context.arena = arena_new();
	memset(&test->facts, 0, sizeof test->facts);
	memset(&test->results, 0, sizeof test->results);
	test->facts.arena = test->arena;
	test->facts.time_secs = test->time_secs;
	at = dkim_case_header(test, message, length);
	author_parse(&test->facts, &test->author);
	for (size_t i = 0; i < 2; i++)
		wants[i] = checks[i]->header(&context);
	test->wanted_body = wants[0] || wants[1];
	while (test->wanted_body && at < length) {
		size_t size = length - at;

		if (test->chunk_bytes != 0 && size > test->chunk_bytes)
			size = test->chunk_bytes;
		for (size_t i = 0; i < 2; i++)
			if (wants[i])
				checks[i]->body(&context, message + at, size);
		at += size;
	}
	for (size_t i = 0; i < 2; i++)
		checks[i]->judge(&context);
	for (size_t i = 0; i < 2; i++)
		checks[i]->release(&context);
	return wants[1];
}
