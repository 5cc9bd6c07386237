/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TESTS_DKIM_LIBRARY_BODY_H
#define ASSAY_TESTS_DKIM_LIBRARY_BODY_H
/*
 * Body hashes of lib/check/signature/bodies.c held against libopendkim's. The library is given only what it hashes rightly:
 * lines that end in CRLF, the last one too. Thread: one.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "check/signature/bodies.h"

/** How a body is hashed. */
struct body_question { bool relaxed, has_length; uint64_t length; };

/** @return whether the body has a CR without LF or an LF without CR: bodies.c gives no hash of it. */
bool body_has_bare(const char *body, size_t length);

/**
 * What libopendkim makes of a body without bare CR and LF: each question is a signature of its own.
 * @param length  a body that does not end in CRLF is given one more CRLF.
 * @return whether it gave all hashes. hashed_bytes and hash of each result are set.
 */
bool library_body_hashes(const char *body, size_t length, const struct body_question *questions, size_t count,
    struct dkim_body_result *results_r);

/**
 * What bodies.c makes of it, cut as chunk() says (how many octets come next, at least one).
 * @return NULL, or why there are no hashes.
 */
const char *own_body_hashes(const char *body, size_t length, const struct body_question *questions, size_t count,
    struct dkim_body_result *results_r, size_t (*chunk)(void));

/** Asks both. @return NULL when they agree in each octet, else a static text. A body with bare CR or LF must get no hash. */
const char *body_hashes_compare(const char *body, size_t length, const struct body_question *questions, size_t count,
    size_t (*chunk)(void));

enum { BODY_QUESTIONS_MAX = 8 };

#endif
