/* deploy/card: the tests: a line for each result, then each with its protocol, intervals and provenance; and the numbers on top
 * of the page. */
#include "deploy/card/card.h"
#include <stdio.h>
#include <string.h>

#define TO " to "

static const char *percent(arc_card_document *d, bool there, double x, int digits) {
    return there ? arc_card_print(d, "%.*f %%", digits, 100 * x) : NULL;
}

/* [low, high] as percentages. */
static const char *interval(arc_card_document *d, double low, double high, int digits) {
    return arc_card_print(d, "%.*f" TO "%.*f %%", digits, 100 * low, digits, 100 * high);
}

/* "low" and "high" of an object. */
static const char *wilson(arc_card_document *d, const json_t *rate, int digits) {
    double low = 0, high = 0;
    const bool there = arc_card_number(rate, "low", &low) && arc_card_number(rate, "high", &high);
    return there ? interval(d, low, high, digits) : NULL;
}

static const char *over_identities(arc_card_document *d, const json_t *pair, int digits) {
    const json_t *low = json_array_get(pair, 0), *high = json_array_get(pair, 1);
    return json_is_number(low) && json_is_number(high) ? interval(d, json_number_value(low), json_number_value(high), digits)
                                                       : NULL;
}

/* What people call the set: the known one that it is, else its file. */
static const char *set_name(arc_card_document *d, const json_t *result) {
    const json_t *p = json_object_get(result, "provenance");
    const char *lineage = arc_card_string(p, "lineage"), *set = arc_card_string(p, "set");
    if (lineage && !strstr(lineage, "not known") && !strstr(lineage, "not a set known"))
        return arc_card_print(d, "%.*s", (int)strcspn(lineage, ",;"), lineage);
    return set ? arc_path_name(set) : NULL;
}

static const char *count_of(arc_card_document *d, const json_t *object, const char *key) {
    const json_t *j = json_object_get(object, key);
    return json_is_integer(j) ? arc_card_grouped(d, json_integer_value(j)) : NULL;
}

/* ---- all results, a line each ---- */

static const char *const heads[] = {"Test set", "Accuracy or rank 1", "95 % interval", "TAR at FAR",
                                    "EER",      "Pairs or searches",  "Measured with"};

static void put_line(arc_card_document *d, const arc_card_result *r) {
    double accuracy, tar = 0, far = 0, eer = 0;
    const json_t *j = r->json, *curve = json_object_get(j, "curve"), *search = json_object_get(j, "identification"),
                 *rank1 = json_object_get(search, "rank1");
    const bool folds = arc_card_number(j, "accuracy", &accuracy);
    if (!folds)
        (void)arc_card_number(rank1, "value", &accuracy);
    arc_card_cell(d, set_name(d, j));
    arc_card_cell(d, percent(d, folds || rank1, accuracy, 3));
    arc_card_cell(d, wilson(d, folds ? json_object_get(j, "correct") : rank1, 2));
    const bool rates = arc_card_number(j, "tar", &tar) && arc_card_number(j, "far_target", &far);
    arc_card_cell(d, rates ? arc_card_print(d, "%.3f %% at %g", 100 * tar, far) : NULL);
    const bool equal = arc_card_number(j, "eer", &eer) || arc_card_number(curve, "eer", &eer);
    arc_card_cell(d, percent(d, equal, eer, 3));
    arc_card_cell(d, folds ? count_of(d, j, "pairs") : search ? count_of(d, search, "mated") : count_of(d, curve, "genuine"));
    arc_card_cell(d, r->int8 ? "the int8 file" : "this file");
}

/* ---- one result ---- */

static void put_provenance(arc_card_document *d, const json_t *j) {
    const json_t *p = json_object_get(j, "provenance");
    const char *set = arc_card_string(p, "set");
    arc_card_field(d, "Protocol", arc_card_string(p, "rule"));
    arc_card_field(d, "Set", arc_card_string(p, "lineage"));
    arc_card_field(d, "Its file", set ? arc_path_name(set) : NULL);
    arc_card_field(d, "SHA-256 of list and pictures", arc_card_string(p, "set_sha256"));
    arc_card_field(d, "Pictures fed as", arc_card_string(p, "contract"));
    arc_card_field(d, "SHA-256 of the model", arc_card_string(p, "model_sha256"));
    const char *engine = arc_card_string(p, "engine"), *isa = arc_card_string(p, "isa"),
               *precision = arc_card_string(p, "precision");
    arc_card_field(d, "Measured with",
                   engine ? arc_card_print(d, "arcface %s, %s, %s", engine, isa ? isa : "?", precision ? precision : "?") : NULL);
}

static void put_folds(arc_card_document *d, const json_t *j) {
    double accuracy, std, threshold, auc, eer = 0;
    if (!arc_card_number(j, "accuracy", &accuracy))
        return;
    const char *folds = count_of(d, j, "folds");
    arc_card_field(d, "Accuracy",
                   arc_card_number(j, "accuracy_std", &std)
                       ? arc_card_print(d, "%.3f %% \xc2\xb1 %.3f over %s folds", 100 * accuracy, 100 * std, folds ? folds : "?")
                       : percent(d, true, accuracy, 3));
    const json_t *correct = json_object_get(j, "correct");
    double hits = 0, trials = 0;
    const bool counted = arc_card_number(correct, "hits", &hits) && arc_card_number(correct, "trials", &trials);
    arc_card_field(d, "95 % interval (Wilson, over pairs)",
                   counted ? arc_card_print(d, "%s; %.0f of %.0f pairs are decided rightly", wilson(d, correct, 3), hits, trials)
                           : wilson(d, correct, 3));
    arc_card_field(d, "95 % interval (bootstrap, over identities)",
                   over_identities(d, json_object_get(j, "accuracy_over_identities"), 3));
    if (arc_card_number(j, "best_threshold_cosine", &threshold))
        arc_card_field(d, "Best threshold", arc_card_print(d, "cosine %.3f", threshold));
    if (arc_card_number(j, "auc", &auc) && arc_card_number(j, "eer", &eer))
        arc_card_field(d, "AUC, EER", arc_card_print(d, "%.6f, %.3f %%", auc, 100 * eer));
}

static void put_sizes(arc_card_document *d, const json_t *j) {
    const char *images = count_of(d, j, "images"), *people = count_of(d, j, "identities"), *missing = count_of(d, j, "missing"),
               *genuine = count_of(d, j, "genuine"), *impostor = count_of(d, j, "impostor");
    arc_card_field(d, "Pictures, people",
                   arc_card_print(d, "%s, %s; %s pictures could not be used", images ? images : "?", people ? people : "?",
                                  missing ? missing : "?"));
    if (genuine && impostor)
        arc_card_field(d, "Pairs", arc_card_print(d, "%s of one person, %s of two", genuine, impostor));
}

/* Rates at wanted false rates: `tar` of pairs, `dir` of searches. */
static void put_operating(arc_card_document *d, const json_t *list, const char *caption, const char *const *head,
                          const char *tar) {
    char identities[64];
    snprintf(identities, sizeof identities, "%s_over_identities", tar);
    if (json_array_size(list) == 0)
        return;
    arc_card_table(d, caption, head, 5);
    for (size_t i = 0; i < json_array_size(list) && i < ARC_CARD_MAX_FILES; i++) {
        const json_t *o = json_array_get(list, i), *rate = json_object_get(o, tar);
        double target, threshold, value;
        const bool good = json_is_true(json_object_get(o, "supported"));
        const bool wanted = arc_card_number(o, "target", &target), at = arc_card_number(o, "threshold", &threshold);
        const bool measured = arc_card_number(rate, "value", &value);
        arc_card_cell(d, wanted ? arc_card_print(d, "%g%s", target, good ? "" : " (few pairs)") : NULL);
        arc_card_cell(d, at ? arc_card_print(d, "%.4f", threshold) : NULL);
        arc_card_cell(d, percent(d, measured, value, 3));
        arc_card_cell(d, wilson(d, rate, 3));
        arc_card_cell(d, over_identities(d, json_object_get(o, identities), 3));
    }
}

static const char *const pair_heads[] = {"FAR wanted", "Cosine", "TAR", "95 % (Wilson)", "95 % (identities)"};
static const char *const search_heads[] = {"FPIR wanted", "Cosine", "DIR", "95 % (Wilson)", "95 % (identities)"};

static void put_result(arc_card_document *d, const arc_card_result *r) {
    const json_t *j = r->json, *search = json_object_get(j, "identification"), *rank1 = json_object_get(search, "rank1");
    const char *name = set_name(d, j);
    double rank;
    arc_card_add(d, ARC_CARD_SUBHEADING, arc_card_print(d, "%s%s", name ? name : "A set", r->int8 ? ", int8" : ""));
    arc_card_add(d, ARC_CARD_FIELDS, NULL);
    put_folds(d, j);
    if (arc_card_number(rank1, "value", &rank))
        arc_card_field(d, "Rank 1", arc_card_print(d, "%.3f %% (%s)", 100 * rank, wilson(d, rank1, 3)));
    put_sizes(d, j);
    put_provenance(d, j);
    put_operating(d, json_object_get(json_object_get(j, "curve"), "operating"),
                  "A pair is accepted from the cosine on that gives the false accept rate (FAR); TAR: of pairs of one person",
                  pair_heads, "tar");
    put_operating(
        d, json_object_get(search, "open_set"),
        "A search is answered from the cosine on that gives the false alarms (FPIR); DIR: found first, of those who are there",
        search_heads, "dir");
    const json_t *notes = json_object_get(j, "notes");
    for (size_t i = 0; i < json_array_size(notes) && i < 8; i++)
        if (json_is_string(json_array_get(notes, i)))
            arc_card_add(d, ARC_CARD_WARNING, json_string_value(json_array_get(notes, i)));
}

void arc_card_metrics(arc_card_document *d, const arc_card_sources *s) {
    arc_card_add(d, ARC_CARD_HEADING, "Testing Details");
    arc_card_add(d, ARC_CARD_SUBHEADING, "Metrics");
    if (s->results == 0) {
        arc_card_add(d, ARC_CARD_TEXT, ARC_CARD_UNSTATED);
        return;
    }
    arc_card_table(d, NULL, heads, (int)ARC_COUNT(heads));
    for (int i = 0; i < s->results; i++)
        put_line(d, &s->result[i]);
    for (int i = 0; i < s->results; i++)
        put_result(d, &s->result[i]);
}

/* ---- on top ---- */

void arc_card_tiles(arc_card_document *d, const arc_card_sources *s) {
    const arc_contract *c = &s->model->contract;
    double accuracy;
    arc_card_add(d, ARC_CARD_TILES, NULL);
    for (int i = 0; i < s->results; i++)
        if (!s->result[i].int8 && arc_card_number(s->result[i].json, "accuracy", &accuracy)) {
            const char *name = set_name(d, s->result[i].json);
            arc_card_field(d, percent(d, true, accuracy, 2), arc_card_print(d, "accuracy, %s", name ? name : "a set"));
            break;
        }
    if (c->task == ARC_TASK_EMBED)
        arc_card_field(d, arc_card_print(d, "%d", c->dim), "numbers in an embedding");
    arc_card_field(d, arc_card_print(d, "%.2f M", (double)s->facts.parameters * 1e-6), "parameters");
    arc_card_field(d, arc_card_print(d, "%.2f G", (double)s->facts.flops * 1e-9), "FLOPs, 2 a multiply-add");
    if (s->speeds > 0)
        arc_card_field(d, arc_card_print(d, "%.0f", s->speed[0].fps),
                       arc_card_print(d, "images a second, %s", s->speed[0].precision));
    if (s->facts.file_bytes)
        arc_card_field(d, arc_card_print(d, "%.1f MiB", (double)s->facts.file_bytes / (1 << 20)), "the file");
}
