/* hf_folder.h - Hugging Face folders in tests: their tokenizers, and small ones that are made.
 *
 * What goes wrong here fails the running test.
 */
#ifndef PHIBENCH_TESTS_SUPPORT_HF_FOLDER_H
#define PHIBENCH_TESTS_SUPPORT_HF_FOLDER_H

#include "base/json.h"
#include "engine/tokenizer.h"

/* What hf_tokenizer_read makes of a folder; free with metadata_free. */
struct metadata *hf_folder_metadata(const char *folder);
/* The tokenizer of that; free with tokenizer_free. */
struct tokenizer *hf_folder_tokenizer(const char *folder);

/* Group set-up and tear-down: *state is the path of a folder, to be used as one. */
int hf_folder_set_up(void **state);
int hf_folder_tear_down(void **state);

/* Writes a file of the folder; NULL for text removes it, if it is there. */
void hf_folder_put(const char *folder, const char *name, const char *text);
/* Copies the file `from` into the folder under a name. */
void hf_folder_copy(const char *from, const char *folder, const char *name);

/* Appends the tokenizer.json that is made of `members` and, in its model, of the vocabulary and the
 * merges of `base` (tests/golden/hf_tokens.json has both). */
void hf_folder_compose(const struct json *base, const struct json *members, struct buf *out);

#endif
