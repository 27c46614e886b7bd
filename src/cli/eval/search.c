/* arcface eval folder, eval identify, eval megaface: all pairs and searches over folders of identities. */
#include "ui/evaluations.h"

typedef arc_status evaluation(cli *c, const eval_command *v, arc_evaluation **out, arc_error *err);

static int run_with(cli *c, evaluation *evaluate) {
    eval_command v;
    arc_evaluation *e = NULL;
    arc_error err = {0};
    int code = eval_open(c, &v);
    if (code != CLI_OK)
        return code;
    arc_status st = evaluate(c, &v, &e, &err);
    return eval_close(c, &v, st, e, &err);
}

static arc_status folder(cli *c, const eval_command *v, arc_evaluation **out, arc_error *err) {
    return arc_evaluate_folder(c->ctx, v->model, c->args[0], &v->opt, out, err);
}

static arc_status identify(cli *c, const eval_command *v, arc_evaluation **out, arc_error *err) {
    return arc_evaluate_identify(c->ctx, v->model, c->args[0], cli_value(c, "distractors"), &v->opt, out, err);
}

static arc_status megaface(cli *c, const eval_command *v, arc_evaluation **out, arc_error *err) {
    return arc_evaluate_megaface(c->ctx, v->model, c->args[0], c->args[1], &v->opt, out, err);
}

static int run_folder(cli *c) {
    return run_with(c, folder);
}

static int run_identify(cli *c) {
    return run_with(c, identify);
}

static int run_megaface(cli *c) {
    return run_with(c, megaface);
}

static const cli_option folder_options[] = {{"far", 0, "X", "false accept rate whose support is judged (default 0.001)"},
                                            {"impostors", 0, "N", "so many impostor pairs, drawn with --seed (default: all)"},
                                            EVAL_FACE_OPTIONS,
                                            EVAL_RESULT_OPTIONS,
                                            {0}};
static const cli_option identify_options[] = {
    {"distractors", 0, "FOLDER", "its pictures join the gallery as identities of nobody"},
    EVAL_FACE_OPTIONS,
    EVAL_RESULT_OPTIONS,
    {0}};
static const cli_option megaface_options[] = {EVAL_FACE_OPTIONS, EVAL_RESULT_OPTIONS, {0}};

const cli_command cli_eval_folder = {
    "eval folder",
    "DIR",
    "all genuine and impostor pairs of a folder of identities",
    "arcface eval folder people/ --photos --model w600k_mbf.onnx",
    CLI_USES_MODEL,
    1,
    1,
    folder_options,
    run_folder,
};
const cli_command cli_eval_identify = {
    "eval identify",
    "DIR",
    "1:N search over a folder of identities: rank-k, open set",
    "arcface eval identify lfw-112/ --model w600k_mbf.onnx",
    CLI_USES_MODEL,
    1,
    1,
    identify_options,
    run_identify,
};
const cli_command cli_eval_megaface = {
    "eval megaface",
    "PROBES DISTRACTORS",
    "rank-1 of every pair among distractors",
    "arcface eval megaface facescrub-112/ megaface-112/ --model w600k_mbf.onnx",
    CLI_USES_MODEL,
    2,
    2,
    megaface_options,
    run_megaface,
};
