#!/bin/sh
# Questions about pictures, run: each picture goes through the tower once, answers have the same bits without sharing, a
# missing picture is counted and asked again, and a model without eyes is refused before anything runs.
. "$(dirname "$0")/../support/cli.sh"

golden=$top/tests/golden/pictures
mkdir pope images
cp "$golden/rgb.png" images/a.jpg
cp "$golden/gray.jpg" images/b.jpg
for split in random popular adversarial; do
    n=0
    for picture in a b missing; do
        for thing in cat dog; do
            n=$((n + 1))
            [ $thing = cat ] && label=yes || label=no
            printf '{"question_id": %d, "image": "%s.jpg", "text": "Is there a %s in the image?", "label": "%s"}\n' \
                $n $picture $thing $label
        done
    done >pope/coco_pope_$split.json
done

# write NAME MODEL
write() {
    cat >"$1.yaml" <<END
name: $1
db: eyes.db
models: [{id: seer, path: $2}]
suites:
  - pope: {data: pope, images: images, num_crops: 4}
END
}

name=blind
write $name synth:tiny:q8_0
expect 2 "$PHIBENCH" run blind.yaml
message_has 'blind.yaml:5:11: pope asks about pictures, and seer (synth:tiny:q8_0) has no eyes'

name=shared
write $name synth:tiny-vision:f16
expect 0 "$PHIBENCH" audit shared.yaml --json
grep -q '"pictures": 2' stdout || fail 'audit counts other pictures'
grep -q '"no_picture": 6' stdout || fail 'audit finds the missing pictures'
expect 0 "$PHIBENCH" run shared.yaml
grep -q ': 2 pictures went through the tower' stderr || fail "other pictures were computed: $(cat stderr)"
grep -q '6 no_picture' stdout || fail 'missing pictures are not counted'
grep -q 'logits hash' stderr && fail 'a hash of answers that are not all there'

# The picture is there by now: its questions alone are asked.
cp "$golden/lossy.webp" images/missing.jpg
expect 0 "$PHIBENCH" run shared.yaml
grep -q ': 1 pictures\{0,1\} went through the tower' stderr || fail "not one picture: $(cat stderr)"
grep -q 'no_picture' stdout && fail 'pictures are missing that are there'
sed -n 's/.*logits hash //p' stderr >first
[ -s first ] || fail 'no hash of logits'
[ "$(sqlite3 eyes.db "SELECT count(*) FROM v_pictures WHERE file = 'images/missing.jpg' AND width > 0")" = 6 ] ||
    fail 'the database lacks pictures'
expect 0 "$PHIBENCH" db check eyes.db

# Another picture under the same name is another question; what was said of the others is taken over.
name=swapped
write $name synth:tiny-vision:f16
cp "$golden/gray.jpg" images/missing.jpg
expect 0 "$PHIBENCH" run swapped.yaml
message_has ': 12 answers taken over'
grep -q ': 1 pictures\{0,1\} went through the tower' stderr || fail "not one picture: $(cat stderr)"
cp "$golden/lossy.webp" images/missing.jpg

name=apart
write $name synth:tiny-vision:f16
expect 0 "$PHIBENCH" run apart.yaml --no-prefix-sharing -t 2 --set defaults.batch_tokens=100
grep -q ': 3 pictures went through the tower' stderr || fail 'pictures were computed for each question'
sed -n 's/.*logits hash //p' stderr | cmp -s - first || fail 'other bits where nothing is shared'

# A quantized tower is another model.
name=other
write $name synth:tiny-vision:q4_0
expect 0 "$PHIBENCH" run other.yaml
expect 0 "$PHIBENCH" db check eyes.db
finish
