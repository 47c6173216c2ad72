/* published.c - see published.h. The files are tables of eleven columns separated by tabs, without
 * quotes; lines that begin with '#' and the line of names are passed over. They are few and small:
 * all are read when one is wanted.
 */
#include "results/published.h"

#include "base/embedded.h"
#include "base/nearest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_COLUMNS = 11 };

/* Cuts the line at its tabs, in place. */
static size_t split(char *line, char *fields[N_COLUMNS])
{
    size_t n = 0;
    for (char *field; n < N_COLUMNS && (field = strsep(&line, "\t"));) fields[n++] = field;
    return line ? N_COLUMNS + 1 : n;
}

static bool read_score(const char *text, struct published *row)
{
    char *end;
    const char *dot = strchr(text, '.');
    row->score = strtod(text, &end);
    row->rounding = 0.5 * pow(10, dot ? -(double)strlen(dot + 1) : 0);
    return *text && !*end && isfinite(row->score);
}

static bool read_row(char *line, const char *name, int i_line, struct published *row,
                     struct err *err)
{
    char *fields[N_COLUMNS];
    size_t n = split(line, fields);
    if (n != N_COLUMNS)
        return err_set_at(err, ERR_INPUT, name, i_line, 1, "%s columns, not 11",
                          n > N_COLUMNS ? "more" : "fewer");
    *row = (struct published){.model = fields[0],
                              .benchmark = fields[2],
                              .suite = fields[3],
                              .metric = fields[4],
                              .protocol = fields[5],
                              .unit = fields[8],
                              .remark = fields[9],
                              .source = fields[10],
                              .shots = *fields[6] ? atoi(fields[6]) : -1};
    if (!*row->model || !*row->source)
        return err_set_at(err, ERR_INPUT, name, i_line, 1, "a number needs a model and a source");
    return read_score(fields[7], row) ||
           err_set_at(err, ERR_INPUT, name, i_line, 1, "the score \"%s\" is no number", fields[7]);
}

static bool is_row(const char *line)
{
    return *line && *line != '#' && strncmp(line, "model\t", 6) != 0;
}

static size_t count_lines(const char *text)
{
    size_t n = 1;
    for (; *text; text++) n += *text == '\n';
    return n;
}

static bool append_rows(const char *text, const char *name, struct arena *arena,
                        struct published_list *list, struct err *err)
{
    int i_line = 0;
    char *rest = arena_string(arena, text, err);
    struct published *rows =
        rest ? arena_alloc(arena, list->n + count_lines(text), sizeof *rows, err) : NULL;
    if (!rows) return false;
    if (list->n) memcpy(rows, list->rows, list->n * sizeof *rows);
    list->rows = rows;
    for (char *line; (line = strsep(&rest, "\n"));) {
        i_line++;
        if (!is_row(line)) continue;
        if (!read_row(line, name, i_line, &rows[list->n], err)) return false;
        list->n++;
    }
    return true;
}

bool published_parse(const char *text, const char *name, struct arena *arena,
                     struct published_list *list, struct err *err)
{
    *list = (struct published_list){0};
    return append_rows(text, name, arena, list, err);
}

bool published_load(struct arena *arena, struct published_list *list, struct err *err)
{
    *list = (struct published_list){0};
    for (const struct embedded_file *file = EMBEDDED_PUBLISHED; file->name; file++)
        if (!append_rows(file->text, file->path, arena, list, err)) return false;
    return true;
}

const char *const *published_models(const struct published_list *list, struct arena *arena,
                                    size_t *n, struct err *err)
{
    const char **models = arena_alloc(arena, list->n + 1, sizeof *models, err);
    *n = 0;
    for (size_t i = 0; models && i < list->n; i++) {
        size_t at = 0;
        while (at < *n && strcmp(models[at], list->rows[i].model) != 0) at++;
        if (at == *n) models[(*n)++] = list->rows[i].model;
    }
    return models;
}

/* ERR_CONFIG that none of models: [n] has this name. */
static bool fail_unknown(const char *name, const char *const *models, size_t n, struct err *err)
{
    const char *near = nearest_name(name, models, n);
    if (near)
        return err_set(err, ERR_CONFIG,
                       "there are no published numbers of \"%s\": did you mean \"%s\"?", name,
                       near);
    return err_set(err, ERR_CONFIG,
                   "there are no published numbers of \"%s\" among those of %zu models in "
                   "configs/published",
                   name, n);
}

bool published_check_model(const char *name, struct err *err)
{
    struct published_list list;
    size_t n = 0, i = 0;
    struct arena *arena = arena_new(0, err);
    const char *const *models =
        arena && published_load(arena, &list, err) ? published_models(&list, arena, &n, err) : NULL;
    while (models && i < n && strcmp(models[i], name) != 0) i++;
    bool ok = models && (i < n || fail_unknown(name, models, n, err));
    arena_free(arena);
    return ok;
}
