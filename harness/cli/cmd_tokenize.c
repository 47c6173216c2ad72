/* cmd_tokenize.c - phibench tokenize and detokenize: text on stdin to ids, ids to text. Loads no
 * weights.
 *
 * Owns how ids are written and read as text.
 * Knows nothing of models beyond their tokenizer.
 */
#include "base/json.h"
#include "base/visible.h"
#include "engine/tools.h"
#include "harness/cli/commands.h"
#include "harness/cli/model_options.h"
#include "harness/cli/read_input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct options {
    const char *model, *rstrip;
    bool no_bos, special, json;
};

static const struct option_spec TOKENIZE_OPTIONS[] = {
    OPTION_MODEL(struct options, model),     OPTION_NO_BOS(struct options, no_bos),
    OPTION_SPECIAL(struct options, special), OPTION_RSTRIP(struct options, rstrip),
    OPTION_JSON(struct options, json),
};

static const struct option_spec DETOKENIZE_OPTIONS[] = {
    OPTION_MODEL(struct options, model),
    {"special", 0, OPTION_FLAG, NULL, "print special tokens too", offsetof(struct options, special),
     0, 0, 0},
};

/* The model's tokenizer and what is on stdin. *input is the caller's. */
static struct tokenizer *open_with_input(const struct invocation *invocation,
                                         const struct options *options, struct buf *input,
                                         struct err *err)
{
    struct tokenizer *tokenizer = open_tokenizer(invocation, options->model, err);
    if (tokenizer && !read_input(input, err)) {
        tokenizer_free(tokenizer);
        return NULL;
    }
    return tokenizer;
}

static bool print_json(const struct tokenizer *tokenizer, const struct tokens *ids, struct err *err)
{
    struct buf out = {0};
    struct json_writer writer = {.out = &out};
    json_begin_object(&writer);
    json_key(&writer, "ids");
    json_begin_array(&writer);
    for (size_t i = 0; i < ids->n; i++) json_put_integer(&writer, ids->ids[i]);
    json_end_array(&writer);
    json_key(&writer, "pieces");
    json_begin_array(&writer);
    for (size_t i = 0; i < ids->n; i++) {
        struct token_info token = tokenizer_token(tokenizer, ids->ids[i]);
        json_put_string_n(&writer, token.piece, token.n_bytes);
    }
    json_end_array(&writer);
    json_end_object(&writer);
    return json_print(&writer, stdout, err);
}

static bool run_tokenize(const struct invocation *invocation, struct err *err)
{
    const struct options *options = invocation->options;
    struct buf input = {0};
    struct tokens ids = {0};
    struct encode_options encode = {.bos = options->no_bos ? BOS_NEVER : BOS_AUTO,
                                    .parse_special = options->special};
    struct tokenizer *tokenizer = open_with_input(invocation, options, &input, err);
    bool ok = tokenizer && parse_rstrip(options->rstrip, &encode.rstrip, err) &&
              tokenizer_encode(tokenizer, buf_string(&input), input.n_bytes, &encode, &ids, err);
    if (ok && options->json) {
        ok = print_json(tokenizer, &ids, err);
    } else if (ok) {
        for (size_t i = 0; i < ids.n; i++) printf("%s%d", i ? " " : "", (int)ids.ids[i]);
        putchar('\n');
    }
    tokens_free(&ids);
    tokenizer_free(tokenizer);
    buf_free(&input);
    return ok;
}

/* Integers separated by white space, commas or brackets. */
static bool parse_ids(const char *text, struct tokens *ids, struct err *err)
{
    static const char SEPARATORS[] = " \t\r\n,[]";
    for (text += strspn(text, SEPARATORS); *text; text += strspn(text, SEPARATORS)) {
        char *end;
        errno = 0;
        long value = strtol(text, &end, 10);
        if (end == text || errno || value < 0 || value > INT32_MAX ||
            (*end && !strchr(SEPARATORS, *end)))
            return err_set(err, ERR_INPUT, "standard input: \"%.*s\" is no token id",
                           (int)strcspn(text, SEPARATORS), text);
        int32_t id = (int32_t)value;
        if (!tokens_append(ids, &id, 1, err)) return false;
        text = end;
    }
    return true;
}

static bool run_detokenize(const struct invocation *invocation, struct err *err)
{
    const struct options *options = invocation->options;
    struct buf input = {0}, text = {0};
    struct tokens ids = {0};
    struct tokenizer *tokenizer = open_with_input(invocation, options, &input, err);
    bool ok = tokenizer && parse_ids(buf_string(&input), &ids, err) &&
              tokenizer_decode(tokenizer, ids.ids, ids.n, options->special, true, &text, err) &&
              buf_check(&text, err);
    if (ok) visible_write(stdout, buf_string(&text), text.n_bytes);
    tokens_free(&ids);
    tokenizer_free(tokenizer);
    buf_free(&input);
    buf_free(&text);
    return ok;
}

static const char *const TOKENIZE_EXAMPLES[] = {
    "printf 'Hello world' | phibench tokenize -m synth:tiny:f16 --json",
    NULL,
};

static const char *const DETOKENIZE_EXAMPLES[] = {
    "printf 'Hello world' | phibench tokenize -m synth:tiny:f16 | phibench detokenize -m "
    "synth:tiny:f16",
    NULL,
};

const struct command COMMAND_TOKENIZE = {
    .name = "tokenize",
    .summary = "text on standard input to token ids",
    .arguments = "",
    COMMAND_OPTIONS(TOKENIZE_OPTIONS, struct options),
    .details = "Prints the ids of the text on standard input, every byte of it, also a last line "
               "break. Whether BOS "
               "comes first is what the model's file says, unless --no-bos. Loads no weights: a "
               "GGUF that holds "
               "only a vocabulary will do.",
    .examples = TOKENIZE_EXAMPLES,
    .run = run_tokenize,
};

const struct command COMMAND_DETOKENIZE = {
    .name = "detokenize",
    .summary = "token ids on standard input to text",
    .arguments = "",
    COMMAND_OPTIONS(DETOKENIZE_OPTIONS, struct options),
    .details = "Prints the text of the ids on standard input (separated by spaces, commas, line "
               "breaks or brackets), "
               "exactly, without a line break of its own. Control tokens such as BOS are left out "
               "unless --special.",
    .examples = DETOKENIZE_EXAMPLES,
    .run = run_detokenize,
};
