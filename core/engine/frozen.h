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

#define ATTESTLM_1(fn)                                         \
    double fn(double) ATTESTLM_SYMBOL("attestlm_" #fn);         \
    float fn##f(float) ATTESTLM_SYMBOL("attestlm_" #fn "f");
#define ATTESTLM_2(fn)                                         \
    double fn(double, double) ATTESTLM_SYMBOL("attestlm_" #fn); \
    float fn##f(float, float) ATTESTLM_SYMBOL("attestlm_" #fn "f");

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
float ldexpf(float, int) ATTESTLM_SYMBOL("attestlm_ldexpf");
long lround(double) ATTESTLM_SYMBOL("attestlm_lround");
long lroundf(float) ATTESTLM_SYMBOL("attestlm_lroundf");
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
/* libstdc++ calls the builtins, and clang++ gives those the library's symbol whatever was declared. */
#define __builtin_sin sin
#define __builtin_sinf sinf
#define __builtin_cos cos
#define __builtin_cosf cosf
#define __builtin_tan tan
#define __builtin_tanf tanf
#define __builtin_asin asin
#define __builtin_asinf asinf
#define __builtin_acos acos
#define __builtin_acosf acosf
#define __builtin_atan atan
#define __builtin_atanf atanf
#define __builtin_sinh sinh
#define __builtin_sinhf sinhf
#define __builtin_cosh cosh
#define __builtin_coshf coshf
#define __builtin_tanh tanh
#define __builtin_tanhf tanhf
#define __builtin_exp exp
#define __builtin_expf expf
#define __builtin_exp2 exp2
#define __builtin_exp2f exp2f
#define __builtin_expm1 expm1
#define __builtin_expm1f expm1f
#define __builtin_log log
#define __builtin_logf logf
#define __builtin_log2 log2
#define __builtin_log2f log2f
#define __builtin_log10 log10
#define __builtin_log10f log10f
#define __builtin_log1p log1p
#define __builtin_log1pf log1pf
#define __builtin_erf erf
#define __builtin_erff erff
#define __builtin_cbrt cbrt
#define __builtin_cbrtf cbrtf
#define __builtin_pow pow
#define __builtin_powf powf
#define __builtin_atan2 atan2
#define __builtin_atan2f atan2f
#define __builtin_fmod fmod
#define __builtin_fmodf fmodf
#define __builtin_hypot hypot
#define __builtin_hypotf hypotf
#define __builtin_round round
#define __builtin_roundf roundf
#define __builtin_fmax fmax
#define __builtin_fmaxf fmaxf
#define __builtin_fmin fmin
#define __builtin_fminf fminf
#define __builtin_ldexp ldexp
#define __builtin_ldexpf ldexpf
#define __builtin_lround lround
#define __builtin_lroundf lroundf
#endif

#undef ATTESTLM_1
#undef ATTESTLM_2
#undef ATTESTLM_SYMBOL
#ifdef __cplusplus
}
#endif
#endif
