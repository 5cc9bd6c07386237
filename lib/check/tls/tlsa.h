/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_TLS_TLSA_H
#define ASSAY_CHECK_TLS_TLSA_H
/*
 * Client certificates by DANE: the fingerprint that the MTA hands over, against TLSA records of the client's own name
 * (RFC 6698; owner _smtp-client.<name> as draft-ietf-dance-client-auth has it). Thread: that of the message.
 */
#include "check/check.h"

/** Begins the look-ups for HELO and the client's name, when there is a fingerprint to compare. */
void tlsa_start(struct check_context *context);

/**
 * Fills tlsa and tlsa_name of the TLS result: whether a DNSSEC-secure TLSA record (usage 3, selector 0, SHA-256 or SHA-512)
 * of one of the client's names is that of the certificate. Raises FINDING_DNSSEC_BOGUS. Waits.
 */
void tlsa_judge(struct check_context *context);

#endif
