/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_PATH_PLACE_H
#define ASSAY_CHECK_PATH_PLACE_H
/*
 * From where a hop's client came, by what stands between `from` and `by` in a Received field: the address that the receiving
 * MTA saw, "[unix socket]", "[local]", "(uid 1000)". The name behind `from` is most often the client's own word (HELO).
 * Pure. Thread: any.
 */
#include <stdbool.h>

struct path_place {
	bool local;	/* a sign of this host: a loopback address, a unix socket, a user */
	bool remote;	/* an address of another host, or brackets that nobody understands */
	bool said;	/* another comment stands there: what it means is not known */
	bool literal;	/* the name behind `from` is a loopback address in brackets */
	bool localhost;	/* or "localhost" */
};

/** Adds what a comment (without its parentheses) or a word says. `from`: it is the word behind `from`. */
void path_place_comment(const char *text, struct path_place *place);
void path_place_word(const char *text, bool from, struct path_place *place);

/**
 * Whether the client was on the same host. One sign of another host outweighs all others: a client chooses its HELO.
 * `pipe`: the protocol is one that names the client's address if there is one (LMTP).
 */
bool path_place_is_local(const struct path_place *place, bool pipe);

#endif
