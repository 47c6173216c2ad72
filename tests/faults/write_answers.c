/* write_answers.c - stores answers, a transaction for each, and prints a line when one is
 * committed: what may not be lost to a power cut from then on. For tests/cli/power_cut.sh.
 *
 * write_answers DB N [full]
 */
#include "results/store.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool begin_job(struct store *store, int64_t *job, struct err *err)
{
    const struct run_record run = {.name = "power",
                                   .config_hash = "c",
                                   .build = {.version = "0",
                                             .git_revision = "r",
                                             .compiler = "cc",
                                             .flags = "",
                                             .git_dirty = false,
                                             .numerics_version = 1},
                                   .started_unix_ms = 1};
    const struct model_record model = {.id = "m", .quantization = "q8_0"};
    const struct dataset_record dataset = {"mmlu", "data", "d", 1};
    struct job_record record = {
        .suite = "mmlu", .protocol = "p", .fingerprint = "f", .metric = "acc"};
    return store_begin_run(store, &run, &record.run, err) &&
           store_put_model(store, &model, &record.model, err) &&
           store_put_dataset(store, &dataset, &record.dataset, err) &&
           store_put_job(store, &record, job, err);
}

static bool put_answer(struct store *store, int64_t job, int i, struct err *err)
{
    char key[32], line[32];
    snprintf(key, sizeof key, "a/%d", i);
    const struct answer_record answer = {.key = key,
                                         .subset = "a",
                                         .groups_json = "[[\"subject\",\"a\"]]",
                                         .response_json = "{\"answered\":true}",
                                         .logits_hash = "",
                                         .prompt = key,
                                         .answered = true,
                                         .predicted = "A"};
    if (!store_begin(store, err) || !store_put_answer(store, job, &answer, err) ||
        !store_commit(store, err))
        return false;
    int n = snprintf(line, sizeof line, "%d\n", i);
    return write(STDOUT_FILENO, line, (size_t)n) == n || err_set_errno(err, "cannot print");
}

int main(int argc, char **argv)
{
    struct err err = {0};
    int64_t job;
    const struct store_options options = {.mode = STORE_CREATE,
                                          .is_durable = argc > 3 && !strcmp(argv[3], "full")};
    if (argc < 3) return 2;
    struct store *store = store_open_as(argv[1], &options, &err);
    bool ok = store && begin_job(store, &job, &err);
    for (int i = 1; ok && i <= atoi(argv[2]); i++) ok = put_answer(store, job, i, &err);
    store_close(store);
    return err_finish(ok, &err, stderr);
}
