/* fuzz_store.c - any bytes are a database that can be reported and checked, or are refused with a
 * message.
 *
 * An input that begins as a SQLite file does is one. Every other is a list of edits of a small
 * store that this program makes: three bytes of a position, one of a value. What is refused is
 * opened a second time as --trust does, with few steps for each statement.
 */
#include "base/file.h"
#include "reports/report.h"
#include "results/store_check.h"
#include "results/store_internal.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

enum { MAX_BYTES = 1 << 24, MAX_STEPS = 1000000 };

static char folder[64], path[96];
static uint8_t *made;
static size_t n_made;
static FILE *nowhere;

static void must(bool ok, const struct err *err)
{
    if (ok) return;
    fprintf(stderr, "%s: %s\n", err->file, err->message);
    abort();
}

static void check(bool ok, const struct err *err)
{
    if (!ok && (err->code == ERR_NONE || !err->message[0])) abort();
}

static void put_answers(struct store *store, int64_t job)
{
    struct err err = {0};
    char key[16];
    must(store_begin(store, &err), &err);
    for (int i = 0; i < 6; i++) {
        snprintf(key, sizeof key, "a/%d", i);
        const struct answer_record answer = {.key = key,
                                             .file = "a.csv",
                                             .subset = i % 2 ? "anatomy" : "birds",
                                             .expected = "A",
                                             .line = i + 1,
                                             .groups_json = i % 2 ? "[[\"subject\",\"anatomy\"]]"
                                                                  : "[[\"subject\",\"birds\"]]",
                                             .response_json = "{\"answered\":true}",
                                             .logits_hash = "",
                                             .answered = true,
                                             .is_correct = i < 3,
                                             .score = i < 3,
                                             .predicted = "A",
                                             .others_json = "{\"f1\":0.5}"};
        must(store_put_answer(store, job, &answer, &err), &err);
    }
    must(store_compute_scores(store, job, &err) &&
             store_put_note(store, job, "tie", 2, "choices of equal score", &err) &&
             store_commit(store, &err),
         &err);
}

static void put_jobs(struct store *store, int64_t run)
{
    struct err err = {0};
    const struct dataset_record dataset = {"mmlu", "data", "d", 6};
    const struct speed_record speed = {
        .test = "prefill", .prompt_tokens = 8, .isa = "avx2", .duration_ns = 5, .tokens_per_s = 7};
    const struct job_result result = {1, 2, 3, 4, 5, NULL};
    for (int i = 0; i < 2; i++) {
        int64_t job = 0;
        const struct model_record model = {
            .id = "m", .quantization = i ? "q8_0" : "q4_0", .hash = "h", .n_params = 9};
        struct job_record record = {.run = run,
                                    .kind = JOB_QUESTIONS,
                                    .suite = "mmlu",
                                    .protocol = "p",
                                    .fingerprint = i ? "f" : "g",
                                    .metric = "acc",
                                    .n_items = 6,
                                    .chance = 0.25};
        must(store_put_model(store, &model, &record.model, &err) &&
                 store_put_dataset(store, &dataset, &record.dataset, &err) &&
                 store_put_job(store, &record, &job, &err),
             &err);
        put_answers(store, job);
        must(store_put_speed(store, job, &speed, &err) &&
                 store_finish_job(store, job, &result, &err),
             &err);
    }
}

static void remove_folder(void)
{
    rmdir(folder);
}

/* A store of 30 pages or so, without a write-ahead log. */
static void make_store(void)
{
    struct err err = {0};
    int64_t run = 0;
    const struct run_record record = {.name = "r",
                                      .config_text = "name: r",
                                      .config_hash = "c",
                                      .build = {.version = "0",
                                                .git_revision = "r",
                                                .compiler = "c",
                                                .flags = "",
                                                .git_dirty = false,
                                                .numerics_version = 1}};
    const char *temporary = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%.40s/fuzz-store-XXXXXX", temporary ? temporary : "/tmp");
    if (!mkdtemp(folder) || atexit(remove_folder)) abort();
    snprintf(path, sizeof path, "%s/x.db", folder);
    struct store *store = store_open(path, STORE_CREATE, &err);
    must(store && store_begin_run(store, &record, &run, &err), &err);
    put_jobs(store, run);
    must(store_finish_run(store, run, RUN_DONE, 1, NULL, &err), &err);
    store_close(store);
    made = (uint8_t *)file_read(path, MAX_BYTES, &n_made, &err);
    nowhere = fopen("/dev/null", "w");
    if (!made || n_made < 100 || !nowhere) abort();
    made[18] = made[19] = 1;
}

static void remove_store(void)
{
    static const char *const ENDINGS[] = {"", "-wal", "-shm", "-journal"};
    char name[128];
    for (size_t i = 0; i < sizeof ENDINGS / sizeof *ENDINGS; i++) {
        snprintf(name, sizeof name, "%s%s", path, ENDINGS[i]);
        unlink(name);
    }
}

static void write_store(const uint8_t *bytes, size_t n_bytes)
{
    static const char MAGIC[] = "SQLite format 3";
    bool is_whole = n_bytes >= sizeof MAGIC && !memcmp(bytes, MAGIC, sizeof MAGIC);
    FILE *out = fopen(path, "wb");
    if (!out) abort();
    if (is_whole) fwrite(bytes, 1, n_bytes, out);
    else {
        fwrite(made, 1, n_made, out);
        for (size_t i = 0; i + 4 <= n_bytes; i += 4) {
            size_t at = (size_t)bytes[i] << 16 | (size_t)bytes[i + 1] << 8 | bytes[i + 2];
            fseek(out, (long)(at % n_made), SEEK_SET);
            fputc(bytes[i + 3], out);
        }
    }
    if (fclose(out)) abort();
}

static bool count(void *context, const struct check_fault *fault, struct err *err)
{
    (void)err;
    if (!fault->what || !*fault->what) abort();
    return ++*(int *)context < 1000 || err_set(err, ERR_INPUT, "more faults than anybody reads");
}

/* Whether it was opened. */
static bool report(bool is_trusted)
{
    struct err err = {0};
    const struct store_options options = {.mode = STORE_READ, .is_trusted = is_trusted};
    struct store *store = store_open_as(path, &options, &err);
    check(store != NULL, &err);
    if (!store) return false;
    store->max_steps = MAX_STEPS;
    struct report *drawn = report_open(store, NULL, 0, &err);
    check(drawn != NULL, &err);
    if (drawn) report_print(drawn, 40, nowhere);
    report_free(drawn);
    store_close(store);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    struct err err = {0};
    int n_faults = 0;
    if (!made) make_store();
    write_store(bytes, n_bytes);
    check(check_database(path, false, count, &n_faults, &err), &err);
    if (!report(false)) report(true);
    remove_store();
    return 0;
}
