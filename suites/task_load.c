/* task_load.c - suite->load of tasks: files to records, records to fields by the layout that fits,
 * fields to items; and which examples stand before which item.
 *
 * Every question is made once here, so that a record that cannot be asked is found before a model
 * is loaded, with its place.
 */
#include "suites/task_question.h"

#include "base/file.h"
#include "base/letter_case.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "suites/needle.h"
#include "suites/task_records.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_ITEMS = 1 << 24, MAX_TEXT_BYTES = 1 << 20 };
static const size_t MAX_FILE_BYTES = (size_t)1 << 30;

struct loader {
    const struct task *task;
    const struct task_protocol *protocol;
    const struct suite_options *options;
    struct dataset *dataset;
    struct arena *arena;
    struct sha256 *hash;
    struct item *items;
    const struct value **fields, **common, **examples;
    struct task_pool *pools;
    size_t n_items, items_capacity, fields_capacity, common_capacity;
    size_t n_examples, examples_capacity, n_pools, pools_capacity;
    double chances; /* sum over the items: how likely a guess is right */
    int shots;      /* to be drawn */
    struct task_own own;
    /* The file that is being read. */
    const char *subset;
    const struct value *subset_fields;
    const struct task_layout *layout; /* NULL: no record was seen */
    size_t n_before;
    int n_made;
    bool is_examples;
};

/* ---- Fields ---- */

/* Makes a map of the layout's fields, each of those before it, the record's and the subset's. */
static bool make_fields(const struct task_layout *layout, const struct value *record,
                        const struct value *common, struct arena *arena,
                        const struct value **fields, struct err *err)
{
    struct value *items = arena_alloc(arena, layout->n_fields, sizeof *items, err);
    struct value *map = arena_alloc(arena, 1, sizeof *map, err);
    if (!items || !map) return false;
    *map = (struct value){.kind = VALUE_MAP, .items = items, .keys = layout->names};
    const struct value *maps[] = {map, record, common};
    const struct scope scope = {maps, 3};
    for (; map->n < layout->n_fields; map->n++)
        if (!task_value_make(&layout->values[map->n], &scope, arena, &items[map->n], err))
            return err_context(err, "making the field %s", layout->names[map->n]);
    *fields = map;
    return true;
}

/* The first layout whose fields this record has decides for its file. */
static bool choose_layout(struct loader *loader, const struct value *record, struct err *err)
{
    struct buf reasons = {0};
    for (size_t i = 0; i < loader->task->n_layouts && !loader->layout; i++) {
        const struct task_layout *layout = &loader->task->layouts[i];
        const struct value *fields;
        struct err reason = {0};
        if (make_fields(layout, record, loader->subset_fields, loader->arena, &fields, &reason))
            loader->layout = layout;
        else buf_printf(&reasons, "%s%s: %s", i ? "; " : "", layout->name, reason.message);
    }
    if (!loader->layout)
        err_set(err, ERR_INPUT, "the record fits no layout of the task %s: %s",
                loader->task->suite.name, buf_string(&reasons));
    buf_free(&reasons);
    return loader->layout != NULL;
}

/* ---- Items and examples ---- */

static bool check_question(const struct loader *loader, const struct value *fields,
                           struct task_question *question, struct arena *arena, struct err *err)
{
    const struct value *maps[] = {fields, loader->subset_fields};
    const struct scope scope = {maps, 2};
    return task_question_make(loader->protocol, &scope, arena, question, err) &&
           task_question_check(question, err);
}

/* *stands: whether the question is one of the examples that the preamble itself shows. */
static bool find_in_preamble(const struct loader *loader, const struct value *fields,
                             const struct task_question *question, struct arena *arena,
                             bool *stands, struct err *err)
{
    const struct value *maps[] = {fields, loader->subset_fields};
    const struct scope scope = {maps, 2};
    const char *text;
    if (!loader->protocol->fixed_shots || !loader->protocol->shots || !loader->protocol->preamble)
        return true;
    if (!template_text(loader->protocol->preamble, &scope, arena, &text, err)) return false;
    *stands = letter_has_words(text, question->prompt);
    return true;
}

/* An item counts in its file's subset and in the groups that the task names. */
static bool add_groups(const struct loader *loader, const struct value *fields, struct item *item,
                       struct err *err)
{
    const struct task *task = loader->task;
    const struct value *maps[] = {fields, loader->subset_fields};
    const struct scope scope = {maps, 2};
    if (*loader->subset)
        item->groups[item->n_groups++] = (struct item_group){task->level, item->subset};
    for (size_t i = 0; i < task->n_groups; i++) {
        struct item_group *group = &item->groups[item->n_groups++];
        group->level = task->groups[i].level;
        if (!template_text(task->groups[i].name, &scope, loader->arena, &group->name, err))
            return err_context(err, "making the group %s", group->level);
    }
    if (!*item->subset && item->n_groups) item->subset = item->groups[0].name;
    return true;
}

/* Whether the subset has as many items as are wanted of it. */
static bool is_full(const struct loader *loader, const char *subset)
{
    size_t limit = loader->options->limit, n = 0;
    for (size_t i = loader->n_before; limit && i < loader->n_items; i++)
        n += !strcmp(loader->items[i].subset, subset);
    return limit && n >= limit;
}

static bool add_item(struct loader *loader, const struct record *record, const struct value *fields,
                     struct err *err)
{
    size_t i = loader->n_items, n = i + 1;
    struct task_question question;
    bool stands_in_preamble = false;
    struct arena *scratch = arena_new(0, err);
    if (!scratch ||
        !mem_grow((void **)&loader->items, &loader->items_capacity, n, sizeof *loader->items,
                  MAX_ITEMS, err) ||
        !mem_grow((void **)&loader->fields, &loader->fields_capacity, n, sizeof *loader->fields,
                  MAX_ITEMS, err) ||
        !mem_grow((void **)&loader->common, &loader->common_capacity, n, sizeof *loader->common,
                  MAX_ITEMS, err) ||
        !check_question(loader, fields, &question, scratch, err) ||
        !find_in_preamble(loader, fields, &question, scratch, &stands_in_preamble, err)) {
        arena_free(scratch);
        return false;
    }
    int place = record->line ? record->line : record->number;
    struct item *item = &loader->items[i];
    *item = (struct item){.file = record->file, .line = record->line, .subset = loader->subset};
    item->expected = arena_string(loader->arena, question.expected, err);
    arena_free(scratch);
    if (!item->expected || !add_groups(loader, fields, item, err)) return false;
    if (is_full(loader, item->subset)) return true;
    item->key = *item->subset ? arena_printf(loader->arena, err, "%s/%d", item->subset, place)
                              : arena_printf(loader->arena, err, "%d", place);
    loader->own.counts.n_fixed += stands_in_preamble;
    loader->fields[i] = fields;
    loader->common[i] = loader->subset_fields;
    loader->n_items = n;
    if (question.n_right) loader->chances += (double)question.n_right / (double)question.n_choices;
    return item->key != NULL;
}

static bool add_example(struct loader *loader, const struct value *fields, struct err *err)
{
    if (!mem_grow((void **)&loader->examples, &loader->examples_capacity, loader->n_examples + 1,
                  sizeof *loader->examples, MAX_ITEMS, err))
        return false;
    loader->examples[loader->n_examples++] = fields;
    return true;
}

static bool take_record(void *context, const struct record *record, struct err *err)
{
    struct loader *loader = context;
    const struct value *fields;
    if (!loader->layout && !choose_layout(loader, &record->fields, err)) return false;
    if (!make_fields(loader->layout, &record->fields, loader->subset_fields, loader->arena, &fields,
                     err))
        return false;
    if (loader->is_examples) return add_example(loader, fields, err);
    if (loader->shots && !loader->options->examples && !add_example(loader, fields, err))
        return false;
    return add_item(loader, record, fields, err);
}

/* ---- Files ---- */

/* Reads a file of records; `name` is what the hash knows it by. */
static bool read_file(struct loader *loader, const char *path, const char *name, struct err *err)
{
    size_t n_bytes;
    char *text = file_read(path, MAX_FILE_BYTES, &n_bytes, err);
    const char *kept = text ? arena_string(loader->arena, path, err) : NULL;
    loader->layout = NULL;
    loader->n_before = loader->n_items;
    if (kept) sha256_named(loader->hash, name, text, n_bytes);
    bool ok = kept && records_read(loader->task, kept, text, n_bytes, loader->arena, take_record,
                                   loader, err);
    if (ok && !loader->layout)
        ok = err_set_at(err, ERR_INPUT, kept, 1, 1, "there are no records in this file");
    free(text);
    return ok;
}

/* Reads a file of questions, whose examples are in the file of examples or in itself. */
static bool read_questions(struct loader *loader, const char *path, const char *name,
                           struct err *err)
{
    bool is_own = !loader->options->examples;
    size_t first = is_own ? loader->n_examples : 0, n_before = loader->n_items;
    if (!read_file(loader, path, name, err) ||
        !mem_grow((void **)&loader->pools, &loader->pools_capacity, loader->n_pools + 1,
                  sizeof *loader->pools, MAX_ITEMS, err))
        return false;
    loader->pools[loader->n_pools++] =
        (struct task_pool){first, loader->n_examples - first, loader->n_items - n_before, is_own};
    return true;
}

static bool read_examples(struct loader *loader, struct err *err)
{
    const char *path = loader->options->examples;
    if (!path || !loader->shots) return true;
    loader->is_examples = true;
    bool ok = read_file(loader, path, file_name(path), err);
    loader->is_examples = false;
    return ok || err_context(err, "reading examples");
}

/* Reads a text file beside the data, as a field of the subset. */
static bool read_text_field(struct loader *loader, const struct task_text *text,
                            const struct value *subset, struct value *out, struct err *err)
{
    const struct scope scope = {&subset, 1};
    const char *name;
    size_t n_bytes;
    if (!template_text(text->path, &scope, loader->arena, &name, err)) return false;
    char *path = file_join(loader->options->data, name, err);
    char *content = path ? file_read(path, MAX_TEXT_BYTES, &n_bytes, err) : NULL;
    if (content) {
        sha256_named(loader->hash, name, content, n_bytes);
        *out = value_text(arena_string(loader->arena, content, err));
    }
    bool ok = content && out->text;
    free(content);
    free(path);
    return ok;
}

/* A subset adds fields: its name, those of the task's map, and texts of files. */
static bool enter_subset(struct loader *loader, const char *subset, struct err *err)
{
    const struct task *task = loader->task;
    const struct value *own = task->subsets ? value_get(task->subsets, subset) : NULL;
    size_t n_own = own ? own->n : 0, n = 1 + n_own + task->n_texts;
    struct value *map = arena_alloc(loader->arena, 1, sizeof *map, err);
    struct value *items = arena_alloc(loader->arena, n, sizeof *items, err);
    const char **keys = arena_alloc(loader->arena, n, sizeof *keys, err);
    if (!map || !items || !keys) return false;
    loader->subset = subset;
    keys[0] = "subset";
    items[0] = value_text(subset);
    for (size_t i = 0; i < n_own; i++) {
        keys[1 + i] = own->keys[i];
        items[1 + i] = own->items[i];
    }
    *map = (struct value){.kind = VALUE_MAP, .items = items, .keys = keys, .n = 1 + n_own};
    for (size_t i = 0; i < task->n_texts; i++) {
        keys[map->n] = task->texts[i].name;
        if (!read_text_field(loader, &task->texts[i], map, &items[map->n], err)) return false;
        map->n++;
    }
    loader->subset_fields = map;
    return true;
}

/* ---- Made records ---- */

static bool take_made(void *context, const struct value *fields, struct err *err)
{
    struct loader *loader = context;
    const struct record record = {*fields, loader->options->data, 0, ++loader->n_made};
    return take_record(loader, &record, err);
}

/* The user's text is the haystack; what is made follows from it and from the options. */
static bool make_records(struct loader *loader, struct err *err)
{
    static const struct needle_options NONE = {0};
    const char *data = loader->options->data;
    const struct needle_options *needles =
        loader->options->needles ? loader->options->needles : &NONE;
    size_t n_bytes = 0;
    char *text = data ? file_read(data, MAX_FILE_BYTES, &n_bytes, err) : NULL;
    if (data && !text) return false;
    bool ok = (!text || utf8_is_valid(text, n_bytes) ||
               err_set_at(err, ERR_INPUT, data, 0, 0, "this is not UTF-8")) &&
              enter_subset(loader, "", err) &&
              needle_make(needles, text, n_bytes, loader->arena, take_made, loader, err);
    for (size_t i = 0; ok && i < loader->n_items; i++)
        sha256_field(loader->hash, value_get(loader->fields[i], "text")->text);
    free(text);
    if (!ok && data) err_place(err, data, 0, 0);
    return ok;
}

/* ---- Folders ---- */

/* The subset of a file name by the pattern "mgsm_{subset}.tsv"; NULL without an error for another
 * name. */
static const char *subset_of_name(struct loader *loader, const char *pattern, const char *name,
                                  struct err *err)
{
    static const char MARK[] = "{subset}";
    const char *mark = strstr(pattern, MARK);
    size_t n_before = (size_t)(mark - pattern), n = strlen(name);
    const char *behind = mark + sizeof MARK - 1;
    size_t n_behind = strlen(behind);
    if (n <= n_before + n_behind || memcmp(name, pattern, n_before) != 0 ||
        strcmp(name + n - n_behind, behind) != 0)
        return NULL;
    return arena_copy(loader->arena, name + n_before, n - n_before - n_behind, err);
}

static bool read_named(struct loader *loader, const char *folder, const char *pattern,
                       const char *name, struct err *err)
{
    struct err fault = {0};
    const char *subset = subset_of_name(loader, pattern, name, &fault);
    if (fault.code && err) *err = fault;
    if (fault.code || !subset || !suite_wants_subset(loader->options, subset)) return !fault.code;
    char *path = file_join(folder, name, err);
    bool ok = path && enter_subset(loader, subset, err) && read_questions(loader, path, name, err);
    free(path);
    return ok;
}

static bool check_subsets(const struct loader *loader, const char *folder, const char *pattern,
                          struct err *err)
{
    const struct suite_options *options = loader->options;
    for (size_t i = 0; i < options->n_subsets; i++) {
        size_t at = 0;
        while (at < loader->n_items && strcmp(loader->items[at].subset, options->subsets[i])) at++;
        if (at == loader->n_items)
            return err_set_at(err, ERR_CONFIG, folder, 0, 0,
                              "there is no file %s of the subset \"%s\"", pattern,
                              options->subsets[i]);
    }
    return loader->n_items > 0 || err_set_at(err, ERR_INPUT, folder, 0, 0,
                                             "there is no file with a name like %s", pattern);
}

/* Reads the files of a folder in the order of their names. */
static bool read_folder(struct loader *loader, struct err *err)
{
    const char *pattern = file_name(loader->task->files);
    char *inner = mem_copy_string(loader->task->files, err), *folder = NULL;
    char **names = NULL;
    size_t n_names = 0;
    if (inner) inner[pattern - loader->task->files] = 0;
    bool ok = inner && (folder = file_join(loader->options->data, inner, err)) &&
              file_list(folder, &names, &n_names, err);
    for (size_t i = 0; ok && i < n_names; i++)
        ok = read_named(loader, folder, pattern, names[i], err);
    ok = ok && check_subsets(loader, folder, pattern, err);
    if (names) file_free_names(names, n_names);
    free(folder);
    free(inner);
    return ok;
}

static bool read_data(struct loader *loader, struct err *err)
{
    const char *data = loader->options->data;
    if (loader->task->is_made) return make_records(loader, err);
    if (loader->task->files && loader->options->examples)
        return err_set(err, ERR_CONFIG, "%s draws the examples of each %s from itself",
                       loader->task->suite.name, loader->task->level);
    if (loader->task->files && file_is_folder(data)) return read_folder(loader, err);
    if (loader->task->files)
        return err_set_at(err, ERR_CONFIG, data, 0, 0, "%s takes a folder that holds %s",
                          loader->task->suite.name, loader->task->files);
    if (loader->options->n_subsets)
        return err_set(err, ERR_CONFIG, "%s has no subsets", loader->task->suite.name);
    if (file_is_folder(data))
        return err_set_at(err, ERR_CONFIG, data, 0, 0, "%s takes a file, and this is a folder",
                          loader->task->suite.name);
    return enter_subset(loader, "", err) && read_examples(loader, err) &&
           read_questions(loader, data, file_name(data), err);
}

/* ---- The data set ---- */

static bool check_options(const struct loader *loader, int shots, struct err *err)
{
    const struct task_protocol *protocol = loader->protocol;
    if (shots < 0 || shots > TASK_MAX_SHOTS)
        return err_set(err, ERR_CONFIG, "%s takes 0 to %d shots, not %d", loader->task->suite.name,
                       TASK_MAX_SHOTS, shots);
    if (loader->task->is_made && shots)
        return err_set(err, ERR_CONFIG, "%s has no examples: it takes 0 shots, not %d",
                       loader->task->suite.name, shots);
    if (protocol->fixed_shots && shots != protocol->shots)
        return err_set(err, ERR_CONFIG,
                       "the examples of %s/%s are fixed: it takes %d shots, not %d",
                       loader->task->suite.name, protocol->name, protocol->shots, shots);
    return true;
}

static bool draw_examples(struct loader *loader, struct task_state *state, struct err *err)
{
    size_t n, shots = (size_t)loader->shots;
    uint32_t *draws = mem_multiply(loader->n_items, shots, &n)
                          ? arena_alloc(loader->arena, n, sizeof *draws, err)
                          : NULL;
    state->draws = draws;
    return draws && task_draw(state, loader->pools, loader->n_pools, shots, draws, loader->items,
                              &loader->own, err);
}

static bool finish_dataset(struct loader *loader, struct err *err)
{
    struct arena *arena = loader->arena;
    struct dataset *dataset = loader->dataset;
    struct task_state *state = arena_alloc(arena, 1, sizeof *state, err);
    if (!state) return false;
    size_t n = loader->n_items;
    *state = (struct task_state){
        .protocol = loader->protocol,
        .fields = arena_copy_array(arena, loader->fields, n, sizeof *loader->fields, err),
        .common = arena_copy_array(arena, loader->common, n, sizeof *loader->common, err)};
    state->examples = arena_copy_array(arena, loader->examples, loader->n_examples,
                                       sizeof *loader->examples, err);
    dataset->n_items = n;
    dataset->chance = n ? loader->chances / (double)n : 0;
    dataset->state = state;
    if (!state->fields || !state->common || !state->examples ||
        (loader->shots && !draw_examples(loader, state, err)))
        return false;
    dataset->items = arena_copy_array(arena, loader->items, n, sizeof *loader->items, err);
    dataset->own_examples = loader->own.counts;
    dataset_finish_hash(dataset, loader->hash, loader->own.by_text);
    return dataset->items != NULL;
}

struct dataset *task_load(const struct suite *suite, const struct suite_options *options,
                          struct err *err)
{
    const struct task *task = task_of(suite);
    struct loader loader = {.task = task, .options = options};
    const char *name = options->protocol ? options->protocol : task->task_protocols[0].name;
    loader.protocol = task_find_protocol(task, name);
    if (!loader.protocol) {
        err_set(err, ERR_CONFIG, "%s has no protocol \"%s\"", suite->name, name);
        return NULL;
    }
    int shots = options->shots == -1 ? loader.protocol->shots : options->shots;
    if (!check_options(&loader, shots, err)) return NULL;
    loader.shots = loader.protocol->fixed_shots ? 0 : shots;
    bool done = false;
    loader.dataset = dataset_new(suite, 0, err);
    loader.hash = sha256_new(err);
    if (!loader.dataset || !loader.hash) goto out;
    loader.arena = loader.dataset->arena;
    sha256_field(loader.hash, task->hash);
    /* Answers to such tasks were stored with other numbers of characters once. */
    if (loader.protocol->kind == TASK_CHOICES && strcmp(loader.protocol->delimiter, " ") != 0)
        sha256_field(loader.hash, "characters without the delimiter");
    done = dataset_set_protocol(loader.dataset, &options->chat, shots, loader.protocol->name, "",
                                err) &&
           read_data(&loader, err) && finish_dataset(&loader, err);
out:
    free(loader.items);
    free(loader.fields);
    free(loader.common);
    free(loader.examples);
    free(loader.pools);
    sha256_free(loader.hash);
    if (!done) dataset_free(loader.dataset);
    return done ? loader.dataset : NULL;
}
