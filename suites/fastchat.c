/* fastchat.c - see fastchat.h. A record's members are read by name in any order and written in
 * FastChat's; what is left over is kept as text.
 *
 * Knows the form of the files, not what prompts and scores mean (suites/judging.h).
 */
#include "suites/fastchat.h"

#include "base/file.h"
#include "base/json.h"
#include "suites/judging.h"

#include <stdlib.h>
#include <string.h>

static const size_t MAX_FILE_BYTES = (size_t)1 << 30;
static const char FAILURES[] = "failures";

/* ---- Reading members ---- */

/* A line that is being read. */
struct reader {
    struct arena *arena;
    const struct json *value;
    void *list;
    int line;
};

/* Makes room for one more than n items: the list moves to twice the room whenever it is full. */
static void *grow(struct arena *arena, void *items, size_t n, size_t size, struct err *err)
{
    if (n & (n - 1)) return items; /* n is not a power of two: there is room */
    void *moved = arena_alloc(arena, n ? 2 * n : 1, size, err);
    if (moved && n) memcpy(moved, items, n * size);
    return moved;
}

static bool read_text(const struct reader *reader, const char *key, const char **text,
                      struct err *err)
{
    const char *given = json_require_string(reader->value, key, err);
    return given && (*text = arena_string(reader->arena, given, err));
}

static bool read_number(const struct reader *reader, const char *key, double *number,
                        struct err *err)
{
    const struct json *value = json_get(reader->value, key);
    if (!value) return err_set(err, ERR_INPUT, "the key \"%s\" is missing", key);
    if (json_kind(value) != JSON_KIND_NUMBER)
        return err_set(err, ERR_INPUT, "\"%s\" must be a number", key);
    *number = json_as_number(value, 0);
    return true;
}

static bool read_integer(const struct reader *reader, const char *key, int64_t *number,
                         struct err *err)
{
    double unused;
    if (!read_number(reader, key, &unused, err)) return false;
    *number = json_as_integer(json_get(reader->value, key), INT64_MIN);
    return *number != INT64_MIN || err_set(err, ERR_INPUT, "\"%s\" must be an integer", key);
}

static bool read_id(const struct reader *reader, struct fastchat_id *id, struct err *err)
{
    static const char key[] = "question_id";
    const struct json *value = json_get(reader->value, key);
    int64_t number;
    *id = (struct fastchat_id){.is_text = json_kind(value) == JSON_KIND_STRING};
    if (id->is_text) return read_text(reader, key, &id->text, err);
    if (!read_integer(reader, key, &number, err)) return false;
    id->text = arena_printf(reader->arena, err, "%lld", (long long)number);
    return id->text != NULL;
}

static bool read_texts(const struct reader *reader, const struct json *array, const char *key,
                       struct fastchat_texts *texts, struct err *err)
{
    size_t n = json_length(array);
    if (json_kind(array) != JSON_KIND_ARRAY || !n)
        return err_set(err, ERR_INPUT, "\"%s\" must be a list of texts", key);
    const char **items = arena_alloc(reader->arena, n, sizeof *items, err);
    if (!items) return false;
    *texts = (struct fastchat_texts){items, n};
    for (size_t i = 0; i < n; i++) {
        const char *text = json_as_string(json_at(array, i), NULL);
        if (!text) return err_set(err, ERR_INPUT, "\"%s\" must be a list of texts", key);
        if (!(items[i] = arena_string(reader->arena, text, err))) return false;
    }
    return true;
}

static bool is_known(const char *const *known, const char *key)
{
    while (*known && strcmp(*known, key) != 0) known++;
    return *known != NULL;
}

/* The members that are not among the known ones (NULL-ended), as text that follows a member. */
static bool read_rest(const struct reader *reader, const char *const *known, const char **rest,
                      struct err *err)
{
    struct buf text = {0};
    struct json_writer writer = {.out = &text, .is_pythonic = true};
    const char *key;
    const struct json *member;
    bool ok = true;
    json_begin_object(&writer);
    for (void *it = NULL; ok && (it = json_next_member(reader->value, it, &key, &member));) {
        if (is_known(known, key)) continue;
        buf_text(&text, writer.has_items[0] ? "" : ", ");
        json_key(&writer, key);
        ok = json_put_value(&writer, member, err);
    }
    ok = ok && buf_check(&text, err) &&
         (*rest = arena_string(reader->arena, buf_string(&text) + 1, err)) != NULL;
    buf_free(&text);
    return ok;
}

static bool check_object(const struct json *value, struct err *err)
{
    return json_kind(value) == JSON_KIND_OBJECT ||
           err_set(err, ERR_INPUT, "a line must be a JSON object");
}

/* ---- Lines ---- */

/* Reads the lines of a text, and adds what was borne with to the list's. */
static bool parse(const char *path, const char *text, size_t n_bytes, json_line_fn *line,
                  bool may_be_torn, struct reader *reader, struct fastchat_damage *damage,
                  struct err *err)
{
    struct json_damage found = {0};
    struct fastchat_damage torn = {.n_torn = 1, .torn_file = path};
    if (!json_parse_damaged_lines(text, n_bytes, path, &found, line, reader, err)) return false;
    torn.torn_line = found.torn_line;
    if (found.torn_line && !may_be_torn) return fastchat_check_whole(&torn, err);
    const char *kept = arena_string(reader->arena, path, err);
    if (!kept) return false;
    if (found.n_repaired && !damage->n_repaired) {
        damage->repaired_file = kept;
        damage->repaired_line = found.repaired_line;
    }
    if (found.torn_line && !damage->n_torn) {
        damage->torn_file = kept;
        damage->torn_line = found.torn_line;
    }
    damage->n_repaired += found.n_repaired;
    damage->n_torn += found.torn_line > 0;
    return true;
}

bool fastchat_check_whole(const struct fastchat_damage *damage, struct err *err)
{
    return !damage->n_torn || err_set_at(err, ERR_INPUT, damage->torn_file, damage->torn_line, 0,
                                         "the last line is torn: it has no end, and is no JSON");
}

/* ---- Questions ---- */

static bool read_question(void *context, const struct json *value, int line, struct err *err)
{
    static const char *const known[] = {"question_id", "category", "turns", "reference", NULL};
    struct reader *reader = context;
    struct fastchat_questions *list = reader->list;
    list->items = grow(reader->arena, list->items, list->n, sizeof *list->items, err);
    if (!list->items || !check_object(value, err)) return false;
    struct fastchat_question *question = &list->items[list->n];
    *question = (struct fastchat_question){.line = line};
    reader->value = value;
    const struct json *references = json_get(value, "reference");
    if (!read_id(reader, &question->id, err) ||
        !read_text(reader, "category", &question->category, err) ||
        !read_texts(reader, json_get(value, "turns"), "turns", &question->turns, err) ||
        (references && !read_texts(reader, references, "reference", &question->references, err)) ||
        !read_rest(reader, known, &question->rest, err))
        return false;
    if (fastchat_find_question(list, question->id))
        return err_set(err, ERR_INPUT, "the question %s stands here a second time",
                       question->id.text);
    list->n++;
    return true;
}

bool fastchat_parse_questions(const char *path, const char *text, size_t n_bytes,
                              struct arena *arena, struct fastchat_questions *list, struct err *err)
{
    struct reader reader = {.arena = arena, .list = list};
    return parse(path, text, n_bytes, read_question, false, &reader, &list->damage, err);
}

bool fastchat_read_questions(const char *path, struct arena *arena, struct fastchat_questions *list,
                             struct err *err)
{
    size_t n_bytes;
    char *text = file_read(path, MAX_FILE_BYTES, &n_bytes, err);
    bool ok = text && fastchat_parse_questions(path, text, n_bytes, arena, list, err);
    free(text);
    return ok;
}

/* ---- Answers ---- */

static bool read_choice(const struct reader *reader, const struct json *value,
                        struct fastchat_choice *choice, struct err *err)
{
    struct reader inner = {.arena = reader->arena, .value = value};
    const struct json *failures = json_get(value, FAILURES);
    if (!check_object(value, err) || !read_integer(&inner, "index", &choice->index, err) ||
        !read_texts(&inner, json_get(value, "turns"), "turns", &choice->turns, err) ||
        (failures && !read_texts(&inner, failures, FAILURES, &choice->failures, err)))
        return false;
    return !failures || choice->failures.n == choice->turns.n ||
           err_set(err, ERR_INPUT, "\"%s\" must have as many texts as \"turns\"", FAILURES);
}

static bool read_choices(const struct reader *reader, struct fastchat_answer *answer,
                         struct err *err)
{
    const struct json *array = json_get(reader->value, "choices");
    size_t n = json_length(array);
    if (!n) return err_set(err, ERR_INPUT, "\"choices\" must be a list of answers");
    struct fastchat_choice *choices = arena_alloc(reader->arena, n, sizeof *choices, err);
    if (!choices) return false;
    for (size_t i = 0; i < n; i++)
        if (!read_choice(reader, json_at(array, i), &choices[i], err)) return false;
    answer->choices = choices;
    answer->n_choices = n;
    return true;
}

static bool read_answer(void *context, const struct json *value, int line, struct err *err)
{
    static const char *const known[] = {"question_id", "answer_id", "model_id",
                                        "choices",     "tstamp",    NULL};
    struct reader *reader = context;
    struct fastchat_answers *list = reader->list;
    list->items = grow(reader->arena, list->items, list->n, sizeof *list->items, err);
    if (!list->items || !check_object(value, err)) return false;
    struct fastchat_answer *answer = &list->items[list->n];
    *answer = (struct fastchat_answer){.line = line};
    reader->value = value;
    if (!read_id(reader, &answer->question, err) ||
        !read_text(reader, "answer_id", &answer->id, err) ||
        !read_text(reader, "model_id", &answer->model, err) || !read_choices(reader, answer, err) ||
        !read_number(reader, "tstamp", &answer->unix_s, err) ||
        !read_rest(reader, known, &answer->rest, err))
        return false;
    list->n++;
    return true;
}

bool fastchat_parse_answers(const char *path, const char *text, size_t n_bytes, struct arena *arena,
                            struct fastchat_answers *list, struct err *err)
{
    struct reader reader = {.arena = arena, .list = list};
    return parse(path, text, n_bytes, read_answer, true, &reader, &list->damage, err);
}

bool fastchat_read_answers(const char *path, struct arena *arena, struct fastchat_answers *list,
                           struct err *err)
{
    size_t n_bytes;
    char *text = file_read(path, MAX_FILE_BYTES, &n_bytes, err);
    bool ok = text && fastchat_parse_answers(path, text, n_bytes, arena, list, err);
    free(text);
    return ok;
}

/* ---- Judge prompts ---- */

static bool read_prompt(void *context, const struct json *value, int line, struct err *err)
{
    static const char *const known[] = {
        "name",        "type",     "system_prompt", "prompt_template",
        "description", "category", "output_format", NULL};
    struct reader *reader = context;
    struct fastchat_prompts *list = reader->list;
    list->items = grow(reader->arena, list->items, list->n, sizeof *list->items, err);
    if (!list->items || !check_object(value, err)) return false;
    struct fastchat_prompt *prompt = &list->items[list->n];
    *prompt = (struct fastchat_prompt){.line = line};
    reader->value = value;
    const char **fields[] = {&prompt->name,         &prompt->type,        &prompt->system,
                             &prompt->template,     &prompt->description, &prompt->category,
                             &prompt->output_format};
    for (size_t i = 0; known[i]; i++)
        if (!read_text(reader, known[i], fields[i], err)) return false;
    if (!read_rest(reader, known, &prompt->rest, err)) return false;
    list->n++;
    return true;
}

bool fastchat_parse_prompts(const char *path, const char *text, size_t n_bytes, struct arena *arena,
                            struct fastchat_prompts *list, struct err *err)
{
    struct reader reader = {.arena = arena, .list = list};
    return parse(path, text, n_bytes, read_prompt, false, &reader, &list->damage, err);
}

bool fastchat_read_prompts(const char *path, struct arena *arena, struct fastchat_prompts *list,
                           struct err *err)
{
    size_t n_bytes;
    char *text = file_read(path, MAX_FILE_BYTES, &n_bytes, err);
    bool ok = text && fastchat_parse_prompts(path, text, n_bytes, arena, list, err);
    free(text);
    return ok;
}

/* ---- Judgments ---- */

static bool read_judge(const struct reader *reader, struct fastchat_judgment *judgment,
                       struct err *err)
{
    struct fastchat_texts judge;
    if (!read_texts(reader, json_get(reader->value, "judge"), "judge", &judge, err)) return false;
    if (judge.n != 2)
        return err_set(err, ERR_INPUT, "\"judge\" must be a model and the name of a prompt");
    judgment->judge = judge.items[0];
    judgment->prompt_name = judge.items[1];
    return true;
}

static bool read_single(const struct reader *reader, struct fastchat_judgment *judgment,
                        struct err *err)
{
    static const char *const known[] = {"question_id", "model", "judge",  "user_prompt", "judgment",
                                        "score",       "turn",  "tstamp", NULL};
    judgment->score_is_whole = json_is_whole_number(json_get(reader->value, "score"));
    return read_text(reader, "model", &judgment->models[0], err) &&
           read_text(reader, "user_prompt", &judgment->user_prompts[0], err) &&
           read_text(reader, "judgment", &judgment->judgments[0], err) &&
           read_number(reader, "score", &judgment->score, err) &&
           read_rest(reader, known, &judgment->rest, err);
}

static bool read_winner(const struct reader *reader, const char *key, const char **winner,
                        struct err *err)
{
    static const char *const winners[] = {"model_1", "model_2", "tie", "error", NULL};
    if (!read_text(reader, key, winner, err)) return false;
    return is_known(winners, *winner) ||
           err_set(err, ERR_INPUT, "\"%s\" is \"%s\", not model_1, model_2, tie or error", key,
                   *winner);
}

static bool read_pair(const struct reader *reader, struct fastchat_judgment *judgment,
                      struct err *err)
{
    static const char *const known[] = {
        "question_id", "model_1",        "model_2",     "g1_winner",      "g2_winner",
        "judge",       "g1_user_prompt", "g1_judgment", "g2_user_prompt", "g2_judgment",
        "turn",        "tstamp",         NULL};
    judgment->is_pair = true;
    return read_text(reader, "model_1", &judgment->models[0], err) &&
           read_text(reader, "model_2", &judgment->models[1], err) &&
           read_winner(reader, "g1_winner", &judgment->winners[0], err) &&
           read_winner(reader, "g2_winner", &judgment->winners[1], err) &&
           read_text(reader, "g1_user_prompt", &judgment->user_prompts[0], err) &&
           read_text(reader, "g1_judgment", &judgment->judgments[0], err) &&
           read_text(reader, "g2_user_prompt", &judgment->user_prompts[1], err) &&
           read_text(reader, "g2_judgment", &judgment->judgments[1], err) &&
           read_rest(reader, known, &judgment->rest, err);
}

static bool read_judgment(void *context, const struct json *value, int line, struct err *err)
{
    struct reader *reader = context;
    struct fastchat_judgments *list = reader->list;
    list->items = grow(reader->arena, list->items, list->n, sizeof *list->items, err);
    if (!list->items || !check_object(value, err)) return false;
    struct fastchat_judgment *judgment = &list->items[list->n];
    *judgment = (struct fastchat_judgment){.line = line};
    reader->value = value;
    bool is_pair = json_get(value, "model_1") != NULL;
    if (!read_id(reader, &judgment->question, err) || !read_judge(reader, judgment, err) ||
        !read_integer(reader, "turn", &judgment->turn, err) ||
        !read_number(reader, "tstamp", &judgment->unix_s, err) ||
        !(is_pair ? read_pair : read_single)(reader, judgment, err))
        return false;
    judging_correct(judgment);
    list->n++;
    return true;
}

bool fastchat_parse_judgments(const char *path, const char *text, size_t n_bytes,
                              struct arena *arena, struct fastchat_judgments *list, struct err *err)
{
    struct reader reader = {.arena = arena, .list = list};
    return parse(path, text, n_bytes, read_judgment, true, &reader, &list->damage, err);
}

bool fastchat_read_judgments(const char *path, struct arena *arena, struct fastchat_judgments *list,
                             struct err *err)
{
    size_t n_bytes;
    char *text = file_read(path, MAX_FILE_BYTES, &n_bytes, err);
    bool ok = text && fastchat_parse_judgments(path, text, n_bytes, arena, list, err);
    free(text);
    return ok;
}

/* ---- Writing ---- */

static void set_id(struct json_writer *writer, struct fastchat_id id)
{
    json_key(writer, "question_id");
    if (id.is_text) json_put_string(writer, id.text);
    else json_put_raw(writer, id.text);
}

static struct json_writer begin_line(struct buf *out)
{
    struct json_writer writer = {.out = out, .is_pythonic = true};
    json_begin_object(&writer);
    return writer;
}

static void end_line(struct json_writer *writer, const char *rest)
{
    if (rest) buf_text(writer->out, rest);
    json_end_object(writer);
    buf_char(writer->out, '\n');
}

static void put_texts(struct json_writer *writer, const char *key, struct fastchat_texts texts)
{
    json_set_strings(writer, key, texts.items, texts.n);
}

void fastchat_write_question(const struct fastchat_question *question, struct buf *out)
{
    struct json_writer writer = begin_line(out);
    set_id(&writer, question->id);
    json_set_string(&writer, "category", question->category);
    put_texts(&writer, "turns", question->turns);
    if (question->references.n) put_texts(&writer, "reference", question->references);
    end_line(&writer, question->rest);
}

void fastchat_write_answer(const struct fastchat_answer *answer, struct buf *out)
{
    struct json_writer writer = begin_line(out);
    set_id(&writer, answer->question);
    json_set_string(&writer, "answer_id", answer->id);
    json_set_string(&writer, "model_id", answer->model);
    json_key(&writer, "choices");
    json_begin_array(&writer);
    for (size_t i = 0; i < answer->n_choices; i++) {
        json_begin_object(&writer);
        json_set_integer(&writer, "index", answer->choices[i].index);
        put_texts(&writer, "turns", answer->choices[i].turns);
        if (answer->choices[i].failures.n)
            put_texts(&writer, FAILURES, answer->choices[i].failures);
        json_end_object(&writer);
    }
    json_end_array(&writer);
    json_set_number(&writer, "tstamp", answer->unix_s);
    end_line(&writer, answer->rest);
}

void fastchat_write_prompt(const struct fastchat_prompt *prompt, struct buf *out)
{
    struct json_writer writer = begin_line(out);
    json_set_string(&writer, "name", prompt->name);
    json_set_string(&writer, "type", prompt->type);
    json_set_string(&writer, "system_prompt", prompt->system);
    json_set_string(&writer, "prompt_template", prompt->template);
    json_set_string(&writer, "description", prompt->description);
    json_set_string(&writer, "category", prompt->category);
    json_set_string(&writer, "output_format", prompt->output_format);
    end_line(&writer, prompt->rest);
}

static void put_judge(struct json_writer *writer, const struct fastchat_judgment *judgment)
{
    const char *const judge[] = {judgment->judge, judgment->prompt_name};
    json_set_strings(writer, "judge", judge, 2);
}

void fastchat_write_judgment(const struct fastchat_judgment *judgment, struct buf *out)
{
    struct json_writer writer = begin_line(out);
    set_id(&writer, judgment->question);
    if (judgment->is_pair) {
        json_set_string(&writer, "model_1", judgment->models[0]);
        json_set_string(&writer, "model_2", judgment->models[1]);
        json_set_string(&writer, "g1_winner", judgment->winners[0]);
        json_set_string(&writer, "g2_winner", judgment->winners[1]);
        put_judge(&writer, judgment);
        json_set_string(&writer, "g1_user_prompt", judgment->user_prompts[0]);
        json_set_string(&writer, "g1_judgment", judgment->judgments[0]);
        json_set_string(&writer, "g2_user_prompt", judgment->user_prompts[1]);
        json_set_string(&writer, "g2_judgment", judgment->judgments[1]);
    } else {
        json_set_string(&writer, "model", judgment->models[0]);
        put_judge(&writer, judgment);
        json_set_string(&writer, "user_prompt", judgment->user_prompts[0]);
        json_set_string(&writer, "judgment", judgment->judgments[0]);
        if (judgment->score_is_whole) json_set_integer(&writer, "score", (int64_t)judgment->score);
        else json_set_number(&writer, "score", judgment->score);
    }
    json_set_integer(&writer, "turn", judgment->turn);
    json_set_number(&writer, "tstamp", judgment->unix_s);
    end_line(&writer, judgment->rest);
}

/* ---- Looking ---- */

bool fastchat_same_id(struct fastchat_id a, struct fastchat_id b)
{
    return !strcmp(a.text, b.text);
}

const char *fastchat_failure(const struct fastchat_choice *choice, size_t i_turn)
{
    bool is_told = i_turn < choice->failures.n && choice->failures.items[i_turn][0];
    return is_told ? choice->failures.items[i_turn] : NULL;
}

bool fastchat_is_score(double number)
{
    return number >= FASTCHAT_LEAST && number <= FASTCHAT_MOST;
}

bool fastchat_has_score(const struct fastchat_judgment *judgment)
{
    if (!judgment->is_pair) return fastchat_is_score(judgment->score);
    return strcmp(judgment->winners[0], "error") != 0 && strcmp(judgment->winners[1], "error") != 0;
}

bool fastchat_is_same_answer(const struct fastchat_judgment *a, const struct fastchat_judgment *b)
{
    return a->is_pair == b->is_pair && fastchat_same_id(a->question, b->question) &&
           a->turn == b->turn && !strcmp(a->models[0], b->models[0]) &&
           (!a->is_pair || !strcmp(a->models[1], b->models[1]));
}

static bool is_same_game(const struct fastchat_judgment *a, const struct fastchat_judgment *b,
                         size_t game)
{
    return !strcmp(a->user_prompts[game], b->user_prompts[game]) &&
           !strcmp(a->judgments[game], b->judgments[game]) &&
           (!a->is_pair || !strcmp(a->winners[game], b->winners[game]));
}

static bool is_duplicate(const struct fastchat_judgment *a, const struct fastchat_judgment *b)
{
    return a->unix_s == b->unix_s && fastchat_is_same_answer(a, b) && !strcmp(a->judge, b->judge) &&
           !strcmp(a->prompt_name, b->prompt_name) && a->score == b->score &&
           !strcmp(a->rest, b->rest) && is_same_game(a, b, 0) &&
           (!a->is_pair || is_same_game(a, b, 1));
}

size_t fastchat_drop_duplicates(struct fastchat_judgments *list)
{
    size_t n = 0, n_before = list->n;
    for (size_t i = 0; i < n_before; i++) {
        size_t k = 0;
        while (k < n && !is_duplicate(&list->items[k], &list->items[i])) k++;
        if (k == n) list->items[n++] = list->items[i];
    }
    list->n = n;
    return n_before - n;
}

/* ---- Finding ---- */

const struct fastchat_question *fastchat_find_question(const struct fastchat_questions *list,
                                                       struct fastchat_id id)
{
    for (size_t i = 0; i < list->n; i++)
        if (fastchat_same_id(list->items[i].id, id)) return &list->items[i];
    return NULL;
}

const struct fastchat_answer *fastchat_find_answer(const struct fastchat_answers *list,
                                                   struct fastchat_id id)
{
    for (size_t i = 0; i < list->n; i++)
        if (fastchat_same_id(list->items[i].question, id)) return &list->items[i];
    return NULL;
}

const struct fastchat_prompt *fastchat_find_prompt(const struct fastchat_prompts *list,
                                                   const char *name)
{
    for (size_t i = 0; i < list->n; i++)
        if (!strcmp(list->items[i].name, name)) return &list->items[i];
    return NULL;
}
