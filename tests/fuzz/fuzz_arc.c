/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Chains of seals. The first byte chooses: a whole message through the DKIM and ARC checks, the body cut as it says; or one field, read as
 * each of ARC's three. Keys are those of tests/unit/arc_message.h, so that the seeds verify; nothing but what their owners
 * sealed may ever pass.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/arc_message.h"
#include "../unit/spf_fake.h"
#include "check/signature/signature.h"
#include "message/authres_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct config config = { .dkim_enabled = true, .arc_enabled = true, .dkim_min_key_bits = 1024, .dkim_max_signatures = 8 };
static struct dkim_case test = { .config = &config, .time_secs = 1800000000 };

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void setup(void)
{
	char why[200];

	test.engine = dkim_engine_new(&config, why, sizeof why);
	require(test.engine != NULL);
	test.dns = fake_new();
	fake_add(test.dns, ARC_KEY_ONE, DNS_TYPE_TXT, ARC_RECORD_ONE);
	fake_add(test.dns, ARC_KEY_TWO, DNS_TYPE_TXT, ARC_RECORD_TWO);
	fake_fail(test.dns, "fail._domainkey.one.example", DNS_TYPE_TXT, DNS_BOGUS);
}

static void check_message(const char *message, size_t length)
{
	const struct arc_result *arc = &test.results.arc;

	arc_case_run(&test, message, length);
	require(arc->result == RESULT_NONE || arc->result == RESULT_PASS || arc->result == RESULT_FAIL || arc->result == RESULT_TEMPERROR);
	require((arc->reason == NULL) == (arc->result == RESULT_NONE || arc->result == RESULT_PASS));
	require((arc->set_count != 0) == (arc->result == RESULT_PASS || arc->result == RESULT_TEMPERROR));
	require(arc->set_count <= DKIM_INSTANCE_MAX && arc->oldest_pass <= arc->set_count && arc->oldest_pass != 1);
	for (size_t i = 0; i < arc->set_count; i++) {
		const char *sealer = arc->sets[i].sealer;

		require(arc->result != RESULT_PASS || strcmp(sealer, "one.example") == 0 || strcmp(sealer, "two.example") == 0);
		/* what was made intact by a later set cannot be broken in it */
		require(!arc->sets[i].intact || i + 1 >= arc->oldest_pass);
	}
	dkim_case_free(&test);
}

static void check_field(const char *value, size_t length)
{
	struct arena *arena = arena_new();
	struct dkim_signature signature;
	struct authres authres, strict;
	const char *said = value;
	unsigned instance;

	for (int dialect = DKIM_DIALECT_DKIM; dialect <= DKIM_DIALECT_ARC_SEAL; dialect++) {
		dkim_signature_parse_as(arena, (enum dkim_dialect)dialect, value, length, &signature);
		require(signature.instance <= DKIM_INSTANCE_MAX);
		require(signature.name_count == 0 || signature.names != NULL);
		if (signature.fault != NULL)
			continue;
		require(signature.domain != NULL && signature.selector != NULL && signature.b != NULL);
		require((dialect == DKIM_DIALECT_DKIM) == (signature.instance == 0));
		require((dialect == DKIM_DIALECT_ARC_SEAL) == (signature.chain != DKIM_CHAIN_UNREADABLE));
	}
	if (authres_parse_instance(value, length, &instance, &said) == 0)
		require(instance <= 99 && said > value && said <= value + length);
	/* what is read strictly is read loosely, too, and says the same */
	if (authres_parse(said, (size_t)(value + length - said), arena, &strict) == 0) {
		require(authres_parse_loose(said, (size_t)(value + length - said), arena, &authres) == 0);
		require(authres.method_count == strict.method_count);
	} else if (authres_parse_loose(said, (size_t)(value + length - said), arena, &authres) == 0) {
		require(authres.method_count <= AUTHRES_METHODS_MAX);
	}
	arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size == 0)
		return 0;
	if (test.engine == NULL)
		setup();
	/* a copy of its own size, so that nothing can be read behind it unseen */
	text = malloc(size > 1 ? size - 1 : 1);
	require(text != NULL);
	memcpy(text, data + 1, size - 1);
	test.chunk_bytes = data[0] % 32;
	if (data[0] < 128)
		check_message(text, size - 1);
	else
		check_field(text, size - 1);
	free(text);
	return 0;
}
