/* demo FOLDER [DATA]: the whole main job on drawn people, and on real photos where DATA has models and photos (see
 * arcface/demo.h). */
#include <arcface/arcface.h>
#include <stdio.h>

static void say(void *ctx, const char *text) {
    (void)ctx;
    fputs(text, stdout);
    fflush(stdout);
}

int main(int argc, char **argv) {
    arc_error err = {0};
    arc_context *ctx = NULL;
    arc_demo_options opt;
    if (argc < 2 || argc > 3)
        return fprintf(stderr, "usage: demo folder [data]\n"), 2;
    arc_demo_options_default(&opt);
    opt.out = argv[1];
    opt.data = argv[2];
    opt.say = say;
    arc_status st = arc_context_open(&ctx, NULL, &err);
    if (st == ARC_OK)
        st = arc_demo_drawn(ctx, &opt, &err);
    if (st == ARC_OK && opt.data && arc_demo_has_data(opt.data))
        st = arc_demo_real(ctx, &opt, &err);
    arc_context_close(&ctx);
    if (st != ARC_OK)
        fprintf(stderr, "demo: %s\n", err.text);
    return st != ARC_OK;
}
