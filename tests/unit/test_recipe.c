/* Recipes: every shipped one reads, fields survive writing and reading, mistakes are named with what was meant. */
#include "shared_context.h"
#include <arcface/train.h>
#include <string.h>

static void free_text(char *text) {
    free(text);
}

static void test_shipped(void **state) {
    (void)state;
    static const char *const names[] = {"ms1mv3_r18",    "ms1mv3_r34", "ms1mv3_r50", "ms1mv3_r100",
                                        "ibug500k_r100", "subcenter",  "mbf",        "tiny-synth"};
    assert_int_equal(setenv("ARCFACE_RECIPES", ARC_SOURCE_DIR "/recipes", 1), 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        arc_recipe *r = NULL;
        arc_error err = {0};
        char *text = NULL;
        assert_int_equal(arc_recipe_new(ctx, &r, NULL), ARC_OK);
        if (arc_recipe_load(r, names[i], &err) != ARC_OK || arc_recipe_check(r, &err) != ARC_OK)
            fail_msg("%s: %s", names[i], err.text);
        assert_int_equal(arc_recipe_text(r, &text, NULL), ARC_OK);
        arc_recipe *again = NULL;
        char *second = NULL;
        assert_int_equal(arc_recipe_new(ctx, &again, NULL), ARC_OK);
        assert_int_equal(arc_recipe_parse(again, text, strlen(text), "text", NULL), ARC_OK);
        assert_int_equal(arc_recipe_text(again, &second, NULL), ARC_OK);
        assert_string_equal(text, second);
        free_text(text);
        free_text(second);
        arc_recipe_free(&r);
        arc_recipe_free(&again);
    }
}

static void wrong(const char *json, arc_status want, const char *word) {
    arc_recipe *r = NULL;
    arc_error err = {0};
    char *before = NULL, *after = NULL;
    assert_int_equal(arc_recipe_new(ctx, &r, NULL), ARC_OK);
    assert_int_equal(arc_recipe_text(r, &before, NULL), ARC_OK);
    const arc_status st = arc_recipe_parse(r, json, strlen(json), "bad.json", &err);
    if (st != want || !strstr(err.text, word) || !strstr(err.text, "bad.json"))
        fail_msg("%s: status %d, %s", json, (int)st, err.text);
    assert_int_equal(arc_recipe_text(r, &after, NULL), ARC_OK);
    assert_string_equal(before, after); /* a bad file changes nothing */
    free_text(before);
    free_text(after);
    arc_recipe_free(&r);
}

static void test_mistakes(void **state) {
    (void)state;
    wrong("{\"momentun\": 0.9}", ARC_EFORMAT, "\"momentun\", did you mean \"momentum\"?");
    wrong("{\"batch\": 64, \"weigt\": 1}", ARC_EFORMAT, "unknown field \"weigt\"");
    wrong("{\"batch\": \"64\"}", ARC_EFORMAT, "a number is needed");
    wrong("{\"batch\": 1.5}", ARC_EFORMAT, "whole number");
    wrong("{\"batch\": 0}", ARC_EFORMAT, "1 to");
    wrong("{\"loss\": \"arcfase\"}", ARC_EFORMAT, "arcface");
    wrong("{\"batch\": 64, \"batch\": 65}", ARC_EFORMAT, "line 1");
    wrong("{\"network\": [1, {}]}", ARC_EFORMAT, "list");
    wrong("[]", ARC_EFORMAT, "object");
    wrong("{\n\"batch\": }", ARC_EFORMAT, "line 2");
    wrong("", ARC_EFORMAT, "line");
}

static void test_fields(void **state) {
    (void)state;
    arc_recipe *r = NULL;
    arc_error err = {0};
    char *text = NULL;
    assert_int_equal(arc_recipe_new(ctx, &r, NULL), ARC_OK);
    assert_int_equal(arc_recipe_set(r, "weight-decay", "0.1", &err), ARC_EINVAL);
    assert_int_equal(arc_recipe_set(r, "decay-all", "no", &err), ARC_OK);
    assert_int_equal(arc_recipe_set(r, "rate", "0.25", &err), ARC_OK);
    assert_int_equal(arc_recipe_set(r, "rate", "fast", &err), ARC_EINVAL);
    assert_int_equal(arc_recipe_set(r, "milestones", "8,14", &err), ARC_OK);
    assert_int_equal(arc_recipe_text(r, &text, NULL), ARC_OK);
    assert_non_null(strstr(text, "\"decay_all\": \"no\""));
    assert_non_null(strstr(text, "\"rate\": 0.25"));
    assert_non_null(strstr(text, "\"milestones\": \"8,14\""));
    free_text(text);
    assert_int_equal(arc_recipe_set(r, "micro_batch", "48", NULL), ARC_OK);
    assert_int_equal(arc_recipe_check(r, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "micro-batches of 48"));
    assert_int_equal(arc_recipe_set(r, "micro_batch", "64", NULL), ARC_OK);
    assert_int_equal(arc_recipe_set(r, "m1", "0.9", NULL), ARC_OK);
    assert_int_equal(arc_recipe_set(r, "wrap", "fallback", NULL), ARC_OK);
    assert_int_equal(arc_recipe_check(r, &err), ARC_EINVAL);
    assert_int_equal(arc_recipe_load(r, "no-such-recipe", &err), ARC_ENOTFOUND);
    assert_non_null(strstr(err.text, "no-such-recipe"));
    arc_recipe_free(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shipped), cmocka_unit_test(test_mistakes),
                                       cmocka_unit_test(test_fields)};
    return cmocka_run_group_tests(tests, open_context, close_context);
}
