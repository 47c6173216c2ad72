/* vision_suites.h - suites of questions about pictures: POPE, ScienceQA and TextVQA, and what they
 * share.
 *
 * Sources: haotian-liu/LLaVA, llava/eval; EvolvingLMMs-Lab/lmms-eval 0.7, lmms_eval/tasks; Li et
 * al. 2023, "Evaluating object hallucination in large vision-language models"; Lu et al. 2022,
 * "Learn to explain"; Singh et al. 2019, "Towards VQA models that can read".
 */
#ifndef PHIBENCH_SUITES_VISION_SUITES_H
#define PHIBENCH_SUITES_VISION_SUITES_H

#include "suites/suite.h"

/* Data: the official files, and a folder of the pictures that they name. Protocols: llava, the
 * default, asks and grades as LLaVA-1.5 did, whose setting the Phi-3 report took; lmms-eval as
 * that harness; of TextVQA llava-ocr and lmms-eval-ocr show the tokens that an OCR found, too. How
 * finely pictures are cut moves scores and is part of a data set's protocol: "llava-16-crops".
 * Questions are asked in the model's chat format, with the picture first, without examples,
 * greedily.
 *     pope       FOLDER/coco_pope_{random,popular,adversarial}.json, JSON lines; IMAGES/NAME.
 *                Yes or no: acc, and precision, recall and F1 of yes; share of yes
 *     scienceqa  FOLDER/problems.json with pid_splits.json, or LLaVA's llava_SPLIT_CQM-A.json;
 *                IMAGES/ID/image.png. acc, by picture or none, subject and grades; acc_image
 *     textvqa    FOLDER/TextVQA_0.5.1_SPLIT.json, for hints TextVQA_Rosetta_OCR_v0.2_SPLIT.json;
 *                IMAGES/IMAGE_ID.jpg. acc over the answers of ten people (evalai.h) */
extern const struct suite SUITE_POPE, SUITE_SCIENCEQA, SUITE_TEXTVQA;

/* Of POPE, beside acc. Precision, recall and F1 are of the questions that they are about. */
#define POPE_YES "yes_share"
#define POPE_PRECISION "yes_precision"
#define POPE_RECALL "yes_recall"
#define POPE_F1 "yes_f1"
/* Of ScienceQA: the accuracy of questions with a picture. */
#define SCIENCEQA_IMAGE "acc_image"

/* Whether pictures may be cut into that many parts: 4 or 16, for which their models were made. */
bool vision_may_cut(int num_crops);

/* ---- What the three share; internal to them and to what grades answers made elsewhere ---- */

/* An item's fields: the text that is asked, and from VISION_IDS on the ids by which answers made
 * elsewhere name it (the last one may be missing). */
enum { VISION_PROMPT, VISION_IDS };

struct vision_protocol {
    const char *name;
    bool is_lmms_eval; /* its prompts and verdicts, otherwise LLaVA's */
    bool has_hints;    /* the OCR's tokens */
    size_t max_new_tokens;
    const char *const *stops; /* [n_stops] */
    size_t n_stops;
};

/* What the steps of loading share. */
struct vision_loader {
    const struct suite_options *options;
    const struct vision_protocol *protocol;
    struct dataset *dataset;
    struct arena *arena;
    struct sha256 *hash;
    struct item *items;
    size_t n, capacity;
};

/* Reads the data, and adds their questions. */
typedef bool vision_read_fn(struct vision_loader *loader, struct err *err);

/* suite->load: protocols end with one without a name. Without a folder of pictures the data set
 * is there to be graded, and its requests have none. */
struct dataset *vision_load(const struct suite *suite, const struct suite_options *options,
                            const struct vision_protocol *protocols, vision_read_fn *read,
                            struct err *err);
/* Adds a question whose strings live in the arena, unless its subset is not wanted or full.
 * picture: below the folder; NULL: it has none. */
bool vision_add(struct vision_loader *loader, const struct item *item, const char *picture,
                struct err *err) __attribute__((warn_unused_result));
/* Reads a file of the data whole, which the hash then knows; free() it. */
char *vision_read_file(struct vision_loader *loader, const char *path, size_t *n_bytes,
                       struct err *err) __attribute__((warn_unused_result));
/* The same of a file that is one JSON document. */
struct json *vision_read_json(struct vision_loader *loader, const char *path, struct err *err)
    __attribute__((warn_unused_result));
/* The path of a file in the data folder, or the data themselves where they are a file, in the
 * arena. */
const char *vision_path(struct vision_loader *loader, const char *name, struct err *err);

/* The protocol that a data set's name begins with; NULL with ERR_INPUT. */
const struct vision_protocol *vision_find_protocol(const struct suite *suite,
                                                   const struct vision_protocol *protocols,
                                                   const char *name, struct err *err);

/* suite->request. */
bool vision_request(const struct dataset *dataset, size_t i_item, struct arena *arena,
                    struct request *request, struct err *err);

#endif
