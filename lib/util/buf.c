/* SPDX-License-Identifier: BSD-2-Clause */
/* Growing text buffer in an arena; old copies stay in the arena until it is freed (growth doubles). */
#include "util/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/decimal.h"
#include "util/out_of_memory.h"

enum { FIRST_ROOM = 128 };

struct buf buf_make(struct arena *arena)
{
	static char empty[1];

	return (struct buf){ .arena = arena, .data = empty };
}

static void buf_grow(struct buf *buf, size_t more)
{
	size_t room = buf->room < FIRST_ROOM ? FIRST_ROOM : buf->room;
	char *data;

	if (more > SIZE_MAX / 4 - buf->length)
		out_of_memory();
	while (room <= buf->length + more)
		room *= 2;
	data = arena_alloc(buf->arena, room);
	memcpy(data, buf->data, buf->length + 1);
	buf->data = data;
	buf->room = room;
}

/* Room for so many more octets and a NUL. Apart from buf_grow(), so that it costs a comparison. */
static inline void buf_reserve(struct buf *buf, size_t more)
{
	if (more >= buf->room - buf->length)
		buf_grow(buf, more);
}

void buf_append(struct buf *buf, const void *data, size_t length)
{
	buf_reserve(buf, length);
	if (length != 0)
		memcpy(buf->data + buf->length, data, length);
	buf->length += length;
	buf->data[buf->length] = '\0';
}

void buf_puts(struct buf *buf, const char *text)
{
	buf_append(buf, text, strlen(text));
}

void buf_putc(struct buf *buf, char c)
{
	buf_reserve(buf, 1);
	buf->data[buf->length++] = c;
	buf->data[buf->length] = '\0';
}

char *buf_extend(struct buf *buf, size_t more)
{
	char *start;

	buf_reserve(buf, more);
	start = buf->data + buf->length;
	buf->length += more;
	buf->data[buf->length] = '\0';
	return start;
}

void buf_join(struct buf *buf, ...)
{
	const char *text;
	va_list texts;

	va_start(texts, buf);
	while ((text = va_arg(texts, const char *)) != NULL)
		buf_append(buf, text, strlen(text));
	va_end(texts);
}

void buf_put_uint(struct buf *buf, uint64_t number)
{
	char text[DECIMAL_BYTES];
	const char *start = decimal(number, text);

	buf_append(buf, start, (size_t)(text + sizeof(text) - 1 - start));
}

void buf_printf(struct buf *buf, const char *format, ...)
{
	va_list arguments, again;
	size_t left;
	int length;

	buf_reserve(buf, 0);
	left = buf->room - buf->length;
	va_start(arguments, format);
	va_copy(again, arguments);
	length = vsnprintf(buf->data + buf->length, left, format, again);
	va_end(again);
	if (length < 0)
		out_of_memory();
	if ((size_t)length >= left) {
		buf_reserve(buf, (size_t)length);
		vsnprintf(buf->data + buf->length, (size_t)length + 1, format, arguments);
	}
	buf->length += (size_t)length;
	va_end(arguments);
}
