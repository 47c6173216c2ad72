/* joined.c - see joined.h. A row is found by the place of its tensor in the joined table, which is
 * that of its part, shifted.
 */
#include "engine/joined.h"

#include "base/mem.h"

#include <stdlib.h>

struct part {
    struct source *source;
    const struct part_kind *kind;
    size_t i_tensor;        /* of its first tensor in the whole */
    struct model_seal seal; /* its part of what the whole is held to */
};

struct joined {
    struct source source; /* first: the source's functions find the rest behind it */
    struct part *parts;   /* [source.n_files] */
    const char **files;   /* their paths */
    struct tensor_info *tensors;
    const struct tensor_info **by_name; /* [source.n_tensors] */
};

/* The tables of the parts, one after the other. */
static bool join_tables(struct joined *joined, struct err *err)
{
    struct source *source = &joined->source;
    size_t n = 0;
    for (size_t i = 0; i < source->n_files; i++) n += joined->parts[i].source->n_tensors;
    joined->tensors = mem_new(n, sizeof *joined->tensors, err);
    if (!joined->tensors) return false;
    source->tensors = joined->tensors;
    for (size_t i = 0; i < source->n_files; i++) {
        const struct source *part = joined->parts[i].source;
        joined->files[i] = part->path;
        joined->parts[i].i_tensor = source->n_tensors;
        source->n_bytes += part->n_bytes;
        for (size_t k = 0; k < part->n_tensors; k++) {
            struct tensor_info *tensor = &joined->tensors[source->n_tensors++];
            *tensor = part->tensors[k];
            tensor->file = part->path;
        }
    }
    return true;
}

static int compare_names(const void *a, const void *b)
{
    const struct tensor_info *const *left = a, *const *right = b;
    int order = strcmp((*left)->name, (*right)->name);
    return order ? order : (*left > *right) - (*left < *right);
}

/* Each part's names are distinct by themselves. */
static bool sort_names(struct joined *joined, struct err *err)
{
    size_t n = joined->source.n_tensors;
    const struct tensor_info **order = joined->by_name = mem_new(n, sizeof *order, err);
    if (!order) return false;
    for (size_t i = 0; i < n; i++) order[i] = &joined->tensors[i];
    qsort(order, n, sizeof *order, compare_names);
    for (size_t i = 1; i < n; i++)
        if (strcmp(order[i - 1]->name, order[i]->name) == 0)
            return err_set_at(err, ERR_INPUT, order[i]->file, 0, 0,
                              "tensor '%s' is in %s, too: download all shards of one model",
                              order[i]->name, order[i - 1]->file);
    return true;
}

static int compare_with_name(const void *name, const void *element)
{
    const struct tensor_info *const *tensor = element;
    return strcmp(name, (*tensor)->name);
}

const struct tensor_info *joined_find(const struct source *source, const char *name)
{
    const struct joined *joined = (const struct joined *)source;
    const struct tensor_info **found = bsearch(name, joined->by_name, source->n_tensors,
                                               sizeof *joined->by_name, compare_with_name);
    return found ? *found : NULL;
}

static bool read_rows(const struct source *source, const struct tensor_info *tensor, size_t row,
                      size_t n_rows, void *out, struct err *err)
{
    const struct joined *joined = (const struct joined *)source;
    size_t i_tensor = (size_t)(tensor - joined->tensors);
    const struct part *part = joined->parts;
    while (i_tensor - part->i_tensor >= part->source->n_tensors) part++;
    return part->source->read_rows(part->source, &part->source->tensors[i_tensor - part->i_tensor],
                                   row, n_rows, out, err);
}

static bool hash_files(const struct source *source, char hex[65], struct model_seal **seal,
                       struct err *err)
{
    const struct joined *joined = (const struct joined *)source;
    struct seal_file *files = mem_new(source->n_files, sizeof *files, err);
    for (size_t i = 0; files && i < source->n_files; i++)
        files[i] = joined->parts[i].kind->to_seal(joined->parts[i].source);
    bool ok = files && seal_hash_files(source, files, hex, seal, err);
    free(files);
    return ok;
}

static void close_joined(struct source *source)
{
    struct joined *joined = (struct joined *)source;
    for (size_t i = 0; joined->parts && i < source->n_files; i++)
        source_close(joined->parts[i].source);
    free(joined->parts);
    free(joined->files);
    free(joined->tensors);
    free(joined->by_name);
    free(joined);
}

struct source *joined_open(const struct joined_part *parts, size_t n_parts, const char *path,
                           const struct metadata *metadata, struct err *err)
{
    struct joined *joined = mem_new(1, sizeof *joined, err);
    if (!joined || !(joined->parts = mem_new(n_parts, sizeof *joined->parts, err))) {
        for (size_t i = 0; i < n_parts; i++) source_close(parts[i].source);
        free(joined);
        return NULL;
    }
    for (size_t i = 0; i < n_parts; i++)
        joined->parts[i] = (struct part){.source = parts[i].source, .kind = parts[i].kind};
    joined->source = (struct source){.path = path,
                                     .metadata = metadata,
                                     .n_files = n_parts,
                                     .read_rows = read_rows,
                                     .hash = hash_files,
                                     .close = close_joined};
    joined->files = mem_new(n_parts, sizeof *joined->files, err);
    joined->source.files = joined->files;
    if (joined->files && join_tables(joined, err) && sort_names(joined, err))
        return &joined->source;
    close_joined(&joined->source);
    return NULL;
}

bool joined_hold_to(struct source *source, const struct model_seal *seal, struct err *err)
{
    struct joined *joined = (struct joined *)source;
    bool ok = seal_check_counts(seal, source, err);
    for (size_t i = 0; ok && i < source->n_files; i++) {
        struct part *part = &joined->parts[i];
        part->seal = seal_part(seal, i, part->i_tensor, part->source->n_tensors);
        ok = part->kind->hold_to(part->source, &part->seal, err);
    }
    return ok;
}
