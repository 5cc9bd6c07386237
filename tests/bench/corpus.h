/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_BENCH_CORPUS_H
#define ASSAY_BENCH_CORPUS_H
/*
 * The corpus of tests/bench/make_corpus.py in memory: messages split as an MTA hands them to a milter.
 * Constant after loading; thread: any. Every failure ends the program.
 */
#include <stddef.h>

struct corpus_field { const char *name, *value; };	/* value with leading space, folds as LF */

struct corpus_message {
	const char *file, *client, *client_name, *helo, *mail_from, *recipient;
	struct corpus_field *fields;
	size_t field_count;
	const char *body;	/* CRLF line ends */
	size_t body_length;
};

struct corpus {
	struct corpus_message *messages;
	size_t count;
};

/** Reads DIRECTORY/index.tsv (file, client, client name, helo, sender, recipient) and the messages it names. */
const struct corpus *corpus_load(const char *directory);

#endif
