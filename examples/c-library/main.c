/* Reads a digit by the C library: `main digit.pgm` prints the digit, and the bits of its logits and probabilities. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "digits.h"

/* Reads a PGM file of 28 x 28 bytes. */
static int read_picture(const char *path, float pixels[DIGITS_PIXELS]) {
    unsigned char bytes[DIGITS_PIXELS];
    int width, height, largest;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return 0;
    }
    int found = fscanf(file, "P5 %d %d %d", &width, &height, &largest);
    int right = found == 3 && width == 28 && height == 28 && largest == 255 && fgetc(file) == '\n'
        && fread(bytes, 1, sizeof bytes, file) == sizeof bytes;
    fclose(file);
    if (!right) {
        fprintf(stderr, "%s: no PGM of 28 x 28 bytes\n", path);
        return 0;
    }
    for (size_t i = 0; i < DIGITS_PIXELS; i++)
        pixels[i] = (float)bytes[i] / 255.0f;
    return 1;
}

static uint32_t bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

int main(int argc, char **argv) {
    float pixels[DIGITS_PIXELS], logits[DIGITS_CLASSES], probabilities[DIGITS_CLASSES];
    size_t digit;
    if (argc != 2) {
        fprintf(stderr, "usage: %s DIGIT.pgm\n", argv[0]);
        return 2;
    }
    if (!read_picture(argv[1], pixels))
        return 1;

    DigitsStatus status = digits_classify(pixels, DIGITS_PIXELS, &digit);
    if (status == DIGITS_STATUS_OK)
        status = digits_logits(pixels, DIGITS_PIXELS, logits, DIGITS_CLASSES);
    if (status == DIGITS_STATUS_OK)
        status = digits_probabilities(pixels, DIGITS_PIXELS, probabilities, DIGITS_CLASSES);
    if (status != DIGITS_STATUS_OK) {
        fprintf(stderr, "digits %s: %s\n", digits_version(), digits_error_message(status));
        return 1;
    }
    printf("digit %zu\n", digit);
    for (size_t i = 0; i < DIGITS_CLASSES; i++)
        printf("%08" PRIx32 " %08" PRIx32 "\n", bits(logits[i]), bits(probabilities[i]));
    return 0;
}
