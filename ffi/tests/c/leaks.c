/*
 * A whole life of every object, again and again: model, session, signers, generation, answer, receipt, replay, proofs,
 * errors, a request given up half-way, a callback's environment. Under valgrind or gcc's sanitizers (scripts/test-c.sh)
 * nothing may be left, and nothing read that was freed.
 *
 *     leaks [CYCLES]
 */
#include "support.h"

static const char OPTIONS[] = "{\"threads\": 1, \"contextTokens\": 24}";
static const char REQUEST[] = "{\"prompt\": \"Tom has\", \"maxTokens\": 2, \"ignoreEog\": true}";
static const uint8_t KEY[32] = {0x46, 1};

static int32_t refuse(void *env, const uint8_t *digest, uint8_t *signature)
{
    (void)env, (void)digest, (void)signature;
    return 1;
}

/* Pulls every event; how many there were. */
static int drain(attestlm_generation_t *generation)
{
    attestlm_error_t *err = NULL;
    attestlm_bytes_t *event = NULL;
    int events = 0;

    while (attestlm_generation_next(generation, -1, &event, &err) == ATTESTLM_OK) {
        attestlm_bytes_free(event);
        events++;
    }
    REQUIRE(err == NULL);
    return events;
}

static void cycle(int number, const attestlm_session_t *session, const attestlm_model_t *model)
{
    attestlm_error_t *err = NULL;
    attestlm_signer_t *signer = NULL, *wallet = NULL;
    attestlm_generation_t *generation = NULL, *abandoned = NULL, *unsigned_one = NULL;
    attestlm_receipt_t *receipt = NULL, *again = NULL, *none = NULL;
    attestlm_bytes_t *bytes = NULL, *json = NULL;
    uint8_t address[20], *env = malloc(1);

    /* One whole answer and its receipt; */
    OK(attestlm_signer_from_key(KEY, sizeof KEY, &signer, &err));
    OK(attestlm_signer_address(signer, address, &err));
    OK(attestlm_session_generate(session, BYTES(REQUEST), signer, &generation, &err));
    REQUIRE(drain(generation) > 0);
    OK(attestlm_generation_answer(generation, 0, &bytes, &err));
    attestlm_bytes_free(bytes);
    OK(attestlm_generation_receipt(generation, 0, &receipt, &err));
    OK(attestlm_generation_prove_token(generation, 0, 1, 1, &bytes, &err));
    OK(attestlm_receipt_check_proof(receipt, attestlm_bytes_data(bytes), attestlm_bytes_len(bytes), &err));
    attestlm_bytes_free(bytes);
    OK(attestlm_receipt_to_json(receipt, 1, &json, &err));
    OK(attestlm_receipt_parse(attestlm_bytes_data(json), attestlm_bytes_len(json), &again, &err));
    OK(attestlm_receipt_verify(again, model, NULL, BYTES("{\"threads\": 1}"), NULL, 0, NULL, &bytes, &err));
    REQUIRE(strstr((const char *)attestlm_bytes_data(bytes), "\"verified\"") != NULL);
    attestlm_bytes_free(bytes);
    OK(attestlm_receipt_prove_step(again, 0, &bytes, &err));
    attestlm_bytes_free(bytes);

    /* errors, whose objects are freed, and some that are not asked for; */
    FAILS(ATTESTLM_ERR_RECEIPT, "receipt document", attestlm_receipt_parse(BYTES("{"), &none, &err));
    FAILS(ATTESTLM_ERR_ARGUMENT, "topK",
          attestlm_session_generate(session, BYTES("{\"prompt\": \"a\", \"topK\": -1}"), signer, &abandoned, &err));
    REQUIRE(attestlm_session_generate(session, BYTES("{"), signer, &abandoned, NULL) == ATTESTLM_ERR_ARGUMENT);

    /* one that is given up after a step, and a wallet that refuses. */
    OK(attestlm_session_generate(session, BYTES(REQUEST), signer, &abandoned, &err));
    REQUIRE(attestlm_generation_next(abandoned, 0, &bytes, &err) >= 0);
    attestlm_bytes_free(bytes);
    attestlm_generation_free(abandoned);
    OK(attestlm_signer_callback(address, sizeof address, refuse, env, free, &wallet, &err));
    OK(attestlm_session_generate(session, BYTES(REQUEST), wallet, &unsigned_one, &err));
    attestlm_signer_free(wallet);
    REQUIRE(drain(unsigned_one) > 0);
    /* The answer is there, and why its receipt is not. */
    OK(attestlm_generation_answer(unsigned_one, 0, &bytes, &err));
    REQUIRE(strstr((const char *)attestlm_bytes_data(bytes), "\"receiptError\":{") != NULL);
    attestlm_bytes_free(bytes);
    FAILS(ATTESTLM_ERR_SIGNER, "signer callback", attestlm_generation_receipt(unsigned_one, 0, &none, &err));
    attestlm_generation_free(unsigned_one);

    /* In any order. */
    if (number % 2 == 0) {
        attestlm_signer_free(signer);
        attestlm_generation_free(generation);
        attestlm_receipt_free(receipt);
    } else {
        attestlm_receipt_free(receipt);
        attestlm_generation_free(generation);
        attestlm_signer_free(signer);
    }
    attestlm_receipt_free(again);
    attestlm_bytes_free(json);
}

/* A generation outlives session, model and signer. */
static void outlive(void)
{
    attestlm_error_t *err = NULL;
    attestlm_model_t *model = NULL;
    attestlm_session_t *session = NULL;
    attestlm_signer_t *signer = NULL;
    attestlm_generation_t *generation = NULL;
    attestlm_receipt_t *receipt = NULL;
    attestlm_bytes_t *bytes = NULL;

    OK(attestlm_model_bundled(&model, &err));
    OK(attestlm_session_new(model, NULL, BYTES(OPTIONS), &session, &err));
    OK(attestlm_signer_random(&signer, &err));
    OK(attestlm_session_generate(session, BYTES(REQUEST), signer, &generation, &err));
    attestlm_model_free(model);
    attestlm_signer_free(signer);
    attestlm_session_free(session);
    REQUIRE(drain(generation) > 0);
    OK(attestlm_generation_receipt(generation, 0, &receipt, &err));
    attestlm_generation_free(generation);
    OK(attestlm_receipt_to_json(receipt, 0, &bytes, &err));
    attestlm_receipt_free(receipt);
    attestlm_bytes_free(bytes);
}

int main(int argc, char **argv)
{
    int cycles = argc > 1 ? atoi(argv[1]) : 20, i;
    attestlm_error_t *err = NULL;
    attestlm_model_t *model = NULL;
    attestlm_session_t *session = NULL;

    REQUIRE(cycles > 0);
    for (i = 0; i < cycles; i++) {
        /* Every so often a session of its own, and now and then a model. */
        if (i % 20 == 0) {
            attestlm_session_free(session);
            if (i % 200 == 0) {
                attestlm_model_free(model);
                OK(attestlm_model_bundled(&model, &err));
            }
            OK(attestlm_session_new(model, NULL, BYTES(OPTIONS), &session, &err));
        }
        cycle(i, session, model);
    }
    /* The model first: the session keeps what it needs. */
    attestlm_model_free(model);
    attestlm_session_free(session);
    outlive();
    printf("%d cycles\n", cycles);
    return 0;
}
