/* Eight threads on one handle: whoever comes second is told, nothing is lost, nothing breaks. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <time.h>

#include "support.h"

enum { THREADS = 8, TOKENS = 200 };

static attestlm_generation_t *generation;
static attestlm_session_t *session;

struct found {
    int events, busy, end, other;
};

static void *hammer(void *argument)
{
    struct found *found = argument;
    const struct timespec moment = {0, 100000};
    for (;;) {
        attestlm_bytes_t *event = NULL;
        attestlm_error_t *err = NULL;
        switch (attestlm_generation_next(generation, 50, &event, &err)) {
        case ATTESTLM_OK:
            found->events++;
            break;
        case ATTESTLM_ERR_BUSY:
            found->busy++;
            nanosleep(&moment, NULL);
            break;
        case ATTESTLM_TIMEOUT:
            break;
        case ATTESTLM_END:
            found->end++;
            return NULL;
        default:
            found->other++;
            fprintf(stderr, "threads: %s\n", attestlm_error_message(err));
            attestlm_error_free(err);
            return NULL;
        }
        attestlm_bytes_free(event);
        attestlm_error_free(err);
    }
}

static void *generate(void *argument)
{
    attestlm_error_t *err = NULL;
    attestlm_generation_t *mine = NULL;
    attestlm_bytes_t *bytes = NULL;
    char request[128];
    snprintf(request, sizeof request, "{\"prompt\":\"%d + 1\",\"maxTokens\":20,\"ignoreEog\":true}", *(int *)argument);
    OK(attestlm_session_generate(session, BYTES(request), NULL, &mine, &err));
    while (attestlm_generation_next(mine, -1, &bytes, &err) == ATTESTLM_OK) {
        attestlm_bytes_free(bytes);
    }
    REQUIRE(err == NULL);
    OK(attestlm_generation_answer(mine, 0, &bytes, &err));
    attestlm_bytes_free(bytes);
    attestlm_generation_free(mine);
    return NULL;
}

/* Waits for a generation, and tells when its first event came. */
static void *wait_for_end(void *argument)
{
    volatile int *began = argument;
    attestlm_bytes_t *event = NULL;
    attestlm_error_t *err = NULL;
    while (attestlm_generation_next(generation, -1, &event, &err) == ATTESTLM_OK) {
        attestlm_bytes_free(event);
        *began = 1;
    }
    REQUIRE(err == NULL);
    return NULL;
}

/* A cancel from another thread, while one waits. */
static void cancel(void)
{
    attestlm_error_t *err = NULL;
    attestlm_bytes_t *bytes = NULL;
    volatile int began = 0;
    const struct timespec moment = {0, 100000};
    pthread_t waiting;

    OK(attestlm_session_generate(session, BYTES("{\"prompt\":\"1\",\"maxTokens\":480,\"ignoreEog\":true}"), NULL,
                                 &generation, &err));
    REQUIRE(pthread_create(&waiting, NULL, wait_for_end, (void *)&began) == 0);
    while (!began) {
        nanosleep(&moment, NULL);
    }
    OK(attestlm_generation_cancel(generation, &err));
    REQUIRE(pthread_join(waiting, NULL) == 0);
    OK(attestlm_generation_answer(generation, 0, &bytes, &err));
    REQUIRE(strstr((const char *)attestlm_bytes_data(bytes), "\"finish\":\"cancelled\"") != NULL);
    attestlm_bytes_free(bytes);
    attestlm_generation_free(generation);
}

int main(void)
{
    attestlm_error_t *err = NULL;
    attestlm_model_t *model = NULL;
    attestlm_bytes_t *bytes = NULL;
    pthread_t threads[THREADS];
    struct found found[THREADS], sum;
    int numbers[THREADS];
    int i;

    memset(found, 0, sizeof found);
    memset(&sum, 0, sizeof sum);
    OK(attestlm_model_bundled(&model, &err));
    OK(attestlm_session_new(model, NULL, BYTES("{\"streams\":4}"), &session, &err));
    OK(attestlm_session_generate(session, BYTES("{\"prompt\":\"1\",\"maxTokens\":200,\"ignoreEog\":true}"), NULL,
                                 &generation, &err));
    for (i = 0; i < THREADS; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, hammer, &found[i]) == 0);
    }
    for (i = 0; i < THREADS; i++) {
        REQUIRE(pthread_join(threads[i], NULL) == 0);
        sum.events += found[i].events;
        sum.busy += found[i].busy;
        sum.end += found[i].end;
        sum.other += found[i].other;
    }
    REQUIRE(sum.other == 0 && sum.end == THREADS && sum.busy > 0 && sum.events > 1);
    OK(attestlm_generation_answer(generation, 0, &bytes, &err));
    REQUIRE(strstr((const char *)attestlm_bytes_data(bytes), "\"finish\":\"max tokens\"") != NULL);
    attestlm_bytes_free(bytes);
    attestlm_generation_free(generation);

    cancel();

    /* One session, a generation for each thread. */
    for (i = 0; i < THREADS; i++) {
        numbers[i] = i;
        REQUIRE(pthread_create(&threads[i], NULL, generate, &numbers[i]) == 0);
    }
    for (i = 0; i < THREADS; i++) {
        REQUIRE(pthread_join(threads[i], NULL) == 0);
    }
    attestlm_session_free(session);
    attestlm_model_free(model);
    printf("threads: ok, %d events, %d times busy\n", sum.events, sum.busy);
    return 0;
}
