/* vision.c - see vision.h: runs crops through the tower, one a batch, and puts its rows together.
 *
 * The projection to the language model's size takes each row by itself, so that a crop's pass ends
 * with it, before rows are put together: a pass gives the crop's rows, then the one that ends rows
 * of tokens and the one that stands between, which are the same in every pass.
 */
#include "engine/vision.h"

#include "base/interrupt.h"
#include "base/mem.h"
#include "engine/session.h"
#include "engine/vision/crops.h"

#include <stdlib.h>
#include <string.h>

struct vision {
    const struct model *tower;
    struct session *session;
    size_t max_crops;             /* where nobody says how many */
    float *patches;               /* [1 + patches of a crop][EXTENT_PATCH]: zeros, for the class */
    struct session_token *tokens; /* [1 + patches of a crop] */
};

size_t vision_tokens_of(const struct model_info *info, size_t width, size_t height,
                        size_t max_crops)
{
    if (!info->vision_side) return 0;
    if (!max_crops) max_crops = (size_t)info->vision_crops;
    return crop_tokens(crop_grid_of(width, height, max_crops));
}

size_t vision_tokens(const struct model *model, size_t width, size_t height, size_t max_crops)
{
    return vision_tokens_of(model_info(model), width, height, max_crops);
}

static bool allocate(struct vision *vision, int n_threads, struct err *err)
{
    const struct hparams *h = &vision->tower->hparams;
    size_t n_tokens = h->context_tokens, n_cols = hparams_count(h, EXTENT_PATCH);
    const struct session_options options = {
        .n_threads = n_threads, .batch_tokens = n_tokens, .kv_type = KV_F32};
    if (!(vision->session = session_open(vision->tower, &options, err)) ||
        !(vision->patches = mem_new(n_tokens, n_cols * sizeof *vision->patches, err)) ||
        !(vision->tokens = mem_new(n_tokens, sizeof *vision->tokens, err)))
        return false;
    for (size_t i = 0; i < n_tokens; i++) {
        vision->tokens[i].embedding = vision->patches + i * n_cols;
        vision->tokens[i].wants_logits = true;
    }
    return true;
}

struct vision *vision_open(const struct model *model, int n_threads, struct err *err)
{
    if (!model->vision) {
        err_set_at(err, ERR_UNSUPPORTED, model->source->path, 0, 0,
                   "the model has no eyes: its file holds no vision tower");
        return NULL;
    }
    struct vision *vision = mem_new(1, sizeof *vision, err);
    if (!vision) return NULL;
    vision->tower = model->vision;
    vision->max_crops = model->vision->hparams.max_crops;
    if (allocate(vision, n_threads, err)) return vision;
    vision_close(vision);
    return NULL;
}

void vision_close(struct vision *vision)
{
    if (!vision) return;
    session_close(vision->session);
    free(vision->patches);
    free(vision->tokens);
    free(vision);
}

/* crop: [3][side][side] -> patches row by row, each [3][patch_side][patch_side]. */
static void cut_patches(struct vision *vision, const float *crop)
{
    const struct hparams *h = &vision->tower->hparams;
    size_t side = h->image_side, n = h->patch_side, n_patches = hparams_patches(h);
    float *to = vision->patches + hparams_count(h, EXTENT_PATCH);
    for (size_t i = 0; i < n_patches * n_patches; i++)
        for (size_t row = 0; row < 3 * n; row++, to += n) {
            size_t channel = row / n, y = i / n_patches * n + row % n, x = i % n_patches * n;
            memcpy(to, crop + (channel * side + y) * side + x, n * sizeof *to);
        }
}

/* The rows of a crop are left in the session. */
static bool look_at(struct vision *vision, const float *crop, struct err *err)
{
    size_t n_tokens = vision->tower->hparams.context_tokens;
    int sequence;
    if (!interrupt_check(err) || !session_start(vision->session, &sequence, err)) return false;
    cut_patches(vision, crop);
    for (size_t i = 0; i < n_tokens; i++) vision->tokens[i].sequence = sequence;
    bool ok = session_eval(vision->session, vision->tokens, n_tokens, err);
    session_drop(vision->session, sequence);
    return ok || err_context(err, "looking at a picture");
}

/* A part of the picture's rows: a rectangle of crops, each row of their tokens with its end. */
struct part {
    float *rows;
    size_t n_wide, n_high; /* crops */
};

static size_t part_width(const struct part *part)
{
    return part->n_wide * CROP_SIDE_TOKENS + 1;
}

static size_t part_rows(const struct part *part)
{
    return part->n_high * CROP_SIDE_TOKENS * part_width(part);
}

/* Puts what the session has of a crop into the part: the crop is the x-th of its y-th row. */
static void place_crop(const struct vision *vision, const struct part *part, size_t x, size_t y)
{
    const size_t n = CROP_SIDE_TOKENS, n_embd = vision->tower->hparams.n_projected;
    for (size_t row = 0; row < n; row++) {
        float *to = part->rows + ((y * n + row) * part_width(part) + x * n) * n_embd;
        memcpy(to, session_row(vision->session, row * n), n * n_embd * sizeof *to);
        if (x + 1 == part->n_wide)
            memcpy(to + n * n_embd, session_row(vision->session, n * n), n_embd * sizeof *to);
    }
}

static bool look_at_all(struct vision *vision, const struct crops *crops, float *embeddings,
                        struct err *err)
{
    const size_t n_embd = vision->tower->hparams.n_projected, side = CROP_SIDE;
    const struct part whole = {embeddings, crops->grid.n_wide, crops->grid.n_high};
    float *between = embeddings + part_rows(&whole) * n_embd;
    const struct part thumbnail = {between + n_embd, 1, 1};
    for (size_t i = 0; i < crops->n; i++) {
        if (!look_at(vision, crops->values + i * 3 * side * side, err)) return false;
        if (i > 0) place_crop(vision, &whole, (i - 1) % whole.n_wide, (i - 1) / whole.n_wide);
        else place_crop(vision, &thumbnail, 0, 0);
    }
    memcpy(between, session_row(vision->session, CROP_SIDE_TOKENS * CROP_SIDE_TOKENS + 1),
           n_embd * sizeof *between);
    return true;
}

bool vision_encode(struct vision *vision, const struct image *image, size_t max_crops,
                   float *embeddings, struct err *err)
{
    struct crops crops;
    if (!max_crops) max_crops = vision->max_crops;
    if (!crops_make(image, vision->tower->hparams.image_side, max_crops, &crops, err)) return false;
    bool ok = look_at_all(vision, &crops, embeddings, err);
    crops_free(&crops);
    return ok;
}
