/* test_secrets.c - a key is found in whatever form a server repeats it, and nothing else is taken
 * for one.
 */
#include "harness/ask/secrets.h"

#include "base/json.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char KEY[] = "sk-Proj/a+b_c-93Xy77Qz";

static char *redact(const char *key, const char *text)
{
    struct err err = {0};
    struct buf out = {0};
    struct secrets *secrets = secrets_new(&err);
    assert_non_null(secrets);
    assert_true(secrets_add(secrets, NULL, &err) && secrets_add(secrets, key, &err));
    secrets_redact(secrets, text, strlen(text), &out);
    secrets_free(secrets);
    char *taken = buf_take(&out, &err);
    assert_non_null(taken);
    return taken;
}

static void assert_redacted(const char *key, const char *text, const char *expected)
{
    char *found = redact(key, text);
    if (strcmp(found, expected) != 0) fail_msg("%s becomes %s", text, found);
    free(found);
}

static void a_key_is_found_in_every_form(void **state)
{
    static const char *const forms[] = {
        "sk-Proj/a+b_c-93Xy77Qz",
        "SK-PROJ/A+B_C-93XY77QZ",
        "sk-proj/a+b_c-93xy77qz",
        "sk-Proj%2Fa%2Bb_c-93Xy77Qz",
        "sk-Proj%2fa%2bb%5fc-93Xy77Qz",
        "sk-Proj%252Fa%252Bb_c-93Xy77Qz",
        "%73%6b%2d%50%72%6f%6a%2f%61%2b%62%5f%63%2d%39%33%58%79%37%37%51%7a",
        "sk-Proj\\/a+b_c-93Xy77Qz",
        "sk-Proj\\\\\\/a+b_c-93Xy77Qz",
        "\\u0073\\u006B-Proj\\u002Fa+b_c-93Xy77Qz",
        "\\\\u0073k-Proj/a+b_c-93Xy77Qz",
        "\\x73k-Proj/a+b_c-93Xy77Qz",
        "&#115;k-Proj&#x2F;a&#43;b_c-93Xy77Qz",
        "736b2d50726f6a2f612b625f632d393358793737517a",
        "736B2D50726F6A2F612B625F632D393358793737517A",
        "73:6b:2d:50:72:6f:6a:2f:61:2b:62:5f:63:2d:39:33:58:79:37:37:51:7a",
        "sk-Proj...77Qz",
        "sk-P**************Qz",
        "sk-Proj/\u202677Qz",
        "sk-Proj/\\u2026",
        "************77Qz",
        "sk-Proj/a+b_", /* cut off */
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        char text[256], expected[64];
        snprintf(text, sizeof text, "Incorrect: \"Bearer %s\", or {\"k\":\"%s\"}.", forms[i],
                 forms[i]);
        snprintf(expected, sizeof expected, "Incorrect: \"Bearer (key)\", or {\"k\":\"(key)\"}.");
        assert_redacted(KEY, text, expected);
    }
}

static void put_base64(const char *text, const char *digits, char *out)
{
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i += 3) {
        unsigned bits = 0;
        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (i + k < n ? (unsigned char)text[i + k] : 0);
        for (size_t k = 0; k < 4; k++) *out++ = i + k > n ? '=' : digits[bits >> (18 - 6 * k) & 63];
    }
    *out = 0;
}

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static void a_key_is_found_in_base64_at_any_place(void **state)
{
    static const char *const before[] = {"", "a", "me", "you", "Bearer ", "user:"},
                             *const after[] = {"", "x", " and more"};
    char text[128], coded[256], whole[300];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(before); i++)
        for (size_t k = 0; k < COUNT_OF(after); k++) {
            snprintf(text, sizeof text, "%s%s%s", before[i], KEY, after[k]);
            for (int url = 0; url < 2; url++) {
                put_base64(text, url ? LETTERS "-_" : LETTERS "+/", coded);
                snprintf(whole, sizeof whole, "{\"auth\":\"Basic %s\"}", coded);
                char *found = redact(KEY, whole);
                /* No more is left than what stands around the key. */
                assert_non_null(strstr(found, "(key)"));
                assert_true(strlen(found) < strlen(whole) - strlen(coded) + 5 +
                                                (strlen(text) - strlen(KEY)) * 4 / 3 + 8);
                free(found);
            }
        }
}

static void what_is_no_secret_stays(void **state)
{
    static const char text[] = "The ollama is EMPTY; none of the tokens test %2 \\u00 &#; ... x";
    static const char *const keys[] = {"", "k", "none", "EMPTY", "ollama", "test", "abcd"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(keys); i++) assert_redacted(keys[i], text, text);
    assert_redacted(KEY, text, text);
    assert_redacted(KEY, "sk-", "sk-");
    assert_redacted(KEY, "Use a key that begins with sk-Pro.",
                    "Use a key that begins with sk-Pro.");
    assert_redacted("s3cr3t", "it is s3cr3t", "it is (key)");
    assert_redacted("topsecret", "it is TopSecret", "it is (key)");
}

static void what_is_json_stays_json(void **state)
{
    static const char *const keys[] = {"nkey-12345", "\\n12345678", "u0041-1234", "a\"b-12345"};
    static const char *const bodies[] = {
        "{\"a\":\"\\nkey-12345\",\"b\":[\"x\\\\nkey-12345\"]}", "{\"a\":\"\\\\n12345678\\\\\"}",
        "{\"a\":\"u0041-1234\\\\u0041-1234\"}", "{\"a\":\"a\\\"b-12345\"}"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        struct err err = {0};
        char *found = redact(keys[i], bodies[i]);
        struct json *json = json_parse(found, strlen(found), "", &err);
        if (!json) fail_msg("%s: %s", found, err.message);
        assert_non_null(strstr(found, "(key)"));
        json_free(json);
        free(found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_found_in_every_form),
        cmocka_unit_test(a_key_is_found_in_base64_at_any_place),
        cmocka_unit_test(what_is_no_secret_stays),
        cmocka_unit_test(what_is_json_stays_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
