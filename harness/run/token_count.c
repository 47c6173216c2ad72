/* token_count.c - see token_count.h. A window is laid out as a run would: one trie for each, so
 * that what is shared here is what is shared there.
 *
 * Owns nothing between two calls.
 */
#include "harness/run/token_count.h"

#include "base/mem.h"
#include "engine/tools.h"
#include "harness/ask/picture_cache.h"
#include "harness/ask/prompt_tokens.h"
#include "harness/ask/text_chunks.h"
#include "harness/ask/trie.h"
#include "harness/ask/windows.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_WINDOW_BYTES = 1 << 30 };

struct counting {
    const struct plan_job *job;
    struct line_encoder encoder;
    struct prompt_options options;
    struct picture_eyes eyes;
    struct pictures pictures; /* of a window */
    struct trie trie;
    struct token_count *count;
};

static bool is_scored(const struct request *request)
{
    return request->kind == REQUEST_CHOICES || request->kind == REQUEST_LOGLIK;
}

static bool has_stripping(const struct tokenizer *tokenizer, const struct tokens *ids,
                          enum rstrip_policy policy)
{
    for (size_t i = 0; i < ids->n; i++)
        if (ids->ids[i] >= 0 && tokenizer_strips(tokenizer, ids->ids[i], policy)) return true;
    return false;
}

/* Whether the tokens of the first branch say something else than prompt and continuation. */
static bool is_changed(const struct counting *counting, const struct request *request,
                       const struct prompt_tokens *prompt, bool *changed, struct err *err)
{
    const struct tokenizer *tokenizer = counting->encoder.tokenizer;
    const struct tokens *ids = &prompt->branches[0].ids;
    size_t n_bos = ids->n && ids->ids[0] == tokenizer_bos(tokenizer);
    struct buf given = {0}, back = {0};
    buf_text(&given, request->prompts[prompt->n_dropped_shots]);
    if (request->stems) buf_text(&given, request->stems[0]);
    if (is_scored(request)) buf_text(&given, request->choices[0]);
    bool ok =
        tokenizer_decode(tokenizer, ids->ids + n_bos, ids->n - n_bos, false, true, &back, err) &&
        buf_check(&given, err) && buf_check(&back, err);
    *changed = ok && (given.n_bytes != back.n_bytes ||
                      memcmp(buf_string(&given), buf_string(&back), given.n_bytes) != 0);
    buf_free(&given);
    buf_free(&back);
    return ok;
}

/* n_new: tokens at most of a generation. */
static bool count_branches(struct counting *counting, size_t i_item,
                           const struct prompt_tokens *prompt, size_t n_new, struct err *err)
{
    struct token_count *count = counting->count;
    size_t n_growth = n_new ? n_new - 1 : 0;
    bool is_spanned = false;
    for (size_t i = 0; i < prompt->n_branches; i++) {
        const struct joined_tokens *branch = &prompt->branches[i];
        size_t n = prompt_computed_tokens(branch);
        int root, node;
        if (!trie_root(&counting->trie, n, n + n_growth, 0, &root, err) ||
            !trie_insert(&counting->trie, root, branch->ids.ids, n, 0, &node, err))
            return false;
        is_spanned = is_spanned || branch->join_spanned;
        if (n <= count->longest_tokens) continue;
        count->longest_tokens = n;
        count->i_longest = i_item;
    }
    count->n_spanned += is_spanned;
    return true;
}

static bool count_item(struct counting *counting, size_t i_item, const struct request *request,
                       struct err *err)
{
    struct token_count *count = counting->count;
    struct prompt_tokens prompt;
    bool changed = false;
    if (!prompt_tokens_make(&counting->encoder, &counting->options, request, &prompt, err))
        return false;
    count->n_items++;
    count->n_no_picture += prompt.no_picture != NULL;
    count->n_unfit += !prompt.fits && !prompt.no_picture;
    size_t n_new = request->max_new_tokens;
    if (n_new) n_new += counting->options.reasoning_tokens;
    bool ok = count_branches(counting, i_item, &prompt, n_new, err);
    if (ok && prompt.fits) {
        bool is_chat = request_is_chat(request);
        count->naive_tokens += (double)prompt_naive_tokens(&prompt);
        count->new_tokens += is_scored(request) ? 0 : (double)request->max_new_tokens;
        count->n_dropped += prompt.n_dropped_shots > 0;
        count->n_cut += prompt.n_cut_tokens > 0;
        count->n_double_bos += prompt.double_bos;
        count->n_moved += prompt.moves_space;
        count->n_stripping +=
            is_chat && has_stripping(counting->encoder.tokenizer, &prompt.branches[0].ids,
                                     counting->options.rstrip);
        if (!is_chat && !prompt.n_cut_tokens && !request->n_pictures)
            ok = is_changed(counting, request, &prompt, &changed, err);
        count->n_changed += changed;
    }
    prompt_tokens_done(&prompt);
    return ok;
}

static bool count_window(struct counting *counting, size_t first, size_t end, struct err *err)
{
    const struct dataset *dataset = counting->job->dataset;
    struct arena *arena = arena_new(MAX_WINDOW_BYTES, err);
    bool ok = arena && trie_init(&counting->trie, err);
    pictures_init(&counting->pictures, &counting->eyes, arena);
    const struct plan_model *model = counting->job->model;
    if (model->info.short_tokens && model->config->rope == ROPE_AUTO)
        counting->trie.short_tokens = (size_t)model->info.short_tokens;
    for (size_t i = first; ok && i < end; i++) {
        struct request request;
        ok = dataset->suite->request(dataset, i, arena, &request, err) &&
             (!dataset->items[i].follows || request_set_answer(&request, arena, "", err)) &&
             count_item(counting, i, &request, err);
    }
    counting->count->shared_tokens += (double)counting->trie.ids.n;
    counting->count->n_pictures += counting->pictures.n_items;
    trie_done(&counting->trie);
    counting->trie = (struct trie){0};
    pictures_done(&counting->pictures);
    arena_free(arena);
    return ok;
}

/* Counts every n-th window, those of a run that has all items to compute. */
static bool count_windows(struct counting *counting, const struct item_list *list,
                          size_t max_windows, struct err *err)
{
    size_t n_windows = 0, i_window = 0;
    for (size_t first = 0; first < list->n; first = window_end(list, first)) n_windows++;
    size_t step = max_windows ? (n_windows + max_windows - 1) / max_windows : 1;
    for (size_t first = 0, end; first < list->n; first = end, i_window++) {
        end = window_end(list, first);
        if (i_window % step == 0 && !count_window(counting, first, end, err)) return false;
    }
    return true;
}

/* Every token but the last of each chunk is computed. */
static void count_text(const struct dataset *text, struct token_count *count)
{
    size_t n_tokens = text_chunks_of(text)->chunk_tokens - 1;
    double n_all = (double)text->n_items * (double)n_tokens;
    *count = (struct token_count){.n_items = text->n_items,
                                  .naive_tokens = n_all,
                                  .shared_tokens = n_all,
                                  .longest_tokens = n_tokens};
}

bool token_count_job(const struct plan_job *job, size_t max_windows, struct token_count *count,
                     struct err *err)
{
    if (job->text) {
        count_text(job->text, count);
        return true;
    }
    size_t n = job->dataset->n_items;
    struct counting counting = {
        .job = job,
        .options = {.context_tokens = job->model->context_tokens,
                    .chat_format = CHAT_FORMATS[job->model->config->chat],
                    .rstrip = job->model->config->rstrip,
                    .reasoning_tokens = job->model->config->reasoning_tokens},
        .eyes = picture_eyes_of(&job->model->info),
        .count = count};
    counting.options.pictures = &counting.pictures;
    *count = (struct token_count){0};
    size_t *all = mem_new(n, sizeof *all, err);
    const struct item_list list = {job->dataset, all, n, NULL};
    for (size_t i = 0; all && i < n; i++) all[i] = i;
    line_encoder_init(&counting.encoder, job->model->tokenizer, job->model->config->bos);
    bool ok = all && count_windows(&counting, &list, max_windows, err);
    line_encoder_done(&counting.encoder);
    free(all);
    return ok;
}
