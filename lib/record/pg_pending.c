/* SPDX-License-Identifier: BSD-2-Clause */
/* What the backend does not know yet. */
#include "record/pg_internal.h"

int pg_flow_add(struct backend_handle *handle, const struct flow_note *note)
{
	(void)note;
	return pg_fail(handle, "not yet");
}

int pg_flows_each(struct backend_handle *handle, int64_t since_secs, store_flow_each_f *each, void *arg)
{
	(void)since_secs, (void)each, (void)arg;
	return pg_fail(handle, "not yet");
}

int pg_kinds_each(struct backend_handle *handle, int64_t since_secs, unsigned span_secs, store_kind_each_f *each, void *arg)
{
	(void)since_secs, (void)span_secs, (void)each, (void)arg;
	return pg_fail(handle, "not yet");
}

void pg_flows_forget(struct backend_handle *handle)
{
	(void)handle;
}

void pg_flows_free(struct backend_handle *handle)
{
	(void)handle;
}

int pg_flows_expire(struct backend_handle *handle, int64_t before_secs, unsigned limit)
{
	(void)handle, (void)before_secs, (void)limit;
	return 0;
}

int pg_rollup(struct backend_handle *handle, int64_t hours_secs, unsigned kinds_max, unsigned limit, unsigned *folded_r)
{
	(void)handle, (void)hours_secs, (void)kinds_max, (void)limit;
	*folded_r = 0;
	return 0;
}

int pg_flows_trim(struct backend_handle *handle, unsigned max, unsigned limit)
{
	(void)handle, (void)max, (void)limit;
	return 0;
}

const struct backend_dmarc pg_dmarc = { 0 };

int pg_dmarc_expire(struct backend_handle *handle, int64_t before_day, unsigned limit)
{
	(void)handle, (void)before_day, (void)limit;
	return 0;
}

int pg_failures_expire(struct backend_handle *handle, int64_t before_secs, unsigned limit)
{
	(void)handle, (void)before_secs, (void)limit;
	return 0;
}

int pg_failure_add(struct backend_handle *handle, const struct failure_note *note)
{
	(void)note;
	return pg_fail(handle, "not yet");
}

int pg_failure_take(struct backend_handle *handle, int64_t now_secs, int64_t before_secs, int64_t retry_secs, struct arena *arena,
    struct failure_row *row_r)
{
	(void)now_secs, (void)before_secs, (void)retry_secs, (void)arena, (void)row_r;
	return pg_fail(handle, "not yet");
}

int pg_failures_each(struct backend_handle *handle, int64_t now_secs, int64_t before_secs, size_t limit,
    store_failure_each_f *each, void *arg)
{
	(void)now_secs, (void)before_secs, (void)limit, (void)each, (void)arg;
	return pg_fail(handle, "not yet");
}

int pg_failure_done(struct backend_handle *handle, int64_t id, bool sent)
{
	(void)id, (void)sent;
	return pg_fail(handle, "not yet");
}

int pg_failure_later(struct backend_handle *handle, int64_t id, const char *ruf_left, int64_t due_secs)
{
	(void)id, (void)ruf_left, (void)due_secs;
	return pg_fail(handle, "not yet");
}

int pg_failure_counts(struct backend_handle *handle, int64_t day_secs, struct failure_counts *counts_r)
{
	(void)day_secs, (void)counts_r;
	return pg_fail(handle, "not yet");
}
