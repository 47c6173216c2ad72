/* main.c - finds the command, hands it the command line, prints its error, exits: 0 done, 1 failed,
 * 2 usage or configuration, 3 cannot tell, 130 interrupted. The only place that reads the
 * environment for commands and that prints errors.
 */
#include "base/buf.h"
#include "base/interrupt.h"
#include "harness/cli/commands.h"
#include "harness/cli/completion.h"
#include "harness/cli/help.h"
#include "harness/run/build_info.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { DEFAULT_COLUMNS = 80 };

static int terminal_columns(void)
{
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
                                                                           : DEFAULT_COLUMNS;
}

/* The command line as a shell would read it back. */
static void join_command_line(int argc, char **argv, struct buf *out)
{
    static const char PLAIN[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=+./:,@%";
    for (int i = 0; i < argc; i++) {
        const char *word = i ? argv[i] : "phibench";
        if (i) buf_char(out, ' ');
        if (*word && !word[strspn(word, PLAIN)]) {
            buf_text(out, word);
            continue;
        }
        buf_char(out, '\'');
        for (; *word; word++) buf_text(out, *word == '\'' ? "'\\''" : (char[]){*word, 0});
        buf_char(out, '\'');
    }
}

/* A folder: $PHIBENCH_CACHE, or phibench in the user's folder for such things, which the XDG base
 * directory specification names. Empty if there is none. */
static const char *find_cache(struct buf *out)
{
    const char *own = getenv("PHIBENCH_CACHE"), *cache = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    if (own && *own) buf_text(out, own);
    else if (cache && *cache == '/') buf_printf(out, "%s/phibench", cache);
    else if (home && *home) buf_printf(out, "%s/.cache/phibench", home);
    return out->n_bytes && !out->failed ? buf_string(out) : NULL;
}

static bool run_command(const struct command *command, int argc, char **argv, struct err *err)
{
    struct buf line = {0}, cache = {0};
    struct invocation invocation = {
        .console = {.log = {.out = stderr, .level = LOG_INFO},
                    .is_terminal = isatty(STDERR_FILENO) && !getenv("CI"),
                    .columns = terminal_columns()},
        .use_color = isatty(STDOUT_FILENO) && !getenv("NO_COLOR"),
        .isa = getenv("PHIBENCH_ISA"),
        .gnuplot = getenv("PHIBENCH_GNUPLOT"),
        .cache = find_cache(&cache),
    };
    void *options = calloc(1, command->options_size ? command->options_size : 1);
    bool ok = options || err_set(err, ERR_MEMORY, "out of memory");
    join_command_line(argc, argv, &line);
    ok = ok && buf_check(&line, err) &&
         command_parse(command, argc - 2, argv + 2, options, &invocation, err);
    if (ok) {
        invocation.command_line = buf_string(&line);
        ok = command->run(&invocation, err);
    }
    if (options) command_release(&invocation, options);
    free(options);
    buf_free(&line);
    buf_free(&cache);
    return ok;
}

static bool print_help(int argc, char **argv, struct err *err)
{
    if (argc < 3) {
        help_print_overview(stdout);
        return true;
    }
    if (!strcmp(argv[2], "--man")) {
        help_print_man(stdout);
        return true;
    }
    if (!strcmp(argv[2], "--completion"))
        return completion_print(argc > 3 ? argv[3] : NULL, stdout, err);
    const struct command *command = command_find(argv[2], err);
    if (!command) return false;
    help_print_command(command, stdout);
    return true;
}

static void print_version(void)
{
    const struct build_info *build = build_info();
    printf("phibench %s (%s%s, %s)\n", build->version, build->git_revision,
           build->git_dirty ? ", modified" : "", build->compiler);
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 2; i < argc && strcmp(argv[i], "--"); i++)
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) return true;
    return false;
}

static bool dispatch(int argc, char **argv, struct err *err)
{
    const char *name = argc > 1 ? argv[1] : "--help";
    if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help"))
        return print_help(argc, argv, err);
    if (!strcmp(name, "--version") || !strcmp(name, "version")) {
        print_version();
        return true;
    }
    const struct command *command = command_find(name, err);
    if (!command) return false;
    if (asks_for_help(argc, argv)) {
        help_print_command(command, stdout);
        return true;
    }
    return run_command(command, argc, argv, err);
}

/* A file that is opened while one of the three is closed would take its place, and messages would
 * go into it. Reading what was closed, or writing results to it, still fails. */
static void open_standard_streams(void)
{
    static const int FLAGS[] = {
        [STDIN_FILENO] = O_WRONLY, [STDOUT_FILENO] = O_RDONLY, [STDERR_FILENO] = O_WRONLY};
    for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++)
        if (fcntl(i, F_GETFD) < 0 && open("/dev/null", FLAGS[i]) < 0) _exit(1);
}

int main(int argc, char **argv)
{
    struct err err = {.code = ERR_NONE};
    open_standard_streams();
    interrupt_catch();
    bool ok = dispatch(argc, argv, &err);
    if ((fflush(stdout) || ferror(stdout)) && ok)
        ok = err_set_errno(&err, "cannot write the output");
    return ok && argc < 2 ? 2 : err_finish(ok, &err, stderr);
}
