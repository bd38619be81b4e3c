/* A stream of 256 tokens of the bundled model in C, 40 times: microseconds a token of the fastest. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "attestlm.h"

static const char OPTIONS[] = "{\"contextTokens\": 512, \"threads\": 1}";
static const char REQUEST[] = "{\"prompt\": \"Tom has 12 apples.\", \"ignoreEog\": true, \"maxTokens\": 256}";

int main(void)
{
    attestlm_model_t *model = NULL;
    attestlm_session_t *session = NULL;
    attestlm_signer_t *signer = NULL;
    double best = 1e9;
    int round;
    if (attestlm_model_bundled(&model, NULL) || attestlm_signer_random(&signer, NULL)
        || attestlm_session_new(model, NULL, (const uint8_t *)OPTIONS, strlen(OPTIONS), &session, NULL)) {
        return 1;
    }
    for (round = 0; round < 40; round++) {
        struct timespec begin, end;
        attestlm_generation_t *generation = NULL;
        attestlm_bytes_t *event = NULL;
        double took;
        clock_gettime(CLOCK_MONOTONIC, &begin);
        if (attestlm_session_generate(session, (const uint8_t *)REQUEST, strlen(REQUEST), signer, &generation, NULL)) {
            return 1;
        }
        while (attestlm_generation_next(generation, -1, &event, NULL) == ATTESTLM_OK) {
            attestlm_bytes_free(event);
        }
        clock_gettime(CLOCK_MONOTONIC, &end);
        attestlm_generation_free(generation);
        took = (double)(end.tv_sec - begin.tv_sec) * 1e6 + (double)(end.tv_nsec - begin.tv_nsec) / 1e3;
        best = took / 256 < best ? took / 256 : best;
    }
    printf("%.1f\n", best);
    return 0;
}
