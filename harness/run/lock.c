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

/* Who holds what the lock wants; the lock becomes the one that is in the way. */
static void name_holder(const struct run_lock *lock, struct flock *wanted, char who[48])
{
    snprintf(who, 48, "another process"); /* of another container, if it has no number here */
    if (fcntl(lock->file, F_GETLK, wanted) == 0 && wanted->l_type != F_UNLCK && wanted->l_pid > 0)
        snprintf(who, 48, "process %ld", (long)wanted->l_pid);
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
    char who[48];
    name_holder(lock, &other, who);
    return err_set(err, ERR_IO,
                   "%s is carrying out run %lld, which is this one: wait for it, or begin another "
                   "with --fresh",
                   who, (long long)run);
}

bool run_lock_take_all(struct run_lock *lock, struct err *err)
{
    struct flock all = range(0, F_WRLCK);
    all.l_len = 0; /* to the end, wherever that will be */
    if (fcntl(lock->file, F_SETLK, &all) == 0) return true;
    if (errno != EACCES && errno != EAGAIN)
        return err_set_errno(err, "cannot lock the database's file of runs");
    char who[48];
    name_holder(lock, &all, who);
    return err_set(err, ERR_IO, "%s is carrying out run %lld in this database: wait for it", who,
                   (long long)all.l_start);
}

void run_lock_close(struct run_lock *lock)
{
    if (lock->file >= 0) close(lock->file);
    lock->file = -1;
}
