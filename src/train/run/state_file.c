/* train: the file type and the name of a training's state, as used in the file and in error messages. */
#include "train/run/state_file.h"

const arc_store_kind arc_state_kind = {
    .magic = "ARCSTATE",
    .version = 1,
    .what = "the state of a training",
    .advice = "use an older checkpoint",
    .mismatch = "it belongs to another network, data set or recipe",
};
