#!/bin/sh
# Files of models with eyes: a Hugging Face folder and the GGUF file that convert makes of it are one model, quantize
# leaves pixels and places float, inspect tells of the tower, and what is missing is one line with its name. The folder is
# tests/golden/hf/phi3v; what a model sees with such files is in the tests of the engine.
. "$(dirname "$0")/../support/cli.sh"
PHIBENCH_CACHE=$work/cache
export PHIBENCH_CACHE
cp -R "$top/tests/golden/hf/phi3v" phi3v

# same_logits MODEL MODEL: bit for bit.
same_logits() {
    expect 0 "$PHIBENCH" logits -m "$1" --ids 1,2,3 -o bin
    mv stdout logits
    expect 0 "$PHIBENCH" logits -m "$2" --ids 1,2,3 -o bin
    cmp logits stdout || fail "$1: other logits than $2"
}

# types MODEL: names and types of the tower's tensors, sorted.
types() {
    expect 0 "$PHIBENCH" inspect "$1" --tensors
    sed -n 's/^  \(v\.[^ ]*\) *\([^ ]*\) .*/\1 \2/p' stdout | sort
}

# ---- One model in a folder and in a file

expect 0 "$PHIBENCH" convert phi3v same.gguf
same_logits phi3v same.gguf
for model in phi3v same.gguf; do
    expect 0 "$PHIBENCH" inspect $model
    grep -qx 'eyes             2 layers, width 48, patches of 14 pixels; pictures in crops of 336 pixels, 4 at most' stdout ||
        fail "inspect $model does not tell of the tower: $(grep eyes stdout)"
    expect 0 "$PHIBENCH" inspect $model --json
    tr -d ' \n' <stdout |
        grep -q '"vision":{"layers":2,"width":48,"patch":14,"side":336,"num_crops":4}' || fail "inspect --json: $model"
done
types phi3v >wanted
types same.gguf >found
cmp wanted found || fail "convert wrote the tower's tensors in other types"
[ "$(wc -l <wanted)" -eq 43 ] || fail "a tower of $(wc -l <wanted) tensors, not of 2 * 16 + 11"
grep -q 'post\|blk\.2' wanted && fail "tensors that no picture passes: $(cat wanted)"

# ---- Other types

expect 0 "$PHIBENCH" convert phi3v q8_0.gguf --type q8_0
expect 0 "$PHIBENCH" quantize same.gguf wanted.gguf --type q8_0
types q8_0.gguf >found
types wanted.gguf >wanted
cmp wanted found || fail "convert and quantize give the tower other types"
same_logits q8_0.gguf quantize:q8_0:phi3v
for tensor in v.patch_embd.weight v.position_embd.weight v.class_embd.weight v.sub_gn.weight v.blk.0.attn_q.bias; do
    grep -qx "$tensor f32" found || fail "quantized: $(grep "$tensor" found)"
done
grep -qx 'v.mm.0.weight q8_0' found || fail "not quantized: $(grep v.mm.0.weight found)"
grep -qx 'v.blk.1.attn_q.weight f16' found || fail "rows of 48 values as $(grep v.blk.1.attn_q.weight found)"

# ---- Synthetic ones

expect 0 "$PHIBENCH" inspect synth:phi-3.5-vision:q4_k
grep -qx 'eyes             23 layers, width 1024, patches of 14 pixels; pictures in crops of 336 pixels, 4 at most' stdout ||
    fail "synth:phi-3.5-vision: $(cat stdout)"
grep -q '^parameters       4134 million' stdout || fail "synth:phi-3.5-vision: $(grep parameters stdout)"
expect 0 "$PHIBENCH" quantize synth:tiny-vision:f16 tiny.gguf --type q4_k
same_logits tiny.gguf quantize:q4_k:synth:tiny-vision:f16
types tiny.gguf >found
grep -qx 'v.blk.0.ffn_up.weight q5_0' found || fail "rows of 64 values: $(grep ffn_up found)"

# ---- What is missing or other

# refused STATUS FILE MESSAGE
refused() {
    expect "$1" "$PHIBENCH" convert phi3v none.gguf
    grep -qF "phi3v$2: $3" stderr || fail "wanted '$3', got: $(cat stderr)"
    [ "$(wc -l <stderr)" -eq 1 ] || fail "more than a line: $(cat stderr)"
    [ ! -e none.gguf ] || fail "a file is left"
}

mv phi3v/preprocessor_config.json kept
refused 1 '' 'the folder has no preprocessor_config.json, which says how many crops a picture is cut into'
mv kept phi3v/preprocessor_config.json
mv phi3v/config.json config.json
sed 's/"clip_vision_model"/"siglip_vision_model"/' config.json >phi3v/config.json
refused 2 /config.json "not supported yet: 'img_processor.name' is 'siglip_vision_model' in a clip.vision model"
sed 's/"sub_glb"/"glb_sub"/' config.json >phi3v/config.json
refused 2 /config.json "not supported yet: 'embd_layer.hd_transform_order' is 'glb_sub' in a clip.vision model"
sed 's/"projection_cls"/"projection"/' config.json >phi3v/config.json
refused 1 /config.json "'embd_layer.projection_cls' is missing"
finish
