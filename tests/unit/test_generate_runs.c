/* Whole generations and the people whom they show: a network without BatchNormalization, photos without a face, several people,
 * several judges. */
#include "data_support.h"
#include "format/format.h"
#include "generate/people.h"
#include "model/model.h"
#include "net_support.h"
#include "shared_context.h"
#include <arcface/generate.h>
#include <jansson.h>
#include <string.h>

enum { DIM = 16, SIDE = 112, PHOTO_PX = 320 };

static arc_model *model, *judge[2];

static int begin(void **state) {
    open_context(state);
    assert_int_equal(arc_model_new(ctx, "tiny", DIM, 3, &model, NULL), ARC_OK);
    assert_int_equal(arc_model_new(ctx, "tiny", 8, 5, &judge[0], NULL), ARC_OK);
    assert_int_equal(arc_model_new(ctx, "tiny", DIM, 7, &judge[1], NULL), ARC_OK);
    for (int i = 0; i < 4; i++) {
        char name[32];
        arc_image image = test_paint(ctx, SIDE, i);
        snprintf(name, sizeof name, "crop%d.png", i);
        assert_int_equal(arc_image_save(ctx, &image, in_folder(name), NULL), ARC_OK);
        arc_image_free(ctx, &image);
    }
    return 0;
}

static int end(void **state) {
    arc_model_free(&model);
    arc_model_free(&judge[0]);
    arc_model_free(&judge[1]);
    return close_context(state);
}

/* Sentences, a line each. */
static char told[4096];
static void tell(void *arg, const char *line) {
    (void)arg;
    const size_t used = strlen(told);
    snprintf(told + used, sizeof told - used, "%s\n", line);
}

static arc_generate_result generate(const arc_model *m, arc_generate_job *job, const char *folder, int64_t steps) {
    arc_generate_options o;
    arc_generate_result r;
    arc_error err = {0};
    arc_generate_options_default(&o);
    o.steps = steps;
    job->folder = folder;
    job->say = tell;
    *told = '\0';
    if (arc_generate(ctx, m, job, &o, &r, &err) != ARC_OK)
        fail_msg("%s", err.text);
    return r;
}

/* ---- no BatchNormalization --------------------------------------------------------------------------------------------------
 */

static void replace(arc_graph *g, int value, int by) {
    for (int i = 0; i < g->nodes; i++)
        for (int k = 0; k < g->node[i].inputs; k++)
            if (g->node[i].input[k] == value)
                g->node[i].input[k] = by;
    for (int i = 0; i < g->outputs; i++)
        if (g->output[i] == value)
            g->output[i] = by;
}

static int remove_norms(arc_graph *g) {
    int removed = 0;
    for (int i = 0; i < g->nodes; i++) {
        if (!arc_node_is(&g->node[i], ARC_KIND_BATCH_NORM))
            continue;
        replace(g, g->node[i].output[0], g->node[i].input[0]);
        memmove(&g->node[i], &g->node[i + 1], (size_t)(g->nodes - i - 1) * sizeof *g->node);
        g->nodes--;
        i--;
        removed++;
    }
    arc_error err = {0};
    if (arc_graph_check(g, &err) != ARC_OK)
        fail_msg("%s", err.text);
    return removed;
}

static int terms_without_statistics(void *arg, int batch, int batches, const arc_generate_progress *p) {
    (void)arg;
    (void)batch;
    (void)batches;
    assert_true(p->finite && p->losses.bn == 0);
    return 0;
}

static void the_prior_may_be_gone(void **state) {
    (void)state;
    arc_model *bare;
    arc_generate_job job;
    float row[DIM];
    arc_generate_rows rows = {.row = row, .count = 1, .dim = DIM};
    for (int k = 0; k < DIM; k++)
        row[k] = (float)cos(k);
    assert_int_equal(arc_model_new(ctx, "tiny", DIM, 3, &bare, NULL), ARC_OK);
    assert_true(remove_norms(bare->graph) > 3);
    arc_generate_job_default(&job);
    job.embeddings = &rows;
    job.progress = terms_without_statistics;
    const arc_generate_result r = generate(bare, &job, in_folder("bare"), 40);
    if (!strstr(told, "has no BatchNormalization: the prior of what faces look like is gone") ||
        !strstr(told, "--statistics-from"))
        fail_msg("%s", told);
    printf("cosine without BatchNormalization after 40 steps: %.3f\n", r.cosine);
    assert_int_equal(r.pictures, 1);
    assert_true(r.cosine > 0.5);
    assert_int_equal(arc_path_kind_of(in_folder("bare/000-row0-1.png")), ARC_PATH_FILE);
    arc_model_free(&bare);
}

/* ---- people ------------------------------------------------------------------------------------------------------------------
 */

static void set_all(const arc_graph *g, int value, float x) {
    float *data = (float *)(uintptr_t)g->value[value].data;
    for (int64_t i = 0; i < arc_shape_count(&g->value[value].shape); i++)
        data[i] = x;
}

/* A detector that takes each bright cell of 32 pixels for the middle of a face, and finds nothing in dark pictures. */
static arc_model *bright_detector(void) {
    static const float points[5][2] = {{-0.6f, -0.5f}, {0.6f, -0.5f}, {0, 0}, {-0.5f, 0.6f}, {0.5f, 0.6f}};
    arc_graph *g = net_detector();
    arc_model *m = NULL;
    arc_error err = {0};
    int output = 0;
    for (int i = 0; i < g->nodes; i++) {
        const arc_node *n = &g->node[i];
        if (strcmp(n->op, "Conv") != 0)
            continue;
        const bool bright = output == 2; /* scores, boxes, points; each by strides of 8, 16 and 32 */
        float *bias = (float *)(uintptr_t)g->value[n->input[2]].data;
        set_all(g, n->input[1], bright ? 20.0f / (3 * 32 * 32) : 0);
        set_all(g, n->input[2], output < 3 ? -10 : 2);
        for (int k = 0; output >= 6 && k < 20; k++)
            bias[k] = points[k % 10 / 2][k % 2];
        output++;
    }
    assert_int_equal(output, 9);
    assert_int_equal(arc_onnx_save(g, in_folder("bright.onnx"), &err), ARC_OK);
    arc_graph_free(&g);
    if (arc_model_load(ctx, in_folder("bright.onnx"), ARC_TASK_DETECT, NULL, &m, &err) != ARC_OK)
        fail_msg("%s", err.text);
    return m;
}

static void put_photo(const char *name, int brightness) {
    arc_image image;
    assert_int_equal(arc_image_new(ctx, PHOTO_PX, PHOTO_PX, &image, NULL), ARC_OK);
    for (int y = 0; y < PHOTO_PX; y++)
        for (int x = 0; x < 3 * PHOTO_PX; x++)
            image.data[y * image.stride_bytes + x] = (uint8_t)(brightness + x % 3);
    assert_int_equal(arc_image_save(ctx, &image, in_folder(name), NULL), ARC_OK);
    arc_image_free(ctx, &image);
}

static void photos_without_a_face_are_left_out(void **state) {
    (void)state;
    arc_model *detector = bright_detector();
    arc_generate_people_options o;
    arc_generate_people *one = NULL, *both = NULL;
    arc_error err = {0};
    put_photo("bright.png", 250);
    put_photo("dark.png", 3);
    test_write_text("broken.png", "no picture");
    const char *const paths[3] = {in_folder("dark.png"), in_folder("bright.png"), in_folder("broken.png")};
    arc_generate_people_options_default(&o);
    o.detector = detector;
    o.say = tell;
    *told = '\0';
    if (arc_generate_people_new(ctx, model, paths + 1, 1, &o, &one, &err) != ARC_OK)
        fail_msg("%s", err.text);
    assert_string_equal(told, "");
    if (arc_generate_people_new(ctx, model, paths, 3, &o, &both, &err) != ARC_OK)
        fail_msg("%s", err.text);
    if (!strstr(told, "dark.png") || !strstr(told, "broken.png") || strstr(told, "bright.png"))
        fail_msg("%s", told);
    assert_memory_equal(one->embedding[0], both->embedding[0], DIM * sizeof(float)); /* what was left out changes nothing */
    arc_generate_people_free(&both);
    arc_generate_people_free(&one);

    assert_int_equal(arc_generate_people_new(ctx, model, paths, 1, &o, &one, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "dark: none of the pictures shows a face"));
    assert_null(one);
    const int person[2] = {0, 1}; /* one of two people has none left */
    o.person = person;
    assert_int_equal(arc_generate_people_new(ctx, model, paths, 2, &o, &one, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "dark: none"));
    arc_model_free(&detector);
}

/* The number of each path says whom it shows. */
static void several_people_are_told_apart(void **state) {
    (void)state;
    arc_generate_people_options o;
    arc_generate_people *all = NULL, *first = NULL, *none = NULL;
    arc_error err = {0};
    const char *const paths[4] = {in_folder("crop0.png"), in_folder("crop2.png"), in_folder("crop1.png"), in_folder("crop3.png")};
    int person[4] = {3, 0, 3, 0};
    arc_generate_people_options_default(&o);
    o.aligned = true;
    o.person = person;
    if (arc_generate_people_new(ctx, model, paths, 4, &o, &all, &err) != ARC_OK)
        fail_msg("%s", err.text);
    assert_int_equal(all->people, 2);
    assert_string_equal(all->name[0], "crop0");
    assert_string_equal(all->name[1], "crop2");
    const char *const own[2] = {paths[0], paths[2]};
    o.person = NULL;
    if (arc_generate_people_new(ctx, model, own, 2, &o, &first, &err) != ARC_OK)
        fail_msg("%s", err.text);
    assert_int_equal(first->people, 1);
    assert_memory_equal(all->embedding[0], first->embedding[0], DIM * sizeof(float));
    arc_generate_people_free(&first);
    arc_generate_people_free(&all);
    o.person = person;
    for (int wrong = -1; wrong < 5; wrong += 5) {
        person[1] = wrong;
        assert_int_equal(arc_generate_people_new(ctx, model, paths, 4, &o, &none, &err), ARC_EINVAL);
        assert_non_null(strstr(err.text, "0 to 3"));
    }
    assert_null(none);
}

/* ---- judges ------------------------------------------------------------------------------------------------------------------
 */

/* Each judge's mean is that of its own cosines, face by face. */
static void each_judge_is_told(void **state) {
    (void)state;
    arc_generate_people_options o;
    arc_generate_people *people = NULL;
    arc_generate_job job;
    arc_error err = {0};
    const char *const paths[2] = {in_folder("crop0.png"), in_folder("crop1.png")};
    const int person[2] = {0, 1};
    arc_generate_people_options_default(&o);
    o.aligned = true;
    o.person = person;
    o.judge = (const arc_model *const *)judge;
    o.judges = 2;
    if (arc_generate_people_new(ctx, model, paths, 2, &o, &people, &err) != ARC_OK)
        fail_msg("%s", err.text);
    arc_generate_job_default(&job);
    job.people = people;
    job.judge = (const arc_model *const *)judge;
    job.judges = 1;
    job.folder = in_folder("judged");
    arc_generate_result r;
    assert_int_equal(arc_generate(ctx, model, &job, NULL, &r, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "1 judges, but the people were read with 2"));
    job.judges = 2;
    r = generate(model, &job, in_folder("judged"), 3);
    json_t *list = json_load_file(in_folder("judged/generated.json"), 0, NULL);
    assert_non_null(list);
    const json_t *faces = json_object_get(list, "faces"), *judges = json_object_get(list, "judges");
    assert_int_equal(json_array_size(faces), 2);
    assert_int_equal(json_array_size(judges), 2);
    for (size_t j = 0; j < 2; j++) {
        double mean = 0;
        for (size_t i = 0; i < 2; i++)
            mean += json_number_value(json_array_get(json_object_get(json_array_get(faces, i), "judges"), j)) / 2;
        assert_float_equal(r.judge_cosine[j], mean, 2e-6);
        assert_float_equal(json_number_value(json_object_get(json_array_get(judges, j), "cosine")), mean, 2e-6);
    }
    assert_true(fabs(r.judge_cosine[0] - r.judge_cosine[1]) > 1e-4);
    json_decref(list);
    arc_generate_people_free(&people);
    o.judges = ARC_GENERATE_MAX_JUDGES + 1;
    assert_int_equal(arc_generate_people_new(ctx, model, paths, 2, &o, &people, &err), ARC_EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_prior_may_be_gone),
        cmocka_unit_test(photos_without_a_face_are_left_out),
        cmocka_unit_test(several_people_are_told_apart),
        cmocka_unit_test(each_judge_is_told),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
