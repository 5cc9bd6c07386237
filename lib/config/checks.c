/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of checks as data, and what in the configuration switches each off. Constant; thread: any. Cannot fail. */
#include "config/checks.h"

#include <stddef.h>

#include "config/config.h"

static bool iprev_is_off(const struct config *config)
{
	return !config->iprev_enabled;
}

static bool memory_is_off(const struct config *config)
{
	return config->record_location == NULL;
}

static bool spf_is_off(const struct config *config)
{
	return !config->spf_enabled;
}

static bool dkim_is_off(const struct config *config)
{
	return !config->dkim_enabled;
}

static bool arc_is_off(const struct config *config)
{
	return !config->arc_enabled;
}

static bool dmarc_is_off(const struct config *config)
{
	return !config->dmarc_enabled;
}

static bool adsp_is_off(const struct config *config)
{
	return config->adsp_use == ADSP_NO;
}

static bool dns_is_off(const struct config *config)
{
	return config->dns.dnssec != DNSSEC_VALIDATE;
}

#define CHECK_ROW(id, name, traits, is_off, why) [CHECK_##id] = { #name, is_off, why, (unsigned)CHECK_TRAITS_##id },
const struct check_row check_rows[CHECK_RAISERS] = { CHECKS_TABLE(CHECK_ROW) STATIONS_TABLE(CHECK_ROW) };
#undef CHECK_ROW
