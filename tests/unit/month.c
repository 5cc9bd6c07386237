/* SPDX-License-Identifier: BSD-2-Clause */
/* A made-up month of mail through the pipeline. See month.h. */
#include "month.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "util/buf.h"

enum { DAY_SECS = 86400, FORWARDERS = 3, LISTS = 2, SPOOFERS = 4, FLAG_DAY = 16, FLUSH_EVERY = 500 };

static const char plain_body[] = "Hello\r\n", list_body[] = "Hello\r\n-- \r\nlist\r\n";

/* What a domain publishes. */
static bool has_spf(unsigned domain) { return domain % 6 != 3 && domain % 6 != 5; }
static bool has_dkim(unsigned domain) { return domain % 6 != 2 && domain % 6 != 3; }
static bool gives_up_tls(unsigned domain) { return domain % 15 == 7; }
static bool never_tls(unsigned domain) { return domain % 10 == 9; }

const char *month_domain(unsigned domain)
{
	static char name[32];

	snprintf(name, sizeof(name), "d%u.example", domain);
	return name;
}

/* ---- DNS and signatures ------------------------------------------------------------------------------------------ */

static EVP_PKEY *make_key(char public_r[64])
{
	static const unsigned char seed[32] = { 1, 2, 3 };
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
	unsigned char raw[32];
	size_t length = sizeof(raw);

	assert_non_null(key);
	assert_int_equal(EVP_PKEY_get_raw_public_key(key, raw, &length), 1);
	EVP_EncodeBlock((unsigned char *)public_r, raw, (int)length);
	return key;
}

static void put_key(struct buf *zone, const char *domain, const char *key)
{
	buf_printf(zone, "k._domainkey.%s. 300 IN TXT \"v=DKIM1; k=ed25519; p=%s\"\n", domain, key);
}

/* Who gets reports: nobody, the domain itself, somebody else with consent and without. */
static const char *rua_of(unsigned domain)
{
	static char text[64];

	if (domain % 4 == 0)
		snprintf(text, sizeof(text), "; rua=mailto:rua@%s", month_domain(domain));
	else
		snprintf(text, sizeof(text), "%s", domain % 4 == 1 ? "; rua=mailto:rua@agree.example" :
		    domain % 4 == 2 ? "; rua=mailto:rua@refuse.example" : "");
	return text;
}

static void put_domain(struct buf *zone, unsigned domain, const char *key)
{
	static const char *const policies[6] = { "reject", "quarantine", NULL, NULL, "none", NULL };
	const char *name = month_domain(domain);
	unsigned a = domain / 250, b = domain % 250 + 1;

	buf_printf(zone, "%s. 300 IN A 198.%u.%u.25\nmx.%s. 300 IN A 198.%u.%u.25\n", name, 18 + a, b, name, 18 + a, b);
	buf_printf(zone, "25.%u.%u.198.in-addr.arpa. 300 IN PTR mx.%s.\n", b, 18 + a, name);
	if (has_spf(domain))
		buf_printf(zone, "%s. 300 IN TXT \"v=spf1 ip4:198.%u.%u.0/24 %s\"\n", name, 18 + a, b, domain % 6 == 1 ? "~all" : "-all");
	if (has_dkim(domain))
		put_key(zone, name, key);
	if (policies[domain % 6] != NULL)
		buf_printf(zone, "_dmarc.%s. 300 IN TXT \"v=DMARC1; p=%s%s\"\n", name, policies[domain % 6], rua_of(domain));
	if (domain % 4 == 1)
		buf_printf(zone, "%s._report._dmarc.agree.example. 300 IN TXT \"v=DMARC1\"\n", name);
	if (domain % 6 == 5)
		buf_printf(zone, "_adsp._domainkey.%s. 300 IN TXT \"dkim=all\"\n", name);
}

/* Who stands between: forwarders do not sign, lists and every other spoofer do; all pass SPF for their own domain. */
static void put_helpers(struct buf *zone, const char *key)
{
	static const char *const kinds[] = { "fwd", "list", "evil" };

	for (unsigned kind = 0; kind < 3; kind++) {
		for (unsigned i = 0; i < SPOOFERS; i++) {
			char name[32];

			snprintf(name, sizeof(name), "%s%u.example", kinds[kind], i);
			buf_printf(zone, "%s. 300 IN TXT \"v=spf1 ip4:203.%u.%u.0/24 -all\"\n%s. 300 IN A 203.%u.%u.25\n", name, kind + 1, i + 1,
			    name, kind + 1, i + 1);
			buf_printf(zone, "25.%u.%u.203.in-addr.arpa. 300 IN PTR %s.\n", i + 1, kind + 1, name);
			put_key(zone, name, key);
		}
	}
}

static void hash_text(const char *text, unsigned char digest_r[32])
{
	assert_int_equal(EVP_Digest(text, strlen(text), digest_r, NULL, EVP_sha256(), NULL), 1);
}

/* The value of a DKIM-Signature field (RFC 6376, RFC 8463), relaxed/simple, over From alone. */
static char *sign(EVP_PKEY *key, const char *signer, const char *author, const char *body)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned char digest[32], raw[64];
	char body_hash[64], value[96], text[512], tags[384], *field;
	size_t length = sizeof(raw);

	hash_text(body, digest);
	EVP_EncodeBlock((unsigned char *)body_hash, digest, sizeof(digest));
	snprintf(tags, sizeof(tags), "v=1; a=ed25519-sha256; c=relaxed/simple; d=%s; s=k; h=from; bh=%s; b=", signer, body_hash);
	snprintf(text, sizeof(text), "from:Joe <joe@%s>\r\ndkim-signature:%s", author, tags);
	hash_text(text, digest);
	assert_int_equal(EVP_DigestSignInit(context, NULL, NULL, NULL, key), 1);
	assert_int_equal(EVP_DigestSign(context, raw, &length, digest, sizeof(digest)), 1);
	EVP_MD_CTX_free(context);
	EVP_EncodeBlock((unsigned char *)value, raw, (int)length);
	field = malloc(strlen(tags) + strlen(value) + 2);
	assert_non_null(field);
	sprintf(field, " %s%s", tags, value);
	return field;
}

/* Signatures of one author domain: its own, then those of lists and spoofers on its mail. */
enum { SIGNERS = 1 + LISTS + SPOOFERS };

static void make_signatures(struct month *month, EVP_PKEY *key)
{
	char signer[32];

	month->signatures = calloc((size_t)month->domains * SIGNERS, sizeof(*month->signatures));
	assert_non_null(month->signatures);
	for (unsigned domain = 0; domain < month->domains; domain++) {
		char **mine = &month->signatures[(size_t)domain * SIGNERS];
		const char *author = month_domain(domain);

		mine[0] = sign(key, author, author, plain_body);
		for (unsigned i = 0; i < LISTS + SPOOFERS; i++) {
			snprintf(signer, sizeof(signer), "%s%u.example", i < LISTS ? "list" : "evil", i < LISTS ? i : i - LISTS);
			mine[1 + i] = sign(key, signer, author, i < LISTS ? list_body : plain_body);
		}
	}
}

/* ---- the month --------------------------------------------------------------------------------------------------- */

static unsigned below(uint64_t *state, unsigned count)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)((*state >> 33) % count);
}

static void make_mails(struct month *month)
{
	/* whole hours, and recent enough that nothing expires */
	int64_t begin = ((int64_t)time(NULL) / DAY_SECS - MONTH_DAYS - 1) * DAY_SECS;
	uint64_t state = 20;

	for (size_t i = 0; i < month->count; i++) {
		struct mail *mail = &month->mails[i];
		unsigned kind = below(&state, 100);

		mail->time_secs = begin + (int64_t)((double)i * MONTH_DAYS * DAY_SECS / (double)month->count);
		mail->domain = below(&state, month->domains);
		mail->kind = kind < 60 ? MAIL_DIRECT : kind < 72 ? MAIL_FORWARDED : kind < 82 ? MAIL_LIST : kind < 94 ? MAIL_SPOOFED :
		    MAIL_SPOOFED_SIGNED;
		mail->helper = below(&state, mail->kind == MAIL_FORWARDED ? FORWARDERS : mail->kind == MAIL_LIST ? LISTS : SPOOFERS);
		mail->places = 1u << below(&state, MONTH_PLACES) | (below(&state, 4) == 0 ? 1u << below(&state, MONTH_PLACES) : 0);
		mail->tls = mail->kind == MAIL_SPOOFED ? below(&state, 2) == 0 : mail->kind != MAIL_DIRECT || (!never_tls(mail->domain) &&
		    (!gives_up_tls(mail->domain) || mail->time_secs < begin + FLAG_DAY * DAY_SECS));
	}
}

static unsigned wanted(const char *name, unsigned otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

struct month *month_new(size_t messages, unsigned domains)
{
	struct month *month = calloc(1, sizeof(*month));
	struct arena *arena = arena_new();
	struct buf zone = buf_make(arena);
	char key_text[64], path[96];
	EVP_PKEY *key = make_key(key_text);
	FILE *file;

	assert_non_null(month);
	month->count = wanted("ASSAY_MESSAGES", (unsigned)messages);
	month->domains = wanted("ASSAY_DOMAINS", domains);
	month->mails = calloc(month->count, sizeof(*month->mails));
	assert_non_null(month->mails);
	(getenv("ASSAY_KEEP") != NULL ? scratch_directory_kept : scratch_directory)(month->directory);
	for (unsigned domain = 0; domain < month->domains; domain++)
		put_domain(&zone, domain, key_text);
	put_helpers(&zone, key_text);
	snprintf(path, sizeof(path), "%s/zone", month->directory);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(zone.data, file);
	fclose(file);
	make_signatures(month, key);
	make_mails(month);
	EVP_PKEY_free(key);
	arena_free(&arena);
	return month;
}

void month_free(struct month **month)
{
	struct month *old = *month;

	*month = NULL;
	for (size_t i = 0; i < (size_t)old->domains * SIGNERS; i++)
		free(old->signatures[i]);
	free(old->signatures);
	free(old->mails);
	free(old);
}

const char *month_client(const struct mail *mail)
{
	static char text[32];

	if (mail->kind == MAIL_DIRECT)
		snprintf(text, sizeof(text), "198.%u.%u.25", 18 + mail->domain / 250, mail->domain % 250 + 1);
	else
		snprintf(text, sizeof(text), "203.%u.%u.25", mail->kind == MAIL_FORWARDED ? 1u : mail->kind == MAIL_LIST ? 2u : 3u,
		    mail->helper + 1);
	return text;
}

/* For programs that are to look at the same record: NAME.conf. */
static void keep_text(const struct month *month, const char *name, const char *text)
{
	char path[96];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s.conf", month->directory, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

const struct config *month_config(const struct month *month, const char *name, const char *mode, const char *settings)
{
	char text[4096];
	const struct config *config;

	snprintf(text, sizeof(text), "authserv-id = \"mx.test.example\"\nmode = %s\ndns { zone-file = \"%s/zone\" dnssec = off }\n"
	    "record { path = \"%s/%s.db\" }\n%s\n", mode, month->directory, month->directory, name, settings);
	config = config_load_buffer(text, strlen(text), name, stderr);
	assert_non_null(config);
	keep_text(month, name, text);
	return config;
}

/* ---- one message ------------------------------------------------------------------------------------------------- */

static void connect_from(const struct mail *mail, struct facts_connection *connection, struct arena *arena)
{
	unsigned kind = mail->kind == MAIL_FORWARDED ? 1 : mail->kind == MAIL_LIST ? 2 : 3;

	assert_int_equal(addr_parse(month_client(mail), &connection->client), 0);
	connection->client_name = connection->helo = mail->kind == MAIL_DIRECT ? arena_printf(arena, "mx.%s", month_domain(mail->domain)) :
	    arena_printf(arena, "%s%u.example", kind == 1 ? "fwd" : kind == 2 ? "list" : "evil", mail->helper);
	connection->mta_hostname = "mx.test.example";
	if (mail->tls)
		connection->tls = (struct facts_tls){ .version = "TLSv1.3", .cipher = "TLS_AES_256_GCM_SHA384", .bits = 256 };
}

/* Forwarders and the plain spoofer keep or take the author's domain; lists and the other one use their own. */
static const char *sender_of(const struct mail *mail, struct arena *arena)
{
	if (mail->kind == MAIL_LIST)
		return arena_printf(arena, "<bounce@list%u.example>", mail->helper);
	if (mail->kind == MAIL_SPOOFED_SIGNED)
		return arena_printf(arena, "<x@evil%u.example>", mail->helper);
	return arena_printf(arena, "<joe@%s>", month_domain(mail->domain));
}

static void add_field(struct message *message, const char *name, const char *value)
{
	message_field(message, name, value, strlen(value));
}

static void send_content(const struct month *month, const struct mail *mail, struct message *message)
{
	char *const *signatures = &month->signatures[(size_t)mail->domain * SIGNERS];
	const char *body = mail->kind == MAIL_LIST ? list_body : plain_body;

	if (has_dkim(mail->domain) && mail->kind <= MAIL_LIST)
		add_field(message, "DKIM-Signature", signatures[0]);	/* behind a list it no longer fits the body */
	if (mail->kind == MAIL_LIST)
		add_field(message, "DKIM-Signature", signatures[1 + mail->helper]);
	if (mail->kind == MAIL_SPOOFED_SIGNED)
		add_field(message, "DKIM-Signature", signatures[1 + LISTS + mail->helper]);
	add_field(message, "From", arena_printf(message_arena(message), " Joe <joe@%s>", month_domain(mail->domain)));
	if (message_header_done(message))
		message_body(message, body, strlen(body));
}

static void send_mail(const struct month *month, const struct mail *mail, struct engine *engine, struct ending *ending_r)
{
	const struct clock clock = { .fixed_secs = mail->time_secs };
	struct session *session = session_new(engine);
	struct decision decision, refused = decision_none();
	struct message *message;
	unsigned taken = 0, gone = 0;

	connect_from(mail, session_connection(session), session_arena(session));
	message = message_new(session, sender_of(mail, session_arena(session)), &clock);
	for (unsigned place = 0; place < MONTH_PLACES; place++) {
		char recipient[32];

		if ((mail->places >> place & 1) == 0)
			continue;
		snprintf(recipient, sizeof(recipient), "<ann@r%u.example>", place);
		message_recipient(message, recipient, &decision);
		if (decision_refuses(&decision)) {
			if (gone++ == 0 || decision.action > refused.action)
				refused = decision;
		} else {
			taken++;
		}
	}
	decision = refused;
	if (taken != 0) {
		send_content(month, mail, message);
		decision = message_judge(message)->decision;
	}
	*ending_r = (struct ending){ .action = decision.action, .finding = decision.finding, .enforced = decision.enforced,
		.partly = taken != 0 && gone != 0 };
	message_end(message);
	message_free(&message);
	session_free(&session);
}

void month_run(const struct month *month, const struct config *config, struct ending *endings_r)
{
	char why[256] = "";
	struct engine *engine = engine_new(config, NULL, why, sizeof(why));

	assert_non_null(engine);
	assert_int_equal(engine_open_store(engine, NULL, NULL, why, sizeof(why)), 0);
	while (!store_is_up(engine_store(engine)))
		usleep(1000);
	for (size_t i = 0; i < month->count; i++) {
		/* what is remembered of a peer that changes must not hang on how fast the writer is */
		if (i % FLUSH_EVERY == 0 || (month->mails[i].kind == MAIL_DIRECT && gives_up_tls(month->mails[i].domain)))
			assert_int_equal(store_flush(engine_store(engine)), 0);
		send_mail(month, &month->mails[i], engine, &endings_r[i]);
	}
	assert_int_equal(store_flush(engine_store(engine)), 0);
	engine_unref(&engine);
}
