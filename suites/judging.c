/* judging.c - see judging.h. A template is Python's: {name} is a field, {{ and }} are braces.
 *
 * Replies are searched as FastChat's regular expressions do: \[\[(\d+\.?\d*)\]\] and then
 * \[(\d+\.?\d*)\], the first match of each. FastChat takes any number that it finds; here one that
 * is not on the scale is no score, since means and their errors would be of something else. Nor is
 * one a score that stands in the judge's reasoning.
 */
#include "suites/judging.h"

#include "base/mem.h"
#include "suites/reasoning.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Categories ---- */

static const struct {
    const char *name;
    double temperature;
    bool has_reference;
} CATEGORIES[] = {
    {"writing", 0.7, false}, {"roleplay", 0.7, false},   {"extraction", 0, false},
    {"math", 0, true},       {"coding", 0, true},        {"reasoning", 0, true},
    {"stem", 0.1, false},    {"humanities", 0.1, false},
};
enum { N_CATEGORIES = COUNT_OF(CATEGORIES) };

double judging_temperature(const char *category)
{
    for (size_t i = 0; i < N_CATEGORIES; i++)
        if (!strcmp(CATEGORIES[i].name, category)) return CATEGORIES[i].temperature;
    return 0.7;
}

bool judging_has_reference(const char *category)
{
    for (size_t i = 0; i < N_CATEGORIES; i++)
        if (!strcmp(CATEGORIES[i].name, category)) return CATEGORIES[i].has_reference;
    return false;
}

const char *judging_prompt_name(bool is_pair, const char *category, int turn)
{
    static const char *const names[2][2][JUDGING_TURNS] = {
        {{"single-v1", "single-v1-multi-turn"}, {"single-math-v1", "single-math-v1-multi-turn"}},
        {{"pair-v2", "pair-v2-multi-turn"}, {"pair-math-v1", "pair-math-v1-multi-turn"}},
    };
    return names[is_pair][judging_has_reference(category)][turn == 2];
}

/* ---- Prompts ---- */

/* The field's text, NULL if there is none of that name; *is_known tells the two apart. */
static const char *find_field(const struct judging_case *judged, const char *name, size_t n,
                              bool *is_known)
{
    const struct {
        const char *name, *text;
    } fields[] = {
        {"question", judged->questions[0]},      {"question_1", judged->questions[0]},
        {"question_2", judged->questions[1]},    {"ref_answer_1", judged->references[0]},
        {"ref_answer_2", judged->references[1]}, {"answer", judged->answers[0][0]},
        {"answer_1", judged->answers[0][0]},     {"answer_2", judged->answers[0][1]},
        {"answer_a", judged->answers[0][0]},     {"answer_a_1", judged->answers[0][0]},
        {"answer_a_2", judged->answers[0][1]},   {"answer_b", judged->answers[1][0]},
        {"answer_b_1", judged->answers[1][0]},   {"answer_b_2", judged->answers[1][1]},
    };
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        if (strlen(fields[i].name) == n && !memcmp(fields[i].name, name, n)) {
            *is_known = true;
            return fields[i].text;
        }
    *is_known = false;
    return NULL;
}

bool judging_render(const struct fastchat_prompt *prompt, const struct judging_case *judged,
                    struct buf *out, struct err *err)
{
    const char *at = prompt->template;
    while (*at) {
        size_t n = strcspn(at, "{}");
        buf_append(out, at, n);
        at += n;
        if (!*at) break;
        if (at[0] == at[1]) {
            buf_char(out, *at);
            at += 2;
            continue;
        }
        n = strcspn(at + 1, "{}");
        if (*at == '}' || at[1 + n] != '}')
            return err_set(err, ERR_INPUT, "the judge prompt %s has a brace without its partner",
                           prompt->name);
        bool is_known;
        const char *text = find_field(judged, at + 1, n, &is_known);
        if (!text)
            return err_set(err, ERR_INPUT, "the judge prompt %s asks for {%.*s}, which %s",
                           prompt->name, (int)n, at + 1,
                           is_known ? "this question does not have" : "is no field of it");
        buf_text(out, text);
        at += n + 2;
    }
    return buf_check(out, err);
}

bool judging_request(const struct fastchat_prompt *prompt, const struct judging_case *judged,
                     struct arena *arena, struct request *request, struct err *err)
{
    struct buf text = {0};
    const char **prompts = arena_alloc(arena, 1, sizeof *prompts, err);
    bool ok = prompts && judging_render(prompt, judged, &text, err) &&
              (prompts[0] = arena_string(arena, buf_string(&text), err)) != NULL;
    buf_free(&text);
    *request = (struct request){
        .kind = REQUEST_CHAT, .system = prompt->system, .prompts = prompts, .n_prompts = 1};
    return ok;
}

/* ---- Replies ---- */

/* The number between n opening and n closing brackets at `at`; NULL if there is none. */
static const char *match_number(const char *at, size_t n_brackets, size_t *n_chars)
{
    for (size_t i = 0; i < n_brackets; i++)
        if (*at++ != '[') return NULL;
    size_t n = strspn(at, "0123456789");
    if (!n) return NULL;
    if (at[n] == '.') n++;
    n += strspn(at + n, "0123456789");
    for (size_t i = 0; i < n_brackets; i++)
        if (at[n + i] != ']') return NULL;
    *n_chars = n;
    return at;
}

/* The first number in double brackets, else the first in single ones; NULL without any. */
static const char *find_number(const char *reply, size_t *n_chars)
{
    for (size_t n_brackets = 2; n_brackets; n_brackets--)
        for (const char *at = strchr(reply, '['); at; at = strchr(at + 1, '[')) {
            const char *number = match_number(at, n_brackets, n_chars);
            if (number) return number;
        }
    return NULL;
}

double judging_read_score(const char *reply, bool *is_whole)
{
    struct reasoning_parts parts;
    size_t n_chars = 0;
    reasoning_split(reply, strlen(reply), false, &parts);
    const char *number = find_number(buf_string(&parts.answer), &n_chars);
    double score = number ? strtod(number, NULL) : FASTCHAT_MISSING;
    bool is_found = fastchat_is_score(score);
    if (is_whole) *is_whole = !is_found || !memchr(number, '.', n_chars);
    reasoning_done(&parts);
    return is_found ? score : FASTCHAT_MISSING;
}

char judging_read_winner(const char *reply)
{
    struct reasoning_parts parts;
    char winner = 0;
    reasoning_split(reply, strlen(reply), false, &parts);
    const char *answer = buf_string(&parts.answer);
    if (strstr(answer, "[[A]]")) winner = 'A';
    else if (strstr(answer, "[[B]]")) winner = 'B';
    else if (strstr(answer, "[[C]]")) winner = 'C';
    reasoning_done(&parts);
    return winner;
}

double judging_read_win(const char *reply, bool is_b)
{
    char winner = judging_read_winner(reply);
    if (!winner) return FASTCHAT_MISSING;
    return winner == 'C' ? 0.5 : (winner == 'B') == is_b;
}

static const char *winner_of_game(char letter, size_t game)
{
    if (!letter) return "error";
    if (letter == 'C') return "tie";
    return (letter == 'A') == (game == 0) ? "model_1" : "model_2";
}

void judging_correct(struct fastchat_judgment *judgment)
{
    for (size_t game = 0; game < (judgment->is_pair ? 2 : 1); game++) {
        const char *reply = judgment->judgments[game];
        struct reasoning_parts parts;
        reasoning_split(reply, strlen(reply), false, &parts);
        if (parts.is_found && judgment->is_pair)
            judgment->winners[game] = winner_of_game(judging_read_winner(reply), game);
        else if (parts.is_found)
            judgment->score = judging_read_score(reply, &judgment->score_is_whole);
        reasoning_done(&parts);
    }
}

bool judging_is_pair(const char *prompt_name)
{
    return !strncmp(prompt_name, "pair-", 5);
}

/* ---- The rule ---- */

/* A text's words, lower case, sorted. */
struct words {
    char *text;
    const char **items; /* in text */
    size_t n;
};

static int compare_words(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void words_done(struct words *words)
{
    free(words->text);
    free(words->items);
}

/* Letters and digits of ASCII and every byte beyond it belong to words. */
static bool is_word(unsigned char c)
{
    return c >= 0x80 || isalnum(c);
}

static void words_init(struct words *words, const char *text)
{
    size_t n = strlen(text);
    *words = (struct words){.text = mem_new_or_end(n + 1, 1),
                            .items = mem_new_or_end(n / 2 + 1, sizeof *words->items)};
    memcpy(words->text, text, n);
    for (char *at = words->text; *at;) {
        if (!is_word((unsigned char)*at)) {
            at++;
            continue;
        }
        words->items[words->n++] = at;
        for (; is_word((unsigned char)*at); at++)
            if (*at >= 'A' && *at <= 'Z') *at = (char)(*at - 'A' + 'a');
        if (*at) *at++ = 0;
    }
    qsort(words->items, words->n, sizeof *words->items, compare_words);
}

static size_t count_common(const struct words *a, const struct words *b)
{
    size_t n = 0;
    for (size_t i = 0, k = 0; i < a->n && k < b->n;) {
        int order = strcmp(a->items[i], b->items[k]);
        n += order == 0;
        i += order <= 0;
        k += order >= 0;
    }
    return n;
}

double judging_match_reference(const char *answer, const char *reference)
{
    struct words given, wanted;
    double f1 = 0;
    words_init(&given, answer);
    words_init(&wanted, reference);
    if (given.n + wanted.n)
        f1 = 2 * (double)count_common(&given, &wanted) / (double)(given.n + wanted.n);
    words_done(&given);
    words_done(&wanted);
    return round(100 + 900 * f1) / 100;
}
