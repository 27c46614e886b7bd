/* verify DETECTOR EMBEDDER A.jpg B.jpg: the cosine of the largest faces of two photos. */
#include <arcface/arcface.h>
#include <stdio.h>

static int fail(const arc_error *err) {
    fprintf(stderr, "verify: %s\n", err->text);
    return 1;
}

int main(int argc, char **argv) {
    if (argc != 5)
        return fprintf(stderr, "usage: verify detector.onnx embedder.onnx a.jpg b.jpg\n"), 2;
    arc_error err = {0};
    arc_context *ctx = NULL;
    arc_model *detector = NULL, *embedder = NULL;
    arc_pipeline *pipeline = NULL;
    arc_result result[2] = {0};
    int status = 1;
    if (arc_context_open(&ctx, NULL, &err) != ARC_OK)
        return fail(&err);
    if (arc_model_load(ctx, argv[1], ARC_TASK_DETECT, NULL, &detector, &err) != ARC_OK ||
        arc_model_load(ctx, argv[2], ARC_TASK_EMBED, NULL, &embedder, &err) != ARC_OK ||
        arc_pipeline_new(ctx, detector, embedder, NULL, &pipeline, &err) != ARC_OK ||
        arc_pipeline_run(pipeline, (const char *const *)(argv + 3), 2, result, NULL, NULL, &err) != ARC_OK)
        fail(&err);
    else if (result[0].faces && result[1].faces)
        status = printf("cosine %.6f\n", arc_embedding_cosine(result[0].face->embedding, result[1].face->embedding,
                                                              arc_model_contract(embedder)->dim)) < 0;
    else
        fprintf(stderr, "verify: %s %s\n", result[result[0].faces > 0].path, "has no readable face");
    arc_result_free(ctx, &result[0]);
    arc_result_free(ctx, &result[1]);
    arc_pipeline_free(&pipeline);
    arc_model_free(&embedder);
    arc_model_free(&detector);
    arc_context_close(&ctx);
    return status;
}
