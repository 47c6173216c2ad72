#!/bin/sh
# A small random model with eyes is asked all three suites of pictures: scores and groups, a picture that is missing and comes
# back, the same bits however it is computed, and the report.
. "$(dirname "$0")/../support/cli.sh"

pictures=$top/tests/golden/pictures
mkdir -p pope science text images/7
cp "$pictures/rgb.png" images/a.jpg
cp "$pictures/gray.jpg" images/7/image.png
cp "$pictures/rgb.png" images/0a1.jpg
for split in random popular adversarial; do
    cat >pope/coco_pope_$split.json <<'END'
{"question_id": 1, "image": "a.jpg", "text": "Is there a cat?", "label": "yes"}
{"question_id": 2, "image": "a.jpg", "text": "Is there a dog?", "label": "no"}
{"question_id": 3, "image": "b.jpg", "text": "Is there a cow?", "label": "yes"}
END
done
cat >science/problems.json <<'END'
{"7": {"question": "Which?", "choices": ["this", "that"], "answer": 1, "hint": "Look.", "image": "image.png",
       "grade": "grade7", "subject": "natural science"},
 "9": {"question": "Who?", "choices": ["he", "she"], "answer": 0, "hint": "", "image": null, "grade": "grade2",
       "subject": "language science"}}
END
echo '{"test": ["7", "9"]}' >science/pid_splits.json
echo '{"data": [{"question": "what is it?", "image_id": "0a1", "question_id": 1, "answers": ["x", "y"]}]}' \
    >text/TextVQA_0.5.1_val.json
cat >vision.yaml <<'END'
name: vision
db: vision.db
models:
  - {id: eyes, path: "synth:tiny-vision:q8_0", published: Phi-3.5-vision-instruct}
suites:
  - pope: {data: pope, images: images, num_crops: 4}
  - scienceqa: {data: science, images: images, num_crops: 4, protocol: lmms-eval}
  - textvqa: {data: text, images: images}
report: {out: page}
END
expect 0 "$PHIBENCH" run vision.yaml

scores() {
    expect 0 "$PHIBENCH" export last --db vision.db --table scores --format csv
    cut -d, -f6-10,14 stdout | grep "$1"
}
cat >wanted <<'END'
pope,,llava-4-crops,0,acc,9
pope,adversarial,llava-4-crops,0,acc,3
pope,popular,llava-4-crops,0,acc,3
pope,random,llava-4-crops,0,acc,3
pope,,llava-4-crops,0,acc_macro,9
END
scores 'pope.*,acc' | diff wanted - || fail "other scores of POPE than wanted"
for metric in yes_f1 yes_recall yes_share; do
    [ "$(scores "pope.*,$metric," | wc -l)" -eq 4 ] || fail "$metric is not of the whole and of three splits"
done
cat >wanted <<'END'
scienceqa,,lmms-eval-4-crops,0,acc,2
scienceqa,grades:1-6,lmms-eval-4-crops,0,acc,1
scienceqa,grades:7-12,lmms-eval-4-crops,0,acc,1
scienceqa,subject:language science,lmms-eval-4-crops,0,acc,1
scienceqa,subject:natural science,lmms-eval-4-crops,0,acc,1
scienceqa,with,lmms-eval-4-crops,0,acc,1
scienceqa,without,lmms-eval-4-crops,0,acc,1
END
scores 'scienceqa.*,acc,' | sort | diff wanted - || fail "other scores of ScienceQA than wanted"
[ "$(scores 'textvqa,,llava-16-crops,0,acc,1')" ] || fail "no accuracy of TextVQA"
grep -q 'acc_image' page/scores.csv || fail "no accuracy with a picture in the report: $(cat page/scores.csv)"

# b.jpg is missing: its three questions are wrong and counted, and asked once it is there.
note() {
    sqlite3 vision.db "SELECT note.count FROM note JOIN job ON job.id = note.job WHERE suite = 'pope' AND
        note.kind = 'no_picture' ORDER BY job DESC LIMIT 1"
}
[ "$(note)" = 3 ] || fail "not three questions without their picture: $(note)"
grep -q '3 no_picture' page/report.md || fail "the report does not say that pictures are missing"
cp "$pictures/gray.jpg" images/b.jpg
expect 0 "$PHIBENCH" run vision.yaml
[ "$(note)" = 0 ] || fail "the picture is there and was not asked about: $(note)"
message_has '3 answers in'

# The same bits with another number of threads and without shared pictures and prefixes.
hashes() {
    sqlite3 "$1.db" 'SELECT logits_hash FROM v_jobs WHERE run = (SELECT max(run) FROM v_jobs) ORDER BY job'
}
expect 0 "$PHIBENCH" run vision.yaml --db alone.db --set defaults.threads=1 --set defaults.prefix_sharing=false
[ "$(hashes vision | wc -w)" -eq 3 ] || fail "no hashes of logits"
[ "$(hashes vision)" = "$(hashes alone)" ] || fail "other bits where pictures and prefixes are not shared"

# A number that is of the questions with a picture is compared where all questions were asked.
sqlite3 vision.db "UPDATE model SET is_synthetic = 0; UPDATE job SET protocol = 'llava-16-crops'
    WHERE suite = 'scienceqa'; UPDATE job SET whole_items = 2 WHERE suite = 'scienceqa'" || exit 77
expect 0 "$PHIBENCH" report --db vision.db --out compared
grep 'scienceqa, llava-16-crops' compared/report.md | grep -q '91.3 *| different by' ||
    fail "not compared: $(grep 91.3 compared/report.md)"
finish
