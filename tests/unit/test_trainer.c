/* What one step of the trainer does, against the words of the recipe: clipping, decay, the running mean of weights,
 * micro-batches, the teacher. */
#include "data_support.h"
#include "shared_context.h"
#include "train/trainer/trainer_internal.h"
#include <arcface/data.h>

enum { IDENTITIES = 4, IMAGES = 6, BATCH = 8 };

static int draw_set(void **state) {
    arc_drawn_options o;
    arc_drawn_options_default(&o);
    o.identities = IDENTITIES;
    o.images = IMAGES;
    if (open_context(state) != 0)
        return -1;
    return arc_data_drawn(ctx, in_folder("set"), &o, NULL) == ARC_OK ? 0 : -1;
}

static void quiet(void *unused, const char *line) {
    (void)unused;
    (void)line;
}

/* A training by field, value, field, value ... NULL. Its weights depend on the seed alone. */
static arc_trainer *open_trainer(const char *const *fields) {
    static arc_train_options o; /* the same for all */
    static char set[256];
    static const char *const common[] = {"network", "tiny", "dim",      "16",       "scale", "16", "batch",          "8",
                                         "rate",    "0.05", "augment",  "none",     "seed",  "7",  "loader_threads", "0",
                                         "clip",    "0",    "schedule", "constant", NULL};
    arc_recipe *recipe = NULL;
    arc_error err = {0};
    arc_trainer *t = calloc(1, sizeof *t);
    t->ranks.count = 1;
    arc_train_options_default(&o);
    snprintf(set, sizeof set, "%s", in_folder("set"));
    o.data = set;
    o.run = "";
    o.say = quiet;
    assert_int_equal(arc_recipe_new(ctx, &recipe, NULL), ARC_OK);
    for (int list = 0; list < 2; list++)
        for (const char *const *f = list ? fields : common; *f; f += 2)
            if (arc_recipe_set(recipe, f[0], f[1], &err) != ARC_OK)
                fail_msg("%s", err.text);
    if (arc_trainer_open(t, ctx, recipe, &o, &err) != ARC_OK)
        fail_msg("%s", err.text);
    arc_recipe_free(&recipe);
    return t;
}

static void close_trainer(arc_trainer *t) {
    arc_trainer_close(t);
    free(t);
}

static arc_step_report run_step(arc_trainer *t) {
    arc_step_report r;
    arc_error err = {0};
    if (arc_train_step(t, &r, &err) != ARC_OK)
        fail_msg("%s", err.text);
    assert_true(r.finite);
    t->at.step++;
    return r;
}

static float **copy_weights(arc_trainer *t) {
    float **copy = calloc(t->parameters, sizeof *copy);
    for (size_t i = 0; i < t->parameters; i++) {
        const arc_learn_parameter *p = arc_learner_parameter(t->learner, i);
        copy[i] = malloc(p->count * sizeof **copy);
        memcpy(copy[i], p->value, p->count * sizeof **copy);
    }
    return copy;
}

static void free_weights(arc_trainer *t, float **copy) {
    for (size_t i = 0; i < t->parameters; i++)
        free(copy[i]);
    free(copy);
}

/* The first step from rest: w - rate (factor g + decay w), and the mean of weights a tenth of the way behind. */
static void first_step(double bound, const char *decay_all) {
    char clip[32];
    arc_number_write(clip, sizeof clip, bound);
    const char *const fields[] = {"clip", clip, "decay", "0.5", "decay_all", decay_all, "ema", "0.9", NULL};
    arc_trainer *t = open_trainer(fields);
    float **before = copy_weights(t);
    const arc_step_report r = run_step(t);
    double squares = 0;
    int decaying = 0, others = 0;
    for (size_t i = 0; i < t->parameters; i++) {
        const arc_learn_parameter *p = arc_learner_parameter(t->learner, i);
        for (size_t k = 0; !p->frozen && k < p->count; k++)
            squares += (double)p->gradient[k] * (double)p->gradient[k];
    }
    assert_true(fabs(sqrt(squares) - r.norm) <= 1e-6 * r.norm);
    assert_true(bound == 0 || r.norm > 2 * bound);
    const double factor = bound > 0 ? bound / r.norm : 1;
    for (size_t i = 0; i < t->parameters; i++) {
        const arc_learn_parameter *p = arc_learner_parameter(t->learner, i);
        const bool decays = p->decays || strcmp(decay_all, "yes") == 0;
        decaying += p->decays;
        others += !p->decays;
        for (size_t k = 0; !p->frozen && k < p->count; k++) {
            const double w = (double)before[i][k], g = (double)p->gradient[k];
            const double want = w - 0.05 * (factor * g + (decays ? 0.5 * w : 0));
            const double mean = w + 0.1 * (want - w);
            assert_true(fabs((double)p->value[k] - want) <= 1e-5 * fmax(fabs(want), 0.01));
            assert_true(fabs((double)t->average[i][k] - mean) <= 1e-5 * fmax(fabs(mean), 0.01));
        }
    }
    assert_true(decaying > 3 && others > 3);
    free_weights(t, before);
    close_trainer(t);
}

static void a_step_is_the_recipe_s(void **state) {
    (void)state;
    first_step(0, "yes");
    first_step(0, "no");
    first_step(0.01, "no");
}

/* Without statistics of the batch a step of two micro-batches is that of one; with them the first layer's mean is, for it is a
 * mean of pictures. */
static void micro_batches_add_up(void **state) {
    (void)state;
    for (int running = 0; running < 2; running++) {
        arc_trainer *whole = open_trainer((const char *const[]){NULL});
        arc_trainer *parts = open_trainer((const char *const[]){"micro_batch", "4", NULL});
        for (size_t i = 0; i < arc_learner_norms(whole->learner); i++)
            arc_learner_norm(whole->learner, i)->uses_running = arc_learner_norm(parts->learner, i)->uses_running = running;
        const arc_step_report a = run_step(whole), b = run_step(parts);
        const arc_learn_parameter *mean = arc_learner_norm(whole->learner, 0)->running_mean,
                                  *same = arc_learner_norm(parts->learner, 0)->running_mean;
        double largest = 0;
        for (size_t k = 0; k < mean->count; k++)
            largest = fmax(largest, fabs((double)mean->value[k]));
        assert_true(running ? largest == 0 : largest > 0); /* running means start at 0 */
        assert_true(arc_test_max_error(mean->value, same->value, mean->count) <= 1e-5 * largest);
        assert_true(!running || fabs(a.loss - b.loss) <= 1e-5 * a.loss);
        for (size_t i = 0; running && i < whole->parameters; i++) {
            const arc_learn_parameter *p = arc_learner_parameter(whole->learner, i),
                                      *q = arc_learner_parameter(parts->learner, i);
            if (!p->frozen)
                assert_true(p->count < 2 || arc_test_cosine(p->gradient, q->gradient, p->count) > 1 - 1e-5);
        }
        assert_true(!running || fabs(a.norm - b.norm) <= 1e-4 * a.norm);
        close_trainer(whole);
        close_trainer(parts);
    }
}

/* A frozen layer keeps its weights and, of a BatchNormalization, the running statistics, also by parts whose shares are no binary
 * fractions; the others move. */
static void what_is_frozen_stays(void **state) {
    (void)state;
    char name[256];
    arc_trainer *t = open_trainer((const char *const[]){NULL});
    snprintf(name, sizeof name, "%s", arc_learner_norm(t->learner, 0)->running_mean->name);
    close_trainer(t);
    strrchr(name, '.')[1] = '\0';
    t = open_trainer((const char *const[]){"freeze", name, "batch", "12", "micro_batch", "4", NULL});
    for (size_t i = 0; i < arc_learner_norms(t->learner); i++)
        for (size_t k = 0; k < arc_learner_norm(t->learner, i)->channels; k++)
            arc_learner_norm(t->learner, i)->running_mean->value[k] = 0.1f * (float)(k + 1);
    float **before = copy_weights(t);
    run_step(t);
    int stay = 0;
    for (size_t i = 0; i < t->parameters; i++) {
        const arc_learn_parameter *p = arc_learner_parameter(t->learner, i);
        const bool frozen = strncmp(p->name, name, strlen(name)) == 0;
        stay += frozen;
        assert_true((memcmp(before[i], p->value, p->count * sizeof(float)) == 0) == p->frozen);
        assert_true(p->frozen || !frozen);
    }
    assert_int_equal(stay, 2);
    for (size_t i = 0; i < arc_learner_norms(t->learner); i++) {
        const arc_learn_norm *norm = arc_learner_norm(t->learner, i);
        size_t same = 0;
        for (size_t k = 0; k < norm->channels; k++)
            same += norm->running_mean->value[k] == 0.1f * (float)(k + 1);
        assert_int_equal(same, i == 0 ? norm->channels : 0);
    }
    free_weights(t, before);
    close_trainer(t);
}

/* With the teacher alone, embeddings turn towards the teacher's. */
static void a_teacher_is_followed(void **state) {
    (void)state;
    arc_model *teacher = NULL;
    const char *path = in_folder("teacher.onnx");
    assert_int_equal(arc_model_new(ctx, "tiny", 16, 99, &teacher, NULL), ARC_OK);
    assert_int_equal(arc_model_save(ctx, teacher, path, NULL), ARC_OK);
    arc_model_free(&teacher);
    arc_trainer *t = open_trainer((const char *const[]){"teacher", path, "head_weight", "0", NULL});
    assert_null(t->head);
    double first = 0, last = 0;
    for (int i = 0; i < 24; i++) {
        const arc_step_report r = run_step(t);
        assert_true(fabs(r.loss - r.distance) <= 1e-9);
        first += i < 3 ? r.distance / 3 : 0;
        last += i >= 21 ? r.distance / 3 : 0;
    }
    printf("distance to the teacher: %.3f, then %.3f\n", first, last);
    assert_true(last < 0.8 * first);
    close_trainer(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_is_the_recipe_s),
        cmocka_unit_test(micro_batches_add_up),
        cmocka_unit_test(what_is_frozen_stays),
        cmocka_unit_test(a_teacher_is_followed),
    };
    return cmocka_run_group_tests_name("trainer", tests, draw_set, close_context);
}
