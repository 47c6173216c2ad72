/* tokenizer_internal.h - what the files of the tokenizer share: the vocabulary, the merging of
 * symbols, the two algorithms.
 *
 * vocabulary.c owns the pieces and their lookup, merge.c the greedy merging that both algorithms
 * are made of, tokenizer_spm.c and tokenizer_bpe.c turn a fragment of plain text into ids,
 * tokenizer.c cuts text into fragments and special tokens, tokens.c holds what all of them append
 * to. Only these files include this header.
 */
#ifndef PHIBENCH_ENGINE_TOKENIZER_INTERNAL_H
#define PHIBENCH_ENGINE_TOKENIZER_INTERNAL_H

#include "engine/tokenizer.h"
#include "engine/tools.h"
#include "engine/chat_template.h"
#include "engine/pretokenize.h"

/* Longest text of one encode: offsets of symbols are 32 bits. */
enum { TOKENIZER_MAX_TEXT_BYTES = 1 << 30 };

/* ---- Vocabulary ---- */

struct piece {
    const char *text; /* zero-ended, in vocabulary.text */
    uint32_t n_bytes;
    float score; /* SPM: the higher, the earlier it is merged */
    enum token_kind kind;
    bool is_end;
    /* How it is matched as a whole: with the white space before and behind it, and only where no
     * letter touches it. */
    bool lstrip, rstrip, single_word;
    bool is_apart; /* found as a whole alone: no merge makes it, no character is it */
};

struct vocabulary {
    char *text;
    struct piece *pieces; /* [n] */
    int32_t n;
    size_t longest_bytes; /* of all pieces */
    int32_t *slots;       /* [slot_mask + 1] hash table of ids by text, -1 for empty */
    size_t slot_mask;
    /* The distinct lengths of pieces that are matched as a whole, longest first, by first byte:
     * special_lengths[special_first[b] .. special_first[b + 1]). */
    uint32_t *special_lengths;
    uint32_t special_first[257];
    struct buf notes; /* what a user should know, a line each */
};

/* Reads tokens, scores and kinds; ERR_INPUT where the arrays do not fit together. Where no steps
 * say which pieces are matched as a whole (tokenizer_steps.h), markers of the chat template that
 * are typed as normal pieces become control pieces. */
bool vocabulary_init(struct vocabulary *vocabulary, const struct metadata *metadata,
                     struct err *err) __attribute__((warn_unused_result));
void vocabulary_done(struct vocabulary *vocabulary);

/* Gives a piece another text, which outlives the vocabulary; then vocabulary_index, once. */
void vocabulary_respell(struct vocabulary *vocabulary, int32_t id, const char *text,
                        size_t n_bytes);
bool vocabulary_index(struct vocabulary *vocabulary, struct err *err)
    __attribute__((warn_unused_result));

/* The id of the piece with this text, -1 if there is none. Of equal pieces a normal one before the
 * others, and of those of one kind the last, as llama.cpp has it. */
int32_t vocabulary_find(const struct vocabulary *vocabulary, const char *text, size_t n_bytes);
/* The same among normal pieces, which are all that plain text may become. */
int32_t vocabulary_find_normal(const struct vocabulary *vocabulary, const char *text,
                               size_t n_bytes);
/* The same among those that are matched as a whole: control, unknown, user-defined. */
int32_t vocabulary_find_special(const struct vocabulary *vocabulary, const char *text,
                                size_t n_bytes);
/* Whether the scores say in which order pieces are merged: false where those of more than one
 * character are all equal. */
bool vocabulary_is_ordered(const struct vocabulary *vocabulary);
/* Appends the text of a piece to the notes as it may stand in a line. */
void vocabulary_note_piece(struct vocabulary *vocabulary, int32_t id);

/* The longest special piece at the beginning of text; -1 if there is none. User-defined pieces
 * always count, control and unknown ones only if `parse_special`. */
int32_t vocabulary_match_special(const struct vocabulary *vocabulary, const char *text,
                                 size_t n_bytes, bool parse_special);

/* ---- Merging ---- */

#define MERGE_NONE UINT32_MAX

struct merge_symbol {
    int32_t id;              /* -1: no piece of the vocabulary */
    uint32_t begin, n_bytes; /* in the text; n_bytes 0: merged into the one before */
    uint32_t previous, next; /* MERGE_NONE at the ends */
};

struct merge_candidate {
    double priority;
    uint32_t left, right, n_bytes;
    int32_t id;
};

/* Working memory, zero at first, reused from word to word. Free with merger_done. */
struct merger {
    struct merge_symbol *symbols;
    struct merge_candidate *heap;
    size_t n_symbols, symbol_capacity, n_heap, heap_capacity;
};
void merger_done(struct merger *merger);

/* Adds a symbol at the end of the word. */
bool merger_add(struct merger *merger, int32_t id, size_t begin, size_t n_bytes, struct err *err)
    __attribute__((warn_unused_result));

/* What two neighbours make together: false for nothing, or the piece and its priority. */
typedef bool merge_find_fn(const void *context, const struct merge_symbol *left,
                           const struct merge_symbol *right, int32_t *id, double *priority);

/* Joins neighbours, highest priority first, leftmost among equals, until no two make a piece. The
 * result is the list from symbols[0] along `next`. O(n log n) for n symbols. */
bool merger_run(struct merger *merger, merge_find_fn *find, const void *context, struct err *err)
    __attribute__((warn_unused_result));

struct listed_merge {
    int32_t left, right; /* ids; left -1 for an empty slot */
    int32_t rank, merged;
};

struct merge_list {
    struct listed_merge *slots; /* [mask + 1] hash table by (left, right) */
    size_t mask;
};

/* From lines: [n] of "LEFT RIGHT", the first merged first. Of equal lines the first counts, or the
 * last, which is what the library `tokenizers` does. ERR_INPUT for a line that is not two pieces
 * which make a third. Free with merge_list_done. */
bool merge_list_init(struct merge_list *list, const struct vocabulary *vocabulary,
                     const struct metadata_string *lines, size_t n, bool last_counts,
                     struct err *err) __attribute__((warn_unused_result));
void merge_list_done(struct merge_list *list);
/* A merge_find_fn whose context is the list. */
bool merge_list_find(const void *context, const struct merge_symbol *left,
                     const struct merge_symbol *right, int32_t *id, double *priority);

/* ---- The tokenizer ---- */

struct tokenizer {
    struct vocabulary vocabulary;
    bool is_bpe, add_bos, add_space_prefix, has_all_bytes, lines_are_apart;
    int32_t bos, eos, unknown;
    int32_t byte_ids[256]; /* -1: the vocabulary has no token for this byte */
    char kind[64];
    struct chat_template *chat_template; /* NULL: the file has none */
    struct merge_list merges;            /* of BPE, and of SPM where scores give no order */

    /* These are for BPE alone. */
    struct pretokenizer *pretokenizer;
    bool ignore_merges; /* a word that is a piece is not merged up to it */

    struct token_steps *steps; /* those of a tokenizer.json (tokenizer_steps.h), NULL: GGUF's */
};

/* Appends the id that stands for a byte (tokens.c); ERR_INPUT if there is none and no unknown
 * token. */
bool tokenizer_append_byte(const struct tokenizer *tokenizer, unsigned char byte,
                           struct tokens *out, struct err *err) __attribute__((warn_unused_result));

bool spm_init(struct tokenizer *tokenizer, const struct metadata *metadata, struct err *err)
    __attribute__((warn_unused_result));
/* Finds the pieces that stand for bytes, "<0x0A>". */
void spm_find_bytes(struct tokenizer *tokenizer);
/* Appends the ids of a fragment without special tokens; `space_prefix` if it begins with the space
 * that SentencePiece puts before a text. */
bool spm_encode(const struct tokenizer *tokenizer, const char *text, size_t n_bytes,
                bool space_prefix, struct tokens *out, struct err *err)
    __attribute__((warn_unused_result));
/* Appends the text of a normal piece, without its leading space if `strip_space`. */
void spm_decode(const struct piece *piece, bool strip_space, struct buf *out);

bool bpe_init(struct tokenizer *tokenizer, const struct metadata *metadata, struct err *err)
    __attribute__((warn_unused_result));
/* Appends bytes as they are spelled in the alphabet. */
void bpe_spell(const char *bytes, size_t n_bytes, struct buf *out);
/* Finds the pieces that stand for bytes, in the alphabet. */
void bpe_find_bytes(struct tokenizer *tokenizer);
void bpe_done(struct tokenizer *tokenizer);
/* Appends the ids of a fragment without special tokens. */
bool bpe_encode(const struct tokenizer *tokenizer, const char *text, size_t n_bytes,
                enum fragment_place place, struct tokens *out, struct err *err)
    __attribute__((warn_unused_result));
void bpe_decode(const struct piece *piece, struct buf *out);

#endif
