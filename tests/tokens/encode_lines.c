/* encode_lines.c - the tokens that a Hugging Face folder gives to lines, to compare with others'.
 *
 *   encode_lines FOLDER [--plain] <LINES
 *
 * LINES: a JSON string in each, what is to be encoded. Prints for each line a JSON array: the ids
 * with special tokens parsed (--plain: not parsed) and without BOS, then their text, as numbers of
 * its bytes. tools/golden/hf_tokens.py is what calls it.
 */
#include "base/file.h"
#include "base/json.h"
#include "engine/hf/hf_tokenizer.h"
#include "engine/tokenizer.h"

#include <stdlib.h>
#include <string.h>

struct run {
    const struct tokenizer *tokenizer;
    struct encode_options options;
    struct buf *out;
};

static bool encode_line(void *context, const struct json *value, int line, struct err *err)
{
    struct run *run = context;
    const char *text = json_as_string(value, NULL);
    struct tokens ids = {0};
    struct buf back = {0};
    struct json_writer writer = {.out = run->out};
    if (!text) return err_set_at(err, ERR_INPUT, "stdin", line, 0, "a line that is no text");
    bool ok = tokenizer_encode(run->tokenizer, text, strlen(text), &run->options, &ids, err) &&
              tokenizer_decode(run->tokenizer, ids.ids, ids.n, true, true, &back, err);
    if (ok) {
        json_begin_array(&writer);
        json_begin_array(&writer);
        for (size_t i = 0; i < ids.n; i++) json_put_integer(&writer, ids.ids[i]);
        json_end_array(&writer);
        json_begin_array(&writer);
        for (size_t i = 0; i < back.n_bytes; i++)
            json_put_integer(&writer, (unsigned char)back.data[i]);
        json_end_array(&writer);
        json_end_array(&writer);
        buf_char(run->out, '\n');
    }
    tokens_free(&ids);
    buf_free(&back);
    return ok;
}

int main(int argc, char **argv)
{
    struct err err = {0};
    struct buf out = {0};
    struct tokenizer *tokenizer = NULL;
    bool is_plain = argc == 3 && strcmp(argv[2], "--plain") == 0;
    if (argc != 2 + is_plain) {
        fprintf(stderr, "usage: encode_lines FOLDER [--plain] <LINES\n");
        return 2;
    }
    struct metadata *metadata = metadata_new(&err);
    bool ok = metadata && hf_tokenizer_read(argv[1], metadata, &err) &&
              (tokenizer = tokenizer_new(metadata, &err));
    struct run run = {.tokenizer = tokenizer,
                      .options = {.bos = BOS_NEVER, .parse_special = !is_plain},
                      .out = &out};
    ok = ok && json_read_lines("/dev/stdin", encode_line, &run, &err) &&
         buf_print(&out, stdout, &err);
    tokenizer_free(tokenizer);
    metadata_free(metadata);
    return err_finish(ok, &err, stderr);
}
