/* hf_chat_template.c - see hf_chat_template.h. What was once a text in tokenizer_config.json became
 * a list of named ones, then files of their own; `transformers` reads all of these, and so does
 * this.
 */
#include "engine/hf/hf_chat_template.h"

#include "base/file.h"
#include "base/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_TEMPLATES = 32, MOST_TEMPLATE_BYTES = 1 << 24 };

/* The names that were read, but for "default". */
struct templates {
    struct metadata *metadata;
    struct metadata_string names[MOST_TEMPLATES]; /* owned */
    size_t n;
};

/* One without a name is the default. A key has letters, digits and "_" of a name. */
static bool add_template(struct templates *templates, const char *name, size_t n_name,
                         const char *text, struct err *err)
{
    struct buf key = {0};
    buf_text(&key, "tokenizer.chat_template");
    bool is_default = !n_name || (n_name == strlen("default") && !memcmp(name, "default", n_name));
    if (!is_default) {
        if (templates->n == MOST_TEMPLATES)
            return err_set(err, ERR_UNSUPPORTED, "more than %d chat templates",
                           (int)MOST_TEMPLATES);
        buf_char(&key, '.');
        size_t begin = key.n_bytes;
        for (size_t i = 0; i < n_name; i++)
            buf_char(&key, isalnum((unsigned char)name[i]) ? name[i] : '_');
        if (!buf_check(&key, err)) return false;
        char *copy = mem_copy_string(key.data + begin, err);
        templates->names[templates->n].text = copy;
        if (copy) templates->names[templates->n++].n_bytes = n_name;
    }
    bool ok = buf_check(&key, err) &&
              metadata_set_string(templates->metadata, buf_string(&key), text, err);
    buf_free(&key);
    return ok;
}

/* A text, or a list of {"name": ..., "template": ...}. */
static bool read_member(struct templates *templates, const struct json *member, struct err *err)
{
    const char *text = json_as_string(member, NULL);
    if (text) return add_template(templates, "", 0, text, err);
    if (member && json_kind(member) != JSON_KIND_ARRAY && json_kind(member) != JSON_KIND_NULL)
        return err_set(err, ERR_INPUT, "\"chat_template\" is neither a text nor a list");
    for (size_t i = 0; i < json_length(member); i++) {
        const struct json *named = json_at(member, i);
        const char *name = json_require_string(named, "name", err);
        const char *body = name ? json_require_string(named, "template", err) : NULL;
        if (!body || !add_template(templates, name, strlen(name), body, err))
            return err_context(err, "reading chat_template[%zu]", i);
    }
    return true;
}

static bool read_text_file(struct templates *templates, const char *path, const char *name,
                           size_t n_name, struct err *err)
{
    char *text = file_read_text(path, MOST_TEMPLATE_BYTES, NULL, err);
    bool ok = text && add_template(templates, name, n_name, text, err);
    free(text);
    return ok;
}

static bool read_named_files(struct templates *templates, const char *folder, struct err *err)
{
    char **names = NULL;
    size_t n = 0;
    bool ok = !file_is_folder(folder) || file_list(folder, &names, &n, err);
    for (size_t i = 0; ok && i < n; i++) {
        if (!file_name_ends(names[i], ".jinja")) continue;
        char *path = file_join(folder, names[i], err);
        ok = path &&
             read_text_file(templates, path, names[i], strlen(names[i]) - strlen(".jinja"), err);
        free(path);
    }
    file_free_names(names, n);
    return ok;
}

/* The member of a file that is read already, or of one that is read here (json NULL). */
static bool read_from(struct templates *templates, const struct json *json, const char *path,
                      struct err *err)
{
    struct json *own = json ? NULL : json_read_file(path, err);
    bool ok =
        (json || own) && read_member(templates, json_get(json ? json : own, "chat_template"), err);
    if (!ok) err_place(err, path, 0, 0);
    json_free(own);
    return ok;
}

static bool write_names(const struct templates *templates, struct err *err)
{
    const struct metadata_value value = {.kind = METADATA_ARRAY,
                                         .element = METADATA_STRING,
                                         .n = templates->n,
                                         .items = templates->names};
    return !templates->n ||
           metadata_set(templates->metadata, "tokenizer.chat_templates", &value, err);
}

bool hf_chat_template_read(const char *folder, const struct json *config, struct metadata *metadata,
                           struct err *err)
{
    struct templates templates = {.metadata = metadata};
    char *text_path = file_join(folder, "chat_template.jinja", err);
    char *named = text_path ? file_join(folder, "additional_chat_templates", err) : NULL;
    bool is_in_config = json_kind(json_get(config, "chat_template")) != JSON_KIND_NULL;
    const char *name = is_in_config ? "tokenizer_config.json" : "chat_template.json";
    char *json_path = named ? file_join(folder, name, err) : NULL;
    bool ok = json_path != NULL;
    if (ok && (file_exists(text_path) || file_is_folder(named)))
        ok = (!file_exists(text_path) || read_text_file(&templates, text_path, "", 0, err)) &&
             read_named_files(&templates, named, err);
    else if (ok && (is_in_config || file_exists(json_path)))
        ok = read_from(&templates, is_in_config ? config : NULL, json_path, err);
    ok = ok && write_names(&templates, err);
    for (size_t i = 0; i < templates.n; i++) free((char *)(uintptr_t)templates.names[i].text);
    free(text_path);
    free(named);
    free(json_path);
    return ok;
}
