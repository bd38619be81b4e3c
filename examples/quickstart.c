/*
 * Asks the bundled model a question, prints the answer as it comes and the signed receipt, and has the receipt
 * judged as a stranger would.
 *
 *     quickstart [REQUEST.json [KEYSTORE.json]]
 *
 * REQUEST.json: docs/request.md. The keystore's password is taken from ATTESTLM_PASSWORD; without one the receipt is
 * signed with a fresh key. The answer goes to standard error, the receipt to standard output.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attestlm.h"

static const char QUESTION[] =
    "{\"messages\": [{\"role\": \"user\", \"content\": \"Tom has 12 apples. Anna gives him 7 more. He eats 5 apples. "
    "How many apples does Tom have now?\"}], \"temperature\": \"0.7\", \"seed\": \"7\"}";

/* Says what went wrong, and ends. By its address: arguments are evaluated in any order, also before the call. */
static void check(attestlm_status_t status, attestlm_error_t **err)
{
    if (status >= 0) {
        return;
    }
    fprintf(stderr, "quickstart: error %d: %s: %s\n", (int)status, attestlm_error_field(*err),
            attestlm_error_message(*err));
    attestlm_error_free(*err);
    exit(1);
}

/* A file's contents, to be freed. */
static uint8_t *contents(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = NULL;
    long end = -1;
    if (file != NULL && fseek(file, 0, SEEK_END) == 0) {
        end = ftell(file);
    }
    if (end >= 0 && fseek(file, 0, SEEK_SET) == 0) {
        bytes = (uint8_t *)malloc((size_t)end + 1);
    }
    if (bytes == NULL || fread(bytes, 1, (size_t)end, file) != (size_t)end) {
        fprintf(stderr, "quickstart: cannot read %s\n", path);
        exit(1);
    }
    fclose(file);
    *len = (size_t)end;
    return bytes;
}

int main(int argc, char **argv)
{
    attestlm_error_t *err = NULL;
    attestlm_model_t *model = NULL;
    attestlm_session_t *session = NULL;
    attestlm_signer_t *signer = NULL;
    attestlm_generation_t *generation = NULL;
    attestlm_receipt_t *receipt = NULL;
    attestlm_bytes_t *bytes = NULL;
    attestlm_status_t status;
    uint8_t *request = NULL;
    size_t request_len = sizeof QUESTION - 1;

    if (attestlm_abi_version() != ATTESTLM_ABI_VERSION) {
        fprintf(stderr, "quickstart: built for another version of the library\n");
        return 1;
    }
    if (argc > 1) {
        request = contents(argv[1], &request_len);
    }

    check(attestlm_model_bundled(&model, &err), &err);
    check(attestlm_session_new(model, NULL, NULL, 0, &session, &err), &err);
    if (argc > 2) {
        const char *password = getenv("ATTESTLM_PASSWORD");
        size_t keystore_len;
        uint8_t *keystore = contents(argv[2], &keystore_len);
        password = password != NULL ? password : "";
        check(attestlm_signer_from_keystore(keystore, keystore_len, (const uint8_t *)password, strlen(password), &signer,
                                            &err),
              &err);
        free(keystore);
    } else {
        check(attestlm_signer_random(&signer, &err), &err);
    }

    /* The answer, event by event. */
    check(attestlm_session_generate(session, request != NULL ? request : (const uint8_t *)QUESTION, request_len, signer,
                                    &generation, &err),
          &err);
    while ((status = attestlm_generation_next(generation, -1, &bytes, &err)) == ATTESTLM_OK) {
        fprintf(stderr, "%s\n", (const char *)attestlm_bytes_data(bytes));
        attestlm_bytes_free(bytes);
    }
    check(status, &err);

    /* The signed receipt, as any verifier takes it. */
    check(attestlm_generation_receipt(generation, 0, &receipt, &err), &err);
    check(attestlm_receipt_to_json(receipt, 1, &bytes, &err), &err);
    fwrite(attestlm_bytes_data(bytes), 1, attestlm_bytes_len(bytes), stdout);
    attestlm_receipt_free(receipt);

    /* Somebody else reads and judges it. */
    check(attestlm_receipt_parse(attestlm_bytes_data(bytes), attestlm_bytes_len(bytes), &receipt, &err), &err);
    attestlm_bytes_free(bytes);
    check(attestlm_receipt_verify(receipt, model, NULL, NULL, 0, request, request != NULL ? request_len : 0, NULL, &bytes,
                                  &err),
          &err);
    fprintf(stderr, "%s\n", (const char *)attestlm_bytes_data(bytes));
    attestlm_bytes_free(bytes);

    attestlm_receipt_free(receipt);
    attestlm_generation_free(generation);
    attestlm_signer_free(signer);
    attestlm_session_free(session);
    attestlm_model_free(model);
    free(request);
    return 0;
}
