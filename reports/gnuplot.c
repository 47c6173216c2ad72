/* gnuplot.c - see gnuplot.h. */
#include "reports/gnuplot.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOT_FOUND = 127 };

/* In the child: everything to the pipe, no user's start-up file, no display. */
static void become_gnuplot(const char *program, const char *folder, const char *name, int output)
{
    int null = open("/dev/null", O_RDONLY);
    if (null >= 0) dup2(null, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    if (chdir(folder)) _exit(NOT_FOUND - 1);
    execlp(program, program, "-d", name, (char *)NULL);
    _exit(NOT_FOUND);
}

/* What the child printed, cut to n_bytes; the rest is read and dropped so that it never blocks. */
static void read_output(int input, char *text, size_t n_bytes)
{
    char rest[512];
    size_t used = 0;
    for (;;) {
        bool full = used + 1 >= n_bytes;
        ssize_t n =
            full ? read(input, rest, sizeof rest) : read(input, text + used, n_bytes - 1 - used);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        if (!full) used += (size_t)n;
    }
    text[used] = 0;
}

bool gnuplot_run(const char *program, const char *folder, const char *name, struct err *err)
{
    int pipe_ends[2], status = 0;
    char output[600];
    if (!program || !*program) program = "gnuplot";
    if (pipe2(pipe_ends, O_CLOEXEC)) return err_set_errno(err, "cannot make a pipe");
    pid_t child = fork();
    if (child < 0) {
        err_set_errno(err, "cannot start %s", program);
        close(pipe_ends[0]);
        close(pipe_ends[1]);
        return false;
    }
    if (child == 0) become_gnuplot(program, folder, name, pipe_ends[1]);
    close(pipe_ends[1]);
    read_output(pipe_ends[0], output, sizeof output);
    close(pipe_ends[0]);
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return err_set_errno(err, "cannot wait for %s", program);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
    if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_FOUND)
        return err_set(
            err, ERR_IO,
            "cannot run \"%s\", which draws the charts: install gnuplot (Debian: gnuplot-nox), "
            "or run tools/install-deps",
            program);
    return err_set(err, ERR_IO, "%s failed on %s/%s: %s", program, folder, name, output);
}
