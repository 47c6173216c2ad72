/* stored_value.h - what stands under a key of the metadata, exactly as it is stored.
 *
 * The engine's getters convert kinds; a test of readers and writers must see them. A key that is
 * absent or of another kind fails the test.
 */
#ifndef PHIBENCH_TESTS_SUPPORT_STORED_VALUE_H
#define PHIBENCH_TESTS_SUPPORT_STORED_VALUE_H

#include "engine/metadata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static inline const struct metadata_value *stored_value(const struct metadata *metadata,
                                                        const char *key, enum metadata_kind kind)
{
    const struct metadata_value *value = metadata_find(metadata, key);
    assert_non_null(value);
    assert_int_equal(value->kind, kind);
    return value;
}

static inline uint32_t stored_unsigned(const struct metadata *metadata, const char *key)
{
    return (uint32_t)stored_value(metadata, key, METADATA_U32)->u;
}

static inline const char *stored_string(const struct metadata *metadata, const char *key)
{
    return stored_value(metadata, key, METADATA_STRING)->string.text;
}

static inline const void *stored_array(const struct metadata *metadata, const char *key,
                                       enum metadata_kind element, size_t *n)
{
    const struct metadata_value *array = stored_value(metadata, key, METADATA_ARRAY);
    assert_int_equal(array->element, element);
    *n = array->n;
    return array->items;
}

#endif
