/* What a training's state is called, in the file and in messages. */
#include "train/run/state_file.h"

const arc_store_kind arc_state_kind = {
    .magic = "ARCSTATE",
    .version = 1,
    .what = "the state of a training",
    .advice = "use an older checkpoint",
    .mismatch = "it belongs to another network, data set or recipe",
};
