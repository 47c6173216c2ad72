/* cmd_logits.c - phibench logits: the raw logits of a prompt, for comparing engines and machines.
 *
 * Takes a text or ids and prints JSON or raw float32.
 * The bytes of the raw form are the contract that tests hash.
 */
#include "base/json.h"
#include "harness/ask/prefill.h"
#include "harness/cli/commands.h"
#include "harness/cli/model_options.h"

#include <string.h>

struct options {
    struct model_arguments common;
    const char *prompt, *ids, *output;
    bool all;
};

static const struct option_spec OPTIONS[] = {
    MODEL_OPTIONS(struct options),
    OPTION_SPECIAL(struct options, common.special),
    OPTION_RSTRIP(struct options, common.rstrip),
    {"prompt", 'p', OPTION_TEXT, "TEXT", "the text", offsetof(struct options, prompt), 0, 0, 0},
    {"ids", 0, OPTION_TEXT, "1,2,3", "token ids in place of a text", offsetof(struct options, ids),
     0, 0, 0},
    {"all", 0, OPTION_FLAG, NULL, "every position, not only the last",
     offsetof(struct options, all), 0, 0, 0},
    {"output", 'o', OPTION_TEXT, "FORMAT",
     "json (default) or bin: little-endian float32, [positions, vocabulary]",
     offsetof(struct options, output), 0, 0, 0},
};

enum { MAX_IDS = 1 << 20, LARGEST_ID = INT32_MAX };

struct printer {
    const struct tokens *ids;
    bool is_binary;
    size_t n_vocab, n_rows;
};

static void print_beginning(const struct tokens *ids)
{
    fputs("{\"ids\": [", stdout);
    for (size_t i = 0; i < ids->n; i++) printf("%s%d", i ? ", " : "", (int)ids->ids[i]);
    fputs("],\n \"logits\": [", stdout);
}

/* Nothing is printed before the first row is known to be one. A float32 with 9 digits reads back
 * exactly. */
static bool print_row(void *context, size_t position, const float *logits, struct err *err)
{
    struct printer *printer = context;
    (void)position;
    if (printer->is_binary) {
        if (fwrite(logits, sizeof *logits, printer->n_vocab, stdout) != printer->n_vocab)
            return err_set_errno(err, "cannot write the logits");
        return true;
    }
    if (!printer->n_rows) print_beginning(printer->ids);
    printf("%s  [", printer->n_rows++ ? ",\n" : "\n");
    for (size_t i = 0; i < printer->n_vocab; i++)
        printf("%s%.9g", i ? ", " : "", (double)logits[i]);
    putchar(']');
    return true;
}

static bool parse_ids(const struct options *options, const struct tokenizer *tokenizer,
                      struct tokens *ids, struct err *err)
{
    for (const char *at = options->ids;; at++) {
        int64_t value;
        size_t n, n_word = strcspn(at, ",");
        char word[32];
        snprintf(word, sizeof word, "%.*s", (int)(n_word < 31 ? n_word : 31), at);
        if (!command_parse_integers(word, "--ids", 0, tokenizer_size(tokenizer) - 1, &value, 1, &n,
                                    err))
            return false;
        int32_t id = (int32_t)value;
        if (ids->n == MAX_IDS) return err_set(err, ERR_USAGE, "--ids: more than %d ids", MAX_IDS);
        if (!tokens_append(ids, &id, 1, err)) return false;
        at += n_word;
        if (!*at) return true;
    }
}

static bool print_logits(const struct options *options, const struct opened *opened,
                         const struct tokens *ids, struct err *err)
{
    struct printer printer = {
        .ids = ids,
        .is_binary = options->output && !strcmp(options->output, "bin"),
        .n_vocab = (size_t)model_info(opened->model)->n_vocab,
    };
    int sequence;
    if (!session_start(opened->session, &sequence, err)) return false;
    if (!prefill(opened->session, sequence, ids, NULL, options->all, print_row, &printer, err))
        return false;
    if (!printer.is_binary) fputs("]}\n", stdout);
    return true;
}

static bool run(const struct invocation *invocation, struct err *err)
{
    const struct options *options = invocation->options;
    struct opened opened = {0};
    struct tokens ids = {0};
    if (!options->prompt == !options->ids)
        return err_set(err, ERR_USAGE, "logits needs either a text, -p TEXT, or ids, --ids 1,2,3");
    if (options->output && strcmp(options->output, "bin") && strcmp(options->output, "json"))
        return err_set(err, ERR_USAGE, "-o takes json or bin, not \"%s\"", options->output);
    bool ok = opened_open(invocation, &options->common, &opened, err) &&
              (options->ids
                   ? parse_ids(options, model_tokenizer(opened.model), &ids, err)
                   : encode_prompt(&opened, &options->common, options->prompt, false, &ids, err)) &&
              print_logits(options, &opened, &ids, err);
    tokens_free(&ids);
    opened_close(&opened);
    return ok;
}

static const char *const EXAMPLES[] = {
    "phibench logits -m synth:tiny:f16 --ids 1,20,30 -o json",
    "phibench logits -m synth:tiny:f16 -p 'Answer:' --all -o bin --isa scalar",
    NULL,
};

const struct command COMMAND_LOGITS = {
    .name = "logits",
    .summary = "print the logits of a text or of token ids",
    .arguments = "",
    COMMAND_OPTIONS(OPTIONS, struct options),
    .details = "Prints the logits after the last position, or after every one with --all. The "
               "bytes of -o bin are "
               "the same on every machine, instruction set and number of threads: compare them "
               "with a hash.",
    .examples = EXAMPLES,
    .run = run,
};
