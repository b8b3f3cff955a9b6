// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "asictl.h"
#include "text.h"

static void out_of_memory(void)
{
	fputs("asictl: out of memory\n"
	      "Hint: free some memory and run it again\n", stderr);
	exit(EXIT_ERROR);
}

void *xrealloc(void *old, size_t count, size_t size)
{
	void *new = reallocarray(old, count, size);

	if (!new && count && size)
		out_of_memory();
	return new;
}

char *xstrdup(const char *s)
{
	char *copy = strdup(s);

	if (!copy)
		out_of_memory();
	return copy;
}

char *xasprintf(const char *fmt, ...)
{
	va_list args;
	char *s;
	int ret;

	va_start(args, fmt);
	ret = vasprintf(&s, fmt, args);
	va_end(args);
	if (ret < 0)
		out_of_memory();
	return s;
}

char *text_escape(const char *buf, size_t len)
{
	char *out = xrealloc(NULL, len + 1, 4);
	char *p = out;
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned char c = buf[i];

		if (c >= ' ' && c <= '~' && c != '\\')
			*p++ = c;
		else
			p += sprintf(p, "\\x%02x", c);
	}
	*p = '\0';
	return xrealloc(out, p - out + 1, 1);
}

bool text_is_word(const char *s)
{
	size_t len = strlen(s);
	size_t i;

	for (i = 0; i < len; i++)
		if (!isgraph((unsigned char)s[i]))
			return false;
	return len && len < 32;
}

const char *text_or_note(const char *s)
{
	if (!s)
		return "?";
	return *s ? s : "(empty)";
}

void strings_add(struct strings *list, char *s)
{
	/* Grown at each power of two. */
	if (!(list->n & (list->n - 1)))
		list->v = xrealloc(list->v, list->n ? list->n * 2 : 1,
				   sizeof(*list->v));
	list->v[list->n++] = s;
}

void strings_free(struct strings *list)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		free(list->v[i]);
	free(list->v);
	list->v = NULL;
	list->n = 0;
}

void text_lines(const char *buf, size_t len, struct strings *out)
{
	const char *end = buf + len;

	while (buf < end) {
		const char *nl = memchr(buf, '\n', end - buf);
		const char *stop = nl ? nl : end;

		strings_add(out, text_escape(buf, stop - buf));
		buf = stop + 1;
	}
}

void text_fields(const char *line, struct strings *out)
{
	while (*(line += strspn(line, " "))) {
		size_t len = strcspn(line, " ");

		strings_add(out, xasprintf("%.*s", (int)len, line));
		line += len;
	}
}

static const char *const units[] = {
	" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB",
};

struct size_text text_size(uint64_t bytes)
{
	struct size_text text = { "0" };
	double value = bytes;
	bool tenths;
	size_t unit = 0;

	/* Rounding must not show 1024 of a unit, nor a tenth that is 0. */
	for (; value >= 1023.5; value /= 1024)
		unit++;
	tenths = value < 9.95 && (int)(value * 10 + 0.5) % 10;
	if (bytes)
		snprintf(text.s, sizeof(text.s), "%.*f%s", tenths, value,
			 units[unit]);
	return text;
}

bool text_is_unit(const char *s)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(units); i++)
		if (!strcmp(s, units[i]))
			return true;
	return false;
}

bool text_address(const char *s, uint64_t *value)
{
	size_t len;

	if (!s || strncmp(s, "0x", 2))
		return false;
	len = strlen(s + 2);
	if (!len || len > 16 || s[2 + strspn(s + 2, "0123456789abcdef")])
		return false;
	*value = strtoull(s + 2, NULL, 16);
	return true;
}

bool text_u64(const char *s, uint64_t *value)
{
	uint64_t sum = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		if (!isdigit((unsigned char)*s) ||
		    __builtin_mul_overflow(sum, 10, &sum) ||
		    __builtin_add_overflow(sum, *s - '0', &sum))
			return false;
	}
	*value = sum;
	return true;
}
