/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fixture of the resolver's tests: everything a test starts hangs on it, so that a test that fails leaves no thread
 * behind. Thread: the test's, but for behave(), which is the server's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "resolver_fixture.h"
#include "text_fixture.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char zone_text[] =
	"$ORIGIN example.com.\n"
	"$TTL 300\n"
	"@ SOA ns hostmaster 1 2 3 4 60\n"
	"@ TXT \"v=spf1 \" \"-all\"\n"
	"@ MX 10 Mail\n"
	"short 3 TXT \"short\"\n"
	"host A 192.0.2.1\n"
	"www CNAME Host\n"
	"*.wild TXT \"wild\"\n"
	"loop CNAME pool\n"
	"pool CNAME loop\n"
	"dn DNAME example.org.\n"
	"x.example.org. A 192.0.2.7\n"
	"nul TXT \"a\\000b\"\n"
	"odd\\032\\.name TXT \"odd\"\n"
	"ptr PTR Odd\\.Label.Example.NET.\n"
	"bad TYPE65280 \\# 0\n";

int fixture_setup(void **state)
{
	struct resolver_fixture *dns = calloc(1, sizeof(*dns));

	assert_non_null(dns);
	dns->arena = arena_new();
	*state = dns;
	return 0;
}

/* Scope before resolver before server: each uses the next. */
static void fixture_end(struct resolver_fixture *dns)
{
	if (dns->scope != NULL)
		dns_scope_free(&dns->scope);
	if (dns->resolver != NULL)
		dns_resolver_free(&dns->resolver);
	if (dns->server != NULL)
		fake_dns_stop(&dns->server);
	if (dns->second != NULL)
		fake_dns_stop(&dns->second);
}

int fixture_teardown(void **state)
{
	struct resolver_fixture *dns = *state;

	fixture_end(dns);
	arena_free(&dns->arena);
	free(dns);
	return 0;
}

struct dns_config config_off(void)
{
	return (struct dns_config){ .dnssec = DNSSEC_OFF };
}

static void behave(void *context, const char *name, uint16_t type, bool tcp, struct fake_dns_reply *reply)
{
	struct behaviour *behaviour = context;

	(void)type;
	(void)tcp;
	if (behaviour->name != NULL && strcmp(behaviour->name, name) != 0)
		return;
	if (behaviour->first == 0 || behaviour->seen++ < behaviour->first)
		*reply = behaviour->reply;
}

static void resolver_start(struct resolver_fixture *dns, struct dns_config config)
{
	struct dns_server servers[2] = { fake_dns_address(dns->server) };
	char why[256] = "";

	config.servers = servers;
	config.server_count = 1;
	if (dns->second != NULL)
		servers[config.server_count++] = fake_dns_address(dns->second);
	if (config.timeout_ms == 0)
		config.timeout_ms = 500;	/* a loaded machine must not look like a lost packet */
	if (config.rounds == 0)
		config.rounds = 2;
	dns->resolver = dns_resolver_new(&config, why, sizeof(why));
	assert_non_null(dns->resolver);
}

static void server_start(struct resolver_fixture *dns, const struct behaviour *behaviour)
{
	dns->behaviour = behaviour != NULL ? *behaviour : (struct behaviour){ 0 };
	dns->server = fake_dns_start(zone_text, behaviour != NULL ? behave : NULL, &dns->behaviour);
}

struct resolver_fixture *fixture_start(void **state, const struct behaviour *behaviour, struct dns_config config)
{
	struct resolver_fixture *dns = *state;

	fixture_end(dns);
	server_start(dns, behaviour);
	resolver_start(dns, config);
	return dns;
}

struct resolver_fixture *fixture_start_pair(void **state, const struct behaviour *behaviour, struct dns_config config)
{
	struct resolver_fixture *dns = *state;

	fixture_end(dns);
	server_start(dns, behaviour);
	dns->second = fake_dns_start(zone_text, NULL, NULL);
	resolver_start(dns, config);
	return dns;
}

struct resolver_fixture *fixture_start_callback(void **state, fake_dns_callback *callback, void *context,
    struct dns_config config)
{
	struct resolver_fixture *dns = *state;

	fixture_end(dns);
	dns->server = fake_dns_start(NULL, callback, context);
	resolver_start(dns, config);
	return dns;
}

struct resolver_fixture *fixture_start_validating(void **state, const struct behaviour *behaviour)
{
	static const char root[] = ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n";
	char path[FIXTURE_PATH_BYTES];
	const char *anchors[] = { path, NULL };
	struct dns_config config = { .dnssec = DNSSEC_VALIDATE, .timeout_ms = 3000, .trust_anchor_files = anchors };
	struct resolver_fixture *dns;

	text_file(path, root);
	dns = fixture_start(state, behaviour, config);
	unlink(path);
	return dns;
}

struct dns_scope *fixture_scope(struct resolver_fixture *dns, unsigned deadline_ms, unsigned max_lookups)
{
	if (dns->scope != NULL)
		dns_scope_free(&dns->scope);
	dns->scope = dns_scope_new(dns->resolver, deadline_ms, max_lookups);
	return dns->scope;
}

enum dns_status fixture_status(struct resolver_fixture *dns, const char *name, uint16_t type)
{
	struct dns_scope *scope = dns_scope_new(dns->resolver, 5000, 10);
	enum dns_status status = dns_wait(scope, name, type)->status;

	dns_scope_free(&scope);
	return status;
}

struct asker {
	struct resolver_fixture *dns;
	enum dns_status status;
	pthread_t thread;
};

static void *ask_host(void *argument)
{
	struct asker *asker = argument;

	asker->status = fixture_status(asker->dns, "host.example.com", DNS_TYPE_A);
	return NULL;
}

unsigned fixture_ask_together(struct resolver_fixture *dns, unsigned threads)
{
	struct asker askers[16];
	unsigned data = 0;

	assert_in_range(threads, 1, 16);
	for (unsigned i = 0; i < threads; i++) {
		askers[i].dns = dns;
		assert_int_equal(pthread_create(&askers[i].thread, NULL, ask_host, &askers[i]), 0);
	}
	for (unsigned i = 0; i < threads; i++) {
		pthread_join(askers[i].thread, NULL);
		data += askers[i].status == DNS_STATUS_DATA;
	}
	return data;
}
