/* Recipes: any bytes as JSON text. */
#include "fuzz_memory.h"
#include <arcface/model.h>
#include <arcface/train.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static arc_context *ctx;
    arc_recipe *recipe = NULL;
    char *text = NULL;
    if (!ctx && arc_context_open(&ctx, NULL, NULL) != ARC_OK)
        return 0;
    if (arc_recipe_new(ctx, &recipe, NULL) != ARC_OK)
        return 0;
    if (arc_recipe_parse(recipe, (const char *)data, size, "fuzz", NULL) == ARC_OK && arc_recipe_check(recipe, NULL) == ARC_OK &&
        arc_recipe_text(recipe, &text, NULL) == ARC_OK)
        arc_text_free(ctx, &text);
    arc_recipe_free(&recipe);
    return 0;
}
