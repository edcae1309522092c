/* SPDX-License-Identifier: GPL-2.0 */
/* What the provider and the devices of the test module share. */
#ifndef TROTH_DEVICES_H
#define TROTH_DEVICES_H

#include <linux/types.h>

/* Hand 64 bytes to the process behind /dev/troth_tsm_relay and wait for its report. */
int relay_report(const u8 *request, u8 **report, size_t *length);

int devices_init(void);
void devices_exit(void);

#endif
