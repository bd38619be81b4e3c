/*
 * Included in front of every C and C++ file of the engine.
 *
 * Each declaration gives a function of the C library another symbol, before the library's own
 * header declares it: the call in the source stays as it is, the symbol called is ours
 * (core/src/engine/frozen.rs). So no version of the C library takes part in the numerics, and no
 * variable of the process environment reaches the engine.
 */
#ifndef ATTESTLM_FROZEN_H
#define ATTESTLM_FROZEN_H

#ifdef __cplusplus
#define ATTESTLM_SYMBOL(name) noexcept(true) __asm__(name)
extern "C" {
#else
#define ATTESTLM_SYMBOL(name) __asm__(name) __attribute__((nothrow))
#endif

/* Each under its own name, and under one that no library overloads (see the end of this file). */
#define ATTESTLM_1(fn)                                                      \
    double fn(double) ATTESTLM_SYMBOL("attestlm_" #fn);                     \
    float fn##f(float) ATTESTLM_SYMBOL("attestlm_" #fn "f");                \
    double attestlm_call_##fn(double) ATTESTLM_SYMBOL("attestlm_" #fn);     \
    float attestlm_call_##fn##f(float) ATTESTLM_SYMBOL("attestlm_" #fn "f");
#define ATTESTLM_2(fn)                                                             \
    double fn(double, double) ATTESTLM_SYMBOL("attestlm_" #fn);                    \
    float fn##f(float, float) ATTESTLM_SYMBOL("attestlm_" #fn "f");                \
    double attestlm_call_##fn(double, double) ATTESTLM_SYMBOL("attestlm_" #fn);    \
    float attestlm_call_##fn##f(float, float) ATTESTLM_SYMBOL("attestlm_" #fn "f");

ATTESTLM_1(sin)
ATTESTLM_1(cos)
ATTESTLM_1(tan)
ATTESTLM_1(asin)
ATTESTLM_1(acos)
ATTESTLM_1(atan)
ATTESTLM_1(sinh)
ATTESTLM_1(cosh)
ATTESTLM_1(tanh)
ATTESTLM_1(exp)
ATTESTLM_1(exp2)
ATTESTLM_1(expm1)
ATTESTLM_1(log)
ATTESTLM_1(log2)
ATTESTLM_1(log10)
ATTESTLM_1(log1p)
ATTESTLM_1(erf)
ATTESTLM_1(cbrt)
ATTESTLM_2(pow)
ATTESTLM_2(atan2)
ATTESTLM_2(fmod)
ATTESTLM_2(hypot)
ATTESTLM_1(round)
ATTESTLM_2(fmax)
ATTESTLM_2(fmin)

double ldexp(double, int) ATTESTLM_SYMBOL("attestlm_ldexp");
double attestlm_call_ldexp(double, int) ATTESTLM_SYMBOL("attestlm_ldexp");
float ldexpf(float, int) ATTESTLM_SYMBOL("attestlm_ldexpf");
float attestlm_call_ldexpf(float, int) ATTESTLM_SYMBOL("attestlm_ldexpf");
long lround(double) ATTESTLM_SYMBOL("attestlm_lround");
long attestlm_call_lround(double) ATTESTLM_SYMBOL("attestlm_lround");
long lroundf(float) ATTESTLM_SYMBOL("attestlm_lroundf");
long attestlm_call_lroundf(float) ATTESTLM_SYMBOL("attestlm_lroundf");
/* gcc merges the sine and cosine of one argument into one call. */
void sincos(double, double *, double *) ATTESTLM_SYMBOL("attestlm_sincos");
void sincosf(float, float *, float *) ATTESTLM_SYMBOL("attestlm_sincosf");

char * getenv(const char *) ATTESTLM_SYMBOL("attestlm_getenv");

/*
 * How threads wait is ours too (core/src/engine/waiting.rs). ggml's barrier spins: beside a busy neighbour
 * the spinner keeps the thread it waits for off the machine. (gcc's _mm_pause is an inline function around
 * this builtin.)
 */
void attestlm_pause(void) ATTESTLM_SYMBOL("attestlm_pause");
#define __builtin_ia32_pause attestlm_pause

#ifndef __cplusplus
/* The condition variable idle workers wait on; pthread.h, which comes later, declares these names then. */
#define pthread_cond_init attestlm_cond_init
#define pthread_cond_destroy attestlm_cond_destroy
#define pthread_cond_wait attestlm_cond_wait
#define pthread_cond_broadcast attestlm_cond_broadcast
#endif

#if defined(__clang__) && defined(__cplusplus)
/*
 * libstdc++ calls the builtins, and clang++ gives those the library's symbol whatever was declared. Not the
 * functions' own names: inside std they are overloaded, and std::log2(unsigned), which calls the builtin,
 * would call itself without end.
 */
#define __builtin_sin attestlm_call_sin
#define __builtin_sinf attestlm_call_sinf
#define __builtin_cos attestlm_call_cos
#define __builtin_cosf attestlm_call_cosf
#define __builtin_tan attestlm_call_tan
#define __builtin_tanf attestlm_call_tanf
#define __builtin_asin attestlm_call_asin
#define __builtin_asinf attestlm_call_asinf
#define __builtin_acos attestlm_call_acos
#define __builtin_acosf attestlm_call_acosf
#define __builtin_atan attestlm_call_atan
#define __builtin_atanf attestlm_call_atanf
#define __builtin_sinh attestlm_call_sinh
#define __builtin_sinhf attestlm_call_sinhf
#define __builtin_cosh attestlm_call_cosh
#define __builtin_coshf attestlm_call_coshf
#define __builtin_tanh attestlm_call_tanh
#define __builtin_tanhf attestlm_call_tanhf
#define __builtin_exp attestlm_call_exp
#define __builtin_expf attestlm_call_expf
#define __builtin_exp2 attestlm_call_exp2
#define __builtin_exp2f attestlm_call_exp2f
#define __builtin_expm1 attestlm_call_expm1
#define __builtin_expm1f attestlm_call_expm1f
#define __builtin_log attestlm_call_log
#define __builtin_logf attestlm_call_logf
#define __builtin_log2 attestlm_call_log2
#define __builtin_log2f attestlm_call_log2f
#define __builtin_log10 attestlm_call_log10
#define __builtin_log10f attestlm_call_log10f
#define __builtin_log1p attestlm_call_log1p
#define __builtin_log1pf attestlm_call_log1pf
#define __builtin_erf attestlm_call_erf
#define __builtin_erff attestlm_call_erff
#define __builtin_cbrt attestlm_call_cbrt
#define __builtin_cbrtf attestlm_call_cbrtf
#define __builtin_pow attestlm_call_pow
#define __builtin_powf attestlm_call_powf
#define __builtin_atan2 attestlm_call_atan2
#define __builtin_atan2f attestlm_call_atan2f
#define __builtin_fmod attestlm_call_fmod
#define __builtin_fmodf attestlm_call_fmodf
#define __builtin_hypot attestlm_call_hypot
#define __builtin_hypotf attestlm_call_hypotf
#define __builtin_round attestlm_call_round
#define __builtin_roundf attestlm_call_roundf
#define __builtin_fmax attestlm_call_fmax
#define __builtin_fmaxf attestlm_call_fmaxf
#define __builtin_fmin attestlm_call_fmin
#define __builtin_fminf attestlm_call_fminf
#define __builtin_ldexp attestlm_call_ldexp
#define __builtin_ldexpf attestlm_call_ldexpf
#define __builtin_lround attestlm_call_lround
#define __builtin_lroundf attestlm_call_lroundf
#endif

#undef ATTESTLM_1
#undef ATTESTLM_2
#undef ATTESTLM_SYMBOL
#ifdef __cplusplus
}
#endif
#endif
