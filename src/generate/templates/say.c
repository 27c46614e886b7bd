/* generate: sentences about an audit of templates. */
#include "generate/templates/say.h"
#include <stdio.h>

const char *arc_template_say_threshold(arc_arena *a, double threshold, arc_threshold_source source, double far) {
    static const char *const from[] = {"as given", "at the FAR asked for, by the model's calibration",
                                       "of the model's calibration", "of the model's contract; nobody has calibrated it"};
    char rate[64] = "";
    if (far > 0)
        snprintf(rate, sizeof rate, ", one stranger in %.0f", 1 / far);
    return arc_arena_printf(a, "cosine %.3f (%s%s)", threshold, from[source], rate);
}

/* "12 of 16 (75 %, 95 % interval 50 to 90 %)" */
static void say_rate(const arc_rate *r, char *out, size_t bytes) {
    snprintf(out, bytes, "%lld of %lld (%.0f %%, 95 %% interval %.0f to %.0f %%)", (long long)r->hits, (long long)r->trials,
             100 * r->value, 100 * r->wilson.low, 100 * r->wilson.high);
}

static void say_strangers(const arc_template_trial *t, char *out, size_t bytes) {
    if (t->strangers.trials > 0)
        snprintf(out, bytes, " With the templates of others it would accept them in %.2g %% of the cases.",
                 100 * t->strangers.value);
    else
        *out = '\0';
}

const char *arc_template_say_plain(arc_arena *a, const arc_template_audit *t) {
    char rate[96], strangers[128];
    say_rate(&t->plain.accepted, rate, sizeof rate);
    say_strangers(&t->plain, strangers, sizeof strangers);
    return arc_arena_printf(
        a,
        "Of the faces rebuilt from templates alone, %s would accept %s in the place of the owner; their cosine with "
        "the stored template is %.3f on average.%s",
        t->model, rate, t->plain.cosine.mean, strangers);
}

const char *arc_template_say_elsewhere(arc_arena *a, const arc_template_audit *t) {
    char rate[96];
    say_rate(&t->elsewhere.accepted, rate, sizeof rate);
    if (t->reference == ARC_TEMPLATE_PHOTOS)
        return arc_arena_printf(
            a,
            "An independent model, %s, which the faces were not made for, would accept %s beside a photo of the "
            "owner (mean cosine %.3f); beside photos of others %.2g %%.",
            t->independent, rate, t->elsewhere.cosine.mean, 100 * t->elsewhere.strangers.value);
    return arc_arena_printf(
        a,
        "An independent model, %s, takes two faces that were rebuilt from the same template with different seeds "
        "for one person in %s (mean cosine %.3f), and two from different templates in %.2g %%. That says that "
        "faces have an identity which it sees too; whether it is the owner's only photos can tell.",
        t->independent, rate, t->elsewhere.cosine.mean, 100 * t->elsewhere.strangers.value);
}

const char *arc_template_say_unkeyed(arc_arena *a, const arc_template_audit *t) {
    char rate[96];
    say_rate(&t->unkeyed.accepted, rate, sizeof rate);
    return arc_arena_printf(
        a,
        "Templates under a secret rotation, stolen without the key: %s of the rebuilt faces would be accepted (mean "
        "cosine %.3f). Their cosine with the protected numbers that the thief sees is %.3f, but these numbers are no "
        "face of the owner.",
        rate, t->unkeyed.cosine.mean, t->unkeyed_fit.mean);
}

const char *arc_template_say_keyed(arc_arena *a, const arc_template_audit *t) {
    return arc_arena_printf(
        a,
        "Stolen together with the key: the rotation is undone, templates come back to within %.1g of cosine 1, and "
        "the result is that of plain templates. Comparisons between protected templates change by at most %.1g.",
        t->key_error, t->cosine_change);
}

const char *arc_template_say_limits(arc_arena *a, const arc_template_audit *t) {
    return arc_arena_printf(
        a,
        "%d of %lld templates were rebuilt, in %lld steps each. The thief is taken to have the model; more steps or "
        "other methods may do better, a thief without the model worse. Whether a camera with a check for live faces "
        "would be deceived is another question.",
        t->rebuilt, (long long)t->templates, (long long)t->steps);
}
