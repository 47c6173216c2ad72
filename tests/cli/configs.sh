#!/bin/sh
# Every example configuration is executed: the demonstration whole, the others small, as far as their data are here.
. "$(dirname "$0")/../support/cli.sh"

# What a run has written: all items answered, and a page with its charts.
check_run() {
    name=$1 items=$2
    expect 0 "$PHIBENCH" export last --db "$name.db" --table items --format jsonl
    [ "$(wc -l <stdout)" -eq "$items" ] || fail "$name: not $items items: $(wc -l <stdout) lines"
    grep -q '</html>' "$name/index.html" || fail "$name: no whole page"
    for ending in gp dat svg png; do
        ls "$name"/charts/*."$ending" >/dev/null || fail "$name: no charts .$ending"
    done
}

vocabulary=$PHIBENCH_DATA/tokenizers/ggml_vocab/ggml-vocab-phi-3.gguf
for config in configs/*.yaml; do
    name=${config#configs/} name=${name%.yaml}
    case $name in
    demo) # whole it is `make demo`
        expect 0 "$PHIBENCH" run "$config" --dry-run
        grep -q '^72 jobs, 12 models;' stdout || fail "$config: other jobs than it says"
        expect 0 "$PHIBENCH" run "$config" --limit 1 --db demo.db --set report.out=demo --set cache=cache \
            --set suites.2.max_new_tokens=8 --set suites.4.repeat=1 --set suites.4.prompt=16 --set suites.4.generate=2 \
            --set suites.4.batch=1 --set suites.4.threads=1
        check_run demo 468 # 12 times 18 subjects, 2 questions twice, 8 tasks of 2 turns, a chunk of text
        ;;
    synthetic)
        expect 0 "$PHIBENCH" run "$config" --dry-run
        expect 0 "$PHIBENCH" run "$config" --db synthetic.db --set report.out=synthetic
        check_run synthetic 576 # 3 quantizations, 2 protocols, 96 questions
        ;;
    mt-bench)
        expect 0 "$PHIBENCH" run "$config" --dry-run
        grep -q 'mt_bench/reference-match 0-shot: 160 items' stdout || fail "$config: other jobs than it says"
        expect 0 "$PHIBENCH" run "$config" --db mt.db --set report.out=mt
        check_run mt 160
        grep -q 'reference-match' mt/report.md || fail "$config: the report does not name the rule"
        ;;
    mmlu-stories)
        if [ -e "$PHIBENCH_DATA/mmlu" ] && [ -e "$PHIBENCH_DATA/weights/stories260K" ]; then
            expect 0 "$PHIBENCH" run "$config" --dry-run
            expect 0 "$PHIBENCH" run "$config" --limit 1 --db stories.db --set report.out=stories
            check_run stories 114 # 2 protocols, a question of each of 57 subjects
            # Its heads are narrower than a vector, so that a KV page is more than the sum of its values.
            expect 0 "$PHIBENCH" bench -m "$PHIBENCH_DATA/weights/stories260K/stories260K.gguf" -p 128 -n 64 -b 8 -r 1
        else
            echo "SKIP: no shared data for $config"
        fi
        ;;
    tasks-stories)
        if [ -e "$PHIBENCH_DATA/suites" ] && [ -e "$PHIBENCH_DATA/weights/stories260K" ]; then
            expect 0 "$PHIBENCH" run "$config" --dry-run
            expect 0 "$PHIBENCH" run "$config" --limit 2 --db tasks.db --set report.out=tasks
            check_run tasks 18 # two of each of five tasks, and of each of two languages and lengths
        else
            echo "SKIP: no shared data for $config"
        fi
        ;;
    bits) # what bisect runs in examples.sh
        expect 0 "$PHIBENCH" run "$config" --db bits.db
        grep -c 'logits hash' stderr | grep -qx 5 || fail "$config: not a hash of each quantization"
        ;;
    kernel)
        expect 0 "$PHIBENCH" run "$config" --limit 1 --db kernel.db --set cache=cache --set suites.3.repeat=1 \
            --set suites.3.prompt=16 --set suites.3.generate=2
        expect 0 "$PHIBENCH" label last main --db kernel.db
        expect 3 "$PHIBENCH" gate configs/gates/kernel.yaml --db kernel.db # which is the run itself
        ;;
    phi3-mini-synth) # 2 GB of weights: what it would do, and its model without the weights
        if [ -e "$PHIBENCH_DATA/mmlu" ] && [ -e "$vocabulary" ]; then
            expect 0 "$PHIBENCH" run "$config" --dry-run
            grep -q 'mmlu/phi3 5-shot: 6 items' stdout || fail "$config: other jobs than it says"
            expect 0 "$PHIBENCH" inspect "synth:phi-3-mini:q4_0:1:$vocabulary"
            grep -q '32 layers, width 3072' stdout || fail "$config: another shape than Phi-3-mini's"
        else
            echo "SKIP: no shared data for $config"
        fi
        ;;
    mmlu-prefix-sharing) # the same: the tokens with and without shared prefixes
        if [ -e "$PHIBENCH_DATA/mmlu" ] && [ -e "$vocabulary" ]; then
            expect 0 "$PHIBENCH" run "$config" --dry-run
            grep -q 'mmlu/hendrycks 5-shot: 200 items, 67627 tokens, 10732 with shared prefixes computed once' stdout ||
                fail "$config: other tokens: $(head -n 1 stdout)"
            expect 0 "$PHIBENCH" run "$config" --limit 2 --db sharing.db --set models.0.path="synth:tiny:q4_0:1:$vocabulary"
            hash=$(grep -o 'logits hash .*' stderr)
            expect 0 "$PHIBENCH" run "$config" --limit 2 --db sharing.db --set models.0.path="synth:tiny:q4_0:1:$vocabulary" \
                --no-prefix-sharing
            message_has "${hash:-no hash}"
        else
            echo "SKIP: no shared data for $config"
        fi
        ;;
    needle-128k) # the long texts take minutes: that they fit, and short ones
        expect 0 "$PHIBENCH" audit "$config"
        grep -q '^  longest      125[0-9]* of 131072 tokens' stdout || fail "$config: other lengths than it says"
        expect 0 "$PHIBENCH" run "$config" --db needle.db --set report.out=needle --set suites.0.words=100
        check_run needle 3 # a text, three depths
        ;;
    family-speed) # tens of GB of weights: what it would do, and the same of small models of its kinds
        expect 0 "$PHIBENCH" run "$config" --dry-run
        grep -q '^6 jobs, 5 models;' stdout || fail "$config: other jobs than it says"
        expect 0 "$PHIBENCH" run "$config" --db family.db --set report.out=family --set models.0.path=synth:tiny:q4_0 \
            --set models.1.path=synth:tiny-phi3small:q4_0 --set models.2.path=synth:tiny:q4_0:2 \
            --set models.3.path=synth:tiny-long:q4_0 --set models.4.path=synth:tiny-phimoe:q3_k --set models.4.context=2048 \
            --set suites.0.prompt=32 --set suites.0.generate=2 --set suites.1.prompt=64 --set suites.1.generate=2
        grep -q '</html>' family/index.html || fail "$config: no whole page"
        ;;
    smollm2) # the model is not among the shared data: what another would be asked
        if [ -e "$PHIBENCH_DATA/suites" ] && [ -e "$PHIBENCH_DATA/mmlu" ] && [ -e "$PHIBENCH_DATA/weights/stories260K" ]; then
            expect 0 "$PHIBENCH" run "$config" --dry-run --limit 1 --set models.0.context=512 \
                --set models.0.path="$PHIBENCH_DATA/weights/stories260K/stories260K.gguf"
            grep -q 'mmlu/lighteval 0-shot: 57 items' stdout || fail "$config: other jobs than it says"
            grep -q '^15 jobs, 1 model;' stdout || fail "$config: other jobs than it says"
        else
            echo "SKIP: no shared data for $config"
        fi
        ;;
    vision) # neither the model nor the pictures are here: all of it on three made questions
        mkdir -p eyes/pope/val2014 eyes/scienceqa/test eyes/textvqa/train_images
        for split in random popular adversarial; do
            echo '{"question_id": 1, "image": "a.jpg", "text": "Is there a cat?", "label": "no"}' \
                >eyes/pope/coco_pope_$split.json
        done
        echo '{"9": {"question": "Who?", "choices": ["he", "she"], "answer": 0, "image": null}}' >eyes/scienceqa/problems.json
        echo '{"test": ["9"]}' >eyes/scienceqa/pid_splits.json
        echo '{"data": [{"image_id": "b", "question_id": 1, "question": "what?", "answers": ["x"]}]}' \
            >eyes/textvqa/TextVQA_0.5.1_val.json
        echo '{"data": [{"image_id": "b", "ocr_tokens": ["x"]}]}' >eyes/textvqa/TextVQA_Rosetta_OCR_v0.2_val.json
        export VISION_DATA=eyes
        expect 0 "$PHIBENCH" run "$config" --dry-run --set models.0.path=synth:tiny-vision:q8_0
        grep -q 'pope/llava-16-crops 0-shot: 3 items' stdout || fail "$config: other jobs than it says: $(cat stdout)"
        grep -q 'textvqa/llava-ocr-4-crops 0-shot: 1 items' stdout || fail "$config: other jobs than it says: $(cat stdout)"
        ;;
    *) fail "$config is executed by no test: add it here" ;;
    esac
done
finish
