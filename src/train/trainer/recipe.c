/* train: recipes: reads them from JSON or field by field, checks them and writes them. The fields are listed in
 * recipe_fields.c. */
#include "train/trainer/recipe.h"
#include "train/head/margin.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_RECIPE_BYTES ((size_t)1 << 20)
#define MAX_PATH_BYTES 4096

arc_status arc_recipe_new(arc_context *ctx, arc_recipe **out, arc_error *err) {
    *out = arc_mem_new(&ctx->alloc, 1, sizeof **out);
    if (!*out)
        return arc_fail_nomem(err, "the recipe");
    (*out)->alloc = ctx->alloc;
    arc_recipe_defaults(*out);
    return ARC_OK;
}

void arc_recipe_free(arc_recipe **recipe) {
    if (!recipe || !*recipe)
        return;
    const arc_alloc a = (*recipe)->alloc;
    arc_mem_free(&a, *recipe);
    *recipe = NULL;
}

/* ---- one field ---- */

static void *at(arc_recipe *r, int i) {
    return (char *)r + arc_field_table[i].offset;
}

static const char *name_of(int i) {
    size_t count;
    return arc_recipe_fields(&count)[i].name;
}

static arc_status set_number(arc_recipe *r, int i, double value, arc_error *err) {
    const arc_field *f = &arc_field_table[i];
    if (!(value >= f->min && value <= f->max))
        return arc_fail(err, ARC_EINVAL, "%s is %g: %g to %g are possible", name_of(i), value, f->min, f->max);
    if (f->kind == ARC_FIELD_INT && value != floor(value))
        return arc_fail(err, ARC_EINVAL, "%s is %g: a whole number is needed", name_of(i), value);
    if (f->kind == ARC_FIELD_INT)
        *(int64_t *)at(r, i) = (int64_t)value;
    else
        *(double *)at(r, i) = value;
    return ARC_OK;
}

static arc_status set_word(arc_recipe *r, int i, const char *text, arc_error *err) {
    const char *word = arc_field_table[i].words;
    for (int64_t value = 0; word; value++) {
        const size_t bytes = strcspn(word, "|");
        if (strlen(text) == bytes && strncmp(word, text, bytes) == 0) {
            *(int64_t *)at(r, i) = value;
            return ARC_OK;
        }
        word = word[bytes] ? word + bytes + 1 : NULL;
    }
    return arc_fail(err, ARC_EINVAL, "%s is \"%.60s\": %s are possible", name_of(i), text, arc_field_table[i].words);
}

static arc_status set_text(arc_recipe *r, int i, const char *text, arc_error *err) {
    const arc_field *f = &arc_field_table[i];
    const size_t bytes = strlen(text) + 1;
    if (f->kind == ARC_FIELD_WORD)
        return set_word(r, i, text, err);
    if (f->kind != ARC_FIELD_TEXT) {
        const char *end;
        const double value = arc_number_read(text, &end);
        if (end == text || *end)
            return arc_fail(err, ARC_EINVAL, "%s is \"%.60s\": a number is needed", name_of(i), text);
        return set_number(r, i, value, err);
    }
    if (bytes > f->bytes)
        return arc_fail(err, ARC_ELIMIT, "%s has %zu bytes, more than %zu", name_of(i), bytes - 1, f->bytes - 1);
    memcpy(at(r, i), text, bytes);
    return ARC_OK;
}

static arc_status find(const char *name, int *out, arc_error *err) {
    const char *nearest;
    *out = arc_field_find(name, &nearest);
    if (*out >= 0)
        return ARC_OK;
    return nearest ? arc_fail(err, ARC_EINVAL, "unknown field \"%.60s\", did you mean \"%s\"?", name, nearest)
                   : arc_fail(err, ARC_EINVAL, "unknown field \"%.60s\"", name);
}

arc_status arc_recipe_set(arc_recipe *recipe, const char *field, const char *value, arc_error *err) {
    int i;
    const arc_status st = find(field, &i, err);
    return st == ARC_OK ? set_text(recipe, i, value, err) : st;
}

/* ---- JSON ---- */

/* An array of numbers or strings as a comma-separated list: [8, 14] becomes "8,14". */
static arc_status list_text(const json_t *array, int i, char *text, size_t bytes, arc_error *err) {
    size_t used = 0, k;
    json_t *item;
    text[0] = '\0';
    json_array_foreach(array, k, item) {
        char number[40] = "";
        const char *word = json_string_value(item);
        if (!word && !json_is_number(item))
            return arc_fail(err, ARC_EINVAL, "%s: a list of texts or numbers is needed", name_of(i));
        if (!word)
            arc_number_write(number, sizeof number, json_number_value(item));
        const int n = snprintf(text + used, bytes - used, "%s%s", used ? "," : "", word ? word : number);
        if (n < 0 || (size_t)n >= bytes - used)
            return arc_fail(err, ARC_ELIMIT, "%s: the list is too long", name_of(i));
        used += (size_t)n;
    }
    return ARC_OK;
}

static arc_status set_json(arc_recipe *r, int i, const json_t *value, arc_error *err) {
    const arc_field_kind kind = arc_field_table[i].kind;
    char text[ARC_RECIPE_TEXT];
    if (json_is_string(value))
        return kind == ARC_FIELD_INT || kind == ARC_FIELD_REAL
                   ? arc_fail(err, ARC_EINVAL, "%s is \"%.60s\": a number is needed", name_of(i), json_string_value(value))
                   : set_text(r, i, json_string_value(value), err);
    if (json_is_boolean(value) && kind == ARC_FIELD_WORD)
        return set_word(r, i, json_is_true(value) ? "yes" : "no", err);
    if (json_is_number(value) && (kind == ARC_FIELD_INT || kind == ARC_FIELD_REAL))
        return set_number(r, i, json_number_value(value), err);
    if (json_is_array(value) && kind == ARC_FIELD_TEXT) {
        const arc_status st = list_text(value, i, text, sizeof text, err);
        return st == ARC_OK ? set_text(r, i, text, err) : st;
    }
    return arc_fail(err, ARC_EINVAL, "%s: a value of another kind is needed (%s)", name_of(i),
                    kind == ARC_FIELD_TEXT   ? "text"
                    : kind == ARC_FIELD_WORD ? arc_field_table[i].words
                                             : "a number");
}

arc_status arc_recipe_parse(arc_recipe *recipe, const char *json, size_t bytes, const char *name, arc_error *err) {
    json_error_t wrong;
    if (bytes > MAX_RECIPE_BYTES)
        return arc_fail(err, ARC_ELIMIT, "%s: %zu bytes, a recipe has at most %zu", name, bytes, MAX_RECIPE_BYTES);
    json_t *root = json_loadb(json, bytes, JSON_REJECT_DUPLICATES, &wrong);
    if (!root)
        return arc_fail(err, ARC_EFORMAT, "%s, line %d: %.120s", name, wrong.line, wrong.text);
    arc_status st = json_is_object(root) ? ARC_OK : arc_fail(err, ARC_EFORMAT, "%s: a recipe is one JSON object", name);
    const char *key;
    json_t *value;
    arc_recipe changed = *recipe;
    if (st == ARC_OK) {
        json_object_foreach(root, key, value) {
            int i;
            st = find(key, &i, err);
            if (st == ARC_OK)
                st = set_json(&changed, i, value, err);
            if (st != ARC_OK) {
                (void)arc_fail_in(err, st, name);
                st = ARC_EFORMAT;
                break;
            }
        }
    }
    json_decref(root);
    if (st == ARC_OK)
        *recipe = changed;
    else if (err)
        err->code = st;
    return st;
}

/* Where a recipe lies. A path is used as it is. A bare name is searched in the caller's folder, the working folder, the source
 * tree or installation that the program belongs to, and the folder where this build installs. NULL: in none of them. */
static const char *resolve(const char *word, char *path, size_t bytes) {
    const char *own = getenv("ARCFACE_RECIPES");
    char program[MAX_PATH_BYTES];
    arc_program_folder(program, sizeof program);
    const struct {
        const char *from, *folder;
    } place[] = {{own && *own ? own : ".", ""},
                 {".", "/recipes"},
                 {program, "/../recipes"},
                 {program, "/../share/arcface/recipes"},
                 {ARC_RECIPE_DIR, ""}};
    if (strchr(word, '/') || arc_path_kind_of(word) == ARC_PATH_FILE)
        return word;
    for (size_t i = 0; i < ARC_COUNT(place); i++)
        for (int suffix = 0; *place[i].from && suffix < 2; suffix++) {
            const int n = snprintf(path, bytes, "%s%s/%s%s", place[i].from, place[i].folder, word, suffix ? ".json" : "");
            if (n > 0 && (size_t)n < bytes && arc_path_kind_of(path) == ARC_PATH_FILE)
                return path;
        }
    return NULL;
}

arc_status arc_recipe_load(arc_recipe *recipe, const char *path_or_name, arc_error *err) {
    char text[MAX_PATH_BYTES];
    const char *path = resolve(path_or_name, text, sizeof text);
    arc_map map;
    if (!path)
        return arc_fail(err, ARC_ENOTFOUND,
                        "%s: no such file, and no recipe of that name in ./recipes or " ARC_RECIPE_DIR
                        "; give a recipe's file, or set ARCFACE_RECIPES to the folder that has it",
                        path_or_name);
    arc_status st = arc_map_open(&map, path, MAX_RECIPE_BYTES, err);
    if (st != ARC_OK)
        return st;
    st = arc_recipe_parse(recipe, (const char *)map.data, map.bytes, path, err);
    arc_map_close(&map);
    return st;
}

/* ---- writing ---- */

static json_t *value_of(const arc_recipe *r, int i) {
    const arc_field *f = &arc_field_table[i];
    const void *from = (const char *)r + f->offset;
    if (f->kind == ARC_FIELD_TEXT)
        return *(const char *)from ? json_string(from) : NULL;
    if (f->kind == ARC_FIELD_REAL)
        return isnan(*(const double *)from) ? NULL : json_real(*(const double *)from);
    if (f->kind == ARC_FIELD_INT)
        return json_integer(*(const int64_t *)from);
    const char *word = f->words;
    for (int64_t k = *(const int64_t *)from; k > 0; k--)
        word += strcspn(word, "|") + 1;
    return json_stringn(word, strcspn(word, "|"));
}

arc_status arc_recipe_text(const arc_recipe *recipe, char **text, arc_error *err) {
    size_t count;
    (void)arc_recipe_fields(&count);
    json_t *root = json_object();
    *text = NULL;
    for (size_t i = 0; root && i < count; i++) {
        json_t *value = value_of(recipe, (int)i);
        if (value)
            json_object_set_new(root, name_of((int)i), value);
    }
    const size_t bytes = root ? json_dumpb(root, NULL, 0, JSON_INDENT(2) | JSON_REAL_PRECISION(12)) : 0;
    char *out = bytes ? arc_mem_raw(&recipe->alloc, bytes + 1, 1) : NULL;
    if (out) {
        json_dumpb(root, out, bytes, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
        out[bytes] = '\0';
    }
    json_decref(root);
    *text = out;
    return out ? ARC_OK : arc_fail_nomem(err, "the recipe's text");
}

/* ---- checks of fields that depend on each other ---- */

arc_status arc_recipe_check(const arc_recipe *r, arc_error *err) {
    const double m1 = isnan(r->m1) ? (r->loss == ARC_LOSS_SPHEREFACE ? 1.35 : 1) : r->m1;
    if (r->micro_batch > 0 && r->batch % r->micro_batch != 0)
        return arc_fail(err, ARC_EINVAL, "a batch of %lld does not divide into micro-batches of %lld", (long long)r->batch,
                        (long long)r->micro_batch);
    if (r->wrap == ARC_WRAP_FALLBACK && m1 != 1)
        return arc_fail(err, ARC_EINVAL, "wrap \"fallback\" is for m1 = 1; with m1 = %g choose mirror or none", m1);
    if (r->lower_norm >= r->upper_norm || r->lower_margin > r->upper_margin)
        return arc_fail(err, ARC_EINVAL, "magface needs lower_norm < upper_norm and lower_margin <= upper_margin");
    if (r->schedule == 1 && !r->milestones[0])
        return arc_fail(err, ARC_EINVAL, "schedule \"step\" needs milestones, such as 8,14");
    if (r->head_weight == 0 && !r->teacher[0])
        return arc_fail(err, ARC_EINVAL, "head_weight 0 without a teacher leaves nothing to learn from");
    return ARC_OK;
}
