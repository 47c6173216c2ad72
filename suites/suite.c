/* suite.c - what all data sets, items and verdicts have in common.
 *
 * Knows nothing of what suites do.
 */
#include "suites/suite.h"

#include "base/mem.h"
#include "base/sha256.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

struct dataset *dataset_new(const struct suite *suite, size_t maximum_bytes, struct err *err)
{
    struct arena *arena = arena_new(maximum_bytes, err);
    struct dataset *dataset = arena ? arena_alloc(arena, 1, sizeof *dataset, err) : NULL;
    if (dataset) *dataset = (struct dataset){.suite = suite, .arena = arena};
    else arena_free(arena);
    return dataset;
}

void dataset_free(struct dataset *dataset)
{
    if (dataset) arena_free(dataset->arena);
}

bool dataset_set_protocol(struct dataset *dataset, const struct suite_chat *chat, int shots,
                          const char *name, const char *ending, struct err *err)
{
    enum { NAME_DIGITS = 8 };
    char hash[SHA256_HEX_BYTES] = "";
    struct arena *arena = dataset->arena;
    bool has_system = chat->is_asked && chat->system && *chat->system;
    dataset->shots = shots;
    if (has_system && !sha256_text(chat->system, hash, err)) return false;
    dataset->chat =
        (struct suite_chat){.is_asked = chat->is_asked,
                            .is_multiturn = chat->is_asked && chat->is_multiturn && shots > 0};
    if (has_system && !(dataset->chat.system = arena_string(arena, chat->system, err)))
        return false;
    dataset->protocol =
        arena_printf(arena, err, "%s%s%s%s%.*s%s", name, chat->is_asked ? PROTOCOL_CHAT : "",
                     dataset->chat.is_multiturn ? "-multiturn" : "", has_system ? "+system-" : "",
                     NAME_DIGITS, hash, ending);
    return dataset->protocol != NULL;
}

bool protocol_is(const char *protocol, const char *name)
{
    size_t n = strlen(name);
    return !strncmp(protocol, name, n) &&
           (!protocol[n] || !strncmp(protocol + n, PROTOCOL_CHAT, strlen(PROTOCOL_CHAT)));
}

bool dataset_has_pictures(const struct dataset *dataset)
{
    size_t i = 0;
    while (i < dataset->n_items && !dataset->items[i].n_pictures) i++;
    return i < dataset->n_items;
}

void dataset_finish_hash(struct dataset *dataset, struct sha256 *hash, bool leaves_out)
{
    if (leaves_out) sha256_field(hash, "no question among its own examples");
    sha256_finish(hash, dataset->data_hash);
}

static int compare_keys(const void *a, const void *b, void *context)
{
    const struct item *items = context;
    return strcmp(items[*(const size_t *)a].key, items[*(const size_t *)b].key);
}

bool item_index_init(struct item_index *index, const struct dataset *dataset, struct err *err)
{
    size_t n = dataset->n_items;
    *index = (struct item_index){dataset, mem_new(n, sizeof *index->by_key, err)};
    if (!index->by_key) return false;
    for (size_t i = 0; i < n; i++) index->by_key[i] = i;
    qsort_r(index->by_key, n, sizeof *index->by_key, compare_keys, (void *)dataset->items);
    return true;
}

void item_index_done(struct item_index *index)
{
    free(index->by_key);
    *index = (struct item_index){0};
}

size_t item_index_find(const struct item_index *index, const char *key)
{
    size_t low = 0, high = index->dataset->n_items;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(index->dataset->items[index->by_key[middle]].key, key);
        if (order == 0) return index->by_key[middle];
        if (order < 0) low = middle + 1;
        else high = middle;
    }
    return index->dataset->n_items;
}

bool suite_wants_subset(const struct suite_options *options, const char *subset)
{
    for (size_t i = 0; i < options->n_subsets; i++)
        if (!strcmp(options->subsets[i], subset)) return true;
    return options->n_subsets == 0;
}

void item_write_groups(const struct item *item, struct buf *out)
{
    struct json_writer writer = {.out = out};
    json_begin_array(&writer);
    for (size_t i = 0; i < item->n_groups; i++) {
        json_begin_array(&writer);
        json_put_string(&writer, item->groups[i].level);
        json_put_string(&writer, item->groups[i].name);
        json_end_array(&writer);
    }
    json_end_array(&writer);
}

void verdict_set_predicted(struct verdict *verdict, const char *text, size_t n_bytes)
{
    size_t most = sizeof verdict->predicted - 1;
    if (n_bytes > most) n_bytes = utf8_complete_prefix(text, most);
    memcpy(verdict->predicted, text, n_bytes);
    verdict->predicted[n_bytes] = 0;
}

void verdict_write_others(const struct verdict *verdict, struct buf *out)
{
    struct json_writer writer = {.out = out};
    if (!verdict->n_others) return;
    json_begin_object(&writer);
    for (size_t i = 0; i < verdict->n_others; i++)
        json_set_number(&writer, verdict->others[i].name, verdict->others[i].score);
    json_end_object(&writer);
}
