/* A slow disk: preloaded, it makes each fsync and fdatasync take 5 ms more. See bench/slow_disk.py. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

static int slowly(const char *name, int file)
{
    int (*really)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    int result = really(file);
    struct timespec rest = {0, 5000000};
    while (nanosleep(&rest, &rest) != 0)
        ;
    return result;
}

int fsync(int file) { return slowly("fsync", file); }
int fdatasync(int file) { return slowly("fdatasync", file); }
