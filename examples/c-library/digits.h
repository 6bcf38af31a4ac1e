/* Reads a digit of 28 x 28 pixels. Link `libdigits.so`, or `libdigits.a` with `-lm`.
 *
 * All functions may be called from any thread at any time. Input and output may overlap, and the memory for output
 * may be uninitialised. Written by cbindgen from src/lib.rs: change that. */

#ifndef DIGITS_H
#define DIGITS_H

#include <stddef.h>

/**
 * The pixels of a digit: 28 rows of 28, from the upper left, from 0 (background) to 1 (ink).
 */
#define DIGITS_PIXELS 784

/**
 * The classes: the digits 0 to 9.
 */
#define DIGITS_CLASSES 10

/**
 * What a function returns. Unless all is well, nothing has been written.
 */
typedef enum {
  /**
   * The result has been written.
   */
  DIGITS_STATUS_OK = 0,
  /**
   * A pointer is null.
   */
  DIGITS_STATUS_NULL_POINTER = 1,
  /**
   * A pointer is not aligned for what it points to.
   */
  DIGITS_STATUS_MISALIGNED = 2,
  /**
   * A length is not that of the model.
   */
  DIGITS_STATUS_WRONG_LENGTH = 3,
} DigitsStatus;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Writes the digit that a picture shows to `digit`: the index of the largest logit, the first in a tie. If a logit is NaN, it
 * is the index of the first NaN.
 *
 * `pixels_len` is `DIGITS_PIXELS`.
 *
 * # Safety
 * If they are not null, `pixels` points to `pixels_len` values and `digit` to memory for one.
 */
DigitsStatus digits_classify(const float *pixels,
                             size_t pixels_len,
                             size_t *digit);

/**
 * Writes the probability of each digit to `probabilities`: the softmax of the logits. All are NaN if a logit is NaN or
 * infinity.
 *
 * `pixels_len` is `DIGITS_PIXELS`, `probabilities_len` is `DIGITS_CLASSES`.
 *
 * # Safety
 * If they are not null, `pixels` points to `pixels_len` values and `probabilities` to memory for `probabilities_len`.
 */
DigitsStatus digits_probabilities(const float *pixels,
                                  size_t pixels_len,
                                  float *probabilities,
                                  size_t probabilities_len);

/**
 * Writes the logit of each digit to `logits`.
 *
 * `pixels_len` is `DIGITS_PIXELS`, `logits_len` is `DIGITS_CLASSES`.
 *
 * # Safety
 * If they are not null, `pixels` points to `pixels_len` values and `logits` to memory for `logits_len`.
 */
DigitsStatus digits_logits(const float *pixels,
                           size_t pixels_len,
                           float *logits,
                           size_t logits_len);

/**
 * What a status means, in English: a constant string, also for a number that is none.
 */
const char *digits_error_message(int status);

/**
 * The version of this library, `MAJOR.MINOR.PATCH`: a constant string.
 */
const char *digits_version(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* DIGITS_H */
