/* command.c - parses a command line by the table that also makes its help.
 *
 * Accepted: --name VALUE, --name=VALUE, -x VALUE, -xVALUE, "--" before arguments that begin with
 * '-'. A value may begin with '-' (a prompt, a negative number): an option that takes one takes the
 * next word whatever it is.
 */
#include "harness/cli/command.h"

#include "base/nearest.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LIST_ITEMS = 4096 };

static void *field_of(void *options, const struct option_spec *spec)
{
    return (char *)options + spec->offset;
}

static void set_defaults(const struct command *command, void *options)
{
    memset(options, 0, command->options_size);
    for (size_t i = 0; i < command->n_options; i++) {
        const struct option_spec *spec = &command->options[i];
        void *field = field_of(options, spec);
        if (spec->kind == OPTION_INTEGER) *(int64_t *)field = (int64_t)spec->otherwise;
        if (spec->kind == OPTION_NUMBER) *(double *)field = spec->otherwise;
    }
}

/* An option as messages name it, for example "--threads", or "-t" where it has no name. */
static const char *option_label(const struct option_spec *spec, char label[64])
{
    if (spec->name) snprintf(label, 64, "--%s", spec->name);
    else snprintf(label, 64, "-%c", spec->letter);
    return label;
}

static bool parse_integer(const char *text, int64_t *value)
{
    char *end;
    errno = 0;
    long long parsed = strtoll(text, &end, 10);
    *value = parsed;
    return !errno && end != text && !*end;
}

static bool set_number(const struct option_spec *spec, const char *text, void *field,
                       struct err *err)
{
    char label[64], *end;
    double value;
    int64_t integer = 0;
    bool ok;
    if (spec->kind == OPTION_INTEGER) {
        ok = parse_integer(text, &integer);
        value = (double)integer;
    } else {
        value = strtod(text, &end);
        ok = end != text && !*end && isfinite(value);
    }
    if (!ok)
        return err_set(err, ERR_USAGE, "%s takes %s, not \"%s\"", option_label(spec, label),
                       spec->kind == OPTION_INTEGER ? "an integer" : "a number", text);
    if (value < spec->low || value > spec->high)
        return err_set(err, ERR_USAGE, "%s must be between %.15g and %.15g, not %s",
                       option_label(spec, label), spec->low, spec->high, text);
    if (spec->kind == OPTION_INTEGER) *(int64_t *)field = integer;
    else *(double *)field = value;
    return true;
}

static bool append_text(struct text_list *list, const char *text, struct err *err)
{
    bool is_full = !(list->n & (list->n - 1)); /* capacities are the powers of two */
    if (list->n >= MAX_LIST_ITEMS)
        return err_set(err, ERR_USAGE, "more than %d values", MAX_LIST_ITEMS);
    if (is_full) {
        const char **grown = realloc(list->items, (list->n ? list->n * 2 : 1) * sizeof *grown);
        if (!grown) return err_set(err, ERR_MEMORY, "out of memory");
        list->items = grown;
    }
    list->items[list->n++] = text;
    return true;
}

static bool set_option(const struct option_spec *spec, const char *text, void *options,
                       struct err *err)
{
    void *field = field_of(options, spec);
    switch (spec->kind) {
    case OPTION_FLAG: *(bool *)field = true; return true;
    case OPTION_TEXT: *(const char **)field = text; return true;
    case OPTION_LIST: return append_text(field, text, err);
    case OPTION_INTEGER:
    case OPTION_NUMBER: return set_number(spec, text, field, err);
    }
    return true;
}

static const struct option_spec *find_long(const struct command *command, const char *name,
                                           size_t n)
{
    for (size_t i = 0; i < command->n_options; i++) {
        const char *known = command->options[i].name;
        if (known && strlen(known) == n && !memcmp(known, name, n)) return &command->options[i];
    }
    return NULL;
}

static const struct option_spec *find_letter(const struct command *command, char letter)
{
    for (size_t i = 0; i < command->n_options; i++)
        if (command->options[i].letter == letter) return &command->options[i];
    return NULL;
}

static bool reject_option(const struct command *command, const char *word, struct err *err)
{
    const char *names[64];
    size_t n = 0, n_name = strcspn(word, "=");
    char given[64];
    for (size_t i = 0; i < command->n_options && n < 64; i++)
        if (command->options[i].name) names[n++] = command->options[i].name;
    snprintf(given, sizeof given, "%.*s", (int)(n_name < 63 ? n_name : 63), word);
    const char *near =
        given[0] == '-' && given[1] == '-' ? nearest_name(given + 2, names, n) : NULL;
    if (near)
        return err_set(err, ERR_USAGE, "%s: unknown option %s: did you mean --%s?", command->name,
                       given, near);
    return err_set(err, ERR_USAGE, "%s: unknown option %s; see 'phibench %s --help'", command->name,
                   given, command->name);
}

/* Takes argv[*i], an option, and its value; moves *i to the last word taken. */
static bool take_option(const struct command *command, int argc, char **argv, int *i, void *options,
                        struct err *err)
{
    const char *word = argv[*i], *value = NULL;
    const struct option_spec *spec;
    if (word[1] == '-') {
        size_t n = strcspn(word + 2, "=");
        spec = find_long(command, word + 2, n);
        if (word[2 + n] == '=') value = word + 3 + n;
    } else {
        spec = find_letter(command, word[1]);
        if (word[2]) value = word[2] == '=' ? word + 3 : word + 2;
    }
    if (!spec) return reject_option(command, word, err);
    char label[64];
    option_label(spec, label);
    if (spec->kind == OPTION_FLAG) {
        if (value) return err_set(err, ERR_USAGE, "%s takes no value", label);
    } else if (!value) {
        if (*i + 1 >= argc)
            return err_set(err, ERR_USAGE, "%s needs a value: %s", label, spec->value);
        value = argv[++*i];
    }
    return set_option(spec, value, options, err);
}

static bool check_arguments(const struct command *command, size_t n, const char *extra,
                            struct err *err)
{
    if (n < command->n_min)
        return err_set(err, ERR_USAGE, "%s needs %s; see 'phibench %s --help'", command->name,
                       command->arguments, command->name);
    if (n > command->n_max)
        return err_set(err, ERR_USAGE, "%s: unexpected argument \"%s\"; see 'phibench %s --help'",
                       command->name, extra, command->name);
    return true;
}

bool command_parse(const struct command *command, int argc, char **argv, void *options,
                   struct invocation *invocation, struct err *err)
{
    struct text_list arguments = {0};
    bool only_arguments = false, ok = true;
    set_defaults(command, options);
    for (int i = 0; ok && i < argc; i++) {
        if (!only_arguments && !strcmp(argv[i], "--")) only_arguments = true;
        else if (!only_arguments && argv[i][0] == '-' && argv[i][1])
            ok = take_option(command, argc, argv, &i, options, err);
        else ok = append_text(&arguments, argv[i], err);
    }
    invocation->command = command;
    invocation->options = options;
    invocation->arguments = arguments.items;
    invocation->n_arguments = arguments.n;
    const char *extra = arguments.n > command->n_max ? arguments.items[command->n_max] : "";
    return ok && check_arguments(command, arguments.n, extra, err);
}

void command_release(struct invocation *invocation, void *options)
{
    const struct command *command = invocation->command;
    for (size_t i = 0; command && i < command->n_options; i++)
        if (command->options[i].kind == OPTION_LIST)
            free(((struct text_list *)field_of(options, &command->options[i]))->items);
    free((void *)invocation->arguments);
    *invocation = (struct invocation){0};
}

bool command_parse_integers(const char *text, const char *what, int64_t low, int64_t high,
                            int64_t *values, size_t n_max, size_t *n, struct err *err)
{
    *n = 0;
    for (const char *at = text;; at++) {
        char word[32];
        size_t n_word = strcspn(at, ",");
        int64_t value;
        snprintf(word, sizeof word, "%.*s", (int)(n_word < 31 ? n_word : 31), at);
        if (!parse_integer(word, &value))
            return err_set(err, ERR_USAGE, "%s takes integers separated by commas, not \"%s\"",
                           what, text);
        if (value < low || value > high)
            return err_set(err, ERR_USAGE, "%s: %s is not between %lld and %lld", what, word,
                           (long long)low, (long long)high);
        if (*n == n_max) return err_set(err, ERR_USAGE, "%s: more than %zu values", what, n_max);
        values[(*n)++] = value;
        at += n_word;
        if (!*at) return true;
    }
}
