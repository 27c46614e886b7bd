/* arcface gallery stats: how many pictures people have and how good they are, who looks like whom, and which pictures are unlike
 * their person's others. */
#include "gallery/open.h"
#include <arcface/gallery_survey.h>
#include <math.h>

static void put_lines(cli_text *t, const arc_gallery_survey *s, int64_t most) {
    cli_printf(t, "people       %lld, with %lld to %lld templates; %lld without any\n", (long long)s->people,
               (long long)s->fewest, (long long)s->most, (long long)s->without);
    if (isfinite(s->quality_median))
        cli_printf(t, "quality      %.2f to %.2f, half of the templates below %.2f, a tenth below %.2f\n", s->quality_lowest,
                   s->quality_highest, s->quality_median, s->quality_tenth);
    cli_printf(t, "look-alikes  %lld pair%s of people at or above the threshold %.4f%s\n", (long long)s->alikes,
               s->alikes == 1 ? "" : "s", s->threshold,
               s->alikes ? ": one person twice (gallery merge), or two who are taken for each other" : "");
    for (int64_t i = 0; i < s->alikes && i < most; i++)
        cli_printf(t, "  %.4f  %s - %s\n", s->alike[i].cosine, s->person[s->alike[i].person[0]].name,
                   s->person[s->alike[i].person[1]].name);
    cli_printf(t, "outliers     %lld picture%s unlike all others of the same person%s\n", (long long)s->outliers,
               s->outliers == 1 ? "" : "s", s->outliers ? ": somebody else's, or useless (gallery remove --template)" : "");
    for (int64_t i = 0; i < s->outliers && i < most; i++)
        cli_printf(t, "  %.4f  %s, template %lld\n", s->outlier[i].cosine, s->person[s->outlier[i].person].name,
                   (long long)s->outlier[i].template_id);
}

static void put_json(cli_text *t, const arc_gallery_survey *s, int64_t most) {
    cli_printf(t, "{\"people\": %lld, \"fewest_templates\": %lld, \"most_templates\": %lld, \"without_templates\": %lld",
               (long long)s->people, (long long)s->fewest, (long long)s->most, (long long)s->without);
    if (isfinite(s->quality_median))
        cli_printf(t, ", \"quality\": {\"lowest\": %.6g, \"tenth\": %.6g, \"median\": %.6g, \"highest\": %.6g}",
                   s->quality_lowest, s->quality_tenth, s->quality_median, s->quality_highest);
    cli_printf(t, ", \"threshold\": %.9g, \"look_alikes\": %lld, \"outliers\": %lld, \"alike\": [", s->threshold,
               (long long)s->alikes, (long long)s->outliers);
    for (int64_t i = 0; i < s->alikes && i < most; i++) {
        cli_printf(t, "%s{\"names\": [", i ? ", " : "");
        gallery_put_json(t, s->person[s->alike[i].person[0]].name);
        cli_printf(t, ", ");
        gallery_put_json(t, s->person[s->alike[i].person[1]].name);
        cli_printf(t, "], \"cosine\": %.9g}", s->alike[i].cosine);
    }
    cli_printf(t, "], \"unlike\": [");
    for (int64_t i = 0; i < s->outliers && i < most; i++) {
        cli_printf(t, "%s{\"name\": ", i ? ", " : "");
        gallery_put_json(t, s->person[s->outlier[i].person].name);
        cli_printf(t, ", \"template\": %lld, \"cosine\": %.9g}", (long long)s->outlier[i].template_id, s->outlier[i].cosine);
    }
    cli_printf(t, "]}\n");
}

static int stats(cli *c) {
    arc_gallery *g;
    arc_gallery_survey_options opt;
    arc_gallery_survey survey = {0};
    arc_error err = {0};
    cli_progress bar;
    cli_text t = {0};
    int64_t most = 20;
    arc_gallery_survey_options_default(&opt);
    cli_float(c, "threshold", &opt.threshold);
    cli_long(c, "most", &most);
    opt.progress = cli_progress_stage;
    opt.progress_ctx = &bar;
    int code = gallery_open(c, GALLERY_READ, NULL, &g);
    cli_progress_start(&bar, c, "comparing");
    const arc_status st = code == CLI_OK ? arc_gallery_survey_of(g, &opt, &survey, &err) : ARC_OK;
    cli_progress_end(&bar);
    if (st != ARC_OK)
        code = cli_fail(&err);
    arc_gallery_close(&g);
    if (code == CLI_OK)
        (cli_given(c, "json") ? put_json : put_lines)(&t, &survey, most);
    arc_gallery_survey_free(c->ctx, &survey);
    return code == CLI_OK ? cli_text_print(&t) : code;
}

static const cli_option options[] = {
    GALLERY_OPTIONS,
    GALLERY_MEMORY_OPTION,
    CLI_REAL("threshold", 't', "X", -1, 1, "the gallery's rule",
             "cosine from which on people are look-alikes, below which pictures are outliers"),
    CLI_WHOLE("most", 0, "N", 0, INT64_MAX, "20", "most look-alikes and outliers that are listed"),
    CLI_JSON_LINE,
    {0},
};

const cli_command cli_gallery_stats = {
    .group = CLI_GROUP_GALLERIES,
    .name = "gallery stats",
    .args = "",
    .what = "pictures and quality of everybody, people who look alike, pictures that are unlike their person",
    .about = "Every template is searched in the gallery, so it takes as long as identifying all of them. Two people whose most "
             "similar pictures reach the threshold are look-alikes: one person under two names, or two who will be mistaken for "
             "each other.",
    .example = "arcface gallery stats --gallery people.gal",
    .options = options,
    .run = stats,
};
