/* train: messages for whoever watches a training. */
#include "train/trainer/trainer_internal.h"
#include <stdio.h>

static void say(const arc_trainer *t, int rank, const char *fmt, va_list args) {
    char text[1024];
    if (!t->options->say || t->ranks.rank != rank)
        return;
    vsnprintf(text, sizeof text, fmt, args);
    t->options->say(t->options->ctx, text);
}

void arc_train_say(const arc_trainer *t, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    say(t, 0, fmt, args);
    va_end(args);
}

void arc_train_say_from(const arc_trainer *t, int rank, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    say(t, rank, fmt, args);
    va_end(args);
}
