/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A whole message through the DKIM check with libopendkim behind it. The first byte chooses how the body is cut. Keys are
 * those of RFC 8463, so that the seeds verify; nothing but the seeds' own signatures may ever pass.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/dkim_message.h"
#include "../unit/spf_fake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct config config = { .dkim_enabled = true, .dkim_min_key_bits = 1024, .dkim_max_signatures = 8 };
static struct dkim_case test = { .config = &config, .time_secs = 1600000000 };

static void setup(void)
{
	char why[200];

	test.engine = dkim_engine_new(&config, why, sizeof why);
	if (test.engine == NULL)
		abort();
	test.dns = fake_new();
	fake_add(test.dns, "brisbane._domainkey.football.example.com", DNS_TYPE_TXT,
	    "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
	fake_add(test.dns, "test._domainkey.football.example.com", DNS_TYPE_TXT,
	    "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx"
	    "/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (test.engine == NULL)
		setup();
	test.chunk_bytes = data[0] % 32;
	dkim_case_run(&test, (const char *)data + 1, size - 1);
	for (size_t i = 0; i < test.results.dkim_count; i++) {
		const struct dkim_result *result = &test.results.dkim[i];

		/* a pass below an added field does not count, and says why */
		if (result->result == RESULT_UNCHECKED || dkim_result_counts(result) != (result->reason == NULL))
			abort();
		if (result->result == RESULT_PASS && strcmp(result->domain, "football.example.com") != 0)
			abort();
	}
	dkim_case_free(&test);
	return 0;
}
