/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AUDIT_MODULE_H
#define AUDIT_MODULE_H

/**
 * load_module() - Load a module of the kernel that runs, if it is not loaded yet
 * @path:	Where it is below the directory that the kernel was built in.
 * @parameters: For the module.
 *
 * missing(), when the host gave no modules or has not that one.
 */
void load_module(const char *path, const char *parameters);

/** load_modules() - What a module needs of others, in this order, up to a NULL. */
void load_modules(const char *const *paths);

/** open_when_there() - Open a device that a driver makes while others go on. */
int open_when_there(const char *path);

#endif /* AUDIT_MODULE_H */
