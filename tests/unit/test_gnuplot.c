/* test_gnuplot.c - texts in scripts, against gnuplot itself: any name comes out as it is shown, and
 * none is taken for anything else.
 *
 * gnuplot prints each string back and draws it in every place where a chart has one.
 */
#include "reports/gnuplot.h"

#include "base/file.h"
#include "base/rng.h"
#include "base/visible.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/html_check.h"

enum { MAX_CHARACTERS = 2000 };

/* A script that prints the names, and draws them as label, tic and title; free its texts. */
struct trial {
    char folder[64];
    struct buf script, titles, expected;
    size_t n;
};

static struct trial begin_trial(void)
{
    struct trial trial = {.folder = "/tmp/phibench-gnuplot-XXXXXX"};
    assert_non_null(mkdtemp(trial.folder));
    buf_text(&trial.script,
             "set encoding utf8\nset terminal svg noenhanced\nset output 'names.svg'\n"
             "set print 'names.txt'\nset key noenhanced\nset ytics noenhanced\n");
    return trial;
}

static void add_name(struct trial *trial, const char *name)
{
    struct buf *script = &trial->script;
    size_t i = trial->n++;
    buf_text(script, "print ");
    gnuplot_string(script, name, MAX_CHARACTERS, false);
    buf_printf(script, "\nset label %zu ", i + 1);
    gnuplot_string(script, name, MAX_CHARACTERS, false);
    buf_printf(script, " at 0,%zu noenhanced\nset ytics add (", i);
    gnuplot_string(script, name, MAX_CHARACTERS, true);
    buf_printf(script, " %zu)\nset xlabel ", i);
    gnuplot_string(script, name, MAX_CHARACTERS, false);
    buf_char(script, '\n');
    buf_printf(&trial->titles, "%s NaN title ", i ? "," : "plot [0:1] [0:1]");
    gnuplot_string(&trial->titles, name, MAX_CHARACTERS, false);
    visible_append(&trial->expected, name, strlen(name), VISIBLE_LINE);
    buf_char(&trial->expected, '\n');
}

/* The file in the trial's folder, removed; free it. */
static char *take_file(const struct trial *trial, const char *name)
{
    struct err err = {0};
    char *path = file_join(trial->folder, name, &err);
    char *text = file_read(path, 64 << 20, NULL, &err);
    if (!text) fail_msg("%s", err.message);
    unlink(path);
    free(path);
    return text;
}

static void finish_trial(struct trial *trial)
{
    struct err err = {0};
    char *path = file_join(trial->folder, "names.gp", &err);
    buf_printf(&trial->script, "%s\n", buf_string(&trial->titles));
    assert_true(buf_check(&trial->script, &err) && buf_check(&trial->expected, &err));
    assert_true(file_write(path, trial->script.data, trial->script.n_bytes, &err));
    if (!gnuplot_run(NULL, trial->folder, "names.gp", &err)) fail_msg("%s", err.message);
    char *names = take_file(trial, "names.txt"), *svg = take_file(trial, "names.svg");
    assert_string_equal(names, buf_string(&trial->expected));
    html_assert_well_formed(svg);
    unlink(path);
    rmdir(trial->folder);
    free(path);
    free(names);
    free(svg);
    buf_free(&trial->script);
    buf_free(&trial->titles);
    buf_free(&trial->expected);
}

static void names_come_out_as_they_are_shown(void **state)
{
    (void)state;
    static const char *const NAMES[] = {
        "'tis",
        "'",
        "''",
        "'''",
        "it's",
        "a'",
        "\"quoted\"",
        "a\"",
        "\\",
        "a\\",
        "\\n\\047",
        "{/Bold x}_1^2@y&{z}~a{.8-}",
        "`touch broken`",
        "$x",
        "@macro",
        "%d %s %%",
        "x\ny",
        "x\r",
        "\x1b[31m",
        "\x01\x7f",
        "\u202etxet",
        "\xff\xc3",
        "x'; exit; '",
        "\"; exit; \"",
        "# no comment",
        "<b>&amp;",
        "]]>",
        "|",
        "Müller 模型 🙂",
        " ",
        "-",
        "=",
        "NaN",
        "columnheader(1)",
        "\t",
        "\ufffe",
        "'\\",
        "\\'",
        "'\"`$@%\\{}^_~&#",
    };
    struct trial trial = begin_trial();
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) add_name(&trial, NAMES[i]);
    finish_trial(&trial);
}

static void two_hundred_random_names_are_drawn_by_one_script(void **state)
{
    (void)state;
    enum { N_NAMES = 200, MAX_BYTES = 24 };
    static const char HOSTILE[] = "'\"\\`@$%{}_^&~#\n\r\t\x1b;,()[]<>|! ";
    struct rng rng = {14};
    struct trial trial = begin_trial();
    for (size_t i = 0; i < N_NAMES; i++) {
        char name[MAX_BYTES + 1] = {0};
        size_t n = 1 + (size_t)rng_below(&rng, MAX_BYTES);
        for (size_t k = 0; k < n; k++) /* half of them any byte, half what gnuplot may obey */
            name[k] = rng_below(&rng, 2) ? (char)(1 + rng_below(&rng, 255))
                                         : HOSTILE[rng_below(&rng, sizeof HOSTILE - 1)];
        add_name(&trial, name);
    }
    finish_trial(&trial);
}

static void assert_literal(const char *text, size_t maximum, bool is_format, const char *expected)
{
    struct buf out = {0};
    gnuplot_string(&out, text, maximum, is_format);
    assert_string_equal(buf_string(&out), expected);
    buf_free(&out);
}

static void literals_are_cut_by_characters_and_formats_have_no_directive(void **state)
{
    (void)state;
    assert_literal("mini q4_0", 80, false, "'mini q4_0'");
    assert_literal("ééé", 2, false, "'éé…'");
    assert_literal("éé", 2, false, "'éé'");
    assert_literal("50% q", 80, true, "'50%% q'");
    assert_literal("'%", 80, true, "\"\\047%%\"");
    assert_literal("\n", 80, false, "\"\\134n\"");
    assert_literal("'21 2", 80, false, "\"\\047\\062\\061 2\"");
}

static void a_script_that_fails_is_told_in_one_line(void **state)
{
    (void)state;
    struct err err = {0};
    char folder[] = "/tmp/phibench-gnuplot-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *path = file_join(folder, "broken.gp", &err);
    assert_true(file_write(path, "set title 'long'; set nothing\n", 30, &err));
    assert_false(gnuplot_run(NULL, folder, "broken.gp", &err));
    assert_non_null(strstr(err.message, "/broken.gp: line 1: "));
    assert_null(strchr(err.message, '\n'));
    unlink(path);
    rmdir(folder);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_come_out_as_they_are_shown),
        cmocka_unit_test(two_hundred_random_names_are_drawn_by_one_script),
        cmocka_unit_test(literals_are_cut_by_characters_and_formats_have_no_directive),
        cmocka_unit_test(a_script_that_fails_is_told_in_one_line),
    };
    return cmocka_run_group_tests_name("gnuplot", tests, NULL, NULL);
}
