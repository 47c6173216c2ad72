/* importance.c - see importance.h. One set of sums for every projection, whose matrices all have
 * one input; a matrix finds it by its tensor's name, because the quantizer opens the file anew.
 *
 * A column's sum is made by one thread, in the order of the tokens: threads leave no trace in it.
 */
#include "engine/importance.h"

#include "base/arena.h"
#include "base/mem.h"
#include "engine/session.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW_TOKENS = 512, MATRICES_OF_LAYER = 8 };

/* Beside the mean of its matrix's weights: what a column that no input reached still counts. */
static const double least_weight = 1e-4;

/* The input of one projection. */
struct columns {
    const struct projection *projection;
    size_t n_cols;
    double *sums;   /* [n_cols] of squares */
    float *weights; /* [n_cols], once all is summed */
};

struct matrix {
    const char *tensor;
    const struct columns *columns;
};

struct importance {
    struct arena *arena;
    struct columns *columns;
    struct matrix *matrices;
    size_t n_columns, n_matrices, n_windows;
};

void importance_add(struct importance *importance, const struct projection *projection,
                    const float *x, size_t n_tokens, size_t begin, size_t end)
{
    struct columns *columns = importance->columns;
    while (columns->projection != projection) columns++;
    for (size_t i = 0; i < n_tokens; i++, x += columns->n_cols)
        for (size_t k = begin; k < end; k++) columns->sums[k] += (double)x[k] * (double)x[k];
}

const float *importance_weights(const struct importance *importance, const char *tensor,
                                size_t n_cols)
{
    for (size_t i = 0; i < importance->n_matrices; i++) {
        const struct matrix *matrix = &importance->matrices[i];
        if (!strcmp(matrix->tensor, tensor) && matrix->columns->n_cols == n_cols)
            return matrix->columns->weights;
    }
    return NULL;
}

size_t importance_count_matrices(const struct importance *importance)
{
    return importance->n_matrices;
}

size_t importance_count_windows(const struct importance *importance)
{
    return importance->n_windows;
}

static bool add_matrix(struct importance *importance, const struct model *model, enum weight weight,
                       size_t i_layer, const struct columns *columns, struct err *err)
{
    const struct tensor_info *tensor = hparams_tensor(model->source, weight, i_layer);
    if (!tensor) return true;
    struct matrix *matrix = &importance->matrices[importance->n_matrices++];
    matrix->columns = columns;
    return (matrix->tensor = arena_string(importance->arena, tensor->name, err)) != NULL;
}

static bool add_columns(struct importance *importance, const struct projection *projection,
                        struct columns **columns, struct err *err)
{
    size_t n = projection->n_cols;
    *columns = &importance->columns[importance->n_columns++];
    (*columns)->projection = projection;
    (*columns)->n_cols = n;
    return ((*columns)->sums = arena_alloc(importance->arena, n, sizeof(double), err)) &&
           ((*columns)->weights = arena_alloc(importance->arena, n, sizeof(float), err));
}

static bool add_layer(struct importance *importance, const struct model *model, size_t i,
                      struct err *err)
{
    const struct layer *layer = &model->layers[i];
    struct columns *qkv, *attn_output, *gate_up, *ffn_down;
    return add_columns(importance, &layer->qkv, &qkv, err) &&
           add_columns(importance, &layer->attn_output, &attn_output, err) &&
           add_columns(importance, &layer->gate_up, &gate_up, err) &&
           add_columns(importance, &layer->ffn_down, &ffn_down, err) &&
           add_matrix(importance, model, WEIGHT_ATTN_QKV, i, qkv, err) &&
           add_matrix(importance, model, WEIGHT_ATTN_Q, i, qkv, err) &&
           add_matrix(importance, model, WEIGHT_ATTN_K, i, qkv, err) &&
           add_matrix(importance, model, WEIGHT_ATTN_V, i, qkv, err) &&
           add_matrix(importance, model, WEIGHT_ATTN_OUTPUT, i, attn_output, err) &&
           add_matrix(importance, model, WEIGHT_FFN_GATE, i, gate_up, err) &&
           add_matrix(importance, model, WEIGHT_FFN_UP, i, gate_up, err) &&
           add_matrix(importance, model, WEIGHT_FFN_DOWN, i, ffn_down, err);
}

static bool add_all(struct importance *importance, const struct model *model, struct err *err)
{
    size_t n_layers = model->hparams.n_layers;
    struct columns *output;
    importance->arena = arena_new(0, err);
    importance->columns = mem_new(4 * n_layers + 1, sizeof *importance->columns, err);
    importance->matrices =
        mem_new(MATRICES_OF_LAYER * n_layers + 1, sizeof *importance->matrices, err);
    bool ok = importance->arena && importance->columns && importance->matrices;
    for (size_t i = 0; ok && i < n_layers; i++) ok = add_layer(importance, model, i, err);
    return ok && add_columns(importance, &model->output, &output, err) &&
           add_matrix(importance, model, model->hparams.is_tied ? WEIGHT_TOKEN_EMBD : WEIGHT_OUTPUT,
                      0, output, err);
}

/* The sums as weights. Inputs that are zero everywhere weigh all the same. */
static void finish(struct importance *importance)
{
    for (size_t i = 0; i < importance->n_columns; i++) {
        const struct columns *columns = &importance->columns[i];
        double mean = 0;
        for (size_t k = 0; k < columns->n_cols; k++) mean += columns->sums[k];
        mean /= (double)columns->n_cols;
        for (size_t k = 0; k < columns->n_cols; k++) {
            double weight = mean > 0 ? columns->sums[k] / mean : 1;
            columns->weights[k] = (float)((weight + least_weight) / (1 + least_weight));
        }
    }
}

/* ---- The text ---- */

struct calibration {
    struct session *session;
    struct tokens text;
    int32_t bos; /* -1: none */
    size_t window_tokens;
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
        batch[n_batch++] = (struct session_token){sequence, calibration->bos, true};
    for (size_t i = 0; i < n; i++)
        batch[n_batch++] = (struct session_token){sequence, calibration->text.ids[first + i], true};
    bool ok = session_eval(calibration->session, batch, n_batch, err);
    session_drop(calibration->session, sequence);
    calibration->session->importance->n_windows++;
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

static bool encode_text(struct calibration *calibration, const struct tokenizer *tokenizer,
                        const char *text, size_t n_bytes, struct err *err)
{
    const struct encode_options options = {.bos = BOS_NEVER};
    calibration->bos = tokenizer_adds_bos(tokenizer) ? tokenizer_bos(tokenizer) : -1;
    if (!tokenizer_encode(tokenizer, text, n_bytes, &options, &calibration->text, err))
        return false;
    return calibration->text.n > 0 || err_set(err, ERR_INPUT, "the calibration text is empty");
}

struct importance *importance_measure(const struct model *model, const char *text, size_t n_bytes,
                                      int n_threads, engine_progress_fn *progress, void *context,
                                      struct err *err)
{
    size_t window = model->hparams.context_tokens;
    if (window > WINDOW_TOKENS) window = WINDOW_TOKENS;
    const struct session_options options = {
        .n_threads = n_threads, .batch_tokens = window, .context_tokens = window};
    struct calibration calibration = {
        .window_tokens = window, .progress = progress, .context = context};
    struct importance *importance = mem_new(1, sizeof *importance, err);
    bool ok = importance && add_all(importance, model, err) &&
              encode_text(&calibration, model->tokenizer, text, n_bytes, err) &&
              (calibration.session = session_open(model, &options, err));
    if (ok) {
        calibration.session->importance = importance;
        ok = observe_text(&calibration, err);
        finish(importance);
    }
    session_close(calibration.session);
    tokens_free(&calibration.text);
    if (ok) return importance;
    importance_free(importance);
    return NULL;
}

void importance_free(struct importance *importance)
{
    if (!importance) return;
    arena_free(importance->arena);
    free(importance->columns);
    free(importance->matrices);
    free(importance);
}
