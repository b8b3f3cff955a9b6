/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ASI_TEST_GUEST_TOKEN_H
#define ASI_TEST_GUEST_TOKEN_H

/* What a guest prints when its user space ran and all it did was right. */
#define GUEST_TOKEN	"ASI-GUEST: user space is well"

#endif /* ASI_TEST_GUEST_TOKEN_H */
