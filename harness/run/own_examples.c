/* own_examples.c - see job.h: what is said and noted of questions among their own examples.
 *
 * What is done about them is the suites' business (struct own_examples).
 */
#include "harness/run/job.h"

#include "base/mem.h"

bool run_note_own_examples(const struct run_context *run, const struct plan_job *planned,
                           int64_t job, struct err *err)
{
    const struct own_examples *own = &planned->dataset->own_examples;
    const struct {
        const char *kind, *text;
        size_t count;
    } notes[] = {{"example_replaced",
                  "questions that were among their own examples: others stand in their place",
                  own->n_replaced},
                 {"example_missing",
                  "questions that were among their own examples: they have fewer of them",
                  own->n_missing},
                 {"example_kept", "questions that are among the examples which the protocol fixes",
                  own->n_fixed}};
    for (size_t i = 0; i < COUNT_OF(notes); i++)
        if (notes[i].count && !store_put_note(run->store, job, notes[i].kind,
                                              (int64_t)notes[i].count, notes[i].text, err))
            return false;
    return true;
}

void run_say_own_examples(const struct run_context *run, const struct plan_job *planned)
{
    const struct log *log = &run->options->console.log;
    const struct own_examples *own = &planned->dataset->own_examples;
    char label[256];
    plan_job_label(planned, label, sizeof label);
    if (own->n_replaced + own->n_missing)
        log_info(log,
                 "%s: %zu questions were among their own examples: %zu have others in their place, "
                 "%zu have fewer",
                 label, own->n_replaced + own->n_missing, own->n_replaced, own->n_missing);
    if (own->n_fixed)
        log_warning(log, "%s: %zu questions are among the examples which the protocol fixes", label,
                    own->n_fixed);
}
