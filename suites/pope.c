/* pope.c - POPE: is there such a thing in the picture? Half of the things are not, and how these
 * were drawn makes the three splits. See vision_suites.h.
 *
 * Keys are PICTURE/SPLIT/LINE, so that the store can cluster answers by picture.
 */
#include "suites/vision_suites.h"

#include "base/letter_case.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Both end their questions with this. */
#define SUFFIX "\nAnswer the question using a single word or phrase."

static const struct vision_protocol PROTOCOLS[] = {
    {.name = "llava", .max_new_tokens = 128},
    {.name = "lmms-eval", .is_lmms_eval = true, .max_new_tokens = 128},
    {.name = NULL}};
static const char *const PROTOCOL_NAMES[] = {"llava", "lmms-eval", NULL};

/* LLaVA's list of questions numbers those of a split from `first` on. */
static const struct split {
    const char *name;
    long long first;
} SPLITS[] = {{"random", 10000000}, {"popular", 20000000}, {"adversarial", 0}};

/* ---- Loading ---- */

struct source {
    struct vision_loader *loader;
    const struct split *split;
    const char *path;
};

static const char *text_of(const struct source *source, const struct json *value, const char *key,
                           int line, struct err *err)
{
    const char *text = json_require_string(value, key, err);
    if (text && !*text) text = (err_set(err, ERR_INPUT, "\"%s\" is empty", key), NULL);
    if (!text) err_place(err, source->path, line, 0);
    return text;
}

/* {"question_id": 1, "image": "COCO_val2014_000000310196.jpg", "text": "Is there ...?", "label":
 * "yes"} */
static bool read_question(void *context, const struct json *value, int line, struct err *err)
{
    const struct source *source = context;
    struct arena *arena = source->loader->arena;
    const char *image = text_of(source, value, "image", line, err);
    const char *text = image ? text_of(source, value, "text", line, err) : NULL;
    const char *label = text ? text_of(source, value, "label", line, err) : NULL;
    if (!label) return false;
    long long number = json_as_integer(json_get(value, "question_id"), line);
    bool is_yes = !strcmp(label, "yes");
    if (!is_yes && strcmp(label, "no") != 0)
        return err_set_at(err, ERR_INPUT, source->path, line, 0,
                          "the label \"%s\" is neither yes nor no", label);
    const char **fields = arena_alloc(arena, VISION_IDS + 1, sizeof *fields, err);
    struct item item = {.file = source->path,
                        .line = line,
                        .subset = source->split->name,
                        .groups = {{"split", source->split->name}},
                        .n_groups = 1,
                        .expected = is_yes ? "yes" : "no",
                        .fields = fields,
                        .n_fields = VISION_IDS + 1};
    const char *dot = strrchr(image, '.');
    item.key = arena_printf(arena, err, "%.*s/%s/%lld", dot ? (int)(dot - image) : -1, image,
                            item.subset, number);
    if (!fields || !item.key) return false;
    fields[VISION_PROMPT] = arena_printf(arena, err, "%s" SUFFIX, text);
    fields[VISION_IDS] = arena_printf(arena, err, "%lld", source->split->first + number);
    image = arena_string(arena, image, err);
    return image && fields[VISION_PROMPT] && fields[VISION_IDS] &&
           vision_add(source->loader, &item, image, err);
}

static bool read_split(struct vision_loader *loader, const struct split *split, struct err *err)
{
    char name[64];
    size_t n_bytes;
    snprintf(name, sizeof name, "coco_pope_%s.json", split->name);
    struct source source = {loader, split, vision_path(loader, name, err)};
    char *text = source.path ? vision_read_file(loader, source.path, &n_bytes, err) : NULL;
    bool ok = text && json_parse_lines(text, n_bytes, source.path, read_question, &source, err);
    free(text);
    return ok;
}

static bool check_splits(const struct suite_options *options, struct err *err)
{
    for (size_t i = 0; i < options->n_subsets; i++) {
        size_t k = 0;
        while (k < COUNT_OF(SPLITS) && strcmp(SPLITS[k].name, options->subsets[i]) != 0) k++;
        if (k == COUNT_OF(SPLITS))
            return err_set(err, ERR_CONFIG,
                           "pope has no split \"%s\": it has random, popular and adversarial",
                           options->subsets[i]);
    }
    return true;
}

static bool read_all(struct vision_loader *loader, struct err *err)
{
    bool ok = check_splits(loader->options, err);
    for (size_t i = 0; ok && i < COUNT_OF(SPLITS); i++)
        if (suite_wants_subset(loader->options, SPLITS[i].name))
            ok = read_split(loader, &SPLITS[i], err);
    loader->dataset->chance = 0.5;
    return ok;
}

static struct dataset *load(const struct suite *suite, const struct suite_options *options,
                            struct err *err)
{
    return vision_load(suite, options, PROTOCOLS, read_all, err);
}

/* ---- Grading ---- */

enum said { SAID_NO, SAID_YES, SAID_NEITHER };

/* Whether the word at `at`, up to a space or the sentence's end and without commas, is this. */
static bool is_word(const char *at, const char *word)
{
    for (;; at++) {
        if (*at == ',') continue;
        if (!*at || *at == '.' || *at == ' ') return !*word;
        if (*at != *word) return false;
        word++;
    }
}

/* A no among the words of the first sentence is no, and everything else is yes. Words end at spaces
 * alone. */
static enum said read_llava(const char *text)
{
    for (;; text++) {
        if (is_word(text, "No") || is_word(text, "not") || is_word(text, "no")) return SAID_NO;
        text += strcspn(text, " .");
        if (*text != ' ') return SAID_YES;
    }
}

/* Yes or no in any case and nothing else. */
static enum said read_lmms_eval(const char *text)
{
    size_t n = strlen(text);
    const char *word = letter_strip(text, &n, true);
    if (n == 3 && !strncasecmp(word, "yes", n)) return SAID_YES;
    return n == 2 && !strncasecmp(word, "no", n) ? SAID_NO : SAID_NEITHER;
}

static void add_metric(struct verdict *verdict, const char *name, bool is_hit)
{
    verdict->others[verdict->n_others++] = (struct verdict_metric){name, is_hit};
}

/* Each metric is the mean over the questions that it has a score of: precision over those that were
 * answered with yes, recall over those where yes is right. lmms-eval's recall knows of those that
 * were answered with yes or no alone; what was not answered at all counts as missed. F1 is of the
 * questions that either is about, see stats_f1. */
static void add_metrics(enum said said, bool is_yes, bool is_unanswered, struct verdict *verdict)
{
    bool says_yes = said == SAID_YES, both = says_yes && is_yes;
    bool is_missed = is_yes && (said == SAID_NO || is_unanswered);
    add_metric(verdict, POPE_YES, says_yes);
    if (says_yes) add_metric(verdict, POPE_PRECISION, both);
    if (both || is_missed) add_metric(verdict, POPE_RECALL, both);
    if (says_yes || is_missed) add_metric(verdict, POPE_F1, both);
}

static bool grade(const struct suite *suite, const char *protocol_name, const struct item *item,
                  const struct response *response, struct verdict *verdict, struct err *err)
{
    const struct vision_protocol *protocol =
        vision_find_protocol(suite, PROTOCOLS, protocol_name, err);
    bool is_yes = !strcmp(item->expected, "yes"), has_text = response->answered && response->text;
    enum said said = SAID_NEITHER;
    *verdict = (struct verdict){0};
    if (!protocol) return false;
    if (has_text)
        said = protocol->is_lmms_eval ? read_lmms_eval(response->text) : read_llava(response->text);
    add_metrics(said, is_yes, !has_text, verdict);
    verdict->answered = said != SAID_NEITHER;
    if (!verdict->answered) return true;
    verdict->is_correct = (said == SAID_YES) == is_yes;
    verdict->score = verdict->is_correct;
    strcpy(verdict->predicted, said == SAID_YES ? "yes" : "no");
    return true;
}

const struct suite SUITE_POPE = {
    .name = "pope",
    .version = 1,
    .metric = "acc",
    .asks_chat = true,
    .decoding = "greedy",
    .n_whole = 8910,
    .protocols = PROTOCOL_NAMES,
    .load = load,
    .request = vision_request,
    .grade = grade,
};
