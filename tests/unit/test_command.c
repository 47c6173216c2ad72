/* test_command.c - command lines by a table of options, and "did you mean".
 *
 * The table is the test's own; what the real commands accept is tested from outside (tests/cli).
 */
#include "base/nearest.h"
#include "harness/cli/command.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

struct options {
    bool fresh;
    const char *model;
    struct text_list set;
    int64_t n_threads;
    double temperature;
};

static const struct option_spec OPTIONS[] = {
    {"fresh", 0, OPTION_FLAG, NULL, "", offsetof(struct options, fresh), 0, 0, 0},
    {"model", 'm', OPTION_TEXT, "MODEL", "", offsetof(struct options, model), 0, 0, 0},
    {"set", 0, OPTION_LIST, "K=V", "", offsetof(struct options, set), 0, 0, 0},
    {"threads", 't', OPTION_INTEGER, "N", "", offsetof(struct options, n_threads), 0, 64, 3},
    {"temp", 0, OPTION_NUMBER, "T", "", offsetof(struct options, temperature), 0, 2, 0.5},
};

static const struct command COMMAND = {
    .name = "try",
    .arguments = "CONFIG",
    .n_min = 1,
    .n_max = 1,
    .options = OPTIONS,
    .n_options = sizeof OPTIONS / sizeof OPTIONS[0],
    .options_size = sizeof(struct options),
};

enum { MAX_WORDS = 16 };

struct parsed {
    struct options options;
    struct invocation invocation;
    struct err err;
    bool ok;
};

/* Words are separated by one space. */
static struct parsed parse(const char *line, char *storage)
{
    struct parsed parsed = {.err = {.code = ERR_NONE}};
    char *words[MAX_WORDS], *rest = strcpy(storage, line);
    int n = 0;
    for (char *word; n < MAX_WORDS && (word = strsep(&rest, " "));) words[n++] = word;
    parsed.ok = command_parse(&COMMAND, n, words, &parsed.options, &parsed.invocation, &parsed.err);
    return parsed;
}

static void expect_error(const char *line, const char *message)
{
    char storage[256];
    struct parsed parsed = parse(line, storage);
    assert_false(parsed.ok);
    assert_int_equal(parsed.err.code, ERR_USAGE);
    assert_string_equal(parsed.err.message, message);
    command_release(&parsed.invocation, &parsed.options);
}

static void command_parse_takes_every_form_of_an_option(void **state)
{
    (void)state;
    char storage[256];
    struct parsed parsed =
        parse("-m a.gguf --set x=1 --threads=4 --set=y=2 c.yaml --fresh --temp 1.5", storage);
    assert_true(parsed.ok);
    assert_string_equal(parsed.options.model, "a.gguf");
    assert_int_equal(parsed.options.set.n, 2);
    assert_string_equal(parsed.options.set.items[0], "x=1");
    assert_string_equal(parsed.options.set.items[1], "y=2");
    assert_int_equal(parsed.options.n_threads, 4);
    assert_true(parsed.options.fresh);
    assert_true(parsed.options.temperature == 1.5);
    assert_int_equal(parsed.invocation.n_arguments, 1);
    assert_string_equal(parsed.invocation.arguments[0], "c.yaml");
    command_release(&parsed.invocation, &parsed.options);
}

static void command_parse_sets_defaults_and_reads_short_values(void **state)
{
    (void)state;
    char storage[256];
    struct parsed parsed = parse("-t7 c.yaml", storage);
    assert_true(parsed.ok);
    assert_int_equal(parsed.options.n_threads, 7);
    assert_true(parsed.options.temperature == 0.5);
    assert_null(parsed.options.model);
    assert_false(parsed.options.fresh);
    command_release(&parsed.invocation, &parsed.options);
}

static void command_parse_keeps_values_and_arguments_that_begin_with_a_hyphen(void **state)
{
    (void)state;
    char storage[256];
    struct parsed parsed = parse("-m -x -- --odd", storage);
    assert_true(parsed.ok);
    assert_string_equal(parsed.options.model, "-x");
    assert_string_equal(parsed.invocation.arguments[0], "--odd");
    command_release(&parsed.invocation, &parsed.options);
}

static void command_parse_says_what_is_wrong(void **state)
{
    (void)state;
    expect_error("--thread 4 c", "try: unknown option --thread: did you mean --threads?");
    expect_error("--colour c", "try: unknown option --colour; see 'phibench try --help'");
    expect_error("-q c", "try: unknown option -q; see 'phibench try --help'");
    expect_error("--threads four c", "--threads takes an integer, not \"four\"");
    expect_error("--threads 65 c", "--threads must be between 0 and 64, not 65");
    expect_error("--temp nan c", "--temp takes a number, not \"nan\"");
    expect_error("--fresh=1 c", "--fresh takes no value");
    expect_error("c --model", "--model needs a value: MODEL");
    expect_error("--fresh", "try needs CONFIG; see 'phibench try --help'");
    expect_error("a b", "try: unexpected argument \"b\"; see 'phibench try --help'");
    expect_error("--threads 99999999999999999999 c",
                 "--threads takes an integer, not \"99999999999999999999\"");
}

static void command_parse_integers_reads_lists(void **state)
{
    (void)state;
    int64_t values[3];
    size_t n;
    struct err err;
    assert_true(command_parse_integers("1,8,32", "-b", 1, 64, values, 3, &n, &err));
    assert_int_equal(n, 3);
    assert_int_equal(values[2], 32);
    assert_false(command_parse_integers("1,,2", "-b", 1, 64, values, 3, &n, &err));
    assert_string_equal(err.message, "-b takes integers separated by commas, not \"1,,2\"");
    assert_false(command_parse_integers("0", "-b", 1, 64, values, 3, &n, &err));
    assert_string_equal(err.message, "-b: 0 is not between 1 and 64");
    assert_false(command_parse_integers("1,2,3,4", "-b", 1, 64, values, 3, &n, &err));
    assert_string_equal(err.message, "-b: more than 3 values");
}

static void nearest_name_finds_slips_and_leaves_strangers(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"protocol", "shots", "data", "id"};
    assert_string_equal(nearest_name("protocl", NAMES, 4), "protocol");
    assert_string_equal(nearest_name("hsots", NAMES, 4), "shots");
    assert_string_equal(nearest_name("di", NAMES, 4), "id");
    assert_null(nearest_name("temperature", NAMES, 4));
    assert_null(nearest_name("", NAMES, 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(command_parse_takes_every_form_of_an_option),
        cmocka_unit_test(command_parse_sets_defaults_and_reads_short_values),
        cmocka_unit_test(command_parse_keeps_values_and_arguments_that_begin_with_a_hyphen),
        cmocka_unit_test(command_parse_says_what_is_wrong),
        cmocka_unit_test(command_parse_integers_reads_lists),
        cmocka_unit_test(nearest_name_finds_slips_and_leaves_strangers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
