/* evidence.c - see evidence.h. White space inside of a passage is one space between words, so that
 * how a text was broken into lines does not show in prompts.
 */
#include "harness/run/evidence.h"

#include "base/file.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

enum { PASSAGE_WORDS = 100, MAX_FILES = 1 << 24, MAX_DEPTH = 16, MAX_TITLE_BYTES = 120 };
static const size_t MAX_FILE_BYTES = (size_t)1 << 30;

struct evidence {
    char *root;
    char **paths; /* [n] in the order of their names, folder by folder */
    size_t n, capacity;
    uint64_t n_bytes;
    bool is_folder;
};

/* ---- Files ---- */

static bool keep_path(struct evidence *evidence, char *path, struct err *err)
{
    if (!mem_grow((void **)&evidence->paths, &evidence->capacity, evidence->n + 1,
                  sizeof *evidence->paths, MAX_FILES, err)) {
        free(path);
        return false;
    }
    int64_t n_bytes = file_size_bytes(path);
    evidence->paths[evidence->n++] = path;
    evidence->n_bytes += n_bytes > 0 ? (uint64_t)n_bytes : 0;
    return true;
}

static bool list_folder(struct evidence *evidence, const char *folder, int depth, struct err *err)
{
    char **names;
    size_t n;
    if (depth > MAX_DEPTH)
        return err_set_at(err, ERR_INPUT, folder, 0, 0, "folders lie more than %d deep", MAX_DEPTH);
    if (!file_list(folder, &names, &n, err)) return false;
    bool done = true;
    for (size_t i = 0; done && i < n; i++) {
        char *path = file_join(folder, names[i], err);
        bool is_folder = path && file_is_folder(path);
        done = path != NULL;
        if (done && is_folder) done = list_folder(evidence, path, depth + 1, err);
        if (done && !is_folder && file_name_ends(path, ".txt"))
            done = keep_path(evidence, path, err);
        else free(path);
    }
    file_free_names(names, n);
    return done;
}

struct evidence *evidence_open(const char *path, struct err *err)
{
    struct evidence *evidence = mem_new(1, sizeof *evidence, err);
    if (!evidence) return NULL;
    evidence->root = mem_copy_string(path, err);
    evidence->is_folder = file_is_folder(path);
    char *only = evidence->root && !evidence->is_folder ? mem_copy_string(path, err) : NULL;
    bool done = evidence->root && (evidence->is_folder ? list_folder(evidence, path, 0, err)
                                                       : only && keep_path(evidence, only, err));
    if (done && !evidence->n)
        done = err_set_at(err, ERR_INPUT, path, 0, 0, "there is no file *.txt in this folder");
    if (done) return evidence;
    evidence_close(evidence);
    return NULL;
}

void evidence_close(struct evidence *evidence)
{
    if (!evidence) return;
    for (size_t i = 0; i < evidence->n; i++) free(evidence->paths[i]);
    free(evidence->paths);
    free(evidence->root);
    free(evidence);
}

uint64_t evidence_bytes(const struct evidence *evidence)
{
    return evidence->n_bytes;
}

static void hash_content(const struct evidence *evidence, const char *path, const char *content,
                         struct sha256 *hash)
{
    sha256_field(hash, evidence->is_folder ? path + strlen(evidence->root) : file_name(path));
    sha256_field(hash, content);
}

bool evidence_hash(const struct evidence *evidence, char hex[PASSAGES_HASH_BYTES], struct err *err)
{
    _Static_assert((int)PASSAGES_HASH_BYTES == (int)SHA256_HEX_BYTES, "the index holds a SHA-256");
    struct sha256 *hash = sha256_new(err);
    bool done = hash != NULL;
    for (size_t i = 0; done && i < evidence->n; i++) {
        const char *path = evidence->paths[i];
        char content[SHA256_HEX_BYTES];
        done = sha256_file(path, content, err);
        if (done) hash_content(evidence, path, content, hash);
    }
    if (hash) sha256_finish(hash, hex);
    sha256_free(hash);
    return done;
}

/* ---- Passages ---- */

struct reader {
    const struct evidence_sink *sink;
    const char *path;
    uint64_t n_bytes;
    struct buf text, title;
};

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The word at or after *at, which is moved past it; its length, 0 at the end. */
static size_t next_word(const char **at, const char *end, const char **word)
{
    while (*at < end && is_space(**at)) ++*at;
    *word = *at;
    while (*at < end && !is_space(**at)) ++*at;
    return (size_t)(*at - *word);
}

static size_t count_words(const char *text, const char *end)
{
    const char *word;
    size_t n = 0;
    while (next_word(&text, end, &word)) n++;
    return n;
}

/* The next n words of a document as a passage. */
static bool add_passage(struct reader *reader, const char **at, const char *end, size_t n,
                        struct err *err)
{
    const char *word;
    buf_clear(&reader->text);
    for (size_t i = 0; i < n; i++) {
        size_t n_bytes = next_word(at, end, &word);
        if (i) buf_char(&reader->text, ' ');
        utf8_append_valid(&reader->text, word, n_bytes);
    }
    const struct passage passage = {.title = buf_string(&reader->title),
                                    .text = buf_string(&reader->text)};
    return buf_check(&reader->text, err) && buf_check(&reader->title, err) &&
           reader->sink->add(reader->sink->context, &passage, reader->n_bytes, err);
}

/* Cuts a document into passages of a hundred words; the last one has 50 to 149. */
static bool add_document(struct reader *reader, const char *text, const char *end, struct err *err)
{
    size_t n_left = count_words(text, end);
    while (n_left) {
        size_t n = n_left < PASSAGE_WORDS + PASSAGE_WORDS / 2 ? n_left : PASSAGE_WORDS;
        if (!add_passage(reader, &text, end, n, err)) return false;
        n_left -= n;
    }
    return true;
}

static void set_title(struct reader *reader, const char *title, size_t n_bytes)
{
    buf_clear(&reader->title);
    utf8_append_valid(&reader->title, title, n_bytes);
}

static bool is_letter(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
}

/* Takes the title from the file's name: ".../Andrew_Lloyd_Webber.txt" is titled "Andrew Lloyd
 * Webber". A name without letters gives none. */
static void title_from_name(struct reader *reader)
{
    const char *name = file_name(reader->path);
    bool has_letters = false;
    buf_clear(&reader->title);
    for (size_t i = 0; i + strlen(".txt") < strlen(name); i++) {
        buf_char(&reader->title, name[i] == '_' ? ' ' : name[i]);
        has_letters = has_letters || is_letter((unsigned char)name[i]);
    }
    has_letters = has_letters && utf8_is_valid(buf_string(&reader->title), reader->title.n_bytes);
    if (!has_letters) buf_clear(&reader->title);
}

/* Adds a file of a folder, which is one document. */
static bool add_page(struct reader *reader, const char *text, size_t n_bytes, struct err *err)
{
    const char *end = text + n_bytes, *line = memchr(text, '\n', n_bytes);
    size_t n_title = line ? (size_t)(line - text) : 0;
    while (n_title && text[n_title - 1] == '\r') n_title--;
    bool has_heading = n_title && n_title <= MAX_TITLE_BYTES && line + 1 < end &&
                       (line[1] == '\n' || line[1] == '\r') && text[n_title - 1] != '.';
    if (has_heading) {
        set_title(reader, text, n_title);
        text = line + 1;
    } else title_from_name(reader);
    return add_document(reader, text, end, err);
}

/* The end of the paragraph that begins at text: an empty line, or the end. */
static const char *end_of_paragraph(const char *text, const char *end)
{
    for (const char *at = text; at < end; at++) {
        if (*at != '\n') continue;
        const char *next = at + 1;
        while (next < end && (*next == ' ' || *next == '\t' || *next == '\r')) next++;
        if (next < end && *next == '\n') return at;
    }
    return end;
}

static bool add_paragraphs(struct reader *reader, const char *text, size_t n_bytes, struct err *err)
{
    const char *end = text + n_bytes;
    set_title(reader, "", 0);
    while (text < end) {
        const char *stop = end_of_paragraph(text, end);
        if (!add_document(reader, text, stop, err)) return false;
        text = stop + 1;
    }
    return true;
}

static bool add_json_line(void *context, const struct json *value, int line, struct err *err)
{
    struct reader *reader = context;
    const char *title = json_as_string(json_get(value, "title"), "");
    const char *text = json_as_string(json_get(value, "text"), NULL);
    if (!text) text = json_as_string(json_get(value, "contents"), NULL);
    if (!text)
        return err_set_at(err, ERR_INPUT, reader->path, line, 0,
                          "this line has no \"text\" and no \"contents\"");
    set_title(reader, title, strlen(title));
    return add_document(reader, text, text + strlen(text), err);
}

static bool add_text(struct reader *reader, bool is_page, const char *text, size_t n_bytes,
                     struct err *err)
{
    if (!is_page && file_name_ends(reader->path, ".jsonl"))
        return json_parse_lines(text, n_bytes, reader->path, add_json_line, reader, err);
    return utf8_skip_mark(&text, &n_bytes, reader->path, err) &&
           (is_page ? add_page : add_paragraphs)(reader, text, n_bytes, err);
}

/* Hashes the bytes that become passages. */
static bool read_file(struct reader *reader, const struct evidence *evidence, struct sha256 *hash,
                      struct err *err)
{
    size_t n_bytes;
    char content[SHA256_HEX_BYTES];
    char *text = file_read(reader->path, MAX_FILE_BYTES, &n_bytes, err);
    if (!text) return false;
    struct sha256 *own = sha256_new(err);
    bool done = own != NULL;
    if (done) {
        sha256_update(own, text, n_bytes);
        sha256_finish(own, content);
        hash_content(evidence, reader->path, content, hash);
        reader->n_bytes += n_bytes;
        done = add_text(reader, evidence->is_folder, text, n_bytes, err);
    }
    sha256_free(own);
    free(text);
    return done;
}

bool evidence_read(const struct evidence *evidence, const struct evidence_sink *sink,
                   char hex[PASSAGES_HASH_BYTES], struct err *err)
{
    struct reader reader = {.sink = sink};
    struct sha256 *hash = sha256_new(err);
    bool done = hash != NULL;
    for (size_t i = 0; done && i < evidence->n; i++) {
        reader.path = evidence->paths[i];
        done = interrupt_check(err) && read_file(&reader, evidence, hash, err);
    }
    if (done) sha256_finish(hash, hex);
    sha256_free(hash);
    buf_free(&reader.text);
    buf_free(&reader.title);
    return done;
}
