/* Faults on purpose, in a library built with the feature `testing`: a panic is a status, the object it happened in is
 * broken and nothing else; shared and exclusive use keep apart. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <time.h>

#include "support.h"

typedef struct attestlm_testing_object_t attestlm_testing_object_t;
attestlm_status_t attestlm_testing_panic(attestlm_error_t **err);
attestlm_status_t attestlm_testing_object_new(attestlm_testing_object_t **object, attestlm_error_t **err);
attestlm_status_t attestlm_testing_object_hold(const attestlm_testing_object_t *object, uint32_t ms, attestlm_error_t **err);
attestlm_status_t attestlm_testing_object_add(attestlm_testing_object_t *object, uint64_t number, uint64_t *sum,
                                              attestlm_error_t **err);
attestlm_status_t attestlm_testing_object_panic(attestlm_testing_object_t *object, attestlm_error_t **err);
void attestlm_testing_object_free(attestlm_testing_object_t *object);

static attestlm_testing_object_t *object;
static int logged;

static void *hold(void *argument)
{
    attestlm_error_t *err = NULL;
    (void)argument;
    OK(attestlm_testing_object_hold(object, 300, &err));
    return NULL;
}

static void count(void *env, int32_t level, const uint8_t *line, size_t len)
{
    REQUIRE(level == 1 && len > 0 && line != NULL);
    ++*(int *)env;
}

static int32_t failing_signer(void *env, const uint8_t *digest, uint8_t *signature)
{
    (void)digest;
    (void)signature;
    return *(int *)env;
}

static void finalize(void *env)
{
    *(int *)env = -1;
}

int main(void)
{
    attestlm_error_t *err = NULL;
    attestlm_signer_t *signer = NULL;
    attestlm_testing_object_t *other = NULL;
    pthread_t threads[2];
    struct timespec moment = {0, 100000000};
    uint64_t sum = 0;
    uint8_t address[20] = {1};
    int env = 7;
    int i;

    REQUIRE(attestlm_has_feature(BYTES("testing")) == 1);
    FAILS(ATTESTLM_ERR_PANIC, "library", attestlm_testing_panic(&err));
    REQUIRE(attestlm_testing_panic(NULL) == ATTESTLM_ERR_PANIC);

    /* Two share; who wants it alone is told at once. */
    OK(attestlm_testing_object_new(&object, &err));
    OK(attestlm_testing_object_add(object, 5, &sum, &err));
    for (i = 0; i < 2; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, hold, NULL) == 0);
    }
    nanosleep(&moment, NULL);
    FAILS(ATTESTLM_ERR_BUSY, "object", attestlm_testing_object_add(object, 5, &sum, &err));
    for (i = 0; i < 2; i++) {
        REQUIRE(pthread_join(threads[i], NULL) == 0);
    }
    OK(attestlm_testing_object_add(object, 5, &sum, &err));
    REQUIRE(sum == 10);

    /* A panic breaks its object and no other; it is logged, and nothing goes to standard error. */
    FAILS(ATTESTLM_ERR_ARGUMENT, "level", attestlm_log_set(count, &logged, 0, &err));
    OK(attestlm_log_set(count, &logged, 1, &err));
    OK(attestlm_testing_object_new(&other, &err));
    FAILS(ATTESTLM_ERR_PANIC, "library", attestlm_testing_object_panic(object, &err));
    FAILS(ATTESTLM_ERR_PANIC, "object", attestlm_testing_object_add(object, 5, &sum, &err));
    FAILS(ATTESTLM_ERR_PANIC, "object", attestlm_testing_object_hold(object, 0, &err));
    OK(attestlm_testing_object_add(other, 1, &sum, &err));
    REQUIRE(logged == 1);
    OK(attestlm_log_set(NULL, NULL, 1, &err));
    REQUIRE(attestlm_testing_panic(NULL) == ATTESTLM_ERR_PANIC && logged == 1);
    attestlm_testing_object_free(object);
    attestlm_testing_object_free(other);

    /* The finalizer comes once, and after a failure never. */
    FAILS(ATTESTLM_ERR_ARGUMENT, "address",
          attestlm_signer_callback(address, 19, failing_signer, &env, finalize, &signer, &err));
    REQUIRE(env == 7);
    OK(attestlm_signer_callback(address, 20, failing_signer, &env, finalize, &signer, &err));
    attestlm_signer_free(signer);
    REQUIRE(env == -1);
    puts("faults: ok");
    return 0;
}
