/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The verdict as one JSON object. The keys named in assay(1) are promised: each is always there, null when its data is
 * absent; further keys may come.
 */
#include <jansson.h>
#include <string.h>

#include "assay.h"
#include "check/tls/tls.h"
#include "json_text.h"

static json_t *dnssec(enum result result, enum dns_security security)
{
	return result == RESULT_UNCHECKED ? json_null() : json_string(dns_security_name(security));
}

static json_t *result_text(enum result result)
{
	const char *name = result_name(result);

	return name != NULL ? json_string(name) : json_null();
}

static json_t *number_or_null(bool known, unsigned value)
{
	return known ? json_integer(value) : json_null();
}

static json_t *bool_or_null(bool known, bool value)
{
	return known ? json_boolean(value) : json_null();
}

static json_t *spf_json(struct arena *arena, const struct spf_result *spf)
{
	const char *scope = spf->scope == SPF_SCOPE_MFROM ? "mfrom" : "helo";

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "result", result_text(spf->result),
	    "scope", spf->result == RESULT_UNCHECKED ? json_null() : json_string(scope),
	    "domain", json_text(arena, spf->domain), "explanation", json_text(arena, spf->explanation),
	    "dnssec", dnssec(spf->result, spf->dnssec), "reason", json_text(arena, spf->reason));
}

static json_t *dkim_json(struct arena *arena, const struct results *results)
{
	json_t *list = json_array();

	for (size_t i = 0; i < results->dkim_count; i++) {
		const struct dkim_result *dkim = &results->dkim[i];
		json_t *object = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "result", result_text(dkim->result),
		    "domain", json_text(arena, dkim->domain), "selector", json_text(arena, dkim->selector),
		    "identity", json_text(arena, dkim->identity), "algorithm", json_text(arena, dkim->algorithm),
		    "key_bits", number_or_null(dkim->key_bits != 0, dkim->key_bits),
		    "dnssec", dnssec(dkim->result, dkim->dnssec), "reason", json_text(arena, dkim->reason));

		json_object_set_new(object, "test_mode", json_boolean(dkim->test_mode));
		json_object_set_new(object, "partial_body", json_boolean(dkim->partial_body));
		json_object_set_new(object, "added_field", json_text(arena, dkim->added_field));
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *arc_json(struct arena *arena, const struct arc_result *arc)
{
	json_t *sealers = json_array();

	for (size_t i = 0; i < arc->set_count; i++)
		json_array_append_new(sealers, json_text(arena, arc->sets[i].sealer));
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "result", result_text(arc->result),
	    "oldest_pass", number_or_null(arc->result == RESULT_PASS, arc->oldest_pass), "sealers", sealers,
	    "dnssec", dnssec(arc->result, arc->dnssec), "reason", json_text(arena, arc->reason));
}

/* Those that hold for the author, and those of which it is not known. */
static json_t *overrides_json(struct arena *arena, const struct dmarc_result *dmarc)
{
	json_t *list = json_array();

	for (size_t i = 0; i < dmarc->override_count; i++) {
		const struct dmarc_override *override = &dmarc->overrides[i];
		const char *kind = words_of(override_kind_words, (int)override->kind);

		json_array_append_new(list, json_pack("{s:o, s:s, s:o, s:b, s:s}", "name", json_text(arena, override->name),
		    "kind", kind != NULL ? kind : "trusted-sealer", "evidence", json_text(arena, override->why),
		    "holds", !override->unknown, "dnssec", dns_security_name(override->dnssec)));
	}
	return list;
}

/* What is weighed by a policy that honours none of these overrides. */
static json_t *waivable_json(struct arena *arena, const struct results *results)
{
	json_t *list = json_array();

	for (size_t i = 0; i < results->waivable_count; i++) {
		const struct waivable *waivable = &results->waivable[i];
		json_t *names = json_array();

		for (size_t j = 0; j < waivable->override_count; j++)
			json_array_append_new(names, json_text(arena, waivable->overrides[j].name));
		json_array_append_new(list, json_pack("{s:s, s:o, s:o, s:o}", "name", findings_table[waivable->finding.id].name,
		    "domain", json_text(arena, waivable->finding.domain), "detail", json_text(arena, waivable->finding.detail),
		    "overrides", names));
	}
	return list;
}

static json_t *dmarc_json(struct arena *arena, const struct dmarc_result *dmarc)
{
	bool checked = dmarc->result != RESULT_UNCHECKED;

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "result", result_text(dmarc->result),
	    "overrides", overrides_json(arena, dmarc),
	    "domain", json_text(arena, dmarc->domain),
	    "policy", dmarc->has_policy ? json_string(dmarc_policy_name(dmarc->policy)) : json_null(),
	    "policy_domain", json_text(arena, dmarc->policy_domain), "org_domain", json_text(arena, dmarc->org_domain),
	    "disposition", checked ? json_string(dmarc_policy_name(dmarc->disposition)) : json_null(),
	    "spf_aligned", bool_or_null(checked, dmarc->spf_aligned), "dkim_aligned", bool_or_null(checked, dmarc->dkim_aligned),
	    "dnssec", dnssec(dmarc->result, dmarc->dnssec), "testing", bool_or_null(checked, dmarc->testing),
	    "reason", json_text(arena, dmarc->reason), "overridden", json_text(arena, dmarc->overridden));
}

static json_t *tls_json(struct arena *arena, const struct tls_result *tls)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
	    "grade", tls->checked ? json_string(tls_grade_name(tls->grade)) : json_null(),
	    "version", json_text(arena, tls->version), "cipher", json_text(arena, tls->cipher),
	    "bits", number_or_null(tls->version != NULL, tls->bits), "cert_subject", json_text(arena, tls->cert_subject),
	    "cert_issuer", json_text(arena, tls->cert_issuer),
	    "cert_status", tls->checked ? json_string(cert_status_name(tls->cert_status)) : json_null(),
	    "reason", json_text(arena, tls->reason));
}

/* Each name once, in the order in which they were raised; the objects tell whom they are about. */
static void set_findings(json_t *object, struct arena *arena, const struct results *results)
{
	json_t *names = json_array(), *details = json_array();
	finding_set seen = { 0 };

	for (size_t i = 0; i < results->finding_count; i++) {
		const struct finding *finding = &results->findings[i];
		const char *name = findings_table[finding->id].name;

		if (!finding_set_has(&seen, finding->id))
			json_array_append_new(names, json_string(name));
		finding_set_add(&seen, finding->id);
		json_array_append_new(details, json_pack("{s:s, s:o, s:o}", "name", name,
		    "domain", json_text(arena, finding->domain), "detail", json_text(arena, finding->detail)));
	}
	json_object_set_new(object, "findings", names);
	json_object_set_new(object, "finding_details", details);
}

static json_t *decision_json(struct arena *arena, const struct decision *decision)
{
	bool decided = decision->finding != FINDING_COUNT;

	return json_pack("{s:s, s:i, s:o, s:o, s:b, s:o, s:o, s:o, s:i, s:o}", "action", action_name(decision->action),
	    "code", (int)decision->code, "enhanced", json_text(arena, decision->enhanced), "text", json_text(arena, decision->text),
	    "enforced", decision->enforced, "finding", decided ? json_string(findings_table[decision->finding].name) : json_null(),
	    "domain", json_text(arena, decision->domain), "policy", json_text(arena, decision->policy), "policies", (int)decision->weighed,
	    "rule", decision->by_rule ? json_string(several_recipients_name(decision->rule)) : json_null());
}

/* The fields that come as they will stand, from the top: what is inserted last is the topmost. */
static void set_edits(json_t *object, struct arena *arena, const struct edits *edits)
{
	json_t *headers = json_array(), *deleted = json_array();

	for (size_t i = 0; i < edits->count; i++) {
		const struct edit *edit = &edits->items[i];

		if (edit->kind == EDIT_INSERT)
			json_array_insert_new(headers, 0, json_text(arena, arena_printf(arena, "%s:%s", edit->name, edit->value)));
		else
			json_array_append_new(deleted, json_pack("{s:o, s:i}", "name", json_text(arena, edit->name),
			    "occurrence", (int)edit->index));
	}
	json_object_set_new(object, "headers", headers);
	json_object_set_new(object, "deleted", deleted);
}

static json_t *author_json(struct arena *arena, const struct author *author)
{
	json_t *domains = json_array();

	for (size_t i = 0; i < author->domain_count; i++)
		json_array_append_new(domains, json_text(arena, author->domains[i]));
	return json_pack("{s:s, s:o, s:o, s:o}", "status", words_of(author_status_words, (int)author->status), "domains", domains,
	    "address", json_text(arena, author->address), "reason", json_text(arena, author->reason));
}

/* The hops of the message so far, newest first, as its Received fields tell. */
static json_t *path_json(struct arena *arena, const struct path_result *path)
{
	json_t *hops = json_array();

	for (size_t i = 0; i < path->hop_count; i++) {
		const struct path_hop *hop = &path->hops[i];
		struct tls_result tls;
		bool graded = tls_grade_hop(hop, &tls);

		json_array_append_new(hops, json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		    "transport", hop_transport_name(hop->transport), "from", json_text(arena, hop->from),
		    "by", json_text(arena, hop->by), "protocol", json_text(arena, hop->protocol),
		    "version", json_text(arena, hop->version), "cipher", json_text(arena, hop->cipher),
		    "group", json_text(arena, hop->group), "grade", json_text(arena, graded ? tls_grade_name(tls.grade) : NULL),
		    "reason", json_text(arena, graded ? tls.reason : NULL)));
	}
	return json_pack("{s:i, s:i, s:i, s:b, s:o}", "tls", (int)path->tls, "cleartext", (int)path->cleartext,
	    "unknown", (int)path->unknown, "truncated", path->truncated, "hops", hops);
}

void verdict_print_json(const struct verdict *verdict, FILE *out)
{
	struct arena *arena = message_arena(verdict->message);
	const struct results *results = message_results(verdict->message);
	const struct adsp_result *adsp = &results->adsp;
	json_t *object = json_object();

	json_object_set_new(object, "spf", spf_json(arena, &results->spf));
	json_object_set_new(object, "spf_helo", spf_json(arena, &results->spf_helo));
	json_object_set_new(object, "dkim", dkim_json(arena, results));
	json_object_set_new(object, "arc", arc_json(arena, &results->arc));
	json_object_set_new(object, "dmarc", dmarc_json(arena, &results->dmarc));
	json_object_set_new(object, "adsp", json_pack("{s:o, s:o, s:o, s:o, s:o}", "result", result_text(adsp->result),
	    "domain", json_text(arena, adsp->domain), "practices", json_text(arena, adsp->practices),
	    "dnssec", dnssec(adsp->result, adsp->dnssec), "reason", json_text(arena, adsp->reason)));
	json_object_set_new(object, "iprev", json_pack("{s:o, s:o, s:o, s:o}", "result", result_text(results->iprev.result),
	    "name", json_text(arena, results->iprev.name), "dnssec", dnssec(results->iprev.result, results->iprev.dnssec),
	    "reason", json_text(arena, results->iprev.reason)));
	json_object_set_new(object, "tls", tls_json(arena, &results->tls));
	json_object_set_new(object, "path", verdict->envelope_only ? json_null() : path_json(arena, &results->path));
	set_findings(object, arena, results);
	json_object_set_new(object, "waivable", waivable_json(arena, results));
	json_object_set_new(object, "decision", decision_json(arena, &verdict->outcome->decision));
	set_edits(object, arena, &verdict->outcome->edits);
	json_object_set_new(object, "exempt", json_text(arena, results->exempt_reason));
	json_object_set_new(object, "author",
	    verdict->envelope_only ? json_null() : author_json(arena, message_author(verdict->message)));
	json_dumpf(object, out, JSON_INDENT(2));
	fputc('\n', out);
	json_decref(object);
}
