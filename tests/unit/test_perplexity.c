/* test_perplexity.c - a text's perplexity from its tokens to its scores: how chunks are cut, that
 * batches and threads change no bit, and the statistics of four tokens worked out by hand.
 */
#include "harness/ask/chunk_client.h"
#include "harness/ask/text_chunks.h"
#include "harness/run/job_scores.h"

#include "base/file.h"
#include "base/mem.h"
#include "results/metric.h"
#include "results/query.h"
#include "suites/perplexity.h"
#include "tests/support/store_fixture.h"
#include "tests/support/test_engine.h"
#include "tests/support/test_folder.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char TEXT[] = "The ferry leaves the harbour at noon. It comes back at four, if the "
                           "wind is kind; otherwise the island waits until the next morning.\n"
                           "Nobody minds: there is bread, there is tea, and a fire to sit by.\n";

static struct model *tiny;

static int set_up(void **state)
{
    if (test_enter_folder(state) != 0) return -1;
    tiny = test_open_model("synth:tiny:q8_0", isa_best());
    return file_write("text.txt", TEXT, strlen(TEXT), NULL) ? 0 : -1;
}

static int tear_down(void **state)
{
    model_close(tiny);
    return test_leave_folder(state);
}

static struct dataset *load(size_t chunk_tokens, size_t limit, enum bos_policy bos, struct err *err)
{
    const struct text_chunks_options options = {&SUITE_PERPLEXITY, "text.txt", chunk_tokens, limit,
                                                bos};
    return text_chunks_load(&options, model_tokenizer(tiny), err);
}

/* ---- Chunks ---- */

static void chunks_follow_each_other_and_begin_with_bos(void **state)
{
    (void)state;
    const struct tokenizer *tokenizer = model_tokenizer(tiny);
    const struct encode_options encode = {.bos = BOS_ALWAYS};
    struct tokens ids = {0};
    struct err err = {0};
    struct dataset *dataset = load(16, 0, BOS_ALWAYS, &err);
    if (!dataset) fail_msg("%s", err.message);
    assert_true(tokenizer_encode(tokenizer, TEXT, strlen(TEXT), &encode, &ids, &err));
    assert_int_equal(text_chunks_of(dataset)->n_text_tokens, ids.n);
    assert_int_equal(dataset->n_items, ids.n / 16);
    assert_true(dataset->n_items > 2);
    for (size_t i = 0; i < dataset->n_items; i++) {
        const int32_t *chunk = text_chunk(dataset, i);
        assert_int_equal(chunk[0], tokenizer_bos(tokenizer));
        assert_memory_equal(chunk + 1, ids.ids + 16 * i + 1, 15 * sizeof *chunk);
        assert_int_equal(text_chunk_number(dataset->items[i].key), i);
    }
    assert_string_equal(dataset->protocol, "chunks-16-text");
    dataset_free(dataset);

    dataset = load(16, 0, BOS_NEVER, &err);
    if (!dataset) fail_msg("%s", err.message);
    for (size_t i = 0; i < dataset->n_items; i++) /* no BOS in the text: one token earlier */
        assert_memory_equal(text_chunk(dataset, i), ids.ids + 16 * i + 1, 16 * sizeof *ids.ids);
    dataset_free(dataset);
    tokens_free(&ids);
}

static void the_hash_knows_the_whole_text_and_the_length_of_chunks(void **state)
{
    (void)state;
    struct err err = {0};
    struct dataset *whole = load(16, 0, BOS_AUTO, &err), *limited = load(16, 1, BOS_AUTO, &err),
                   *longer = load(32, 0, BOS_AUTO, &err);
    if (!whole || !limited || !longer) fail_msg("%s", err.message);
    assert_int_equal(limited->n_items, 1);
    assert_string_equal(whole->data_hash, limited->data_hash);
    assert_string_not_equal(whole->data_hash, longer->data_hash);
    dataset_free(whole);
    dataset_free(limited);
    dataset_free(longer);
}

static void a_text_shorter_than_a_chunk_is_refused(void **state)
{
    (void)state;
    struct err err = {0};
    assert_null(load(4096, 0, BOS_AUTO, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_string_equal(err.file, "text.txt");
    assert_non_null(strstr(err.message, "do not fill one chunk of 4096"));
}

static void keys_that_are_no_chunks_have_no_number(void **state)
{
    (void)state;
    assert_int_equal(text_chunk_number("chunk/17"), 17);
    static const char *const keys[] = {"chunk/", "chunk/-1", "chunk/1a", "anatomy/1", ""};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        assert_true(text_chunk_number(keys[i]) == SIZE_MAX);
}

/* ---- Answers ---- */

struct answers {
    struct token_score *tokens; /* [n_chunks, n_scored] */
    char (*hashes)[65];
    size_t n, n_scored;
};

static bool keep(void *context, size_t i_request, const struct response *response, struct err *err)
{
    struct answers *answers = context;
    (void)err;
    assert_int_equal(i_request, answers->n);
    assert_int_equal(response->n_tokens, answers->n_scored);
    assert_false(response->has_reference);
    memcpy(answers->tokens + answers->n * answers->n_scored, response->tokens,
           response->n_tokens * sizeof *response->tokens);
    strcpy(answers->hashes[answers->n++], response->logits_hash);
    return true;
}

static void answer(const struct dataset *dataset, size_t chunk_tokens, size_t batch_tokens,
                   int n_threads, struct answers *answers)
{
    struct err err = {0};
    const struct chunk_client_options options = {.session = {.n_threads = n_threads,
                                                             .batch_tokens = batch_tokens,
                                                             .context_tokens = chunk_tokens}};
    const struct client_sink sink = {keep, NULL, answers};
    size_t *items = mem_new(dataset->n_items, sizeof *items, NULL);
    for (size_t i = 0; i < dataset->n_items; i++) items[i] = i;
    answers->n = 0;
    answers->n_scored = chunk_tokens - perplexity_first_scored(chunk_tokens);
    answers->tokens = mem_new(dataset->n_items * answers->n_scored, sizeof *answers->tokens, NULL);
    answers->hashes = mem_new(dataset->n_items, sizeof *answers->hashes, NULL);
    struct chunk_client *client = chunk_client_open(tiny, &options, &err);
    if (!client) fail_msg("%s", err.message);
    if (!chunk_client_answer(client, dataset, items, dataset->n_items, &sink, &err))
        fail_msg("%s", err.message);
    assert_int_equal(answers->n, dataset->n_items);
    assert_int_equal(chunk_client_computed_tokens(client), dataset->n_items * (chunk_tokens - 1));
    chunk_client_close(client);
    free(items);
}

static void answers_done(struct answers *answers)
{
    free(answers->tokens);
    free(answers->hashes);
}

static void a_token_is_scored_by_the_logits_before_it(void **state)
{
    (void)state;
    enum { CHUNK = 16 };
    struct err err = {0};
    struct answers answers;
    const struct session_options options = {.n_threads = 1, .context_tokens = CHUNK};
    size_t n_vocab = (size_t)model_info(tiny)->n_vocab;
    struct dataset *dataset = load(CHUNK, 0, BOS_AUTO, &err);
    if (!dataset) fail_msg("%s", err.message);
    answer(dataset, CHUNK, 512, 2, &answers);
    assert_int_equal(answers.n_scored, 7); /* positions 9 to 15 */
    float *logits = mem_new(CHUNK * n_vocab, sizeof *logits, NULL);
    struct session *session = session_open(tiny, &options, &err);
    assert_non_null(session);
    for (size_t i = 0; i < dataset->n_items; i++) {
        int sequence;
        const int32_t *ids = text_chunk(dataset, i);
        assert_true(session_start(session, &sequence, &err));
        test_eval(session, sequence, ids, CHUNK, CHUNK, logits);
        for (size_t k = 0; k < answers.n_scored; k++) {
            double expected = logits_logprob(logits + (8 + k) * n_vocab, n_vocab, ids[9 + k]);
            assert_memory_equal(&answers.tokens[i * answers.n_scored + k].logprob, &expected,
                                sizeof expected);
        }
        session_drop(session, sequence);
    }
    session_close(session);
    free(logits);
    answers_done(&answers);
    dataset_free(dataset);
}

static void batches_and_threads_change_no_bit(void **state)
{
    (void)state;
    static const size_t batches[] = {1, 5, 24, 25, 64};
    enum { CHUNK = 24 };
    struct err err = {0};
    struct answers once, again;
    struct dataset *dataset = load(CHUNK, 0, BOS_AUTO, &err);
    if (!dataset) fail_msg("%s", err.message);
    answer(dataset, CHUNK, 512, 1, &once);
    for (size_t i = 0; i < sizeof batches / sizeof batches[0]; i++) {
        answer(dataset, CHUNK, batches[i], 1 + (int)(i % 3), &again);
        for (size_t k = 0; k < once.n * once.n_scored; k++)
            assert_memory_equal(&once.tokens[k].logprob, &again.tokens[k].logprob, sizeof(double));
        assert_memory_equal(once.hashes, again.hashes, once.n * sizeof *once.hashes);
        answers_done(&again);
    }
    answers_done(&once);
    dataset_free(dataset);
}

static bool refuse(void *context, struct err *err)
{
    int *n_left = context;
    return (*n_left)-- > 0 || err_set(err, ERR_INTERRUPTED, "interrupted");
}

static bool ignore(void *context, size_t i_request, const struct response *response,
                   struct err *err)
{
    (void)context, (void)i_request, (void)response, (void)err;
    return true;
}

static void an_interrupt_is_seen_inside_of_a_long_chunk(void **state)
{
    (void)state;
    int n_pauses = 1;
    size_t item = 0;
    struct err err = {0};
    const struct chunk_client_options options = {
        .session = {.n_threads = 1, .batch_tokens = 4, .context_tokens = 32}};
    const struct client_sink sink = {ignore, refuse, &n_pauses};
    struct dataset *dataset = load(32, 1, BOS_AUTO, &err);
    struct chunk_client *client = dataset ? chunk_client_open(tiny, &options, &err) : NULL;
    if (!client) fail_msg("%s", err.message);
    assert_false(chunk_client_answer(client, dataset, &item, 1, &sink, &err));
    assert_int_equal(err.code, ERR_INTERRUPTED);
    assert_int_equal(chunk_client_computed_tokens(client), 8);
    chunk_client_close(client);
    dataset_free(dataset);
}

/* ---- Scores ---- */

static void put_chunk(int64_t job, const char *key, const struct token_score *tokens,
                      bool has_reference)
{
    struct err err = {0};
    struct buf json = {0};
    struct verdict verdict;
    const struct item item = {.key = key, .subset = "", .expected = ""};
    struct response response = {.answered = true, .n_tokens = 2, .has_reference = has_reference};
    response.tokens = (struct token_score *)tokens;
    test_assert_done(SUITE_PERPLEXITY.grade(&SUITE_PERPLEXITY, "chunks-4-text", &item, &response,
                                            &verdict, &err),
                     &err);
    response_write(&response, &json);
    const struct answer_record record = {.key = key,
                                         .subset = "",
                                         .expected = "",
                                         .groups_json = "[]",
                                         .response_json = buf_string(&json),
                                         .answered = verdict.answered,
                                         .score = verdict.score,
                                         .predicted = ""};
    test_assert_done(store_begin(test_store, &err), &err);
    test_assert_done(store_put_answer(test_store, job, &record, &err), &err);
    test_assert_done(store_commit(test_store, &err), &err);
    buf_free(&json);
}

/* Losses 1 2 | 3 2: mean 2, clustered error sqrt(1/6). The chunks come in the wrong order. */
static const struct token_score FIRST[] = {{-1, -1, 0, true}, {-2, -1.5, 0.1, true}};
static const struct token_score SECOND[] = {{-3, -3, 0.2, false}, {-2, -1, 0.3, true}};

static void the_perplexity_of_four_tokens(void **state)
{
    (void)state;
    struct err err = {0};
    int64_t job = test_new_job(test_new_run(), "q4_0", "f", "text", "ppl");
    put_chunk(job, "chunk/10", SECOND, false);
    put_chunk(job, "chunk/9", FIRST, false);
    test_assert_done(job_scores_compute(test_store, job, &SUITE_PERPLEXITY, &err), &err);
    test_assert_done(job_scores_compute(test_store, job, &SUITE_PERPLEXITY, &err), &err);
    /* Of two chunks the error is half of what their means differ by, here 1, and they leave one
     * degree of freedom: 12.7 errors, of the logarithm. */
    test_assert_rows("SELECT metric, printf('%.6f', score), printf('%.6f', low), "
                     "printf('%.6f', high), printf('%.6f', error), n, unit FROM v_scores",
                     "ppl|7.389056|0.012867|4243.324699|3.694528|4|");
    test_assert_rows("SELECT key, printf('%.3f', verdict.score) FROM verdict JOIN response "
                     "ON response.id = verdict.response JOIN item ON item.id = response.item",
                     "chunk/10|2.500\nchunk/9|1.500");
}

static void one_chunk_has_the_error_of_independent_tokens(void **state)
{
    (void)state;
    struct err err = {0};
    int64_t job = test_new_job(test_new_run(), "q4_0", "f", "text", "ppl");
    put_chunk(job, "chunk/0", FIRST, false); /* losses 1 and 2: error 0.5 */
    test_assert_done(job_scores_compute(test_store, job, &SUITE_PERPLEXITY, &err), &err);
    test_assert_rows("SELECT printf('%.6f', error / score), n FROM v_scores", "0.500000|2");
}

/* Every stored score has a row of its own in the table of metrics, whose words people read. */
static void assert_metrics_are_known(void)
{
    struct err err = {0};
    struct query *query = query_open(test_store, "SELECT metric FROM score", &err);
    test_assert_done(query != NULL, &err);
    while (query_next(query, &err) > 0)
        assert_string_equal(metric_find(query_text(query, 0))->name, query_text(query, 0));
    query_close(query);
}

static void the_divergence_of_four_tokens(void **state)
{
    (void)state;
    struct err err = {0};
    int64_t job = test_new_job(test_new_run(), "q4_0", "f", "text", "ppl");
    put_chunk(job, "chunk/0", FIRST, true);
    put_chunk(job, "chunk/1", SECOND, true);
    test_assert_done(job_scores_compute(test_store, job, &SUITE_PERPLEXITY, &err), &err);
    test_assert_rows("SELECT metric, printf('%.5f', score), printf('%.5f', low), "
                     "printf('%.5f', high), printf('%.5f', error), unit FROM v_scores WHERE metric "
                     "IN ('ppl_reference', 'ln_ppl_ratio', 'kld', 'same_top', 'dp_mean', 'dp_rms') "
                     "ORDER BY metric",
                     "dp_mean|-8.00848|-53.98883|37.97187|3.61873|percent\n"
                     "dp_rms|12.42827|0.00000|40.34095|4.66365|percent\n"
                     "kld|0.15000|-1.12062|1.42062|0.10000|nats\n"
                     "ln_ppl_ratio|0.37500|-1.21328|1.96328|0.12500|nats\n"
                     "ppl_reference|5.07842|0.04329|595.75337|1.90441|\n"
                     "same_top|75.00000|30.06418|95.44127|25.00000|percent");
    test_assert_rows("SELECT metric, printf('%.4f', score) FROM v_scores WHERE metric IN "
                     "('kld_p50', 'kld_p90', 'kld_max', 'dp_min', 'dp_max', 'dp_p5') "
                     "ORDER BY metric",
                     "dp_max|0.0000\ndp_min|-23.2544\ndp_p5|-21.0832\nkld_max|0.3000\n"
                     "kld_p50|0.1500\nkld_p90|0.2700");
    test_assert_rows("SELECT count(*) FROM v_scores", "27");
    assert_metrics_are_known();
}

static void a_token_without_a_number_leaves_no_score(void **state)
{
    (void)state;
    struct err err = {0};
    const struct token_score odd[] = {{-1, 0, 0, false}, {NAN, 0, 0, false}};
    int64_t job = test_new_job(test_new_run(), "q4_0", "f", "text", "ppl");
    put_chunk(job, "chunk/0", FIRST, false);
    put_chunk(job, "chunk/1", odd, false);
    test_assert_done(job_scores_compute(test_store, job, &SUITE_PERPLEXITY, &err), &err);
    test_assert_rows("SELECT count(*) FROM v_scores", "0");
    test_assert_rows("SELECT answered FROM verdict", "1\n0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_follow_each_other_and_begin_with_bos),
        cmocka_unit_test(the_hash_knows_the_whole_text_and_the_length_of_chunks),
        cmocka_unit_test(a_text_shorter_than_a_chunk_is_refused),
        cmocka_unit_test(keys_that_are_no_chunks_have_no_number),
        cmocka_unit_test(a_token_is_scored_by_the_logits_before_it),
        cmocka_unit_test(batches_and_threads_change_no_bit),
        cmocka_unit_test(an_interrupt_is_seen_inside_of_a_long_chunk),
        IN_TEST_STORE(the_perplexity_of_four_tokens),
        IN_TEST_STORE(one_chunk_has_the_error_of_independent_tokens),
        IN_TEST_STORE(the_divergence_of_four_tokens),
        IN_TEST_STORE(a_token_without_a_number_leaves_no_score),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
