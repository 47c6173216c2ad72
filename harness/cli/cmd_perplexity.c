/* cmd_perplexity.c - phibench perplexity: a text through one model, and its divergence from a
 * reference. It is a run of a configuration that is made here, so that it is stored, continued
 * after an interruption and reported like any other.
 *
 * The statistics come from the store, and their words from the table of metrics.
 */
#include "base/file.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "base/visible.h"
#include "harness/ask/text_chunks.h"
#include "harness/cli/commands.h"
#include "harness/cli/model_options.h"
#include "harness/cli/rows.h"
#include "harness/run/plan.h"
#include "harness/run/runner.h"
#include "results/metric.h"
#include "suites/perplexity.h"

#include <string.h>

struct options {
    struct model_arguments common; /* context_tokens: of a chunk */
    const char *text, *save_reference, *against;
    struct db_options db;
    int64_t limit;
    bool is_fresh, json;
};

static const struct option_spec OPTIONS[] = {
    OPTION_MODEL(struct options, common.model),
    {"file", 'f', OPTION_TEXT, "TEXT", "the text, any file", offsetof(struct options, text), 0, 0,
     0},
    {"context-tokens", 'c', OPTION_INTEGER, "N", "tokens of a chunk",
     offsetof(struct options, common.context_tokens), 4, 1 << 22, 512},
    {"limit", 0, OPTION_INTEGER, "N", "the first N chunks; 0: all", offsetof(struct options, limit),
     0, INT32_MAX, 0},
    {"save-reference", 0, OPTION_TEXT, "F", "keep all logits in a file, to compare others with",
     offsetof(struct options, save_reference), 0, 0, 0},
    {"against", 0, OPTION_TEXT, "F", "compare with the logits of such a file",
     offsetof(struct options, against), 0, 0, 0},
    OPTION_THREADS(struct options, common.n_threads),
    OPTION_ISA(struct options, common.isa),
    OPTION_BATCH_TOKENS(struct options, common.batch_tokens),
    OPTION_KV(struct options, common.kv),
    OPTION_ROPE(struct options, common.rope),
    OPTION_NO_BOS(struct options, common.no_bos),
    OPTION_DB(struct options, db),
    {"fresh", 0, OPTION_FLAG, NULL, "do not continue an interrupted one",
     offsetof(struct options, is_fresh), 0, 0, 0},
    OPTION_JSON(struct options, json),
};

/* ---- The configuration ---- */

static const char MADE[] = "phibench perplexity"; /* its name; nobody has such a file */

/* A text as YAML has it between single quotes. */
static void put_quoted(struct buf *out, const char *text)
{
    buf_char(out, '\'');
    for (; *text; text++) buf_printf(out, *text == '\'' ? "''" : "%c", *text);
    buf_char(out, '\'');
}

static void put_member(struct buf *out, const char *key, const char *text)
{
    if (!text) return;
    buf_printf(out, ", %s: ", key);
    put_quoted(out, text);
}

/* What tables call the model: its file's name, or all of "synth:tiny:q8_0". */
static void put_id(struct buf *out, const char *path)
{
    char id[256];
    bool is_file = strncmp(path, "synth:", 6) != 0;
    snprintf(id, sizeof id, "%s", is_file ? file_name(path) : path);
    size_t n = strlen(id);
    if (is_file && n > 5 && file_name_ends(id, ".gguf")) id[n - 5] = 0;
    put_quoted(out, id);
}

static struct config *make_config(const struct options *options, struct err *err)
{
    struct buf text = {0};
    buf_printf(&text, "name: perplexity\ndefaults: {threads: %lld, batch_tokens: %lld",
               (long long)options->common.n_threads, (long long)options->common.batch_tokens);
    put_member(&text, "isa", options->common.isa);
    buf_text(&text, "}\nmodels:\n  - {id: ");
    put_id(&text, options->common.model);
    put_member(&text, "path", options->common.model);
    put_member(&text, "kv", options->common.kv);
    put_member(&text, "rope", options->common.rope);
    if (options->common.no_bos) buf_text(&text, ", bos: never");
    buf_printf(&text, "}\nsuites:\n  - perplexity: {context: %lld",
               (long long)options->common.context_tokens);
    put_member(&text, "data", options->text);
    if (options->limit) buf_printf(&text, ", limit: %lld", (long long)options->limit);
    put_member(&text, "reference", options->against);
    put_member(&text, "save_reference", options->save_reference);
    buf_text(&text, "}\n");
    struct config *config =
        buf_check(&text, err) ? config_read_made(buf_string(&text), MADE, err) : NULL;
    buf_free(&text);
    return config;
}

/* ---- The statistics ---- */

static const char SCORE_SQL[] = "SELECT metric, score, low, high, error, unit, n FROM v_scores "
                                "WHERE run = ? AND depth = 0 AND metric = ?";

/* Columns of label and number; the label is UTF-8. */
static void print_score(const struct query *query, const struct metric *metric)
{
    const char *unit = metric_is_percent(metric) ? "%" : metric->unit;
    size_t n = strlen(metric->title), n_more = n - utf8_count(metric->title, n);
    printf("%-*s %12.6g", 18 + (int)n_more, metric->title, query_number(query, 1));
    if (query_is_null(query, 4)) printf("%11s", "");
    else printf(" ± %-8.3g", query_number(query, 4));
    printf("  %.6g to %.6g%s%s\n", query_number(query, 2), query_number(query, 3), *unit ? " " : "",
           unit);
}

static void write_score(const struct query *query, struct json_writer *json)
{
    static const char *const keys[] = {"score", "low", "high", "error"};
    json_key(json, query_text(query, 0));
    json_begin_object(json);
    for (int i = 0; i < 4; i++) {
        json_key(json, keys[i]);
        if (query_is_null(query, i + 1)) json_put_null(json);
        else json_put_number(json, query_number(query, i + 1));
    }
    json_set_string(json, "unit", query_text(query, 5));
    json_end_object(json);
}

/* Prints every score of the run in the order of METRICS, or writes it to the JSON. */
static bool each_score(struct store *store, int64_t run, struct json_writer *json, struct err *err)
{
    for (const struct metric *metric = METRICS; metric->name; metric++) {
        if (metric->kind != METRIC_OF_TEXTS && metric->kind != METRIC_OF_REFERENCE) continue;
        struct query *query = query_open(store, SCORE_SQL, err);
        query_bind_integer(query, 1, run);
        query_bind_text(query, 2, metric->name);
        int more = query_next(query, err);
        if (more > 0 && json) write_score(query, json);
        else if (more > 0) print_score(query, metric);
        query_close(query);
        if (more < 0) return false;
    }
    return true;
}

static bool print_json(const struct plan_job *job, struct store *store, int64_t run,
                       size_t n_scored, struct err *err)
{
    struct buf out = {0};
    struct json_writer json = {.out = &out, .indent = 2};
    json_begin_object(&json);
    json_set_integer(&json, "run", run);
    json_set_string(&json, "protocol", job->dataset->protocol);
    json_set_integer(&json, "chunks", (int64_t)job->dataset->n_items);
    json_set_integer(&json, "tokens", (int64_t)n_scored);
    json_key(&json, "scores");
    json_begin_object(&json);
    bool ok = each_score(store, run, &json, err);
    json_end_object(&json);
    json_end_object(&json);
    if (ok) return json_print(&json, stdout, err);
    buf_free(&out);
    return false;
}

static bool print_results(const struct plan *plan, struct store *store, int64_t run, bool as_json,
                          struct err *err)
{
    const struct plan_job *job = &plan->jobs[0];
    const struct text_chunks *chunks = text_chunks_of(job->dataset);
    size_t n_each = chunks->chunk_tokens - perplexity_first_scored(chunks->chunk_tokens);
    size_t n_scored = job->dataset->n_items * n_each;
    if (as_json) return print_json(job, store, run, n_scored, err);
    visible_printf(stdout, "%s, %zu chunks of %zu tokens, %zu of them scored\n",
                   job->suite->options.data, job->dataset->n_items, chunks->chunk_tokens, n_scored);
    printf("%18s %12s   %-8s  95%% interval\n", "", "", "error");
    return each_score(store, run, NULL, err);
}

/* A place in the configuration that was made here says nothing to who typed options. */
static bool leave_out_place(struct err *err)
{
    if (!strcmp(err->file, MADE)) err->file[0] = 0;
    return false;
}

static bool run(const struct invocation *invocation, struct err *err)
{
    const struct options *options = invocation->options;
    struct runner_options runner = {.console = invocation->console,
                                    .command_line = invocation->command_line,
                                    .cache = invocation->cache,
                                    .is_fresh = options->is_fresh,
                                    .own_answers_only = true};
    int64_t id;
    if (!options->common.model)
        return err_set(err, ERR_USAGE,
                       "perplexity needs a model: -m FILE.gguf or -m synth:tiny:q8_0");
    if (!options->text) return err_set(err, ERR_USAGE, "perplexity needs a text: -f FILE");
    struct config *config = make_config(options, err);
    struct plan *plan = config ? plan_make(config, &invocation->console, err) : NULL;
    struct store *store =
        plan ? rows_make_store(&options->db, config->db, config->is_durable, err) : NULL;
    bool ok = store && choose_isa(invocation, config->isa, &runner.isa, err) &&
              runner_execute(plan, store, &runner, &id, err) &&
              print_results(plan, store, id, options->json, err);
    store_close(store);
    plan_free(plan);
    config_free(config);
    return ok || leave_out_place(err);
}

static const char *const EXAMPLES[] = {
    "phibench perplexity -m synth:tiny:q8_0 -f models/world/text/heldout.txt --limit 4",
    "phibench perplexity -m synth:tiny:f16 -f configs/synthetic.yaml -c 64 --save-reference "
    "tiny.logits",
    "phibench perplexity -m synth:tiny:q4_0 -f configs/synthetic.yaml -c 64 --against tiny.logits",
    NULL,
};

const struct command COMMAND_PERPLEXITY = {
    .name = "perplexity",
    .summary = "perplexity of a text, and divergence from a reference",
    .arguments = "",
    COMMAND_OPTIONS(OPTIONS, struct options),
    .details =
        "Cuts the text's tokens into chunks that follow each other, begins each with BOS where "
        "the model's prompts do, and scores the second half of each chunk: the tokens after the "
        "middle one, each by what stands before it in the chunk, as llama.cpp's program does. "
        "The rest of the text that fills no chunk is not used. Values compare where text, chunk "
        "length and vocabulary are the same. Errors are clustered by chunk; intervals are 95%.\n\n"
        "--save-reference keeps the logits of every scored token as they are, 4 bytes each: 8.4 "
        "GB for 256 chunks of 512 tokens of Phi-3. --against compares with such a file: the "
        "Kullback-Leibler divergence (KLD) in nats with its quantiles, how often both find the "
        "same token most probable, and how far the probability of the token that came differs "
        "(Δp). Of an engine that computes the same bits the divergence is exactly 0.\n\n"
        "It is a run like any other: stored in the database, shown by report, and continued by "
        "the same command after an interruption. Answers of other runs are never taken over.",
    .examples = EXAMPLES,
    .run = run,
};
