/* help.c - see help.h. Knows layout; every word about a command stands in the command's own table.
 *
 * Wraps text for terminals and escapes it for roff.
 * Owns the sentences that belong to no command: purpose, environment, exit status.
 */
#include "harness/cli/help.h"

#include "base/mem.h"
#include "harness/cli/commands.h"
#include "harness/run/build_info.h"

#include <string.h>

enum { OPTION_COLUMN = 26, WIDTH = 90 };

static const char PURPOSE[] = "evaluate and benchmark small language models on this machine";
static const char INTRODUCTION[] = "phibench runs small language models, the Phi-3 family first, "
                                   "through MMLU and through measurements of "
                                   "throughput with an inference engine of its own, and stores "
                                   "every answer, score and timing in one SQLite file. "
                                   "One YAML file names models, quantizations and suites. A logit "
                                   "depends on weights and prefix alone: not on "
                                   "threads, batch, prefix sharing or instruction set.";
static const struct {
    const char *name, *text;
} ENVIRONMENT[] = {
    {"PHIBENCH_ISA",
     "instruction set level to use: scalar, avx2, avxvnni, avx512, avx512vnni or neon; "
     "--isa comes first"},
    {"PHIBENCH_GNUPLOT", "program that draws charts; default gnuplot"},
    {"PHIBENCH_CACHE",
     "folder of the quantized files that configurations ask for; default "
     "$XDG_CACHE_HOME/phibench or ~/.cache/phibench; `cache` in a configuration comes first"},
    {"NO_COLOR", "set to anything: no colours on the terminal"},
};
static const struct {
    const char *name, *text;
} PROMPT_SETTINGS[] = {
    {"bos",
     "auto, always or never: whether a BOS token stands before every prompt; auto: as the model's "
     "file says. Scores can differ by tens of points. A chat gets one at most, its template's or "
     "this one. Option --no-bos."},
    {"chat",
     "file, or phi3, phi3-april, phi3-small, llama2, llama3, mistral, gemma or chatml: how "
     "messages "
     "become a prompt; file: by the Jinja template of the model's file, as transformers runs it. A "
     "file without one needs a name; a format that only resembles the template loses what the "
     "template adds. A template that prints the date always gets 26 July 2024. Option "
     "--chat-format."},
    {"rstrip",
     "file, on or off: whether white space after special tokens is dropped; file: as the "
     "tokenizer.json of a folder says, in a GGUF file with a Phi-3 vocabulary as Phi-3-mini's "
     "published one says, in others never; on: after all but BOS and EOS. GGUF does not say it, "
     "and revisions differ. It matters in chats and with --special. Option --rstrip."},
    {"rope",
     "auto, short or long: which factors rotate a model with LongRoPE (a context of 128K made of "
     "4K); auto: the long ones where the tokens that the model is handed, a whole prompt or a "
     "prompt and what it wrote, are more than the original context, as transformers chooses, and a "
     "generation that crosses is computed anew; short, long: the same at every length, as mlx-lm "
     "(long) and llama.cpp with a context beyond the original one (long) do. Scores differ. "
     "Without meaning for other models. Option --rope."},
};
static const struct {
    const char *status, *text;
} EXIT_STATUS[] = {
    {"0", "done"},
    {"1", "failed: a file is malformed, the system refused, a gate says regression"},
    {"2",
     "the command line or the configuration is wrong, or asks for something not supported yet"},
    {"3", "a verdict was asked for that what was measured does not allow: neither yes nor no"},
    {"130", "interrupted; the same command continues"},
};

/* Prints text indented, broken at spaces before WIDTH; `column` is where the cursor stands. */
static void print_wrapped(FILE *out, const char *text, int indent, int column)
{
    while (*text) {
        size_t n = strcspn(text, " \n");
        if (column > indent && column + (int)n + 1 > WIDTH) {
            fputc('\n', out);
            column = 0;
        }
        if (column < indent) {
            fprintf(out, "%*s", indent - column, "");
            column = indent;
        } else if (column > indent) {
            fputc(' ', out);
            column++;
        }
        fwrite(text, 1, n, out);
        column += (int)n;
        text += n;
        if (text[0] == '\n') {
            fputs(text[1] == '\n' ? "\n\n" : "\n", out);
            column = 0;
        }
        text += strspn(text, " \n");
    }
    fputc('\n', out);
}

/* An option as help lists it, for example "-t, --threads N". */
static void format_option(const struct option_spec *spec, char text[80])
{
    char letter[8] = "", name[48] = "";
    if (spec->letter) snprintf(letter, sizeof letter, "-%c", spec->letter);
    if (spec->name) snprintf(name, sizeof name, "--%s", spec->name);
    snprintf(text, 80, "%s%s%s%s%s", letter, spec->letter && spec->name ? ", " : "", name,
             spec->value ? " " : "", spec->value ? spec->value : "");
}

/* The help of an option with its default. */
static void format_option_help(const struct option_spec *spec, char text[256])
{
    bool has_default = (spec->kind == OPTION_INTEGER || spec->kind == OPTION_NUMBER) &&
                       spec->otherwise != 0 && !strstr(spec->help, "default");
    if (has_default) snprintf(text, 256, "%s (default %.15g)", spec->help, spec->otherwise);
    else
        snprintf(text, 256, "%s%s", spec->help,
                 spec->kind == OPTION_LIST ? " (may be repeated)" : "");
}

static void print_synopsis(const struct command *command, FILE *out)
{
    fprintf(out, "phibench %s%s%s%s", command->name, command->n_options ? " [OPTIONS]" : "",
            command->arguments[0] ? " " : "", command->arguments);
}

void help_print_overview(FILE *out)
{
    fprintf(out, "phibench - %s\n\nUsage: phibench COMMAND [OPTIONS] [ARGUMENTS]\n\n", PURPOSE);
    for (const struct command *const *command = command_list(); *command; command++)
        fprintf(out, "  %-18s %s\n", (*command)->name, (*command)->summary);
    fputs("\n'phibench COMMAND --help' shows options and examples; 'phibench --version' the "
          "version.\n"
          "A first run without any download: phibench run configs/demo.yaml\n",
          out);
}

void help_print_command(const struct command *command, FILE *out)
{
    fprintf(out, "phibench %s - %s\n\nUsage: ", command->name, command->summary);
    print_synopsis(command, out);
    fputs("\n\n", out);
    print_wrapped(out, command->details, 0, 0);
    if (command->n_options) fputs("\nOptions:\n", out);
    for (size_t i = 0; i < command->n_options; i++) {
        char option[80], help[256];
        format_option(&command->options[i], option);
        format_option_help(&command->options[i], help);
        int column = fprintf(out, "  %s", option);
        if (column >= OPTION_COLUMN) {
            fputc('\n', out);
            column = 0;
        }
        fprintf(out, "%*s", OPTION_COLUMN - column, "");
        print_wrapped(out, help, OPTION_COLUMN, OPTION_COLUMN);
    }
    fputs(command->examples[1] ? "\nExamples:\n" : "\nExample:\n", out);
    for (const char *const *example = command->examples; *example; example++)
        fprintf(out, "  %s\n", *example);
}

/* Text as roff: backslashes and hyphens protected, a leading dot or quote too. */
static void print_roff(FILE *out, const char *text)
{
    bool at_line_start = true;
    for (; *text; text++) {
        if (at_line_start && (*text == '.' || *text == '\'')) fputs("\\&", out);
        at_line_start = *text == '\n';
        if (*text == '\\') fputs("\\e", out);
        else if (*text == '-') fputs("\\-", out);
        else if (text[0] == '\n' && text[1] == '\n') {
            fputs("\n.PP\n", out);
            text++;
        } else fputc(*text, out);
    }
}

static void print_man_item(FILE *out, const char *label, const char *text)
{
    fputs(".TP\n.B ", out);
    print_roff(out, label);
    fputc('\n', out);
    print_roff(out, text);
    fputc('\n', out);
}

static void print_man_command(const struct command *command, FILE *out)
{
    fprintf(out, ".SS %s\n", command->name);
    fputs(".B ", out);
    fprintf(out, "phibench %s", command->name);
    fprintf(out, "%s%s%s\n.PP\n", command->n_options ? " [OPTIONS]" : "",
            command->arguments[0] ? " " : "", command->arguments);
    print_roff(out, command->details);
    fputc('\n', out);
    for (size_t i = 0; i < command->n_options; i++) {
        char option[80], help[256];
        format_option(&command->options[i], option);
        format_option_help(&command->options[i], help);
        print_man_item(out, option, help);
    }
    fputs(".PP\nExample:\n.PP\n.nf\n", out);
    for (const char *const *example = command->examples; *example; example++) {
        fputs("    ", out);
        print_roff(out, *example);
        fputc('\n', out);
    }
    fputs(".fi\n", out);
}

void help_print_man(FILE *out)
{
    fprintf(out, ".TH PHIBENCH 1 \"\" \"phibench %s\" \"User Commands\"\n", build_info()->version);
    fprintf(out, ".SH NAME\nphibench \\- %s\n", PURPOSE);
    fputs(".SH SYNOPSIS\n.B phibench\nCOMMAND [OPTIONS] [ARGUMENTS]\n.SH DESCRIPTION\n", out);
    print_roff(out, INTRODUCTION);
    fputs("\n.SH COMMANDS\n", out);
    for (const struct command *const *command = command_list(); *command; command++)
        print_man_command(*command, out);
    fputs(".SH PROMPTS\nHow a prompt becomes tokens, by keys of a configured model:\n", out);
    for (size_t i = 0; i < COUNT_OF(PROMPT_SETTINGS); i++)
        print_man_item(out, PROMPT_SETTINGS[i].name, PROMPT_SETTINGS[i].text);
    fputs(".SH ENVIRONMENT\n", out);
    for (size_t i = 0; i < COUNT_OF(ENVIRONMENT); i++)
        print_man_item(out, ENVIRONMENT[i].name, ENVIRONMENT[i].text);
    fputs(".SH EXIT STATUS\n", out);
    for (size_t i = 0; i < COUNT_OF(EXIT_STATUS); i++)
        print_man_item(out, EXIT_STATUS[i].status, EXIT_STATUS[i].text);
}
