/* A process may end while its threads are in calls: no destructor takes away what they work with. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support.h"

enum { ROUNDS = 15 };

static const attestlm_model_t *model;
static volatile int events;

static void *work(void *argument)
{
    attestlm_error_t *err = NULL;
    attestlm_session_t *session = NULL;
    attestlm_generation_t *generation = NULL;
    attestlm_bytes_t *event = NULL;

    (void)argument;
    for (;;) {
        OK(attestlm_session_new(model, NULL, BYTES("{\"contextTokens\": 64}"), &session, &err));
        OK(attestlm_session_generate(session, BYTES("{\"prompt\": \"1\", \"maxTokens\": 40, \"ignoreEog\": true}"), NULL,
                                     &generation, &err));
        while (attestlm_generation_next(generation, -1, &event, &err) == ATTESTLM_OK) {
            attestlm_bytes_free(event);
            events = events + 1;
        }
        attestlm_generation_free(generation);
        attestlm_session_free(session);
    }
    return NULL;
}

int main(void)
{
    int round, state = 0;

    for (round = 0; round < ROUNDS; round++) {
        pid_t child = fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            attestlm_error_t *err = NULL;
            attestlm_model_t *opened = NULL;
            struct timespec moment = {0, 100000};
            pthread_t threads[2];

            alarm(60);
            OK(attestlm_model_bundled(&opened, &err));
            model = opened;
            REQUIRE(pthread_create(&threads[0], NULL, work, NULL) == 0);
            REQUIRE(pthread_create(&threads[1], NULL, work, NULL) == 0);
            while (events == 0) {
                nanosleep(&moment, NULL);
            }
            /* Another moment each time. */
            moment.tv_nsec = round * 700000L;
            nanosleep(&moment, NULL);
            exit(0);
        }
        REQUIRE(waitpid(child, &state, 0) == child);
        if (!WIFEXITED(state) || WEXITSTATUS(state) != 0) {
            fprintf(stderr, "round %d: ended with %s %d\n", round, WIFSIGNALED(state) ? "signal" : "status",
                    WIFSIGNALED(state) ? WTERMSIG(state) : WEXITSTATUS(state));
            return 1;
        }
    }
    printf("exit: ok, %d times\n", (int)ROUNDS);
    return 0;
}
