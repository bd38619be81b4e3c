# What the shared library uses and glibc 2.28 has under an older version: a linker takes the newest one that its own
# glibc has. Most of it is newer in name alone, since 2.34 moved libpthread and libdl into libc. For scripts/libraries.sh,
# which makes these names local to the library: each jumps through its entry in the global offset table, as a PLT does.
    .macro version name, older
    .section .text.\name, "ax", @progbits
    .globl \name
    .type \name, @function
    .symver older.\name, \name@GLIBC_\older
\name:
    jmp *older.\name@GOTPCREL(%rip)
    .size \name, . - \name
    .endm

# libdl until 2.34.
    version dlopen, 2.2.5
    version dlclose, 2.2.5
    version dlsym, 2.2.5
    version dlerror, 2.2.5

# libpthread until 2.34 (2.32: pthread_getattr_np, pthread_getaffinity_np).
    version __pthread_key_create, 2.2.5
    version pthread_attr_getguardsize, 2.2.5
    version pthread_attr_getstack, 2.2.5
    version pthread_attr_setstacksize, 2.2.5
    version pthread_create, 2.2.5
    version pthread_getaffinity_np, 2.3.4
    version pthread_getattr_np, 2.2.5
    version pthread_join, 2.2.5
    version pthread_key_create, 2.2.5
    version pthread_key_delete, 2.2.5
    version pthread_mutex_trylock, 2.2.5
    version pthread_once, 2.2.5
    version pthread_setaffinity_np, 2.3.4
    version pthread_setname_np, 2.12
    version pthread_setspecific, 2.2.5

# libm. Since 2.29 there is one that leaves SVID's error handling (_LIB_VERSION) out; the results are the same.
    version pow, 2.2.5

    .section .note.GNU-stack, "", @progbits
