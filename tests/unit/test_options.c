/* Every struct of the public API that has a struct_size is checked wherever it is taken, before anything else is looked at: a
 * caller that was compiled against another version of the headers, or that forgot NAME_default, gets a sentence and not a
 * crash. */
#include "support.h"
#include <arcface/arcface.h>
#include <glob.h>
#include <string.h>

static arc_context *ctx;

/* Where the calls below put what they would make. */
static struct results {
    arc_context *context;
    arc_image image;
    arc_gallery *gallery;
    arc_gallery_survey survey;
    arc_shards *shards;
    arc_server *server;
    arc_answer answer;
    arc_pipeline *pipeline;
    arc_identified identified;
    arc_feed *feed;
    arc_model *model;
    arc_evaluation *evaluation;
    arc_audit *audit;
    arc_probe probe;
    arc_audit_set set;
    arc_data_duplicates duplicates;
    arc_data_verdict verdict;
    arc_train_result trained;
    arc_clean_result cleaned;
    arc_quantize_report quantized;
    arc_quantize_outcome outcome;
    arc_bench *bench;
    arc_generate_eval generated;
    arc_template_audit *template_audit;
    arc_profile *profile;
    arc_generator *generator;
    arc_index *index;
    uint8_t stamp[ARC_INDEX_STAMP_BYTES];
    arc_generate_people *people;
    arc_generate_result generation;
    char *text;
    arc_bench_photos photos;
    arc_parity parity;
    arc_simulation simulation;
    double per_second;
    int64_t number;
    int count;
} r;

static arc_status sink(void *arg, int64_t index, arc_result *result, arc_error *err) {
    (void)arg, (void)index, (void)result, (void)err;
    return ARC_OK;
}

/* X(name, struct that the call takes, path of the struct_size in it, struct that this belongs to, call) */
#define ENTRIES(X)                                                                                                               \
    X(context_open, arc_settings, struct_size, arc_settings, arc_context_open(&r.context, &opt, err))                            \
    X(image_load, arc_image_options, struct_size, arc_image_options, arc_image_load(ctx, "-", &opt, &r.image, NULL, err))        \
    X(image_decode, arc_image_options, struct_size, arc_image_options,                                                           \
      arc_image_decode(ctx, "", 0, "-", &opt, &r.image, NULL, err))                                                              \
    X(gallery_open, arc_gallery_options, struct_size, arc_gallery_options, arc_gallery_open(ctx, "-", &opt, &r.gallery, err))    \
    X(gallery_export, arc_gallery_exchange_options, struct_size, arc_gallery_exchange_options,                                   \
      arc_gallery_export(NULL, NULL, &opt, NULL, err))                                                                           \
    X(gallery_import, arc_gallery_exchange_options, struct_size, arc_gallery_exchange_options,                                   \
      arc_gallery_import(NULL, NULL, &opt, NULL, err))                                                                           \
    X(gallery_import_check, arc_gallery_exchange_options, struct_size, arc_gallery_exchange_options,                             \
      arc_gallery_import_check(NULL, NULL, &opt, err))                                                                           \
    X(gallery_renew, arc_gallery_renew_options, struct_size, arc_gallery_renew_options,                                          \
      arc_gallery_renew(NULL, &opt, NULL, err))                                                                                  \
    X(gallery_migrate, arc_gallery_migrate_options, struct_size, arc_gallery_migrate_options,                                    \
      arc_gallery_migrate(NULL, NULL, &opt, NULL, err))                                                                          \
    X(gallery_identify, arc_gallery_query, struct_size, arc_gallery_query,                                                       \
      arc_gallery_identify(NULL, NULL, 0, &opt, &r.answer, err))                                                                 \
    X(gallery_survey, arc_gallery_survey_options, struct_size, arc_gallery_survey_options,                                       \
      arc_gallery_survey_of(NULL, &opt, &r.survey, err))                                                                         \
    X(server_start, arc_server_options, struct_size, arc_server_options, arc_server_start(ctx, &opt, &r.server, err))            \
    X(shards_open, arc_gallery_options, struct_size, arc_gallery_options, arc_shards_open(ctx, NULL, 0, &opt, &r.shards, err))   \
    X(shards_identify, arc_gallery_query, struct_size, arc_gallery_query,                                                        \
      arc_shards_identify(NULL, NULL, 0, &opt, &r.answer, NULL, err))                                                            \
    X(detect, arc_detect_options, struct_size, arc_detect_options, arc_detect(NULL, NULL, &opt, NULL, 0, &r.count, err))         \
    X(enroll, arc_enroll_options, struct_size, arc_enroll_options, arc_enroll(NULL, NULL, "", NULL, &opt, NULL, err))            \
    X(enroll_source, arc_enroll_options, struct_size, arc_enroll_options,                                                        \
      arc_enroll_source(NULL, NULL, NULL, NULL, NULL, &opt, NULL, err))                                                          \
    X(enroll_photos, arc_photo_source, struct_size, arc_photo_source,                                                            \
      arc_enroll_source(NULL, NULL, &opt, NULL, NULL, NULL, NULL, err))                                                          \
    X(identify_photo, arc_gallery_query, struct_size, arc_gallery_query,                                                         \
      arc_identify_photo(NULL, NULL, NULL, &opt, &r.identified, err))                                                            \
    X(identify_source, arc_photo_source, struct_size, arc_photo_source,                                                          \
      arc_identify_source(NULL, NULL, &opt, NULL, NULL, NULL, err))                                                              \
    X(identify_shards, arc_photo_source, struct_size, arc_photo_source,                                                          \
      arc_identify_shards(NULL, NULL, &opt, NULL, NULL, NULL, err))                                                              \
    X(identified_describe, arc_identified_format, struct_size, arc_identified_format,                                            \
      arc_identified_describe(ctx, NULL, &opt, &r.text, err))                                                                    \
    X(pipeline_new, arc_pipeline_options, struct_size, arc_pipeline_options,                                                     \
      arc_pipeline_new(ctx, NULL, NULL, &opt, &r.pipeline, err))                                                                 \
    X(pipeline_new_detect, arc_pipeline_options, detect.struct_size, arc_detect_options,                                         \
      arc_pipeline_new(ctx, NULL, NULL, &opt, &r.pipeline, err))                                                                 \
    X(pipeline_new_image, arc_pipeline_options, image.struct_size, arc_image_options,                                            \
      arc_pipeline_new(ctx, NULL, NULL, &opt, &r.pipeline, err))                                                                 \
    X(feed_open, arc_feed_options, struct_size, arc_feed_options, arc_feed_open(ctx, NULL, 0, &opt, &r.feed, err))               \
    X(run_source, arc_photo_source, struct_size, arc_photo_source, arc_pipeline_run_source(NULL, &opt, sink, NULL, err))         \
    X(model_load, arc_model_options, struct_size, arc_model_options,                                                             \
      arc_model_load(ctx, "-", ARC_TASK_EMBED, &opt, &r.model, err))                                                             \
    X(pull, arc_pull_options, struct_size, arc_pull_options, arc_pull(ctx, "buffalo_s", &opt, NULL, 0, err))                     \
    X(quantize, arc_quantize_options, struct_size, arc_quantize_options,                                                         \
      arc_quantize(ctx, NULL, NULL, 0, &opt, &r.model, &r.quantized, err))                                                       \
    X(quantize_crops, arc_quantize_photos, struct_size, arc_quantize_photos,                                                     \
      arc_quantize_crops(ctx, NULL, &opt, NULL, 0, NULL, &r.count, err))                                                         \
    X(card, arc_card_options, struct_size, arc_card_options, arc_card_save(ctx, NULL, &opt, "card.md", err))                     \
    X(index_new, arc_index_options, struct_size, arc_index_options, arc_index_new(ctx, &opt, &r.index, err))                     \
    X(index_load, arc_index_options, struct_size, arc_index_options, arc_index_load(ctx, &opt, "-", &r.index, r.stamp, err))     \
    X(index_search, arc_index_query, struct_size, arc_index_query, arc_index_search(NULL, NULL, 0, &opt, NULL, NULL, err))       \
    X(index_recall, arc_index_query, struct_size, arc_index_query,                                                               \
      arc_index_recall(ctx, NULL, NULL, 0, &opt, &r.per_second, err))                                                            \
    X(export_onnx, arc_export_options, struct_size, arc_export_options, arc_export_onnx(ctx, NULL, &opt, "-", NULL, err))        \
    X(export_kit, arc_kit_options, struct_size, arc_kit_options, arc_export_kit(ctx, NULL, NULL, &opt, "-", NULL, err))          \
    X(export_kit_detect, arc_kit_options, detect.struct_size, arc_detect_options,                                                \
      arc_export_kit(ctx, NULL, NULL, &opt, "-", NULL, err))                                                                     \
    X(quantize_try, arc_quantize_gate, struct_size, arc_quantize_gate, arc_quantize_try(ctx, NULL, NULL, &opt, &r.outcome, err)) \
    X(parity_compare, arc_parity_options, struct_size, arc_parity_options,                                                       \
      arc_parity_compare(ctx, "-", "-", &opt, &r.parity, err))                                                                   \
    X(parity_simulate, arc_simulate_options, struct_size, arc_simulate_options,                                                  \
      arc_parity_simulate(ctx, NULL, NULL, 0, &opt, &r.model, &r.simulation, err))                                               \
    X(bench_model, arc_bench_options, struct_size, arc_bench_options, arc_bench_model(ctx, "-", &opt, &r.bench, err))            \
    X(profile_model, arc_profile_options, struct_size, arc_profile_options, arc_profile_model(ctx, NULL, &opt, &r.profile, err)) \
    X(bench_pipeline, arc_bench_photos_options, struct_size, arc_bench_photos_options,                                           \
      arc_bench_pipeline(ctx, NULL, NULL, NULL, 0, &opt, &r.photos, err))                                                        \
    X(bench_pipeline_detect, arc_bench_photos_options, detect.struct_size, arc_detect_options,                                   \
      arc_bench_pipeline(ctx, NULL, NULL, NULL, 0, &opt, &r.photos, err))                                                        \
    X(demo_drawn, arc_demo_options, struct_size, arc_demo_options, arc_demo_drawn(ctx, &opt, err))                               \
    X(demo_real, arc_demo_options, struct_size, arc_demo_options, arc_demo_real(ctx, &opt, err))                                 \
    X(evaluate_pairs, arc_evaluate_options, struct_size, arc_evaluate_options,                                                   \
      arc_evaluate_pairs(ctx, NULL, "-", "-", &opt, &r.evaluation, err))                                                         \
    X(evaluate_pairs_detect, arc_evaluate_options, detect.struct_size, arc_detect_options,                                       \
      arc_evaluate_pairs(ctx, NULL, "-", "-", &opt, &r.evaluation, err))                                                         \
    X(evaluate_bin, arc_evaluate_options, struct_size, arc_evaluate_options,                                                     \
      arc_evaluate_bin(ctx, NULL, "-", &opt, &r.evaluation, err))                                                                \
    X(evaluate_folder, arc_evaluate_options, struct_size, arc_evaluate_options,                                                  \
      arc_evaluate_folder(ctx, NULL, "-", &opt, &r.evaluation, err))                                                             \
    X(model_probe, arc_probe_options, struct_size, arc_probe_options, arc_model_probe(ctx, NULL, &opt, &r.probe, err))           \
    X(model_probe_detect, arc_probe_options, detect.struct_size, arc_detect_options,                                             \
      arc_model_probe(ctx, NULL, &opt, &r.probe, err))                                                                           \
    X(evaluate_identify, arc_evaluate_options, struct_size, arc_evaluate_options,                                                \
      arc_evaluate_identify(ctx, NULL, "-", NULL, &opt, &r.evaluation, err))                                                     \
    X(evaluate_megaface, arc_evaluate_options, struct_size, arc_evaluate_options,                                                \
      arc_evaluate_megaface(ctx, NULL, "-", "-", &opt, &r.evaluation, err))                                                      \
    X(evaluate_ytf, arc_evaluate_ytf_options, struct_size, arc_evaluate_ytf_options,                                             \
      arc_evaluate_ytf(ctx, NULL, "-", "-", &opt, &r.evaluation, err))                                                           \
    X(evaluate_ytf_eval, arc_evaluate_ytf_options, eval.struct_size, arc_evaluate_options,                                       \
      arc_evaluate_ytf(ctx, NULL, "-", "-", &opt, &r.evaluation, err))                                                           \
    X(evaluate_ijb, arc_evaluate_ijb_options, struct_size, arc_evaluate_ijb_options,                                             \
      arc_evaluate_ijb(ctx, NULL, "-", &opt, &r.evaluation, err))                                                                \
    X(evaluate_ijb_eval, arc_evaluate_ijb_options, eval.struct_size, arc_evaluate_options,                                       \
      arc_evaluate_ijb(ctx, NULL, "-", &opt, &r.evaluation, err))                                                                \
    X(audit_embeddings, arc_audit_options, struct_size, arc_audit_options,                                                       \
      arc_audit_embeddings(ctx, &r.set, NULL, 1, &opt, &r.audit, err))                                                           \
    X(audit_run, arc_audit_options, struct_size, arc_audit_options, arc_audit_run(ctx, NULL, "-", NULL, &opt, &r.audit, err))    \
    X(data_copy, arc_data_copy_options, struct_size, arc_data_copy_options, arc_data_copy(ctx, NULL, 0, "-", &opt, NULL, err))   \
    X(data_split, arc_data_copy_options, struct_size, arc_data_copy_options,                                                     \
      arc_data_split(ctx, "-", "-", NULL, 0, false, &opt, NULL, err))                                                            \
    X(data_dedup, arc_data_dedup_options, struct_size, arc_data_dedup_options,                                                   \
      arc_data_dedup(ctx, "-", NULL, &opt, &r.duplicates, NULL, err))                                                            \
    X(data_dedup_copy, arc_data_dedup_options, copy.struct_size, arc_data_copy_options,                                          \
      arc_data_dedup(ctx, "-", NULL, &opt, &r.duplicates, NULL, err))                                                            \
    X(data_verify, arc_data_verify_options, struct_size, arc_data_verify_options,                                                \
      arc_data_verify(ctx, "-", &opt, &r.verdict, err))                                                                          \
    X(data_bench, arc_data_bench_options, struct_size, arc_data_bench_options,                                                   \
      arc_data_bench(ctx, "-", &opt, &r.per_second, &r.number, err))                                                             \
    X(data_bench_describe, arc_data_bench_options, struct_size, arc_data_bench_options,                                          \
      arc_data_bench_describe(ctx, &opt, 1, 0, false, &r.text, err))                                                             \
    X(data_drawn, arc_drawn_options, struct_size, arc_drawn_options, arc_data_drawn(ctx, "-", &opt, err))                        \
    X(generate_evaluate, arc_generate_eval_options, struct_size, arc_generate_eval_options,                                      \
      arc_generate_evaluate(ctx, "-", NULL, &opt, &r.generated, err))                                                            \
    X(template_audit_run, arc_template_audit_options, struct_size, arc_template_audit_options,                                   \
      arc_template_audit_run(ctx, "-", NULL, &opt, &r.template_audit, err))                                                      \
    X(train, arc_train_options, struct_size, arc_train_options, arc_train(ctx, NULL, &opt, &r.trained, err))                     \
    X(data_clean, arc_clean_options, struct_size, arc_clean_options,                                                             \
      arc_data_clean(ctx, "-", NULL, "-", NULL, &opt, &r.cleaned, err))                                                          \
    X(generator_new, arc_generate_options, struct_size, arc_generate_options,                                                    \
      arc_generator_new(ctx, NULL, NULL, &opt, &r.generator, err))                                                               \
    X(generator_targets, arc_generate_targets, struct_size, arc_generate_targets,                                                \
      arc_generator_new(ctx, NULL, &opt, NULL, &r.generator, err))                                                               \
    X(generate_people, arc_generate_people_options, struct_size, arc_generate_people_options,                                    \
      arc_generate_people_new(ctx, NULL, NULL, 0, &opt, &r.people, err))                                                         \
    X(generate, arc_generate_options, struct_size, arc_generate_options,                                                         \
      arc_generate(ctx, NULL, NULL, &opt, &r.generation, err))                                                                   \
    X(generate_job, arc_generate_job, struct_size, arc_generate_job, arc_generate(ctx, NULL, &opt, NULL, &r.generation, err))

#define CALL(name, type, path, of, call)                                                                                         \
    static arc_status call_##name(size_t bytes, arc_error *err) {                                                                \
        type opt;                                                                                                                \
        type##_default(&opt);                                                                                                    \
        opt.path = bytes;                                                                                                        \
        return call;                                                                                                             \
    }
ENTRIES(CALL)

static const struct entry {
    const char *name, *of;
    size_t bytes;
    arc_status (*call)(size_t bytes, arc_error *err);
} entries[] = {
#define ROW(name, type, path, of, call) {#name, #of, sizeof(of), call_##name},
    ENTRIES(ROW)
#undef ROW
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void wrong_sizes(void **state) {
    (void)state;
    ctx = arc_test_context(NULL, 1);
    for (size_t i = 0; i < COUNT(entries); i++) {
        const struct entry *e = &entries[i];
        const size_t wrong[] = {0, 1, e->bytes - 1, e->bytes + 1, (size_t)-1};
        for (size_t k = 0; k < COUNT(wrong); k++) {
            char want[200];
            arc_error err = {0};
            snprintf(want, sizeof want,
                     "%s: struct_size is %zu, this version of the library has %zu: fill the struct with %s_default", e->of,
                     wrong[k], e->bytes, e->of);
            if (e->call(wrong[k], &err) != ARC_EINVAL || err.code != ARC_EINVAL || strcmp(err.text, want) != 0)
                fail_msg("%s with a struct_size of %zu: '%s' (%s)", e->name, wrong[k], err.text, arc_status_name(err.code));
        }
    }
    arc_context_close(&ctx);
}

/* The name that follows the closing brace of the struct at `p`; `out` is empty when the text ends before. */
static void name_after_struct(const char *p, char *out, size_t bytes) {
    size_t n = 0;
    p = strstr(p, "\n} ");
    for (p = p ? p + 3 : ""; *p && *p != ';' && n + 1 < bytes; p++)
        out[n++] = *p;
    out[n] = 0;
}

/* No struct with a struct_size in the headers is missing above. */
static void all_structs(void **state) {
    (void)state;
    glob_t headers;
    int structs = 0;
    assert_int_equal(glob(ARC_SOURCE_DIR "/include/arcface/*.h", 0, NULL, &headers), 0);
    for (size_t i = 0; i < headers.gl_pathc; i++) {
        static char text[1 << 18];
        FILE *f = fopen(headers.gl_pathv[i], "rb");
        assert_non_null(f);
        text[fread(text, 1, sizeof text - 1, f)] = 0;
        fclose(f);
        for (const char *p = text; (p = strstr(p, "size_t struct_size;")); p++, structs++) {
            char name[100];
            bool found = false;
            name_after_struct(p, name, sizeof name);
            for (size_t k = 0; k < COUNT(entries); k++)
                found = found || strcmp(entries[k].of, name) == 0;
            if (!found)
                fail_msg("%s: '%s' has a struct_size and is not in this test", headers.gl_pathv[i], name);
        }
    }
    globfree(&headers);
    assert_true(structs >= 17);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(wrong_sizes), cmocka_unit_test(all_structs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
