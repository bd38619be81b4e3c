/*
 * What the library leaves to the program it is part of: signal handlers, environment, threads, descriptors, floating
 * point environment. And what the program's floating point environment does to a receipt: nothing.
 */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <xmmintrin.h>

#include "support.h"

extern char **environ;

static const char REQUEST[] =
    "{\"prompt\": \"Tom has\", \"maxTokens\": 24, \"ignoreEog\": true, \"temperature\": \"0.8\", \"seed\": \"3\","
    " \"nonce\": \"0x5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a\", \"issuedAt\": \"1700000000\"}";
static const uint8_t KEY[32] = {0x46};

/* Entries of a folder of /proc/self. */
static int entries(const char *path)
{
    DIR *folder = opendir(path);
    int count = 0;

    REQUIRE(folder != NULL);
    while (readdir(folder) != NULL) {
        count++;
    }
    closedir(folder);
    return count;
}

/* As entries, but waits for what ends on its own, a joined thread's entry, for instance. */
static int entries_settled(const char *path, int expected)
{
    const struct timespec moment = {0, 1000000};
    int tries;

    for (tries = 0; tries < 1000 && entries(path) != expected; tries++) {
        nanosleep(&moment, NULL);
    }
    return entries(path);
}

/* A receipt of the request; to be freed. */
static attestlm_bytes_t *receipt_of(attestlm_session_t *session, attestlm_signer_t *signer)
{
    attestlm_error_t *err = NULL;
    attestlm_generation_t *generation = NULL;
    attestlm_receipt_t *receipt = NULL;
    attestlm_bytes_t *bytes = NULL;

    OK(attestlm_session_generate(session, BYTES(REQUEST), signer, &generation, &err));
    while (attestlm_generation_next(generation, -1, &bytes, &err) == ATTESTLM_OK) {
        attestlm_bytes_free(bytes);
    }
    OK(attestlm_generation_receipt(generation, 0, &receipt, &err));
    OK(attestlm_receipt_to_json(receipt, 1, &bytes, &err));
    attestlm_receipt_free(receipt);
    attestlm_generation_free(generation);
    return bytes;
}

/* A whole answer on the smallest stack that a thread must have. */
static void *on_a_small_stack(void *argument)
{
    attestlm_error_t *err = NULL;
    attestlm_model_t *model = NULL;
    attestlm_session_t *session = NULL;
    attestlm_receipt_t *receipt = NULL;
    attestlm_bytes_t *bytes, *report = NULL;

    OK(attestlm_model_bundled(&model, &err));
    OK(attestlm_session_new(model, NULL, BYTES("{\"contextTokens\": 64}"), &session, &err));
    bytes = receipt_of(session, argument);
    OK(attestlm_receipt_parse(attestlm_bytes_data(bytes), attestlm_bytes_len(bytes), &receipt, &err));
    OK(attestlm_receipt_verify(receipt, model, NULL, NULL, 0, NULL, 0, NULL, &report, &err));
    attestlm_bytes_free(bytes);
    attestlm_bytes_free(report);
    attestlm_receipt_free(receipt);
    attestlm_session_free(session);
    attestlm_model_free(model);
    return NULL;
}

int main(void)
{
    /* Rounding to nearest, down, up, to zero; flush to zero; denormals are zero; all at once; exceptions unmasked. */
    static const unsigned MODES[] = {0x1f80, 0x3f80, 0x5f80, 0x7f80, 0x9f80, 0x1fc0, 0xffc0, 0x1800};
    attestlm_error_t *err = NULL;
    attestlm_model_t *model = NULL;
    attestlm_session_t *session = NULL;
    attestlm_signer_t *signer = NULL;
    attestlm_bytes_t *expected, *found;
    struct sigaction before[65], after;
    pthread_attr_t small;
    pthread_t thread;
    char **environment = environ, *variables[256];
    int threads = entries("/proc/self/task"), descriptors = entries("/proc/self/fd"), signal_number;
    size_t i, count = 0;

    for (signal_number = 1; signal_number <= 64; signal_number++) {
        memset(&before[signal_number], 0, sizeof before[signal_number]);
        sigaction(signal_number, NULL, &before[signal_number]);
    }
    while (count < 256 && environ[count] != NULL) {
        variables[count] = environ[count];
        count++;
    }

    /* Reading, judging and signing need no thread. */
    OK(attestlm_signer_from_key(KEY, sizeof KEY, &signer, &err));
    REQUIRE(entries("/proc/self/task") == threads);
    OK(attestlm_model_bundled(&model, &err));
    OK(attestlm_session_new(model, NULL, BYTES("{\"contextTokens\": 64}"), &session, &err));
    expected = receipt_of(session, signer);

    for (i = 0; i < sizeof MODES / sizeof *MODES; i++) {
        attestlm_session_t *fresh = NULL;
        unsigned left;

        _mm_setcsr(MODES[i]);
        OK(attestlm_session_new(model, NULL, BYTES("{\"contextTokens\": 64}"), &fresh, &err));
        found = receipt_of(fresh, signer);
        attestlm_session_free(fresh);
        /* The sticky exception flags aside. */
        left = _mm_getcsr() & ~0x3fu;
        _mm_setcsr(0x1f80);
        REQUIRE(left == (MODES[i] & ~0x3fu));
        REQUIRE(attestlm_bytes_len(found) == attestlm_bytes_len(expected));
        REQUIRE(memcmp(attestlm_bytes_data(found), attestlm_bytes_data(expected), attestlm_bytes_len(found)) == 0);
        attestlm_bytes_free(found);
    }

    REQUIRE(pthread_attr_init(&small) == 0 && pthread_attr_setstacksize(&small, 256 * 1024) == 0);
    REQUIRE(pthread_create(&thread, &small, on_a_small_stack, signer) == 0 && pthread_join(thread, NULL) == 0);

    attestlm_bytes_free(expected);
    attestlm_model_free(model);
    attestlm_session_free(session);
    attestlm_signer_free(signer);

    REQUIRE(entries_settled("/proc/self/task", threads) == threads);
    REQUIRE(entries_settled("/proc/self/fd", descriptors) == descriptors);
    REQUIRE(environ == environment);
    for (i = 0; i < count; i++) {
        REQUIRE(environ[i] == variables[i]);
    }
    REQUIRE(count == 256 || environ[count] == NULL);
    for (signal_number = 1; signal_number <= 64; signal_number++) {
        memset(&after, 0, sizeof after);
        sigaction(signal_number, NULL, &after);
        REQUIRE(after.sa_handler == before[signal_number].sa_handler && after.sa_flags == before[signal_number].sa_flags);
    }
    puts("host: ok");
    return 0;
}
