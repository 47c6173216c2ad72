/* joined_answers.c - see joined_answers.h: two queries in the same order, of which the one that is
 * behind is stepped. Keys compare by their bytes, as SQLite's do.
 *
 * Builds of a modified tree of which the linker says nothing are not told apart: each run of one
 * counts as a program of its own.
 */
#include "results/joined_answers.h"

#include "base/mem.h"
#include "results/store_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct joined_side {
    struct query *query;
    int more; /* of the last step: 1, there is a row */
    uint64_t n;
};

struct joined_answers {
    struct joined_side base, candidate;
};

static bool open_side(struct joined_side *side, struct store *store, int64_t job,
                      bool with_contents, struct err *err)
{
    static const char ANSWERS[] =
        "SELECT item.key, coalesce(item.expected, ''), coalesce(verdict.predicted, ''), "
        "coalesce(response.logits_hash, ''), coalesce(response.tokens_hash, ''), "
        "coalesce(prompt.hash, ''), CASE WHEN ?2 THEN response.content ELSE '' END, "
        "coalesce(json_extract(item.groups, '$[0][0]'), ''), "
        "coalesce(json_extract(item.groups, '$[0][1]'), ''), "
        "verdict.score, verdict.margin, verdict.is_correct, verdict.answered, response.prompt, "
        "response.n_prompt_tokens, response.n_new_tokens, response.duration_ns, "
        "build.id IS NOT NULL AND (build.id <> run.build OR " IS_VAGUE_BUILD "), response.origin "
        "FROM response JOIN job ON job.id = response.job JOIN run ON run.id = job.run "
        "LEFT JOIN run source ON source.id = response.origin "
        "LEFT JOIN build ON build.id = source.build "
        "JOIN item ON item.id = response.item "
        "JOIN verdict ON verdict.response = response.id "
        "LEFT JOIN prompt ON prompt.id = response.prompt "
        "WHERE response.job = ?1 ORDER BY item.key";
    side->query = query_begin_of(store, ANSWERS, job, err);
    query_add_integer(side->query, with_contents);
    return side->query != NULL;
}

struct joined_answers *joined_answers_open(struct store *base_store, int64_t base,
                                           struct store *candidate_store, int64_t candidate,
                                           bool with_contents, struct err *err)
{
    struct joined_answers *joined = mem_new(1, sizeof *joined, err);
    if (joined && open_side(&joined->base, base_store, base, with_contents, err) &&
        open_side(&joined->candidate, candidate_store, candidate, with_contents, err))
        return joined;
    joined_answers_close(joined);
    return NULL;
}

void joined_answers_close(struct joined_answers *joined)
{
    if (!joined) return;
    query_close(joined->base.query);
    query_close(joined->candidate.query);
    free(joined);
}

static void step(struct joined_side *side, struct err *err)
{
    side->more = query_next(side->query, err);
    side->n += side->more > 0;
}

static void read_row(const struct query *query, struct joined_answer *answer)
{
    *answer = (struct joined_answer){
        .key = query_text(query, 0),
        .expected = query_text(query, 1),
        .predicted = query_text(query, 2),
        .logits_hash = query_text(query, 3),
        .tokens_hash = query_text(query, 4),
        .prompt_hash = query_text(query, 5),
        .content = query_text(query, 6),
        .level = query_text(query, 7),
        .group = query_text(query, 8),
        .score = query_number(query, 9),
        .margin = query_is_null(query, 10) ? NAN : query_number(query, 10),
        .is_correct = query_integer(query, 11) != 0,
        .answered = query_integer(query, 12) != 0,
        .prompt = query_integer(query, 13),
        .n_prompt_tokens = query_integer(query, 14),
        .n_new_tokens = query_integer(query, 15),
        .duration_ns = query_integer(query, 16),
        .is_copy = query_integer(query, 17) != 0,
        .origin = query_integer(query, 18),
    };
}

int joined_answers_next(struct joined_answers *joined, struct joined_answer *base,
                        struct joined_answer *candidate, struct err *err)
{
    struct joined_side *a = &joined->base, *b = &joined->candidate;
    int order = 0;
    for (;;) {
        /* After a pair both go on; otherwise the one that is behind. */
        if (order <= 0) step(a, err);
        if (a->more < 0) return -1;
        if (order >= 0) step(b, err);
        if (b->more < 0) return -1;
        if (!a->more && !b->more) return 0;
        if (a->more && b->more) order = strcmp(query_text(a->query, 0), query_text(b->query, 0));
        else order = a->more ? -1 : 1;
        if (order) continue;
        read_row(a->query, base);
        read_row(b->query, candidate);
        return 1;
    }
}

void joined_answers_counts(const struct joined_answers *joined, uint64_t *n_base,
                           uint64_t *n_candidate)
{
    *n_base = joined->base.n;
    *n_candidate = joined->candidate.n;
}
