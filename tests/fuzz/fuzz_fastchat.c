/* fuzz_fastchat.c - any bytes are either lines of FastChat's files or are refused with their line;
 * what was read is written so that it reads, and is written, the same again.
 *
 * The first byte chooses the kind of file, the rest is its text.
 */
#include "suites/fastchat.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "suites/judging.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

enum { QUESTIONS, ANSWERS, PROMPTS, JUDGMENTS, N_KINDS };

static void check_answer(const struct fastchat_answer *answer)
{
    if (!answer->n_choices) abort();
    for (size_t i = 0; i < answer->n_choices; i++)
        for (size_t k = 0; k < answer->choices[i].turns.n; k++) {
            const char *failure = fastchat_failure(&answer->choices[i], k);
            if (failure && !*failure) abort();
        }
}

static void check_judgment(const struct fastchat_judgment *judgment)
{
    bool is_whole;
    double score = judging_read_score(judgment->judgments[0], &is_whole);
    if (score != FASTCHAT_MISSING && !fastchat_is_score(score)) abort();
    if (!fastchat_is_same_answer(judgment, judgment)) abort();
}

/* Reads a text, and appends what it holds. */
static bool copy(int kind, const char *text, size_t n_bytes, struct buf *out, struct err *err)
{
    struct arena *arena = arena_new(256 << 20, err);
    struct fastchat_questions questions = {0};
    struct fastchat_answers answers = {0};
    struct fastchat_prompts prompts = {0};
    struct fastchat_judgments judgments = {0};
    bool ok = arena != NULL;
    switch (kind) {
    case QUESTIONS:
        ok = fastchat_parse_questions("q", text, n_bytes, arena, &questions, err);
        break;
    case ANSWERS: ok = fastchat_parse_answers("a", text, n_bytes, arena, &answers, err); break;
    case PROMPTS: ok = fastchat_parse_prompts("p", text, n_bytes, arena, &prompts, err); break;
    default: ok = fastchat_parse_judgments("j", text, n_bytes, arena, &judgments, err);
    }
    for (size_t i = 0; ok && i < answers.n; i++) check_answer(&answers.items[i]);
    for (size_t i = 0; ok && i < judgments.n; i++) check_judgment(&judgments.items[i]);
    for (size_t i = 0; i < questions.n; i++) fastchat_write_question(&questions.items[i], out);
    for (size_t i = 0; i < answers.n; i++) fastchat_write_answer(&answers.items[i], out);
    for (size_t i = 0; i < prompts.n; i++) fastchat_write_prompt(&prompts.items[i], out);
    for (size_t i = 0; i < judgments.n; i++) fastchat_write_judgment(&judgments.items[i], out);
    arena_free(arena);
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    struct buf first = {0}, second = {0};
    struct err err = {0};
    if (!n_bytes) return 0;
    int kind = bytes[0] % N_KINDS;
    if (copy(kind, (const char *)bytes + 1, n_bytes - 1, &first, &err)) {
        if (!copy(kind, buf_string(&first), first.n_bytes, &second, &err)) abort();
        if (strcmp(buf_string(&first), buf_string(&second)) != 0) abort();
    } else if (!err.message[0] || (err.code == ERR_INPUT && err.line < 1)) abort();
    buf_free(&first);
    buf_free(&second);
    return 0;
}
