/* arcface verify: are two photos of one person? Exit status 0 yes, 1 no. */
#include "ui/faces.h"
#include <arcface/calibrate.h>
#include <math.h>
#include <stdio.h>

typedef struct verifier {
    arc_result photo[2];
    double threshold;
    int dim;
    int best[2]; /* faces of the pair with the highest cosine */
    double best_cosine;
    arc_calibration calibration;
    bool calibrated;
} verifier;

static double degrees(double cosine) {
    double bounded = cosine < -1 ? -1 : cosine > 1 ? 1 : cosine;
    return acos(bounded) * 180.0 / 3.14159265358979323846;
}

static double cosine_of(const verifier *v, int a, int b) {
    return arc_embedding_cosine(v->photo[0].face[a].embedding, v->photo[1].face[b].embedding, v->dim);
}

static const char *decision(const verifier *v, double cosine) {
    return cosine >= v->threshold ? "same person" : "different persons";
}

/* Both photos must be readable and hold a face. */
static int check_photos(cli *c, const verifier *v, bool all) {
    for (int k = 0; k < 2; k++) {
        const arc_result *p = &v->photo[k];
        if (p->status != ARC_OK)
            return cli_fail(&p->error);
        if (p->faces == 0)
            return cli_bad_input("%s: no face found", p->path);
        if (!all && p->faces_found > 1)
            cli_warn(c, "%s has %d faces, the largest is taken (--all compares every one)", p->path, p->faces_found);
    }
    return CLI_OK;
}

static void find_best(verifier *v) {
    v->best_cosine = -2;
    for (int a = 0; a < v->photo[0].faces; a++)
        for (int b = 0; b < v->photo[1].faces; b++) {
            double cosine = cosine_of(v, a, b);
            if (cosine > v->best_cosine) {
                v->best_cosine = cosine;
                v->best[0] = a;
                v->best[1] = b;
            }
        }
}

static void print_plain(cli_text *t, const verifier *v) {
    bool many = v->photo[0].faces > 1 || v->photo[1].faces > 1;
    for (int a = 0; a < v->photo[0].faces; a++)
        for (int b = 0; b < v->photo[1].faces; b++) {
            double cosine = cosine_of(v, a, b);
            if (many)
                cli_printf(t, "face %d - face %d: ", a, b);
            cli_printf(t, "cosine %.4f  angle %.1f degrees  %s (threshold %.4f)", cosine, degrees(cosine), decision(v, cosine),
                       v->threshold);
            if (v->calibrated)
                cli_printf(t, "  FAR %.2g  probability %.4f", arc_calibration_far(&v->calibration, cosine),
                           arc_calibration_probability(&v->calibration, cosine));
            cli_printf(t, "\n");
        }
}

static void print_json(cli_text *t, const verifier *v) {
    cli_printf(t, "{\"same\": %s, \"cosine\": %.9g, \"angle_degrees\": %.6g, \"threshold\": %.6g,\n",
               v->best_cosine >= v->threshold ? "true" : "false", v->best_cosine, degrees(v->best_cosine), v->threshold);
    if (v->calibrated)
        cli_printf(t, " \"far\": %.6g, \"probability\": %.6g, \"far_of_threshold\": %.6g,\n",
                   arc_calibration_far(&v->calibration, v->best_cosine),
                   arc_calibration_probability(&v->calibration, v->best_cosine),
                   arc_calibration_far(&v->calibration, v->threshold));
    cli_printf(t, " \"photos\": [");
    for (int k = 0; k < 2; k++) {
        const arc_result *p = &v->photo[k];
        cli_printf(t, "%s\n  {\"path\": ", k ? "," : "");
        cli_json_string(t, p->path);
        cli_printf(t, ", \"faces_found\": %d, \"faces\": [", p->faces_found);
        for (int i = 0; i < p->faces; i++) {
            cli_printf(t, "%s\n    {", i ? "," : "");
            cli_json_face(t, &p->face[i].face);
            cli_printf(t, ", \"residual\": %.6g}", p->face[i].align_residual_px);
        }
        cli_printf(t, "]}");
    }
    cli_printf(t, "],\n \"pairs\": [");
    for (int a = 0; a < v->photo[0].faces; a++)
        for (int b = 0; b < v->photo[1].faces; b++) {
            double cosine = cosine_of(v, a, b);
            cli_printf(t, "%s\n  {\"a\": %d, \"b\": %d, \"cosine\": %.9g, \"angle_degrees\": %.6g, \"same\": %s}",
                       a + b ? "," : "", a, b, cosine, degrees(cosine), cosine >= v->threshold ? "true" : "false");
        }
    cli_printf(t, "]}\n");
}

/* Side by side: the pair with the highest cosine. */
static int draw(cli *c, const verifier *v, const char *path) {
    arc_image photo[2] = {{0}, {0}};
    arc_error err = {0};
    char title[64], text[128];
    int code = CLI_OK;
    cli_side side[2];
    for (int k = 0; k < 2 && code == CLI_OK; k++) {
        const arc_result_face *f = &v->photo[k].face[v->best[k]];
        side[k] = (cli_side){&photo[k], &f->face, &f->crop};
        if (arc_image_load(c->ctx, v->photo[k].path, NULL, &photo[k], NULL, &err) != ARC_OK)
            code = cli_fail(&err);
    }
    if (code == CLI_OK) {
        bool yes = v->best_cosine >= v->threshold;
        snprintf(title, sizeof title, "%s", decision(v, v->best_cosine));
        snprintf(text, sizeof text, "cosine %.3f, %.1f\xc2\xb0  (threshold %.3f)", v->best_cosine, degrees(v->best_cosine),
                 v->threshold);
        code = cli_draw_pair(c, side, title, text, yes, path);
    }
    for (int k = 0; k < 2; k++)
        arc_image_free(c->ctx, &photo[k]);
    return code;
}

static int compare(cli *c, verifier *v, arc_pipeline *pipeline, bool all) {
    arc_error err = {0};
    if (arc_pipeline_run(pipeline, (const char *const *)c->args, 2, v->photo, NULL, NULL, &err) != ARC_OK)
        return cli_fail(&err);
    int code = check_photos(c, v, all);
    if (code != CLI_OK)
        return code;
    find_best(v);
    const char *picture = cli_value(c, "draw");
    if (picture && (code = draw(c, v, picture)) != CLI_OK)
        return code;
    cli_text t = {0};
    (cli_given(c, "json") ? print_json : print_plain)(&t, v);
    cli_text_print(&t);
    return v->best_cosine >= v->threshold ? CLI_OK : CLI_NO;
}

static int run(cli *c) {
    verifier v = {.threshold = 0};
    arc_model *model = NULL, *detector = NULL;
    arc_pipeline *pipeline = NULL;
    arc_pipeline_options opt;
    arc_error err = {0};
    arc_pipeline_options_default(&opt);
    opt.flip = cli_given(c, "flip");
    opt.aligned = cli_given(c, "aligned");
    opt.all_faces = cli_given(c, "all");
    opt.keep_crops = cli_given(c, "draw");
    double threshold = 0;
    faces_options(c, &opt.detect);
    cli_float(c, "threshold", &threshold);
    int code = cli_load(c, ARC_TASK_EMBED, &model);
    if (code == CLI_OK && !opt.aligned)
        code = cli_load(c, ARC_TASK_DETECT, &detector);
    if (code == CLI_OK && arc_pipeline_new(c->ctx, detector, model, &opt, &pipeline, &err) != ARC_OK)
        code = cli_fail(&err);
    if (code == CLI_OK && arc_model_calibration(model, &v.calibration, &v.calibrated, &err) != ARC_OK)
        code = cli_fail(&err);
    if (code == CLI_OK) {
        v.dim = arc_model_contract(model)->dim;
        v.threshold = cli_given(c, "threshold") ? threshold : (double)arc_model_contract(model)->threshold;
        code = compare(c, &v, pipeline, opt.all_faces);
    }
    for (int k = 0; k < 2; k++)
        arc_result_free(c->ctx, &v.photo[k]);
    arc_pipeline_free(&pipeline);
    arc_model_free(&detector);
    arc_model_free(&model);
    return code;
}

static const cli_option options[] = {
    CLI_REAL("threshold", 't', "X", -1, 1, "the model's contract", "lowest cosine of one person"),
    CLI_FLAG("json", 'j', "one JSON object"),
    CLI_FILE("draw", 0, "FILE", NULL, "write both photos side by side with boxes and score (.jpg .png .ppm)"),
    CLI_FLAG("all", 'a', "compare every face with every face; yes when one pair matches"),
    CLI_FLAG("flip", 0, "add the embedding of the mirrored face"),
    CLI_FLAG("aligned", 0, "the pictures are ready crops: no detection"),
    FACES_OPTIONS,
    {0},
};

const cli_command cli_verify = {
    .group = CLI_GROUP_FACES,
    .name = "verify",
    .args = "A B",
    .takes = CLI_IS_FILE,
    .min_args = 2,
    .max_args = 2,
    .what = "are two photos of one person? exit status 0 yes, 1 no",
    .about =
        "Prints cosine, angle and decision. Of several faces in a photo the largest is taken, with a warning. A model that has "
        "been calibrated also says the false accept rate of the score and the probability that it is one person.",
    .no = "different persons",
    .example = "arcface verify a.jpg b.jpg --draw pair.jpg",
    .uses = CLI_USES_MODEL | CLI_USES_DETECTOR,
    .options = options,
    .run = run,
};
