/* mmlu.c - see mmlu.h: reads the CSV files, builds prompts, grades by the most probable letter.
 *
 * An item's fields are question, A, B, C, D, answer. Examples are the first rows of the subject's
 * dev file, in order. Prompts are built from byte-exact fields: no protocol changes them but for
 * stripping the question. Knows nothing of tokens; who answers decides what fits.
 */
#include "suites/mmlu.h"

#include "base/csv.h"
#include "base/file.h"
#include "base/letter_case.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "suites/mmlu_subjects.h"
#include "suites/prompt_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_CHOICES = 4, ANSWER = 5, N_FIELDS = 6, MAX_SHOTS = 100, MAX_ITEMS = 1 << 24 };
static const size_t MAX_FILE_BYTES = (size_t)256 << 20;
static const char *const LETTERS[N_CHOICES] = {" A", " B", " C", " D"};
static const char SEPARATOR[] = "\n\n"; /* behind an example */

struct protocol {
    const char *name;
    int default_shots;
    enum fit_policy fit;
    const char *header;  /* before the subject's name, "" for no header line */
    const char *end;     /* of the header, behind the name */
    const char *lead;    /* before the question */
    const char *options; /* after the question */
    bool strips_question;
    bool is_continuation; /* scores the choices themselves and shows no letters */
};

/* The original script puts a space before every word of the subject, the first one too. */
static const struct protocol PROTOCOLS[] = {
    {"hendrycks", 5, FIT_FEWER_SHOTS,
     "The following are multiple choice questions (with answers) about  ", ".\n\n", "", "\n", false,
     false},
    {"lm-eval", 0, FIT_KEEP_END,
     "The following are multiple choice questions (with answers) about ", ".\n\n", "", "\n", true,
     false},
    {"phi3", 5, FIT_FEWER_SHOTS, "", "", "Question:\n", "\nOptions:\n", false, false},
    {"continuation", 0, FIT_KEEP_END, "The following are questions (with answers) about ", ".\n\n",
     "Question: ", "\n", true, true},
    {"lighteval", 0, FIT_KEEP_END, "The following are questions about ", ".\n", "Question: ", "\n",
     false, true},
};
enum { N_PROTOCOLS = COUNT_OF(PROTOCOLS) };
static const char *const PROTOCOL_NAMES[] = {"hendrycks",    "lm-eval",   "phi3",
                                             "continuation", "lighteval", NULL};

struct subject {
    const char *name;                        /* "abstract_algebra" */
    const char *const (*examples)[N_FIELDS]; /* [n_examples] at least as many as shots */
    size_t n_examples;
};

struct state {
    const struct protocol *protocol;
    const struct subject *subjects; /* [n_subjects] */
    const uint32_t *subject_of;     /* [n_items] */
};

/* ---- Reading files ---- */

/* What loading gathers; the arrays move to the arena at the end. */
struct loader {
    const struct suite_options *options;
    struct dataset *dataset;
    struct arena *arena;
    struct sha256 *hash;
    const char *split;
    struct item *items;
    uint32_t *subject_of;
    struct subject *subjects;
    size_t n_items, n_subjects, items_capacity, subject_of_capacity, subjects_capacity;
    size_t n_items_before;             /* items of the subjects before the one that is being read */
    const char *(*examples)[N_FIELDS]; /* [n_examples] of the subject that is being read */
    size_t n_examples, examples_capacity;
};

typedef bool row_fn(struct loader *loader, const char *file, int line,
                    const char *const fields[N_FIELDS], bool *more, struct err *err);

static bool check_row(const struct csv *csv, const char *file, char *const *fields, size_t n,
                      struct err *err)
{
    static const char *const names[N_FIELDS] = {"the question", "choice A", "choice B",
                                                "choice C",     "choice D", "the answer letter"};
    int line, column;
    size_t i_bad = 0;
    if (n < N_FIELDS) {
        csv_place(csv, n, &line, &column);
        return err_set_at(err, ERR_INPUT, file, line, column, "%zu column%s of 6: %s is missing%s",
                          n, n == 1 ? "" : "s", names[n],
                          n == ANSWER ? "" : ", and so is what follows it");
    }
    if (n > N_FIELDS) {
        csv_place(csv, N_FIELDS, &line, &column);
        return err_set_at(err, ERR_INPUT, file, line, column,
                          "%zu columns, not 6: a field that contains a comma must stand in quotes",
                          n);
    }
    while (i_bad < N_FIELDS && utf8_is_valid(fields[i_bad], strlen(fields[i_bad]))) i_bad++;
    if (i_bad < N_FIELDS) {
        csv_place(csv, i_bad, &line, &column);
        return err_set_at(err, ERR_INPUT, file, line, column, "%s is not UTF-8", names[i_bad]);
    }
    const char *answer = fields[ANSWER];
    if (answer[0] >= 'A' && answer[0] <= 'D' && !answer[1]) return true;
    csv_place(csv, ANSWER, &line, &column);
    return err_set_at(err, ERR_INPUT, file, line, column,
                      "the answer is \"%s\", not one of the letters A, B, C, D", answer);
}

static bool copy_row(struct arena *arena, char *const *fields, const char *out[N_FIELDS],
                     struct err *err)
{
    for (size_t i = 0; i < N_FIELDS; i++)
        if (!(out[i] = arena_string(arena, fields[i], err))) return false;
    return true;
}

/* Checks every row of the text, and hands copies of rows to `row` while that wants more. */
static bool read_rows(struct loader *loader, const char *text, size_t n_bytes, const char *file,
                      row_fn *row, struct err *err)
{
    char **fields;
    size_t n;
    int line, status;
    bool fine = true, wants_more = true;
    struct csv *csv = csv_new(text, n_bytes, file, ',', err);
    if (!csv) return false;
    while (fine && (status = csv_next(csv, &fields, &n, &line, err)) > 0) {
        fine = check_row(csv, file, fields, n, err);
        if (!fine || !wants_more) continue;
        const char *copies[N_FIELDS];
        fine = copy_row(loader->arena, fields, copies, err) &&
               row(loader, file, line, copies, &wants_more, err);
    }
    csv_free(csv);
    return fine && status == 0;
}

/* Reads DATA/SPLIT/SUBJECT_SPLIT.csv, which the hash covers from then on. *file is the path, in the
 * arena. */
static bool read_file(struct loader *loader, const char *split, const char *subject,
                      const char **file, row_fn *row, struct err *err)
{
    struct arena *arena = loader->arena;
    const char *name = arena_printf(arena, err, "%s/%s_%s.csv", split, subject, split);
    char *path = name ? file_join(loader->options->data, name, err) : NULL;
    char *text = NULL;
    size_t n_bytes;
    bool done = path && (*file = arena_string(arena, path, err)) &&
                (text = file_read(path, MAX_FILE_BYTES, &n_bytes, err));
    if (done) {
        sha256_named(loader->hash, name, text, n_bytes);
        done = read_rows(loader, text, n_bytes, *file, row, err);
    }
    free(text);
    free(path);
    return done;
}

/* ---- Items and examples ---- */

static void set_groups(struct item *item)
{
    item->groups[item->n_groups++] = (struct item_group){"subject", item->subset};
    const char *subcategory = mmlu_subcategory_of(item->subset);
    if (!subcategory) return;
    item->groups[item->n_groups++] = (struct item_group){"subcategory", subcategory};
    item->groups[item->n_groups++] =
        (struct item_group){"category", mmlu_category_of(item->subset)};
}

static bool add_item(struct loader *loader, const char *file, int line,
                     const char *const fields[N_FIELDS], bool *more, struct err *err)
{
    size_t n = loader->n_items + 1, limit = loader->options->limit;
    const char **kept = arena_alloc(loader->arena, N_FIELDS, sizeof *kept, err);
    if (!kept ||
        !mem_grow((void **)&loader->items, &loader->items_capacity, n, sizeof *loader->items,
                  MAX_ITEMS, err) ||
        !mem_grow((void **)&loader->subject_of, &loader->subject_of_capacity, n,
                  sizeof *loader->subject_of, MAX_ITEMS, err))
        return false;
    memcpy(kept, fields, N_FIELDS * sizeof *kept);
    size_t i_subject = loader->n_subjects - 1;
    struct item *item = &loader->items[loader->n_items];
    *item = (struct item){.file = file, .line = line, .expected = fields[ANSWER]};
    item->subset = loader->subjects[i_subject].name;
    item->fields = kept;
    item->n_fields = N_FIELDS;
    item->key = arena_printf(loader->arena, err, "%s/%d", item->subset, line);
    if (!item->key) return false;
    set_groups(item);
    loader->subject_of[loader->n_items++] = (uint32_t)i_subject;
    *more = limit == 0 || loader->n_items - loader->n_items_before < limit;
    return true;
}

static bool keep_example(struct loader *loader, const char *file, int line,
                         const char *const fields[N_FIELDS], bool *more, struct err *err)
{
    (void)file, (void)line, (void)more;
    if (!mem_grow((void **)&loader->examples, &loader->examples_capacity, loader->n_examples + 1,
                  sizeof *loader->examples, MAX_ITEMS, err))
        return false;
    memcpy(loader->examples[loader->n_examples++], fields, sizeof *loader->examples);
    return true;
}

/* Whether the example is the question: it reads the same, and answers it. */
static bool is_example(const char *const *question, const char *const *example)
{
    const char *answer = example[1 + example[ANSWER][0] - 'A'];
    if (!letter_same_words(question[0], example[0])) return false;
    for (size_t i = 0; i < N_CHOICES; i++)
        if (letter_same_words(question[1 + i], answer)) return true;
    return false;
}

/* The positions of the first examples that are not the question itself: their number, `shots` at
 * most. */
static size_t choose_examples(const struct subject *subject, const char *const *question,
                              size_t shots, size_t *chosen)
{
    size_t n = 0;
    for (size_t i = 0; i < subject->n_examples && n < shots; i++)
        if (!is_example(question, subject->examples[i])) chosen[n++] = i;
    return n;
}

/* Counts the subject's questions that are among their own examples. */
static void count_own_examples(struct loader *loader, const struct subject *subject)
{
    struct own_examples *own = &loader->dataset->own_examples;
    size_t shots = (size_t)loader->dataset->shots, chosen[MAX_SHOTS];
    for (size_t i = loader->n_items_before; i < loader->n_items; i++) {
        size_t n = choose_examples(subject, loader->items[i].fields, shots, chosen);
        bool is_own = n < shots || (n && chosen[n - 1] >= n);
        loader->items[i].was_own_example = is_own;
        own->n_missing += n < shots;
        own->n_replaced += n == shots && is_own;
    }
}

static bool read_examples(struct loader *loader, struct subject *subject, struct err *err)
{
    int shots = loader->dataset->shots;
    if (shots == 0) return true;
    const char *file = NULL;
    loader->n_examples = 0;
    if (!read_file(loader, "dev", subject->name, &file, keep_example, err))
        return err_context(err, "reading the examples of subject %s", subject->name);
    if (loader->n_examples < (size_t)shots)
        return err_set_at(err, ERR_INPUT, file, 0, 0, "%zu example%s, and %d shots need as many",
                          loader->n_examples, loader->n_examples == 1 ? "" : "s", shots);
    subject->examples = arena_copy_array(loader->arena, loader->examples, loader->n_examples,
                                         sizeof *loader->examples, err);
    subject->n_examples = loader->n_examples;
    if (subject->examples) count_own_examples(loader, subject);
    return subject->examples != NULL;
}

static bool read_subject(struct loader *loader, const char *name, struct err *err)
{
    if (!mem_grow((void **)&loader->subjects, &loader->subjects_capacity, loader->n_subjects + 1,
                  sizeof *loader->subjects, MAX_ITEMS, err))
        return false;
    struct subject *subject = &loader->subjects[loader->n_subjects++];
    const char *file = NULL;
    *subject = (struct subject){.name = name};
    loader->n_items_before = loader->n_items;
    if (!read_file(loader, loader->split, name, &file, add_item, err)) return false;
    if (loader->n_items == loader->n_items_before)
        return err_set_at(err, ERR_INPUT, file, 1, 1, "there are no questions in this file");
    return read_examples(loader, subject, err);
}

/* ---- Loading ---- */

/* The subject of a file name "SUBJECT_SPLIT.csv", in the arena; NULL without an error for another
 * name. */
static const char *subject_of_name(struct loader *loader, const char *name, struct err *err)
{
    char ending[32];
    snprintf(ending, sizeof ending, "_%s.csv", loader->split);
    size_t n = strlen(name), n_ending = strlen(ending);
    if (n <= n_ending || strcmp(name + n - n_ending, ending) != 0) return NULL;
    return arena_copy(loader->arena, name, n - n_ending, err);
}

static bool check_subsets(const struct loader *loader, const char *folder, struct err *err)
{
    const struct suite_options *options = loader->options;
    for (size_t i = 0; i < options->n_subsets; i++) {
        size_t at = 0;
        while (at < loader->n_subjects && strcmp(loader->subjects[at].name, options->subsets[i]))
            at++;
        if (at == loader->n_subjects)
            return err_set_at(err, ERR_CONFIG, folder, 0, 0,
                              "there is no file of the subject \"%s\": %s_%s.csv",
                              options->subsets[i], options->subsets[i], loader->split);
    }
    return loader->n_subjects > 0 ||
           err_set_at(err, ERR_INPUT, folder, 0, 0, "there is no file named SUBJECT_%s.csv",
                      loader->split);
}

static bool read_subjects(struct loader *loader, struct err *err)
{
    char **names = NULL;
    size_t n_names = 0;
    char *folder = file_join(loader->options->data, loader->split, err);
    bool fine = folder != NULL;
    if (fine && !file_is_folder(folder))
        fine = err_set_at(err, ERR_CONFIG, folder, 0, 0,
                          "there is no such folder: MMLU's data holds dev/SUBJECT_dev.csv and "
                          "%s/SUBJECT_%s.csv",
                          loader->split, loader->split);
    fine = fine && file_list(folder, &names, &n_names, err);
    for (size_t i = 0; fine && i < n_names; i++) {
        struct err fault = {0};
        const char *subject = subject_of_name(loader, names[i], &fault);
        if (fault.code && err) *err = fault;
        fine = !fault.code && (!subject || !suite_wants_subset(loader->options, subject) ||
                               read_subject(loader, subject, err));
    }
    fine = fine && check_subsets(loader, folder, err);
    if (names) file_free_names(names, n_names);
    free(folder);
    return fine;
}

static bool finish_dataset(struct loader *loader, const struct protocol *protocol, struct err *err)
{
    struct arena *arena = loader->arena;
    struct dataset *dataset = loader->dataset;
    struct state *state = arena_alloc(arena, 1, sizeof *state, err);
    if (!state) return false;
    state->protocol = protocol;
    state->subjects = arena_copy_array(arena, loader->subjects, loader->n_subjects,
                                       sizeof *loader->subjects, err);
    state->subject_of = arena_copy_array(arena, loader->subject_of, loader->n_items,
                                         sizeof *loader->subject_of, err);
    dataset->items =
        arena_copy_array(arena, loader->items, loader->n_items, sizeof *loader->items, err);
    dataset->n_items = loader->n_items;
    dataset->chance = 1.0 / N_CHOICES;
    dataset->state = state;
    const struct own_examples *own = &dataset->own_examples;
    dataset_finish_hash(dataset, loader->hash, own->n_replaced + own->n_missing > 0);
    return state->subjects && state->subject_of && dataset->items;
}

static const struct protocol *find_protocol(const char *name, struct err *err)
{
    if (!name) return &PROTOCOLS[0];
    for (size_t i = 0; i < N_PROTOCOLS; i++)
        if (protocol_is(name, PROTOCOLS[i].name)) return &PROTOCOLS[i];
    if (!strcmp(name, "generative"))
        err_set(err, ERR_UNSUPPORTED, "not supported yet: the protocol generative of mmlu");
    else
        err_set(err, ERR_CONFIG,
                "mmlu has no protocol \"%s\": it has hendrycks, lm-eval, phi3, continuation and "
                "lighteval",
                name);
    return NULL;
}

static bool check_options(const struct suite_options *options, const char *split, int shots,
                          struct err *err)
{
    if (strcmp(split, "test") && strcmp(split, "val") && strcmp(split, "dev"))
        return err_set(err, ERR_CONFIG, "mmlu has no split \"%s\": it has test, val and dev",
                       split);
    if (options->shots < -1 || shots > MAX_SHOTS)
        return err_set(err, ERR_CONFIG, "mmlu takes 0 to %d shots, not %d", MAX_SHOTS,
                       options->shots);
    if (!strcmp(split, "dev") && shots > 0)
        return err_set(err, ERR_CONFIG,
                       "the split dev holds the examples: with it mmlu takes 0 shots");
    return true;
}

static struct dataset *load(const struct suite *suite, const struct suite_options *options,
                            struct err *err)
{
    const struct protocol *protocol = find_protocol(options->protocol, err);
    if (!protocol) return NULL;
    int shots = options->shots == -1 ? protocol->default_shots : options->shots;
    struct loader loader = {.options = options, .split = options->split ? options->split : "test"};
    if (!check_options(options, loader.split, shots, err)) return NULL;
    bool done = false;
    loader.dataset = dataset_new(suite, 0, err);
    loader.hash = sha256_new(err);
    if (!loader.dataset || !loader.hash) goto out;
    loader.arena = loader.dataset->arena;
    done = dataset_set_protocol(loader.dataset, &options->chat, shots, protocol->name, "", err) &&
           read_subjects(&loader, err) && finish_dataset(&loader, protocol, err);
out:
    free(loader.items);
    free(loader.subject_of);
    free(loader.subjects);
    free(loader.examples);
    sha256_free(loader.hash);
    if (!done) dataset_free(loader.dataset);
    return done ? loader.dataset : NULL;
}

/* ---- Requests ---- */

static void append_stripped(struct buf *out, const char *text)
{
    size_t n = strlen(text);
    const char *start = letter_strip(text, &n, true);
    buf_append(out, start, n);
}

static bool add_question(struct prompt_parts *parts, const struct protocol *protocol,
                         const char *const *fields, struct err *err)
{
    struct buf text = {0};
    buf_text(&text, protocol->lead);
    if (protocol->strips_question) append_stripped(&text, fields[0]);
    else buf_text(&text, fields[0]);
    buf_text(&text, protocol->options);
    if (!protocol->is_continuation)
        for (size_t i = 0; i < N_CHOICES; i++)
            buf_printf(&text, "%c. %s\n", "ABCD"[i], fields[1 + i]);
    buf_text(&text, "Answer:");
    const char *question = arena_take(parts->arena, &text, err);
    return question && prompt_parts_add(parts, PART_QUESTION, question, err);
}

static bool add_header(struct prompt_parts *parts, const struct protocol *protocol,
                       const char *subject, struct err *err)
{
    struct buf text = {0};
    if (!protocol->header[0]) return true;
    buf_text(&text, protocol->header);
    for (const char *c = subject; *c; c++) buf_char(&text, *c == '_' ? ' ' : *c);
    buf_text(&text, protocol->end);
    const char *header = arena_take(parts->arena, &text, err);
    return header && prompt_parts_add(parts, PART_DESCRIPTION, header, err);
}

/* What stands after "Answer: " of an example. */
static const char *answer_of(const struct protocol *protocol, const char *const *fields)
{
    return protocol->is_continuation ? fields[1 + fields[ANSWER][0] - 'A'] : fields[ANSWER];
}

static bool add_example(struct prompt_parts *parts, const struct protocol *protocol,
                        const char *const *fields, struct err *err)
{
    return add_question(parts, protocol, fields, err) &&
           prompt_parts_add(parts, PART_BETWEEN, " ", err) &&
           prompt_parts_add(parts, PART_ANSWER, answer_of(protocol, fields), err) &&
           prompt_parts_add(parts, PART_BETWEEN, SEPARATOR, err) && prompt_parts_end(parts, err);
}

static bool make_prompts(const struct dataset *dataset, size_t i_item, struct arena *arena,
                         struct request *request, struct err *err)
{
    const struct state *state = dataset->state;
    const struct protocol *protocol = state->protocol;
    const struct subject *subject = &state->subjects[state->subject_of[i_item]];
    const char *const *fields = dataset->items[i_item].fields;
    size_t chosen[MAX_SHOTS];
    size_t n_shots = choose_examples(subject, fields, (size_t)dataset->shots, chosen);
    size_t n_prompts = protocol->fit == FIT_FEWER_SHOTS ? n_shots + 1 : 1;
    struct prompt_parts parts = {.arena = arena};
    if (!add_header(&parts, protocol, subject->name, err) || !prompt_parts_end(&parts, err))
        return false;
    for (size_t i = 0; i < n_shots; i++)
        if (!add_example(&parts, protocol, subject->examples[chosen[i]], err)) return false;
    return add_question(&parts, protocol, fields, err) &&
           prompt_parts_make(&parts, &dataset->chat, SEPARATOR, n_prompts, request, err);
}

/* The choices' texts, each with what is before it; NULL on errors. */
static const char *const *build_continuations(const struct item *item, const char *before,
                                              struct arena *arena, struct err *err)
{
    const char **choices = arena_alloc(arena, N_CHOICES, sizeof *choices, err);
    for (size_t i = 0; choices && i < N_CHOICES; i++)
        if (!(choices[i] = arena_printf(arena, err, "%s%s", before, item->fields[1 + i])))
            return NULL;
    return choices;
}

/* A model's turn in a chat begins without the space that stands before a choice in a text. */
static bool request_item(const struct dataset *dataset, size_t i_item, struct arena *arena,
                         struct request *request, struct err *err)
{
    static const char *const TURNS[N_CHOICES] = {"A", "B", "C", "D"};
    const struct protocol *protocol = ((const struct state *)dataset->state)->protocol;
    bool is_chat = dataset->chat.is_asked;
    const char *const *choices = is_chat ? TURNS : LETTERS;
    if (protocol->is_continuation)
        choices = build_continuations(&dataset->items[i_item], is_chat ? "" : " ", arena, err);
    *request = (struct request){.kind = REQUEST_CHOICES,
                                .fit = protocol->fit,
                                .choices = choices,
                                .n_choices = N_CHOICES,
                                .delimiter = is_chat ? "" : NULL};
    return choices && make_prompts(dataset, i_item, arena, request, err);
}

/* ---- Grading ---- */

/* Choices that are texts are compared by characters, too; letters are equally long. */
static void add_acc_norm(const struct response *response, size_t expected, struct verdict *verdict)
{
    bool is_tie;
    bool is_right = response_best_choice(response, true, &is_tie) == expected;
    verdict->others[verdict->n_others++] = (struct verdict_metric){"acc_norm", is_right};
}

static bool grade(const struct suite *suite, const char *protocol, const struct item *item,
                  const struct response *response, struct verdict *verdict, struct err *err)
{
    (void)suite, (void)err;
    *verdict = (struct verdict){0};
    if (!response->answered || response->n_choices != N_CHOICES) return true;
    size_t expected = 0;
    while (expected < N_CHOICES && strcmp(LETTERS[expected] + 1, item->expected)) expected++;
    if (expected == N_CHOICES || !response_has_numbers(response)) return true;
    size_t best = response_best_choice(response, false, &verdict->is_tie);
    double best_other = -INFINITY;
    for (size_t i = 0; i < N_CHOICES; i++)
        if (i != expected) best_other = fmax(best_other, response->choices[i].logprob);
    verdict->answered = true;
    verdict->is_correct = best == expected;
    verdict->score = verdict->is_correct ? 1 : 0;
    verdict->predicted[0] = (char)('A' + best);
    double mine = response->choices[expected].logprob;
    verdict->margin = isinf(mine) || isinf(best_other) ? 0 : mine - best_other;
    const struct protocol *known = find_protocol(protocol, NULL);
    if (known && known->is_continuation) add_acc_norm(response, expected, verdict);
    return true;
}

const struct suite SUITE_MMLU = {
    .name = "mmlu",
    .version = 1,
    .metric = "acc",
    .decoding = "loglikelihood",
    .n_whole = 14042,
    .protocols = PROTOCOL_NAMES,
    .load = load,
    .request = request_item,
    .grade = grade,
};
