/* test_low_bits.c - models whose matrices have one of the types below four bits run: with the same
 * bits on every instruction set, near the model that their float values make, and quantized anew.
 *
 * There is no encoder of these types: a file of random blocks is written from a source that wraps
 * a synthetic one.
 */
#include "engine/engine.h"

#include "base/rng.h"
#include "engine/gguf.h"
#include "engine/open_source.h"
#include "engine/tensor_block.h"
#include "tests/support/hashed_prompt.h"
#include "tests/support/test_engine.h"
#include "tests/support/test_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct low_type {
    enum tensor_type type;
    size_t d_at;  /* of the factor in a block */
    float factor; /* that makes weights about a sixteenth */
};

static const struct low_type low_types[] = {
    {TENSOR_IQ2_XXS, 0, 1e-3f}, {TENSOR_IQ2_XS, 0, 1e-3f}, {TENSOR_IQ2_S, 0, 1e-3f},
    {TENSOR_IQ3_XXS, 0, 5e-4f}, {TENSOR_IQ3_S, 0, 5e-4f},  {TENSOR_IQ1_S, 0, 8e-3f},
    {TENSOR_IQ1_M, 0, 8e-3f},   {TENSOR_TQ1_0, 52, 6e-2f}, {TENSOR_TQ2_0, 64, 6e-2f},
};
enum { N_LOW_TYPES = sizeof low_types / sizeof *low_types };

/* A source whose matrices are random blocks. */
struct wrapped {
    struct source source; /* first */
    struct source *from;
    struct tensor_info *tensors;
    const struct low_type *low;
};

static void set_factor(const struct low_type *low, uint8_t *block)
{
    uint16_t d = float_to_half(low->factor);
    if (low->type != TENSOR_IQ1_M) {
        store_u16(block + low->d_at, d);
        return;
    }
    for (int i = 0; i < 4; i++) { /* nibbles on top of its scales */
        uint8_t *byte = &((struct block_iq1_m *)block)->scales[i][1];
        *byte = (uint8_t)((*byte & 15) | (d >> (4 * i) & 15) << 4);
    }
}

static bool read_rows(const struct source *source, const struct tensor_info *tensor, size_t row,
                      size_t n_rows, void *out, struct err *err)
{
    const struct wrapped *wrapped = (const struct wrapped *)source;
    size_t i_tensor = (size_t)(tensor - wrapped->tensors);
    const struct tensor_info *from = &wrapped->from->tensors[i_tensor];
    if (tensor->type == from->type)
        return wrapped->from->read_rows(wrapped->from, from, row, n_rows, out, err);
    size_t block_bytes = tensor_type_info(tensor->type)->block_bytes;
    for (size_t i = 0; i < n_rows; i++) {
        uint8_t *bytes = (uint8_t *)out + i * tensor->row_bytes;
        struct rng rng = {i_tensor << 32 | (row + i)};
        for (size_t k = 0; k < tensor->row_bytes; k++) bytes[k] = (uint8_t)rng_next(&rng);
        for (size_t k = 0; k < tensor->row_bytes; k += block_bytes)
            set_factor(wrapped->low, bytes + k);
    }
    return true;
}

/* Writes low.gguf into the working folder: synth:tiny-llama with matrices of the type. */
static void write_model(const struct low_type *low)
{
    struct source *from = source_open("synth:tiny-llama:f32", NULL);
    assert_non_null(from);
    struct wrapped wrapped = {.source = *from, .from = from, .low = low};
    wrapped.source.n_bytes = 0;
    wrapped.source.read_rows = read_rows;
    wrapped.tensors = malloc(from->n_tensors * sizeof *wrapped.tensors);
    assert_non_null(wrapped.tensors);
    memcpy(wrapped.tensors, from->tensors, from->n_tensors * sizeof *wrapped.tensors);
    for (size_t i = 0; i < from->n_tensors; i++) {
        struct tensor_info *tensor = &wrapped.tensors[i];
        if (tensor->n_rows > 1) tensor->type = low->type;
        tensor->row_bytes = tensor_row_bytes(tensor->type, tensor->shape[0]);
        wrapped.source.n_bytes += tensor->n_rows * tensor->row_bytes;
    }
    wrapped.source.tensors = wrapped.tensors;
    assert_true(gguf_write("low.gguf", &wrapped.source, NULL, 1, NULL, NULL, NULL));
    free(wrapped.tensors);
    source_close(from);
}

enum { N_VOCAB = 512, N_TOKENS = 16, N_LOGITS = N_TOKENS * N_VOCAB };

static void eval_model(const char *path, enum isa isa, size_t chunk, float *logits)
{
    struct model *model = test_open_model(path, isa);
    assert_int_equal(model_info(model)->n_vocab, N_VOCAB);
    struct session *session = session_open(model, &(struct session_options){.n_threads = 2}, NULL);
    int32_t ids[HASHED_TOKENS];
    int sequence;
    hashed_prompt(N_VOCAB, ids);
    assert_true(session_start(session, &sequence, NULL));
    test_eval(session, sequence, ids, N_TOKENS, chunk, logits);
    session_close(session);
    model_close(model);
}

/* The largest difference, relative to the largest logit. */
static double difference_of(const float *a, const float *b)
{
    double largest = 0, difference = 0;
    for (size_t i = 0; i < N_LOGITS; i++) {
        assert_true(isfinite(a[i]) && isfinite(b[i]));
        largest = fmax(largest, fabs((double)b[i]));
        difference = fmax(difference, fabs((double)a[i] - (double)b[i]));
    }
    assert_true(largest > 0);
    return difference / largest;
}

static void each_type_runs_with_the_same_bits_near_its_floats(void **state)
{
    (void)state;
    static float reference[N_LOGITS], other[N_LOGITS];
    for (size_t i = 0; i < N_LOW_TYPES; i++) {
        write_model(&low_types[i]);
        eval_model("low.gguf", ISA_SCALAR, 512, reference);
        for (enum isa isa = ISA_SCALAR; isa < ISA_COUNT; isa++) {
            if (!isa_available(isa)) continue;
            eval_model("low.gguf", isa, 7, other);
            assert_memory_equal(other, reference, sizeof other);
        }
        /* Activations of eight bits are all that differs. */
        eval_model("quantize:f32:low.gguf", isa_best(), 512, other);
        double difference = difference_of(reference, other);
        print_message("%s: %.4f\n", tensor_type_info(low_types[i].type)->name, difference);
        assert_true(difference < 0.05);
    }
}

static void a_model_says_its_type_and_the_memory_that_it_takes(void **state)
{
    (void)state;
    write_model(&low_types[0]);
    struct model *model = test_open_model("low.gguf", isa_best());
    const struct model_info *info = model_info(model);
    assert_string_equal(info->quantization, "iq2_xxs");
    assert_true(info->packed_bytes >
                3 * info->n_bytes); /* 8.56 bits for 2.06, less the embedding */
    model_close(model);
}

static void its_rows_can_be_quantized_anew(void **state)
{
    (void)state;
    write_model(&low_types[3]);
    struct source *from = source_open("low.gguf", NULL);
    struct source *to = source_open("quantize:q8_0:low.gguf", NULL);
    assert_true(from && to);
    const struct tensor_info *read = source_find(from, "blk.1.ffn_down.weight");
    const struct tensor_info *made = source_find(to, "blk.1.ffn_down.weight");
    assert_true(read && made && read->type == TENSOR_IQ3_XXS && made->type == TENSOR_Q8_0);
    uint8_t bytes[4096];
    static float values[4096], back[4096];
    assert_true(read->shape[0] <= 4096 && made->row_bytes <= sizeof bytes);
    assert_true(from->read_rows(from, read, 5, 1, bytes, NULL));
    tensor_decode(read->type, bytes, read->shape[0], values);
    assert_true(to->read_rows(to, made, 5, 1, bytes, NULL));
    tensor_decode(made->type, bytes, made->shape[0], back);
    for (size_t i = 0; i < read->shape[0]; i++) assert_true(fabsf(values[i] - back[i]) < 2e-3f);
    source_close(to);
    source_close(from);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_type_runs_with_the_same_bits_near_its_floats,
                                        test_enter_folder, test_leave_folder),
        cmocka_unit_test_setup_teardown(a_model_says_its_type_and_the_memory_that_it_takes,
                                        test_enter_folder, test_leave_folder),
        cmocka_unit_test_setup_teardown(its_rows_can_be_quantized_anew, test_enter_folder,
                                        test_leave_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
