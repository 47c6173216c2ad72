/* test_scheduler.c - the scheduler against a session of the test's own, which computes a hash of
 * the prefix in place of logits, counts KV pages, and fails the test on any request that the engine
 * would refuse.
 *
 * This finds what a real model hides: a page too many, a token computed twice, logits of the wrong
 * prefix.
 */
#include "harness/ask/scheduler.h"

#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N_EMBD = 3, MOST_ROWS = 1 << 30 };
enum { MAX_SEQUENCES = 512, MAX_TOKENS = 256, MAX_PAGES = 4096 };

struct session {
    size_t n_pages, n_used, batch_tokens, context_tokens, short_tokens;
    struct {
        bool is_used, is_long;
        size_t n;
        int32_t ids[MAX_TOKENS];
        int pages[MAX_TOKENS / SESSION_PAGE_TOKENS + 1];
    } sequences[MAX_SEQUENCES];
    int references[MAX_PAGES];
    float logits[MAX_TOKENS][2];
};

static int take_page(struct session *session)
{
    assert_true(session->n_used < session->n_pages);
    int page = 0;
    while (session->references[page]) page++;
    session->references[page] = 1;
    session->n_used++;
    return page;
}

size_t session_context_tokens(const struct session *session)
{
    return session->context_tokens;
}

size_t session_batch_tokens(const struct session *session)
{
    return session->batch_tokens;
}

size_t session_total_pages(const struct session *session)
{
    return session->n_pages;
}

size_t session_free_pages(const struct session *session)
{
    return session->n_pages - session->n_used;
}

size_t session_held_pages(const struct session *session, int sequence)
{
    return session_most_pages(session, session->sequences[sequence].n);
}

size_t session_most_pages(const struct session *session, size_t n_tokens)
{
    (void)session;
    return (n_tokens + SESSION_PAGE_TOKENS - 1) / SESSION_PAGE_TOKENS;
}

bool session_start(struct session *session, int *sequence, struct err *err)
{
    (void)err;
    for (*sequence = 0; session->sequences[*sequence].is_used;) (*sequence)++;
    assert_true(*sequence < MAX_SEQUENCES);
    session->sequences[*sequence].is_used = true;
    session->sequences[*sequence].n = 0;
    session->sequences[*sequence].is_long = false;
    return true;
}

size_t session_short_tokens(const struct session *session)
{
    return session->short_tokens;
}

void session_expect(struct session *session, int sequence, size_t n_tokens)
{
    assert_int_equal(session->sequences[sequence].n, 0);
    session->sequences[sequence].is_long = n_tokens > session->short_tokens;
}

bool session_may_reach(const struct session *session, int sequence, size_t n_tokens)
{
    return session->sequences[sequence].is_long || n_tokens <= session->short_tokens;
}

bool session_fork(struct session *session, int source, size_t n_tokens, int *sequence,
                  struct err *err)
{
    assert_true(session->sequences[source].is_used);
    assert_true(n_tokens <= session->sequences[source].n);
    assert_true(session_start(session, sequence, err));
    size_t n_full = n_tokens / SESSION_PAGE_TOKENS;
    for (size_t i = 0; i < n_full; i++) {
        session->sequences[*sequence].pages[i] = session->sequences[source].pages[i];
        session->references[session->sequences[source].pages[i]]++;
    }
    if (n_tokens % SESSION_PAGE_TOKENS)
        session->sequences[*sequence].pages[n_full] = take_page(session);
    memcpy(session->sequences[*sequence].ids, session->sequences[source].ids,
           n_tokens * sizeof(int32_t));
    session->sequences[*sequence].n = n_tokens;
    session->sequences[*sequence].is_long = session->sequences[source].is_long;
    return true;
}

void session_truncate(struct session *session, int sequence, size_t n_tokens)
{
    assert_true(session->sequences[sequence].is_used);
    assert_int_equal(n_tokens, 0);
    for (size_t i = 0; i * SESSION_PAGE_TOKENS < session->sequences[sequence].n; i++)
        session->n_used -= --session->references[session->sequences[sequence].pages[i]] == 0;
    session->sequences[sequence].n = 0;
}

void session_drop(struct session *session, int sequence)
{
    session_truncate(session, sequence, 0);
    session->sequences[sequence].is_used = false;
}

static float prefix_hash(const int32_t *ids, size_t n, bool is_long)
{
    uint64_t hash = 1 + is_long;
    for (size_t i = 0; i < n; i++) hash = rng_mix(hash + (uint64_t)ids[i] + 1);
    return (float)(hash >> 40);
}

bool session_eval(struct session *session, const struct session_token *tokens, size_t n_tokens,
                  struct err *err)
{
    (void)err;
    size_t n_logits = 0;
    assert_in_range(n_tokens, 1, session->batch_tokens);
    for (size_t i = 0; i < n_tokens; i++) {
        size_t n = session->sequences[tokens[i].sequence].n++;
        assert_true(session->sequences[tokens[i].sequence].is_used);
        assert_true(n < session->context_tokens);
        assert_true(session_may_reach(session, tokens[i].sequence, n + 1));
        if (n % SESSION_PAGE_TOKENS == 0)
            session->sequences[tokens[i].sequence].pages[n / SESSION_PAGE_TOKENS] =
                take_page(session);
        session->sequences[tokens[i].sequence].ids[n] =
            tokens[i].embedding ? (int32_t)tokens[i].embedding[N_EMBD - 1] : tokens[i].id;
        if (tokens[i].wants_logits)
            session->logits[n_logits++][0] =
                prefix_hash(session->sequences[tokens[i].sequence].ids, n + 1,
                            session->sequences[tokens[i].sequence].is_long);
    }
    return true;
}

const float *session_logits(const struct session *session, size_t i)
{
    return session->logits[i];
}

/* ---- A run whose every callback is checked ---- */

struct check {
    struct trie trie;
    struct scheduler *scheduler;
    int *n_calls;         /* [n_nodes] */
    size_t *n_wanted;     /* [n_nodes] tokens by which a leaf is to grow */
    struct tokens *grown; /* [n_nodes] */
    size_t n_grown, n_pauses, n_pauses_allowed;
    size_t n_rows;      /* of ids below 0, that were asked for */
    size_t n_crossings; /* leaves that grew beyond the trie's short_tokens */
};

static int add_growing(struct check *check, const int32_t *ids, size_t n, size_t n_most, int owner)
{
    int root, node;
    assert_true(trie_root(&check->trie, n, n_most, owner, &root, NULL));
    assert_true(trie_insert(&check->trie, root, ids, n, owner, &node, NULL));
    return node;
}

static void add_sequence(struct check *check, const int32_t *ids, size_t n, int owner)
{
    add_growing(check, ids, n, n, owner);
}

static bool is_long(const struct check *check, int node, size_t n)
{
    while (node >= 0 && node != check->trie.long_root) node = check->trie.nodes[node].parent;
    return node >= 0 || n > check->trie.short_tokens;
}

/* The token that a leaf draws: from the logits, as a model's would be. */
static void grow(struct check *check, int leaf, const float *logits)
{
    int32_t id = (int32_t)((uint32_t)logits[0] % 1000);
    if (check->grown[leaf].n == check->n_wanted[leaf]) return;
    assert_true(tokens_append(&check->grown[leaf], &id, 1, NULL));
    assert_true(scheduler_grow(check->scheduler, leaf, id, NULL));
    check->n_grown++;
}

static bool on_logits(void *context, int node, const float *logits, struct err *err)
{
    struct check *check = context;
    int32_t ids[MAX_TOKENS];
    size_t n = trie_end(&check->trie, node), n_grown = check->grown[node].n;
    (void)err;
    trie_path(&check->trie, node, 0, n, ids);
    if (n_grown) memcpy(ids + n, check->grown[node].ids, n_grown * sizeof *ids);
    assert_true(logits[0] == prefix_hash(ids, n + n_grown, is_long(check, node, n + n_grown)));
    check->n_crossings +=
        n <= check->trie.short_tokens && n + n_grown == check->trie.short_tokens + 1;
    check->n_calls[node]++;
    for (int up = check->trie.nodes[node].parent; up > TRIE_ROOT; up = check->trie.nodes[up].parent)
        assert_int_equal(check->n_calls[up], check->trie.nodes[up].n_tokens > 0);
    if (check->n_wanted[node]) grow(check, node, logits);
    for (int child = check->trie.nodes[node].first_child; child >= 0;
         child = check->trie.nodes[child].next_sibling)
        if (check->n_wanted[child]) grow(check, child, logits);
    return true;
}

static bool on_pause(void *context, struct err *err)
{
    struct check *check = context;
    return check->n_pauses++ < check->n_pauses_allowed || err_set(err, ERR_INTERRUPTED, "enough");
}

static void begin_check(struct check *check)
{
    *check = (struct check){.n_pauses_allowed = SIZE_MAX};
    assert_true(trie_init(&check->trie, NULL));
}

/* A row of an id below 0 ends with the id itself. */
static bool write_row(void *context, int32_t id, float *row, struct err *err)
{
    size_t *n_rows = context;
    assert_true(id < 0);
    row[N_EMBD - 1] = (float)id;
    ++*n_rows;
    return *n_rows < MOST_ROWS || err_set(err, ERR_IO, "no more rows");
}

/* Runs the trie in a session of n_pages. The longest path is what the pages must hold. */
static bool run_check(struct check *check, size_t n_pages, size_t batch_tokens,
                      uint64_t *n_computed, struct err *err)
{
    struct session *session = calloc(1, sizeof *session);
    size_t n_nodes = check->trie.n_nodes;
    assert_non_null(session);
    session->n_pages = n_pages;
    session->batch_tokens = batch_tokens;
    session->context_tokens = MAX_TOKENS - 1;
    session->short_tokens = check->trie.short_tokens;
    check->n_calls = calloc(n_nodes, sizeof *check->n_calls);
    check->grown = calloc(n_nodes, sizeof *check->grown);
    if (!check->n_wanted) check->n_wanted = calloc(n_nodes, sizeof *check->n_wanted);
    check->scheduler = scheduler_new(session, &check->trie, NULL);
    assert_non_null(check->scheduler);
    const struct embedding_rows rows = {N_EMBD, write_row, &check->n_rows};
    assert_true(scheduler_set_rows(check->scheduler, &rows, NULL));
    for (size_t i = 1; i < n_nodes; i++) scheduler_want(check->scheduler, (int)i);
    for (size_t i = 1; i < n_nodes; i++)
        if (check->n_wanted[i]) scheduler_reserve(check->scheduler, (int)i, check->n_wanted[i]);
    bool ok = scheduler_run(check->scheduler, on_logits, on_pause, check, err);
    *n_computed = scheduler_computed_tokens(check->scheduler);
    for (size_t i = 1; ok && i < n_nodes; i++) {
        size_t n_runs = check->trie.nodes[i].n_tokens ? 1 : check->n_wanted[i];
        assert_int_equal(check->n_calls[i], n_runs);
        assert_int_equal(check->grown[i].n, check->n_wanted[i]);
    }
    scheduler_free(check->scheduler);
    assert_int_equal(session->n_used, 0);
    free(session);
    return ok;
}

static void end_check(struct check *check)
{
    for (size_t i = 0; check->grown && i < check->trie.n_nodes; i++) tokens_free(&check->grown[i]);
    free(check->grown);
    free(check->n_calls);
    free(check->n_wanted);
    trie_done(&check->trie);
}

/* Few letters and copied beginnings, so that prefixes of all lengths are shared; every eighth
 * sequence gets a leaf. With odd seeds one letter of three is a row from elsewhere. */
static size_t add_random(struct check *check, uint64_t seed, bool with_leaves)
{
    struct rng rng = {seed};
    size_t longest = 0, n_sequences = 1 + rng_below(&rng, 40), n_before = 0;
    int32_t ids[100] = {0};
    int leaves[40];
    size_t lengths[40], n_leaves = 0;
    for (size_t i = 0; i < n_sequences; i++) {
        size_t n_kept = rng_below(&rng, n_before + 1),
               n = n_kept + 1 + rng_below(&rng, 100 - n_kept);
        if (n > 100) n = 100;
        for (size_t k = n_kept; k < n; k++)
            ids[k] = (int32_t)rng_below(&rng, 3) - (int32_t)(seed % 2);
        add_sequence(check, ids, n, (int)i);
        if (n > longest) longest = n;
        n_before = n;
        if (!with_leaves || rng_below(&rng, 4)) continue;
        lengths[n_leaves] = 1 + rng_below(&rng, 40);
        int node = add_growing(check, ids, n, n + lengths[n_leaves], (int)i);
        assert_true(trie_add_leaf(&check->trie, node, (int)i, &leaves[n_leaves], NULL));
        if (n + lengths[n_leaves] > longest) longest = n + lengths[n_leaves];
        n_leaves++;
    }
    check->n_wanted = calloc(check->trie.n_nodes, sizeof *check->n_wanted);
    for (size_t i = 0; i < n_leaves; i++) check->n_wanted[leaves[i]] = lengths[i];
    return longest;
}

static size_t pages_for(size_t n_tokens)
{
    return (n_tokens + SESSION_PAGE_TOKENS - 1) / SESSION_PAGE_TOKENS;
}

static void every_token_is_computed_once_where_memory_allows(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct check check;
        uint64_t n_computed;
        begin_check(&check);
        add_random(&check, seed, true);
        assert_true(run_check(&check, MAX_PAGES, 1 + seed % 37, &n_computed, NULL));
        assert_int_equal(n_computed, check.trie.ids.n + check.n_grown);
        end_check(&check);
    }
}

static void the_smallest_budget_that_holds_one_path_is_enough(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct check check;
        uint64_t n_computed;
        begin_check(&check);
        size_t longest = add_random(&check, seed, true);
        assert_true(
            run_check(&check, pages_for(longest) + seed % 3, 1 + seed % 50, &n_computed, NULL));
        assert_true(n_computed >= check.trie.ids.n + check.n_grown);
        end_check(&check);
    }
}

/* Where sequences beyond a length are rotated in another way. */
static void what_crosses_the_border_is_computed_anew(void **state)
{
    (void)state;
    size_t n_crossings = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct check check;
        uint64_t n_computed;
        begin_check(&check);
        check.trie.short_tokens = 10 + seed % 80;
        size_t longest = add_random(&check, seed, true);
        size_t n_pages = seed % 2 ? MAX_PAGES : pages_for(longest) + seed % 3;
        assert_true(run_check(&check, n_pages, 1 + seed % 50, &n_computed, NULL));
        size_t n_least =
            check.trie.ids.n + check.n_grown + check.n_crossings * check.trie.short_tokens;
        assert_true(n_pages == MAX_PAGES ? n_computed == n_least : n_computed >= n_least);
        n_crossings += check.n_crossings;
        end_check(&check);
    }
    assert_true(n_crossings > 100);
}

static void a_path_that_the_pages_cannot_hold_is_refused(void **state)
{
    (void)state;
    struct check check;
    struct err err = {0};
    uint64_t n_computed;
    begin_check(&check);
    size_t longest = add_random(&check, 5, true);
    assert_false(run_check(&check, pages_for(longest) - 1, 8, &n_computed, &err));
    assert_int_equal(err.code, ERR_CAPACITY);
    assert_int_equal(n_computed, 0);
    end_check(&check);
}

static void batches_are_filled_across_branches(void **state)
{
    (void)state;
    struct check check;
    uint64_t n_computed;
    int32_t ids[20] = {0};
    begin_check(&check);
    for (int i = 0; i < 8; i++) { /* a prefix of 12 and eight branches of 8: 76 tokens */
        for (int k = 12; k < 20; k++) ids[k] = 1 + i;
        add_sequence(&check, ids, 20, i);
    }
    assert_true(run_check(&check, MAX_PAGES, 32, &n_computed, NULL));
    assert_int_equal(n_computed, 76);
    assert_int_equal(check.n_pauses, 3); /* the prefix, then 32 and 32 */
    end_check(&check);
}

static void a_row_that_cannot_be_had_stops_with_its_error(void **state)
{
    (void)state;
    struct check check;
    struct err err = {0};
    uint64_t n_computed;
    begin_check(&check);
    add_random(&check, 9, false);
    check.n_rows = MOST_ROWS - 20;
    assert_false(run_check(&check, MAX_PAGES, 16, &n_computed, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_int_equal(check.n_rows, MOST_ROWS);
    end_check(&check);
}

/* Each row once, like every other token. */
static void rows_are_asked_for_when_they_are_computed(void **state)
{
    (void)state;
    struct check check;
    uint64_t n_computed;
    size_t n_below = 0;
    begin_check(&check);
    add_random(&check, 11, true);
    for (size_t i = 0; i < check.trie.ids.n; i++) n_below += check.trie.ids.ids[i] < 0;
    assert_true(run_check(&check, MAX_PAGES, 7, &n_computed, NULL));
    assert_true(n_below > 100);
    assert_int_equal(check.n_rows, n_below);
    end_check(&check);
}

static void a_pause_that_says_no_stops_with_its_error(void **state)
{
    (void)state;
    struct check check;
    struct err err = {0};
    uint64_t n_computed;
    begin_check(&check);
    add_random(&check, 9, false);
    check.n_pauses_allowed = 2;
    assert_false(run_check(&check, MAX_PAGES, 4, &n_computed, &err));
    assert_int_equal(err.code, ERR_INTERRUPTED);
    assert_int_equal(n_computed, 12);
    end_check(&check);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_token_is_computed_once_where_memory_allows),
        cmocka_unit_test(the_smallest_budget_that_holds_one_path_is_enough),
        cmocka_unit_test(what_crosses_the_border_is_computed_anew),
        cmocka_unit_test(a_path_that_the_pages_cannot_hold_is_refused),
        cmocka_unit_test(batches_are_filled_across_branches),
        cmocka_unit_test(rows_are_asked_for_when_they_are_computed),
        cmocka_unit_test(a_row_that_cannot_be_had_stops_with_its_error),
        cmocka_unit_test(a_pause_that_says_no_stops_with_its_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
