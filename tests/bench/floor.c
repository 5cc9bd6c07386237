/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The floor: what no verifier can do without, by the shortest way. For each message file one SHA-256 of the whole message, one
 * verification for each DKIM-Signature with the key at hand (RSA-2048 or Ed25519, as the field says), and its header split into
 * fields once. Nothing is canonicalised, looked up, allocated or reported.
 * The verified signatures are of a digest of our own: how long that takes depends on the key's size only.
 * usage: floor [-n ROUNDS] MESSAGE…
 * Prints one line: messages, signatures, fields, CPU seconds per 1,000 messages.
 */
#include <err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { RSA_BITS = 2048, SIGNATURE_BYTES = RSA_BITS / 8, DIGEST_BYTES = 32 };

struct mail { char *data; size_t length; unsigned rsa, ed25519; };

/* A key, and a signature by it of the digest below. */
struct signer {
	EVP_PKEY *key;
	EVP_PKEY_CTX *verifier;		/* RSA only */
	EVP_MD_CTX *context;		/* Ed25519 only */
	unsigned char signature[SIGNATURE_BYTES];
	size_t length;
};

static const unsigned char digest_of_ours[DIGEST_BYTES] = "assay bench floor";
static struct signer rsa, ed25519;

static void want(bool fine, const char *what)
{
	if (!fine)
		errx(70, "%s", what);
}

static void rsa_make(void)
{
	EVP_PKEY_CTX *context;

	rsa.key = EVP_RSA_gen(RSA_BITS);
	rsa.length = sizeof(rsa.signature);
	want(rsa.key != NULL, "no RSA key");
	context = EVP_PKEY_CTX_new(rsa.key, NULL);
	want(context != NULL && EVP_PKEY_sign_init(context) == 1 && EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1 &&
	    EVP_PKEY_sign(context, rsa.signature, &rsa.length, digest_of_ours, DIGEST_BYTES) == 1, "RSA does not sign");
	EVP_PKEY_CTX_free(context);
	rsa.verifier = EVP_PKEY_CTX_new(rsa.key, NULL);
	want(rsa.verifier != NULL && EVP_PKEY_verify_init(rsa.verifier) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(rsa.verifier, RSA_PKCS1_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_signature_md(rsa.verifier, EVP_sha256()) == 1, "RSA does not verify");
}

static void ed25519_make(void)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	ed25519.key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	ed25519.context = EVP_MD_CTX_new();
	ed25519.length = sizeof(ed25519.signature);
	want(ed25519.key != NULL && context != NULL && ed25519.context != NULL, "no Ed25519 key");
	want(EVP_DigestSignInit(context, NULL, NULL, NULL, ed25519.key) == 1 &&
	    EVP_DigestSign(context, ed25519.signature, &ed25519.length, digest_of_ours, DIGEST_BYTES) == 1, "Ed25519 does not sign");
	EVP_MD_CTX_free(context);
}

static void verify(const struct mail *mail)
{
	for (unsigned i = 0; i < mail->rsa; i++)
		want(EVP_PKEY_verify(rsa.verifier, rsa.signature, rsa.length, digest_of_ours, DIGEST_BYTES) == 1, "RSA");
	for (unsigned i = 0; i < mail->ed25519; i++)
		want(EVP_MD_CTX_reset(ed25519.context) == 1 &&
		    EVP_DigestVerifyInit(ed25519.context, NULL, NULL, NULL, ed25519.key) == 1 &&
		    EVP_DigestVerify(ed25519.context, ed25519.signature, ed25519.length, digest_of_ours, DIGEST_BYTES) == 1, "Ed25519");
}

static bool begins(const char *text, const char *end, const char *word)
{
	size_t length = strlen(word);

	return (size_t)(end - text) >= length && strncasecmp(text, word, length) == 0;
}

/* Splits the header into fields. mail_r: its signatures are counted there; NULL: not wanted. @return how many fields. */
static size_t fields_parse(const struct mail *mail, struct mail *mail_r)
{
	const char *at = mail->data, *end = mail->data + mail->length;
	size_t count = 0;

	while (at < end && *at != '\r') {
		const char *next = at, *colon = memchr(at, ':', (size_t)(end - at));

		do {
			next = memchr(next, '\n', (size_t)(end - next));
			next = next != NULL ? next + 1 : end;
		} while (next < end && (*next == ' ' || *next == '\t'));
		want(colon != NULL && colon < next, "a line that is no header field");
		count++;
		if (mail_r != NULL && begins(at, next, "DKIM-Signature:")) {
			if (memmem(at, (size_t)(next - at), "a=ed25519-", strlen("a=ed25519-")) != NULL)
				mail_r->ed25519++;
			else
				mail_r->rsa++;
		}
		at = next;
	}
	return count;
}

static void mail_load(struct mail *mail, const char *path)
{
	FILE *file = fopen(path, "rb");
	long length = -1;

	if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (length = ftell(file)) <= 0)
		err(66, "%s", path);
	rewind(file);
	mail->length = (size_t)length;
	mail->data = malloc(mail->length);
	if (mail->data == NULL || fread(mail->data, 1, mail->length, file) != mail->length)
		err(66, "%s", path);
	fclose(file);
	fields_parse(mail, mail);
}

/* All messages, so often. Never inlined: valgrind counts what this function does, without the making of keys, which takes chance. */
__attribute__((noinline)) void floor_run(const struct mail *mails, size_t mail_count, long rounds, size_t *signatures_r,
    size_t *fields_r);

void floor_run(const struct mail *mails, size_t mail_count, long rounds, size_t *signatures_r, size_t *fields_r)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	EVP_MD *sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	want(sha256 != NULL && context != NULL, "no SHA-256");
	for (long round = 0; round < rounds; round++)
		for (size_t i = 0; i < mail_count; i++) {
			*fields_r += fields_parse(&mails[i], NULL);
			want(EVP_DigestInit_ex(context, sha256, NULL) == 1 &&
			    EVP_DigestUpdate(context, mails[i].data, mails[i].length) == 1 &&
			    EVP_DigestFinal_ex(context, digest, NULL) == 1, "SHA-256");
			verify(&mails[i]);
			*signatures_r += mails[i].rsa + mails[i].ed25519;
		}
	EVP_MD_CTX_free(context);
	EVP_MD_free(sha256);
}

int main(int count, char **arguments)
{
	int first = 1;
	long rounds = 10;
	size_t mail_count, signatures = 0, fields = 0;
	struct mail *mails;
	clock_t begin;

	if (count > 2 && strcmp(arguments[1], "-n") == 0) {
		rounds = atol(arguments[2]);
		first = 3;
	}
	if (count <= first || rounds <= 0)
		errx(64, "usage: floor [-n ROUNDS] MESSAGE…");
	rsa_make();
	ed25519_make();
	mail_count = (size_t)(count - first);
	mails = calloc(mail_count, sizeof(*mails));
	want(mails != NULL, "out of memory");
	for (size_t i = 0; i < mail_count; i++)
		mail_load(&mails[i], arguments[first + (int)i]);
	begin = clock();
	floor_run(mails, mail_count, rounds, &signatures, &fields);
	printf("messages=%zu signatures=%zu fields=%zu cpu_secs_per_1000=%.4f\n", mail_count * (size_t)rounds, signatures, fields,
	    1000.0 * (double)(clock() - begin) / CLOCKS_PER_SEC / (double)(mail_count * (size_t)rounds));
	for (size_t i = 0; i < mail_count; i++)
		free(mails[i].data);
	free(mails);
	EVP_MD_CTX_free(ed25519.context);
	EVP_PKEY_free(ed25519.key);
	EVP_PKEY_CTX_free(rsa.verifier);
	EVP_PKEY_free(rsa.key);
	return 0;
}
