/* Files as people have them: what stands in a model's place is named, safetensors and wrapped checkpoints, weights in other files
 * that may lead nowhere else, verification sets and lists of pairs of every flavour. */
#include "base/base.h"
#include "folder.h"
#include "format/format.h"
#include "format/torch/torch_internal.h"
#include "support.h"
#include <string.h>
#include <unistd.h>

static void write_file(const char *path, const void *data, size_t bytes) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, bytes, f), bytes);
    assert_int_equal(fclose(f), 0);
}

/* ---- foreign.c ---- */

static void what_stands_in_a_models_place_is_named(void **state) {
    static const struct {
        const char *bytes;
        size_t count;
        const char *text;
    } files[] = {
        {"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", 63, "Git LFS pointer"},
        {"\r\n <!DOCTYPE html><html>", 24, "HTML page"},
        {"\xef\xbb\xbf<HTML>", 9, "HTML page"},
        {"<?xml version=\"1.0\"?><Error>denied</Error>", 42, "server's message"},
        {"<?xml version=\"1.0\"?>\n<net name=\"a\">", 36, "OpenVINO"},
        {"\x1c\0\0\0TFL3", 8, "TensorFlow Lite"},
        {"\x89HDF\r\n\x1a\n", 8, "HDF5"},
        {"\x08\x01\x12\x20\x0a\x05serve", 11, "SavedModel"},
        {"\x0a\x1b\x0a\x01x\x12\x0bPlaceholder", 18, "frozen TensorFlow graph"},
        {"PK\x03\x04 archive/data.pkl archive/constants.pkl", 43, "TorchScript"},
        {"PK\x03\x04 config.json model.weights.h5", 34, "Keras"},
        {"\x1f\x8b\x08", 3, "packed archive"},
        {"\xff\xd8\xff\xe0", 4, "picture"},
        {"7767517\n1 1\n", 12, "ncnn"},
        {"\x08\x01\x12\xff\x0f\x0a\x10\x41ssignVariableOp", 24, "SavedModel"},
        {"Entry not found", 15, "'Entry not found'"},
        {"{\"error\": \"Repository not found\"}\n", 34, "message in place of a download"},
    };
    (void)state;
    for (size_t i = 0; i < ARC_COUNT(files); i++) {
        arc_error err = {0};
        if (arc_refuse_other_model(files[i].bytes, files[i].count, "m.onnx", &err) == ARC_OK)
            fail_msg("%s is not recognised", files[i].text);
        assert_non_null(strstr(err.text, files[i].text));
        assert_non_null(strstr(err.text, "m.onnx"));
    }
    static const char *const sound[] = {"\x08\x08\x12\x07pytorch", "PK\x03\x04 archive/data.pkl", "\x80\x02}", "{\"nodes\": []}",
                                        ""};
    for (size_t i = 0; i < ARC_COUNT(sound); i++)
        assert_int_equal(arc_refuse_other_model(sound[i], strlen(sound[i]), "m", NULL), ARC_OK);
}

/* Formats that no first bytes tell, and folders. */
static void names_and_folders_are_told(void **state) {
    (void)state;
    arc_error err;
    static const uint8_t engine[] = {1, 2, 3, 4};
    assert_int_equal(arc_refuse_other_model(engine, sizeof engine, "r50.engine", &err), ARC_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "TensorRT"));
    assert_int_equal(arc_refuse_other_model(engine, sizeof engine, "r50.bin", &err), ARC_OK);
    const char *folder = in_folder("saved"), *file = in_folder("saved/saved_model.pb");
    assert_int_equal(arc_dir_make_for(file, NULL), ARC_OK);
    assert_int_equal(arc_refuse_model_folder(folder, &err), ARC_EIO);
    assert_non_null(strstr(err.text, "name the model's file"));
    assert_int_equal(arc_file_save(&arc_alloc_libc, in_folder("saved/model.safetensors"), "x", 1, NULL), ARC_OK);
    assert_int_equal(arc_refuse_model_folder(folder, &err), ARC_EIO);
    assert_non_null(strstr(err.text, "saved/model.safetensors"));
    assert_int_equal(arc_file_save(&arc_alloc_libc, file, "x", 1, NULL), ARC_OK);
    assert_int_equal(arc_refuse_model_folder(folder, &err), ARC_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "SavedModel"));
    assert_int_equal(arc_refuse_model_folder(file, &err), ARC_OK);
}

/* ---- safetensors.c, names.c, nearest.c ---- */

static size_t make(uint8_t *to, const char *header, const void *data, size_t bytes) {
    const uint64_t n = strlen(header);
    for (int i = 0; i < 8; i++)
        to[i] = (uint8_t)(n >> (8 * i));
    memcpy(to + 8, header, n);
    memcpy(to + 8 + n, data, bytes);
    return 8 + n + bytes;
}

static arc_status parse(arc_torch_state *s, arc_arena *arena, const char *header, const void *data, size_t bytes,
                        arc_error *err) {
    uint8_t *file = malloc(8 + strlen(header) + bytes);
    const size_t count = make(file, header, data, bytes);
    arc_arena_free(arena);
    arc_arena_init(arena, &arc_alloc_libc, 0);
    const arc_status st = arc_safetensors_parse(s, arena, file, count, "m.safetensors", err);
    free(file);
    return st;
}

static void safetensors_of_every_type_are_read(void **state) {
    /* 1.5 and -2 in four types, and a counter */
    static const uint8_t data[] = {0, 0, 0xc0, 0x3f, 0, 0,    0, 0xc0, 0,    0,    0, 0,    0, 0, 0xf8, 0x3f, 0, 0, 0, 0,
                                   0, 0, 0,    0xc0, 0, 0x3e, 0, 0xc0, 0xc0, 0x3f, 0, 0xc0, 7, 0, 0,    0,    0, 0, 0, 0};
    static const char header[] = "{\"__metadata__\":{\"format\":\"pt\"},"
                                 "\"module.a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                                 "\"_orig_mod.module.b\":{\"dtype\":\"F64\",\"shape\":[2,1],\"data_offsets\":[8,24]},"
                                 "\"model.net.backbone.c\":{\"dtype\":\"F16\",\"shape\":[1,2],\"data_offsets\":[24,28]},"
                                 "\"d\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[28,32]},"
                                 "\"bn.num_batches_tracked\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[32,40]}}";
    arc_torch_state s;
    arc_arena arena = {.alloc = &arc_alloc_libc};
    (void)state;
    assert_int_equal(parse(&s, &arena, header, data, sizeof data, NULL), ARC_OK);
    assert_int_equal(s.tensors, 4);
    static const char *const names[] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < 4; i++) {
        const arc_torch_tensor *t = arc_torch_find(&s, names[i]);
        assert_non_null(t);
        assert_int_equal(arc_shape_count(&t->shape), 2);
        assert_true(t->data[0] == 1.5f && t->data[1] == -2.0f);
    }
    arc_arena_free(&arena);
}

static void damaged_safetensors_are_refused(void **state) {
    static const struct {
        const char *header;
        arc_status st;
        const char *text;
    } files[] = {
        {"[]", ARC_ECORRUPT, "no JSON object"},
        {"{\"a\":", ARC_ECORRUPT, "no JSON object"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"a\":{}}", ARC_ECORRUPT, "no JSON object"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", ARC_ECORRUPT, "data_offsets"},
        {"{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[8],\"data_offsets\":[0,8]}}", ARC_ECORRUPT, "dtype"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", ARC_ECORRUPT, "another number of bytes"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}", ARC_ECORRUPT, "beyond the end"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", ARC_ECORRUPT, "beyond the end"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", ARC_ECORRUPT, "malformed shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,8]}}", ARC_ECORRUPT, "shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,2],\"data_offsets\":[0,8]}}", ARC_ECORRUPT, "dimensions"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_"
         "offsets\":[0,8]}}",
         ARC_ECORRUPT, "over each other"},
    };
    static const uint8_t data[8];
    arc_torch_state s;
    arc_arena arena = {.alloc = &arc_alloc_libc};
    arc_error err = {0};
    (void)state;
    for (size_t i = 0; i < ARC_COUNT(files); i++) {
        assert_int_equal(parse(&s, &arena, files[i].header, data, sizeof data, &err), files[i].st);
        assert_non_null(strstr(err.text, files[i].text));
    }
    static const uint8_t huge[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, '{'};
    assert_int_equal(arc_safetensors_parse(&s, &arena, huge, sizeof huge, "m", &err), ARC_ECORRUPT);
    assert_int_equal(arc_safetensors_parse(&s, &arena, huge, 7, "m", &err), ARC_EFORMAT);
    assert_false(arc_torch_is_safetensors(huge, sizeof huge));
    arc_arena_free(&arena);
}

static void the_larger_of_two_wrappers_wins(void **state) {
    static const float first[1] = {1}, second[1] = {2};
    arc_torch_tensor tensor[] = {{"ema.w", {1, {1}}, second}, {"model.w", {1, {1}}, first}, {"model.b", {1, {1}}, first}};
    arc_torch_state s = {tensor, 3};
    arc_arena arena;
    (void)state;
    arc_arena_init(&arena, &arc_alloc_libc, 0);
    assert_int_equal(arc_torch_settle_names(&s, &arena, "m", NULL), ARC_OK);
    assert_int_equal(s.tensors, 2);
    assert_ptr_equal(arc_torch_find(&s, "w")->data, first);
    arc_arena_free(&arena);
}

static void an_unknown_checkpoint_lists_the_nearest_net(void **state) {
    static const float zeros[64];
    arc_torch_tensor tensor[] = {{"bn1.weight", {1, {64}}, zeros},
                                 {"conv1.weight", {4, {64, 3, 7, 7}}, zeros},
                                 {"layer1.0.bn1.bias", {1, {64}}, zeros},
                                 {"layer1.0.bn1.weight", {1, {64}}, zeros}};
    arc_torch_state s = {tensor, ARC_COUNT(tensor)};
    arc_error err = {0};
    (void)state;
    assert_int_equal(arc_torch_refuse_unknown(&s, &arc_alloc_libc, "m.pth", &err), ARC_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "nearest is r18"));
    assert_non_null(strstr(err.text, "'conv1.weight' is [64,3,7,7] instead of [64,3,3,3]"));
    s = (arc_torch_state){(arc_torch_tensor[]){{"blocks.0.attn.qkv.weight", {1, {8}}, zeros}}, 1};
    assert_int_equal(arc_torch_refuse_unknown(&s, &arc_alloc_libc, "m.pth", &err), ARC_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "blocks.0.attn.qkv.weight"));
}

/* ---- external.c: the shared small/external_data.onnx under other names of its file ---- */

#define LOCATION "external_data.onnx.data"

/* The model with another location of the same length, as `name` in the folder. */
static void put_model(const char *name, const char *location) {
    arc_map map;
    assert_int_equal(arc_map_open(&map, arc_test_file("wild-models/small/external_data.onnx"), 1 << 20, NULL), ARC_OK);
    uint8_t *copy = malloc(map.bytes), *at = copy;
    memcpy(copy, map.data, map.bytes);
    assert_int_equal(strlen(location), strlen(LOCATION));
    int found = 0;
    while ((at = memmem(at, (size_t)(copy + map.bytes - at), LOCATION, strlen(LOCATION))) != NULL) {
        memcpy(at, location, strlen(location));
        at += strlen(location);
        found++;
    }
    assert_true(found > 0);
    write_file(in_folder(name), copy, map.bytes);
    free(copy);
    arc_map_close(&map);
}

static void put_weights(const char *path, size_t less) {
    arc_map map;
    assert_int_equal(arc_map_open(&map, arc_test_file("wild-models/small/" LOCATION), 1 << 20, NULL), ARC_OK);
    write_file(path, map.data, map.bytes - less);
    arc_map_close(&map);
}

static arc_status try(const char *name, arc_error *err) {
    arc_graph *g = NULL;
    const arc_status st = arc_onnx_load(&g, &arc_alloc_libc, in_folder(name), err);
    arc_graph_free(&g);
    return st;
}

static void weights_in_other_files_stay_in_the_models_folder(void **state) {
    arc_error err = {0};
    (void)state;
    put_model("m.onnx", LOCATION);
    assert_int_equal(try("m.onnx", &err), ARC_ENOTFOUND);
    assert_non_null(strstr(err.text, LOCATION));
    put_weights(in_folder(LOCATION), 0);
    assert_int_equal(try("m.onnx", &err), ARC_OK);
    put_weights(in_folder(LOCATION), 4);
    assert_int_equal(try("m.onnx", &err), ARC_ECORRUPT);
    assert_non_null(strstr(err.text, "cut short"));
    put_model("space.onnx", "a folder/\xc3\xa4 name 1.data");
    assert_int_equal(arc_dir_make(in_folder("a folder"), NULL), ARC_OK);
    put_weights(in_folder("a folder/\xc3\xa4 name 1.data"), 0);
    assert_int_equal(try("space.onnx", &err), ARC_OK);
    static const char *const outside[] = {"../external_data.onnx.d", "/tmp/external_data.onnx", "a folder/../../w.data.x"};
    for (size_t i = 0; i < ARC_COUNT(outside); i++) {
        put_model("bad.onnx", outside[i]);
        assert_int_equal(try("bad.onnx", &err), ARC_EFORMAT);
        assert_non_null(strstr(err.text, outside[i]));
        assert_non_null(strstr(err.text, "no file beside the model"));
    }
    arc_graph *g;
    arc_map map;
    assert_int_equal(arc_map_open(&map, in_folder("m.onnx"), 1 << 20, NULL), ARC_OK);
    assert_int_equal(arc_onnx_parse(&g, &arc_alloc_libc, map.data, map.bytes, "m", &err), ARC_EUNSUPPORTED);
    arc_map_close(&map);
}

static void links_may_not_lead_out_of_the_models_folder(void **state) {
    arc_error err = {0};
    (void)state;
    assert_int_equal(arc_dir_make(in_folder("models"), NULL), ARC_OK);
    assert_int_equal(arc_dir_make(in_folder("blobs"), NULL), ARC_OK);
    put_model("models/m.onnx", LOCATION);
    put_weights(in_folder("blobs/w"), 0);
    assert_int_equal(symlink("../blobs/w", in_folder("models/" LOCATION)), 0);
    assert_int_equal(try("models/m.onnx", &err), ARC_EFORMAT);
    assert_non_null(strstr(err.text, "leads out of the model's folder"));
    assert_int_equal(rename(in_folder("models/m.onnx"), in_folder("blobs/model")),
                     0); /* a cache: both are links into one folder */
    assert_int_equal(symlink("../blobs/model", in_folder("models/m.onnx")), 0);
    assert_int_equal(try("models/m.onnx", &err), ARC_OK);
    assert_int_equal(unlink(in_folder("models/" LOCATION)), 0);
    put_weights(in_folder("models/here"), 0);
    assert_int_equal(symlink("here", in_folder("models/" LOCATION)), 0);
    assert_int_equal(try("models/m.onnx", &err), ARC_OK);
    assert_int_equal(unlink(in_folder("models/" LOCATION)), 0);
    assert_int_equal(mkfifo(in_folder("models/" LOCATION), 0600), 0); /* is refused, not waited for */
    assert_int_equal(try("models/m.onnx", &err), ARC_EIO);
}

/* ---- verification sets and lists ---- */

static void verification_sets_of_numpy_are_read(void **state) {
    static const char *const files[] = {"issame_int64.bin", "images_object_array.bin", "images_bytearray.bin"};
    (void)state;
    for (size_t i = 0; i < ARC_COUNT(files); i++) {
        char name[128];
        arc_verification_bin bin;
        snprintf(name, sizeof name, "wild-models/small/%s", files[i]);
        assert_int_equal(arc_verification_bin_open(&bin, &arc_alloc_libc, arc_test_file(name), NULL), ARC_OK);
        assert_int_equal(bin.pairs, 8);
        for (size_t k = 0; k < bin.pairs; k++)
            assert_int_equal(bin.same[k], k % 2 == 0);
        for (size_t k = 0; k < 2 * bin.pairs; k++)
            assert_memory_equal(bin.image[k], "\xff\xd8\xff", 3);
        arc_verification_bin_close(&bin);
    }
}

/* Two hundred images that are one text of 64 KiB in latin-1, as Python 2's protocols send bytes and bytearrays. */
static void a_text_that_is_sent_often_is_decoded_once(void **state) {
    enum { BYTES = 1 << 16, TIMES = 200 };
    static const char *const calls[] = {"c_codecs\nencode\nh\1h\2\x86R", "cbuiltins\nbytearray\nh\1h\2\x86R"};
    (void)state;
    for (size_t k = 0; k < ARC_COUNT(calls); k++) {
        uint8_t *file = malloc(BYTES + TIMES * 64), *at = file;
        static const char head[] = "\x80\2]X\0\0\1\0", name[] = "q\1X\6\0\0\0latin1q\2";
        memcpy(at, head, sizeof head - 1);
        at += sizeof head - 1;
        memset(at, 'a', BYTES);
        at += BYTES;
        memcpy(at, name, sizeof name - 1);
        at += sizeof name - 1;
        *at++ = '0', *at++ = '0'; /* both texts off the stack: the memo has them */
        for (int i = 0; i < TIMES; i++) {
            memcpy(at, calls[k], strlen(calls[k]));
            at += strlen(calls[k]);
            *at++ = 'a';
        }
        *at++ = '.';
        static const char *const allowed[] = {"_codecs.encode", "builtins.bytearray", NULL};
        arc_pickle pickle;
        arc_arena arena;
        arc_error err = {0};
        arc_arena_init(&arena, &arc_alloc_libc, 0);
        if (arc_pickle_parse(&pickle, &arena, file, (size_t)(at - file), "p", allowed, &err) != ARC_OK)
            fail_msg("%s", err.text);
        assert_int_equal(pickle.root->items, TIMES);
        assert_int_equal(pickle.root->item[TIMES - 1]->kind, ARC_PICKLE_BYTES);
        assert_int_equal(pickle.root->item[TIMES - 1]->bytes, BYTES);
        assert_true(arena.used_bytes < 4 * (size_t)BYTES);
        arc_arena_free(&arena);
        free(file);
    }
}

/* ([b"a", b"b"], [1.0]) and with another number in place of 1.0. */
static void labels_may_be_floats(void **state) {
    static const struct {
        const char *number;
        bool good;
    } labels[] = {
        {"\x3f\xf0\0\0\0\0\0", true}, {"\x3f\xe0\0\0\0\0\0", false}, {"\0\0\0\0\0\0\0", true}, {"\xbf\xf0\0\0\0\0\0", false}};
    (void)state;
    for (size_t i = 0; i < ARC_COUNT(labels); i++) {
        char text[64] = "\x80\x02](U\x01"
                        "aU\x01"
                        "be]G";
        const size_t head = 13;
        arc_verification_bin bin;
        arc_error err;
        memcpy(text + head, labels[i].number, 8);
        memcpy(text + head + 8, "a\x86.", 3);
        const arc_status st = arc_verification_bin_parse(&bin, &arc_alloc_libc, text, head + 11, "set.bin", &err);
        if ((st == ARC_OK) != labels[i].good)
            fail_msg("%zu: %s", i, err.text);
        if (st == ARC_OK) {
            assert_int_equal(bin.pairs, 1);
            assert_int_equal(bin.same[0], i == 0);
        }
        arc_verification_bin_close(&bin);
    }
}

static void lists_of_pairs_may_be_quoted_or_csv_or_of_windows(void **state) {
    static const struct {
        const char *text, *a, *b;
        bool same;
    } lists[] = {
        {"a 1.jpg,b/2.jpg,1\n", "a 1.jpg", "b/2.jpg", true},
        {"path1,path2,same\na/1.jpg,b/2.jpg,0\n", "a/1.jpg", "b/2.jpg", false},
        {"image1;image2;label\r\n\"a/x;y.jpg\";b/2.jpg;True\r\n", "a/x;y.jpg", "b/2.jpg", true},
        {"\"a/x, y.jpg\",\"b/\"\"2\"\".jpg\",1\n", "a/x, y.jpg", "b/\"2\".jpg", true},
        {"\"a b/1.jpg\" \"c d/2.jpg\" 0\n", "a b/1.jpg", "c d/2.jpg", false},
        {"a\\1.jpg b\\c\\2.jpg 1\n", "a/1.jpg", "b/c/2.jpg", true},
        {"1,a/1.jpg,b/2.jpg\n", "a/1.jpg", "b/2.jpg", true},
        {"a b.jpg\tc d.jpg\t1\n", "a b.jpg", "c d.jpg", true},
        {",file1,file2,label\n0,a/1.jpg,b/2.jpg,1\n", "a/1.jpg", "b/2.jpg", true},
        {"\xef\xbb\xbf;x;y;same\n17;\"a 1.jpg\";b/2.jpg;0\n", "a 1.jpg", "b/2.jpg", false},
    };
    arc_pair_list list;
    arc_error err = {0};
    (void)state;
    for (size_t i = 0; i < ARC_COUNT(lists); i++) {
        if (arc_pair_list_parse(&list, &arc_alloc_libc, lists[i].text, strlen(lists[i].text), "list", &err) != ARC_OK)
            fail_msg("%zu: %s", i, err.text);
        assert_int_equal(list.pairs, 1);
        assert_string_equal(list.pair[0].path[0], lists[i].a);
        assert_string_equal(list.pair[0].path[1], lists[i].b);
        assert_int_equal(list.pair[0].same, lists[i].same);
        arc_pair_list_close(&list);
    }
    static const char *const bad[] = {"C:\\a\\1.jpg,b/2.jpg,1\n", "..\\1.jpg,b/2.jpg,1\n", "\"a/1.jpg,b/2.jpg,1\n"};
    for (size_t i = 0; i < ARC_COUNT(bad); i++)
        assert_int_not_equal(arc_pair_list_parse(&list, &arc_alloc_libc, bad[i], strlen(bad[i]), "list", &err), ARC_OK);
}

static void lfw_pairs_may_be_csv(void **state) {
    static const char text[] = "name,imagenum1,name2,imagenum2\nAbel_Pacheco,1,4\n\"Ann Veneman\",3,Bob_Holden,2\n";
    arc_pairs pairs;
    (void)state;
    assert_int_equal(arc_pairs_parse(&pairs, &arc_alloc_libc, text, strlen(text), "pairs.csv", NULL), ARC_OK);
    assert_int_equal(pairs.pairs, 2);
    assert_string_equal(pairs.pair[1].name[0], "Ann Veneman");
    assert_string_equal(pairs.pair[1].name[1], "Bob_Holden");
    assert_int_equal(pairs.pair[0].same, 1);
    arc_pairs_close(&pairs);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_stands_in_a_models_place_is_named),
        cmocka_unit_test(names_and_folders_are_told),
        cmocka_unit_test(safetensors_of_every_type_are_read),
        cmocka_unit_test(damaged_safetensors_are_refused),
        cmocka_unit_test(the_larger_of_two_wrappers_wins),
        cmocka_unit_test(an_unknown_checkpoint_lists_the_nearest_net),
        cmocka_unit_test(weights_in_other_files_stay_in_the_models_folder),
        cmocka_unit_test(links_may_not_lead_out_of_the_models_folder),
        cmocka_unit_test(verification_sets_of_numpy_are_read),
        cmocka_unit_test(a_text_that_is_sent_often_is_decoded_once),
        cmocka_unit_test(labels_may_be_floats),
        cmocka_unit_test(lists_of_pairs_may_be_quoted_or_csv_or_of_windows),
        cmocka_unit_test(lfw_pairs_may_be_csv),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
