/* lock.c - see lock.h. POSIX record locks, because they name the process that is in the
 * way.
 *
 * They end when any descriptor of the file is closed in this process: nothing else opens it. The
 * file is never removed, or two processes could hold locks on two files of one name.
 */
#include "harness/run/lock.h"

#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static struct flock range(int64_t byte, short type)
{
    return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)byte, .l_len = 1};
}

bool run_lock_open(struct run_lock *lock, const char *db, struct err *err)
{
    struct buf path = {0};
    struct flock choosing = range(0, F_WRLCK);
    lock->file = -1;
    buf_printf(&path, "%s-runs", db);
    bool ok = buf_check(&path, err);
    if (ok && (lock->file = open(buf_string(&path), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) < 0)
        ok = err_set_errno(err, "%s: cannot open", buf_string(&path));
    if (ok && fcntl(lock->file, F_SETLKW, &choosing) != 0)
        ok = errno == EINTR ? err_set(err, ERR_INTERRUPTED, "interrupted")
                            : err_set_errno(err, "%s: cannot lock", buf_string(&path));
    buf_free(&path);
    return ok;
}

bool run_lock_take(struct run_lock *lock, int64_t run, struct err *err)
{
    struct flock mine = range(run, F_WRLCK), choosing = range(0, F_UNLCK);
    if (fcntl(lock->file, F_SETLK, &mine) == 0)
        return fcntl(lock->file, F_SETLK, &choosing) == 0 ||
               err_set_errno(err, "cannot unlock the database's file of runs");
    if (errno != EACCES && errno != EAGAIN)
        return err_set_errno(err, "cannot lock run %lld", (long long)run);
    struct flock other = range(run, F_WRLCK);
    char who[48] = "another process"; /* of another container, if it has no number here */
    if (fcntl(lock->file, F_GETLK, &other) == 0 && other.l_type != F_UNLCK && other.l_pid > 0)
        snprintf(who, sizeof who, "process %ld", (long)other.l_pid);
    return err_set(err, ERR_IO,
                   "%s is carrying out run %lld, which is this one: wait for it, or begin another "
                   "with --fresh",
                   who, (long long)run);
}

void run_lock_close(struct run_lock *lock)
{
    if (lock->file >= 0) close(lock->file);
    lock->file = -1;
}
