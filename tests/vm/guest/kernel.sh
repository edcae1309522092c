# SPDX-License-Identifier: Apache-2.0
# The job of the first boot: what is ours against the kernel's own configfs-tsm.
modules=/lib/modules/$(uname -r)/kernel
insmod "$modules/fs/configfs/configfs.ko.xz"
insmod "$modules/drivers/virt/coco/tsm.ko.xz"
insmod /payload/troth_tsm_test.ko
mount -t configfs configfs /sys/kernel/config

results=/run/results
parameters=/sys/module/troth_tsm_test/parameters
cd /payload
export PYTHONPATH=/payload/python:/payload

wait_for_line() { # FILE LINE: until a program says it; its end, or two minutes, are a failure
    for _ in $(seq 240); do
        grep -qx "$2" "$1" && return 0
        kill -0 $! || return 1
        sleep 0.5
    done
    return 1
}
relay() { # [hasty]: have a software TDX make the reports
    python3 -m tests.vm.inside.relay /run/tee "$@" >/run/relay 2>>$results/relay.log &
    relay=$!
    wait_for_line /run/relay READY
}
check() { # NAME ARGUMENT...: run tests, keep what pytest counts and says
    name=$1
    shift
    echo "job: $name"
    python3 -m pytest -p no:cacheprovider --noconftest -q --color=no --junitxml="$results/$name.xml" "$@" \
        >"$results/$name.log" 2>&1 || echo "job: $name failed"
}

uname -r >$results/release

echo "job: operations"
python3 -m tests.conformance.operations /sys "sysfs:$parameters" >$results/operations.jsonl 2>$results/operations.log

check devices tests/vm/inside/check_devices.py

echo "job: cycles"
echo 0 >$parameters/registered
echo 1 >$parameters/need64
cp -r /payload/tee /run/tee
relay hasty
echo 1 >$parameters/relay
echo 1 >$parameters/registered
python3 -m tests.vm.inside.cycles "$(uname -r)" >$results/cycles.json 2>$results/cycles.log
kill $relay
relay

export TROTH_CONTRACT_SYSFS=/sys
check contract tests/tsm/test_contract.py -k given-kernel
check configfs tests/vm/inside/check_configfs.py

echo "job: trothd"
python3 -m troth.orchestrator root --config /payload/trothd.toml >/run/trothd 2>$results/trothd.log &
trothd=$!
wait_for_line /run/trothd READY
python3 -m tests.vm.inside.callers /run/troth/ns/vm/troth.sock $results/bundles 2>$results/callers.log
kill $trothd
wait $trothd || true
ls /sys/kernel/config/tsm/report >$results/left
