/* What the C tests share. */
#ifndef SUPPORT_H
#define SUPPORT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attestlm.h"

#define BYTES(text) (const uint8_t *)(text), strlen(text)

#define REQUIRE(condition)                                                     \
    do {                                                                       \
        if (!(condition)) {                                                    \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);    \
            exit(1);                                                           \
        }                                                                      \
    } while (0)

/* A call that must succeed; `err` is the caller's variable. */
#define OK(call)                                                               \
    do {                                                                       \
        attestlm_status_t ok_status = (call);                                  \
        if (ok_status != ATTESTLM_OK) {                                        \
            fprintf(stderr, "%s:%d: %s: %d %s: %s\n", __FILE__, __LINE__,      \
                    #call, (int)ok_status,                                     \
                    err ? attestlm_error_field(err) : "",                      \
                    err ? attestlm_error_message(err) : "");                   \
            exit(1);                                                           \
        }                                                                      \
        REQUIRE(err == NULL);                                                  \
    } while (0)

/* A call that must fail with a code, about a field. */
#define FAILS(code, field, call)                                               \
    do {                                                                       \
        attestlm_status_t fails_status = (call);                               \
        if (fails_status != (code) || err == NULL ||                           \
            attestlm_error_code(err) != (code) ||                              \
            strcmp(attestlm_error_field(err), (field)) != 0 ||                 \
            strlen(attestlm_error_message(err)) == 0) {                        \
            fprintf(stderr, "%s:%d: %s: %d %s: %s\n", __FILE__, __LINE__,      \
                    #call, (int)fails_status,                                  \
                    err ? attestlm_error_field(err) : "-",                     \
                    err ? attestlm_error_message(err) : "-");                  \
            exit(1);                                                           \
        }                                                                      \
        attestlm_error_free(err);                                              \
        err = NULL;                                                            \
    } while (0)

#endif
