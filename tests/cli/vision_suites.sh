#!/bin/sh
# POPE, ScienceQA and TextVQA: answers made elsewhere are graded by their suites; what cannot be asked is refused.
. "$(dirname "$0")/../support/cli.sh"

mkdir -p pope science text images
for split in random popular adversarial; do
    cat >pope/coco_pope_$split.json <<'END'
{"question_id": 1, "image": "a.jpg", "text": "Is there a cat?", "label": "yes"}
{"question_id": 2, "image": "a.jpg", "text": "Is there a dog?", "label": "no"}
{"question_id": 3, "image": "b.jpg", "text": "Is there a cow?", "label": "yes"}
END
done
cat >pope.jsonl <<'END'
{"question_id": 1, "prompt": "Is there a cat?\nAnswer.", "text": "Yes"}
{"question_id": 2, "prompt": "Is there a dog?\nAnswer.", "text": "Yes, there is."}
{"question_id": 3, "prompt": "Is there a cow?\nAnswer.", "text": "No"}
{"question_id": 10000001, "text": "Yes"}
{"question_id": 10000002, "text": "no"}
{"question_id": 10000003, "text": "yes"}
{"question_id": 20000001, "text": "Yes"}
{"question_id": 20000009, "text": "of no question"}
END
cat >wanted <<'END'
of                 metric            percent  questions
the whole          accuracy            55.56          9
the whole          F1 of yes           72.73          7
the whole          precision of yes    80.00          5
the whole          recall of yes       66.67          6
the whole          share of yes        55.56          9
split random       accuracy           100.00          3
split random       F1 of yes          100.00          2
split random       precision of yes   100.00          2
split random       recall of yes      100.00          2
split random       share of yes        66.67          3
split popular      accuracy            33.33          3
split popular      F1 of yes           66.67          2
split popular      precision of yes   100.00          1
split popular      recall of yes       50.00          2
split popular      share of yes        33.33          3
split adversarial  accuracy            33.33          3
split adversarial  F1 of yes           50.00          3
split adversarial  precision of yes    50.00          2
split adversarial  recall of yes       50.00          2
split adversarial  share of yes        66.67          3
answered: 7 of 9 questions; in 0 answers nothing of the form that is wanted was found
END
expect 0 "$PHIBENCH" score-predictions pope.jsonl --suite pope --data pope
diff wanted stdout || fail "other scores of POPE than wanted"
# lmms-eval wants the bare word: the second answer is none.
expect 0 "$PHIBENCH" score-predictions pope.jsonl --suite pope --data pope --protocol lmms-eval --json
grep -q '"answered":7,"unread":1' stdout || fail "lmms-eval reads otherwise: $(cat stdout)"
grep -q '"level":"split","group":"adversarial","metric":"yes_precision","score":100' stdout ||
    fail "another precision: $(cat stdout)"

# ScienceQA: choices by text and by position, with pictures and without.
cat >science/problems.json <<'END'
{"7": {"question": "Which?", "choices": ["this", "that"], "answer": 1, "hint": "Look.", "image": "image.png",
       "grade": "grade7", "subject": "natural science"},
 "9": {"question": "Who?", "choices": ["he", "she"], "answer": 0, "hint": "", "image": null, "grade": "grade2",
       "subject": "language science"}}
END
echo '{"test": ["7", "9"], "val": ["9"]}' >science/pid_splits.json
echo '{"results": {"7": 1, "9": -1}}' >science.json
cat >wanted <<'END'
of                        metric                   percent  questions
the whole                 accuracy                   50.00          2
the whole                 accuracy with a picture   100.00          1
picture with              accuracy                  100.00          1
picture with              accuracy with a picture   100.00          1
picture without           accuracy                    0.00          1
subject natural science   accuracy                  100.00          1
subject natural science   accuracy with a picture   100.00          1
subject language science  accuracy                    0.00          1
grades 7-12               accuracy                  100.00          1
grades 7-12               accuracy with a picture   100.00          1
grades 1-6                accuracy                    0.00          1
answered: 2 of 2 questions; in 1 answers nothing of the form that is wanted was found
END
expect 0 "$PHIBENCH" score-predictions science.json --suite scienceqa --data science
diff wanted stdout || fail "other scores of ScienceQA than wanted"

# TextVQA: two questions about one picture are told apart by their texts, or have their own numbers.
cat >text/TextVQA_0.5.1_val.json <<'END'
{"data": [
 {"question": "what is the brand?", "image_id": "0a1", "question_id": 34602,
  "answers": ["nokia", "Nokia", "the nokia", "nokia.", "nokia", "x", "x", "x", "x", "x"]},
 {"question": "which number?", "image_id": "0a1", "question_id": 34603,
  "answers": ["ten", "10", "10", "1", "1", "1", "1", "1", "1", "1"]}]}
END
cat >text.jsonl <<'END'
{"question_id": "0a1", "prompt": "Which number?\nReference OCR token: 10\nAnswer.", "text": "Ten"}
{"question_id": "0a1", "prompt": "What is the brand?\nReference OCR token: 10\nAnswer.", "text": "Nokia!"}
END
expect 0 "$PHIBENCH" score-predictions text.jsonl --suite textvqa --data text
grep -q '^the whole  accuracy    95.00          2$' stdout || fail "another accuracy of TextVQA: $(cat stdout)"
echo '{"34602": "a nokia", "34603": "one"}' >text.json
expect 0 "$PHIBENCH" score-predictions text.json --suite textvqa --data text/TextVQA_0.5.1_val.json
grep -q '^the whole  accuracy   100.00          2$' stdout || fail "another accuracy by numbers: $(cat stdout)"

# What does not fit together is refused.
refused() {
    status=$1 message=$2
    shift 2
    expect "$status" "$PHIBENCH" "$@"
    message_has "$message"
}
sed 's/cat/cow/' pope.jsonl >other.jsonl
refused 1 'answers another question than that of the data' score-predictions other.jsonl --suite pope --data pope
cat pope.jsonl pope.jsonl >twice.jsonl
refused 1 'there are two predictions of' score-predictions twice.jsonl --suite pope --data pope
echo '{"question_id": 5, "text": "yes"}' >none.jsonl
refused 1 'no prediction is of a question of the data' score-predictions none.jsonl --suite pope --data pope
echo '{"question_id": 1, "answer": "yes"}' >odd.jsonl
refused 1 'odd.jsonl:1: this is no answer' score-predictions odd.jsonl --suite pope --data pope
refused 2 'no predictions of "mmlu" are graded' score-predictions pope.jsonl --suite mmlu --data pope
refused 2 'no protocol "plain"' score-predictions pope.jsonl --suite pope --data pope --protocol plain
mkdir torn
head -c 100 pope/coco_pope_random.json >torn/coco_pope_random.json
refused 1 'torn/coco_pope_random.json:2' score-predictions pope.jsonl --suite pope --data torn
echo '{"data": [{"question": "what?", "question_id": 1, "answers": ["x"]}]}' >no_picture.json
refused 1 'it needs its picture' score-predictions text.json --suite textvqa --data no_picture.json
echo '{}' >questions.jsonl
refused 2 'these are LLaVA' score-predictions text.json --suite textvqa --data questions.jsonl

config() {
    printf 'models:\n  - {id: tiny, path: "synth:tiny:q8_0"}\nsuites:\n  - %s\n' "$1" >config.yaml
}
config 'pope: {data: pope}'
refused 2 'config.yaml:4:11: suite pope needs the key "images"' run config.yaml --dry-run
config 'pope: {data: pope, images: pictures}'
refused 2 'images: there is no file or folder pictures' run config.yaml --dry-run
config 'pope: {data: pope, images: pope.jsonl}'
refused 2 'images is the folder of the pictures, and this is a file' run config.yaml --dry-run
config 'pope: {data: pope, images: images, num_crops: 5}'
refused 2 'config.yaml:4:51: num_crops is 4 or 16' run config.yaml --dry-run
config 'textvqa: {data: text, images: images, protocol: llava_ocr}'
refused 2 'did you mean "llava-ocr"' run config.yaml --dry-run

# LLaVA's own answers to the real data sets have the figures that LLaVA published.
shared=$PHIBENCH_DATA/vision
[ -e "$shared/pope" ] || { echo "SKIP: no shared data vision" && finish; }
grade() {
    expect 0 "$PHIBENCH" score-predictions "$shared/$1/$2" --suite "$1" --data "$shared/$1"
}
grade pope answers.llava-v1.5-13b.jsonl
grep -q '^split random  *F1 of yes  *87.14 ' stdout || fail "another F1 of random: $(cat stdout)"
grep -q '^split popular  *F1 of yes  *86.25 ' stdout || fail "another F1 of popular: $(cat stdout)"
grep -q '^split adversarial  *F1 of yes  *84.46 ' stdout || fail "another F1 of adversarial: $(cat stdout)"
grade scienceqa result.llava-v1.5-13b.json
grep -q '^the whole  *accuracy  *74.39  *4241$' stdout || fail "another accuracy: $(cat stdout)"
grep -q '^the whole  *accuracy with a picture  *71.64  *2017$' stdout || fail "another one with pictures: $(cat stdout)"
finish
