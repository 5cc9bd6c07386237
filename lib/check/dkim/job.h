/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_DKIM_JOB_H
#define ASSAY_CHECK_DKIM_JOB_H
/*
 * The signatures of one message on their way from the header (dkim.c) to the verdict (judge.c). Inside the DKIM check
 * only. Thread: the message's.
 */
#include "check/check.h"
#include "check/dkim/dkim.h"
#include "check/signature/added.h"
#include "check/signature/hash.h"
#include "check/signature/signature.h"

/* The signer's clock may be ahead of ours: t= (when it was signed) may be this many seconds in the future. x= (when it
 * expires) gets no such allowance: the signer chose it, and could have chosen a later one. */
enum { DKIM_CLOCK_SKEW_SECS = 300 };

/* One signature that is judged. */
struct dkim_job {
	const struct header_field *field;
	struct dkim_signature signature;
	const char *limit;		/* why its hashes are not computed: over a cap of ours, or the library cannot; NULL: they are */
	const char *query;		/* name of the key record; NULL: no look-up is needed */
	bool own_header_hash;		/* signature/canon.c computes the header hash, because the library would get it wrong */
	int slot;			/* number of the signature in the hasher, by which its header hash is fetched; -1: none */
	int body_slot;			/* number of its body hash there; -1: none */
};

struct dkim_state {
	struct dkim_job *jobs;		/* in header order */
	size_t job_count;
	size_t too_many;		/* signatures over the cap, not judged */
	struct dkim_hasher *hasher;	/* NULL: nothing to hash */
	unsigned once[DKIM_ONCE_COUNT];	/* dkim_added_count() */
};

/** @return whether the field is a DKIM-Signature; white space before the colon (RFC 5322 section 4.5) is forgiven. */
bool dkim_is_signature(const struct header_field *field);

/** Plans the hashes of all jobs and feeds the header to libopendkim. @return whether the body is wanted. */
bool dkim_feed_header(struct check_context *context, struct dkim_state *state);

/** The verdict on one signature, with its findings raised. */
void dkim_judge_job(struct check_context *context, const struct dkim_state *state, const struct dkim_job *job,
    struct dkim_result *result_r);

#endif
