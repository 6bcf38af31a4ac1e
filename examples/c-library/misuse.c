/* Every wrong call is an error of its own and writes nothing; every array is on the heap, so that Valgrind sees an access
 * beyond it. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digits.h"

/* Counts the calls that do not give what they should. */
static int wrong = 0;

static void expect(DigitsStatus expected, DigitsStatus found, const char *call) {
    if (found != expected) {
        fprintf(stderr, "%s: expected \"%s\", found \"%s\"\n", call, digits_error_message(expected),
                digits_error_message(found));
        wrong++;
    }
}

#define EXPECT(status, call) expect(DIGITS_STATUS_##status, call, #call)

int main(void) {
    float *pixels = malloc(DIGITS_PIXELS * sizeof *pixels);
    float *few = calloc(3, sizeof *few);
    float *values = calloc(DIGITS_CLASSES, sizeof *values);
    size_t *digit = calloc(1, sizeof *digit);
    char *bytes = calloc(DIGITS_PIXELS + 1, sizeof(float));
    if (pixels == NULL || few == NULL || values == NULL || digit == NULL || bytes == NULL)
        return 2;
    for (size_t i = 0; i < DIGITS_PIXELS; i++)
        pixels[i] = (float)(i % 7) / 7.0f;
    void *odd = bytes + 1;

    EXPECT(NULL_POINTER, digits_classify(NULL, DIGITS_PIXELS, digit));
    EXPECT(NULL_POINTER, digits_classify(pixels, DIGITS_PIXELS, NULL));
    EXPECT(NULL_POINTER, digits_logits(NULL, DIGITS_PIXELS, values, DIGITS_CLASSES));
    EXPECT(NULL_POINTER, digits_logits(pixels, DIGITS_PIXELS, NULL, DIGITS_CLASSES));
    EXPECT(NULL_POINTER, digits_probabilities(NULL, DIGITS_PIXELS, values, DIGITS_CLASSES));
    EXPECT(NULL_POINTER, digits_probabilities(pixels, DIGITS_PIXELS, NULL, DIGITS_CLASSES));
    EXPECT(WRONG_LENGTH, digits_classify(few, 3, digit));
    EXPECT(WRONG_LENGTH, digits_classify(few, 0, digit));
    EXPECT(WRONG_LENGTH, digits_classify(pixels, (size_t)-1, digit));
    EXPECT(WRONG_LENGTH, digits_logits(pixels, DIGITS_PIXELS, few, 3));
    EXPECT(WRONG_LENGTH, digits_probabilities(pixels, DIGITS_PIXELS, few, 3));
    EXPECT(MISALIGNED, digits_classify(odd, DIGITS_PIXELS, digit));
    EXPECT(MISALIGNED, digits_classify(pixels, DIGITS_PIXELS, odd));
    EXPECT(MISALIGNED, digits_logits(pixels, DIGITS_PIXELS, odd, DIGITS_CLASSES));
    for (size_t i = 0; i < DIGITS_CLASSES; i++)
        wrong += values[i] != 0.0f;
    wrong += *digit != 0;

    EXPECT(OK, digits_classify(pixels, DIGITS_PIXELS, digit));
    EXPECT(OK, digits_logits(pixels, DIGITS_PIXELS, values, DIGITS_CLASSES));
    /* In place: the logits are written over the first pixels. */
    EXPECT(OK, digits_logits(pixels, DIGITS_PIXELS, pixels, DIGITS_CLASSES));
    wrong += memcmp(pixels, values, DIGITS_CLASSES * sizeof *values) != 0;
    wrong += *digit >= DIGITS_CLASSES;
    wrong += digits_error_message(-1) == NULL || digits_error_message(99)[0] == '\0';

    free(pixels);
    free(few);
    free(values);
    free(digit);
    free(bytes);
    if (wrong != 0)
        fprintf(stderr, "%d checks failed\n", wrong);
    return wrong != 0;
}
