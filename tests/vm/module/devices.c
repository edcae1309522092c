// SPDX-License-Identifier: GPL-2.0
/*
 * Devices of the test module: /dev/troth_tsm_relay, through which a process makes the reports, and
 * stand-ins for /dev/tdx_guest and /dev/sev-guest that answer the ioctls of the kernel's uapi.
 */
#include <linux/completion.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <uapi/linux/sev-guest.h>
#include <uapi/linux/tdx-guest.h>

#include "devices.h"

#define REQUEST_BYTES 64
#define REPORT_MAX 32768
#define RELAY_SECONDS 60

/* --- relay: one request at a time, as configfs-tsm asks under one lock ----------------------- */

static DEFINE_MUTEX(relay_lock);
static DECLARE_WAIT_QUEUE_HEAD(relay_wait);
static enum { IDLE, ASKED, TAKEN, ANSWERED } relay_state;
static u8 relay_request[REQUEST_BYTES];
static u8 *relay_answer;
static size_t relay_length;

static bool relay_is(int state)
{
	return READ_ONCE(relay_state) == state;
}

int relay_report(const u8 *request, u8 **report, size_t *length)
{
	long left;
	int result = 0;

	mutex_lock(&relay_lock);
	memcpy(relay_request, request, REQUEST_BYTES);
	relay_state = ASKED;
	mutex_unlock(&relay_lock);
	wake_up_all(&relay_wait);
	left = wait_event_timeout(relay_wait, relay_is(ANSWERED), RELAY_SECONDS * HZ);
	mutex_lock(&relay_lock);
	if (relay_state == ANSWERED) {
		*report = relay_answer;
		*length = relay_length;
		relay_answer = NULL;
	} else {
		result = left ? -EIO : -ETIMEDOUT;
	}
	relay_state = IDLE;
	mutex_unlock(&relay_lock);
	return result;
}

static ssize_t relay_read(struct file *file, char __user *buffer, size_t count, loff_t *at)
{
	u8 request[REQUEST_BYTES];

	if (count < REQUEST_BYTES)
		return -EINVAL;
	for (;;) {
		if (wait_event_interruptible(relay_wait, relay_is(ASKED)))
			return -ERESTARTSYS;
		mutex_lock(&relay_lock);
		if (relay_state == ASKED)
			break;
		mutex_unlock(&relay_lock);
	}
	memcpy(request, relay_request, REQUEST_BYTES);
	relay_state = TAKEN;
	mutex_unlock(&relay_lock);
	return copy_to_user(buffer, request, REQUEST_BYTES) ? -EFAULT : REQUEST_BYTES;
}

static ssize_t relay_write(struct file *file, const char __user *buffer, size_t count, loff_t *at)
{
	u8 *answer;
	bool wanted;

	if (!count || count > REPORT_MAX)
		return -EFBIG;
	answer = kvmalloc(count, GFP_KERNEL);
	if (!answer)
		return -ENOMEM;
	if (copy_from_user(answer, buffer, count)) {
		kvfree(answer);
		return -EFAULT;
	}
	mutex_lock(&relay_lock);
	wanted = relay_state == TAKEN;
	if (wanted) {
		relay_answer = answer;
		relay_length = count;
		relay_state = ANSWERED;
	}
	mutex_unlock(&relay_lock);
	if (!wanted) {
		kvfree(answer);
		return -EPIPE;
	}
	wake_up_all(&relay_wait);
	return count;
}

static const struct file_operations relay_fops = {
	.owner = THIS_MODULE,
	.read = relay_read,
	.write = relay_write,
};

/* --- /dev/sev-guest -------------------------------------------------------------------------- */

#define SNP_REPORT_BYTES 1184 /* AMD 56860, ATTESTATION_REPORT */
#define SNP_REPORT_DATA 0x50
#define SNP_REPORT_POLICY 0x08
#define SNP_REPORT_VMPL 0x30
#define SNP_REPORT_ALGORITHM 0x34
#define SNP_MSG_HEADER 32 /* status, size and reserved bytes before the report */
#define SNP_CERTS_MAX 16384 /* sev-guest: SEV_FW_BLOB_MAX_SIZE */
#define SNP_FW_INVALID_PARAM 0x16

static uint fw_error, vmm_error, snp_calls;
static uint certs_bytes = 4096;
module_param(fw_error, uint, 0644);
module_param(vmm_error, uint, 0644);
module_param(certs_bytes, uint, 0644);
module_param(snp_calls, uint, 0444);

struct snp_message {
	u32 status;
	u32 size;
	u8 reserved[24];
	u8 report[SNP_REPORT_BYTES];
} __packed;

/* One certificate of filler: guid of a VCEK, offset, length, and the entry that ends a table. */
static int copy_certs(u64 address)
{
	static const u8 vcek[16] = { 0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64,
				     0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac, 0xcd };
	u32 at = 48, length = certs_bytes - 48;
	u8 *table = kvzalloc(certs_bytes, GFP_KERNEL);
	int result;

	if (!table)
		return -ENOMEM;
	memcpy(table, vcek, sizeof(vcek));
	memcpy(table + 16, &at, sizeof(at));
	memcpy(table + 20, &length, sizeof(length));
	memset(table + at, 0xc5, length);
	result = copy_to_user(u64_to_user_ptr(address), table, certs_bytes) ? -EFAULT : 0;
	kvfree(table);
	return result;
}

static int copy_report(struct snp_guest_request_ioctl *arg, const struct snp_report_req *req)
{
	struct snp_report_resp *response = kzalloc(sizeof(*response), GFP_KERNEL);
	struct snp_message *message;
	int result;

	if (!response)
		return -ENOMEM;
	message = (struct snp_message *)response->data;
	if (req->vmpl > 3) {
		message->status = SNP_FW_INVALID_PARAM;
	} else {
		message->size = SNP_REPORT_BYTES;
		message->report[0] = 2; /* version */
		message->report[SNP_REPORT_POLICY + 2] = 3; /* SMT, and the bit that is always one */
		message->report[SNP_REPORT_ALGORITHM] = 1; /* ECDSA P-384 with SHA-384 */
		memcpy(message->report + SNP_REPORT_VMPL, &req->vmpl, sizeof(req->vmpl));
		memcpy(message->report + SNP_REPORT_DATA, req->user_data, 64);
	}
	result = copy_to_user(u64_to_user_ptr(arg->resp_data), response, sizeof(*response)) ?
			 -EFAULT : 0;
	kfree(response);
	return result;
}

static int ext_report(struct snp_guest_request_ioctl *arg)
{
	struct snp_ext_report_req req;
	int result;

	if (copy_from_user(&req, u64_to_user_ptr(arg->req_data), sizeof(req)))
		return -EFAULT;
	if (req.certs_len &&
	    (req.certs_len > SNP_CERTS_MAX || !IS_ALIGNED(req.certs_len, PAGE_SIZE)))
		return -EINVAL;
	if (req.certs_len < certs_bytes) {
		arg->vmm_error = SNP_GUEST_VMM_ERR_INVALID_LEN;
		req.certs_len = ALIGN(certs_bytes, PAGE_SIZE);
		if (copy_to_user(u64_to_user_ptr(arg->req_data), &req, sizeof(req)))
			return -EFAULT;
		return -EIO;
	}
	result = certs_bytes ? copy_certs(req.certs_address) : 0;
	return result ?: copy_report(arg, &req.data);
}

static int plain_report(struct snp_guest_request_ioctl *arg)
{
	struct snp_report_req req;

	if (copy_from_user(&req, u64_to_user_ptr(arg->req_data), sizeof(req)))
		return -EFAULT;
	return copy_report(arg, &req);
}

static long snp_ioctl(struct file *file, unsigned int command, unsigned long address)
{
	struct snp_guest_request_ioctl arg;
	void __user *user = (void __user *)address;
	long result;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	if (!arg.msg_version || !arg.req_data || !arg.resp_data)
		return -EINVAL;
	snp_calls++;
	arg.exitinfo2 = 0;
	if (fw_error || vmm_error) {
		arg.fw_error = fw_error;
		arg.vmm_error = vmm_error;
		result = -EIO;
	} else if (command == SNP_GET_REPORT) {
		result = plain_report(&arg);
	} else if (command == SNP_GET_EXT_REPORT) {
		result = ext_report(&arg);
	} else {
		return -ENOTTY;
	}
	if (copy_to_user(user, &arg, sizeof(arg)))
		return -EFAULT;
	return result;
}

static const struct file_operations snp_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = snp_ioctl,
};

/* --- /dev/tdx_guest -------------------------------------------------------------------------- */

#define TDREPORT_TYPE_TDX 0x81
#define TDREPORT_REPORTDATA 128

static long tdx_ioctl(struct file *file, unsigned int command, unsigned long address)
{
	struct tdx_report_req *req;
	long result = 0;

	if (command != TDX_CMD_GET_REPORT0)
		return -ENOTTY;
	req = memdup_user((void __user *)address, sizeof(*req));
	if (IS_ERR(req))
		return PTR_ERR(req);
	memset(req->tdreport, 0, TDX_REPORT_LEN);
	req->tdreport[0] = TDREPORT_TYPE_TDX;
	memcpy(req->tdreport + TDREPORT_REPORTDATA, req->reportdata, TDX_REPORTDATA_LEN);
	if (copy_to_user((void __user *)address, req, sizeof(*req)))
		result = -EFAULT;
	kfree(req);
	return result;
}

static const struct file_operations tdx_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = tdx_ioctl,
};

/* --- all of them ----------------------------------------------------------------------------- */

static struct miscdevice devices[] = {
	{ .minor = MISC_DYNAMIC_MINOR, .name = "troth_tsm_relay", .fops = &relay_fops, .mode = 0600 },
	{ .minor = MISC_DYNAMIC_MINOR, .name = "sev-guest", .fops = &snp_fops, .mode = 0600 },
	{ .minor = MISC_DYNAMIC_MINOR, .name = "tdx_guest", .fops = &tdx_fops, .mode = 0600 },
};

int devices_init(void)
{
	size_t at;
	int result;

	for (at = 0; at < ARRAY_SIZE(devices); at++) {
		result = misc_register(&devices[at]);
		if (result)
			break;
	}
	if (at == ARRAY_SIZE(devices))
		return 0;
	while (at--)
		misc_deregister(&devices[at]);
	return result;
}

void devices_exit(void)
{
	size_t at;

	for (at = 0; at < ARRAY_SIZE(devices); at++)
		misc_deregister(&devices[at]);
	kvfree(relay_answer);
}
