/* Cards: every field is what was measured or given, or "not stated"; results of other models and files that are not what they
 * should be are refused by name; text from outside stays text; the blocks of a network add up to the network. */
#include "deploy/card/card.h"
#include "folder.h"
#include "support.h"
#include <arcface/arcface.h>
#include <string.h>

#define OTHER "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

typedef struct fixture {
    arc_context *ctx;
    arc_model *model; /* "tiny", stored */
    char sha256[65], file[TEST_PATH_BYTES], html[TEST_PATH_BYTES], md[TEST_PATH_BYTES], json[TEST_PATH_BYTES];
} fixture;

static void check(arc_status st, const arc_error *err) {
    if (st != ARC_OK)
        fail_msg("%s", err->text);
}

static int set_up(void **state) {
    fixture *f = calloc(1, sizeof *f);
    arc_error err = {0};
    arc_model_facts facts;
    arc_model *made = NULL;
    f->ctx = arc_test_context_isa(NULL, 2, "generic");
    snprintf(f->file, sizeof f->file, "%s", in_folder("tiny-net.onnx"));
    snprintf(f->html, sizeof f->html, "%s", in_folder("card.html"));
    snprintf(f->md, sizeof f->md, "%s", in_folder("card.md"));
    snprintf(f->json, sizeof f->json, "%s", in_folder("result.json"));
    check(arc_model_new(f->ctx, "tiny", 64, 1, &made, &err), &err);
    check(arc_model_save(f->ctx, made, f->file, &err), &err);
    arc_model_free(&made);
    check(arc_model_load(f->ctx, f->file, ARC_TASK_UNKNOWN, NULL, &f->model, &err), &err);
    check(arc_model_facts_get(f->ctx, f->model, &facts, &err), &err);
    snprintf(f->sha256, sizeof f->sha256, "%s", facts.sha256);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    fixture *f = *state;
    arc_model_free(&f->model);
    arc_context_close(&f->ctx);
    free(f);
    return 0;
}

static void write_text(const char *path, const char *text) {
    arc_error err = {0};
    check(arc_file_save(&arc_alloc_libc, path, text, strlen(text), &err), &err);
}

/* Freed by the caller. */
static char *read_text(const char *path) {
    arc_map map;
    arc_error err = {0};
    check(arc_map_open(&map, path, 1 << 26, &err), &err);
    char *text = malloc(map.bytes + 1);
    memcpy(text, map.data, map.bytes);
    text[map.bytes] = '\0';
    arc_map_close(&map);
    return text;
}

static char *card_of(const fixture *f, const arc_card_options *opt, const char *path) {
    arc_error err = {0};
    check(arc_card_save(f->ctx, f->model, opt, path, &err), &err);
    return read_text(path);
}

static void has(const char *text, const char *part) {
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void has_not(const char *text, const char *part) {
    if (strstr(text, part))
        fail_msg("\"%s\" is in:\n%s", part, text);
}

static void refused(const fixture *f, const arc_card_options *opt, arc_status want, const char *word) {
    arc_error err = {0};
    (void)remove(f->md);
    const arc_status st = arc_card_save(f->ctx, f->model, opt, f->md, &err);
    if (st != want || !strstr(err.text, word))
        fail_msg("%s instead of %s, \"%s\" in: %s", arc_status_name(st), arc_status_name(want), word, err.text);
    assert_int_equal(arc_path_kind_of(f->md), ARC_PATH_NONE);
}

/* ---- fields ---- */

static void nothing_is_invented(void **state) {
    const fixture *f = *state;
    arc_card_options opt;
    arc_card_options_default(&opt);
    opt.date = "2026-01-02";
    char *text = card_of(f, &opt, f->md);
    static const char *const names[] = {"Model Description", "Developed By", "Shared By", "License",
                                        "Resources",         "Data",         "Pictures",  "Identities"};
    for (size_t i = 0; i < ARC_COUNT(names); i++) {
        char row[96];
        snprintf(row, sizeof row, "| %s | not stated |", names[i]);
        has(text, row);
    }
    has(text, "### Training Procedure\n\nnot stated\n");
    has(text, "### Metrics\n\nnot stated\n");
    has(text, "### Throughput\n\nnot stated\n");
    has(text, "### Quantization\n\nnot stated\n");
    has(text, "# tiny-net\n");
    has(text, f->sha256);
    has(text, ", 2026-01-02 |");
    has(text, "| Network | tiny |");
    has(text, "image embedding: an aligned face to 64 numbers");
    has(text, "](<card.svg>)");
    free(text);
    text = card_of(f, NULL, f->html);
    has(text, "<dt>License</dt><dd>not stated</dd>");
    has(text, "<svg xmlns=");
    free(text);
}

static void given_texts_and_facts(void **state) {
    const fixture *f = *state;
    static const char *const resources[] = {"https://arxiv.org/abs/1801.07698", "see the paper"};
    arc_card_options opt;
    arc_error err = {0};
    arc_model_facts facts;
    arc_card_options_default(&opt);
    opt.name = "A name";
    opt.description = "What it is for";
    opt.developer = "Those who made it";
    opt.sharer = "Those who offer it";
    opt.license = "MIT";
    opt.data = "Faces";
    opt.resource = resources;
    opt.resource_count = 2;
    char *text = card_of(f, &opt, f->md), row[128];
    has(text, "# A name\n");
    has(text, "| Model Description | What it is for |");
    has(text, "| Developed By | Those who made it |");
    has(text, "| Shared By | Those who offer it |");
    has(text, "| License | MIT |");
    has(text, "| Data | Faces |");
    has(text, "- <https://arxiv.org/abs/1801.07698>\n- see the paper\n");
    check(arc_model_facts_get(f->ctx, f->model, &facts, &err), &err);
    snprintf(row, sizeof row, "%lld,%03lld: 2 a multiply-add", (long long)(facts.flops / 1000 % 1000),
             (long long)(facts.flops % 1000));
    has(text, row);
    has(text, "float32 NCHW");
    has(text, "not of length 1");
    free(text);
}

static void metadata_of_a_training(void **state) {
    const fixture *f = *state;
    arc_card_options opt;
    arc_error err = {0};
    arc_model *trained = NULL;
    arc_card_options_default(&opt);
    check(arc_model_load(f->ctx, f->file, ARC_TASK_EMBED, NULL, &trained, &err), &err);
    assert_int_equal(arc_graph_set_meta(trained->graph, "arcface.training",
                                        "{\"data\": \"a|set\", \"pictures\": 12345, \"identities\": 67, \"steps\": 8}"),
                     ARC_OK);
    assert_int_equal(arc_graph_set_meta(trained->graph, "arcface.recipe", "{\"loss\": \"arcface\", \"m2\": 0.5, \"epochs\": 20}"),
                     ARC_OK);
    assert_int_equal(arc_graph_set_meta(trained->graph, "license", "BSD"), ARC_OK);
    check(arc_card_save(f->ctx, trained, &opt, f->md, &err), &err);
    char *text = read_text(f->md);
    has(text, "| Data | a\\|set |");
    has(text, "| Pictures | 12,345 |");
    has(text, "| Identities | 67 |");
    has(text, "| Steps | 8 |");
    has(text, "| Loss | arcface |");
    has(text, "| Margin m2 | 0.5 |");
    has(text, "| Epochs | 20 |");
    has(text, "| License | BSD |");
    free(text);
    /* what is no JSON says nothing */
    assert_int_equal(arc_graph_set_meta(trained->graph, "arcface.training", "[1]"), ARC_OK);
    assert_int_equal(arc_graph_set_meta(trained->graph, "arcface.recipe", "{"), ARC_OK);
    check(arc_card_save(f->ctx, trained, &opt, f->md, &err), &err);
    text = read_text(f->md);
    has(text, "| Data | not stated |");
    has(text, "### Training Procedure\n\nnot stated\n");
    free(text);
    arc_model_free(&trained);
}

static void a_run(void **state) {
    const fixture *f = *state;
    arc_card_options opt;
    char run[TEST_PATH_BYTES], path[2 * TEST_PATH_BYTES];
    arc_card_options_default(&opt);
    snprintf(run, sizeof run, "%s", in_folder("run"));
    assert_int_equal(arc_dir_make(run, NULL), ARC_OK);
    opt.run = run;
    refused(f, &opt, ARC_ENOTFOUND, "recipe.json");
    snprintf(path, sizeof path, "%s/recipe.json", run);
    write_text(path, "{\"network\": \"r18\", \"batch\": 64}");
    char *text = card_of(f, &opt, f->md); /* a log may be absent */
    has(text, "| Network | r18 |");
    free(text);
    snprintf(path, sizeof path, "%s/log.jsonl", run);
    write_text(path,
               "{\"step\": 1, \"loss\": 9}\n{\"step\": 1, \"set\": \"a/lfw.bin\", \"accuracy\": 0.5, \"accuracy_std\": 0.01}\n"
               "{\"step\": 2, \"loss\": 3.25}\n{\"step\": 2, \"set\": \"a/lfw.bin\", \"accuracy\": 0.75}\n{\"step\": 3, \"lo");
    text = card_of(f, &opt, f->md);
    has(text, "| Loss of the last step | 3.2500 |");
    has(text, "| Accuracy on lfw.bin | 75.000 % |");
    free(text);
}

/* ---- results ---- */

/* One as `arcface eval lfw --json` prints it, of the model with that hash. */
static void write_result(const char *path, const char *sha256, double accuracy) {
    char text[2048];
    snprintf(
        text, sizeof text,
        "{\"protocol\": \"pairs\", \"images\": 7701, \"identities\": 4281, \"missing\": 2, \"pairs\": 6000, \"genuine\": 3000, "
        "\"impostor\": 3000, \"folds\": 10, \"accuracy\": %g, \"accuracy_std\": 0.00271, \"best_threshold_cosine\": 0.235, "
        "\"correct\": {\"value\": %g, \"hits\": 5974, \"trials\": 6000, \"low\": 0.993658, \"high\": 0.997041}, "
        "\"far_target\": 0.001, \"tar\": 0.99233, \"auc\": 0.999475, \"eer\": 0.005, \"accuracy_over_identities\": [0.9945, "
        "0.99819], \"curve\": {\"genuine\": 3000, \"operating\": [{\"target\": 0.01, \"threshold\": 0.181, \"supported\": true, "
        "\"tar\": {\"value\": 0.99633, \"low\": 0.99345, \"high\": 0.99795}, \"tar_over_identities\": [0.99306, 0.99899]}]}, "
        "\"notes\": [\"a *note* | of it\"], \"provenance\": {\"model\": \"m.onnx\", \"model_sha256\": \"%s\", \"set\": "
        "\"/home/me/pairs.txt\", \"set_sha256\": \"6b9e\", \"lineage\": \"LFW pairs.txt, the official ten folds\", \"rule\": "
        "\"10-fold\", \"engine\": \"0.1.0\", \"isa\": \"avx512\", \"precision\": \"fp32\"}}",
        accuracy, accuracy, sha256);
    write_text(path, text);
}

static void results_with_intervals(void **state) {
    const fixture *f = *state;
    const char *files[] = {f->json};
    arc_card_options opt;
    arc_card_options_default(&opt);
    opt.evaluation = files;
    opt.evaluation_count = 1;
    write_result(f->json, f->sha256, 0.99567);
    char *text = card_of(f, &opt, f->md);
    has(text, "| LFW pairs.txt | 99.567 % | 99.37 to 99.70 % | 99.233 % at 0.001 | 0.500 % | 6,000 | this file |");
    has(text, "99.567 % \xc2\xb1 0.271 over 10 folds");
    has(text, "99.366 to 99.704 %; 5974 of 6000 pairs");
    has(text, "99.450 to 99.819 %");
    has(text, "| 0.01 | 0.1810 | 99.633 % | 99.345 to 99.795 % | 99.306 to 99.899 % |");
    has(text, "| Its file | pairs.txt |");
    has_not(text, "/home/me");
    has(text, "6b9e");
    has(text, "> **Note:** a \\*note\\* \\| of it");
    has(text, "2 pictures could not be used");
    free(text);
    text = card_of(f, &opt, f->html);
    has(text, "<b>99.57 %</b><span>accuracy, LFW pairs.txt</span>");
    free(text);
}

static void foreign_results(void **state) {
    const fixture *f = *state;
    const char *files[] = {f->json};
    arc_card_options opt;
    arc_card_options_default(&opt);
    opt.evaluation = files;
    opt.evaluation_count = 1;
    write_result(f->json, OTHER, 0.9);
    refused(f, &opt, ARC_EINVAL, "measured with m.onnx");
    write_result(f->json, "", 0.9);
    refused(f, &opt, ARC_EFORMAT, "SHA-256");
    write_text(f->json, "{\"protocol\": \"pairs\"}");
    refused(f, &opt, ARC_EFORMAT, "provenance");
    write_text(f->json, "{\"protocol\": 3, \"provenance\": {}}");
    refused(f, &opt, ARC_EFORMAT, "\"protocol\"");
    write_text(f->json, "[]");
    refused(f, &opt, ARC_EFORMAT, "no object");
    write_text(f->json, "{\"a\": 1,\n");
    refused(f, &opt, ARC_EFORMAT, "line 2");
    (void)remove(f->json);
    refused(f, &opt, ARC_ENOTFOUND, "result.json");
    opt.evaluation_count = ARC_CARD_MAX_FILES + 1;
    refused(f, &opt, ARC_EINVAL, "at most");
}

/* Wrong kinds and missing keys are not stated; none is followed. */
static void results_that_lack_much(void **state) {
    const fixture *f = *state;
    const char *files[] = {f->json};
    char text[512];
    arc_card_options opt;
    arc_card_options_default(&opt);
    opt.evaluation = files;
    opt.evaluation_count = 1;
    static const char *const fields[] = {
        "", "\"accuracy\": \"x\", \"correct\": [1], \"curve\": 3, \"notes\": {}, ",
        "\"accuracy\": 1, \"correct\": {\"low\": 0}, \"curve\": {\"operating\": [1, {}]}, \"notes\": [1, null], ",
        "\"identification\": {\"rank1\": {\"value\": 0.9}, \"open_set\": [null]}, "};
    for (size_t i = 0; i < ARC_COUNT(fields); i++) {
        snprintf(text, sizeof text, "{%s\"protocol\": \"x\", \"provenance\": {\"model_sha256\": \"%s\"}}", fields[i], f->sha256);
        write_text(f->json, text);
        char *card = card_of(f, &opt, f->md);
        has(card, " | this file |");
        free(card);
    }
}

static void throughput(void **state) {
    const fixture *f = *state;
    const char *files[] = {f->json};
    char text[1024];
    arc_card_options opt;
    arc_card_options_default(&opt);
    arc_bench_card own = {"fp32", "generic", 10, 2, 5, 400, "A processor", ""};
    snprintf(own.sha256, sizeof own.sha256, "%s", f->sha256);
    opt.throughput = &own;
    opt.throughput_count = 1;
    opt.bench = files;
    opt.bench_count = 1;
    const char *line = "{\"model\": \"m\", \"isa\": \"avx2\", \"precision\": \"bf16\", \"seconds\": 20, \"fps\": 12.34, "
                       "\"latency_ms\": 161.5, \"processor\": \"B <processor>\", \"sha256\": \"%s\"}\n";
    snprintf(text, sizeof text, line, f->sha256);
    write_text(f->json, text);
    char *card = card_of(f, &opt, f->md);
    has(card, "| fp32 | 5.0 | 400.00 | 2.0 | A processor, generic |");
    has(card, "| bf16 | 12.3 | 161.50 | 20.0 | B &lt;processor&gt;, avx2 |");
    free(card);
    snprintf(text, sizeof text, line, OTHER);
    write_text(f->json, text);
    refused(f, &opt, ARC_EINVAL, "SHA-256");
    write_text(f->json, "{\"fps\": 1}");
    refused(f, &opt, ARC_EFORMAT, "bench MODEL --card --json");
    write_text(f->json, "");
    refused(f, &opt, ARC_EFORMAT, "not JSON");
    snprintf(own.sha256, sizeof own.sha256, "%s", OTHER);
    opt.bench_count = 0;
    refused(f, &opt, ARC_EINVAL, "SHA-256");
}

static void quantization(void **state) {
    const fixture *f = *state;
    static const char *const reports[] = {
        "{\"output\": \"a/m8.onnx\", \"held_out\": 40, \"mean_cosine\": 0.991, \"low_cosine\": 0.97, \"min_cosine\": 0.9, "
        "\"accuracy\": [0.995, 0.9945], \"tar\": [0.99, 0.98]}",
        "{\"device\": \"rvc2\", \"embeddings\": 7, \"cosine\": {\"mean\": 0.99998, \"p1\": 0.9999, \"least\": 0.999}}"};
    static const char *const rows[] = {
        "| m8.onnx, 8 bits; 40 pictures | 0.99100 | 0.97000 | 0.90000 | 99.500 % to 99.450 % (-0.050) "
        "| 99.000 % to 98.000 % (-1.000) |",
        "| rvc2, its arithmetic simulated; 7 pictures | 0.99998 | 0.99990 | 0.99900 | not stated | not "
        "stated |"};
    const char *files[] = {f->json};
    arc_card_options opt;
    arc_card_options_default(&opt);
    opt.quantization = files;
    opt.quantization_count = 1;
    for (size_t i = 0; i < ARC_COUNT(reports); i++) {
        write_text(f->json, reports[i]);
        char *card = card_of(f, &opt, f->md);
        has(card, rows[i]);
        free(card);
    }
    write_text(f->json, "{\"fps\": 1}");
    refused(f, &opt, ARC_EFORMAT, "mean_cosine");
    opt.quantization_count = 0;
    opt.int8 = f->file; /* the same network in float32 */
    refused(f, &opt, ARC_EINVAL, "8 bits");
}

/* The real model and what `arcface quantize` would make of it. */
static void eight_bits_beside(void **state) {
    const fixture *f = *state;
    arc_error err = {0};
    arc_model *int8 = NULL;
    arc_model_facts facts;
    char path[TEST_PATH_BYTES], second[TEST_PATH_BYTES];
    enum { CROPS = 6, SIDE = 112 };
    static uint8_t pixels[CROPS][SIDE * SIDE * 3];
    arc_image crop[CROPS];
    static arc_quantize_report report;
    for (int i = 0; i < CROPS; i++) {
        for (size_t k = 0; k < sizeof pixels[i]; k++)
            pixels[i][k] = (uint8_t)((k * (size_t)(i + 3)) / 7 + k / 336);
        crop[i] = (arc_image){pixels[i], SIDE, SIDE, SIDE * 3, ARC_RGB8};
    }
    snprintf(path, sizeof path, "%s", in_folder("int8.onnx"));
    snprintf(second, sizeof second, "%s", in_folder("second.json"));
    check(arc_quantize(f->ctx, f->model, crop, CROPS, NULL, &int8, &report, &err), &err);
    check(arc_model_save(f->ctx, int8, path, &err), &err);
    arc_model_free(&int8);
    check(arc_model_load(f->ctx, path, ARC_TASK_EMBED, NULL, &int8, &err), &err);
    check(arc_model_facts_get(f->ctx, int8, &facts, &err), &err);
    arc_model_free(&int8);
    write_result(f->json, f->sha256, 0.995);
    write_result(second, facts.sha256, 0.9925);
    const char *files[] = {second, f->json};
    arc_card_options opt;
    arc_card_options_default(&opt);
    opt.evaluation = files;
    opt.evaluation_count = 2;
    refused(f, &opt, ARC_EINVAL, "second.json");
    opt.int8 = path;
    char *card = card_of(f, &opt, f->md);
    has(card, "| 0.500 % | 6,000 | the int8 file |");
    has(card, "| pairs.txt | 99.500 % to 99.250 % (-0.250) |");
    has(card, facts.sha256);
    has(card, "| File in 8 bits | int8.onnx |");
    free(card);
    card = card_of(f, &opt, f->html); /* the tile is the float32 model's */
    has(card, "<b>99.50 %</b>");
    free(card);
}

/* ---- text from outside ---- */

static void hostile_texts(void **state) {
    const fixture *f = *state;
    static const char *const resources[] = {"javascript:alert(1)", "https://x/><img src=y>", "https://x/y"};
    arc_card_options opt;
    arc_card_options_default(&opt);
    opt.name = "<script>alert(1)</script>";
    opt.description = "a | b\n# c\r\n[d](javascript:e) `f` *g* <img src=h> &amp; \\ \x01 @me";
    opt.license = "\"'><b>";
    opt.resource = resources;
    opt.resource_count = 3;
    char *text = card_of(f, &opt, f->md);
    has(text, "# &lt;script&gt;alert(1)&lt;/script&gt;\n");
    has(text, "| a \\| b \\# c  \\[d\\](javascript:e) \\`f\\` \\*g\\* &lt;img src=h&gt; &amp;amp; \\\\ \xef\xbf\xbd @me |");
    has(text, "- javascript:alert(1)\n- https://x/&gt;&lt;img src=y&gt;\n- <https://x/y>\n");
    has_not(text, "<img");
    has_not(text, "<script");
    free(text);
    text = card_of(f, &opt, f->html);
    has(text, "<h1>&lt;script&gt;alert(1)&lt;/script&gt;</h1>");
    has(text, "&lt;img src=h&gt; &amp;amp;");
    has(text, "<li>javascript:alert(1)</li>");
    has(text, "<a href=\"https://x/&gt;&lt;img src=y&gt;\">");
    has_not(text, "<script");
    has_not(text, "<img");
    free(text);
}

static void paths(void **state) {
    const fixture *f = *state;
    arc_error err = {0};
    assert_int_equal(arc_card_save(f->ctx, f->model, NULL, "card.pdf", &err), ARC_EINVAL);
    has(err.text, ".html or .md");
    assert_int_equal(arc_card_save(f->ctx, f->model, NULL, ".md", &err), ARC_EINVAL);
    assert_int_equal(arc_card_save(f->ctx, f->model, NULL, in_folder("none/card.md"), &err), ARC_ENOTFOUND);
    assert_int_equal(arc_card_save(f->ctx, f->model, NULL, in_folder("a>b.md"), &err), ARC_EINVAL);
}

/* ---- architecture ---- */

typedef struct expected {
    const char *network;
    int count;
    struct {
        const char *title;
        int times;
    } block[12];
} expected;

static void blocks_of_the_zoo(void **state) {
    const fixture *f = *state;
    static const expected networks[] = {
        {"r50",
         10,
         {{"Stem", 1},
          {"Residual unit", 1},
          {"Residual unit", 2},
          {"Residual unit", 1},
          {"Residual unit", 3},
          {"Residual unit", 1},
          {"Residual unit", 13},
          {"Residual unit", 1},
          {"Residual unit", 2},
          {"Head", 1}}},
        {"mbf",
         8,
         {{"Stem", 1},
          {"Downsampling", 1},
          {"Residual unit", 4},
          {"Downsampling", 1},
          {"Residual unit", 6},
          {"Downsampling", 1},
          {"Residual unit", 2},
          {"Head", 1}}},
    };
    for (size_t n = 0; n < ARC_COUNT(networks); n++) {
        const expected *want = &networks[n];
        arc_error err = {0};
        arc_model *model = NULL;
        arc_model_facts facts;
        arc_card_blocks blocks;
        arc_card_document *d = calloc(1, sizeof *d);
        arc_card_document_open(d, &arc_alloc_libc);
        check(arc_model_new(f->ctx, want->network, 512, 1, &model, &err), &err);
        check(arc_model_facts_get(f->ctx, model, &facts, &err), &err);
        check(arc_card_blocks_find(f->ctx, model, d, &blocks, &err), &err);
        int64_t macs = 0, parameters = 0;
        assert_int_equal(blocks.count, want->count);
        for (int i = 0; i < blocks.count; i++) {
            assert_string_equal(blocks.block[i].title, want->block[i].title);
            assert_int_equal(blocks.block[i].times, want->block[i].times);
            macs += blocks.block[i].macs;
            parameters += blocks.block[i].parameters;
        }
        assert_int_equal(macs, facts.macs);
        assert_int_equal(parameters, facts.parameters);
        assert_non_null(arc_card_draw(d, &blocks, model));
        assert_false(d->full);
        arc_card_document_close(d);
        free(d);
        arc_model_free(&model);
    }
}

/* Real networks of other shapes: what the blocks cost is what the network costs. */
static void blocks_add_up(void **state) {
    const fixture *f = *state;
    static const char *const files[] = {"models/recognition/w600k_mbf_dequantised_fp32.onnx",
                                        "models/recognition/w600k_mbf_int8_dynamic.onnx",
                                        "wild-models/vit17.onnx",
                                        "wild-models/edge17.onnx",
                                        "wild-models/ghost_dyn.onnx",
                                        "wild-models/ir_qop.onnx",
                                        "models/detection/scrfd_2.5g_bnkps.onnx"};
    for (size_t n = 0; n < ARC_COUNT(files); n++) {
        arc_error err = {0};
        arc_model *model = NULL;
        arc_model_facts facts;
        arc_card_blocks blocks;
        arc_card_document *d = calloc(1, sizeof *d);
        arc_card_document_open(d, &arc_alloc_libc);
        check(arc_model_load(f->ctx, arc_test_file(files[n]), ARC_TASK_UNKNOWN, NULL, &model, &err), &err);
        check(arc_model_facts_get(f->ctx, model, &facts, &err), &err);
        check(arc_card_blocks_find(f->ctx, model, d, &blocks, &err), &err);
        int64_t macs = 0, parameters = 0;
        for (int i = 0; i < blocks.count; i++) {
            macs += blocks.block[i].macs;
            parameters += blocks.block[i].parameters;
        }
        if (macs != facts.macs || parameters != facts.parameters)
            fail_msg("%s: blocks have %lld MACs and %lld parameters, the network %lld and %lld", files[n], (long long)macs,
                     (long long)parameters, (long long)facts.macs, (long long)facts.parameters);
        if (strstr(files[n], "vit17")) { /* attention and feed-forward, twice */
            assert_string_equal(blocks.block[1].title, "Transformer block");
            assert_int_equal(blocks.block[1].times, 2);
        }
        arc_card_document_close(d);
        free(d);
        arc_model_free(&model);
    }
}

static void failing_memory(void **state) {
    (void)state;
    char path[TEST_PATH_BYTES];
    arc_test_heap heap = {0};
    arc_context *small = arc_test_context_isa(&heap, 1, "generic");
    arc_test_walk walk = {.heap = &heap, .thin = 8};
    arc_model *model = NULL;
    arc_error err = {0};
    arc_status st;
    snprintf(path, sizeof path, "%s", in_folder("thin.html"));
    check(arc_model_new(small, "tiny", 8, 1, &model, &err), &err);
    do {
        arc_test_walk_begin(&walk);
        st = arc_card_save(small, model, NULL, path, &err);
    } while (arc_test_walk_again(&walk, st));
    heap.fail_at = 0;
    arc_model_free(&model);
    arc_context_close(&small);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_invented),    cmocka_unit_test(given_texts_and_facts),
        cmocka_unit_test(metadata_of_a_training), cmocka_unit_test(a_run),
        cmocka_unit_test(results_with_intervals), cmocka_unit_test(foreign_results),
        cmocka_unit_test(results_that_lack_much), cmocka_unit_test(throughput),
        cmocka_unit_test(quantization),           cmocka_unit_test(eight_bits_beside),
        cmocka_unit_test(hostile_texts),          cmocka_unit_test(paths),
        cmocka_unit_test(blocks_of_the_zoo),      cmocka_unit_test(blocks_add_up),
        cmocka_unit_test(failing_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
