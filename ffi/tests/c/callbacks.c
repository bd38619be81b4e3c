/* A finalizer may call the library: it runs when no lock is held, wherever the last use of its signer ends. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <unistd.h>

#include "support.h"

static const uint8_t ADDRESS[20] = {1};
static attestlm_session_t *session;
static int finalized;

static int32_t refuse(void *env, const uint8_t *digest, uint8_t *signature)
{
    (void)env, (void)digest, (void)signature;
    return 1;
}

static void finalize(void *env)
{
    attestlm_error_t *err = NULL;
    attestlm_generation_t *generation = NULL;

    /* What it frees belongs to the session that is at work. */
    attestlm_generation_free(env);
    OK(attestlm_session_cancel(session, &err));
    if (attestlm_session_generate(session, BYTES("{\"prompt\": \"1\", \"maxTokens\": 1}"), NULL, &generation, &err) < 0) {
        /* Inside a step of the same thread it is told so. */
        REQUIRE(strcmp(attestlm_error_field(err), "session") == 0);
        attestlm_error_free(err);
    }
    attestlm_generation_free(generation);
    finalized++;
}

static attestlm_generation_t *generate(uint32_t tokens, attestlm_signer_t *signer)
{
    char request[100];
    attestlm_error_t *err = NULL;
    attestlm_generation_t *generation = NULL;

    sprintf(request, "{\"prompt\": \"Tom\", \"ignoreEog\": true, \"maxTokens\": %u}", (unsigned)tokens);
    OK(attestlm_session_generate(session, BYTES(request), signer, &generation, &err));
    return generation;
}

/* A generation whose signer goes with it. */
static attestlm_generation_t *with_finalizer(uint32_t tokens)
{
    attestlm_error_t *err = NULL;
    attestlm_signer_t *signer = NULL;
    attestlm_generation_t *generation;

    OK(attestlm_signer_callback(ADDRESS, 20, refuse, generate(2, NULL), finalize, &signer, &err));
    generation = generate(tokens, signer);
    attestlm_signer_free(signer);
    return generation;
}

static void *drain(void *generation)
{
    attestlm_bytes_t *event = NULL;

    while (attestlm_generation_next(generation, -1, &event, NULL) == ATTESTLM_OK) {
        attestlm_bytes_free(event);
    }
    return NULL;
}

int main(void)
{
    attestlm_error_t *err = NULL;
    attestlm_model_t *model = NULL;
    attestlm_generation_t *busy, *freed;
    pthread_t thread;
    int round;

    /* A deadlock ends here. */
    alarm(60);
    OK(attestlm_model_bundled(&model, &err));
    OK(attestlm_session_new(model, NULL, BYTES("{\"threads\": 1, \"streams\": 2, \"contextTokens\": 256}"), &session, &err));
    /* Freed before its first step; */
    attestlm_generation_free(with_finalizer(4));
    REQUIRE(finalized == 1);
    /* after its last; */
    freed = with_finalizer(4);
    drain(freed);
    attestlm_generation_free(freed);
    REQUIRE(finalized == 2);
    /* while another thread is in a step. */
    for (round = 0; round < 20; round++) {
        busy = generate(100, NULL);
        freed = with_finalizer(4);
        REQUIRE(pthread_create(&thread, NULL, drain, busy) == 0);
        attestlm_generation_free(freed);
        REQUIRE(pthread_join(thread, NULL) == 0);
        attestlm_generation_free(busy);
        REQUIRE(finalized == 3 + round);
    }
    attestlm_session_free(session);
    attestlm_model_free(model);
    puts("callbacks: ok");
    return 0;
}
