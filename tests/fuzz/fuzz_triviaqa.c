/* fuzz_triviaqa.c - any bytes are either read as questions or refused with a line of the text; what
 * was read has answers, whose normal forms are normal.
 *
 * The first byte chooses the layout, the rest is the file.
 */
#include "suites/triviaqa_data.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "suites/answer_match.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static void check_question(const struct trivia_question *question)
{
    if (!question->id || !question->text || !question->value || question->line < 1) abort();
    if (!question->n_gold) abort();
    for (size_t i = 0; i < question->n_gold; i++) {
        struct buf once = {0}, twice = {0};
        bool is_exact;
        double f1;
        answer_normalize(question->gold[i], &once);
        answer_normalize(buf_string(&once), &twice);
        if (strcmp(buf_string(&once), buf_string(&twice)) != 0) abort();
        if (!answer_score(buf_string(&once), question->gold, question->n_gold, &is_exact, &f1,
                          NULL))
            abort();
        if (!is_exact || f1 < 0 || f1 > 1 || (once.n_bytes && f1 < 1)) abort();
        buf_free(&once);
        buf_free(&twice);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    struct trivia_file file;
    struct err err = {0};
    if (!n_bytes) return 0;
    /* Behind the text stands a zero, as behind what is read from a file. */
    char *text = calloc(n_bytes, 1);
    struct arena *arena = arena_new(64 << 20, NULL);
    if (!text || !arena) abort();
    memcpy(text, bytes + 1, n_bytes - 1);
    const char *path = bytes[0] & 1 ? "input.tsv" : "input.json";
    if (trivia_parse(path, text, n_bytes - 1, arena, &file, &err))
        for (size_t i = 0; i < file.n; i++) check_question(&file.questions[i]);
    else if ((err.code != ERR_INPUT && err.code != ERR_MEMORY) ||
             (err.code == ERR_INPUT && err.line < 1))
        abort();
    arena_free(arena);
    free(text);
    return 0;
}
