/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The text format of Prometheus, for the textfile collector of its
 * node_exporter. A line is begun, gets labels, and ends with a value.
 */
#ifndef ASICTL_PROM_H
#define ASICTL_PROM_H

#include <stdint.h>

#define PROM_GAUGE	"gauge"
#define PROM_COUNTER	"counter"

/* What the lines that follow are: once for each name. */
void prom_metric(const char *name, const char *type, const char *help);

void prom_begin(const char *name);

/* A label is left out if @value is NULL or empty, which mean the same. */
void prom_label(const char *name, const char *value);

/* @text: a number, as the kernel wrote it. */
void prom_value(const char *text);
void prom_number(int64_t value);

/* For people who read it: something that is no number. */
void prom_comment(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
