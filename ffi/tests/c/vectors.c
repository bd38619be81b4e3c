/*
 * The vectors of every implementation, through the header alone.
 *
 *     vectors FOLDER
 *
 * FOLDER/manifest.json says which cases there are: one that is missing, or an area that this program does not know,
 * is a failure. That the files are the manifest's own, by their SHA-256, the Rust tests see to.
 */
#define _POSIX_C_SOURCE 200809L
#include <ctype.h>
#include <jansson.h>
#include <unistd.h>

#include "support.h"

#define TEXT(bytes) (const char *)attestlm_bytes_data(bytes)

static const char *folder;
static attestlm_model_t *model;
/* What runs now, for whoever reads a failure; NULL: nothing. */
static const char *area, *file, *part;

static void where(void)
{
    if (area != NULL) {
        fprintf(stderr, "in %s/%s/%s%s%s\n", folder, area, file ? file : "", part ? ": " : "", part ? part : "");
    }
}

static json_t *load(const char *directory, const char *name)
{
    char path[4096];
    json_error_t error;
    json_t *value;
    REQUIRE(snprintf(path, sizeof path, "%s/%s/%s", folder, directory, name) < (int)sizeof path);
    value = json_load_file(path, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (value == NULL) {
        fprintf(stderr, "%s:%d: %s\n", path, error.line, error.text);
        exit(1);
    }
    return value;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    REQUIRE(text != NULL);
    return text;
}

/* A member as a JSON text, to be freed. */
static char *dump(const json_t *object, const char *key)
{
    char *text = json_dumps(json_object_get(object, key), JSON_COMPACT | JSON_ENCODE_ANY);
    REQUIRE(text != NULL);
    return text;
}

/* Decodes hex, with 0x or without, to memory to be freed. */
static uint8_t *unhex(const char *text, size_t *len)
{
    size_t i;
    uint8_t *bytes;
    text += strncmp(text, "0x", 2) == 0 ? 2 : 0;
    *len = strlen(text) / 2;
    bytes = malloc(*len + 1);
    REQUIRE(bytes != NULL && strlen(text) % 2 == 0);
    for (i = 0; i < *len; i++) {
        unsigned byte;
        REQUIRE(isxdigit((unsigned char)text[2 * i]) && sscanf(text + 2 * i, "%2x", &byte) == 1);
        bytes[i] = (uint8_t)byte;
    }
    return bytes;
}

static int is_hex(const char *text, const uint8_t *bytes, size_t len)
{
    size_t found;
    uint8_t *expected = unhex(text, &found);
    int same = found == len && memcmp(expected, bytes, len) == 0;
    free(expected);
    return same;
}

/* That a call answered what the case says: `code`, and of an error `field` and what its message `says`. */
static void answered(const json_t *expected, attestlm_status_t status, attestlm_error_t *err)
{
    const json_t *code = json_object_get(expected, "code");
    REQUIRE(json_is_integer(code));
    if (status != json_integer_value(code)) {
        fprintf(stderr, "answered %d %s: %s\n", (int)status, err ? attestlm_error_field(err) : "",
                err ? attestlm_error_message(err) : "");
    }
    REQUIRE(status == json_integer_value(code));
    REQUIRE((status == ATTESTLM_OK) == (err == NULL));
    if (err != NULL) {
        const char *says = json_string_value(json_object_get(expected, "says"));
        REQUIRE(attestlm_error_code(err) == status);
        REQUIRE(strcmp(attestlm_error_field(err), text_of(expected, "field")) == 0);
        REQUIRE(strlen(attestlm_error_message(err)) > 0);
        REQUIRE(says == NULL || strstr(attestlm_error_message(err), says) != NULL);
        attestlm_error_free(err);
    }
}

static attestlm_session_t *session_of(const json_t *test)
{
    attestlm_error_t *err = NULL;
    attestlm_session_t *session = NULL;
    char *options = dump(test, "options");
    OK(attestlm_session_new(model, NULL, BYTES(options), &session, &err));
    free(options);
    return session;
}

/* The report of a check without a model, which expects of the receipt what it is. */
static json_t *report_of(const attestlm_receipt_t *receipt)
{
    static const char *const TERMS[] = {"{\"signatureOnly\":true,\"allowPrefix\":true}",
                                        "{\"signatureOnly\":true,\"scored\":true}"};
    attestlm_error_t *err = NULL;
    json_t *report = NULL;
    json_int_t kind = 0;
    int i;
    for (i = 0; i < 2 && kind == i; i++) {
        attestlm_bytes_t *bytes = NULL;
        json_decref(report);
        OK(attestlm_receipt_verify(receipt, NULL, NULL, BYTES(TERMS[i]), NULL, 0, NULL, &bytes, &err));
        report = json_loadb(TEXT(bytes), attestlm_bytes_len(bytes), 0, NULL);
        REQUIRE(report != NULL);
        attestlm_bytes_free(bytes);
        kind = json_integer_value(json_object_get(report, "kind"));
    }
    return report;
}

static const char *verdict_of(const json_t *report)
{
    return text_of(json_object_get(report, "verdict"), "name");
}

/* Whether a signature is refused. Of a receipt for a contract its chain decides: the signer may be a contract. */
static int is_refused(const json_t *report)
{
    const char *why = json_string_value(json_object_get(json_object_get(report, "verdict"), "why"));
    return strcmp(verdict_of(report), "invalid") == 0 || (why != NULL && strncmp(why, "erc1271: ", 9) == 0);
}

static attestlm_receipt_t *receipt_of(const json_t *test, const char *key)
{
    attestlm_error_t *err = NULL;
    attestlm_receipt_t *receipt = NULL;
    char *document = dump(test, key);
    OK(attestlm_receipt_parse(BYTES(document), &receipt, &err));
    free(document);
    return receipt;
}

/* Receipts that stand: digest, signer, and the same document written again. */
static void receipts(json_t *test)
{
    attestlm_error_t *err = NULL;
    attestlm_receipt_t *receipt = receipt_of(test, "document"), *again = NULL;
    attestlm_bytes_t *bytes = NULL;
    uint8_t digest[32], address[20];
    json_t *expect = json_object_get(test, "expect"), *report = report_of(receipt), *message, *written;

    OK(attestlm_receipt_digest(receipt, digest, &err));
    REQUIRE(is_hex(text_of(expect, "digest"), digest, sizeof digest));
    OK(attestlm_receipt_signer(receipt, address, &err));
    REQUIRE(is_hex(text_of(expect, "signer"), address, sizeof address));
    REQUIRE(strcmp(verdict_of(report), "verified") == 0);
    json_decref(report);

    OK(attestlm_receipt_to_json(receipt, 1, &bytes, &err));
    written = json_loadb(TEXT(bytes), attestlm_bytes_len(bytes), JSON_ALLOW_NUL, NULL);
    REQUIRE(json_equal(written, json_object_get(test, "document")));
    json_decref(written);
    OK(attestlm_receipt_parse(attestlm_bytes_data(bytes), attestlm_bytes_len(bytes), &again, &err));
    attestlm_bytes_free(bytes);
    attestlm_receipt_free(again);
    attestlm_receipt_free(receipt);

    /* Signed at another time it was not. */
    message = json_object_get(json_object_get(test, "document"), "message");
    REQUIRE(json_object_set_new(message, "issuedAt", json_string("1")) == 0);
    receipt = receipt_of(test, "document");
    report = report_of(receipt);
    REQUIRE(is_refused(report));
    json_decref(report);
    attestlm_receipt_free(receipt);
}

/* Receipts that are refused, in the step that the case says. */
static void refused(json_t *test)
{
    attestlm_error_t *err = NULL;
    attestlm_receipt_t *receipt = NULL;
    const char *step = text_of(test, "step");
    const json_t *document = json_object_get(test, "text");
    attestlm_status_t status = attestlm_receipt_parse((const uint8_t *)json_string_value(document),
                                                      json_string_length(document), &receipt, &err);
    json_t *report;
    size_t compared;
    if (status != ATTESTLM_OK) {
        REQUIRE(strcmp(step, "read") == 0);
        REQUIRE(receipt == NULL && status == ATTESTLM_ERR_RECEIPT && attestlm_error_code(err) == status);
        attestlm_error_free(err);
        return;
    }
    report = report_of(receipt);
    if (strcmp(step, "unverifiable") == 0) {
        const char *why = text_of(json_object_get(report, "verdict"), "why"), *field = text_of(test, "field");
        REQUIRE(strcmp(verdict_of(report), "unverifiable") == 0 && strncmp(why, field, strlen(field)) == 0);
        json_decref(report);
        attestlm_receipt_free(receipt);
        return;
    }
    REQUIRE(is_refused(report));
    /* Form, the signature, the commitments. */
    compared = json_array_size(json_object_get(report, "compared"));
    if (strcmp(step, "read") == 0) {
        REQUIRE(compared == 0);
    } else if (strcmp(step, "signature") == 0) {
        /* Under a contract's domain what comes behind it is compared, too. */
        json_t *what;
        size_t at;
        REQUIRE(compared >= 1);
        json_array_foreach (json_object_get(report, "compared"), at, what) {
            REQUIRE(strcmp(json_string_value(what), "signature") != 0);
        }
    } else {
        const char *what = text_of(json_object_get(report, "verdict"), "what"), *field = text_of(test, "field");
        REQUIRE(strcmp(step, "commitments") == 0);
        REQUIRE(strncmp(what, field, strlen(field)) == 0 && what[strlen(field)] == ':');
    }
    json_decref(report);
    attestlm_receipt_free(receipt);
}

/* Proofs, each checked against a receipt that has the case's kind, count and root: more of it no proof looks at. */
static void merkle(json_t *test)
{
    attestlm_error_t *err = NULL;
    json_t *other = load("receipts", "undisclosed.json"), *claimed = json_object_get(test, "receipt");
    json_t *message = json_object_get(json_object_get(other, "document"), "message");
    json_t *root = json_object_get(claimed, "root");
    attestlm_receipt_t *receipt;
    attestlm_status_t status;
    char *proof = dump(test, "proof");
    REQUIRE(json_object_set(message, "kind", json_object_get(claimed, "kind")) == 0);
    REQUIRE(json_object_set(message, "outputCount", json_object_get(claimed, "outputCount")) == 0);
    REQUIRE(json_object_set(message, "trace", root) == 0 && json_object_set(message, "steps", root) == 0);
    receipt = receipt_of(other, "document");
    status = attestlm_receipt_check_proof(receipt, BYTES(proof), &err);
    REQUIRE(status == (json_is_true(json_object_get(test, "valid")) ? ATTESTLM_OK : ATTESTLM_ERR_RECEIPT));
    attestlm_error_free(err);
    attestlm_receipt_free(receipt);
    free(proof);
    json_decref(other);
}

static void keystore(json_t *test)
{
    attestlm_error_t *err = NULL;
    attestlm_signer_t *signer = NULL;
    const json_t *error = json_object_get(test, "error"), *password = json_object_get(test, "password");
    const char *given = json_string_value(json_object_get(test, "keystore"));
    char *text = given != NULL ? strdup(given) : dump(test, "keystore");
    attestlm_status_t status = attestlm_signer_from_keystore(
        BYTES(text), (const uint8_t *)json_string_value(password), json_string_length(password), &signer, &err);
    free(text);
    if (json_is_string(error)) {
        REQUIRE(signer == NULL && status == ATTESTLM_ERR_SIGNER && attestlm_error_code(err) == status);
        REQUIRE(strcmp(attestlm_error_field(err), json_string_value(error)) == 0);
        attestlm_error_free(err);
    } else {
        uint8_t address[20];
        REQUIRE(status == ATTESTLM_OK && err == NULL);
        OK(attestlm_signer_address(signer, address, &err));
        REQUIRE(is_hex(text_of(test, "address"), address, sizeof address));
        attestlm_signer_free(signer);
    }
}

static void same_receipt(attestlm_receipt_t *receipt, const json_t *expected)
{
    attestlm_error_t *err = NULL;
    attestlm_bytes_t *bytes = NULL;
    OK(attestlm_receipt_to_json(receipt, 1, &bytes, &err));
    REQUIRE(attestlm_bytes_len(bytes) == json_string_length(expected));
    REQUIRE(memcmp(TEXT(bytes), json_string_value(expected), attestlm_bytes_len(bytes)) == 0);
    attestlm_bytes_free(bytes);
    attestlm_receipt_free(receipt);
}

/* Whole answers: every receipt, byte for byte. */
static void generations(json_t *test)
{
    attestlm_error_t *err = NULL;
    attestlm_session_t *session = session_of(test);
    attestlm_signer_t *signer = NULL;
    attestlm_receipt_t *receipt = NULL;
    attestlm_bytes_t *bytes = NULL;
    const json_t *expected = json_object_get(test, "receipts");
    uint32_t count = (uint32_t)json_array_size(expected), i;
    char *request = dump(test, "request");
    size_t key_len;
    uint8_t *key = unhex(text_of(test, "key"), &key_len);
    REQUIRE(count > 0);
    OK(attestlm_signer_from_key(key, key_len, &signer, &err));
    free(key);
    if (json_object_get(test, "continuation") != NULL) {
        char *continuation = dump(test, "continuation");
        OK(attestlm_session_score(session, BYTES(request), BYTES(continuation), signer, NULL, &bytes, &receipt, &err));
        REQUIRE(count == 1);
        same_receipt(receipt, json_array_get(expected, 0));
        attestlm_bytes_free(bytes);
        free(continuation);
    } else {
        attestlm_generation_t *generation = NULL;
        attestlm_status_t status;
        OK(attestlm_session_generate(session, BYTES(request), signer, &generation, &err));
        while ((status = attestlm_generation_next(generation, -1, &bytes, &err)) == ATTESTLM_OK) {
            attestlm_bytes_free(bytes);
        }
        REQUIRE(status == ATTESTLM_END && err == NULL);
        for (i = 0; i < count; i++) {
            OK(attestlm_generation_receipt(generation, i, &receipt, &err));
            same_receipt(receipt, json_array_get(expected, i));
        }
        FAILS(ATTESTLM_ERR_ARGUMENT, "choice", attestlm_generation_receipt(generation, count, &receipt, &err));
        attestlm_generation_free(generation);
    }
    free(request);
    attestlm_signer_free(signer);
    attestlm_session_free(session);
}

/* Requests at the limits. What is accepted is queued, and dropped before anything is computed. */
static void requests(json_t *test)
{
    attestlm_error_t *err = NULL;
    attestlm_session_t *session = session_of(test);
    attestlm_generation_t *generation = NULL;
    const json_t *request = json_object_get(test, "request");
    attestlm_status_t status = attestlm_session_generate(session, (const uint8_t *)json_string_value(request),
                                                         json_string_length(request), NULL, &generation, &err);
    REQUIRE((status == ATTESTLM_OK) == (generation != NULL));
    answered(test, status, err);
    attestlm_generation_free(generation);
    attestlm_session_free(session);
}

static void gguf(json_t *test)
{
    attestlm_error_t *err = NULL;
    attestlm_model_t *opened = NULL;
    attestlm_status_t status;
    char path[4096];
    const char *temporary = getenv("TMPDIR");
    size_t len;
    uint8_t *bytes = unhex(text_of(test, "hex"), &len);
    attestlm_bytes_t *info = NULL;
    int written;
    REQUIRE(snprintf(path, sizeof path, "%s/attestlm-XXXXXX", temporary ? temporary : "/tmp") < (int)sizeof path);
    written = mkstemp(path);
    REQUIRE(written >= 0 && write(written, bytes, len) == (ssize_t)len && close(written) == 0);
    free(bytes);
    status = attestlm_model_check(BYTES(path), NULL, &info, &err);
    REQUIRE((status == ATTESTLM_OK) == (info != NULL));
    answered(test, status, err);
    attestlm_bytes_free(info);
    err = NULL;
    status = attestlm_model_open(BYTES(path), NULL, &opened, &err);
    REQUIRE(unlink(path) == 0);
    REQUIRE((status == ATTESTLM_OK) == (opened != NULL));
    answered(test, status, err);
    attestlm_model_free(opened);
}

/* Every area of the manifest, with what runs a case; or why none can be run. */
static const struct area {
    const char *name;
    void (*run)(json_t *test);
    const char *why_not;
} AREAS[] = {
    {"commitments", NULL, "hashes of parts, which only whole receipts show (receipts, refused)"},
    {"generations", generations, NULL},
    {"gguf", gguf, NULL},
    {"keystore", keystore, NULL},
    {"merkle", merkle, NULL},
    {"numerics", NULL, "operations inside a model, which only whole answers show (generations)"},
    {"receipts", receipts, NULL},
    {"refused", refused, NULL},
    {"requests", requests, NULL},
    {"sampler", NULL, "draws from given logits, which only whole answers show (generations)"},
    {"steps", NULL, "outputs of no model; a model's own are cut in its answers (generations)"},
    {"template", NULL, "templates of no model; a model's own shows in its answers (generations)"},
};

enum { COUNT = sizeof AREAS / sizeof AREAS[0] };

/* The cases of a file: itself, or a list that says how many it holds. */
static size_t run(const struct area *this, json_t *document)
{
    json_t *cases = json_object_get(document, "cases"), *test;
    size_t i;
    if (cases == NULL) {
        this->run(document);
        return 1;
    }
    json_array_foreach(cases, i, test)
    {
        part = text_of(test, "name");
        this->run(test);
    }
    part = NULL;
    REQUIRE((json_int_t)i == json_integer_value(json_object_get(document, "count")));
    return i;
}

int main(int argc, char **argv)
{
    attestlm_error_t *err = NULL;
    json_t *manifest, *listed, *digest;
    size_t i, known = 0;
    REQUIRE(argc == 2);
    folder = argv[1];
    REQUIRE(atexit(where) == 0);
    OK(attestlm_model_bundled(&model, &err));
    manifest = load(".", "manifest.json");

    for (i = 0; i < COUNT; i++) {
        json_int_t files = 0;
        size_t cases = 0;
        area = AREAS[i].name;
        listed = json_object_get(manifest, area);
        REQUIRE(listed != NULL);
        known++;
        if (AREAS[i].run == NULL) {
            printf("vectors: %s: none through C: %s\n", area, AREAS[i].why_not);
            continue;
        }
        json_object_foreach(json_object_get(listed, "sha256"), file, digest)
        {
            json_t *document = load(area, file);
            cases += run(&AREAS[i], document);
            files++;
            json_decref(document);
        }
        file = NULL;
        REQUIRE(files == json_integer_value(json_object_get(listed, "count")));
        REQUIRE(cases > 0);
        printf("vectors: %s: %lu cases\n", area, (unsigned long)cases);
    }
    area = NULL;
    /* An area that is none of the above would be left out. */
    REQUIRE(json_object_size(manifest) == known);

    json_decref(manifest);
    attestlm_model_free(model);
    return 0;
}
