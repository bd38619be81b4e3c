/*
 * A program with a ggml of its own, another build, beside the one inside the library. Its symbols come first in the
 * program's scope; the library must not see them, nor the program the library's. The receipt is the quickstart's,
 * which scripts/test-c.sh compares; what this file checks is that the program's own ggml goes on working.
 *
 * Linked with examples/quickstart.c, whose main is renamed.
 */
#include <stdio.h>

#include "ggml-cpu.h"
#include "ggml.h"

int quickstart_main(int argc, char **argv);

/* The sum of a product of two matrices of ones, rows 3 and 4, inner dimension 256: 3 * 4 * 256. */
static float product(void)
{
    struct ggml_init_params params = {16 * 1024 * 1024, NULL, false};
    struct ggml_context *context = ggml_init(params);
    struct ggml_tensor *a = ggml_new_tensor_2d(context, GGML_TYPE_F32, 256, 3);
    struct ggml_tensor *b = ggml_new_tensor_2d(context, GGML_TYPE_F32, 256, 4);
    struct ggml_tensor *sum = ggml_sum(context, ggml_mul_mat(context, ggml_set_f32(a, 1.0f), ggml_set_f32(b, 1.0f)));
    struct ggml_cgraph *graph = ggml_new_graph(context);
    float result;

    ggml_build_forward_expand(graph, sum);
    ggml_graph_compute_with_ctx(context, graph, 2);
    result = ggml_get_f32_1d(sum, 0);
    ggml_free(context);
    return result;
}

int main(int argc, char **argv)
{
    int status;

    if (product() != 3072.0f) {
        fprintf(stderr, "the program's own ggml computes something else\n");
        return 1;
    }
    status = quickstart_main(argc, argv);
    if (status == 0 && product() != 3072.0f) {
        fprintf(stderr, "afterwards, the program's own ggml computes something else\n");
        return 1;
    }
    return status;
}
