/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Authentication-Results both ways. The input is a field for the parser, and its pieces (cut at each newline) are also the
 * facts and results of a message: what is built from them must parse strictly and hold exactly our results, and no field
 * may contain CR, NUL or a line that does not go on with white space.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "action/action.h"
#include "message/authres_parse.h"
#include "util/log_field.h"

enum { PIECES = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

/* NUL-terminated pieces of the input; what is missing is NULL. Newlines inside come as byte 1. */
static void cut(struct arena *arena, const uint8_t *data, size_t size, const char *pieces_r[PIECES])
{
	char *text = arena_strndup(arena, (const char *)data, size), *save = NULL, *piece;

	for (size_t i = 0; i < size; i++) {
		if (text[i] == '\0')
			text[i] = '\r';
	}
	memset(pieces_r, 0, PIECES * sizeof(*pieces_r));
	piece = strtok_r(text, "\n", &save);
	for (size_t i = 0; i < PIECES && piece != NULL; i++, piece = strtok_r(NULL, "\n", &save)) {
		for (char *c = piece; *c != '\0'; c++) {
			if (*c == 1)
				*c = '\n';
		}
		pieces_r[i] = piece;
	}
}

static void check_value(const char *value)
{
	if (value == NULL)
		return;
	require(value[0] == ' ');
	for (const char *c = value; *c != '\0'; c++) {
		require(*c != '\r');
		require((unsigned char)*c >= 0x20 || *c == '\n' || *c == '\t');
		if (*c == '\n')
			require(c[1] == '\t');
	}
}

static void check_authres(const struct action_input *input, size_t expected)
{
	static const char *const names[] = { "spf", "dkim", "dmarc", "dkim-adsp" };
	const char *value = authres_build(input);
	struct authres authres;
	size_t skip;

	check_value(value);
	require(authres_parse(value, strlen(value), input->facts->arena, &authres) == 0);
	require(strcmp(authres.authserv_id, input->authserv_id) == 0);
	require(authres.method_count == expected);
	skip = expected - sizeof(names) / sizeof(names[0]);
	for (size_t i = skip; i < expected; i++)
		require(strcmp(authres.methods[i].method, names[i - skip]) == 0);
	require(strcmp(authres.methods[skip].result, "fail") == 0);
	value = authres_build_unregistered(input);
	check_value(value);
	require(authres_parse(value, strlen(value), input->facts->arena, &authres) == 0);
	require(strcmp(authres.authserv_id, input->authserv_id) == 0);
	require(authres.method_count == 1 && strcmp(authres.methods[0].method, "x-tls") == 0);
}

static void check_log_line(struct arena *arena, const char *line, const char *helo)
{
	struct log_record record;

	require(log_record_parse(line, strlen(line), arena, &record) == 0);
	require(strcmp(log_record_get(&record, "findings"), "none") == 0);
	require(strcmp(log_record_get(&record, "decision"), "reject") == 0);
	for (size_t i = 0; i < record.count; i++)
		require(strcmp(record.fields[i].key, "helo") != 0 || record.fields[i].cut || strcmp(record.fields[i].value, helo) == 0);
	for (; *line != '\0'; line++)
		require(*line >= 0x20 && *line < 0x7f);
}

/* One message whose every text is from the input. */
static void check_builders(struct arena *arena, const struct config *config, const char *const p[PIECES], uint8_t flags)
{
	struct facts_connection connection = { .helo = p[0], .client_name = p[1], .auth = { .mechanism = p[2], .user = p[3] } };
	const char *recipients[] = { p[4] != NULL ? p[4] : "x" };
	struct facts facts = { .arena = arena, .connection = &connection, .mail_from = p[5], .queue_id = p[6],
	    .recipients = recipients, .recipient_count = flags & 1, .time_secs = flags };
	struct dkim_result dkim = { .result = RESULT_POLICY, .domain = p[7], .selector = p[8], .identity = p[9], .algorithm = p[10],
	    .signature_b = p[11], .reason = p[12], .key_bits = flags & 2 };
	struct results *results = arena_calloc(arena, 1, sizeof(*results));
	struct decision decision = { .action = ACTION_REJECT, .finding = FINDING_SPF_FAIL, .domain = p[13], .code = 550, .enhanced = "5.7.23",
	    .text = "text", .policy = "p" };
	struct author author = { .address = p[14] };
	struct action_input input = { config, &facts, &author, results, &decision, "mx.example.net", p[4], flags & 32, NULL,
		flags & 2 ? "k7m9-qxw2-rtbh" : NULL };
	struct edits edits;

	addr_parse(flags & 4 ? "2001:db8::1" : "192.0.2.1", &connection.client);
	results->spf = (struct spf_result){ .result = RESULT_FAIL, .domain = flags & 8 ? p[7] : NULL, .explanation = p[12], .reason = p[15] };
	results->spf_helo = (struct spf_result){ .result = RESULT_NONE, .scope = SPF_SCOPE_HELO, .domain = p[0] };
	results->dkim_checked = true;
	results->dkim = &dkim;
	results->dkim_count = 1;
	results->dmarc = (struct dmarc_result){ .result = RESULT_FAIL, .domain = p[7], .has_policy = flags & 16, .reason = p[12] };
	results->adsp = (struct adsp_result){ .result = RESULT_DISCARD, .domain = p[7], .reason = p[12] };
	results->iprev = (struct iprev_result){ .result = RESULT_PASS, .name = p[13], .reason = p[14] };
	results->tls = (struct tls_result){ .checked = true, .version = p[8], .cipher = p[10], .cert_subject = p[14], .cert_issuer = p[15],
	    .grade = TLS_GRADE_WEAK, .reason = p[12], .cert_status = CERT_VERIFIED };
	check_authres(&input, 5 + (p[2] != NULL));
	check_value(received_build(&input));
	check_value(received_spf_build(&input));
	check_log_line(arena, log_line_build(&input), p[0]);
	action_deletes(&input, &edits);
	action_inserts(&input, &edits);
	require(edits.count >= 1);
}

/* Facts hold no NUL, and end with one. */
static const char *without_nul(struct arena *arena, const uint8_t *data, size_t size)
{
	char *text = arena_alloc(arena, size + 1);

	for (size_t i = 0; i < size; i++)
		text[i] = data[i] != '\0' ? (char)data[i] : '\r';
	text[size] = '\0';
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct config *config;
	const char *pieces[PIECES], *id;
	struct authres authres;
	struct header_field field = { .name = "Authentication-Results", .name_length = 22, .occurrence = 1 };
	struct arena *arena;
	struct facts facts = { .fields = &field, .field_count = 1 };
	unsigned occurrence;
	size_t used;

	if (config == NULL)
		config = config_load(NULL, stderr);
	if (size < 1)
		return 0;
	arena = arena_new();
	facts.arena = arena;
	field.value = without_nul(arena, data, size);
	field.value_length = size;
	/* what parses as a whole has an authserv-id, and the same one */
	if (authres_parse(field.value, size, arena, &authres) == 0) {
		require(authres_parse_id(field.value, size, arena, &id, &used) == 0);
		require(strcmp(authres.authserv_id, id) == 0);
		/* and a field that says it is ours is found */
		if (id[0] != '\0')
			require(authres_find_forged(&facts, id, &occurrence, 1) == 1);
	}
	authres_find_forged(&facts, "mx.example.net", &occurrence, 1);
	cut(arena, data, size, pieces);
	check_builders(arena, config, pieces, data[0]);
	arena_free(&arena);
	return 0;
}
