/* arcface eval folder, eval identify, eval megaface: all pairs and searches over folders of identities. */
#include "ui/evaluations.h"

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
    return eval_run(c, folder);
}

static int run_identify(cli *c) {
    return eval_run(c, identify);
}

static int run_megaface(cli *c) {
    return eval_run(c, megaface);
}

static const cli_option folder_options[] = {
    CLI_REAL("far", 0, "X", 0, 1, "0.001", "false accept rate whose support is judged"),
    CLI_WHOLE("impostors", 0, "N", 1, INT64_MAX, "all", "so many different impostor pairs, drawn with --seed"),
    EVAL_FACE_OPTIONS,
    EVAL_RESULT_OPTIONS,
    {0},
};
static const cli_option identify_options[] = {
    CLI_REAL("enrol", 0, "X", 0, 1, "one picture",
             "share of an identity's pictures that the gallery gets; its score is the highest of theirs"),
    CLI_FOLDER("distractors", 0, "FOLDER", NULL, "its pictures join the gallery as identities of nobody"),
    EVAL_FACE_OPTIONS,
    EVAL_RESULT_OPTIONS,
    {0},
};
static const cli_option megaface_options[] = {EVAL_FACE_OPTIONS, EVAL_RESULT_OPTIONS, {0}};

const cli_command cli_eval_folder = {
    .group = CLI_GROUP_EVALUATION,
    .name = "eval folder",
    .args = "DIR",
    .takes = CLI_IS_FOLDER,
    .min_args = 1,
    .max_args = 1,
    .what = "all genuine and impostor pairs of a folder of identities",
    .about = "All genuine and all impostor pairs of DIR/identity/picture: ROC, TAR at FAR 1e-6 to 1e-1, EER, worst pairs. A "
             "billion pairs take no more memory than the embeddings.",
    .example = "arcface eval folder people/ --photos --model w600k_mbf.onnx",
    .uses = CLI_USES_MODEL,
    .options = folder_options,
    .run = run_folder,
};
const cli_command cli_eval_identify = {
    .group = CLI_GROUP_EVALUATION,
    .name = "eval identify",
    .args = "DIR",
    .takes = CLI_IS_FOLDER,
    .min_args = 1,
    .max_args = 1,
    .what = "1:N search over a folder of identities: rank-k, open set",
    .about = "The gallery is the first picture of each identity that has several, or with --enrol 0.5 the first half of them; "
             "the others of these are searches with a mate, identities of one picture are searches without. Prints rank-k, and "
             "the rate of mated searches that are "
             "found (DIR) at false positive identification rates (FPIR).",
    .example = "arcface eval identify lfw-112/ --model w600k_mbf.onnx",
    .uses = CLI_USES_MODEL,
    .options = identify_options,
    .run = run_identify,
};
const cli_command cli_eval_megaface = {
    .group = CLI_GROUP_EVALUATION,
    .name = "eval megaface",
    .args = "PROBES DISTRACTORS",
    .takes = CLI_IS_FOLDER,
    .min_args = 2,
    .max_args = 2,
    .what = "rank-1 of every pair among distractors",
    .about = "MegaFace's way: each ordered pair (a, b) of one identity is a search for a among b and all distractors.",
    .example = "arcface eval megaface facescrub-112/ megaface-112/ --model w600k_mbf.onnx",
    .uses = CLI_USES_MODEL,
    .options = megaface_options,
    .run = run_megaface,
};
