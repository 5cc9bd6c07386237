/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TLS of the session as the MTA tells it: grade, client certificate, findings. Looks up only TLSA records (tlsa.c).
 * The MTA is trusted; the certificate's names in it are the sender's text. What is not known is graded weak, never ok.
 * Thread: that of the message. Cannot fail.
 */
#include "check/tls/tls.h"

#include <string.h>
#include <strings.h>

#include "check/check.h"
#include "check/tls/cert.h"
#include "check/tls/cipher.h"
#include "check/tls/tlsa.h"

enum tls_property {
	TLS_CLEARTEXT, TLS_OLD_VERSION, TLS_UNKNOWN_VERSION, TLS_UNKNOWN_CIPHER, TLS_NULL, TLS_EXPORT, TLS_RC4, TLS_DES,
	TLS_3DES, TLS_SHORT_KEY, TLS_ANONYMOUS, TLS_NO_EPHEMERAL, TLS_CBC, TLS_SHORT_TAG, TLS_FINITE_FIELD,
	TLS_GOOD, TLS_POST_QUANTUM, TLS_PROPERTY_COUNT,
};

const struct tls_grade_row tls_grade_table[] = {
	[TLS_CLEARTEXT] = { "cleartext", TLS_GRADE_NONE, "no TLS" },
	[TLS_OLD_VERSION] = { "old-version", TLS_GRADE_WEAK, "protocol version before TLS 1.2 (RFC 9325 section 3.1.1)" },
	[TLS_UNKNOWN_VERSION] = { "unknown-version", TLS_GRADE_WEAK, "protocol version not known" },
	[TLS_UNKNOWN_CIPHER] = { "unknown-cipher", TLS_GRADE_WEAK, "cipher suite not known" },
	[TLS_NULL] = { "null", TLS_GRADE_WEAK, "NULL encryption (RFC 9325 section 4.1)" },
	[TLS_EXPORT] = { "export", TLS_GRADE_WEAK, "export cipher suite (RFC 9325 section 4.1)" },
	[TLS_RC4] = { "rc4", TLS_GRADE_WEAK, "RC4 (RFC 7465, RFC 9325 section 4.1)" },
	[TLS_DES] = { "des", TLS_GRADE_WEAK, "DES (RFC 5469, RFC 9325 section 4.1)" },
	[TLS_3DES] = { "3des", TLS_GRADE_WEAK, "3DES, under 128 bits of security (RFC 9325 section 4.1)" },
	[TLS_SHORT_KEY] = { "short-key", TLS_GRADE_WEAK, "key under 128 bits (RFC 9325 section 4.1)" },
	[TLS_ANONYMOUS] = { "anonymous", TLS_GRADE_WEAK, "anonymous key exchange, nobody authenticated (RFC 5246 section F.1.1.1)" },
	[TLS_NO_EPHEMERAL] = { "no-forward-secrecy", TLS_GRADE_WEAK, "no forward secrecy (RFC 9325 section 4.1)" },
	[TLS_CBC] = { "cbc", TLS_GRADE_OK, "CBC mode, not authenticated encryption (RFC 9325 section 4.2)" },
	[TLS_SHORT_TAG] = { "short-tag", TLS_GRADE_OK, "authentication tag of 8 octets" },
	[TLS_FINITE_FIELD] = { "finite-field", TLS_GRADE_OK, "finite-field Diffie-Hellman (RFC 9325 section 4.1)" },
	[TLS_GOOD] = { "good", TLS_GRADE_STRONG, "ephemeral key exchange and authenticated encryption" },
	[TLS_POST_QUANTUM] = { "post-quantum", TLS_GRADE_STRONG, "post-quantum key exchange and authenticated encryption" },
};

const size_t tls_grade_table_count = sizeof(tls_grade_table) / sizeof(tls_grade_table[0]);
_Static_assert(sizeof(tls_grade_table) / sizeof(tls_grade_table[0]) == TLS_PROPERTY_COUNT, "one row a property");

enum version_kind { VERSION_UNKNOWN, VERSION_OLD, VERSION_12, VERSION_13 };

static enum version_kind version_kind(const char *version)
{
	static const struct { const char *name; enum version_kind kind; } rows[] = {
		{ "TLSv1.3", VERSION_13 }, { "TLSv1.2", VERSION_12 }, { "TLSv1.1", VERSION_OLD }, { "TLSv1.0", VERSION_OLD },
		{ "TLSv1", VERSION_OLD }, { "SSLv3", VERSION_OLD }, { "SSLv2", VERSION_OLD },
		/* as Exim and Exchange write them in Received */
		{ "TLS1.3", VERSION_13 }, { "TLS1.2", VERSION_12 }, { "TLS1.1", VERSION_OLD }, { "TLS1.0", VERSION_OLD },
		{ "TLS1_3", VERSION_13 }, { "TLS1_2", VERSION_12 }, { "TLS1_1", VERSION_OLD }, { "TLS1_0", VERSION_OLD },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcasecmp(rows[i].name, version) == 0)
			return rows[i].kind;
	return VERSION_UNKNOWN;
}

static enum tls_property encryption_property(enum cipher_encryption encryption)
{
	switch (encryption) {
	case ENCRYPTION_NULL:
		return TLS_NULL;
	case ENCRYPTION_EXPORT:
		return TLS_EXPORT;
	case ENCRYPTION_RC4:
		return TLS_RC4;
	case ENCRYPTION_DES:
		return TLS_DES;
	case ENCRYPTION_3DES:
		return TLS_3DES;
	case ENCRYPTION_CBC:
		return TLS_CBC;
	case ENCRYPTION_CCM8:
		return TLS_SHORT_TAG;
	case ENCRYPTION_AEAD:
		break;
	}
	return TLS_GOOD;
}

static enum tls_property exchange_property(const struct cipher_info *cipher)
{
	if (cipher->key_exchange == KEY_EXCHANGE_ANON)
		return TLS_ANONYMOUS;
	if (!cipher_has_forward_secrecy(cipher))
		return TLS_NO_EPHEMERAL;
	if (cipher->key_exchange == KEY_EXCHANGE_DHE || cipher->key_exchange == KEY_EXCHANGE_DHE_PSK)
		return TLS_FINITE_FIELD;
	return TLS_GOOD;
}

static enum tls_property worse(enum tls_property a, enum tls_property b)
{
	return a < b ? a : b;
}

static enum tls_property session_property(const struct facts_tls *tls, const struct cipher_info *cipher)
{
	enum version_kind version = version_kind(tls->version);
	enum tls_property property = TLS_GOOD;
	unsigned bits = tls->bits;

	if (version == VERSION_OLD)
		property = TLS_OLD_VERSION;
	else if (version == VERSION_UNKNOWN)
		property = TLS_UNKNOWN_VERSION;
	if (cipher != NULL) {
		property = worse(property, encryption_property(cipher->encryption));
		property = worse(property, exchange_property(cipher));
		/* OpenSSL says 64 bits of CCM_8, for its short tag: of the key the table knows better */
		if (bits == 0 || cipher->bits < bits || cipher->encryption == ENCRYPTION_CCM8)
			bits = cipher->bits;
	} else if (version != VERSION_13) {
		/* every suite of TLS 1.3 is ephemeral and authenticated; of others nothing is known */
		property = worse(property, TLS_UNKNOWN_CIPHER);
	}
	if (bits != 0 && bits < 128)
		property = worse(property, TLS_SHORT_KEY);
	if (property == TLS_GOOD && version == VERSION_13 && cipher_group_is_post_quantum(tls->group))
		property = TLS_POST_QUANTUM;
	return property;
}

/*
 * Sendmail says in {verify} what became of the client's certificate. Postfix never does, and hands over a certificate's
 * common name only when its chain is trusted: such a name without {verify} is a verified one. A whole distinguished name
 * without {verify} is Sendmail's, which was not asked for {verify}: nothing is known of it.
 */
static enum cert_status cert_status(const struct facts_tls *tls)
{
	if (tls->verify == NULL && tls->cert_subject == NULL)
		return CERT_NONE;
	if (tls->verify == NULL)
		return tls->cert_subject[0] == '/' ? CERT_UNVERIFIED : CERT_VERIFIED;
	if (strcasecmp(tls->verify, "OK") == 0)
		return CERT_VERIFIED;
	if (strcasecmp(tls->verify, "FAIL") == 0)
		return CERT_FAILED;
	if (strcasecmp(tls->verify, "NO") == 0 || strcasecmp(tls->verify, "NOT") == 0 || strcasecmp(tls->verify, "NONE") == 0)
		return CERT_NONE;
	return CERT_UNVERIFIED;
}

void tls_grade_session(const struct facts_tls *tls, struct tls_result *result_r)
{
	const struct cipher_info *cipher = cipher_find(tls->cipher);
	enum tls_property property = TLS_CLEARTEXT;

	*result_r = (struct tls_result){ .checked = true };
	if (tls->version != NULL) {
		property = session_property(tls, cipher);
		result_r->version = tls->version;
		result_r->cipher = cipher != NULL ? cipher->iana_name : tls->cipher;
		result_r->bits = tls->bits != 0 || cipher == NULL ? tls->bits : cipher->bits;
		result_r->forward_secrecy = cipher != NULL ? cipher_has_forward_secrecy(cipher) :
		    version_kind(tls->version) == VERSION_13;
		result_r->cert_status = cert_status(tls);
		result_r->cert_subject = tls->cert_subject;
		result_r->cert_issuer = tls->cert_issuer;
	}
	result_r->grade = tls_grade_table[property].grade;
	result_r->reason = tls_grade_table[property].reason;
}

bool tls_grade_hop(const struct path_hop *hop, struct tls_result *result_r)
{
	struct facts_tls tls = { .version = hop->version, .cipher = hop->cipher, .group = hop->group };
	const struct cipher_info *cipher = cipher_find_told(hop->cipher);

	if (hop->transport != HOP_TLS)
		return false;
	if (cipher != NULL)
		tls.cipher = cipher->openssl_name;
	if (tls.version == NULL && cipher != NULL && cipher->key_exchange == KEY_EXCHANGE_TLS13)
		tls.version = "TLSv1.3";	/* RFC 8314 names the suite alone */
	if (tls.version == NULL)
		return false;
	tls_grade_session(&tls, result_r);
	return true;
}

/*
 * A certificate that no authority signed is proven all the same by the client's own DNSSEC-secure record. It is not VERIFIED:
 * anybody can write a partner's name into a certificate and publish its fingerprint under a name of his own.
 */
static void match_tlsa(struct check_context *context)
{
	struct tls_result *result = &context->results->tls;

	/* an exempt message is not looked up for */
	if (context->results->exempt || result->version == NULL)
		return;
	tlsa_judge(context);
	if (result->tlsa != TLSA_MATCH)
		return;
	if (result->cert_status != CERT_VERIFIED)
		result->cert_status = CERT_TLSA;
	result->cert_match = "tlsa";
}

/* Whom a verified certificate speaks for. Called when the connection is known, and again when the author is. */
static void match_cert(struct check_context *context)
{
	struct tls_result *result = &context->results->tls;
	const struct author *author = context->author;
	const char *name;

	if (result->cert_status != CERT_VERIFIED || result->cert_match != NULL)
		return;
	name = cert_common_name(context->arena, result->cert_subject);
	if (context->results->iprev.result == RESULT_PASS && cert_matches_host(name, context->results->iprev.name))
		result->cert_match = "client-name";
	else if (cert_matches_host(name, context->facts->connection->helo))
		result->cert_match = "helo";
	else if (author != NULL && author->status == AUTHOR_OK && cert_matches_domain(name, author->domains[0]))
		result->cert_match = "author-domain";
}

/*
 * RFC 8689 section 5: the field has no parameters and occurs once; anything else in it is not this request. Where MAIL said
 * REQUIRETLS the field is ignored (section 3): the envelope is what the sender's MTA asked for.
 */
static bool tls_not_required(const struct facts *facts)
{
	const struct header_field *field = facts_field(facts, "TLS-Required");
	const char *value;
	size_t length;

	if (field == NULL || facts_field_count(facts, "TLS-Required") != 1 || facts->judged_unkept || facts->requiretls)
		return false;
	value = field->value + strspn(field->value, " \t\n");
	length = strcspn(value, " \t\n");
	return length == 2 && strncasecmp(value, "No", 2) == 0 && value[length + strspn(value + length, " \t\n")] == '\0';
}

static void tls_envelope(struct check_context *context)
{
	tlsa_start(context);
}

static bool tls_header(struct check_context *context)
{
	context->results->tls.not_required = tls_not_required(context->facts);	/* whether that counts is the policy's */
	match_cert(context);	/* it may have been judged at RCPT, when nobody knew the author */
	return false;
}

static bool listed(const struct string_list *list, const char *version, const char *cipher)
{
	const struct cipher_info *known = cipher_find(cipher);

	for (size_t i = 0; i < list->count; i++) {
		const char *name = list->items[i];

		if (strcasecmp(name, version) == 0 || (cipher != NULL && strcasecmp(name, cipher) == 0) ||
		    (known != NULL && cipher_find(name) == known))
			return true;
	}
	return false;
}

/* The admin's own word on versions and suites; the weakest list that names the session counts. */
static void override_grade(const struct config *config, const struct facts_tls *tls, struct tls_result *result)
{
	if (tls->version == NULL)
		return;
	if (listed(&config->tls_weak, tls->version, tls->cipher))
		result->grade = TLS_GRADE_WEAK;
	else if (listed(&config->tls_ok, tls->version, tls->cipher))
		result->grade = TLS_GRADE_OK;
	else if (listed(&config->tls_strong, tls->version, tls->cipher))
		result->grade = TLS_GRADE_STRONG;
	else
		return;
	result->reason = "graded so by the configuration";
}

static void tls_judge(struct check_context *context)
{
	const struct facts_tls *tls = &context->facts->connection->tls;
	struct results *results = context->results;
	bool not_required = results->tls.not_required;

	tls_grade_session(tls, &results->tls);
	results->tls.not_required = not_required;
	override_grade(context->config, tls, &results->tls);
	if (tls->verify != NULL && results->tls.cert_subject != NULL)	/* Sendmail encodes */
		results->tls.cert_subject = cert_decode(context->arena, results->tls.cert_subject);
	if (tls->verify != NULL && results->tls.cert_issuer != NULL)
		results->tls.cert_issuer = cert_decode(context->arena, results->tls.cert_issuer);
	match_tlsa(context);
	match_cert(context);
	results->tls.stripped = context->facts->connection->starttls_mangled && tls->version == NULL;
	if (results->tls.stripped)
		results_raise(results, FINDING_TLS_STRIPPED, NULL, "an unknown command XXXXXXXA came instead of STARTTLS",
		    DNS_SECURE);
	if (results->tls.grade == TLS_GRADE_NONE)
		results_raise(results, FINDING_TLS_NONE, NULL, NULL, DNS_SECURE);
	if (results->tls.grade == TLS_GRADE_WEAK)
		results_raise(results, FINDING_TLS_WEAK, NULL, results->tls.reason, DNS_SECURE);
	if (tls->version != NULL && cipher_find(tls->cipher) != NULL && !results->tls.forward_secrecy)
		results_raise(results, FINDING_TLS_NO_FORWARD_SECRECY, NULL, results->tls.cipher, DNS_SECURE);
}

const struct check check_tls = {
	.id = CHECK_TLS, .stage = FINDING_STAGE_ENVELOPE, .exempt_too = true, .envelope = tls_envelope, .header = tls_header, .judge = tls_judge,
};
