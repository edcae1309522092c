// SPDX-License-Identifier: GPL-2.0
/*
 * A provider of reports behind the kernel's own configfs-tsm, whose behaviour is set by module
 * parameters. It stands where tdx_guest or sev_guest stand on real machines. For tests alone: what
 * it calls a report proves nothing.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/tsm.h>

#include "devices.h"

enum { STYLE_TDX, STYLE_SNP, STYLE_SVSM };

static int style, floor, delay_ms, error, need64, relay;
static uint outblob_size = 1000, auxblob_size = 600, manifest_size = 300;
static uint calls, busy;

module_param(style, int, 0644);
module_param(floor, int, 0644);
module_param(delay_ms, int, 0644);
module_param(error, int, 0644);
module_param(need64, int, 0644);
module_param(relay, int, 0644);
module_param(outblob_size, uint, 0644);
module_param(auxblob_size, uint, 0644);
module_param(manifest_size, uint, 0644);
module_param(calls, uint, 0444);
module_param(busy, uint, 0444);

/* The head of a report; the rest of it is filler. Little endian, as every machine it runs on. */
struct head {
	u8 magic[8];
	u32 call;
	u32 privlevel;
	u32 inblob_len;
	u32 outblob_size;
	u8 inblob[TSM_INBLOB_MAX];
	u8 guid[16];
	u8 service_provider[64];
	u32 manifest_version;
} __packed;

static u8 *filled(size_t size, u8 byte)
{
	u8 *blob = kvmalloc(max_t(size_t, size, 1), GFP_KERNEL);

	if (blob)
		memset(blob, byte, size);
	return blob;
}

static u8 *outblob(const struct tsm_desc *desc, u32 call)
{
	struct head head = {
		.magic = { 'T', 'R', 'O', 'T', 'H', 'T', 'S', 'M' },
		.call = call,
		.privlevel = desc->privlevel,
		.inblob_len = desc->inblob_len,
		.outblob_size = outblob_size,
		.manifest_version = desc->service_manifest_version,
	};
	u8 *blob = filled(outblob_size, call);

	if (!blob)
		return NULL;
	memcpy(head.inblob, desc->inblob, min_t(size_t, desc->inblob_len, TSM_INBLOB_MAX));
	memcpy(head.guid, &desc->service_guid, sizeof(head.guid));
	if (desc->service_provider)
		strscpy(head.service_provider, desc->service_provider,
			sizeof(head.service_provider));
	memcpy(blob, &head, min_t(size_t, outblob_size, sizeof(head)));
	return blob;
}

static int scripted(struct tsm_report *report)
{
	u32 call = ++calls;

	if (delay_ms)
		msleep(delay_ms);
	if (error)
		return -error;
	if (need64 && report->desc.inblob_len != TSM_INBLOB_MAX)
		return -EINVAL;
	if (relay)
		return relay_report(report->desc.inblob, &report->outblob, &report->outblob_len);
	report->outblob = outblob(&report->desc, call);
	report->outblob_len = outblob_size;
	if (style >= STYLE_SNP) {
		report->auxblob = filled(auxblob_size, call + 1);
		report->auxblob_len = auxblob_size;
	}
	if (style >= STYLE_SVSM) {
		report->manifestblob = filled(manifest_size, call + 2);
		report->manifestblob_len = manifest_size;
	}
	return report->outblob ? 0 : -ENOMEM;
}

static int report_new(struct tsm_report *report, void *data)
{
	int result;

	busy = 1;
	result = scripted(report);
	busy = 0;
	return result;
}

static bool attr_visible(int n)
{
	switch (n) {
	case TSM_REPORT_GENERATION:
	case TSM_REPORT_PROVIDER:
		return true;
	case TSM_REPORT_PRIVLEVEL:
	case TSM_REPORT_PRIVLEVEL_FLOOR:
		return style >= STYLE_SNP;
	default:
		return style >= STYLE_SVSM;
	}
}

static bool bin_attr_visible(int n)
{
	switch (n) {
	case TSM_REPORT_INBLOB:
	case TSM_REPORT_OUTBLOB:
		return true;
	case TSM_REPORT_AUXBLOB:
		return style >= STYLE_SNP;
	default:
		return style >= STYLE_SVSM;
	}
}

static struct tsm_ops ops = {
	.report_new = report_new,
	.report_attr_visible = attr_visible,
	.report_bin_attr_visible = bin_attr_visible,
};
static int registered;

/* Called with the lock of the module's parameters held. */
static int registered_set(const char *value, const struct kernel_param *param)
{
	bool wanted;
	int result = kstrtobool(value, &wanted);

	if (result || wanted == registered)
		return result;
	if (wanted) {
		ops.name = style == STYLE_TDX ? "tdx_guest" : "sev_guest";
		ops.privlevel_floor = floor;
		result = tsm_register(&ops, NULL);
	} else {
		result = tsm_unregister(&ops);
	}
	if (!result)
		registered = wanted;
	return result;
}

static const struct kernel_param_ops registered_ops = {
	.set = registered_set,
	.get = param_get_int,
};
module_param_cb(registered, &registered_ops, &registered, 0644);

static int __init test_init(void)
{
	return devices_init();
}

static void __exit test_exit(void)
{
	if (registered)
		tsm_unregister(&ops);
	devices_exit();
}

module_init(test_init);
module_exit(test_exit);
MODULE_DESCRIPTION("Test provider for configfs-tsm");
MODULE_LICENSE("GPL");
