/* SPDX-License-Identifier: GPL-2.0 */
/* Strings. Running out of memory ends the program. */
#ifndef ASICTL_TEXT_H
#define ASICTL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

void *xrealloc(void *old, size_t count, size_t size);
char *xstrdup(const char *s);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * text_escape() - make bytes from a file fit to be shown
 * @buf: the bytes
 * @len: how many
 *
 * A process chooses its own name, and a terminal obeys what it is sent: every
 * byte that is not printable ASCII, and the backslash, becomes \xNN.
 *
 * Return: a string that the caller frees.
 */
char *text_escape(const char *buf, size_t len);

/* Is it what the kernel takes for a word: of a class, a sequence or the like? */
bool text_is_word(const char *s);

/* For a value on a line of its own: says when it is empty or NULL. */
const char *text_or_note(const char *s);

/**
 * struct strings - a growing list of strings it owns
 * @v: the strings
 * @n: how many
 */
struct strings {
	char **v;
	size_t n;
};

/* Takes over @s. */
void strings_add(struct strings *list, char *s);
void strings_free(struct strings *list);

/* Appends the lines of @buf, escaped, without their newline. */
void text_lines(const char *buf, size_t len, struct strings *out);

/* Appends the fields of @line, which are separated by blanks. */
void text_fields(const char *line, struct strings *out);

/* The size of memory: "512 KiB", "1.5 GiB"; 0 is "0". */
struct size_text {
	char s[16];
};
struct size_text text_size(uint64_t bytes);

/* Is @s what follows the number in such a size? */
bool text_is_unit(const char *s);

/* "0x" and hexadecimal digits, nothing else. NULL is none. */
bool text_address(const char *s, uint64_t *value);

/* Strict: digits only, no sign, no blank, must fit. */
bool text_u64(const char *s, uint64_t *value);

#endif
