/* passages.c - see passages.h: FTS5 with its own BM25, in the tables of passages.sql.
 *
 * An index is written without a journal into a file that nobody else knows, synced and renamed. A
 * question becomes `"word" OR "word" ...`: what is in quotes is text to FTS5, whatever it is.
 */
#include "results/passages.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "results/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { APPLICATION_ID = 0x70686970, MAX_WORDS = 64 };

struct passages_writer {
    struct store index; /* its path is the name that the file gets when it is whole */
    char *temporary;
};

struct passages {
    struct store index;
    char hash[PASSAGES_HASH_BYTES];
};

static bool open_index(struct store *index, const char *file, int flags, struct err *err)
{
    int code = sqlite3_open_v2(file, &index->db, flags, NULL);
    return code == SQLITE_OK ||
           err_set_at(err, code == SQLITE_NOMEM ? ERR_MEMORY : ERR_IO, index->path, 0, 0,
                      "the index of passages refuses: %s", sqlite3_errstr(code));
}

static bool close_index(struct store *index)
{
    query_forget_kept(index);
    int code = sqlite3_close(index->db);
    index->db = NULL;
    return code == SQLITE_OK;
}

/* ---- Making ---- */

void passages_abandon(struct passages_writer *writer)
{
    if (!writer) return;
    close_index(&writer->index);
    if (writer->temporary) unlink(writer->temporary);
    free(writer->temporary);
    free(writer->index.path);
    free(writer);
}

static bool begin_index(struct passages_writer *writer, struct err *err)
{
    struct store *index = &writer->index;
    unlink(writer->temporary);
    return open_index(index, writer->temporary, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err) &&
           store_execute(index,
                         "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; "
                         "PRAGMA cache_size = -65536",
                         err) &&
           store_execute(index, EMBEDDED_PASSAGES[0].text, err) && store_begin(index, err);
}

struct passages_writer *passages_create(const char *path, struct err *err)
{
    struct passages_writer *writer = mem_new(1, sizeof *writer, err);
    struct buf temporary = {0};
    if (!writer) return NULL;
    buf_printf(&temporary, "%s.tmp-%d", path, (int)getpid());
    writer->index.path = mem_copy_string(path, err);
    writer->temporary = buf_take(&temporary, err);
    if (writer->index.path && writer->temporary && file_make_parent(path, err) &&
        begin_index(writer, err))
        return writer;
    passages_abandon(writer);
    return NULL;
}

bool passages_add(struct passages_writer *writer, const struct passage *passage, struct err *err)
{
    static const char ADD[] = "INSERT INTO passage (title, text) VALUES (?1, ?2)";
    struct query *add = query_begin(&writer->index, ADD, err);
    query_add_text(add, passage->title);
    query_add_text(add, passage->text);
    return query_run(add, err);
}

/* The content reaches the disk before the name does. */
static bool sync_and_rename(const struct passages_writer *writer, struct err *err)
{
    int file = open(writer->temporary, O_RDONLY | O_CLOEXEC);
    bool synced = file >= 0 && fsync(file) == 0;
    if (file >= 0) close(file);
    if (synced && rename(writer->temporary, writer->index.path) == 0) return true;
    err_set_errno(err, "writing the index of passages");
    return err_place(err, writer->index.path, 0, 0);
}

bool passages_finish(struct passages_writer *writer, const char *hash, struct err *err)
{
    struct store *index = &writer->index;
    char end[512];
    snprintf(end, sizeof end,
             "INSERT INTO passage (passage) VALUES ('optimize');"
             "INSERT INTO about SELECT '%.64s', count(*) FROM passage;"
             "PRAGMA application_id = %d; PRAGMA user_version = %d",
             hash, APPLICATION_ID, PASSAGES_VERSION);
    bool done = store_execute(index, end, err) && store_commit(index, err);
    if (!close_index(index) && done)
        done = err_set_at(err, ERR_IO, index->path, 0, 0, "cannot close it");
    done = done && sync_and_rename(writer, err);
    passages_abandon(writer);
    return done;
}

/* ---- Searching ---- */

static bool read_about(struct passages *passages, struct err *err)
{
    static const char ABOUT[] = "SELECT hash, (SELECT application_id FROM pragma_application_id), "
                                "(SELECT user_version FROM pragma_user_version) FROM about";
    struct query *about = query_open(&passages->index, ABOUT, NULL);
    bool is_ours = query_next(about, NULL) > 0 && query_integer(about, 1) == APPLICATION_ID &&
                   query_integer(about, 2) == PASSAGES_VERSION;
    if (is_ours) snprintf(passages->hash, sizeof passages->hash, "%s", query_text(about, 0));
    query_close(about);
    return is_ours || err_set_at(err, ERR_INPUT, passages->index.path, 0, 0,
                                 "this is no index of passages of this version of phibench");
}

struct passages *passages_open(const char *path, struct err *err)
{
    struct passages *passages = mem_new(1, sizeof *passages, err);
    if (!passages) return NULL;
    passages->index.path = mem_copy_string(path, err);
    if (passages->index.path && open_index(&passages->index, path, SQLITE_OPEN_READONLY, err) &&
        read_about(passages, err))
        return passages;
    passages_close(passages);
    return NULL;
}

void passages_close(struct passages *passages)
{
    if (!passages) return;
    close_index(&passages->index);
    free(passages->index.path);
    free(passages);
}

const char *passages_hash(const struct passages *passages)
{
    return passages->hash;
}

/* ---- Questions ---- */

struct word {
    const char *text;
    size_t n_bytes;
};

static bool is_letter(unsigned char c)
{
    return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_function_word(struct word word)
{
    static const char *const words[] = {
        "a",    "an",   "and",  "are",   "as",    "at",   "be",   "been",  "by",   "did",  "do",
        "does", "for",  "from", "had",   "has",   "have", "how",  "in",    "into", "is",   "it",
        "its",  "of",   "on",   "or",    "s",     "that", "the",  "their", "this", "to",   "was",
        "were", "what", "when", "where", "which", "who",  "whom", "whose", "why",  "will", "with",
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strlen(words[i]) == word.n_bytes && !strncasecmp(words[i], word.text, word.n_bytes))
            return true;
    return false;
}

static bool is_among(const struct word *words, size_t n, struct word word)
{
    for (size_t i = 0; i < n; i++)
        if (words[i].n_bytes == word.n_bytes &&
            !strncasecmp(words[i].text, word.text, word.n_bytes))
            return true;
    return false;
}

/* The distinct words of the question, its first MAX_WORDS. */
static size_t list_words(const char *question, bool with_function_words,
                         struct word words[MAX_WORDS])
{
    size_t n = 0;
    for (const char *at = question; *at && n < MAX_WORDS;) {
        struct word word = {at, 0};
        while (is_letter((unsigned char)at[word.n_bytes])) word.n_bytes++;
        at += word.n_bytes ? word.n_bytes : 1;
        if (!word.n_bytes || (!with_function_words && is_function_word(word)) ||
            is_among(words, n, word))
            continue;
        words[n++] = word;
    }
    return n;
}

/* "" for a question without words. */
static void write_match(const char *question, struct buf *match)
{
    struct word words[MAX_WORDS];
    size_t n = list_words(question, false, words);
    if (!n) n = list_words(question, true, words);
    for (size_t i = 0; i < n; i++)
        buf_printf(match, "%s\"%.*s\"", i ? " OR " : "", (int)words[i].n_bytes, words[i].text);
}

/* The row at which `select` stands. */
static bool read_passage(const struct query *select, struct arena *arena, struct passage *passage,
                         struct err *err)
{
    passage->title = arena_string(arena, query_text(select, 0), err);
    passage->text = arena_string(arena, query_text(select, 1), err);
    passage->id = query_integer(select, 2);
    return passage->title && passage->text;
}

bool passages_get(struct passages *passages, int64_t id, struct arena *arena,
                  struct passage *passage, struct err *err)
{
    static const char GET[] = "SELECT title, text, rowid FROM passage WHERE rowid = ?1";
    struct query *get = query_begin_of(&passages->index, GET, id, err);
    int more = query_next(get, err);
    bool done = more > 0 && read_passage(get, arena, passage, err);
    query_close(get);
    if (more == 0)
        err_set_at(err, ERR_INPUT, passages->index.path, 0, 0, "there is no passage %lld",
                   (long long)id);
    return done;
}

static bool find_match(struct passages *passages, const char *match, size_t most,
                       struct arena *arena, struct passage *found, size_t *n_found, struct err *err)
{
    static const char FIND[] = "SELECT title, text, rowid FROM passage WHERE passage MATCH ?1 "
                               "ORDER BY bm25(passage), rowid LIMIT ?2";
    struct query *find = query_begin(&passages->index, FIND, err);
    int more;
    bool done = true;
    query_add_text(find, match);
    query_add_integer(find, (int64_t)most);
    while (done && (more = query_next(find, err)) > 0)
        done = read_passage(find, arena, &found[(*n_found)++], err);
    query_close(find);
    return done && more == 0;
}

bool passages_find(struct passages *passages, const char *question, size_t most,
                   struct arena *arena, struct passage **found, size_t *n_found, struct err *err)
{
    struct buf match = {0};
    write_match(question, &match);
    *n_found = 0;
    *found = arena_alloc(arena, most, sizeof **found, err);
    bool done = *found && buf_check(&match, err) &&
                (!match.n_bytes ||
                 find_match(passages, buf_string(&match), most, arena, *found, n_found, err));
    buf_free(&match);
    return done;
}
