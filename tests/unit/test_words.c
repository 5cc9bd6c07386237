/* SPDX-License-Identifier: BSD-2-Clause */
/* util/words, and that the tables of all enums are whole: a word for each value, none twice, the same way back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "check/adsp/record.h"
#include "check/result.h"
#include "config/config.h"
#include "message/author.h"
#include "util/error.h"
#include "util/log.h"
#include "util/words.h"

static const struct word colours[] = { { "red", 7 }, { "green", -1 }, { 0 } };

static void test_words_of_and_value(void **state)
{
	int value = 99;

	(void)state;
	assert_string_equal(words_of(colours, -1), "green");
	assert_null(words_of(colours, 0));
	assert_int_equal(words_value(colours, "red", &value), 0);
	assert_int_equal(value, 7);
	assert_int_equal(words_value(colours, "Red", &value), -E_SYNTAX);
	assert_int_equal(words_value(colours, "re", &value), -E_SYNTAX);
	assert_int_equal(words_value(colours, "", &value), -E_SYNTAX);
	assert_int_equal(value, 7);
}

static void test_words_value_nocase(void **state)
{
	int value = 99;

	(void)state;
	assert_int_equal(words_value_nocase(colours, "GREENx", 5, &value), 0);
	assert_int_equal(value, -1);
	assert_int_equal(words_value_nocase(colours, "green", 4, &value), -E_SYNTAX);
	assert_int_equal(words_value_nocase(colours, "green ", 6, &value), -E_SYNTAX);
	assert_int_equal(words_value_nocase(colours, "", 0, &value), -E_SYNTAX);
}

/* Values from first to last have a word each. */
static void assert_whole(const struct word *table, int first, int last)
{
	int count = 0, value;

	for (const struct word *word = table; word->word != NULL; word++, count++) {
		assert_int_equal(words_value(table, word->word, &value), 0);
		assert_int_equal(value, word->value);		/* else the word stands there twice */
		assert_string_equal(words_of(table, word->value), word->word);
		assert_true(word->value >= first && word->value <= last);
	}
	assert_int_equal(count, last - first + 1);
}

static void test_words_tables_are_whole(void **state)
{
	(void)state;
	assert_whole(action_words, ACTION_NONE, ACTION_COUNT - 1);
	assert_whole(result_words, RESULT_UNCHECKED + 1, RESULT_COUNT - 1);
	assert_whole(dmarc_policy_words, DMARC_POLICY_NONE, DMARC_POLICY_REJECT);
	assert_whole(tls_grade_words, TLS_GRADE_NONE, TLS_GRADE_STRONG);
	assert_whole(cert_status_words, CERT_NONE, CERT_VERIFIED);
	assert_whole(tlsa_status_words, TLSA_UNCHECKED, TLSA_MATCH);
	assert_whole(hop_transport_words, HOP_UNKNOWN, HOP_TLS);
	assert_whole(author_status_words, AUTHOR_OK, AUTHOR_INVALID);
	assert_whole(adsp_practice_words, ADSP_UNKNOWN, ADSP_DISCARDABLE);
	assert_whole(dns_security_words, DNS_SECURE, DNS_BOGUS);
	assert_whole(dnssec_mode_words, DNSSEC_VALIDATE, DNSSEC_OFF);
	assert_whole(run_mode_words, MODE_DRY_RUN, MODE_ENFORCE);
	assert_whole(log_level_words, LOG_LEVEL_ERROR, LOG_LEVEL_DEBUG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_of_and_value),
		cmocka_unit_test(test_words_value_nocase),
		cmocka_unit_test(test_words_tables_are_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
