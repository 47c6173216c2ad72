/* test_windows.c - questions cut into windows: where they end, that the thread which prepares them
 * hands every question over once and in order, and that it stops when it fails and when nobody
 * wants more.
 */
#include "harness/ask/windows.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N_ITEMS = 1300, NO_FAULT = -1 };

/* A data set of N_ITEMS questions whose state says at which one the suite fails. */
struct made {
    struct dataset dataset;
    struct item items[N_ITEMS];
    char keys[N_ITEMS][16];
    size_t all[N_ITEMS]; /* 0, 1, 2, ... */
    int fault;
};

static bool make_request(const struct dataset *dataset, size_t i_item, struct arena *arena,
                         struct request *request, struct err *err)
{
    static const char *const CHOICES[] = {" A", " B"};
    const struct made *made = dataset->state;
    if ((int)i_item == made->fault)
        return err_set(err, ERR_INPUT, "%s: no question", dataset->items[i_item].key);
    const char **prompts = arena_alloc(arena, 1, sizeof *prompts, err);
    if (!prompts) return false;
    prompts[0] = dataset->items[i_item].key;
    *request = (struct request){.prompts = prompts, .n_prompts = 1};
    request->choices = CHOICES;
    request->n_choices = 2;
    return true;
}

static const struct suite SUITE = {.name = "made", .request = make_request};

/* Subsets of the sizes given, 0 ends them; the last goes to the end. */
static struct made *make(const size_t *sizes, int fault)
{
    static const char *const NAMES[] = {"a", "b", "c", "d", "e"};
    struct made *made = mem_new(1, sizeof *made, NULL);
    assert_non_null(made);
    size_t i_subset = 0, left = sizes[0];
    for (size_t i = 0; i < N_ITEMS; i++, left--) {
        if (!left && sizes[i_subset + 1]) left = sizes[++i_subset];
        snprintf(made->keys[i], sizeof made->keys[i], "%s/%zu", NAMES[i_subset], i);
        made->items[i] = (struct item){.key = made->keys[i], .subset = NAMES[i_subset]};
        made->all[i] = i;
    }
    made->fault = fault;
    made->dataset =
        (struct dataset){.suite = &SUITE, .items = made->items, .n_items = N_ITEMS, .state = made};
    return made;
}

static struct item_list list_of(const struct made *made)
{
    return (struct item_list){&made->dataset, made->all, N_ITEMS, NULL};
}

static void a_window_ends_with_a_subset_from_256_questions_on(void **state)
{
    (void)state;
    static const struct {
        size_t sizes[6], ends[6];
    } CASES[] = {
        {{N_ITEMS}, {512, 1024, N_ITEMS}},
        {{255, 400, N_ITEMS}, {512, 1024, N_ITEMS}}, /* 255 are too few; 655 too many */
        {{256, 257, N_ITEMS}, {256, 513, 1025, N_ITEMS}},
        {{100, 200, 250, N_ITEMS}, {300, 812, N_ITEMS}},
        {{300, 211, N_ITEMS}, {300, 812, N_ITEMS}}, /* the first that may be is taken */
        {{512, 500, N_ITEMS}, {512, 1012, N_ITEMS}},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct made *made = make(CASES[i].sizes, NO_FAULT);
        const struct item_list list = list_of(made);
        size_t at = 0;
        for (size_t k = 0; at < N_ITEMS; k++) {
            at = window_end(&list, at);
            assert_int_equal(at, CASES[i].ends[k]);
        }
        free(made);
    }
}

/* A list may lack items: those that are answered already. */
static void subsets_are_those_of_the_items_that_are_left(void **state)
{
    (void)state;
    struct made *made = make((const size_t[]){600, N_ITEMS, 0}, NO_FAULT);
    const size_t some[] = {0, 599, 600, 601};
    struct item_list list = {&made->dataset, some, 4, NULL};
    assert_int_equal(window_end(&list, 0), 4);
    assert_int_equal(window_end(&list, 3), 4);
    list = (struct item_list){&made->dataset, made->all + 300, N_ITEMS - 300, NULL};
    assert_int_equal(window_end(&list, 0), 300); /* item 600 */
    free(made);
}

struct opened {
    struct model *model;
    struct client *client;
};

static int close_client(void **state)
{
    struct opened *opened = *state;
    client_close(opened->client);
    model_close(opened->model);
    free(opened);
    return 0;
}

static int open_client(void **state)
{
    struct opened *opened = *state = mem_new(1, sizeof *opened, NULL);
    struct model_options options = model_default_options();
    const struct client_options of_client = {.shares_prefixes = true,
                                             .session = {.n_threads = 1, .context_tokens = 64}};
    options.n_threads = 1;
    opened->model = model_open("synth:tiny:q8_0", &options, NULL);
    if (opened->model) opened->client = client_open_engine(opened->model, &of_client, NULL);
    return opened->client ? 0 : -1;
}

static struct windows *open_windows(void **state, const struct item_list *list)
{
    const struct opened *opened = *state;
    struct windows *windows = windows_open(list, opened->client, NULL);
    assert_non_null(windows);
    return windows;
}

static void windows_hold_every_question_once_and_in_order(void **state)
{
    struct made *made = make((const size_t[]){300, 300, N_ITEMS, 0}, NO_FAULT);
    const struct item_list list = list_of(made);
    struct windows *windows = open_windows(state, &list);
    size_t next = 0;
    bool failed = true;
    for (struct window *window; (window = windows_next(windows, &failed, NULL));) {
        assert_false(failed);
        assert_int_equal(window->first, next);
        assert_non_null(window->prepared);
        for (size_t i = 0; i < window->n; i++)
            assert_string_equal(window->requests[i].prompts[0], made->keys[next + i]);
        next += window->n;
        window_free(window);
    }
    assert_int_equal(next, N_ITEMS);
    assert_false(failed);
    assert_null(windows_next(windows, &failed, NULL)); /* the end stays the end */
    windows_close(windows);
    free(made);
}

static void windows_before_a_failure_are_handed_over(void **state)
{
    static const struct {
        int fault;
        size_t n_good; /* questions in windows before it */
    } CASES[] = {{0, 0}, {511, 0}, {512, 512}, {900, 512}, {1024, 1024}, {N_ITEMS - 1, 1024}};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct made *made = make((const size_t[]){N_ITEMS, 0}, CASES[i].fault);
        const struct item_list list = list_of(made);
        struct windows *windows = open_windows(state, &list);
        struct err err = {0};
        size_t n = 0;
        bool failed = false;
        for (struct window *window; (window = windows_next(windows, &failed, &err));) {
            n += window->n;
            window_free(window);
        }
        assert_int_equal(n, CASES[i].n_good);
        assert_true(failed);
        assert_int_equal(err.code, ERR_INPUT);
        assert_string_equal(strchr(err.message, ':'), ": no question");
        windows_close(windows);
        free(made);
    }
}

/* Whatever the thread is at: making the first window, waiting for room, done. */
static void windows_close_while_windows_are_being_made(void **state)
{
    struct made *made = make((const size_t[]){N_ITEMS, 0}, NO_FAULT);
    const struct item_list list = list_of(made);
    for (int n_taken = 0; n_taken <= 3; n_taken++) {
        struct windows *windows = open_windows(state, &list);
        bool failed = false;
        for (int i = 0; i < n_taken; i++) {
            struct window *window = windows_next(windows, &failed, NULL);
            assert_non_null(window);
            window_free(window);
        }
        windows_close(windows);
    }
    free(made);
    windows_close(NULL);
    window_free(NULL);
}

static void no_questions_make_no_window(void **state)
{
    struct made *made = make((const size_t[]){N_ITEMS, 0}, NO_FAULT);
    const struct item_list list = {&made->dataset, made->all, 0, NULL};
    struct windows *windows = open_windows(state, &list);
    bool failed = true;
    assert_null(windows_next(windows, &failed, NULL));
    assert_false(failed);
    windows_close(windows);
    free(made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_ends_with_a_subset_from_256_questions_on),
        cmocka_unit_test(subsets_are_those_of_the_items_that_are_left),
        cmocka_unit_test(windows_hold_every_question_once_and_in_order),
        cmocka_unit_test(windows_before_a_failure_are_handed_over),
        cmocka_unit_test(windows_close_while_windows_are_being_made),
        cmocka_unit_test(no_questions_make_no_window),
    };
    return cmocka_run_group_tests(tests, open_client, close_client);
}
