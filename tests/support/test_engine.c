/* test_engine.c - see test_engine.h.
 *
 * Errors are printed before the assertion that fails because of them.
 */
#include "tests/support/test_engine.h"

#include "engine/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct model *test_open_model(const char *path, enum isa isa)
{
    struct err err = {0};
    struct model_options options = {.isa = isa, .n_threads = 2};
    struct model *model = model_open(path, &options, &err);
    if (!model) err_print(&err, stderr);
    assert_non_null(model);
    return model;
}

int test_enter_model(void **state, const char *path)
{
    struct err err = {0};
    struct model_options options = model_default_options();
    options.n_threads = 1;
    *state = model_open(path, &options, &err);
    if (!*state) err_print(&err, stderr);
    return *state ? 0 : -1;
}

int test_leave_model(void **state)
{
    model_close(*state);
    return 0;
}

struct model_info test_model_info(const struct source *source)
{
    struct model_info info;
    struct hparams hparams;
    assert_true(hparams_read(source, &hparams, NULL));
    model_info_fill(source, &hparams, &info);
    hparams_done(&hparams);
    return info;
}

void test_eval(struct session *session, int sequence, const int32_t *ids, size_t n, size_t chunk,
               float *logits)
{
    size_t n_vocab = session->model->hparams.n_vocab;
    struct session_token *batch = calloc(chunk, sizeof *batch);
    assert_non_null(batch);
    for (size_t done = 0; done < n;) {
        size_t n_batch = n - done < chunk ? n - done : chunk;
        for (size_t i = 0; i < n_batch; i++)
            batch[i] = (struct session_token){
                .sequence = sequence, .id = ids[done + i], .wants_logits = logits};
        struct err err = {0};
        bool ok = session_eval(session, batch, n_batch, &err);
        if (!ok) err_print(&err, stderr);
        assert_true(ok);
        for (size_t i = 0; logits && i < n_batch; i++)
            memcpy(logits + (done + i) * n_vocab, session_logits(session, i),
                   n_vocab * sizeof *logits);
        done += n_batch;
    }
    free(batch);
}

void test_check_round_trip(const struct tokenizer *tokenizer, const char *text, size_t n_bytes,
                           const struct tokens *tokens)
{
    struct buf decoded = {0};
    struct err err = {0};
    if (!tokenizer_decode(tokenizer, tokens->ids, tokens->n, false, true, &decoded, &err))
        fail_msg("%s", err.message);
    assert_int_equal(decoded.n_bytes, n_bytes);
    assert_memory_equal(buf_string(&decoded), text, n_bytes);
    buf_free(&decoded);
}
