/* eval: known test sets and published scores (docs/PROTOCOLS.md gives the sources). A list is recognised by its hash. The .bin
 * sets have been repacked too often for that; they are recognised by name, number of pairs and size. */
#include "eval/protocol/known.h"
#include "base/paths.h"
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

typedef struct known_list {
    const char *sha256, *what;
} known_list;

static const known_list lists[] = {
    {"ea42330c62c92989f9d7c03237ed5d591365e89b3e649747777b70e692dc1592", "LFW pairs.txt, the official ten folds of 2 x 300"},
    {"a63c97ca1bf0d1165ed1ab8b9d5357ab0ee7977ae064482c9d18f3fc876814ab", "LFW pairsDevTrain.txt: development only, 2 x 1100"},
    {"84d96776ae4b703f6ee7e7677c36a960b3cf794725215489928970bf8f40d93a", "LFW pairsDevTest.txt: development only, 2 x 500"},
    {"bd8bffa12bd726d24c99ed175a023087cd01754cfa97e4b62c940512efcbf81a", "YouTube Faces splits.txt, the original labels"},
};

typedef struct known_bin {
    const char *name;
    int pairs;
    double least_mb, most_mb; /* 10^6 bytes; 0 = any */
    const char *what, *set;
    bool warn; /* two different files of this name are in circulation */
} known_bin;

static const known_bin bins[] = {
    {"lfw.bin", 6000, 0, 0, "LFW, 6,000 pairs", "lfw", false},
    {"cfp_fp.bin", 7000, 78.5, 82, "CFP-FP as packed with MS1MV2 (79.7 MB)", "cfp_fp (MS1MV2)", true},
    {"cfp_fp.bin", 7000, 75, 78.5, "CFP-FP as packed with MS1MV3 and Glint360K (76.5 MB, RetinaFace landmarks)", "cfp_fp", true},
    {"cfp_ff.bin", 7000, 0, 0, "CFP-FF, 7,000 pairs", "cfp_ff", false},
    {"agedb_30.bin", 6000, 0, 0, "AgeDB-30, 6,000 pairs", "agedb_30", false},
    {"calfw.bin", 6000, 0, 0, "CALFW, 6,000 pairs", "calfw", false},
    {"cplfw.bin", 6000, 0, 0, "CPLFW, 6,000 pairs", "cplfw", false},
};

typedef struct published {
    const char *file, *sha256; /* name and hash of the model's file; either may be NULL */
    const char *set;
    double accuracy;
} published;

static const published scores[] = {
    /* all with the mirrored view added */
    {"w600k_r50.onnx", "4c06341c33c2ca1f86781dab0e829f88ad5b64be9fba56e56bc9ebdefc619e43", "lfw", 0.9983},
    {"w600k_r50.onnx", "4c06341c33c2ca1f86781dab0e829f88ad5b64be9fba56e56bc9ebdefc619e43", "cfp_fp", 0.9933},
    {"w600k_r50.onnx", "4c06341c33c2ca1f86781dab0e829f88ad5b64be9fba56e56bc9ebdefc619e43", "agedb_30", 0.9823},
    {"w600k_mbf.onnx", "9cc6e4a75f0e2bf0b1aed94578f144d15175f357bdc05e815e5c4a02b319eb4f", "lfw", 0.9970},
    {"glintr100.onnx", "4ab1d6435d639628a6f3e5008dd4f929edf4c4124b1a7169e1048f9fef534cdf", "lfw", 0.9982},
    {"glintr100.onnx", "4ab1d6435d639628a6f3e5008dd4f929edf4c4124b1a7169e1048f9fef534cdf", "cfp_fp", 0.9929},
    {"glintr100.onnx", "4ab1d6435d639628a6f3e5008dd4f929edf4c4124b1a7169e1048f9fef534cdf", "agedb_30", 0.9848},
    {"arcfaceresnet100-8.onnx", NULL, "lfw", 0.9977},
    {"arcfaceresnet100-8.onnx", NULL, "cfp_ff", 0.9983},
    {"arcfaceresnet100-8.onnx", NULL, "cfp_fp (MS1MV2)", 0.9421},
    {"arcfaceresnet100-8.onnx", NULL, "agedb_30", 0.9787},
    {NULL, "967a17dd970632480609caac8b0a809f4784f1caa333a1d801365f7d34517e55", "lfw", 0.9950}, /* MobileFaceNet y1 */
    {NULL, "b151f97e392e68cb540fb9710a91a574a4187d491eeda77d1c1799ae6dc3b82b", "lfw", 0.9950},
    {NULL, "001c04dd9833da99f3ec56bcea9a45a7ab6705479b5d3dcd501cd49a435b0d13", "lfw", 0.9970}, /* w600k_mbf, dequantized */
};

const char *arc_known_list(const uint8_t digest[32]) {
    char hex[65];
    sodium_bin2hex(hex, sizeof hex, digest, 32);
    for (size_t i = 0; i < ARC_COUNT(lists); i++)
        if (strcmp(lists[i].sha256, hex) == 0)
            return lists[i].what;
    return NULL;
}

static const known_bin *find_bin(const arc_evaluation *e, const arc_pair_set *p) {
    const double mb = (double)p->list_bytes / 1e6;
    for (size_t i = 0; i < ARC_COUNT(bins); i++)
        if (strcasecmp(arc_path_name(e->provenance.set), bins[i].name) == 0 && p->list_pairs == bins[i].pairs &&
            (bins[i].most_mb == 0 || (mb >= bins[i].least_mb && mb < bins[i].most_mb)))
            return &bins[i];
    return NULL;
}

/* Notes a .bin that has a known name but is another file. */
static arc_status impostor_bin(arc_evaluation *e, const arc_pair_set *p, arc_error *err) {
    for (size_t i = 0; i < ARC_COUNT(bins); i++)
        if (strcasecmp(arc_path_name(e->provenance.set), bins[i].name) == 0)
            return arc_evaluation_note(e, err, "%s has %d pairs and %.1f MB: not the %s known under that name", bins[i].name,
                                       p->list_pairs, (double)p->list_bytes / 1e6, bins[i].what);
    return ARC_OK;
}

static arc_status compare_published(arc_evaluation *e, const char *set, arc_error *err) {
    const arc_provenance *v = &e->provenance;
    for (size_t i = 0; i < ARC_COUNT(scores); i++) {
        const published *s = &scores[i];
        const bool model =
            (s->sha256 && strcmp(s->sha256, v->model_sha256) == 0) || (s->file && strcmp(s->file, arc_path_name(v->model)) == 0);
        if (!model || strcmp(s->set, set) != 0)
            continue;
        const double got = e->verification.accuracy;
        if (e->verification.flip && e->verification.correct.wilson.high < s->accuracy)
            return arc_evaluation_note(
                e, err,
                "%.3f %% is below the %.2f %% published for this model on %s by more than chance: is it the right "
                "set, colour order, alignment, full precision?",
                100 * got, 100 * s->accuracy, set);
        e->provenance.lineage = arc_arena_printf(arc_evaluation_arena(e), "%s; published for this model%s: %.2f %%", v->lineage,
                                                 e->verification.flip ? "" : ", with the mirrored view", 100 * s->accuracy);
        return e->provenance.lineage ? ARC_OK : arc_fail_nomem(err, "the lineage");
    }
    return ARC_OK;
}

arc_status arc_known_notes(arc_evaluation *e, const arc_pair_set *p, arc_error *err) {
    const char *list = arc_known_list(p->list_digest);
    const known_bin *bin = find_bin(e, p);
    arc_status st = ARC_OK;
    e->provenance.lineage = list ? list : bin ? bin->what : "not a set known here";
    if (!list && !bin)
        st = impostor_bin(e, p, err);
    if (st == ARC_OK && bin && bin->warn)
        st = arc_evaluation_note(e, err, "two different cfp_fp.bin circulate and their scores are not comparable; this is %s",
                                 bin->what);
    const char *set = bin ? bin->set : list == lists[0].what ? "lfw" : NULL;
    if (st == ARC_OK && set && p->pairs == p->list_pairs)
        st = compare_published(e, set, err);
    return st;
}
