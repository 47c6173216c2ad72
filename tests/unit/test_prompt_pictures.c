/* test_prompt_pictures.c - requests with pictures as tokens: what stands around a picture is
 * encoded as the model's own processor does it, equal pictures have equal ids whatever their files
 * are called, the hash of a prompt knows what its pictures were, and files that cannot be read are
 * said to be so.
 */
#include "base/file.h"
#include "base/image.h"
#include "engine/tools.h"
#include "harness/ask/prompt_tokens.h"
#include "harness/ask/trie.h"
#include "tests/support/made_vocabulary.h"
#include "tests/support/test_data.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FOLDER "tests/golden/pictures/"

/* Tokens by size alone: these tests need no tower. */
static size_t count(const void *model, size_t width, size_t height, size_t max_crops)
{
    (void)model;
    return (width > 32 ? 2u : 1u) + (height > 32 ? 1u : 0u) + max_crops;
}

static size_t count_none(const void *model, size_t width, size_t height, size_t max_crops)
{
    (void)model, (void)width, (void)height, (void)max_crops;
    return 0;
}

static const struct picture_eyes EYES = {.count = count, .name = "here"};
static const struct picture_eyes BLIND = {.count = count_none, .name = "mini"};

#define TURNS                                                                                      \
    "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}<|end|>\n{% endfor %}"                \
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"

static struct tokenizer *make(const char *template)
{
    static const char *const MARKS[] = {"<|system|>", "<|user|>", "<|assistant|>", "<|end|>"};
    struct made_vocabulary made = {.n = 0};
    made_put_spm(&made);
    for (size_t i = 0; i < sizeof MARKS / sizeof *MARKS; i++)
        made_put(&made, MARKS[i], 0, TOKEN_CONTROL);
    struct metadata *metadata = made_metadata_of(&made, "llama");
    assert_true(metadata_set_string(metadata, "tokenizer.chat_template", template, NULL));
    return made_tokenizer(metadata);
}

struct looking {
    struct tokenizer *tokenizer;
    struct arena *arena;
    struct pictures pictures;
};

static void begin(struct looking *looking, const char *template, const struct picture_eyes *eyes)
{
    looking->tokenizer = template ? make(template) : NULL;
    looking->arena = arena_new(0, NULL);
    assert_non_null(looking->arena);
    pictures_init(&looking->pictures, eyes, looking->arena);
}

static void end(struct looking *looking)
{
    pictures_done(&looking->pictures);
    arena_free(looking->arena);
    tokenizer_free(looking->tokenizer);
}

static bool make_tokens(struct looking *looking, enum bos_policy bos, size_t context_tokens,
                        const struct request *request, struct prompt_tokens *prompt,
                        struct err *err)
{
    const struct prompt_options options = {
        .context_tokens = context_tokens, .rstrip = RSTRIP_ON, .pictures = &looking->pictures};
    struct line_encoder encoder;
    line_encoder_init(&encoder, looking->tokenizer, bos);
    bool ok = prompt_tokens_make(&encoder, &options, request, prompt, err);
    line_encoder_done(&encoder);
    return ok;
}

static struct prompt_tokens tokens_of(struct looking *looking, enum bos_policy bos,
                                      const struct request *request)
{
    struct err err = {0};
    struct prompt_tokens prompt;
    if (!make_tokens(looking, bos, 4096, request, &prompt, &err)) fail_msg("%s", err.message);
    return prompt;
}

/* A question in a chat about some of the pictures: one prompt. */
static struct request question(const char *const *turns, const char *const *pictures, size_t n)
{
    return (struct request){.kind = REQUEST_CHAT,
                            .prompts = turns,
                            .n_prompts = 1,
                            .max_new_tokens = 4,
                            .pictures = pictures,
                            .n_pictures = n,
                            .max_crops = 4};
}

/* "32010 [-1 x 6] 29871": runs of ids below 0 by their first and their number. */
static void assert_ids(const struct tokens *ids, const char *expected)
{
    char text[2048];
    size_t n = 0;
    for (size_t i = 0, run; i < ids->n; i += run) {
        run = 1;
        while (ids->ids[i] < 0 && i + run < ids->n && ids->ids[i + run] == ids->ids[i] - (int)run)
            run++;
        int k = ids->ids[i] < 0
                    ? snprintf(text + n, sizeof text - n, "[%d x %zu] ", ids->ids[i], run)
                    : snprintf(text + n, sizeof text - n, "%d ", ids->ids[i]);
        n += (size_t)k;
        assert_true(n < sizeof text);
    }
    if (n) text[n - 1] = 0;
    assert_string_equal(text, expected);
}

/* ---- Places ---- */

static const char *const ASKED[] = {"What is this?"};
static const char *const TWO[] = {FOLDER "rgb.png", FOLDER "gray.jpg"};

/* The real vocabulary. The expected ids are what `tokenizers` makes of each part of the text by
 * itself, with Phi-3-mini's tokenizer.json: "<|user|>\n" (32010), "\n" (29871 13) between pictures,
 * "\nWhat is this?<|end|>\n<|assistant|>\n"; the processor of Phi-3.5-vision splits the text so. */
static void the_text_around_pictures_is_encoded_part_by_part(void **state)
{
    (void)state;
    char path[512];
    struct looking looking;
    if (!test_data_path(path, sizeof path, "tokenizers/ggml_vocab/ggml-vocab-phi-3.gguf")) skip();
    begin(&looking, NULL, &EYES);
    struct model_file *file = model_file_open(path, NULL);
    assert_non_null(file);
    looking.tokenizer = model_file_tokenizer(file, NULL);
    model_file_close(file);
    const struct request one = question(ASKED, TWO, 1), two = question(ASKED, TWO, 2);
    struct prompt_tokens prompt = tokens_of(&looking, BOS_NEVER, &one);
    assert_ids(&prompt.branches[0].ids, "32010 [-1 x 6] 29871 13 5618 338 445 29973 32007 32001");
    prompt_tokens_done(&prompt);
    prompt = tokens_of(&looking, BOS_ALWAYS, &two);
    assert_ids(&prompt.branches[0].ids, "1 32010 [-1 x 6] 1 29871 13 [-7 x 7] 1 29871 13 5618 338 "
                                        "445 29973 32007 32001");
    prompt_tokens_done(&prompt);
    end(&looking);
}

static void pictures_stand_before_the_first_turn(void **state)
{
    (void)state;
    static const char *const TURNS_3[] = {"hello", "hi", "and?"};
    struct looking looking;
    begin(&looking, TURNS, &EYES);
    struct request request = question(TURNS_3, TWO, 2);
    request.n_prompts = 3;
    request.system = "Look.";
    struct prompt_tokens prompt = tokens_of(&looking, BOS_NEVER, &request);
    assert_string_equal(
        buf_string(&prompt.text),
        "<|system|>\nLook.<|end|>\n<|user|>\n<|image_1|>\n<|image_2|>\nhello<|end|>\n"
        "<|assistant|>\nhi<|end|>\n<|user|>\nand?<|end|>\n<|assistant|>\n");
    prompt_tokens_done(&prompt);
    end(&looking);
}

/* Neither what the system says nor what the user spells is a place. */
static void a_text_that_spells_a_place_is_text(void **state)
{
    (void)state;
    static const char *const SPELLS[] = {"<|image_1|>\n hello"};
    struct looking looking;
    begin(&looking, TURNS, &EYES);
    struct request request = question(SPELLS, TWO, 1);
    request.system = "<|image_1|>\n";
    struct prompt_tokens prompt = tokens_of(&looking, BOS_NEVER, &request);
    const struct tokens *ids = &prompt.branches[0].ids;
    size_t n_below = 0, first = ids->n;
    for (size_t i = ids->n; i-- > 0;)
        if (ids->ids[i] < 0) first = i, n_below++;
    assert_int_equal(n_below, 6);
    struct tokens before = {0};
    static const char HEAD[] = "<|system|>\n<|image_1|>\n<|end|>\n<|user|>\n";
    const struct encode_options options = {.bos = BOS_NEVER, .rstrip = RSTRIP_ON};
    assert_true(
        tokenizer_encode_chat(looking.tokenizer, HEAD, sizeof HEAD - 1, &options, &before, NULL));
    assert_int_equal(first, before.n);
    assert_memory_equal(ids->ids, before.ids, before.n * sizeof *before.ids);
    tokens_free(&before);
    prompt_tokens_done(&prompt);
    end(&looking);
}

/* Choices stand behind the same picture, and a prompt of plain text has its picture first. */
static void choices_share_the_picture_before_them(void **state)
{
    (void)state;
    static const char *const CHOICES[] = {" A", " hello"};
    struct looking looking;
    begin(&looking, TURNS, &EYES);
    struct request request = question(ASKED, TWO, 1);
    request.kind = REQUEST_CHOICES;
    request.choices = CHOICES;
    request.n_choices = 2;
    struct prompt_tokens prompt = tokens_of(&looking, BOS_NEVER, &request);
    assert_string_equal(buf_string(&prompt.text), "<|image_1|>\nWhat is this?");
    assert_int_equal(prompt.n_branches, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(prompt.branches[i].ids.ids[0], -1);
        assert_int_equal(prompt.branches[i].ids.ids[5], -6);
        assert_true(prompt.branches[i].n_context > 6);
    }
    struct trie trie;
    int node;
    assert_true(trie_init(&trie, NULL));
    for (size_t i = 0; i < 2; i++)
        assert_true(trie_insert(&trie, TRIE_ROOT, prompt.branches[i].ids.ids,
                                prompt.branches[i].ids.n, 0, &node, NULL));
    assert_int_equal(trie.ids.n, prompt.branches[0].ids.n + prompt.branches[1].ids.n -
                                     prompt.branches[0].n_context);
    trie_done(&trie);
    prompt_tokens_done(&prompt);
    end(&looking);
}

/* ---- What pictures are ---- */

static void copy_file(const char *from, const char *folder, const char *name, char *path, size_t n)
{
    size_t n_bytes;
    char *bytes = file_read(from, 1 << 20, &n_bytes, NULL);
    assert_non_null(bytes);
    snprintf(path, n, "%s/%s", folder, name);
    assert_true(file_write(path, bytes, n_bytes, NULL));
    free(bytes);
}

static void equal_pictures_have_equal_ids_whatever_they_are_called(void **state)
{
    (void)state;
    char folder[256], path[300];
    assert_non_null(test_make_folder(folder, sizeof folder));
    copy_file(FOLDER "rgb.png", folder, "other.jpg", path, sizeof path);
    struct looking looking;
    struct picture_file first, copy, finer, other;
    begin(&looking, NULL, &EYES);
    assert_true(pictures_look(&looking.pictures, FOLDER "rgb.png", 4, &first, NULL));
    assert_true(pictures_look(&looking.pictures, path, 4, &copy, NULL));
    assert_true(pictures_look(&looking.pictures, path, 16, &finer, NULL));
    assert_true(pictures_look(&looking.pictures, FOLDER "gray.jpg", 4, &other, NULL));
    assert_ptr_equal(first.picture, copy.picture);
    assert_ptr_not_equal(copy.picture, finer.picture);
    assert_string_equal(copy.picture->seen.media_type, "image/png");
    assert_int_equal(first.picture->first_id, -1);
    assert_int_equal(finer.picture->first_id, -1 - (int)first.picture->n_tokens);
    assert_int_equal(other.picture->first_id,
                     finer.picture->first_id - (int)finer.picture->n_tokens);
    for (int32_t id = -1; id > looking.pictures.next_id; id--) {
        size_t i_row;
        const struct picture *found = pictures_find(&looking.pictures, id, &i_row);
        assert_int_equal(found->first_id - (int32_t)i_row, id);
        assert_true(i_row < found->n_tokens);
    }
    const char *const paths[] = {path};
    const struct request request = question(ASKED, paths, 1);
    struct response response = {0};
    assert_true(pictures_seen(&looking.pictures, &request, looking.arena, &response, NULL));
    assert_int_equal(response.n_pictures, 1);
    assert_string_equal(response.pictures[0].file, path);
    assert_string_equal(response.pictures[0].hash, first.picture->seen.hash);
    struct image small = {0};
    assert_true(image_decode(response.pictures[0].thumbnail, response.pictures[0].n_thumbnail_bytes,
                             "small", &small, NULL));
    assert_true(small.width && small.width <= PICTURE_THUMBNAIL);
    image_free(&small);
    end(&looking);
    test_remove_folder(folder);
}

/* Ids depend on what else a window holds; the hash of a prompt does not. */
static void the_hash_of_a_prompt_knows_its_pictures(void **state)
{
    (void)state;
    struct looking looking;
    char hashes[5][SHA256_HEX_BYTES];
    struct request requests[] = {question(ASKED, TWO, 1), question(ASKED, TWO + 1, 1),
                                 question(ASKED, TWO, 1), question(ASKED, TWO, 2)};
    requests[2].max_crops = 16;
    begin(&looking, TURNS, &EYES);
    for (size_t i = 0; i < 4; i++) {
        struct prompt_tokens prompt = tokens_of(&looking, BOS_NEVER, &requests[i]);
        assert_true(prompt_hash_tokens(prompt.branches, 1, &looking.pictures, hashes[i], NULL));
        for (size_t k = 0; k < i; k++) assert_string_not_equal(hashes[i], hashes[k]);
        prompt_tokens_done(&prompt);
    }
    end(&looking);
    begin(&looking, TURNS, &EYES);
    struct prompt_tokens prompt = tokens_of(&looking, BOS_NEVER, &requests[1]);
    assert_int_equal(looking.pictures.items[0]->first_id, -1);
    assert_true(prompt_hash_tokens(prompt.branches, 1, &looking.pictures, hashes[4], NULL));
    assert_string_equal(hashes[1], hashes[4]);
    prompt_tokens_done(&prompt);
    end(&looking);
}

/* ---- What goes wrong ---- */

static void a_prompt_with_a_picture_is_never_cut(void **state)
{
    (void)state;
    struct looking looking;
    struct prompt_tokens prompt;
    struct request request = question(ASKED, TWO, 1);
    request.fit = FIT_KEEP_END;
    begin(&looking, TURNS, &EYES);
    prompt = tokens_of(&looking, BOS_NEVER, &request);
    size_t n = prompt.branches[0].ids.n;
    prompt_tokens_done(&prompt);
    assert_true(make_tokens(&looking, BOS_NEVER, n + 4, &request, &prompt, NULL));
    assert_true(prompt.fits);
    prompt_tokens_done(&prompt);
    assert_true(make_tokens(&looking, BOS_NEVER, n + 3, &request, &prompt, NULL));
    assert_false(prompt.fits);
    assert_null(prompt.no_picture);
    prompt_tokens_done(&prompt);
    end(&looking);
}

static void a_file_that_cannot_be_read_is_named(void **state)
{
    (void)state;
    char folder[256], missing[300], empty[300], cut[300], text[300];
    assert_non_null(test_make_folder(folder, sizeof folder));
    snprintf(missing, sizeof missing, "%s/missing.jpg", folder);
    snprintf(empty, sizeof empty, "%s/empty.jpg", folder);
    snprintf(cut, sizeof cut, "%s/cut.jpg", folder);
    snprintf(text, sizeof text, "%s/text.jpg", folder);
    size_t n_bytes;
    char *bytes = file_read(FOLDER "gray.jpg", 1 << 20, &n_bytes, NULL);
    assert_non_null(bytes);
    assert_true(file_write(empty, "", 0, NULL));
    assert_true(file_write(cut, bytes, n_bytes * 2 / 3, NULL));
    assert_true(file_write(text, "no picture at all", 17, NULL));
    free(bytes);
    const char *const paths[] = {missing, empty, cut, text};
    struct looking looking;
    begin(&looking, TURNS, &EYES);
    for (size_t i = 0; i < 4; i++) {
        const char *const both[] = {FOLDER "rgb.png", paths[i]};
        const struct request request = question(ASKED, both, 2);
        struct prompt_tokens prompt = tokens_of(&looking, BOS_NEVER, &request);
        assert_false(prompt.fits);
        assert_non_null(prompt.no_picture);
        assert_int_equal(strncmp(prompt.no_picture, paths[i], strlen(paths[i])), 0);
        prompt_tokens_done(&prompt);
    }
    assert_int_equal(looking.pictures.n_items, 1);
    end(&looking);
    test_remove_folder(folder);
}

static void a_model_without_eyes_is_not_asked(void **state)
{
    (void)state;
    struct looking looking;
    struct err err = {0};
    struct prompt_tokens prompt;
    const struct request request = question(ASKED, TWO, 1);
    begin(&looking, TURNS, &BLIND);
    assert_false(make_tokens(&looking, BOS_NEVER, 4096, &request, &prompt, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_non_null(strstr(err.message, "mini has no eyes"));
    end(&looking);
}

static void a_template_that_changes_what_is_said_is_refused(void **state)
{
    (void)state;
    struct looking looking;
    struct err err = {0};
    struct prompt_tokens prompt;
    const struct request request = question(ASKED, TWO, 1);
    begin(&looking, "{{ messages[0].content | upper }}", &EYES);
    assert_false(make_tokens(&looking, BOS_NEVER, 4096, &request, &prompt, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_non_null(strstr(err.message, "changes what the user says"));
    end(&looking);
}

static void a_picture_that_changed_meanwhile_is_noticed(void **state)
{
    (void)state;
    char folder[256], path[300];
    struct looking looking;
    struct picture_file file;
    struct err err = {0};
    size_t n_bytes;
    assert_non_null(test_make_folder(folder, sizeof folder));
    copy_file(FOLDER "rgb.png", folder, "a.png", path, sizeof path);
    begin(&looking, NULL, &EYES);
    assert_true(pictures_look(&looking.pictures, path, 4, &file, NULL));
    uint8_t *bytes = picture_read(file.picture, &n_bytes, &err);
    assert_non_null(bytes);
    free(bytes);
    copy_file(FOLDER "gray.jpg", folder, "a.png", path, sizeof path);
    assert_null(picture_read(file.picture, &n_bytes, &err));
    assert_int_equal(err.code, ERR_INPUT);
    end(&looking);
    test_remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text_around_pictures_is_encoded_part_by_part),
        cmocka_unit_test(pictures_stand_before_the_first_turn),
        cmocka_unit_test(a_text_that_spells_a_place_is_text),
        cmocka_unit_test(choices_share_the_picture_before_them),
        cmocka_unit_test(equal_pictures_have_equal_ids_whatever_they_are_called),
        cmocka_unit_test(the_hash_of_a_prompt_knows_its_pictures),
        cmocka_unit_test(a_prompt_with_a_picture_is_never_cut),
        cmocka_unit_test(a_file_that_cannot_be_read_is_named),
        cmocka_unit_test(a_model_without_eyes_is_not_asked),
        cmocka_unit_test(a_template_that_changes_what_is_said_is_refused),
        cmocka_unit_test(a_picture_that_changed_meanwhile_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
