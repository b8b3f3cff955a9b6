/* SPDX-License-Identifier: GPL-2.0 */
/* Between the main program and its holders. */
#ifndef AUDIT_HOLDER_H
#define AUDIT_HOLDER_H

struct kind;

/* The first character of what a holder reports; a text may follow. */
#define REPORT_PLANTED	'+'
#define REPORT_MISSING	'-'
#define REPORT_FAILED	'!'

/**
 * struct holder - the process that plants
 * @kind:   What it plants.
 * @report: Where it tells its parent how that went.
 */
struct holder {
	const struct kind *kind;
	int report;
};

extern struct holder holder;

#endif /* AUDIT_HOLDER_H */
