/* hf_tiktoken.c - a vocabulary from a tiktoken file: a line for each token, its bytes in base64 and
 * its rank.
 *
 * Tiktoken joins whatever neighbours make a token, the lowest rank first. So the merge that makes a
 * token is found by joining its own bytes by lower ranks until two are left; these are GGUF's
 * merges, and give the same tokens. How words are cut the file does not say: its name does, and
 * cl100k_base, of which Phi-3-small is, is the one that is known. Its expression is that of the
 * package tiktoken (tiktoken_ext/openai_public.py).
 */
#include "engine/hf/hf_steps.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "engine/tokenizer_internal.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_FILE_BYTES = 1 << 26, MOST_TOKEN_BYTES = 1 << 10, MOST_RANK = 1 << 22 };

static const char CL100K_STEPS[] =
    "{\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":"
    "{\"Regex\":\"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}{1,"
    "3}"
    "| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+\"},"
    "\"behavior\":\"Isolated\",\"invert\":false},{\"type\":\"ByteLevel\",\"add_prefix_space\":"
    "false,\"use_regex\":false}]},\"decoder\":{\"type\":\"ByteLevel\"},\"model\":{\"type\":"
    "\"BPE\"}}";

struct ranked {
    char *bytes;
    uint32_t n_bytes; /* 0: no token has this rank */
};

struct ranks {
    struct ranked *tokens; /* [n] by rank; owned, and their bytes */
    size_t n, capacity, n_used;
    int32_t *slots; /* [mask + 1] ranks by bytes, -1 for empty; owned */
    size_t mask;
};

/* ---- The file ---- */

static int value_of_digit(char c)
{
    static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = c ? strchr(DIGITS, c) : NULL;
    return found ? (int)(found - DIGITS) : -1;
}

/* Base64 (RFC 4648), padded; -1 if it is none. */
static int64_t decode_base64(const char *text, size_t n, char *out)
{
    size_t n_out = 0, n_pad = 0;
    if (!n || n % 4) return -1;
    while (n_pad < 2 && text[n - 1 - n_pad] == '=') n_pad++;
    for (size_t i = 0; i < n; i += 4) {
        uint32_t bits = 0;
        for (size_t k = 0; k < 4; k++) {
            int value = i + k < n - n_pad ? value_of_digit(text[i + k]) : 0;
            if (value < 0) return -1;
            bits = bits << 6 | (uint32_t)value;
        }
        for (int shift = 16; shift >= 0; shift -= 8) out[n_out++] = (char)(bits >> shift & 0xff);
    }
    return (int64_t)(n_out - n_pad);
}

/* A line without its end, "BASE64 RANK"; -1 for the rank of one that is not such. */
static int64_t parse_line(const char *line, size_t n, char bytes[MOST_TOKEN_BYTES], size_t *n_bytes)
{
    const char *space = memchr(line, ' ', n);
    size_t n_text = space ? (size_t)(space - line) : 0;
    if (!space || n_text > (size_t)MOST_TOKEN_BYTES / 4 * 4 || n - n_text - 1 > 9) return -1;
    int64_t decoded = decode_base64(line, n_text, bytes), rank = 0;
    if (decoded <= 0 || n == n_text + 1) return -1;
    for (const char *digit = space + 1; digit < line + n; digit++) {
        if (*digit < '0' || *digit > '9') return -1;
        rank = 10 * rank + (*digit - '0');
    }
    *n_bytes = (size_t)decoded;
    return rank < MOST_RANK ? rank : -1;
}

static bool add_token(struct ranks *ranks, size_t rank, const char *bytes, size_t n_bytes,
                      struct err *err)
{
    size_t n_before = ranks->capacity;
    if (!mem_grow((void **)&ranks->tokens, &ranks->capacity, rank + 1, sizeof *ranks->tokens,
                  MOST_RANK, err))
        return false;
    memset(ranks->tokens + n_before, 0, (ranks->capacity - n_before) * sizeof *ranks->tokens);
    if (rank >= ranks->n) ranks->n = rank + 1;
    struct ranked *token = &ranks->tokens[rank];
    if (token->n_bytes) return err_set(err, ERR_INPUT, "the rank %zu for a second time", rank);
    token->bytes = mem_new(n_bytes + 1, 1, err);
    if (!token->bytes) return false;
    memcpy(token->bytes, bytes, n_bytes);
    token->n_bytes = (uint32_t)n_bytes;
    ranks->n_used++;
    return true;
}

static bool read_lines(struct ranks *ranks, const char *file, const char *text, size_t n_bytes,
                       struct err *err)
{
    char bytes[MOST_TOKEN_BYTES];
    int line = 1;
    for (size_t at = 0, n; at < n_bytes; at += n + 1, line++) {
        const char *end = memchr(text + at, '\n', n_bytes - at);
        size_t n_token = 0;
        n = end ? (size_t)(end - text) - at : n_bytes - at;
        size_t n_line = n && text[at + n - 1] == '\r' ? n - 1 : n;
        if (!n_line) continue;
        int64_t rank = parse_line(text + at, n_line, bytes, &n_token);
        if (rank < 0)
            return err_set_at(err, ERR_INPUT, file, line, 1,
                              "a line that is not a token in base64, a space and its rank");
        if (!add_token(ranks, (size_t)rank, bytes, n_token, err))
            return err_place(err, file, line, 1);
    }
    return ranks->n || err_set_at(err, ERR_INPUT, file, 1, 1, "there is no token in it");
}

/* ---- Merges ---- */

static int32_t *slot_of(const struct ranks *ranks, const char *bytes, size_t n_bytes)
{
    size_t i = (size_t)hash_text(bytes, n_bytes) & ranks->mask;
    for (; ranks->slots[i] >= 0; i = (i + 1) & ranks->mask) {
        const struct ranked *token = &ranks->tokens[ranks->slots[i]];
        if (token->n_bytes == n_bytes && memcmp(token->bytes, bytes, n_bytes) == 0) break;
    }
    return &ranks->slots[i];
}

static bool index_tokens(struct ranks *ranks, struct err *err)
{
    size_t n_slots = 16;
    while (n_slots < 2 * ranks->n) n_slots *= 2;
    ranks->slots = mem_new(n_slots, sizeof *ranks->slots, err);
    if (!ranks->slots) return false;
    memset(ranks->slots, 0xff, n_slots * sizeof *ranks->slots);
    ranks->mask = n_slots - 1;
    for (size_t i = 0; i < ranks->n; i++) {
        if (!ranks->tokens[i].n_bytes) continue;
        int32_t *slot = slot_of(ranks, ranks->tokens[i].bytes, ranks->tokens[i].n_bytes);
        if (*slot >= 0)
            return err_set(err, ERR_INPUT, "the ranks %ld and %zu have the same token", (long)*slot,
                           i);
        *slot = (int32_t)i;
    }
    return true;
}

/* Joins the bytes of a token by ranks below its own. ends: [*n] where the parts that remain
 * end. */
static void join(const struct ranks *ranks, size_t rank, uint32_t *ends, size_t *n)
{
    const struct ranked *token = &ranks->tokens[rank];
    for (uint32_t i = 0; i < token->n_bytes; i++) ends[i] = i + 1;
    *n = token->n_bytes;
    for (;;) {
        size_t best = 0;
        int32_t lowest = (int32_t)rank;
        for (size_t i = 0; i + 1 < *n; i++) {
            uint32_t begin = i ? ends[i - 1] : 0;
            int32_t found = *slot_of(ranks, token->bytes + begin, ends[i + 1] - begin);
            if (found < 0 || found >= lowest) continue;
            lowest = found;
            best = i;
        }
        if (lowest == (int32_t)rank) return;
        memmove(ends + best, ends + best + 1, (*n - best - 1) * sizeof *ends);
        --*n;
    }
}

static bool add_merge(const struct ranks *ranks, size_t rank, struct hf_vocabulary *vocabulary,
                      struct buf *line, struct err *err)
{
    uint32_t ends[MOST_TOKEN_BYTES];
    const struct ranked *token = &ranks->tokens[rank];
    size_t n;
    join(ranks, rank, ends, &n);
    if (n != 2)
        return err_set(err, ERR_INPUT, "no two tokens of lower ranks make that of rank %zu", rank);
    buf_clear(line);
    bpe_spell(token->bytes, ends[0], line);
    buf_char(line, ' ');
    bpe_spell(token->bytes + ends[0], token->n_bytes - ends[0], line);
    return buf_check(line, err) &&
           hf_vocabulary_add_merge(vocabulary, line->data, line->n_bytes, err);
}

static bool set_tokens(const struct ranks *ranks, struct hf_vocabulary *vocabulary, struct err *err)
{
    struct buf text = {0};
    bool ok = hf_vocabulary_resize(vocabulary, ranks->n, ranks->n_used, err);
    for (size_t i = 0; ok && i < ranks->n; i++) {
        const struct ranked *token = &ranks->tokens[i];
        if (!token->n_bytes) continue;
        buf_clear(&text);
        bpe_spell(token->bytes, token->n_bytes, &text);
        ok = buf_check(&text, err) &&
             hf_vocabulary_set(vocabulary, i, text.data, text.n_bytes, TOKEN_NORMAL, err) &&
             (token->n_bytes == 1 || add_merge(ranks, i, vocabulary, &text, err));
    }
    buf_free(&text);
    return ok;
}

/* ---- Special tokens ---- */

/* tokenizer_module.json, which some folders of Phi-3-small have for what is a program in others. */
static bool read_module(struct hf_added_list *added, const struct json *module, struct err *err)
{
    const struct json *array = json_get(module, "added_tokens");
    for (size_t i = 0; i < json_length(array); i++) {
        struct hf_added_token token;
        if (!hf_added_token_read(json_at(array, i), NULL, &token, err))
            return err_context(err, "reading added_tokens[%zu] of tokenizer_module.json", i);
        if (!hf_added_list_set(added, &token, err)) return false;
    }
    return true;
}

static bool set_added(struct hf_vocabulary *vocabulary, const struct hf_added_list *added,
                      struct err *err)
{
    size_t n = added->n ? (size_t)added->tokens[added->n - 1].id + 1 : 0, n_ranks = vocabulary->n;
    if (n > vocabulary->n && !hf_vocabulary_resize(vocabulary, n, n_ranks + added->n, err))
        return false;
    for (size_t i = 0; i < added->n; i++)
        if (!hf_vocabulary_set_added(vocabulary, &added->tokens[i], err)) return false;
    return true;
}

static bool use_ranks(struct ranks *ranks, struct hf_vocabulary *vocabulary,
                      const struct hf_small_files *files, struct err *err)
{
    struct hf_added_list added = {0};
    struct json *steps = NULL;
    bool ok = index_tokens(ranks, err) && set_tokens(ranks, vocabulary, err) &&
              read_module(&added, files->module, err) &&
              hf_added_list_read(&added, files->config, files->added, vocabulary->n_most, err) &&
              set_added(vocabulary, &added, err) &&
              (steps = json_parse(CL100K_STEPS, strlen(CL100K_STEPS), vocabulary->file, err)) &&
              hf_steps_describe(vocabulary, steps, err) &&
              hf_steps_write(vocabulary, steps, &added, err);
    vocabulary->add_bos = 0;
    json_free(steps);
    hf_added_list_done(&added);
    return ok;
}

bool hf_read_tiktoken(struct hf_vocabulary *vocabulary, const struct hf_small_files *files,
                      struct err *err)
{
    size_t n_bytes;
    struct ranks ranks = {0};
    if (strcmp(file_name(vocabulary->file), "cl100k_base.tiktoken") != 0)
        return err_set_at(err, ERR_UNSUPPORTED, vocabulary->file, 0, 0,
                          "not supported yet: a tiktoken file of another name than "
                          "cl100k_base.tiktoken, which does not say how words are cut");
    char *text = file_read(vocabulary->file, MOST_FILE_BYTES, &n_bytes, err);
    bool ok = text && read_lines(&ranks, vocabulary->file, text, n_bytes, err) &&
              use_ranks(&ranks, vocabulary, files, err);
    if (!ok) err_place(err, vocabulary->file, 0, 0);
    for (size_t i = 0; i < ranks.n; i++) free(ranks.tokens[i].bytes);
    free(ranks.tokens);
    free(ranks.slots);
    free(text);
    return ok;
}
