/*
 * The contestant `C` of `bench --only bindings`: what every binding is compared with. Speaks the protocol of
 * benches/protocol.rs; its commands are written by the driver, so a search for keys reads them.
 *
 *     contestant MODEL THREADS CONTEXT_TOKENS REQUEST      an empty MODEL is the bundled one
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attestlm.h"

#define SESSIONS 2
#define EVENTS 1000

static const uint8_t KEY[32] = {0x46, 0x46, 0x46, 0x46, 0x46, 0x46, 0x46, 0x46, 0x46, 0x46, 0x46, 0x46, 0x46, 0x46, 0x46, 0x46,
                                0x46, 0x46, 0x46, 0x46, 0x46, 0x46, 0x46, 0x46, 0x46, 0x46, 0x46, 0x46, 0x46, 0x46, 0x46, 0x46};

static const char *request;
static attestlm_signer_t *signer;

struct stream {
    attestlm_session_t *session;
    attestlm_receipt_t *receipt;
    double begun;
    /* Milliseconds from the beginning to each event, and to the end. */
    double times[EVENTS + 1];
    int count;
};

/* Writes a JSON string. */
static void put_text(const char *text, size_t length)
{
    size_t i;
    putchar('"');
    for (i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte < 0x20) {
            printf("\\u%04x", byte);
        } else {
            if (byte == '"' || byte == '\\') {
                putchar('\\');
            }
            putchar(byte);
        }
    }
    putchar('"');
}

/* Answers the error, and ends: there is nothing to go on with. */
static void must(attestlm_status_t status, attestlm_error_t *error)
{
    if (status >= ATTESTLM_OK) {
        return;
    }
    printf("{\"error\":");
    put_text(attestlm_error_message(error), strlen(attestlm_error_message(error)));
    puts("}");
    exit(1);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

/* The request, from its queueing to its answer and receipt. */
static void *run(void *argument)
{
    struct stream *stream = argument;
    attestlm_generation_t *generation = NULL;
    attestlm_bytes_t *bytes = NULL;
    attestlm_error_t *error = NULL;
    attestlm_status_t status;
    stream->begun = now();
    stream->count = 0;
    must(attestlm_session_generate(stream->session, (const uint8_t *)request, strlen(request), signer, &generation, &error),
         error);
    while ((status = attestlm_generation_next(generation, -1, &bytes, &error)) == ATTESTLM_OK) {
        attestlm_bytes_free(bytes);
        if (stream->count == EVENTS) {
            abort();
        }
        stream->times[stream->count++] = now() - stream->begun;
    }
    must(status, error);
    must(attestlm_generation_answer(generation, 0, &bytes, &error), error);
    attestlm_bytes_free(bytes);
    must(attestlm_generation_receipt(generation, 0, &stream->receipt, &error), error);
    attestlm_generation_free(generation);
    stream->times[stream->count++] = now() - stream->begun;
    return NULL;
}

/* One stream in this thread, or several in threads of their own. */
static double measure(struct stream *streams, int sessions)
{
    pthread_t threads[SESSIONS];
    double begun = now();
    int i;
    if (sessions == 1) {
        run(streams);
        return now() - begun;
    }
    for (i = 0; i < sessions; i++) {
        if (pthread_create(&threads[i], NULL, run, &streams[i]) != 0) {
            abort();
        }
    }
    for (i = 0; i < sessions; i++) {
        pthread_join(threads[i], NULL);
    }
    return now() - begun;
}

static void answer(struct stream *streams, int sessions, int forget)
{
    int i;
    for (i = 0; forget && i < sessions; i++) {
        attestlm_error_t *error = NULL;
        must(attestlm_session_forget(streams[i].session, &error), error);
    }
    printf("{\"ms\":%.6f,\"times\":[", measure(streams, sessions));
    for (i = 0; i < streams[0].count; i++) {
        printf("%s%.6f", i > 0 ? "," : "", streams[0].times[i]);
    }
    printf("],\"receipts\":[");
    for (i = 0; i < sessions; i++) {
        attestlm_bytes_t *json = NULL;
        attestlm_error_t *error = NULL;
        must(attestlm_receipt_to_json(streams[i].receipt, 1, &json, &error), error);
        attestlm_receipt_free(streams[i].receipt);
        if (i > 0) {
            putchar(',');
        }
        put_text((const char *)attestlm_bytes_data(json), attestlm_bytes_len(json));
        attestlm_bytes_free(json);
    }
    puts("]}");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static struct stream streams[SESSIONS];
    attestlm_model_t *model = NULL;
    attestlm_error_t *error = NULL;
    char options[100], line[100];
    int i;
    if (argc != 5) {
        return 2;
    }
    request = argv[4];
    snprintf(options, sizeof options, "{\"threads\":%d,\"contextTokens\":%d}", atoi(argv[2]), atoi(argv[3]));
    if (argv[1][0] == '\0') {
        must(attestlm_model_bundled(&model, &error), error);
    } else {
        must(attestlm_model_open((const uint8_t *)argv[1], strlen(argv[1]), NULL, &model, &error), error);
    }
    must(attestlm_signer_from_key(KEY, sizeof KEY, &signer, &error), error);
    for (i = 0; i < SESSIONS; i++) {
        must(attestlm_session_new(model, NULL, (const uint8_t *)options, strlen(options), &streams[i].session, &error), error);
    }
    while (fgets(line, sizeof line, stdin) != NULL) {
        const char *sessions = strstr(line, "\"sessions\":");
        int count = sessions == NULL ? 0 : atoi(sessions + strlen("\"sessions\":"));
        if (strstr(line, "\"do\":\"quit\"") != NULL) {
            break;
        }
        if (strstr(line, "\"do\":\"stream\"") == NULL || count < 1 || count > SESSIONS) {
            puts("{\"error\":\"no such command\"}");
            fflush(stdout);
            continue;
        }
        answer(streams, count, strstr(line, "\"forget\":true") != NULL);
    }
    for (i = 0; i < SESSIONS; i++) {
        attestlm_session_free(streams[i].session);
    }
    attestlm_signer_free(signer);
    attestlm_model_free(model);
    return 0;
}
