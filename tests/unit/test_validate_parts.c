/* SPDX-License-Identifier: BSD-2-Clause */
/* Parts of the validator alone: names, type bitmaps, the cryptography on the examples of the RFCs, anchor files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <ldns/ldns.h>

#include "arena_fixture.h"
#include "dnssec/internal.h"
#include "text_fixture.h"

static const uint8_t *name(const char *text)
{
	struct dns_name *parsed = arena_alloc(arena, sizeof(*parsed));

	assert_int_equal(dns_name_parse(text, parsed), 0);
	return parsed->bytes;
}

/* ---- names ---- */

static void test_name_compare_canonical_order(void **state)
{
	/* the example of RFC 4034 section 6.1 */
	static const char *const ordered[] = { "example", "a.example", "yljkjljk.a.example", "Z.a.example", "zABC.a.EXAMPLE",
		"z.example", "\\001.z.example", "*.z.example", "\\200.z.example" };

	(void)state;
	for (size_t i = 0; i < 9; i++)
		for (size_t k = 0; k < 9; k++) {
			int order = dns_wire_compare(name(ordered[i]), name(ordered[k]));

			assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
		}
}

static void test_name_parse_limits(void **state)
{
	char text[400] = "";
	struct dns_name parsed;

	(void)state;
	memset(text, 'a', 63);
	assert_int_equal(dns_name_parse(text, &parsed), 0);
	text[63] = 'a';
	assert_int_not_equal(dns_name_parse(text, &parsed), 0);
	/* 127 labels of one octet make 255 octets */
	for (size_t i = 0; i < 127; i++)
		memcpy(text + 2 * i, "a.", 3);
	assert_int_equal(dns_name_parse(text, &parsed), 0);
	assert_int_equal(parsed.length, 255);
	assert_int_equal(dns_wire_length(parsed.bytes), 255);
	assert_int_equal(dns_wire_labels(parsed.bytes), 127);
	strcat(text, "a");
	assert_int_not_equal(dns_name_parse(text, &parsed), 0);
	assert_int_not_equal(dns_name_parse("a..b", &parsed), 0);
	assert_int_not_equal(dns_name_parse(".a", &parsed), 0);
	assert_int_not_equal(dns_name_parse("a\\25", &parsed), 0);
	assert_int_not_equal(dns_name_parse("a\\256", &parsed), 0);
	assert_int_not_equal(dns_name_parse("a\\", &parsed), 0);
}

static void test_name_text_round_trip(void **state)
{
	static const char *const texts[] = { ".", "example", "a\\.b.example", "\\000\\255.example", "back\\\\slash.x", "*.w" };

	(void)state;
	for (size_t i = 0; i < 6; i++)
		assert_string_equal(dns_wire_text(arena, name(texts[i])), texts[i]);
}

static void test_name_from_wire_pointers(void **state)
{
	static const uint8_t good[] = { 1, 'A', 0, 1, 'b', 0xc0, 0 };
	static const uint8_t loop[] = { 0xc0, 0 }, forward[] = { 0xc0, 2, 0 }, cut[] = { 3, 'a', 'b' }, reserved[] = { 0x40, 0 };
	uint8_t wire[DNS_NAME_BYTES];
	size_t position = 3;

	(void)state;
	assert_int_equal(dns_wire_from_message(good, sizeof(good), &position, wire), 0);
	assert_string_equal(dns_wire_text(arena, wire), "b.a");
	assert_int_equal(position, 7);
	position = 0;
	assert_int_not_equal(dns_wire_from_message(loop, sizeof(loop), &position, wire), 0);
	assert_int_not_equal(dns_wire_from_message(forward, sizeof(forward), &position, wire), 0);
	assert_int_not_equal(dns_wire_from_message(cut, sizeof(cut), &position, wire), 0);
	assert_int_not_equal(dns_wire_from_message(reserved, sizeof(reserved), &position, wire), 0);
}

static void test_name_relations(void **state)
{
	(void)state;
	assert_true(dns_wire_is_within(name("a.example"), name("example")));
	assert_true(dns_wire_is_within(name("example"), name(".")));
	assert_false(dns_wire_is_within(name("aexample"), name("example")));
	assert_false(dns_wire_is_below(name("example"), name("example")));
	assert_int_equal(dns_wire_common_labels(name("x.y.example"), name("z.y.example")), 2);
	assert_int_equal(dns_wire_signed_labels(name("*.w.example")), 2);
}

/* ---- bitmaps ---- */

static void test_bitmap_has(void **state)
{
	/* RFC 4034 section 4.3: A MX RRSIG NSEC TYPE1234 */
	static const uint8_t bitmap[37] = { 0, 6, 0x40, 1, 0, 0, 0, 3, 4, 0x1b, [36] = 0x20 };

	(void)state;
	assert_true(bitmap_valid(bitmap, sizeof(bitmap)));
	assert_true(bitmap_has(bitmap, sizeof(bitmap), 1));
	assert_true(bitmap_has(bitmap, sizeof(bitmap), 15));
	assert_true(bitmap_has(bitmap, sizeof(bitmap), 46));
	assert_true(bitmap_has(bitmap, sizeof(bitmap), 1234));
	assert_false(bitmap_has(bitmap, sizeof(bitmap), 16));
	assert_false(bitmap_has(bitmap, sizeof(bitmap), 1235));
}

static void test_bitmap_valid_broken(void **state)
{
	static const uint8_t short_window[] = { 0, 6, 0x40 }, empty_window[] = { 0, 0 }, order[] = { 1, 1, 1, 0, 1, 1 };

	(void)state;
	assert_false(bitmap_valid(short_window, sizeof(short_window)));
	assert_false(bitmap_valid(empty_window, sizeof(empty_window)));
	assert_false(bitmap_valid(order, sizeof(order)));
}

/* ---- cryptography: the examples in the RFCs that define the algorithms ---- */

struct example {
	const char *rfc, *owner, *dnskey, *ds, *record, *rrsig;
};

static const struct example examples[] = {
	{ "RFC 6605 section 6.1", "example.net.",
	  "257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
	  "55648 13 2 b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17",
	  "www.example.net. 3600 IN A 192.0.2.1",
	  "A 13 3 3600 20100909100439 20100812100439 55648 example.net. "
	  "qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==" },
	{ "RFC 6605 section 6.2", "example.net.",
	  "257 3 14 xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1w/egsXvSADtNJhyem5RCOpgQ6K8X1DRSEkrbYQ+OB+v8/uX45NBwY8rp65F6Glur8I/mlVNgF6W/qTI37m40",
	  "10771 14 4 72d7b62976ce06438e9c0bf319013cf801f09ecc84b8d7e9495f27e305c6a9b0563a9b5f4d288405c3008a946df983d6",
	  "www.example.net. 3600 IN A 192.0.2.1",
	  "A 14 3 3600 20100909102025 20100812102025 10771 example.net. "
	  "/L5hDKIvGDyI1fcARX3z65qrmPsVz73QD1Mr5CEqOiLP95hxQouuroGCeZOvzFaxsT8Glr74hbavRKayJNuydCuzWTSSPdz7wnqXL5bdcJzusdnI0RSMROxxwGipWcJm" },
	{ "RFC 8080 section 6.1", "example.com.",
	  "257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
	  "3613 15 2 3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a304b",
	  "example.com. 3600 IN MX 10 mail.example.com.",
	  "MX 15 2 3600 1440021600 1438207200 3613 example.com. "
	  "oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg==" },
	{ "RFC 8080 section 6.2", "example.com.",
	  "257 3 16 3kgROaDjrh0H2iuixWBrc8g2EpBBLCdGzHmn+G2MpTPhpj/OiBVHHSfPodx1FYYUcJKm1MDpJtIA",
	  "9713 16 2 6ccf18d5bc5d7fc2fceb1d59d17321402f2aa8d368048db93dd811f5cb2b19c7",
	  "example.com. 3600 IN MX 10 mail.example.com.",
	  "MX 16 2 3600 1440021600 1438207200 9713 example.com. "
	  "3cPAHkmlnxcDHMyg7vFC34l0blBhuG1qpwLmjInI8w1CMB29FkEAIJUA0amxWndkmnBZ6SKiwZSAxGILn/NBtOXft0+Gj7FSvOKxE/07+4RQvE581N3Aj/JtIyaiYVdnYtyMWbSNyGEY2213WKsJlwEA" },
};

static ldns_rr *record(const char *text)
{
	ldns_rr *rr = NULL;

	assert_int_equal(ldns_rr_new_frm_str(&rr, text, 3600, NULL, NULL), LDNS_STATUS_OK);
	return rr;
}

static const uint8_t *rdata_of(ldns_rr *rr, size_t *length_r)
{
	ldns_buffer *buffer = ldns_buffer_new(1024);
	const uint8_t *rdata;

	assert_int_equal(ldns_rr_rdata2buffer_wire(buffer, rr), LDNS_STATUS_OK);
	*length_r = ldns_buffer_position(buffer);
	rdata = arena_memdup(arena, ldns_buffer_begin(buffer), *length_r);
	ldns_buffer_free(buffer);
	ldns_rr_free(rr);
	return rdata;
}

/* What the signature covers, written here by hand: RFC 4034 section 3.1.8.1. */
static size_t covered(const struct example *example, const struct vsig *sig, uint8_t *data)
{
	ldns_rr *rr = record(example->record);
	uint16_t type = ldns_rr_get_type(rr);
	char *owner = ldns_rdf2str(ldns_rr_owner(rr));
	const uint8_t *owner_wire = name(owner), *rdata;
	size_t used = sig->prefix_length, length;

	free(owner);
	rdata = rdata_of(rr, &length);
	memcpy(data, sig->prefix, used);
	memcpy(data + used, owner_wire, dns_wire_length(owner_wire));
	used += dns_wire_length(owner_wire);
	memcpy(data + used, (uint8_t[]){ 0, (uint8_t)type, 0, 1, 0, 0, 3600 >> 8, 3600 & 255, 0, (uint8_t)length }, 10);
	used += 10;
	memcpy(data + used, rdata, length);
	return used + length;
}

static void test_crypto_verify_rfc_examples(void **state)
{
	struct dnssec_crypto crypto;

	(void)state;
	assert_int_equal(dnssec_crypto_init(&crypto), 0);
	for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++) {
		const struct example *e = &examples[i];
		size_t key_length, ds_length, sig_length, length;
		const uint8_t *key_rdata = rdata_of(record(arena_printf(arena, "%s 3600 IN DNSKEY %s", e->owner, e->dnskey)), &key_length);
		const uint8_t *ds = rdata_of(record(arena_printf(arena, "%s 3600 IN DS %s", e->owner, e->ds)), &ds_length);
		const uint8_t *rrsig = rdata_of(record(arena_printf(arena, "%s 3600 IN RRSIG %s", e->owner, e->rrsig)), &sig_length);
		struct vkey key = { .algorithm = key_rdata[3], .length = (uint16_t)key_length, .rdata = key_rdata };
		uint8_t data[1024], wrong[256];
		struct vsig sig;
		uint16_t type;

		print_message("%s\n", e->rfc);
		assert_int_equal(ldns_calc_keytag_raw(key_rdata, key_length), ds[0] << 8 | ds[1]);
		assert_true(dnssec_crypto_ds_matches(&crypto, name(e->owner), &key, ds[3], ds + 4, ds_length - 4));
		assert_false(dnssec_crypto_ds_matches(&crypto, name("other.example"), &key, ds[3], ds + 4, ds_length - 4));
		assert_false(dnssec_crypto_ds_matches(&crypto, name(e->owner), &key, ds[3], ds + 4, ds_length - 5));
		dnssec_crypto_key_decode(&key);
		assert_non_null(key.pkey);
		assert_int_equal(dnssec_rrsig_parse(arena, rrsig, sig_length, &sig, &type), 0);
		length = covered(e, &sig, data);
		assert_true(dnssec_crypto_verify(&crypto, &key, data, length, sig.signature, sig.signature_length));
		assert_false(dnssec_crypto_verify(&crypto, &key, data, length - 1, sig.signature, sig.signature_length));
		assert_false(dnssec_crypto_verify(&crypto, &key, data, length, sig.signature, sig.signature_length - 1));
		memcpy(wrong, sig.signature, sig.signature_length);
		wrong[3] ^= 1;
		assert_false(dnssec_crypto_verify(&crypto, &key, data, length, wrong, sig.signature_length));
		EVP_PKEY_free(key.pkey);
	}
	dnssec_crypto_done(&crypto);
}

static void test_crypto_nsec3_hash_rfc_examples(void **state)
{
	/* RFC 5155 appendix A: salt aabbccdd, 12 iterations */
	static const struct { const char *name, *hash; } hashes[] = {
		{ "example", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom" }, { "a.example", "35mthgpgcu1qg68fab165klnsnk3dpvl" },
		{ "ns1.example", "2t7b4g4vsa5smi47k61mv5bv1a22bojr" }, { "x.w.example", "b4um86eghhds6nea196smvmlo4ors995" },
		{ "*.w.example", "r53bq7cc2uvmubfu5ocmm6pers9tk9en" },
	};
	static const uint8_t salt[] = { 0xaa, 0xbb, 0xcc, 0xdd };
	struct dnssec_crypto crypto;

	(void)state;
	assert_int_equal(dnssec_crypto_init(&crypto), 0);
	for (size_t i = 0; i < 5; i++) {
		uint8_t hash[20];
		char text[64];

		assert_int_equal(dnssec_crypto_nsec3_hash(&crypto, name(hashes[i].name), salt, 4, 12, hash), 0);
		assert_int_equal(ldns_b32_ntop_extended_hex(hash, 20, text, sizeof(text)), 32);
		assert_string_equal(text, hashes[i].hash);
	}
	dnssec_crypto_done(&crypto);
}

/* Decodes an RSA key with a modulus of so many octets (all ones) and such an exponent. */
static const char *rsa_refused(size_t modulus_octets, const uint8_t *exponent, size_t exponent_octets)
{
	uint8_t rdata[2048] = { 1, 1, 3, 8 };
	struct vkey key = { .algorithm = 8, .rdata = rdata, .length = (uint16_t)(5 + exponent_octets + modulus_octets) };

	rdata[4] = (uint8_t)exponent_octets;
	memcpy(rdata + 5, exponent, exponent_octets);
	memset(rdata + 5 + exponent_octets, 0xff, modulus_octets);
	dnssec_crypto_key_decode(&key);
	EVP_PKEY_free(key.pkey);
	return key.pkey != NULL ? "accepted" : key.why;
}

static void test_crypto_key_decode_rsa_limits(void **state)
{
	static const uint8_t three[] = { 3 }, long_exponent[9] = { 1, 0, 0, 0, 0, 0, 0, 0, 1 };

	(void)state;
	assert_string_equal(rsa_refused(128, three, 1), "accepted");
	assert_string_equal(rsa_refused(512, three, 1), "accepted");
	assert_string_equal(rsa_refused(127, three, 1), "RSA key under 1024 bits");
	assert_string_equal(rsa_refused(513, three, 1), "RSA key over 4096 bits");
	assert_string_equal(rsa_refused(256, long_exponent, 9), "RSA exponent over 64 bits");
	assert_string_equal(rsa_refused(0, three, 1), "malformed RSA key");
}

static void test_crypto_key_decode_point_off_curve(void **state)
{
	uint8_t rdata[4 + 64] = { 1, 1, 3, 13, 1, 2, 3 };
	struct vkey key = { .algorithm = 13, .rdata = rdata, .length = sizeof(rdata) };

	(void)state;
	dnssec_crypto_key_decode(&key);
	assert_null(key.pkey);
	assert_string_equal(key.why, "malformed ECDSA key");
}

/* ---- anchors ---- */

static char why[512];

/* Loads a file of that content. @return the anchors or NULL with why. */
static struct anchor *load(const char *content)
{
	char path[FIXTURE_PATH_BYTES];
	const char *files[] = { path, NULL };
	struct anchor *anchors = NULL;

	text_file(path, content);
	why[0] = '\0';
	if (dnssec_anchors_load(arena, files, false, &anchors, why, sizeof(why)) != 0)
		anchors = NULL;
	unlink(path);
	return anchors;
}

#define GOOD_DS ". 172800 IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n"

static void test_anchors_load_forms(void **state)
{
	struct anchor *anchors;

	(void)state;
	anchors = load("; comment\n\n$TTL 300\n" GOOD_DS
	    "example.net. IN DNSKEY 257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==\n"
	    ". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16 ; the second one\n");
	assert_non_null(anchors);
	assert_true(dns_wire_equal(anchors->name, name("example.net")));
	assert_int_equal(anchors->ds[0].tag, 55648);
	assert_int_equal(anchors->next->ds_count, 2);
	assert_int_equal(anchors->next->ds[1].tag, 38696);
	assert_null(anchors->next->next);
}

static void test_anchors_load_errors(void **state)
{
	static const char *const missing[] = { "/nonexistent/root.key", NULL }, *const none[] = { NULL };
	struct anchor *anchors;

	(void)state;
	assert_null(load("; nothing\n"));
	assert_non_null(strstr(why, "no DS or DNSKEY record"));
	assert_null(load(""));
	assert_null(load(GOOD_DS ". IN DS what is this\n"));
	assert_non_null(strstr(why, ":2: "));
	assert_null(load(GOOD_DS "\n. IN A 192.0.2.1\n"));
	assert_non_null(strstr(why, ":3: only DS and DNSKEY"));
	assert_null(load(". IN DS 19036 8 2 49AAC11D7B6F6446702E54A1607371607A1A41855200FD2CE1CDDE32F24E8FB5\n"));
	assert_non_null(strstr(why, "retired"));
	assert_null(load("example. IN DS 1 200 2 00\n"));
	assert_non_null(strstr(why, "supported"));
	assert_null(load("example. IN DNSKEY 385 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==\n"));
	assert_non_null(strstr(why, "revoked"));
	assert_int_not_equal(dnssec_anchors_load(arena, missing, false, &anchors, why, sizeof(why)), 0);
	assert_non_null(strstr(why, "/nonexistent/root.key: No such file"));
	assert_int_not_equal(dnssec_anchors_load(arena, none, false, &anchors, why, sizeof(why)), 0);
}

/* ---- cut cache ---- */

static struct cut *put(struct cut_cache *cache, const char *text, enum cut_state state, int64_t life_ms)
{
	struct cut *cut = cut_new(name(text), state, NULL);

	cut->expires_ms = clock_monotonic_ms() + life_ms;
	cut->expires_wall = 2000;
	cuts_put(cache, cut);
	return cut;
}

static void test_cuts_get_expired(void **state)
{
	struct cut_cache *cache = cuts_new(1000);
	struct cut *cut;

	(void)state;
	cut_unref(put(cache, "a.example", CUT_SECURE, 60000));
	cut_unref(put(cache, "b.example", CUT_SECURE, 0));
	cut = cuts_get(cache, name("A.example"), 1000);
	assert_non_null(cut);
	cut_unref(cut);
	assert_null(cuts_get(cache, name("a.example"), 2001));
	assert_null(cuts_get(cache, name("b.example"), 1000));
	assert_null(cuts_get(cache, name("c.example"), 1000));
	cuts_free(&cache);
}

static void test_cuts_put_bounded(void **state)
{
	struct cut_cache *cache = cuts_new(160);
	unsigned found = 0;
	char text[32];

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		snprintf(text, sizeof(text), "n%u.example", i);
		cut_unref(put(cache, text, CUT_NOT_A_CUT, 60000));
	}
	for (unsigned i = 0; i < 2000; i++) {
		struct cut *cut;

		snprintf(text, sizeof(text), "n%u.example", i);
		cut = cuts_get(cache, name(text), 0);
		found += cut != NULL;
		if (cut != NULL)
			cut_unref(cut);
	}
	assert_int_equal(found, 160);	/* all of it: so many names fill every part of the cache */
	cuts_free(&cache);
}

static void test_cuts_put_bogus_backs_off(void **state)
{
	struct cut_cache *cache = cuts_new(100);
	struct cut *cut = NULL;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		if (cut != NULL)
			cut_unref(cut);
		cut = put(cache, "bad.example", CUT_BOGUS, 60000);
		cut->expires_ms -= i < 2 ? 10000000 : 0;	/* runs out, and fails again */
	}
	assert_int_equal(cut->failures, 2);
	assert_true(cut->expires_ms > clock_monotonic_ms() + 200000);
	cut_unref(cut);
	cuts_free(&cache);
}

/* RFC 9520 section 3.2: a failure is not kept for longer than five minutes. */
static void test_cuts_put_bogus_backs_off_for_5_minutes(void **state)
{
	struct cut_cache *cache = cuts_new(100);
	struct cut *cut;

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		cut = put(cache, "bad.example", CUT_BOGUS, 60000);
		assert_true(cut->expires_ms <= clock_monotonic_ms() + 300000);
		cut->expires_ms -= 10000000;
		cut_unref(cut);
	}
	cuts_free(&cache);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, arena_setup, arena_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_name_compare_canonical_order), CASE(test_name_parse_limits), CASE(test_name_text_round_trip),
		CASE(test_name_from_wire_pointers), CASE(test_name_relations), CASE(test_bitmap_has),
		CASE(test_bitmap_valid_broken), CASE(test_crypto_verify_rfc_examples),
		CASE(test_crypto_nsec3_hash_rfc_examples), CASE(test_crypto_key_decode_rsa_limits),
		CASE(test_crypto_key_decode_point_off_curve), CASE(test_anchors_load_forms), CASE(test_anchors_load_errors),
		CASE(test_cuts_get_expired), CASE(test_cuts_put_bounded), CASE(test_cuts_put_bogus_backs_off),
		CASE(test_cuts_put_bogus_backs_off_for_5_minutes),
	};

	return cmocka_run_group_tests_name("validate_parts", tests, NULL, NULL);
}
