/* SPDX-License-Identifier: BSD-2-Clause */
/* See dmarc.h. Trusts the backend for transactions, nothing else. Thread: one at a time. */
#include "record/dmarc.h"

#include <stdio.h>
#include <stdlib.h>

#include "record/backend.h"
#include "util/error.h"
#include "util/out_of_memory.h"

enum { BUSY_MS = 5000 };	/* others write in moments */

struct dmarc_book {
	const struct backend *backend;
	struct backend_handle *handle;
};

struct dmarc_book *dmarc_book_open(const char *location, bool write, char *why_r, size_t why_bytes)
{
	struct dmarc_book *book = calloc(1, sizeof(*book));

	if (book == NULL)
		out_of_memory();
	book->backend = backend_of(location, &location);
	book->handle = book->backend->open(location, write ? BACKEND_CHANGE : BACKEND_READ, BUSY_MS, why_r, why_bytes);
	if (book->handle == NULL)
		dmarc_book_close(&book);
	return book;
}

void dmarc_book_close(struct dmarc_book **book)
{
	struct dmarc_book *old = *book;

	*book = NULL;
	if (old == NULL)
		return;
	old->backend->close(&old->handle);
	free(old);
}

const char *dmarc_book_why(struct dmarc_book *book)
{
	return book->backend->why(book->handle);
}

int dmarc_book_each(struct dmarc_book *book, int64_t day, int64_t before_day, dmarc_policy_each_f *each, void *arg)
{
	return book->backend->dmarc->each(book->handle, day, before_day, each, arg);
}

int dmarc_book_rows_each(struct dmarc_book *book, int64_t policy, size_t limit, dmarc_row_each_f *each, void *arg)
{
	return book->backend->dmarc->rows_each(book->handle, policy, limit, each, arg);
}

int dmarc_book_lost(struct dmarc_book *book, int64_t day, uint64_t *lost_r)
{
	return book->backend->dmarc->day_lost(book->handle, day, lost_r);
}

/* Ends the transaction as the code says. @return the code. */
static int end(struct dmarc_book *book, int code)
{
	if (code == 0)
		code = book->backend->commit(book->handle);
	if (code != 0)
		book->backend->rollback(book->handle);
	return code;
}

int dmarc_book_freeze(struct dmarc_book *book, int64_t policy, struct dmarc_names *names)
{
	int code = book->backend->begin(book->handle);

	return code != 0 ? code : end(book, book->backend->dmarc->freeze(book->handle, policy, names));
}

static int claim(struct dmarc_book *book, int64_t policy, const char *address, int64_t now_secs, int64_t until_secs,
    struct dmarc_delivery *delivery)
{
	int code = book->backend->dmarc->delivery_get(book->handle, policy, address, delivery);

	if (code == -E_ABSENT)
		*delivery = (struct dmarc_delivery){ .state = DMARC_DELIVERY_WAITING };
	else if (code != 0)
		return code;
	if (delivery->state != DMARC_DELIVERY_WAITING || delivery->next_secs > now_secs || delivery->claimed_secs > now_secs)
		return -E_ABSENT;
	delivery->claimed_secs = until_secs;
	return book->backend->dmarc->delivery_put(book->handle, policy, address, delivery);
}

int dmarc_book_claim(struct dmarc_book *book, int64_t policy, const char *address, int64_t now_secs, int64_t until_secs,
    struct dmarc_delivery *delivery_r)
{
	struct dmarc_names names = { 0 };
	int code = book->backend->begin(book->handle);

	if (code != 0)
		return code;
	/* of a report that another has finished meanwhile nothing is left that could be claimed */
	code = book->backend->dmarc->freeze(book->handle, policy, &names);
	if (code == 0)
		code = claim(book, policy, address, now_secs, until_secs, delivery_r);
	return end(book, code);
}

int dmarc_book_settle(struct dmarc_book *book, int64_t policy, const char *address, const struct dmarc_delivery *delivery)
{
	struct dmarc_delivery settled = *delivery;
	int code = book->backend->begin(book->handle);

	settled.claimed_secs = 0;
	return code != 0 ? code : end(book, book->backend->dmarc->delivery_put(book->handle, policy, address, &settled));
}

int dmarc_book_finish(struct dmarc_book *book, int64_t policy)
{
	int code = book->backend->begin(book->handle);

	return code != 0 ? code : end(book, book->backend->dmarc->finish(book->handle, policy));
}
