/* print_logits.c - the logits of tests/golden/logit_hashes.tsv as bytes, from the engine alone.
 *
 *   print_logits MODEL ISA
 *
 * For a machine whose libraries are not there to link, such as an emulated one: whoever calls it
 * hashes what it prints, raw float32 [HASHED_TOKENS, n_vocab]. Tokenizers of synthetic models need
 * no regular expressions, and nobody asks here for a hash of the weights.
 */
#include "engine/engine.h"

#include "tests/support/hashed_prompt.h"

#include <stdio.h>

static bool print_logits(struct session *session, size_t n_vocab, struct err *err)
{
    struct session_token batch[HASHED_TOKENS];
    int32_t ids[HASHED_TOKENS];
    int sequence;
    if (!session_start(session, &sequence, err)) return false;
    hashed_prompt(n_vocab, ids);
    for (size_t i = 0; i < HASHED_TOKENS; i++) {
        batch[i] = (struct session_token){.sequence = sequence, .id = ids[i], .wants_logits = true};
    }
    if (!session_eval(session, batch, HASHED_TOKENS, err)) return false;
    for (size_t i = 0; i < HASHED_TOKENS; i++) {
        if (fwrite(session_logits(session, i), sizeof(float), n_vocab, stdout) != n_vocab)
            return err_set(err, ERR_IO, "standard output cannot be written");
    }
    return true;
}

int main(int argc, char **argv)
{
    struct err err = {0};
    struct model *model = NULL;
    struct session *session = NULL;
    struct model_options options = {.n_threads = 2};
    const struct session_options session_options = {.n_threads = 2};
    if (argc != 3) {
        fprintf(stderr, "usage: print_logits MODEL ISA\n");
        return 2;
    }
    bool ok =
        isa_parse(argv[2], &options.isa, &err) && (model = model_open(argv[1], &options, &err)) &&
        (session = session_open(model, &session_options, &err)) &&
        print_logits(session, (size_t)model_info(model)->n_vocab, &err) && fflush(stdout) == 0;
    if (!ok) err_print(&err, stderr);
    session_close(session);
    model_close(model);
    return ok ? 0 : 1;
}
