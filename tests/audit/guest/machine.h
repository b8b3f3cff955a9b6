/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AUDIT_MACHINE_H
#define AUDIT_MACHINE_H

/** idle_machine() - A virtual machine that has run and has no secret. */
void idle_machine(void);

#endif /* AUDIT_MACHINE_H */
