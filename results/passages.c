/* passages.c - see passages.h: FTS5 with its own BM25, in the tables of passages.sql.
 *
 * An index is written without a journal into a file that nobody else knows, synced and renamed. A
 * question becomes `"word" OR "word" ...`: what is in quotes is text to FTS5, whatever it is.
 */
#include "results/passages.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/temporary.h"
#include "results/store_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { APPLICATION_ID = 0x70686970, MAX_WORDS = 64, PIECE_BYTES = 1 << 20 };

/* The last line of a file: the SHA-256 of all before it. */
#define LAST_LINE "phibench sha-256 %s\n"
enum { LAST_LINE_BYTES = sizeof LAST_LINE - sizeof "%s" + SHA256_HEX_BYTES - 1 };

struct passages_writer {
    struct store index; /* its path is the name that the file gets when it is whole */
    struct temporary temporary;
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
    temporary_drop(&writer->temporary);
    free(writer->index.path);
    free(writer);
}

static bool begin_index(struct passages_writer *writer, struct err *err)
{
    struct store *index = &writer->index;
    return open_index(index, writer->temporary.name, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                      err) &&
           store_execute(index,
                         "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; "
                         "PRAGMA cache_size = -65536",
                         err) &&
           store_execute(index, EMBEDDED_PASSAGES[0].text, err) && store_begin(index, err);
}

struct passages_writer *passages_create(const char *path, struct err *err)
{
    struct passages_writer *writer = mem_new(1, sizeof *writer, err);
    if (!writer) return NULL;
    writer->temporary.file = -1;
    writer->index.path = mem_copy_string(path, err);
    if (writer->index.path && file_make_parent(path, err) &&
        temporary_open(&writer->temporary, path, err) && begin_index(writer, err))
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

static bool write_last_line(const struct passages_writer *writer, struct err *err)
{
    char hash[SHA256_HEX_BYTES], line[LAST_LINE_BYTES + 1];
    int file = writer->temporary.file;
    if (!sha256_file(writer->temporary.name, hash, err)) return false;
    snprintf(line, sizeof line, LAST_LINE, hash);
    return (lseek(file, 0, SEEK_END) > 0 &&
            write(file, line, LAST_LINE_BYTES) == LAST_LINE_BYTES) ||
           err_set_errno(err, "%s: cannot write", writer->index.path);
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
    done = done && write_last_line(writer, err) &&
           temporary_keep(&writer->temporary, index->path, err);
    passages_abandon(writer);
    return done;
}

/* ---- Searching ---- */

/* Reads n bytes at the offset, or fails. */
static bool read_at(int file, const char *path, void *out, size_t n, uint64_t offset,
                    struct err *err)
{
    for (size_t done = 0; done < n;) {
        ssize_t got = pread(file, (char *)out + done, n - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return err_set_errno(err, "%s: cannot read", path);
        if (!got) return err_set_at(err, ERR_INPUT, path, 0, 0, "the file became shorter");
        done += (size_t)got;
    }
    return true;
}

/* SHA-256 of the first n_bytes. */
static bool hash_begin(int file, const char *path, uint64_t n_bytes, char hex[SHA256_HEX_BYTES],
                       struct err *err)
{
    uint8_t *piece = mem_new(PIECE_BYTES, 1, err);
    struct sha256 *hash = piece ? sha256_new(err) : NULL;
    bool ok = hash != NULL;
    for (uint64_t at = 0; ok && at < n_bytes;) {
        size_t n = n_bytes - at < PIECE_BYTES ? (size_t)(n_bytes - at) : PIECE_BYTES;
        ok = interrupt_check(err) && read_at(file, path, piece, n, at, err);
        if (ok) sha256_update(hash, piece, n);
        at += n;
    }
    if (ok) sha256_finish(hash, hex);
    sha256_free(hash);
    free(piece);
    return ok;
}

/* Whether the file is as it was made. */
static bool check_content(const char *path, struct err *err)
{
    char hash[SHA256_HEX_BYTES] = "", wanted[LAST_LINE_BYTES + 1], line[LAST_LINE_BYTES];
    int file = file_open(path, err);
    if (file < 0) return false;
    off_t end = lseek(file, 0, SEEK_END);
    bool is_long = end > LAST_LINE_BYTES, ok = true;
    uint64_t n = is_long ? (uint64_t)end - LAST_LINE_BYTES : 0;
    if (is_long)
        ok = hash_begin(file, path, n, hash, err) &&
             read_at(file, path, line, LAST_LINE_BYTES, n, err);
    close(file);
    if (!ok) return false;
    snprintf(wanted, sizeof wanted, LAST_LINE, hash);
    return (is_long && !memcmp(line, wanted, LAST_LINE_BYTES)) ||
           err_set_at(err, ERR_INPUT, path, 0, 0,
                      "this is no index of passages of this version of phibench, or a damaged "
                      "or cut one: with `build_from` it is made again");
}

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

/* Anybody can make a file that ends with the right hash: its views stay shut. */
static bool guard(struct passages *passages, struct err *err)
{
    sqlite3_db_config(passages->index.db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    return store_guard_connection(&passages->index, false, err);
}

struct passages *passages_open(const char *path, struct err *err)
{
    struct passages *passages = mem_new(1, sizeof *passages, err);
    if (!passages) return NULL;
    passages->index.path = mem_copy_string(path, err);
    bool is_there = file_exists(path); /* what is not there, SQLite refuses */
    if (passages->index.path && (!is_there || check_content(path, err)) &&
        open_index(&passages->index, path, SQLITE_OPEN_READONLY, err) && guard(passages, err) &&
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
