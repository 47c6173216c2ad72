#!/bin/sh
# A disk that is full (a small tmpfs in a mount namespace of its own): a message with the place, exit 1, nothing half
# written, and the run goes on where it stopped once there is space.
if [ -z "${IN_OWN_MOUNTS:-}" ]; then
    for options in -m -rm; do
        unshare $options sh -c 'mount -t tmpfs tmpfs /mnt' 2>/dev/null || continue
        IN_OWN_MOUNTS=1 exec unshare $options sh "$0"
    done
    echo 'SKIP: no tmpfs can be mounted here, so no disk can be filled'
    exit 77
fi
. "$(dirname "$0")/../support/cli.sh"

mkdir disk
mount -t tmpfs -o size=20m tmpfs disk || fail 'cannot mount'
fill() { head -c $(((20 << 20) - (300 << 10))) /dev/zero >disk/.ballast; } # leaves 300 KiB
fill
unmount() { umount "$work/disk" && rm -rf "$work"; }
trap unmount EXIT

# nothing_but NAME...: the disk holds only these.
nothing_but() {
    found=$(ls -A disk | tr '\n' ' ')
    [ "$found" = "$*${*:+ }" ] || fail "the disk holds $found, not $*"
}

expect 1 "$PHIBENCH" synth tiny --type q4_0 disk/x.gguf
message 'disk/x.gguf: cannot write: No space left on device'
nothing_but .ballast

# The run stops, the database is whole, and a second start stops as well.
run='run configs/synthetic.yaml --db disk/run.db --set report.out=disk/report --set suites.2.repeat=1'
for try in 1 2; do
    expect 1 "$PHIBENCH" $run
    message_has 'disk/run.db: the disk is full: '
    [ ! -e disk/report ] || fail 'there is a report'
    expect 0 "$PHIBENCH" runs --db disk/run.db
    if command -v sqlite3 >/dev/null; then
        [ "$(sqlite3 disk/run.db 'PRAGMA integrity_check')" = ok ] || fail "try $try left a damaged database"
    fi
done
rm disk/.ballast
expect 0 "$PHIBENCH" $run
message_has 'phibench: continuing run 1'
expect 0 "$PHIBENCH" export 1 --db disk/run.db --table items --format csv
cut -d , -f 4- stdout >continued
expect 0 "$PHIBENCH" run configs/synthetic.yaml --db undisturbed.db --set suites.2.repeat=1
expect 0 "$PHIBENCH" export 1 --db undisturbed.db --table items --format csv
cut -d , -f 4- stdout >undisturbed
[ "$(wc -l <undisturbed)" -gt 500 ] || fail 'too few items were exported'
cmp -s continued undisturbed || fail 'the run that went on has other rows than an undisturbed one'

# A report without space leaves no page and no half drawing; one that was there stays.
mv disk/run.db disk/report .
fill
expect 1 "$PHIBENCH" report --db run.db --out disk/new
message_has 'disk/new/'
[ ! -e disk/new/index.html ] || fail 'there is a page without all of its charts'
for drawing in disk/new/charts/*.png; do
    [ ! -e "$drawing" ] || tail -c 8 "$drawing" | grep -q IEND || fail "$drawing is half a drawing"
done
for drawing in disk/new/charts/*.svg; do
    [ ! -e "$drawing" ] || grep -q '</svg>' "$drawing" || fail "$drawing is half a drawing"
done
[ -z "$(find disk -name '*.??????' | grep -v '\.csv$')" ] || fail 'a temporary file was left'
rm -rf disk/new
mkdir disk/old
echo 'the page of before' >disk/old/index.html
expect 1 "$PHIBENCH" report --db run.db --out disk/old
[ "$(cat disk/old/index.html)" = 'the page of before' ] || fail 'the page of before is not as it was'

# A label is not half given, and the one of before stays; a gate's JUnit file is there or not.
rm -rf disk/* disk/.ballast
cp run.db disk/run.db
expect 0 "$PHIBENCH" label 1 main --db disk/run.db
cat /dev/zero >disk/.ballast 2>/dev/null
expect 1 "$PHIBENCH" label 1 other --db disk/run.db
message_has 'disk/run.db: the disk is full: '
printf 'baseline: 1\nmargins: {score: 1}\n' >gate.yaml
expect 1 "$PHIBENCH" gate gate.yaml --db run.db --junit disk/junit.xml
message_has 'disk/junit.xml'
[ ! -e disk/junit.xml ] || fail 'half a JUnit file was left'
rm disk/.ballast
expect 0 "$PHIBENCH" label --db disk/run.db --json
[ "$(grep -c '"label"' stdout)" -eq 1 ] || fail 'not the label of before'
finish
