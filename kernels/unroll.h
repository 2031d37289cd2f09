/* unroll.h - loops whose trip count is a constant after inlining, and whose arrays must become
 * registers. The sanitizers, which need no speed, take minutes on unrolled kernels. */
#ifndef KERNELS_UNROLL_H
#define KERNELS_UNROLL_H

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define KERN_UNROLL(n)
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define KERN_UNROLL(n)
#endif
#ifndef KERN_UNROLL
#define KERN_PRAGMA(text) _Pragma(#text)
#define KERN_UNROLL(n) KERN_PRAGMA(GCC unroll n)
#endif

#endif
