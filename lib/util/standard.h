/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_UTIL_STANDARD_H
#define ASSAY_UTIL_STANDARD_H
/* Standard input, output and error of a program: that they are there, and that what was printed got out. Thread: one, at start and end. */

/**
 * To be called first. A program may be started without some of the three; the next file or socket that it opens would get
 * that number, and what is printed would go there. Each that is missing becomes one that can be read and not written.
 */
void standard_hold(void);

/**
 * To be called last: writes what is still kept of standard output.
 * @return NULL; or why what was printed did not all get out: a full disk, a pipe that nobody reads.
 */
const char *standard_output_end(void);

#endif
