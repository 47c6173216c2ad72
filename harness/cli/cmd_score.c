/* cmd_score.c - phibench score: the log-likelihood of continuations, by the same code that answers
 * a suite: joined, encoded and cut as PROTOCOLS says, in one trie. Knows nothing of files.
 */
#include "base/json.h"
#include "harness/ask/client.h"
#include "harness/ask/prompt_tokens.h"
#include "harness/cli/commands.h"
#include "harness/cli/model_options.h"

#include <string.h>

struct options {
    struct model_arguments common;
    const char *context;
    struct text_list continuations;
};

static const struct option_spec OPTIONS[] = {
    MODEL_OPTIONS(struct options),
    {"context", 0, OPTION_TEXT, "C", "the text before", offsetof(struct options, context), 0, 0, 0},
    {"continuation", 0, OPTION_LIST, "T", "the text to score",
     offsetof(struct options, continuations), 0, 0, 0},
};

static void write_choice(struct json_writer *writer, const char *text,
                         const struct choice_score *choice)
{
    json_begin_object(writer);
    json_set_string(writer, "continuation", text);
    json_set_number(writer, "loglikelihood", choice->logprob);
    json_set_integer(writer, "tokens", choice->n_tokens);
    json_set_bool(writer, "is_greedy", choice->is_greedy);
    json_set_bool(writer, "join_spanned", choice->join_spanned);
    json_end_object(writer);
}

static bool print_response(void *context, size_t i_request, const struct response *response,
                           struct err *err)
{
    const struct options *options = context;
    struct buf out = {0};
    struct json_writer writer = {.out = &out, .indent = 2};
    (void)i_request;
    if (!response->answered)
        return err_set(err, ERR_USAGE, "context and continuation do not fit the model's context");
    json_begin_object(&writer);
    json_set_integer(&writer, "context_tokens", response->n_prompt_tokens);
    json_key(&writer, "choices");
    json_begin_array(&writer);
    for (size_t i = 0; i < response->n_choices; i++)
        write_choice(&writer, options->continuations.items[i], &response->choices[i]);
    json_end_array(&writer);
    json_end_object(&writer);
    return json_print(&writer, stdout, err);
}

/* A continuation is scored after at least one token: of the context, or BOS. White space at the
 * context's end is none, for it counts to the continuation. */
static bool check_before(const struct options *options, const struct tokenizer *tokenizer,
                         enum bos_policy bos, struct err *err)
{
    for (size_t i = 0; i < options->continuations.n; i++) {
        struct joined_tokens joined;
        if (!join_tokens(tokenizer, bos, options->context, options->continuations.items[i], &joined,
                         err))
            return false;
        bool has_context = joined.n_context > 0;
        joined_tokens_done(&joined);
        if (!has_context)
            return err_set(err, ERR_USAGE,
                           "there is no token before the continuation to score it after: the "
                           "context is empty, and %s",
                           bos == BOS_NEVER ? "--no-bos was given" : "the model adds no BOS token");
    }
    return true;
}

static bool run(const struct invocation *invocation, struct err *err)
{
    const struct options *options = invocation->options;
    struct client_options client_options = {
        .bos = options->common.no_bos ? BOS_NEVER : BOS_AUTO,
        .shares_prefixes = true,
        .session = {.n_threads = (int)options->common.n_threads,
                    .batch_tokens = (size_t)options->common.batch_tokens,
                    .context_tokens = (size_t)options->common.context_tokens},
    };
    const struct client_sink sink = {print_response, NULL, (void *)options};
    struct request request = {
        .kind = REQUEST_CHOICES,
        .fit = FIT_FEWER_SHOTS,
        .prompts = &options->context,
        .n_prompts = 1,
        .choices = options->continuations.items,
        .n_choices = options->continuations.n,
    };
    if (!options->context || !options->continuations.n)
        return err_set(err, ERR_USAGE, "score needs --context C and --continuation T");
    for (size_t i = 0; i < options->continuations.n; i++)
        if (!options->continuations.items[i][0])
            return err_set(err, ERR_USAGE, "--continuation is empty: there is nothing to score");
    if (!parse_kv_type(options->common.kv, &client_options.session.kv_type, err) ||
        !parse_rope(options->common.rope, &client_options.session.rope, err))
        return false;
    struct model *model = open_model(invocation, options->common.model, options->common.isa,
                                     &client_options.session, err);
    if (!model) return false;
    bool has_before = check_before(options, model_tokenizer(model), client_options.bos, err);
    struct client *client = has_before ? client_open_engine(model, &client_options, err) : NULL;
    bool ok = client && client_ask(client, &request, 1, &sink, err);
    client_close(client);
    model_close(model);
    return ok;
}

static const char *const EXAMPLES[] = {
    "phibench score -m synth:tiny:q8_0 --context 'The sky is' --continuation ' blue'",
    "phibench score -m synth:tiny:q8_0 --context 'Answer:' --continuation ' A' --continuation ' B'",
    NULL,
};

const struct command COMMAND_SCORE = {
    .name = "score",
    .summary = "log-likelihood of a continuation, as JSON",
    .arguments = "",
    COMMAND_OPTIONS(OPTIONS, struct options),
    .details =
        "Prints the natural logarithm of the probability of each continuation after the context, "
        "with the number of its tokens, whether greedy decoding would have produced it, and "
        "whether one token spanned the join. Spaces at the end of the context count to the "
        "continuation, as in the suites. The context is computed once.",
    .examples = EXAMPLES,
    .run = run,
};
