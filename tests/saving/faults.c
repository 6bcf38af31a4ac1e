/* Fault injection: makes the system calls named in FAULTS fail: FAULTS="flock=37 fsync_folder=22". For LD_PRELOAD, by faults.rs. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The error number with which `call` fails, or 0. */
static int fault(const char *call) {
    const char *list = getenv("FAULTS");
    const char *found = list ? strstr(list, call) : NULL;
    return found ? atoi(found + strlen(call) + 1) : 0;
}

#define FAIL_OR(call, name, arguments, type)                                                                           \
    int number = fault(call);                                                                                          \
    if (number) {                                                                                                      \
        errno = number;                                                                                                \
        return -1;                                                                                                     \
    }                                                                                                                  \
    return ((int(*) type)dlsym(RTLD_NEXT, name)) arguments

int flock(int file, int operation) { FAIL_OR("flock", "flock", (file, operation), (int, int)); }

int fsync(int file) {
    struct stat kind;
    int is_folder = fstat(file, &kind) == 0 && S_ISDIR(kind.st_mode);
    FAIL_OR(is_folder ? "fsync_folder" : "fsync_file", "fsync", (file), (int));
}

int fchmod(int file, mode_t mode) { FAIL_OR("fchmod", "fchmod", (file, mode), (int, mode_t)); }

int unlink(const char *path) { FAIL_OR("unlink", "unlink", (path), (const char *)); }
