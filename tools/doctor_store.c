/* SPDX-License-Identifier: BSD-2-Clause */
/* assay doctor: the database, its disk, and the brakes that it holds. Trusts the record for nothing but termination of strings. */
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "config/advice.h"
#include "doctor.h"
#include "record/backend.h"
#include "record/store.h"
#include "util/buf.h"
#include "util/clean.h"

enum { DISK_LOW_PERCENT = 5, DISK_LOW_MIB = 100, DISK_FULL_MIB = 8, NAMED_MAX = 3, NAME_SHOWN_MAX = 80 };

struct told { struct doctor *doctor; };

static void tell_database(void *closure, const char *text)
{
	struct told *told = closure;

	doctor_say(told->doctor, "store", DOCTOR_ERROR, NULL, "%s", text);
}

static void say_disk(struct doctor *doctor, const char *directory)
{
	struct statvfs disk;
	unsigned long long free_mib, percent;

	if (directory[0] == '\0' || statvfs(directory, &disk) != 0 || disk.f_blocks == 0)
		return;
	free_mib = (unsigned long long)disk.f_bavail * disk.f_frsize >> 20;
	percent = (unsigned long long)disk.f_bavail * 100 / disk.f_blocks;
	if (free_mib < DISK_FULL_MIB)
		doctor_say(doctor, "disk", DOCTOR_ERROR, "make room: mail is judged, but nothing new is remembered",
		    "the disk of %s is full (%llu MiB free)", directory, free_mib);
	else if (percent < DISK_LOW_PERCENT && free_mib < DISK_LOW_MIB)
		doctor_say(doctor, "disk", DOCTOR_WARNING, "make room, or lower max-flows and keep-flows in record { }",
		    "the disk of %s has %llu MiB left", directory, free_mib);
	else
		doctor_say(doctor, "disk", DOCTOR_OK, NULL, "%llu MiB free in %s", free_mib, directory);
}

/* Names stand in the record: a configuration may have lost them meanwhile. */
struct brakes_seen { unsigned on; struct buf names; };

static void see_brake(void *arg, const struct brake_row *row)
{
	struct brakes_seen *seen = arg;

	if (row->lifted_secs != 0 || ++seen->on > NAMED_MAX)
		return;
	buf_printf(&seen->names, "%s%s on %s", seen->on > 1 ? ", " : "", clean_word(seen->names.arena, row->policy, NAME_SHOWN_MAX),
	    clean_word(seen->names.arena, row->finding, NAME_SHOWN_MAX));
}

/* With a database that could be opened. */
static void say_brakes(struct doctor *doctor)
{
	const struct store_config config = { .location = doctor->config->record_location, .read_only = true };
	struct brakes_seen seen = { .names = buf_make(doctor->arena) };
	struct store_statistics statistics = { 0 };
	char why[STORE_WHY_BYTES] = "";
	struct store *store = store_open(&config, why, sizeof(why));

	if (store == NULL || store_brakes_each(store, see_brake, &seen) != 0) {
		if (store != NULL)
			store_statistics(store, &statistics);
		doctor_say(doctor, "brakes", DOCTOR_WARNING, NULL, "which brakes are on cannot be read: %s", store != NULL ? statistics.why : why);
	} else if (seen.on != 0) {
		doctor_say(doctor, "brakes", DOCTOR_WARNING, "see whose mail it was (assay report), mend what is wrong, then assay brakes --lift",
		    "%u brake%s on: findings that are only tagged, for what was held back looked wanted: policy %s%s", seen.on,
		    seen.on == 1 ? " is" : "s are", seen.names.data, seen.on > NAMED_MAX ? " and so on" : "");
	}
	store_close(&store);
}

/* Whoever runs doctor may be somebody else for the server than assayd is: what fails is told as a warning. */
static void say_server(struct doctor *doctor, const char *connection)
{
	enum { PATIENCE_MS = 5000 };
	char why[STORE_WHY_BYTES] = "";
	struct backend_handle *handle = backend_postgresql.open(connection, BACKEND_READ, PATIENCE_MS, why, sizeof(why));
	struct told told = { doctor };

	if (handle == NULL)
		doctor_say(doctor, "store", DOCTOR_WARNING, "see the reason; assayd makes the tables at its start, and logs in as the user "
		    "that it runs as", "PostgreSQL as seen from here: %s", why);
	else
		doctor_say(doctor, "store", DOCTOR_OK, NULL, "PostgreSQL answers: %s", connection);
	if (handle != NULL)
		say_brakes(doctor);
	backend_postgresql.close(&handle);
	(void)config_advise_database(doctor->config, doctor->config->record_location, tell_database, &told);
}

void doctor_store(struct doctor *doctor)
{
	const char *path = doctor->config->record_location, *place;
	const struct backend *backend;
	struct told told = { doctor };
	struct backend_look look;

	if (path == NULL) {
		doctor_say(doctor, "store", DOCTOR_INFO, "set path in record { }; `assay report` has nothing to say without it",
		    "nothing is remembered");
		return;
	}
	backend = backend_of(path, &place);
	(void)backend->look(place, &look);
	if (strcmp(doctor_word(doctor->status, "store", "state"), "down") == 0)
		doctor_say(doctor, "store", DOCTOR_ERROR, "see the reason; mail is judged without memory meanwhile",
		    "assayd cannot use the database: %s", doctor_word(doctor->status, "store", "text"));
	else if (backend == &backend_postgresql)
		say_server(doctor, place);
	else if (config_advise_database(doctor->config, path, tell_database, &told) == 0 && look.bytes >= 0)
		doctor_say(doctor, "store", DOCTOR_OK, NULL, "%s, %lld KiB", path, look.bytes >> 10);
	else if (doctor->worst < DOCTOR_ERROR)
		doctor_say(doctor, "store", DOCTOR_INFO, NULL, "%s is not there yet; assayd makes it at its start", path);
	if (look.bytes > 0)
		say_brakes(doctor);
	say_disk(doctor, look.disk);
}
