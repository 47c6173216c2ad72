#!/bin/sh
# generate --image: a small random model with eyes is shown pictures; the same one under another name is the same picture,
# and files that are none are refused by name.
. "$(dirname "$0")/../support/cli.sh"

model=synth:tiny-vision:f16
pictures=$top/tests/golden/pictures
look() {
    expect 0 "$PHIBENCH" generate -m $model --chat -p 'What is this?' -n 6 "$@" --num-crops 1
}

cp "$pictures/rgb.png" 'another name.jpg'
look --image "$pictures/rgb.png"
cp stdout first
look --image 'another name.jpg' -t 2 --batch-tokens 100
cmp -s stdout first || fail 'another answer to the same picture'

# One crop and the thumbnail: (1 * 1 + 1) * 144 + 1 + 2 * 12 = 313 tokens, behind which a text of its own begins.
expect 0 "$PHIBENCH" generate -m $model --chat -p 'What is this?' -n 0 --num-crops 1 --json --no-bos \
    --image "$pictures/rgb.png" --image "$pictures/gray.jpg"
[ "$(grep -c '^ *-1,$' stdout)" = 313 ] || fail "the first picture has other tokens: $(grep -c '^ *-1,$' stdout)"
[ "$(grep -c '^ *-2,$' stdout)" = 313 ] || fail 'the second picture has other tokens'
expect 0 "$PHIBENCH" generate -m $model --chat -p 'What is this?' -n 0 --image "$pictures/rgb.png"
printf '<|user|>\n<|image_1|>\nWhat is this?<|end|>\n<|assistant|>\n\n' >wanted
cmp -s stdout wanted || fail 'generate -n 0 shows another prompt'

# refused STATUS MESSAGE FILE
refused() {
    expect "$1" "$PHIBENCH" generate -m $model --chat -p x --image "$3"
    message_has "phibench: $3: $2"
}
: >empty.jpg
head -c 600 "$pictures/gray.jpg" >cut.jpg
echo text >text.jpg
refused 1 'cannot open' missing.jpg
refused 1 '' empty.jpg
refused 1 '' cut.jpg
refused 1 '' text.jpg
expect 2 "$PHIBENCH" generate -m $model --chat -p x --num-crops 1 --image "$pictures/rgb.png" --context-tokens 300
message 'phibench: the prompt and its pictures do not fit into a context of 300 tokens'
finish
