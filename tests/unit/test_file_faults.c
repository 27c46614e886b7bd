/* The library's calls that write files, with every system call on files failing in turn: afterwards each file is the old one,
 * whole, or the new one, whole; OK means the new one; and doing it again, without a fault, works. What base's own files promise
 * is in test_store. */
#include "../faulty_sys.h"
#include "data_support.h"
#include "format/format.h"
#include "hub/hub_internal.h"
#include "plan/cache.h"
#include "shared_context.h"
#include "train/trainer/trainer_internal.h"
#include <arcface/data.h>
#include <arcface/file.h>

enum { MOST_FILES = 4, MOST_CALLS = 2000 };

static arc_model *model[2];
static arc_image picture[2];
static const char *const owner = "this machine";

static int begin(void **state) {
    if (open_context(state) != 0)
        return -1;
    for (int k = 0; k < 2; k++) {
        if (arc_model_new(ctx, "tiny", 16, (uint64_t)k + 1, &model[k], NULL) != ARC_OK)
            return -1;
        picture[k] = test_paint(ctx, 64, k);
    }
    return 0;
}

static int end(void **state) {
    for (int k = 0; k < 2; k++) {
        arc_model_free(&model[k]);
        arc_image_free(ctx, &picture[k]);
    }
    return close_context(state);
}

/* ---- the walk -------------------------------------------------------------------------------------------------------------- */

/* A call that writes files, in two versions. Two files may come to stand side by side, the old and the new: that order is the
 * call's own. */
typedef struct writing {
    const char *name;
    arc_status (*write)(int version, arc_error *err);
    const char *file[MOST_FILES]; /* in the test's folder */
} writing;

typedef struct content {
    uint8_t *data;
    size_t bytes;
} content;

static content read_all(const char *path) {
    content c = {NULL, 0};
    FILE *f = fopen(path, "rb");
    struct stat info;
    if (!f)
        return c;
    assert_int_equal(fstat(fileno(f), &info), 0);
    c.bytes = (size_t)info.st_size;
    c.data = malloc(c.bytes + 1);
    assert_int_equal(fread(c.data, 1, c.bytes, f), c.bytes);
    fclose(f);
    return c;
}

static void write_all(const char *path, const content *c) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(c->data, 1, c->bytes, f), c->bytes);
    fclose(f);
}

static bool same(const content *a, const content *b) {
    return a->data && b->data && a->bytes == b->bytes && memcmp(a->data, b->data, a->bytes) == 0;
}

static size_t entries(void) {
    arc_names names;
    assert_int_equal(arc_dir_list(&names, &ctx->alloc, test_folder(), 1000, NULL), ARC_OK);
    const size_t count = names.count;
    arc_names_free(&names);
    return count;
}

/* Whether an error names a file of the test, or one of the folders above it. */
static bool names_a_file(const char *text) {
    const size_t first = strcspn(text, ":");
    return strstr(text, test_folder()) || (first > 1 && text[0] == '/' && strncmp(text, test_folder(), first) == 0);
}

static void walk(const writing *w, int reason, bool on) {
    content version[2][MOST_FILES];
    arc_error err = {0};
    for (int k = 0; k < 2; k++) {
        if (w->write(k, &err) != ARC_OK)
            fail_msg("%s: %s", w->name, err.text);
        for (int i = 0; i < MOST_FILES && w->file[i]; i++)
            version[k][i] = read_all(in_folder(w->file[i]));
    }
    const size_t before = entries();
    for (long n = 1;; n++) {
        assert_true(n < MOST_CALLS);
        for (int i = 0; i < MOST_FILES && w->file[i]; i++)
            write_all(in_folder(w->file[i]), &version[0][i]);
        err = (arc_error){0};
        arc_faults_begin((arc_faults){.at = n, .on = on, .reason = reason});
        const arc_status st = w->write(1, &err);
        const bool all = arc_faults_end() < n;
        if (all && st != ARC_OK)
            fail_msg("%s: %s", w->name, err.text);
        for (int i = 0; i < MOST_FILES && w->file[i]; i++) {
            content now = read_all(in_folder(w->file[i]));
            if (!same(&now, &version[1][i]) && (st == ARC_OK || !same(&now, &version[0][i])))
                fail_msg("%s, call %ld (%s), status %s: %s is neither the old nor the new file", w->name, n, arc_faults_call(),
                         arc_status_name(st), w->file[i]);
            free(now.data);
        }
        if (st != ARC_OK && !names_a_file(err.text))
            fail_msg("%s, call %ld (%s): no file is named: %s", w->name, n, arc_faults_call(), err.text);
        if (!on && entries() != before)
            fail_msg("%s, call %ld (%s): something is left behind", w->name, n, arc_faults_call());
        if (all) {
            assert_true(n > 6); /* at least open, write, sync, close, rename and the folder */
            break;
        }
    }
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < MOST_FILES && w->file[i]; i++)
            free(version[k][i].data);
}

/* ---- the calls ------------------------------------------------------------------------------------------------------------- */

static arc_status save_model(int version, arc_error *err) {
    return arc_model_save(ctx, model[version], in_folder("model.onnx"), err);
}

static arc_status save_npy(int version, arc_error *err) {
    const float data[6] = {(float)version, 2, 3, 4, 5, 6};
    return arc_npy_save_f32(&ctx->alloc, in_folder("data.npy"), data, 2, (const int64_t[2]){2, 3}, err);
}

static arc_status save_plan(int version, arc_error *err) {
    arc_plan_record r;
    arc_plan_record_init(&r, &ctx->alloc);
    arc_status st = arc_plan_record_set(&r, "conv 1x14x14x256", 0, version ? "winograd 4x4" : "direct", err);
    if (st == ARC_OK)
        st = arc_plan_record_save(&r, in_folder("plan"), owner, err);
    arc_plan_record_free(&r);
    return st;
}

static arc_status save_records(int version, arc_error *err) {
    arc_record_writer *w = NULL;
    arc_status st = arc_record_writer_open(&w, &ctx->alloc, in_folder("set.rec"), in_folder("set.idx"), err);
    for (uint64_t key = 1; st == ARC_OK && key < 4; key++) /* the second version is longer, so that the index differs */
        st = arc_record_writer_put(w, key, &(arc_image_record){.id = key}, NULL, picture[version].data,
                                   3000 + 4 * (size_t)version, err);
    if (st == ARC_OK)
        return arc_record_writer_commit(&w, err);
    arc_record_writer_abort(&w);
    return st;
}

static arc_status save_index(int version, arc_error *err) {
    uint64_t key[2] = {1, 2 + (uint64_t)version}, offset[2] = {0, 8};
    const arc_record_index index = {.alloc = &ctx->alloc, .key = key, .offset = offset, .count = 2};
    return arc_record_index_save(&index, &ctx->alloc, in_folder("other.idx"), err);
}

static arc_status save_verification(int version, arc_error *err) {
    arc_bin_writer *w = NULL;
    const uint8_t label[1] = {(uint8_t)version};
    arc_status st = arc_bin_writer_open(&w, &ctx->alloc, in_folder("pairs.bin"), 1, err);
    for (int i = 0; st == ARC_OK && i < 2; i++)
        st = arc_bin_writer_put(w, picture[i].data, 1000, err);
    if (st == ARC_OK)
        return arc_bin_writer_commit(&w, label, err);
    arc_bin_writer_abort(&w);
    return st;
}

static arc_status save_sums(int version, arc_error *err) {
    arc_hub_record record = {0};
    arc_status st = arc_hub_record_set(&record, version ? "b.onnx" : "a.onnx",
                                       "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", err);
    return st == ARC_OK ? arc_hub_record_write(&record, &ctx->alloc, test_folder(), err) : st;
}

static arc_status save_png(int version, arc_error *err) {
    return arc_image_save(ctx, &picture[version], in_folder("picture.png"), err);
}

static arc_status save_jpeg(int version, arc_error *err) {
    return arc_image_save(ctx, &picture[version], in_folder("picture.jpg"), err);
}

static arc_status save_ppm(int version, arc_error *err) {
    return arc_image_save(ctx, &picture[version], in_folder("picture.ppm"), err);
}

static arc_status save_bytes(int version, arc_error *err) {
    return arc_file_write(ctx, in_folder("bytes"), picture[version].data, 64, err);
}

static arc_status draw_set(int version, arc_error *err) {
    arc_drawn_options o;
    arc_drawn_options_default(&o);
    o.identities = 2 + version;
    o.images = 2;
    o.size_px = 32;
    return arc_data_drawn(ctx, in_folder("drawn.rec"), &o, err);
}

static const writing writings[] = {
    {"a model", save_model, {"model.onnx"}}, {"an array", save_npy, {"data.npy"}},
    {"a plan", save_plan, {"plan"}},         {"records", save_records, {"set.rec", "set.idx"}},
    {"an index", save_index, {"other.idx"}}, {"a verification set", save_verification, {"pairs.bin"}},
    {"sums", save_sums, {"SHA256SUMS"}},     {"a PNG", save_png, {"picture.png"}},
    {"a JPEG", save_jpeg, {"picture.jpg"}},  {"a PPM", save_ppm, {"picture.ppm"}},
    {"bytes", save_bytes, {"bytes"}},        {"a drawn set", draw_set, {"drawn.rec", "drawn.idx", "property"}},
};

static void old_or_new_when_one_call_fails(void **state) {
    (void)state;
    for (size_t i = 0; i < ARC_COUNT(writings); i++)
        walk(&writings[i], i % 2 ? EIO : ENOSPC, false);
}

static void old_or_new_when_the_disk_is_gone(void **state) {
    (void)state;
    for (size_t i = 0; i < ARC_COUNT(writings); i++)
        walk(&writings[i], i % 2 ? EROFS : EIO, true);
}

/* ---- a pull ---------------------------------------------------------------------------------------------------------------- */

static arc_status pull(arc_error *err) {
    static const arc_hub_entry entry = {"pack", "", "pack.onnx", 0, NULL, "test", "test"};
    static const arc_hub_member member[] = {{"pack", "pack.onnx", NULL, ARC_TASK_EMBED}};
    const arc_hub_pack pack = {&entry, member, ARC_COUNT(member)};
    char path[ARC_HUB_PATH_BYTES];
    arc_pull_options o;
    arc_pull_options_default(&o);
    o.from = in_folder("shop");
    o.cache_dir = in_folder("cache");
    return arc_hub_pull_pack(&ctx->alloc, &pack, &o, path, sizeof path, err);
}

static void a_pull_that_failed_is_repeated(void **state) {
    (void)state;
    assert_int_equal(arc_dir_make(in_folder("shop"), NULL), ARC_OK);
    assert_int_equal(arc_model_save(ctx, model[0], in_folder("shop/pack.onnx"), NULL), ARC_OK);
    content wanted = read_all(in_folder("shop/pack.onnx"));
    char line[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef  other.onnx\n";
    const content recorded = {(uint8_t *)line, sizeof line - 1}; /* of a file that was installed once: not to be forgotten */
    assert_int_equal(arc_dir_make(in_folder("cache/pack"), NULL), ARC_OK);
    for (long n = 1;; n++) {
        arc_error err = {0};
        assert_true(n < MOST_CALLS);
        (void)arc_path_remove(in_folder("cache/pack/pack.onnx"), NULL);
        (void)arc_path_remove(in_folder("cache/pack/pack.onnx.part"), NULL);
        write_all(in_folder("cache/pack/SHA256SUMS"), &recorded);
        arc_faults_begin((arc_faults){.at = n, .reason = ENOSPC});
        const arc_status st = pull(&err);
        const bool all = arc_faults_end() < n;
        content now = read_all(in_folder("cache/pack/pack.onnx"));
        content sums = read_all(in_folder("cache/pack/SHA256SUMS"));
        assert_true(now.data ? same(&now, &wanted) : st != ARC_OK);
        assert_true(sums.bytes >= recorded.bytes && memcmp(sums.data, line, recorded.bytes) == 0);
        assert_true(st == ARC_OK || strlen(err.text) > 10);
        if (pull(&err) != ARC_OK)
            fail_msg("after call %ld (%s): %s", n, arc_faults_call(), err.text);
        content again = read_all(in_folder("cache/pack/pack.onnx"));
        assert_true(same(&again, &wanted));
        free(now.data);
        free(again.data);
        free(sums.data);
        if (all)
            break;
    }
    free(wanted.data);
}

/* ---- a training ------------------------------------------------------------------------------------------------------------ */

static void quiet(void *unused, const char *line) {
    (void)unused;
    (void)line;
}

static arc_trainer *open_trainer(arc_train_options *o) {
    static const char *const field[] = {"network", "tiny",           "dim", "16", "batch", "4", "augment",
                                        "none",    "loader_threads", "0",   NULL};
    arc_recipe *recipe = NULL;
    arc_error err = {0};
    arc_trainer *t = calloc(1, sizeof *t);
    t->ranks.count = 1;
    arc_train_options_default(o);
    o->data = in_folder("people.rec");
    o->run = in_folder("run");
    o->say = quiet;
    t->ctx = ctx;
    t->options = o;
    assert_int_equal(arc_dir_make(o->run, NULL), ARC_OK);
    assert_int_equal(arc_recipe_new(ctx, &recipe, NULL), ARC_OK);
    for (const char *const *f = field; *f; f += 2)
        assert_int_equal(arc_recipe_set(recipe, f[0], f[1], NULL), ARC_OK);
    if (arc_trainer_open(t, ctx, recipe, o, &err) != ARC_OK)
        fail_msg("%s", err.text);
    arc_recipe_free(&recipe);
    return t;
}

/* The step that a resumed training would go on from. */
static int64_t newest(arc_trainer *t) {
    char path[ARC_TRAIN_PATH];
    arc_error err = {0};
    bool found = false;
    assert_int_equal(arc_checkpoint_newest(&ctx->alloc, t->options->run, path, &found, &err), ARC_OK);
    assert_true(found);
    const arc_train_at at = t->at;
    if (arc_checkpoint_load(t, path, &err) != ARC_OK)
        fail_msg("%s", err.text);
    const int64_t step = t->at.step;
    t->at = at;
    return step;
}

static void checkpoints_and_logs(void **state) {
    (void)state;
    arc_train_options o;
    test_write_rec(ctx, "people", 2, 4, 112);
    arc_trainer *t = open_trainer(&o);
    char path[ARC_TRAIN_PATH];
    for (long n = 1;; n++) { /* the second checkpoint, with the first behind it */
        arc_error err = {0};
        assert_true(n < MOST_CALLS);
        t->at.step = 1;
        assert_int_equal(arc_checkpoint_save(t, NULL), ARC_OK);
        t->at.step = 2;
        arc_faults_begin((arc_faults){.at = n, .reason = n % 2 ? EIO : ENOSPC});
        const arc_status st = arc_checkpoint_save(t, &err);
        const bool all = arc_faults_end() < n;
        assert_true(st == ARC_OK || strstr(err.text, "run/step-"));
        const int64_t step = newest(t);
        assert_true(step == 2 || (step == 1 && st != ARC_OK));
        for (int i = 0; i < 2; i++) {
            snprintf(path, sizeof path, "%s/step-00000002.%s", o.run, i ? "state" : "onnx");
            (void)arc_path_remove(path, NULL);
        }
        if (all)
            break;
    }
    for (long n = 1;; n++) { /* the listing of a folder that cannot be read is no folder without checkpoints */
        bool found = false;
        arc_faults_begin((arc_faults){.at = n, .reason = EIO});
        const arc_status st = arc_checkpoint_newest(&ctx->alloc, o.run, path, &found, NULL);
        if (arc_faults_end() < n)
            break;
        assert_true(st != ARC_OK || found || strcmp(arc_faults_call(), "open") == 0 || strcmp(arc_faults_call(), "fstat") == 0 ||
                    strcmp(arc_faults_call(), "map") == 0); /* a checkpoint that cannot be read is passed over */
    }
    for (long n = 1;; n++) { /* the log keeps its whole lines, and a line more or none */
        const arc_step_report report = {.loss = 1, .finite = true};
        const arc_train_progress progress = {.step = n};
        arc_error err = {0};
        assert_true(n < MOST_CALLS);
        snprintf(path, sizeof path, "%s/log.jsonl", o.run);
        content before = read_all(path);
        t->at.step = n;
        arc_faults_begin((arc_faults){.at = n, .reason = ENOSPC});
        arc_status st = arc_journal_open(t, &err);
        if (st == ARC_OK)
            st = arc_journal_step(t, &report, &progress, &err);
        const arc_status closed = arc_journal_close(t, &err);
        const bool all = arc_faults_end() < n;
        assert_true(st == ARC_OK && closed == ARC_OK ? all || strcmp(arc_faults_call(), "close") == 0 : strlen(err.text) > 10);
        content after = read_all(path);
        assert_true(after.bytes >= before.bytes && (!before.bytes || memcmp(after.data, before.data, before.bytes) == 0));
        assert_true(after.bytes == 0 || after.data[after.bytes - 1] == '\n');
        free(before.data);
        free(after.data);
        if (all)
            break;
    }
    arc_trainer_close(t);
    free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_or_new_when_one_call_fails),
        cmocka_unit_test(old_or_new_when_the_disk_is_gone),
        cmocka_unit_test(a_pull_that_failed_is_repeated),
        cmocka_unit_test(checkpoints_and_logs),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
