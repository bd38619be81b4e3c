/*
 * Every size at which llama.cpp would end the process: sequences, positions, tokens, batches, contexts. Each case runs
 * in a process of its own, which must end by itself with the status that is expected.
 */
#define _POSIX_C_SOURCE 200809L

#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

/* Any success. */
#define ANSWERED 0

struct limit {
    const char *name;
    const char *options;
    const char *request;
    /* NULL: generate; else score it. */
    const char *continuation;
    /* Of the first call that fails, or ANSWERED. */
    attestlm_status_t status;
    /* The field of the error. */
    const char *field;
};

#define CONTEXT "{\"threads\": 1, \"contextTokens\": 16}"
#define SHORT "{\"prompt\": \"Tom\", \"maxTokens\": 2, \"ignoreEog\": true}"

static const struct limit LIMITS[] = {
    {"one token of context", "{\"threads\": 1, \"contextTokens\": 1}", SHORT, NULL, ATTESTLM_ERR_ARGUMENT, "prompt"},
    {"no context", "{\"threads\": 1, \"contextTokens\": 0}", SHORT, NULL, ANSWERED, ""},
    {"context beyond the model's", "{\"threads\": 1, \"contextTokens\": 513}", SHORT, NULL, ANSWERED, ""},
    {"more context than memory", "{\"threads\": 1, \"contextTokens\": 1048576, \"streams\": 64}", SHORT, NULL, ATTESTLM_ERR_ENGINE, "context"},
    {"context of 2^32 - 1", "{\"threads\": 1, \"contextTokens\": 4294967295}", SHORT, NULL, ATTESTLM_ERR_ARGUMENT, "contextTokens"},
    {"context of 2^32", "{\"threads\": 1, \"contextTokens\": 4294967296}", SHORT, NULL, ATTESTLM_ERR_ARGUMENT, "contextTokens"},
    {"context below zero", "{\"threads\": 1, \"contextTokens\": -1}", SHORT, NULL, ATTESTLM_ERR_ARGUMENT, "contextTokens"},
    {"no streams", "{\"threads\": 1, \"contextTokens\": 16, \"streams\": 0}", SHORT, NULL, ATTESTLM_ERR_ARGUMENT, "streams"},
    {"most streams", "{\"threads\": 1, \"contextTokens\": 16, \"streams\": 64}", SHORT, NULL, ANSWERED, ""},
    {"a stream too many", "{\"threads\": 1, \"contextTokens\": 16, \"streams\": 65}", SHORT, NULL, ATTESTLM_ERR_ARGUMENT, "streams"},
    {"streams of 2^32 - 1", "{\"threads\": 1, \"contextTokens\": 16, \"streams\": 4294967295}", SHORT, NULL, ATTESTLM_ERR_ARGUMENT, "streams"},
    {"no batch", "{\"threads\": 1, \"contextTokens\": 16, \"ubatch\": 0}", SHORT, NULL, ATTESTLM_ERR_ARGUMENT, "ubatch"},
    {"a batch of one", "{\"threads\": 1, \"contextTokens\": 16, \"ubatch\": 1}", SHORT, NULL, ANSWERED, ""},
    {"a batch of one for many streams", "{\"threads\": 1, \"contextTokens\": 16, \"ubatch\": 1, \"streams\": 8}", "{\"prompt\": \"Tom\", \"maxTokens\": 2, \"temperature\": 1, \"seed\": \"1\", \"choices\": 8}", NULL, ANSWERED, ""},
    {"a batch beyond the context", "{\"threads\": 1, \"contextTokens\": 16, \"ubatch\": 4096}", SHORT, NULL, ANSWERED, ""},
    {"a batch of 2^32 - 1", "{\"threads\": 1, \"contextTokens\": 16, \"ubatch\": 4294967295}", SHORT, NULL, ATTESTLM_ERR_ARGUMENT, "ubatch"},
    {"a million threads", "{\"threads\": 1000000, \"contextTokens\": 16}", SHORT, NULL, ANSWERED, ""},
    {"the last token of the vocabulary", CONTEXT, "{\"promptTokens\": [767], \"maxTokens\": 1}", NULL, ANSWERED, ""},
    {"a token beyond the vocabulary", CONTEXT, "{\"promptTokens\": [768], \"maxTokens\": 1}", NULL, ATTESTLM_ERR_ARGUMENT, "promptTokens"},
    {"a token of 2^31 - 1", CONTEXT, "{\"promptTokens\": [2147483647], \"maxTokens\": 1}", NULL, ATTESTLM_ERR_ARGUMENT, "promptTokens"},
    {"a token of 2^32 - 1", CONTEXT, "{\"promptTokens\": [4294967295], \"maxTokens\": 1}", NULL, ATTESTLM_ERR_ARGUMENT, "promptTokens"},
    {"a token below zero", CONTEXT, "{\"promptTokens\": [-1], \"maxTokens\": 1}", NULL, ATTESTLM_ERR_ARGUMENT, "promptTokens"},
    {"no tokens", CONTEXT, "{\"promptTokens\": [], \"maxTokens\": 1}", NULL, ATTESTLM_ERR_ARGUMENT, "promptTokens"},
    {"a prompt that leaves one position", CONTEXT, "{\"promptTokens\": [65,65,65,65,65,65,65,65,65,65,65,65,65,65,65], \"maxTokens\": 5}", NULL, ANSWERED, ""},
    {"a prompt that fills the context", CONTEXT, "{\"promptTokens\": [65,65,65,65,65,65,65,65,65,65,65,65,65,65,65,65], \"maxTokens\": 5}", NULL, ATTESTLM_ERR_ARGUMENT, "promptTokens"},
    {"a prompt beyond the context", CONTEXT, "{\"promptTokens\": [65,65,65,65,65,65,65,65,65,65,65,65,65,65,65,65,65], \"maxTokens\": 5}", NULL, ATTESTLM_ERR_ARGUMENT, "promptTokens"},
    {"an output until the context is full", CONTEXT, "{\"prompt\": \"Tom\", \"maxTokens\": 16777216, \"ignoreEog\": true}", NULL, ANSWERED, ""},
    {"a context beyond the session's", CONTEXT, "{\"prompt\": \"Tom\", \"contextTokens\": 17}", NULL, ATTESTLM_ERR_ARGUMENT, "contextTokens"},
    {"more choices than streams", CONTEXT, "{\"prompt\": \"Tom\", \"maxTokens\": 2, \"temperature\": 1, \"seed\": \"1\", \"choices\": 64}", NULL, ANSWERED, ""},
    {"a score that fills the context", CONTEXT, "{\"promptTokens\": [65,65,65,65,65,65,65,65,65,65,65,65]}", "{\"tokens\": [65,65,65,65]}", ANSWERED, ""},
    {"a score beyond the context", CONTEXT, "{\"promptTokens\": [65,65,65,65,65,65,65,65,65,65,65,65]}", "{\"tokens\": [65,65,65,65,65]}", ATTESTLM_ERR_ARGUMENT, "continuation"},
    {"a scored token beyond the vocabulary", CONTEXT, "{\"prompt\": \"Tom\"}", "{\"tokens\": [768]}", ATTESTLM_ERR_ARGUMENT, "continuation"},
    {"a scored token below zero", CONTEXT, "{\"prompt\": \"Tom\"}", "{\"tokens\": [-1]}", ATTESTLM_ERR_ARGUMENT, "continuation.tokens"},
    {"nothing to score", CONTEXT, "{\"prompt\": \"Tom\"}", "{\"tokens\": []}", ATTESTLM_ERR_ARGUMENT, "continuation"},
};

/* Compares an outcome with what is expected; ends the process where they differ. */
static void compare(const struct limit *limit, attestlm_status_t status, attestlm_error_t *err)
{
    const char *field = err != NULL ? attestlm_error_field(err) : "";

    if ((status < 0 ? status : ANSWERED) != limit->status || strcmp(field, limit->field) != 0) {
        fprintf(stderr, "%s: status %d, field \"%s\": %s; expected %d, \"%s\"\n", limit->name, (int)status, field,
                err != NULL ? attestlm_error_message(err) : "", (int)limit->status, limit->field);
        _exit(1);
    }
    if (status < 0) {
        _exit(0);
    }
}

/* Compares where it failed. */
static void survive(const struct limit *limit, attestlm_status_t status, attestlm_error_t *err)
{
    if (status < 0) {
        compare(limit, status, err);
    }
}

static void run(const struct limit *limit)
{
    attestlm_error_t *err = NULL;
    attestlm_model_t *model = NULL;
    attestlm_session_t *session = NULL;
    attestlm_generation_t *generation = NULL;
    attestlm_bytes_t *bytes = NULL;
    attestlm_status_t status;

    OK(attestlm_model_bundled(&model, &err));
    status = attestlm_session_new(model, NULL, BYTES(limit->options), &session, &err);
    survive(limit, status, err);
    if (limit->continuation != NULL) {
        status = attestlm_session_score(session, BYTES(limit->request), BYTES(limit->continuation), NULL, NULL, &bytes, NULL, &err);
        compare(limit, status, err);
    } else {
        status = attestlm_session_generate(session, BYTES(limit->request), NULL, &generation, &err);
        survive(limit, status, err);
        do {
            status = attestlm_generation_next(generation, -1, &bytes, &err);
            survive(limit, status, err);
            attestlm_bytes_free(bytes);
            bytes = NULL;
        } while (status != ATTESTLM_END);
        status = attestlm_generation_answer(generation, 0, &bytes, &err);
        compare(limit, status, err);
    }
    attestlm_bytes_free(bytes);
    attestlm_generation_free(generation);
    attestlm_session_free(session);
    attestlm_model_free(model);
}

int main(void)
{
    size_t count = sizeof LIMITS / sizeof *LIMITS, i;
    int failed = 0;

    for (i = 0; i < count; i++) {
        int state = 0;
        /* This process itself never uses the library, so its children may. */
        pid_t child = fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            /* As much memory on every machine. */
            struct rlimit memory = {(rlim_t)8 << 30, (rlim_t)8 << 30};
            REQUIRE(setrlimit(RLIMIT_AS, &memory) == 0);
            /* A hang is a death, too. */
            alarm(60);
            run(&LIMITS[i]);
            _exit(0);
        }
        REQUIRE(waitpid(child, &state, 0) == child);
        if (WIFSIGNALED(state)) {
            fprintf(stderr, "%s: the process died of signal %d\n", LIMITS[i].name, WTERMSIG(state));
        }
        failed += !(WIFEXITED(state) && WEXITSTATUS(state) == 0);
    }
    printf("%d limits, %d not as expected\n", (int)count, failed);
    return failed != 0;
}
