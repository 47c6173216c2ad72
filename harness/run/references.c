/* references.c - see references.h. What is missing from a file that a job fills is computed
 * again even where the answer is stored, so that a file that was removed comes back.
 */
#include "harness/run/references.h"

#include "base/file.h"
#include "harness/ask/text_chunks.h"
#include "suites/perplexity.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAME_CHARS = 32 }; /* of a fingerprint */

/* The path references/FINGERPRINT.logits beside the database; free() it. */
static char *kept_path(const struct run_context *run, const struct plan_job *job, bool makes_folder,
                       struct err *err)
{
    struct buf path = {0};
    const char *db = store_path(run->store), *name = file_name(db);
    buf_append(&path, db, (size_t)(name - db));
    buf_text(&path, "references");
    if (!buf_check(&path, err) || (makes_folder && !file_make_folders(buf_string(&path), err))) {
        buf_free(&path);
        return NULL;
    }
    buf_printf(&path, "/%.*s.logits", (int)NAME_CHARS, job->fingerprint);
    return buf_take(&path, err);
}

static void say_size(const struct run_context *run, const struct plan_job *job, const char *path,
                     const struct reference_key *key)
{
    double chunk = (double)key->n_scored * (double)key->n_vocab * sizeof(float);
    if (file_size_bytes(path) > 0) return;
    log_info(&run->options->console.log, "keeping %.3g GB of logits in %s",
             chunk * (double)job->dataset->n_items * 1e-9, path);
}

/* A file that this program keeps for itself is made again where it is not what it should be; a
 * user's is left alone. */
static struct reference *open_to_fill(const struct run_context *run, const char *path,
                                      const struct reference_key *key, bool is_kept,
                                      struct err *err)
{
    const struct log *log = &run->options->console.log;
    struct err why = {0};
    size_t n_forgotten = 0;
    struct reference *reference = reference_create(path, key, &why);
    if (!reference && is_kept && (why.code == ERR_INPUT || why.code == ERR_USAGE)) {
        log_warning(log, "%s is made again: it is damaged", path);
        if (unlink(path) != 0) err_set_errno(&why, "%s: cannot remove", path);
        else reference = reference_create(path, key, &why);
    }
    bool ok =
        reference && (run->options->is_fresh ? reference_forget(reference, &why)
                                             : reference_repair(reference, &n_forgotten, &why));
    if (n_forgotten)
        log_warning(log, "%s: the logits of %zu chunks are damaged, and computed again", path,
                    n_forgotten);
    if (ok) return reference;
    reference_close(reference);
    if (err) *err = why;
    return NULL;
}

static bool open_both(const struct run_context *run, const struct plan_job *job,
                      const struct reference_key *key, struct run_references *references,
                      struct err *err)
{
    const char *save = job->suite->save_reference, *against = job->reference_file;
    char *own = NULL, *other = NULL;
    bool ok = true;
    if (!save && job->is_reference) ok = (save = own = kept_path(run, job, true, err)) != NULL;
    if (job->reference_job)
        ok = ok && (against = other = kept_path(run, job->reference_job, false, err)) != NULL;
    if (ok && save) {
        say_size(run, job, save, key);
        references->save = open_to_fill(run, save, key, own != NULL, err);
        ok = references->save != NULL;
    }
    if (ok && against) {
        references->against = reference_open(against, key, err);
        ok = references->against || err_context(err, "opening the logits to compare with");
    }
    free(own);
    free(other);
    return ok;
}

bool run_references_open(const struct run_context *run, const struct plan_job *job,
                         struct run_references *references, struct err *err)
{
    char origin[256];
    *references = (struct run_references){0};
    if (job->suite->kind != CONFIG_SUITE_TEXT) return true;
    const struct text_chunks *chunks = text_chunks_of(job->dataset);
    snprintf(origin, sizeof origin, "%s %s, weights %.16s", job->model->info.name,
             job->model->quantization, job->model->hash);
    const struct reference_key key = {
        .data_hash = job->dataset->data_hash,
        .n_chunks = chunks->n_text_tokens / chunks->chunk_tokens,
        .n_scored = chunks->chunk_tokens - perplexity_first_scored(chunks->chunk_tokens),
        .n_vocab = (size_t)job->model->info.n_vocab,
        .origin = origin,
    };
    return open_both(run, job, &key, references, err);
}

void run_references_close(struct run_references *references)
{
    reference_close(references->save);
    reference_close(references->against);
    *references = (struct run_references){0};
}

bool run_references_lack(const struct run_references *references, size_t i_chunk)
{
    return references->save && !reference_has(references->save, i_chunk);
}

bool run_references_are_complete(const struct run_context *run, const struct plan_job *job,
                                 bool *complete, struct err *err)
{
    struct run_references references;
    *complete = true;
    if (!job->is_reference && !job->suite->save_reference) return true;
    bool ok = run_references_open(run, job, &references, err);
    for (size_t i = 0; ok && *complete && i < job->dataset->n_items; i++)
        *complete = !run_references_lack(&references, i);
    run_references_close(&references);
    return ok;
}
