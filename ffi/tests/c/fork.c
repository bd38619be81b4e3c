/* The child of a process that used the library is told so, and can free and exit without hanging. */
#define _POSIX_C_SOURCE 200809L
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

int main(void)
{
    attestlm_error_t *err = NULL;
    attestlm_model_t *model = NULL;
    attestlm_session_t *session = NULL;
    attestlm_bytes_t *bytes = NULL;
    pid_t child;
    int status = 0;

    /* Loaded but not used: the child may use it. */
    child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        OK(attestlm_model_bundled(&model, &err));
        attestlm_model_free(model);
        _exit(0);
    }
    REQUIRE(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);

    OK(attestlm_model_bundled(&model, &err));
    OK(attestlm_session_new(model, NULL, BYTES("{\"threads\":2}"), &session, &err));
    child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        FAILS(ATTESTLM_ERR_FORKED, "process", attestlm_session_info(session, &bytes, &err));
        model = (attestlm_model_t *)(void *)&status;
        FAILS(ATTESTLM_ERR_FORKED, "process", attestlm_model_bundled(&model, &err));
        /* Results are cleared here, too. */
        REQUIRE(model == NULL);
        REQUIRE(attestlm_abi_version() == ATTESTLM_ABI_VERSION);
        attestlm_session_free(session);
        _exit(0);
    }
    REQUIRE(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    OK(attestlm_session_info(session, &bytes, &err));
    attestlm_bytes_free(bytes);
    attestlm_session_free(session);
    attestlm_model_free(model);
    puts("fork: ok");
    return 0;
}
