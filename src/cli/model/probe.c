/* arcface model probe: which channel order and normalisation a recogniser takes, by trying. */
#include "ui/faces.h"
#include <arcface/probe.h>
#include <stdio.h>

/* A detector is needed only if some picture is no aligned crop: the library says so when there is none. */
static int load_detector(cli *c, const arc_probe_options *opt, arc_model **detector) {
    const bool wanted = opt->images && !opt->aligned && (cli_given(c, "detector") || cli_has_model(c, ARC_TASK_DETECT));
    return wanted ? cli_load(c, ARC_TASK_DETECT, detector) : CLI_OK;
}

static int write_contract(cli *c, const arc_model *model, const arc_probe *probe) {
    arc_error err = {0};
    bool changed;
    if (probe->chosen < 0)
        return CLI_OK; /* the text has said why; the exit status does */
    if (arc_probe_write(c->ctx, model, probe, &changed, &err) != ARC_OK)
        return err.code == ARC_EUNSUPPORTED ? cli_fail(&err) : cli_fail_write(&err);
    if (!c->quiet)
        fprintf(stderr, "wrote the contract into %s%s\n", c->args[0], changed ? "" : ", which has not changed");
    return CLI_OK;
}

static int probe_model(cli *c, const arc_model *model, const arc_probe_options *opt) {
    arc_probe *probe = cli_new(1, sizeof *probe);
    arc_error err = {0};
    char *text = NULL;
    arc_status st = arc_model_probe(c->ctx, model, opt, probe, &err);
    cli_progress_end(opt->progress_ctx);
    if (st == ARC_OK)
        st = arc_probe_describe(c->ctx, probe, cli_given(c, "json"), &text, &err);
    int code = cli_show(c, st, &text, &err);
    if (code == CLI_OK && cli_given(c, "write"))
        code = write_contract(c, model, probe);
    if (code == CLI_OK && probe->chosen < 0)
        code = CLI_NO;
    cli_free(probe);
    return code;
}

static int run(cli *c) {
    arc_model *model = NULL, *detector = NULL;
    arc_probe_options opt;
    cli_progress bar;
    arc_probe_options_default(&opt);
    faces_options(c, &opt.detect);
    opt.images = cli_value(c, "images");
    opt.aligned = cli_given(c, "aligned");
    opt.photos = cli_given(c, "photos");
    opt.writes = cli_given(c, "write");
    cli_int(c, "people", &opt.people);
    cli_int(c, "each", &opt.images_each);
    opt.progress = cli_progress_tick;
    opt.progress_ctx = &bar;
    if (opt.aligned && opt.photos)
        return cli_usage(c, "--aligned and --photos say different things of the pictures");
    int code = cli_load_any(c, c->args[0], ARC_TASK_EMBED, &model);
    if (code == CLI_OK)
        code = load_detector(c, &opt, &detector);
    opt.detector = detector;
    if (code == CLI_OK) {
        cli_progress_start(&bar, c, "probing");
        code = probe_model(c, model, &opt);
    }
    arc_model_free(&detector);
    arc_model_free(&model);
    return code;
}

static const cli_option options[] = {
    CLI_FOLDER("images", 0, "DIR", "drawn people", "DIR/person/picture, photos or aligned crops"),
    CLI_FLAG("write", 0, "write the contract that was found into the file"),
    CLI_FLAG("aligned", 0, "all pictures are ready crops; default: those of the template's size or 112x112"),
    CLI_FLAG("photos", 0, "all pictures are photos, whatever their size"),
    CLI_WHOLE("people", 0, "N", 2, 1000, "60", "at most so many people"),
    CLI_WHOLE("each", 0, "N", 2, 100, "3", "at most so many pictures of each"),
    CLI_FILE("detector", 'd', "NAME", "$ARCFACE_DETECTOR, else a pulled pack", "detection model for photos"),
    FACES_OPTIONS,
    CLI_FLAG("json", 'j', "one JSON object"),
    {0},
};

const cli_command cli_model_probe = {
    .group = CLI_GROUP_MODELS,
    .name = "model probe",
    .args = "MODEL",
    .takes = CLI_IS_FILE,
    .min_args = 1,
    .max_args = 1,
    .what = "which colour order and normalisation a recogniser takes, by trying",
    .about =
        "Embeds some faces of some people under each plausible contract (RGB and BGR; (x-127.5)/127.5, (x-127.5)/128, x/255, "
        "ImageNet, raw), with and without the mirrored face, and ranks them by how well people separate (d' of genuine and "
        "impostor cosines). A contract is chosen only if every other one is behind by more than chance or gives the same "
        "embeddings. Without --images the faces are drawn. --write puts the chosen one into the metadata of the ONNX file.",
    .no = "too close to call, or nothing separates the people",
    .example = "arcface model probe model.onnx --images people/ --write",
    .options = options,
    .run = run,
};
