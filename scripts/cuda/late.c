/* Stubs that are linked instead of NVIDIA's libraries, so that a program starts on a machine without them.

   Every function jumps through a slot. Its first call finds and loads the library and stores the real function in the
   slot. Without the library, the slot gets a function that returns an error, as the real one does without a device.
   `functions.inc` has a line `F(name)` for each function. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef __x86_64__
#error "the assembly is for x86-64 only"
#endif

#define HIDDEN __attribute__((visibility("hidden")))
#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define MAJOR TEXT(CUDA_MAJOR)

struct slot {
    void *function;
    const char *name;
};

/* The target of a first call, with the slot in r11: saves all argument registers while `late_find` fills the slot. */
HIDDEN extern void late_bind(void);
__asm__(".pushsection .text.late_bind, \"ax\", @progbits\n"
        ".hidden late_bind\n"
        ".type late_bind, @function\n"
        "late_bind:\n"
        "    push %rdi; push %rsi; push %rdx; push %rcx; push %r8; push %r9; push %r11\n"
        "    sub $128, %rsp\n"
        "    .irp i, 0, 1, 2, 3, 4, 5, 6, 7\n"
        "    movups %xmm\\i, 16*\\i(%rsp)\n"
        "    .endr\n"
        "    mov %r11, %rdi\n"
        "    call late_find\n"
        "    .irp i, 0, 1, 2, 3, 4, 5, 6, 7\n"
        "    movups 16*\\i(%rsp), %xmm\\i\n"
        "    .endr\n"
        "    add $128, %rsp\n"
        "    pop %r11; pop %r9; pop %r8; pop %rcx; pop %rdx; pop %rsi; pop %rdi\n"
        "    jmp *(%r11)\n"
        ".size late_bind, . - late_bind\n"
        ".popsection\n");

/* A section for each function, so that the linker keeps only those that are called. */
#define F(function)                                                                                                    \
    HIDDEN struct slot late_slot_##function = {(void *)late_bind, #function};                                          \
    __asm__(".pushsection .text." #function ", \"ax\", @progbits\n"                                                    \
            ".globl " #function "\n"                                                                                   \
            ".hidden " #function "\n"                                                                                  \
            ".type " #function ", @function\n" #function ":\n"                                                         \
            "    lea late_slot_" #function "(%rip), %r11\n"                                                            \
            "    jmp *(%r11)\n"                                                                                        \
            ".size " #function ", . - " #function "\n"                                                                 \
            ".popsection\n");
#include "functions.inc"

/* Replacements for a function whose library is missing, and for one that its library lacks. */
static int driver_missing(void) { return 100; } /* CUDA_ERROR_NO_DEVICE */
static int driver_lacks(void) { return 500; }   /* CUDA_ERROR_NOT_FOUND */
static int nvrtc_missing(void) { return 11; }   /* NVRTC_ERROR_INTERNAL_ERROR */
static int cublas_missing(void) { return 1; }   /* CUBLAS_STATUS_NOT_INITIALIZED */
static int cublas_lacks(void) { return 15; }    /* CUBLAS_STATUS_NOT_SUPPORTED */

static int driver_error_text(int error, const char **text) {
    *text = error == 100 ? "no NVIDIA driver: libcuda.so.1 was not found" : "an error of the NVIDIA driver";
    return 0;
}
static const char *nvrtc_error_text(void) { return "libnvrtc.so." MAJOR " was not found"; }
static const char *cublas_error_text(void) { return "libcublas.so." MAJOR " was not found"; }

static struct library {
    const char *prefix, *file;
    int (*missing)(void), (*lacks)(void);
    void *handle;
} libraries[] = {
    {"nvrtc", "libnvrtc.so." MAJOR, nvrtc_missing, nvrtc_missing, NULL},
    {"cublasLt", "libcublasLt.so." MAJOR, cublas_missing, cublas_lacks, NULL},
    {"cublas", "libcublas.so." MAJOR, cublas_missing, cublas_lacks, NULL},
    {"cu", "libcuda.so.1", driver_missing, driver_lacks, NULL},
};

/* Loads the first file that matches `folder`/`pattern`/`file`. */
static void *load(const char *folder, int length, const char *pattern, const char *file, int flags) {
    char path[PATH_MAX];
    void *handle = NULL;
    glob_t found;
    if (folder == NULL || *folder == 0 || length == 0 ||
        snprintf(path, sizeof path, "%.*s/%s/%s", length, folder, pattern, file) >= (int)sizeof path)
        return NULL;
    if (glob(path, GLOB_BRACE, NULL, &found) != 0) return NULL;
    for (size_t i = 0; handle == NULL && i < found.gl_pathc; i++) handle = dlopen(found.gl_pathv[i], RTLD_NOW | flags);
    globfree(&found);
    return handle;
}

/* Searches the user's folder, the loader's search path, toolkits, and pip's folder of each Python on PATH. */
static void *search(const char *file) {
    static const char pip[] = "lib/python3*/{site,dist}-packages/nvidia/{cu*,cublas,cuda_nvrtc}/lib";
    void *handle = load(getenv("TUPLENET_CUDA"), INT_MAX, "{.,lib,lib64}", file, 0);
    if (handle == NULL) handle = dlopen(file, RTLD_NOW);
    if (handle == NULL) handle = load(getenv("CUDA_PATH"), INT_MAX, "lib{64,}", file, 0);
    if (handle == NULL) handle = load("/usr/local/cuda", INT_MAX, "lib{64,}", file, 0);
    for (const char *at = getenv("PATH"); handle == NULL && at != NULL; at = strchr(at, ':')) {
        at += *at == ':';
        int length = (int)strcspn(at, ":");
        if (length > 4 && memcmp(at + length - 4, "/bin", 4) == 0) handle = load(at, length - 4, pip, file, 0);
    }
    if (handle == NULL && getenv("HOME") != NULL) {
        char local[PATH_MAX];
        snprintf(local, sizeof local, "%s/.local", getenv("HOME"));
        handle = load(local, INT_MAX, pip, file, 0);
    }
    return handle;
}

static void *open_library(struct library *library) {
    void *handle = __atomic_load_n(&library->handle, __ATOMIC_ACQUIRE);
    if (handle != NULL) return handle;
    handle = search(library->file);
    if (handle != NULL && strcmp(library->prefix, "nvrtc") == 0) {
        /* It loads its second part by name, but the loader does not search its folder; a library that is already loaded
           is found by name. */
        char origin[PATH_MAX];
        if (dlinfo(handle, RTLD_DI_ORIGIN, origin) == 0)
            load(origin, INT_MAX, ".", "libnvrtc-builtins.so." MAJOR "*", RTLD_GLOBAL);
    }
    __atomic_store_n(&library->handle, handle, __ATOMIC_RELEASE);
    return handle;
}

static void *substitute(const char *name, int (*code)(void)) {
    if (strncmp(name, "cuGetError", 10) == 0) return (void *)driver_error_text;
    if (strcmp(name, "nvrtcGetErrorString") == 0) return (void *)nvrtc_error_text;
    if (strstr(name, "GetStatusName") != NULL || strstr(name, "GetStatusString") != NULL) return (void *)cublas_error_text;
    return (void *)code;
}

/* What cudarc's destructors call, with one to three arguments. After a fault of the device each of these returns its error,
   on which the destructor panics, in the middle of whatever handles the error: the program would abort. There is nothing
   that a release could do about it, and every launch has the same error, so these return none. Other errors remain. */
#define FREES(X) X(cuMemFree_v2) X(cuMemFreeAsync)
#define RELEASES(X)                                                                                                    \
    X(cuStreamDestroy_v2) X(cuEventDestroy_v2) X(cuModuleUnload) X(cuEventRecord) X(cuStreamWaitEvent)                 \
    X(cuDevicePrimaryCtxRelease_v2) X(cuCtxSetCurrent) X(cublasDestroy_v2)
static int unless_lost(int error) {
    int is_lost = error == 46 /* unavailable */ || error == 214 /* uncorrectable memory */ || error >= 700 /* a fault */;
    return is_lost ? 0 : error;
}
#define RELEASE(name)                                                                                                  \
    static int (*real_##name)(void *, void *, void *);                                                                 \
    static int release_##name(void *a, void *b, void *c) { return unless_lost(real_##name(a, b, c)); }
#define FREE(name)                                                                                                     \
    static int (*real_##name)(void *, void *, void *);                                                                 \
    static int release_##name(void *a, void *b, void *c) { return a == NULL ? 0 : unless_lost(real_##name(a, b, c)); }
FREES(FREE)
RELEASES(RELEASE)

/* dfdx allocates 0 bytes to release a tensor, and frees them. */
static int (*real_cuMemAllocAsync)(void **, size_t, void *);
static int allocate(void **pointer, size_t bytes, void *stream) {
    if (bytes != 0) return real_cuMemAllocAsync(pointer, bytes, stream);
    *pointer = NULL;
    return 0;
}

/* What the program calls instead of a function of the libraries. */
static void *wrapped(const char *name, void *function) {
#define WRAP(name_)                                                                                                    \
    if (strcmp(name, #name_) == 0) {                                                                                   \
        __atomic_store_n((void **)&real_##name_, function, __ATOMIC_RELEASE);                                          \
        return (void *)release_##name_;                                                                                  \
    }
    FREES(WRAP)
    RELEASES(WRAP)
    if (strcmp(name, "cuMemAllocAsync") != 0) return function;
    __atomic_store_n((void **)&real_cuMemAllocAsync, function, __ATOMIC_RELEASE);
    return (void *)allocate;
}

/* Several threads may call this at once; each stores the same function. */
HIDDEN void late_find(struct slot *slot) {
    struct library *library = libraries;
    while (strncmp(slot->name, library->prefix, strlen(library->prefix)) != 0) library++;
    void *handle = open_library(library);
    void *function = handle == NULL ? NULL : dlsym(handle, slot->name);
    if (function == NULL) function = substitute(slot->name, handle == NULL ? library->missing : library->lacks);
    if (handle != NULL) function = wrapped(slot->name, function);
    __atomic_store_n(&slot->function, function, __ATOMIC_RELEASE);
}
