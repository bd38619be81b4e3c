/* Every kind of mistake: one clear error that names the field, results cleared, nothing broken afterwards. */
#include "support.h"

#define GARBAGE(type) ((type *)(void *)&garbage)

static const char REQUEST[] = "{\"prompt\":\"1 + 1\",\"maxTokens\":4,\"ignoreEog\":true}";
static const uint8_t KEY[32] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
                                17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32};

int main(void)
{
    int garbage = 0;
    attestlm_error_t *err = NULL;
    attestlm_model_t *model = NULL;
    attestlm_adapter_t *adapter = NULL;
    attestlm_session_t *session = NULL;
    attestlm_signer_t *signer = NULL;
    attestlm_generation_t *generation = NULL;
    attestlm_receipt_t *receipt = NULL;
    attestlm_bytes_t *bytes = NULL;
    attestlm_status_t status;
    uint8_t address[20], digest[32], zeros[32] = {0};
    size_t i;

    /* Versions agree, features are told. */
    REQUIRE(attestlm_abi_version() == ATTESTLM_ABI_VERSION);
    REQUIRE(strcmp(attestlm_version(), ATTESTLM_VERSION) == 0);
    REQUIRE(attestlm_has_feature(BYTES("engine")) == 1);
    REQUIRE(attestlm_has_feature(BYTES("bundled")) == 1);
    REQUIRE(attestlm_has_feature(BYTES("time travel")) == 0);
    REQUIRE(attestlm_has_feature(NULL, 0) == 0);
    REQUIRE(attestlm_has_feature(NULL, 7) == 0);

    /* NULL is no object, and nothing to free. */
    attestlm_error_free(NULL);
    attestlm_bytes_free(NULL);
    attestlm_model_free(NULL);
    attestlm_adapter_free(NULL);
    attestlm_session_free(NULL);
    attestlm_signer_free(NULL);
    attestlm_generation_free(NULL);
    attestlm_receipt_free(NULL);
    REQUIRE(attestlm_error_code(NULL) == ATTESTLM_OK);
    REQUIRE(attestlm_error_field(NULL) == NULL && attestlm_error_message(NULL) == NULL);
    REQUIRE(attestlm_bytes_data(NULL) == NULL && attestlm_bytes_len(NULL) == 0);

    /* Results: missing, and cleared on failure. */
    FAILS(ATTESTLM_ERR_ARGUMENT, "model", attestlm_model_bundled(NULL, &err));
    model = GARBAGE(attestlm_model_t);
    FAILS(ATTESTLM_ERR_ARGUMENT, "path", attestlm_model_open(NULL, 3, NULL, &model, &err));
    REQUIRE(model == NULL);
    FAILS(ATTESTLM_ERR_ARGUMENT, "path", attestlm_model_open(NULL, 0, NULL, &model, &err));
    FAILS(ATTESTLM_ERR_ARGUMENT, "path", attestlm_model_open((const uint8_t *)"a\0b", 3, NULL, &model, &err));
    FAILS(ATTESTLM_ERR_IO, "/nonexistent/model.gguf",
          attestlm_model_open(BYTES("/nonexistent/model.gguf"), NULL, &model, &err));
    /* Without an error to write to, the status says it. */
    REQUIRE(attestlm_model_open(BYTES("/nonexistent/model.gguf"), NULL, &model, NULL) == ATTESTLM_ERR_IO);

    OK(attestlm_model_bundled(&model, &err));
    FAILS(ATTESTLM_ERR_ARGUMENT, "model", attestlm_model_info(NULL, &bytes, &err));
    FAILS(ATTESTLM_ERR_ARGUMENT, "info", attestlm_model_info(model, NULL, &err));
    OK(attestlm_model_info(model, &bytes, &err));
    REQUIRE(attestlm_bytes_data(bytes)[attestlm_bytes_len(bytes)] == 0);
    REQUIRE(strstr((const char *)attestlm_bytes_data(bytes), "\"attestable\":{\"exact-1\":null") != NULL);
    attestlm_bytes_free(bytes);
    OK(attestlm_profile_info(&bytes, &err));
    REQUIRE(strstr((const char *)attestlm_bytes_data(bytes), "\"knownAnswerTest\":null") != NULL);
    attestlm_bytes_free(bytes);
    FAILS(ATTESTLM_ERR_IO, "/nonexistent", attestlm_adapter_open(model, BYTES("/nonexistent"), &adapter, &err));
    REQUIRE(adapter == NULL);
    FAILS(ATTESTLM_ERR_ARGUMENT, "sha256", attestlm_adapter_sha256(adapter, NULL, &err));
    FAILS(ATTESTLM_ERR_ARGUMENT, "adapter", attestlm_adapter_sha256(adapter, digest, &err));

    /* Options. */
    FAILS(ATTESTLM_ERR_ARGUMENT, "model", attestlm_session_new(NULL, NULL, NULL, 0, &session, &err));
    FAILS(ATTESTLM_ERR_ARGUMENT, "options", attestlm_session_new(model, NULL, NULL, 5, &session, &err));
    FAILS(ATTESTLM_ERR_ARGUMENT, "treads",
          attestlm_session_new(model, NULL, BYTES("{\"treads\":1}"), &session, &err));
    FAILS(ATTESTLM_ERR_ARGUMENT, "streams",
          attestlm_session_new(model, NULL, BYTES("{\"streams\":0}"), &session, &err));
    FAILS(ATTESTLM_ERR_ARGUMENT, "streams",
          attestlm_session_new(model, NULL, BYTES("{\"streams\":100000}"), &session, &err));
    REQUIRE(session == NULL);
    OK(attestlm_session_new(model, NULL, BYTES("{\"contextTokens\":128,\"threads\":1}"), &session, &err));
    OK(attestlm_session_info(session, &bytes, &err));
    REQUIRE(strstr((const char *)attestlm_bytes_data(bytes), "\"unattested\":null") != NULL);
    attestlm_bytes_free(bytes);
    /* The session keeps the model. */
    attestlm_model_free(model);

    /* Signers. */
    FAILS(ATTESTLM_ERR_ARGUMENT, "key", attestlm_signer_from_key(KEY, 31, &signer, &err));
    FAILS(ATTESTLM_ERR_SIGNER, "key", attestlm_signer_from_key(zeros, 32, &signer, &err));
    FAILS(ATTESTLM_ERR_SIGNER, "keystore", attestlm_signer_from_keystore(BYTES("{"), BYTES("pw"), &signer, &err));
    FAILS(ATTESTLM_ERR_ARGUMENT, "address", attestlm_signer_external(KEY, 19, &signer, &err));
    FAILS(ATTESTLM_ERR_ARGUMENT, "sign", attestlm_signer_callback(KEY, 20, NULL, NULL, NULL, &signer, &err));
    REQUIRE(signer == NULL);
    OK(attestlm_signer_from_key(KEY, 32, &signer, &err));
    OK(attestlm_signer_address(signer, address, &err));
    FAILS(ATTESTLM_ERR_ARGUMENT, "password",
          attestlm_signer_to_keystore(signer, (const uint8_t *)"\xff", 1, &bytes, &err));

    /* Requests: refused whole, and the session goes on. */
    FAILS(ATTESTLM_ERR_ARGUMENT, "session",
          attestlm_session_generate(NULL, BYTES(REQUEST), signer, &generation, &err));
    FAILS(ATTESTLM_ERR_ARGUMENT, "request", attestlm_session_generate(session, NULL, 0, signer, &generation, &err));
    FAILS(ATTESTLM_ERR_ARGUMENT, "prmpt",
          attestlm_session_generate(session, BYTES("{\"prompt\":\"a\",\"prmpt\":1}"), signer, &generation, &err));
    FAILS(ATTESTLM_ERR_ARGUMENT, "temperature",
          attestlm_session_generate(session, BYTES("{\"prompt\":\"a\",\"temperature\":-1}"), signer, &generation,
                                    &err));
    REQUIRE(generation == NULL);

    OK(attestlm_session_generate(session, BYTES(REQUEST), signer, &generation, &err));
    FAILS(ATTESTLM_ERR_ARGUMENT, "choice", attestlm_generation_receipt(generation, 0, &receipt, &err));
    while ((status = attestlm_generation_next(generation, -1, &bytes, &err)) == ATTESTLM_OK) {
        attestlm_bytes_free(bytes);
    }
    REQUIRE(status == ATTESTLM_END && bytes == NULL && err == NULL);
    REQUIRE(attestlm_generation_next(generation, -1, &bytes, &err) == ATTESTLM_END);
    FAILS(ATTESTLM_ERR_ARGUMENT, "choice", attestlm_generation_receipt(generation, 1, &receipt, &err));
    OK(attestlm_generation_answer(generation, 0, &bytes, &err));
    REQUIRE(strstr((const char *)attestlm_bytes_data(bytes), "\"finish\":\"max tokens\"") != NULL);
    attestlm_bytes_free(bytes);
    OK(attestlm_generation_receipt(generation, 0, &receipt, &err));

    /* Proofs of what is there, and of what is not. */
    OK(attestlm_generation_prove_token(generation, 0, 3, 1, &bytes, &err));
    OK(attestlm_receipt_check_proof(receipt, attestlm_bytes_data(bytes), attestlm_bytes_len(bytes), &err));
    attestlm_bytes_free(bytes);
    FAILS(ATTESTLM_ERR_ARGUMENT, "index", attestlm_generation_prove_token(generation, 0, 4, 0, &bytes, &err));
    OK(attestlm_receipt_prove_step(receipt, 0, &bytes, &err));
    OK(attestlm_receipt_check_proof(receipt, attestlm_bytes_data(bytes), attestlm_bytes_len(bytes), &err));
    attestlm_bytes_free(bytes);
    bytes = NULL;
    REQUIRE(attestlm_receipt_prove_step(receipt, 1, &bytes, NULL) == ATTESTLM_ERR_ARGUMENT && bytes == NULL);
    REQUIRE(attestlm_receipt_check_proof(receipt, BYTES("{}"), NULL) == ATTESTLM_ERR_RECEIPT);
    attestlm_generation_free(generation);

    /* Receipts. */
    OK(attestlm_receipt_signer(receipt, digest, &err));
    REQUIRE(memcmp(digest, address, 20) == 0);
    FAILS(ATTESTLM_ERR_SIGNER, "signature", attestlm_receipt_sign(receipt, zeros, 32, &err));
    FAILS(ATTESTLM_ERR_ARGUMENT, "sinner",
          attestlm_receipt_verify(receipt, NULL, NULL, BYTES("{\"sinner\":\"0x\"}"), NULL, 0, NULL, &bytes, &err));
    OK(attestlm_receipt_verify(receipt, NULL, NULL, BYTES("{\"signatureOnly\":true}"), NULL, 0, NULL, &bytes, &err));
    REQUIRE(strstr((const char *)attestlm_bytes_data(bytes), "\"name\":\"verified\"") != NULL);
    attestlm_bytes_free(bytes);
    OK(attestlm_receipt_verify(receipt, NULL, NULL, NULL, 0, NULL, 0, NULL, &bytes, &err));
    REQUIRE(strstr((const char *)attestlm_bytes_data(bytes), "\"name\":\"unverifiable\"") != NULL);
    attestlm_bytes_free(bytes);
    OK(attestlm_receipt_verify(receipt, NULL, NULL, BYTES("{\"signatureOnly\":true}"), BYTES("{\"prompt\":\"2 + 2\"}"),
                               NULL, &bytes, &err));
    REQUIRE(strstr((const char *)attestlm_bytes_data(bytes), "\"name\":\"invalid\"") != NULL);
    attestlm_bytes_free(bytes);
    attestlm_receipt_free(receipt);
    FAILS(ATTESTLM_ERR_RECEIPT, "receipt document", attestlm_receipt_parse(BYTES("not JSON"), &receipt, &err));
    REQUIRE(receipt == NULL);

    /* An external signer: unsigned, then signed, by nobody else. */
    attestlm_signer_free(signer);
    OK(attestlm_signer_external(address, 20, &signer, &err));
    REQUIRE(attestlm_signer_to_keystore(signer, BYTES("pw"), &bytes, NULL) == ATTESTLM_ERR_SIGNER);
    OK(attestlm_session_generate(session, BYTES(REQUEST), signer, &generation, &err));
    while (attestlm_generation_next(generation, -1, &bytes, &err) == ATTESTLM_OK) {
        attestlm_bytes_free(bytes);
    }
    OK(attestlm_generation_receipt(generation, 0, &receipt, &err));
    /* It can wait elsewhere; no verifier takes it before. */
    OK(attestlm_receipt_to_json(receipt, 1, &bytes, &err));
    attestlm_receipt_free(receipt);
    OK(attestlm_receipt_parse(attestlm_bytes_data(bytes), attestlm_bytes_len(bytes), &receipt, &err));
    attestlm_bytes_free(bytes);
    OK(attestlm_receipt_verify(receipt, NULL, NULL, BYTES("{\"signatureOnly\":true}"), NULL, 0, NULL, &bytes, &err));
    REQUIRE(strstr((const char *)attestlm_bytes_data(bytes), "not signed yet") != NULL);
    attestlm_bytes_free(bytes);
    OK(attestlm_receipt_typed_data(receipt, &bytes, &err));
    REQUIRE(strstr((const char *)attestlm_bytes_data(bytes), "\"primaryType\": \"Receipt\"") != NULL);
    attestlm_bytes_free(bytes);
    OK(attestlm_receipt_digest(receipt, digest, &err));
    REQUIRE(memcmp(digest, zeros, 32) != 0);
    attestlm_receipt_free(receipt);
    attestlm_generation_free(generation);

    /* A cancelled one, and one that is freed while it runs. */
    OK(attestlm_session_generate(session, BYTES("{\"prompt\":\"1\",\"maxTokens\":100,\"ignoreEog\":true}"), NULL,
                                 &generation, &err));
    OK(attestlm_generation_cancel(generation, &err));
    for (i = 0; (status = attestlm_generation_next(generation, -1, &bytes, &err)) == ATTESTLM_OK; i++) {
        attestlm_bytes_free(bytes);
    }
    REQUIRE(status == ATTESTLM_END && i < 10);
    FAILS(ATTESTLM_ERR_ARGUMENT, "choice", attestlm_generation_receipt(generation, 0, &receipt, &err));
    attestlm_generation_free(generation);
    OK(attestlm_session_generate(session, BYTES("{\"prompt\":\"1\",\"maxTokens\":100,\"ignoreEog\":true}"), NULL,
                                 &generation, &err));
    OK(attestlm_generation_next(generation, -1, &bytes, &err));
    attestlm_bytes_free(bytes);
    attestlm_session_free(session);
    attestlm_signer_free(signer);
    attestlm_generation_free(generation);
    puts("errors: ok");
    return 0;
}
