/* fail_nth.c - preloaded, makes a program's n-th write, sync or allocation fail, or kills it there.
 *
 * FAULT=CALL:N:ACTION: CALL is write, sync or memory, N counts from 1, ACTION is fail (this call),
 * stay (all from this one on, as on a full disk) or kill (kill -9 before it). FAULT_PLACES=FILE: at
 * the end FILE gets "CALL N" for the first call from each place, a chain of callers, and "CALL last
 * N". A write is whatever changes what a disk holds: pwrite, ftruncate, rename, mkdir, a new file.
 * Not seen: what streams of the C library write, and children.
 */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum call { CALL_WRITE, CALL_SYNC, CALL_MEMORY, N_CALLS };
enum action { ACTION_NONE, ACTION_FAIL, ACTION_STAY, ACTION_KILL };
enum { MAX_FRAMES = 24, MAX_PLACES = 1 << 16 };

static const char *const CALL_NAMES[N_CALLS] = {"write", "sync", "memory"};
static const int CALL_ERRORS[N_CALLS] = {ENOSPC, EIO, ENOMEM};

/* A preloaded library has no other place for what it knows. */
static struct {
    bool is_on;
    enum call call;
    enum action action;
    long n;
    _Atomic long n_calls[N_CALLS];
    const char *places_path;
    pthread_mutex_t lock; /* of the two below */
    uint64_t places[N_CALLS][MAX_PLACES];
    long first[N_CALLS][MAX_PLACES];
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Inside the bookkeeping of a call, calls of the same thread are its own. */
static _Thread_local bool is_inside;

static void note_place(enum call call, long n)
{
    void *frames[MAX_FRAMES];
    int n_frames = backtrace(frames, MAX_FRAMES);
    uint64_t hash = 14695981039346656037u;
    for (int i = 2; i < n_frames; i++) hash = (hash ^ (uintptr_t)frames[i]) * 1099511628211u;
    if (!hash) hash = 1;
    pthread_mutex_lock(&state.lock);
    size_t at = hash % MAX_PLACES, n_tries = 0;
    while (state.places[call][at] && state.places[call][at] != hash && n_tries++ < MAX_PLACES)
        at = (at + 1) % MAX_PLACES;
    if (!state.places[call][at]) {
        state.places[call][at] = hash;
        state.first[call][at] = n;
    }
    pthread_mutex_unlock(&state.lock);
}

/* Counts a call; true, with errno, if it is to fail. */
static bool fails(enum call call)
{
    if (!state.is_on || is_inside) return false;
    long n = ++state.n_calls[call];
    if (state.places_path) {
        is_inside = true;
        note_place(call, n);
        is_inside = false;
    }
    if (state.action == ACTION_NONE || call != state.call) return false;
    if (n < state.n || (n > state.n && state.action != ACTION_STAY)) return false;
    if (state.action == ACTION_KILL) kill(getpid(), SIGKILL);
    errno = CALL_ERRORS[call];
    return true;
}

static void read_fault(const char *text)
{
    for (int i = 0; i < N_CALLS; i++)
        if (!strncmp(text, CALL_NAMES[i], strlen(CALL_NAMES[i]))) state.call = (enum call)i;
    const char *n = strchr(text, ':');
    const char *action = n ? strchr(n + 1, ':') : NULL;
    if (!action) {
        fprintf(stderr, "FAULT=%s: not CALL:N:ACTION\n", text);
        _exit(99);
    }
    state.n = strtol(n + 1, NULL, 10);
    state.action = action[1] == 'k' ? ACTION_KILL : action[1] == 's' ? ACTION_STAY : ACTION_FAIL;
}

__attribute__((constructor)) static void begin(void)
{
    void *frame[1];
    (void)backtrace(frame, 1); /* loads what it needs */
    const char *fault = getenv("FAULT");
    state.places_path = getenv("FAULT_PLACES");
    if (fault) read_fault(fault);
    unsetenv("LD_PRELOAD");
    unsetenv("FAULT");
    state.is_on = fault || state.places_path;
}

__attribute__((destructor)) static void write_places(void)
{
    state.is_on = false;
    FILE *out = state.places_path ? fopen(state.places_path, "w") : NULL;
    if (!out) return;
    for (int call = 0; call < N_CALLS; call++) {
        for (size_t i = 0; i < MAX_PLACES; i++)
            if (state.places[call][i])
                fprintf(out, "%s %ld\n", CALL_NAMES[call], state.first[call][i]);
        fprintf(out, "%s last %ld\n", CALL_NAMES[call], state.n_calls[call]);
    }
    fclose(out);
}

/* The function that the program would have called. */
static void *next(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);
    if (!function) abort();
    return function;
}

#define NEXT(name, type)                                                                           \
    static _Atomic(type *) next_function;                                                          \
    if (!next_function) next_function = (type *)next(name)

typedef void *malloc_fn(size_t);
typedef void *calloc_fn(size_t, size_t);
typedef void *realloc_fn(void *, size_t);
typedef int posix_memalign_fn(void **, size_t, size_t);
typedef ssize_t write_fn(int, const void *, size_t);
typedef ssize_t pwrite_fn(int, const void *, size_t, off_t);
typedef int sync_fn(int);
typedef int truncate_fn(int, off_t);
typedef int rename_fn(const char *, const char *);
typedef int mkdir_fn(const char *, mode_t);
typedef int open_fn(const char *, int, ...);

void *malloc(size_t n_bytes)
{
    NEXT("malloc", malloc_fn);
    return fails(CALL_MEMORY) ? NULL : next_function(n_bytes);
}

void *calloc(size_t n, size_t size)
{
    NEXT("calloc", calloc_fn);
    return fails(CALL_MEMORY) ? NULL : next_function(n, size);
}

void *realloc(void *memory, size_t n_bytes)
{
    NEXT("realloc", realloc_fn);
    return fails(CALL_MEMORY) ? NULL : next_function(memory, n_bytes);
}

void *aligned_alloc(size_t alignment, size_t n_bytes)
{
    NEXT("aligned_alloc", calloc_fn);
    return fails(CALL_MEMORY) ? NULL : next_function(alignment, n_bytes);
}

int posix_memalign(void **memory, size_t alignment, size_t n_bytes)
{
    NEXT("posix_memalign", posix_memalign_fn);
    return fails(CALL_MEMORY) ? ENOMEM : next_function(memory, alignment, n_bytes);
}

ssize_t write(int fd, const void *bytes, size_t n_bytes)
{
    NEXT("write", write_fn);
    return fails(CALL_WRITE) ? -1 : next_function(fd, bytes, n_bytes);
}

ssize_t pwrite(int fd, const void *bytes, size_t n_bytes, off_t at)
{
    NEXT("pwrite", pwrite_fn);
    return fails(CALL_WRITE) ? -1 : next_function(fd, bytes, n_bytes, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t n_bytes, off_t at)
{
    NEXT("pwrite64", pwrite_fn);
    return fails(CALL_WRITE) ? -1 : next_function(fd, bytes, n_bytes, at);
}

int ftruncate(int fd, off_t n_bytes)
{
    NEXT("ftruncate", truncate_fn);
    return fails(CALL_WRITE) ? -1 : next_function(fd, n_bytes);
}

int ftruncate64(int fd, off_t n_bytes)
{
    NEXT("ftruncate64", truncate_fn);
    return fails(CALL_WRITE) ? -1 : next_function(fd, n_bytes);
}

int rename(const char *from, const char *to)
{
    NEXT("rename", rename_fn);
    return fails(CALL_WRITE) ? -1 : next_function(from, to);
}

int mkdir(const char *path, mode_t mode)
{
    NEXT("mkdir", mkdir_fn);
    return fails(CALL_WRITE) ? -1 : next_function(path, mode);
}

int fsync(int fd)
{
    NEXT("fsync", sync_fn);
    return fails(CALL_SYNC) ? -1 : next_function(fd);
}

int fdatasync(int fd)
{
    NEXT("fdatasync", sync_fn);
    return fails(CALL_SYNC) ? -1 : next_function(fd);
}

/* The mode is there only where a file may be made. */
static int open_by(open_fn *function, const char *path, int flags, va_list more)
{
    if (!(flags & O_CREAT)) return function(path, flags);
    mode_t mode = va_arg(more, mode_t);
    return fails(CALL_WRITE) ? -1 : function(path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    NEXT("open", open_fn);
    va_list more;
    va_start(more, flags);
    int fd = open_by(next_function, path, flags, more);
    va_end(more);
    return fd;
}

int open64(const char *path, int flags, ...)
{
    NEXT("open64", open_fn);
    va_list more;
    va_start(more, flags);
    int fd = open_by(next_function, path, flags, more);
    va_end(more);
    return fd;
}
