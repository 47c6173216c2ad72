/* passages.c - see passages.h: FTS5 with its own BM25.
 *
 * An index is written without a journal into a file that nobody else knows, synced and renamed. A
 * question becomes `"word" OR "word" ...`: what is in quotes is text to FTS5, whatever it is.
 */
#include "results/passages.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { APPLICATION_ID = 0x70686970, MAX_WORDS = 64 };

struct passages_writer {
    sqlite3 *db;
    sqlite3_stmt *insert;
    char *path, *temporary;
};

struct passages {
    sqlite3 *db;
    sqlite3_stmt *find, *get;
    char *path;
    char hash[PASSAGES_HASH_BYTES];
};

static bool fail(sqlite3 *db, const char *path, struct err *err)
{
    int code = db ? sqlite3_errcode(db) : SQLITE_NOMEM;
    bool is_other = code == SQLITE_NOTADB || code == SQLITE_CORRUPT || code == SQLITE_ERROR;
    return err_set_at(err, is_other ? ERR_INPUT : ERR_IO, path, 0, 0,
                      "the index of passages refuses: %s", db ? sqlite3_errmsg(db) : "no memory");
}

static bool run_sql(sqlite3 *db, const char *path, const char *sql, struct err *err)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK || fail(db, path, err);
}

/* ---- Making ---- */

void passages_abandon(struct passages_writer *writer)
{
    if (!writer) return;
    sqlite3_finalize(writer->insert);
    sqlite3_close(writer->db);
    if (writer->temporary) unlink(writer->temporary);
    free(writer->temporary);
    free(writer->path);
    free(writer);
}

static bool begin_index(struct passages_writer *writer, struct err *err)
{
    static const char BEGIN[] =
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536;"
        "CREATE TABLE about (hash TEXT NOT NULL, n INTEGER NOT NULL) STRICT;"
        "CREATE VIRTUAL TABLE passage USING fts5 (title, text, "
        "tokenize = 'porter unicode61 remove_diacritics 2');"
        "BEGIN";
    unlink(writer->temporary);
    if (sqlite3_open_v2(writer->temporary, &writer->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                        NULL) != SQLITE_OK)
        return fail(writer->db, writer->path, err);
    return run_sql(writer->db, writer->path, BEGIN, err) &&
           (sqlite3_prepare_v2(writer->db, "INSERT INTO passage (title, text) VALUES (?1, ?2)", -1,
                               &writer->insert, NULL) == SQLITE_OK ||
            fail(writer->db, writer->path, err));
}

struct passages_writer *passages_create(const char *path, struct err *err)
{
    struct passages_writer *writer = mem_new(1, sizeof *writer, err);
    struct buf temporary = {0};
    if (!writer) return NULL;
    buf_printf(&temporary, "%s.tmp-%d", path, (int)getpid());
    writer->path = mem_copy_string(path, err);
    writer->temporary = buf_take(&temporary, err);
    if (writer->path && writer->temporary && file_make_parent(path, err) &&
        begin_index(writer, err))
        return writer;
    passages_abandon(writer);
    return NULL;
}

bool passages_add(struct passages_writer *writer, const struct passage *passage, struct err *err)
{
    sqlite3_bind_text(writer->insert, 1, passage->title, -1, SQLITE_STATIC);
    sqlite3_bind_text(writer->insert, 2, passage->text, -1, SQLITE_STATIC);
    bool done = sqlite3_step(writer->insert) == SQLITE_DONE;
    if (!done) fail(writer->db, writer->path, err);
    sqlite3_reset(writer->insert);
    sqlite3_clear_bindings(writer->insert);
    return done;
}

/* The content reaches the disk before the name does. */
static bool sync_and_rename(const struct passages_writer *writer, struct err *err)
{
    int file = open(writer->temporary, O_RDONLY | O_CLOEXEC);
    bool synced = file >= 0 && fsync(file) == 0;
    if (file >= 0) close(file);
    if (synced && rename(writer->temporary, writer->path) == 0) return true;
    err_set_errno(err, "writing the index of passages");
    return err_place(err, writer->path, 0, 0);
}

bool passages_finish(struct passages_writer *writer, const char *hash, struct err *err)
{
    char end[512];
    snprintf(end, sizeof end,
             "INSERT INTO passage (passage) VALUES ('optimize');"
             "INSERT INTO about SELECT '%.64s', count(*) FROM passage;"
             "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
             hash, APPLICATION_ID, PASSAGES_VERSION);
    bool done = run_sql(writer->db, writer->path, end, err);
    sqlite3_finalize(writer->insert);
    writer->insert = NULL;
    if (sqlite3_close(writer->db) != SQLITE_OK && done) done = fail(writer->db, writer->path, err);
    writer->db = NULL;
    done = done && sync_and_rename(writer, err);
    passages_abandon(writer);
    return done;
}

/* ---- Searching ---- */

static bool read_about(struct passages *passages, struct err *err)
{
    static const char ABOUT[] = "SELECT hash, (SELECT application_id FROM pragma_application_id), "
                                "(SELECT user_version FROM pragma_user_version) FROM about";
    sqlite3_stmt *select = NULL;
    bool is_ours = sqlite3_prepare_v2(passages->db, ABOUT, -1, &select, NULL) == SQLITE_OK &&
                   sqlite3_step(select) == SQLITE_ROW &&
                   sqlite3_column_int(select, 1) == APPLICATION_ID &&
                   sqlite3_column_int(select, 2) == PASSAGES_VERSION;
    if (is_ours)
        snprintf(passages->hash, sizeof passages->hash, "%s",
                 (const char *)sqlite3_column_text(select, 0));
    sqlite3_finalize(select);
    return is_ours || err_set_at(err, ERR_INPUT, passages->path, 0, 0,
                                 "this is no index of passages of this version of phibench");
}

struct passages *passages_open(const char *path, struct err *err)
{
    static const char FIND[] = "SELECT title, text, rowid FROM passage WHERE passage MATCH ?1 "
                               "ORDER BY bm25(passage), rowid LIMIT ?2";
    static const char GET[] = "SELECT title, text, rowid FROM passage WHERE rowid = ?1";
    struct passages *passages = mem_new(1, sizeof *passages, err);
    if (!passages) return NULL;
    passages->path = mem_copy_string(path, err);
    bool done = passages->path != NULL;
    if (done && sqlite3_open_v2(path, &passages->db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
        done = fail(passages->db, path, err);
    done = done && read_about(passages, err) &&
           ((sqlite3_prepare_v2(passages->db, FIND, -1, &passages->find, NULL) == SQLITE_OK &&
             sqlite3_prepare_v2(passages->db, GET, -1, &passages->get, NULL) == SQLITE_OK) ||
            fail(passages->db, path, err));
    if (done) return passages;
    passages_close(passages);
    return NULL;
}

void passages_close(struct passages *passages)
{
    if (!passages) return;
    sqlite3_finalize(passages->find);
    sqlite3_finalize(passages->get);
    sqlite3_close(passages->db);
    free(passages->path);
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
static bool read_passage(sqlite3_stmt *select, struct arena *arena, struct passage *passage,
                         struct err *err)
{
    passage->title = arena_string(arena, (const char *)sqlite3_column_text(select, 0), err);
    passage->text = arena_string(arena, (const char *)sqlite3_column_text(select, 1), err);
    passage->id = sqlite3_column_int64(select, 2);
    return passage->title && passage->text;
}

static bool read_found(struct passages *passages, size_t most, struct arena *arena,
                       struct passage *found, size_t *n_found, struct err *err)
{
    int code = SQLITE_ROW;
    while (*n_found < most && (code = sqlite3_step(passages->find)) == SQLITE_ROW)
        if (!read_passage(passages->find, arena, &found[(*n_found)++], err)) return false;
    return code == SQLITE_ROW || code == SQLITE_DONE || fail(passages->db, passages->path, err);
}

bool passages_get(struct passages *passages, int64_t id, struct arena *arena,
                  struct passage *passage, struct err *err)
{
    sqlite3_bind_int64(passages->get, 1, id);
    int code = sqlite3_step(passages->get);
    bool done = code == SQLITE_ROW && read_passage(passages->get, arena, passage, err);
    if (code == SQLITE_DONE)
        err_set_at(err, ERR_INPUT, passages->path, 0, 0, "there is no passage %lld", (long long)id);
    else if (code != SQLITE_ROW) fail(passages->db, passages->path, err);
    sqlite3_reset(passages->get);
    return done;
}

bool passages_find(struct passages *passages, const char *question, size_t most,
                   struct arena *arena, struct passage **found, size_t *n_found, struct err *err)
{
    struct buf match = {0};
    write_match(question, &match);
    *n_found = 0;
    *found = arena_alloc(arena, most, sizeof **found, err);
    bool done = *found && buf_check(&match, err);
    if (done && match.n_bytes) {
        sqlite3_bind_text(passages->find, 1, match.data, (int)match.n_bytes, SQLITE_STATIC);
        sqlite3_bind_int64(passages->find, 2, (sqlite3_int64)most);
        done = read_found(passages, most, arena, *found, n_found, err);
        sqlite3_reset(passages->find);
        sqlite3_clear_bindings(passages->find);
    }
    buf_free(&match);
    return done;
}
