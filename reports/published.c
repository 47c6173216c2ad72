/* published.c - see published.h. The files are tables of eleven columns separated by tabs, without
 * quotes; lines that begin with '#' and the line of names are passed over. They are few and small:
 * all are read when one is wanted.
 */
#include "reports/published.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The files one after the other, embedded at build. */
extern const char PUBLISHED_TSV[];

enum { N_COLUMNS = 11, MAX_ROWS = 1 << 20, MMLU_QUESTIONS = 14042 };

/* ---- Reading ---- */

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

bool published_parse(const char *text, const char *name, struct arena *arena,
                     struct published_list *list, struct err *err)
{
    struct published *rows = NULL;
    size_t capacity = 0;
    int i_line = 0;
    char *rest = arena_string(arena, text, err);
    bool ok = rest != NULL;
    *list = (struct published_list){0};
    for (char *line; ok && (line = strsep(&rest, "\n"));) {
        i_line++;
        if (!is_row(line)) continue;
        ok = mem_grow((void **)&rows, &capacity, list->n + 1, sizeof *rows, MAX_ROWS, err) &&
             read_row(line, name, i_line, &rows[list->n], err);
        list->n += ok;
    }
    struct published *kept = ok ? arena_alloc(arena, list->n, sizeof *rows, err) : NULL;
    if (kept && list->n) memcpy(kept, rows, list->n * sizeof *rows);
    list->rows = kept;
    free(rows);
    return kept != NULL;
}

bool published_load(struct arena *arena, struct published_list *list, struct err *err)
{
    return published_parse(PUBLISHED_TSV, "published numbers", arena, list, err);
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

/* ---- Comparing ---- */

bool published_is_about(const struct published *published, const struct published_measure *measure)
{
    return !strcmp(published->suite, measure->suite) && !strcmp(published->metric, measure->metric);
}

/* Why the two are different measurements; "" if they are the same. */
static void find_obstacle(const struct published *published,
                          const struct published_measure *measure, char *why, size_t n_bytes)
{
    *why = 0;
    if (measure->is_synthetic) snprintf(why, n_bytes, "random weights");
    else if (!*published->protocol)
        snprintf(why, n_bytes, "the protocol of the source is not known");
    else if (strcmp(published->protocol, measure->protocol) != 0)
        snprintf(why, n_bytes, "protocol %s, here %s", published->protocol, measure->protocol);
    else if (published->shots < 0) snprintf(why, n_bytes, "the shots of the source are not known");
    else if (published->shots != measure->shots)
        snprintf(why, n_bytes, "%d shots, here %d", published->shots, measure->shots);
    else if (!strcmp(measure->suite, "mmlu") && measure->n < MMLU_QUESTIONS)
        snprintf(why, n_bytes, "%lld of its %d questions here", (long long)measure->n,
                 MMLU_QUESTIONS);
}

void published_judge(const struct published *published, const struct published_measure *measure,
                     char *verdict, size_t n_bytes)
{
    char why[256];
    double score = published->score, rounding = published->rounding;
    find_obstacle(published, measure, why, sizeof why);
    if (*why) snprintf(verdict, n_bytes, "not comparable: %s", why);
    else if (score + rounding >= measure->low && score - rounding <= measure->high)
        snprintf(verdict, n_bytes, "consistent");
    else
        snprintf(verdict, n_bytes, "different by %+.2f ± %.2f", measure->score - score,
                 (measure->high - measure->low) / 2);
}

/* ---- Throughput ---- */

bool published_read_speed(const struct published *published, struct published_speed *speed)
{
    const char *on = strstr(published->protocol, " on ");
    char text[64];
    if (strcmp(published->suite, "throughput") != 0 || !on) return false;
    *speed = (struct published_speed){.batch = 1, .machine = on + strlen(" on ")};
    snprintf(text, sizeof text, "%.*s", (int)(on - published->protocol), published->protocol);
    return sscanf(text, "%15s %d after %d, %d together", speed->test, &speed->n_tokens,
                  &speed->after, &speed->batch) > 0;
}

bool published_is_of_model(const struct published *published, const char *name)
{
    const char *revision = strstr(name, " (");
    size_t n = revision ? (size_t)(revision - name) : strlen(name);
    return n && !strncmp(published->model, name, n) &&
           (published->model[n] == ' ' || !published->model[n]);
}

void published_judge_rate(const struct published *published, const struct published_rate *measure,
                          char *verdict, size_t n_bytes)
{
    struct published_speed of;
    const struct published_speed *here = &measure->speed;
    double score = published->score, rounding = published->rounding;
    if (!published_read_speed(published, &of))
        snprintf(verdict, n_bytes, "not comparable: it is not known of what");
    else if (strncmp(here->machine, of.machine, strlen(of.machine)) != 0)
        snprintf(verdict, n_bytes, "not comparable: on %s, here %s", of.machine,
                 *here->machine ? here->machine : "another machine");
    else if (of.n_tokens != here->n_tokens || of.after != here->after)
        snprintf(verdict, n_bytes, "not comparable: %d tokens after %d, here %d after %d",
                 of.n_tokens, of.after, here->n_tokens, here->after);
    else if (score + rounding >= measure->low && score - rounding <= measure->high)
        snprintf(verdict, n_bytes, "consistent");
    else
        snprintf(verdict, n_bytes, "different by %+.2f, %.3g times as fast",
                 measure->median - score, measure->median / score);
}
