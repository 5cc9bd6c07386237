/* SPDX-License-Identifier: BSD-2-Clause */
/* One message before one check; see check_fixture.h. */
#include "check_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text_fixture.h"

static struct check_fixture *fixture_new_config(const struct dns_config *dns)
{
	struct check_fixture *fixture = calloc(1, sizeof(*fixture));
	char why[200] = "";

	if (fixture == NULL)
		abort();
	fixture->shared.resolver = dns_resolver_new(dns, why, sizeof(why));
	if (fixture->shared.resolver == NULL) {
		fprintf(stderr, "resolver: %s\n", why);
		abort();
	}
	fixture->facts.arena = arena_new();
	fixture->facts.connection = &fixture->connection;
	fixture->facts.fields = fixture->fields;
	fixture->results.dkim = fixture->dkim;
	fixture->results.dkim_checked = true;
	fixture->config.spf_enabled = fixture->config.dkim_enabled = fixture->config.dmarc_enabled = true;
	fixture->config.adsp_enabled = fixture->config.iprev_enabled = true;
	fixture->context = (struct check_context){
		.config = &fixture->config, .shared = &fixture->shared, .facts = &fixture->facts, .author = &fixture->author,
		.dns = dns_scope_new(fixture->shared.resolver, 5000, 300), .arena = fixture->facts.arena,
		.results = &fixture->results,
	};
	return fixture;
}

struct check_fixture *fixture_new(const char *zone_text)
{
	char path[FIXTURE_PATH_BYTES];
	struct dns_config dns = { .zone_file = path, .dnssec = DNSSEC_OFF };
	struct check_fixture *fixture;

	text_file(path, zone_text != NULL ? zone_text : "nothing.invalid. A 192.0.2.99\n");
	fixture = fixture_new_config(&dns);
	unlink(path);
	return fixture;
}

struct check_fixture *fixture_new_server(struct dns_server server)
{
	struct dns_config dns = { .servers = &server, .server_count = 1, .dnssec = DNSSEC_TRUST_AD };

	return fixture_new_config(&dns);
}

void fixture_free(struct check_fixture **fixture)
{
	struct check_fixture *old = *fixture;

	dns_scope_free(&old->context.dns);
	dns_resolver_free(&old->shared.resolver);
	arena_free(&old->facts.arena);
	free(old);
	*fixture = NULL;
}

void fixture_field(struct check_fixture *fixture, const char *name, const char *value)
{
	if (fixture->facts.field_count == FIXTURE_FIELDS_MAX)
		abort();
	fixture->fields[fixture->facts.field_count++] = (struct header_field){
		.name = name, .value = value, .name_length = strlen(name), .value_length = strlen(value), .occurrence = 1,
	};
}

void fixture_from(struct check_fixture *fixture, const char *domain)
{
	fixture_field(fixture, "From", arena_printf(fixture->facts.arena, " A <a@%s>", domain));
}

void fixture_dkim(struct check_fixture *fixture, enum result result, const char *domain, enum dns_security dnssec)
{
	if (fixture->results.dkim_count == FIXTURE_DKIM_MAX)
		abort();
	fixture->dkim[fixture->results.dkim_count++] = (struct dkim_result){
		.result = result, .domain = domain, .dnssec = dnssec,
	};
}

void fixture_spf(struct check_fixture *fixture, enum result result, const char *domain, enum dns_security dnssec)
{
	fixture->results.spf = (struct spf_result){ .result = result, .domain = domain, .dnssec = dnssec };
}

void fixture_run(struct check_fixture *fixture, const struct check *check)
{
	author_parse(&fixture->facts, &fixture->author);
	if (check->envelope != NULL)
		check->envelope(&fixture->context);
	if (check->header != NULL)
		check->header(&fixture->context);
	if (check->judge != NULL)
		check->judge(&fixture->context);
	if (check->release != NULL)
		check->release(&fixture->context);
}

bool fixture_raised(const struct check_fixture *fixture, enum finding_id id)
{
	return finding_set_has(&fixture->results.set, id);
}

const struct finding *fixture_finding(const struct check_fixture *fixture, enum finding_id id, const char *domain)
{
	for (size_t i = 0; i < fixture->results.finding_count; i++) {
		const struct finding *finding = &fixture->results.findings[i];

		if (finding->id == id && (domain == NULL || (finding->domain != NULL && strcmp(finding->domain, domain) == 0)))
			return finding;
	}
	return NULL;
}
