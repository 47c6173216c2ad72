/* command.h - what a command is: its options, its help and man page text, its function. One table
 * drives all three.
 *
 * A command's options are a plain struct of its own; each option_spec names a field by offset.
 * Strings point into argv.
 */
#ifndef PHIBENCH_HARNESS_CLI_COMMAND_H
#define PHIBENCH_HARNESS_CLI_COMMAND_H

#include "base/mem.h"
#include "harness/run/progress.h"

#include <stddef.h>
#include <stdint.h>

enum option_kind {
    OPTION_FLAG,    /* bool */
    OPTION_TEXT,    /* const char *, NULL if not given */
    OPTION_LIST,    /* struct text_list: may be given more than once */
    OPTION_INTEGER, /* int64_t in [low, high] */
    OPTION_NUMBER   /* double in [low, high] */
};

struct text_list {
    const char **items; /* owned by the invocation */
    size_t n;
};

struct option_spec {
    const char *name; /* "threads": --threads; NULL: only the letter */
    char letter;      /* 't': -t; 0: none */
    enum option_kind kind;
    const char *value; /* "N", as help shows it */
    const char *help;
    size_t offset; /* in the options struct */
    double low, high;
    double otherwise; /* default of INTEGER and NUMBER */
};

/* Which database, and whether what others added to it is no fault. */
struct db_options {
    const char *path; /* NULL: the command's own choice */
    bool is_trusted;
};

struct invocation {
    const struct command *command;
    const void *options; /* the command's own struct */
    const char *const *arguments;
    size_t n_arguments;
    const char *command_line; /* as typed, joined by spaces, quoted where it must be */
    struct console console;   /* stderr */
    bool use_color;           /* stdout is a terminal and NO_COLOR is not set */
    const char *isa;          /* PHIBENCH_ISA or NULL; --isa comes first */
    const char *gnuplot;      /* PHIBENCH_GNUPLOT, the program that draws charts, or NULL */
    const char *cache; /* where made files are kept unless a configuration says; NULL: unknown */
};

struct command {
    const char *name, *summary;
    const char *arguments; /* "CONFIG", "[RUN]", "" */
    size_t n_min, n_max;   /* number of arguments */
    const struct option_spec *options;
    size_t n_options, options_size;
    const char *details;         /* paragraphs separated by empty lines */
    const char *const *examples; /* NULL-ended command lines, each executed by a test */
    bool (*run)(const struct invocation *invocation, struct err *err);
};

/* The options of a command, inside its table: a static array, and the struct that they fill. */
#define COMMAND_OPTIONS(array, type)                                                               \
    .options = (array), .n_options = COUNT_OF(array), .options_size = sizeof(type)

/* Options that several commands share, for use inside their tables; for example
 *   {OPTION_MODEL(struct my, model), OPTION_THREADS(struct my, threads)} */
#define OPTION_MODEL(type, field)                                                                  \
    {                                                                                              \
        "model", 'm', OPTION_TEXT, "MODEL", "GGUF file, Hugging Face folder, or synth:SHAPE:TYPE", \
            offsetof(type, field), 0, 0, 0                                                         \
    }
#define OPTION_THREADS(type, field)                                                                \
    {                                                                                              \
        "threads", 't', OPTION_INTEGER, "N", "threads; 0: one per physical core",                  \
            offsetof(type, field), 0, 1024, 0                                                      \
    }
#define OPTION_ISA(type, field)                                                                    \
    {                                                                                              \
        "isa", 0, OPTION_TEXT, "LEVEL",                                                            \
            "scalar, avx2, avxvnni, avx512, avx512vnni or neon; default: the best",                \
            offsetof(type, field), 0, 0, 0                                                         \
    }
#define OPTION_BATCH_TOKENS(type, field)                                                           \
    {                                                                                              \
        "batch-tokens", 0, OPTION_INTEGER, "N", "tokens computed together at most",                \
            offsetof(type, field), 1, 65536, 512                                                   \
    }
/* The two options of a `struct db_options` field; the second says what the database is. */
#define OPTION_DB_AS(type, field, help)                                                            \
    {"db", 0, OPTION_TEXT, "FILE", help, offsetof(type, field.path), 0, 0, 0},                     \
    {                                                                                              \
        "trust", 0, OPTION_FLAG, NULL, "open a database that holds views or triggers of others",   \
            offsetof(type, field.is_trusted), 0, 0, 0                                              \
    }
#define OPTION_SET(type, field)                                                                    \
    {                                                                                              \
        "set", 0, OPTION_LIST, "KEY=VALUE", "overrides a value of the configuration",              \
            offsetof(type, field), 0, 0, 0                                                         \
    }
#define OPTION_DB(type, field) OPTION_DB_AS(type, field, "database, default out/phibench.db")
#define OPTION_JSON(type, field)                                                                   \
    {                                                                                              \
        "json", 0, OPTION_FLAG, NULL, "print JSON", offsetof(type, field), 0, 0, 0                 \
    }

#define OPTION_OUTPUT(type, field, formats)                                                        \
    {                                                                                              \
        "output", 'o', OPTION_TEXT, "FORMAT", formats, offsetof(type, field), 0, 0, 0              \
    }

/* Parses argv[0..argc) (without program and command name) into *invocation and `options`. ERR_USAGE
 * with the nearest known option. Release with command_release. */
bool command_parse(const struct command *command, int argc, char **argv, void *options,
                   struct invocation *invocation, struct err *err);
void command_release(struct invocation *invocation, void *options);

/* Parses a list of integers in [low, high], for example "1,8,32"; at most n_max. ERR_USAGE names
 * `what`. */
bool command_parse_integers(const char *text, const char *what, int64_t low, int64_t high,
                            int64_t *values, size_t n_max, size_t *n, struct err *err);

#endif
