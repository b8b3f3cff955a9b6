/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AUDIT_STATE_H
#define AUDIT_STATE_H

/** report_state() - Print holes, symbols, domains and frames; 0 or -1. */
int report_state(void);

#endif /* AUDIT_STATE_H */
