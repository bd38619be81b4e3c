/*
 * Steps: a reasoned answer, one step of it disclosed, and checked by somebody without the model.
 */
#include "support.h"

static const char REQUEST[] =
    "{\"messages\": [{\"role\": \"user\", \"content\": \"Ruth has 6 boxes. Each one holds 8 balls. Later, she drops 26 balls and "
    "cannot find them. She hands 2 balls to Vera. How many balls are left with Ruth?\"}]}";

/* Whether the report of the signature alone says `verdict`, and that it compared `what`. */
static int reports(const attestlm_receipt_t *receipt, const char *terms, const char *verdict, const char *what)
{
    attestlm_error_t *err = NULL;
    attestlm_bytes_t *report = NULL;
    int says;

    OK(attestlm_receipt_verify(receipt, NULL, NULL, BYTES(terms), NULL, 0, NULL, &report, &err));
    says = strstr((const char *)attestlm_bytes_data(report), verdict) != NULL
           && strstr((const char *)attestlm_bytes_data(report), what) != NULL;
    attestlm_bytes_free(report);
    return says;
}

int main(void)
{
    attestlm_error_t *err = NULL;
    attestlm_model_t *model = NULL;
    attestlm_session_t *session = NULL;
    attestlm_signer_t *signer = NULL;
    attestlm_generation_t *generation = NULL;
    attestlm_receipt_t *receipt = NULL, *redacted = NULL, *read = NULL;
    attestlm_bytes_t *bytes = NULL;
    char *text;

    OK(attestlm_model_bundled(&model, &err));
    OK(attestlm_session_new(model, NULL, BYTES("{\"contextTokens\": 256}"), &session, &err));
    OK(attestlm_signer_random(&signer, &err));
    OK(attestlm_session_generate(session, BYTES(REQUEST), signer, &generation, &err));
    while (attestlm_generation_next(generation, -1, &bytes, &err) == ATTESTLM_OK) {
        attestlm_bytes_free(bytes);
    }
    OK(attestlm_generation_receipt(generation, 0, &receipt, &err));

    OK(attestlm_receipt_redact(receipt, BYTES("{\"steps\": [1]}"), &redacted, &err));
    OK(attestlm_receipt_to_json(redacted, 1, &bytes, &err));
    text = (char *)malloc(attestlm_bytes_len(bytes) + 1);
    REQUIRE(text != NULL);
    memcpy(text, attestlm_bytes_data(bytes), attestlm_bytes_len(bytes) + 1);
    attestlm_bytes_free(bytes);
    REQUIRE(strstr(text, "48 - 26 = 22") != NULL);
    REQUIRE(strstr(text, "6 * 8") == NULL && strstr(text, "22 - 2") == NULL && strstr(text, "Ruth") == NULL);
    REQUIRE(strstr(text, "nonce") == NULL && strstr(text, "Tokens\": [") == NULL);

    OK(attestlm_receipt_parse(BYTES(text), &read, &err));
    REQUIRE(reports(read, "{\"signatureOnly\": true}", "\"name\":\"verified\"", "\"step 1\""));
    REQUIRE(reports(read, "{}", "\"name\":\"unverifiable\"", "\"step 1\""));
    attestlm_receipt_free(read);
    *strstr(text, "48 - 26") = '5';
    OK(attestlm_receipt_parse(BYTES(text), &read, &err));
    REQUIRE(reports(read, "{\"signatureOnly\": true}", "\"name\":\"invalid\"", "steps: step 1"));
    attestlm_receipt_free(read);
    free(text);

    read = NULL;
    FAILS(ATTESTLM_ERR_ARGUMENT, "steps", attestlm_receipt_redact(receipt, BYTES("{\"steps\": []}"), &read, &err));
    FAILS(ATTESTLM_ERR_ARGUMENT, "index", attestlm_receipt_redact(receipt, BYTES("{\"steps\": [4]}"), &read, &err));
    FAILS(ATTESTLM_ERR_ARGUMENT, "shown", attestlm_receipt_redact(receipt, NULL, 0, &read, &err));
    FAILS(ATTESTLM_ERR_RECEIPT, "disclosure.steps", attestlm_receipt_redact(redacted, BYTES("{\"steps\": [1]}"), &read, &err));
    REQUIRE(read == NULL);

    attestlm_receipt_free(redacted);
    attestlm_receipt_free(receipt);
    attestlm_generation_free(generation);
    attestlm_signer_free(signer);
    attestlm_session_free(session);
    attestlm_model_free(model);
    puts("steps: ok");
    return 0;
}
