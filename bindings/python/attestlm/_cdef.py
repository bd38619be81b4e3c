"""Written from include/attestlm.h by `python tools/cdef.py`. Do not edit."""

VERSION = "0.1.0"

CDEF = """
#define ATTESTLM_VERSION_MAJOR 0
#define ATTESTLM_VERSION_MINOR 1
#define ATTESTLM_VERSION_PATCH 0

#define ATTESTLM_ABI_VERSION 0

typedef struct attestlm_adapter_t attestlm_adapter_t;

typedef struct attestlm_bytes_t attestlm_bytes_t;

typedef struct attestlm_error_t attestlm_error_t;

typedef struct attestlm_generation_t attestlm_generation_t;

typedef struct attestlm_model_t attestlm_model_t;

typedef struct attestlm_operation_t attestlm_operation_t;

typedef struct attestlm_receipt_t attestlm_receipt_t;

typedef struct attestlm_session_t attestlm_session_t;

typedef struct attestlm_signer_t attestlm_signer_t;

typedef int32_t attestlm_status_t;

typedef void (*attestlm_log_fn)(void *env, int32_t level, const uint8_t *line, size_t len);

typedef int32_t (*attestlm_sign_fn)(void *env, const uint8_t *digest, uint8_t *signature);

typedef void (*attestlm_finalizer_fn)(void *env);

#define ATTESTLM_OK 0

#define ATTESTLM_END 1

#define ATTESTLM_TIMEOUT 2

#define ATTESTLM_ERR_ARGUMENT -1

#define ATTESTLM_ERR_IO -2

#define ATTESTLM_ERR_MODEL -3

#define ATTESTLM_ERR_TEMPLATE -4

#define ATTESTLM_ERR_GRAMMAR -5

#define ATTESTLM_ERR_LOGITS -6

#define ATTESTLM_ERR_RECEIPT -7

#define ATTESTLM_ERR_SIGNER -8

#define ATTESTLM_ERR_ENGINE -9

#define ATTESTLM_ERR_UNSUPPORTED -10

#define ATTESTLM_ERR_CANCELLED -11

#define ATTESTLM_ERR_INTERNAL -12

#define ATTESTLM_ERR_BUSY -13

#define ATTESTLM_ERR_PANIC -14

#define ATTESTLM_ERR_FORKED -15

attestlm_status_t attestlm_adapter_open(const attestlm_model_t *model,
                                        const uint8_t *path,
                                        size_t path_len,
                                        attestlm_adapter_t **adapter,
                                        attestlm_error_t **err);

attestlm_status_t attestlm_adapter_sha256(const attestlm_adapter_t *adapter,
                                          uint8_t *sha256,
                                          attestlm_error_t **err);

void attestlm_adapter_free(attestlm_adapter_t *adapter);

attestlm_status_t attestlm_address_parse(const uint8_t *text,
                                         size_t text_len,
                                         uint8_t *address,
                                         attestlm_error_t **err);

attestlm_status_t attestlm_address_text(const uint8_t *address,
                                        size_t address_len,
                                        attestlm_bytes_t **text,
                                        attestlm_error_t **err);

const uint8_t *attestlm_bytes_data(const attestlm_bytes_t *bytes);

size_t attestlm_bytes_len(const attestlm_bytes_t *bytes);

void attestlm_bytes_free(attestlm_bytes_t *bytes);

attestlm_status_t attestlm_error_code(const attestlm_error_t *error);

const char *attestlm_error_field(const attestlm_error_t *error);

const char *attestlm_error_message(const attestlm_error_t *error);

void attestlm_error_free(attestlm_error_t *error);

attestlm_status_t attestlm_generation_next(attestlm_generation_t *generation,
                                           int32_t timeout_ms,
                                           attestlm_bytes_t **event,
                                           attestlm_error_t **err);

attestlm_status_t attestlm_generation_cancel(const attestlm_generation_t *generation,
                                             attestlm_error_t **err);

attestlm_status_t attestlm_generation_answer(const attestlm_generation_t *generation,
                                             uint32_t choice,
                                             attestlm_bytes_t **answer,
                                             attestlm_error_t **err);

attestlm_status_t attestlm_generation_receipt(const attestlm_generation_t *generation,
                                              uint32_t choice,
                                              attestlm_receipt_t **receipt,
                                              attestlm_error_t **err);

attestlm_status_t attestlm_generation_prove_token(const attestlm_generation_t *generation,
                                                  uint32_t choice,
                                                  uint32_t index,
                                                  int32_t with_digest,
                                                  attestlm_bytes_t **proof,
                                                  attestlm_error_t **err);

void attestlm_generation_free(attestlm_generation_t *generation);

attestlm_status_t attestlm_log_set(attestlm_log_fn log,
                                   void *env,
                                   int32_t level,
                                   attestlm_error_t **err);

attestlm_status_t attestlm_model_open(const uint8_t *path,
                                      size_t path_len,
                                      const attestlm_operation_t *operation,
                                      attestlm_model_t **model,
                                      attestlm_error_t **err);

attestlm_status_t attestlm_model_bundled(attestlm_model_t **model, attestlm_error_t **err);

attestlm_status_t attestlm_model_check(const uint8_t *path,
                                       size_t path_len,
                                       const attestlm_operation_t *operation,
                                       attestlm_bytes_t **info,
                                       attestlm_error_t **err);

attestlm_status_t attestlm_model_info(const attestlm_model_t *model,
                                      attestlm_bytes_t **info,
                                      attestlm_error_t **err);

void attestlm_model_free(attestlm_model_t *model);

attestlm_status_t attestlm_operation_new(attestlm_operation_t **operation,
                                         attestlm_error_t **err);

attestlm_status_t attestlm_operation_cancel(const attestlm_operation_t *operation,
                                            attestlm_error_t **err);

attestlm_status_t attestlm_operation_progress(const attestlm_operation_t *operation,
                                              uint64_t *done,
                                              uint64_t *total,
                                              attestlm_error_t **err);

void attestlm_operation_free(attestlm_operation_t *operation);

attestlm_status_t attestlm_profile_info(attestlm_bytes_t **info,
                                        attestlm_error_t **err);

attestlm_status_t attestlm_receipt_parse(const uint8_t *json,
                                         size_t json_len,
                                         attestlm_receipt_t **receipt,
                                         attestlm_error_t **err);

attestlm_status_t attestlm_receipt_to_json(const attestlm_receipt_t *receipt,
                                           int32_t with_disclosure,
                                           attestlm_bytes_t **json,
                                           attestlm_error_t **err);

attestlm_status_t attestlm_receipt_typed_data(const attestlm_receipt_t *receipt,
                                              attestlm_bytes_t **json,
                                              attestlm_error_t **err);

attestlm_status_t attestlm_receipt_digest(const attestlm_receipt_t *receipt,
                                          uint8_t *digest,
                                          attestlm_error_t **err);

attestlm_status_t attestlm_receipt_signer(const attestlm_receipt_t *receipt,
                                          uint8_t *address,
                                          attestlm_error_t **err);

attestlm_status_t attestlm_receipt_sign(attestlm_receipt_t *receipt,
                                        const uint8_t *signature,
                                        size_t signature_len,
                                        attestlm_error_t **err);

attestlm_status_t attestlm_receipt_sign_as_wallet(attestlm_receipt_t *receipt,
                                                  const uint8_t *signature,
                                                  size_t signature_len,
                                                  attestlm_error_t **err);

attestlm_status_t attestlm_receipt_verify(const attestlm_receipt_t *receipt,
                                          const attestlm_model_t *model,
                                          const attestlm_adapter_t *adapter,
                                          const uint8_t *terms,
                                          size_t terms_len,
                                          const uint8_t *request,
                                          size_t request_len,
                                          const attestlm_operation_t *operation,
                                          attestlm_bytes_t **report,
                                          attestlm_error_t **err);

attestlm_status_t attestlm_receipt_prove_step(const attestlm_receipt_t *receipt,
                                              uint32_t index,
                                              attestlm_bytes_t **proof,
                                              attestlm_error_t **err);

attestlm_status_t attestlm_receipt_redact(const attestlm_receipt_t *receipt,
                                          const uint8_t *shown,
                                          size_t shown_len,
                                          attestlm_receipt_t **redacted,
                                          attestlm_error_t **err);

attestlm_status_t attestlm_receipt_check_follows(const attestlm_receipt_t *receipt,
                                                 const attestlm_receipt_t *previous,
                                                 attestlm_error_t **err);

attestlm_status_t attestlm_receipt_check_proof(const attestlm_receipt_t *receipt,
                                               const uint8_t *proof,
                                               size_t proof_len,
                                               attestlm_error_t **err);

void attestlm_receipt_free(attestlm_receipt_t *receipt);

attestlm_status_t attestlm_session_new(const attestlm_model_t *model,
                                       const attestlm_adapter_t *adapter,
                                       const uint8_t *options,
                                       size_t options_len,
                                       attestlm_session_t **session,
                                       attestlm_error_t **err);

attestlm_status_t attestlm_session_info(const attestlm_session_t *session,
                                        attestlm_bytes_t **info,
                                        attestlm_error_t **err);

attestlm_status_t attestlm_session_generate(const attestlm_session_t *session,
                                            const uint8_t *request,
                                            size_t request_len,
                                            const attestlm_signer_t *signer,
                                            attestlm_generation_t **generation,
                                            attestlm_error_t **err);

attestlm_status_t attestlm_session_score(const attestlm_session_t *session,
                                         const uint8_t *request,
                                         size_t request_len,
                                         const uint8_t *continuation,
                                         size_t continuation_len,
                                         const attestlm_signer_t *signer,
                                         const attestlm_operation_t *operation,
                                         attestlm_bytes_t **score,
                                         attestlm_receipt_t **receipt,
                                         attestlm_error_t **err);

attestlm_status_t attestlm_session_forget(const attestlm_session_t *session, attestlm_error_t **err);

attestlm_status_t attestlm_session_cancel(const attestlm_session_t *session, attestlm_error_t **err);

void attestlm_session_free(attestlm_session_t *session);

attestlm_status_t attestlm_signer_random(attestlm_signer_t **signer, attestlm_error_t **err);

attestlm_status_t attestlm_signer_from_key(const uint8_t *key,
                                           size_t key_len,
                                           attestlm_signer_t **signer,
                                           attestlm_error_t **err);

attestlm_status_t attestlm_signer_from_keystore(const uint8_t *keystore,
                                                size_t keystore_len,
                                                const uint8_t *password,
                                                size_t password_len,
                                                attestlm_signer_t **signer,
                                                attestlm_error_t **err);

attestlm_status_t attestlm_signer_to_keystore(const attestlm_signer_t *signer,
                                              const uint8_t *password,
                                              size_t password_len,
                                              attestlm_bytes_t **text,
                                              attestlm_error_t **err);

attestlm_status_t attestlm_signer_callback(const uint8_t *address,
                                           size_t address_len,
                                           attestlm_sign_fn sign,
                                           void *env,
                                           attestlm_finalizer_fn finalizer,
                                           attestlm_signer_t **signer,
                                           attestlm_error_t **err);

attestlm_status_t attestlm_signer_external(const uint8_t *address,
                                           size_t address_len,
                                           attestlm_signer_t **signer,
                                           attestlm_error_t **err);

attestlm_status_t attestlm_signer_address(const attestlm_signer_t *signer,
                                          uint8_t *address,
                                          attestlm_error_t **err);

void attestlm_signer_free(attestlm_signer_t *signer);

const char *attestlm_version(void);

uint32_t attestlm_abi_version(void);

int32_t attestlm_has_feature(const uint8_t *key, size_t len);
"""
