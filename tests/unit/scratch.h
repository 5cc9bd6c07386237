/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TESTS_SCRATCH_H
#define ASSAY_TESTS_SCRATCH_H
/*
 * Files and directories of a test program. All stand in one directory below TMPDIR (/tmp without one, or where it is too long), which goes with the program: also when a
 * case fails before it cleans up, and when the program is killed, for a second process waits for its end. Thread: any.
 */

/* Short enough that a socket may have a name below it. */
enum { SCRATCH_BYTES = 64 };

/** Makes a directory that others may enter; it and what comes into it need not be removed. @param path_r  SCRATCH_BYTES. */
void scratch_directory(char *path_r);

/** Makes an empty file; the same. */
void scratch_file(char *path_r);

/** Makes a directory that stays: for whoever takes what a driver made. @param path_r  SCRATCH_BYTES. */
void scratch_directory_kept(char *path_r);

#endif
