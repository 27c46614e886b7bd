/* arcface eval lfw, eval pairs, eval bin: listed pairs by the fold protocol. */
#include "ui/evaluations.h"

static arc_status pairs(cli *c, const eval_command *v, arc_evaluation **out, arc_error *err) {
    return arc_evaluate_pairs(c->ctx, v->model, cli_value(c, "images"), cli_value(c, "pairs"), &v->opt, out, err);
}

static arc_status bin(cli *c, const eval_command *v, arc_evaluation **out, arc_error *err) {
    return arc_evaluate_bin(c->ctx, v->model, c->args[0], &v->opt, out, err);
}

static int run_pairs(cli *c) {
    if (!cli_given(c, "images") || !cli_given(c, "pairs"))
        return cli_usage(c, "%s needs --images FOLDER and --pairs FILE", c->command->name);
    return eval_run(c, pairs);
}

static int run_bin(cli *c) {
    return eval_run(c, bin);
}

static const cli_option lfw_options[] = {
    CLI_FOLDER("images", 0, "FOLDER", NULL, "Name/Name_0001.jpg (or .png): aligned crops, or photos with --photos"),
    CLI_FILE("pairs", 0, "FILE", NULL, "the official pairs.txt"),
    EVAL_FOLD_OPTIONS,
    EVAL_FACE_OPTIONS,
    EVAL_RESULT_OPTIONS,
    {0},
};
static const cli_option pairs_options[] = {
    CLI_FOLDER("images", 0, "FOLDER", NULL, "the folder that the paths of the list start in"),
    CLI_FILE("pairs", 0, "FILE", NULL,
             "\"PATH PATH 0|1\" a line, CALFW's or CPLFW's list, pairs.txt, or CFP's Protocol/Split/FP or FF"),
    EVAL_FOLD_OPTIONS,
    EVAL_FACE_OPTIONS,
    EVAL_RESULT_OPTIONS,
    {0},
};
static const cli_option bin_options[] = {EVAL_FOLD_OPTIONS, EVAL_FACE_OPTIONS, EVAL_RESULT_OPTIONS, {0}};

const cli_command cli_eval_lfw = {
    .group = CLI_GROUP_EVALUATION,
    .name = "eval lfw",
    .args = "",
    .what = "LFW accuracy by the 10-fold protocol",
    .about = "The protocol of InsightFace: the best threshold of nine folds is judged on the tenth. Embeddings are the sum of "
             "the plain and the mirrored view. Every rate has its interval; every result names model, contract, set and rule. "
             "A picture that is missing or shows no face is named, its pairs keep their place in the fold and count as "
             "rejected. Photos are detected (the face that is large and central) and aligned.",
    .example = "arcface eval lfw --images lfw-112/ --pairs pairs.txt --model w600k_mbf.onnx",
    .uses = CLI_USES_MODEL,
    .options = lfw_options,
    .run = run_pairs,
};
const cli_command cli_eval_pairs = {
    .group = CLI_GROUP_EVALUATION,
    .name = "eval pairs",
    .args = "",
    .what = "the same on any list of pairs: CFP, AgeDB, CALFW, CPLFW, your own",
    .about = "A list has a line \"PATH PATH 0|1\" for each pair, or is CALFW's or CPLFW's (two lines a pair), a pairs.txt, or "
             "the folder Split/FP or Split/FF of CFP's Protocol.",
    .example = "arcface eval pairs --images cplfw-112/ --pairs pairs_CPLFW.txt --model w600k_mbf.onnx",
    .uses = CLI_USES_MODEL,
    .options = pairs_options,
    .run = run_pairs,
};
const cli_command cli_eval_bin = {
    .group = CLI_GROUP_EVALUATION,
    .name = "eval bin",
    .args = "FILE",
    .takes = CLI_IS_FILE,
    .min_args = 1,
    .max_args = 1,
    .what = "the same on an InsightFace .bin set",
    .about = "Nothing in the file is executed.",
    .example = "arcface eval bin agedb_30.bin --model w600k_mbf.onnx",
    .uses = CLI_USES_MODEL,
    .options = bin_options,
    .run = run_bin,
};
