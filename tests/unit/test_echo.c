/* test_echo.c - scores from echoed tokens: every way in which servers spell and count them, and
 * every echo that is not what was sent.
 */
#include "harness/ask/echo.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct example {
    const char *prompt, *choice, *tokens, *values;
    double logprob;
    int n_tokens;
    bool join_spanned;
    const char *fault; /* why the echo is refused; NULL: it is read */
};

/* What is expected stands in the example; tokens and values are JSON arrays. */
static void check(const struct example *example)
{
    struct buf json = {0}, text = {0};
    struct err err = {0};
    struct choice_score score = {0};
    buf_printf(&json, "{\"tokens\":%s,\"token_logprobs\":%s,\"text_offset\":[90,80,70]}",
               example->tokens, example->values);
    buf_printf(&text, "%s%s", example->prompt, example->choice);
    struct json *root = json_parse(buf_string(&json), json.n_bytes, "", &err);
    if (!root) fail_msg("%s: %s", buf_string(&json), err.message);
    const struct echo_text sent = {buf_string(&text), strlen(example->prompt), text.n_bytes};
    bool ok = echo_read_score(root, &sent, &score, &err);
    if (ok != !example->fault) fail_msg("%s: %s", example->tokens, err.message);
    if (ok && (score.logprob != example->logprob || score.n_tokens != example->n_tokens ||
               score.join_spanned != example->join_spanned))
        fail_msg("%s: %g of %d tokens", example->tokens, score.logprob, score.n_tokens);
    if (!ok) {
        assert_int_equal(err.code, ERR_UNSUPPORTED);
        if (!strstr(err.message, example->fault)) fail_msg("%s: %s", example->tokens, err.message);
    }
    json_free(root);
    buf_free(&json);
    buf_free(&text);
}

#define WORTH(value, n) .logprob = (value), .n_tokens = (n)

static void tokens_are_read_however_they_are_spelled(void **state)
{
    static const struct example examples[] = {
        {"Say:", " yes", "[\"Say\",\":\",\" yes\",\"!\"]", "[null,-1,-2,-4]", WORTH(-2, 1)},
        {"Say:", " yes", "[\"Say\",\":\",\" yes\"]", "[-8,-1,-2]", WORTH(-2, 1)},
        {"Say:", " yes", "[\"<s>\",\"Say\",\":\",\" yes\",\"!\"]", "[null,-8,-1,-2,-4]",
         WORTH(-2, 1)},
        {"Say:", " yes", "[\"\",\"Say\",\":\",\" yes\"]", "[null,-8,-1,-2]", WORTH(-2, 1)},
        {"<s>Say:", " yes", "[\"<s>\",\"Say\",\":\",\" yes\"]", "[null,-8,-1,-2]", WORTH(-2, 1)},
        {"<s>Say:", " yes", "[\"<s>\",\"<s>\",\"Say\",\":\",\" yes\"]", "[null,-9,-8,-1,-2]",
         WORTH(-2, 1)},
        /* Spanning the join, and a text that begins with the choice. */
        {"Say:", " yes", "[\"Say\",\": ye\",\"s\",\"!\"]", "[null,-1,-2,-4]", WORTH(-3, 2),
         .join_spanned = true},
        {"", "yes", "[\"<s>\",\"y\",\"es\"]", "[null,-1,-2]", WORTH(-3, 2)},
        /* More than ASCII, whole and in bytes. */
        {"\xc3\xa9t\xc3\xa9", " \xe2\x96\xb2", "[\"\xc3\xa9t\xc3\xa9\",\" \xe2\x96\xb2\"]",
         "[null,-2]", WORTH(-2, 1)},
        {"\xc3\xa9t\xc3\xa9", " \xe2\x96\xb2",
         "[\"\xc3\xa9t\xc3\xa9\",\"bytes: \\\\xe2\\\\x96\",\"bytes:\\\\xb2\"]", "[null,-2,-1]",
         WORTH(-3, 2)},
        {"\xc3\xa9t\xc3\xa9", " \xe2\x96\xb2", "[\"\xc3\xa9t\xc3\xa9\",\"\",\" \xe2\x96\xb2\"]",
         "[null,-2,-1]", WORTH(-3, 2)},
        {"bytes:\\xe2", " a", "[\"bytes:\\\\xe2\",\" a\"]", "[null,-2]", WORTH(-2, 1)},
        /* As the vocabulary has them. */
        {"Say:", " yes", "[\"\xe2\x96\x81Say\",\":\",\"\xe2\x96\x81yes\"]", "[null,-1,-2]",
         WORTH(-2, 1)},
        {" Say:", " yes", "[\"<s>\",\"\xe2\x96\x81Say\",\":\",\"\xe2\x96\x81yes\"]",
         "[null,-8,-1,-2]", WORTH(-2, 1)},
        {"Say:", " \xe2\x96\xb2",
         "[\"<s>\",\"\xe2\x96\x81Say\",\":\",\"\xe2\x96\x81\","
         "\"<0xE2>\",\"<0x96>\",\"<0xB2>\"]",
         "[null,-8,-1,-2,-1,-1,-1]", WORTH(-5, 4)},
        {"Say\n", " \xc3\xa9", "[\"Say\",\"\xc4\x8a\",\"\xc4\xa0\xc3\x83\",\"\xc2\xa9\"]",
         "[null,-1,-2,-1]", WORTH(-3, 2)},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(examples); i++) check(&examples[i]);
}

#define OTHER .fault = "its tokens spell another text"
#define NO_VALUE .fault = "a token has no log-probability"

static void an_echo_of_something_else_is_refused(void **state)
{
    static const struct example examples[] = {
        {"Say:", " yes", "null", "[-1]", .fault = "it has no tokens"},
        {"Say:", " yes", "[]", "[]", .fault = "it has no tokens"},
        {"Say:", "", "[\"Say\",\":\"]", "[null,-1]",
         .fault = "an empty choice has nothing that could be scored"},
        {"Say:", " yes", "[\"!\"]", "[-1]", OTHER},
        {"Say:", " yes", "[\"Say\",\":\",\" ye\"]", "[null,-1,-2]", OTHER},
        {"Say:", " yes", "[\"Say\",\":\",\" yes!\"]", "[null,-1,-2]", OTHER},
        {"Say:", " yes", "[\"Say\",\":\",\" no\"]", "[null,-1,-2]", OTHER},
        {"Say:", " yes", "[\"say\",\":\",\" yes\"]", "[null,-1,-2]", OTHER},
        {"Say:", " yes", "[\"a\",\"b\",\"Say\",\":\",\" yes\"]", "[null,-1,-1,-1,-2]", OTHER},
        {"Say:", " yes", "[\"y:\",\" yes\"]", "[null,-2]", OTHER},
        {"Say:", " \xc3\xa9", "[\"Say\",\":\",\" \xef\xbf\xbd\",\"\xef\xbf\xbd\"]",
         "[null,-1,-2,-1]", OTHER},
        {"Say:", " yes", "[\"token_id:7\",\"token_id:8\",\"token_id:9\"]", "[null,-1,-2]", OTHER},
        {"Say:", " yes", "[1,2,3]", "[null,-1,-2]", OTHER},
        {"Say:", " yes", "[\"Say\",\":\",\" yes\"]", "[null,-1]", NO_VALUE},
        {"Say:", " yes", "[\"Say\",\":\",\" yes\"]", "[null,-1,null]", NO_VALUE},
        {"Say:", " yes", "[\"Say\",\":\",\" yes\"]", "[null,null,-2]", NO_VALUE},
        {"Say:", " yes", "[\"Say\",\":\",\" yes\"]", "null", NO_VALUE},
        {"", "yes", "[\"yes\",\"!\"]", "[null,-1]", NO_VALUE},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(examples); i++) check(&examples[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_read_however_they_are_spelled),
        cmocka_unit_test(an_echo_of_something_else_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
