/* arcface export --simulate: what a device's arithmetic does to a model. */
#include "deploy/simulate.h"
#include "ui/faces.h"
#include "ui/gate.h"

int export_simulate(cli *c) {
    arc_simulate_options opt;
    arc_quantize_gate gate;
    arc_error err = {0};
    cli_progress bar;
    arc_model *model = NULL;
    arc_image *crop = NULL;
    char *text = NULL;
    int crops = 0, names = c->arg_count - 1;
    const char *calib = cli_value(c, "calib");
    const char *const *name = calib ? &calib : (const char *const *)(c->args + 1);
    if (!calib == (names == 0))
        return cli_usage(c, "--simulate runs on aligned faces: name them behind the model, or --calib FOLDER");
    if (cli_given(c, "output"))
        return cli_usage(c, "--simulate writes no file: leave out -o");
    int code = gate_options(c, &gate);
    if (code == CLI_OK)
        code = cli_load_any(c, c->args[0], ARC_TASK_UNKNOWN, &model);
    if (code == CLI_OK)
        code = faces_crops_of(c, model, NULL, name, calib ? 1 : names, &crop, &crops);
    if (code == CLI_OK) {
        arc_simulation *s = cli_new(1, sizeof *s);
        arc_simulate_options_default(&opt);
        opt.device = (arc_simulated)cli_word(c, "simulate");
        opt.gate = &gate;
        opt.progress = cli_progress_tick;
        opt.progress_ctx = gate.progress_ctx = &bar;
        cli_progress_start(&bar, c, "simulating");
        arc_status st = arc_parity_simulate(c->ctx, model, crop, crops, &opt, NULL, s, &err);
        cli_progress_end(&bar);
        if (st == ARC_OK)
            st = arc_simulation_describe(c->ctx, s, cli_given(c, "json"), &text, &err);
        code = cli_show(c, st, &text, &err);
        if (code == CLI_OK && *s->parity.refused)
            code = CLI_NO;
        cli_free(s);
    }
    for (int i = 0; i < crops; i++)
        arc_image_free(c->ctx, &crop[i]);
    cli_free(crop);
    arc_model_free(&model);
    return code;
}
