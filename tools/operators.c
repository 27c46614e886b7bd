/* Writes docs/OPERATORS.md to standard output from the table of operators, the operators that the ONNX reader replaces, the
 * opsets that ONNX defines them in (tests/golden/data/opsets.json) and a list of the kernel slots that each instruction set has
 * ("igemm avx2", one a line). tools/operators.sh calls it. Exit status 1: an entry names a slot that is not there. */
#include "device/reference/reference.h"
#include "format/onnx/onnx_internal.h"
#include "op/op.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_OPERATORS 1024
#define MAX_SLOTS 256
#define NAME_BYTES 64

enum { AVX2, AVX512, NEON, LEVELS };
static const char *const level_name[LEVELS] = {"avx2", "avx512", "neon"};

static struct slot {
    char name[NAME_BYTES];
    bool at[LEVELS];
} slots[MAX_SLOTS];
static size_t slot_count;

static struct slot *slot_of(const char *name, size_t bytes) {
    for (size_t i = 0; i < slot_count; i++)
        if (strlen(slots[i].name) == bytes && memcmp(slots[i].name, name, bytes) == 0)
            return &slots[i];
    return NULL;
}

static bool read_slots(const char *path) {
    char name[NAME_BYTES], level[NAME_BYTES];
    FILE *f = fopen(path, "r");
    if (!f)
        return false;
    while (fscanf(f, "%63s %63s", name, level) == 2) {
        struct slot *s = slot_of(name, strlen(name));
        if (!s && slot_count < MAX_SLOTS) {
            s = &slots[slot_count++];
            snprintf(s->name, sizeof s->name, "%s", name);
        }
        for (int i = 0; s && i < LEVELS; i++)
            s->at[i] |= strcmp(level, level_name[i]) == 0;
    }
    fclose(f);
    return slot_count > 0;
}

static int by_name(const void *a, const void *b) {
    const arc_op *const *p = a, *const *q = b;
    const bool own_p = strchr((*p)->name, '.') != NULL, own_q = strchr((*q)->name, '.') != NULL;
    return own_p != own_q ? own_p - own_q : strcmp((*p)->name, (*q)->name);
}

/* The opsets up to the last that is supported, those before the first as that one. */
static void print_versions(const json_t *versions) {
    size_t i;
    const json_t *v;
    int64_t first = 0;
    json_array_foreach(versions, i, v) {
        if (json_integer_value(v) <= ARC_ONNX_MIN_OPSET)
            first = ARC_ONNX_MIN_OPSET;
        else
            printf("%s%s%d", first == ARC_ONNX_MIN_OPSET ? "7" : "", first ? ", " : "", (int)json_integer_value(v)), first = 1;
    }
    if (first == ARC_ONNX_MIN_OPSET)
        printf("7");
}

static bool has_part(const char *list, const char *part) {
    return list && strstr(list, part);
}

/* False: an unknown slot. */
static bool print_kernels(const char *name, const char *list) {
    if (!list)
        printf("plain C");
    for (const char *at = list; at && *at; at += strspn(at, " ")) {
        const size_t bytes = strcspn(at, " ");
        if (!slot_of(at, bytes)) {
            fprintf(stderr, "%s names the kernel slot '%.*s', which no level has\n", name, (int)bytes, at);
            return false;
        }
        printf("%s%.*s", at == list ? "" : ", ", (int)bytes, at);
        at += bytes;
    }
    return true;
}

static bool print_operator(const arc_op *op, const json_t *versions) {
    printf("| %s | ", op->name);
    if (versions)
        print_versions(versions);
    else
        printf("ONNX Runtime's");
    printf(" | ");
    if (!print_kernels(op->name, op->kernels))
        return false;
    printf(" | %s | %s | %s | %s | %s | %s |\n", has_part(op->kernels, "_bf16") ? "yes" : "",
           has_part(op->kernels, "_f16") ? "yes" : "", has_part(op->kernels, "int8_") ? "yes" : "", op->forward ? "yes" : "",
           arc_reference_find(op->name) ? "yes" : "", op->refused ? op->refused : "");
    return true;
}

static bool print_table(const json_t *all) {
    const arc_op *list[MAX_OPERATORS];
    size_t count = 0;
    for (size_t i = 0; arc_op_at(i) && count < MAX_OPERATORS; i++)
        if (!arc_op_at(i)->made_by_passes)
            list[count++] = arc_op_at(i);
    qsort(list, count, sizeof *list, by_name);
    printf("## Operators\n\n"
           "| operator | opsets | kernels | bfloat16 | half weights | 8 bits | gradient | in double | refused |\n"
           "|---|---|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++)
        if (!print_operator(list[i], json_object_get(all, list[i]->name)))
            return false;
    return true;
}

static void print_replaced(void) {
    const char *name, *parts, *refused;
    printf("\n## Replaced when a file is read\n\n"
           "| operator | by | refused |\n|---|---|---|\n"
           "| functions of the model's own | their bodies | recursion; bodies of another opset in which an operator means "
           "something else |\n"
           "| If | the branch | conditions that depend on the picture |\n"
           "| Loop | its body, once for each turn | a number of turns that depends on the picture |\n"
           "| Scan | its body, once for each slice | inputs whose length the file does not declare; opset 8 |\n");
    for (size_t i = 0; (name = arc_onnx_replaced(i, &parts, &refused)) != NULL; i++)
        printf("| %s | %s | %s |\n", name, parts, refused ? refused : "");
}

static bool is_replaced(const char *op) {
    static const char *const bodies[] = {"If", "Loop", "Scan"};
    const char *name, *parts, *refused;
    for (size_t i = 0; i < ARC_COUNT(bodies); i++)
        if (strcmp(op, bodies[i]) == 0)
            return true;
    for (size_t i = 0; (name = arc_onnx_replaced(i, &parts, &refused)) != NULL; i++)
        if (strcmp(op, name) == 0)
            return true;
    return false;
}

static void print_missing(json_t *all) {
    const char *name;
    json_t *versions;
    size_t count = 0;
    printf("\n## Not supported\n\nOf ONNX's own domain; a model with one is refused by name when it is opened: ");
    json_object_foreach(all, name, versions) if (!arc_op_find(name) && !is_replaced(name))
        printf("%s%s", count++ ? ", " : "", name);
    printf(".\n");
}

static void print_slots(void) {
    printf("\n## Kernels\n\n"
           "The slots named above by instruction set; each has portable C too. [KERNELS](KERNELS.md) describes them.\n\n"
           "| slot | AVX2 | AVX-512 | NEON |\n|---|---|---|---|\n");
    for (size_t i = 0; i < slot_count; i++) {
        bool used = false;
        for (size_t k = 0; arc_op_at(k); k++)
            for (const char *at = arc_op_at(k)->kernels; at && *at; at += strcspn(at, " "), at += strspn(at, " "))
                used |= slot_of(at, strcspn(at, " ")) == &slots[i];
        if (used)
            printf("| %s | %s | %s | %s |\n", slots[i].name, slots[i].at[AVX2] ? "yes" : "", slots[i].at[AVX512] ? "yes" : "",
                   slots[i].at[NEON] ? "yes" : "");
    }
}

int main(int argc, char **argv) {
    json_error_t why;
    if (argc != 3 || !read_slots(argv[2])) {
        fprintf(stderr, "usage: operators OPSETS.json SLOTS.txt\n");
        return 1;
    }
    json_t *root = json_load_file(argv[1], 0, &why), *all = json_object_get(root, "operators");
    if (!all || json_integer_value(json_object_get(root, "last")) != ARC_ONNX_MAX_OPSET) {
        fprintf(stderr, "%s holds no operators up to opset %d; tests/golden/opsets.py writes it\n", argv[1], ARC_ONNX_MAX_OPSET);
        return 1;
    }
    printf(
        "# Operators\n\n"
        "`tools/operators.sh` writes this file from the table of operators; the test `operators_table` says when it is out of "
        "date.\n\n"
        "- A name without a prefix is of ONNX's own domain.\n"
        "- **opsets**: those in which ONNX defined the operator anew, from %d to %d; each definition is followed.\n"
        "- **kernels**: what a session runs it on where shapes and types fit; the rest is plain C.\n"
        "- **bfloat16**, **half weights**, **8 bits**: has products in these (sessions that ask for them; 8 bits in QDQ form).\n"
        "- **gradient**: a learner takes it. **in double**: the reference device has it, which other tests hold results "
        "against.\n"
        "- Shapes must follow from the file and the size of the input: values that decide on a shape and are known at run time "
        "only are refused.\n"
        "- Tensors hold float32, float64, float16, bfloat16, bool and integers of 8 to 64 bits with and without sign; 4-bit "
        "weights become 8-bit ones. "
        "float8, float4, texts, sequences and optional values are refused by name.\n\n",
        ARC_ONNX_MIN_OPSET, ARC_ONNX_MAX_OPSET);
    const bool good = print_table(all);
    if (good) {
        print_replaced();
        print_missing(all);
        print_slots();
    }
    json_decref(root);
    return good ? 0 : 1;
}
