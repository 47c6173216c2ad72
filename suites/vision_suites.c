/* vision_suites.c - see vision_suites.h: options, the list of questions, requests.
 *
 * Knows nothing of what the suites read and how they grade.
 */
#include "suites/vision_suites.h"

#include "base/file.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_ITEMS = 1 << 24 };
static const size_t MAX_FILE_BYTES = (size_t)1 << 30;
static const char CROPS[] = "-crops";

struct state {
    const struct vision_protocol *protocol;
    size_t max_crops;
};

/* ---- Options ---- */

/* Whether the name is the protocol's own, or that of a data set: with its number of crops. */
static bool is_named(const struct vision_protocol *protocol, const char *name)
{
    size_t n = strlen(protocol->name);
    if (strncmp(protocol->name, name, n) != 0) return false;
    if (!name[n]) return true;
    size_t n_digits = name[n] == '-' ? strspn(name + n + 1, "0123456789") : 0;
    return n_digits && !strcmp(name + n + 1 + n_digits, CROPS);
}

static const struct vision_protocol *look_up(const struct vision_protocol *protocols,
                                             const char *name)
{
    while (protocols->name && !is_named(protocols, name)) protocols++;
    return protocols->name ? protocols : NULL;
}

const struct vision_protocol *vision_find_protocol(const struct suite *suite,
                                                   const struct vision_protocol *protocols,
                                                   const char *name, struct err *err)
{
    const struct vision_protocol *protocol = look_up(protocols, name);
    if (!protocol) err_set(err, ERR_INPUT, "%s has no protocol \"%s\"", suite->name, name);
    return protocol;
}

bool vision_may_cut(int num_crops)
{
    return num_crops == CROPS_OF_SEVERAL || num_crops == CROPS_OF_ONE;
}

static bool check_options(const struct suite *suite, const struct suite_options *options,
                          struct err *err)
{
    if (options->shots > 0)
        return err_set(err, ERR_CONFIG, "%s has no examples: it takes 0 shots, not %d", suite->name,
                       options->shots);
    if (options->num_crops && !vision_may_cut(options->num_crops))
        return err_set(err, ERR_CONFIG,
                       "num_crops is %d or %d, which the models of pictures were made for, not %d",
                       CROPS_OF_SEVERAL, CROPS_OF_ONE, options->num_crops);
    if (options->images && !file_is_folder(options->images))
        return err_set_at(err, ERR_CONFIG, options->images, 0, 0,
                          "there is no such folder of pictures: images names the one that holds "
                          "the files that %s's questions name",
                          suite->name);
    return true;
}

/* ---- Loading ---- */

static size_t count_subset(const struct vision_loader *loader, const char *subset)
{
    size_t n = 0;
    for (size_t i = 0; i < loader->n; i++) n += !strcmp(loader->items[i].subset, subset);
    return n;
}

bool vision_add(struct vision_loader *loader, const struct item *item, const char *picture,
                struct err *err)
{
    const struct suite_options *options = loader->options;
    if (!suite_wants_subset(options, item->subset) ||
        (options->limit && count_subset(loader, item->subset) >= options->limit))
        return true;
    if (!mem_grow((void **)&loader->items, &loader->capacity, loader->n + 1, sizeof *loader->items,
                  MAX_ITEMS, err))
        return false;
    struct item *added = &loader->items[loader->n++];
    *added = *item;
    if (!picture || !options->images) return true;
    const char **pictures = arena_alloc(loader->arena, 1, sizeof *pictures, err);
    if (!pictures) return false;
    pictures[0] = arena_printf(loader->arena, err, "%s/%s", options->images, picture);
    added->pictures = pictures;
    added->n_pictures = 1;
    return pictures[0] != NULL;
}

char *vision_read_file(struct vision_loader *loader, const char *path, size_t *n_bytes,
                       struct err *err)
{
    char *text = file_read(path, MAX_FILE_BYTES, n_bytes, err);
    if (text) sha256_named(loader->hash, file_name(path), text, *n_bytes);
    return text;
}

struct json *vision_read_json(struct vision_loader *loader, const char *path, struct err *err)
{
    size_t n_bytes;
    char *text = vision_read_file(loader, path, &n_bytes, err);
    struct json *root = text ? json_parse(text, n_bytes, path, err) : NULL;
    free(text);
    return root;
}

const char *vision_path(struct vision_loader *loader, const char *name, struct err *err)
{
    const char *data = loader->options->data;
    return file_is_folder(data) ? arena_printf(loader->arena, err, "%s/%s", data, name)
                                : arena_string(loader->arena, data, err);
}

static bool check_subsets(const struct vision_loader *loader, struct err *err)
{
    const struct suite_options *options = loader->options;
    for (size_t i = 0; i < options->n_subsets; i++)
        if (!count_subset(loader, options->subsets[i]))
            return err_set_at(err, ERR_CONFIG, options->data, 0, 0,
                              "there are no questions of \"%s\" here", options->subsets[i]);
    return loader->n > 0 ||
           err_set_at(err, ERR_INPUT, options->data, 0, 0, "there are no questions here");
}

/* Keys name answers: two questions of one key would be one. */
static bool check_keys(const struct dataset *dataset, struct err *err)
{
    struct item_index index;
    bool ok = item_index_init(&index, dataset, err);
    for (size_t i = 1; ok && i < dataset->n_items; i++) {
        const struct item *one = &dataset->items[index.by_key[i - 1]];
        const struct item *other = &dataset->items[index.by_key[i]];
        if (!strcmp(one->key, other->key))
            ok = err_set_at(err, ERR_INPUT, other->file, other->line, 0,
                            "there are two questions \"%s\"", other->key);
    }
    item_index_done(&index);
    return ok;
}

static bool finish(struct vision_loader *loader, size_t max_crops, struct err *err)
{
    struct dataset *dataset = loader->dataset;
    struct state *state = arena_alloc(loader->arena, 1, sizeof *state, err);
    if (!state || !check_subsets(loader, err)) return false;
    *state = (struct state){loader->protocol, max_crops};
    dataset->state = state;
    dataset->n_items = loader->n;
    dataset->items =
        arena_copy_array(loader->arena, loader->items, loader->n, sizeof *loader->items, err);
    if (!dataset->items || !check_keys(dataset, err)) return false;
    dataset_finish_hash(dataset, loader->hash, false);
    return true;
}

/* "llava-16-crops"; *max_crops: 16. */
static bool set_protocol(struct vision_loader *loader, size_t *max_crops, struct err *err)
{
    char ending[32];
    int num_crops = loader->options->num_crops ? loader->options->num_crops : CROPS_OF_ONE;
    *max_crops = (size_t)num_crops;
    snprintf(ending, sizeof ending, "-%d%s", num_crops, CROPS);
    return dataset_set_protocol(loader->dataset, &(struct suite_chat){0}, 0, loader->protocol->name,
                                ending, err);
}

struct dataset *vision_load(const struct suite *suite, const struct suite_options *options,
                            const struct vision_protocol *protocols, vision_read_fn *read,
                            struct err *err)
{
    struct vision_loader loader = {.options = options};
    const char *name = options->protocol ? options->protocol : protocols[0].name;
    size_t max_crops;
    bool done = false;
    loader.protocol = look_up(protocols, name);
    if (!loader.protocol) {
        err_set(err, ERR_CONFIG, "%s has no protocol \"%s\"", suite->name, name);
        return NULL;
    }
    if (!check_options(suite, options, err)) return NULL;
    loader.dataset = dataset_new(suite, 0, err);
    loader.hash = sha256_new(err);
    if (loader.dataset && loader.hash) {
        loader.arena = loader.dataset->arena;
        done = set_protocol(&loader, &max_crops, err) && read(&loader, err) &&
               finish(&loader, max_crops, err);
    }
    free(loader.items);
    sha256_free(loader.hash);
    if (!done) dataset_free(loader.dataset);
    return done ? loader.dataset : NULL;
}

/* ---- Requests ---- */

bool vision_request(const struct dataset *dataset, size_t i_item, struct arena *arena,
                    struct request *request, struct err *err)
{
    const struct state *state = dataset->state;
    const struct item *item = &dataset->items[i_item];
    const char **turns = arena_alloc(arena, 1, sizeof *turns, err);
    if (!turns) return false;
    turns[0] = item->fields[VISION_PROMPT];
    *request = (struct request){.kind = REQUEST_CHAT,
                                .fit = FIT_FEWER_SHOTS,
                                .prompts = turns,
                                .n_prompts = 1,
                                .max_new_tokens = state->protocol->max_new_tokens,
                                .stops = state->protocol->stops,
                                .n_stops = state->protocol->n_stops,
                                .pictures = item->pictures,
                                .n_pictures = item->n_pictures,
                                .max_crops = state->max_crops};
    return true;
}
