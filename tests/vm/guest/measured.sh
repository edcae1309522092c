# SPDX-License-Identifier: Apache-2.0
# The job of the second boot: what firmware, kernel and IMA measured, and a TPM's quote over it.
mount -t securityfs securityfs /sys/kernel/security
out=/run/results
pcrs=sha1:0,1,2,3,4,5,6,7,8,9,10+sha256:0,1,2,3,4,5,6,7,8,9,10
nonce=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
export TPM2TOOLS_TCTI=device:/dev/tpmrm0

uname -r >$out/release
echo $pcrs >$out/pcrs.selection
echo $nonce >$out/nonce

# Programs and files for IMA to measure, so that its list is a long one.
python3 -c 'import asyncio, email, http.client, logging, unittest, xml.dom.minidom, zipfile'

tpm2_createek -Q -G rsa -c /run/ek.ctx -u $out/ek.pub
tpm2_readpublic -Q -c /run/ek.ctx -f pem -o $out/ek.pem
tpm2_nvread -Q 0x1c00002 -o $out/ek.crt # TCG EK Credential Profile: of the RSA key, in DER
tpm2_createak -Q -C /run/ek.ctx -G ecc -g sha256 -s ecdsa \
    -c /run/ak.ctx -u $out/ak.pub -n $out/ak.name
tpm2_readpublic -Q -c /run/ak.ctx -f pem -o $out/ak.pem
tpm2_quote -Q -c /run/ak.ctx -l $pcrs -q $nonce -g sha256 \
    -m $out/quote.attest -s $out/quote.signature -o $out/quote.pcrs -F values

# Read after the quote, and after a program that no process has run before: the quote is over a
# prefix of the list.
sha512sum /etc/os-release >/run/later
cat /sys/kernel/security/ima/ascii_runtime_measurements >$out/ima.txt
cat /sys/kernel/security/ima/binary_runtime_measurements >$out/ima.bin
cat /sys/kernel/security/tpm0/binary_bios_measurements >$out/firmware.log
