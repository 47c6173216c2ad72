#!/bin/sh
# Types below four bits in a file: inspect says how they run, and nothing writes them. The file is one in q3_k of which a tensor is
# said to be iq3_s, whose blocks have as many bytes.
. "$(dirname "$0")/../support/cli.sh"

"$PHIBENCH" synth tiny --type q3_k x.gguf >stdout || fail 'no model to change'
expect 0 "$PHIBENCH" inspect x.gguf
grep -q '8-bit integers' stdout && fail 'q3_k is said to be widened'
name=blk.0.ffn_down.weight
at=$(grep -abo $name x.gguf | tail -n 1 | cut -d : -f 1)
printf '\025' | dd of=x.gguf bs=1 seek=$((at + ${#name} + 4 + 16)) conv=notrunc 2>/dev/null # after the number of dimensions and two of them
expect 0 "$PHIBENCH" inspect x.gguf --tensors
grep -q "^  $name  *iq3_s " stdout || fail 'the type is not what it was changed to'
line='note             iq3_s runs as 8-bit integers, 8.56 bits per weight in memory: slower than its size lets expect'
[ "$(grep -cxF "$line" stdout)" -eq 1 ] || fail 'inspect does not say how it runs'
expect 0 "$PHIBENCH" inspect x.gguf --json
grep -A 1 '"widened_types"' stdout | grep -q '"iq3_s"' || fail 'inspect --json does not name the type'

expect 2 "$PHIBENCH" quantize synth:tiny:f16 y.gguf --type iq3_s
message_has "read-only tensor type 'iq3_s': expected one of f32, f16"
[ ! -e y.gguf ] || fail 'a file is there'
finish
