/* pre_types.c - the pre-types of byte-level BPE, by the names that tokenizer.ggml.pre has for them.
 *
 * The expressions are those of the models' tokenizer.json files, or cut every text that the merges
 * can tell apart in the same way; of "jais", "exaone", "dbrx", "mpt" they are llama.cpp's, as all
 * flags are. Steps that cannot be written here leave their name out ("minerva-7b" puts a space
 * before a text). "default" is what files without a name were made with. GGUF has no normalizer;
 * those of Qwen 2, Command R and OLMo are NFC, which goes by the name. To add a row: write SPACE
 * for \s, and compare the words with the library `tokenizers` by tools/golden/pre_types.py.
 */
#include "engine/pre_types.h"

#include <stddef.h>
#include <string.h>

/* ---- Expressions ---- */

#define SPACE PRE_TYPE_SPACE
#define SPACES PRE_TYPE_SPACES
#define GPT2 PRE_TYPE_GPT2
#define DIGIT "\\p{N}"
#define THREE_DIGITS "\\p{N}{1,3}"

#define CONTRACTIONS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define BEFORE_WORD "[^\\r\\n\\p{L}\\p{N}]?"
#define LINE_ENDS "[" SPACE "]*[\\r\\n]+|" SPACES
#define MARKS " ?[^" SPACE "\\p{L}\\p{N}]+"
/* The families of cl100k differ in how many digits make a word. */
#define CL100K(DIGITS)                                                                             \
    CONTRACTIONS "|" BEFORE_WORD "\\p{L}+|" DIGITS "|" MARKS "[\\r\\n]*|" LINE_ENDS
/* The families of o200k begin a word at a capital; they differ in the digits, and in whether a
 * contraction stays with its word. */
#define UPPER "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOWER "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define O200K(CONTRACTION, DIGITS)                                                                 \
    BEFORE_WORD UPPER "*" LOWER "+" CONTRACTION "|" BEFORE_WORD UPPER "+" LOWER "*" CONTRACTION    \
                      "|" DIGITS "|" MARKS "[\\r\\n/]*|" LINE_ENDS
#define QWEN35                                                                                     \
    CONTRACTIONS "|" BEFORE_WORD "[\\p{L}\\p{M}]+|" DIGIT "| ?[^" SPACE                            \
                 "\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|" LINE_ENDS
#define SEED                                                                                       \
    CONTRACTIONS "|" BEFORE_WORD "\\p{L}+|" DIGIT "| ?[^" SPACE "\\p{L}\\p{N}\\r\\n]+|" LINE_ENDS
#define LING                                                                                       \
    "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|" DIGIT "| ?[^" SPACE                    \
    "\\p{L}\\p{N}]++[\\r\\n]*|[" SPACE "]*[\\r\\n]|" SPACES
#define DEEPSEEK3_CJK "[\\x{4e00}-\\x{9fa5}\\x{3040}-\\x{309f}\\x{30a0}-\\x{30ff}]+"
#define DEEPSEEK3                                                                                  \
    "[!-/:-@\\[-`{-~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"                        \
    "| ?[\\p{P}\\p{S}]+[\\r\\n]*|" LINE_ENDS
#define BLOOM " ?[^(" SPACE "|.,!?\\x{2026}\\x{3002}\\x{ff0c}\\x{3001}\\x{964}\\x{6d4}\\x{60c})]+"
#define YOUTU_SCRIPTS                                                                              \
    "[\\x{ac00}-\\x{d7a3}\\x{3131}-\\x{318e}]+|[\\x{ff01}\\x{2026}\\x{201c}\\x{201d}\\x{2018}"     \
    "\\x{2019}\\x{2014}\\x{ff1a}\\x{ff1b}\\x{ff0c}\\x{3001}-\\x{303f}\\x{fe30}-\\x{fe4f}]+|"       \
    "[\\x{3105}-\\x{312f}]+|" DEEPSEEK3_CJK
#define PUNCTUATION "\\p{P}$+<=>^~|"
#define CJK "[\\x{4e00}-\\x{9fa5}\\x{800}-\\x{4e00}\\x{ac00}-\\x{d7ff}]+"
/* DeepSeek LLM's letters: those of the alphabets that have upper and lower case. */
#define CASED_LETTERS                                                                              \
    "A-Za-z\\x{b5}\\x{c0}-\\x{d6}\\x{d8}-\\x{f6}\\x{f8}-\\x{1ba}\\x{1bc}-\\x{1bf}"                 \
    "\\x{1c4}-\\x{293}\\x{295}-\\x{2af}\\x{370}-\\x{373}\\x{376}-\\x{377}\\x{37b}-\\x{37d}"        \
    "\\x{37f}\\x{386}\\x{388}-\\x{38a}\\x{38c}\\x{38e}-\\x{3a1}\\x{3a3}-\\x{3f5}"                  \
    "\\x{3f7}-\\x{481}\\x{48a}-\\x{52f}\\x{531}-\\x{556}\\x{10a0}-\\x{10c5}\\x{13a0}-\\x{13f5}"    \
    "\\x{13f8}-\\x{13fd}\\x{1c90}-\\x{1cba}\\x{1cbd}-\\x{1cbf}\\x{1d00}-\\x{1d2b}"                 \
    "\\x{1d6b}-\\x{1d77}\\x{1d79}-\\x{1d9a}\\x{1e00}-\\x{1f15}\\x{1f18}-\\x{1f1d}"                 \
    "\\x{1f20}-\\x{1f45}\\x{1f48}-\\x{1f4d}\\x{1f50}-\\x{1f57}\\x{1f59}\\x{1f5b}\\x{1f5d}"         \
    "\\x{1f5f}-\\x{1f7d}\\x{1f80}-\\x{1fb4}\\x{1fb6}-\\x{1fbc}\\x{1fbe}\\x{1fc2}-\\x{1fc4}"        \
    "\\x{1fc6}-\\x{1fcc}\\x{1fd0}-\\x{1fd3}\\x{1fd6}-\\x{1fdb}\\x{1fe0}-\\x{1fec}"                 \
    "\\x{1ff2}-\\x{1ff4}\\x{1ff6}-\\x{1ffc}\\x{2102}\\x{2107}\\x{210a}-\\x{2113}\\x{2115}"         \
    "\\x{2119}-\\x{211d}\\x{2124}\\x{2126}\\x{2128}\\x{212a}-\\x{212d}\\x{212f}-\\x{2134}"         \
    "\\x{2139}\\x{213c}-\\x{213f}\\x{2145}-\\x{2149}\\x{214e}\\x{2183}-\\x{2184}"                  \
    "\\x{2c00}-\\x{2c7b}\\x{2c7e}-\\x{2ce4}\\x{2ceb}-\\x{2cee}\\x{2cf2}-\\x{2cf3}"                 \
    "\\x{a640}-\\x{a66d}\\x{a680}-\\x{a69b}\\x{a722}-\\x{a76f}\\x{a771}-\\x{a787}"                 \
    "\\x{a78b}-\\x{a78e}\\x{ab70}-\\x{abbf}\\x{fb00}-\\x{fb06}\\x{fb13}-\\x{fb17}"                 \
    "\\x{ff21}-\\x{ff3a}\\x{ff41}-\\x{ff5a}\\x{10400}-\\x{1044f}\\x{104b0}-\\x{104d3}"             \
    "\\x{104d8}-\\x{104fb}\\x{10c80}-\\x{10cb2}\\x{10cc0}-\\x{10cf2}\\x{118a0}-\\x{118df}"         \
    "\\x{1e900}-\\x{1e943}"

/* ---- The table ---- */

static const struct pre_type PRE_TYPES[] = {
    {"default", NULL, false, false, {"[" PUNCTUATION "]+", GPT2, "\\p{N}+", "[0-9][0-9][0-9]"}},
    {"gpt-2", "openai-community/gpt2", false, false, {GPT2}},
    {"phi-2", "microsoft/phi-2", false, false, {GPT2}},
    {"mpt", "mosaicml/mpt-7b", false, false, {GPT2}},
    {"olmo", "allenai/OLMo-1.7-7B-hf", false, false, {GPT2}},
    {"jais", "core42/jais-13b", false, false, {GPT2}},
    {"mellum", "JetBrains/Mellum-4b-base", false, false, {GPT2}},
    {"a.x-4.0", "skt/A.X-4.0", false, false, {GPT2}},
    {"exaone4", "LGAI-EXAONE/EXAONE-4.0-32B", false, false, {GPT2}},
    {"trillion", "trillionlabs/Trillion-7B-preview", false, false, {GPT2}},
    {"granite-docling", "ibm-granite/granite-docling-258M", false, false, {GPT2}},
    {"smollm", "HuggingFaceTB/SmolLM-135M", false, false, {DIGIT, GPT2}},
    {"starcoder", "bigcode/starcoder2-3b", false, false, {DIGIT, GPT2}},
    {"refact", "smallcloudai/Refact-1_6-base", false, false, {DIGIT, GPT2}},
    {"command-r", "CohereForAI/c4ai-command-r-v01", false, false, {DIGIT, GPT2}},
    {"codeshell", "WisdomShell/CodeShell-7B", false, false, {DIGIT, GPT2}},
    {"exaone", "LGAI-EXAONE/EXAONE-3.0-7.8B-Instruct", false, false, {DIGIT, GPT2}},
    {"llama-bpe", "meta-llama/Meta-Llama-3-8B", true, true, {CL100K(THREE_DIGITS)}},
    {"llama3", "meta-llama/Meta-Llama-3-8B", true, true, {CL100K(THREE_DIGITS)}},
    {"llama-v3", "meta-llama/Meta-Llama-3-8B", true, true, {CL100K(THREE_DIGITS)}},
    {"pixtral", "mistral-community/pixtral-12b", true, true, {CL100K(THREE_DIGITS)}},
    {"midm-2.0", "K-intelligence/Midm-2.0-Base-Instruct", true, true, {CL100K(THREE_DIGITS)}},
    {"lfm2", "LiquidAI/LFM2-Tokenizer", true, true, {CL100K(THREE_DIGITS)}},
    {"dbrx", "databricks/dbrx-base", false, false, {CL100K(THREE_DIGITS)}},
    {"smaug-bpe", "abacusai/Smaug-Llama-3-70B-Instruct", false, false, {CL100K(THREE_DIGITS)}},
    {"glm4", "THUDM/glm-4-9b-hf", false, false, {CL100K(THREE_DIGITS)}},
    {"chatglm-bpe", "THUDM/glm-4-9b-chat", false, false, {CL100K(THREE_DIGITS)}},
    {"qwen2", "Qwen/Qwen1.5-7B", false, false, {CL100K(DIGIT)}},
    {"deepseek-r1-qwen",
     "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B",
     false,
     false,
     {CL100K(DIGIT)}},
    {"stablelm2", "stabilityai/stablelm-2-zephyr-1_6b", false, false, {CL100K(DIGIT)}},
    {"megrez", "Infinigence/Megrez-3B-Instruct", false, false, {CL100K(DIGIT)}},
    {"hunyuan", "tencent/Hunyuan-A13B-Instruct", false, false, {CL100K(DIGIT)}},
    {"kormo", "KORMo-Team/KORMo-tokenizer", false, false, {CL100K(DIGIT)}},
    {"grok-2", "alvarobartt/grok-2-tokenizer", false, false, {CL100K(DIGIT)}},
    {"solar-open", "upstage/Solar-Open-100B", false, false, {CL100K(DIGIT)}},
    {"qwen35", "Qwen/Qwen3.5-9B-Instruct", false, false, {QWEN35}},
    {"seed-coder", "ByteDance-Seed/Seed-Coder-8B-Base", false, false, {SEED}},
    {"bailingmoe", "inclusionAI/Ling-lite", false, false, {LING}},
    {"bailingmoe2", "inclusionAI/Ling-mini-base-2.0", false, false, {LING}},
    {"llada-moe", "inclusionAI/LLaDA-MoE-7B-A1B-Base", false, false, {LING}},
    {"gpt-4o", "Xenova/gpt-4o", false, false, {O200K(CONTRACTIONS "?", THREE_DIGITS)}},
    {"gigachat",
     "ai-sage/GigaChat-20B-A3B-instruct",
     false,
     false,
     {O200K(CONTRACTIONS "?", THREE_DIGITS)}},
    {"llama4",
     "meta-llama/Llama-4-Scout-17B-16E-Instruct",
     false,
     false,
     {O200K(CONTRACTIONS "?", THREE_DIGITS)}},
    {"kanana2",
     "kakaocorp/kanana-2-30b-a3b-instruct-2601",
     false,
     false,
     {O200K(CONTRACTIONS "?", THREE_DIGITS)}},
    {"minimax-m2", "MiniMaxAI/MiniMax-M2", false, false, {O200K(CONTRACTIONS "?", THREE_DIGITS)}},
    {"tekken", "mistralai/Mistral-Nemo-Base-2407", true, true, {O200K("", DIGIT)}},
    {"youtu", "tencent/Youtu-LLM-2B", false, true, {YOUTU_SCRIPTS, O200K(CONTRACTIONS "?", DIGIT)}},
    {"falcon", "tiiuae/falcon-7b", false, false, {"[" PUNCTUATION "`]+", GPT2, "[0-9][0-9][0-9]"}},
    {"falcon3", "tiiuae/Falcon3-7B-Base", true, true, {"[" PUNCTUATION "`]+", GPT2, "[0-9]"}},
    {"deepseek-coder",
     "deepseek-ai/deepseek-coder-6.7b-base",
     false,
     false,
     {"[\\r\\n]", "[" SPACE "]?\\p{L}+", "[" SPACE "]?\\p{P}+", CJK, DIGIT}},
    {"deepseek-llm",
     "deepseek-ai/deepseek-llm-7b-base",
     false,
     false,
     {"[\\r\\n]", "[" SPACE "]?[" CASED_LETTERS "]+",
      "[" SPACE
      "]?[!-/:-~\\x{ff01}-\\x{ff0f}\\x{ff1a}-\\x{ff5e}\\x{2018}-\\x{201f}\\x{3000}-\\x{3002}]+",
      "(?<![" SPACE "])[" SPACE "]++\\z", CJK, "\\p{N}+"}},
    {"deepseek-v3",
     "deepseek-ai/DeepSeek-V3",
     false,
     false,
     {THREE_DIGITS, DEEPSEEK3_CJK, DEEPSEEK3}},
    {"hunyuan-dense",
     "tencent/Hunyuan-4B-Instruct",
     false,
     false,
     {THREE_DIGITS, DEEPSEEK3_CJK, DEEPSEEK3}},
    {"bloom", "bigscience/bloom", false, false, {BLOOM}},
    {"gpt3-finnish", "TurkuNLP/gpt3-finnish-small", false, false, {BLOOM}},
    {"poro-chat", "LumiOpen/Poro-34B-chat", false, false, {BLOOM}},
    {"viking", "LumiOpen/Viking-7B", false, false, {BLOOM, DIGIT}},
};

const struct pre_type *pre_type_find(const char *name)
{
    for (size_t i = 0; i < sizeof PRE_TYPES / sizeof *PRE_TYPES; i++)
        if (strcmp(PRE_TYPES[i].name, name) == 0) return &PRE_TYPES[i];
    return NULL;
}

bool pre_type_composes(const char *name)
{
    static const char *const NAMES[] = {"qwen2", "command-r", "olmo"};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        if (strcmp(NAMES[i], name) == 0) return true;
    return false;
}

static bool has_expressions(const struct pre_type *type, const char *const *expressions, size_t n)
{
    size_t i = 0;
    while (i < n && type->expressions[i] && strcmp(type->expressions[i], expressions[i]) == 0) i++;
    return i == n && !type->expressions[i];
}

const char *pre_type_name(const char *const *expressions, size_t n, bool ignores_merges)
{
    for (size_t i = 0; i < sizeof PRE_TYPES / sizeof *PRE_TYPES; i++)
        if (PRE_TYPES[i].ignores_merges == ignores_merges &&
            has_expressions(&PRE_TYPES[i], expressions, n))
            return PRE_TYPES[i].name;
    return NULL;
}

void pre_type_list(struct buf *out)
{
    for (size_t i = 0; i < sizeof PRE_TYPES / sizeof *PRE_TYPES; i++)
        buf_printf(out, i ? ", %s" : "%s", PRE_TYPES[i].name);
}
