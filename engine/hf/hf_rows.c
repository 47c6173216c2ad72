/* hf_rows.c - see hf_rows.h.
 *
 * PAIRED, with heads of 4 rows: ours are theirs 0 2 1 3, 4 6 5 7, ... (GGUF's converter calls it
 * permute). BY_KV_HEAD, with two queries to a KV head and heads of one row: there stands q0 q1 k0
 * v0 q2 q3 k1 v1, and ours are 0 1 4 5, 2 6, 3 7. ALTERNATING: ours are 0 2 4 ..., 1 3 5 ...
 */
#include "engine/hf/hf_rows.h"

bool hf_order_fits(const struct hf_order *order)
{
    size_t n_heads = order->n_heads, n_kv_heads = order->n_kv_heads;
    switch (order->rows) {
    case HF_ROWS_SAME: return true;
    case HF_ROWS_PAIRED: return n_heads && order->n_rows % (2 * n_heads) == 0;
    case HF_ROWS_BY_KV_HEAD:
        return n_kv_heads && n_heads % n_kv_heads == 0 &&
               order->n_rows % (n_heads + 2 * n_kv_heads) == 0;
    case HF_ROWS_ALTERNATING: return order->n_rows % 2 == 0;
    }
    return false;
}

static size_t paired_row(const struct hf_order *order, size_t row)
{
    size_t head_size = order->n_rows / order->n_heads, i = row % head_size;
    return row - i + i % 2 * (head_size / 2) + i / 2;
}

static size_t grouped_row(const struct hf_order *order, size_t row)
{
    size_t n_heads = order->n_heads, n_kv_heads = order->n_kv_heads;
    size_t n_queries = n_heads / n_kv_heads, group = n_queries + 2;
    size_t head_size = order->n_rows / (n_heads + 2 * n_kv_heads), head = row / head_size;
    size_t there;
    if (head < n_heads) there = head / n_queries * group + head % n_queries;
    else if (head < n_heads + n_kv_heads) there = (head - n_heads) * group + n_queries;
    else there = (head - n_heads - n_kv_heads) * group + n_queries + 1;
    return there * head_size + row % head_size;
}

size_t hf_order_row(const struct hf_order *order, size_t row)
{
    size_t half = order->n_rows / 2;
    switch (order->rows) {
    case HF_ROWS_PAIRED: return paired_row(order, row);
    case HF_ROWS_BY_KV_HEAD: return grouped_row(order, row);
    case HF_ROWS_ALTERNATING: return row < half ? 2 * row : 2 * (row - half) + 1;
    case HF_ROWS_SAME: break;
    }
    return row;
}
