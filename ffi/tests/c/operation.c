/*
 * Operations: how far a call is, and its end from another thread. And addresses as people write them.
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <time.h>

#include "support.h"

static const char MODEL[] = "models/abacus/abacus-q8_0.gguf";
static const char REQUEST[] = "{\"prompt\": \"Tom has\", \"maxTokens\": 200, \"ignoreEog\": true}";
static const char CONTINUATION[] = "{\"text\": \" 12 apples and 7 pears.\"}";
static const uint64_t UNSET = 12345;

static void *cancel_soon(void *operation)
{
    const struct timespec moment = {0, 30 * 1000 * 1000};
    nanosleep(&moment, NULL);
    REQUIRE(attestlm_operation_cancel((const attestlm_operation_t *)operation, NULL) == ATTESTLM_OK);
    return NULL;
}

static uint64_t total_of(const attestlm_operation_t *operation)
{
    attestlm_error_t *err = NULL;
    uint64_t done = UNSET, total = UNSET;

    OK(attestlm_operation_progress(operation, &done, &total, &err));
    REQUIRE(done == total);
    return total;
}

static attestlm_operation_t *new_operation(void)
{
    attestlm_error_t *err = NULL;
    attestlm_operation_t *operation = NULL;

    OK(attestlm_operation_new(&operation, &err));
    REQUIRE(total_of(operation) == 0);
    return operation;
}

static void addresses(void)
{
    static const char CHECKED[] = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"; /* EIP-55's first example */
    static const char WRONG[] = "0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
    attestlm_error_t *err = NULL;
    attestlm_bytes_t *text = NULL;
    uint8_t address[20];
    char lower[sizeof CHECKED];
    size_t i;

    OK(attestlm_address_parse(BYTES(CHECKED), address, &err));
    REQUIRE(address[0] == 0x5a && address[19] == 0xed);
    OK(attestlm_address_text(address, 20, &text, &err));
    REQUIRE(strcmp((const char *)attestlm_bytes_data(text), CHECKED) == 0);
    attestlm_bytes_free(text);
    for (i = 0; i < sizeof CHECKED; i++) {
        lower[i] = (char)(CHECKED[i] >= 'A' && CHECKED[i] <= 'F' ? CHECKED[i] - 'A' + 'a' : CHECKED[i]);
    }
    address[0] = 0;
    OK(attestlm_address_parse(BYTES(lower), address, &err));
    REQUIRE(address[0] == 0x5a);
    FAILS(ATTESTLM_ERR_ARGUMENT, "address", attestlm_address_parse(BYTES(WRONG), address, &err));
    REQUIRE(address[0] == 0 && address[19] == 0);
    FAILS(ATTESTLM_ERR_ARGUMENT, "address", attestlm_address_parse(BYTES("5aae"), address, &err));
    FAILS(ATTESTLM_ERR_ARGUMENT, "address", attestlm_address_text(address, 19, &text, &err));
    REQUIRE(text == NULL);
}

int main(void)
{
    attestlm_error_t *err = NULL;
    attestlm_model_t *model = NULL, *another = NULL;
    attestlm_session_t *session = NULL;
    attestlm_signer_t *signer = NULL;
    attestlm_generation_t *generation = NULL;
    attestlm_receipt_t *receipt = NULL, *scored = NULL;
    attestlm_bytes_t *bytes = NULL;
    attestlm_operation_t *operation = NULL;
    attestlm_status_t status;
    uint64_t done = UNSET, total = UNSET, size;
    pthread_t thread;
    int replays = 0;

    addresses();

    /* Opening: the file's bytes. */
    operation = new_operation();
    OK(attestlm_model_open(BYTES(MODEL), operation, &model, &err));
    size = total_of(operation);
    REQUIRE(size > 1000000);
    attestlm_operation_free(operation);
    operation = new_operation();
    OK(attestlm_model_check(BYTES(MODEL), operation, &bytes, &err));
    attestlm_bytes_free(bytes);
    REQUIRE(total_of(operation) == size);
    attestlm_operation_free(operation);

    OK(attestlm_session_new(model, NULL, BYTES("{\"threads\": 1, \"contextTokens\": 256}"), &session, &err));
    OK(attestlm_signer_random(&signer, &err));
    OK(attestlm_session_generate(session, BYTES(REQUEST), signer, &generation, &err));
    while ((status = attestlm_generation_next(generation, -1, &bytes, &err)) == ATTESTLM_OK) {
        attestlm_bytes_free(bytes);
    }
    REQUIRE(status == ATTESTLM_END);
    OK(attestlm_generation_receipt(generation, 0, &receipt, &err));

    /* Scoring and replaying: tokens, the last of which is not read. */
    operation = new_operation();
    OK(attestlm_session_score(session, BYTES(REQUEST), BYTES(CONTINUATION), NULL, operation, &bytes, NULL, &err));
    REQUIRE(total_of(operation) > 4 && total_of(operation) < 40);
    attestlm_bytes_free(bytes);
    attestlm_operation_free(operation);
    operation = new_operation();
    OK(attestlm_receipt_verify(receipt, model, NULL, NULL, 0, NULL, 0, operation, &bytes, &err));
    REQUIRE(strstr((const char *)attestlm_bytes_data(bytes), "\"name\":\"verified\"") != NULL);
    attestlm_bytes_free(bytes);
    REQUIRE(total_of(operation) > 200 && total_of(operation) < 220);

    /* A cancel from another thread ends the replay that runs then. */
    REQUIRE(pthread_create(&thread, NULL, cancel_soon, operation) == 0);
    while ((status = attestlm_receipt_verify(receipt, model, NULL, BYTES("{\"threads\": 1}"), NULL, 0, operation, &bytes,
                                             &err)) == ATTESTLM_OK) {
        attestlm_bytes_free(bytes);
        replays++;
    }
    REQUIRE(status == ATTESTLM_ERR_CANCELLED && bytes == NULL && replays < 1000);
    attestlm_error_free(err);
    REQUIRE(pthread_join(thread, NULL) == 0);

    /* It is for good, and for every call. */
    FAILS(ATTESTLM_ERR_CANCELLED, "replay",
          attestlm_receipt_verify(receipt, model, NULL, NULL, 0, NULL, 0, operation, &bytes, &err));
    FAILS(ATTESTLM_ERR_CANCELLED, "model file", attestlm_model_open(BYTES(MODEL), operation, &another, &err));
    FAILS(ATTESTLM_ERR_CANCELLED, "model file", attestlm_model_check(BYTES(MODEL), operation, &bytes, &err));
    FAILS(ATTESTLM_ERR_CANCELLED, "session",
          attestlm_session_score(session, BYTES(REQUEST), BYTES(CONTINUATION), signer, operation, &bytes, &scored, &err));
    REQUIRE(another == NULL && bytes == NULL && scored == NULL);
    /* Nothing else of the session is touched. */
    OK(attestlm_session_score(session, BYTES(REQUEST), BYTES(CONTINUATION), signer, NULL, &bytes, &scored, &err));
    attestlm_bytes_free(bytes);
    attestlm_receipt_free(scored);
    attestlm_operation_free(operation);

    FAILS(ATTESTLM_ERR_ARGUMENT, "operation", attestlm_operation_new(NULL, &err));
    FAILS(ATTESTLM_ERR_ARGUMENT, "operation", attestlm_operation_cancel(NULL, &err));
    FAILS(ATTESTLM_ERR_ARGUMENT, "operation", attestlm_operation_progress(NULL, &done, &total, &err));
    REQUIRE(done == 0 && total == 0);
    operation = new_operation();
    FAILS(ATTESTLM_ERR_ARGUMENT, "total", attestlm_operation_progress(operation, &done, NULL, &err));
    attestlm_operation_free(operation);
    attestlm_operation_free(NULL);

    attestlm_receipt_free(receipt);
    attestlm_generation_free(generation);
    attestlm_signer_free(signer);
    attestlm_session_free(session);
    attestlm_model_free(model);
    puts("operation: ok");
    return 0;
}
