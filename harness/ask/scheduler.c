/* scheduler.c - see scheduler.h.
 *
 * A node is open while it has a sequence and tokens left to compute; when its last token is
 * computed it is finished, and keeps its sequence only as long as children wait to be forked from
 * it. Nodes are served in the trie's order, so that the first requests are answered first and few
 * branches are open at a time. Each batch gives the open nodes what they lack, and opens further
 * ones while it has room.
 */
#include "harness/ask/scheduler.h"

#include "base/clock.h"
#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Why it cannot deadlock, and never aborts for lack of KV pages:
 * 1. A node is opened only if the free pages cover all that the open nodes may still take, and its
 *    own needs to its very end (a growing leaf's to its reserved end). So an open node never waits
 *    for a page, every batch with an open node computes at least one token, and open nodes finish.
 * 2. If no node is open and the first unfinished one may not be opened, then only finished nodes
 *    hold pages. These are dropped, those that are no ancestors of it first, last in the order
 *    first. If all are gone every page is free, and one path fits: scheduler_run has checked that.
 *    What was dropped is computed again, to the same bits.
 * 3. Forks are made at the end of a finished sequence, where everything that a sliding window can
 *    see is still there.
 */
struct branch {
    int sequence;    /* -1: none */
    size_t start;    /* tokens that its sequence had when it was opened */
    size_t position; /* tokens that its sequence has, those of the batch being filled not counted */
    size_t n_expected;   /* tokens of the longest path through it, growth not counted */
    size_t n_reserved;   /* tokens by which a leaf may grow */
    struct tokens grown; /* tokens of a leaf beyond the trie's */
    bool wants_logits, finished;
    int64_t ns;
};

struct scheduler {
    struct session *session;
    const struct trie *trie;
    struct branch *branches;           /* [n_nodes] */
    int *order;                        /* [n_nodes] */
    struct session_token *batch;       /* [batch_tokens] */
    int *batch_nodes;                  /* [batch_tokens] the node of each token */
    int32_t *ids;                      /* [batch_tokens] */
    const struct embedding_rows *rows; /* NULL: no id is below 0 */
    float *embeddings;                 /* [batch_tokens][rows->n_embd] of such ids */
    size_t n_batch, batch_tokens;      /* filled, at most */
    size_t n_reserved_pages; /* that the open nodes may still take, while a batch is filled */
    size_t first;            /* in order: all nodes before are finished */
    uint64_t n_computed;
};

/* Children stand after their parents in the order. */
static void expect_lengths(struct scheduler *scheduler)
{
    for (size_t i = scheduler->trie->n_nodes; i-- > 0;) {
        int node = scheduler->order[i], parent = scheduler->trie->nodes[node].parent;
        struct branch *branches = scheduler->branches;
        size_t end = trie_end(scheduler->trie, node);
        if (branches[node].n_expected < end) branches[node].n_expected = end;
        if (parent >= 0 && branches[parent].n_expected < branches[node].n_expected)
            branches[parent].n_expected = branches[node].n_expected;
    }
}

struct scheduler *scheduler_new(struct session *session, const struct trie *trie, struct err *err)
{
    struct scheduler *scheduler = mem_new(1, sizeof *scheduler, err);
    if (!scheduler) return NULL;
    size_t n = trie->n_nodes, n_batch = session_batch_tokens(session);
    scheduler->session = session;
    scheduler->trie = trie;
    scheduler->batch_tokens = n_batch;
    scheduler->branches = mem_new(n, sizeof *scheduler->branches, err);
    scheduler->order = mem_new(n, sizeof *scheduler->order, err);
    scheduler->batch = mem_new(n_batch, sizeof *scheduler->batch, err);
    scheduler->batch_nodes = mem_new(n_batch, sizeof *scheduler->batch_nodes, err);
    scheduler->ids = mem_new(n_batch, sizeof *scheduler->ids, err);
    for (size_t i = 0; scheduler->branches && i < n; i++) scheduler->branches[i].sequence = -1;
    if (!scheduler->branches || !scheduler->order || !scheduler->batch || !scheduler->batch_nodes ||
        !scheduler->ids) {
        scheduler_free(scheduler);
        return NULL;
    }
    trie_order(trie, scheduler->order);
    expect_lengths(scheduler);
    scheduler->branches[TRIE_ROOT].finished = true;
    return scheduler;
}

static void drop(struct scheduler *scheduler, int node)
{
    struct branch *branch = &scheduler->branches[node];
    if (branch->sequence >= 0) session_drop(scheduler->session, branch->sequence);
    branch->sequence = -1;
}

void scheduler_free(struct scheduler *scheduler)
{
    if (!scheduler) return;
    for (size_t i = 0; scheduler->branches && i < scheduler->trie->n_nodes; i++) {
        drop(scheduler, (int)i);
        tokens_free(&scheduler->branches[i].grown);
    }
    free(scheduler->branches);
    free(scheduler->order);
    free(scheduler->batch);
    free(scheduler->batch_nodes);
    free(scheduler->ids);
    free(scheduler->embeddings);
    free(scheduler);
}

void scheduler_want(struct scheduler *scheduler, int node)
{
    scheduler->branches[node].wants_logits = true;
}

void scheduler_reserve(struct scheduler *scheduler, int leaf, size_t n_tokens)
{
    scheduler->branches[leaf].n_reserved = n_tokens;
    scheduler->branches[leaf].wants_logits = true;
}

bool scheduler_set_rows(struct scheduler *scheduler, const struct embedding_rows *rows,
                        struct err *err)
{
    size_t n_row;
    if (!mem_multiply(rows->n_embd, sizeof *scheduler->embeddings, &n_row))
        return err_set(err, ERR_MEMORY, "rows of %zu numbers are too long", rows->n_embd);
    scheduler->rows = rows;
    scheduler->embeddings = mem_new(scheduler->batch_tokens, n_row, err);
    return scheduler->embeddings != NULL;
}

bool scheduler_grow(struct scheduler *scheduler, int leaf, int32_t id, struct err *err)
{
    struct branch *branch = &scheduler->branches[leaf];
    assert(branch->grown.n < branch->n_reserved);
    return tokens_append(&branch->grown, &id, 1, err);
}

uint64_t scheduler_computed_tokens(const struct scheduler *scheduler)
{
    return scheduler->n_computed;
}

int64_t scheduler_node_ns(const struct scheduler *scheduler, int node)
{
    return scheduler->branches[node].ns;
}

/* ---- Lengths and pages ---- */

static size_t end_of(const struct scheduler *scheduler, int node)
{
    return trie_end(scheduler->trie, node) + scheduler->branches[node].grown.n;
}

static size_t farthest_end(const struct scheduler *scheduler, int node)
{
    return trie_end(scheduler->trie, node) + scheduler->branches[node].n_reserved;
}

/* Pages of the positions from a fork at `start` on, which a sequence has to itself. A page that the
 * fork left partly filled may have to be copied at the first token: until then it counts as not
 * there. */
static size_t own_pages(size_t start, size_t n_tokens)
{
    size_t n = (n_tokens + SESSION_PAGE_TOKENS - 1) / SESSION_PAGE_TOKENS;
    size_t n_shared = start / SESSION_PAGE_TOKENS;
    return n_tokens > start && n > n_shared ? n - n_shared : 0;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The most pages that a sequence which begins at `start` comes to have to itself on its way to
 * `end`. Those behind a sliding window are given back, but shared ones do not become free by it. */
static size_t most_own_pages(const struct scheduler *scheduler, size_t start, size_t end)
{
    const struct session *session = scheduler->session;
    return least(own_pages(start, end),
                 session_most_pages(session, session_context_tokens(session)));
}

/* What an open node may still take. */
static size_t pages_left(const struct scheduler *scheduler, int node)
{
    const struct branch *branch = &scheduler->branches[node];
    size_t n_own = least(own_pages(branch->start, branch->position),
                         session_held_pages(scheduler->session, branch->sequence));
    size_t most = most_own_pages(scheduler, branch->start, farthest_end(scheduler, node));
    return most > n_own ? most - n_own : 0;
}

static bool is_open(const struct branch *branch)
{
    return branch->sequence >= 0 && !branch->finished;
}

static size_t count_reserved_pages(const struct scheduler *scheduler)
{
    size_t n = 0;
    for (size_t i = scheduler->first; i < scheduler->trie->n_nodes; i++) {
        int node = scheduler->order[i];
        const struct branch *branch = &scheduler->branches[node];
        if (is_open(branch)) n += pages_left(scheduler, node);
    }
    return n;
}

/* ---- Opening nodes ---- */

/* The nearest ancestor that still has its sequence, -1 if none has. */
static int find_source(const struct scheduler *scheduler, int node)
{
    do node = scheduler->trie->nodes[node].parent;
    while (node >= 0 && scheduler->branches[node].sequence < 0);
    return node;
}

/* Whether children other than `except` are still to be forked from the node. */
static bool has_waiting_child(const struct scheduler *scheduler, int node, int except)
{
    int child = scheduler->trie->nodes[node].first_child;
    for (; child >= 0; child = scheduler->trie->nodes[child].next_sibling) {
        const struct branch *branch = &scheduler->branches[child];
        if (child != except && !branch->finished && branch->sequence < 0) return true;
    }
    return false;
}

/* Gives the node a sequence that begins as its path does, if the pages allow; *opened says so. */
static bool open_node(struct scheduler *scheduler, int node, bool *opened, struct err *err)
{
    struct branch *branch = &scheduler->branches[node];
    int source = find_source(scheduler, node);
    size_t start = source < 0 ? 0 : scheduler->branches[source].position;
    size_t needs = most_own_pages(scheduler, start, farthest_end(scheduler, node));
    *opened = needs + scheduler->n_reserved_pages <= session_free_pages(scheduler->session);
    if (!*opened) return true;
    scheduler->n_reserved_pages += needs;
    if (source < 0) {
        if (!session_start(scheduler->session, &branch->sequence, err)) return false;
        session_expect(scheduler->session, branch->sequence, branch->n_expected);
    } else if (source == scheduler->trie->nodes[node].parent &&
               !has_waiting_child(scheduler, source, node)) {
        branch->sequence =
            scheduler->branches[source].sequence; /* the last child takes over: nothing is copied */
        scheduler->branches[source].sequence = -1;
    } else if (!session_fork(scheduler->session, scheduler->branches[source].sequence, start,
                             &branch->sequence, err))
        return false;
    branch->start = branch->position = start;
    return true;
}

/* A leaf that grew too long to be rotated as its beginning is (engine.h, enum rope_policy) is
 * computed anew. It shares no page, so that what it gives back is what it takes again. */
static void restart(struct scheduler *scheduler, int node)
{
    struct branch *branch = &scheduler->branches[node];
    size_t farthest = farthest_end(scheduler, node);
    scheduler->n_reserved_pages -= pages_left(scheduler, node);
    scheduler->n_reserved_pages += most_own_pages(scheduler, 0, farthest);
    session_truncate(scheduler->session, branch->sequence, 0);
    session_expect(scheduler->session, branch->sequence, end_of(scheduler, node));
    branch->start = branch->position = 0;
}

static bool is_ancestor(const struct trie *trie, int ancestor, int node)
{
    while (node >= 0 && node != ancestor) node = trie->nodes[node].parent;
    return node >= 0;
}

/* Drops one finished node's sequence for the sake of `node`; false if there is none. */
static bool drop_one(struct scheduler *scheduler, int node)
{
    int victim = -1;
    for (size_t i = 0; i < scheduler->trie->n_nodes; i++) {
        int at = scheduler->order[i];
        if (scheduler->branches[at].sequence < 0) continue;
        if (victim < 0 || !is_ancestor(scheduler->trie, at, node)) victim = at;
    }
    if (victim >= 0) drop(scheduler, victim);
    return victim >= 0;
}

/* ---- Batches ---- */

/* Adds a token of the node to the batch. The time that a row takes is the node's. */
static bool add_token(struct scheduler *scheduler, int node, int32_t id, bool wants_logits,
                      struct err *err)
{
    struct branch *branch = &scheduler->branches[node];
    struct session_token *token = &scheduler->batch[scheduler->n_batch];
    *token = (struct session_token){.sequence = branch->sequence, .wants_logits = wants_logits};
    scheduler->batch_nodes[scheduler->n_batch] = node;
    if (id >= 0) token->id = id;
    else {
        int64_t begin_ns = clock_ns();
        float *row = scheduler->embeddings + scheduler->n_batch * scheduler->rows->n_embd;
        if (!embedding_rows_token(scheduler->rows, id, row, token, err)) return false;
        branch->ns += clock_ns() - begin_ns;
    }
    scheduler->n_batch++;
    return true;
}

/* Adds what the node lacks, as far as the batch has room. */
static bool add_tokens(struct scheduler *scheduler, int node, struct err *err)
{
    struct branch *branch = &scheduler->branches[node];
    size_t end = end_of(scheduler, node), of_trie = trie_end(scheduler->trie, node);
    size_t room = scheduler->batch_tokens - scheduler->n_batch, n = end - branch->position;
    if (n > room) n = room;
    size_t n_trie = branch->position >= of_trie ? 0 : of_trie - branch->position;
    if (n_trie > n) n_trie = n;
    trie_path(scheduler->trie, node, branch->position, n_trie, scheduler->ids);
    if (n > n_trie)
        memcpy(scheduler->ids + n_trie, branch->grown.ids + (branch->position + n_trie - of_trie),
               (n - n_trie) * sizeof *scheduler->ids);
    for (size_t i = 0; i < n; i++) {
        bool is_last = branch->position + i + 1 == end;
        if (!add_token(scheduler, node, scheduler->ids[i], is_last && branch->wants_logits, err))
            return false;
    }
    return true;
}

/* Fills the batch in the trie's order. *blocked is the first node that could not be opened, -1
 * if there is none. */
static bool fill_batch(struct scheduler *scheduler, int *blocked, struct err *err)
{
    size_t n_nodes = scheduler->trie->n_nodes;
    scheduler->n_batch = 0;
    *blocked = -1;
    while (scheduler->first < n_nodes &&
           scheduler->branches[scheduler->order[scheduler->first]].finished)
        scheduler->first++;
    scheduler->n_reserved_pages = count_reserved_pages(scheduler);
    for (size_t i = scheduler->first; i < n_nodes && scheduler->n_batch < scheduler->batch_tokens;
         i++) {
        int node = scheduler->order[i];
        struct branch *branch = &scheduler->branches[node];
        if (branch->finished || !scheduler->branches[scheduler->trie->nodes[node].parent].finished)
            continue;
        if (end_of(scheduler, node) == scheduler->trie->nodes[node].depth) {
            branch->finished = true; /* a leaf that was not grown */
            continue;
        }
        if (branch->sequence < 0) {
            bool opened = false;
            if (*blocked >= 0) continue;
            if (!open_node(scheduler, node, &opened, err)) return false;
            if (!opened) {
                *blocked = node;
                continue;
            }
        }
        if (!session_may_reach(scheduler->session, branch->sequence, end_of(scheduler, node)))
            restart(scheduler, node);
        if (!add_tokens(scheduler, node, err)) return false;
    }
    return true;
}

static bool compute_batch(struct scheduler *scheduler, struct err *err)
{
    int64_t begin_ns = clock_ns();
    if (!session_eval(scheduler->session, scheduler->batch, scheduler->n_batch, err)) return false;
    int64_t share_ns = (clock_ns() - begin_ns) / (int64_t)scheduler->n_batch;
    for (size_t i = 0; i < scheduler->n_batch; i++) {
        struct branch *branch = &scheduler->branches[scheduler->batch_nodes[i]];
        branch->ns += share_ns;
        branch->position++;
    }
    scheduler->n_computed += scheduler->n_batch;
    return true;
}

/* Hands out the logits, then marks what is finished and drops what nobody waits for. */
static bool finish_batch(struct scheduler *scheduler, scheduler_logits_fn *logits, void *context,
                         struct err *err)
{
    size_t i_logits = 0;
    for (size_t i = 0; i < scheduler->n_batch; i++) {
        int node = scheduler->batch_nodes[i];
        if (scheduler->batch[i].wants_logits &&
            !logits(context, node, session_logits(scheduler->session, i_logits++), err))
            return false;
    }
    for (size_t i = 0; i < scheduler->n_batch; i++) {
        struct branch *branch = &scheduler->branches[scheduler->batch_nodes[i]];
        if (branch->position == end_of(scheduler, scheduler->batch_nodes[i]))
            branch->finished = true;
    }
    for (size_t i = 0; i < scheduler->trie->n_nodes; i++)
        if (scheduler->branches[i].finished && scheduler->branches[i].sequence >= 0 &&
            !has_waiting_child(scheduler, (int)i, -1))
            drop(scheduler, (int)i);
    return true;
}

static bool check_lengths(const struct scheduler *scheduler, struct err *err)
{
    size_t n_pages = session_total_pages(scheduler->session),
           n_context = session_context_tokens(scheduler->session);
    for (size_t i = 0; i < scheduler->trie->n_nodes; i++) {
        size_t n = farthest_end(scheduler, (int)i);
        if (n > n_context || session_most_pages(scheduler->session, n) > n_pages)
            return err_set(
                err, ERR_CAPACITY,
                "a sequence of %zu tokens fits neither a context of %zu nor %zu KV pages", n,
                n_context, n_pages);
    }
    return true;
}

bool scheduler_run(struct scheduler *scheduler, scheduler_logits_fn *logits,
                   scheduler_pause_fn *pause, void *context, struct err *err)
{
    if (!check_lengths(scheduler, err)) return false;
    for (;;) {
        int blocked;
        if (!fill_batch(scheduler, &blocked, err)) return false;
        if (!scheduler->n_batch && blocked < 0) return true;
        if (!scheduler->n_batch) {
            if (!drop_one(scheduler, blocked))
                return err_set(err, ERR_CAPACITY, "the KV cache has no room for one sequence");
            continue;
        }
        if (!compute_batch(scheduler, err) || !finish_batch(scheduler, logits, context, err))
            return false;
        if (pause && !pause(context, err)) return false;
    }
}
