#!/usr/bin/env bats
# Power cuts: a virtual machine writes, and what its disk may hold after a cut is checked here. What
# 100 of them have shown goes into docs/evidence/power-cut.json.
bats_require_minimum_version 1.5.0
load ../lib/common

: "${CRANK_CRASH_SEED:=1}"
TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)

setup() { common_setup; }
teardown() { common_teardown; }

has_loop() { is_root && losetup --find; }

@test "after a power cut every image is whole, and what was reported as done is there" {
    [ "${CRANK_TEST_LONG:-0}" = 1 ] || skip "takes minutes in a virtual machine: ./dev test --long"
    require "root and loop devices" has_loop
    require docker-registry command -v docker-registry
    # the guest sees what is below the checkout
    VM_SECONDS=900 python3 "$TOP/tests/crash/power_cut.py" --bin "$CRANK_BIN" \
        --scratch "$TOP/build/crash-power" --seed "$CRANK_CRASH_SEED" --commands 60 --cuts 100 \
        --evidence "$TOP/docs/evidence/power-cut.json" >said
    sed 's/^/# /' said >&3
    rm -rf "$TOP/build/crash-power"
}

# The replay itself: what was flushed stays, the rest goes whole, in part or not at all.
@test "a cut keeps what was flushed, and of the rest any part" {
    cat >log.py <<'PYTHON'
import random, struct, sys
sys.path.insert(0, sys.argv[1])
import write_log

SECTOR = write_log.SECTOR
entries = [(0, b"a" * 4 * SECTOR, 0), (0, b"", write_log.FLUSH), (4, b"b" * 4 * SECTOR, 0),
           (8, b"c" * 4 * SECTOR, 0), (0, b"d" * SECTOR, 0), (0, b"", write_log.FLUSH)]
with open("log", "wb") as log:
    log.write(struct.pack("<QQQI", write_log.MAGIC, 1, len(entries), SECTOR).ljust(SECTOR, b"\0"))
    for sector, data, flags in entries:
        log.write(struct.pack("<QQQQ", sector, len(data) // SECTOR, flags, 0).ljust(SECTOR, b"\0"))
        log.write(data)

def disk_after(upto, seed):
    log = write_log.WriteLog("log", 12 * SECTOR)
    with open("disk", "w+b", buffering=0) as disk:
        disk.truncate(12 * SECTOR)
        for entry in log.entries[:write_log.last_flush(log, upto)]:
            log.apply(entry, disk.fileno())
        write_log.cut(log, upto, disk.fileno(), random.Random(seed))
        disk.seek(0)
        data = disk.read()
    log.close()
    return "".join(chr(data[at]) if data[at] else "." for at in range(0, len(data), SECTOR))

assert disk_after(6, 1) == "daaabbbbcccc", disk_after(6, 1)
seen = {disk_after(5, seed) for seed in range(400)}
assert all(disk[1:4] == "aaa" for disk in seen), seen
for wanted in ("aaaa........", "daaabbbbcccc", "aaaa....cccc", "daaa........", "aaaabb......"):
    assert wanted in seen, (wanted, seen)
assert disk_after(1, 1) in ("............", "aaaa........", "a...........", "aa..........",
                            "aaa.........")
with open("log", "r+b") as log:
    log.seek(SECTOR)
    log.write(struct.pack("<QQ", 9, 4))
try:
    write_log.WriteLog("log", 12 * SECTOR)
    sys.exit("a write past the end of the disk was taken")
except ValueError as error:
    assert "entry 0 is none" in str(error), error
PYTHON
    run -0 python3 log.py "$TOP/tests/crash"
}
