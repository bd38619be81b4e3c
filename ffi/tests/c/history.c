/*
 * Receipts that follow one another: the second answer's request names the first one's digest.
 */
#include "support.h"

static attestlm_receipt_t *ask(attestlm_session_t *session, attestlm_signer_t *signer, const char *context)
{
    attestlm_error_t *err = NULL;
    attestlm_generation_t *generation = NULL;
    attestlm_receipt_t *receipt = NULL;
    attestlm_bytes_t *event = NULL;
    char request[512];

    snprintf(request, sizeof request, "{\"prompt\": \"Tom\", \"maxTokens\": 2, \"ignoreEog\": true, \"context\": %s}", context);
    OK(attestlm_session_generate(session, BYTES(request), signer, &generation, &err));
    while (attestlm_generation_next(generation, -1, &event, &err) == ATTESTLM_OK) {
        attestlm_bytes_free(event);
    }
    OK(attestlm_generation_receipt(generation, 0, &receipt, &err));
    attestlm_generation_free(generation);
    return receipt;
}

/* The context of a receipt that follows another, for a job. */
static attestlm_receipt_t *ask_after(attestlm_session_t *session, attestlm_signer_t *signer, const attestlm_receipt_t *previous,
                                     int chain)
{
    attestlm_error_t *err = NULL;
    uint8_t digest[32];
    char hex[65], context[160];
    int i;

    OK(attestlm_receipt_digest(previous, digest, &err));
    for (i = 0; i < 32; i++) {
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    }
    snprintf(context, sizeof context, "{\"chainId\": %d, \"previousDigest\": \"0x%s\"}", chain, hex);
    return ask(session, signer, context);
}

int main(void)
{
    attestlm_error_t *err = NULL;
    attestlm_model_t *model = NULL;
    attestlm_session_t *session = NULL;
    attestlm_signer_t *signer = NULL;
    attestlm_receipt_t *first, *second, *third, *elsewhere;

    OK(attestlm_model_bundled(&model, &err));
    OK(attestlm_session_new(model, NULL, BYTES("{\"contextTokens\": 64}"), &session, &err));
    OK(attestlm_signer_random(&signer, &err));
    first = ask(session, signer, "{\"chainId\": 5}");
    second = ask_after(session, signer, first, 5);
    third = ask_after(session, signer, second, 5);
    elsewhere = ask_after(session, signer, first, 6);

    OK(attestlm_receipt_check_follows(second, first, &err));
    OK(attestlm_receipt_check_follows(third, second, &err));
    FAILS(ATTESTLM_ERR_RECEIPT, "context", attestlm_receipt_check_follows(third, first, &err));
    FAILS(ATTESTLM_ERR_RECEIPT, "context", attestlm_receipt_check_follows(first, second, &err));
    FAILS(ATTESTLM_ERR_RECEIPT, "context", attestlm_receipt_check_follows(first, first, &err));
    FAILS(ATTESTLM_ERR_RECEIPT, "context", attestlm_receipt_check_follows(elsewhere, first, &err));
    FAILS(ATTESTLM_ERR_ARGUMENT, "previous", attestlm_receipt_check_follows(second, NULL, &err));
    FAILS(ATTESTLM_ERR_ARGUMENT, "receipt", attestlm_receipt_check_follows(NULL, first, &err));

    /* Of no contract, so that there is no wallet to ask. */
    FAILS(ATTESTLM_ERR_ARGUMENT, "domain", attestlm_receipt_sign_as_wallet(first, BYTES("a signature"), &err));

    attestlm_receipt_free(elsewhere);
    attestlm_receipt_free(third);
    attestlm_receipt_free(second);
    attestlm_receipt_free(first);
    attestlm_signer_free(signer);
    attestlm_session_free(session);
    attestlm_model_free(model);
    puts("history: ok");
    return 0;
}
