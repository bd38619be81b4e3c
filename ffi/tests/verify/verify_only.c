/*
 * The library without an engine: every function is there; what needs the engine says so, and a receipt can be read,
 * checked for its signature and commitments, and its steps proven.
 *
 *     verify_only RECEIPT.json
 */
#include "support.h"

static uint8_t document[1 << 20];

int main(int argc, char **argv)
{
    attestlm_error_t *err = NULL;
    attestlm_model_t *model = NULL;
    attestlm_receipt_t *receipt = NULL;
    attestlm_bytes_t *bytes = NULL;
    FILE *file = argc > 1 ? fopen(argv[1], "rb") : NULL;
    size_t len;

    REQUIRE(file != NULL);
    len = fread(document, 1, sizeof document, file);
    fclose(file);
    REQUIRE(attestlm_has_feature(BYTES("engine")) == 0 && attestlm_has_feature(BYTES("bundled")) == 0);
    FAILS(ATTESTLM_ERR_UNSUPPORTED, "engine", attestlm_model_bundled(&model, &err));
    FAILS(ATTESTLM_ERR_UNSUPPORTED, "engine", attestlm_model_open(BYTES("/model.gguf"), NULL, &model, &err));
    REQUIRE(model == NULL);

    /* A model file can be checked without being loaded. */
    FAILS(ATTESTLM_ERR_IO, "/model.gguf", attestlm_model_check(BYTES("/model.gguf"), NULL, &bytes, &err));
    REQUIRE(attestlm_model_check(BYTES(argv[1]), NULL, &bytes, NULL) == ATTESTLM_ERR_MODEL && bytes == NULL);

    OK(attestlm_receipt_parse(document, len, &receipt, &err));
    OK(attestlm_receipt_verify(receipt, NULL, NULL, BYTES("{\"signatureOnly\": true}"), NULL, 0, NULL, &bytes, &err));
    REQUIRE(strstr((const char *)attestlm_bytes_data(bytes), "\"name\":\"verified\"") != NULL);
    attestlm_bytes_free(bytes);
    /* What only a replay shows is not claimed. */
    OK(attestlm_receipt_verify(receipt, NULL, NULL, NULL, 0, NULL, 0, NULL, &bytes, &err));
    REQUIRE(strstr((const char *)attestlm_bytes_data(bytes), "\"name\":\"unverifiable\"") != NULL);
    attestlm_bytes_free(bytes);
    OK(attestlm_receipt_prove_step(receipt, 0, &bytes, &err));
    OK(attestlm_receipt_check_proof(receipt, attestlm_bytes_data(bytes), attestlm_bytes_len(bytes), &err));
    attestlm_bytes_free(bytes);
    attestlm_receipt_free(receipt);
    puts("a receipt is checked without an engine");
    return 0;
}
