/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A milter that does nothing, the floor of every comparison: every callback is wanted and answered (default), or wanted
 * and not answered (-n: the no-reply flags are negotiated); with assayd's read-ahead below libmilter (-a) or without.
 *
 * usage: noop_milter [-n] [-a] socket
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmilter/mfapi.h>

#include "readahead.h"

static bool no_reply, read_ahead;

/* libmilter's, as in milter/admission.c */
int accept(int listener, __SOCKADDR_ARG address, socklen_t *restrict length)
{
	static struct readahead_library library;
	int fd = accept4(listener, address, length, SOCK_CLOEXEC);

	if (read_ahead)
		readahead_begin(fd, &library);
	return fd;
}

static const unsigned long no_reply_flags = SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NR_RCPT | SMFIP_NR_DATA |
	SMFIP_NR_HDR | SMFIP_NR_EOH | SMFIP_NR_BODY | SMFIP_NR_UNKN;

static sfsistat answer(void)
{
	return no_reply ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

static sfsistat on_negotiate(SMFICTX *context, unsigned long actions, unsigned long steps, unsigned long unused2,
    unsigned long unused3, unsigned long *actions_r, unsigned long *steps_r, unsigned long *unused2_r,
    unsigned long *unused3_r)
{
	(void)context;
	(void)unused2;
	(void)unused3;
	*actions_r = actions & SMFIF_ADDHDRS;
	*steps_r = steps & (SMFIP_HDR_LEADSPC | (no_reply ? no_reply_flags : 0));
	*unused2_r = *unused3_r = 0;
	return SMFIS_CONTINUE;
}

static sfsistat on_connect(SMFICTX *context, char *name, _SOCK_ADDR *address)
{
	(void)context;
	(void)name;
	(void)address;
	return answer();
}

static sfsistat on_word(SMFICTX *context, char *word)
{
	(void)context;
	(void)word;
	return answer();
}

static sfsistat on_words(SMFICTX *context, char **words)
{
	(void)context;
	(void)words;
	return answer();
}

static sfsistat on_step(SMFICTX *context)
{
	(void)context;
	return answer();
}

static sfsistat on_header(SMFICTX *context, char *name, char *value)
{
	(void)context;
	(void)name;
	(void)value;
	return answer();
}

static sfsistat on_body(SMFICTX *context, unsigned char *data, size_t length)
{
	(void)context;
	(void)data;
	(void)length;
	return answer();
}

static sfsistat on_end(SMFICTX *context)
{
	(void)context;
	return SMFIS_CONTINUE;
}

int main(int argc, char **argv)
{
	static char name[] = "noop";
	struct smfiDesc description = {
		.xxfi_name = name, .xxfi_version = SMFI_VERSION, .xxfi_flags = SMFIF_ADDHDRS, .xxfi_connect = on_connect,
		.xxfi_helo = on_word, .xxfi_envfrom = on_words, .xxfi_envrcpt = on_words, .xxfi_header = on_header,
		.xxfi_eoh = on_step, .xxfi_body = on_body, .xxfi_eom = on_end, .xxfi_data = on_step,
		.xxfi_negotiate = on_negotiate,
	};
	char place[512];

	for (; argc > 2 && argv[1][0] == '-'; argv++, argc--) {
		no_reply |= strcmp(argv[1], "-n") == 0;
		read_ahead |= strcmp(argv[1], "-a") == 0;
	}
	if (argc != 2) {
		fprintf(stderr, "usage: noop_milter [-n] [-a] socket\n");
		return 64;
	}
	snprintf(place, sizeof(place), "unix:%s", argv[1]);
	if (smfi_register(description) != MI_SUCCESS || smfi_setconn(place) != MI_SUCCESS)
		return 69;
	return smfi_main() == MI_SUCCESS ? 0 : 70;
}
