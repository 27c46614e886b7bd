/* Ten steps of the trainer against PyTorch's (tests/golden/steps.py): loss and gradient norm of each, then the margin's state,
 * weights, class centres and running statistics, with every loss. The trainer is opened from a recipe on pictures and a list on
 * disk, as `arcface train` does it. */
#include "data_support.h"
#include "format/format.h"
#include "learn_support.h"
#include "shared_context.h"
#include "train/trainer/trainer_internal.h"

enum { STEPS = 10, BATCHES = 5, CLASSES = 24, DIM = 64, SAMPLES = 2 };
#define AGREES 1e-4 /* of a loss, a norm, a tensor's size */
/* A tensor's way is a small part of it, and float32 rounds the whole: the way is held to this, counting from LEAST_WAY of the
 * tensor. */
#define WAY_AGREES 1e-3
#define LEAST_WAY 1e-3

typedef struct network {
    const char *name;
    int side, batch;
    bool bgr; /* the graph takes B, G, R, as new networks do */
    const char *fields[20];
} network;
static const network r10 = {
    "r10", 32, 16, false, {"batch", "16", "decay", "5e-4", "schedule", "step", "milestones", "1.4", NULL}};
static const network mbf = {"mbf", 112, 4, true, {"network", "mbf", "batch", "4", "decay", "1e-4", "schedule", "poly", NULL}};

typedef struct loss_case {
    const char *name;
    const char *fields[8];
} loss_case;
static const loss_case losses[] = {
    {"arcface", {"loss", "arcface", NULL}},
    {"cosface", {"loss", "cosface", NULL}},
    {"sphereface", {"loss", "sphereface", NULL}},
    {"combined", {"loss", "combined", NULL}},
    {"softmax", {"loss", "softmax", "rate", "0.006", NULL}},
    {"subcenter", {"loss", "arcface", "centers", "3", NULL}},
    {"adaface", {"loss", "adaface", NULL}},
    {"magface", {"loss", "magface", "lower_norm", "4", "upper_norm", "12", NULL}},
    {"curricularface", {"loss", "curricularface", "rate", "0.01", NULL}},
};

/* ---- pictures, labels and the small IResNet, as files ---- */

/* A whole number of 0 .. below-1; steps.py: whole(). */
static int whole(const char *name, size_t i, int below) {
    return (int)((learn_number(name, (uint32_t)i) + 1) * ((float)below / 2));
}

static void write_set(const network *n) {
    char name[64];
    const int count = BATCHES * n->batch;
    const size_t bytes = (size_t)(n->side * n->side * 3);
    snprintf(name, sizeof name, "%s.lst", n->name);
    FILE *list = fopen(in_folder(name), "w");
    assert_non_null(list);
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%s_%d.ppm", n->name, i);
        fprintf(list, "%s %d\n", name, i == count - 1 ? CLASSES - 1 : whole("labels", (size_t)i, CLASSES));
        FILE *f = fopen(in_folder(name), "wb");
        assert_non_null(f);
        fprintf(f, "P6\n%d %d\n255\n", n->side, n->side);
        for (size_t k = 0; k < bytes; k++)
            fputc(whole("pictures", (size_t)i * bytes + (n->bgr ? k / 3 * 3 + 2 - k % 3 : k), 256), f);
        fclose(f);
    }
    fclose(list);
}

static void write_r10(void) {
    arc_graph *g = learn_iresnet((int[]){1, 1, 1, 1}, 64, r10.side, DIM);
    arc_contract c = {.task = ARC_TASK_EMBED, .input_width_px = r10.side, .input_height_px = r10.side, .dim = DIM};
    for (int i = 0; i < 3; i++) {
        c.mean[i] = 127.5f;
        c.scale[i] = 1 / 127.5f;
    }
    assert_int_equal(arc_contract_write(g, &c, NULL), ARC_OK);
    assert_int_equal(arc_onnx_save(g, in_folder("r10.onnx"), NULL), ARC_OK);
    arc_graph_free(&g);
}

static int make_files(void **state) {
    if (open_context(state) != 0)
        return -1;
    write_set(&r10);
    write_set(&mbf);
    write_r10();
    return 0;
}

/* ---- the trainer, with the golden's weights and order of pictures ---- */

static void quiet(void *unused, const char *line) {
    (void)unused;
    (void)line;
}

static void set_fields(arc_recipe *recipe, const char *const *fields) {
    arc_error err = {0};
    for (; *fields; fields += 2)
        if (arc_recipe_set(recipe, fields[0], fields[1], &err) != ARC_OK)
            fail_msg("%s", err.text);
}

/* Pictures in the order of the list, epoch after epoch. */
static void read_in_order(arc_trainer *t) {
    arc_loader_options o;
    arc_loader_options_default(&o);
    o.batch = (int)t->share;
    o.width_px = t->model->contract.input_width_px;
    o.height_px = t->model->contract.input_height_px;
    o.in_order = true;
    o.threads = 0;
    assert_int_equal(arc_augment_parse(&o.augment, "none", NULL), ARC_OK);
    arc_loader_free(&t->loader);
    assert_int_equal(arc_loader_new(&t->loader, t->set, &o, NULL), ARC_OK);
}

static arc_trainer *open_trainer(const network *n, const loss_case *loss) {
    static arc_train_options o;
    static char list[TEST_PATH_BYTES];
    const char *const common[] = {"dim", "64", "steps", "10", "rate", "0.03", "augment", "none", "loader_threads", "0", NULL};
    arc_recipe *recipe = NULL;
    arc_error err = {0};
    arc_head_rows rows;
    arc_trainer *t = calloc(1, sizeof *t);
    t->ranks.count = 1;
    snprintf(list, sizeof list, "%s/%s.lst", test_folder(), n->name);
    arc_train_options_default(&o);
    o.data = list;
    o.run = "";
    o.say = quiet;
    assert_int_equal(arc_recipe_new(ctx, &recipe, NULL), ARC_OK);
    set_fields(recipe, common);
    set_fields(recipe, n->fields);
    set_fields(recipe, loss->fields);
    if (n == &r10)
        set_fields(recipe, (const char *const[]){"init", in_folder("r10.onnx"), NULL});
    if (arc_trainer_open(t, ctx, recipe, &o, &err) != ARC_OK)
        fail_msg("%s", err.text);
    arc_recipe_free(&recipe);
    read_in_order(t);
    for (size_t i = 0; i < t->parameters; i++)
        learn_draw(arc_learner_parameter(t->learner, i));
    for (size_t i = 0; i < t->statistics; i++)
        learn_draw(arc_learner_statistic(t->learner, i));
    arc_head_rows_of(t->head, &rows);
    assert_int_equal(rows.count, CLASSES);
    for (int64_t i = 0; i < rows.count * rows.centres * rows.dim; i++)
        rows.centre[i] = learn_number("centres", (uint32_t)i) * 0.2f;
    return t;
}

/* ---- comparing ---- */

typedef struct tensor {
    const char *kind, *name;
    const float *now;
    float *was;
    size_t count;
} tensor;

/* Everything that moves. */
static tensor *tensors_of(arc_trainer *t, size_t *count) {
    tensor *all = calloc(t->parameters + t->statistics + 1, sizeof *all);
    arc_head_rows rows;
    arc_head_rows_of(t->head, &rows);
    *count = 0;
    all[(*count)++] = (tensor){"weight", "centres", rows.centre, NULL, (size_t)(rows.count * rows.centres * rows.dim)};
    for (size_t i = 0; i < t->parameters + t->statistics; i++) {
        const bool weight = i < t->parameters;
        const arc_learn_parameter *p =
            weight ? arc_learner_parameter(t->learner, i) : arc_learner_statistic(t->learner, i - t->parameters);
        if (!p->frozen || !weight)
            all[(*count)++] = (tensor){weight ? "weight" : "statistic", p->name, p->value, NULL, p->count};
    }
    for (size_t i = 0; i < *count; i++) {
        all[i].was = malloc(all[i].count * sizeof(float));
        memcpy(all[i].was, all[i].now, all[i].count * sizeof(float));
    }
    return all;
}

/* The largest relative errors. */
typedef struct worst {
    double loss, norm, state, value, way;
    char value_name[128], way_name[128];
} worst;

static void raise_to(double *most, double error) {
    if (!(error <= *most))
        *most = error;
}

static void compare_step(const char *line, const arc_step_report *report, worst *w) {
    int i;
    double loss, norm;
    assert_int_equal(sscanf(line, "%*s %d %lf %lf", &i, &loss, &norm), 3);
    assert_in_range(i, 0, STEPS - 1);
    raise_to(&w->loss, fabs(report[i].loss / loss - 1));
    raise_to(&w->norm, fabs(report[i].norm / norm - 1));
}

static void compare_state(const char *line, const arc_margin_state *s, worst *w) {
    char name[32];
    double want;
    assert_int_equal(sscanf(line, "%*s %31s %lf", name, &want), 2);
    const double got = strcmp(name, "norm_mean") == 0        ? s->norm_mean
                       : strcmp(name, "norm_deviation") == 0 ? s->norm_deviation
                                                             : s->curriculum;
    raise_to(&w->state, want == 0 ? fabs(got) : fabs(got / want - 1));
}

static void compare_tensor(const char *line, const tensor *all, size_t count, worst *w) {
    char kind[16], name[128];
    size_t wanted, t = 0;
    double norm, dot, moved_norm, moved_dot, want[SAMPLES];
    assert_int_equal(sscanf(line, "%15s %127s %zu %lf %lf %lf %lf %lf %lf", kind, name, &wanted, &norm, &dot, &moved_norm,
                            &moved_dot, &want[0], &want[1]),
                     7 + SAMPLES);
    while (t < count && (strcmp(all[t].name, name) != 0 || strcmp(all[t].kind, kind) != 0))
        t++;
    if (t == count)
        fail_msg("no %s is called %s", kind, name);
    assert_int_equal(all[t].count, wanted);
    double squares = 0, probe = 0, moved_squares = 0, moved_probe = 0;
    for (size_t i = 0; i < wanted; i++) {
        const double x = (double)all[t].now[i], by = x - (double)all[t].was[i], p = (double)learn_number("probe", (uint32_t)i);
        squares += x * x;
        probe += p * x;
        moved_squares += by * by;
        moved_probe += p * by;
    }
    const double size = norm / sqrt((double)wanted);
    double value = fmax(fabs(sqrt(squares) - norm), fabs(probe - dot)) / norm;
    for (size_t i = 0; i < SAMPLES; i++)
        value = fmax(value, fabs((double)all[t].now[i * wanted / SAMPLES] - want[i]) / fmax(size, fabs(want[i])));
    const double way =
        fmax(fabs(sqrt(moved_squares) - moved_norm), fabs(moved_probe - moved_dot)) / fmax(moved_norm, LEAST_WAY * norm);
    if (getenv("LEARN_SHOW"))
        printf("%-50s moved by %.2e, error %.2e, of the way %.2e\n", name, moved_norm / norm, value, way);
    if (!(value <= w->value))
        snprintf(w->value_name, sizeof w->value_name, "%s", name);
    if (!(way <= w->way))
        snprintf(w->way_name, sizeof w->way_name, "%s", name);
    raise_to(&w->value, value);
    raise_to(&w->way, way);
}

static void compare_all(const char *golden, arc_trainer *t, const arc_step_report *report, const tensor *all, size_t count) {
    char path[512], line[1024];
    worst w = {0};
    int steps = 0, states = 0, tensors = 0;
    snprintf(path, sizeof path, "%s/tests/golden/data/steps/%s.txt", ARC_SOURCE_DIR, golden);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        if (strncmp(line, "step ", 5) == 0) {
            compare_step(line, report, &w);
            steps++;
        } else if (strncmp(line, "state ", 6) == 0) {
            compare_state(line, arc_head_margin_state(t->head), &w);
            states++;
        } else {
            compare_tensor(line, all, count, &w);
            tensors++;
        }
    fclose(f);
    printf("%s: %d tensors; largest errors: loss %.1e, norm %.1e, state %.1e, tensor %.1e (%s), way %.1e (%s)\n", golden, tensors,
           w.loss, w.norm, w.state, w.value, w.value_name, w.way, w.way_name);
    assert_int_equal(steps, STEPS);
    assert_int_equal(states, 3);
    assert_true(tensors > 8);
    assert_true(w.loss <= AGREES && w.norm <= AGREES && w.state <= AGREES && w.value <= AGREES);
    assert_true(w.way <= WAY_AGREES);
}

static void ten_steps(const network *n, const loss_case *loss) {
    char golden[64];
    size_t count;
    arc_step_report report[STEPS];
    arc_error err = {0};
    arc_trainer *t = open_trainer(n, loss);
    tensor *all = tensors_of(t, &count);
    for (; t->at.step < STEPS; t->at.step++) {
        if (arc_train_step(t, &report[t->at.step], &err) != ARC_OK)
            fail_msg("%s", err.text);
        assert_true(report[t->at.step].finite);
    }
    snprintf(golden, sizeof golden, "%s_%s", n->name, loss->name);
    compare_all(golden, t, report, all, count);
    for (size_t i = 0; i < count; i++)
        free(all[i].was);
    free(all);
    arc_trainer_close(t);
    free(t);
}

static void iresnet_trains_as_in_pytorch(void **state) {
    (void)state;
    for (size_t i = 0; i < ARC_COUNT(losses); i++)
        ten_steps(&r10, &losses[i]);
}

static void mobilefacenet_trains_as_in_pytorch(void **state) {
    (void)state;
    for (size_t i = 0; i < ARC_COUNT(losses); i++)
        ten_steps(&mbf, &losses[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(iresnet_trains_as_in_pytorch),
        cmocka_unit_test(mobilefacenet_trains_as_in_pytorch),
    };
    return cmocka_run_group_tests_name("steps", tests, make_files, close_context);
}
