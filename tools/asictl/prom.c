// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "prom.h"

/* Labels of the line that was begun. */
static unsigned int labels;

void prom_metric(const char *name, const char *type, const char *help)
{
	printf("# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void prom_begin(const char *name)
{
	fputs(name, stdout);
	labels = 0;
}

void prom_label(const char *name, const char *value)
{
	if (!value || !*value)
		return;
	printf("%s%s=\"", labels++ ? "," : "{", name);
	/* There is no newline in it: text_escape() leaves none. */
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			putchar('\\');
		putchar(*value);
	}
	putchar('"');
}

void prom_value(const char *text)
{
	printf("%s %s\n", labels ? "}" : "", text);
}

void prom_number(int64_t value)
{
	printf("%s %" PRId64 "\n", labels ? "}" : "", value);
}

void prom_comment(const char *fmt, ...)
{
	va_list args;

	fputs("# ", stdout);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
}
