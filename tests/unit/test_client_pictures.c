/* test_client_pictures.c - questions about pictures to a small random model with eyes: the same
 * bits whether a picture is shared or computed for each question, whatever the batch; each picture
 * through the tower once; and files that cannot be read.
 */
#include "base/file.h"
#include "harness/ask/client.h"
#include "tests/support/test_data.h"
#include "tests/support/test_engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MODEL "synth:tiny-vision:f16"
#define FOLDER "tests/golden/pictures/"
enum { CONTEXT = 512, MOST = 8 };

static const char *const CAT[] = {FOLDER "rgb.png"}, *const DOG[] = {FOLDER "gray.jpg"};
static const char *const WHAT[] = {"What is this?"}, *const WHERE[] = {"Where is that?"};
static const char *const CHOICES[] = {" A", " of the"};

static int open_model_once(void **state)
{
    return test_enter_model(state, MODEL);
}

struct kept {
    struct response responses[MOST];
    struct choice_score scores[MOST][2];
    char texts[MOST][128], reasons[MOST][512], files[MOST][300];
    size_t n, n_encoded;
    uint64_t n_computed;
};

static bool keep(void *context, size_t i_request, const struct response *response, struct err *err)
{
    struct kept *kept = context;
    (void)err;
    assert_int_equal(i_request, kept->n);
    kept->responses[kept->n] = *response;
    if (response->n_choices)
        memcpy(kept->scores[kept->n], response->choices, 2 * sizeof *response->choices);
    if (response->text) snprintf(kept->texts[kept->n], sizeof *kept->texts, "%s", response->text);
    if (response->reason)
        snprintf(kept->reasons[kept->n], sizeof *kept->reasons, "%s", response->reason);
    if (response->n_pictures)
        snprintf(kept->files[kept->n], sizeof *kept->files, "%s", response->pictures[0].file);
    kept->n++;
    return true;
}

static struct kept answer(const struct model *model, bool shares_prefixes, size_t batch_tokens,
                          const struct request *requests, size_t n, size_t window)
{
    struct err err = {0};
    struct kept kept = {.n = 0};
    const struct client_options options = {
        .chat_format = "phi3",
        .shares_prefixes = shares_prefixes,
        .session = {.n_threads = 1, .batch_tokens = batch_tokens, .context_tokens = CONTEXT}};
    struct client *client = client_open_engine(model, &options, &err);
    if (!client) fail_msg("%s", err.message);
    for (size_t first = 0; first < n; first += window) {
        size_t n_now = n - first < window ? n - first : window;
        struct kept part = {.n = 0};
        const struct client_sink sink = {keep, NULL, &part};
        if (!client_ask(client, requests + first, n_now, &sink, &err)) fail_msg("%s", err.message);
        memcpy(kept.responses + first, part.responses, n_now * sizeof *part.responses);
        memcpy(kept.scores + first, part.scores, n_now * sizeof *part.scores);
        memcpy(kept.texts + first, part.texts, n_now * sizeof *part.texts);
        memcpy(kept.reasons + first, part.reasons, n_now * sizeof *part.reasons);
        memcpy(kept.files + first, part.files, n_now * sizeof *part.files);
        kept.n += part.n;
    }
    int64_t ns;
    kept.n_encoded = client_engine_encoded_pictures(client, &ns);
    assert_true(!kept.n_encoded == !ns);
    kept.n_computed = client_computed_tokens(client);
    client_close(client);
    return kept;
}

static struct request written(const char *const *prompt, const char *const *pictures, size_t n)
{
    return (struct request){.kind = REQUEST_CHAT,
                            .prompts = prompt,
                            .n_prompts = 1,
                            .max_new_tokens = 4,
                            .pictures = pictures,
                            .n_pictures = n,
                            .max_crops = 1};
}

static struct request chosen(const char *const *prompt, const char *const *pictures, size_t n)
{
    struct request request = written(prompt, pictures, n);
    request.kind = REQUEST_CHOICES;
    request.choices = CHOICES;
    request.n_choices = 2;
    return request;
}

static void assert_same(const struct kept *a, const struct kept *b)
{
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        const struct response *x = &a->responses[i], *y = &b->responses[i];
        assert_true(x->answered && y->answered);
        assert_string_equal(x->logits_hash, y->logits_hash);
        assert_string_equal(x->tokens_hash, y->tokens_hash);
        assert_string_equal(a->texts[i], b->texts[i]);
        assert_int_equal(x->n_prompt_tokens, y->n_prompt_tokens);
        assert_int_equal(x->naive_tokens, y->naive_tokens);
        for (size_t k = 0; k < x->n_choices; k++)
            assert_memory_equal(&a->scores[i][k].logprob, &b->scores[i][k].logprob, sizeof(double));
    }
}

static void a_picture_is_encoded_once_and_shared_to_the_same_bits(void **state)
{
    (void)state;
    const struct request requests[] = {written(WHAT, CAT, 1), written(WHERE, CAT, 1),
                                       chosen(WHAT, DOG, 1), chosen(WHERE, DOG, 1)};
    struct kept shared = answer(*state, true, 64, requests, 4, 4);
    struct kept apart = answer(*state, false, 200, requests, 4, 4);
    struct kept alone = answer(*state, true, 512, requests, 4, 1);
    assert_same(&shared, &apart);
    assert_same(&shared, &alone);
    assert_int_equal(shared.n_encoded, 2);
    assert_int_equal(apart.n_encoded, 2); /* each computed anew, from the rows that are kept */
    assert_int_equal(alone.n_encoded, 2); /* over windows, too */
    size_t n_picture = (size_t)shared.responses[0].n_prompt_tokens / 2;
    assert_true(shared.n_computed + 2 * n_picture < apart.n_computed);
    assert_string_not_equal(shared.responses[0].logits_hash, shared.responses[1].logits_hash);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(shared.responses[i].n_pictures, 1);
        assert_string_equal(shared.files[i], requests[i].pictures[0]);
    }
}

/* What is seen changes what is said. */
static void other_pictures_have_other_logits(void **state)
{
    (void)state;
    static const char *const BOTH[] = {FOLDER "rgb.png", FOLDER "lossy.webp"};
    const struct request requests[] = {chosen(WHAT, CAT, 1), chosen(WHAT, DOG, 1),
                                       chosen(WHAT, NULL, 0)};
    struct kept kept = answer(*state, true, 128, requests, 3, 3);
    assert_string_not_equal(kept.responses[0].logits_hash, kept.responses[1].logits_hash);
    assert_string_not_equal(kept.responses[0].logits_hash, kept.responses[2].logits_hash);
    assert_int_equal(kept.responses[2].n_pictures, 0);
    struct request two = chosen(WHAT, BOTH, 2);
    struct kept none = answer(*state, true, 128, &two, 1, 1);
    assert_false(none.responses[0].answered); /* two do not fit into this context */
    assert_null(none.responses[0].failure);
    assert_int_equal(none.n_encoded, 0);
}

static void a_picture_that_is_missing_is_a_failure_of_its_question(void **state)
{
    (void)state;
    static const char *const MISSING[] = {FOLDER "there is none.png"};
    const struct request requests[] = {written(WHAT, MISSING, 1), chosen(WHERE, CAT, 1),
                                       chosen(WHERE, MISSING, 1)};
    struct kept kept = answer(*state, true, 128, requests, 3, 3);
    assert_int_equal(kept.n, 3);
    for (size_t i = 0; i < 3; i += 2) {
        assert_false(kept.responses[i].answered);
        assert_string_equal(kept.responses[i].failure, RESPONSE_NO_PICTURE);
        assert_int_equal(strncmp(kept.reasons[i], MISSING[0], strlen(MISSING[0])), 0);
    }
    assert_true(kept.responses[1].answered);
    assert_int_equal(kept.n_encoded, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_picture_is_encoded_once_and_shared_to_the_same_bits),
        cmocka_unit_test(other_pictures_have_other_logits),
        cmocka_unit_test(a_picture_that_is_missing_is_a_failure_of_its_question),
    };
    return cmocka_run_group_tests(tests, open_model_once, test_leave_model);
}
