/* verify DETECTOR EMBEDDER A.jpg B.jpg: are the largest faces of two photos one person's? Exit status 0 yes, 1 no, 2 failure. */
#include <arcface/arcface.h>
#include <stdio.h>

static int compare(arc_context *ctx, arc_pipeline *pipeline, const char *a, const char *b, arc_error *err) {
    const arc_photo photos[2] = {arc_photo_from_path(a), arc_photo_from_path(b)};
    arc_verified found;
    int status = 2;
    if (arc_verify(pipeline, photos, NULL, &found, err) == ARC_OK) {
        printf("%s: cosine %.6f, threshold %.4f\n", found.verdict.same ? "same person" : "different persons",
               found.verdict.cosine, found.verdict.threshold);
        status = found.verdict.same ? 0 : 1;
    }
    arc_verified_free(ctx, &found);
    return status;
}

int main(int argc, char **argv) {
    if (argc != 5)
        return fprintf(stderr, "usage: verify detector.onnx embedder.onnx a.jpg b.jpg\n"), 2;
    arc_error err = {0};
    arc_context *ctx = NULL;
    arc_model *detector = NULL, *embedder = NULL;
    arc_pipeline *pipeline = NULL;
    int status = 2;
    if (arc_context_open(&ctx, NULL, &err) == ARC_OK &&
        arc_model_load(ctx, argv[1], ARC_TASK_DETECT, NULL, &detector, &err) == ARC_OK &&
        arc_model_load(ctx, argv[2], ARC_TASK_EMBED, NULL, &embedder, &err) == ARC_OK &&
        arc_pipeline_new(ctx, detector, embedder, NULL, &pipeline, &err) == ARC_OK)
        status = compare(ctx, pipeline, argv[3], argv[4], &err);
    if (status == 2)
        fprintf(stderr, "verify: %s\n", err.text);
    arc_pipeline_free(&pipeline);
    arc_model_free(&embedder);
    arc_model_free(&detector);
    arc_context_close(&ctx);
    return status;
}
