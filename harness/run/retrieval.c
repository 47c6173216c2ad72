/* retrieval.c - see retrieval.h. An index is known by the hash of its evidence, which is read anew
 * for every plan: an index of other texts is never taken for this one. A search takes milliseconds
 * and more, so that which passages a question found is kept for the next model.
 */
#include "harness/run/retrieval.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/interrupt.h"
#include "base/mem.h"
#include "harness/run/evidence.h"

#include <stdlib.h>
#include <string.h>

enum { N_BUCKETS = 1 << 14 };

/* What a question has found, so that several models do not search for it again. */
struct found {
    struct found *next; /* of the same bucket */
    const char *question;
    size_t n;
    int64_t ids[];
};

struct retrieval {
    const struct retrieval_options *options;
    struct passages *passages;
    struct arena *arena; /* of what was found */
    struct found *buckets[N_BUCKETS];
};

/* ---- The index ---- */

struct building {
    struct passages_writer *writer;
    struct progress progress;
    size_t n_passages;
};

static bool add_passage(void *context, const struct passage *passage, uint64_t n_bytes,
                        struct err *err)
{
    struct building *building = context;
    building->n_passages++;
    progress_update(&building->progress, (size_t)(n_bytes >> 10));
    return interrupt_check(err) && passages_add(building->writer, passage, err);
}

static bool build(const struct evidence *evidence, const char *from, const char *path,
                  const char *hash, const struct console *console, struct err *err)
{
    struct building building = {.writer = passages_create(path, err)};
    const struct evidence_sink sink = {add_passage, &building};
    char read[PASSAGES_HASH_BYTES];
    if (!building.writer) return false;
    log_info(&console->log, "building %s, the index of the passages of %s", path, from);
    progress_begin(&building.progress, console, "index, KiB read",
                   (size_t)(evidence_bytes(evidence) >> 10), 0);
    bool done = evidence_read(evidence, &sink, read, err);
    progress_end(&building.progress);
    if (done && strcmp(read, hash) != 0)
        done = err_set_at(err, ERR_INPUT, from, 0, 0,
                          "the texts changed while they were read: run again");
    if (!done) passages_abandon(building.writer);
    done = done && passages_finish(building.writer, hash, err);
    if (done) log_info(&console->log, "%s: %zu passages", path, building.n_passages);
    return done;
}

/* Where the index of that hash is kept; free() it. */
static char *cached_path(const char *cache, const char *hash, struct err *err)
{
    struct buf path = {0};
    buf_printf(&path, "%s/passages-%.16s.db", cache, hash);
    return buf_take(&path, err);
}

/* The index at `path` if there is a whole one of this hash; says why one that is there is not used.
 * Ctrl-C while it is checked is no reason. */
static struct passages *open_same(const char *path, const char *hash, const struct console *console)
{
    struct err why = {0};
    if (!file_exists(path)) return NULL;
    struct passages *passages = passages_open(path, &why);
    if (passages && !strcmp(passages_hash(passages), hash)) return passages;
    if (passages) err_set(&why, ERR_INPUT, "it is of other texts");
    if (!interrupt_requested())
        log_warning(&console->log, "%s is made again: %s", path, why.message);
    passages_close(passages);
    return NULL;
}

static struct passages *open_built(const struct retrieval_options *options, const char *cache,
                                   const struct console *console, struct err *err)
{
    char hash[PASSAGES_HASH_BYTES];
    struct passages *passages = NULL;
    char *path = NULL;
    struct evidence *evidence = evidence_open(options->build_from, err);
    if (evidence && evidence_hash(evidence, hash, err))
        path =
            options->index ? mem_copy_string(options->index, err) : cached_path(cache, hash, err);
    if (path && !(passages = open_same(path, hash, console)) && interrupt_check(err) &&
        build(evidence, options->build_from, path, hash, console, err))
        passages = passages_open(path, err);
    free(path);
    evidence_close(evidence);
    return passages;
}

struct retrieval *retrieval_open(const struct retrieval_options *options, const char *cache,
                                 const struct console *console, struct err *err)
{
    struct retrieval *retrieval = mem_new(1, sizeof *retrieval, err);
    if (!retrieval) return NULL;
    if (!console) console = &CONSOLE_SILENT;
    retrieval->options = options;
    retrieval->passages = options->build_from ? open_built(options, cache, console, err)
                                              : passages_open(options->index, err);
    retrieval->arena = retrieval->passages ? arena_new(0, err) : NULL;
    if (retrieval->arena) return retrieval;
    retrieval_close(retrieval);
    return NULL;
}

void retrieval_close(struct retrieval *retrieval)
{
    if (!retrieval) return;
    passages_close(retrieval->passages);
    arena_free(retrieval->arena);
    free(retrieval);
}

const char *retrieval_name_protocol(const struct retrieval *retrieval, const char *name,
                                    struct arena *arena, struct err *err)
{
    const struct retrieval_options *options = retrieval->options;
    if (options->top_k == RETRIEVAL_TOP_K && options->max_tokens == RETRIEVAL_MAX_TOKENS)
        return arena_string(arena, name, err);
    return arena_printf(arena, err, "%s-%zux%zu", name, options->top_k, options->max_tokens);
}

void retrieval_describe(const struct retrieval *retrieval, struct json_writer *json)
{
    json_set_integer(json, "version", PASSAGES_VERSION);
    json_set_string(json, "index", passages_hash(retrieval->passages));
    json_set_integer(json, "top_k", (int64_t)retrieval->options->top_k);
    json_set_integer(json, "max_tokens", (int64_t)retrieval->options->max_tokens);
}

/* ---- Reading ---- */

static bool remember(struct retrieval *retrieval, const char *question,
                     const struct passage *passages, size_t n, struct found **bucket,
                     struct err *err)
{
    struct found *found =
        arena_alloc(retrieval->arena, 1, sizeof *found + n * sizeof found->ids[0], err);
    if (!found || !(found->question = arena_string(retrieval->arena, question, err))) return false;
    for (size_t i = 0; i < n; i++) found->ids[i] = passages[i].id;
    found->n = n;
    found->next = *bucket;
    *bucket = found;
    return true;
}

/* The passages of the question in the arena, the best first. */
static bool find(struct retrieval *retrieval, const char *question, struct arena *arena,
                 struct passage **passages, size_t *n, struct err *err)
{
    size_t most = retrieval->options->top_k;
    struct found **bucket =
        &retrieval->buckets[hash_text(question, strlen(question)) & (N_BUCKETS - 1)];
    const struct found *known = *bucket;
    while (known && strcmp(known->question, question) != 0) known = known->next;
    if (!known)
        return passages_find(retrieval->passages, question, most, arena, passages, n, err) &&
               remember(retrieval, question, *passages, *n, bucket, err);
    *passages = arena_alloc(arena, known->n, sizeof **passages, err);
    for (*n = 0; *passages && *n < known->n; ++*n)
        if (!passages_get(retrieval->passages, known->ids[*n], arena, &(*passages)[*n], err))
            return false;
    return *passages != NULL;
}

static bool count_tokens(const struct tokenizer *tokenizer, const char *text, size_t n_bytes,
                         size_t *n, struct err *err)
{
    const struct encode_options options = {.bos = BOS_NEVER};
    struct tokens tokens = {0};
    bool done = tokenizer_encode(tokenizer, text, n_bytes, &options, &tokens, err);
    *n = tokens.n;
    tokens_free(&tokens);
    return done;
}

/* Where words end: [n] offsets, to be freed. */
static size_t *find_ends(const char *text, size_t n_bytes, size_t *n, struct err *err)
{
    size_t *ends = mem_new(n_bytes / 2 + 1, sizeof *ends, err);
    *n = 0;
    for (size_t at = 1; ends && at <= n_bytes; at++) {
        bool is_end = at == n_bytes || text[at] == ' ' || text[at] == '\n';
        if (is_end && text[at - 1] != ' ' && text[at - 1] != '\n') ends[(*n)++] = at;
    }
    return ends;
}

/* The bytes of the most words that are no more than max_tokens. */
static bool fit(const struct tokenizer *tokenizer, const char *text, size_t max_tokens,
                size_t *n_bytes, struct err *err)
{
    size_t n_tokens, n_words, low = 0;
    *n_bytes = strlen(text);
    if (!count_tokens(tokenizer, text, *n_bytes, &n_tokens, err)) return false;
    if (n_tokens <= max_tokens) return true;
    size_t *ends = find_ends(text, *n_bytes, &n_words, err);
    bool done = ends != NULL;
    for (size_t high = done ? n_words - 1 : 0; done && low < high;) {
        size_t middle = low + (high - low + 1) / 2;
        done = count_tokens(tokenizer, text, ends[middle - 1], &n_tokens, err);
        if (n_tokens <= max_tokens) low = middle;
        else high = middle - 1;
    }
    *n_bytes = done && low ? ends[low - 1] : 0;
    free(ends);
    return done;
}

bool retrieval_read(void *reader, const char *question, struct arena *arena, const char **text,
                    struct err *err)
{
    const struct reader_of_model *of = reader;
    const struct retrieval_options *options = of->retrieval->options;
    struct passage *found;
    struct buf all = {0};
    size_t n, n_bytes;
    if (!find(of->retrieval, question, arena, &found, &n, err)) return false;
    for (size_t i = 0; i < n; i++)
        buf_printf(&all, "%s%s%s%s", i ? "\n\n" : "", found[i].title, *found[i].title ? "\n" : "",
                   found[i].text);
    bool done = buf_check(&all, err) &&
                fit(of->tokenizer, buf_string(&all), options->max_tokens, &n_bytes, err) &&
                (*text = arena_copy(arena, buf_string(&all), n_bytes, err)) != NULL;
    buf_free(&all);
    return done;
}
