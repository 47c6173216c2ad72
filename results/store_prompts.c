/* store_prompts.c - prompts as text, each kept once for all responses to it.
 *
 * Few-shot prompts of a subject begin with the same examples. So a prompt is stored as what it adds
 * to a base, a prompt that was stored whole. A connection remembers the last bases that it stored,
 * since questions may be asked in any order of subjects; their number and their bytes are bounded.
 */
#include "results/store_internal.h"

#include "base/mem.h"
#include "base/sha256.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_BASES = 128, MAX_BASES_BYTES = 16 << 20 };

struct base {
    int64_t id;
    char *text;
    size_t n_bytes, n_characters;
};

struct prompt_bases {
    struct base bases[MAX_BASES]; /* [n], the oldest first */
    size_t n, n_bytes;
};

/* What a prompt has in common with a base. */
struct shared {
    int64_t base; /* 0: none */
    size_t n_bytes, n_characters;
};

/* ---- Characters, as SQLite's substr counts them in any bytes ---- */

static size_t end_of_character(const char *text, size_t at)
{
    unsigned char first = (unsigned char)text[at++];
    while (first >= 0xc0 && ((unsigned char)text[at] & 0xc0) == 0x80) at++;
    return at;
}

/* How many characters end within the first n bytes; *n becomes the end of the last one. */
static size_t count_characters(const char *text, size_t *n)
{
    size_t n_characters = 0, at = 0;
    for (size_t end; at < *n && (end = end_of_character(text, at)) <= *n; at = end) n_characters++;
    *n = at;
    return n_characters;
}

/* ---- Bases ---- */

void store_forget_bases(struct store *store)
{
    struct prompt_bases *bases = store->bases;
    if (!bases) return;
    for (size_t i = 0; i < bases->n; i++) free(bases->bases[i].text);
    free(bases);
    store->bases = NULL;
}

static void forget_oldest(struct prompt_bases *bases)
{
    bases->n_bytes -= bases->bases[0].n_bytes;
    free(bases->bases[0].text);
    memmove(bases->bases, bases->bases + 1, --bases->n * sizeof *bases->bases);
}

static bool remember_base(struct store *store, int64_t id, const char *text, struct err *err)
{
    struct base base = {.id = id, .n_bytes = strlen(text)};
    if (base.n_bytes > MAX_BASES_BYTES) return true;
    if (!store->bases && !(store->bases = mem_new(1, sizeof *store->bases, err))) return false;
    struct prompt_bases *bases = store->bases;
    while (bases->n == MAX_BASES || bases->n_bytes + base.n_bytes > MAX_BASES_BYTES)
        forget_oldest(bases);
    base.text = mem_copy_string(text, err);
    if (!base.text) return false;
    size_t n_bytes = base.n_bytes;
    base.n_characters = count_characters(text, &n_bytes);
    bases->n_bytes += base.n_bytes;
    bases->bases[bases->n++] = base;
    return true;
}

static size_t common_bytes(const char *a, const char *b)
{
    size_t n = 0;
    while (a[n] && a[n] == b[n]) n++;
    return n;
}

/* The base that the text has most in common with, if that is half of it. */
static struct shared find_base(const struct store *store, const char *text)
{
    const struct prompt_bases *bases = store->bases;
    const struct base *best = NULL;
    struct shared shared = {0};
    for (size_t i = 0; bases && i < bases->n; i++) {
        size_t n = common_bytes(bases->bases[i].text, text);
        if (n <= shared.n_bytes) continue;
        best = &bases->bases[i];
        shared.n_bytes = n;
    }
    if (!best) return shared;
    shared.n_characters = count_characters(best->text, &shared.n_bytes);
    if (2 * shared.n_characters < best->n_characters) return (struct shared){0};
    shared.base = best->id;
    return shared;
}

/* ---- Rows ---- */

static bool insert_prompt(struct store *store, const char *hash, const char *text, int64_t *id,
                          struct err *err)
{
    static const char INSERT_PROMPT[] =
        "INSERT INTO prompt (hash, base, n_shared_characters, rest) VALUES (?1, ?2, ?3, ?4)";
    const struct shared shared = find_base(store, text);
    struct query *insert = query_begin(store, INSERT_PROMPT, err);
    query_add_text(insert, hash);
    query_add_known_integer(insert, shared.base);
    query_add_integer(insert, (int64_t)shared.n_characters);
    query_add_text(insert, text + shared.n_bytes);
    if (!query_run(insert, err)) return false;
    *id = sqlite3_last_insert_rowid(store->db);
    return shared.base || remember_base(store, *id, text, err);
}

bool store_put_prompt(struct store *store, const char *text, int64_t *id, struct err *err)
{
    static const char FIND_PROMPT[] = "SELECT id FROM prompt WHERE hash = ?1";
    char hash[SHA256_HEX_BYTES];
    if (!sha256_text(text, hash, err)) return false;
    struct query *find = query_begin(store, FIND_PROMPT, err);
    query_add_text(find, hash);
    return query_integer_of(find, 0, id, err) && (*id || insert_prompt(store, hash, text, id, err));
}
