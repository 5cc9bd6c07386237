/* SPDX-License-Identifier: BSD-2-Clause */
/* Each result of a message as a line of its trace, with all that it says of itself. Thread: the message's. */
#include "pipeline/trace_write.h"
#include "util/buf.h"

static bool begin_result(struct trace_writer *writer, const char *check, enum result result)
{
	if (result == RESULT_UNCHECKED)
		return false;
	trace_begin(writer, "result");
	trace_put(writer, "check", check);
	trace_put(writer, "result", result_name(result));
	return true;
}

static void end_result(struct trace_writer *writer, enum dns_security security, const char *reason)
{
	trace_put(writer, "dnssec", dns_security_name(security));
	trace_put(writer, "reason", reason);
	(void)trace_finish(writer);
}

static void put_spf(struct trace_writer *writer, const char *check, const struct spf_result *spf)
{
	if (!begin_result(writer, check, spf->result))
		return;
	trace_put(writer, "scope", spf->scope == SPF_SCOPE_MFROM ? "mfrom" : "helo");
	trace_put(writer, "domain", spf->domain);
	trace_put(writer, "mechanism", spf->mechanism);
	trace_put(writer, "explanation", spf->explanation);
	end_result(writer, spf->dnssec, spf->reason);
}

static void put_dkim(struct trace_writer *writer, const struct results *results)
{
	if (results->dkim_checked && results->dkim_count == 0 && begin_result(writer, "dkim", RESULT_NONE))
		(void)trace_finish(writer);
	for (size_t i = 0; i < results->dkim_count; i++) {
		const struct dkim_result *dkim = &results->dkim[i];

		if (!begin_result(writer, "dkim", dkim->result))
			continue;
		trace_put(writer, "domain", dkim->domain);
		trace_put(writer, "selector", dkim->selector);
		trace_put(writer, "identity", dkim->identity);
		trace_put(writer, "algorithm", dkim->algorithm);
		trace_put_count(writer, "key_bits", dkim->key_bits);
		trace_put_flag(writer, "test_mode", dkim->test_mode);
		trace_put_flag(writer, "partial_body", dkim->partial_body);
		trace_put(writer, "added_field", dkim->added_field);
		end_result(writer, dkim->dnssec, dkim->reason);
	}
}

static void put_arc(struct trace_writer *writer, const struct arc_result *arc)
{
	if (!begin_result(writer, "arc", arc->result))
		return;
	trace_put(writer, "sealer", arc->sealer);
	trace_put_count(writer, "sets", arc->set_count);
	trace_put_count(writer, "oldest_pass", arc->oldest_pass);
	end_result(writer, arc->dnssec, arc->reason);
}

const char *override_names(struct arena *arena, const struct dmarc_override *overrides, size_t count)
{
	struct buf names = buf_make(arena);

	for (size_t i = 0; i < count; i++)
		buf_printf(&names, "%s%s%s", i != 0 ? "," : "", overrides[i].name, overrides[i].unknown ? "?" : "");
	return count != 0 ? names.data : NULL;
}

static void put_dmarc(struct trace_writer *writer, const char *check, const struct dmarc_result *dmarc)
{
	if (!begin_result(writer, check, dmarc->result))
		return;
	trace_put(writer, "domain", dmarc->domain);
	if (dmarc->has_policy) {
		trace_put(writer, "policy", dmarc_policy_name(dmarc->policy));
		trace_put(writer, "policy_domain", dmarc->policy_domain);
	}
	trace_put(writer, "org_domain", dmarc->org_domain);
	trace_put(writer, "disposition", dmarc_policy_name(dmarc->disposition));
	trace_put_flag(writer, "testing", dmarc->testing);
	trace_put_flag(writer, "spf_aligned", dmarc->spf_aligned);
	trace_put_flag(writer, "dkim_aligned", dmarc->dkim_aligned);
	trace_put(writer, "overridden", dmarc->overridden);
	trace_put(writer, "overrides", override_names(writer->arena, dmarc->overrides, dmarc->override_count));
	trace_put_flag(writer, "override_unknown", dmarc->override_unknown);
	trace_put(writer, "record_fault", dmarc->record_fault);
	end_result(writer, dmarc->dnssec, dmarc->reason);
}

static void put_tls(struct trace_writer *writer, const struct tls_result *tls)
{
	if (!tls->checked)
		return;
	trace_begin(writer, "result");
	trace_put(writer, "check", "tls");
	trace_put(writer, "result", tls_grade_name(tls->grade));
	trace_put(writer, "version", tls->version);
	trace_put(writer, "cipher", tls->cipher);
	trace_put(writer, "cert", cert_status_name(tls->cert_status));
	trace_put(writer, "cert_match", tls->cert_match);
	if (tls->tlsa != TLSA_UNCHECKED)
		trace_put(writer, "tlsa", tlsa_status_name(tls->tlsa));
	trace_put(writer, "tlsa_name", tls->tlsa_name);
	trace_put_flag(writer, "stripped", tls->stripped);
	trace_put_flag(writer, "not_required", tls->not_required);
	trace_put(writer, "reason", tls->reason);
	(void)trace_finish(writer);
}

static void put_peer(struct trace_writer *writer, const struct peer_result *peer)
{
	if (peer->peer == NULL)
		return;
	trace_begin(writer, "result");
	trace_put(writer, "check", "peer");
	trace_put(writer, "result", peer->no_memory ? "no-memory" : peer->downgrade ? "downgrade" : peer->known ? "known" : "new");
	trace_put(writer, "domain", peer->peer);
	trace_put_flag(writer, "habit", peer->habit);
	trace_put_flag(writer, "pinned", peer->pinned);
	if (peer->habit)
		trace_put(writer, "usual_grade", tls_grade_name(peer->usual_grade));
	trace_put(writer, "reason", peer->reason);
	(void)trace_finish(writer);
}

static void put_path(struct trace_writer *writer, const struct path_result *path)
{
	if (path->hop_count == 0)
		return;
	trace_begin(writer, "result");
	trace_put(writer, "check", "path");
	trace_put_count(writer, "hops", path->hop_count);
	trace_put_count(writer, "tls", path->tls);
	trace_put_count(writer, "cleartext", path->cleartext);
	trace_put_count(writer, "unknown", path->unknown);
	trace_put_flag(writer, "truncated", path->truncated);
	(void)trace_finish(writer);
}

void trace_results(struct trace_writer *writer, const struct results *results)
{
	put_tls(writer, &results->tls);
	put_peer(writer, &results->peer);
	if (begin_result(writer, "iprev", results->iprev.result)) {
		trace_put(writer, "domain", results->iprev.name);
		end_result(writer, results->iprev.dnssec, results->iprev.reason);
	}
	put_spf(writer, "spf", &results->spf);
	put_spf(writer, "spf-helo", &results->spf_helo);
	put_dkim(writer, results);
	put_arc(writer, &results->arc);
	put_dmarc(writer, "dmarc", &results->dmarc);
	for (size_t i = 0; results->dmarc_author_count > 1 && i < results->dmarc_author_count; i++)
		put_dmarc(writer, "dmarc-author", &results->dmarc_authors[i]);
	if (begin_result(writer, "adsp", results->adsp.result)) {
		trace_put(writer, "domain", results->adsp.domain);
		trace_put(writer, "practices", results->adsp.practices);
		end_result(writer, results->adsp.dnssec, results->adsp.reason);
	}
	put_path(writer, &results->path);
}
