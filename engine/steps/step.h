/* step.h - what passes are made of: an architecture lists steps (arch/architecture.h), the graph
 * walks them, and each is a function of this folder that knows no architecture.
 *
 * A step reads what earlier steps wrote, and a barrier stands after it. Every thread runs it and
 * does its share. Each output is computed whole by one kernel call from inputs that do not depend
 * on how a step is divided, so that threads, batch and chunking leave no trace in the bits.
 */
#ifndef PHIBENCH_ENGINE_STEPS_STEP_H
#define PHIBENCH_ENGINE_STEPS_STEP_H

#include "engine/weight.h"

/* What steps read and write: a row for each token that the pass goes on with, and between
 * step_gather and step_combine one for each expert that a token goes through. */
enum buffer {
    BUFFER_STREAM,       /* the residual stream */
    BUFFER_DELTA,        /* what a block adds to the stream, by the norm that comes next */
    BUFFER_SECOND_DELTA, /* the same, of a block beside it */
    BUFFER_NORMED,
    BUFFER_QKV,      /* [Q | K | V], all heads of each */
    BUFFER_ATTENDED, /* all heads */
    BUFFER_GATE_UP,  /* [gate | up] */
    BUFFER_HIDDEN,
    BUFFER_SCORES,  /* of experts, by the router */
    BUFFER_ROUTED,  /* inputs of experts */
    BUFFER_EXPERTS, /* what experts make of them */
    BUFFER_LOGITS,
    BUFFER_PATCHES,   /* pixels of patches, what a tower reads */
    BUFFER_MERGED,    /* four patches side by side */
    BUFFER_PROJECTED, /* between the projections of these */
    BUFFER_SEEN,      /* embeddings for the language model */
    BUFFER_COUNT
};

enum { STEP_MAX_MATRICES = 3 };

struct pass;
struct operation;

/* Does a thread's share of an operation, which is a step with the weights of one layer
 * (operation.h); changes of the pass what all threads change alike. */
typedef void step_fn(struct pass *pass, const struct operation *operation);

/* One step as an architecture lists it. */
struct step {
    step_fn *run;
    enum buffer from, to;
    enum weight vector, vector_bias; /* of a norm: what it multiplies with, and what it adds */
    /* Over the same input; their outputs stand side by side. A bias for each, or none at all. */
    enum weight matrices[STEP_MAX_MATRICES], biases[STEP_MAX_MATRICES];
    /* One matrix with the rows of all of them, and its bias, which some models have instead. */
    enum weight fused, fused_bias;
};

/* Before the layers: cosine and sine of the angles of each token's position. */
step_fn step_rotation;
/* Multiplies the stream, which holds embeddings, with the model's factor. */
step_fn step_scale_embedding;
/* After the layers: logits = cap * tanh(logits / cap) in place, where the model has a cap (Gemma
 * Team 2024, arXiv 2408.00118, section 2). */
step_fn step_cap_logits;
/* Adds the last blocks' deltas to the stream, where there are any; to = RMSNorm of the stream
 * (Zhang, Sennrich 2019), ready to be projected. */
step_fn step_norm;
/* The same by LayerNorm (Ba, Kiros, Hinton 2016), with a bias. */
step_fn step_layer_norm;
/* RMSNorm of a block's delta in place, which the next norm of the stream adds. */
step_fn step_norm_delta;
/* RMSNorm of each head of Q, and of each of K, in place. */
step_fn step_norm_q, step_norm_k;
/* Makes rows ready to be projected, where the step that wrote them could not; to is from. */
step_fn step_quantize;
/* to = the products of the matrices with the rows of from, which an earlier step made ready; each
 * output's bias, where there are biases, is added to its whole sum. */
step_fn step_project;
/* Rotates Q and K in place (Su et al. 2021) and stores K and V in the cache. */
step_fn step_store;
/* to = attention of the queries to what is stored (grouped: Ainslie et al. 2023). In the last layer
 * the pass goes on with those tokens alone whose logits are wanted. */
step_fn step_attend;
/* to = silu(gate) * up (Shazeer 2020), ready to be projected. */
step_fn step_gate_silu;
/* to = gelu(gate) * up, and to = gelu(from), by the approximation with tanh (Hendrycks, Gimpel
 * 2016), ready to be projected. */
step_fn step_gate_gelu, step_gelu;
/* to = gegelu of gate and up within the model's limit (kernels.h), ready to be projected. */
step_fn step_gate_gegelu;
/* Logits of ids that stand for nothing become the lowest number, all others are divided by what the
 * model says. */
step_fn step_finish_logits;

/* ---- Towers ---- */

/* Rows of the stream are those of their positions in the step's vector, a sequence's first one with
 * the step's bias (the class) added: where patches go, which a delta holds, for the next norm. */
step_fn step_place;
/* to = gelu(from) by the normal distribution's own function (erf), and by the logistic function's
 * (Hendrycks, Gimpel 2016: x * sigmoid(1.702 x)), ready to be projected. */
step_fn step_gelu_erf, step_gelu_quick;
/* Adds the last block's delta to the stream; to = two by two patches, four rows of the stream side
 * by side: (y, x), (y, x + 1), (y + 1, x), (y + 1, x + 1), by sequence and row by row. Behind those
 * of all sequences stand the step's bias (a row's end) and vector (a picture's). The pass goes on
 * with these, ready to be projected. */
step_fn step_merge;

/* ---- Experts ---- */

/* to = the products of the router, the step's matrix, with the rows of from, by which experts are
 * chosen for each token (choose.h). */
step_fn step_route_softmax, step_route_sparsemixer;
/* to = rows of from, those of one expert one after the other, ready to be projected. The pass goes
 * on with these, and matrices of experts multiply each its own. */
step_fn step_gather;
/* to = for each token the sum of its experts' rows of from, times what the router gave them, in the
 * order in which it chose them. The pass goes on with the tokens. */
step_fn step_combine;

#endif
