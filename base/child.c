/* child.c - see child.h.
 *
 * What keeps the program from starting reaches this process as an errno in a pipe that exec closes.
 * Of both streams everything is read to the end, so that the child never waits for a reader.
 */
#include "base/child.h"

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OUTPUT, ERRORS, FAULT, N_PIPES, POLL_MS = 100, MOST_BYTES = 16 << 20, LINE_BYTES = 512 };

struct child {
    const struct child_command *command;
    int read_ends[N_PIPES], write_ends[N_PIPES]; /* -1: closed */
    pid_t parent, pid;
    int64_t begin_ns;
};

/* ---- Pipes ---- */

static void close_end(int *end)
{
    if (*end >= 0) close(*end);
    *end = -1;
}

static void close_all(struct child *child)
{
    for (int i = 0; i < N_PIPES; i++) {
        close_end(&child->read_ends[i]);
        close_end(&child->write_ends[i]);
    }
}

static bool open_pipes(struct child *child, struct err *err)
{
    for (int i = 0; i < N_PIPES; i++) child->read_ends[i] = child->write_ends[i] = -1;
    for (int i = 0; i < N_PIPES; i++) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC)) return err_set_errno(err, "cannot make a pipe");
        child->read_ends[i] = ends[0];
        child->write_ends[i] = ends[1];
    }
    return true;
}

/* ---- Starting ---- */

/* Turns the new process into the program. Only what is safe after a fork of threads. */
static void become_program(const struct child *child)
{
    const struct child_command *command = child->command;
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    setpgid(0, 0);
    if (!command->is_cleanup) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != child->parent) _exit(1); /* it ended before it could be watched */
    }
    if (null >= 0) dup2(null, STDIN_FILENO);
    dup2(child->write_ends[OUTPUT], STDOUT_FILENO);
    dup2(child->write_ends[command->joins_streams ? OUTPUT : ERRORS], STDERR_FILENO);
    if (!command->folder || chdir(command->folder) == 0)
        execvp(command->words[0], (char *const *)command->words);
    int fault = errno;
    if (write(child->write_ends[FAULT], &fault, sizeof fault) < 0) _exit(1);
    _exit(1);
}

/* What kept the program from starting, an errno; 0: nothing. */
static int read_fault(struct child *child)
{
    int fault = 0;
    ssize_t n;
    do n = read(child->read_ends[FAULT], &fault, sizeof fault);
    while (n < 0 && errno == EINTR);
    return n == sizeof fault ? fault : 0;
}

static bool start(struct child *child, struct child_end *end, struct err *err)
{
    const char *name = child->command->words[0];
    child->begin_ns = clock_ns();
    child->parent = getpid();
    child->pid = fork();
    if (child->pid < 0) return err_set_errno(err, "cannot start %s", name);
    if (child->pid == 0) become_program(child);
    for (int i = 0; i < N_PIPES; i++) close_end(&child->write_ends[i]);
    int fault = read_fault(child);
    if (!fault) return true;
    end->is_missing = true;
    waitpid(child->pid, NULL, 0);
    errno = fault;
    return err_set_errno(err, "cannot run \"%s\"", name);
}

/* ---- Waiting ---- */

/* False after Ctrl-C. */
static bool is_allowed(const struct child_command *command, struct err *err)
{
    return command->is_cleanup || interrupt_check(err);
}

/* Appends what is there to the text, whose end is dropped where it has no room; closes a stream
 * that has ended. */
static void read_some(int *stream, struct buf *text)
{
    char bytes[1 << 14];
    ssize_t n = read(*stream, bytes, sizeof bytes);
    if (n < 0 && errno == EINTR) return;
    size_t room = MOST_BYTES - text->n_bytes;
    if (n <= 0) close_end(stream);
    else buf_append(text, bytes, (size_t)n < room ? (size_t)n : room);
}

/* Reads both streams to their ends. False if the child must not go on. */
static bool read_streams(struct child *child, struct child_end *end, struct err *err)
{
    int64_t timeout_ns = child->command->timeout_ns;
    while (child->read_ends[OUTPUT] >= 0 || child->read_ends[ERRORS] >= 0) {
        struct pollfd streams[] = {{.fd = child->read_ends[OUTPUT], .events = POLLIN},
                                   {.fd = child->read_ends[ERRORS], .events = POLLIN}};
        if (!is_allowed(child->command, err)) return false;
        if (timeout_ns && clock_ns() - child->begin_ns > timeout_ns)
            return err_set(err, ERR_IO, "%s did not end within %lld s", child->command->words[0],
                           (long long)(timeout_ns / 1000000000));
        if (poll(streams, 2, POLL_MS) <= 0) continue;
        if (streams[0].revents) read_some(&child->read_ends[OUTPUT], &end->output);
        if (streams[1].revents) read_some(&child->read_ends[ERRORS], &end->errors);
    }
    return true;
}

static bool wait_for_end(const struct child *child, struct child_end *end, struct err *err)
{
    struct rusage used;
    int status;
    while (wait4(child->pid, &status, 0, &used) < 0) {
        if (errno != EINTR) return err_set_errno(err, "cannot wait for a program");
        /* It only closed its streams. */
        if (!is_allowed(child->command, NULL)) kill(-child->pid, SIGKILL);
    }
    end->duration_ns = clock_ns() - child->begin_ns;
    end->cpu_ns = ((int64_t)used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000000 +
                  ((int64_t)used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1000;
    end->status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    return true;
}

bool child_run(const struct child_command *command, struct child_end *end, struct err *err)
{
    struct child child = {.command = command};
    *end = (struct child_end){0};
    bool ok = open_pipes(&child, err) && start(&child, end, err);
    if (ok) {
        ok = read_streams(&child, end, err);
        if (!ok) kill(-child.pid, SIGKILL);
        ok = wait_for_end(&child, end, ok ? err : NULL) && ok;
        ok = ok && is_allowed(command, err) && buf_check(&end->output, err) &&
             buf_check(&end->errors, err);
    }
    close_all(&child);
    return ok;
}

void child_end_free(struct child_end *end)
{
    buf_free(&end->output);
    buf_free(&end->errors);
}

/* ---- What became of it ---- */

/* Copies the last line that is more than white space; false if there is none. */
static bool find_last_line(const struct buf *text, char line[LINE_BYTES])
{
    const char *data = buf_string(text), *last = data + text->n_bytes;
    while (last > data && isspace((unsigned char)last[-1])) last--;
    const char *first = last;
    while (first > data && first[-1] != '\n' && first[-1] != '\r') first--;
    snprintf(line, LINE_BYTES, "%.*s", (int)(last - first < LINE_BYTES ? last - first : LINE_BYTES),
             first);
    return last > first;
}

bool child_check(const struct child_end *end, const char *name, struct err *err)
{
    char line[LINE_BYTES];
    if (end->status == 0) return true;
    if (end->status < 0)
        return err_set(err, ERR_IO, "%s was ended by signal %d (%s)", name, -end->status,
                       strsignal(-end->status));
    bool has_line = find_last_line(&end->errors, line) || find_last_line(&end->output, line);
    return err_set(err, ERR_IO, "%s failed with status %d%s%s", name, end->status,
                   has_line ? ": " : " and said nothing", has_line ? line : "");
}

/* ---- Command lines ---- */

/* Copies the word at *at without its quotes, moves both to its end; false if a quote is open. */
static bool take_word(const char **at, char **out)
{
    char quote = 0;
    const char *c = *at;
    for (; *c && (quote || !isspace((unsigned char)*c)); c++) {
        if (*c == quote) quote = 0;
        else if (!quote && (*c == '\'' || *c == '"')) quote = *c;
        else if (*c == '\\' && quote != '\'' && c[1]) *(*out)++ = *++c;
        else *(*out)++ = *c;
    }
    *(*out)++ = 0;
    *at = c;
    return !quote;
}

char **child_split(const char *line, struct err *err)
{
    size_t n_bytes = strlen(line) + 1, n = 0;
    /* Words are apart by a character at least, and each is a character longer with its zero. */
    char **words = mem_new(1, (n_bytes / 2 + 1) * sizeof *words + n_bytes + 1, err);
    if (!words) return NULL;
    char *text = (char *)(words + n_bytes / 2 + 1);
    const char *at = line;
    for (;;) {
        while (isspace((unsigned char)*at)) at++;
        if (!*at) break;
        words[n++] = text;
        if (take_word(&at, &text)) continue;
        err_set(err, ERR_USAGE, "a quote in this command line has no end: %s", line);
        goto failed;
    }
    if (n) return words;
    err_set(err, ERR_USAGE, "an empty command line names no program");
failed:
    free(words);
    return NULL;
}
