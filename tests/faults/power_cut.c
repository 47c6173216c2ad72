/* power_cut.c - a library to preload: a disk that loses what was not synced when the power fails.
 *
 * It knows the files whose path contains $POWER_CUT_FILES, and of each the content that was synced
 * last and every write since. At the $POWER_CUT_AT-th write, truncation or sync of them (0: never)
 * it leaves in the files what was synced and of the later writes a choice, drawn from
 * $POWER_CUT_SEED: each is kept, lost, or torn at a sector; then it kills the process. At a normal
 * end it writes the number of such calls to $POWER_CUT_COUNT. Names of files are taken for durable,
 * and -shm, which nobody needs after a crash, is left out.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MAX_FILES = 64, MAX_DESCRIPTORS = 1024, SECTOR_BYTES = 512 };

struct change {
    char *bytes; /* NULL: a truncation to `offset` */
    size_t n_bytes;
    off_t offset;
};

struct file {
    dev_t device;
    ino_t inode;
    char *path, *synced;
    size_t n_synced;
    struct change *changes;
    size_t n_changes;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct file files[MAX_FILES];
static size_t n_files;
static struct file *of_descriptor[MAX_DESCRIPTORS];
static long n_calls;
static unsigned long long state;

static long number(const char *name)
{
    const char *text = getenv(name);
    return text ? atol(text) : 0;
}

static unsigned draw(unsigned n)
{
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (unsigned)(state >> 33) % n;
}

static void must(int holds)
{
    if (!holds) abort();
}

/* ---- What is known of a file ---- */

static void read_synced(struct file *file, int fd)
{
    struct stat status;
    must(fstat(fd, &status) == 0);
    file->n_synced = (size_t)status.st_size;
    file->synced = realloc(file->synced, file->n_synced + 1);
    must(file->synced != NULL);
    long n = syscall(SYS_pread64, fd, file->synced, file->n_synced, 0L);
    must(n == (long)file->n_synced);
    for (size_t i = 0; i < file->n_changes; i++) free(file->changes[i].bytes);
    file->n_changes = 0;
}

static void know(int fd, const char *path)
{
    const char *part = getenv("POWER_CUT_FILES");
    size_t n = strlen(path);
    struct stat status;
    if (fd < 0 || fd >= MAX_DESCRIPTORS || !part || !strstr(path, part)) return;
    if ((n > 4 && !strcmp(path + n - 4, "-shm")) || (n > 5 && !strcmp(path + n - 5, "-runs")))
        return;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return;
    pthread_mutex_lock(&mutex);
    struct file *file = files;
    while (file < files + n_files &&
           (file->device != status.st_dev || file->inode != status.st_ino))
        file++;
    if (file == files + n_files) {
        must(n_files < MAX_FILES);
        n_files++;
        *file = (struct file){.device = status.st_dev, .inode = status.st_ino};
        int reader = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY, 0);
        must(reader >= 0);
        read_synced(file, reader);
        syscall(SYS_close, reader);
    }
    free(file->path);
    file->path = strdup(path);
    of_descriptor[fd] = file;
    pthread_mutex_unlock(&mutex);
}

static struct file *file_of(int fd)
{
    return fd >= 0 && fd < MAX_DESCRIPTORS ? of_descriptor[fd] : NULL;
}

static void note_change(struct file *file, const void *bytes, size_t n_bytes, off_t offset)
{
    file->changes = realloc(file->changes, (file->n_changes + 1) * sizeof *file->changes);
    must(file->changes != NULL);
    struct change *change = &file->changes[file->n_changes++];
    *change = (struct change){bytes ? malloc(n_bytes + 1) : NULL, n_bytes, offset};
    must(!bytes || change->bytes);
    if (bytes) memcpy(change->bytes, bytes, n_bytes);
}

/* ---- The cut ---- */

static void leave_rest(const struct file *file)
{
    struct stat status;
    if (stat(file->path, &status) != 0 || status.st_ino != file->inode) return; /* removed */
    int fd = (int)syscall(SYS_openat, AT_FDCWD, file->path, O_WRONLY | O_TRUNC, 0);
    must(fd >= 0 &&
         syscall(SYS_pwrite64, fd, file->synced, file->n_synced, 0L) == (long)file->n_synced);
    for (size_t i = 0; i < file->n_changes; i++) {
        const struct change *change = &file->changes[i];
        size_t n_sectors = change->n_bytes / SECTOR_BYTES, n_bytes = change->n_bytes;
        unsigned fate = draw(4);
        if (fate == 0) continue;
        if (fate == 1 && n_sectors) n_bytes = draw((unsigned)n_sectors) * SECTOR_BYTES;
        long done = change->bytes
                        ? syscall(SYS_pwrite64, fd, change->bytes, n_bytes, (long)change->offset)
                        : syscall(SYS_ftruncate, fd, (long)change->offset);
        must(done >= 0);
    }
    syscall(SYS_close, fd);
}

/* Counts a call; the mutex is held, and stays so at the cut. */
static void count_call(void)
{
    if (++n_calls != number("POWER_CUT_AT")) return;
    state = (unsigned long long)number("POWER_CUT_SEED") + 1;
    for (size_t i = 0; i < n_files; i++) leave_rest(&files[i]);
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) pause();
}

__attribute__((destructor)) static void write_count(void)
{
    const char *path = getenv("POWER_CUT_COUNT");
    FILE *out = path && n_calls ? fopen(path, "w") : NULL;
    if (!out) return;
    fprintf(out, "%ld\n", n_calls);
    fclose(out);
}

/* ---- The calls ---- */

static int open_known(const char *path, int flags, mode_t mode)
{
    int fd = openat(AT_FDCWD, path, flags, mode);
    if (fd >= 0) know(fd, path);
    return fd;
}

#define DEFINE_OPEN(name)                                                                          \
    int name(const char *path, int flags, ...);                                                    \
    int name(const char *path, int flags, ...)                                                     \
    {                                                                                              \
        va_list args;                                                                              \
        va_start(args, flags);                                                                     \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? (mode_t)va_arg(args, int) : 0;               \
        va_end(args);                                                                              \
        return open_known(path, flags, mode);                                                      \
    }
DEFINE_OPEN(open)
DEFINE_OPEN(open64)

int close(int fd)
{
    if (file_of(fd)) of_descriptor[fd] = NULL;
    return (int)syscall(SYS_close, fd);
}

static ssize_t write_known(int fd, const void *bytes, size_t n_bytes, off_t offset)
{
    struct file *file = file_of(fd);
    if (!file) return syscall(SYS_pwrite64, fd, bytes, n_bytes, (long)offset);
    pthread_mutex_lock(&mutex);
    count_call();
    ssize_t n = syscall(SYS_pwrite64, fd, bytes, n_bytes, (long)offset);
    if (n > 0) note_change(file, bytes, (size_t)n, offset);
    pthread_mutex_unlock(&mutex);
    return n;
}

ssize_t pwrite(int fd, const void *bytes, size_t n_bytes, off_t offset)
{
    return write_known(fd, bytes, n_bytes, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t n_bytes, off64_t offset)
{
    return write_known(fd, bytes, n_bytes, offset);
}

static int truncate_known(int fd, off_t size)
{
    struct file *file = file_of(fd);
    if (!file) return (int)syscall(SYS_ftruncate, fd, (long)size);
    pthread_mutex_lock(&mutex);
    count_call();
    int failed = (int)syscall(SYS_ftruncate, fd, (long)size);
    if (!failed) note_change(file, NULL, 0, size);
    pthread_mutex_unlock(&mutex);
    return failed;
}

int ftruncate(int fd, off_t size)
{
    return truncate_known(fd, size);
}

int ftruncate64(int fd, off64_t size)
{
    return truncate_known(fd, size);
}

static int sync_known(int fd)
{
    struct file *file = file_of(fd);
    if (!file) return (int)syscall(SYS_fsync, fd);
    pthread_mutex_lock(&mutex);
    count_call();
    int reader = (int)syscall(SYS_openat, AT_FDCWD, file->path, O_RDONLY, 0);
    must(reader >= 0);
    read_synced(file, reader);
    syscall(SYS_close, reader);
    pthread_mutex_unlock(&mutex);
    return 0;
}

int fsync(int fd)
{
    return sync_known(fd);
}

int fdatasync(int fd)
{
    return sync_known(fd);
}
