/* calibration.c - measures importance: evaluates a text in windows, by a session that adds what its
 * projections meet to the table.
 */
#include "engine/importance.h"
#include "engine/session.h"

enum { WINDOW_TOKENS = 512 };

struct calibration {
    const struct model *model;
    struct session *session;
    struct tokens text;
    int32_t bos; /* -1: none */
    size_t window_tokens, n_windows;
    engine_progress_fn *progress;
    void *context;
};

/* One window: its tokens are a sequence of their own. */
static bool observe_window(struct calibration *calibration, size_t first, size_t n, struct err *err)
{
    struct session_token batch[WINDOW_TOKENS];
    size_t n_batch = 0;
    int sequence;
    if (!session_start(calibration->session, &sequence, err)) return false;
    if (calibration->bos >= 0)
        batch[n_batch++] = (struct session_token){
            .sequence = sequence, .id = calibration->bos, .wants_logits = true};
    for (size_t i = 0; i < n; i++)
        batch[n_batch++] = (struct session_token){
            .sequence = sequence, .id = calibration->text.ids[first + i], .wants_logits = true};
    session_expect(calibration->session, sequence, n_batch);
    bool ok = session_eval(calibration->session, batch, n_batch, err);
    session_drop(calibration->session, sequence);
    calibration->n_windows++;
    return ok;
}

static bool observe_text(struct calibration *calibration, struct err *err)
{
    size_t most = calibration->window_tokens - (calibration->bos >= 0), total = calibration->text.n;
    for (size_t first = 0; first < total; first += most) {
        size_t left = total - first, n = left < most ? left : most;
        if (!observe_window(calibration, first, n, err)) return false;
        if (calibration->progress && !calibration->progress(calibration->context, first + n, total))
            return err_set(err, ERR_INTERRUPTED, "interrupted");
    }
    return true;
}

static bool encode_text(struct calibration *calibration, const char *text, size_t n_bytes,
                        struct err *err)
{
    const struct tokenizer *tokenizer = calibration->model->tokenizer;
    const struct encode_options options = {.bos = BOS_NEVER};
    calibration->bos = tokenizer_adds_bos(tokenizer) ? tokenizer_bos(tokenizer) : -1;
    if (calibration->bos >= 0 && calibration->window_tokens < 2)
        return err_set(err, ERR_INPUT,
                       "a context of 1 token has no room for a text beside the BOS token");
    if (!tokenizer_encode(tokenizer, text, n_bytes, &options, &calibration->text, err))
        return false;
    return calibration->text.n > 0 || err_set(err, ERR_INPUT, "the calibration text is empty");
}

static bool open_session(struct calibration *calibration, int n_threads,
                         struct importance *importance, struct err *err)
{
    const struct session_options options = {.n_threads = n_threads,
                                            .batch_tokens = calibration->window_tokens,
                                            .context_tokens = calibration->window_tokens};
    calibration->session = session_open(calibration->model, &options, err);
    if (calibration->session) calibration->session->importance = importance;
    return calibration->session;
}

/* An input for each projection, in their order, and its matrices. */
static struct importance *new_table(const struct model *model, struct err *err)
{
    size_t n = model->n_operations;
    struct importance *importance = importance_new(n, n * STEP_MAX_MATRICES, err);
    bool ok = importance != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        const struct projection *projection = &model->operations[i].projection;
        if (projection->n_parts == 0) continue;
        ok = importance_add_input(importance, projection->n_cols, projection->n_experts, err);
        for (size_t part = 0; ok && part < projection->n_parts; part++)
            ok = importance_add_matrix(importance, projection->tensors[part]->name, err);
    }
    if (ok) return importance;
    importance_free(importance);
    return NULL;
}

struct importance *importance_measure(const struct model *model, const char *text, size_t n_bytes,
                                      int n_threads, engine_progress_fn *progress, void *context,
                                      struct err *err)
{
    size_t n_context = model->hparams.context_tokens;
    struct calibration calibration = {.model = model,
                                      .window_tokens =
                                          n_context < WINDOW_TOKENS ? n_context : WINDOW_TOKENS,
                                      .progress = progress,
                                      .context = context};
    struct importance *importance = new_table(model, err);
    bool ok = importance && encode_text(&calibration, text, n_bytes, err) &&
              open_session(&calibration, n_threads, importance, err) &&
              observe_text(&calibration, err);
    if (ok) importance_finish(importance, calibration.n_windows);
    session_close(calibration.session);
    tokens_free(&calibration.text);
    if (ok) return importance;
    importance_free(importance);
    return NULL;
}
