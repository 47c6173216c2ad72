/* completion.c - see completion.h. Each shell gets one script that names every command with its
 * options; what is no option is completed as the name of a file, since all that commands take are
 * files or names that no shell can know.
 *
 * Summaries and helps stand between single quotes, in which each shell writes one in its own way.
 */
#include "harness/cli/completion.h"

#include "base/mem.h"
#include "harness/cli/commands.h"

#include <string.h>

/* Prints text for use inside single quotes; before each of `special` stands a backslash. */
static void print_quoted(FILE *out, const char *text, const char *quote, const char *special)
{
    for (; *text; text++) {
        if (strchr(special, *text)) fputc('\\', out);
        if (*text == '\'') fputs(quote, out);
        else fputc(*text, out);
    }
}

/* ---- bash ---- */

static void print_names(FILE *out)
{
    for (const struct command *const *command = command_list(); *command; command++)
        fprintf(out, "%s ", (*command)->name);
    fputs("help version", out);
}

static void print_bash_options(const struct command *command, FILE *out)
{
    fprintf(out, "    %s) options='", command->name);
    for (size_t i = 0; i < command->n_options; i++) {
        const struct option_spec *option = &command->options[i];
        if (option->name) fprintf(out, "--%s ", option->name);
        if (option->letter) fprintf(out, "-%c ", option->letter);
    }
    fputs("--help' ;;\n", out);
}

static void print_bash(FILE *out)
{
    fputs("# Completion of phibench for bash: made by phibench help --completion bash.\n"
          "_phibench() {\n"
          "    local word=${COMP_WORDS[COMP_CWORD]} options= commands='",
          out);
    print_names(out);
    fputs("'\n"
          "    COMPREPLY=()\n"
          "    if [ \"$COMP_CWORD\" -eq 1 ] || { [ \"$COMP_CWORD\" -eq 2 ] && "
          "[ \"${COMP_WORDS[1]}\" = help ]; }; then\n"
          "        COMPREPLY=($(compgen -W \"$commands\" -- \"$word\"))\n"
          "        return\n"
          "    fi\n"
          "    case ${COMP_WORDS[1]} in\n",
          out);
    for (const struct command *const *command = command_list(); *command; command++)
        print_bash_options(*command, out);
    fputs("    esac\n"
          "    case $word in -*) COMPREPLY=($(compgen -W \"$options\" -- \"$word\")) ;; esac\n"
          "}\n"
          "complete -o default -F _phibench phibench\n",
          out);
}

/* ---- zsh ---- */

/* One argument of _arguments: '(-t --threads)'{-t,--threads}'[help]:N:_files'. */
static void print_zsh_option(const struct option_spec *option, FILE *out)
{
    bool is_repeated = option->kind == OPTION_LIST;
    fputs(" \\\n        ", out);
    if (option->name && option->letter && is_repeated)
        fprintf(out, "'*'{-%c,--%s}", option->letter, option->name);
    else if (option->name && option->letter)
        fprintf(out, "'(-%c --%s)'{-%c,--%s}", option->letter, option->name, option->letter,
                option->name);
    else if (option->name) fprintf(out, "%s--%s", is_repeated ? "'*'" : "", option->name);
    else fprintf(out, "%s-%c", is_repeated ? "'*'" : "", option->letter);
    fputs("'[", out);
    print_quoted(out, option->help, "'\\''", "[]\\");
    fputc(']', out);
    if (option->kind != OPTION_FLAG) {
        fputc(':', out);
        print_quoted(out, option->value, "'\\''", ":\\");
        fputs(":_files", out);
    }
    fputc('\'', out);
}

static void print_zsh(FILE *out)
{
    fputs("#compdef phibench\n"
          "# Completion of phibench for zsh: made by phibench help --completion zsh.\n"
          "local -a commands=(\n",
          out);
    for (const struct command *const *command = command_list(); *command; command++) {
        fprintf(out, "    '%s:", (*command)->name);
        print_quoted(out, (*command)->summary, "'\\''", ":\\");
        fputs("'\n", out);
    }
    fputs("    'help:shows what a command does' 'version:shows which build this is'\n"
          ")\n"
          "if (( CURRENT == 2 )) || [[ CURRENT -eq 3 && $words[2] = help ]]; then\n"
          "    _describe command commands\n"
          "    return\n"
          "fi\n"
          "local command=$words[2]\n"
          "shift words\n"
          "(( CURRENT-- ))\n"
          "case $command in\n",
          out);
    for (const struct command *const *command = command_list(); *command; command++) {
        fprintf(out, "%s)\n    _arguments", (*command)->name);
        for (size_t i = 0; i < (*command)->n_options; i++)
            print_zsh_option(&(*command)->options[i], out);
        fputs(" \\\n        '--help[options and examples]' '*:file:_files' ;;\n", out);
    }
    fputs("esac\n", out);
}

/* ---- fish ---- */

static void print_fish_option(const struct command *command, const struct option_spec *option,
                              FILE *out)
{
    fprintf(out, "complete -c phibench -n '__fish_seen_subcommand_from %s'", command->name);
    if (option->letter) fprintf(out, " -s %c", option->letter);
    if (option->name) fprintf(out, " -l %s", option->name);
    fprintf(out, "%s -d '", option->kind == OPTION_FLAG ? "" : " -r");
    print_quoted(out, option->help, "\\'", "\\");
    fputs("'\n", out);
}

static void print_fish(FILE *out)
{
    fputs("# Completion of phibench for fish: made by phibench help --completion fish.\n", out);
    for (const struct command *const *command = command_list(); *command; command++) {
        fprintf(out, "complete -c phibench -n __fish_use_subcommand -f -a %s -d '",
                (*command)->name);
        print_quoted(out, (*command)->summary, "\\'", "\\");
        fputs("'\n", out);
        for (size_t i = 0; i < (*command)->n_options; i++)
            print_fish_option(*command, &(*command)->options[i], out);
    }
    fputs("complete -c phibench -n __fish_use_subcommand -f -a 'help version'\n"
          "complete -c phibench -l help -d 'options and examples'\n",
          out);
}

static const struct {
    const char *name;
    void (*print)(FILE *out);
} SHELLS[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};

bool completion_print(const char *shell, FILE *out, struct err *err)
{
    for (size_t i = 0; shell && i < COUNT_OF(SHELLS); i++)
        if (!strcmp(SHELLS[i].name, shell)) {
            SHELLS[i].print(out);
            return true;
        }
    return err_set(err, ERR_USAGE, "--completion takes a shell: bash, zsh or fish");
}
