/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Key records as they come from the DNS: strict reading, and whether a key may verify a signature.
 * Thread: any. Trusts nothing; fails with a static text, and the signature is then a permerror.
 */
#include "check/signature/key.h"

#include <string.h>
#include <strings.h>

static bool list_has(const struct dkim_tag *tag, const char *wanted, const char *other)
{
	struct dkim_tag rest = *tag;
	const char *item;
	size_t length;

	while (dkim_tag_next_item(&rest, &item, &length))
		if ((length == strlen(wanted) && strncasecmp(item, wanted, length) == 0) ||
		    (other != NULL && length == strlen(other) && strncasecmp(item, other, length) == 0))
			return true;
	return false;
}

static const char *read_type(const struct dkim_taglist *list, struct dkim_key_record *record)
{
	const struct dkim_tag *type = dkim_taglist_get(list, "k");

	record->type = DKIM_TYPE_RSA;
	if (type == NULL || dkim_tag_is(type, "rsa"))
		return NULL;
	if (!dkim_tag_is(type, "ed25519"))
		return "the key record has an unknown key type";
	record->type = DKIM_TYPE_ED25519;
	return NULL;
}

const char *dkim_key_parse(struct arena *arena, const char *text, size_t length, struct dkim_key_record *record_r)
{
	const struct dkim_tag *version, *key, *hashes, *services, *flags;
	struct dkim_taglist list;
	const char *why;

	memset(record_r, 0, sizeof *record_r);
	if (length > DKIM_KEY_RECORD_MAX_BYTES)
		return "the key record is too long";
	if (dkim_taglist_parse(text, length, &list, &why) != 0)
		return "the key record is malformed";
	version = dkim_taglist_get(&list, "v");
	if (version != NULL && (version != &list.tags[0] || version->value_length != 5 ||
		memcmp(version->value, "DKIM1", 5) != 0))
		return "the TXT record is no DKIM key record";
	key = dkim_taglist_get(&list, "p");
	if (key == NULL)
		return "the key record has no p=";
	why = read_type(&list, record_r);
	if (why != NULL)
		return why;
	hashes = dkim_taglist_get(&list, "h");
	services = dkim_taglist_get(&list, "s");
	flags = dkim_taglist_get(&list, "t");
	record_r->sha256 = hashes == NULL || list_has(hashes, "sha256", NULL);
	record_r->email = services == NULL || list_has(services, "*", "email");
	record_r->test_mode = flags != NULL && list_has(flags, "y", NULL);
	record_r->no_subdomains = flags != NULL && list_has(flags, "s", NULL);
	record_r->revoked = key->value_length == 0;
	if (record_r->revoked)
		return NULL;
	record_r->data = dkim_tag_base64(key, arena, &record_r->data_length);
	return record_r->data != NULL ? NULL : "the key record's p= is not base64";
}

const char *dkim_key_refuses(const struct dkim_key_record *record, const struct dkim_signature *signature)
{
	enum dkim_key_type wanted =
	    signature->algorithm == DKIM_ALGORITHM_ED25519_SHA256 ? DKIM_TYPE_ED25519 : DKIM_TYPE_RSA;

	if (record->revoked)
		return "the key is revoked";
	if (record->type != wanted)
		return "the key is of another type than the signature";
	if (!record->sha256)
		return "the key record does not allow SHA-256";
	if (!record->email)
		return "the key is not for e-mail";
	if (record->no_subdomains && signature->identity_below_domain)
		return "the key does not allow a subdomain in i=";
	return NULL;
}
